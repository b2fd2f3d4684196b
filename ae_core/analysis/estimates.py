"""Values with their standard errors, and what can be told from them."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

_TIMES_THE_ERROR = 2
"""A value within so many standard errors of a bound is too close to call."""


class Estimate(NamedTuple):
    """A value with its standard error."""

    value: float
    error: float

    def place(self, bounds: tuple[float, ...]) -> tuple[int, ...]:
        """How many of the rising bounds are below the value; every possible answer if too close to call."""
        low, high = (
            sum(end > bound for bound in bounds)
            for end in (
                self.value - _TIMES_THE_ERROR * self.error,
                self.value + _TIMES_THE_ERROR * self.error,
            )
        )
        return tuple(range(low, high + 1))

    def __str__(self) -> str:
        return f"{self.value:.3g} ± {self.error:.1g}" if self.error else f"{self.value:.3g}"


def mean_of(values: Tensor) -> Estimate:
    """The mean of independent draws (n,), and its standard error."""
    values = values.double()
    return Estimate(values.mean().item(), values.std().item() / math.sqrt(len(values)))


def root_mean_square(values: Tensor) -> Estimate:
    """The root mean square of independent draws (n,), and its standard error to first order."""
    squares = values.double().square()
    mean, error = squares.mean().item(), squares.std().item() / math.sqrt(len(squares))
    root = math.sqrt(mean)
    return Estimate(root, error / (2 * root) if root > 0 else 0.0)
