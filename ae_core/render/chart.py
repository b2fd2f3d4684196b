"""A chart in the making, in plain dictionaries of Plotly's names.

Plotly's own objects check each value that is set and tell all that listen: a chart of eight curves took three
times as long to build of them as it takes to make them of the finished dictionaries, once.
"""

from __future__ import annotations

import textwrap
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ae_core.render.chart_style import CHART_HEIGHT, PAGES, PLATES, TEXT_COLOURS
from ae_core.render.label_places import LINE_HEIGHT, TEXT_SIZE

_GRID_COLOUR = "rgba(128, 138, 150, 0.22)"
"""Quiet on light and on dark."""
_PADDING = 8
"""Pixels between the plot and its ticks."""
_EDGE = 12
"""Pixels that Plotly leaves between a chart's end and what is nearest to it."""
_LINE_GAP = 3
"""Pixels that it leaves out of the last line."""
_TICK_END = _EDGE + LINE_HEIGHT // 2
"""Pixels above a plot and on its right, where half a tick may stand."""
_TICK_WIDTH = 27
"""Pixels, of five digits and a point."""
_FONT_FAMILY = '"Source Sans", sans-serif'
"""The page's."""
_TITLE_LETTERS = 48
"""Of a line of an axis' title; longer ones are cut off beside a narrow chart."""


class Chart:
    """Traces and a layout, to be added to; `figure` makes Plotly's objects of them.

    Attributes:
        traces: each with its `type`, in Plotly's names.
        layout: likewise.
    """

    def __init__(self) -> None:
        self.traces: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = {"xaxis": {}, "yaxis": {}, "annotations": [], "shapes": []}

    def add_scatter(self, **properties: object) -> None:
        """Points, joined or not, or with a text each."""
        self.traces.append({"type": "scatter", **properties})

    def add_bar(self, **properties: object) -> None:
        """Bars that stand on 0."""
        self.traces.append({"type": "bar", **properties})

    def add_heatmap(self, **properties: object) -> None:
        """A map in colours."""
        self.traces.append({"type": "heatmap", **properties})

    def add_vline(self, x: float, line: dict[str, Any]) -> None:
        """An upright line over the whole chart."""
        self._add_line({"x0": x, "x1": x, "xref": "x", "y0": 0, "y1": 1, "yref": "y domain"}, line)

    def add_hline(self, y: float, line: dict[str, Any], name: str | None = None) -> None:
        """A level line over the whole chart, with its name beside its right end."""
        self._add_line({"x0": 0, "x1": 1, "xref": "x domain", "y0": y, "y1": y, "yref": "y"}, line)
        if name is not None:
            place = {"x": 1, "xref": "x domain", "xanchor": "left", "y": y, "yref": "y", "yanchor": "middle"}
            self.layout["annotations"].append({"text": name, "showarrow": False, **place})

    def _add_line(self, ends: dict[str, Any], line: dict[str, Any]) -> None:
        self.layout["shapes"].append({"type": "line", "line": line, **ends})

    def update_xaxes(self, title: str = "", **properties: object) -> None:
        """What the axis across is, and how it looks."""
        self.layout["xaxis"] |= {"title": {"text": _in_lines(title)}, **properties}

    def update_yaxes(self, title: str = "", **properties: object) -> None:
        """What the upright axis is, and how it looks."""
        self.layout["yaxis"] |= {"title": {"text": _in_lines(title)}, **properties}

    def update_layout(self, **properties: object) -> None:
        """Whatever concerns the chart as a whole."""
        self.layout |= properties

    @property
    def around_plot(self) -> int:
        """Pixels of the chart's height that are not the plot's."""
        return _TICK_END + self._room("xaxis", LINE_HEIGHT)

    def _room(self, axis: str, ticks: int) -> int:
        """Pixels from the plot to that end of the chart: ticks of a size, and the title."""
        title = self.layout[axis].get("title", {}).get("text", "")
        lines = title.count("<br>") + 1 if title else 0
        return _PADDING + ticks + LINE_HEIGHT * lines + _EDGE - _LINE_GAP

    def finish(self, height: int = CHART_HEIGHT, names: int = 0) -> Chart:
        """Give the chart the size, margins and grid of all charts; returns the same chart.

        Plotly widens the margins where ticks are longer than expected, and draws the chart again for it.

        Args:
            height: of the chart, in pixels.
            names: pixels that stand free on the right of the plot, for names and scales.
        """
        self.update_layout(
            height=height,
            margin={
                "l": self._room("yaxis", _TICK_WIDTH),
                "r": max(names, _TICK_END),
                "t": _TICK_END,
                "b": self._room("xaxis", LINE_HEIGHT),
                "pad": _PADDING,
            },
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
        )
        self.layout["xaxis"] = {"showgrid": False, "zeroline": False} | self.layout["xaxis"]
        for axis in ("xaxis", "yaxis"):
            grid = {"gridcolor": _GRID_COLOUR, "zerolinecolor": _GRID_COLOUR}
            self.layout[axis] |= {"automargin": True, "title_standoff": 4, "ticks": "", **grid}
        return self

    def figure(self, dark: bool = False) -> go.Figure:
        """The chart as Plotly draws it, with text of one size that can be read on the light or the dark page.

        It needs no theme: Streamlit's own sets a grey of contrast 3.7 on white. And Plotly, to which
        Streamlit hands each figure twice, sees that the second is the same, and draws nothing: templates,
        and arrays that are not lists, it never takes for the same.
        """
        theme = "dark" if dark else "light"
        font = {"family": _FONT_FAMILY, "size": TEXT_SIZE, "color": TEXT_COLOURS[theme]}
        traces = [_plain(_with_font(trace, font)) for trace in self.traces]
        # Each place by itself: Plotly makes titles larger than the common font, and has another one for tips.
        layout = self.layout | {
            "font": font,
            "hoverlabel": {"bgcolor": PAGES[theme], "bordercolor": _GRID_COLOUR, "font": font},
            "legend": {**self.layout.get("legend", {}), "font": font, "title": {"font": font}},
            "annotations": [
                {**one, "bgcolor": PLATES[theme], "font": font} for one in self.layout["annotations"]
            ],
            "datarevision": zlib.crc32(repr(traces).encode()),
        }
        for name in (name for name in layout if name.startswith(("xaxis", "yaxis"))):
            axis = layout[name]
            layout[name] = {**axis, "tickfont": font, "title": {**axis.get("title", {}), "font": font}}
        figure = go.Figure(traces, _plain(layout))
        figure.layout.template = None
        return figure


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever Plotly takes
    """The same with lists for arrays."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _with_font(trace: dict[str, Any], font: dict[str, Any]) -> dict[str, Any]:
    if "colorbar" in trace:
        bar = trace["colorbar"]
        return {**trace, "colorbar": {**bar, "tickfont": font, "title": {"text": bar["title"], "font": font}}}
    return {**trace, "textfont": font} if "text" in trace else trace


def _in_lines(title: str) -> str:
    return "<br>".join(textwrap.wrap(title, _TITLE_LETTERS))
