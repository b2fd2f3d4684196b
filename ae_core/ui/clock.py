"""Parts of the page that are drawn again by themselves, after some seconds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import streamlit as st

from ae_core.ui import keys
from ae_core.ui.pen import script
from ae_core.ui.state import lab

_turns = count()


def again_after(seconds: float, name: str) -> None:
    """Have the part in which this is called drawn again, once; called each time it goes on.

    Not Streamlit's `run_every`: when its timer meets a click that is on its way, it sends the click a second
    time, and a button that was pressed once is pressed twice.

    Args:
        seconds: since it was last drawn for this reason, as far as it was.
        name: of the clock, unique on the page.
    """
    _wind(name, seconds, at_rest=False, act=lambda: None)


def whole_page_at_rest(seconds: float, name: str) -> None:
    """Have the whole page drawn when the part in which this is called has not been drawn for so long.

    Args:
        name: of the clock, unique on the page.
    """
    # Not a message that asks for the whole page: it would cut off the run that a click has just begun, and
    # the click with it. One that asks for a part waits for what is at work.
    _wind(name, seconds, at_rest=True, act=_draw_page)


def _draw_page() -> None:
    lab().page_stale = True


def _wind(name: str, seconds: float, at_rest: bool, act: Callable[[], None]) -> None:
    # Here and not at import: a component is registered from a running script only.
    listen = st.components.v2.component("clock", js=script("clock.js"), html="<div></div>")
    # What differs from turn to turn has the script called again.
    listen(
        key=keys.clock(name),
        data={"name": name, "seconds": seconds, "atRest": at_rest, "turn": next(_turns)},
        on_tick_change=act,
    )
