"""Ctrl+Z and Delete for the canvas, everywhere but in fields that one types into."""

from __future__ import annotations

import streamlit as st

from ae_core.ui import keys

_SCRIPT = """
const TYPED = "textarea, select, input:not([type=range], [type=checkbox], [type=radio], [type=button])";

function buttonOf(event, buttons) {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
        return event.key.toLowerCase() === "z" ? buttons.undo : null;
    }
    return event.key === "Delete" ? buttons.clear : null;
}

export default function ({ data }) {
    const press = event => {
        const target = event.composedPath()[0];
        if (event.defaultPrevented || target.isContentEditable || target.matches?.(TYPED)) return;
        const name = buttonOf(event, data);
        const button = name && document.querySelector(`.st-key-${name} button`);
        if (button && !button.disabled) {
            event.preventDefault();
            button.click();
        }
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
}
"""


def listen() -> None:
    """Have keys press Undo and Clear; Streamlit's own shortcuts would act inside fields, too."""
    # Here and not at import: a component is registered from a running script only.
    listener = st.components.v2.component("shortcuts", js=_SCRIPT, html="<div></div>")
    listener(key="shortcuts", data={"undo": keys.UNDO, "clear": keys.CLEAR})
