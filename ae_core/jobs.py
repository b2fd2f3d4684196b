"""A training whose state is kept: what runs of the page, the command line and sweeps have in common."""

from __future__ import annotations

import os
from collections.abc import Iterator

import torch
from torch import Tensor

from ae_core.config import Recipe
from ae_core.data import DataError
from ae_core.files import CheckpointError
from ae_core.metrics import MetricsError
from ae_core.model import initial_model
from ae_core.states import RunFolder, RunGoneError, RunInUseError, SavedRun
from ae_core.training import Compute, TrainingDivergedError, TrainProgress, TrainState, train

_LONGEST_HISTORY = 2000
_SAID = (DataError, MetricsError, CheckpointError, RunInUseError, RunGoneError, TrainingDivergedError)
"""Errors that are sentences already."""


class Job:
    """A model and the training that it is in.

    Args:
        folder: where to keep the state; None keeps nothing. Of several processes only the first has one.
        resume: how far it is; its recipe and compute count then.
        target: the file that the model is meant for, told to who resumes it.
    """

    def __init__(
        self,
        recipe: Recipe,
        compute: Compute,
        folder: RunFolder | None = None,
        resume: SavedRun | None = None,
        target: str | None = None,
    ) -> None:
        self.recipe = recipe
        self.compute = compute
        self.model = initial_model(recipe)
        self.history: tuple[TrainProgress, ...] = resume.history if resume is not None else ()
        """The reports, oldest first; of a long run every second one, or fourth, and so on."""
        self.warning: str | None = None
        """A sentence on why its state could not be kept, as long as that is so."""
        self.steps_done = resume.state.step if resume is not None else 0
        """Of an interrupted run, before it went on."""
        self._folder = folder
        self._resume = resume
        self._target = target

    def reports(self, images: Tensor) -> Iterator[TrainProgress]:
        """Train on uint8 images (n, 1, 28, 28); arguments and errors are those of `train`."""
        resume, self._resume = self._resume, None
        if resume is not None:
            # Sums are rounded differently with another number of threads.
            torch.set_num_threads(min(resume.threads, os.cpu_count() or 1))
        reports = train(
            self.model,
            images,
            self.recipe.train,
            self.compute,
            resume=resume.state if resume is not None else None,
            save=self._save if self._folder is not None else None,
        )
        for progress in reports:
            history = (*self.history, progress)
            # A curve needs no more, and memory, file and page stay as small as they are.
            self.history = history[1::2] if len(history) > _LONGEST_HISTORY else history
            yield progress

    def _save(self, state: TrainState) -> None:
        threads = torch.get_num_threads()
        try:
            self._folder.save(SavedRun(self.recipe, self.compute, threads, state, self.history, self._target))
        except OSError as error:
            self.warning = (
                f"The state of this run cannot be kept: {error.strerror or error}. The run goes on, but has "
                "to start over if the program ends before it."
            )
        else:
            self.warning = None


def expected_failure(error: BaseException) -> str | None:
    """What a failure that no programming can rule out means to a person; None for any other."""
    if isinstance(error, _SAID):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'} cannot be read or written: {error.strerror or error}."
    # The CPU's allocator raises a plain RuntimeError.
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return (
            "There is not enough memory. Choose a smaller batch size, or wait until other programs have "
            "given memory back."
        )
    return None
