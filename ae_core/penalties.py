"""The two penalties, as pure functions of any encoder, code and batch.

Rifai et al., "Contractive Auto-Encoders", ICML 2011; Ng, "Sparse autoencoder", CS294A lecture notes, 2011.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ae_core.jacobian.probes import can_push_forward, probe_directions, pushforward, squared_lengths

Encode = Callable[[Tensor], Tensor]
"""Any function or module from inputs (batch, ...) to codes (batch, ...) that works on each input alone."""

_SMALLEST_MEAN = 1e-6
"""Mean activations are kept this far from 0 and 1, where the divergence is infinite."""


class ContractedCode(NamedTuple):
    """Codes and their contraction penalty, from one pass through the encoder."""

    code: Tensor
    """Shape (batch, ...)."""
    penalty: Tensor
    """Scalar, not yet multiplied by its weight."""


def contraction_penalty(
    encode: Encode, x: Tensor, probes: int = 1, generator: torch.Generator | None = None
) -> Tensor:
    """Mean squared Frobenius norm of an encoder's Jacobian, estimated with random probes.

        penalty = mean over batch of ||dh/dx||_F^2        (unbiased; variance falls as 1/probes)

    A sequence of convolutions and this lab's activations takes one tangent pass per probe, as in training.
    All else takes a double backward pass: forward-mode derivatives have silently wrong gradients by the
    weights for some of PyTorch's layers, LayerNorm among them.

    Args:
        encode: any function or module from inputs to codes that works on each input alone.
        x: inputs, shape (batch, ...).
        probes: random directions per input.
        generator: source of the directions, on the device of `x`.
    Returns:
        Scalar, differentiable with respect to the encoder's weights.
    Raises:
        ValueError: if probes < 1.
    Reference: Rifai et al., "Contractive Auto-Encoders", ICML 2011; Hutchinson, 1990.

    >>> import torch
    >>> from ae_core import contraction_penalty
    >>> encoder = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.Sigmoid())
    >>> penalty = contraction_penalty(encoder, torch.randn(4, 5))
    >>> penalty.backward()
    >>> penalty.shape, encoder[0].weight.grad.shape
    (torch.Size([]), torch.Size([3, 5]))
    """
    if can_push_forward(encode):
        return encode_with_contraction(encode, x, probe_directions(x, probes, generator)).penalty
    # Of the quicker forms of attention there are no second derivatives.
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        x = x if x.requires_grad else x.detach().requires_grad_()
        code = encode(x)
        directions = probe_directions(code, probes, generator)
        gradients = [torch.autograd.grad(code, x, signs, create_graph=True)[0] for signs in directions]
        return torch.stack(gradients).square().sum() / (probes * len(x))


def encode_with_contraction(encoder: nn.Sequential, x: Tensor, directions: Tensor) -> ContractedCode:
    """The codes of a batch and the contraction penalty along given random signs, in one tangent pass.

    Args:
        encoder: as for `pushforward`.
        x: inputs, shape (batch, ...).
        directions: -1 or +1, shape (probes, probed, ...), probed <= batch: they are at the first inputs.
            Those are a random choice of a shuffled batch, so that the penalty stays unbiased.
    Raises:
        TypeError: for a layer that `pushforward` does not know.
    """
    code, moved = pushforward(encoder, x, directions)
    lengths = squared_lengths(moved)
    return ContractedCode(code, lengths.sum() * (1 / max(1, lengths.numel())))


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

    >>> import torch
    >>> from ae_core import kl_penalty
    >>> code = torch.tensor([[0.0, 0.4], [0.2, 0.6]])
    >>> round(kl_penalty(code, 0.1).item(), 4)
    0.3681
    """
    if not 0 < sparsity_target < 1:
        raise ValueError(f"sparsity_target (rho) must lie strictly between 0 and 1, not {sparsity_target!r}")
    return kl_to_mean_activation(code.float().mean(0), sparsity_target)


def kl_to_mean_activation(mean_activation: Tensor, rho: float | Tensor) -> Tensor:
    """`kl_penalty` of the units' mean activations (K,), for callers that have them already.

    Args:
        rho: as a scalar tensor it can change within a captured CUDA graph.
    """
    if isinstance(rho, Tensor):
        log_rho: float | Tensor = rho.log()
        log_rest: float | Tensor = torch.log1p(-rho)
    else:
        log_rho, log_rest = math.log(rho), math.log1p(-rho)
    mean_activation = mean_activation.clamp(_SMALLEST_MEAN, 1 - _SMALLEST_MEAN)
    firing = rho * (log_rho - mean_activation.log())
    silent = (1 - rho) * (log_rest - torch.log1p(-mean_activation))
    return (firing + silent).sum()
