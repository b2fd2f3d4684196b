"""Arrays as pictures, for what changes with every stroke. The one place for colour maps and picture sizes.

Magnitudes use cividis and signed values red-white-blue: both read the same with and without colour vision.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image
from plotly.colors import sample_colorscale

SEQUENTIAL = "Cividis"
DIVERGING = "RdBu_r"
MAP_PIXELS = 280
"""Width of a map, in pixels, before the page scales it."""
CELL_PIXELS = 112
"""Likewise for a map in a grid of many."""
GRID_GAP = 1 / 14
"""Between the maps of a grid, as a share of a map's width."""

MapDrawer = Callable[[np.ndarray, float, int], np.ndarray]
"""Draws values, given the largest value of the scale and a width in pixels: `heat_map` and `code_map`."""

TILES_PER_ROW = 16
"""Of a code's wall."""
WEAKEST = 0.15
"""How far into its colours the map of the weakest model reaches: its shape is still seen."""
TILE_GAP = 1
"""Between two tiles, in units."""
_DECADES = 4
"""How far a logarithmic scale reaches down from the largest value, at most."""


@cache
def palette(name: str = SEQUENTIAL) -> np.ndarray:
    """The 256 colours of a colour map, the lowest first: uint8 RGB, shape (256, 3)."""
    colours = sample_colorscale(name, np.linspace(0, 1, 256), colortype="tuple")
    return np.round(255 * np.array(colours)).astype(np.uint8)


@cache
def css_gradient(name: str = SEQUENTIAL, stops: int = 9) -> str:
    """The colour map as a CSS gradient, low on the left."""
    picked = palette(name)[np.linspace(0, 255, stops).astype(int)]
    return f"linear-gradient(to right, {', '.join(f'rgb({r},{g},{b})' for r, g, b in picked)})"


def grey_picture(image: np.ndarray, pixels: int = MAP_PIXELS) -> np.ndarray:
    """Values in [0, 1], shape (28, 28), as ink on black: uint8, enlarged without smoothing."""
    return _enlarge(np.round(255 * np.clip(image, 0, 1)).astype(np.uint8), pixels)


def heat_map(values: np.ndarray, largest: float, pixels: int = MAP_PIXELS) -> np.ndarray:
    """Values from 0 to `largest` in the sequential colours: uint8 RGB, enlarged without smoothing.

    A map that is 0 everywhere is shown in the lowest colour.
    """
    return _enlarge(_colour(_share(values, largest)), pixels)


def signed_map(values: np.ndarray, largest: float, pixels: int = MAP_PIXELS) -> np.ndarray:
    """Values from -largest (blue) over 0 (white) to largest (red): uint8 RGB, enlarged without smoothing."""
    share = np.clip(values / largest, -1, 1) if largest > 0 else np.zeros_like(values)
    return _enlarge(palette(DIVERGING)[np.round(127.5 * (share + 1)).astype(np.uint8)], pixels)


def strength_of(share: float) -> float:
    """How far into its colours a map reaches, in (0, 1], by where its model lies among those of the ladder.

    A linear scale over the ladder would show the maps of the one strongest model alone, and a logarithmic one
    flattens the shape of each. So each map is divided by its own largest value, for the shape, and multiplied
    by its strength, for what differs between the models.

    Args:
        share: the place on the ladder's logarithmic axis, in [0, 1].
    """
    return WEAKEST + (1 - WEAKEST) * share


def colours_end(values: np.ndarray, strength: float) -> float:
    """The value at the end of the colours of a map of this strength: what `heat_map` takes as the largest."""
    return float(np.abs(values).max()) / strength


def code_map(
    code: np.ndarray, largest: float, pixels: int = MAP_PIXELS, order: np.ndarray | None = None
) -> np.ndarray:
    """A code as a wall of tiles, one per channel: (128, 3, 3) gives 8 rows of 16 tiles of 3 x 3.

    Negative activations of a linear code are shown by their magnitude.

    Args:
        order: the channels as they follow each other, row by row; by number if it is left out.
    """
    if order is not None:
        code = code[order]
    channels, height, width = code.shape
    pictures = _colour(_share(np.abs(code), largest))
    rows = -(-channels // TILES_PER_ROW)
    gap = TILE_GAP
    wall = np.zeros((rows * (height + gap) - gap, TILES_PER_ROW * (width + gap) - gap, 3), dtype=np.uint8)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, TILES_PER_ROW)
        top, left = row * (height + gap), column * (width + gap)
        wall[top : top + height, left : left + width] = picture
    return _enlarge(wall, pixels)


class LogScale(NamedTuple):
    """A logarithmic colour scale of magnitudes; what lies below it, 0 included, has its lowest colour."""

    smallest: float
    largest: float

    @classmethod
    def over(cls, maps: Sequence[np.ndarray]) -> LogScale:
        """The scale that ends at the largest magnitude of all maps and reaches down four decades at most."""
        sizes = [np.abs(one) for one in maps]
        largest = max(float(one.max()) for one in sizes)
        smallest = min(float(one[one > 0].min(initial=largest)) for one in sizes)
        return cls(max(smallest, largest / 10**_DECADES), largest)

    def share(self, values: np.ndarray) -> np.ndarray:
        """Where values lie on the scale, in [0, 1]: what the sequential maps take, with a largest of 1."""
        if self.largest <= self.smallest:
            return (np.abs(values) > 0).astype(np.float32)
        sizes = np.clip(np.abs(values), self.smallest, self.largest)
        return np.log(sizes / self.smallest) / np.log(self.largest / self.smallest)


def grid(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Pictures of one size in rows and columns, transparent between them: uint8 RGBA."""
    height, width = rows[0][0].shape[:2]
    gap = round(GRID_GAP * width)
    down, across = len(rows), len(rows[0])
    sheet = np.zeros((down * (height + gap) - gap, across * (width + gap) - gap, 4), dtype=np.uint8)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            top, left = row * (height + gap), column * (width + gap)
            cell = sheet[top : top + height, left : left + width]
            cell[..., :3] = picture if picture.ndim == 3 else picture[..., None]
            cell[..., 3] = 255
    return sheet


def to_png(picture: np.ndarray, compress_level: int = 1) -> bytes:
    """A picture (grey, RGB or RGBA) as a PNG file.

    Args:
        compress_level: of zlib. Small pictures are sent many times a second: packing them harder takes longer
            than sending them.
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", compress_level=compress_level)
    return buffer.getvalue()


def packed(values: np.ndarray) -> str:
    """Numbers for a script, which takes them as a typed array: their bytes in base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def data_url(png: bytes) -> str:
    """A PNG file as an address that holds it in itself."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _share(values: np.ndarray, largest: float) -> np.ndarray:
    return np.clip(values / largest, 0, 1) if largest > 0 else np.zeros_like(values)


def _colour(share: np.ndarray) -> np.ndarray:
    return palette(SEQUENTIAL)[np.round(255 * share).astype(np.uint8)]


def _enlarge(image: np.ndarray, pixels: int) -> np.ndarray:
    factor = max(1, pixels // image.shape[1])
    return image.repeat(factor, axis=0).repeat(factor, axis=1)
