"""The neighbourhood of a picture: how far a code moves when the picture does, from nearby to far away."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor

from ae_core.data import IMAGE_SIZE
from ae_core.jacobian import encoder_jacobian
from ae_core.metrics import code_shift
from ae_core.model import Autoencoder

_NEAR = 0.002
"""Below this distance two codes are so alike that single precision would show in their difference."""


def random_directions(count: int, generator: torch.Generator) -> Tensor:
    """Isotropic unit directions (normal numbers, normalised), shape (count, 1, 28, 28)."""
    directions = torch.randn(count, 1, IMAGE_SIZE, IMAGE_SIZE, generator=generator)
    return directions / directions.flatten(1).norm(dim=1)[:, None, None, None]


@torch.inference_mode()
def code_distances(model: Autoencoder, x: Tensor, moved: Tensor) -> Tensor:
    """||h(moved) - h(x)|| of each moved picture, in the precision of the pictures: shape (batch,).

    Args:
        x: shape (1, 1, 28, 28).
        moved: shape (batch, 1, 28, 28).
    """
    # One batch: alone, the same picture's code differs in its last digit.
    code, codes = _in_precision_of(moved, model).encode(torch.cat([x, moved])).split([1, len(moved)])
    return (codes - code).norm(dim=1)


@torch.inference_mode()
def contraction_curve(
    model: Autoencoder,
    x: Tensor,
    radii: Sequence[float],
    spread: float,
    generator: torch.Generator,
) -> list[float]:
    """How far the code moves per unit of distance, when the picture moves by r in a random direction.

        root mean square over images of ||h(x + r u) - h(x)|| / (r * spread)

    with an isotropic unit direction u for each image. As r tends to 0 it tends to what the Jacobian does with
    those directions, on average over directions to ||J||_F / (sqrt(D) * spread).

    Rifai et al., "Contractive Auto-Encoders", ICML 2011, section 5.3, there as a ratio of distances.

    Args:
        x: images, shape (batch, 1, 28, 28).
        radii: distances in pixel intensity, above 0.
        spread: of the model's codes over the test set, above 0.
        generator: source of the directions.
    """
    directions = random_directions(len(x), generator)
    curve = []
    for radius in radii:
        start = _precise_enough(x, radius)
        both = torch.cat([start, start + radius * directions])
        codes, moved = _in_precision_of(both, model).encode(both).chunk(2)
        curve.append(code_shift(codes, moved, spread) / radius)
    return curve


@torch.inference_mode()
def linear_reach(
    model: Autoencoder,
    x: Tensor,
    radii: Sequence[float],
    curve: Sequence[float],
    spread: float,
    generator: torch.Generator,
    share: float,
) -> float | None:
    """Up to which of the rising radii a contraction curve stays within a share of what the Jacobian says.

    Args:
        x: the one image of the curve, as often as it had directions, shape (directions, 1, 28, 28).
        curve, spread: as `contraction_curve` gave and had them.
        generator: in the state that it had there, so that the directions are the same.
    Returns:
        None if the curve is not that near even at the first radius, or the code does not move.
    """
    directions = random_directions(len(x), generator).flatten(1)
    moved = directions @ encoder_jacobian(model, x[:1])[0].T
    linear = code_shift(torch.zeros_like(moved), moved, spread)
    reached = None
    for radius, value in zip(radii, curve, strict=True):
        if abs(value - linear) > share * linear or linear == 0:
            break
        reached = radius
    return reached


def walk(model: Autoencoder, x: Tensor, directions: Tensor, distances: Sequence[float]) -> list[float]:
    """How far the code moves, ||h(x + d v) - h(x)||, at each distance d, root mean square over directions v.

    Args:
        x: shape (1, 1, 28, 28).
        directions: unit directions, shape (count, 1, 28, 28).
    """
    moves = []
    for distance in distances:
        start = _precise_enough(x, distance)
        moves.append(code_distances(model, start, start + distance * directions))
    return [move.square().mean().sqrt().item() for move in moves]


def _precise_enough(x: Tensor, distance: float) -> Tensor:
    return x.double() if abs(distance) < _NEAR else x


def _in_precision_of(x: Tensor, model: Autoencoder) -> Autoencoder:
    return model if x.dtype == next(model.parameters()).dtype else deepcopy(model).to(x.dtype)
