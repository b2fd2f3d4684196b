"""Small changes of a picture, and how far they move a code."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import torch
from PIL import Image
from torch import Tensor

from ae_core.data import IMAGE_SIZE
from ae_core.metrics import CodeStatistics
from ae_core.model import Autoencoder

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
    initial: float
    apply: Callable[[Tensor, float], Tensor]


def _transforms() -> ModuleType:
    """torchvision's, imported when first used: it takes a second that a page which draws need not wait."""
    from torchvision.transforms.v2 import functional

    return functional


def _noise(x: Tensor, strength: float) -> Tensor:
    # torchvision's own noise has no generator: the same picture would flicker from run to run.
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(_NOISE_SEED))
    return (x + strength * noise).clamp(0, 1)


def _shift(x: Tensor, strength: float) -> Tensor:
    return _transforms().affine(
        x,
        angle=0.0,
        translate=[strength, 0.0],
        scale=1.0,
        shear=[0.0, 0.0],
        interpolation=Image.Resampling.BILINEAR,
    )


def _rotate(x: Tensor, strength: float) -> Tensor:
    return _transforms().rotate(x, strength, interpolation=Image.Resampling.BILINEAR)


def _blur(x: Tensor, strength: float) -> Tensor:
    return _transforms().gaussian_blur(x, [2 * math.ceil(_BLUR_REACH * strength) + 1] * 2, [strength] * 2)


def _erase(x: Tensor, strength: float) -> Tensor:
    side = round(strength)
    corner = (IMAGE_SIZE - side) // 2
    return _transforms().erase(x, corner, corner, side, side, torch.zeros(1))


CORRUPTIONS: dict[str, Corruption] = {
    "Noise": Corruption("standard deviation", 0.5, 0.02, 0.1, _noise),
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
        ValueError: if the strength is below 0.
    """
    if strength < 0:
        raise ValueError(f"strength must be at least 0, not {strength}")
    return x if strength == 0 else CORRUPTIONS[name].apply(x, strength)


@torch.inference_mode()
def code_shift(
    model: Autoencoder, x: Tensor, changed: Tensor, statistics: CodeStatistics
) -> list[float] | None:
    """How far each changed picture's code lies from that of `x`, over the code's own spread.

        ||h(changed) - h(x)|| / sqrt(mean ||h - h_bar||^2 over the test set)

    1 is as far as a test image lies from the mean code (root mean square). It does not change when the code
    is rescaled. None for a code that never changes.

    Args:
        x: shape (1, 1, 28, 28).
        changed: shape (batch, 1, 28, 28).
    """
    if statistics.code_variance == 0:
        return None
    # One batch: alone, the same picture's code differs in its last digit.
    code, codes = model.encode(torch.cat([x, changed])).split([1, len(changed)])
    distance = (codes - code).norm(dim=1)
    return (distance / math.sqrt(statistics.code_variance)).tolist()
