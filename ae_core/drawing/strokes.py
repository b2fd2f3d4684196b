"""A drawing as the strokes of a pen: as the canvas tells of it, and as a text short enough for a link.

A stroke is its width and its points, thinned to what is seen: the distance of a left-out point from the line
that stands for it is at most a canvas pixel. In a text a stroke is its width and its points in base 36, two
characters for each coordinate, and strokes are joined by dots.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ae_core.errors import PictureError

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TOLERANCE = 1.0
"""Canvas pixels."""
_CURVE_STEPS = 4
"""Straight pieces in place of each curve of a stroke, before thinning; the canvas has one for each move."""
_FARTHEST = 36**2 - 1
_MOST_POINTS = 2000
"""Of a whole drawing: a text from a link may be anything."""
_SHRINK = 4
"""Strokes are painted this much larger, then averaged: soft edges, as on the canvas."""
_WIDTHS = range(1, 101)


@dataclass(frozen=True)
class PenStroke:
    """One movement of the pen."""

    width: int
    """Canvas pixels, 1 to 100."""
    points: tuple[tuple[int, int], ...]
    """Columns and rows in canvas pixels; one for a dot."""


def strokes_of(shapes: Sequence[Mapping[str, Any]]) -> list[PenStroke] | None:
    """The strokes among a canvas's shapes, in their order; None if a shape is no stroke, or was moved."""
    strokes = []
    for shape in shapes:
        stroke = _stroke(shape)
        if stroke is None:
            return None
        strokes.append(stroke)
    return strokes


def _stroke(shape: Mapping[str, Any]) -> PenStroke | None:
    path = shape.get("path")
    is_moved = shape.get("angle", 0) != 0 or shape.get("scaleX", 1) != 1 or shape.get("scaleY", 1) != 1
    if str(shape.get("type")).lower() != "path" or not isinstance(path, list) or is_moved:
        return None
    try:
        points = _thinned(_flattened(path))
        width = int(np.clip(round(float(shape.get("strokeWidth", 1))), _WIDTHS[0], _WIDTHS[-1]))
        kept = [(int(x), int(y)) for x, y in np.clip(np.round(points), 0, _FARTHEST)]
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return PenStroke(width, tuple(kept) if len(set(kept)) > 1 else (kept[0],))


def _flattened(path: Sequence[Sequence[Any]]) -> np.ndarray:
    """The points along a path of moves, lines and quadratic curves; shape (points, 2).

    Raises:
        ValueError: for another kind of curve, or a path without a point.
    """
    points: list[np.ndarray] = []
    for command, *numbers in path:
        ends = np.array(numbers, dtype=float).reshape(-1, 2)
        if command in ("M", "L"):
            points.append(ends[-1])
        elif command == "Q":
            start, (control, end) = points[-1], ends
            for t in np.linspace(0, 1, _CURVE_STEPS + 1)[1:]:
                points.append((1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end)
        else:
            raise ValueError(f"no stroke of a pen has a {command!r}")
    return np.stack(points)


def _thinned(points: np.ndarray) -> np.ndarray:
    """Leave out what lies within the tolerance of a straight line (Douglas and Peucker, 1973)."""
    kept = {0, len(points) - 1}
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        distances = _distances(points[first + 1 : last], points[first], points[last])
        farthest = int(distances.argmax())
        if distances[farthest] > _TOLERANCE:
            middle = first + 1 + farthest
            kept.add(middle)
            spans += [(first, middle), (middle, last)]
    return points[sorted(kept)]


def _distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """From each point (n, 2) to the straight piece from start to end."""
    along = end - start
    length_sq = along @ along
    share = np.zeros(len(points)) if length_sq == 0 else ((points - start) @ along / length_sq).clip(0, 1)
    return np.linalg.norm(points - start - share[:, None] * along, axis=1)


def to_text(strokes: Sequence[PenStroke]) -> str:
    """The strokes as letters, digits and dots; `from_text` is its inverse."""
    return ".".join(
        "".join(
            _two_digits(number) for number in (stroke.width, *(n for point in stroke.points for n in point))
        )
        for stroke in strokes
    )


def from_text(text: str) -> list[PenStroke]:
    """The strokes that a text stands for.

    Raises:
        PictureError: if it stands for none.
    """
    if not re.fullmatch(r"[0-9a-z.]+", text) or len(text) > 4 * _MOST_POINTS:
        raise PictureError("This text does not describe a drawing.")
    strokes = []
    for part in text.split("."):
        # A width and at least one point, of two characters for each number.
        if len(part) < 6 or len(part) % 4 != 2:
            raise PictureError("This text does not describe a drawing.")
        width, *flat = (int(part[place : place + 2], 36) for place in range(0, len(part), 2))
        if width not in _WIDTHS:
            raise PictureError("This text does not describe a drawing.")
        strokes.append(PenStroke(width, tuple(zip(flat[::2], flat[1::2], strict=True))))
    return strokes


def _two_digits(number: int) -> str:
    return _DIGITS[number // 36] + _DIGITS[number % 36]


def ink_of(strokes: Sequence[PenStroke], side: int, below: np.ndarray | None = None) -> np.ndarray:
    """Paint strokes, white on black or on what is there, with round ends and soft edges.

    Args:
        side: of the square canvas, in pixels.
        below: what is on the canvas already, uint8, shape (side, side).
    Returns:
        uint8, shape (side, side).
    """
    large = Image.new("L", (side * _SHRINK, side * _SHRINK))
    pen = ImageDraw.Draw(large)
    for stroke in strokes:
        points = [(_SHRINK * x, _SHRINK * y) for x, y in stroke.points]
        pen.line(points, fill=255, width=_SHRINK * stroke.width, joint="curve")
        radius = _SHRINK * stroke.width / 2
        for x, y in points:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    painted = np.asarray(large.resize((side, side), Image.Resampling.BOX))
    return painted if below is None else np.maximum(painted, below)
