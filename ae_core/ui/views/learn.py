"""Learn: guided experiments. Predict, set the page up with one click, look, and read the measured answer."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis.experiments import EXPERIMENTS, Answer, Experiment, Subject
from ae_core.analysis.inspection import Seen
from ae_core.analysis.page_names import View
from ae_core.config import Kind
from ae_core.ui import drawn, keys, library, papers, shown_model, style, test_codes
from ae_core.ui.problems import guard
from ae_core.ui.shown_model import Choice
from ae_core.ui.state import lab


def show(choice: Choice, seen: Seen | None) -> None:  # noqa: ARG001 - the signature of a view
    """The experiments to choose from, and what the papers claim."""
    style.question("What would you expect? Predict, then let the models answer.")
    for index, experiment in enumerate(EXPERIMENTS):
        with st.container(
            border=True, horizontal=True, vertical_alignment="center", key=f"experiment_{index}"
        ):
            st.markdown(f"**{index + 1}. {experiment.name}.** {experiment.question}")
            st.button(
                "Set the page up",
                key=f"set_up_{index}",
                on_click=guard(_set_up),
                args=(index,),
                help="Chooses the model, places a digit and opens the view. A drawing on the canvas can be "
                "had back with Undo.",
            )
    papers.show()


def guide() -> None:
    """The experiment that the page is set up for; it stays in sight while one works."""
    index = lab().experiment
    if index is None:
        return
    experiment = EXPERIMENTS[index]
    with st.container(border=True, key=keys.GUIDE):
        predicted = st.radio(
            f"**{index + 1}. {experiment.question}**",
            experiment.predictions,
            index=None,
            horizontal=True,
            key=keys.prediction(index).name,
            persist_state="session",
        )
        st.caption(experiment.look if predicted else "Predict first; then look whether it comes true.")
        with st.container(horizontal=True):
            answer = st.toggle("The answer", key=keys.ANSWER.name, disabled=predicted is None)
            st.button("Back to the experiments", key="guide_back", on_click=guard(_leave))
            following = (index + 1) % len(EXPERIMENTS)
            st.button("Next", key="guide_next", on_click=guard(_set_up), args=(following,))
        if answer and predicted is not None:
            _answer(experiment, experiment.predictions.index(predicted))


def follow_link() -> None:
    """Set the page up for the experiment that the address names, at first and where Back and Forward lead."""
    if lab().address is not None and not keys.is_back_or_forward():
        return
    said = keys.in_address(keys.EXPERIMENT) or ""
    index = int(said) - 1 if said.isdecimal() and len(said) < 4 else None
    if index is None or index not in range(len(EXPERIMENTS)):
        lab().experiment = None
    elif index != lab().experiment:
        _set_up(index)
        # The rest of the address says how the page was: the experiment starts anew.
        lab().address = {}


def _answer(experiment: Experiment, predicted: int) -> None:
    seen = lab().see(keys.NOISE.get())
    if seen is None:
        st.markdown("Draw a digit, or place one: the answer is measured on it.")
        return
    answer = experiment.answer(seen.x, _subject, keys.settings_now(experiment.settings))
    st.markdown(f"{_verdict(experiment, answer, predicted)} {answer.sentence}")


def _verdict(experiment: Experiment, answer: Answer, predicted: int) -> str:
    came_true = " or ".join(f"*{experiment.predictions[index]}*" for index in answer.right)
    match answer.right:
        case ():
            return "This cannot be told here."
        case (_,):
            return "You were right." if predicted in answer.right else f"Rather: {came_true}."
        case _:
            return f"Too close to call: {came_true}."


def _subject(kind: Kind, weight: float) -> Subject:
    shown = library.rung(kind, weight)
    return Subject(shown.checkpoint.model, shown.statistics, lambda: test_codes.use_of(shown).median_density)


def _set_up(index: int) -> None:
    experiment = EXPERIMENTS[index]
    shown_model.show(library.rung(experiment.kind, experiment.weight))
    drawn.place_sample(experiment.digit, 0)
    keys.show_view(experiment.view)
    keys.ANSWER.set(False)
    keys.NOISE.set(0.0)
    keys.set_settings(experiment.settings)
    lab().experiment = index


def _leave() -> None:
    lab().experiment = None
    keys.show_view(View.LEARN)
    lab().page_stale = True
