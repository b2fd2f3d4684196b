"""Training runs in the background: start, watch, stop; each ends with a checkpoint that can be used at once.

A plain thread. The page polls frozen snapshots and never waits for it.
"""

from __future__ import annotations

import atexit
import gc
import logging
import threading
import weakref
from collections.abc import Iterable
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from time import monotonic
from typing import Any

import torch

from ae_core.config import Change, TrainConfig
from ae_core.errors import RunGoneError, RunInUseError, TrainingDivergedError, explain
from ae_core.training.camera import Camera
from ae_core.training.compute import give_way
from ae_core.training.device_queue import Turn
from ae_core.training.job import Job
from ae_core.training.observer import Observer
from ae_core.training.progress import TrainProgress
from ae_core.training.run_folder import RunFolder
from ae_core.training.run_snapshot import EndReason, RunSnapshot, RunState
from ae_core.training.stopping import StopRule

GRACE_SECONDS = 60.0
"""A run whose page went away stops after this long, unless the page comes back."""
PATIENCE_SECONDS = 30.0
"""A run that is paused for longer lets others have the device."""
_PREVIEW_SECONDS = 0.2
_TURN_SECONDS = 0.2
_GOODBYE_SECONDS = 60.0
"""Far longer than a run takes to see that it shall end, even on a busy machine."""


class _ShutdownError(Exception):
    """The program ends, and a run that still measures with it."""


class TrainingRun:
    """One run; its thread starts at once, and trains when the device is free.

    Args:
        job: what to train, and how far it is. Its state is removed when the run ends by itself or is stopped,
            so that only what was interrupted can be resumed.
        turn: a place in the device's queue that this run shares with others; None takes one of its own.
        grace_seconds: how long to go on once `orphan` was called.
        patience_seconds: how long to keep the device while the run is paused.
        slice_seconds: how long to train before all others in the queue have their turns; None: to the end.
        stop_rule: when to stop by itself.
    """

    def __init__(
        self,
        job: Job,
        turn: Turn | None = None,
        grace_seconds: float = GRACE_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        slice_seconds: float | None = None,
        stop_rule: StopRule | None = None,
    ) -> None:
        self.recipe = job.recipe
        self.compute = job.compute
        self.data = job.data
        self._job: Job | None = job
        self._folder = job.folder
        self._turn = turn or Turn(job.compute.device.type)
        self._grace_seconds = grace_seconds
        self._patience_seconds = patience_seconds
        self._slice_seconds = slice_seconds
        self._stop_rule = stop_rule or StopRule()
        self._lock = threading.Lock()
        self._asked: EndReason | None = None
        self._is_asked = threading.Event()
        self._steering = job.steering
        job.camera = job.camera or Camera(job.recipe)
        self.camera = job.camera
        """Has the film of the run."""
        self._held = threading.Event()
        """Set while somebody wants the run to pause after each step that was asked for."""
        self._released = threading.Event()
        self._awaits_state = False
        """Whether the run ends with its next report, before which it saves its state."""
        self._orphaned: float | None = None
        self._snapshot = RunSnapshot("waiting")
        self.observer = Observer(job.model, job.steps_done, job.data)
        """Looks at the model while it trains."""
        if job.history:
            self._update(history=job.history, progress=job.history[-1])
        # Places in the queue are in the order in which runs were asked for, not in that of their threads.
        self._turn.join()
        self._update(ahead=self._turn.ahead())
        self._thread = threading.Thread(target=self._run, daemon=True, name="training")
        self._thread.start()
        _ALL.add(self)

    def snapshot(self) -> RunSnapshot:
        """The run as it is now."""
        with self._lock:
            return self._snapshot

    def end(self, reason: EndReason) -> None:
        """Ask the run to end after the current step."""
        with self._lock:
            # Nothing is more urgent than the program's end.
            if self._asked is not EndReason.SHUTDOWN:
                self._asked = reason
        self._steering.halt()
        self._is_asked.set()
        self._released.set()

    def change(self, **values: Any) -> None:  # noqa: ANN401 - each setting has a type of its own
        """Change settings from the next step on.

        Raises:
            ValueError: for a value that is not allowed, or a setting that cannot change; it is named.
        """
        self._steering.change(**values)

    @property
    def settings(self) -> TrainConfig:
        """The settings as they are now."""
        return self._steering.settings

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was changed so far, by its steps."""
        return self._steering.config.changes

    @property
    def held(self) -> bool:
        """Whether somebody has paused the run, be it at rest already or still within a step."""
        return self._held.is_set()

    def pause(self) -> None:
        """Hold the run after the current step; its state is saved."""
        self._held.set()
        self._steering.halt()

    def step(self, steps: int | None = None) -> None:
        """Let a paused run take so many steps, or go on to the end of an epoch, and hold it again."""
        progress = self.snapshot().progress
        if progress is None or not self._held.is_set():
            return
        epoch = self._steps_per_epoch(progress)
        self._steering.halt(progress.step + (steps or epoch - progress.step % epoch))
        self._released.set()

    def _steps_per_epoch(self, progress: TrainProgress) -> int:
        # What is wanted by now may not have acted yet. An epoch that has begun counts, wanted or not.
        epochs = self._steering.config.at(progress.step - 1).epochs
        return progress.total_steps // max(epochs, progress.epoch)

    def go_on(self) -> None:
        """Let a paused run go on, as if it had never been held."""
        self._held.clear()
        self._steering.go_on()
        self._released.set()

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

    def forget_state(self) -> None:
        """Remove the state that a run which ended unwatched has left: somebody has its model now."""
        if self._folder is not None:
            with suppress(RunInUseError, RunGoneError, OSError):
                RunFolder(self._folder.path).remove()

    def _end_reason(self) -> EndReason | None:
        """Why the run is to end now; None if it is to go on."""
        orphaned = self._orphaned
        if self._asked is None and orphaned is not None and monotonic() - orphaned > self._grace_seconds:
            return EndReason.ABANDONED
        return self._asked

    def _update(self, **changes: Any) -> None:  # noqa: ANN401 - each field has a type of its own
        with self._lock:
            self._snapshot = replace(self._snapshot, **changes)

    def _run(self) -> None:
        give_way()
        job, self._job = self._job, None
        assert job is not None
        # With a stream of their own, runs overlap on one CUDA device.
        cuda = self.compute.device.type == "cuda"
        state: RunState = "failed"
        error = None
        try:
            if self._wait_for_turn():
                with torch.cuda.stream(torch.cuda.Stream()) if cuda else nullcontext():
                    state, error = self._work(job)
            else:
                state = "stopped"
        except _ShutdownError:
            error = "The program ended before the model was measured."
        except Exception as raised:
            # Whatever happens, the page must not wait for a thread that is gone.
            error = explain(raised)
            if error is None:
                error = f"The run ended early ({type(raised).__name__}): {raised}"
                _log.exception("A training run failed")
        finally:
            self._settle(job)
            # So that nothing refers to the model any more and the next run finds the memory free.
            del job
            gc.collect()
            if cuda and error is not None:
                torch.cuda.empty_cache()
            self._turn.leave()
            self._update(state=state, error=error)

    def _settle(self, job: Job) -> None:
        """Remove the state of a run that has ended; leave it where the program did, or nobody watches."""
        if self._asked is EndReason.SHUTDOWN or self._orphaned is not None:
            job.close()
            return
        try:
            job.forget()
        except OSError as error:
            # It will be offered as interrupted: better than a run that seems never to end.
            _log.warning("The state of a run cannot be removed: %s", error)

    def _wait_for_turn(self) -> bool:
        """Wait for the device; false if this run is to end before."""
        self._wait_in_queue()
        if self._end_reason() is not None:
            return False
        self._began_turn()
        return True

    def _began_turn(self) -> None:
        self._turn_since = monotonic()
        self._update(state="training", ahead=0)

    def _take_turns(self) -> None:
        """Let all others in the queue have their turns, if this one has lasted long enough."""
        if self._slice_seconds is None or monotonic() - self._turn_since < self._slice_seconds:
            return
        self._turn.leave()
        self._turn.come_back()
        self._wait_in_queue()
        self._began_turn()

    def _work(self, job: Job) -> tuple[RunState, str | None]:
        """Train and measure; returns how the run ends, and a sentence if it failed."""
        try:
            state, error = self._train(job), None
        except TrainingDivergedError as diverged:
            state, error = "failed", str(diverged)
            if self.snapshot().progress is None:
                return state, error
            error += f" The weights of step {diverged.good_step} are kept."
        progress = self.snapshot().progress
        self.observer.renew(job.model, 0 if progress is None else progress.step)
        self._update(saved=job.saved)
        reason = self._end_reason()
        if reason is EndReason.SHUTDOWN:
            raise _ShutdownError
        # What somebody can resume need not be measured: nobody waits for the values.
        if not (reason is EndReason.ABANDONED and self._folder is not None):
            self._update(state="measuring")
            self._update(checkpoint=job.checkpoint(self._on_measured))
        return state, error

    def _train(self, job: Job) -> RunState:
        previewed = monotonic()
        with closing(job.train()) as reports:
            for progress in reports:
                self._update(progress=progress, history=job.history, warning=job.warning)
                looked_at = self.observer.is_watched and monotonic() - previewed > _PREVIEW_SECONDS
                if looked_at or self._held.is_set():
                    self.observer.renew(job.model, progress.step)
                    previewed = monotonic()
                if progress.step < progress.total_steps:
                    self._hold()
                    self._take_turns()
                    self._follow_stop_rule(progress)
                    if self._is_to_end(job, progress.step):
                        return "stopped"
        return "finished"

    def _follow_stop_rule(self, progress: TrainProgress) -> None:
        if not self._stop_rule or self._asked is not None:
            return
        self.observer.ask()
        reason = self._stop_rule.reason(self.observer.observations, self._steps_per_epoch(progress))
        if reason is not None:
            self._update(note=reason)
            self.end(EndReason.STOPPED)

    def _is_to_end(self, job: Job, step: int) -> bool:
        """Whether to end after this step; a run that somebody stops ends where its state is saved."""
        reason = self._end_reason()
        saved = job.saved is not None and job.saved.state.step == step
        if reason is EndReason.STOPPED and not saved and not self._awaits_state:
            self._steering.halt()
            self._awaits_state = True
            return False
        return reason is not None

    def _hold(self) -> None:
        """Wait while the run is paused; the device's turn goes to others after a while."""
        if not self._held.is_set() or self._steering.will_halt:
            return
        self._update(state="paused")
        since, has_turn = monotonic(), True
        while self._held.is_set() and not self._steering.will_halt and self._end_reason() is None:
            self._released.wait(_TURN_SECONDS)
            self._released.clear()
            if has_turn and monotonic() - since > self._patience_seconds:
                self._turn.leave()
                has_turn = False
        if not has_turn:
            self._turn.come_back()
            self._wait_in_queue()
        self._began_turn()

    def _wait_in_queue(self) -> None:
        while self._end_reason() is None and (ahead := self._turn.ahead()) > 0:
            self._update(state="waiting", ahead=ahead)
            self._is_asked.wait(_TURN_SECONDS)

    def _on_measured(self, share: float) -> None:
        if self._asked is EndReason.SHUTDOWN:
            raise _ShutdownError
        self._update(measured=share)


_log = logging.getLogger(__name__)
_ALL: weakref.WeakSet[TrainingRun] = weakref.WeakSet()


def end_all(runs: Iterable[TrainingRun]) -> None:
    """Have all of the runs end with the program, and wait until they have."""
    going_on = [run for run in runs if run.snapshot().running]
    for run in going_on:
        run.end(EndReason.SHUTDOWN)
    for run in going_on:
        run.wait(_GOODBYE_SECONDS)


# A thread that is inside PyTorch while Python shuts down would abort the process.
atexit.register(end_all, _ALL)
