"""What one unit of a code stands for: when it fires, for which classes, and with which other units."""

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
    """Its mean activation for each class, shape (classes,); none of a set without labels."""
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
    codes: Vectors,
    labels: np.ndarray | None,
    max_activation: float,
    unit: int,
    examples: int,
    classes: int = CLASSES,
) -> UnitProfile:
    """Look at one unit over a set of images.

    Args:
        codes: of the images.
        labels: the class of each image, shape (n,); None in a set without.
        max_activation: of the unit on the test set, by which it is told whether it is active.
        unit: in [0, K).
        examples: of each sort of images, at most.
        classes: how many there are.
    """
    values = codes.rows[:, unit]
    active = np.flatnonzero(values > ACTIVE_SHARE * max_activation)
    falling = active[np.argsort(-values[active], kind="stable")]
    first = max(0, (len(falling) - examples) // 2)
    some = np.random.default_rng(unit).permutation(active)[:examples]
    counts, edges = np.histogram(values, bins=_BINS)
    return UnitProfile(
        density=len(active) / len(values),
        class_means=_means(values, labels, classes),
        counts=counts,
        edges=edges,
        strongest=tuple(falling[:examples].tolist()),
        middle=tuple(falling[first : first + examples].tolist()),
        random=tuple(some.tolist()),
        companions=_companions(codes, unit),
    )


def _means(values: np.ndarray, labels: np.ndarray | None, classes: int) -> np.ndarray:
    """The mean of each class, 0 for one without images; of no class where there are no labels."""
    if labels is None:
        return np.empty(0)
    sums, counts = np.bincount(labels, values, classes), np.bincount(labels, minlength=classes)
    return sums / np.maximum(counts, 1)


def _companions(codes: Vectors, unit: int) -> tuple[Companion, ...]:
    correlations = correlate_one(codes, unit)
    correlations[unit] = 0
    nearest = np.argsort(-np.abs(correlations), kind="stable")[:COMPANIONS]
    return tuple(
        Companion(int(other), float(correlations[other])) for other in nearest if correlations[other]
    )
