"""What all charts share: colours, one size of text, and axes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ae_core.analysis.notation import power_notation
from ae_core.render.label_places import TEXT_SIZE

ACTIVE_COLOUR = "#d55e00"
QUIET_COLOUR = "#8a94a3"
LINE_COLOURS = ("#0b7fc7", "#d55e00")
"""Vermilion, grey and blue keep apart for colour-blind eyes, on light and on dark (Okabe and Ito, 2008)."""
TEXT_COLOURS = {"light": "#414b59", "dark": "#c3ccd8"}
"""No single colour reaches the contrast of 4.5 on a white page and on a dark one."""
PLATES = {"light": "rgba(255, 255, 255, 0.8)", "dark": "rgba(17, 22, 29, 0.8)"}
"""Behind names on a chart, where a curve may pass under them: the page's own colour, not quite opaque."""
CHART_HEIGHT = 210
"""Pixels, of a chart in a narrow panel."""
VIEW_HEIGHT = 340
"""Pixels, of a chart in a view."""
PICTURE_DISTANCE = "distance between the pictures (a pixel from black to white: 1)"
"""The axis of a distance ||x' - x||, with its unit."""
NAME_MARGIN = 62
"""Pixels on the right of a chart for a line's name with its value."""
LEGEND_ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
_GRID_COLOUR = "rgba(128, 138, 150, 0.22)"
"""Quiet on light and on dark."""
_MOST_TICKS = 10
_TITLE_LETTERS = 48
"""Of a line of an axis' title; longer ones are cut off beside a narrow chart."""


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


def finish(figure: go.Figure, height: int = CHART_HEIGHT, right: int = 4) -> go.Figure:
    """Give a chart the size, margins, text size and grid of all charts; returns the same chart.

    Args:
        height: of the chart, in pixels.
        right: its margin on that side, in pixels; there labels may stand.
    """
    figure.update_layout(
        height=height,
        margin={"l": 4, "r": right, "t": 8, "b": 4},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        axis.update(automargin=True, title_standoff=4, gridcolor=_GRID_COLOUR, zerolinecolor=_GRID_COLOUR)
        axis.title.text = "<br>".join(textwrap.wrap(axis.title.text or "", _TITLE_LETTERS))
    return _set_text(figure, {"size": TEXT_SIZE})


def with_text_colour(figure: go.Figure, dark: bool) -> go.Figure:
    """Give a chart's text the colour that can be read on the light or the dark page; returns the same chart.

    Streamlit's own theme sets a grey of contrast 3.7 on white.
    """
    theme = "dark" if dark else "light"
    figure.update_annotations(bgcolor=PLATES[theme])
    return _set_text(figure, {"color": TEXT_COLOURS[theme]})


def _set_text(figure: go.Figure, font: dict[str, Any]) -> go.Figure:
    # Each place by itself: a theme sets them one by one, and so wins over the chart's common font.
    figure.update_layout(font=font, legend={"font": font, "title": {"font": font}})
    figure.update_xaxes(tickfont=font, title={"font": font})
    figure.update_yaxes(tickfont=font, title={"font": font})
    figure.update_annotations(font=font)
    for trace in figure.data:
        if trace.type == "heatmap":
            trace.update(colorbar={"tickfont": font, "title": {"font": font}})
        elif trace.text is not None:
            trace.update(textfont=font)
    return figure
