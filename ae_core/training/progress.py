"""How far a training is: its reports, and when one is due."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter

from ae_core.training import distributed

_STEPS_PER_REPORT = 20
"""Where several processes train together."""
_PAUSE_SECONDS = 1.0
"""Whoever deals with a report for longer holds the training: that says nothing about its speed."""


@dataclass(frozen=True)
class TrainProgress:
    """How far a run is. The losses are means over the steps since the report before."""

    epoch: int
    """From 1."""
    step: int
    """Optimisation steps done, of all epochs."""
    total_steps: int
    loss: float
    mse: float
    penalty: float
    """Before it is multiplied by its weight."""
    images_per_second: float
    seconds_left: float

    @property
    def fraction(self) -> float:
        """Finished share in [0, 1]."""
        return self.step / self.total_steps


class Meter:
    """Tells when a report is due, and how fast the training goes.

    Args:
        step: steps done before the run was interrupted; 0 for a new one.
        batch_size: images per step, of all processes together.
        seconds: at least so long between two reports.
    """

    def __init__(self, step: int, steps_per_epoch: int, batch_size: int, seconds: float) -> None:
        self._first_step = self._reported_step = step
        self._steps_per_epoch = steps_per_epoch
        self._batch_size = batch_size
        self._seconds = seconds
        self._started = self._reported = self._told = perf_counter()

    def is_due(self, step: int, total_steps: int) -> bool:
        """Whether to report after a step; always after the last one."""
        if step == total_steps:
            return True
        if distributed.world_size() > 1:
            # A report is a mean over processes, so all report after the same step: their clocks differ.
            return step % _STEPS_PER_REPORT == 0
        return perf_counter() - self._reported >= self._seconds

    def steps_since_report(self, step: int) -> int:
        """How many steps the next report is about."""
        return step - self._reported_step

    def report(self, step: int, total_steps: int, loss: float, mse: float, penalty: float) -> TrainProgress:
        """The report after a step, given the mean losses since the last one."""
        self._told = perf_counter()
        seconds_per_step = (self._told - self._started) / (step - self._first_step)
        return TrainProgress(
            epoch=math.ceil(step / self._steps_per_epoch),
            step=step,
            total_steps=total_steps,
            loss=loss,
            mse=mse,
            penalty=penalty,
            images_per_second=self._batch_size / seconds_per_step,
            seconds_left=(total_steps - step) * seconds_per_step,
        )

    def restart(self, step: int) -> None:
        """Count from this step and from now on, once the report has been dealt with."""
        now = perf_counter()
        if now - self._told > _PAUSE_SECONDS:
            self._started += now - self._told
        self._reported_step, self._reported = step, now
