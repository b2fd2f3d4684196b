"""Random probes of the encoder's Jacobian: unbiased estimates of ||J||_F^2, and how far they scatter.

Hutchinson, "A stochastic estimator of the trace", 1990; their variance: Avron and Toledo, "Randomized
algorithms for estimating the trace", JACM 2011.
"""

from __future__ import annotations

from typing import NamedTuple, TypeGuard

import torch
from torch import Tensor, nn

from ae_core.jacobian import activation_slope
from ae_core.model import ACTIVATIONS
from ae_core.model.convolution import Convolution, convolve

_LAYERS = (nn.Conv2d, nn.ConvTranspose2d, *ACTIVATIONS.values())


class Pushforward(NamedTuple):
    """The value f(x) of a function and J(x) u for each tangent u."""

    value: Tensor
    """Shape (batch, ...)."""
    tangents: Tensor
    """Shape (directions, probed, ...)."""


def can_push_forward(encode: object) -> TypeGuard[nn.Sequential]:
    """Whether `pushforward` knows all layers of an encoder."""
    return isinstance(encode, nn.Sequential) and all(isinstance(layer, _LAYERS) for layer in encode)


def pushforward(layers: nn.Sequential, x: Tensor, tangents: Tensor) -> Pushforward:
    """Push `x` and tangents at `x` through `layers` together: f(x) and J(x) u for each tangent u.

    Differentiable, so a penalty on J u needs one backward pass and no double backward. Inputs and tangents go
    through every convolution as one batch.

    Args:
        layers: convolutions, transposed convolutions and pointwise activations.
        x: input, shape (batch, ...).
        tangents: shape (directions, probed, ...), probed <= batch: they are at the first inputs.
    Raises:
        TypeError: for a layer of another type.
    """
    directions, probed = tangents.shape[:2]
    parts = len(x), directions * probed
    both = torch.cat((x, tangents.flatten(0, 1)))
    for layer in layers:
        if isinstance(layer, Convolution):
            both = convolve(layer, both, biased=len(x))
        elif isinstance(layer, nn.ReLU):
            # A ReLU that is on is the identity, for inputs and tangents alike.
            on = both[: len(x)].detach().relu().sign()
            both = both * torch.cat((on, *[on[:probed]] * directions))
        else:
            x, tangents = both.split(parts)
            y = layer(x)
            slope = activation_slope(layer, x[:probed], y[:probed])
            both = torch.cat((y, (tangents.unflatten(0, (directions, -1)) * slope).flatten(0, 1)))
    value, tangents = both.split(parts)
    return Pushforward(value, tangents.unflatten(0, (directions, -1)))


def squared_lengths(moved: Tensor) -> Tensor:
    """||J u||^2 of pushed tangents (directions, probed, ...), fp32: (directions, probed)."""
    return moved.float().square().sum(tuple(range(2, moved.dim())))


def probe_estimates(
    layers: nn.Sequential, x: Tensor, probes: int, generator: torch.Generator | None = None
) -> Tensor:
    """Unbiased estimates ||J u||^2 of ||J||_F^2, u in {-1, +1}^D: one tangent pass per probe.

    The estimate to use is their mean over the probes; their scatter gives its error bar.

    Args:
        layers: as for `pushforward`.
        x: inputs, shape (batch, ...).
        probes: random directions per input.
        generator: source of the directions, on the device of `x`.
    Returns:
        Shape (probes, batch), fp32.
    Raises:
        TypeError: for a layer that `pushforward` does not know.
        ValueError: if probes < 1.
    """
    return squared_lengths(pushforward(layers, x, probe_directions(x, probes, generator)).tangents)


def probe_directions(x: Tensor, probes: int, generator: torch.Generator | None = None) -> Tensor:
    """Random signs, one set per probe for each input (batch, ...): (probes, batch, ...).

    Raises:
        ValueError: if probes < 1.
    """
    if probes < 1:
        raise ValueError(f"probes must be at least 1, not {probes}")
    return random_signs((probes, *x.shape), x, generator)


def random_signs(shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Independent -1 or +1, equally likely, in the precision and on the device of `like`: E[u u^T] = I."""
    signs = torch.empty(shape, dtype=like.dtype, device=like.device)
    return signs.bernoulli_(0.5, generator=generator).mul_(2).sub_(1)


def probe_variance(jacobian: Tensor) -> Tensor:
    """Exact variance of one estimate ||J u||^2, u in {-1, +1}^784: (..., K, 784) to (...).

        2 * (||J^T J||_F^2 - sum_i (J^T J)_ii^2)

    The mean of n probes has the standard deviation sqrt(variance / n).
    """
    gram = jacobian.mT @ jacobian
    # Zeroed rather than subtracted: of nearly orthogonal columns nothing would be left but rounding.
    gram.diagonal(dim1=-2, dim2=-1).zero_()
    return 2 * gram.square().sum((-2, -1))
