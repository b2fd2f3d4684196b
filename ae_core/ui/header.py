"""The lines above everything: the kind and the views, then the data, the kind's idea, and what trains."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis import page_start
from ae_core.analysis.notation import penalty_symbol
from ae_core.analysis.page_names import View
from ae_core.config import KINDS, Kind
from ae_core.ui import data_choice, keys, markup
from ae_core.ui.training import interrupted_runs, watching
from ae_core.ui.views import offered


def show() -> None:
    """Title, kind and views in one line."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key=keys.HEADER):
        if not keys.presenting():
            st.title("Autoencoder Lab", anchor=False, width="content")
        st.segmented_control(
            "Kind of autoencoder",
            KINDS,
            key=keys.KIND.name,
            required=True,
            format_func=str.capitalize,
            label_visibility="collapsed",
        )
        st.segmented_control(
            "View",
            [view.value for view in offered()],
            key=keys.VIEW.name,
            required=True,
            label_visibility="collapsed",
        )
    with st.container(horizontal=True, vertical_alignment="center", key="idea"):
        if not keys.presenting():
            data_choice.show()
        _idea(keys.shown_kind())
        if keys.VIEW.get() != View.TRAIN:
            watching.strip()
            if not watching.at_work() and not keys.presenting():
                interrupted_runs.hint()


def _idea(kind: Kind) -> None:
    loss = page_start.loss(kind, markup.symbol)
    hint = page_start.HINT.format(symbol=penalty_symbol(kind))
    markup.show(
        f"<p class='idea'>{page_start.IDEAS[kind]} <span>loss = {loss}</span> "
        f"<span class='hint'>{hint}</span></p>"
    )
