"""Learn: guided experiments. Predict, set the page up with one click, look, and read the measured answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import streamlit as st
import torch
from torch import Tensor

from ae_core.checkpoints import CheckpointError
from ae_core.config import Kind
from ae_core.data import PIXELS
from ae_core.inspection import inspect
from ae_core.jacobian import encoder_jacobian, spectrum
from ae_core.mistakes import contraction_mistakes
from ae_core.robustness import code_shift, corrupt
from ae_core.ui import canvas, library, model_picker, style
from ae_core.ui.library import Shown
from ae_core.ui.state import lab
from ae_core.ui.views import sparsity


class Answer(NamedTuple):
    """What the models say; measured on the drawing, never written down beforehand."""

    right: int
    """Which of the predictions came true."""
    sentence: str
    """With the figures."""


@dataclass(frozen=True)
class Experiment:
    """A question, predictions to choose from, and the page on which the answer can be seen."""

    name: str
    question: str
    predictions: tuple[str, ...]
    kind: Kind
    weight: float
    digit: int
    view: str
    look: str
    """Where on the page the answer is."""
    answer: Callable[[Tensor], Answer]
    """From what the model sees, shape (1, 1, 28, 28)."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Widgets of the view, by their keys."""


def _hundredfold(picture: Tensor) -> Answer:
    weak, strong = (
        inspect(library.rung("contractive", weight).checkpoint.model, picture).jacobian_sq_norm
        for weight in (1e-5, 1e-3)
    )
    fall = weak / strong
    right = 3 if fall < 1.5 else 1 if fall < 100 / 1.5 else 0 if fall < 150 else 2
    return Answer(
        right,
        f"‖J‖² falls from {weak:.3g} at λ = 1e-5 to {strong:.3g} at λ = 1e-3, {fall:.3g} times. The loss "
        "weighs it against the reconstruction, so training stops pushing where a smaller Jacobian would "
        "cost more error than it saves.",
    )


def _typical_unit(picture: Tensor) -> Answer:  # noqa: ARG001 - it is about the test set
    shown = library.rung("sparse", 2e-2)
    density = sparsity.use_of(shown).density.median().item()
    mean = shown.statistics.mean_activation.mean().item()
    return Answer(
        0 if density < 0.03 else 1 if density < 0.2 else 2,
        f"The units' mean activation is {mean:.4f}, near ρ = 0.01; yet half of them are active on more than "
        f"{density:.0%} of the test images. ρ bounds the mean, and a unit can meet it by firing often "
        "and weakly.",
    )


def _direction(picture: Tensor) -> Answer:
    with torch.inference_mode():
        jacobian = encoder_jacobian(library.rung("sparse", 5e-3).checkpoint.model, picture)[0]
        leading = spectrum(jacobian)[0].item()
    random = (jacobian.square().sum().item() / PIXELS) ** 0.5
    ratio = leading / random if random > 0 else 1.0
    return Answer(
        0 if ratio < 1.5 else 1 if ratio < 5 else 2,
        f"For a small step the code moves {leading:.3g} a unit along the first tangent and {random:.3g} in "
        f"a random direction (root mean square): {ratio:.3g} times as far. 64 units follow 64 directions at "
        f"most; the code ignores the other {PIXELS - 64} of the {PIXELS} altogether.",
    )


def _shift_or_noise(picture: Tensor) -> Answer:
    shifted = corrupt("Shift", picture, 0.25)
    noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(0))
    distance = (shifted - picture).norm()
    noisy = picture + noise / noise.norm() * distance
    (free_shift, free_noise), (shift, noise_move) = (
        code_shift(shown.checkpoint.model, picture, torch.cat([shifted, noisy]), shown.statistics)
        for shown in (library.rung("contractive", weight) for weight in (0.0, 0.1))
    )
    return Answer(
        0 if noise_move > 1.25 * shift else 2 if shift > 1.25 * noise_move else 1,
        f"At λ = 0.1 the shift moves the code {shift:.3g} spreads and noise of the same length, "
        f"{distance.item():.3g}, moves it {noise_move:.3g}. Without a penalty it is {free_shift:.3g} and "
        f"{free_noise:.3g}. The penalty presses on every direction; the reconstruction holds on to those in "
        "which digits differ, as a digit does from its shifted self. It is local, too: far from the training "
        "digits nothing was asked, and strong noise moves every one of these codes far.",
    )


def _summed(picture: Tensor) -> Answer:
    shown = library.rung("contractive", 1e-4)
    summed, *_ = contraction_mistakes(shown.checkpoint.model, picture)
    ratio = summed.wrong / summed.right if summed.right > 0 else 1.0
    return Answer(
        0 if 0.9 < ratio < 1.1 else 1 if ratio < 1 else 2,
        f"It gives {summed.wrong:.3g} where ‖J‖² is {summed.right:.3g}: {ratio:.3g} times. It measures how "
        "far the *sum* of the units moves, so units that move alike count many times, and units that move "
        "against each other not at all.",
    )


EXPERIMENTS = (
    Experiment(
        "A hundredfold penalty",
        "λ grows a hundredfold, from 1e-5 to 1e-3. What happens to the Jacobian of this digit?",
        (
            "‖J‖² falls about a hundredfold",
            "‖J‖² falls, but by less",
            "‖J‖² falls by more",
            "‖J‖² hardly changes",
        ),
        "contractive",
        1e-3,
        3,
        "Compare",
        "Compare the columns 1e-05 and 0.001: the sensitivity maps, and ‖J‖² under them.",
        _hundredfold,
    ),
    Experiment(
        "Mean and density",
        "A sparse model brings the mean activation of its units near ρ = 0.01. On how many images is a "
        "typical unit active?",
        ("On about 1 in 100, as ρ says", "On about 1 in 10", "On 1 in 5 or more"),
        "sparse",
        2e-2,
        8,
        "Sparsity",
        "Hold the mean activations against ρ, then find the middle of the histogram beside them.",
        _typical_unit,
    ),
    Experiment(
        "What the code ignores",
        "Move the digit a little along the first tangent, then as far in a random direction. How much "
        "farther does the tangent move the code?",
        ("About as far", "Up to five times as far", "More than five times as far"),
        "sparse",
        5e-3,
        5,
        "Jacobian",
        "Walk with the slider at the end of the view, and compare the two curves.",
        _direction,
        {"tangent": 1, "distance": 1.0},
    ),
    Experiment(
        "Noise or shift",
        "Shift the digit by a quarter of a pixel, or add noise that changes the picture by the same "
        "distance. Which moves the code farther under the strongest penalty, λ = 0.1?",
        ("The noise", "Both about as far", "The shift"),
        "contractive",
        1e-1,
        7,
        "Robustness",
        "Read how far the code moved, at 0 and at 0.1; then choose Noise and find a strength of the same "
        "distance.",
        _shift_or_noise,
        {"change": "Shift", "strength_shift": 0.25},
    ),
    Experiment(
        "The shortcut",
        "Many programs take the squared gradient of the summed code for ‖J‖². What does it give on this "
        "digit?",
        ("The same", "Less", "More"),
        "contractive",
        1e-4,
        2,
        "Wrong and right",
        "Read both figures on the first card.",
        _summed,
    ),
)


def show(shown: Shown, picture: Tensor | None) -> None:  # noqa: ARG001 - the signature of a view
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
                key=f"prediction_{index}",
                persist_state="session",
            )
            st.button(
                "Set the page up",
                key=f"set_up_{index}",
                on_click=_set_up,
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
        answer = st.expander("The answer", key="answer", on_change="rerun")
        if answer.open:
            with answer:
                _answer(experiment)
        with st.container(horizontal=True):
            st.button("Back to the experiments", key="guide_back", on_click=_leave)


def _answer(experiment: Experiment) -> None:
    if lab().picture is None:
        st.markdown("Draw a digit, or place one: the answer is measured on it.")
        return
    try:
        right, sentence = experiment.answer(lab().picture)
    except CheckpointError as error:
        st.error(str(error))
        return
    verdict = (
        "You were right." if right == lab().prediction else f"Rather: *{experiment.predictions[right]}*."
    )
    st.markdown(f"{verdict} {sentence}")


def _set_up(index: int) -> None:
    experiment = EXPERIMENTS[index]
    model_picker.choose(library.rung(experiment.kind, experiment.weight))
    canvas.place_sample(experiment.digit, 0)
    st.session_state.view = experiment.view
    st.session_state.answer = False
    for key, value in experiment.settings.items():
        st.session_state[key] = value
    lab().experiment = index
    lab().prediction = experiment.predictions.index(st.session_state[f"prediction_{index}"])


def _leave() -> None:
    lab().experiment = None
    st.session_state.view = "Learn"
