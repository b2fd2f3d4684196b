"""The camera of a training: frames of its weights at ever rarer steps, within what the process may keep."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from itertools import count

from ae_core.checkpoints.film import MOST_FRAMES, Film, Frame, frame_of
from ae_core.config import Recipe
from ae_core.model import Autoencoder
from ae_core.training.observer import can_be_shown

GROWTH = 1.25
"""Each frame is so many times as late as the one before: 46 of them reach step 60,000."""
MOST_BYTES = 256 * 1024 * 1024
"""Of all films of the process; the oldest go first."""


class Camera:
    """Films one training.

    Args:
        recipe: what it trains.
        frames: of the same training, up to where it goes on.
    """

    def __init__(self, recipe: Recipe, frames: Sequence[Frame] = ()) -> None:
        self._recipe = recipe
        self._frames = tuple(frames)
        self._next = 0
        if frames:
            self._expect_after(frames[-1].step)
        self._number = next(_numbers)
        self._is_dropped = False
        self.note: str | None = None
        """A sentence on why there is no film, or none on the disk."""
        with _lock:
            _ALL.add(self)

    @property
    def frames(self) -> tuple[Frame, ...]:
        """What was filmed so far, by growing steps."""
        return self._frames

    def film(self) -> Film | None:
        """The film so far; None if there is none."""
        frames = self._frames
        return Film(self._recipe, frames) if frames else None

    def is_due(self, step: int) -> bool:
        """Whether a frame is to be taken after so many steps."""
        return step >= self._next

    def take(self, model: Autoencoder, step: int) -> None:
        """Take a frame, for the training's own thread; it replaces what was filmed from this step on.

        Weights that blow up are left out: nothing of theirs could be shown.
        """
        self._expect_after(step)
        frame = frame_of(model, step) if can_be_shown(model) else None
        if frame is None:
            return
        with _lock:
            # Another training may have had this film dropped.
            if self._is_dropped:
                return
            frames = [*(known for known in self._frames if known.step < step), frame]
            if len(frames) > MOST_FRAMES:
                # The second one: of the first steps there are the most.
                del frames[1]
            self._frames = tuple(frames)
            _keep_within_bounds()

    def drop(self) -> None:
        """Let the film go, for good."""
        self._frames, self._is_dropped = (), True
        self.note = (
            f"The film of this run was dropped: this program keeps {MOST_BYTES // 2**20} MB of films, "
            "the newest ones."
        )

    @property
    def nbytes(self) -> int:
        """What the film takes in memory, in bytes."""
        return sum(frame.nbytes for frame in self._frames)

    def _expect_after(self, step: int) -> None:
        self._next = max(step + 1, round(step * GROWTH))


def _keep_within_bounds() -> None:
    """Drop the oldest films while all of them take too much; for whoever holds the lock."""
    filming = sorted((camera for camera in _ALL if camera.frames), key=lambda camera: camera._number)
    total = sum(camera.nbytes for camera in filming)
    for oldest in filming[:-1]:
        if total <= MOST_BYTES:
            return
        total -= oldest.nbytes
        oldest.drop()


_numbers = count()
_lock = threading.Lock()
_ALL: weakref.WeakSet[Camera] = weakref.WeakSet()
