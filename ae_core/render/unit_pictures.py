"""The activations of a small code as a picture of bars, for what changes with every move of the pen."""

from __future__ import annotations

import numpy as np
from PIL import ImageColor

from ae_core.render.chart_style import ACTIVE_COLOUR, LINE_COLOURS, QUIET_COLOUR

_HEIGHT = 96
_BAR = 2
_GAP = 1
"""Between two bars, in pixels."""


def bars(
    code: np.ndarray,
    active: np.ndarray,
    mean_activation: np.ndarray,
    sparsity_target: float | None,
    top: float,
) -> np.ndarray:
    """One bar per unit, the active ones in colour; a dot marks each unit's mean on the test set, a line rho.

    Args:
        code, active, mean_activation: shape (K,); of a linear code the magnitudes are shown.
        top: the activation at the upper edge, above 0.
    Returns:
        uint8 RGBA, transparent where there is nothing, shape (96, 3 K, 4).
    """
    picture = np.zeros((_HEIGHT, len(code) * (_BAR + _GAP), 4), dtype=np.uint8)
    active_colour, quiet_colour, mean_colour = map(_rgba, (ACTIVE_COLOUR, QUIET_COLOUR, LINE_COLOURS[0]))
    for unit, (value, is_active, mean) in enumerate(
        zip(np.abs(code), active, np.abs(mean_activation), strict=True)
    ):
        left = unit * (_BAR + _GAP)
        columns = slice(left, left + _BAR)
        picture[_row(value, top) :, columns] = active_colour if is_active else quiet_colour
        dot = min(_row(mean, top), _HEIGHT - 2)
        picture[dot : dot + 2, columns] = mean_colour
    if sparsity_target is not None:
        picture[min(_row(sparsity_target, top), _HEIGHT - 1), ::2] = mean_colour
    return picture


def _row(value: float, top: float) -> int:
    """How far from the upper edge a bar of this value begins."""
    share = min(value / top, 1.0) if top > 0 else 0.0
    return round((1 - share) * _HEIGHT)


def _rgba(colour: str) -> tuple[int, int, int, int]:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue, 255
