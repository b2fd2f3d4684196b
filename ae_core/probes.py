"""Random probes of the encoder's Jacobian: unbiased estimates of ||J||_F^2, and how far they scatter.

Hutchinson, "A stochastic estimator of the trace", 1990; their variance: Avron and Toledo, "Randomized
algorithms for estimating the trace", JACM 2011.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ae_core.convolution import Convolution, convolve
from ae_core.distributed import Share
from ae_core.jacobian import activation_slope
from ae_core.model import Autoencoder


class Pushforward(NamedTuple):
    """The value of a function and the image of tangents under its Jacobian."""

    value: Tensor
    """Shape (batch, ...)."""
    tangents: Tensor
    """Shape (directions, probed, ...)."""


def pushforward(layers: nn.Sequential, x: Tensor, tangents: Tensor) -> Pushforward:
    """Push `x` and tangents at `x` through `layers` together: f(x) and J(x) u for each tangent u.

    Differentiable, so a penalty on J u needs one backward pass and no double backward. Both go through every
    convolution as one batch. Where there are fewer tangents than inputs, they belong to the first ones.

    Args:
        layers: convolutions, transposed convolutions and pointwise activations.
        x: input, shape (batch, ...).
        tangents: directions, shape (directions, probed, ...), probed <= batch.
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
            # Where it is on it is the identity, for images and tangents alike.
            on = both[: len(x)].detach().relu().sign()
            both = both * torch.cat((on, *[on[:probed]] * directions))
        else:
            x, tangents = both.split(parts)
            y = layer(x)
            slope = activation_slope(layer, x[:probed], y[:probed])
            both = torch.cat((y, (tangents.unflatten(0, (directions, -1)) * slope).flatten(0, 1)))
    value, tangents = both.split(parts)
    return Pushforward(value, tangents.unflatten(0, (directions, -1)))


class ProbedCode(NamedTuple):
    """Codes, and estimates of the encoder's squared Jacobian norm there."""

    code: Tensor
    """Shape (batch, ...): the encoder's output."""
    estimates: Tensor
    """Shape (probes, probed images), fp32: average over probes; their spread gives the error bar."""
    probed: int
    """Images of the whole batch that are probed."""


def encode_with_probes(
    model: Autoencoder,
    x: Tensor,
    probes: int,
    generator: torch.Generator | None = None,
    fraction: float = 1.0,
    share: Share | None = None,
) -> ProbedCode:
    """The codes, and unbiased estimates ||J u||^2 of ||J||_F^2, u in {-1, +1}^784: one tangent pass a probe.

    Args:
        x: images, shape (batch, 1, 28, 28).
        probes: random directions an image.
        generator: source of the directions, on the device of `x`.
        fraction: part of the images that are probed, the first ones: in a shuffled batch a random choice.
        share: which images of a batch `x` are; None if all. Every process draws the whole batch's directions.
    Raises:
        ValueError: if probes < 1.
    """
    share = share or Share(len(x))
    probed = max(1, round(fraction * share.count))
    directions = random_signs((_at_least_one(probes), probed, *x.shape[1:]), x, generator)
    code, moved = pushforward(model.encoder, x, share.of(directions, 1))
    return ProbedCode(code, moved.float().square().sum((2, 3, 4)), probed)


def code_probe_estimates(
    model: Autoencoder, x: Tensor, probes: int, generator: torch.Generator | None = None
) -> Tensor:
    """Unbiased estimates ||J^T v||^2 of ||J||_F^2, v in {-1, +1}^K: one backward pass a probe.

    Arguments and errors are those of `encode_with_probes`; all images are probed.

    Returns:
        Shape (probes, batch).
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        code = model.encode(x)
        signs = random_signs((_at_least_one(probes), *code.shape), code, generator)
        gradients = [torch.autograd.grad(code, x, sign, retain_graph=True)[0] for sign in signs]
    return torch.stack(gradients).flatten(2).square().sum(2)


def _at_least_one(probes: int) -> int:
    if probes < 1:
        raise ValueError(f"probes must be at least 1, not {probes}")
    return probes


def random_signs(shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Independent -1 or +1 with equal odds, in the precision and on the device of `like`: E[u u^T] = I."""
    signs = torch.empty(shape, dtype=like.dtype, device=like.device)
    return signs.bernoulli_(0.5, generator=generator).mul_(2).sub_(1)


def probe_variance(jacobian: Tensor) -> Tensor:
    """Exact variance of one estimate ||J u||^2, u in {-1, +1}^784: (..., K, 784) to (...).

        2 * (||J^T J||_F^2 - sum_i (J^T J)_ii^2)

    The mean of n probes scatters with sqrt(variance / n).
    """
    gram = jacobian.mT @ jacobian
    # Zeroed rather than subtracted: of nearly orthogonal columns nothing would be left but rounding.
    gram.diagonal(dim1=-2, dim2=-1).zero_()
    return 2 * gram.square().sum((-2, -1))
