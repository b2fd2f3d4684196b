"""Clicks on the page's own HTML: a model of the strip, a unit of a code, a test digit."""

from __future__ import annotations

import re

import streamlit as st

from ae_core.analysis.page_names import View
from ae_core.ui import atlas_goal, drawn, keys, library, shown_model
from ae_core.ui.keys import Side
from ae_core.ui.pen import script
from ae_core.ui.problems import guard
from ae_core.ui.shown import Shown
from ae_core.ui.state import lab


def pick_of(side: Side, shown: Shown) -> str:
    """What a button in HTML says, as its `data-pick`, to show a shipped model on a side."""
    return f"{side}:{shown.listed_as}"


def pick_of_cell(digit: int, reading: int) -> str:
    """Likewise, to look at the test digits that are read as a digit."""
    return f"cell:{digit}:{reading}"


def pick_of_test_digit(index: int) -> str:
    """Likewise, to put a test digit onto the canvas."""
    return f"test:{index}"


def pick_of_unit(unit: int) -> str:
    """Likewise, to open a unit in Units."""
    return f"unit:{unit}"


def pick_of_goal_digit(digit: int) -> str:
    """Likewise, to go to the nearest test image of a digit."""
    return f"goal:{digit}"


def listen() -> None:
    """Take clicks, and show tips over codes; without the script the sliders still do the same."""
    # Here and not at import: a component is registered from a running script only.
    ask = st.components.v2.component("pointing", js=script("pointing.js"), html="<div></div>")
    ask(key=keys.POINTING.name, on_pick_change=guard(_take))


def _show_shipped(side: Side, name: str) -> None:
    # What a browser sends may be anything.
    kind = keys.shown_kind()
    for shown in (*library.intact_ladder(kind), *library.denoising(kind)):
        if shown.listed_as == name:
            shown_model.show(shown, side)


def _take() -> None:
    said = str(keys.POINTING.get().pick)
    if match := re.fullmatch(r"unit:([0-9]{1,4})", said):
        lab().unit = int(match[1])
        keys.show_view(View.UNITS)
    elif match := re.fullmatch(r"cell:([0-9]{1,3}):([0-9]{1,3})", said):
        lab().cell = int(match[1]), int(match[2])
    elif match := re.fullmatch(r"test:([0-9]{1,6})", said):
        drawn.place_test_image(int(match[1]))
    elif match := re.fullmatch(r"map:([0-9]{1,6})", said):
        atlas_goal.choose(int(match[1]))
    elif match := re.fullmatch(r"goal:([0-9]{1,3})", said):
        atlas_goal.choose_digit(int(match[1]))
    elif match := re.fullmatch(r"(A|B):([a-z0-9.+-]{1,60})", said):
        side: Side = "B" if match[1] == "B" else "A"
        _show_shipped(side, match[2])
