"""Training runs in the background: start, watch, stop; each ends with a checkpoint that can be used at once.

A plain thread. The page polls frozen snapshots and never waits for it.
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import Literal

import torch
from torch import Tensor

from ae_core.checkpoints import Checkpoint
from ae_core.config import Recipe
from ae_core.data import load_mnist
from ae_core.errors import RunGoneError, RunInUseError, TrainingDivergedError, explain
from ae_core.jobs import Job
from ae_core.metrics import evaluate, reconstruct
from ae_core.model import Autoencoder, initial_model
from ae_core.states import RunFolder, SavedRun
from ae_core.training import Compute, TrainProgress
from ae_core.turns import Turn

RunState = Literal["waiting", "training", "measuring", "finished", "stopped", "failed"]

GRACE_SECONDS = 60.0
"""A run whose page went away stops after this long, unless the page comes back."""
_PREVIEW_SECONDS = 0.4
_TURN_SECONDS = 0.2
_NICENESS = 10
_GOODBYE_SECONDS = 5.0


class _LeavingError(Exception):
    """The process ends, and a run that still measures with it."""


@dataclass(frozen=True)
class RunSnapshot:
    """A run at one moment."""

    state: RunState
    progress: TrainProgress | None = None
    """The newest report; None before the first."""
    history: tuple[TrainProgress, ...] = ()
    """The reports, oldest first; of a long run every second one, or fourth, and so on."""
    ahead: int = 0
    """While it waits for the device: how many turns of other runs come first."""
    warning: str | None = None
    """A sentence on what is wrong, though the run goes on."""
    measured: float = 0.0
    """Finished share of the measurement on the test set."""
    error: str | None = None
    """A sentence on why the run failed."""
    checkpoint: Checkpoint | None = None
    """The model that the run ended with; None while it runs, or if it failed before the first report."""

    @property
    def running(self) -> bool:
        """Whether the thread still works, or waits for its turn."""
        return self.state in ("waiting", "training", "measuring")


class TrainingRun:
    """One run; its thread starts at once, and trains when the device is free.

    Args:
        recipe: what to train.
        compute: where.
        after: runs that have to end before this one asks for the device.
        turn: a place in the device's queue that this run shares with others; None takes one of its own.
        folder: where to keep its state, so that it can be gone on with after the program ended; the folder is
            removed when the run ends by itself or by `stop`. None keeps nothing.
        resume: how far it is; `recipe` and `compute` are to be those of this.
        grace_seconds: how long to go on once `orphan` was called.
    """

    def __init__(
        self,
        recipe: Recipe,
        compute: Compute,
        after: Iterable[TrainingRun] = (),
        turn: Turn | None = None,
        folder: RunFolder | None = None,
        resume: SavedRun | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self.recipe = recipe
        self.compute = compute
        self._after = tuple(after)
        self._turn = turn or Turn(compute.device.type)
        self._folder = folder
        self._resume = resume
        self._grace_seconds = grace_seconds
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._leave = threading.Event()
        self._orphaned: float | None = None
        self._snapshot = RunSnapshot("waiting")
        self._preview = initial_model(recipe).eval()
        if resume is not None and resume.history:
            self._update(history=resume.history, progress=resume.history[-1])
        if not self._after:
            # Places in the queue are in the order in which runs were asked for, not in that of their threads.
            self._update(ahead=self._turn.ahead())
        self._thread = threading.Thread(target=self._run, daemon=True, name="training")
        self._thread.start()
        _ALL.add(self)

    def snapshot(self) -> RunSnapshot:
        """The run as it is now."""
        with self._lock:
            return self._snapshot

    def stop(self) -> None:
        """Ask the run to end after the current step; what it has learnt is kept."""
        self._stop.set()

    def orphan(self) -> None:
        """Say that nobody watches: the run stops after its grace, unless `adopt` comes first."""
        self._orphaned = monotonic()

    def adopt(self) -> None:
        """Say that somebody watches again."""
        self._orphaned = None

    def wait(self, timeout: float | None = None) -> RunSnapshot:
        """Wait until the thread has ended; for programs without a page."""
        self._thread.join(timeout)
        return self.snapshot()

    def leave(self) -> None:
        """Have the thread end at once, without a model: the process is about to."""
        self._stop.set()
        self._leave.set()

    def forget_state(self) -> None:
        """Remove what a run that ended unwatched has left to go on with: its model has been found."""
        if self._folder is not None:
            with suppress(RunInUseError, RunGoneError, OSError):
                RunFolder(self._folder.path).remove()

    def reconstruct(self, x: Tensor) -> Tensor:
        """What the newest weights make of images (batch, 1, 28, 28), clamped to [0, 1]."""
        with self._lock, torch.inference_mode():
            return reconstruct(self._preview, x)

    def _is_abandoned(self) -> bool:
        orphaned = self._orphaned
        return orphaned is not None and monotonic() - orphaned > self._grace_seconds

    def _is_left_to_others(self) -> bool:
        """Whether its page went away, and whoever comes next can go on with it: nobody waits for figures."""
        return self._folder is not None and self._is_abandoned() and not self._stop.is_set()

    def _should_stop(self) -> bool:
        return self._stop.is_set() or self._is_abandoned()

    def _update(self, **changes: object) -> None:
        with self._lock:
            self._snapshot = replace(self._snapshot, **changes)

    def _run(self) -> None:
        _give_way()
        # A stream of its own lets runs overlap on one CUDA device.
        cuda = self.compute.device.type == "cuda"
        state, error = "failed", None
        try:
            if self._has_its_turn():
                with torch.cuda.stream(torch.cuda.Stream()) if cuda else nullcontext():
                    state, error = self._work()
            else:
                state = "stopped"
        except _LeavingError:
            error = "The program ended before the model was measured."
        except Exception as raised:
            # Whatever happens, the page must not wait for a thread that is gone.
            error = explain(raised)
            if error is None:
                error = f"The run ended early ({type(raised).__name__}): {raised}"
                _log.exception("A training run failed")
        finally:
            # By now nothing refers to the model any more: the next run finds the memory free.
            gc.collect()
            if cuda and error is not None:
                torch.cuda.empty_cache()
            self._turn.leave()
            self._leave_folder()
            self._update(state=state, error=error)

    def _leave_folder(self) -> None:
        """Forget the state of a run that has ended; keep it where only the program did, or nobody watches."""
        if self._folder is None:
            return
        if self._leave.is_set() or self._orphaned is not None:
            self._folder.close()
            return
        try:
            self._folder.remove()
        except OSError as error:
            # It will be offered as interrupted: better than a run that seems to go on for ever.
            _log.warning("The state of %s cannot be removed: %s", self._folder.name, error)

    def _has_its_turn(self) -> bool:
        """Wait for the runs before this one, then for the device; false if this one was stopped meanwhile."""
        for run in self._after:
            while run.snapshot().running and not self._should_stop():
                run.wait(_TURN_SECONDS)
        self._after = ()
        while not self._should_stop() and (ahead := self._turn.ahead()) > 0:
            self._update(ahead=ahead)
            self._stop.wait(_TURN_SECONDS)
        if self._should_stop():
            return False
        self._update(state="training", ahead=0)
        return True

    def _work(self) -> tuple[RunState, str | None]:
        """Train and measure; returns how the run ends, and a sentence if it failed."""
        job = Job(self.recipe, self.compute, self._folder, self._resume)
        model, self._resume = job.model, None
        state: RunState = "finished"
        error = None
        previewed = monotonic()
        reports = job.reports(load_mnist("train").images)
        try:
            for progress in reports:
                self._update(progress=progress, history=job.history, warning=job.warning)
                if monotonic() - previewed > _PREVIEW_SECONDS:
                    self._renew_preview(model)
                    previewed = monotonic()
                if self._should_stop():
                    if progress.step < progress.total_steps:
                        state = "stopped"
                    break
        except TrainingDivergedError as diverged:
            state, error = "failed", str(diverged)
        finally:
            reports.close()
        self._renew_preview(model)
        if self.snapshot().progress is None or self._is_left_to_others():
            return state, error
        self._update(state="measuring")
        metrics = evaluate(model.eval(), load_mnist("test").images, self._measured)
        model = model.to("cpu", memory_format=torch.contiguous_format)
        self._update(checkpoint=Checkpoint(model, self.recipe.model, self.recipe.train, metrics))
        return state, error

    def _measured(self, share: float) -> None:
        if self._leave.is_set():
            raise _LeavingError
        self._update(measured=share)

    def _renew_preview(self, model: Autoencoder) -> None:
        with self._lock:
            self._preview.load_state_dict(model.state_dict())


_log = logging.getLogger(__name__)
_ALL: weakref.WeakSet[TrainingRun] = weakref.WeakSet()


def leave_all(runs: Iterable[TrainingRun]) -> None:
    """Have all of the runs end at once, and wait until they have."""
    going_on = [run for run in runs if run.snapshot().running]
    for run in going_on:
        run.leave()
    for run in going_on:
        run.wait(_GOODBYE_SECONDS)


# A thread that is inside PyTorch while Python shuts down would abort the process.
atexit.register(leave_all, _ALL)


def train_ladder(
    recipe: Recipe,
    weights: Iterable[float],
    compute: Compute,
    new_folder: Callable[[Recipe], RunFolder | None] = lambda _: None,
) -> list[TrainingRun]:
    """One run for each penalty weight: all at once on CUDA, where one leaves most of the device idle; on a
    CPU one after another, where runs of others may come between them.

    Args:
        new_folder: makes the folder of each run's state.
    """
    recipes = [recipe.override(penalty_weight=weight) for weight in weights]
    if compute.device.type == "cpu":
        runs: list[TrainingRun] = []
        for rung in recipes:
            runs.append(TrainingRun(rung, compute, after=runs, folder=new_folder(rung)))
        return runs
    turn = Turn(compute.device.type, len(recipes))
    return [TrainingRun(rung, compute, turn=turn, folder=new_folder(rung)) for rung in recipes]


def _give_way() -> None:
    """Let the page's threads go first: one core stays free, and where a thread has a priority it is lowered.

    As many threads as cores would wait for each other whenever the page computes: measured, that trains
    ten times slower than one thread less.
    """
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
