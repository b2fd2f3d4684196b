"""Learn: the lab as a story in five scenes. Predict, touch a control, look, and read the measured answer."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from ae_core.analysis.page_names import View
from ae_core.analysis.probe_errors import ALL_LABELS
from ae_core.analysis.scenes import SCENES, Answer, Scene, Subject
from ae_core.config import Kind
from ae_core.data import MNIST
from ae_core.drawing.samples import SAMPLES
from ae_core.errors import CheckpointError, DataError
from ae_core.model import Autoencoder
from ae_core.ui import data_choice, drawn, keys, library, markup, papers, probes, session, shown_model, style
from ae_core.ui.keys import LADDER
from ae_core.ui.problems import guard
from ae_core.ui.shown import Shown
from ae_core.ui.shown_model import Choice
from ae_core.ui.sight import Sight
from ae_core.ui.state import lab


def show(choice: Choice, seen: Sight | None) -> None:  # noqa: ARG001 - the signature of a view
    """The scenes to choose from, and what the papers claim."""
    style.question("A story in five scenes: predict, then let the models answer.")
    for index, scene in enumerate(SCENES):
        with st.container(
            border=True, horizontal=True, vertical_alignment="center", key=f"experiment_{index}"
        ):
            st.markdown(f"**{index + 1}. {scene.name}.** {scene.idea} [Link](?experiment={index + 1})")
            st.button(
                "Open the scene",
                key=f"set_up_{index}",
                on_click=guard(_set_up),
                args=(index,),
                help="Chooses the models, places a drawing and opens the view. What is on the canvas can be "
                "had back with Undo.",
            )
    papers.show()


def guide() -> None:
    """The scene that the page is set up for; it stays in sight while one works."""
    index = lab().experiment
    if index is None:
        return
    scene = SCENES[index]
    with st.container(border=True, key=keys.GUIDE):
        predicted = st.radio(
            f"**{index + 1}. {scene.name}: {scene.question}**",
            scene.predictions,
            index=None,
            horizontal=True,
            key=keys.prediction(index).name,
            persist_state="session",
        )
        before = f"{scene.idea} Predict first; then look whether it comes true."
        st.caption(scene.touch if predicted else before)
        with st.container(horizontal=True, vertical_alignment="center"):
            answer = st.toggle("The answer", key=keys.ANSWER.name, disabled=predicted is None)
            st.button("All scenes", key="guide_back", on_click=guard(_leave))
            following = (index + 1) % len(SCENES)
            st.button("Next", key="guide_next", on_click=guard(_set_up), args=(following,))
            symbols = " ".join(markup.symbol(name) for name in scene.symbols)
            markup.show(f"<p class='note'>{symbols}</p>")
        if answer and predicted is not None:
            _answer(scene, scene.predictions.index(predicted))


def follow_link() -> None:
    """Set the page up for the scene that the address names."""
    said = session.in_address(keys.EXPERIMENT) or ""
    index = int(said) - 1 if said.isdecimal() and len(said) < 4 else None
    if index is None or index not in range(len(SCENES)):
        lab().experiment = None
    elif index != lab().experiment:
        _set_up(index)
        # The rest of the address says how the page was: the scene starts anew.
        lab().address = {}


def _answer(scene: Scene, predicted: int) -> None:
    seen = lab().see(keys.NOISE.get())
    if seen is None:
        st.markdown("Draw a digit, or place one: the answer is measured on it.")
        return
    answer = scene.answer(seen, _subject, session.settings_now(scene.settings))
    st.markdown(f"{_verdict(scene, answer, predicted)} {answer.sentence}")
    if answer.why:
        st.markdown(f"**Why?** {answer.why}")
    st.markdown(f"**To discuss.** {scene.discuss}")


def _verdict(scene: Scene, answer: Answer, predicted: int) -> str:
    came_true = " or ".join(f"*{scene.predictions[index]}*" for index in answer.right)
    match answer.right:
        case ():
            return "This cannot be told here."
        case (_,):
            return "You were right." if predicted in answer.right else f"Rather: {came_true}."
        case _:
            return f"Too close to call: {came_true}."


def _subject(kind: Kind, weight: float) -> Subject:
    shown = library.rung(kind, weight)
    checkpoint = shown.checkpoint

    def reading_error() -> float | None:
        probe = probes.find_probe(shown)
        return None if probe is None else probe.errors[ALL_LABELS]

    test_mse = checkpoint.metrics.test_mse
    return Subject(checkpoint.model, shown.statistics, test_mse, reading_error, lambda: _moments(shown))


def _moments(shown: Shown) -> list[tuple[int, Autoencoder]]:
    """The model at the steps of its film; none where the film cannot be read."""
    try:
        film = None if shown.file is None else library.film_beside(shown.file)
    except CheckpointError:
        film = None
    return [] if film is None else [(frame.step, film.model(frame)) for frame in film.frames]


def _set_up(index: int) -> None:
    scene = SCENES[index]
    # The scenes are about the shipped models, and what they say of them is measured on MNIST.
    with suppress(DataError):
        data_choice.use(MNIST)
    shown_model.show(library.rung(scene.kind, scene.weight))
    shown_model.compare(scene.other is not None)
    if scene.other is not None:
        shown_model.select("B", LADDER, scene.other, scene.kind)
    if scene.sample in SAMPLES:
        drawn.place_strokes(SAMPLES[scene.sample])
    else:
        drawn.place_sample(int(scene.sample), 0)
    keys.show_view(scene.view)
    keys.ANSWER.set(False)
    session.set_settings(scene.settings)
    lab().experiment = index


def _leave() -> None:
    lab().experiment = None
    keys.show_view(View.LEARN)
