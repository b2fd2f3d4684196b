"""Where the states of this session's runs are kept, and the interrupted runs, to resume or to forget."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis.notation import power_notation
from ae_core.analysis.page_names import View
from ae_core.config import Recipe
from ae_core.errors import CheckpointError, DataError, RunGoneError, RunInUseError
from ae_core.training.background import TrainingRun
from ae_core.training.job import Job
from ae_core.training.run_folder import RunFolder, interrupted, runs_dir
from ae_core.training.saved_run import SavedRun
from ae_core.ui import data_choice, keys
from ae_core.ui.problems import guard
from ae_core.ui.state import lab
from ae_core.ui.training import watching

_MOST = 3


def new_folder(recipe: Recipe) -> RunFolder | None:
    """Make the folder of a run's state; None, with a sentence on the page, if it cannot be made."""
    try:
        return RunFolder.create(recipe, runs_dir())
    except OSError as error:
        lab().training_problem = (
            f"The state of this run cannot be kept in {runs_dir()}: {error.strerror or error}. The run goes "
            "on, but has to start over if the program ends before it."
        )
        return None


def hint() -> None:
    """Say in a line that there are such runs, for the views in which they are not listed."""
    if interrupted(runs_dir(), 1):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            st.caption("A training was interrupted.", width="content")
            st.button("See it", key="see_interrupted", on_click=guard(keys.show_view), args=(View.TRAIN,))


def show() -> None:
    """List the runs that ended with their program or their page, to resume or to forget."""
    for name, run in interrupted(runs_dir(), _MOST).items():
        with st.container(border=True, key=f"interrupted_{name}"):
            st.caption(f"Interrupted: {_description(run)}.")
            with st.container(horizontal=True):
                st.button("Go on", on_click=guard(_go_on), args=(name,), key=f"go_on_{name}")
                st.button("Forget", on_click=guard(_forget), args=(name,), key=f"forget_{name}")


def _description(run: SavedRun) -> str:
    train = run.recipe.train
    of_steps = f" of {run.history[-1].total_steps:,}" if run.history else ""
    weight = power_notation(train.penalty_weight)
    return f"{run.recipe.model.kind}, weight {weight}{train.remarks}, step {run.state.step:,}{of_steps}"


def _go_on(name: str) -> None:
    folder = _take(name)
    if folder is None:
        return
    try:
        data = data_choice.for_run(folder.load())
        data_choice.use(data)
        job = Job.resume(folder, tell=_tell, data=data)
    except (CheckpointError, DataError) as error:
        folder.close()
        _tell(f"This run cannot go on: {error}")
        return
    watching.begin([TrainingRun(job)])


def _tell(sentence: str) -> None:
    lab().training_problem = sentence


def _forget(name: str) -> None:
    folder = _take(name)
    if folder is not None:
        folder.remove()


def _take(name: str) -> RunFolder | None:
    """Lock an interrupted run for this session; None, with a sentence, if another was faster."""
    lab().training_problem = None
    try:
        return RunFolder(runs_dir() / name)
    except (RunInUseError, RunGoneError, OSError) as error:
        lab().training_problem = str(error)
        return None
