"""Downloads: the drawing's maps as a picture, its values as a table, a report, the model, and the lab."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import streamlit as st

from ae_core.analysis.inspection import inspect
from ae_core.checkpoints import to_bytes
from ae_core.config import KINDS, Kind
from ae_core.errors import CheckpointError
from ae_core.pocket.models import PocketModel, reader_beside
from ae_core.pocket.page import to_page
from ae_core.pocket.weights import fits
from ae_core.render.export import Exhibit, to_csv, to_html
from ae_core.render.sheet import draw_sheet
from ae_core.ui import as_python, library, probes, take_figures
from ae_core.ui.keys import LADDER
from ae_core.ui.shown import Shown
from ae_core.ui.shown_model import Choice, comparable
from ae_core.ui.sight import Sight

_MODEL = "Model"
_POCKET = "Pocket edition"
_POCKET_MEANING = (
    "The lab as one HTML file for any browser, also a phone's, without server and network: with both shipped "
    "ladders, or with this model beside the ladder of its kind."
)


def show(choice: Choice, seen: Sight | None) -> None:
    """A row of downloads; each file is made when it is asked for."""
    shown = choice.a
    if shown is None:
        return
    if shown.wound_to is not None:
        st.caption(f"{shown.label} is wound back: wind it to now to take it away.")
        return
    if shown.in_training:
        st.caption(f"{shown.label} is still in training: it can be taken away when that has ended.")
        return
    try:
        models = comparable(shown)
    except CheckpointError as error:
        st.error(str(error))
        return
    blank = seen is None
    own = _own(shown)
    # Both ladders and a model more would be too large a file.
    kinds = KINDS if own is None else (shown.kind,)
    name = shown.file_name
    files: dict[str, tuple[Callable[[], str | bytes], str, str]] = {
        "Maps (PNG)": (lambda: draw_sheet(*_exhibits([shown], seen)), f"{name}.png", "image/png"),
        "Numbers (CSV)": (lambda: to_csv(_exhibits(models, seen)), f"{shown.kind}.csv", "text/csv"),
        "Report (HTML)": (
            lambda: to_html(_exhibits(models, seen), date.today()),
            f"{shown.kind}-report.html",
            "text/html",
        ),
        _MODEL: (lambda: to_bytes(shown.to_keep), f"{name}.safetensors", "application/octet-stream"),
        _POCKET: (lambda: _pocket(own, kinds), "lab.html", "text/html"),
    }
    impossible = {label: "Draw a digit first." for label in files if blank and label not in (_MODEL, _POCKET)}
    if not fits(shown.checkpoint.model):
        impossible[_POCKET] = f"{shown.label} has weights that are too large for the pocket edition."
    st.markdown("**Take away**")
    with st.container(horizontal=True, gap="small", key="take_away"):
        for label, (content, file_name, mime) in files.items():
            st.download_button(
                label,
                content,
                file_name,
                mime,
                on_click="ignore",
                disabled=label in impossible,
                key=f"take_{label.split()[0].lower()}",
                help=impossible.get(label, _POCKET_MEANING if label == _POCKET else None),
            )
    as_python.show(shown, seen)
    take_figures.show(name, None if blank else lambda: _exhibits([shown], seen)[0])


def _exhibits(models: list[Shown], seen: Sight | None) -> list[Exhibit]:
    assert seen is not None, "its buttons are disabled"
    return [
        Exhibit.of(
            model.label if model.data.is_mnist else f"{model.label}, on {model.data.name}",
            model.checkpoint,
            inspect(model.checkpoint.model, seen.x, model.statistics, seen.clean),
        )
        for model in models
    ]


def _pocket(own: PocketModel | None, kinds: Sequence[Kind]) -> str:
    """The ladders of these kinds, and one model more; without the session, which a download does not have."""
    models = [
        PocketModel(rung.file_name, rung.checkpoint, reader_beside(rung.file, rung.checkpoint.model))
        for kind in kinds
        for rung in library.intact_ladder(kind)
    ]
    return to_page(models if own is None else [*models, own])


def _own(shown: Shown) -> PocketModel | None:
    if shown.source == LADDER:
        return None
    probe = probes.find_probe(shown)
    return PocketModel(shown.file_name, shown.checkpoint, None if probe is None else probe.reader)
