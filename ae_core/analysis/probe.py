"""What a code is good for: how well a linear reader tells the digits by it.

The reader is a multinomial logistic regression (scikit-learn) on the frozen code, each unit standardised over
the training images. How strongly it is regularised is chosen on training images that are held out; no test
image and no test label has a part in its weights. Deterministic: the same model gives the same reader.

Covered: any features of images, a model's code among them, with all labels, 1,000 and 100 of them; noise
and shifts that the reader was not trained on. Not covered: fine-tuning of the encoder, other readers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ae_core.analysis.corruption import add_noise
from ae_core.analysis.probe_errors import (
    ALL_LABELS,
    DRAWS,
    FEW_LABELS,
    PROBE_NOISES,
    SHIFTS,
    deviation,
    few_labels,
    noisy,
    shifted,
)
from ae_core.analysis.readers import LAST_FACTOR, PENALTIES, Readers, iterations_for, percent_wrong
from ae_core.data import Mnist, to_float
from ae_core.errors import ProbeError

CLASSES = 10
"""Of MNIST."""

_HELD_OUT = 10_000
"""The last training images, on which the regularisation is chosen; the draws are from the others."""
_HELD_OUT_SHARE = 4
"""Of few training images only one in so many is held out."""
_ITERATION_WORK = 1 / 80
"""Of an iteration on an image, in images encoded: between the two kinds."""
_ROUNDING = 1e-6
_DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))
"""Of shifts, as (down, right)."""
_CHUNK = 256
"""Images encoded together: those of a few stay in a processor's caches; a multiple of four for the shifts."""

Features = Callable[[Tensor], Tensor]
"""From images (batch, 1, 28, 28) in [0, 1] to features (batch, K): a model's `encode`, for one."""
Advance = Callable[[float], None]
"""Is told the share of the work that is done, in [0, 1]; may raise to give up."""


@dataclass(frozen=True)
class LinearReader:
    """A logistic regression on standardised features."""

    mean: Tensor
    """Of each feature over the training images, shape (K,)."""
    scale: Tensor
    """The standard deviation likewise; 1 for a feature that never changes."""
    weight: Tensor
    """Shape (classes, K)."""
    bias: Tensor
    """Shape (classes,)."""

    @torch.no_grad()
    def probabilities(self, features: Tensor) -> Tensor:
        """What images are taken for, by their features: (batch, K) to (batch, classes); each row adds up
        to 1."""
        standardised = (features - self.mean) / self.scale
        return torch.softmax(standardised @ self.weight.T + self.bias, dim=1)


@dataclass(frozen=True)
class Probe:
    """A reader of a code, and how often it errs."""

    reader: LinearReader
    """Trained on all labels."""
    errors: Mapping[str, float]
    """Test errors in percent, by the names `probe_errors.ERRORS`; those of few labels only where there
    are more."""
    read_as: Tensor
    """The class that the reader takes each test image for, uint8, shape (images,)."""


@torch.no_grad()
def measure_probe(
    features: Features,
    train: Mnist,
    test: Mnist,
    advance: Advance = lambda _: None,
    classes: int = CLASSES,
) -> Probe:
    """Train readers of features on labelled images, and count their errors on test images.

    Args:
        advance: is told how far it is.
        classes: how many there are: labels are below.
    Raises:
        ProbeError: if images and labels do not belong together, a class is missing among the training labels,
            or the features tell nothing: they are the same for every image, or not finite.
    """
    held_out = min(_HELD_OUT, len(train.images) // _HELD_OUT_SHARE)
    _check(train, test, held_out, classes)
    few = [count for count in FEW_LABELS if count <= len(train.images) - held_out]
    units = features(to_float(train.images[:1])).shape[1]
    bar = _Bar(len(train.images), len(test.images), held_out, few, iterations_for(units), advance)
    x = features_of(features, to_float, train.images, bar.encoded)
    mean, scale = standardise(x)

    def seen(change: Callable[[Tensor], Tensor]) -> np.ndarray:
        moved = features_of(features, change, test.images, bar.encoded)
        return moved.sub_(mean).div_(scale).numpy()

    labels, truth = train.labels.numpy(), test.labels.numpy()
    readers = Readers(x.numpy(), labels, held_out, bar.read)
    whole = readers.of_all()
    clean = seen(to_float)
    read_as = whole.predict(clean)
    errors = {ALL_LABELS: percent_wrong(read_as, truth)}
    for count in few:
        found = [percent_wrong(reader.predict(clean), truth) for reader in readers.of_few(count)]
        errors[few_labels(count)] = float(np.mean(found))
        errors[deviation(count)] = float(np.std(found))
    for noise in PROBE_NOISES:
        errors[noisy(noise)] = percent_wrong(whole.predict(seen(_noise(noise))), truth)
    for pixels in SHIFTS:
        errors[shifted(pixels)] = percent_wrong(whole.predict(seen(_shift(pixels))), truth)
    reader = LinearReader(mean, scale, *_weights(whole))
    advance(1.0)
    return Probe(reader, errors, torch.from_numpy(read_as).to(torch.uint8))


def _weights(reader: Any) -> tuple[Tensor, Tensor]:  # noqa: ANN401 - scikit-learn has no types
    """Weights (classes, K) and biases (classes,) of a reader; of two classes scikit-learn keeps one row."""
    weight, bias = torch.from_numpy(reader.coef_).float(), torch.from_numpy(reader.intercept_).float()
    if len(weight) == 1:
        weight, bias = F.pad(weight, (0, 0, 1, 0)), F.pad(bias, (1, 0))
    return weight, bias


class _Bar:
    """Tells how far a probe is, in images encoded; an iteration of L-BFGS takes part of that per image."""

    def __init__(
        self, train: int, test: int, held_out: int, few: Sequence[int], iterations: int, advance: Advance
    ) -> None:
        tried = train - held_out + DRAWS * sum(few)
        fitted = iterations * (len(PENALTIES) * tried + LAST_FACTOR * train)
        encoded = train + test * (1 + len(PROBE_NOISES) + len(SHIFTS))
        self._total = encoded + fitted * _ITERATION_WORK
        self._done = 0.0
        self._advance = advance

    def encoded(self, images: float) -> None:
        """Say that so many more images are encoded."""
        self._done += images
        self._advance(min(self._done / self._total, 1.0))

    def read(self, images: int) -> None:
        """Say that a reader did an iteration on so many images."""
        self.encoded(images * _ITERATION_WORK)


def features_of(
    features: Features,
    prepare: Callable[[Tensor], Tensor],
    images: Tensor,
    on_encoded: Callable[[float], None] = lambda _: None,
) -> Tensor:
    """The features of uint8 images, float32 (images, K)."""
    whole: Tensor | None = None
    for first in range(0, len(images), _CHUNK):
        part = features(prepare(images[first : first + _CHUNK])).float()
        if whole is None:
            # In one piece from the start: the training images' codes take 280 MB.
            whole = torch.empty(len(images), part.shape[1])
        whole[first : first + _CHUNK] = part
        on_encoded(len(part))
    assert whole is not None, "there are images"
    return whole


def standardise(x: Tensor) -> tuple[Tensor, Tensor]:
    """Subtract the mean and divide by the standard deviation, in place; returns both, each of shape (K,).

    Raises:
        ProbeError: if no feature changes, or one is not finite.
    """
    spread, mean = torch.std_mean(x, dim=0, correction=0)
    if not (spread.isfinite().all() and mean.isfinite().all()):
        raise ProbeError("The code holds numbers that are not finite: its model blew up, and tells nothing.")
    # What rounding alone makes of a feature that never changes.
    changes = spread > _ROUNDING * mean.abs().clamp(min=spread.max().item())
    if not changes.any() or spread.max() == 0:
        raise ProbeError("The code is the same for every image: there is nothing to read in it.")
    scale = torch.where(changes, spread, 1.0)
    x.sub_(mean).div_(scale)
    return mean, scale


def _noise(standard_deviation: float) -> Callable[[Tensor], Tensor]:
    generator = torch.Generator().manual_seed(0)
    return lambda images: add_noise(to_float(images), standard_deviation, generator)


def _shift(pixels: int) -> Callable[[Tensor], Tensor]:
    def shifted_images(images: Tensor) -> Tensor:
        x = F.pad(to_float(images), [pixels] * 4)
        size = images.shape[-1]
        moved = torch.empty_like(images, dtype=torch.float32)
        for place, (down, right) in enumerate(_DIRECTIONS):
            top, left = pixels * (1 - down), pixels * (1 - right)
            moved[place :: len(_DIRECTIONS)] = x[
                place :: len(_DIRECTIONS), :, top : top + size, left : left + size
            ]
        return moved

    return shifted_images


def _check(train: Mnist, test: Mnist, held_out: int, classes: int) -> None:
    for what, split in (("training", train), ("test", test)):
        if len(split.images) != len(split.labels) or len(split.images) == 0:
            raise ProbeError(
                f"There are {len(split.images):,} {what} images and {len(split.labels):,} labels: a probe "
                "needs one label for each of at least one image."
            )
    if classes < 2:
        raise ProbeError("A probe tells classes apart: this set has one alone.")
    missing = sorted(set(range(classes)) - set(train.labels[: len(train.labels) - held_out].tolist()))
    if missing:
        raise ProbeError(
            f"A probe tells all {'ten digits' if classes == CLASSES else f'{classes} classes'} apart, "
            "but the "
            f"training images, apart from the last {held_out:,}, hold no "
            f"{' and no '.join(map(str, missing))}: choose others."
        )
