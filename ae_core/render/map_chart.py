"""The maps of one drawing as a Plotly chart, side by side, for papers: on the page they are pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ae_core.render.chart import Chart
from ae_core.render.maps import SEQUENTIAL, TILES_PER_ROW

if TYPE_CHECKING:
    from ae_core.analysis.inspection import Inspection

_HEIGHT = 200
_GAP = 0.02
"""Between two maps, as a share of the chart's width."""
_INK = [[0, "black"], [1, "white"]]


def maps_chart(seen: Inspection) -> Chart:
    """Drawing, reconstruction, error, code and sensitivity, each with its own scale from 0."""
    grey = {"drawing": seen.x, "reconstruction": seen.reconstruction}
    values = {"error": seen.error, "code": _wall(seen.code_magnitudes), "sensitivity": seen.sensitivity_map}
    named = grey | values
    chart = Chart()
    width = (1 - _GAP * (len(named) - 1)) / len(named)
    for index, (name, one) in enumerate(named.items()):
        largest = 1.0 if name in grey else float(np.nanmax(one)) or 1.0
        number, left = "" if index == 0 else str(index + 1), index * (width + _GAP)
        chart.add_heatmap(
            z=one,
            name=name,
            xaxis=f"x{number}",
            yaxis=f"y{number}",
            zmin=0,
            zmax=largest,
            colorscale=_INK if name in grey else SEQUENTIAL,
            showscale=False,
        )
        title = f"{name}, 0 to {largest:.3g}" if name in values else name
        place = {"x": left + width / 2, "y": 1, "xref": "paper", "yref": "paper", "yanchor": "bottom"}
        chart.layout["annotations"].append({"text": title, "showarrow": False, **place})
        shared = {"constrain": "domain", "visible": False}
        chart.layout[f"xaxis{number}"] = {"domain": [left, left + width], "anchor": f"y{number}", **shared}
        chart.layout[f"yaxis{number}"] = {
            "autorange": "reversed",
            "scaleanchor": f"x{number}",
            "anchor": f"x{number}",
            **shared,
        }
    chart.update_layout(height=_HEIGHT, margin={"l": 4, "r": 4, "t": 24, "b": 4})
    return chart


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
