"""The two penalties, as pure functions of a batch, and the one place that chooses between them.

Rifai et al., "Contractive Auto-Encoders", ICML 2011; Ng, "Sparse autoencoder", CS294A lecture notes, 2011.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ae_core.config import TrainConfig
from ae_core.convolution import propagate
from ae_core.distributed import Share
from ae_core.model import Autoencoder
from ae_core.probes import encode_with_probes

_SMALLEST_MEAN = 1e-6
"""Mean activations are kept this far from 0 and 1, where the logarithm ends."""


class PenalisedCode(NamedTuple):
    """A code and its penalty, from one pass through the encoder."""

    code: Tensor
    """Shape (batch, ...): the encoder's output."""
    penalty: Tensor
    """Scalar, not yet multiplied by its weight; of a share of a batch, what averages to the batch's."""


def contraction_penalty(
    model: Autoencoder, x: Tensor, probes: int = 1, generator: torch.Generator | None = None
) -> Tensor:
    """Mean squared Frobenius norm of the encoder's Jacobian, estimated with random probes.

        penalty = mean over batch of ||dh/dx||_F^2        (unbiased; variance falls as 1/probes)

    Args:
        model: either kind.
        x: images in [0, 1], shape (batch, 1, 28, 28).
        probes: random directions an image.
        generator: source of the directions, on the device of `x`.
    Returns:
        Scalar, differentiable with respect to the encoder's weights.
    Raises:
        ValueError: if probes < 1.
    Reference: Rifai et al., "Contractive Auto-Encoders", ICML 2011; Hutchinson, 1990.
    """
    return encode_with_probes(model, x, probes, generator).estimates.mean()


def kl_penalty(code: Tensor, sparsity_target: float) -> Tensor:
    """Kullback-Leibler divergence between Bernoulli means rho and rho_hat, summed over units.

        rho_hat_j = mean over batch of h_j
        penalty = sum_j [ rho ln(rho / rho_hat_j) + (1 - rho) ln((1 - rho) / (1 - rho_hat_j)) ]   (nats)

    Args:
        code: activations in [0, 1], shape (batch, K) or (batch, ...).
        sparsity_target: rho, in (0, 1).
    Returns:
        Scalar, differentiable; 0 where every unit's mean is rho.
    Raises:
        ValueError: if sparsity_target is not in (0, 1).
    Reference: Ng, "Sparse autoencoder", CS294A lecture notes, 2011.
    """
    if not 0 < sparsity_target < 1:
        raise ValueError(f"sparsity_target (rho) must lie strictly between 0 and 1, not {sparsity_target!r}")
    return _kl_to_means(code.float().mean(0), sparsity_target)


def _kl_to_means(mean_activation: Tensor, rho: float) -> Tensor:
    mean_activation = mean_activation.clamp(_SMALLEST_MEAN, 1 - _SMALLEST_MEAN)
    firing = rho * (math.log(rho) - mean_activation.log())
    silent = (1 - rho) * (math.log1p(-rho) - torch.log1p(-mean_activation))
    return (firing + silent).sum()


def encode_with_penalty(
    model: Autoencoder,
    x: Tensor,
    config: TrainConfig,
    generator: torch.Generator | None = None,
    share: Share | None = None,
) -> PenalisedCode:
    """The code of a batch and the penalty of the model's kind, which share the forward pass.

    Args:
        x: images in [0, 1], shape (batch, 1, 28, 28).
        config: gives the probes of the contraction penalty or the sparsity target.
        generator: source of the probes, on the device of `x`.
        share: which images of a batch `x` are; None if all.
    """
    share = share or Share(len(x))
    if model.config.kind == "sparse":
        code = propagate(model.encoder, x)
        means = share.mean_over_batch(code.float())
        return PenalisedCode(code, _kl_to_means(means, config.sparsity_target))
    code, estimates, probed = encode_with_probes(
        model, x, config.probes, generator, config.probe_fraction, share
    )
    return PenalisedCode(code, share.part_of_mean(estimates.sum(), config.probes * probed))
