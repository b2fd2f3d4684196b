"""The models' convolutions, computed in the way that trains fastest; values and gradients are PyTorch's own.

Two of PyTorch's own computations are slower than the same sum as a matrix product, a whole step up to 1.9 and
1.4 times: any convolution whose kernel covers the whole image, and CUDA's with one channel in bfloat16. These
are written by hand here; all else is left to PyTorch. Each form has a name, by which `using` leaves it out:
`ae_core.cli.bench.ablation` times a step with and without.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Convolution = nn.Conv2d | nn.ConvTranspose2d

Form = Literal["covering kernel", "one channel"]
"""A computation written by hand in place of PyTorch's own call:

- covering kernel: a kernel that sees the whole image, as a matrix product;
- one channel: a convolution of one channel, and the gradient of its weights, as a matrix product of patches.
"""
FORMS: frozenset[Form] = frozenset(get_args(Form))

_in_use: ContextVar[frozenset[Form]] = ContextVar("forms in use", default=FORMS)


@contextmanager
def using(forms: frozenset[Form]) -> Iterator[None]:
    """Compute by hand in these forms only, in this thread and in the gradients of what it computes.

    In place of every other form stands PyTorch's own call.
    """
    token = _in_use.set(forms)
    try:
        yield
    finally:
        _in_use.reset(token)


def acting_forms(device_type: str, precision: torch.dtype, among: frozenset[Form] = FORMS) -> frozenset[Form]:
    """The forms that make a difference on a device of this type, in this precision."""
    if precision == torch.bfloat16 and device_type == "cuda":
        return among
    return among & {"covering kernel"}


class Spacing(NamedTuple):
    """How the places that a convolution computes lie on those it sees; the same along both axes."""

    kernel: int
    stride: int
    padding: int


def spacing_of(layer: Convolution) -> Spacing:
    """Kernel size, stride and padding of a layer that has the same along both axes.

    Raises:
        TypeError: for a padding that is a word, such as "same".
    """
    if isinstance(layer.padding, str):
        raise TypeError(f"the padding must be a number of places, not {layer.padding!r}")
    return Spacing(layer.kernel_size[0], layer.stride[0], layer.padding[0])


class _Geometry(NamedTuple):
    """How a convolution maps large images to small ones, and a transposed one small to large.

    Lengths count places along an axis; both axes have the same.
    """

    kernel: int
    stride: int
    padding: int
    large: int
    small: int
    forms: frozenset[Form]
    """The forms in use, of those that act on this device in this precision."""

    @property
    def covering(self) -> bool:
        """Whether the kernel sees the whole image at once and its form is in use."""
        return self.kernel == self.large and "covering kernel" in self.forms

    def by_patches(self, weight: Tensor) -> bool:
        """Whether large images go to small ones, and weights get their gradient, as a product of patches."""
        return self.covering or (_one_channel(weight) and "one channel" in self.forms)


def propagate(layers: nn.Sequential, x: Tensor) -> Tensor:
    """`layers(x)`, with every convolution in its fastest form."""
    for layer in layers:
        x = convolve(layer, x) if isinstance(layer, Convolution) else layer(x)
    return x


def convolve(layer: Convolution, x: Tensor, biased: int | None = None) -> Tensor:
    """`layer(x)` in its fastest form, shape (batch, channels', side', side').

    Args:
        layer: with the same kernel size, stride and padding along both axes. Not covered: dilation, groups.
        x: shape (batch, channels, side, side).
        biased: how many images, the first ones, get the bias; None: all.
    Raises:
        TypeError: for a padding that is a word.
    """
    (kernel, stride, padding), side = spacing_of(layer), x.shape[-1]
    if layer.transposed:
        large, small = (side - 1) * stride - 2 * padding + kernel + layer.output_padding[0], side
    else:
        large, small = side, (side + 2 * padding - kernel) // stride + 1
    forms = acting_forms(x.device.type, x.dtype, _in_use.get())
    geometry = _Geometry(kernel, stride, padding, large, small, forms)
    return _Convolve.apply(x, layer.weight, layer.bias, geometry, layer.transposed, biased)


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        geometry: _Geometry,
        transposed: bool,
        biased: int | None,
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry, ctx.transposed, ctx.biased = geometry, transposed, biased
        y = (_up if transposed else _down)(x, weight, bias if biased is None else None, geometry)
        if biased:
            y[:biased] += bias[:, None, None]
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        x, weight = ctx.saved_tensors
        # The two directions are each other's adjoints.
        small, large = (x, gradient) if ctx.transposed else (gradient, x)
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = (_down if ctx.transposed else _up)(gradient, weight, None, ctx.geometry)
        of_weight = _weight_gradient(small, large, weight, ctx.geometry)
        of_bias = gradient[: ctx.biased].sum((0, 2, 3))
        return of_x, of_weight, of_bias, None, None, None


def _down(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: _Geometry) -> Tensor:
    """Large images to small ones."""
    if geometry.by_patches(weight):
        width = _width(weight, x)
        y = F.linear(_patches(x, width, geometry), _matrix(weight, width), bias)
        return _images(y, geometry.small)
    return F.conv2d(x, weight, bias, geometry.stride, geometry.padding)


def _up(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: _Geometry) -> Tensor:
    """Small images to large ones."""
    kernel, stride, padding, large, small, _ = geometry
    if geometry.covering:
        y = _images((_rows(x) @ _matrix(weight, kernel)).view(-1, weight.shape[1]), large)
        return y if bias is None else y + bias[:, None, None]
    growth = large - ((small - 1) * stride - 2 * padding + kernel)
    return F.conv_transpose2d(x, weight, bias, stride, padding, growth)


def _weight_gradient(small: Tensor, large: Tensor, weight: Tensor, geometry: _Geometry) -> Tensor:
    if geometry.by_patches(weight):
        width, kernel = _width(weight, large), geometry.kernel
        matrix = _rows(small).T @ _patches(large, width, geometry)
        return matrix.unflatten(1, (width, width, -1))[:, :kernel, :kernel].permute(0, 3, 1, 2)
    both, none, only_weight = [geometry.padding] * 2, [0, 0], [False, True, False]
    return torch.ops.aten.convolution_backward(
        small, large, weight, None, [geometry.stride] * 2, both, [1, 1], False, none, 1, only_weight
    )[1]


def _one_channel(weight: Tensor) -> bool:
    return weight.shape[1] == 1


def _width(weight: Tensor, x: Tensor) -> int:
    """How wide to make kernels: CUDA's matrix products want rows of 16 values, which one channel gives when
    its kernel is widened with zeros to 4 x 4."""
    return max(4, weight.shape[-1]) if _one_channel(weight) and x.is_cuda else weight.shape[-1]


def _rows(x: Tensor) -> Tensor:
    """Each place of each image as a row of its channels: (n, c, s, s) to (n s^2, c)."""
    return x.permute(0, 2, 3, 1).flatten(0, 2)


def _images(rows: Tensor, side: int) -> Tensor:
    """The inverse of `_rows`: (n s^2, c) to (n, c, s, s), s being `side`."""
    return rows.unflatten(0, (-1, side, side)).permute(0, 3, 1, 2)


def _patches(x: Tensor, width: int, geometry: _Geometry) -> Tensor:
    """What each place of the small images sees of the large: (n, c, l, l) to (n s^2, width^2 c)."""
    stride, before, large, small = geometry.stride, geometry.padding, geometry.large, geometry.small
    after = (small - 1) * stride + width - large - before
    x = _pad(x, before, after).permute(0, 2, 3, 1)
    windows = x.unfold(1, width, stride).unfold(2, width, stride)
    return windows.permute(0, 1, 2, 4, 5, 3).reshape(-1, width * width * x.shape[-1])


def _matrix(weight: Tensor, width: int) -> Tensor:
    """Weights as a matrix for `_patches`: (small's channels, c, k, k) to (small's channels, width^2 c)."""
    return _pad(weight, 0, width - weight.shape[-1]).permute(0, 2, 3, 1).flatten(1)


def _pad(x: Tensor, before: int, after: int) -> Tensor:
    """Zeros around images; without any, `x` itself, of which F.pad would make a copy."""
    return F.pad(x, (before, after, before, after)) if before or after else x
