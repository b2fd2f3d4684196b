"""Samples of a set of images as one picture: a row per class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ae_core.render import maps
from ae_core.render.lettering import write

_CELL = 56
"""Pixels along an image: twice its own."""
_GAP = 4
_LETTERS = 16
_WIDEST_NAME = 400


def draw_samples(rows: Sequence[tuple[str, np.ndarray]]) -> bytes:
    """A PNG with a row per class: its name, then its images.

    Args:
        rows: names, and images as uint8, shape (n, 28, 28).
    """
    longest = max(len(name) for name, _ in rows)
    left = _GAP + min(_WIDEST_NAME, longest * (_LETTERS * 2 // 3)) + (_GAP if longest else 0)
    columns = max(len(images) for _, images in rows)
    size = (left + columns * (_CELL + _GAP), len(rows) * (_CELL + _GAP) + _GAP)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for number, (name, images) in enumerate(rows):
        top = _GAP + number * (_CELL + _GAP)
        write(draw, _GAP, top + (_CELL - _LETTERS) // 2, name, _LETTERS)
        for column, image in enumerate(images):
            large = Image.fromarray(image).resize((_CELL, _CELL), Image.Resampling.NEAREST)
            sheet.paste(large, (left + column * (_CELL + _GAP), top))
    return maps.to_png(np.asarray(sheet))
