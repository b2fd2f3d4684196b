"""One drawing under one model as a picture: its maps side by side, with their scales and values."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from ae_core.render import maps
from ae_core.render.export import Exhibit
from ae_core.render.lettering import write

_MARGIN = 24
_LINE = 26
_HEADING, _TEXT = 20, 16
"""Heights of the letters, in pixels."""


class _Panel(NamedTuple):
    title: str
    picture: np.ndarray
    """uint8, with or without colours."""
    lines: tuple[str, ...]
    """What stands under it."""


def draw_sheet(exhibit: Exhibit) -> bytes:
    """The drawing's maps under one model, as a PNG."""
    panels = _panels(exhibit)
    height = 5 * _LINE + max(len(panel.picture) for panel in panels) + 2 * _MARGIN
    sheet = Image.new("RGB", (len(panels) * (maps.MAP_PIXELS + _MARGIN) + _MARGIN, height), "white")
    draw = ImageDraw.Draw(sheet)
    write(draw, _MARGIN, _MARGIN // 2, f"Autoencoder Lab: {exhibit.describe()}", _HEADING)
    top = _MARGIN + _LINE
    for index, (title, picture, lines) in enumerate(panels):
        left = _MARGIN + index * (maps.MAP_PIXELS + _MARGIN)
        write(draw, left, top, title, _HEADING)
        sheet.paste(Image.fromarray(picture), (left, top + _LINE + 4))
        for number, line in enumerate(lines):
            write(draw, left, top + _LINE + len(picture) + 10 + number * _LINE, line, _TEXT)
    return maps.to_png(np.asarray(sheet))


def _panels(exhibit: Exhibit) -> list[_Panel]:
    seen, code = exhibit.inspection, exhibit.code_map_values
    x, reconstruction, error, sensitivity = seen.x, seen.reconstruction, seen.error, seen.sensitivity_map
    largest_error, largest_code = float(error.max()), float(code.max())
    largest_sensitivity = float(sensitivity.max())
    active = f"{seen.active_count} of {code.size} active"
    norm = f"squared Jacobian norm {seen.jacobian_sq_norm:.4g}"
    return [
        _Panel("Drawing", maps.grey_picture(x), ("as the model sees it",)),
        _Panel("Reconstruction", maps.grey_picture(reconstruction), (f"MSE {seen.mse:.6f}",)),
        _Panel("Error", maps.heat_map(error, largest_error), (f"0 to {largest_error:.3g}",)),
        _Panel("Code", maps.code_map(code, largest_code), (f"0 to {largest_code:.3g}", active)),
        _Panel(
            "Sensitivity",
            maps.heat_map(sensitivity, largest_sensitivity),
            (f"0 to {largest_sensitivity:.3g}", norm),
        ),
    ]
