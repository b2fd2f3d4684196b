"""What all charts share: colours and axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ae_core.analysis.notation import power_notation

ACTIVE_COLOUR = "#d55e00"
QUIET_COLOUR = "#8a94a3"
LINE_COLOURS = ("#0b7fc7", "#d55e00")
"""Vermilion, grey and blue keep apart for colour-blind eyes, on light and on dark (Okabe and Ito, 2008)."""
TEXT_COLOURS = {"light": "#414b59", "dark": "#c3ccd8"}
"""No single colour reaches the contrast of 4.5 on a white page and on a dark one."""
PAGES = {"light": "#ffffff", "dark": "#11161d"}
"""The page's own colours."""
PLATES = {"light": "rgba(255, 255, 255, 0.8)", "dark": "rgba(17, 22, 29, 0.8)"}
"""Behind names on a chart, where a curve may pass under them: `PAGES`, not quite opaque."""
CHART_HEIGHT = 210
"""Pixels, of a chart in a narrow panel."""
VIEW_HEIGHT = 340
"""Pixels, of a chart in a view."""
PICTURE_DISTANCE = "distance between the pictures (a pixel from black to white: 1)"
"""The axis of a distance ||x' - x||, with its unit."""
NAME_MARGIN = 62
"""Pixels on the right of a chart for a line's name with its value."""
LEGEND_ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
_MOST_TICKS = 10


def log_axis(*values: Sequence[float] | np.ndarray) -> dict[str, Any]:
    """A logarithmic axis over the values above 0, with ticks at decades, of which two at least show."""
    every = _finite(values)
    every = np.log10(every[every > 0])
    if len(every) == 0:
        return {"type": "log", "exponentformat": "power", "dtick": 1}
    low, high = float(every.min()), float(every.max())
    margin = 0.06 * max(high - low, 1.0)
    low, high = low - margin, high + margin
    # One tick alone tells no scale: the axis goes on to the next decade on the nearer side, or on both. In
    # the very corner its tick would touch that of the other axis.
    below, above = np.floor(low) - margin, np.ceil(high) + margin
    wider = ((low, high), (below, high), (low, above), (below, above))
    low, high = min(
        (ends for ends in wider if np.floor(ends[1]) - np.ceil(ends[0]) >= 1),
        key=lambda ends: ends[1] - ends[0],
    )
    first, last = int(np.ceil(low)), int(np.floor(high))
    decades = range(first, last + 1, 1 + (last - first) // _MOST_TICKS)
    return {
        "type": "log",
        "range": [float(low), float(high)],
        # Plotly's own powers are set in raised digits of 70 % of the size.
        "tickvals": [10.0**decade for decade in decades],
        "ticktext": [power_notation(10.0**decade) for decade in decades],
    }


def linear_axis(*values: Sequence[float] | np.ndarray, from_zero: bool = False) -> dict[str, Any]:
    """A linear axis over the values, with its range written out so that labels can be placed along it."""
    every = _finite(values)
    if len(every) == 0:
        return {"type": "linear", "rangemode": "tozero" if from_zero else "normal"}
    low, high = float(every.min()), float(every.max())
    margin = 0.04 * (high - low) or 0.5 * abs(high) or 0.5
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    starts_at_zero = from_zero and low == 0
    return {"type": "linear", "range": [low if starts_at_zero else low - margin, high + margin]}


def _finite(values: Sequence[Sequence[float] | np.ndarray]) -> np.ndarray:
    every = np.concatenate([np.asarray(one, np.float64) for one in values]) if values else np.array([])
    return every[np.isfinite(every)]
