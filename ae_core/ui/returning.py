"""Give visitors what they had back after a reload.

The tab's session storage keeps an unguessable token. It never stands in the address, so that a shared link
does not carry it.
"""

from __future__ import annotations

import streamlit as st

from ae_core.ui import drawn, keys
from ae_core.ui.problems import guard
from ae_core.ui.shelf import KEPT_SECONDS, MOST_KEPT
from ae_core.ui.state import lab, shelf

_SCRIPT = """
const KEY = "autoencoder-lab";

export default function ({ data, setTriggerValue }) {
    try {
        const kept = sessionStorage.getItem(KEY);
        if (kept && kept !== data.token && kept !== data.unknown) {
            setTriggerValue("token", kept);
        } else {
            sessionStorage.setItem(KEY, data.token);
        }
    } catch {
        // A browser that stores nothing: the page works, and a reload starts anew.
    }
}
"""


def welcome() -> None:
    """Ask the browser whether the visitor was here before, and have it remember this lab."""
    # Here and not at import: a component is registered from a running script only.
    ask = st.components.v2.component("returning", js=_SCRIPT, html="<div></div>")
    ask(
        key=keys.RETURNING.name,
        data={"token": lab().token, "unknown": lab().unknown_token},
        on_token_change=guard(_return),
    )


def _return() -> None:
    token = str(keys.RETURNING.get().token)
    found = shelf().take(token)
    if found is None:
        lab().unknown_token = token
        st.toast(
            f"What this tab had here before is not kept any more: that is done for {KEPT_SECONDS / 3600:g} "
            f"hours after a page was left, for the last {MOST_KEPT} of them, and until the server ends. "
            "Models that were saved are in the lists of A and B.",
            duration="long",
        )
        return
    keys.LAB.set(found)
    # The address decides what is shown where it names something else.
    found.address, found.has_returned = None, True
    found.frame = None
    if found.strokes:
        drawn.put(found.strokes[-1].drawing, found.strokes[-1].png)
