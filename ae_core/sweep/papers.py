"""Models of this lab, five seeds each, trained as a sweep and measured as the papers measured theirs.

Covered: the order of autoencoders by what a classifier makes of their code, self-taught learning, how far a
code contracts at which distance, and how many directions it follows. Not covered: the papers' own networks
and their fine-tuning; `findings.CLAIMS` says how the protocols differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.metrics import Metrics
from ae_core.analysis.neighbourhood import contraction_curve, distance_between_examples
from ae_core.analysis.probe import (
    features_of,
    measure_probe,
    standardise,
)
from ae_core.analysis.probe_errors import ALL_LABELS, few_labels
from ae_core.analysis.readers import Readers, percent_wrong
from ae_core.checkpoints.files import read_object, write_whole
from ae_core.config import RECIPES, Recipe, is_number
from ae_core.data import first_test_pictures, load_mnist, to_float
from ae_core.errors import CheckpointError
from ae_core.jacobian import encoder_jacobian, spectrum
from ae_core.model import Autoencoder
from ae_core.sweep.findings import (
    APART,
    DIRECTIONS,
    ERROR_100,
    ERROR_ALL,
    FARTHEST,
    PEAK,
    PLAIN,
    RIGHT_CODE,
    RIGHT_PIXELS,
    RISE,
    VALUES,
    Finding,
)
from ae_core.sweep.grid import Cell

SEEDS = range(5)
RADII = tuple(np.geomspace(0.05, FARTHEST, 14).tolist())
"""Distances at which the contraction ratio is measured."""

_CONTRACTIVE = RECIPES["contractive"]["fast"].override(epochs=1)
_SELF_TAUGHT = "features of 5 to 9"
SUBJECTS: dict[str, Recipe] = {
    PLAIN: _CONTRACTIVE.override(penalty_weight=0.0),
    "denoising, noise 0.3": _CONTRACTIVE.override(penalty_weight=0.0, input_noise=0.3),
    "contractive, 10⁻²": _CONTRACTIVE.override(penalty_weight=1e-2),
    _SELF_TAUGHT: RECIPES["sparse"]["fast"].override(digits="5-9"),
}
"""The models, by the names under which they are reported; each is trained with every seed."""
_KNOWN = range(5)
_CURVE_IMAGES = 200
_SPECTRUM_IMAGES = 50
_LARGE = 0.1
"""Of the first singular value."""
_MOST_BYTES = 2**20


def cells(folder: Path) -> dict[str, list[Cell]]:
    """The cells of every subject, one per seed, in a folder that can be shared."""
    return {
        name: [Cell(recipe.override(seed=seed), folder) for seed in SEEDS]
        for name, recipe in SUBJECTS.items()
    }


def measure(name: str, cell: Cell) -> dict[str, float]:
    """The values of one trained model; measured once, and kept beside it.

    Raises:
        CheckpointError: if the model is missing.
    """
    kept = cell.path.with_suffix(".json")
    with suppress(CheckpointError):
        values = read_object(kept, _MOST_BYTES)
        if all(is_number(value) for value in values.values()):
            return values
    checkpoint = cell.result()
    if checkpoint is None or not isinstance(checkpoint.metrics, Metrics):
        raise CheckpointError(f"{cell.path} is missing or damaged: the same command trains it again.")
    model = checkpoint.model
    values = _self_taught(model) if name == _SELF_TAUGHT else _of_code(model, checkpoint.metrics)
    write_whole(kept, json.dumps(values, allow_nan=False).encode())
    return values


def findings(measured: Mapping[str, Sequence[Mapping[str, float]]]) -> list[Finding]:
    """The findings from the values of every subject's seeds."""
    found = []
    for claim, value in VALUES:
        for name, seeds in measured.items():
            values = [one[value] for one in seeds if value in one]
            if values:
                mean, deviation = float(np.mean(values)), float(np.std(values))
                found.append(Finding(claim, value, name, mean, deviation, len(values)))
    return found


def _of_code(model: Autoencoder, metrics: Metrics) -> dict[str, float]:
    errors = measure_probe(model.encode, load_mnist("train"), load_mnist("test")).errors
    spread = CodeStatistics.from_metrics(metrics).spread
    curve = contraction_curve(model, first_test_pictures(_CURVE_IMAGES), RADII, spread)
    peak = int(np.argmax(curve))
    return {
        ERROR_ALL: errors[ALL_LABELS],
        ERROR_100: errors[few_labels(100)],
        PEAK: RADII[peak],
        RISE: curve[peak] / curve[0],
        APART: distance_between_examples(),
        DIRECTIONS: _large_singular_values(model),
    }


@torch.no_grad()
def _large_singular_values(model: Autoencoder) -> float:
    counts = []
    for x in first_test_pictures(_SPECTRUM_IMAGES).split(1):
        values = spectrum(encoder_jacobian(model, x))[0]
        counts.append(int((values > _LARGE * values[0]).sum()))
    return float(np.mean(counts))


@torch.no_grad()
def _self_taught(model: Autoencoder) -> dict[str, float]:
    known = load_mnist("train").of_digits(_KNOWN)
    half = len(known.labels) // 2
    labels = known.labels.numpy()

    def right(features: Callable[[torch.Tensor], torch.Tensor]) -> float:
        learnt = features_of(features, to_float, known.images[:half])
        mean, scale = standardise(learnt)
        tested = features_of(features, to_float, known.images[half:]).sub_(mean).div_(scale)
        reader: Any = Readers(learnt.numpy(), labels[:half], half // 5).of_all()
        return 100 - percent_wrong(reader.predict(tested.numpy()), labels[half:])

    return {RIGHT_CODE: right(model.encode), RIGHT_PIXELS: right(lambda x: x.flatten(1))}
