"""Runs that can be resumed after their program ended: a folder each, with the state in one file.

A lock tells the runs at work from the interrupted ones: a process holds it and loses it however it ends.
Whoever only looks writes nothing and is in no owner's way; on Windows, which has no shared locks, a look
holds the lock for a moment, for which an owner waits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from secrets import token_hex
from time import monotonic, sleep

import platformdirs
from filelock import FileLock, Timeout

from ae_core.checkpoints import SUFFIX
from ae_core.checkpoints.files import write_whole
from ae_core.checkpoints.film import Film, load_film, save_film
from ae_core.config import Recipe
from ae_core.errors import CheckpointError, RunGoneError, RunInUseError
from ae_core.training.saved_run import SavedRun, load_state, to_bytes

if sys.platform == "win32":
    fcntl = None
else:
    import fcntl

RUNS_VARIABLE = "AUTOENCODER_LAB_RUNS"
"""Environment variable that names another folder for the runs' states."""

_LOCK = "lock"
_PATIENCE_SECONDS = 10.0
"""How long an owner waits for those who only look; each of them holds the lock for microseconds."""


def runs_dir() -> Path:
    """Where states are kept: outside the source, in the user's data folder or where the environment says."""
    named = os.environ.get(RUNS_VARIABLE)
    return Path(named) if named else platformdirs.user_data_path("autoencoder-lab") / "runs"


class RunFolder:
    """One run's folder, locked by this object until it is closed or removed.

    Args:
        make: make the folder where there is none. Else there must be a state, so that a run that has just
            ended is not made anew.
    Raises:
        RunInUseError: if somebody else has locked it.
        RunGoneError: if there is no run, and none is to be made.
        OSError: if the folder cannot be made or locked.
    """

    def __init__(self, path: Path, make: bool = False) -> None:
        self.path = path
        # Not bound to a thread: acquired in one and released in another.
        self._lock = FileLock(path / _LOCK, timeout=0, thread_local=False)
        deadline = monotonic() + _PATIENCE_SECONDS
        while not self._acquire(make):
            # Asked as well, since whoever only looks holds the lock, too, but shared and not for long.
            if _is_owned(path) or monotonic() > deadline:
                raise RunInUseError(f"The run {path.name} goes on in another program or session.")
            sleep(0.005)
        if not make and not self.has_state:
            # Its owner ended it just before, and the lock is a new file in a new folder.
            self._remove_folder()
            raise _gone()
        for left in path.glob(".saving-*"):
            left.unlink(missing_ok=True)

    def _acquire(self, make: bool) -> bool:
        """Try once to lock the folder; false if somebody else has it, or it has just been removed."""
        if not make and not self.has_state:
            raise _gone()
        try:
            if make:
                self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except (Timeout, FileNotFoundError):
            # Not found: its owner has removed the folder between two lines of this.
            return False
        return True

    @classmethod
    def create(cls, recipe: Recipe, directory: Path) -> RunFolder:
        """A new folder for a run of this recipe.

        Raises:
            OSError: if it cannot be made.
        """
        started = datetime.now().strftime("%Y%m%d-%H%M%S")
        name = f"{recipe.model.kind}-{recipe.train.penalty_weight:g}-{started}-{token_hex(2)}"
        return cls(directory / name, make=True)

    @property
    def name(self) -> str:
        """The name by which the run is resumed."""
        return self.path.name

    @property
    def has_state(self) -> bool:
        """Whether there is a state to resume."""
        return _state_path(self.path).exists()

    def save(self, run: SavedRun) -> None:
        """Replace the state.

        Raises:
            OSError: if it cannot be written; the former state is still there.
        """
        write_whole(_state_path(self.path), to_bytes(run))

    def load(self) -> SavedRun:
        """The state as it was saved last.

        Raises:
            CheckpointError: if there is none, or none that can be read.
        """
        return load_run(self.path)

    def save_film(self, film: Film) -> None:
        """Replace the film.

        Raises:
            OSError: if it cannot be written; the former film is still there.
        """
        save_film(film, self._film_path)

    def load_film(self) -> Film:
        """The film as it was saved last.

        Raises:
            CheckpointError: if there is none, or none that can be read.
        """
        return load_film(self._film_path)

    @property
    def _film_path(self) -> Path:
        return self.path / f"film{SUFFIX}"

    def close(self) -> None:
        """Release the lock and leave the run as it is, for somebody to resume."""
        self._lock.release()

    def remove(self) -> None:
        """Remove the run and release the lock.

        Raises:
            OSError: if the state cannot be removed; the lock is released all the same.
        """
        try:
            # The state first: without it a folder is no run, whatever else of it stays.
            _state_path(self.path).unlink(missing_ok=True)
        except OSError:
            self._lock.release()
            raise
        self._remove_folder()

    def _remove_folder(self) -> None:
        """Remove what is in the folder and release the lock.

        The lock's file goes last, while it is held: nobody can lock the folder before it is gone.
        """
        lock = self.path / _LOCK
        with suppress(OSError):
            for left in self.path.iterdir():
                if left != lock:
                    left.unlink(missing_ok=True)
        with suppress(OSError):
            lock.unlink(missing_ok=True)
            self.path.rmdir()
        self._lock.release()
        if fcntl is None:
            # Windows removes no file that is open.
            with suppress(OSError):
                lock.unlink(missing_ok=True)
                self.path.rmdir()


def _gone() -> RunGoneError:
    return RunGoneError("This run is gone: it has ended, or somebody else went on with it or forgot it.")


def _is_owned(folder: Path) -> bool:
    """Whether somebody works on a run; asked without writing anything or taking the run from anybody."""
    if fcntl is None:
        try:
            with FileLock(folder / _LOCK, timeout=0.2):
                return False
        except (Timeout, OSError):
            return True
    try:
        with (folder / _LOCK).open("rb") as lock:
            # An owner holds it exclusively. This one is shared with all who look, and released with the file.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _state_path(folder: Path) -> Path:
    return folder / f"state{SUFFIX}"


def load_run(folder: Path) -> SavedRun:
    """The state in a run's folder.

    Raises:
        CheckpointError: if there is none, or none that can be read.
    """
    return load_state(f"The state of {folder.name}", _state_path(folder))


def interrupted(directory: Path, most: int) -> dict[str, SavedRun]:
    """The runs in a folder that nobody works on, by name, the newest first; what cannot be read is left out.

    Args:
        most: how many at most.
    """
    readable = ((name, run) for name, run in look_at(directory) if isinstance(run, SavedRun))
    return dict(islice(readable, most))


def look_at(directory: Path) -> Iterator[tuple[str, SavedRun | CheckpointError]]:
    """The runs in a folder that nobody works on, the newest first: the state, or why it cannot be read."""
    try:
        paths = sorted(directory.glob(f"*/state{SUFFIX}"), key=_last_change, reverse=True)
    except OSError:
        return
    for path in paths:
        if _is_owned(path.parent):
            continue
        try:
            yield path.parent.name, _load_once(path.parent, _last_change(path))
        except CheckpointError as error:
            # Not there any more: it has ended meanwhile.
            if path.exists():
                yield path.parent.name, error


# Megabytes each, and the page looks at the newest ones whenever it is drawn.
@lru_cache(maxsize=3)
def _load_once(folder: Path, last_change: float) -> SavedRun:  # noqa: ARG001 - part of the key
    return load_run(folder)


def _last_change(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
