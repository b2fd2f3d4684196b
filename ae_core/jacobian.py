"""The encoder's exact Jacobian J = dh/dx, and what is read off it.

Rifai et al., "Contractive Auto-Encoders", ICML 2011.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ae_core.data import IMAGE_SIZE, PIXELS
from ae_core.model import Autoencoder, RectifiedTanh

_PATCH = 7
"""A unit of the second layer sees 7 x 7 pixels ..."""
_STRIDE = 4
"""... and its neighbour sees the same 4 pixels further."""
_RIM = 3
"""The first patch starts 3 pixels outside the picture."""


def activation_slope(layer: nn.Module, pre_activation: Tensor, activation: Tensor) -> Tensor:
    """Derivative of a pointwise activation, shaped like its input; 0 at a ReLU's kink, as autograd has it."""
    match layer:
        case nn.ReLU():
            return activation.detach().sign()
        case nn.Identity():
            return torch.ones_like(activation)
        case nn.Sigmoid():
            return activation * (1 - activation)
        case RectifiedTanh():
            return (1 - activation.square()) * (pre_activation > 0)
    raise TypeError(f"no derivative is known for a layer of type {type(layer).__name__}")


def encoder_jacobian(model: Autoencoder, x: Tensor) -> Tensor:
    """Exact J(x) = dh/dx of every image.

    Args:
        x: images, shape (batch, 1, 28, 28).
    Returns:
        Shape (batch, K, 784), in the model's precision.
    """
    pre_activation, jacobian = pre_activation_jacobian(model, x)
    activate = model.encoder[-1]
    slope = activation_slope(activate, pre_activation, activate(pre_activation))
    return jacobian.mul_(slope[..., None])


class PreActivation(NamedTuple):
    """What goes into the code's activation, and its exact Jacobian."""

    value: Tensor
    """Shape (batch, K)."""
    jacobian: Tensor
    """Shape (batch, K, 784)."""


def pre_activation_jacobian(model: Autoencoder, x: Tensor) -> PreActivation:
    """The encoder without its last activation, and its Jacobian, for images (batch, 1, 28, 28)."""
    first, rectify, second, _, third, _ = model.encoder
    hidden1 = first(x)
    hidden2 = second(rectify(hidden1))
    return PreActivation(
        third(rectify(hidden2)).flatten(1),
        _masked_jacobian(first.weight, hidden1 > 0, second.weight, hidden2 > 0, third.weight),
    )


def decoder_jacobian(model: Autoencoder, code: Tensor) -> Tensor:
    """Exact d x_hat/dh of every code, of the raw reconstruction (before clamping).

    The decoder mirrors the encoder, so its transposed Jacobian has the encoder's form.

    Args:
        code: shape (batch, K).
    Returns:
        Shape (batch, 784, K).
    """
    first, rectify, second, _, third, activate = model.decoder
    hidden1 = first(code.unflatten(1, model.code_shape))
    hidden2 = second(rectify(hidden1))
    pre_activation = third(rectify(hidden2))
    slope = activation_slope(activate, pre_activation, activate(pre_activation))
    linear = _masked_jacobian(third.weight, hidden2 > 0, second.weight, hidden1 > 0, first.weight)
    return linear.mT.mul_(slope.flatten(1)[..., None])


def reconstruction_jacobian(model: Autoencoder, x: Tensor) -> Tensor:
    """Exact d x_hat/dx of every image, of the raw reconstruction (before clamping).

    Args:
        x: images, shape (batch, 1, 28, 28).
    Returns:
        Shape (batch, 784, 784).
    """
    return decoder_jacobian(model, model.encode(x)) @ encoder_jacobian(model, x)


def _masked_jacobian(first: Tensor, mask1: Tensor, second: Tensor, mask2: Tensor, third: Tensor) -> Tensor:
    """Jacobian of third(mask2 * second(mask1 * first(x))), which is linear in the pixels x.

    Three sparse matrices are multiplied from both ends: first the 7 x 7 pixels that each of the 49 places of
    the second layer sees, then, place by place, the third convolution's taps on them, added where they go.

    Args:
        first, second, third: weights of convolutions of stride 2, 2 and 1, the first two padded by 1.
        mask1, mask2: which units are on, shapes (batch, channels, 14, 14) and (batch, channels, 7, 7).
    Returns:
        Shape (batch, channels * places, 784).
    """
    batch, side = mask2.shape[0], mask2.shape[-1]
    if batch > 1 and first.device.type == "cpu":
        # One image's arrays stay in the cache.
        masks = zip(mask1.split(1), mask2.split(1), strict=True)
        return torch.cat([_masked_jacobian(first, one, second, two, third) for one, two in masks])
    channels, inner, kernel, _ = third.shape
    patches = _second_layer_patches(first, mask1, second, mask2)
    # Flipped, because a code unit further on sees the same place with an earlier tap.
    taps = third.permute(2, 3, 0, 1).flip(0, 1).contiguous()
    units = side - kernel + 1
    padded = third.new_zeros(batch, channels, units, units, _RIM + IMAGE_SIZE, _RIM + IMAGE_SIZE)
    for row in range(side):
        unit_rows, tap_rows = _seeing(row, kernel, units)
        for column in range(side):
            unit_columns, tap_columns = _seeing(column, kernel, units)
            seen_with = taps[tap_rows, tap_columns]
            added = seen_with.reshape(-1, inner) @ patches[:, row, column]
            added = added.view(batch, *seen_with.shape[:3], _PATCH, _PATCH).permute(0, 3, 1, 2, 4, 5)
            pixels = (slice(_STRIDE * place, _STRIDE * place + _PATCH) for place in (row, column))
            padded[:, :, unit_rows, unit_columns, *pixels] += added
    return padded[..., _RIM:, _RIM:].reshape(batch, -1, PIXELS)


def _seeing(place: int, kernel: int, units: int) -> tuple[slice, slice]:
    """Which code units along an axis see a place of the second layer, and with which flipped taps."""
    start, stop = max(0, place - kernel + 1), min(units - 1, place) + 1
    first_tap = kernel - 1 - place
    return slice(start, stop), slice(first_tap + start, first_tap + stop)


def _second_layer_patches(first: Tensor, mask1: Tensor, second: Tensor, mask2: Tensor) -> Tensor:
    """The pixels that each place of the second layer sees, shape (batch, 7, 7, channels, 49)."""
    batch, inner = mask1.shape[:2]
    mask1 = F.unfold(mask1.to(first.dtype), 3, stride=2, padding=1).view(batch, inner, 9, -1)
    paths = torch.einsum("cit,is->tcsi", second.flatten(2), first.flatten(1))
    columns = torch.einsum("tcsi,bitp->bpcst", paths, mask1)
    patches = F.fold(columns.flatten(0, 1).flatten(1, 2), (_PATCH, _PATCH), kernel_size=3, stride=2)
    patches = patches.view(batch, *mask2.shape[2:], -1, _PATCH * _PATCH)
    return patches * mask2.permute(0, 2, 3, 1)[..., None]


def sensitivity_map(jacobian: Tensor) -> Tensor:
    """||dh/dx_i||_2 of each pixel i, the norms of J's columns: (..., K, 784) to (..., 28, 28)."""
    return torch.linalg.vector_norm(jacobian, dim=-2).unflatten(-1, (IMAGE_SIZE, IMAGE_SIZE))


def spectrum(jacobian: Tensor) -> Tensor:
    """Singular values of J, largest first: (..., K, 784) to (..., min(K, 784))."""
    return torch.linalg.svdvals(jacobian)


def tangents(jacobian: Tensor, count: int) -> Tensor:
    """The leading right singular vectors of J, orthonormal pictures: (..., K, 784) to (..., count, 28, 28).

    They are the directions of a picture that the code follows most. The sign of each is arbitrary.
    """
    right = torch.linalg.svd(jacobian, full_matrices=False).Vh
    return right[..., :count, :].unflatten(-1, (IMAGE_SIZE, IMAGE_SIZE))
