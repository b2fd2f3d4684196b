"""A training whose state is kept: what runs of the page, the command line and sweeps have in common."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ae_core.config import Recipe
from ae_core.errors import (
    CheckpointError,
)
from ae_core.model import initial_model
from ae_core.states import RunFolder, SavedRun
from ae_core.training import Compute, TrainProgress, TrainState, train

_LONGEST_HISTORY = 2000

_log = logging.getLogger(__name__)


class Job:
    """A model and the training that it is in.

    Args:
        folder: where to keep the state; None keeps nothing. Of several processes only the first has one.
        resume: how far it is; of the same recipe. On a device of the same type it goes on as if it had never
            been interrupted, on another one with probes of its own.
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
        self._resume = None if resume is None else _for_device(resume, compute)
        self._target = target

    @classmethod
    def resume(
        cls,
        recipe: Recipe,
        compute: Compute,
        folder: RunFolder | None,
        target: str | None = None,
        tell: Callable[[str], object] = _log.warning,
    ) -> Job:
        """Go on from the state that a folder keeps, or begin where it keeps none.

        Args:
            tell: is told a sentence if there is a state and the run starts over all the same: because it is
                damaged, or of another recipe.
        """
        saved = None
        if folder is not None and folder.has_state:
            try:
                saved = folder.load()
            except CheckpointError as error:
                tell(f"{error} The run starts over.")
        if saved is not None and saved.recipe != recipe:
            tell(f"The state of {folder.name} is that of another recipe. The run starts over.")
            saved = None
        return cls(recipe, compute, folder, saved, target)

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


def _for_device(saved: SavedRun, compute: Compute) -> SavedRun:
    """A run's state as a device goes on with it.

    Of the same type: untouched, since not a bit may differ. Of another type: the weights, Adam's moments and
    the order of the images as they are. But the state of the generator of the probes means nothing there, so
    that they are drawn from a new sequence, which the seed and the step decide.
    """
    if saved.compute.device.type == compute.device.type:
        return saved
    state = saved.state
    seed = random.Random(f"{saved.recipe.train.seed} {state.step}").getrandbits(63)
    noise = torch.Generator(compute.device).manual_seed(seed).get_state()
    return replace(saved, state=replace(state, optimizer=state.optimizer | {"noise": noise}))
