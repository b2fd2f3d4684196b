"""As what the charts on the page are saved: Plotly's tool bar, with the buttons that are of use here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

FigureFormat = Literal["svg", "png"]
FIGURE_FORMATS: tuple[FigureFormat, ...] = get_args(FigureFormat)
LARGEST, SMALLEST = 4000, 100
"""Pixels along a side."""
_BUTTONS = [["toImage"], ["zoom2d", "pan2d", "resetScale2d"]]


@dataclass(frozen=True)
class FigureSettings:
    """The format and the size, in pixels, of charts that are saved from the page."""

    format: FigureFormat = "svg"
    width: int = 800
    height: int = 500

    def tool_bar(self, name: str) -> dict[str, Any]:
        """Plotly's configuration of a chart that is saved under this name."""
        return {
            "displaylogo": False,
            "modeBarButtons": _BUTTONS,
            "toImageButtonOptions": {
                "format": self.format,
                "filename": name,
                "width": self.width,
                "height": self.height,
                "scale": 1,
            },
        }
