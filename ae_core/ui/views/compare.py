"""Compare: every rung of the ladder and every model trained here, on the drawing, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from ae_core.analysis import glossary
from ae_core.analysis.inspection import Inspection, difference
from ae_core.checkpoints.history import History
from ae_core.render import maps, training_charts
from ae_core.render.export import histories_to_csv
from ae_core.training.observer import NOISE, Observation
from ae_core.ui import keys, markup, probes, shown_model, style
from ae_core.ui.shown import Shown
from ae_core.ui.shown_model import Choice
from ae_core.ui.sight import Sight
from ae_core.ui.state import lab
from ae_core.ui.views import trade_off

_COLUMNS = 8
"""Models side by side; more go on below."""
_CELL = maps.CELL_PIXELS


def show(choice: Choice, seen: Sight | None) -> None:
    """The trade-off over the test set, then every model on this drawing, then the difference of two."""
    style.question("What does a stronger penalty buy, and what does it cost?")
    shown = choice.a
    if shown is None:
        return
    models = shown_model.comparable(shown)
    trade_off.show(models, shown)
    _test_set(models)
    _trained(models, shown)
    if seen is None:
        st.markdown("Draw a digit, or place one, to see it under every model side by side.")
        return
    _maps(models, [seen.inspect(model) for model in models])
    if choice.b is not None and choice.b is not shown:
        _difference(shown, choice.b, seen)


def _test_set(models: Sequence[Shown]) -> None:
    """All values of the models on the test set, as a table with a meaning at each heading."""
    st.markdown("Measured on the test set")
    columns = {name: [probes.value_of(model, name) for model in models] for name in glossary.COMPARED}
    style.values_table("model", [model.label for model in models], columns, "%.3g", key="test_set")
    st.caption(
        "A better reconstruction is not a better code: hold the clean error against what noise does. Code "
        "shift and denoising MSE are measured at that noise; the relative sensitivity is extrapolated from "
        "very small noise, where the order of two models can be another."
    )


def _trained(models: Sequence[Shown], shown: Shown) -> None:
    """How those models were trained that know it: the curves of the chosen ones on one axis, and as CSV."""
    known = {model.label: model.checkpoint.history for model in models if model.checkpoint.history}
    if not known:
        return
    st.markdown("How they were trained")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="learning"):
        error = st.selectbox("Error", (_TRAINING_IMAGES, *_TEST_ERRORS), key="learning_error", width=260)
        chosen = st.pills(
            "Curves of",
            list(known),
            default=list(known),
            selection_mode="multi",
            key=f"curves_of_{len(known)}_{shown.kind}",
        )
    curves = {name: points for name in chosen if (points := _points(error, name, known[name]))}
    if curves:
        style.chart(
            training_charts.learning_curves(curves, shown.label, f"MSE on {error}"),
            key="learning_curves",
            alt=f"MSE on {error} against the step, one curve per model; at the end: "
            + ", ".join(f"{name}: {points[-1][1]:.3g}" for name, points in curves.items()),
        )
    st.download_button(
        "Curves (CSV)",
        lambda: histories_to_csv(known),
        f"{shown.kind}-training.csv",
        "text/csv",
        on_click="ignore",
        key="take_curves",
    )
    st.caption(
        "On training images: means over the steps between two reports, which travel with the files. On test "
        "images: the first 500 at most, tried now and then while a model was trained and watched here. "
        "The rungs "
        "of the ladder were trained before files kept a history."
    )


_TRAINING_IMAGES = "training images"
_TEST_ERRORS: dict[str, Callable[[Observation], float]] = {
    "test images": lambda tried: tried.test_mse,
    f"test images with noise {NOISE:g}": lambda tried: tried.denoising_mse,
}


def _points(error: str, name: str, history: History) -> list[tuple[int, float]]:
    """How an error of a model fell, by the steps; nothing for one that was never tried."""
    if error == _TRAINING_IMAGES:
        return [(row.step, row.mse) for row in history]
    return [(tried.step, _TEST_ERRORS[error](tried)) for tried in lab().observations.get(name, ())]


def _maps(models: Sequence[Shown], seen: Sequence[Inspection]) -> None:
    """One column per model, one row per quantity; the maps of a row share their colour scale."""
    with st.container(width=style.width_of(len(models))):
        _map_rows(models, seen)
    st.caption(
        "‖J‖² and the sensitivity depend on the code's scale, too: a smaller one by itself is no verdict."
    )


def _map_rows(models: Sequence[Shown], seen: Sequence[Inspection]) -> None:
    own_scales = bool(keys.OWN_SCALES.find())
    errors = [one.error for one in seen]
    codes = [one.code_magnitudes for one in seen]
    sensitivities = [one.sensitivity_map for one in seen]
    largest_error = max(float(one.max()) for one in errors)
    for first in range(0, len(models), _COLUMNS):
        part = slice(first, first + _COLUMNS)
        markup.show(markup.columns("penalty weight", [model.label for model in models[part]], strong=True))
        _row("Reconstruction", [maps.grey_picture(one.reconstruction, _CELL) for one in seen[part]])
        markup.show(markup.columns("MSE of this digit", [f"{one.mse:.2g}" for one in seen[part]]))
        _row("Error |x̂ − x|", [_linear(one, own_scales, largest_error) for one in errors[part]])
        if not own_scales:
            markup.show(markup.colour_scale(maps.css_gradient(), largest_error, "error"))
        _log_row("Code", "activation", codes, part, own_scales, maps.code_map)
        markup.show(markup.columns("active units", [str(one.active_count) for one in seen[part]]))
        _log_row("Sensitivity ‖∂h/∂xᵢ‖", "", sensitivities, part, own_scales, maps.heat_map)
        markup.show(markup.columns("‖J‖²", [f"{one.jacobian_sq_norm:.2g}" for one in seen[part]]))


def _linear(values: np.ndarray, own_scale: bool, largest: float) -> np.ndarray:
    return maps.heat_map(values, float(values.max()) if own_scale else largest, _CELL)


def _log_row(
    title: str, unit: str, values: Sequence[np.ndarray], part: slice, own_scales: bool, draw: maps.MapDrawer
) -> None:
    """A row whose models differ by orders of magnitude: one logarithmic scale, or each its own linear one."""
    if own_scales:
        _row(title, [draw(one, float(one.max()), _CELL) for one in values[part]])
        return
    scale = maps.LogScale.over(values)
    _row(title, [draw(scale.share(one), 1.0, _CELL) for one in values[part]])
    markup.show(markup.colour_scale(maps.css_gradient(), scale.largest, unit, scale.smallest, log=True))


def _row(title: str, pictures: Sequence[np.ndarray]) -> None:
    st.caption(title)
    st.image(
        maps.grid([pictures]),
        width="stretch",
        alt=f"{title} of the drawing under {len(pictures)} models, in the order of the headings above.",
    )


def _difference(a: Shown, b: Shown, seen: Sight) -> None:
    """The signed difference of A and B."""
    style.question("How do A and B differ on this drawing?")
    a_minus_b = difference(seen.inspect(a), seen.inspect(b))
    differences = {
        "Reconstruction, A − B": a_minus_b.reconstruction,
        "Error, A − B": a_minus_b.error,
        "Sensitivity, A − B": a_minus_b.sensitivity_map,
    }
    for column, (title, values) in zip(st.columns(3), differences.items(), strict=True):
        with column:
            largest = float(np.abs(values).max())
            st.image(
                maps.signed_map(values, largest),
                caption=title,
                width="stretch",
                alt=f"{title}, from −{largest:.3g} to {largest:.3g}.",
            )
            markup.show(markup.colour_scale(maps.css_gradient(maps.DIVERGING), largest, "", -largest))
    st.caption("Red: larger under A. Blue: larger under B. White: the same.")
