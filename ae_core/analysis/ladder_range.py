"""Where a value lies among those of a whole ladder: the fixed axes of gauges and the strength of maps.

The values of a ladder's models span orders of magnitude, so that on a scale of its own each model's map looks
like every other's. The axes here are the same for all models and all drawings: logarithmic, whole decades
around what the ladder's models have on the test set.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ae_core.analysis.metrics import Metrics
from ae_core.analysis.notation import power_notation


class LogRange(NamedTuple):
    """A logarithmic axis from a power of ten to another."""

    lowest: float
    highest: float

    @classmethod
    def around(cls, values: Iterable[float]) -> LogRange:
        """Whole decades around the values above 0; a single decade if there is none."""
        known = [value for value in values if 0 < value < math.inf]
        low = math.floor(math.log10(min(known, default=0.1)))
        high = math.ceil(math.log10(max(known, default=1.0)))
        return cls(10.0**low, 10.0 ** max(high, low + 1))

    @property
    def ends(self) -> tuple[str, str]:
        """How the ends are written."""
        low, high = (
            power_notation(end) if math.log10(end).is_integer() else f"{end:g}"
            for end in (self.lowest, self.highest)
        )
        return low, high

    def share(self, value: float) -> float:
        """Where a value lies on the axis, in [0, 1]; what lies beyond an end, 0 included, is at that end."""
        if value <= self.lowest:
            return 0.0
        if value >= self.highest:
            return 1.0
        return math.log(value / self.lowest) / math.log(self.highest / self.lowest)


@dataclass(frozen=True)
class LadderRange:
    """The axes of a ladder's values."""

    mse: LogRange
    """Of a picture, clean or noisy."""
    code_sq_norm: LogRange
    """||h||^2."""
    jacobian_sq_norm: LogRange
    """||J||_F^2."""
    active_units: LogRange

    @classmethod
    def of(cls, metrics: Sequence[Metrics]) -> LadderRange:
        """The axes around what models of one kind have on the test set."""
        jacobians = [each.jacobians for each in metrics if each.jacobians is not None]
        units = max((len(each.mean_activation) for each in metrics), default=1)
        return cls(
            mse=LogRange.around(
                value for each in metrics for value in (each.test_mse, *each.denoising_mse.values())
            ),
            # E||h||^2 = E||h - h_bar||^2 + ||h_bar||^2.
            code_sq_norm=LogRange.around(
                each.code_variance + sum(mean**2 for mean in each.mean_activation) for each in metrics
            ),
            jacobian_sq_norm=LogRange.around(each.jacobian_sq_norm for each in jacobians),
            active_units=LogRange(1.0, float(units)),
        )
