"""Arrays to pictures: maps for what changes with every stroke, Plotly charts for what is read closely.

The one place for colours and sizes. Maps use cividis, which reads the same with and without colour vision.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from ae_core.training import TrainProgress

SEQUENTIAL = "Cividis"
ACTIVE_COLOUR = "#d55e00"
QUIET_COLOUR = "#8a94a3"
LINE_COLOURS = ("#0b7fc7", "#d55e00")
"""Vermilion, grey and blue keep apart for colour-blind eyes, on light and on dark (Okabe and Ito, 2008)."""
MAP_PIXELS = 280
"""Width of a map before the page scales it."""
CHART_HEIGHT = 210

_TILES_PER_ROW = 8
_TILE_GAP = 1


@cache
def _palette(name: str) -> np.ndarray:
    colours = sample_colorscale(name, np.linspace(0, 1, 256), colortype="tuple")
    return np.round(255 * np.array(colours)).astype(np.uint8)


def css_gradient(name: str = SEQUENTIAL, stops: int = 9) -> str:
    """The colour map as a CSS gradient, low on the left."""
    picked = _palette(name)[np.linspace(0, 255, stops).astype(int)]
    return f"linear-gradient(to right, {', '.join(f'rgb({r},{g},{b})' for r, g, b in picked)})"


def grey_picture(image: np.ndarray) -> np.ndarray:
    """Values in [0, 1], shape (28, 28), as ink on black: uint8, enlarged without smoothing."""
    return _enlarged(np.round(255 * np.clip(image, 0, 1)).astype(np.uint8))


def heat_map(values: np.ndarray, largest: float) -> np.ndarray:
    """Values from 0 to `largest` in the sequential colours: uint8 RGB, enlarged without smoothing.

    A map that is 0 everywhere is shown in the lowest colour.
    """
    return _enlarged(_coloured(values, largest))


def _coloured(values: np.ndarray, largest: float) -> np.ndarray:
    share = np.clip(values / largest, 0, 1) if largest > 0 else np.zeros_like(values)
    return _palette(SEQUENTIAL)[np.round(255 * share).astype(np.uint8)]


def _enlarged(image: np.ndarray) -> np.ndarray:
    factor = max(1, MAP_PIXELS // image.shape[1])
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def code_map(code: np.ndarray, largest: float) -> np.ndarray:
    """A code as a wall of tiles, one a channel: (128, 3, 3) gives 16 x 8 tiles of 3 x 3.

    Negative activations of a linear code are shown by their size.
    """
    channels, height, width = code.shape
    pictures = _coloured(np.abs(code), largest)
    rows = -(-channels // _TILES_PER_ROW)
    gap = _TILE_GAP
    wall = np.zeros((rows * (height + gap) - gap, _TILES_PER_ROW * (width + gap) - gap, 3), dtype=np.uint8)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, _TILES_PER_ROW)
        top, left = row * (height + gap), column * (width + gap)
        wall[top : top + height, left : left + width] = picture
    return _enlarged(wall)


def code_bars(
    code: np.ndarray,
    active: np.ndarray,
    mean_activation: np.ndarray,
    sparsity_target: float | None,
) -> go.Figure:
    """One bar a unit, the active ones in colour; dots mark the units' mean on the test set, a line rho."""
    units = np.arange(len(code))
    figure = go.Figure()
    for name, shown, colour in (("active", active, ACTIVE_COLOUR), ("quiet", ~active, QUIET_COLOUR)):
        figure.add_bar(x=units[shown], y=code[shown].astype(np.float32), name=name, marker_color=colour)
    figure.add_scatter(
        x=units,
        y=mean_activation.astype(np.float32),
        mode="markers",
        name="mean on the test set",
        marker={"size": 4, "color": LINE_COLOURS[0]},
    )
    if sparsity_target is not None:
        figure.add_hline(y=sparsity_target, line={"dash": "dash", "width": 1, "color": LINE_COLOURS[0]})
    figure.update_xaxes(title="unit", range=[-0.7, len(code) - 0.3], showgrid=False)
    figure.update_yaxes(title="activation", rangemode="tozero", nticks=5)
    figure.update_layout(bargap=0.15, barmode="overlay", showlegend=False)
    return _finished(figure)


def loss_curve(history: Sequence[TrainProgress], penalty_weight: float) -> go.Figure:
    """Reconstruction and weighted penalty apart, against the step, on a log axis."""
    steps = [progress.step for progress in history]
    curves = {
        "reconstruction (MSE)": [progress.mse for progress in history],
        "weight x penalty": [penalty_weight * progress.penalty for progress in history],
    }
    figure = go.Figure()
    for (name, values), colour in zip(curves.items(), LINE_COLOURS, strict=True):
        # A logarithm has no place for 0: an unweighted penalty leaves no curve.
        shown = [value if value > 0 else None for value in values]
        figure.add_scatter(x=steps, y=shown, mode="lines", name=name, line={"width": 2, "color": colour})
    figure.update_xaxes(title="step")
    figure.update_yaxes(title="loss", type="log", dtick=1, exponentformat="power")
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    return _finished(figure)


def _finished(figure: go.Figure) -> go.Figure:
    figure.update_layout(
        height=CHART_HEIGHT,
        margin={"l": 4, "r": 4, "t": 8, "b": 4},
        font={"size": 11},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_xaxes(automargin=True, title_standoff=4)
    figure.update_yaxes(automargin=True, title_standoff=4)
    return figure
