"""Names at the right ends of a chart's curves: what a legend says, without looking to and fro."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ae_core.render.chart import Chart
from ae_core.render.chart_style import VIEW_HEIGHT
from ae_core.render.label_places import LINE_HEIGHT, lines_of, spread, text_width

_LEADER = 14
"""Pixels from the end of a curve to its name."""
_BESIDE = 5
"""Pixels by which a name may stand higher or lower than the end of its curve without a line between them."""


class _End(NamedTuple):
    """The last point of a curve on the chart, in the axes' own coordinates: logarithms on a log axis."""

    x: float
    y: float


def finish_with_names(
    chart: Chart,
    chosen: str | None = None,
    names: Mapping[str, str] | None = None,
    height: int = VIEW_HEIGHT,
) -> Chart:
    """Finish a chart whose curves are named at their right ends, not in a legend; returns the same chart.

    Both axes have a range. Names that would cover each other stand apart, joined to their curves by lines
    where they had to move; where there are too many the chart is higher.

    Args:
        chosen: the curve whose name is bold.
        names: what stands at a curve's end, if not its own name, by that.
        height: in pixels, at least.
    """
    names = names or {}
    ends = {trace["name"]: (trace, end) for trace in chart.traces if (end := _end(chart, trace)) is not None}
    texts = {name: lines_of(names.get(name, name)) for name in ends}
    heights = [LINE_HEIGHT * len(lines) for lines in texts.values()]
    around = chart.around_plot
    height = max(height, sum(heights) + around)
    low, high = chart.layout["yaxis"].get("range", (0.0, 1.0))
    shares = [(end.y - low) / (high - low) for _, end in ends.values()]
    places = spread(shares, [pixels / (height - around) for pixels in heights])
    labels = chart.layout["annotations"]
    for (name, (trace, end)), share, place in zip(ends.items(), shares, places, strict=True):
        text = "<br>".join(html.escape(line) for line in texts[name])
        label = {
            "x": end.x,
            "y": low + place * (high - low),
            "xshift": _LEADER,
            "showarrow": False,
            "text": f"<b>{text}</b>" if name == chosen else text,
            "hovertext": html.escape(name),
            "align": "left",
            "xanchor": "left",
            "borderpad": 0,
        }
        # Plotly draws a line from a name in more time than it takes for the curve.
        if abs(place - share) * (height - around) > _BESIDE:
            label |= _line_to(end, label["y"], trace["line"]["color"])
        labels.append(label)
    widest = max((text_width(line) for lines in texts.values() for line in lines), default=0.0)
    chart.update_layout(showlegend=False)
    return chart.finish(height, names=math.ceil(widest) + _LEADER + 4 if ends else 0)


def _line_to(end: _End, y: float, colour: str) -> dict[str, Any]:
    """What has a name at the height `y` joined to the end of its curve."""
    return {
        "y": end.y,
        "xshift": 0,
        "showarrow": True,
        "ax": _LEADER,
        "ayref": "y",
        "ay": y,
        "arrowhead": 0,
        "arrowwidth": 1,
        "arrowcolor": colour,
    }


def _end(chart: Chart, trace: dict[str, Any]) -> _End | None:
    """The last point that shows; None for a curve without any."""
    x_is_log, y_is_log = (chart.layout[axis].get("type") == "log" for axis in ("xaxis", "yaxis"))
    for x, y in reversed(list(zip(trace["x"], trace["y"], strict=True))):
        along_x, along_y = _along(x, x_is_log), _along(y, y_is_log)
        if along_x is not None and along_y is not None:
            return _End(along_x, along_y)
    return None


def _along(value: float | None, is_log: bool) -> float | None:
    """Where a value lies on its axis; None if nowhere."""
    if value is None or not math.isfinite(value) or (is_log and value <= 0):
        return None
    return math.log10(value) if is_log else float(value)
