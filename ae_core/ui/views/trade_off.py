"""Compare's chart: two values of every model against each other, and the points of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from ae_core.analysis import glossary
from ae_core.analysis.notation import power_notation
from ae_core.config import Kind
from ae_core.errors import TableError
from ae_core.render.trade_off_chart import trade_off
from ae_core.sweep.table import SweepPoint, read_table
from ae_core.ui import keys, linked, probes, shown_model, style
from ae_core.ui.linked import Linked
from ae_core.ui.problems import guard
from ae_core.ui.session import Key
from ae_core.ui.shown import Shown
from ae_core.ui.state import lab

_ERROR = "test_mse"


def linked_widgets() -> Iterator[Linked[str]]:
    """Those of which a link can say what they hold."""
    kind = keys.shown_kind()
    yield linked.choice(keys.up(kind), list(glossary.COMPARED), _ERROR, _label)
    yield linked.choice(keys.cost(kind), list(glossary.COMPARED), glossary.COSTS[kind][0], _label)


def show(models: Sequence[Shown], shown: Shown) -> None:
    """One point per model; a click shows it."""
    with st.container(horizontal=True, gap="medium", key="axes"):
        up = _axis("Up", [_ERROR], keys.up(shown.kind))
        across = _axis("Across", glossary.COSTS[shown.kind], keys.cost(shown.kind))
    term, up_term = glossary.term(across), glossary.term(up)
    # The table of a sweep has the test MSE and what models of its kind are compared by at first.
    sweep = [
        point
        for point in lab().sweep
        if up == _ERROR
        and point.kind == shown.kind
        and across in point.costs
        and point.data_digest == lab().data.fields["data_digest"]
    ]
    # What is not measured of a model has no place: exact Jacobians of one from a file, an unmeasured probe.
    values = [(model, probes.value_of(model, across), probes.value_of(model, up)) for model in models]
    points = [(model, x, y) for model, x, y in values if x is not None and y is not None]
    measured = [model for model, _, _ in points]
    labels = [model.label for model in measured]
    chosen = next((index for index, model in enumerate(measured) if model is shown), None)
    style.chart(
        trade_off(
            [x for _, x, _ in points],
            [y for _, _, y in points],
            labels,
            chosen,
            term.label,
            [(point, point.costs[across]) for point in sweep],
            up_term.label,
        ),
        key=keys.TRADE_OFF.name,
        on_select=guard(partial(_choose, measured)),
        selection_mode="points",
        alt=f"{up_term.label} against {term.label}, one point per model; "
        + "; ".join(f"{model.label}: {y:.3g} at {x:.3g}" for model, x, y in points)
        + _in_words(sweep, across),
    )
    st.caption(
        "One point per model, measured on the test set; a shipped one is named by its penalty weight. "
        f"Down: {up_term.less}. Left: {term.less}. Vermilion is the shown model; click another to show it."
    )
    for each in {term.label: term, up_term.label: up_term}.values():
        st.caption(f"{each.label}: {each.meaning}.")
    _sweep_table(shown.kind, len(sweep))


def _axis(label: str, first: Sequence[str], key: Key[str]) -> str:
    """Which value an axis has; those that come to mind first stand first."""
    names = [*first, *(name for name in glossary.COMPARED if name not in first)]
    return st.selectbox(label, names, key=key.name, format_func=_label, persist_state="session")


def _label(name: str) -> str:
    return glossary.term(name).label


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
            more = f" {others} more are of the other kind, or of another set of images." if others else ""
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
