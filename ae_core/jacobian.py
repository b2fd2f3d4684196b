"""The encoder's exact Jacobian J = dh/dx, and what is read off it.

Rifai et al., "Contractive Auto-Encoders", ICML 2011.
"""

from __future__ import annotations

from itertools import product
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
SMALLEST_SHARE = 1e-6
"""Singular values below this share of the largest are rounding."""
_IMAGES_AT_ONCE = 4
"""On a CPU: operations on one image leave a second core idle; more images outgrow the caches."""


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
    the second layer sees, then, tap by tap, the third convolution on them, for all its units at once: a tap
    moves the pixels it sees by the same distance in each unit's window. Meanwhile the channels are the last
    axis, so that whole rows of them are added at a time.

    Args:
        first, second, third: weights of convolutions of stride 2, 2 and 1, the first two padded by 1.
        mask1, mask2: which units are on, shapes (batch, channels, 14, 14) and (batch, channels, 7, 7).
    Returns:
        Shape (batch, channels * places, 784).
    """
    channels, _, kernel, _ = third.shape
    batch, side = mask2.shape[0], mask2.shape[-1]
    units = side - kernel + 1
    window = _STRIDE * (kernel - 1) + _PATCH
    paths = torch.einsum("cits,iyx->tsiyxc", second, first[:, 0])
    taps = third.permute(2, 3, 1, 0).contiguous()
    jacobian = third.new_zeros(batch, channels, units, units, IMAGE_SIZE, IMAGE_SIZE)
    at_once = _IMAGES_AT_ONCE if third.device.type == "cpu" else batch
    for start in range(0, batch, at_once):
        some = slice(start, start + at_once)
        patches = _second_layer_patches(paths, mask1[some], mask2[some])
        windows = third.new_zeros(units, units, patches.shape[2], window, window, channels)
        for row, column in product(range(kernel), repeat=2):
            seen = patches[row : row + units, column : column + units]
            target = windows[..., _tap(row), _tap(column), :]
            target += (seen.flatten(0, -2) @ taps[row, column]).view(target.shape)
        for row, column in product(range(units), repeat=2):
            (rows, inner_rows), (columns, inner_columns) = _placed(row, window), _placed(column, window)
            seen = windows[row, column, :, inner_rows, inner_columns]
            jacobian[some, :, row, column, rows, columns] = seen.permute(0, 3, 1, 2)
    return jacobian.view(batch, -1, PIXELS)


def _tap(tap: int) -> slice:
    """The pixels along an axis that a tap of the third layer sees in its unit's window."""
    return slice(_STRIDE * tap, _STRIDE * tap + _PATCH)


def _placed(unit: int, window: int) -> tuple[slice, slice]:
    """The pixels along an axis that a unit sees, in the picture and in its window."""
    start = _STRIDE * unit - _RIM
    outside = max(0, -start)
    return slice(start + outside, start + window), slice(outside, window)


def _second_layer_patches(paths: Tensor, mask1: Tensor, mask2: Tensor) -> Tensor:
    """The pixels that each place of the second layer sees, shape (7, 7, batch, 7, 7, channels).

    Args:
        paths: from a pixel by a unit of the first layer to one of the second, by the second layer's tap, the
            unit, the first layer's tap and the second layer's unit.
    """
    batch, channels, side, _ = mask2.shape
    on = F.pad(mask1.to(paths.dtype), (1, 0, 1, 0)).permute(2, 3, 0, 1)
    patches = paths.new_zeros(side, side, batch, _PATCH, _PATCH, channels)
    for row, column in product(range(3), repeat=2):
        stepped = on[row : row + 2 * side : 2, column : column + 2 * side : 2]
        seen = stepped.flatten(0, 2) @ paths[row, column].flatten(1)
        target = patches[..., 2 * row : 2 * row + 3, 2 * column : 2 * column + 3, :]
        target += seen.view(target.shape)
    return patches * mask2.permute(2, 3, 0, 1)[:, :, :, None, None]


def sensitivity_map(jacobian: Tensor) -> Tensor:
    """||dh/dx_i||_2 of each pixel i, the norms of J's columns: (..., K, 784) to (..., 28, 28)."""
    return torch.linalg.vector_norm(jacobian, dim=-2).unflatten(-1, (IMAGE_SIZE, IMAGE_SIZE))


def spectrum(jacobian: Tensor) -> Tensor:
    """Singular values of J, largest first: (..., K, 784) to (..., min(K, 784))."""
    return torch.linalg.svdvals(jacobian)


def rank(singular_values: Tensor) -> int:
    """How many singular values (n,), largest first, are more than rounding: J's numerical rank."""
    return int((singular_values > SMALLEST_SHARE * singular_values[0]).sum())


def tangents(jacobian: Tensor, count: int) -> Tensor:
    """The leading right singular vectors of J, orthonormal pictures: (..., K, 784) to (..., count, 28, 28).

    They are the directions of a picture that the code follows most. A singular vector's sign is arbitrary and
    differs between processors: here its positive pixels carry the larger part of its squared length.
    """
    right = torch.linalg.svd(jacobian, full_matrices=False).Vh[..., :count, :]
    surplus = (right * right.abs()).sum(-1, keepdim=True)
    return torch.where(surplus < 0, -right, right).unflatten(-1, (IMAGE_SIZE, IMAGE_SIZE))
