"""Numbers to Plotly charts, for what is read closely. The one place for the charts' colours and sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ae_core.training import TrainProgress

ACTIVE_COLOUR = "#d55e00"
QUIET_COLOUR = "#8a94a3"
LINE_COLOURS = ("#0b7fc7", "#d55e00")
"""Vermilion, grey and blue keep apart for colour-blind eyes, on light and on dark (Okabe and Ito, 2008)."""
CHART_HEIGHT = 210


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
