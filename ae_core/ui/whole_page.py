"""What asks for the whole page by itself: a slider that rests, and a connection that comes back."""

from __future__ import annotations

import streamlit as st

from ae_core.ui.pen import script


def listen() -> None:
    """Let scripts ask for the whole page; in no part of it, whose messages would ask for that part alone.

    Not `st.rerun()` in a part: it would have that part begun, only to give it up.
    """
    # Here and not at import: a component is registered from a running script only.
    ask = st.components.v2.component("whole_page", js=script("whole_page.js"), html="<div></div>")
    ask(key="whole_page", on_ask_change=lambda: None)
