"""Pieces of small inline pictures in SVG. Text and thin lines have the colour of the text around them."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

from ae_core.render.label_places import TEXT_SIZE, Box


def picture(drawn: Sequence[str], says: str, width: int, height: int) -> str:
    """Pieces as a picture, with what it says in words; narrower places shrink it."""
    return "".join(
        [
            f"<svg xmlns='http://www.w3.org/2000/svg' role='img' aria-label='{html.escape(says)}' "
            f"width='{width}' height='{height}' viewBox='0 0 {width} {height}' "
            f"font-size='{TEXT_SIZE}' fill='currentColor' style='max-width: 100%'>",
            *drawn,
            "</svg>",
        ]
    )


def grid_line(x1: float, y1: float, x2: float, y2: float) -> str:
    """A faint line, of pixels."""
    ends = f"x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}'"
    return f"<line {ends} stroke='currentColor' stroke-opacity='0.15'/>"


def text(x: float, y: float, content: str, anchor: str, bold: bool = False) -> str:
    """A text with its base line at a place; `anchor` is start, middle or end."""
    weight = " font-weight='700'" if bold else ""
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'{weight}>{html.escape(content)}</text>"


def share(value: float, axis: dict[str, Any]) -> float:
    """Where a value above 0 stands on an axis of `chart_style.log_axis`, from 0 to 1."""
    low, high = axis["range"]
    return (math.log10(value) - low) / (high - low)


def height_of(value: float, axis: dict[str, Any], plot: Box) -> float:
    """Where a value stands on the upright log axis of a plot, in pixels from the top of the picture."""
    return plot.bottom - share(value, axis) * (plot.bottom - plot.top)


def upright_axis(axis: dict[str, Any], plot: Box) -> list[str]:
    """Grid lines at the ticks of an upright log axis, with their values on the left of the plot."""
    parts = []
    for value, content in zip(axis["tickvals"], axis["ticktext"], strict=True):
        y = height_of(value, axis, plot)
        parts.append(grid_line(plot.left, y, plot.right, y))
        parts.append(text(plot.left - 4, y + TEXT_SIZE / 3, content, "end"))
    return parts
