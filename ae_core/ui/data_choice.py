"""Which set of images the page is about: MNIST, or one that was uploaded or opened in this session."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from ae_core.config import TrainConfig
from ae_core.data import MNIST, DataSet
from ae_core.data.dataset import MNIST_NAME, name_of
from ae_core.data.fitting import FIT_HELP, FITS, Fit
from ae_core.data.own import LARGEST_UPLOAD, open_again, open_data, read_upload
from ae_core.data.raw import SERVED
from ae_core.data.samples import counts_of, sample_rows
from ae_core.errors import DataError
from ae_core.render.sample_sheet import draw_samples
from ae_core.training.saved_run import SavedRun
from ae_core.ui import keys, markup, shown_model
from ae_core.ui.problems import guard
from ae_core.ui.state import lab

DATA_VARIABLE = "AUTOENCODER_LAB_DATA"
"""Environment variable that names a folder whose sets visitors may open; without it none."""
_MOST_OWN = 4
"""Sets that a session keeps; the oldest goes first."""
_MOST_ROWS = 12
"""Classes in the preview."""


def show() -> None:
    """The button that tells the set, and what opens behind it."""
    popover = st.popover(f"Data: {markup.plain(lab().data.name)}", key=keys.DATA_OPEN.name, on_change="rerun")
    if popover.open:
        with popover:
            _choose()
            _upload()
            _open()
            if lab().data_problem is not None:
                st.error(lab().data_problem)
            _preview(lab().data)


def note() -> None:
    """Say which models in sight were trained on another set than the page's."""
    for side, shown in shown_model.strangers().items():
        own, here = name_of(shown.checkpoint.train_config), shown.data.name
        other = "another set of the name " if own == here else ""
        few = "" if shown.measured_on is None else f", on its first {shown.measured_on:,} test images"
        st.caption(
            f"{side} was trained on {other}{markup.plain(own)}. Its values here are measured on "
            f"{markup.plain(here)}{few}."
        )


def use(data: DataSet) -> None:
    """Have the page be about a set, for callbacks.

    Raises:
        DataError: while a training on another set goes on.
    """
    if data.digest == lab().data.digest:
        return
    if lab().running:
        raise DataError(
            f"A training on {lab().data.name} goes on: stop it, or wait for its end, before you choose "
            "another set."
        )
    lab().data = data
    lab().measured_here.clear()
    lab().wound.clear()
    lab().examples_placed.clear()
    lab().map_goal = lab().cell = None


def for_run(saved: SavedRun) -> DataSet:
    """The set of an interrupted run, as far as this session may have it.

    Raises:
        DataError: if it has not, or the set has changed.
    """
    config = saved.recipe.train
    for data in (MNIST, lab().data, *lab().own_sets.values()):
        if data.is_of(config):
            return data
    source, allowed = saved.source, _allowed()
    if source is not None and allowed is not None and Path(source.where).is_relative_to(allowed):
        return _keep(open_again(source, config))
    raise DataError(_missing(config))


def _missing(config: TrainConfig) -> str:
    return (
        f"This training is on the set {name_of(config)}: upload it under Data once more, or go on with "
        "python -m "
        "ae_core train --resume."
    )


def _allowed() -> Path | None:
    """The folder whose sets visitors may open."""
    named = os.environ.get(DATA_VARIABLE)
    return Path(named).resolve() if named else None


def _choose() -> None:
    names = [MNIST_NAME, *lab().own_sets]
    now = next(
        (name for name, data in lab().own_sets.items() if data.digest == lab().data.digest), MNIST_NAME
    )
    keys.DATA.show(now)
    st.selectbox("Set of images", names, key=keys.DATA.name, on_change=guard(_take_chosen))


def _take_chosen() -> None:
    name = keys.DATA.get()
    lab().data_problem = None
    _use_or_tell(MNIST if name == MNIST_NAME else lab().own_sets.get(name, MNIST))


def _upload() -> None:
    st.selectbox("How pictures become 28 x 28", FITS, key=keys.FIT.name, help=FIT_HELP)
    st.file_uploader(
        f"A set of your own, at most {LARGEST_UPLOAD // 2**20} MB",
        type=["zip", "npz"],
        key=keys.DATA_UPLOAD.name,
        on_change=guard(_take_upload),
        help="A .zip of PNG or JPEG pictures, a folder per class or none; an .npz of arrays x and y, or "
        "x_train, "
        "y_train, x_test, y_test; or a .zip of IDX files. It stays in this session.",
    )


def _take_upload() -> None:
    """Read the upload once; a file that is no set leaves the page as it was."""
    file = keys.DATA_UPLOAD.get()
    if lab().was_taken(file):
        return
    lab().data_problem = None
    if file is None:
        return
    try:
        data = read_upload(file.name, file.getvalue(), _fit())
    except DataError as error:
        lab().data_problem = str(error)
        return
    _use_or_tell(_keep(data))
    # The button has another name now, and would close what opens behind it: there the set can be looked at.
    keys.DATA_OPEN.set(True)


def _open() -> None:
    if _allowed() is None:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Or a set on the server, by its path", key=keys.DATA_PATH.name, placeholder="pets")
        st.button("Open", key="open_data", on_click=guard(_take_path))


def _take_path() -> None:
    allowed = _allowed()
    lab().data_problem = None
    try:
        if allowed is None:
            raise DataError("There is no folder of sets on this server.")
        _use_or_tell(_keep(open_served(keys.DATA_PATH.get() or "", allowed, _fit())))
        keys.DATA_OPEN.set(True)
    except DataError as error:
        lab().data_problem = str(error)


def open_served(path: str, allowed: Path, how: Fit) -> DataSet:
    """A set below a folder; no path leads out of it.

    Raises:
        DataError: if it would, or there is no such set. No sentence says where the folder lies.
    """
    if not path.strip() or "\0" in path:
        raise DataError("Type the path of a set below the server's folder of sets.")
    wanted = (allowed / path.strip()).resolve()
    if not wanted.is_relative_to(allowed) or not wanted.exists():
        raise DataError(f"There is no set {path.strip()!r} in the server's folder of sets.")
    try:
        return open_data(str(wanted), how, SERVED)
    except DataError as error:
        raise DataError(str(error).replace(f"{allowed}{os.sep}", "")) from None


def _fit() -> Fit:
    return keys.FIT.find() or FITS[0]


def _keep(data: DataSet) -> DataSet:
    """List a set among the session's own; the same once more is the one that is known."""
    own = lab().own_sets
    for known in own.values():
        if known.digest == data.digest:
            return known
    name, number = data.name, 2
    while name in own or name == MNIST_NAME:
        name, number = f"{data.name} ({number})", number + 1
    own[name] = data
    for oldest in list(own)[:-_MOST_OWN]:
        if own[oldest].digest != lab().data.digest:
            del own[oldest]
    return data


def _use_or_tell(data: DataSet) -> None:
    try:
        use(data)
    except DataError as error:
        lab().data_problem = str(error)


def _preview(data: DataSet) -> None:
    classes = f"{len(data.classes)} classes" if data.classes else "no labels"
    st.markdown(
        f"**{markup.plain(data.name)}**: {len(data.images('train')):,} training and "
        f"{len(data.images('test')):,} test "
        f"images, {classes}"
    )
    rows = sample_rows(data)
    st.image(
        draw_samples(rows[:_MOST_ROWS]), width="stretch", alt=f"Samples of {data.name}, a row per class."
    )
    counts = (
        f"{markup.plain(name)} {sum(both):,}" for name, both in list(counts_of(data).items())[:_MOST_ROWS]
    )
    if data.classes:
        st.caption(f"Images of each class: {', '.join(counts)}.")
    if len(rows) > _MOST_ROWS:
        st.caption(f"The first {_MOST_ROWS} classes.")
    for warning in data.warnings:
        st.caption(markup.plain(warning))
