"""Downloads: the drawing's maps as a picture, its values as a table, a report, and the model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import streamlit as st

from ae_core.analysis.inspection import Seen, inspect
from ae_core.checkpoints import to_bytes
from ae_core.errors import CheckpointError
from ae_core.render.export import Exhibit, to_csv, to_html
from ae_core.render.sheet import draw_sheet
from ae_core.ui.library import Shown
from ae_core.ui.shown_model import Choice, comparable


def show(choice: Choice, seen: Seen | None) -> None:
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
    name = shown.file_name
    files: dict[str, tuple[Callable[[], str | bytes], str, str]] = {
        "Maps (PNG)": (lambda: draw_sheet(*_exhibits([shown], seen)), f"{name}.png", "image/png"),
        "Numbers (CSV)": (lambda: to_csv(_exhibits(models, seen)), f"{shown.kind}.csv", "text/csv"),
        "Report (HTML)": (
            lambda: to_html(_exhibits(models, seen), date.today()),
            f"{shown.kind}-report.html",
            "text/html",
        ),
        "Model": (lambda: to_bytes(shown.to_keep), f"{name}.safetensors", "application/octet-stream"),
    }
    st.markdown("**Take away**")
    with st.container(horizontal=True, gap="small", key="take_away"):
        for label, (content, file_name, mime) in files.items():
            st.download_button(
                label,
                content,
                file_name,
                mime,
                on_click="ignore",
                disabled=blank and label != "Model",
                key=f"take_{label.split()[0].lower()}",
                help="Draw a digit first." if blank and label != "Model" else None,
            )


def _exhibits(models: list[Shown], seen: Seen | None) -> list[Exhibit]:
    assert seen is not None, "its buttons are disabled"
    return [
        Exhibit.of(
            model.label if model.data.is_mnist else f"{model.label}, on {model.data.name}",
            model.checkpoint,
            inspect(model.checkpoint.model, seen.x, model.statistics, seen.clean),
        )
        for model in models
    ]
