"""A chart in the making, in plain dictionaries of Plotly's names.

Plotly's own objects check each value that is set and tell all that listen: a chart of eight curves took three
times as long to build of them as it takes to make them of the finished dictionaries, once.
"""

from __future__ import annotations

import textwrap
from typing import Any

import plotly.graph_objects as go

from ae_core.render.chart_style import CHART_HEIGHT, PLATES, TEXT_COLOURS
from ae_core.render.label_places import TEXT_SIZE

_GRID_COLOUR = "rgba(128, 138, 150, 0.22)"
"""Quiet on light and on dark."""
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

    def finish(self, height: int = CHART_HEIGHT, right: int = 4) -> Chart:
        """Give the chart the size, margins and grid of all charts; returns the same chart.

        Args:
            height: of the chart, in pixels.
            right: its margin on that side, in pixels; there labels may stand.
        """
        self.update_layout(
            height=height,
            margin={"l": 4, "r": right, "t": 8, "b": 4},
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
        )
        for axis in ("xaxis", "yaxis"):
            grid = {"gridcolor": _GRID_COLOUR, "zerolinecolor": _GRID_COLOUR}
            self.layout[axis] |= {"automargin": True, "title_standoff": 4, **grid}
        return self

    def figure(self, dark: bool = False) -> go.Figure:
        """The chart as Plotly draws it, with text of one size that can be read on the light or the dark page.

        Streamlit's own theme sets a grey of contrast 3.7 on white.
        """
        theme = "dark" if dark else "light"
        font = {"size": TEXT_SIZE, "color": TEXT_COLOURS[theme]}
        # Each place by itself: a theme sets them one by one, and so wins over the chart's common font.
        layout = self.layout | {
            "font": font,
            "legend": {**self.layout.get("legend", {}), "font": font, "title": {"font": font}},
            "annotations": [
                {**one, "bgcolor": PLATES[theme], "font": font} for one in self.layout["annotations"]
            ],
        }
        for name in (name for name in layout if name.startswith(("xaxis", "yaxis"))):
            axis = layout[name]
            layout[name] = {**axis, "tickfont": font, "title": {**axis.get("title", {}), "font": font}}
        return go.Figure([_with_font(trace, font) for trace in self.traces], layout)


def _with_font(trace: dict[str, Any], font: dict[str, Any]) -> dict[str, Any]:
    if "colorbar" in trace:
        bar = trace["colorbar"]
        return {**trace, "colorbar": {**bar, "tickfont": font, "title": {"text": bar["title"], "font": font}}}
    return {**trace, "textfont": font} if "text" in trace else trace


def _in_lines(title: str) -> str:
    return "<br>".join(textwrap.wrap(title, _TITLE_LETTERS))
