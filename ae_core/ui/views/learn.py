"""Learn: guided experiments. Predict, set the page up with one click, look, and read the measured answer."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis.experiments import EXPERIMENTS, Answer, Experiment, Subject
from ae_core.analysis.page_names import View
from ae_core.config import Kind
from ae_core.data import Picture
from ae_core.ui import canvas, keys, library, shown_model, style
from ae_core.ui.library import Shown
from ae_core.ui.problems import guard
from ae_core.ui.state import lab
from ae_core.ui.views import sparsity


def show(shown: Shown, picture: Picture | None) -> None:  # noqa: ARG001 - the signature of a view
    """The experiments to choose from."""
    style.question("What would you expect? Predict, then let the models answer.")
    for index, experiment in enumerate(EXPERIMENTS):
        with st.container(border=True, key=f"experiment_{index}"):
            st.subheader(f"{index + 1}. {experiment.name}", anchor=False)
            prediction = st.radio(
                experiment.question,
                experiment.predictions,
                index=None,
                horizontal=True,
                key=keys.prediction(index).name,
                persist_state="session",
            )
            st.button(
                "Set the page up",
                key=f"set_up_{index}",
                on_click=guard(_set_up),
                args=(index,),
                disabled=prediction is None,
                help="Chooses the model, places a digit and opens the view. A drawing on the canvas can be "
                "had back with Undo.",
            )


def guide() -> None:
    """The experiment that the page is set up for, above the views."""
    index = lab().experiment
    if index is None:
        return
    experiment = EXPERIMENTS[index]
    with st.container(border=True, key="guide"):
        st.markdown(f"**{experiment.question}**")
        st.markdown(f"Your prediction: *{experiment.predictions[lab().prediction]}*. {experiment.look}")
        answer = st.expander("The answer", key=keys.ANSWER.name, on_change="rerun")
        if answer.open:
            with answer:
                _answer(experiment)
        with st.container(horizontal=True):
            st.button("Back to the experiments", key="guide_back", on_click=guard(_leave))


def _answer(experiment: Experiment) -> None:
    picture = lab().picture
    if picture is None:
        st.markdown("Draw a digit, or place one: the answer is measured on it.")
        return
    answer = experiment.answer(picture, _subject, keys.settings_now(experiment.settings))
    st.markdown(f"{_verdict(experiment, answer)} {answer.sentence}")


def _verdict(experiment: Experiment, answer: Answer) -> str:
    came_true = " or ".join(f"*{experiment.predictions[index]}*" for index in answer.right)
    match answer.right:
        case ():
            return "This cannot be told here."
        case (_,):
            return "You were right." if lab().prediction in answer.right else f"Rather: {came_true}."
        case _:
            return f"Too close to call: {came_true}."


def _subject(kind: Kind, weight: float) -> Subject:
    shown = library.rung(kind, weight)
    return Subject(shown.checkpoint.model, shown.statistics, lambda: sparsity.use_of(shown).median_density)


def _set_up(index: int) -> None:
    experiment = EXPERIMENTS[index]
    shown_model.show(library.rung(experiment.kind, experiment.weight))
    canvas.place_sample(experiment.digit, 0)
    keys.show_view(experiment.view)
    keys.ANSWER.set(False)
    keys.set_settings(experiment.settings)
    lab().experiment = index
    lab().prediction = experiment.predictions.index(keys.prediction(index).get())


def _leave() -> None:
    lab().experiment = None
    keys.show_view(View.LEARN)
