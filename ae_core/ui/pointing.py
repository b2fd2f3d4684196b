"""Clicks on the page's own HTML: a model of the strip, a unit of a code."""

from __future__ import annotations

import re

import streamlit as st

from ae_core.analysis.page_names import View
from ae_core.config import LADDERS
from ae_core.ui import keys, shown_model
from ae_core.ui.keys import LADDER, Side
from ae_core.ui.pen import script
from ae_core.ui.problems import guard
from ae_core.ui.state import lab


def pick_of(side: Side, weight: float) -> str:
    """What a button in HTML says, as its `data-pick`, to show a rung on a side."""
    return f"{side}:{weight:g}"


def listen() -> None:
    """Take clicks, and show tips over codes; without the script the sliders still do the same."""
    # Here and not at import: a component is registered from a running script only.
    ask = st.components.v2.component("pointing", js=script("pointing.js"), html="<div></div>")
    ask(key=keys.POINTING.name, on_pick_change=guard(_take))


def _show_rung(side: Side, weight: str) -> None:
    # What a browser sends may be anything.
    rungs = {f"{rung:g}": rung for rung in LADDERS[keys.shown_kind()]}
    if weight in rungs:
        shown_model.select(side, LADDER, rungs[weight])
        if side == "B":
            shown_model.compare(True)


def _take() -> None:
    said = str(keys.POINTING.get().pick)
    if match := re.fullmatch(r"unit:([0-9]{1,4})", said):
        lab().unit = int(match[1])
        keys.show_view(View.UNITS)
    elif match := re.fullmatch(r"(A|B):([0-9.e+-]{1,12})", said):
        side: Side = "B" if match[1] == "B" else "A"
        _show_rung(side, match[2])
    lab().page_stale = True
