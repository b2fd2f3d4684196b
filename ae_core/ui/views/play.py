"""Play: below the strip of all penalties what the penalty buys and costs, and all values of A and B."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial

import streamlit as st

from ae_core.analysis import glossary
from ae_core.analysis.inspection import Inspection
from ae_core.analysis.notation import value_text
from ae_core.render.small_trade_off import small_trade_off
from ae_core.ui import keys, markup, shown_model, strip
from ae_core.ui.following import Follower, Parts
from ae_core.ui.keys import Side
from ae_core.ui.shown import Shown
from ae_core.ui.shown_model import Choice
from ae_core.ui.sight import Sight

_WIDTH, _HEIGHT = 460, 190


_drawn = lru_cache(maxsize=256)(small_trade_off)
"""The same for every drawing."""


def live(choice: Choice, seen: Sight | None) -> Follower:
    """The strip of all penalties; what follows the pen is that and, below it, the values of the drawing."""
    return partial(_follow, strip.show(choice, seen), choice.sides)


def _follow(cells: Follower, sides: Mapping[Side, Shown], seen: Sight | None) -> Parts:
    return cells(seen) | {".more .of-drawing": _rows_of_drawing(sides, seen)}


def show(choice: Choice, seen: Sight | None) -> None:
    """The trade-off with A and B on it, and the values in full."""
    if choice.a is None:
        return
    with st.container(key=keys.wrapping("play")):
        left, right = st.columns([_WIDTH, 400], gap="medium")
        with left:
            _trade_off(choice)
        with right:
            _values(choice, seen)


def _trade_off(choice: Choice) -> None:
    models = shown_model.intact_ladder(keys.shown_kind())
    models += [shown for shown in choice.sides.values() if all(shown is not each for each in models)]
    cost = glossary.COSTS[keys.shown_kind()][0]
    costs = [each.checkpoint.metrics.value_of(cost) or 0.0 for each in models]
    errors = [each.checkpoint.metrics.test_mse for each in models]
    place = {id(each): index for index, each in enumerate(models)}
    term = glossary.term(cost)
    svg = _drawn(
        tuple(costs),
        tuple(errors),
        tuple(each.label for each in models),
        place[id(choice.a)],
        None if choice.b is None else place[id(choice.b)],
        term.label,
        _WIDTH,
        _HEIGHT,
    )
    markup.show("<h3 class='panel-title'>What the penalty buys and costs, on the test set</h3>")
    # Streamlit's HTML element would drop the SVG.
    markup.small_chart(svg)
    markup.show(f"<p class='note'>Down: a better reconstruction. Left: {markup.escape(term.less)}.</p>")


def _values(choice: Choice, seen: Sight | None) -> None:
    """All values of A and B, those of the drawing first."""
    head = "<tr><td></td>" + "".join(f"<th scope='col'>{side}</th>" for side in choice.sides) + "</tr>"
    rows = []
    for name, metric in _OF_TEST_SET.items():
        found = [shown.checkpoint.metrics.value_of(metric) for shown in choice.sides.values()]
        rows.append(_row(name, ["not measured" if value is None else value_text(value) for value in found]))
    markup.show(
        f"<details open><summary>More values</summary><table class='more'><thead>{head}</thead>"
        f"<tbody class='of-drawing'>{_rows_of_drawing(choice.sides, seen)}</tbody>"
        f"<tbody>{''.join(rows)}</tbody></table></details>"
    )


def _rows_of_drawing(sides: Mapping[Side, Shown], seen: Sight | None) -> str:
    if seen is None:
        return ""
    inspections = [seen.inspect(shown) for shown in sides.values()]
    return "".join(_row(name, [text(each) for each in inspections]) for name, text in _OF_DRAWING.items())


def _row(name: str, texts: list[str]) -> str:
    cells = "".join(f"<td>{markup.escape(text)}</td>" for text in texts)
    return f"<tr><th scope='row'>{markup.escape(name)}</th>{cells}</tr>"


def _relative(inspection: Inspection) -> str:
    relative = inspection.relative_sensitivity
    return "the code is constant" if relative is None else value_text(relative)


_OF_DRAWING = {
    "This drawing: relative sensitivity, to first order": _relative,
    "Hoyer sparsity": lambda inspection: f"{inspection.hoyer:.3f}",
}
_OF_TEST_SET = {
    "Test set: MSE": "test_mse",
    "‖J‖², mean of up to 1,000 images (depends on the scale of the code)": "jacobian_sq_norm",
    "active units per image": "active_units",
    "code moved by noise 0.2, in its spreads": "code_shift_0.2",
    "MSE from noise 0.2": "denoising_mse_0.2",
}
