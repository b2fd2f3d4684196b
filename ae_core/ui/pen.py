"""The pen's script, which has parts of the page drawn anew while a stroke is at work: see `frames.py`."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import streamlit as st

from ae_core.ui import keys
from ae_core.ui.following import Parts
from ae_core.ui.state import lab


@cache
def script(name: str) -> str:
    """The text of a script in `ui/scripts`."""
    return (Path(__file__).parent / "scripts" / name).read_text(encoding="utf-8")


def listen(parts: Parts) -> None:
    """Listen to the pen.

    Args:
        parts: what the script writes into the page now, as these parts are not redrawn with the rest.
    """
    # Here and not at import: a component is registered from a running script only.
    component = st.components.v2.component("pen", js=script("pen.js"), html="<div></div>")
    strokes = lab().strokes
    component(
        key=keys.PEN.name,
        data={
            "drawnAt": time.time(),
            "token": lab().token,
            "told": lab().canvas_told,
            "replaced": bool(strokes) and strokes[-1].is_start,
            "parts": parts,
        },
        # The script asks for it where the page has not heard of a stroke: it looks for one before it draws.
        on_look_change=lambda: None,
    )
