"""Two values of every model against each other, as a Plotly chart."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ae_core.analysis.notation import power_notation
from ae_core.render.chart import Chart
from ae_core.render.chart_style import (
    ACTIVE_COLOUR,
    LEGEND_ABOVE,
    LINE_COLOURS,
    VIEW_HEIGHT,
    linear_axis,
    log_axis,
)
from ae_core.render.charts import LADDER_COLOURS
from ae_core.render.label_places import Box, Dot, places_of_names, text_width
from ae_core.sweep.table import Span, SweepPoint

_NARROW = (380, 280)
"""Width and height in pixels of the plot of a view's chart on a phone."""


def trade_off(
    across: Sequence[float],
    up: Sequence[float],
    names: Sequence[str],
    chosen: int | None,
    across_title: str,
    sweep: Sequence[tuple[SweepPoint, Span]] = (),
    up_title: str = "test MSE",
) -> Chart:
    """One point per model: two of its values against each other; the chosen one is marked.

    An axis is logarithmic if all values along it are above 0, else linear. Each point carries its index.

    Args:
        across, up, names: one value per model.
        chosen: index of the shown model.
        sweep: points, each with its value across, at the height of their test errors: means over seeds, with
            bars from the lowest seed to the highest.
    """
    across_of_sweep, up_of_sweep = [span for _, span in sweep], [point.test_mse for point, _ in sweep]
    x = [*across, *(span.mean for span in across_of_sweep)]
    y = [*up, *(span.mean for span in up_of_sweep)]
    texts = [*names, *(power_notation(point.penalty_weight) for point, _ in sweep)]
    x_axis, y_axis = _axis(x, across_of_sweep), _axis(y, up_of_sweep)
    places = _beside(x, y, texts, x_axis, y_axis)
    count = len(names)
    chart = Chart()
    chart.add_scatter(
        x=list(across),
        y=list(up),
        text=texts[:count],
        customdata=[[index] for index in range(count)],
        mode="markers+text",
        textposition=places[:count],
        marker={
            "size": [16 if index == chosen else 10 for index in range(count)],
            "color": [ACTIVE_COLOUR if index == chosen else LINE_COLOURS[0] for index in range(count)],
            "opacity": 1,
            "line": {"width": 0},
        },
        hovertemplate=f"%{{text}}: %{{x:.4g}}, {html.escape(up_title)} %{{y:.4g}}<extra></extra>",
        # A click selects: the others keep their looks, the page moves the mark.
        unselected={"marker": {"opacity": 1}},
        cliponaxis=False,
        name="models",
    )
    if sweep:
        chart.add_scatter(
            x=x[count:],
            y=y[count:],
            error_x=_bars(across_of_sweep),
            error_y=_bars(up_of_sweep),
            text=texts[count:],
            hovertext=[f"mean of {point.seeds}" for point, _ in sweep],
            mode="markers+text",
            textposition=places[count:],
            # Vermilion is the shown model's.
            marker={"size": 9, "symbol": "diamond-open", "color": LADDER_COLOURS[1], "line": {"width": 2}},
            hovertemplate=f"%{{text}}, %{{hovertext}}: %{{x:.4g}}, {html.escape(up_title)} %{{y:.4g}}"
            "<extra></extra>",
            unselected={"marker": {"opacity": 1}},
            name="sweep",
        )
        chart.update_layout(showlegend=True, legend=LEGEND_ABOVE)
    chart.update_xaxes(title=across_title, **x_axis)
    chart.update_yaxes(title=up_title, **y_axis)
    return chart.finish(VIEW_HEIGHT)


def _axis(values: Sequence[float], spans: Sequence[Span]) -> dict[str, Any]:
    every = [*values, *(end for span in spans for end in (span.lowest, span.highest))]
    return log_axis(every) if min(every, default=1) > 0 else linear_axis(every, from_zero=True)


def _beside(
    x: Sequence[float],
    y: Sequence[float],
    texts: Sequence[str],
    x_axis: Mapping[str, Any],
    y_axis: Mapping[str, Any],
) -> list[str]:
    """Plotly's `textposition` of each dot, so that names are apart on a narrow chart; on a wide one, too."""
    if not texts:
        return []
    width, height = _NARROW
    dots = [
        Dot(width * _share(one_x, x_axis), height * (1 - _share(one_y, y_axis)), 6)
        for one_x, one_y in zip(x, y, strict=True)
    ]
    places = places_of_names(dots, [text_width(text) for text in texts], Box(0, 0, width, height))
    across, along = {-1: "left", 0: "center", 1: "right"}, {-1: "top", 0: "middle", 1: "bottom"}
    return [f"{along[side.down]} {across[side.right]}" for side, _ in places]


def _share(value: float, axis: Mapping[str, Any]) -> float:
    """How far along an axis a value lies."""
    low, high = axis["range"]
    return float(((np.log10(value) if axis["type"] == "log" else value) - low) / (high - low))


def _bars(spans: Sequence[Span]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [span.highest - span.mean for span in spans],
        "arrayminus": [span.mean - span.lowest for span in spans],
        "thickness": 1.5,
        "width": 5,
    }
