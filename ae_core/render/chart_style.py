"""What all charts share: colours, sizes and logarithmic axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

ACTIVE_COLOUR = "#d55e00"
QUIET_COLOUR = "#8a94a3"
LINE_COLOURS = ("#0b7fc7", "#d55e00")
"""Vermilion, grey and blue keep apart for colour-blind eyes, on light and on dark (Okabe and Ito, 2008)."""
CHART_HEIGHT = 210
"""Pixels, of a chart in a narrow panel."""
VIEW_HEIGHT = 340
"""Pixels, of a chart in a view."""
PICTURE_DISTANCE = "distance between the pictures (a pixel from black to white: 1)"
"""The axis of a distance ||x' - x||, with its unit."""
LEGEND_ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}


def log_axis(*values: Sequence[float] | np.ndarray) -> dict[str, Any]:
    """A logarithmic axis over the values above 0, with a tick at each decade, of which two at least show."""
    every = np.concatenate([np.asarray(one, np.float64) for one in values]) if values else np.array([])
    every = np.log10(every[np.isfinite(every) & (every > 0)])
    axis = {"type": "log", "exponentformat": "power", "dtick": 1}
    if len(every) == 0:
        return axis
    low, high = float(every.min()), float(every.max())
    margin = 0.06 * max(high - low, 1.0)
    low, high = low - margin, high + margin
    # One tick alone tells no scale: the axis goes on to the next decade on the nearer side, or on both.
    wider = ((low, high), (np.floor(low), high), (low, np.ceil(high)), (np.floor(low), np.ceil(high)))
    low, high = min(
        (ends for ends in wider if np.floor(ends[1]) - np.ceil(ends[0]) >= 1),
        key=lambda ends: ends[1] - ends[0],
    )
    return {**axis, "range": [float(low), float(high)]}


def finish(figure: go.Figure, height: int = CHART_HEIGHT) -> go.Figure:
    """Give a chart the size, margins and font of all charts; returns the same chart."""
    figure.update_layout(
        height=height,
        margin={"l": 4, "r": 4, "t": 8, "b": 4},
        font={"size": 11},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_xaxes(automargin=True, title_standoff=4)
    figure.update_yaxes(automargin=True, title_standoff=4)
    return figure
