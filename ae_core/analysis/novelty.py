"""How unusual a picture is to a model: its error and how far its code lies from those of training images.

Both are told as percentiles of the test digits that the model was trained for; of a model that was trained
on some digits alone, how well its error tells the others: the ROC curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ae_core.analysis.vectors import Vectors, find_near
from ae_core.data import DataSet, Mnist, Picture, to_float
from ae_core.model import Autoencoder

TRAINING_CODES = 10_000
"""The training images whose codes a picture's is held against: the first ones of the trained digits."""
TEST_DIGITS = 1000
"""The test images that give the percentiles: the first ones of the trained digits."""
NEAREST = 5
"""The distance is the mean of those to so many nearest codes."""

_CHUNK = 500


@dataclass(frozen=True, eq=False)
class Familiar:
    """What a model knows: the codes of training images, and how usual its test digits are."""

    codes: Vectors
    """Of the training images."""
    indices: Tensor
    """Of these images among all training images, shape (n,)."""
    errors: np.ndarray
    """Of the test digits: mean squared errors, rising."""
    distances: np.ndarray
    """Likewise how far their codes lie from the nearest of the training images."""


class Unusual(NamedTuple):
    """How unusual a picture is."""

    error: float
    """Mean squared error of its reconstruction, clamped to [0, 1]."""
    error_percentile: float
    """The share of the test digits with a smaller one, in percent."""
    distance: float
    """From its code to those of the nearest training images, mean of `NEAREST`."""
    distance_percentile: float
    """The share of the test digits whose codes lie nearer, in percent."""
    nearest: tuple[int, ...]
    """Those training images, the nearest first, by their indices."""


class Detection(NamedTuple):
    """How well the error tells digits that a model was not trained on from those that it was."""

    false_alarms: np.ndarray
    """Shares of the trained digits above a threshold on the error, for falling thresholds."""
    found: np.ndarray
    """Shares of the other digits above it."""
    area: float
    """Under the curve: 1 tells them all apart, 0.5 is chance."""


@torch.inference_mode()
def get_familiar(model: Autoencoder, data: DataSet, classes: Sequence[int] | None) -> Familiar:
    """Encode what a model knows.

    Args:
        data: images of all classes.
        classes: those that it was trained on; None: all.
    Raises:
        DataError: if some are named and the set has no labels.
    """
    train, test = data.images("train"), data.images("test")
    if classes is None:
        chosen = torch.arange(min(TRAINING_CODES, len(train)))
    else:
        chosen = data.labelled("train").are_of(classes).nonzero().flatten()[:TRAINING_CODES]
        test = data.labelled("test").of_digits(classes).images
    known = torch.cat([model.encode(to_float(part)) for part in train[chosen].split(_CHUNK)])
    errors, distances = [], []
    for part in test[:TEST_DIGITS].split(_CHUNK):
        codes, error = _codes_and_errors(model, to_float(part))
        errors.append(error)
        distances.append(_nearest(codes, known).mean(1))
    return Familiar(
        Vectors(known.numpy()),
        chosen,
        np.sort(torch.cat(errors).numpy()),
        np.sort(torch.cat(distances).numpy()),
    )


@torch.inference_mode()
def look_at(model: Autoencoder, familiar: Familiar, x: Picture) -> Unusual:
    """How unusual a picture is to a model."""
    codes, errors = _codes_and_errors(model, x)
    error = errors.item()
    near = find_near(codes[0].numpy(), familiar.codes, NEAREST)
    distance = float(near.distances.mean())
    return Unusual(
        error,
        _percentile(familiar.errors, error),
        distance,
        _percentile(familiar.distances, distance),
        tuple(familiar.indices[torch.from_numpy(near.indices)].tolist()),
    )


@torch.inference_mode()
def detect_others(model: Autoencoder, test: Mnist, digits: Sequence[int]) -> Detection:
    """How well the error tells the test images of other digits from those of these.

    Raises:
        ValueError: if there are no others, or none of these.
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    known = test.are_of(digits)
    if known.all() or not known.any():
        raise ValueError("the test images have to be of digits that the model knows and of others")
    parts = test.images.split(_CHUNK)
    errors = torch.cat([_codes_and_errors(model, to_float(part))[1] for part in parts]).numpy()
    is_other = (~known).numpy()
    false_alarms, found, _ = roc_curve(is_other, errors)
    return Detection(false_alarms, found, float(roc_auc_score(is_other, errors)))


def _codes_and_errors(model: Autoencoder, x: Tensor) -> tuple[Tensor, Tensor]:
    """The codes (batch, K) of images, and the mean squared errors (batch,) of their reconstructions."""
    codes, reconstructions = model(x)
    return codes, (reconstructions.clamp(0, 1) - x).square().mean((1, 2, 3))


def _nearest(codes: Tensor, known: Tensor) -> Tensor:
    """Distances (batch, NEAREST) from codes to the nearest known ones."""
    return torch.cdist(codes, known).topk(min(NEAREST, len(known)), largest=False).values


def _percentile(rising: np.ndarray, value: float) -> float:
    return 100 * float(np.searchsorted(rising, value)) / len(rising)
