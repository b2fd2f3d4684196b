"""Every figure by which a trained model is judged, over the 10,000 test images unless said otherwise.

The names are those of checkpoints, command line and page. Reconstructions are clamped to [0, 1] before they
are judged, because pixels live there. All in float32 (on CUDA, TensorFloat-32 is switched off).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ae_core.data import PIXELS, to_float
from ae_core.jacobian import encoder_jacobian, reconstruction_jacobian
from ae_core.model import Autoencoder
from ae_core.probes import random_signs

Metrics = dict[str, float | int | list[float] | None]
"""Figures by name; None where a figure is undefined (0/0, for a code that never changes)."""


class MetricsError(Exception):
    """A model's figures are not finite numbers."""


ACTIVE_SHARE = 0.1
"""A unit is active above this share of the largest activation it reaches on the test set."""
JACOBIAN_IMAGES = 1000
RECONSTRUCTION_JACOBIAN_IMAGES = 100

_CHUNK = 1000
_JACOBIAN_CHUNK = {"cpu": 4, "cuda": 50}
"""Images whose Jacobians are computed together: those of a few stay in a processor's caches."""


@dataclass(frozen=True)
class CodeStatistics:
    """What must be known of a model's codes on the test set to read the code of a single picture."""

    mean_activation: Tensor
    """rho_hat of each unit, shape (K,)."""
    max_activation: Tensor
    """Largest activation of each unit, shape (K,)."""
    code_variance: float
    """Mean ||h - h_bar||^2."""
    pixel_variance: float
    """Mean ||x - x_bar||^2 of the images behind the codes."""

    @classmethod
    def of(cls, x: Tensor, codes: Tensor) -> CodeStatistics:
        """The statistics of images (n, 1, 28, 28) in [0, 1] and their codes (n, K)."""
        return cls(codes.mean(0), codes.amax(0), _variance(codes), _variance(x.flatten(1)))

    @classmethod
    def from_metrics(cls, metrics: Metrics) -> CodeStatistics:
        """The statistics as `evaluate` reports them."""
        return cls(
            torch.tensor(metrics["mean_activation"]),
            torch.tensor(metrics["max_activation"]),
            metrics["code_variance"],
            metrics["pixel_variance"],
        )

    def relative_sensitivity(self, jacobian_sq_norm: float) -> float | None:
        """Code energy moved by pixel noise as strong as the data, over the code's own variance.

            ||J||_F^2 * (mean ||x - x_bar||^2 / D) / mean ||h - h_bar||^2

        Unchanged when the code is rescaled. None for a code that never changes.
        """
        if self.code_variance == 0:
            return None
        return jacobian_sq_norm * (self.pixel_variance / PIXELS) / self.code_variance


def _variance(rows: Tensor) -> float:
    return (rows - rows.mean(0)).square().sum(1).mean().item()


def active_units(code: Tensor, max_activation: Tensor) -> Tensor:
    """Which units are active: h_j > 0.1 * max over test images of h_j; (..., K) bool."""
    return code > ACTIVE_SHARE * max_activation


def l0(code: Tensor, max_activation: Tensor) -> float:
    """Mean number of active units an image, of codes (batch, K)."""
    return active_units(code, max_activation).sum(-1).float().mean().item()


def dead_units(max_activation: Tensor) -> int:
    """Units whose largest activation is below a tenth of the largest of any unit; all, if none ever fires."""
    silent = (max_activation < ACTIVE_SHARE * max_activation.max()) | (max_activation <= 0)
    return int(silent.sum())


def hoyer(code: Tensor) -> float:
    """Mean of (sqrt(K) - ||h||_1 / ||h||_2) / (sqrt(K) - 1): 0 = all equal, 1 = one unit; 0 for a zero code.

    Hoyer, "Non-negative matrix factorization with sparseness constraints", JMLR 2004.
    """
    root = math.sqrt(code.shape[-1])
    norm1 = torch.linalg.vector_norm(code, 1, dim=-1)
    norm2 = torch.linalg.vector_norm(code, 2, dim=-1)
    ratio = torch.where(norm2 > 0, norm1 / norm2, root)
    return ((root - ratio) / (root - 1)).mean().item()


def activation_density(codes: Tensor, max_activation: Tensor) -> Tensor:
    """The share of images on which each unit is active; (images, K) to (K,)."""
    return active_units(codes, max_activation).float().mean(0)


def reconstruct(model: Autoencoder, x: Tensor) -> Tensor:
    """The reconstruction as it is shown and judged: clamped to [0, 1]."""
    return model(x).reconstruction.clamp(0, 1)


def contraction_curve(
    model: Autoencoder, x: Tensor, radii: list[float], generator: torch.Generator | None = None
) -> list[float]:
    """How far the code moves, a unit of distance, when the picture moves by r in a random direction.

    For each radius: root mean square over images of ||h(x + r u) - h(x)|| / r, one random unit direction u an
    image. As r goes to 0 its square tends to the mean of ||J||_F^2 / D.

    Args:
        x: images, shape (batch, 1, 28, 28).
        radii: distances in pixel intensity, above 0.
    """
    signs = random_signs(tuple(x.shape), x, generator)
    unit = signs / math.sqrt(PIXELS)
    with torch.no_grad():
        code = model.encode(x)
        moved = [(model.encode(x + radius * unit) - code).square().sum(1).mean().sqrt() for radius in radii]
    return [(distance / radius).item() for distance, radius in zip(moved, radii, strict=True)]


@torch.no_grad()
def evaluate(
    model: Autoencoder, test_images: Tensor, on_progress: Callable[[float], None] = lambda _: None
) -> Metrics:
    """All figures of a model, in the form that a checkpoint stores.

    Args:
        test_images: uint8 images, shape (images, 1, 28, 28), on any device.
        on_progress: is told the finished share in [0, 1]; may raise to give up.
    Raises:
        MetricsError: if a figure is beyond float32, as with weights that blew up.
    """
    device = next(model.parameters()).device
    x = to_float(test_images.to(device))
    with _full_precision():
        codes, test_mse = _codes_and_mse(model, x)
        statistics = CodeStatistics.of(x, codes)
        encoder_images = x[:JACOBIAN_IMAGES]
        decoder_images = x[:RECONSTRUCTION_JACOBIAN_IMAGES]
        # One reconstruction's Jacobian takes about as long as three of the encoder's.
        share = len(encoder_images) / (len(encoder_images) + 3 * len(decoder_images))
        jacobian_sq_norm = _mean_sq_norm(
            encoder_jacobian, model, encoder_images, lambda done: on_progress(share * done)
        )
        reconstruction_jacobian_sq_norm = _mean_sq_norm(
            reconstruction_jacobian,
            model,
            decoder_images,
            lambda done: on_progress(share + (1 - share) * done),
        )
    metrics: Metrics = {
        "test_mse": test_mse,
        "jacobian_sq_norm": jacobian_sq_norm,
        "relative_sensitivity": statistics.relative_sensitivity(jacobian_sq_norm),
        "reconstruction_jacobian_sq_norm": reconstruction_jacobian_sq_norm,
        "l0": l0(codes, statistics.max_activation),
        "dead_units": dead_units(statistics.max_activation),
        "hoyer": hoyer(codes),
        "code_variance": statistics.code_variance,
        "pixel_variance": statistics.pixel_variance,
        "mean_activation": statistics.mean_activation.tolist(),
        "max_activation": statistics.max_activation.tolist(),
    }
    for name, value in metrics.items():
        if value is not None and not np.isfinite(value).all():
            raise MetricsError(
                f"The model's {name} is not a finite number: its weights blew up. "
                "Train it with a smaller learning rate or penalty weight."
            )
    return metrics


@torch.no_grad()
def evaluate_codes(model: Autoencoder, test_images: Tensor) -> tuple[CodeStatistics, float]:
    """The codes' statistics and test_mse alone, which take a second; arguments as for `evaluate`."""
    x = to_float(test_images.to(next(model.parameters()).device))
    with _full_precision():
        codes, test_mse = _codes_and_mse(model, x)
    return CodeStatistics.of(x, codes), test_mse


def _codes_and_mse(model: Autoencoder, x: Tensor) -> tuple[Tensor, float]:
    codes, squared_error = [], 0.0
    for chunk in x.split(_CHUNK):
        code, reconstruction = model(chunk)
        codes.append(code)
        squared_error += (reconstruction.clamp(0, 1) - chunk).square().sum().item()
    return torch.cat(codes), squared_error / x.numel()


def _mean_sq_norm(
    jacobian: Callable[[Autoencoder, Tensor], Tensor],
    model: Autoencoder,
    x: Tensor,
    on_progress: Callable[[float], None],
) -> float:
    total, done = 0.0, 0
    for chunk in x.split(_JACOBIAN_CHUNK[x.device.type]):
        total += jacobian(model, chunk).square().sum().item()
        done += len(chunk)
        on_progress(done / len(x))
    return total / len(x)


@contextmanager
def _full_precision() -> Iterator[None]:
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
