"""What one unit of a code stands for: when it fires, for which digits, and with which other units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ae_core.analysis.codes import ACTIVE_SHARE
from ae_core.analysis.probe import CLASSES
from ae_core.analysis.vectors import Vectors, correlate_one

COMPANIONS = 3
_BINS = 24


class Companion(NamedTuple):
    """Another unit of the same code."""

    unit: int
    correlation: float
    """Of the two activations over the images, in [-1, 1]."""


@dataclass(frozen=True)
class UnitProfile:
    """How a unit answers to a set of images."""

    density: float
    """Share of the images on which it is active."""
    class_means: np.ndarray
    """Its mean activation for each digit, shape (10,)."""
    counts: np.ndarray
    """Images per bin of its activation, shape (bins,)."""
    edges: np.ndarray
    """Of the bins, shape (bins + 1,)."""
    strongest: tuple[int, ...]
    """The images that activate it most, the strongest first, as indices."""
    middle: tuple[int, ...]
    """Those around the median of the images on which it is active."""
    random: tuple[int, ...]
    """Some of the images on which it is active, the same at every call."""
    companions: tuple[Companion, ...]
    """The units that it goes with most, the closest first; none for a unit that never changes."""


def profile_unit(
    codes: Vectors, labels: np.ndarray, max_activation: float, unit: int, examples: int
) -> UnitProfile:
    """Look at one unit over a set of images.

    Args:
        codes: of the images.
        labels: the digit of each image, shape (n,).
        max_activation: of the unit on the test set, by which it is told whether it is active.
        unit: in [0, K).
        examples: of each sort of images, at most.
    """
    values = codes.rows[:, unit]
    active = np.flatnonzero(values > ACTIVE_SHARE * max_activation)
    falling = active[np.argsort(-values[active], kind="stable")]
    first = max(0, (len(falling) - examples) // 2)
    some = np.random.default_rng(unit).permutation(active)[:examples]
    counts, edges = np.histogram(values, bins=_BINS)
    return UnitProfile(
        density=len(active) / len(values),
        class_means=np.array([values[labels == digit].mean() for digit in range(CLASSES)]),
        counts=counts,
        edges=edges,
        strongest=tuple(falling[:examples].tolist()),
        middle=tuple(falling[first : first + examples].tolist()),
        random=tuple(some.tolist()),
        companions=_companions(codes, unit),
    )


def _companions(codes: Vectors, unit: int) -> tuple[Companion, ...]:
    correlations = correlate_one(codes, unit)
    correlations[unit] = 0
    nearest = np.argsort(-np.abs(correlations), kind="stable")[:COMPANIONS]
    return tuple(
        Companion(int(other), float(correlations[other])) for other in nearest if correlations[other]
    )
