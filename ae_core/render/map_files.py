"""The maps of one drawing as pictures of their own, at any scale, and as numbers."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from ae_core.data import IMAGE_SIZE
from ae_core.render import maps
from ae_core.render.export import Exhibit

SCALES = (1, 2, 4, 8, 16, 32)
"""Pixels of a picture for each pixel of a map, along a side."""


def maps_to_zip(exhibit: Exhibit, scale: int) -> bytes:
    """Each map of a drawing under one model as a PNG, coloured from 0 to its largest value, and as a `.npy`.

    Args:
        scale: pixels for each pixel of the map, along a side; a code is drawn about as large.
    """
    seen, pixels = exhibit.inspection, scale * IMAGE_SIZE
    values = {
        "drawing": seen.x,
        "reconstruction": seen.reconstruction,
        "error": seen.error,
        "code": exhibit.code_map_values,
        "sensitivity": seen.sensitivity_map,
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in values.items():
            archive.writestr(f"{name}.png", maps.to_png(_picture(name, value, pixels)))
            numbers = io.BytesIO()
            np.save(numbers, value, allow_pickle=False)
            archive.writestr(f"{name}.npy", numbers.getvalue())
    return packed.getvalue()


def _picture(name: str, value: np.ndarray, pixels: int) -> np.ndarray:
    if name in ("drawing", "reconstruction"):
        return maps.grey_picture(value, pixels)
    draw = maps.code_map if name == "code" else maps.heat_map
    return draw(value, float(value.max()), pixels)
