"""Has the whole page drawn when its connection comes back."""

from __future__ import annotations

import streamlit as st

from ae_core.ui.pen import script


def listen() -> None:
    """Let a script ask for the page; in no part of it, whose messages would ask for that part alone."""
    # Here and not at import: a component is registered from a running script only.
    ask = st.components.v2.component("whole_page", js=script("whole_page.js"), html="<div></div>")
    ask(key="whole_page", on_ask_change=lambda: None)
