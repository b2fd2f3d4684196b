"""From what a person draws to what a model trained on MNIST expects to see.

LeCun et al., "Gradient-based learning applied to document recognition", 1998: digits fit a 20 x 20 box and
are centred in 28 x 28 by their centre of mass.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ae_core.config import IMAGE_SIZE

BOX = 20
"""The longer side of the ink, in pixels."""
_CENTRE = 14
"""Where MNIST has the centre of mass, as a pixel index (its mean over the test set is 14.0 in both axes)."""


def to_mnist(image: np.ndarray) -> Tensor | None:
    """Scale ink into a 20 x 20 box, anti-aliased, its centre of mass at the centre of 28 x 28.

    Ink whose mass lies so far to one side that its box would leave the picture stays inside instead.

    Args:
        image: uint8, white ink on black, shape (height, width), or with 3 (RGB) or 4 (RGBA) channels last.
    Returns:
        Shape (1, 1, 28, 28) in [0, 1]; None for a blank image, which is no digit.
    Raises:
        ValueError: for another type or shape.
    """
    ink = _ink(image)
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not rows.size:
        return None
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    scale = BOX / max(bottom - top, right - left)
    size = max(1, round(scale * (right - left))), max(1, round(scale * (bottom - top)))
    # Floats, so that a speck of ink stays ink however far it is scaled down.
    cropped = Image.fromarray(ink[top:bottom, left:right].astype(np.float32) / 255)
    box = np.asarray(cropped.resize(size, Image.Resampling.BOX)).clip(0, 1)
    mnist = np.zeros((IMAGE_SIZE, IMAGE_SIZE), dtype=np.float32)
    row, column = _offset(box.sum(1)), _offset(box.sum(0))
    mnist[row : row + box.shape[0], column : column + box.shape[1]] = box
    return torch.from_numpy(mnist)[None, None]


def _ink(image: np.ndarray) -> np.ndarray:
    if (
        image.dtype != np.uint8
        or image.ndim not in (2, 3)
        or (image.ndim == 3 and image.shape[2] not in (3, 4))
    ):
        raise ValueError(f"expected a uint8 picture in grey, RGB or RGBA, not {image.dtype} {image.shape}")
    if image.ndim == 3 and image.shape[2] == 4:
        black = Image.new("RGBA", image.shape[1::-1], (0, 0, 0, 255))
        image = np.asarray(Image.alpha_composite(black, Image.fromarray(image)).convert("L"))
    elif image.ndim == 3:
        image = np.asarray(Image.fromarray(image).convert("L"))
    return image


def _offset(mass: np.ndarray) -> int:
    """Where a box with this mass along one axis starts."""
    centre = (mass @ np.arange(len(mass))) / max(mass.sum(), np.finfo(np.float32).tiny)
    return int(np.clip(round(_CENTRE - centre), 0, IMAGE_SIZE - len(mass)))
