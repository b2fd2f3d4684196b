"""Compare: every rung of the ladder and every model trained here, on the drawing, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from ae_core.analysis import glossary
from ae_core.analysis.inspection import Inspection, Seen, difference
from ae_core.analysis.notation import power_notation
from ae_core.config import Kind
from ae_core.errors import TableError
from ae_core.render import charts, maps, training_charts
from ae_core.render.export import histories_to_csv
from ae_core.sweep.table import SweepPoint, read_table
from ae_core.ui import keys, markup, shown_model, style
from ae_core.ui.library import Shown
from ae_core.ui.problems import guard
from ae_core.ui.shown_model import Choice
from ae_core.ui.state import lab

_COLUMNS = 8
"""Models side by side; more go on below."""
_CELL = maps.CELL_PIXELS


def show(choice: Choice, seen: Seen | None) -> None:
    """The trade-off over the test set, then every model on this drawing, then the difference of two."""
    style.question("What does a stronger penalty buy, and what does it cost?")
    shown = choice.a
    if shown is None:
        return
    models = shown_model.comparable(shown)
    _trade_off(models, shown)
    _test_set(models)
    _trained(models, shown)
    if seen is None:
        st.markdown("Draw a digit, or place one, to see it under every model side by side.")
        return
    _maps(models, [lab().inspect(model, seen) for model in models])
    if choice.b is not None and choice.b is not shown:
        _difference(shown, choice.b, seen)


def _trade_off(models: Sequence[Shown], shown: Shown) -> None:
    cost = st.segmented_control(
        "Compared by",
        glossary.COSTS[shown.kind],
        default=glossary.COSTS[shown.kind][0],
        required=True,
        format_func=lambda metric: glossary.term(metric).label,
        key=keys.cost(shown.kind).name,
        bind="query-params",
    )
    term = glossary.term(cost)
    sweep = [point for point in lab().sweep if point.kind == shown.kind and cost in point.costs]
    # A model from a file has no exact Jacobians of 1,000 images: it is left out where they are the axis.
    values = [(model, model.checkpoint.metrics.value_of(cost)) for model in models]
    points = [(model, value) for model, value in values if value is not None]
    measured, costs = [model for model, _ in points], [value for _, value in points]
    labels = [model.label for model in measured]
    errors = [model.checkpoint.metrics.test_mse for model in measured]
    chosen = next((index for index, model in enumerate(measured) if model is shown), None)
    style.chart(
        charts.trade_off(
            costs, errors, labels, chosen, term.label, [(point, point.costs[cost]) for point in sweep]
        ),
        key=keys.TRADE_OFF.name,
        on_select=guard(partial(_choose, measured)),
        selection_mode="points",
        alt=f"Test MSE against {term.label}, one point per model; "
        + "; ".join(
            f"{label}: {error:.3g} at {value:.3g}"
            for label, error, value in zip(labels, errors, costs, strict=True)
        )
        + _in_words(sweep, cost),
    )
    st.caption(
        "One point per model, named by its penalty weight, measured on the test set; both axes are "
        f"logarithmic. Down is a better reconstruction, left is {term.less}. The shown model is in "
        "vermilion; click another one to show it."
    )
    st.caption(f"{term.label}: {term.meaning}.")
    _sweep_table(shown.kind, len(sweep))


def _test_set(models: Sequence[Shown]) -> None:
    """All values of the models on the test set, as a table with a meaning at each heading."""
    st.markdown("Measured on the test set")
    terms = {name: glossary.term(name) for name in glossary.ON_THE_TEST_SET}
    st.dataframe(
        {"model": [model.label for model in models]}
        | {
            term.label: [model.checkpoint.metrics.value_of(name) for model in models]
            for name, term in terms.items()
        },
        hide_index=True,
        column_config={"model": st.column_config.TextColumn(pinned=True)}
        | {
            term.label: st.column_config.NumberColumn(help=f"{term.meaning}.", format="%.3g")
            for term in terms.values()
        },
        key="test_set",
    )
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
    chosen = st.pills(
        "Curves of",
        list(known),
        default=list(known),
        selection_mode="multi",
        key=f"curves_of_{len(known)}_{shown.kind}",
        label_visibility="collapsed",
    )
    histories = {name: known[name] for name in chosen}
    if histories:
        style.chart(
            training_charts.learning_curves(histories, shown.label),
            key="learning_curves",
            alt="Reconstruction error on training images against the step, one curve per model; at the end: "
            + ", ".join(f"{name}: {rows[-1].mse:.3g}" for name, rows in histories.items()),
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
        "Means over the steps between two reports. The shipped models were trained before files kept a "
        "history."
    )


def _in_words(sweep: Sequence[SweepPoint], cost: str) -> str:
    return "".join(
        f"; sweep, weight {power_notation(point.penalty_weight)}, mean of {point.seeds}: "
        f"{point.test_mse.mean:.3g} at {point.costs[cost].mean:.3g}"
        for point in sweep
    )


def _sweep_table(kind: Kind, shown: int) -> None:
    """Take the table of a sweep, whose points the trade-off shows."""
    with st.expander("A sweep's table"):
        st.file_uploader(
            "summary.csv or summary.parquet of python -m ae_core sweep, at most 20 MB",
            type=["csv", "parquet"],
            key=keys.SWEEP_UPLOAD.name,
            on_change=guard(_take_sweep),
        )
        if lab().sweep_problem is not None:
            st.error(lab().sweep_problem)
        elif lab().sweep:
            others = len(lab().sweep) - shown
            more = f" {others} more are of the other kind." if others else ""
            st.caption(
                f"{shown} points of the sweep are {kind} and shown: means over their seeds, with bars from "
                f"the lowest seed to the highest.{more}"
            )


def _take_sweep() -> None:
    """Read the upload once; a file that is no such table leaves the view as it was."""
    file = keys.SWEEP_UPLOAD.get()
    if lab().was_taken(file):
        return
    lab().sweep_problem = None
    if file is None:
        lab().sweep = []
        return
    try:
        # The name comes from outside: only its ending is used.
        lab().sweep = read_table(f"summary{Path(file.name).suffix}", file.getvalue())
    except TableError as error:
        lab().sweep_problem = str(error)


def _choose(models: Sequence[Shown]) -> None:
    """Show the model whose point was clicked."""
    points = keys.TRADE_OFF.get()["selection"]["points"]
    # The points of a sweep stand for several models, none of which is loaded.
    if points and "customdata" in points[0]:
        shown_model.show(models[points[0]["customdata"][0]])


def _maps(models: Sequence[Shown], seen: Sequence[Inspection]) -> None:
    """One column per model, one row per quantity; the maps of a row share their colour scale."""
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


def _difference(a: Shown, b: Shown, seen: Seen) -> None:
    """The signed difference of A and B."""
    style.question("How do A and B differ on this drawing?")
    a_minus_b = difference(lab().inspect(a, seen), lab().inspect(b, seen))
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
