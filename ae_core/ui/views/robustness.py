"""Robustness: change the drawing a little, and see how far every model's code and reconstruction move."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from ae_core import charts, maps
from ae_core.data import PIXELS, load_mnist, to_float
from ae_core.metrics import contraction_curve, reconstruct
from ae_core.robustness import CORRUPTIONS, code_shift, corrupt
from ae_core.ui import style
from ae_core.ui.library import BY_NUMBER, Shown
from ae_core.ui.model_picker import comparable

_STRENGTHS = 9
"""Places along the strength at which the curves are measured."""
_RADII = tuple(float(radius) for radius in np.geomspace(0.01, 10, 10))
_TEST_DIGITS = 200
_DIRECTIONS = 32
"""Random directions at the drawing; at each test digit it is one."""


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
        "Change", list(CORRUPTIONS), default="Shift", required=True, key="change", bind="query-params"
    )
    kind = CORRUPTIONS[name]
    strength = st.slider(
        f"{name}: {kind.unit}",
        0.0,
        kind.largest,
        kind.initial,
        kind.step,
        key=f"strength_{name.lower()}",
        bind="query-params",
    )
    changed = corrupt(name, picture, strength)
    reconstructions = [reconstruct(model.checkpoint.model, changed) for model in models]
    before = [reconstruct(model.checkpoint.model, picture) for model in models]
    shifts = [code_shift(model.checkpoint.model, picture, changed, model.statistics) for model in models]
    left, right = st.columns([1, 4], gap="medium")
    with left:
        st.image(
            maps.grid([[maps.grey_picture(one[0, 0].numpy()) for one in (picture, changed)]]),
            caption="the drawing, and changed",
            width="stretch",
            alt=f"The drawing, and the drawing after {name.lower()} of {strength:g} {kind.unit}.",
        )
        style.show(style.figures({"Distance of the two": f"{(changed - picture).norm().item():.3g}"}))
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


def _against_strength(shown: Shown, models: list[Shown], picture: Tensor, name: str) -> None:
    kind = CORRUPTIONS[name]
    strengths = np.linspace(0, kind.largest, _STRENGTHS).tolist()
    changed = torch.cat([corrupt(name, picture, strength) for strength in strengths])
    moved, held = {}, {}
    for model in models:
        shift = code_shift(model.checkpoint.model, picture, changed, model.statistics)
        if shift is not None:
            moved[model.label] = shift
        error = (reconstruct(model.checkpoint.model, changed) - picture).square().mean((1, 2, 3)).sqrt()
        held[model.label] = error.tolist()
    for column, key, curves, title, y_title in zip(
        st.columns(2, gap="medium"),
        ("moved", "held"),
        (moved, held),
        ("How far the code moves", "How well the reconstruction holds"),
        ("code moved / its spread", "RMS to the unchanged drawing"),
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
        "A spread of 1 is as far as a test image's code lies from the mean code, root mean square; it does "
        "not change when the code is rescaled. The contractive penalty asks for small moves in *every* "
        "direction, and the reconstruction holds on to those in which digits differ, such as a shift. It "
        "asks this near the training digits only: strong noise lies far from them."
    )


@st.cache_data(show_spinner="Measuring 200 test digits", max_entries=64, hash_funcs=BY_NUMBER)
def _test_curve(shown: Shown) -> list[float]:
    x = to_float(load_mnist("test").images[:_TEST_DIGITS])
    return contraction_curve(shown.checkpoint.model, x, list(_RADII), torch.Generator().manual_seed(0))


def _contraction(shown: Shown, models: list[Shown], picture: Tensor | None) -> None:
    """The contraction curve over the code's spread, for the drawing and for test digits."""
    spreads = {model.label: math.sqrt(model.statistics.code_variance) for model in models}
    moving = [model for model in models if spreads[model.label] > 0]
    sources = {f"{_TEST_DIGITS} test digits": [_test_curve(model) for model in moving]}
    if picture is not None:
        around = picture.expand(_DIRECTIONS, -1, -1, -1)
        sources = {
            "This drawing": [
                contraction_curve(
                    model.checkpoint.model, around, list(_RADII), torch.Generator().manual_seed(0)
                )
                for model in moving
            ]
        } | sources
    for index, (column, (title, curves)) in enumerate(
        zip(st.columns(2, gap="medium"), sources.items(), strict=False)
    ):
        named = {
            model.label: [value / spreads[model.label] for value in curve]
            for model, curve in zip(moving, curves, strict=True)
        }
        with column:
            st.markdown(title)
            style.chart(
                charts.curves_by_model(
                    _RADII,
                    {name: curve for name, curve in named.items() if min(curve) > 0},
                    shown.label,
                    "radius r: distance between the pictures",
                    "code moved / (r · spread)",
                    log_x=True,
                    log_y=True,
                ),
                key=f"contraction_{index}",
                alt=f"{title}: how far the code moves a unit of distance, against the distance, one "
                "curve a model; "
                "nearest: " + ", ".join(f"{name}: {curve[0]:.2g}" for name, curve in named.items()),
            )
    st.caption(
        "Root mean square of ‖h(x + ru) − h(x)‖ / r over random directions u, divided by the code's "
        f"spread. At the left end it is ‖J‖/√{PIXELS}: what the penalty sees. Where a curve rises with r, "
        "the code is steady near the training digits only."
    )
