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
PICTURE_DISTANCE = "distance between the pictures (a pixel from black to white: 1)"
"""The axis of a distance ||x' - x||, with its unit."""
_LADDER_COLOURS = ("#0b7fc7", "#9065ad", "#d55e00")
"""From the weakest penalty to the strongest; all stand out on white and on black alike."""
_FEWEST_IMAGES = -4.0
"""log10 of the smallest share of the test images: 1 of 10,000."""
_DENSITY_STEP = 0.1
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
    sweep: Sequence[tuple[SweepPoint, Span]] = (),
) -> go.Figure:
    """One point per model: test error against what the penalty lowers, on log axes; the chosen one is marked.

    Models with a value of 0, which a log axis cannot show, are left out; each point carries its index. The
    points of a sweep, each with its cost, are means over seeds, with bars from the lowest seed to the
    highest.
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
    averaged = [(point, cost) for point, cost in sweep if cost.lowest > 0 and point.test_mse.lowest > 0]
    errors_of_sweep = [point.test_mse for point, _ in averaged]
    costs_of_sweep = [cost for _, cost in averaged]
    if averaged:
        figure.add_scatter(
            x=[cost.mean for cost in costs_of_sweep],
            y=[error.mean for error in errors_of_sweep],
            error_x=_bars(costs_of_sweep),
            error_y=_bars(errors_of_sweep),
            text=[f"{point.penalty_weight:g}" for point, _ in averaged],
            hovertext=[f"mean of {point.seeds}" for point, _ in averaged],
            mode="markers+text",
            textposition="bottom right",
            # Vermilion is the shown model's.
            marker={"size": 9, "symbol": "diamond-open", "color": _LADDER_COLOURS[1], "line": {"width": 2}},
            hovertemplate="%{text}, %{hovertext}: %{x:.4g}, test MSE %{y:.6f}<extra></extra>",
            unselected={"marker": {"opacity": 1}},
            name="sweep",
        )
        figure.update_layout(showlegend=True, legend=_LEGEND_ABOVE)
    cost_ends = [end for span in costs_of_sweep for end in (span.lowest, span.highest)]
    error_ends = [end for span in errors_of_sweep for end in (span.lowest, span.highest)]
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


def density_histogram(density: np.ndarray) -> go.Figure:
    """How many units are active on which share of the images; those that never are have a bar of their own.

    Args:
        density: shares in [0, 1], shape (K,).
    """
    edges = np.round(np.arange(_FEWEST_IMAGES, _DENSITY_STEP / 2, _DENSITY_STEP), 6)
    counts, _ = np.histogram(np.log10(density[density > 0]), bins=edges)
    never = int((density == 0).sum())
    centres = (edges[:-1] + edges[1:]) / 2
    lowest = min(-2.0, float(edges[np.flatnonzero(counts)[0]])) if counts.any() else -2.0
    beside = np.floor(lowest) - 0.5
    figure = go.Figure()
    figure.add_bar(
        x=centres,
        y=counts,
        width=_DENSITY_STEP,
        marker_color=LINE_COLOURS[0],
        customdata=np.stack([10 ** edges[:-1], 10 ** edges[1:]], axis=1),
        hovertemplate="active on %{customdata[0]:.3g} to %{customdata[1]:.3g} of the images: %{y} units"
        "<extra></extra>",
        name="active",
    )
    figure.add_bar(
        x=[beside],
        y=[never],
        width=2 * _DENSITY_STEP,
        marker_color=QUIET_COLOUR,
        text=[str(never)],
        textposition="outside",
        hovertemplate="never active: %{y} units<extra></extra>",
        name="never active",
    )
    decades = list(range(round(np.floor(lowest)), 1))
    figure.update_xaxes(
        title="share of the test images on which a unit is active",
        range=[beside - 2 * _DENSITY_STEP, 0.1],
        tickvals=[beside, *decades],
        ticktext=["never", *(_power_of_ten(decade) for decade in decades)],
    )
    figure.update_yaxes(title="units")
    figure.update_layout(showlegend=False, bargap=0)
    return _finished(figure, VIEW_HEIGHT)


def _power_of_ten(exponent: int) -> str:
    return (
        "1" if exponent == 0 else f"10<sup>−{-exponent}</sup>" if exponent < 0 else f"10<sup>{exponent}</sup>"
    )


def sensitivity_chart(values: np.ndarray) -> go.Figure:
    """A sensitivity map, shape (28, 28), with each pixel's value under the pointer; colours start at 0."""
    largest = float(values.max())
    figure = go.Figure(
        go.Heatmap(
            z=values.astype(np.float32),
            colorscale=SEQUENTIAL,
            zmin=0,
            # Without an upper end Plotly ignores the lower one; a map of zeros wants some scale, too.
            zmax=largest if largest > 0 else 1,
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
        curves: singular values above 0 by the model's name, largest first.
        relative: whether each curve was divided by its largest value.
    """
    figure = _one_curve_a_model({name: (np.arange(1, len(y) + 1), y) for name, y in curves.items()}, chosen)
    figure.update_xaxes(title="rank")
    title = "singular value" + (" / the largest" if relative else "")
    figure.update_yaxes(title=title, **_log_axis(*curves.values()))
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


def walk(
    distances: Sequence[float], moves: dict[str, Sequence[float]], slopes: dict[str, float], here: float
) -> go.Figure:
    """How far the code moves along some directions, and where on the way the drawing is now; log axes.

    Args:
        moves: distances of the codes by the direction's name.
        slopes: what each of them is per unit of distance, to first order: dotted lines.
        here: the distance that is marked; 0 marks none.
    """
    figure = go.Figure()
    x = np.asarray(distances)
    for (name, values), colour in zip(moves.items(), reversed(LINE_COLOURS), strict=True):
        shown = np.where(np.asarray(values) > 0, values, np.nan)
        line = {"width": 2, "color": colour}
        figure.add_scatter(x=x, y=shown, name=name, mode="lines+markers", line=line)
        figure.add_scatter(
            x=x,
            y=slopes[name] * x,
            name=f"{name}, to first order",
            mode="lines",
            line={"width": 1.5, "color": colour, "dash": "dot"},
        )
    if here > 0:
        figure.add_vline(x=here, line={"dash": "dash", "color": QUIET_COLOUR})
    figure.update_xaxes(title=PICTURE_DISTANCE, **_log_axis(x))
    figure.update_yaxes(title="distance between the codes", **_log_axis(*(trace.y for trace in figure.data)))
    figure.update_layout(legend=_LEGEND_ABOVE)
    return _finished(figure, VIEW_HEIGHT)


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
    """A logarithmic axis with a tick at each decade; at least two decades are in sight."""
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
