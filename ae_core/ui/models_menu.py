"""Models of one's own: those trained here to save or download, and files to load."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from ae_core.checkpoints import save_checkpoint, to_bytes
from ae_core.checkpoints.atlas_file import atlas_path, save_atlas
from ae_core.checkpoints.film import film_path, save_film
from ae_core.checkpoints.library import SAVED, path_for_name
from ae_core.checkpoints.probe_file import probe_path, save_probe
from ae_core.errors import CheckpointError, explain
from ae_core.ui import atlases, keys, library, probes, shown_model
from ae_core.ui.problems import guard
from ae_core.ui.shown import Shown
from ae_core.ui.state import lab


def show() -> None:
    """Save, download and load models; all of them can be chosen as A and B."""
    st.markdown("**Models**")
    titles = list(lab().models)
    if titles:
        title = st.selectbox("Trained here", titles, index=len(titles) - 1, key="save_which")
        shown = lab().models[title]
        st.text_input(f"Save into {SAVED.name}/ as", key=keys.SAVE_NAME.name, placeholder="my-first-model")
        with st.container(horizontal=True):
            # Never grey: while one types, the page does not know of it yet.
            st.button("Save", key="save", on_click=guard(_save), args=(shown,))
            st.download_button(
                "Download",
                lambda: to_bytes(shown.to_keep),
                file_name=f"{shown.file_name}.safetensors",
                on_click="ignore",
            )
        if lab().saved_as is not None:
            st.success(f"Saved as {lab().saved_as}; it can be chosen as A and B.")
        if lab().save_problem is not None:
            st.error(lab().save_problem)
    st.file_uploader(
        "Load a checkpoint, at most 20 MB",
        type=["safetensors"],
        key=keys.CHECKPOINT_UPLOAD.name,
        on_change=guard(_take_upload),
        help="It is shown as A. Only safetensors files that this lab saved are read.",
    )
    if lab().upload_problem is not None:
        st.error(lab().upload_problem)


def _save(shown: Shown) -> None:
    lab().saved_as = lab().save_problem = None
    try:
        path = path_for_name(keys.SAVE_NAME.get())
    except CheckpointError as error:
        lab().save_problem = str(error)
        return
    try:
        save_checkpoint(shown.to_keep, path)
    except CheckpointError as error:
        lab().save_problem = (
            f"{error} The model is still listed here: make room and save it again, or download it."
        )
        return
    lab().saved_as = path.name
    for what, save in _beside(shown, path).items():
        try:
            save()
        except (CheckpointError, OSError) as error:
            lab().save_problem = f"The model is saved, its {what} is not: {explain(error)}"


def _beside(shown: Shown, path: Path) -> dict[str, Callable[[], None]]:
    """What there is of a model besides itself, by its name, as what saves it beside the model's file."""
    model = shown.checkpoint.model
    saves: dict[str, Callable[[], None]] = {}
    if (probe := probes.find_probe(shown)) is not None:
        saves["probe"] = partial(save_probe, probe, model, probe_path(path), shown.data)
    if (atlas := atlases.atlas_of(shown)) is not None:
        saves["map"] = partial(save_atlas, atlas, model, atlas_path(path), shown.data)
    camera = lab().films.get(shown.title)
    if camera is not None and (film := camera.film()) is not None:
        saves["film"] = partial(save_film, film, film_path(path))
    return saves


def _take_upload() -> None:
    """Read the upload once; a file that is no checkpoint leaves the page as it was."""
    file = keys.CHECKPOINT_UPLOAD.get()
    if lab().was_taken(file):
        return
    lab().upload_problem = None
    if file is None:
        return
    try:
        shown = library.read_upload(file.name, file.getvalue())
    except CheckpointError as error:
        lab().upload_problem = str(error)
        return
    lab().uploaded[shown.title] = shown
    shown_model.show(shown)
