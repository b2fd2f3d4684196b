"""Maps of the codes of the models in sight: those that lie beside their files, and those made here."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis.atlas import Atlas, components_atlas, make_atlas
from ae_core.analysis.probe import Advance
from ae_core.analysis.vectors import Vectors
from ae_core.checkpoints.atlas_file import atlas_path, load_atlas
from ae_core.training.background_work import BackgroundWork
from ae_core.ui import digit_codes
from ae_core.ui.beside import find_beside
from ae_core.ui.shown import CACHE_KEYS, Shown
from ae_core.ui.state import lab


def atlas_of(shown: Shown) -> Atlas | None:
    """The map of a model's codes; None if there is none, or none yet.

    Raises:
        CheckpointError: if there is a file of it that cannot be read, or is another model's.
    """
    return find_beside(shown, run_of(shown), atlas_path, load_atlas)


@st.cache_resource(show_spinner=False, max_entries=8, hash_funcs=CACHE_KEYS)
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
    """Give it up until somebody asks for it; for callbacks."""
    run = run_of(shown)
    if run is not None:
        run.stop()


def forget(shown: Shown) -> None:
    """Let it begin anew; for callbacks."""
    lab().atlas_runs.pop(shown.number, None)
