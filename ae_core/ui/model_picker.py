"""Which model the page shows: the kind, the ladder's slider, the models trained here, and files."""

from __future__ import annotations

import streamlit as st

from ae_core.checkpoints import save_checkpoint, to_bytes
from ae_core.checkpoints.library import path_for_name
from ae_core.config import KINDS, LADDERS
from ae_core.errors import CheckpointError
from ae_core.ui import keys, library, shown_model
from ae_core.ui.keys import FILE, LADDER, MINE, Key
from ae_core.ui.library import Shown
from ae_core.ui.problems import guard
from ae_core.ui.shown_model import Choice
from ae_core.ui.state import lab


def kind_control() -> None:
    """Contractive or sparse, for everything on the page."""
    st.segmented_control(
        "Kind of autoencoder",
        KINDS,
        key=keys.KIND.name,
        required=True,
        default=KINDS[0],
        format_func=str.capitalize,
        bind="query-params",
    )
    shown_model.follow_kind()


def penalty_slider() -> Choice:
    """The slider over the ladder, and the model that it and the sidebar choose."""
    kind = keys.shown_kind()
    symbol = "λ" if kind == "contractive" else "β"
    st.select_slider(
        f"Penalty weight {symbol} of the shipped models",
        LADDERS[kind],
        key=keys.weight(kind).name,
        value=keys.STARTING_WEIGHTS[kind],
        format_func=lambda value: f"{value:g}",
        help="Each stop is a model of its own, trained on all 60,000 images with this weight on its penalty.",
        bind="query-params",
    )
    return shown_model.choice()


def sidebar() -> None:
    """Where the shown model comes from; saving, downloading and loading models."""
    st.header("Model", anchor=False)
    st.segmented_control(
        "Show",
        (LADDER, MINE, FILE),
        key=keys.SOURCE.name,
        required=True,
        on_change=guard(shown_model.show_source),
        help="The shipped ladder, a model trained here, or one from a file. "
        "The last two are shown above the shipped model at the slider.",
    )
    if keys.SOURCE.get() == MINE:
        _mine()
    elif keys.SOURCE.get() == FILE:
        _file()


def _list(label: str, names: list[str], key: Key[str]) -> None:
    """Models to choose from; the chosen one is shown."""
    st.selectbox(
        label, names, key=key.name, on_change=guard(shown_model.show_listed), persist_state="session"
    )


def _mine() -> None:
    titles = list(lab().models)
    if not titles:
        st.caption("Nothing is trained yet. Train a model below: it will be listed here.")
        return
    _list("Trained here", titles, keys.TRAINED)
    shown = lab().models[keys.TRAINED.get()]
    _key_values(shown)
    name = st.text_input("Save into checkpoints/ as", key="save_name", placeholder="my-first-model")
    with st.container(horizontal=True):
        # Never grey: while one types, the page does not know of it yet.
        if st.button("Save", key="save"):
            _save(shown, name)
        st.download_button(
            "Download",
            lambda: to_bytes(shown.checkpoint),
            file_name=f"{shown.file_name}.safetensors",
            on_click="ignore",
        )


def _save(shown: Shown, name: str) -> None:
    try:
        path = path_for_name(name)
    except CheckpointError as error:
        st.error(str(error))
        return
    try:
        save_checkpoint(shown.checkpoint, path)
    except CheckpointError as error:
        st.error(f"{error} The model is still listed here: make room and save it again, or download it.")
    else:
        st.success(f"Saved as {path.name}; it is listed under File.")


def _file() -> None:
    names = shown_model.checkpoint_names()
    if names:
        _list("Checkpoint", names, keys.CHECKPOINT)
    else:
        st.caption("checkpoints/ holds the shipped ladder only. Save a trained model, or upload one.")
    st.file_uploader(
        "Upload a checkpoint, at most 20 MB",
        type=["safetensors"],
        key=keys.CHECKPOINT_UPLOAD.name,
        on_change=guard(_take_upload),
    )
    if lab().upload_problem is not None:
        st.error(lab().upload_problem)
    try:
        shown = shown_model.listed()
    except CheckpointError as error:
        st.error(str(error))
    else:
        if shown is not None:
            _key_values(shown)


def _take_upload() -> None:
    """Read the upload once; a file that is no checkpoint leaves the page as it was."""
    lab().upload_problem = None
    file = keys.CHECKPOINT_UPLOAD.get()
    if file is None:
        return
    try:
        shown = library.read_upload(file.name, file.getvalue())
    except CheckpointError as error:
        lab().upload_problem = str(error)
        return
    lab().uploaded[shown.title] = shown
    shown_model.show(shown)


def _key_values(shown: Shown) -> None:
    train = shown.checkpoint.train_config
    test_mse = shown.checkpoint.metrics.test_mse
    st.caption(
        f"{shown.kind}, weight {train.penalty_weight:g}, {train.epochs} epochs, test MSE {test_mse:.5f}"
    )
