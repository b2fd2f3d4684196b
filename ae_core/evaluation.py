"""Measuring a model: every value of `metrics.py`, over the 10,000 test images unless said otherwise there.

Reconstructions are clamped to [0, 1] before they are judged, because pixels live there. All in float32, also
on CUDA (see `model.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ae_core.codes import CodeStatistics, active_units, code_shift, dead_units, hoyer, l0
from ae_core.corruption import add_noise
from ae_core.data import to_float
from ae_core.errors import MetricsError
from ae_core.jacobian import encoder_jacobian, reconstruction_jacobian
from ae_core.metrics import NOISES, JacobianMetrics, Metrics
from ae_core.model import Autoencoder

JACOBIAN_IMAGES = 1000
NOISE_IMAGES = 1000
RECONSTRUCTION_JACOBIAN_IMAGES = 100

_CHUNK = 1000
_JACOBIAN_CHUNK = {"cpu": 4, "cuda": 50}
"""Images whose Jacobians are computed together: those of a few stay in a processor's caches."""


def reconstruct(model: Autoencoder, x: Tensor) -> Tensor:
    """The reconstruction as it is shown and judged: clamped to [0, 1]."""
    return model(x).reconstruction.clamp(0, 1)


@torch.no_grad()
def evaluate(
    model: Autoencoder, test_images: Tensor, on_progress: Callable[[float], None] = lambda _: None
) -> Metrics:
    """All values of a model, those of its Jacobians included.

    Args:
        test_images: uint8 images, shape (images, 1, 28, 28), on any device.
        on_progress: is told the finished share in [0, 1]; may raise to give up.
    Raises:
        MetricsError: if a value is beyond float32, as with weights that blew up.
    """
    device = next(model.parameters()).device
    encoder_images = to_float(test_images[:JACOBIAN_IMAGES].to(device))
    decoder_images = encoder_images[:RECONSTRUCTION_JACOBIAN_IMAGES]
    # One reconstruction's Jacobian takes about as long as three of the encoder's.
    share = len(encoder_images) / (len(encoder_images) + 3 * len(decoder_images))
    metrics = measure_without_jacobians(model, test_images)
    jacobian_sq_norm = _mean_sq_norm(
        encoder_jacobian, model, encoder_images, lambda done: on_progress(share * done)
    )
    reconstruction_jacobian_sq_norm = _mean_sq_norm(
        reconstruction_jacobian,
        model,
        decoder_images,
        lambda done: on_progress(share + (1 - share) * done),
    )
    metrics = replace(
        metrics,
        jacobians=JacobianMetrics(
            jacobian_sq_norm,
            CodeStatistics.from_metrics(metrics).relative_sensitivity(jacobian_sq_norm),
            reconstruction_jacobian_sq_norm,
        ),
    )
    _check_finite(metrics)
    return metrics


@torch.no_grad()
def measure_without_jacobians(model: Autoencoder, test_images: Tensor) -> Metrics:
    """Those of `evaluate`'s values that need no Jacobian, which take seconds; arguments are the same."""
    x = to_float(test_images.to(next(model.parameters()).device))
    codes, test_mse = _codes_and_mse(model, x, x)
    statistics = CodeStatistics.of(x, codes)
    shifts, errors = _under_noise(model, x[:NOISE_IMAGES], codes[:NOISE_IMAGES], statistics.spread)
    return Metrics(
        test_mse=test_mse,
        code_shift=shifts,
        denoising_mse=errors,
        l0=l0(codes),
        active_units=active_units(codes, statistics.max_activation),
        dead_units=dead_units(codes),
        hoyer=hoyer(codes),
        code_variance=statistics.code_variance,
        pixel_variance=statistics.pixel_variance,
        mean_activation=tuple(statistics.mean_activation.tolist()),
        max_activation=tuple(statistics.max_activation.tolist()),
        jacobians=None,
    )


def _under_noise(
    model: Autoencoder, x: Tensor, codes: Tensor, spread: float
) -> tuple[Mapping[float, float | None], Mapping[float, float]]:
    """How far noise moves the code, and what the model makes of a noisy picture, by each of `NOISES`."""
    shifts, errors = {}, {}
    for noise in NOISES:
        # The same noise for every model, on every device.
        noisy = add_noise(x, noise, torch.Generator().manual_seed(0))
        moved, errors[noise] = _codes_and_mse(model, noisy, x)
        shifts[noise] = code_shift(codes, moved, spread)
    return shifts, errors


def _codes_and_mse(model: Autoencoder, x: Tensor, clean: Tensor) -> tuple[Tensor, float]:
    """The codes of images, and the mean squared error of their reconstructions against the clean ones."""
    codes, squared_error = [], 0.0
    for chunk, target in zip(x.split(_CHUNK), clean.split(_CHUNK), strict=True):
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


def _check_finite(metrics: Metrics) -> None:
    for name, value in metrics.as_dict().items():
        if value is not None and not np.isfinite(value).all():
            raise MetricsError(
                f"The model's {name} is not a finite number: its weights blew up. "
                "Train it with a smaller learning rate or penalty weight."
            )
