"""The tabs below the live panels: one file a view, built only while its tab is open."""

from __future__ import annotations

import streamlit as st
from torch import Tensor

from ae_core.ui.model_picker import Choice
from ae_core.ui.problems import told_here
from ae_core.ui.views import compare, jacobian, learn, mistakes, robustness, sparsity

VIEWS = {
    "Compare": compare.show,
    "Sparsity": sparsity.show,
    "Jacobian": jacobian.show,
    "Robustness": robustness.show,
    "Wrong and right": mistakes.show,
    "Learn": learn.show,
}


def show(choice: Choice, picture: Tensor | None) -> None:
    """The open view, of the chosen model and the drawing."""
    if choice.model is None:
        return
    # A place of its own whether it is filled or not: tabs that move down the page forget which one is open.
    with st.container(), told_here():
        learn.guide()
    for tab, view in zip(st.tabs(list(VIEWS), key="view", bind="query-params"), VIEWS.values(), strict=True):
        if tab.open:
            with tab, told_here():
                view(choice.model, picture)
