"""The trade-off of a ladder as a small inline picture, to stand beside what follows every stroke."""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ae_core.analysis.notation import value_text
from ae_core.render import svg
from ae_core.render.chart_style import ACTIVE_COLOUR, LINE_COLOURS, log_axis
from ae_core.render.label_places import (
    LINE_HEIGHT,
    TEXT_SIZE,
    Box,
    Dot,
    name_box,
    places_of_names,
    shorten,
    text_width,
)

_RADIUS, _MARKED_RADIUS = 3.5, 7.0
_LONGEST = 24
"""Letters of a name beside its dot."""
_COVERED = 12.0
"""Square pixels of other names and dots that a name may touch; its box is larger than its letters."""
_ERROR_TITLE = "test MSE"
_STEP = 6.0
"""Pixels between the places of the joining line that names keep clear of."""


class _Model(NamedTuple):
    name: str
    cost: float
    error: float
    mark: str
    """A for the chosen model, B for the other, AB for one that is both, else nothing."""


def small_trade_off(
    costs: Sequence[float],
    errors: Sequence[float],
    names: Sequence[str],
    chosen: int | None,
    other: int | None,
    cost_title: str,
    width: int = 420,
    height: int = 150,
) -> str:
    """Test MSE against the cost as SVG, on log axes: a dot per model, joined in the order that they come in.

    Text has the colour of the text around it. Models with a value of 0, which a log axis cannot show, are
    left out; a name without a free place is, too, and shows under the pointer.

    Args:
        costs, errors, names: one value per model, the weakest penalty first.
        chosen: index of the model that is marked A.
        other: index of the model that is marked B.
        width, height: in pixels.
    """
    models = [
        _Model(name, cost, error, ("A" if index == chosen else "") + ("B" if index == other else ""))
        for index, (name, cost, error) in enumerate(zip(names, costs, errors, strict=True))
        if cost > 0 and error > 0
    ]
    says = _in_words(models, cost_title)
    drawn = _drawn(models, cost_title, width, height) if models else []
    return svg.picture(drawn, says, width, height)


def _in_words(models: Sequence[_Model], cost_title: str) -> str:
    if not models:
        return f"No model has a test MSE and a value above 0 of: {cost_title}."
    values = "; ".join(f"{_label(one)}: {value_text(one.cost)}, {value_text(one.error)}" for one in models)
    return (
        f"Test MSE against {cost_title}, both on log axes. {cost_title} and test MSE of each model: {values}."
    )


def _label(model: _Model) -> str:
    return f"{' '.join(model.mark)} {model.name}".strip()


def _drawn(models: Sequence[_Model], cost_title: str, width: int, height: int) -> list[str]:
    x_axis, y_axis = (log_axis([getattr(one, name) for one in models]) for name in ("cost", "error"))
    left = max(text_width(text) for text in y_axis["ticktext"]) + 6
    # Half a tick's text may stand beyond the right end.
    plot = Box(left, LINE_HEIGHT + 4, width - LINE_HEIGHT, height - 2 * LINE_HEIGHT - 6)
    dots = [
        Dot(
            plot.left + svg.share(one.cost, x_axis) * (plot.right - plot.left),
            svg.height_of(one.error, y_axis, plot),
            _MARKED_RADIUS if one.mark else _RADIUS,
        )
        for one in models
    ]
    return [
        *_axes(plot, x_axis, y_axis, cost_title, height),
        _line(dots),
        *(_dot(dots[index], models[index]) for index in reversed(_marked_first(models))),
        *_names(dots, models, Box(left, 0, width, plot.bottom)),
    ]


def _axes(
    plot: Box, x_axis: dict[str, Any], y_axis: dict[str, Any], cost_title: str, height: int
) -> list[str]:
    """Grid lines at decades with their values, and both titles; that of the errors stands above its axis."""
    parts = []
    for value, text in zip(x_axis["tickvals"], x_axis["ticktext"], strict=True):
        x = plot.left + svg.share(value, x_axis) * (plot.right - plot.left)
        parts.append(svg.grid_line(x, plot.top, x, plot.bottom))
        parts.append(svg.text(x, plot.bottom + TEXT_SIZE + 2, text, "middle"))
    parts += svg.upright_axis(y_axis, plot)
    parts.append(svg.text(0, TEXT_SIZE, _ERROR_TITLE, "start"))
    parts.append(svg.text((plot.left + plot.right) / 2, height - 4, cost_title, "middle"))
    return parts


def _line(dots: Sequence[Dot]) -> str:
    points = " ".join(f"{dot.x:.1f},{dot.y:.1f}" for dot in dots)
    return f"<polyline points='{points}' fill='none' stroke='currentColor' stroke-opacity='0.35'/>"


def _dot(dot: Dot, model: _Model) -> str:
    """A large dot for A, a ring for B, both for a model that is both, and a small dot for the others."""
    place = f"cx='{dot.x:.1f}' cy='{dot.y:.1f}' r='{dot.radius}'"
    shapes = {
        "": f"<circle {place} fill='{LINE_COLOURS[0]}'/>",
        "A": f"<circle {place} fill='{ACTIVE_COLOUR}'/>",
        "B": f"<circle {place} fill='none' stroke='currentColor' stroke-width='2'/>",
    }
    drawn = "".join(shapes[mark] for mark in model.mark) or shapes[""]
    values = f"{_label(model)}: {value_text(model.cost)}, {_ERROR_TITLE} {value_text(model.error)}"
    return f"<g><title>{html.escape(values)}</title>{drawn}</g>"


def _marked_first(models: Sequence[_Model]) -> list[int]:
    return sorted(range(len(models)), key=lambda index: models[index].mark == "")


def _names(dots: Sequence[Dot], models: Sequence[_Model], within: Box) -> list[str]:
    """The models' names beside their dots; those of A and B have the first choice, and are bold."""
    order = _marked_first(models)
    texts = [shorten(_label(models[index]), _LONGEST) for index in order]
    widths = [text_width(text) for text in texts]
    title = Box(0, 0, text_width(_ERROR_TITLE), LINE_HEIGHT)
    places = places_of_names([dots[index] for index in order], widths, within, [title], _places_along(dots))
    parts = []
    for index, text, width, (side, covers) in zip(order, texts, widths, places, strict=True):
        marked = models[index].mark != ""
        if covers <= _COVERED or marked:
            box = name_box(dots[index], width, side)
            x = {-1: box.right, 0: (box.left + box.right) / 2, 1: box.left}[side.right]
            anchor = {-1: "end", 0: "middle", 1: "start"}[side.right]
            parts.append(svg.text(x, box.bottom - LINE_HEIGHT / 4, text, anchor, marked))
    return parts


def _places_along(dots: Sequence[Dot]) -> list[Dot]:
    """Places close to each other along the line that joins the dots."""
    places = []
    for start, end in pairwise(dots):
        count = 1 + int(np.hypot(end.x - start.x, end.y - start.y) / _STEP)
        for share in np.linspace(0, 1, count, endpoint=False):
            x, y = (a + share * (b - a) for a, b in zip(start[:2], end[:2], strict=True))
            places.append(Dot(float(x), float(y), 1.5))
    return places
