"""A few bars as a small inline picture: a unit's means per digit, and the histogram of its activations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ae_core.render import svg
from ae_core.render.chart_style import LINE_COLOURS, QUIET_COLOUR
from ae_core.render.label_places import LINE_HEIGHT, Box

_GAP = 0.2
"""Between two bars, as a share of a bar's place."""


def small_bars(
    values: Sequence[float],
    names: Sequence[str],
    says: str,
    quiet: Sequence[bool] = (),
    width: int = 225,
    height: int = 96,
) -> str:
    """Bars from 0 up or down, with names below, as SVG.

    Args:
        names: one per bar, or one at each end.
        says: what the picture shows, in words.
        quiet: bars in grey; none if it is left out.
    """
    heights = np.asarray(values, dtype=float)
    low, high = min(0.0, float(heights.min())), max(0.0, float(heights.max()))
    span = (high - low) or 1.0
    plot = Box(0, 2, width, height - LINE_HEIGHT - 2)

    def y_of(value: float) -> float:
        return plot.bottom - (value - low) / span * (plot.bottom - plot.top)

    place = width / len(heights)
    drawn = []
    for index, value in enumerate(heights.tolist()):
        top, bottom = sorted((y_of(value), y_of(0.0)))
        colour = QUIET_COLOUR if len(quiet) and quiet[index] else LINE_COLOURS[0]
        drawn.append(
            f"<rect x='{(index + _GAP / 2) * place:.1f}' y='{top:.1f}' width='{(1 - _GAP) * place:.1f}' "
            f"height='{bottom - top:.1f}' fill='{colour}'/>"
        )
    drawn.append(svg.grid_line(0, y_of(0.0), width, y_of(0.0)))
    if len(names) == len(heights):
        drawn += [
            svg.text((index + 0.5) * place, height - 3, name, "middle") for index, name in enumerate(names)
        ]
    else:
        drawn.append(svg.text(0, height - 3, names[0], "start"))
        drawn.append(svg.text(width, height - 3, names[-1], "end"))
    return svg.picture(drawn, says, width, height)
