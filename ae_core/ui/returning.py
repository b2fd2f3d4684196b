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
const KEY = "autoencoder-lab", LOST_MS = 3000;

export default function ({ data, setTriggerValue }) {
    clearTimeout(window.autoencoderLabReturning);
    try {
        const kept = sessionStorage.getItem(KEY);
        if (kept && kept !== data.token && kept !== data.unknown) {
            // What the server has only begun to hear is lost where something else has the page drawn.
            const tell = () => {
                setTriggerValue("token", kept);
                window.autoencoderLabReturning = setTimeout(tell, LOST_MS);
            };
            tell();
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
    if lab().is_lost_told:
        return
    st.toast(
        f"What this tab had here before is not kept any more: that is done for {KEPT_SECONDS / 3600:g} "
        f"hours after a page was left, for the last {MOST_KEPT} of them, and until the server ends. "
        "Models that were saved are in the lists of A and B.",
        duration="long",
    )
    lab().is_lost_told = True


def _return() -> None:
    token = str(keys.RETURNING.get().token)
    if token in (lab().token, lab().unknown_token):
        # It was told twice.
        return
    found = shelf().take(token)
    if found is None:
        # Told when the page is drawn: what a callback sends is lost where something else cuts its run off.
        lab().unknown_token, lab().is_lost_told = token, False
        return
    keys.LAB.set(found)
    # The address decides what is shown where it names something else.
    found.address, found.has_returned = None, True
    found.frame = None
    if found.strokes:
        drawn.put(found.strokes[-1].drawing, found.strokes[-1].png)
