"""Drawings that are no digits, for what a model makes of the unknown."""

from __future__ import annotations

import math

from ae_core.drawing.strokes import PenStroke

_WIDTH = 22


def _arc(column: int, row: int, radius: int, first: float, last: float) -> PenStroke:
    """A part of a circle; angles in turns, from the right, clockwise."""
    steps = 24
    angles = [2 * math.pi * (first + (last - first) * step / steps) for step in range(steps + 1)]
    return PenStroke(
        _WIDTH,
        tuple((round(column + radius * math.cos(a)), round(row + radius * math.sin(a))) for a in angles),
    )


def _line(*points: tuple[int, int]) -> PenStroke:
    return PenStroke(_WIDTH, points)


SAMPLES: dict[str, tuple[PenStroke, ...]] = {
    ":)": (
        _arc(140, 140, 96, 0, 1),
        _line((108, 112)),
        _line((172, 112)),
        _arc(140, 146, 48, 0.06, 0.44),
    ),
    "A": (_line((68, 228), (140, 52), (212, 228)), _line((96, 164), (184, 164))),
}
"""On a canvas of 280 pixels, by what they are called."""
