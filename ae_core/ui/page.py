"""The page, read top to bottom."""

from __future__ import annotations

import streamlit as st

from ae_core.ui import (
    address,
    canvas,
    header,
    keys,
    problems,
    returning,
    right,
    shortcuts,
    state,
    style,
)
from ae_core.ui.views import learn


def draw() -> None:
    """Draw the page once; Streamlit has it drawn again after every interaction."""
    st.set_page_config(page_title="Autoencoder Lab", page_icon="🔢", layout="wide")
    state.warm_up()
    state.initialise()
    state.lab().page_stale = False
    style.apply()
    address.translate()
    learn.follow_link()
    header.show()
    address.follow()
    lab()
    shortcuts.listen()
    returning.welcome()


@st.fragment
def lab() -> None:
    """The canvas, and beside it all that follows it: a stroke reruns this part alone."""
    state.compute_on_one_core()
    if state.lab().page_stale:
        st.rerun()
    problems.show()
    left, beside = st.columns([300, 900], gap="medium")
    with left, st.container(key=keys.LEFT):
        canvas.column()
    with beside:
        right.column()
