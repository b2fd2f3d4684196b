"""Every value by which a trained model is judged, over the 10,000 test images unless said otherwise.

The names are those of checkpoints, command line and page. Reconstructions are clamped to [0, 1] before they
are judged, because pixels live there. All in float32, also on CUDA (see `model.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ae_core.corruption import add_noise
from ae_core.data import PIXELS, to_float
from ae_core.errors import MetricsError
from ae_core.jacobian import encoder_jacobian, reconstruction_jacobian
from ae_core.model import Autoencoder

Metrics = dict[str, float | int | list[float] | None]
"""Values by name; None where a value is undefined (0/0, for a code that never changes)."""


ACTIVE_SHARE = 0.1
"""A unit is active above this share of the largest activation it reaches on the test set."""
DEAD_SHARE = 1e-3
"""A unit is dead whose activation ranges over less than this share of the widest range of any unit."""
JACOBIAN_IMAGES = 1000
NOISE_IMAGES = 1000
RECONSTRUCTION_JACOBIAN_IMAGES = 100
NOISES = (0.1, 0.2, 0.3)
"""Standard deviations of the noise under which a model is measured."""

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

    @property
    def spread(self) -> float:
        """sqrt(mean ||h - h_bar||^2): how far a test image's code lies from the mean code."""
        return math.sqrt(self.code_variance)

    def relative_sensitivity(self, jacobian_sq_norm: float) -> float | None:
        """How far the code moves, to first order, scaled up from small noise to noise as strong as the data.

            ||J||_F^2 * (mean ||x - x_bar||^2 / D) / mean ||h - h_bar||^2

        Unchanged when the code is rescaled. An extrapolation: no code is linear that far, and under real
        noise even the order of two models can be the reverse; `code_shift` measures it. None for a code that
        never changes.
        """
        if self.code_variance == 0:
            return None
        return jacobian_sq_norm * (self.pixel_variance / PIXELS) / self.code_variance


def _variance(rows: Tensor) -> float:
    return (rows - rows.mean(0)).square().sum(1).mean().item()


def is_active(code: Tensor, max_activation: Tensor) -> Tensor:
    """Which units are active: h_j > 0.1 * max over test images of h_j; (..., K) bool."""
    return code > ACTIVE_SHARE * max_activation


def active_units(codes: Tensor, max_activation: Tensor) -> float:
    """Mean number of active units per image, of codes (images, K)."""
    return is_active(codes, max_activation).sum(-1).float().mean().item()


def l0(codes: Tensor) -> float:
    """Mean number of units that are not zero, per image, of codes (images, K)."""
    return codes.count_nonzero(-1).float().mean().item()


def dead_units(codes: Tensor) -> int:
    """Units that hardly change over the images of these codes (images, K); all, if no unit changes.

    A unit is dead if its activation ranges over less than a thousandth of the widest range of any unit.
    """
    ranges = codes.amax(0) - codes.amin(0)
    return int(((ranges < DEAD_SHARE * ranges.max()) | (ranges == 0)).sum())


def hoyer(code: Tensor) -> float:
    """Mean of (sqrt(K) - ||h||_1 / ||h||_2) / (sqrt(K) - 1), in [0, 1], of codes (images, K).

    0: all units equal, or all zero; 1: a single unit. Unchanged when a code is rescaled.

    Hoyer, "Non-negative matrix factorization with sparseness constraints", JMLR 2004.
    """
    root = math.sqrt(code.shape[-1])
    largest = code.abs().amax(-1, keepdim=True)
    # Divided first: squares of very small or large activations leave float32.
    scaled = torch.where(largest > 0, code / largest, 1.0).double()
    norm1 = torch.linalg.vector_norm(scaled, 1, dim=-1)
    norm2 = torch.linalg.vector_norm(scaled, 2, dim=-1)
    return ((root - norm1 / norm2) / (root - 1)).clamp(0, 1).mean().item()


def activation_density(codes: Tensor, max_activation: Tensor) -> Tensor:
    """The share of images on which each unit is active; (images, K) to (K,)."""
    return is_active(codes, max_activation).float().mean(0)


def reconstruct(model: Autoencoder, x: Tensor) -> Tensor:
    """The reconstruction as it is shown and judged: clamped to [0, 1]."""
    return model(x).reconstruction.clamp(0, 1)


def code_shift(codes: Tensor, moved: Tensor, spread: float) -> float | None:
    """Root mean square of ||h(x') - h(x)||, over the spread of the code; codes have shape (images, K).

    1 is as far as a test image's code lies from the mean code. Unchanged when the code is rescaled. None for
    a code that never changes.
    """
    if spread == 0:
        return None
    return (moved - codes).square().sum(1).mean().sqrt().item() / spread


@torch.no_grad()
def evaluate(
    model: Autoencoder, test_images: Tensor, on_progress: Callable[[float], None] = lambda _: None
) -> Metrics:
    """All values of a model, in the form that a checkpoint stores.

    Args:
        test_images: uint8 images, shape (images, 1, 28, 28), on any device.
        on_progress: is told the finished share in [0, 1]; may raise to give up.
    Raises:
        MetricsError: if a value is beyond float32, as with weights that blew up.
    """
    metrics = measure_without_jacobians(model, test_images)
    device = next(model.parameters()).device
    encoder_images = to_float(test_images[:JACOBIAN_IMAGES].to(device))
    decoder_images = encoder_images[:RECONSTRUCTION_JACOBIAN_IMAGES]
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
    metrics |= {
        "jacobian_sq_norm": jacobian_sq_norm,
        "relative_sensitivity": CodeStatistics.from_metrics(metrics).relative_sensitivity(jacobian_sq_norm),
        "reconstruction_jacobian_sq_norm": reconstruction_jacobian_sq_norm,
    }
    for name, value in metrics.items():
        if value is not None and not np.isfinite(value).all():
            raise MetricsError(
                f"The model's {name} is not a finite number: its weights blew up. "
                "Train it with a smaller learning rate or penalty weight."
            )
    return metrics


@torch.no_grad()
def measure_without_jacobians(model: Autoencoder, test_images: Tensor) -> Metrics:
    """Those of `evaluate`'s values that need no Jacobian, which take seconds; arguments are the same."""
    x = to_float(test_images.to(next(model.parameters()).device))
    codes, test_mse = _codes_and_mse(model, x)
    statistics = CodeStatistics.of(x, codes)
    return {
        "test_mse": test_mse,
        **_under_noise(model, x[:NOISE_IMAGES], codes[:NOISE_IMAGES], statistics.spread),
        "l0": l0(codes),
        "active_units": active_units(codes, statistics.max_activation),
        "dead_units": dead_units(codes),
        "hoyer": hoyer(codes),
        "code_variance": statistics.code_variance,
        "pixel_variance": statistics.pixel_variance,
        "mean_activation": statistics.mean_activation.tolist(),
        "max_activation": statistics.max_activation.tolist(),
    }


def _under_noise(model: Autoencoder, x: Tensor, codes: Tensor, spread: float) -> Metrics:
    """How far noise moves the code, and what the model makes of a noisy picture, at each of `NOISES`."""
    shifts, errors = {}, {}
    for noise in NOISES:
        # The same noise for every model, on every device.
        noisy = add_noise(x, noise, torch.Generator().manual_seed(0))
        moved, mse = _codes_and_mse(model, noisy, clean=x)
        shifts[f"code_shift_{noise:g}"] = code_shift(codes, moved, spread)
        errors[f"denoising_mse_{noise:g}"] = mse
    return {**shifts, **errors}


def _codes_and_mse(model: Autoencoder, x: Tensor, clean: Tensor | None = None) -> tuple[Tensor, float]:
    """The codes of images, and the mean squared error of their reconstructions against the clean ones."""
    codes, squared_error = [], 0.0
    for chunk, target in zip(x.split(_CHUNK), (x if clean is None else clean).split(_CHUNK), strict=True):
        code, reconstruction = model(chunk)
        codes.append(code)
        squared_error += (reconstruction.clamp(0, 1) - target).square().sum().item()
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
