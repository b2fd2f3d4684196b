"""Measuring a model: every value of `metrics.py`, over the 10,000 test images unless said otherwise there.

Reconstructions are clamped to [0, 1] before they are judged, because pixels live there. All in float32, also
on CUDA (see `ae_core.model.autoencoder`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ae_core.analysis.codes import CodeStatistics, active_units, code_shift, dead_units, hoyer, l0
from ae_core.analysis.corruption import add_noise
from ae_core.analysis.metrics import NOISES, JacobianMetrics, Metrics
from ae_core.data import to_float
from ae_core.errors import MetricsError
from ae_core.jacobian import encoder_jacobian, reconstruction_jacobian
from ae_core.model import Autoencoder

JACOBIAN_IMAGES = 1000
NOISE_IMAGES = 1000
RECONSTRUCTION_JACOBIAN_IMAGES = 100

_CHUNK = 1000
_JACOBIAN_CHUNK = {"cpu": 4, "cuda": 50}
"""Images whose Jacobians are computed together: those of a few stay in a processor's caches."""

_JACOBIAN_WORK = 33
_RECONSTRUCTION_JACOBIAN_WORK = 110
"""How many times as long as coding and reconstructing an image its Jacobians take on a CPU: between the two
kinds, of which the contractive one takes 39 and 148, the sparse one 28 and 81."""

Advance = Callable[[int], None]
"""Is told of work just done, in images coded and reconstructed."""


def reconstruct(model: Autoencoder, x: Tensor) -> Tensor:
    """The reconstruction of images (batch, 1, 28, 28) as it is shown and judged: clamped to [0, 1]."""
    return model(x).reconstruction.clamp(0, 1)


@torch.no_grad()
def evaluate(
    model: Autoencoder, test_images: Tensor, on_progress: Callable[[float], None] = lambda _: None
) -> Metrics:
    """All values of a model, those of its Jacobians included.

    Args:
        test_images: uint8 images, shape (images, 1, 28, 28), on any device.
        on_progress: is told the finished share in [0, 1] after every thousand images, and after every few
            Jacobians; may raise to give up.
    Raises:
        MetricsError: if a value is beyond float32, as with weights that blew up.
    """
    device = next(model.parameters()).device
    encoder_images = to_float(test_images[:JACOBIAN_IMAGES].to(device))
    decoder_images = encoder_images[:RECONSTRUCTION_JACOBIAN_IMAGES]
    total = (
        len(test_images)
        + len(NOISES) * len(test_images[:NOISE_IMAGES])
        + _JACOBIAN_WORK * len(encoder_images)
        + _RECONSTRUCTION_JACOBIAN_WORK * len(decoder_images)
    )
    done = 0

    def advance(work: int) -> None:
        nonlocal done
        done += work
        on_progress(done / total)

    metrics = _measure(model, test_images, advance)
    jacobian_sq_norm = _mean_sq_norm(
        encoder_jacobian, model, encoder_images, lambda images: advance(_JACOBIAN_WORK * images)
    )
    reconstruction_jacobian_sq_norm = _mean_sq_norm(
        reconstruction_jacobian,
        model,
        decoder_images,
        lambda images: advance(_RECONSTRUCTION_JACOBIAN_WORK * images),
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
def measure_without_jacobians(
    model: Autoencoder, test_images: Tensor, noises: Sequence[float] = NOISES
) -> Metrics:
    """Those of `evaluate`'s values that need no Jacobian, in seconds; they may be beyond float32.

    Args:
        test_images: uint8 images, shape (images, 1, 28, 28), on any device.
        noises: under which of `NOISES` to measure.
    """
    return _measure(model, test_images, lambda _: None, noises)


def _measure(
    model: Autoencoder, test_images: Tensor, advance: Advance, noises: Sequence[float] = NOISES
) -> Metrics:
    x = to_float(test_images.to(next(model.parameters()).device))
    codes, test_mse = _codes_and_mse(model, x, x, advance)
    statistics = CodeStatistics.of(x, codes)
    shifts, errors = _measure_under_noise(
        model, x[:NOISE_IMAGES], codes[:NOISE_IMAGES], statistics.spread, advance, noises
    )
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


def _measure_under_noise(
    model: Autoencoder, x: Tensor, codes: Tensor, spread: float, advance: Advance, noises: Sequence[float]
) -> tuple[Mapping[float, float | None], Mapping[float, float]]:
    """The code shift and the denoising MSE, by the noise."""
    shifts, errors = {}, {}
    for noise in noises:
        # The same noise for every model, on every device.
        noisy = add_noise(x, noise, torch.Generator().manual_seed(0))
        moved, errors[noise] = _codes_and_mse(model, noisy, x, advance)
        shifts[noise] = code_shift(codes, moved, spread)
    return shifts, errors


def _codes_and_mse(model: Autoencoder, x: Tensor, clean: Tensor, advance: Advance) -> tuple[Tensor, float]:
    """The codes of images, and the mean squared error of their reconstructions against the clean ones."""
    codes, squared_error = [], 0.0
    for chunk, target in zip(x.split(_CHUNK), clean.split(_CHUNK), strict=True):
        code, reconstruction = model(chunk)
        codes.append(code)
        squared_error += (reconstruction.clamp(0, 1) - target).square().sum().item()
        advance(len(chunk))
    return torch.cat(codes), squared_error / x.numel()


def _mean_sq_norm(
    jacobian: Callable[[Autoencoder, Tensor], Tensor], model: Autoencoder, x: Tensor, advance: Advance
) -> float:
    """Mean over images of the squared Frobenius norm; here `advance` is told numbers of images."""
    total = 0.0
    for chunk in x.split(_JACOBIAN_CHUNK[x.device.type]):
        total += jacobian(model, chunk).square().sum().item()
        advance(len(chunk))
    return total / len(x)


def _check_finite(metrics: Metrics) -> None:
    for name, value in metrics.as_dict().items():
        if value is not None and not np.isfinite(value).all():
            raise MetricsError(
                f"The model's {name} is not a finite number: its weights blew up. "
                "Train it with a smaller learning rate or penalty weight."
            )
