"""The curves of a training as a small inline picture, which a browser draws while the model trains."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ae_core.analysis.notation import value_text
from ae_core.render import svg
from ae_core.render.chart_style import ACTIVE_COLOUR, log_axis
from ae_core.render.label_places import LINE_HEIGHT, TEXT_SIZE, Box, spread, text_width

_MOST_POINTS = 200
"""Of a curve: there are no more pixels."""


class Curve(NamedTuple):
    """One line of the picture."""

    steps: Sequence[int]
    values: Sequence[float]
    colour: str


def small_curves(
    curves: Mapping[str, Curve],
    total_steps: int,
    marks: Mapping[int, str] | None = None,
    cursor: int | None = None,
    width: int = 560,
    height: int = 200,
) -> str:
    """Curves against the step as SVG, on a log axis, each named at its end with its last value.

    Text has the colour of the text around it. What is not above 0, or not finite, a log axis cannot show.

    Args:
        total_steps: where the axis ends.
        marks: what happened, by the step: a dotted line each, which says so under the pointer.
        cursor: a step to mark by an upright line.
        width, height: in pixels.
    """
    shown = {name: points for name, curve in curves.items() if len(points := _points(curve))}
    ends = {name: f"{name} {value_text(float(points[-1, 1]))}" for name, points in shown.items()}
    says = "; ".join(ends.values()) or "nothing yet"
    if not shown:
        return svg.picture([], f"Curves of the training: {says}.", width, height)
    axis = log_axis(*(points[:, 1].tolist() for points in shown.values()))
    left = max(text_width(text) for text in axis["ticktext"]) + 6
    right = width - max(text_width(text) for text in ends.values()) - 12
    plot = Box(left, 6, right, height - LINE_HEIGHT - 6)

    def x_of(step: float) -> float:
        return plot.left + step / total_steps * (plot.right - plot.left)

    def y_of(value: float) -> float:
        return svg.height_of(value, axis, plot)

    drawn = svg.upright_axis(axis, plot)
    for step, anchor in ((0, "start"), (total_steps, "end")):
        drawn.append(svg.text(x_of(step), height - 4, f"{step:,}", anchor))
    drawn.append(svg.text((plot.left + plot.right) / 2, height - 4, "step", "middle"))
    for step, text in (marks or {}).items():
        drawn.append(_mark(x_of(step), plot, f"step {step:,}: {text}"))
    if cursor is not None:
        x = f"{x_of(cursor):.1f}"
        drawn.append(
            f"<line x1='{x}' y1='{plot.top}' x2='{x}' y2='{plot.bottom}' stroke='currentColor' "
            "stroke-width='2' stroke-opacity='0.5'/>"
        )
    heights = [svg.share(float(points[-1, 1]), axis) for points in shown.values()]
    places = spread(heights, [LINE_HEIGHT / (plot.bottom - plot.top)] * len(heights))
    for (name, points), place in zip(shown.items(), places, strict=True):
        line = " ".join(f"{x_of(step):.1f},{y_of(value):.1f}" for step, value in points.tolist())
        end = f"{x_of(points[-1, 0]):.1f},{y_of(points[-1, 1]):.1f}"
        y = plot.bottom - place * (plot.bottom - plot.top)
        colour = curves[name].colour
        drawn.append(f"<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='2'/>")
        drawn.append(
            f"<polyline points='{end} {plot.right + 4:.1f},{y:.1f} {plot.right + 8:.1f},{y:.1f}' fill='none' "
            f"stroke='{colour}' stroke-opacity='0.6'/>"
        )
        drawn.append(svg.text(plot.right + 10, y + TEXT_SIZE / 3, ends[name], "start"))
    return svg.picture(drawn, f"Curves of the training, on a log axis, at their ends: {says}.", width, height)


def _points(curve: Curve) -> np.ndarray:
    """What of a curve shows, (points, 2): thinned evenly, its last point kept."""
    pairs = np.array(list(zip(curve.steps, curve.values, strict=True)), dtype=float).reshape(-1, 2)
    pairs = pairs[np.isfinite(pairs[:, 1]) & (pairs[:, 1] > 0)]
    kept = np.linspace(0, len(pairs) - 1, min(len(pairs), _MOST_POINTS)).round().astype(int)
    return pairs[kept]


def _mark(x: float, plot: Box, says: str) -> str:
    return (
        f"<g><title>{html.escape(says)}</title>"
        f"<line x1='{x:.1f}' y1='{plot.top}' x2='{x:.1f}' y2='{plot.bottom}' stroke='currentColor' "
        "stroke-opacity='0.6' stroke-dasharray='2 3'/>"
        f"<circle cx='{x:.1f}' cy='{plot.top}' r='4' fill='{ACTIVE_COLOUR}'/></g>"
    )
