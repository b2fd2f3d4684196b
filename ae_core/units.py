"""Single units of a code: what each adds to a picture, and which test images it answers to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ae_core.data import to_float
from ae_core.metrics import activation_density, dead_units, hoyer, l0
from ae_core.model import Autoencoder

_CHUNK = 1000


@dataclass(frozen=True)
class UnitUse:
    """How each unit of a model answers to a set of images."""

    density: Tensor
    """Share of the images on which the unit is active, shape (K,)."""
    examples: Tensor
    """The images that activate it most, as indices, the strongest first, shape (K, examples)."""
    hoyer: float
    """Mean Hoyer sparsity of the images' codes."""
    l0: float
    """Mean number of units that are not zero."""
    dead_units: int
    """Units that hardly change over the images."""


@torch.inference_mode()
def unit_use(model: Autoencoder, images: Tensor, max_activation: Tensor, examples: int) -> UnitUse:
    """Encode a set of images and read off how each unit is used.

    Args:
        images: uint8, shape (n, 1, 28, 28).
        max_activation: the largest activation of each unit, shape (K,).
        examples: how many images to keep a unit, at most n.
    """
    codes = torch.cat([model.encode(to_float(chunk)) for chunk in images.split(_CHUNK)])
    strongest = codes.topk(examples, dim=0).indices.T
    density = activation_density(codes, max_activation)
    return UnitUse(density, strongest, hoyer(codes), l0(codes), dead_units(codes))


def strongest_units(code: Tensor, count: int) -> list[int]:
    """The units that fire most in a code (K,), the strongest first; fewer where fewer fire at all."""
    size, unit = code.abs().topk(min(count, len(code)))
    return unit[size > 0].tolist()


def without_units(code: Tensor, units: Iterable[int]) -> Tensor:
    """The code (K,) with some units switched off."""
    remaining = code.clone()
    remaining[list(units)] = 0
    return remaining


@torch.inference_mode()
def contributions(model: Autoencoder, code: Tensor, units: list[int]) -> Tensor:
    """What each unit adds to the shown picture: decoded with it, minus decoded without it.

    Both are clamped to [0, 1] as everywhere on the page. Units act together, so their contributions need not
    add up to the picture.

    Args:
        code: shape (K,).
    Returns:
        Shape (units, 28, 28).
    """
    codes = torch.stack([code, *(without_units(code, [unit]) for unit in units)])
    whole, *lacking = model.decode(codes).clamp(0, 1)[:, 0]
    return torch.stack([whole - one for one in lacking]) if lacking else whole.new_zeros(0, *whole.shape)
