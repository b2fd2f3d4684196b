"""What is seen of a run in the background, and why one ends early."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from ae_core.analysis.metrics import Metrics
from ae_core.checkpoints import Checkpoint
from ae_core.training.progress import TrainProgress
from ae_core.training.saved_run import SavedRun

RunState = Literal["waiting", "training", "paused", "measuring", "finished", "stopped", "failed"]


class EndReason(Enum):
    """Why a run ends before its last step; it decides what becomes of model and state."""

    STOPPED = "stopped"
    """Somebody wants the model as it is: it is measured, and its state leaves the disk."""
    ABANDONED = "abandoned"
    """Nobody watched for too long: the state is left to whoever comes next; without one, as if stopped."""
    SHUTDOWN = "shutdown"
    """The program ends: nothing more is computed, and the state is left."""


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
    note: str | None = None
    """A sentence on why it stopped by itself."""
    measured: float = 0.0
    """Finished share of the measurement on the test set."""
    error: str | None = None
    """A sentence on why the run failed."""
    checkpoint: Checkpoint[Metrics] | None = None
    """The model that the run ended with; None while it runs, or if it failed before the first report."""
    saved: SavedRun | None = None
    """The state in which it ended, from which it can go on; None while it runs, or if there is none."""

    @property
    def running(self) -> bool:
        """Whether the thread still works, or waits for its turn."""
        return self.state in ("waiting", "training", "paused", "measuring")
