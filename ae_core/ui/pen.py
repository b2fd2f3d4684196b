"""The script that has parts of the page follow a stroke at work and held sliders: see `frames.py`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TypedDict

import streamlit as st

from ae_core.ui import keys
from ae_core.ui.following import Parts
from ae_core.ui.state import lab


@cache
def script(name: str) -> str:
    """The text of a script in `ui/scripts`."""
    return (Path(__file__).parent / "scripts" / name).read_text(encoding="utf-8")


class Slider(TypedDict):
    """A slider that the panels follow while it is held."""

    place: str
    """The CSS selector of its element."""
    at: float
    """Where it stands on the page that is drawn."""


@cache
def source() -> str:
    """The whole script."""
    return "\n".join(map(script, ("frames.js", "sliders.js", "pen.js")))


def listen(parts: Parts, sliders: Mapping[str, Slider]) -> None:
    """Listen to the pen and to sliders.

    Args:
        parts: what the script writes into the page now, as these parts are not redrawn with the rest.
        sliders: by what they move, as `Positions` has them.
    """
    # Here and not at import: a component is registered from a running script only.
    component = st.components.v2.component("pen", js=source(), html="<div></div>")
    strokes = lab().strokes
    component(
        key=keys.PEN.name,
        data={
            "drawnAt": time.time(),
            "token": lab().token,
            "told": lab().canvas_told,
            "replaced": bool(strokes) and strokes[-1].is_start,
            "parts": parts,
            "sliders": sliders,
            "letGo": lab().let_go,
        },
        # The script asks for it where the page has not heard of a stroke: it looks for one before it draws.
        on_look_change=lambda: None,
    )
