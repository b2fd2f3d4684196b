"""Robustness: change the drawing a little, and see how far every model's code and reconstruction move."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import streamlit as st

from ae_core.analysis.corruption import CORRUPTIONS, FIRST_CORRUPTION, corrupt, corrupt_by
from ae_core.analysis.neighbourhood import (
    DIRECTIONS,
    RADII,
    contraction_curve,
    distance_between_examples,
    linear_reach,
)
from ae_core.analysis.robustness import STRENGTHS, change_between, respond, response_curve
from ae_core.data import PIXELS, Picture, to_float
from ae_core.render import charts, maps
from ae_core.render.chart_style import PICTURE_DISTANCE
from ae_core.ui import keys, linked, markup, style
from ae_core.ui.linked import Linked
from ae_core.ui.shown import CACHE_KEYS, Shown, once_per_drawing
from ae_core.ui.shown_model import Choice, apart, comparable
from ae_core.ui.sight import Sight

_TEST_DIGITS = 100
_NEARLY_LINEAR = 0.05
"""How far a contraction curve may be from what the Jacobian says, as a share of that."""


def linked_widgets() -> Iterator[Linked[Any]]:
    """Those of which a link can say what they hold."""
    yield linked.choice(keys.CHANGE, list(CORRUPTIONS), FIRST_CORRUPTION)
    name = keys.CHANGE.get()
    kind = CORRUPTIONS[name]
    yield linked.number(keys.strength(name), 0.0, kind.largest, kind.initial)


def show(choice: Choice, seen: Sight | None) -> None:
    """One change of the drawing under every model, then random moves of a growing length."""
    style.question("How far does the code move when the picture changes a little?")
    shown = choice.a
    if shown is None:
        return
    models = comparable(shown)
    # The changes of this view are made to the clean drawing, whatever noise the panels show.
    picture = None if seen is None else seen.clean
    if picture is None:
        st.markdown("Draw a digit, or place one, to shift, turn, blur or erase it.")
    else:
        _corrupted(shown, models, picture)
    style.question("And in a random direction, from nearby to far away?")
    _contraction(shown, models, picture)


def _corrupted(shown: Shown, models: list[Shown], picture: Picture) -> None:
    st.segmented_control(
        "Change",
        list(CORRUPTIONS),
        required=True,
        key=keys.CHANGE.name,
        persist_state="session",
    )
    name = keys.CHANGE.get()
    kind = CORRUPTIONS[name]
    strength = st.slider(
        f"{name}: {kind.unit}",
        0.0,
        kind.largest,
        step=kind.step,
        key=keys.strength(name).name,
        persist_state="session",
    )
    changed = corrupt(name, picture, strength)
    change = change_between(picture, changed)
    responses = [
        respond(model.checkpoint.model, picture, changed, model.statistics.spread) for model in models
    ]
    with st.container(key=keys.wrapping("all_changed")):
        left, right = st.columns([1, 4], gap="medium")
    with left, st.container(width=style.width_of(2)):
        st.image(
            maps.grid([[maps.grey_picture(one) for one in (change.before, change.after)]]),
            caption="the drawing, and changed",
            width="stretch",
            alt=f"The drawing, and the drawing after {name.lower()} of {strength:g} {kind.unit}.",
        )
        markup.show(markup.values({"Distance of the two": f"{change.distance:.3g}"}))
        st.caption("The root of the summed squared differences of the pixels; from black to white is 1.")
    with right, st.container(width=style.width_of(len(models))):
        markup.show(markup.columns("penalty weight", [model.label for model in models], strong=True))
        st.caption("Reconstruction of the changed drawing")
        st.image(
            maps.grid([[maps.grey_picture(one.reconstruction, maps.CELL_PIXELS) for one in responses]]),
            width="stretch",
            alt=f"Reconstruction of the changed drawing under {len(models)} models, in the order of the "
            "headings.",
        )
        markup.show(
            markup.columns(
                "code moved, in spreads of the code",
                ["constant" if one.code_moved is None else f"{one.code_moved:.2g}" for one in responses],
            )
        )
        markup.show(
            markup.columns(
                "reconstruction moved (RMS of the pixels)",
                [f"{one.reconstruction_moved:.2g}" for one in responses],
            )
        )
        markup.show(
            markup.columns(
                "distance of the reconstruction to the unchanged drawing (RMS)",
                [f"{one.distance_to_unchanged:.2g}" for one in responses],
            )
        )
    _against_strength(shown, models, picture, name)


def _against_strength(shown: Shown, models: list[Shown], picture: Picture, name: str) -> None:
    kind = CORRUPTIONS[name]
    strengths = kind.strengths(STRENGTHS)
    changed = corrupt_by(name, picture, strengths)
    responses = {
        model.label: response_curve(model.checkpoint.model, picture, changed, model.statistics.spread)
        for model in models
    }
    moved = {label: one.code_moved for label, one in responses.items() if one.code_moved is not None}
    held = {label: one.distance_to_unchanged for label, one in responses.items()}
    for column, key, curves, title, y_title in zip(
        st.columns(2, gap="medium"),
        ("moved", "held"),
        (moved, held),
        ("How far the code moves", "How well the reconstruction holds"),
        ("code moved, in spreads of the code", "RMS of the pixels to the unchanged drawing"),
        strict=True,
    ):
        with column:
            st.markdown(title)
            style.chart(
                charts.curves_by_model(
                    strengths,
                    curves,
                    shown.label,
                    f"{name.lower()}: {kind.unit}",
                    y_title,
                    apart=apart(models),
                ),
                key=key,
                alt=f"{title} against the strength of the {name.lower()}, one curve per model; at the "
                "strongest: " + ", ".join(f"{label}: {values[-1]:.2g}" for label, values in curves.items()),
            )
    st.caption(
        "A spread is how far a test image's code lies from the mean code, root mean square; distances in "
        "spreads do not change when the code is rescaled. The contractive penalty presses on *every* "
        "direction of small moves near the training images; of strong changes, far from them, it asks "
        "nothing."
    )


@st.cache_data(show_spinner="Measuring test images", max_entries=64, hash_funcs=CACHE_KEYS)
def _test_curve(shown: Shown) -> list[float]:
    x = to_float(shown.data.images("test")[:_TEST_DIGITS])
    return contraction_curve(shown.checkpoint.model, x, RADII, shown.statistics.spread)


@once_per_drawing
def _curve(shown: Shown, picture: Picture) -> list[float]:
    return contraction_curve(shown.checkpoint.model, picture, RADII, shown.statistics.spread, DIRECTIONS)


def _contraction(shown: Shown, models: list[Shown], picture: Picture | None) -> None:
    """The contraction curve, for the drawing and for test digits."""
    apart_by = distance_between_examples(shown.data)
    digits = f"{min(_TEST_DIGITS, len(shown.data.images('test')))} test {shown.data.things}"
    moving = [model for model in models if model.statistics.spread > 0]
    sources = {digits: {model.label: _test_curve(model) for model in moving}}
    if picture is not None:
        sources = {"This drawing": {model.label: _curve(model, picture) for model in moving}} | sources
    for index, (column, (title, curves)) in enumerate(
        zip(st.columns(2, gap="medium"), sources.items(), strict=False)
    ):
        with column:
            st.markdown(title)
            style.chart(
                charts.curves_by_model(
                    RADII,
                    {name: curve for name, curve in curves.items() if max(curve) > 0},
                    shown.label,
                    f"radius r: {PICTURE_DISTANCE}",
                    "code moved / (r · spread)",
                    log_x=True,
                    log_y=True,
                    apart=apart(models),
                    mark=apart_by,
                ),
                key=f"contraction_{index}",
                alt=f"{title}: how far the code moves per unit of distance, against the distance, one "
                "curve per model; "
                "nearest: " + ", ".join(f"{name}: {curve[0]:.2g}" for name, curve in curves.items()),
            )
    st.caption(
        "Root mean square of ‖h(x + ru) − h(x)‖ / r over random directions u, divided by the code's "
        f"spread. As r tends to 0 it tends to ‖J‖ / (√{PIXELS} · spread), the movement that the penalty sees."
    )
    st.caption(
        f"Upright: {apart_by:.1f}, the median distance of a training image to the nearest "
        "other; up to about there a contractive code's ratio was found to rise (Rifai et al. 2011)."
    )
    if picture is not None:
        st.caption(_reaches(moving, picture))


@once_per_drawing
def _reach(shown: Shown, picture: Picture) -> float | None:
    model, spread = shown.checkpoint.model, shown.statistics.spread
    curve = _curve(shown, picture)
    return linear_reach(model, picture, RADII, curve, spread, _NEARLY_LINEAR, DIRECTIONS)


def _reaches(models: list[Shown], picture: Picture) -> str:
    """Up to which distance from the drawing the Jacobian tells how far the code moves, in a sentence."""
    near, nowhere = [], []
    for model in models:
        reach = _reach(model, picture)
        if reach is None:
            nowhere.append(model.label)
        else:
            near.append(f"{reach:g} under {model.label}")
    sentences = []
    if near:
        sentences.append(
            f"At this drawing the curve is within {_NEARLY_LINEAR:.0%} of what J does with the same "
            f"directions up to r = {', '.join(near)}."
        )
    if nowhere:
        sentences.append(f"None of the radii is that near under {', '.join(nowhere)}.")
    return " ".join(sentences)
