"""Sweeps: every combination of a grid, trained once, by any number of processes on any number of machines.

The processes share nothing but a folder. A cell of the grid belongs to whoever holds its lock; a lock goes
with its process, so what a killed one leaves is taken over by the others, from the state it kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import sleep

from ae_core.checkpoints import save_checkpoint
from ae_core.checkpoints.files import write_whole
from ae_core.data import DataSet
from ae_core.errors import RunInUseError, explain
from ae_core.sweep.grid import Cell
from ae_core.training.compute import Compute
from ae_core.training.job import Job
from ae_core.training.run_folder import RunFolder

MOST_ATTEMPTS = 2
"""A cell that crashed is tried once more."""
_LOOK_SECONDS = 1.0
_ATTEMPTS = "attempts.txt"

_log = logging.getLogger(__name__)


def work_on(
    cells: Sequence[Cell],
    compute: Compute,
    rank: int,
    size: int,
    say: Callable[[str], None],
    data: DataSet | None = None,
) -> None:
    """Train cells until none is left, also those that other processes leave.

    Args:
        rank: of this process among `size`: each begins with other cells.
        say: is told, in a sentence, what begins and what ends.
        data: the images of all cells; None: MNIST.
    Raises:
        OSError: if the shared folder cannot be written.
    """
    own = [*cells[rank::size], *(cell for index, cell in enumerate(cells) if index % size != rank)]
    while own:
        # What others hold stays in the list: they may yet be killed.
        own = [cell for cell in own if not _settle(cell, compute, say, data)]
        if own:
            sleep(_LOOK_SECONDS)


def _settle(cell: Cell, compute: Compute, say: Callable[[str], None], data: DataSet | None) -> bool:
    """Train the cell unless somebody has or does; false if it is not known yet how it ends."""
    if cell.result() is not None or cell.problem() is not None:
        return True
    try:
        folder = RunFolder(cell.state_folder, make=True)
    except RunInUseError:
        return False
    try:
        # Between the look and the lock somebody may have finished it.
        if cell.result() is not None:
            folder.remove()
            return True
        return _attempt(cell, folder, compute, say, data)
    finally:
        folder.close()


def _attempt(
    cell: Cell, folder: RunFolder, compute: Compute, say: Callable[[str], None], data: DataSet | None
) -> bool:
    attempts = _attempts(folder)
    if attempts >= MOST_ATTEMPTS:
        # Its process could not say why: it was killed.
        _give_up(cell, f"Its process was killed {attempts} times.", say)
        return True
    # Counted before, so that an attempt counts even if its process does not live to say how it ended.
    write_whole(folder.path / _ATTEMPTS, str(attempts + 1).encode())
    say(f"{cell.name}: {'begins' if attempts == 0 else 'tried once more'}")
    try:
        job = Job.resume_or_start(cell.recipe, compute, folder, str(cell.path), say, data)
        for _ in job.train():
            pass
        checkpoint = job.checkpoint()
        save_checkpoint(checkpoint, cell.path)
    except Exception as error:
        reason = explain(error)
        if reason is None:
            reason = f"{type(error).__name__}: {error}"
            _log.exception("%s crashed", cell.name)
        if attempts + 1 < MOST_ATTEMPTS:
            say(f"{cell.name}: crashed. {reason}")
            return False
        _give_up(cell, reason, say)
        return True
    folder.remove()
    say(f"{cell.name}: done, test MSE {checkpoint.metrics.test_mse:.6f}")
    return True


def _attempts(folder: RunFolder) -> int:
    try:
        return int((folder.path / _ATTEMPTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0


def _give_up(cell: Cell, reason: str, say: Callable[[str], None]) -> None:
    write_whole(cell.problem_path, reason.encode())
    # Its state stays, as after a disk that was full: tried again, it goes on from there.
    (cell.state_folder / _ATTEMPTS).unlink(missing_ok=True)
    say(f"{cell.name}: given up. {reason} Remove {cell.problem_path} to have it tried again.")
