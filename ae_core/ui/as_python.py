"""The open view's values as Python, to copy into a notebook."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis.corruption import CORRUPTIONS, FIRST_CORRUPTION
from ae_core.analysis.page_names import View
from ae_core.data import to_array
from ae_core.render.snippet import Scene, snippet_of
from ae_core.ui import keys
from ae_core.ui.shown import Shown
from ae_core.ui.sight import Sight
from ae_core.ui.state import lab


def show(shown: Shown, seen: Sight | None) -> None:
    """A program that computes what the open view says of A; nothing where it says nothing of it."""
    data = lab().data
    if not (data.is_mnist and data.is_of(shown.checkpoint.train_config)):
        # What a file says of a model is of the set that it was trained on; the program would use that.
        return
    noise, draw = (0.0, 0) if seen is None else lab().noise_shown
    # The view's own controls are drawn after this menu: at first they stand as they begin.
    name = keys.CHANGE.find() or FIRST_CORRUPTION
    strength = keys.strength(name).find()
    scene = Scene(
        shown.kind,
        f"{shown.file_name}.safetensors" if shown.file is None else shown.file.name,
        shown.file is not None,
        None if seen is None else to_array(seen.clean[0, 0]),
        noise,
        draw,
        (name, CORRUPTIONS[name].initial if strength is None else strength),
    )
    text = snippet_of(View(keys.VIEW.get()), scene)
    if text is not None:
        with st.expander("Copy as Python"):
            st.caption("Computes the values of this view, under A. The sign in the corner copies it.")
            st.code(text, language="python", height=300)
