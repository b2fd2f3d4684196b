"""Robustness: change the drawing a little, and see how far every model's code and reconstruction move."""

from __future__ import annotations

import streamlit as st
import torch
from torch import Tensor

from ae_core import charts, maps
from ae_core.chart_style import PICTURE_DISTANCE
from ae_core.corruption import CORRUPTIONS, corrupt
from ae_core.data import PIXELS, load_mnist, to_float
from ae_core.metrics import reconstruct
from ae_core.neighbourhood import code_distances, contraction_curve, linear_reach
from ae_core.ui import keys, style
from ae_core.ui.library import BY_NUMBER, Shown
from ae_core.ui.shown_model import comparable

_STRENGTHS = 9
"""Places along the strength at which the curves are measured, at most."""
_RADII = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_TEST_DIGITS = 200
_DIRECTIONS = 16
"""Random directions at the drawing; at each test digit it is one."""
_NEARLY_LINEAR = 0.05
"""How far a contraction curve may be from what the Jacobian says, as a share of that."""


def show(shown: Shown, picture: Tensor | None) -> None:
    """One change of the drawing under every model, then random moves of a growing length."""
    style.question("How far does the code move when the picture changes a little?")
    models = comparable(shown)
    if picture is None:
        st.markdown("Draw a digit, or place one, to shift, turn, blur or erase it.")
    else:
        _corrupted(shown, models, picture)
    style.question("And in a random direction, from nearby to far away?")
    _contraction(shown, models, picture)


@torch.inference_mode()
def _corrupted(shown: Shown, models: list[Shown], picture: Tensor) -> None:
    name = st.segmented_control(
        "Change", list(CORRUPTIONS), default="Shift", required=True, key=keys.CHANGE.name, bind="query-params"
    )
    kind = CORRUPTIONS[name]
    strength = st.slider(
        f"{name}: {kind.unit}",
        0.0,
        kind.largest,
        kind.initial,
        kind.step,
        key=keys.strength(name).name,
        bind="query-params",
    )
    changed = corrupt(name, picture, strength)
    reconstructions = [reconstruct(model.checkpoint.model, changed) for model in models]
    before = [reconstruct(model.checkpoint.model, picture) for model in models]
    shifts = [_in_spreads(model, picture, changed) for model in models]
    left, right = st.columns([1, 4], gap="medium")
    with left:
        st.image(
            maps.grid([[maps.grey_picture(one[0, 0].numpy()) for one in (picture, changed)]]),
            caption="the drawing, and changed",
            width="stretch",
            alt=f"The drawing, and the drawing after {name.lower()} of {strength:g} {kind.unit}.",
        )
        style.show(style.figures({"Distance of the two": f"{(changed - picture).norm().item():.3g}"}))
        st.caption("The root of the summed squared differences of the pixels; from black to white is 1.")
    with right:
        style.show(style.columns("penalty weight", [model.label for model in models], strong=True))
        st.caption("Reconstruction of the changed drawing")
        st.image(
            maps.grid([[maps.grey_picture(one[0, 0].numpy(), maps.CELL_PIXELS) for one in reconstructions]]),
            width="stretch",
            alt=f"Reconstruction of the changed drawing under {len(models)} models, in the order of the "
            "headings.",
        )
        style.show(
            style.columns(
                "code moved, in spreads of the code",
                ["constant" if shift is None else f"{shift[0]:.2g}" for shift in shifts],
            )
        )
        style.show(
            style.columns(
                "reconstruction moved (RMS of the pixels)",
                [
                    f"{(after - start).square().mean().sqrt().item():.2g}"
                    for after, start in zip(reconstructions, before, strict=True)
                ],
            )
        )
        style.show(
            style.columns(
                "distance of the reconstruction to the unchanged drawing (RMS)",
                [f"{(after - picture).square().mean().sqrt().item():.2g}" for after in reconstructions],
            )
        )
    _against_strength(shown, models, picture, name)


def _in_spreads(model: Shown, picture: Tensor, changed: Tensor) -> list[float] | None:
    """How far each changed picture moves the code, over its spread; None for a code that never changes."""
    spread = model.statistics.spread
    if spread == 0:
        return None
    return (code_distances(model.checkpoint.model, picture, changed) / spread).tolist()


def _against_strength(shown: Shown, models: list[Shown], picture: Tensor, name: str) -> None:
    kind = CORRUPTIONS[name]
    strengths = kind.strengths(_STRENGTHS)
    changed = torch.cat([corrupt(name, picture, strength) for strength in strengths])
    moved, held = {}, {}
    for model in models:
        shift = _in_spreads(model, picture, changed)
        if shift is not None:
            moved[model.label] = shift
        error = (reconstruct(model.checkpoint.model, changed) - picture).square().mean((1, 2, 3)).sqrt()
        held[model.label] = error.tolist()
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
                    strengths, curves, shown.label, f"{name.lower()}: {kind.unit}", y_title
                ),
                key=key,
                alt=f"{title} against the strength of the {name.lower()}, one curve a model; at the "
                "strongest: " + ", ".join(f"{label}: {values[-1]:.2g}" for label, values in curves.items()),
            )
    st.caption(
        "A spread is how far a test image's code lies from the mean code, root mean square; distances in "
        "spreads do not change when the code is rescaled. The contractive penalty presses on *every* "
        "direction of small moves near the training digits; of strong changes, far from them, it asks "
        "nothing."
    )


@st.cache_data(show_spinner="Measuring 200 test digits", max_entries=64, hash_funcs=BY_NUMBER)
def _test_curve(shown: Shown) -> list[float]:
    x = to_float(load_mnist("test").images[:_TEST_DIGITS])
    return _curve(shown, x)


def _curve(shown: Shown, x: Tensor) -> list[float]:
    return contraction_curve(shown.checkpoint.model, x, _RADII, shown.statistics.spread, _draws())


def _draws() -> torch.Generator:
    """The same directions for every model."""
    return torch.Generator().manual_seed(0)


def _contraction(shown: Shown, models: list[Shown], picture: Tensor | None) -> None:
    """The contraction curve, for the drawing and for test digits."""
    moving = [model for model in models if model.statistics.spread > 0]
    sources = {f"{_TEST_DIGITS} test digits": {model.label: _test_curve(model) for model in moving}}
    if picture is not None:
        around = picture.expand(_DIRECTIONS, -1, -1, -1)
        sources = {"This drawing": {model.label: _curve(model, around) for model in moving}} | sources
    for index, (column, (title, curves)) in enumerate(
        zip(st.columns(2, gap="medium"), sources.items(), strict=False)
    ):
        with column:
            st.markdown(title)
            style.chart(
                charts.curves_by_model(
                    _RADII,
                    {name: curve for name, curve in curves.items() if max(curve) > 0},
                    shown.label,
                    f"radius r: {PICTURE_DISTANCE}",
                    "code moved / (r · spread)",
                    log_x=True,
                    log_y=True,
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
    if picture is not None:
        st.caption(_reaches(moving, sources["This drawing"], around))


def _reaches(models: list[Shown], curves: dict[str, list[float]], around: Tensor) -> str:
    """How far from the drawing the Jacobian tells how the code moves, in a sentence."""
    near, nowhere = [], []
    for model in models:
        curve, spread = curves[model.label], model.statistics.spread
        reach = linear_reach(model.checkpoint.model, around, _RADII, curve, spread, _draws(), _NEARLY_LINEAR)
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
