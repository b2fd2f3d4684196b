"""The wheel of a training: settings that change between two steps, and where it halts.

The loop asks between any two steps; any thread may turn it.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from ae_core.config import STEERABLE, TrainConfig


class Steering:
    """What a training is to do next.

    Args:
        config: what it starts with; its own changes come at their steps.
    """

    def __init__(self, config: TrainConfig) -> None:
        self._lock = threading.Lock()
        self._config = config
        self._wanted: dict[str, Any] = {}
        self._halt_at: int | None = None
        self._settings = config.at(0)
        self._asked_at = -1
        self._next_change = 0.0

    @property
    def config(self) -> TrainConfig:
        """The configuration with all changes that have taken effect, and those that it had from the start."""
        with self._lock:
            return self._config

    @property
    def settings(self) -> TrainConfig:
        """The settings as they are now, those included that the next step will be the first to use."""
        with self._lock:
            return replace(self._settings, **self._wanted)

    def change(self, **values: Any) -> None:  # noqa: ANN401 - each field has a type of its own
        """Change settings from the next step on; all of them or, where one is not allowed, none.

        Raises:
            ValueError: for a value that is not allowed, or a setting that cannot change; it is named.
        """
        for name in values:
            if name not in STEERABLE:
                raise ValueError(f"{name} cannot change while a model trains, only {', '.join(STEERABLE)}")
        with self._lock:
            wanted = self._wanted | values
            # Tried here, so that it is this caller who hears of a mistake.
            self._config.changed(max(self._asked_at, 0), **wanted)
            present = self._settings
            self._wanted = {name: value for name, value in wanted.items() if value != getattr(present, name)}

    def at(self, step: int) -> TrainConfig:
        """The settings of the step after `step` others; the loop's, which asks before every step.

        What was changed since it last asked takes effect, and is recorded at this step.
        """
        with self._lock:
            self._asked_at = step
            if self._wanted:
                self._config = self._config.changed(step, **self._wanted)
                self._wanted = {}
                self._next_change = step
            if step >= self._next_change:
                self._settings = self._config.at(step)
                coming = [change.step for change in self._config.changes if change.step > step]
                self._next_change = min(coming, default=float("inf"))
            return self._settings

    def halt(self, step: int = 0) -> None:
        """Have the training save its state and report after its next step, or after step number `step`."""
        with self._lock:
            self._halt_at = step

    def go_on(self) -> None:
        """Take back a halt that has not come yet."""
        with self._lock:
            self._halt_at = None

    @property
    def will_halt(self) -> bool:
        """Whether a halt is still to come."""
        with self._lock:
            return self._halt_at is not None

    def halts_after(self, step: int) -> bool:
        """Whether to halt after a step; the loop's, which asks once per step."""
        if self._halt_at is None:
            return False
        with self._lock:
            if self._halt_at is None or step < self._halt_at:
                return False
            self._halt_at = None
            return True
