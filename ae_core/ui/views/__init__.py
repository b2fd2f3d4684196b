"""The tabs below the live panels: one file per view, built only while its tab is open."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis.page_names import View
from ae_core.data import Picture
from ae_core.ui import keys
from ae_core.ui.problems import guard_part
from ae_core.ui.shown_model import Choice
from ae_core.ui.views import compare, jacobian, learn, mistakes, robustness, sparsity

VIEWS = {
    View.COMPARE: compare.show,
    View.SPARSITY: sparsity.show,
    View.JACOBIAN: jacobian.show,
    View.ROBUSTNESS: robustness.show,
    View.MISTAKES: mistakes.show,
    View.LEARN: learn.show,
}


def show(choice: Choice, picture: Picture | None) -> None:
    """The open view, of the chosen model and the drawing."""
    if choice.model is None:
        return
    # A container whether it is filled or not: tabs that move down the page forget which one is open.
    with st.container(), guard_part():
        learn.guide()
    tabs = st.tabs([view.value for view in VIEWS], key=keys.VIEW.name, bind="query-params")
    for tab, view in zip(tabs, VIEWS.values(), strict=True):
        if tab.open:
            with tab, guard_part():
                view(choice.model, picture)
