"""A training with a state: what the runs of page, command line and sweeps have in common."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace

import torch

from ae_core.analysis.evaluation import evaluate
from ae_core.analysis.metrics import Metrics
from ae_core.checkpoints import Checkpoint
from ae_core.checkpoints.film import Film
from ae_core.checkpoints.history import Row, thinned
from ae_core.config import Recipe
from ae_core.data import MNIST, DataSet
from ae_core.data.dataset import name_of
from ae_core.data.own import open_again
from ae_core.errors import CheckpointError, DataError, TrainingDivergedError
from ae_core.model import initial_model
from ae_core.training.camera import Camera
from ae_core.training.compute import Compute, available_devices, choose_compute
from ae_core.training.loop import train
from ae_core.training.progress import TrainProgress
from ae_core.training.run_folder import RunFolder
from ae_core.training.saved_run import SavedRun
from ae_core.training.state import TrainState
from ae_core.training.steering import Steering

_LONGEST_HISTORY = 2000

_log = logging.getLogger(__name__)


class Job:
    """A model and its training, from the recipe to the checkpoint.

    Args:
        folder: where to keep the state, locked by whoever made the folder; None keeps nothing. Of several
            processes only the first has one.
        saved: the state to resume, of the same recipe. On a device of the same type the training goes on as
            if it had never been interrupted, on another with other random probes.
        target: the file that the model is meant for, kept with the state for whoever resumes it.
        camera: films the training; its film is kept with the state.
        data: the images; None: MNIST.
    Raises:
        DataError: if the recipe is for other images.
    """

    def __init__(
        self,
        recipe: Recipe,
        compute: Compute,
        folder: RunFolder | None = None,
        saved: SavedRun | None = None,
        target: str | None = None,
        camera: Camera | None = None,
        data: DataSet | None = None,
    ) -> None:
        self._recipe = recipe
        self.data = MNIST if data is None else data
        """The set that it trains on, and is measured on."""
        if not self.data.is_of(recipe.train):
            raise DataError(
                f"The recipe is for the set {name_of(recipe.train)}, not for this {self.data.name}: no "
                "model can be "
                "trained on the one and be measured on the other."
            )
        self.steering = Steering(recipe.train)
        """The wheel: for whoever changes settings while it trains, or has it halt."""
        self.compute = compute
        self.folder = folder
        self.model = initial_model(recipe)
        if saved is not None:
            # `train` restores all of the state; until then whoever looks sees how far the model is.
            self.model.load_state_dict(saved.state.weights)
        self.history: tuple[TrainProgress, ...] = saved.history if saved is not None else ()
        """The reports, oldest first; of a long run every second one, or fourth, and so on."""
        self.warning: str | None = None
        """A sentence on why its state could not be kept, as long as that is so."""
        self.steps_done = saved.state.step if saved is not None else 0
        """Steps done when the run was interrupted; 0 for a new one."""
        self._step = self.steps_done
        self._saved = None if saved is None else _adapt_to_device(saved, compute)
        self.saved: SavedRun | None = self._saved
        """The newest state that was saved, be it in memory alone; None before the first."""
        self.target = target
        self.camera = camera
        self._filmed_on_disk: tuple[int, ...] = ()

    @property
    def recipe(self) -> Recipe:
        """The recipe, with what was changed while it trained."""
        return Recipe(self._recipe.model, self.steering.config)

    @classmethod
    def resume(
        cls,
        folder: RunFolder,
        target: str | None = None,
        tell: Callable[[str], object] = _log.warning,
        data: DataSet | None = None,
    ) -> Job:
        """Resume what a folder keeps: its recipe, its state, and its device where that is still there.

        Args:
            target: the file that the model is meant for; None leaves it as it was.
            tell: is told a sentence if the device is another than it began on.
            data: as for `follow`.
        Raises:
            CheckpointError: if there is no state, or none that can be read.
            DataError: if the images are not there any more, or others by now.
        """
        saved = folder.load()
        job = cls.follow(saved, target, folder, data)
        with suppress(CheckpointError):
            frames = folder.load_film().frames
            job.camera = Camera(saved.recipe, [one for one in frames if one.step <= saved.state.step])
        if job.compute.device.type != saved.compute.device.type:
            tell(
                f"{folder.name} began on {saved.compute.device.type}, which is not there now: "
                f"it goes on on {job.compute}, from the same state but with other random probes."
            )
        return job

    @classmethod
    def follow(
        cls,
        saved: SavedRun,
        target: str | None = None,
        folder: RunFolder | None = None,
        data: DataSet | None = None,
    ) -> Job:
        """Resume from a state, in any of the processes that train together.

        Args:
            target: the file that the model is meant for; None leaves it as it was.
            folder: as for `Job`.
            data: the images; None opens those that it began with once more.
        Raises:
            DataError: if they are not there any more, or others by now.
        """
        there = saved.compute.device.type in available_devices()
        compute = saved.compute if there else choose_compute()
        if data is None and saved.recipe.train.data is not None:
            data = open_again(saved.source, saved.recipe.train)
        return cls(saved.recipe, compute, folder, saved, target or saved.target, data=data)

    @classmethod
    def go_on(
        cls,
        saved: SavedRun,
        more_epochs: int = 0,
        folder: RunFolder | None = None,
        film: Film | None = None,
        data: DataSet | None = None,
    ) -> Job:
        """Go on from the state in which a run ended, or train it for more epochs, which is a change.

        Args:
            folder: as for `Job`.
            film: of the run so far, which goes on.
            data: as for `follow`.
        Raises:
            ValueError: if it cannot be trained for so many more epochs.
        """
        if more_epochs:
            step, train = saved.state.step, saved.recipe.train
            changed = train.changed(step, epochs=train.at(step).epochs + more_epochs)
            saved = replace(saved, recipe=Recipe(saved.recipe.model, changed))
        job = cls.follow(saved, folder=folder, data=data)
        if film is not None:
            job.camera = Camera(saved.recipe, film.frames)
        return job

    @classmethod
    def resume_or_start(
        cls,
        recipe: Recipe,
        compute: Compute,
        folder: RunFolder | None,
        target: str | None = None,
        tell: Callable[[str], object] = _log.warning,
        data: DataSet | None = None,
    ) -> Job:
        """Resume from the state that a folder keeps, or begin where it keeps none.

        Args:
            folder, target, data: as for `Job`.
            tell: is told a sentence if there is a state and the run starts over all the same: because it is
                damaged, or of another recipe.
        """
        saved = None
        if folder is not None and folder.has_state:
            try:
                saved = folder.load()
            except CheckpointError as error:
                tell(f"{error} The run starts over.")
            else:
                if saved.recipe != recipe:
                    tell(f"The state of {folder.name} is that of another recipe. The run starts over.")
                    saved = None
        return cls(recipe, compute, folder, saved, target, data=data)

    def train(self) -> Generator[TrainProgress, None, None]:
        """Train on the training images of the recipe's digits, from where the state is.

        Raises:
            TrainingDivergedError: as `loop.train`; the model then has its last good weights.
            DataError: if the images cannot be read.
        """
        saved, self._saved = self._saved, None
        if saved is not None:
            # Sums are rounded differently with another number of threads.
            torch.set_num_threads(min(saved.threads, os.cpu_count() or 1))
        reports = train(
            self.model,
            self.data.training_images(self._recipe.train.chosen_classes),
            self._recipe.train,
            self.compute,
            resume=saved.state if saved is not None else None,
            save=self._save,
            steering=self.steering,
            report_at=self._is_filmed,
        )
        if self._is_filmed(self._step):
            self._film()
        try:
            for progress in reports:
                self._step = progress.step
                if self._is_filmed(progress.step) or progress.step == progress.total_steps:
                    self._film()
                history = (*self.history, progress)
                # A curve needs no more, and memory, file and page stay as small as they are.
                self.history = history[1::2] if len(history) > _LONGEST_HISTORY else history
                yield progress
        except TrainingDivergedError as error:
            self._step = error.good_step
            raise

    def _is_filmed(self, step: int) -> bool:
        return self.camera is not None and self.camera.is_due(step)

    def _film(self) -> None:
        if self.camera is not None:
            self.camera.take(self.model, self._step)

    def checkpoint(self, on_progress: Callable[[float], None] = lambda _: None) -> Checkpoint[Metrics]:
        """Measure the model as it is on the test images; it is the last frame of its film.

        Args:
            on_progress: as for `evaluate`.
        Raises:
            MetricsError: if a value is not finite.
            DataError: if the images cannot be read.
        """
        self._film()
        metrics = evaluate(self.model.eval(), self.data.images("test"), on_progress)
        model = self.model.to("cpu").to(memory_format=torch.contiguous_format)
        rows = [Row(each.step, each.epoch, each.loss, each.mse, each.penalty) for each in self.history]
        return Checkpoint(model, self.recipe.model, self.recipe.train, metrics, thinned(rows))

    def forget(self) -> None:
        """Remove the state: the job has ended.

        Raises:
            OSError: if it cannot be removed; somebody can resume it.
        """
        if self.folder is not None:
            self.folder.remove()

    def close(self) -> None:
        """Leave the state, if it is still there, for somebody to resume."""
        if self.folder is not None:
            self.folder.close()

    def _save(self, state: TrainState) -> None:
        threads = torch.get_num_threads()
        self.saved = SavedRun(
            self.recipe, self.compute, threads, state, self.history, self.target, self.data.source
        )
        if self.folder is None:
            return
        try:
            self.folder.save(self.saved)
        except OSError as error:
            self.warning = (
                f"The state of this run cannot be kept: {error.strerror or error}. The run goes on, but has "
                "to start over if the program ends before it."
            )
        else:
            self.warning = None
        self._save_film(self.folder)

    def _save_film(self, folder: RunFolder) -> None:
        """Keep the film with the state, for whoever resumes the run; a disk that is full ends this alone."""
        film = None if self.camera is None else self.camera.film()
        if self.camera is None or film is None or film.steps == self._filmed_on_disk:
            return
        try:
            folder.save_film(film)
        except OSError as error:
            self.camera.note = (
                f"The film of this run cannot be kept on the disk: {error.strerror or error}. It goes on in "
                "memory, and is lost if the program ends before the run."
            )
        else:
            self.camera.note = None
            self._filmed_on_disk = film.steps


def _adapt_to_device(saved: SavedRun, compute: Compute) -> SavedRun:
    """Make a run's state one that a device can resume.

    For a device of the same type it stays untouched, since not a bit may differ. For another type the
    weights, Adam's moments and the order of the images stay. But the state of the probes' generator means
    nothing there: they are drawn from a new sequence, which the seed and the step decide.
    """
    if saved.compute.device.type == compute.device.type:
        return saved
    state = saved.state
    seed = random.Random(f"{saved.recipe.train.seed} {state.step}").getrandbits(63)
    noise = torch.Generator(compute.device).manual_seed(seed).get_state()
    return replace(saved, state=replace(state, optimizer=state.optimizer | {"noise": noise}))
