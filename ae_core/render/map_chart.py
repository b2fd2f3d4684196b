"""The maps of one drawing as a Plotly chart, side by side, for papers: on the page they are pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ae_core.render.chart_style import TEXT_SIZE
from ae_core.render.maps import SEQUENTIAL, TILES_PER_ROW

if TYPE_CHECKING:
    from ae_core.analysis.inspection import Inspection

_HEIGHT = 200
_INK = [[0, "black"], [1, "white"]]


def maps_chart(seen: Inspection) -> go.Figure:
    """Drawing, reconstruction, error, code and sensitivity, each with its own scale from 0."""
    grey = {"drawing": seen.x, "reconstruction": seen.reconstruction}
    values = {"error": seen.error, "code": _wall(seen.code_magnitudes), "sensitivity": seen.sensitivity_map}
    named = grey | values
    figure = make_subplots(1, len(named), subplot_titles=list(named), horizontal_spacing=0.02)
    for column, (name, one) in enumerate(named.items(), 1):
        largest = 1.0 if name in grey else float(np.nanmax(one)) or 1.0
        figure.add_trace(
            go.Heatmap(
                z=one,
                name=name,
                zmin=0,
                zmax=largest,
                colorscale=_INK if name in grey else SEQUENTIAL,
                showscale=False,
            ),
            row=1,
            col=column,
        )
        if name in values:
            figure.layout.annotations[column - 1].text = f"{name}, 0 to {largest:.3g}"
        axis = f"x{column}" if column > 1 else "x"
        figure.update_yaxes(
            autorange="reversed", scaleanchor=axis, constrain="domain", row=1, col=column, visible=False
        )
        figure.update_xaxes(constrain="domain", row=1, col=column, visible=False)
    figure.update_annotations(font={"size": TEXT_SIZE})
    return figure.update_layout(
        height=_HEIGHT, margin={"l": 4, "r": 4, "t": 24, "b": 4}, paper_bgcolor="white", plot_bgcolor="white"
    )


def _wall(code: np.ndarray) -> np.ndarray:
    """A code (channels, height, width) as rows of tiles, one per channel, with NaN between: not drawn."""
    channels, height, width = code.shape
    rows = -(-channels // TILES_PER_ROW)
    wall = np.full((rows * (height + 1) - 1, TILES_PER_ROW * (width + 1) - 1), np.nan, np.float32)
    for index, tile in enumerate(code):
        row, column = divmod(index, TILES_PER_ROW)
        top, left = row * (height + 1), column * (width + 1)
        wall[top : top + height, left : left + width] = tile
    return wall
