"""Maps of the codes of the models in sight: those that lie beside their files, and those made here."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import streamlit as st

from ae_core.analysis.atlas import Atlas, components_atlas, make_atlas
from ae_core.analysis.probe import Advance
from ae_core.analysis.vectors import Vectors
from ae_core.checkpoints.atlas_file import atlas_path, load_atlas
from ae_core.training.background_work import BackgroundWork
from ae_core.ui import digit_codes
from ae_core.ui.library import BY_NUMBER, Shown, version
from ae_core.ui.state import lab


def atlas_of(shown: Shown) -> Atlas | None:
    """The map of a model's codes; None if there is none, or none yet.

    Raises:
        CheckpointError: if there is a file of it that cannot be read, or is another model's.
    """
    run = lab().atlas_runs.get(shown.number)
    if run is not None and run.result is not None:
        return run.result
    if shown.file is None:
        return None
    path = atlas_path(shown.file)
    found = version(path)
    return _load(shown, path, found) if found else None


# A model is equal to itself alone, and so is a good part of the key.
@lru_cache(maxsize=64)
def _load(shown: Shown, path: Path, version: int) -> Atlas:  # noqa: ARG001 - part of the key
    return load_atlas(path, shown.checkpoint.model)


@st.cache_resource(show_spinner=False, max_entries=8, hash_funcs=BY_NUMBER)
def components_of(shown: Shown) -> Atlas:
    """The first two principal components of a model's codes, until there is a map.

    Raises:
        AnalysisError: if all codes are the same.
    """
    return components_atlas(digit_codes.codes_of(shown).rows)


def run_of(shown: Shown) -> BackgroundWork[Atlas] | None:
    """The making of a model's map in the background, if it was started."""
    return lab().atlas_runs.get(shown.number)


def start(shown: Shown, codes: Vectors) -> None:
    """Make the map of a model's codes in the background."""

    def work(advance: Advance) -> Atlas:
        return make_atlas(codes.rows, None, advance)

    lab().atlas_runs[shown.number] = BackgroundWork("The map", work)


def stop(shown: Shown) -> None:
    """Give it up; for callbacks."""
    run = lab().atlas_runs.get(shown.number)
    if run is not None:
        run.stop()
