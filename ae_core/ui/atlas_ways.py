"""Between the drawing and a test digit: the way through the code beside the blend of their pixels."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis.notation import value_text
from ae_core.analysis.paths import Way, walk_between
from ae_core.data import to_float
from ae_core.render import maps
from ae_core.ui import markup, pointing, style, unusual
from ae_core.ui.shown import Shown
from ae_core.ui.sight import Sight
from ae_core.ui.state import lab

STEPS = 9
"""Pictures on each way, its ends among them."""


def show(shown: Shown, seen: Sight) -> None:
    """Both ways, step by step, with what the model makes of each; or how to choose a digit."""
    data = shown.data
    style.question(f"What lies between this drawing and another {data.things[:-1]}?")
    digits = "".join(
        f"<button class='pick' data-pick='{pointing.pick_of_goal_digit(digit)}' "
        f"aria-label='Go to the nearest {markup.escape(name)}'>{markup.escape(name)}</button>"
        for digit, name in enumerate(data.classes)
    )
    nearest = f"Go to the nearest {digits} or click" if digits else "Click"
    markup.show(
        f"<div class='picks'>{nearest} {'a digit' if data.is_mnist else 'an image'} on the map.</div>"
    )
    goal = lab().map_goal
    if goal is None:
        return
    end = to_float(data.images("test")[goal : goal + 1])
    known = unusual.familiar_of(shown)
    ways = walk_between(shown.checkpoint.model, seen.x, end, known.codes, STEPS)
    digit = data.class_name("test", goal) or "test image"
    _way(
        "Through the code: points on the straight line between the two codes, decoded",
        ways.through_code,
        digit,
    )
    _way("Through the pixels: blends of the two pictures", ways.through_pixels, digit)
    st.caption(
        "‖J‖ at each picture, and how far the step's code lies from the nearest of "
        f"{len(known.codes.rows):,} training images' codes, in activations: a step far from all is "
        "unlike what the model learnt from. ‖J‖ of the first way is taken at the decoded picture."
    )


def _way(title: str, way: Way, digit: str) -> None:
    st.markdown(f"**{title}**")
    st.image(
        maps.grid([[maps.grey_picture(picture, maps.CELL_PIXELS) for picture in way.pictures]]),
        width="stretch",
        alt=f"{len(way.pictures)} pictures on the way from the drawing to a {digit}. {title}.",
    )
    markup.show(markup.columns("‖J‖", [value_text(float(norm)) for norm in way.jacobian_norms]))
    markup.show(
        markup.columns(
            "distance to the nearest training code", [value_text(float(one)) for one in way.distances]
        )
    )
