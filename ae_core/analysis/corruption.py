"""Small changes of a picture: noise, shifts, turns, blur and erasing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ae_core.data import IMAGE_SIZE, Picture

_NOISE_SEED = 0
_BLUR_REACH = 3
"""Standard deviations that the blur's kernel reaches to either side."""


@dataclass(frozen=True)
class Corruption:
    """A family of changes with one strength; a strength of 0 changes nothing."""

    unit: str
    """What the strength counts."""
    largest: float
    """The strongest change on offer."""
    step: float
    """Between two strengths on offer."""
    initial: float
    """The strength that the page starts with."""
    apply: Callable[[Tensor, float], Tensor]
    """From images (batch, 1, 28, 28) and a strength above 0 to images of the same shape."""

    def strengths(self, count: int) -> list[float]:
        """Strengths on offer from 0 to the largest, evenly spread: `count`, or all if there are fewer."""
        steps = np.linspace(0, self.largest / self.step, count).round()
        return (np.unique(steps) * self.step).tolist()


def add_noise(x: Tensor, standard_deviation: float, generator: torch.Generator) -> Tensor:
    """Images with normal noise on each pixel, clamped to [0, 1], where pixels live.

    Args:
        x: shape (batch, 1, 28, 28), in [0, 1].
        standard_deviation: of the noise before clamping, where a pixel from black to white is 1.
        generator: of the CPU, so that every device sees the same noise.
    """
    noise = torch.randn(x.shape, generator=generator).to(x)
    return (x + standard_deviation * noise).clamp(0, 1)


def _noise(x: Tensor, strength: float) -> Tensor:
    # Of a generator of its own: the same picture must not flicker from run to run.
    return add_noise(x, strength, torch.Generator().manual_seed(_NOISE_SEED))


def _shift(x: Tensor, strength: float) -> Tensor:
    return _moved(x, [[1.0, 0.0, -2 * strength / IMAGE_SIZE], [0.0, 1.0, 0.0]])


def _rotate(x: Tensor, strength: float) -> Tensor:
    cos, sin = math.cos(math.radians(strength)), math.sin(math.radians(strength))
    return _moved(x, [[cos, -sin, 0.0], [sin, cos, 0.0]])


def _moved(x: Tensor, source: Sequence[Sequence[float]]) -> Tensor:
    """Each pixel taken from another place, bilinearly between the pixels there; black comes in from outside.

    torchvision's `affine` does the same; to import it takes seconds.

    Args:
        source: from where, a matrix (2, 3) on (x, y, 1), where the picture reaches from -1 to 1.
    """
    grid = F.affine_grid(x.new_tensor([source]).expand(len(x), 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def _blur(x: Tensor, strength: float) -> Tensor:
    reach = math.ceil(_BLUR_REACH * strength)
    kernel = (-0.5 * (torch.arange(-reach, reach + 1).to(x) / strength) ** 2).softmax(0)
    padded = F.pad(x, [reach] * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))


def _erase(x: Tensor, strength: float) -> Tensor:
    side = round(strength)
    corner = (IMAGE_SIZE - side) // 2
    erased = x.clone()
    erased[..., corner : corner + side, corner : corner + side] = 0
    return erased


FIRST_CORRUPTION = "Shift"
"""What Robustness shows at first."""
CORRUPTIONS: dict[str, Corruption] = {
    "Noise": Corruption("standard deviation, then clamped to [0, 1]", 0.5, 0.02, 0.1, _noise),
    "Shift": Corruption("pixels to the right", 4.0, 0.25, 1.0, _shift),
    "Rotation": Corruption("degrees", 45.0, 1.0, 10.0, _rotate),
    "Blur": Corruption("standard deviation in pixels", 2.0, 0.1, 0.5, _blur),
    "Erasing": Corruption("pixels along a square in the middle", 14.0, 1.0, 4.0, _erase),
}


def corrupt(name: str, x: Tensor, strength: float) -> Tensor:
    """Change pictures a little; the same picture and strength give the same result.

    Args:
        name: a key of `CORRUPTIONS`.
        x: shape (batch, 1, 28, 28), in [0, 1].
        strength: at least 0, in the corruption's unit; 0 returns `x` as it is.
    Raises:
        KeyError: for another name.
        ValueError: if the strength is below 0.
    """
    if strength < 0:
        raise ValueError(f"strength must be at least 0, not {strength}")
    return x if strength == 0 else CORRUPTIONS[name].apply(x, strength)


def corrupt_by(name: str, x: Picture, strengths: Sequence[float]) -> Tensor:
    """One picture changed by each of the strengths, shape (strengths, 1, 28, 28); raises as `corrupt`."""
    return torch.cat([corrupt(name, x, strength) for strength in strengths])


def add_noise_of_distance(picture: Picture, distance: float, draws: int) -> Tensor:
    """The picture with normal noise, clamped to [0, 1], at a distance from the picture: (draws, 1, 28, 28).

    Clamping bounds how far noise gets: a distance that it cannot reach it comes near.

    Args:
        distance: ||x' - x||, where a pixel from black to white is 1.
    """
    noise = torch.randn(draws, *picture.shape[1:], generator=torch.Generator().manual_seed(0))
    low, high = torch.zeros(draws, 1, 1, 1), torch.full((draws, 1, 1, 1), 16.0)
    for _ in range(40):
        strength = (low + high) / 2
        reached = ((picture + strength * noise).clamp(0, 1) - picture).flatten(1).norm(dim=1) < distance
        low = torch.where(reached[:, None, None, None], strength, low)
        high = torch.where(reached[:, None, None, None], high, strength)
    return (picture + low * noise).clamp(0, 1)
