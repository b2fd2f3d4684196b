"""The Jacobian of three convolutions with ReLUs between them, exact, by what each unit sees of the image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ae_core.data import IMAGE_SIZE, PIXELS
from ae_core.model.convolution import Convolution, Spacing, spacing_of

_IMAGES_AT_ONCE = 4
"""On a CPU: operations on one image leave a second core idle; more images outgrow the caches."""


class ReceptiveField(NamedTuple):
    """The pixels along an axis that a unit sees: `size` of them, from `stride * unit - padding` on."""

    size: int
    stride: int
    padding: int

    def in_window(self, unit: int) -> slice:
        """What a unit sees, as a slice of a window that begins with the first pixel that unit 0 sees."""
        return slice(self.stride * unit, self.stride * unit + self.size)

    def in_image(self, unit: int) -> tuple[slice, slice]:
        """The part of what a unit sees that is not padding: as a slice of the image, and of what it sees."""
        start = self.stride * unit - self.padding
        first, last = max(0, -start), min(self.size, IMAGE_SIZE - start)
        return slice(start + first, start + last), slice(first, last)


def receptive_field(convolutions: Iterable[Convolution]) -> ReceptiveField:
    """What a unit sees of the image through convolutions, the one on the image first.

    For transposed convolutions, the one that makes the image first, it is what a unit contributes to.
    """
    size, stride, padding = 1, 1, 0
    for kernel, step, before in map(spacing_of, convolutions):
        # Distances between this layer's inputs are `stride` pixels.
        size += stride * (kernel - 1)
        padding += stride * before
        stride *= step
    return ReceptiveField(size, stride, padding)


def masked_jacobian(
    first: Convolution, mask1: Tensor, second: Convolution, mask2: Tensor, third: Convolution
) -> Tensor:
    """Jacobian of third(mask2 * second(mask1 * first(x))), which is linear in the pixels x; biases aside.

    It is the product of three sparse matrices. First come the patches: the derivatives of each place of the
    second layer by the pixels that it sees. Then the third convolution adds them up tap by tap, for all its
    units at once: under one tap the patch has the same offset in every unit's window. Channels are the last
    axis until the end, so that whole rows of them are added at a time.

    Args:
        first, second, third: convolutions, or transposed ones in reverse. Covered: one channel of pixels,
            any kernel, stride and padding of the first two. Not covered: stride or padding of the third,
            dilation, groups.
        mask1, mask2: bool, which units are on, shape (batch, channels, side, side) of the first and of the
            second layer.
    Returns:
        Shape (batch, K, 784): K counts the third's channels times their places.
    """
    channels = len(third.weight)
    batch, units = len(mask2), mask2.shape[-1] - third.weight.shape[-1] + 1
    jacobian = third.weight.new_zeros(batch, channels, units, units, IMAGE_SIZE, IMAGE_SIZE)
    for some, windows in _windows(first, mask1, second, mask2, third):
        for unit, place, seen in _on_image((first, second, third), windows):
            jacobian[(some, slice(None), *unit, *place)] = seen.permute(0, 3, 1, 2)
    return jacobian.view(batch, channels * units**2, PIXELS)


def masked_column_sq_norms(
    first: Convolution, mask1: Tensor, second: Convolution, mask2: Tensor, third: Convolution, slope: Tensor
) -> Tensor:
    """Sum over the units of the squares of the Jacobian of activate(third(...)), without the Jacobian itself.

    Args:
        first, mask1, second, mask2, third: as for `masked_jacobian`.
        slope: of the activation at each unit, shape (batch, K).
    Returns:
        Shape (batch, 28, 28): of each pixel.
    """
    channels = len(third.weight)
    batch, units = len(mask2), mask2.shape[-1] - third.weight.shape[-1] + 1
    slope = slope.view(batch, channels, units, units).permute(2, 3, 0, 1)[..., None, None, :]
    sq_norms = third.weight.new_zeros(batch, IMAGE_SIZE, IMAGE_SIZE)
    for some, windows in _windows(first, mask1, second, mask2, third):
        of_units = windows.mul_(slope[:, :, some]).square_().sum(-1, keepdim=True)
        for _, place, seen in _on_image((first, second, third), of_units):
            sq_norms[(some, *place)] += seen[..., 0]
    return sq_norms


def _windows(
    first: Convolution, mask1: Tensor, second: Convolution, mask2: Tensor, third: Convolution
) -> Iterator[tuple[slice, Tensor]]:
    """The derivatives of each unit by what it sees of the image, for some images after others.

    Yields:
        Which images, and shape (units, units, images, size, size, channels).
    """
    channels, _, kernel, _ = third.weight.shape
    units = mask2.shape[-1] - kernel + 1
    patch, window = receptive_field((first, second)), receptive_field((first, second, third))
    on_cpu = mask2.device.type == "cpu"
    at_once = _IMAGES_AT_ONCE if on_cpu else len(mask2)
    for start in range(0, len(mask2), at_once):
        some = slice(start, start + at_once)
        # A strong penalty leaves most channels off everywhere. On a GPU asking for them would have it wait.
        alive = mask2[some].any(3).any(2).any(0) if on_cpu else slice(None)
        paths = torch.einsum("cits,iyx->tsiyxc", second.weight[alive], first.weight[:, 0])
        taps = third.weight[:, alive].permute(2, 3, 1, 0).contiguous()
        patches = _patches(paths, mask1[some], mask2[some][:, alive], spacing_of(first), spacing_of(second))
        windows = paths.new_zeros(units, units, patches.shape[2], window.size, window.size, channels)
        for row, column in product(range(kernel), repeat=2):
            seen = patches[row : row + units, column : column + units]
            target = windows[..., patch.in_window(row), patch.in_window(column), :]
            target += (seen.flatten(0, -2) @ taps[row, column]).view(target.shape)
        yield some, windows


def _on_image(
    layers: tuple[Convolution, ...], windows: Tensor
) -> Iterator[tuple[tuple[int, int], tuple[slice, slice], Tensor]]:
    """For each place of units where it is, which rows and columns of the image it sees, and that part of its
    window, shape (images, rows, columns, channels)."""
    window = receptive_field(layers)
    for row, column in product(range(len(windows)), repeat=2):
        (rows, inner_rows), (columns, inner_columns) = window.in_image(row), window.in_image(column)
        yield (row, column), (rows, columns), windows[row, column, :, inner_rows, inner_columns]


def _patches(paths: Tensor, mask1: Tensor, mask2: Tensor, first: Spacing, second: Spacing) -> Tensor:
    """The derivatives of the second layer by the pixels that each of its places sees.

    Args:
        paths: products of both layers' weights, axes tsiyxc: the second layer's tap (t, s), the first layer's
            channel i and tap (y, x), the second layer's channel c.
        mask1, mask2: as for `masked_jacobian`.
    Returns:
        Shape (side, side, batch, size, size, channels): the place, the image, the pixel that it sees, c.
    """
    batch, channels, side, _ = mask2.shape
    on = F.pad(mask1.to(paths.dtype), [second.padding] * 4).permute(2, 3, 0, 1)
    size = first.kernel + first.stride * (second.kernel - 1)
    tap = ReceptiveField(first.kernel, first.stride, first.padding)
    end = second.stride * side
    patches = paths.new_zeros(side, side, batch, size, size, channels)
    for row, column in product(range(second.kernel), repeat=2):
        stepped = on[row : row + end : second.stride, column : column + end : second.stride]
        seen = stepped.flatten(0, 2) @ paths[row, column].flatten(1)
        target = patches[..., tap.in_window(row), tap.in_window(column), :]
        target += seen.view(target.shape)
    return patches * mask2.permute(2, 3, 0, 1)[:, :, :, None, None]
