"""Values as Plotly charts, for what is read closely; `unit_charts` has those of a code's units,
`training_charts` those of a training."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from plotly.colors import sample_colorscale

from ae_core.analysis.notation import value_text
from ae_core.render.chart import Chart
from ae_core.render.chart_style import (
    ACTIVE_COLOUR,
    LINE_COLOURS,
    NAME_MARGIN,
    PICTURE_DISTANCE,
    QUIET_COLOUR,
    VIEW_HEIGHT,
    linear_axis,
    log_axis,
)
from ae_core.render.line_ends import finish_with_names
from ae_core.render.maps import SEQUENTIAL

_APART_COLOUR = "#3a9a5b"
LADDER_COLOURS = ("#0b7fc7", "#9065ad", "#d55e00")
"""From the weakest penalty to the strongest; all stand out on white and on black alike."""
_COLOUR_BAR = 82
"""Pixels on the right of a map for what its colours mean."""


def sensitivity_chart(values: np.ndarray) -> Chart:
    """A sensitivity map, shape (28, 28), with each pixel's value under the pointer; colours start at 0."""
    largest = float(values.max())
    chart = Chart()
    chart.add_heatmap(
        z=values.astype(np.float32),
        colorscale=SEQUENTIAL,
        zmin=0,
        # Without an upper end Plotly ignores the lower one; a map of zeros wants some scale, too.
        zmax=largest if largest > 0 else 1,
        colorbar={"title": "‖∂h/∂xᵢ‖", "thickness": 12, "exponentformat": "power"},
        hovertemplate="row %{y}, column %{x}: %{z:.4g}<extra></extra>",
    )
    chart.update_xaxes(title="pixel column", constrain="domain", showgrid=False, dtick=7)
    chart.update_yaxes(
        title="pixel row", autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False, dtick=7
    )
    return chart.finish(VIEW_HEIGHT, names=_COLOUR_BAR)


def norm_estimates(
    exact: float, probes: Sequence[int], means: Sequence[float], standard_errors: Sequence[float]
) -> Chart:
    """Estimates of ||J||_F^2 with their standard errors, per number of probes; the exact value as a line."""
    chart = Chart()
    chart.add_scatter(
        x=[str(count) for count in probes],
        y=list(means),
        error_y={"array": list(standard_errors), "thickness": 2, "width": 8},
        mode="markers",
        marker={"size": 10, "color": LINE_COLOURS[0]},
        hovertemplate="%{x} probes: %{y:.4g} ± %{error_y.array:.2g}<extra></extra>",
    )
    chart.add_hline(
        y=exact,
        line={"dash": "dash", "color": ACTIVE_COLOUR},
        name=f"exact<br>{value_text(exact)}",
    )
    chart.update_xaxes(title="random probes", type="category")
    chart.update_yaxes(title="‖J‖²", rangemode="tozero")
    return chart.finish(VIEW_HEIGHT, names=NAME_MARGIN)


def spectra(
    curves: dict[str, np.ndarray], chosen: str | None, relative: bool, apart: Collection[str] = ()
) -> Chart:
    """Singular values against their rank on a log axis, one curve per model, the chosen one thicker.

    Args:
        curves: singular values above 0 by the model's name, largest first.
        relative: whether each curve was divided by its largest value.
        apart: those that are dashed.
    """
    ranks = {name: np.arange(1, len(values) + 1) for name, values in curves.items()}
    every = {name: (ranks[name], values) for name, values in curves.items()}
    chart = one_curve_per_model(every, chosen, apart)
    chart.update_xaxes(title="rank", **linear_axis(*ranks.values()))
    title = "singular value" + (" / the largest" if relative else "")
    chart.update_yaxes(title=title, **log_axis(*curves.values()))
    return finish_with_names(chart, chosen)


def curves_by_model(
    x: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    chosen: str | None,
    x_title: str,
    y_title: str,
    log_x: bool = False,
    log_y: bool = False,
    apart: Collection[str] = (),
    mark: float | None = None,
) -> Chart:
    """One curve per model over the same places, the chosen one thicker; those apart are dashed.

    Args:
        mark: a place to mark by an upright line.
    """
    every = {name: (list(x), list(values)) for name, values in curves.items()}
    chart = one_curve_per_model(every, chosen, apart)
    chart.update_xaxes(title=x_title, **(log_axis(x) if log_x else linear_axis(x)))
    if mark is not None:
        chart.add_vline(mark, line={"dash": "dash", "color": QUIET_COLOUR})
    of_y = log_axis(*curves.values()) if log_y else linear_axis(*curves.values(), from_zero=True)
    chart.update_yaxes(title=y_title, **of_y)
    return finish_with_names(chart, chosen)


def walk(
    distances: Sequence[float], moves: Mapping[str, Sequence[float]], slopes: Mapping[str, float], here: float
) -> Chart:
    """How far the code moves along some directions, and where on the way the drawing is now; log axes.

    Args:
        distances: between the pictures, above 0.
        moves: distances between the codes, by the direction's name.
        slopes: those per unit of distance, to first order: dotted lines.
        here: the distance that is marked; 0 marks none.
    """
    chart = Chart()
    x = np.asarray(distances)
    for (name, values), colour in zip(moves.items(), reversed(LINE_COLOURS), strict=True):
        shown = np.where(np.asarray(values) > 0, values, np.nan)
        line = {"width": 2, "color": colour}
        chart.add_scatter(x=x, y=shown, name=name, mode="lines+markers", line=line)
        chart.add_scatter(
            x=x,
            y=slopes[name] * x,
            name=_first_order(name),
            mode="lines",
            line={"width": 1.5, "color": colour, "dash": "dot"},
        )
    if here > 0:
        chart.add_vline(x=here, line={"dash": "dash", "color": QUIET_COLOUR})
    chart.update_xaxes(title=PICTURE_DISTANCE, **log_axis(x))
    heights = (trace["y"] for trace in chart.traces)
    chart.update_yaxes(title="distance between the codes, in activations", **log_axis(*heights))
    return finish_with_names(chart, names={_first_order(name): "to first order" for name in moves})


def _first_order(name: str) -> str:
    return f"{name}, to first order"


def one_curve_per_model(
    curves: Mapping[str, tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray]],
    chosen: str | None,
    apart: Collection[str] = (),
) -> Chart:
    """A curve (x, y) per model, in the ladder's colours, the chosen one thicker; not finished yet.

    Those apart, which are no rungs, are dashed and of another colour.
    """
    chart = Chart()
    rungs = [name for name in curves if name not in apart]
    colours = sample_colorscale(list(LADDER_COLOURS), np.linspace(0, 1, max(2, len(rungs))))
    colour_of = dict(zip(rungs, colours, strict=False))
    for name, (x, y) in curves.items():
        chart.add_scatter(
            x=np.asarray(x, np.float32),
            y=np.asarray(y, np.float32),
            name=name,
            mode="lines",
            line={
                "width": 4 if name == chosen else 1.8,
                "color": colour_of.get(name, _APART_COLOUR),
                "dash": "dash" if name in apart else "solid",
            },
            hovertemplate="%{fullData.name}: %{y:.3g} at %{x:.4g}<extra></extra>",
        )
    return chart
