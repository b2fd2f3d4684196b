"""What the models see, with everything that was computed of it so far."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from ae_core.analysis.inspection import Inspection, Seen, inspect, reconstruct_each
from ae_core.ui.shown import Shown

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
_MOST_KEPT = 64
"""A model in training is another one several times a second, while the picture stays."""


@dataclass(frozen=True, eq=False)
class Sight(Seen):
    """A picture before the models of the page; what they make of it is computed once, whoever asks."""

    _inspections: dict[int, Inspection] = field(default_factory=dict, repr=False)
    """By the models' numbers."""
    _reconstructions: dict[int, np.ndarray] = field(default_factory=dict, repr=False)
    """Likewise the reconstructions alone."""
    _html: dict[Hashable, str] = field(default_factory=dict, repr=False)
    """Parts of the page that show it."""

    def inspect(self, shown: Shown) -> Inspection:
        """The picture under a model."""
        return _kept(
            self._inspections,
            shown.number,
            lambda: inspect(shown.checkpoint.model, self.x, shown.statistics, self.clean),
        )

    def html(self, what: Hashable, draw: Callable[[], str]) -> str:
        """A part of the page that shows the picture, drawn once.

        Args:
            what: tells it from all others; of a model its number.
        """
        return _kept(self._html, what, draw)

    def reconstruct(self, models: Sequence[Shown]) -> list[np.ndarray]:
        """What each model makes of the picture, shape (28, 28) each."""
        known = dict(self._reconstructions)
        missing = [shown for shown in models if shown.number not in known]
        pictures = reconstruct_each([shown.checkpoint.model for shown in missing], self.x)
        found = {shown.number: picture for shown, picture in zip(missing, pictures, strict=True)}
        self._reconstructions.update(found)
        _forget_oldest(self._reconstructions)
        known |= found
        return [known[shown.number] for shown in models]


def _kept(known: dict[K, T], key: K, make: Callable[[], T]) -> T:
    # Answers to the hand are made in another thread: what it takes out is made again.
    found = known.get(key)
    if found is None:
        found = known[key] = make()
        _forget_oldest(known)
    return found


def _forget_oldest(known: dict[K, T]) -> None:
    for oldest in list(known)[:-_MOST_KEPT]:
        known.pop(oldest, None)
