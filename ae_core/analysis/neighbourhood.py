"""The neighbourhood of a picture: how far a code moves when the picture does, from nearby to far away.

Random directions come from seeds, so that every model is asked in the same directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ae_core.analysis.codes import rms_distance
from ae_core.analysis.estimates import Estimate, root_mean_square
from ae_core.analysis.evaluation import reconstruct
from ae_core.analysis.linearization import Linearization
from ae_core.data import IMAGE_SIZE, MNIST, DataSet, Picture, to_array, to_float
from ae_core.jacobian.probes import pushforward
from ae_core.model import Autoencoder

RADII = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Of the contraction curves that are shown."""
DIRECTIONS = 16
"""Random directions of such a curve at one drawing; over many test digits each has one."""
_NEAR = 0.002
"""Below this distance two codes are so alike that single precision would show in their difference."""
_WALK_SEED = 1


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
    directions: int = 1,
    seed: int = 0,
) -> list[float]:
    """How far the code moves per unit of distance, when the picture moves by r in a random direction.

        root mean square over images and u of ||h(x + r u) - h(x)|| / (r * spread)

    with isotropic unit directions u for each image; one value per radius. As r tends to 0 it tends to the
    root mean square of ||J u|| / spread, which for one image and all u is ||J||_F / (sqrt(D) * spread).

    Rifai et al., "Contractive Auto-Encoders", ICML 2011, section 5.3, there as a ratio of distances.

    Args:
        x: images, shape (batch, 1, 28, 28).
        radii: distances ||r u||, above 0, where a pixel from black to white is 1.
        spread: of the model's codes over the test set, above 0.
        directions: how many per image.
    """
    x = x.repeat_interleave(directions, 0)
    steps = random_directions(len(x), torch.Generator().manual_seed(seed))
    curve = []
    starts: dict[torch.dtype, Tensor] = {}
    for radius in radii:
        start = _precise_enough(x, radius)
        precise = _in_precision_of(start, model)
        # In a batch of the same size: in another one the same picture's code differs in its last digit.
        if start.dtype not in starts:
            starts[start.dtype] = precise.encode(start)
        moved = precise.encode(start + radius * steps)
        curve.append(rms_distance(starts[start.dtype], moved) / spread / radius)
    return curve


# A set is equal to itself alone.
@lru_cache(maxsize=8)
def distance_between_examples(data: DataSet = MNIST) -> float:
    """How far training images lie apart: the median distance of 1,000 to the nearest of 10,000 others.

    Of a smaller set, of a tenth of its images to the nearest of the others.

    Up to about there a contraction ratio is said to rise (Rifai et al., ICML 2011, section 5.3).
    """
    pixels = to_float(data.images("train")[:11_000]).flatten(1)
    few = min(1000, -(-len(pixels) // 10))
    return torch.cdist(pixels[:few], pixels[few:]).min(1).values.median().item()


@torch.inference_mode()
def linear_reach(
    model: Autoencoder,
    x: Picture,
    radii: Sequence[float],
    curve: Sequence[float],
    spread: float,
    share: float,
    directions: int = 1,
    seed: int = 0,
) -> float | None:
    """Up to which of the rising radii a contraction curve stays within a share of what the Jacobian says.

    Args:
        radii, spread, directions, seed: as `contraction_curve` had them.
        curve: what it gave for this picture.
        share: the largest deviation allowed, as a share of what the Jacobian says.
    Returns:
        None if the curve is farther off even at the first radius, or the code does not move.
    """
    steps = random_directions(directions, torch.Generator().manual_seed(seed))
    moved = pushforward(model.encoder, x, steps[:, None]).tangents.flatten(1)
    linear = rms_distance(torch.zeros_like(moved), moved) / spread
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
        distances: where a pixel from black to white is 1.
    """
    moves = []
    for distance in distances:
        start = _precise_enough(x, distance)
        moves.append(code_distances(model, start, start + distance * directions))
    return [move.square().mean().sqrt().item() for move in moves]


def walk_directions(count: int) -> Tensor:
    """The random directions that walks along a tangent are compared with, shape (count, 1, 28, 28)."""
    return random_directions(count, torch.Generator().manual_seed(_WALK_SEED))


@torch.inference_mode()
def tangent_and_random(
    model: Autoencoder, x: Picture, tangent: Tensor, distance: float, directions: Tensor
) -> tuple[float, Estimate]:
    """How far a step of this length moves the code along a tangent, and in random directions.

    Args:
        tangent: a unit direction, shape (28, 28).
        directions: unit directions, shape (count, 1, 28, 28).
    """
    start = x.double()
    moved = start + distance * torch.cat([tangent[None, None], directions]).double()
    along, *others = code_distances(model, start, moved).tolist()
    return along, root_mean_square(torch.tensor(others))


@dataclass(frozen=True)
class WalkPath:
    """What becomes of a picture and its code along one direction or several."""

    moved: np.ndarray
    """The picture after the step, along the first of the directions, shape (28, 28)."""
    reconstruction: np.ndarray
    """Of the moved picture, clamped to [0, 1], shape (28, 28)."""
    code_moves: list[float]
    """How far the code moves at each of the distances, root mean square over the directions."""
    slope: float
    """That movement per unit of distance, to first order."""


@dataclass(frozen=True)
class TangentWalk:
    """A step along a tangent beside steps as long in random directions."""

    along_tangent: WalkPath
    at_random: WalkPath
    code_moved: float
    """By the step along the tangent."""
    code_moved_at_random: Estimate
    """By a step in a random direction, root mean square."""


@torch.inference_mode()
def walk_tangent(
    model: Autoencoder,
    x: Picture,
    local: Linearization,
    tangent: np.ndarray,
    distance: float,
    distances: Sequence[float],
    directions: int,
) -> TangentWalk:
    """Move a picture along a tangent and as far in random directions.

    Args:
        local: the linearization of `model` around `x`.
        tangent: a unit direction, shape (28, 28).
        distance: of the step; below 0 it goes the other way, and so do the paths.
        distances: along the paths, above 0.
        directions: how many random ones.
    """
    straight, random = torch.from_numpy(tangent)[None, None], walk_directions(directions)
    code_moved, at_random = tangent_and_random(model, x, straight[0, 0], distance, random)
    return TangentWalk(
        _path(model, x, local, straight, distance, distances),
        _path(model, x, local, random, distance, distances),
        code_moved,
        at_random,
    )


def _path(
    model: Autoencoder,
    x: Picture,
    local: Linearization,
    directions: Tensor,
    distance: float,
    distances: Sequence[float],
) -> WalkPath:
    moved = x + distance * directions[:1]
    slopes = torch.from_numpy(local.jacobian) @ directions.flatten(1).T
    sign = -1.0 if distance < 0 else 1.0
    return WalkPath(
        to_array(moved[0, 0]),
        to_array(reconstruct(model, moved)[0, 0]),
        walk(model, x, sign * directions, distances),
        slopes.square().sum(0).mean().sqrt().item(),
    )


def _precise_enough(x: Tensor, distance: float) -> Tensor:
    return x.double() if abs(distance) < _NEAR else x


def _in_precision_of(x: Tensor, model: Autoencoder) -> Autoencoder:
    return model if x.dtype == next(model.parameters()).dtype else deepcopy(model).to(x.dtype)
