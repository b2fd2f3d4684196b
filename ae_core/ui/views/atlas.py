"""Map: where the drawing lies among the test digits by its code, its neighbours, and ways to others."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ae_core.analysis.atlas import NEIGHBOURS, TRUST_IMAGES, TRUST_NEIGHBOURS, Atlas, place_among
from ae_core.analysis.vectors import Near, Vectors, find_near
from ae_core.data import DataSet
from ae_core.errors import AnalysisError, CheckpointError
from ae_core.ui import (
    atlas_map,
    atlas_ways,
    atlases,
    clock,
    digit_codes,
    keys,
    markup,
    measuring,
    style,
)
from ae_core.ui.digit_buttons import digit_buttons
from ae_core.ui.following import Follower, Parts
from ae_core.ui.problems import guard
from ae_core.ui.shown import Shown
from ae_core.ui.shown_model import Choice
from ae_core.ui.sight import Sight
from ae_core.ui.state import lab

_SHOWN = 6
"""Neighbours beside the map."""
_ENCODING_SECONDS = 0.3
"""Between two looks whether the test digits are encoded."""


def live(choice: Choice, seen: Sight | None) -> Follower | None:
    """The map with the drawing on it, and its neighbours by code and by pixels."""
    shown = choice.a
    if shown is None or shown.is_moment:
        return None
    style.question(f"Where does this drawing lie among the test {shown.data.things}?")
    if seen is None:
        st.markdown("Draw a digit, or place one, to see where it lies.")
    codes = digit_codes.find_codes(shown)
    if codes is None:
        clock.again_after(_ENCODING_SECONDS, "encoding")
    try:
        atlas = _atlas_of(shown, codes)
    except AnalysisError as error:
        st.markdown(str(error))
        return None
    if atlas is None:
        st.caption(f"Encoding the test {shown.data.things}.")
        return None
    follower = partial(_among, shown, atlas, codes, lab().map_goal)
    marks, neighbours = follower(seen).values()
    with st.container(key=keys.wrapping("all_map")):
        left, right = st.columns([3, 2], gap="medium")
    with left:
        atlas_map.show(atlas, shown.data, marks)
    with right:
        markup.show("<div class='neighbours'>", neighbours, "</div>")
        _trust(atlas, shown.data)
    return follower


def _among(shown: Shown, atlas: Atlas, codes: Vectors | None, goal: int | None, seen: Sight | None) -> Parts:
    """The marks on the map, and the neighbours beside it."""
    marks = {} if goal is None else {"goal": atlas.places[goal]}
    beside = "" if seen is None else f"<p class='note'>Encoding the test {shown.data.things}.</p>"
    if seen is not None and codes is not None:
        near = find_near(seen.inspect(shown).code, codes, _SHOWN)
        marks["here"] = place_among(near.first(NEIGHBOURS), atlas.places)
        beside = _neighbours(near, shown.data, seen)
    return {".atlas-marks": atlas_map.marks(marks), ".neighbours": beside}


def show(choice: Choice, seen: Sight | None) -> None:
    """The making of a map that is not there yet, and the ways to the digit that was chosen on it."""
    shown = choice.a
    if shown is None:
        return
    _making(shown)
    if seen is not None:
        atlas_ways.show(shown, seen)


def _atlas_of(shown: Shown, codes: Vectors | None) -> Atlas | None:
    """The map of the codes; until there is one its making is started, and their components take its place."""
    try:
        found = atlases.atlas_of(shown)
    except CheckpointError as error:
        st.error(str(error))
        return None if codes is None else atlases.components_of(shown)
    if found is not None or codes is None:
        return found
    components = atlases.components_of(shown)
    if atlases.run_of(shown) is None:
        atlases.start(shown, codes)
        # Its bar stands in a part of the page that follows no pen.
        st.rerun()
    return components


def _neighbours(near: Near, data: DataSet, seen: Sight) -> str:
    by_pixels = digit_codes.find_near_by_pixels(seen, data, _SHOWN)
    return (
        f"<p class='note'>Nearest test {data.things} by their code</p>"
        + digit_buttons(data, near.indices.tolist(), ", near by its code,")
        + "<p class='note'>Nearest by their pixels</p>"
        + digit_buttons(data, by_pixels.indices.tolist(), ", near by its pixels,")
    )


def _trust(atlas: Atlas, data: DataSet) -> None:
    meaning = (
        "Two directions of the code are shown, and all others are left out."
        if atlas.is_linear
        else "Only what is near says something: how far heaps lie apart, and which way is up, mean nothing."
    )
    markup.show(
        f"<p class='note'>{markup.symbol('trust', 'Trustworthiness')} of this map "
        f"<b>{atlas.trustworthiness:.3f}</b>: near 1 if neighbours on it are neighbours in the code, "
        f"too ({TRUST_NEIGHBOURS} of each, over {min(TRUST_IMAGES, len(atlas.places)):,} {data.things}). "
        f"{meaning} A click on the map "
        f"chooses {'a digit' if data.is_mnist else 'an image'} to go to.</p>"
    )


def _making(shown: Shown) -> None:
    """How far the map of a model's codes is that has none beside its file."""
    run = atlases.run_of(shown)
    if run is None or run.result is not None:
        return
    if run.error is not None:
        st.error(run.error)
        return
    st.caption("Until the map of this code is made, its first two principal components are shown.")
    if not run.running:
        st.button("Make the map", key="make_map", on_click=guard(atlases.forget), args=(shown,))
        return
    measuring.show(
        "atlas", partial(atlases.run_of, shown), partial(atlases.stop, shown), "Making the map of this code"
    )
