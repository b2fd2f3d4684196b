"""Numbers to Plotly charts, for what is read closely. The one place for the charts' colours and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from ae_core.maps import SEQUENTIAL
from ae_core.sweep_table import Span, SweepPoint
from ae_core.training import TrainProgress

ACTIVE_COLOUR = "#d55e00"
QUIET_COLOUR = "#8a94a3"
LINE_COLOURS = ("#0b7fc7", "#d55e00")
"""Vermilion, grey and blue keep apart for colour-blind eyes, on light and on dark (Okabe and Ito, 2008)."""
CHART_HEIGHT = 210
"""Of a chart in a narrow panel."""
VIEW_HEIGHT = 340
"""Of a chart in a view."""
_LADDER_COLOURS = ("#0b7fc7", "#9065ad", "#d55e00")
"""From the weakest penalty to the strongest; all stand out on white and on black alike."""
_SMALLEST_SHARE = 1e-6
"""Singular values below this share of the largest are rounding, and are not drawn."""
_FEW_DECADES = 300
_LEGEND_ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}


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
    figure.update_yaxes(title="loss", **_log_axis())
    figure.update_layout(legend=_LEGEND_ABOVE)
    return _finished(figure)


def trade_off(
    costs: Sequence[float],
    errors: Sequence[float],
    names: Sequence[str],
    chosen: int | None,
    cost_title: str,
    sweep: Sequence[SweepPoint] = (),
) -> go.Figure:
    """One point a model: test error against what the penalty lowers, on log axes; the chosen one is marked.

    Models with a figure of 0, which a log axis cannot show, are left out; each point carries its index. The
    points of a sweep are means over seeds, with bars from the lowest seed to the highest.
    """
    shown = [index for index in range(len(names)) if costs[index] > 0 and errors[index] > 0]
    figure = go.Figure(
        go.Scatter(
            x=[costs[index] for index in shown],
            y=[errors[index] for index in shown],
            text=[names[index] for index in shown],
            customdata=[[index] for index in shown],
            mode="markers+text",
            textposition="top center",
            marker={
                "size": [16 if index == chosen else 10 for index in shown],
                "color": [ACTIVE_COLOUR if index == chosen else LINE_COLOURS[0] for index in shown],
                "opacity": 1,
            },
            hovertemplate="%{text}: %{x:.4g}, test MSE %{y:.6f}<extra></extra>",
            # A click selects: the others keep their looks, the page moves the mark.
            unselected={"marker": {"opacity": 1}},
            cliponaxis=False,
            name="models",
        )
    )
    averaged = [point for point in sweep if point.cost.lowest > 0 and point.test_mse.lowest > 0]
    if averaged:
        figure.add_scatter(
            x=[point.cost.mean for point in averaged],
            y=[point.test_mse.mean for point in averaged],
            error_x=_bars([point.cost for point in averaged]),
            error_y=_bars([point.test_mse for point in averaged]),
            text=[f"{point.penalty_weight:g}" for point in averaged],
            hovertext=[f"mean of {point.seeds}" for point in averaged],
            mode="markers+text",
            textposition="bottom right",
            # Vermilion is the shown model's.
            marker={"size": 9, "symbol": "diamond-open", "color": _LADDER_COLOURS[1], "line": {"width": 2}},
            hovertemplate="%{text}, %{hovertext}: %{x:.4g}, test MSE %{y:.6f}<extra></extra>",
            unselected={"marker": {"opacity": 1}},
            name="sweep",
        )
        figure.update_layout(showlegend=True, legend=_LEGEND_ABOVE)
    cost_ends = [end for point in averaged for end in (point.cost.lowest, point.cost.highest)]
    error_ends = [end for point in averaged for end in (point.test_mse.lowest, point.test_mse.highest)]
    figure.update_xaxes(title=cost_title, **_log_axis(figure.data[0].x, cost_ends))
    figure.update_yaxes(title="test MSE", **_log_axis(figure.data[0].y, error_ends))
    return _finished(figure, VIEW_HEIGHT)


def _bars(spans: Sequence[Span]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [span.highest - span.mean for span in spans],
        "arrayminus": [span.mean - span.lowest for span in spans],
        "thickness": 1.5,
        "width": 5,
    }


def unit_means(mean_activation: np.ndarray, sparsity_target: float | None) -> go.Figure:
    """Mean activation of each unit over the test set, the largest first, and rho as a line."""
    order = np.argsort(-mean_activation)
    figure = go.Figure(
        go.Scatter(
            x=np.arange(1, len(order) + 1),
            y=mean_activation[order].astype(np.float32),
            customdata=order,
            mode="lines+markers" if len(order) <= 64 else "lines",
            marker={"size": 5},
            line={"color": LINE_COLOURS[0]},
            name="mean activation",
            hovertemplate="unit %{customdata}: %{y:.4g}<extra></extra>",
        )
    )
    if sparsity_target is not None:
        figure.add_hline(
            y=sparsity_target,
            line={"dash": "dash", "color": ACTIVE_COLOUR},
            annotation_text=f"ρ = {sparsity_target:g}",
            annotation_position="bottom left",
        )
    figure.update_xaxes(title="units, the busiest first")
    figure.update_yaxes(title="mean activation ρ̂", rangemode="tozero")
    return _finished(figure, VIEW_HEIGHT)


def density_histogram(density: np.ndarray, images: int) -> go.Figure:
    """How many units are active on which share of the images, over log10 of that share.

    A unit that is never active has no logarithm; it is counted with one active on half an image.
    """
    shares = np.log10(np.maximum(density, 0.5 / images))
    figure = go.Figure(
        go.Histogram(
            x=shares.astype(np.float32),
            xbins={"start": -4.5, "end": 0.1, "size": 0.1},
            marker_color=LINE_COLOURS[0],
            hovertemplate="10^%{x} of the images: %{y} units<extra></extra>",
        )
    )
    lowest = min(-2.0, float(shares.min()) - 0.2)
    figure.update_xaxes(
        title="log₁₀ of the share of test images on which a unit is active", range=[lowest, 0.1]
    )
    figure.update_yaxes(title="units")
    return _finished(figure, VIEW_HEIGHT)


def sensitivity_chart(values: np.ndarray) -> go.Figure:
    """A sensitivity map, shape (28, 28), that tells each pixel's value under the pointer."""
    figure = go.Figure(
        go.Heatmap(
            z=values.astype(np.float32),
            colorscale=SEQUENTIAL,
            zmin=0,
            colorbar={"title": "‖∂h/∂xᵢ‖", "thickness": 12, "exponentformat": "power"},
            hovertemplate="row %{y}, column %{x}: %{z:.4g}<extra></extra>",
        )
    )
    figure.update_xaxes(title="pixel column", constrain="domain", showgrid=False, dtick=7)
    figure.update_yaxes(
        title="pixel row", autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False, dtick=7
    )
    return _finished(figure, VIEW_HEIGHT)


def norm_estimates(
    exact: float, probes: Sequence[int], means: Sequence[float], standard_errors: Sequence[float]
) -> go.Figure:
    """Estimates of a norm with their standard errors, and the exact figure as a line."""
    figure = go.Figure(
        go.Scatter(
            x=[str(count) for count in probes],
            y=list(means),
            error_y={"array": list(standard_errors), "thickness": 2, "width": 8},
            mode="markers",
            marker={"size": 10, "color": LINE_COLOURS[0]},
            hovertemplate="%{x} probes: %{y:.4g} ± %{error_y.array:.2g}<extra></extra>",
        )
    )
    figure.add_hline(
        y=exact,
        line={"dash": "dash", "color": ACTIVE_COLOUR},
        annotation_text="exact",
        annotation_position="bottom right",
    )
    figure.update_xaxes(title="random probes", type="category")
    figure.update_yaxes(title="‖J‖²", rangemode="tozero")
    return _finished(figure, VIEW_HEIGHT)


def spectra(curves: dict[str, np.ndarray], chosen: str | None, relative: bool) -> go.Figure:
    """Singular values against their rank on a log axis, one curve a model, the chosen one thicker.

    Args:
        curves: singular values by the model's name, largest first.
        relative: whether each curve was divided by its largest value.
    """
    shown = {
        name: np.where(values > _SMALLEST_SHARE * values[0], values, np.nan)
        for name, values in curves.items()
    }
    figure = _one_curve_a_model({name: (np.arange(1, len(y) + 1), y) for name, y in shown.items()}, chosen)
    figure.update_xaxes(title="rank")
    title = "singular value" + (" / the largest" if relative else "")
    figure.update_yaxes(title=title, **_log_axis(*shown.values()))
    return _finished(figure, VIEW_HEIGHT)


def curves_by_model(
    x: Sequence[float],
    curves: dict[str, Sequence[float]],
    chosen: str | None,
    x_title: str,
    y_title: str,
    log_x: bool = False,
    log_y: bool = False,
) -> go.Figure:
    """One curve a model over the same places, the chosen one thicker."""
    figure = _one_curve_a_model({name: (list(x), list(values)) for name, values in curves.items()}, chosen)
    figure.update_xaxes(title=x_title, **(_log_axis(x) if log_x else {}))
    figure.update_yaxes(title=y_title, **(_log_axis(*curves.values()) if log_y else {"rangemode": "tozero"}))
    return _finished(figure, VIEW_HEIGHT)


def walk(distances: np.ndarray, moves: dict[str, np.ndarray], here: float) -> go.Figure:
    """How far the code moves along some directions, and where on the way the drawing is now."""
    figure = go.Figure()
    for (name, values), colour in zip(moves.items(), reversed(LINE_COLOURS), strict=True):
        figure.add_scatter(
            x=distances.astype(np.float32),
            y=values.astype(np.float32),
            name=name,
            mode="lines",
            line={"width": 2, "color": colour},
        )
    figure.add_vline(x=here, line={"dash": "dot", "color": QUIET_COLOUR})
    figure.update_xaxes(title="distance between the pictures")
    figure.update_yaxes(title="distance between the codes", rangemode="tozero")
    figure.update_layout(legend=_LEGEND_ABOVE)
    return _finished(figure)


def _one_curve_a_model(
    curves: dict[str, tuple[Sequence[float], Sequence[float]]], chosen: str | None
) -> go.Figure:
    figure = go.Figure()
    colours = sample_colorscale(list(_LADDER_COLOURS), np.linspace(0, 1, max(2, len(curves))))
    for (name, (x, y)), colour in zip(curves.items(), colours, strict=False):
        figure.add_scatter(
            x=np.asarray(x, np.float32),
            y=np.asarray(y, np.float32),
            name=name,
            mode="lines",
            line={"width": 4 if name == chosen else 1.8, "color": colour},
        )
    figure.update_layout(legend={"title": {"text": "penalty weight"}})
    return figure


def _log_axis(*values: Sequence[float]) -> dict[str, Any]:
    """A logarithmic axis with a tick a decade, or as Plotly has them where there are hardly two."""
    every = np.concatenate([np.asarray(one, np.float64) for one in values]) if values else np.array([])
    every = every[np.isfinite(every) & (every > 0)]
    narrow = len(every) > 0 and every.max() < _FEW_DECADES * every.min()
    return {"type": "log", "exponentformat": "power", "dtick": None if narrow else 1}


def _finished(figure: go.Figure, height: int = CHART_HEIGHT) -> go.Figure:
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
