"""What probes of a ladder say, and how well the unknown is told, as charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ae_core.render.chart import Chart
from ae_core.render.chart_style import LINE_COLOURS, QUIET_COLOUR, linear_axis
from ae_core.render.line_ends import finish_with_names

_MOST_POINTS = 400
_COLOURS = (LINE_COLOURS[0], "#9065ad", LINE_COLOURS[1])


class ErrorCurve(NamedTuple):
    """Errors in percent along a ladder, and how far they scatter."""

    errors: Sequence[float]
    deviations: Sequence[float]
    baseline: float | None
    """The error of the pixels themselves; None if it is not known."""


def errors_by_penalty(weights: Sequence[str], curves: Mapping[str, ErrorCurve], weight_title: str) -> Chart:
    """Test errors against the penalty weight, a curve per number of labels, and dotted what pixels reach.

    Args:
        weights: the ladder's, as they are written.
        curves: one value per weight, by their names.
    """
    chart = Chart()
    places = list(range(len(weights)))
    names = {}
    for (name, curve), colour in zip(curves.items(), _COLOURS, strict=False):
        chart.add_scatter(
            x=places,
            y=list(curve.errors),
            error_y={"array": list(curve.deviations), "thickness": 1.5, "width": 5},
            name=name,
            mode="lines+markers",
            line={"width": 2.5, "color": colour},
            hovertemplate=f"{name}: %{{y:.2f}} %<extra></extra>",
        )
        if curve.baseline is not None:
            dotted = f"pixels, {name}"
            names[dotted] = "pixels"
            chart.add_scatter(
                x=places,
                y=[curve.baseline] * len(places),
                name=dotted,
                mode="lines",
                line={"width": 1.5, "color": colour, "dash": "dot"},
                hovertemplate=f"{dotted}: %{{y:.2f}} %<extra></extra>",
            )
    ends = [
        value
        for curve in curves.values()
        for error, deviation in zip(curve.errors, curve.deviations, strict=True)
        for value in (error - deviation, error + deviation)
    ]
    known = [curve.baseline for curve in curves.values() if curve.baseline is not None]
    chart.update_xaxes(
        title=weight_title, **linear_axis(places), tickvals=places, ticktext=list(weights), zeroline=False
    )
    chart.update_yaxes(title="test error, %", **linear_axis([*ends, *known], from_zero=True))
    return finish_with_names(chart, names=names)


def detection_curve(false_alarms: np.ndarray, found: np.ndarray) -> Chart:
    """The ROC curve: the share found against the share of false alarms, with chance as a dotted line."""
    chart = Chart()
    # A curve of thousands of steps has no more corners than pixels.
    places = np.unique(np.linspace(0, len(found) - 1, _MOST_POINTS).round().astype(int))
    chart.add_scatter(
        x=false_alarms[places],
        y=found[places],
        mode="lines",
        name="by the error",
        line={"width": 2.5, "color": LINE_COLOURS[0]},
        hovertemplate="%{y:.0%} found at %{x:.0%} false alarms<extra></extra>",
    )
    chart.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="chance",
        line={"width": 1.5, "dash": "dot", "color": QUIET_COLOUR},
    )
    chart.update_xaxes(title="false alarms: share of the trained digits", range=[0, 1], tickformat=".0%")
    chart.update_yaxes(title="found: share of the other digits", range=[0, 1], tickformat=".0%")
    return finish_with_names(chart)
