"""The units of two models matched one to one: does another start of the same recipe find the same units?

Li, Yosinski, Clune, Lipson and Hopcroft, "Convergent learning", ICLR 2016.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ae_core.analysis.vectors import Vectors, correlate
from ae_core.errors import AnalysisError


@dataclass(frozen=True, eq=False)
class Twins:
    """For each unit of a model its twin in another, such that no two share one."""

    units: np.ndarray
    """Of the other model, shape (K,)."""
    correlations: np.ndarray
    """Of a unit and its twin over the images, shape (K,); 0 where one of them never changes."""

    @property
    def median_correlation(self) -> float:
        """The median over the units."""
        return float(np.median(self.correlations))


def match_units(codes: Vectors, others: Vectors) -> Twins:
    """Match the units such that the sum of the correlations is the largest.

    Args:
        codes, others: of the same images under the two models.
    Raises:
        AnalysisError: if the two codes differ in size.
    """
    from scipy.optimize import linear_sum_assignment

    units, other_units = codes.rows.shape[1], others.rows.shape[1]
    if units != other_units:
        raise AnalysisError(
            f"A code of {units} units has no twins among {other_units}: choose a model of the same kind."
        )
    correlations = correlate(codes, others)
    order, twins = linear_sum_assignment(correlations, maximize=True)
    return Twins(twins, correlations[order, twins])
