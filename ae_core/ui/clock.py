"""Parts of the page that are drawn again by themselves, after some seconds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import streamlit as st

from ae_core.ui import keys
from ae_core.ui.pen import script

_turns = count()


def again_after(seconds: float, name: str, before: Callable[[], None] = lambda: None) -> None:
    """Have the part in which this is called drawn again, once; called each time it goes on.

    Not Streamlit's `run_every`: when its timer meets a click that is on its way, it sends the click a second
    time, and a button that was pressed once is pressed twice.

    Args:
        name: of the clock, unique on the page.
        before: a callback.
    """
    # Here and not at import: a component is registered from a running script only.
    listen = st.components.v2.component("clock", js=script("clock.js"), html="<div></div>")
    # What differs from turn to turn has the script called again.
    listen(
        key=keys.clock(name),
        data={"name": name, "seconds": seconds, "turn": next(_turns)},
        on_tick_change=before,
    )
