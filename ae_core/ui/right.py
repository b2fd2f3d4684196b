"""The right column: the models of A and B, what they make of the drawing, and the open view."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ae_core.ui import (
    address,
    clock,
    keys,
    live_parts,
    markup,
    panels,
    pen,
    pointing,
    shown_model,
    sides,
    views,
)
from ae_core.ui.live_parts import LiveParts
from ae_core.ui.parts import LIVE, part
from ae_core.ui.problems import guard_part
from ae_core.ui.state import lab
from ae_core.ui.views import learn

_SHAKE_SECONDS = 0.25
_TRAINING_SECONDS = 0.2
"""Between two looks at a model in training."""
_REST_SECONDS = 0.15
"""After the last move of a slider, before what is slower than the panels follows it."""


def column() -> None:
    """Draw the column."""
    with guard_part():
        learn.guide()
    sides.controls()
    _live()
    address.keep()
    pointing.listen()
    views.show(shown_model.choice(), lab().see(keys.NOISE.get()))


def _seconds_between() -> float | None:
    """How often the live part runs by itself; None: only when something happens."""
    if keys.SHAKING.find() and keys.NOISE.get() > 0:
        return _SHAKE_SECONDS
    chosen = [shown_model.selection(side).model for side in shown_model.sides()]
    return _TRAINING_SECONDS if any(lab().in_training(name) for name in chosen) else None


def _sliders(parts: LiveParts) -> dict[str, pen.Slider]:
    """Those that the panels follow while they are held."""
    kind, at = keys.shown_kind(), parts.positions
    widgets = {side: keys.weight(side, kind) for side in parts.places} | {keys.NOISE.name: keys.NOISE}
    return {
        name: {"place": f".{markup.key_class(key.name)}", "at": at[name]} for name, key in widgets.items()
    }


@partial(part, key=LIVE)
def _live() -> None:
    """What a model in training and shaking redraw several times a second, and how it follows the hand."""
    if keys.SHAKING.find():
        lab().noise_draw += 1
    parts = live_parts.now()
    choice, seen = parts.choice, lab().see(parts.noise)
    if choice.problem is not None:
        st.error(choice.problem)
    rows, *at_canvas = parts.followers
    panels.show(choice, rows, seen)
    lab().following = parts.following(*views.live(choice, seen))
    # What is at the canvas stands in a part of the page that is not redrawn: the pen's script renews it.
    drawn = {place: html for follower in at_canvas for place, html in follower(seen).items()}
    pen.listen(drawn, _sliders(parts))
    if lab().rest_stale:
        clock.whole_page_at_rest(_REST_SECONDS, "rest")
    seconds = _seconds_between()
    if seconds is not None:
        clock.again_after(seconds, "live")
