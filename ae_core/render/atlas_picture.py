"""A map of digits as one picture: the digits themselves where there is room, else points and numerals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

SIDE = 840
"""Of the picture, in pixels, before the page scales it."""
MARGIN = 20
"""Around the places, in pixels."""
CLASS_COLOURS = (
    "#0b7fc7",
    "#d55e00",
    "#00916a",
    "#c0569b",
    "#927200",
    "#7468d8",
    "#c2403a",
    "#00869b",
    "#7b8794",
    "#a0643c",
)
"""Of the digits 0 to 9, each as plain on light as on dark; the numerals say the same without colour."""
_DIGITS = tuple("0123456789")
_LONGEST_NAME = 3
"""Letters of a class on the map."""
_CELL = 28
"""Pixels: as large as a digit."""
_SPARSE = 2
"""Images in a cell, up to which one of them is drawn itself."""
_NUMERAL_CELL = 14
_NUMERAL_SIZE = 13


def share_of(place: np.ndarray) -> tuple[float, float]:
    """Where on the picture a place (2,) of a map lies: shares of its width from the left and the top."""
    inside = SIDE - 2 * MARGIN
    return (MARGIN + float(place[0]) * inside) / SIDE, (MARGIN + (1 - float(place[1])) * inside) / SIDE


def atlas_picture(
    places: np.ndarray, images: np.ndarray, labels: np.ndarray | None, names: Sequence[str] = _DIGITS
) -> np.ndarray:
    """The map as a picture, transparent where there is nothing.

    Args:
        places: of the images, shape (n, 2), in [0, 1]: across and up.
        images: uint8, shape (n, 28, 28).
        labels: the class of each, shape (n,); None: all are drawn alike, without names.
        names: of the classes; more than ten share colours.
    Returns:
        uint8 RGBA, shape (840, 840, 4).
    """
    inside = SIDE - 2 * MARGIN
    across = MARGIN + places[:, 0] * inside
    down = MARGIN + (1 - places[:, 1]) * inside
    colours = np.array([ImageColor.getrgb(colour) for colour in CLASS_COLOURS], dtype=np.uint8)
    picture = np.zeros((SIDE, SIDE, 4), dtype=np.uint8)
    shades = np.zeros(len(places), dtype=int) if labels is None else labels % len(colours)
    _points(picture, across, down, colours[shades])
    cells = (down // _CELL).astype(int) * (SIDE // _CELL) + (across // _CELL).astype(int)
    counts = np.bincount(cells, minlength=(SIDE // _CELL) ** 2)
    drawn = [np.flatnonzero(cells == cell)[0] for cell in np.flatnonzero((counts > 0) & (counts <= _SPARSE))]
    for index in drawn:
        _digit(picture, across[index], down[index], images[index], colours[shades[index]])
    if labels is None:
        return picture
    texts = [names[label][:_LONGEST_NAME] for label in labels.tolist()]
    return _names(picture, across, down, texts, shades, taken=set(cells[drawn].tolist()), cells=cells)


def _points(picture: np.ndarray, across: np.ndarray, down: np.ndarray, colours: np.ndarray) -> None:
    for right in (0, 1):
        for below in (0, 1):
            place = down.astype(int) + below, across.astype(int) + right
            picture[place[0], place[1], :3] = colours
            picture[place[0], place[1], 3] = 150


def _digit(picture: np.ndarray, across: float, down: float, image: np.ndarray, colour: np.ndarray) -> None:
    """The ink of an image in the colour of its digit, over whatever is there."""
    top = int(np.clip(down - _CELL / 2, 0, SIDE - _CELL))
    left = int(np.clip(across - _CELL / 2, 0, SIDE - _CELL))
    part = picture[top : top + _CELL, left : left + _CELL]
    part[..., :3] = colour
    part[..., 3] = image


def _names(
    picture: np.ndarray,
    across: np.ndarray,
    down: np.ndarray,
    texts: Sequence[str],
    shades: np.ndarray,
    taken: set[int],
    cells: np.ndarray,
) -> np.ndarray:
    """The class of one image of each small cell, but where images themselves are drawn."""
    sheet = Image.fromarray(picture)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_NUMERAL_SIZE)
    small = (down // _NUMERAL_CELL).astype(int) * (SIDE // _NUMERAL_CELL) + (across // _NUMERAL_CELL).astype(
        int
    )
    _, first = np.unique(small, return_index=True)
    for index in first:
        if cells[index] not in taken:
            colour = CLASS_COLOURS[shades[index]]
            draw.text((across[index], down[index]), texts[index], colour, font, anchor="mm")
    return np.asarray(sheet)
