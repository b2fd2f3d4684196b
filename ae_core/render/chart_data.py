"""The values that charts show, as a table: whatever was drawn can be drawn anew elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

_TAG = re.compile("<[^>]+>")


def charts_to_csv(charts: Mapping[str, go.Figure]) -> str:
    """All points of some charts as comma-separated values, with a heading.

    A row for each point of a curve, bar of a chart or pixel of a map: the chart's name, the curve's, x, y,
    the value of a pixel, and how far an error bar reaches, empty where there is none.
    """
    import pandas  # takes a while, and the page starts without a table

    rows = [row for name, figure in charts.items() for row in _rows(name, figure)]
    columns = ["chart", "series", "x", "y", "value", "error"]
    return pandas.DataFrame(rows, columns=columns, dtype=object).to_csv(index=False, lineterminator="\r\n")


def _rows(name: str, figure: go.Figure) -> Iterator[tuple[Any, ...]]:
    for trace in figure.data:
        series = _TAG.sub("", trace.name or "")
        if trace.type == "heatmap":
            values = np.asarray(trace.z)
            places = [_places(trace.x, values.shape[1]), _places(trace.y, values.shape[0])]
            for row, y in enumerate(places[1]):
                yield from (
                    (name, series, x, y, values[row, column], None) for column, x in enumerate(places[0])
                )
            continue
        if trace.x is None or trace.y is None:
            continue
        bars = getattr(trace, "error_y", None)
        errors = None if bars is None or bars.array is None else list(bars.array)
        for index, (x, y) in enumerate(zip(trace.x, trace.y, strict=True)):
            yield name, series, x, y, None, None if errors is None else errors[index]


def _places(given: Any, count: int) -> list[Any]:  # noqa: ANN401 - numbers or names
    return list(range(count)) if given is None else list(given)
