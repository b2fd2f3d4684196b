"""The page, read top to bottom."""

from __future__ import annotations

import streamlit as st

from ae_core.ui import (
    address,
    ahead,
    canvas,
    header,
    keys,
    problems,
    returning,
    right,
    shortcuts,
    state,
    style,
    whole_page,
)
from ae_core.ui.views import learn


def get_ready() -> None:
    """Set this thread up, and the process if it is the first: what comes before any page."""
    state.compute_on_one_core()
    state.warm_up()


def draw() -> None:
    """Draw the page once; Streamlit has it drawn again after every interaction."""
    st.set_page_config(page_title="Autoencoder Lab", page_icon="🔢", layout="wide")
    get_ready()
    state.initialise()
    state.lab().page_stale = state.lab().rest_stale = False
    state.lab().moved = {}
    style.apply()
    address.follow_widgets()
    if address.is_followed_now():
        learn.follow_link()
    header.show()
    address.follow()
    problems.show()
    left, beside = st.columns([300, 900], gap="medium")
    with left, st.container(key=keys.LEFT):
        canvas.column()
    with beside:
        right.column()
    shortcuts.listen()
    ahead.listen()
    returning.welcome()
    whole_page.listen()
