"""Any picture as one of 28 x 28: how it is made to fit."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from PIL import Image

from ae_core.config import IMAGE_SIZE
from ae_core.drawing import to_mnist
from ae_core.errors import DataError

Fit = Literal["fit", "centre", "as-is"]
FITS: tuple[Fit, ...] = get_args(Fit)
FIT_HELP = (
    "How a picture becomes 28 x 28. fit: the whole picture, scaled in its proportions. centre: its ink "
    "alone, "
    "light on dark or dark on light, scaled into 20 x 20 and centred by its mass, as in MNIST. as-is: only "
    "pictures of 28 x 28 are taken."
)

_FAINTEST = 0.1
"""Of the strongest ink."""


def fit_all(images: np.ndarray, how: Fit, name: str) -> np.ndarray:
    """Pictures of one size as images of 28 x 28.

    Args:
        images: uint8, shape (n, height, width): light on dark, as MNIST is.
        name: of where they come from, for sentences.
    Returns:
        uint8, shape (n, 28, 28).
    Raises:
        DataError: for `as-is`, if they have another size.
    """
    if images.shape[1:] == (IMAGE_SIZE, IMAGE_SIZE) and how != "centre":
        return images
    fitted = np.empty((len(images), IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    for index, image in enumerate(images):
        fitted[index] = fit_one(image.astype(np.float32) / 255, how, name)
    return fitted


def fit_one(grey: np.ndarray, how: Fit, name: str) -> np.ndarray:
    """A picture as an image of 28 x 28, uint8.

    Args:
        grey: its brightness in [0, 1], float32, shape (height, width).
        name: of the picture, for sentences.
    Raises:
        DataError: for `as-is`, if it has another size.
    """
    if how == "centre":
        return _centred(grey)
    height, width = grey.shape
    if how == "as-is" and (height, width) != (IMAGE_SIZE, IMAGE_SIZE):
        raise DataError(
            f"{name} is {width} x {height} pixels, not {IMAGE_SIZE} x {IMAGE_SIZE}: choose --fit fit or "
            "centre."
        )
    return _as_bytes(_scaled(grey))


def _scaled(grey: np.ndarray) -> np.ndarray:
    """The whole picture, its longer side 28 pixels, on ground of its border's brightness."""
    height, width = grey.shape
    if height == width == IMAGE_SIZE:
        return grey
    scale = IMAGE_SIZE / max(height, width)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    # What shrinks is averaged, as the canvas is; what grows is smoothed.
    filtered = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    scaled = np.asarray(Image.fromarray(grey).resize(size, filtered))
    image = np.full((IMAGE_SIZE, IMAGE_SIZE), _ground(grey), dtype=np.float32)
    top, left = (IMAGE_SIZE - scaled.shape[0]) // 2, (IMAGE_SIZE - scaled.shape[1]) // 2
    image[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return image


def _centred(grey: np.ndarray) -> np.ndarray:
    """The ink as the canvas centres it; nothing for a picture without any."""
    if _ground(grey) > (float(grey.min()) + float(grey.max())) / 2:
        grey = 1 - grey
    ink = grey - _ground(grey)
    # Grain of the ground is no ink: it would widen the box.
    ink[ink < _FAINTEST * ink.max()] = 0
    centred = to_mnist(_as_bytes(ink))
    if centred is None:
        return np.zeros((IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    return _as_bytes(centred[0, 0].numpy())


def _ground(grey: np.ndarray) -> float:
    """The brightness of what the picture is drawn on: its border's."""
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))


def _as_bytes(grey: np.ndarray) -> np.ndarray:
    return np.round(255 * grey).clip(0, 255).astype(np.uint8)
