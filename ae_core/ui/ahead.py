"""Has the browser read what charts and tables are drawn with before a view asks for it.

Plotly's script has 5 MB. Reading it takes a browser longer than all else that it does to open a view for the
first time.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

from ae_core.ui import keys, markup
from ae_core.ui.pen import script

_ELEMENTS = ("PlotlyChart", "DataFrame")
"""Streamlit's own names of charts and tables."""


@cache
def files() -> list[str]:
    """The names of the files that the browser gets them from, which differ from version to version."""
    folder = Path(st.__file__).parent / "static" / "static" / "js"
    return [path.name for element in _ELEMENTS for path in sorted(folder.glob(f"{element}.*.js"))]


def listen() -> None:
    """Read them while nobody does anything, and at the latest when the pointer comes to the views' names."""
    # Here and not at import: a component is registered from a running script only.
    read = st.components.v2.component("ahead", js=script("ahead.js"), html="<div></div>")
    read(key="ahead", data={"files": files(), "near": f".{markup.key_class(keys.VIEW.name)}"})
