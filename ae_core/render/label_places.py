"""Where names stand beside the lines and dots that they name, so that none covers another."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

TEXT_SIZE = 12
"""Pixels: all of a chart's text has this size."""
LINE_HEIGHT = 16
"""Pixels, of a line of text."""
_LETTER_WIDTH = 0.62
"""Width of a letter as a share of the text's size; somewhat generous for the fonts of the page."""
_LONGEST = 14
"""Letters of a line of a name."""
_GAP = 3.0
"""Pixels between a dot and its name."""


class Side(NamedTuple):
    """On which side of a dot a name stands: -1, 0 or 1 to the right, and downwards."""

    right: int
    down: int


_SIDES = tuple(
    Side(*place) for place in ((0, -1), (1, 0), (-1, 0), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))
)
"""The first is taken unless another one covers less."""


class Place(NamedTuple):
    """Where a name stands, and how much it covers there, in square pixels."""

    side: Side
    covers: float


class Dot(NamedTuple):
    """Something round that a name may stand beside and should not cover; in pixels, y downwards."""

    x: float
    y: float
    radius: float


class Box(NamedTuple):
    """A rectangle in pixels, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """The common area, in square pixels."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)

    @property
    def area(self) -> float:
        """In square pixels."""
        return (self.right - self.left) * (self.bottom - self.top)


def lines_of(name: str) -> list[str]:
    """A name in one line or two, neither too long to stand beside a chart; what is longer is cut short."""
    return textwrap.wrap(name, _LONGEST, max_lines=2, placeholder="…") or [""]


def shorten(name: str, longest: int) -> str:
    """A name of that many letters at most."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def text_width(text: str) -> float:
    """About how wide a text is, in pixels."""
    return _LETTER_WIDTH * TEXT_SIZE * len(text)


def spread(centres: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Centres of labels along an axis, as near as possible to those wanted, so that none covers another.

    The squared distances add up to the least that labels in this order can have (isotonic regression by
    pooling neighbours; Barlow et al., 1972). Labels that do not fit all together shrink by the same share.

    Args:
        centres: wanted, as shares of the axis from its lower end.
        sizes: of the labels along the axis, likewise.
    """
    shrink = 1 / max(1.0, sum(sizes))
    order = sorted(range(len(centres)), key=centres.__getitem__)
    touching, edge = [], 0.0
    for index in order:
        touching.append(edge + shrink * sizes[index] / 2)
        edge += shrink * sizes[index]
    # Each pool of labels that touch: by how much all of them are moved from where they would stand lowest.
    pools: list[tuple[float, int]] = []
    for index, lowest in zip(order, touching, strict=True):
        pools.append((centres[index] - lowest, 1))
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (below, fewer), (above, more) = pools[-2:]
            pools[-2:] = [((below * fewer + above * more) / (fewer + more), fewer + more)]
    moves = [min(max(move, 0.0), max(0.0, 1 - edge)) for move, count in pools for _ in range(count)]
    placed = [0.0] * len(order)
    for index, lowest, move in zip(order, touching, moves, strict=True):
        placed[index] = lowest + move
    return placed


def name_box(dot: Dot, width: float, side: Side) -> Box:
    """The rectangle of a name on a side of its dot."""
    # At a corner of the dot's square the round dot leaves room.
    reach = dot.radius + _GAP if 0 in side else 0.7 * dot.radius + _GAP / 2
    x = dot.x + side.right * (reach + width / 2)
    y = dot.y + side.down * (reach + LINE_HEIGHT / 2)
    return Box(x - width / 2, y - LINE_HEIGHT / 2, x + width / 2, y + LINE_HEIGHT / 2)


def places_of_names(
    dots: Sequence[Dot],
    widths: Sequence[float],
    within: Box,
    taken: Sequence[Box] = (),
    passed: Sequence[Dot] = (),
) -> list[Place]:
    """On which side of its dot each name covers least; those that come first have the choice.

    Args:
        widths: of the names, in pixels, one per dot.
        within: where names may stand.
        taken: what they may not cover either, such as a title.
        passed: what they had better not cover, such as places along a line.
    """
    full = [*taken, *(_around(dot) for dot in dots)]
    soft = [_around(dot) for dot in passed]
    places = []
    for dot, width in zip(dots, widths, strict=True):
        boxes = [name_box(dot, width, side) for side in _SIDES]
        covers = [box.area - box.overlap(within) + sum(map(box.overlap, full)) for box in boxes]
        costs = [cover + sum(map(box.overlap, soft)) for box, cover in zip(boxes, covers, strict=True)]
        best = costs.index(min(costs))
        places.append(Place(_SIDES[best], covers[best]))
        full.append(boxes[best])
    return places


def _around(dot: Dot) -> Box:
    return Box(dot.x - dot.radius, dot.y - dot.radius, dot.x + dot.radius, dot.y + dot.radius)
