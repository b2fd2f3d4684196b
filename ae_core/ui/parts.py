"""Parts of the page that can be drawn again alone."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec

import streamlit as st

from ae_core.ui import drawn, session, state

P = ParamSpec("P")

LIVE = "live"
"""The part with the panels."""
_is_in_part: ContextVar[bool] = ContextVar("is_in_part", default=False)


def part(draw: Callable[P, None], key: str | None = None) -> Callable[P, None]:
    """Make what a function draws a part of the page: what is done in it has it alone drawn again.

    No part lies in another. When the outer one begins anew, Streamlit drops what it has not sent of it but
    still sends what belongs to the inner one: ahead of the containers that it lies in, and a browser that
    finds no container for what it gets shows a blank page for good.

    Args:
        key: of the part, if callbacks name it.
    """

    @wraps(draw)
    def drawn_alone(*args: P.args, **kwargs: P.kwargs) -> None:
        assert not _is_in_part.get(), f"{draw.__qualname__} lies in another part of the page"
        if not session.is_whole_page():
            state.compute_on_one_core()
            # A callback may change what other parts show. And the browser sends what happens at the same
            # moment as one message, which draws the part alone that was named last: a stroke that ends as a
            # clock ticks would be overlooked.
            if state.lab().page_stale or drawn.has_news():
                st.rerun()
        token = _is_in_part.set(True)
        try:
            draw(*args, **kwargs)
        finally:
            _is_in_part.reset(token)

    return st.fragment(drawn_alone, key=key)


def draw_live_first() -> None:
    """Have the live part drawn at once, and the whole page when the hand rests; for callbacks of sliders.

    None of which lies in a part: as the run of a part begins, Streamlit drops what it has not sent of it.
    If that run then gave way to the live part's, it would be missing, and a browser that gets what lies below
    it shows a blank page for good. Where such a run brings the news of a slider, the whole page is drawn.
    """
    lab = state.lab()
    lab.moved = {}
    lab.let_go += 1
    # Without the script that tells of the rest it is drawn now.
    if lab.runs_scripts and session.is_whole_page():
        lab.rest_stale = True
        st.rerun(LIVE)
