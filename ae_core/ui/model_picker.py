"""Which model the page shows: the kind, the ladder's slider, the models trained here, and files."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from ae_core.checkpoints import (
    LIBRARY,
    CheckpointError,
    path_for_name,
    save_checkpoint,
    saved_paths,
    to_bytes,
)
from ae_core.config import KINDS, LADDERS
from ae_core.ui import library
from ae_core.ui.library import Shown
from ae_core.ui.problems import told
from ae_core.ui.state import FILE, LADDER, MINE, STARTING_WEIGHTS, kind, lab, weight


@dataclass(frozen=True)
class Choice:
    """What the live panels show: a model, and the shipped one beside it where they differ."""

    model: Shown | None
    rung: Shown | None = None
    """The shipped model at the slider's penalty weight, if `model` is another."""
    problem: str | None = None
    """A sentence on why there is no model."""


def kind_control() -> None:
    """Contractive or sparse, for everything on the page."""
    st.segmented_control(
        "Kind of autoencoder",
        KINDS,
        key="kind",
        required=True,
        default=KINDS[0],
        format_func=str.capitalize,
        bind="query-params",
    )
    # A model of the other kind cannot stay beside it: the ladder takes its place.
    try:
        model = _model_of_the_sidebar()
    except CheckpointError:
        return
    if model is not None and model.kind != kind():
        st.session_state.source = LADDER


def penalty_slider() -> Choice:
    """The slider over the ladder, and the model that it and the sidebar choose."""
    symbol = "λ" if kind() == "contractive" else "β"
    st.select_slider(
        f"Penalty weight {symbol} of the shipped models",
        LADDERS[kind()],
        key=f"weight_{kind()}",
        value=STARTING_WEIGHTS[kind()],
        format_func=lambda value: f"{value:g}",
        help="Each stop is a model of its own, trained on all 60,000 images with this weight on its penalty.",
        bind="query-params",
    )
    try:
        rung = library.rung(kind(), weight())
        model = _model_of_the_sidebar()
    except CheckpointError as error:
        return Choice(None, problem=str(error))
    return Choice(rung) if model is None else Choice(model, rung)


def comparable(shown: Shown) -> list[Shown]:
    """The ladder of a model's kind, the models of that kind trained here, and itself if it is neither."""
    own = [model for model in lab().models.values() if model.kind == shown.kind]
    models = [*library.ladder(shown.kind), *own]
    return models if any(model is shown for model in models) else [*models, shown]


def choose(shown: Shown) -> None:
    """Show a model of the ladder or one trained here, for callbacks: the controls follow."""
    if any(shown is model for model in lab().models.values()):
        st.session_state.source = MINE
        st.session_state.mine = shown.title
    elif any(shown is rung for rung in library.ladder(shown.kind)):
        st.session_state.source = LADDER
        st.session_state[f"weight_{shown.kind}"] = shown.checkpoint.train_config.penalty_weight
    st.session_state.kind = shown.kind
    lab().page_stale = True


def _model_of_the_sidebar() -> Shown | None:
    """The model chosen in the sidebar; None where that is the ladder, or nothing yet."""
    source = st.session_state.source
    if source == MINE:
        return lab().models.get(st.session_state.get("mine"))
    if source == FILE:
        name = st.session_state.get("file")
        if name in lab().uploaded:
            return lab().uploaded[name]
        return None if name is None else library.saved(LIBRARY / name)
    return None


def _show_source() -> None:
    """Show a model from the chosen place: the one chosen there before, or the newest, or the first."""
    trained, files = list(lab().models), _file_names()
    if st.session_state.source == MINE and trained:
        st.session_state.setdefault("mine", trained[-1])
    if st.session_state.source == FILE and files:
        st.session_state.setdefault("file", files[0])
    _follow_kind()


def _follow_kind() -> None:
    """Have the page show the kind of the model that was chosen."""
    try:
        model = _model_of_the_sidebar()
    except CheckpointError:
        # The sidebar tells what is wrong with the file.
        return
    if model is not None:
        st.session_state.kind = model.kind


def _file_names() -> list[str]:
    """Models from files: those uploaded here, then those in `checkpoints/`."""
    return [*lab().uploaded, *(path.name for path in saved_paths())]


def sidebar() -> None:
    """Where the shown model comes from; saving, downloading and loading models."""
    st.header("Model", anchor=False)
    st.segmented_control(
        "Show",
        (LADDER, MINE, FILE),
        key="source",
        required=True,
        on_change=told(_show_source),
        help="The shipped ladder, a model trained here, or one from a file. "
        "The last two are shown above the shipped model at the slider.",
    )
    if st.session_state.source == MINE:
        _mine()
    elif st.session_state.source == FILE:
        _file()


def _mine() -> None:
    titles = list(lab().models)
    if not titles:
        st.caption("Nothing is trained yet. Train a model below: it will be listed here.")
        return
    st.selectbox("Trained here", titles, key="mine", on_change=told(_follow_kind), persist_state="session")
    shown = lab().models[st.session_state.mine]
    _key_figures(shown)
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
    names = _file_names()
    if names:
        st.selectbox("Checkpoint", names, key="file", on_change=told(_follow_kind), persist_state="session")
    else:
        st.caption("checkpoints/ holds the shipped ladder only. Save a trained model, or upload one.")
    st.file_uploader(
        "Upload a checkpoint, at most 20 MB", type=["safetensors"], key="upload", on_change=told(_take_upload)
    )
    if lab().upload_problem is not None:
        st.error(lab().upload_problem)
    try:
        shown = _model_of_the_sidebar()
    except CheckpointError as error:
        st.error(str(error))
    else:
        if shown is not None:
            _key_figures(shown)


def _take_upload() -> None:
    """Read the upload once; a file that is no checkpoint leaves the page as it was."""
    lab().upload_problem = None
    file = st.session_state.upload
    if file is None:
        return
    try:
        shown = library.uploaded(file.name, file.getvalue())
    except CheckpointError as error:
        lab().upload_problem = str(error)
        return
    lab().uploaded[shown.title] = shown
    st.session_state.file = shown.title
    _follow_kind()


def _key_figures(shown: Shown) -> None:
    train = shown.checkpoint.train_config
    test_mse = shown.checkpoint.metrics["test_mse"]
    st.caption(
        f"{shown.kind}, weight {train.penalty_weight:g}, {train.epochs} epochs, test MSE {test_mse:.5f}"
    )
