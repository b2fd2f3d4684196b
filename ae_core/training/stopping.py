"""When a training is to stop by itself, judged by its errors on a few test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ae_core.config import is_count, is_number
from ae_core.training.observer import IMAGES, Observation


@dataclass(frozen=True)
class StopRule:
    """Conditions on the test MSE of the first `observer.IMAGES` test images; the first that holds counts.

    Raises:
        ValueError: for a value that is not allowed.
    """

    below: float | None = None
    """Stop when the test MSE is below this."""
    patience: int | None = None
    """Stop when it has not become better for so many epochs."""

    def __post_init__(self) -> None:
        if self.below is not None and not (is_number(self.below) and self.below > 0):
            raise ValueError(f"the test MSE to stop below must be a number above 0, not {self.below!r}")
        if self.patience is not None and not is_count(self.patience, 1):
            raise ValueError(
                "the epochs without a better test MSE must be a whole number of at least 1, not "
                f"{self.patience!r}"
            )

    def __bool__(self) -> bool:
        return self.below is not None or self.patience is not None

    def reason(self, observations: Sequence[Observation], steps_per_epoch: int) -> str | None:
        """A sentence on why to stop after these observations, by growing steps; None: go on."""
        if not observations:
            return None
        newest = observations[-1]
        on = f"on up to {IMAGES} test images"
        if self.below is not None and newest.test_mse < self.below:
            return f"The test MSE {on} fell below {self.below:g}."
        best = min(observations, key=lambda one: one.test_mse)
        if self.patience is not None and newest.step - best.step >= self.patience * steps_per_epoch:
            epochs = "an epoch" if self.patience == 1 else f"{self.patience} epochs"
            return f"The test MSE {on} had not become better for {epochs}."
        return None
