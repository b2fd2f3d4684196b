"""Parts of the page that are drawn again by themselves, after some seconds."""

from __future__ import annotations

from itertools import count

import streamlit as st

from ae_core.ui import keys
from ae_core.ui.pen import script

_turns = count()


def again_after(seconds: float, name: str) -> None:
    """Have the fragment in which this is called run again, once; called in each of its runs it goes on.

    Not Streamlit's `run_every`: when its timer meets a click that is on its way, it sends the click a second
    time, and a button that was pressed once is pressed twice.

    Args:
        name: of the part, unique on the page.
    """
    # Here and not at import: a component is registered from a running script only.
    listen = st.components.v2.component("clock", js=script("clock.js"), html="<div></div>")
    # What differs from turn to turn has the script called again.
    listen(
        key=keys.clock(name),
        data={"name": name, "seconds": seconds, "turn": next(_turns)},
        on_tick_change=lambda: None,
    )
