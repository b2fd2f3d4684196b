"""The five scenes of Learn: questions with predictions, and answers that are measured on the drawing.

Which explanation an answer gives depends on what was measured, so that it is true for every drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.corruption import add_noise
from ae_core.analysis.estimates import Estimate, mean_of
from ae_core.analysis.evaluation import reconstruct
from ae_core.analysis.inspection import Seen
from ae_core.analysis.notation import power_notation, value_text
from ae_core.analysis.page_names import NOISE, View
from ae_core.config import Kind
from ae_core.jacobian import column_sq_norms
from ae_core.model import Autoencoder

_DRAWS = 64
"""Draws of noise behind a verdict."""
_PLAIN, _WEAK, _STRONG, _STRONGEST = 0.0, 1e-5, 1e-3, 1e-1
"""Contractive penalty weights that are compared."""
_FILMED = 5e-3
"""The sparse penalty weight of the model whose training is wound back."""
_SPARSEST = 2e-2
_LOST = 0.1
"""A picture comes back if less than this share of its squares is lost."""
_ALIKE = 0.5
"""Percent: test errors that are nearer to each other may be so by chance."""


class Subject(NamedTuple):
    """A model that a scene is about."""

    model: Autoencoder
    statistics: CodeStatistics
    test_mse: float
    reading_error: Callable[[], float | None]
    """Gives the test error of the linear reader of its code, in percent; None without a probe."""
    moments: Callable[[], Sequence[tuple[int, Autoencoder]]]
    """Gives the model as it was after some steps of its training, the first and the last among them."""


Subjects = Callable[[Kind, float], Subject]
"""The shipped model of a kind and a penalty weight."""


class Answer(NamedTuple):
    """What the models say; measured on the drawing, never written down beforehand."""

    right: tuple[int, ...]
    """Which of the predictions came true; two, where the measurement cannot tell them apart."""
    sentence: str
    """With the values."""
    why: str = ""
    """What explains what was measured."""


@dataclass(frozen=True)
class Scene:
    """An idea, a question with predictions, and the page on which the answer can be seen.

    `kind`, `weight` and `other` name the shipped models that are A and B; without the latter there is no B.
    """

    name: str
    idea: str
    question: str
    predictions: tuple[str, ...]
    kind: Kind
    weight: float
    other: float | None
    sample: str
    """What is put onto the canvas: a digit, or the name of one of `drawing.samples`."""
    view: View
    touch: str
    """The one control to touch, and where to look then."""
    symbols: tuple[str, ...]
    """Of the glossary."""
    discuss: str
    """A question for a class."""
    answer: Callable[[Seen, Subjects, Mapping[str, Any]], Answer]
    """From what the models see, the models, and what the page's controls say now."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What the controls say, by their keys, as the scene begins."""


@torch.inference_mode()
def _copying(seen: Seen, subjects: Subjects, _: Mapping[str, Any]) -> Answer:
    lost = [
        _errors(subjects("contractive", weight).model, seen.x, seen.x).item() / seen.x.square().mean().item()
        for weight in (_PLAIN, _STRONGEST)
    ]
    plain, strong = (share < _LOST for share in lost)
    units = len(subjects("contractive", _PLAIN).statistics.max_activation)
    return Answer(
        (0,) if plain and strong else (1,) if plain else (2,) if not strong else (),
        f"Without a penalty {lost[0]:.2%} of the picture's squares are lost, under λ = "
        f"{power_notation(_STRONGEST)} {lost[1]:.2%}.",
        f"The code has {units:,} units for 784 pixels: room enough to copy whatever is drawn. That a picture "
        "comes back says little of what a code knows; so one asks for more than a copy."
        if plain
        else "A code can only return what its decoder learnt to draw: this drawing is beyond it.",
    )


@torch.inference_mode()
def _shaking(seen: Seen, subjects: Subjects, settings: Mapping[str, Any]) -> Answer:
    noise = float(settings[NOISE])
    if noise == 0:
        return Answer((), "There is no noise on the picture: move the slider under the canvas.")
    draws = seen.clean.expand(_DRAWS, -1, -1, -1)
    noisy = add_noise(draws, noise, torch.Generator().manual_seed(0))
    plain, strong = (
        mean_of(_errors(subjects("contractive", weight).model, noisy, seen.clean))
        for weight in (_PLAIN, _STRONGEST)
    )
    ratio = plain.value / strong.value
    error = ratio * ((plain.error / plain.value) ** 2 + (strong.error / strong.value) ** 2) ** 0.5
    right = Estimate(ratio, error).place((1 / 1.1, 1.1))
    return Answer(
        right,
        f"Over {_DRAWS} draws of noise {noise:g} the error against the clean drawing is {plain} without a "
        f"penalty and {strong} under λ = {power_notation(_STRONGEST)}: {Estimate(ratio, error)} times as "
        "large.",
        "Noise pushes the picture in directions in which digits do not differ. The penalty has made the code "
        "follow fewer directions, and what does not reach the code cannot come back."
        if right == (2,)
        else "The penalty presses on small changes; at this noise, for this drawing, it buys little.",
    )


@torch.inference_mode()
def _penalty(seen: Seen, subjects: Subjects, _: Mapping[str, Any]) -> Answer:
    weak, strong = subjects("contractive", _WEAK), subjects("contractive", _STRONG)
    weak_norm, strong_norm = (
        column_sq_norms(subject.model, seen.x).sum().item() for subject in (weak, strong)
    )
    if strong_norm == 0:
        return Answer(
            (), f"The code under λ = {power_notation(_STRONG)} does not move at all around this drawing."
        )
    fall = weak_norm / strong_norm
    of_scale = weak.statistics.code_variance / strong.statistics.code_variance
    right = Estimate(fall, 0.0).place((1.5, 100 / 1.5, 150.0))
    return Answer(
        right,
        f"‖J‖² of this drawing goes from {weak_norm:.3g} at λ = {power_notation(_WEAK)} to {strong_norm:.3g} "
        f"at λ = {power_notation(_STRONG)}, the quotient of which is {fall:.3g}. ‖J‖² depends on the code's "
        f"scale, too: divided by the code's squared spread, which goes down by {of_scale:.3g}, the quotient "
        f"is {fall / of_scale:.3g}.",
        "λ is a price, not a command: where a smaller Jacobian would cost more error than it saves, training "
        "leaves it."
        if right[0] < 2
        else "λ is a price, not a command: that the fall comes near the rise of the price is no rule.",
    )


def _buying(_: Seen, subjects: Subjects, __: Mapping[str, Any]) -> Answer:
    plain, sparse = subjects("sparse", _PLAIN), subjects("sparse", _SPARSEST)
    before, after = plain.reading_error(), sparse.reading_error()
    if before is None or after is None:
        return Answer((), "The probes of these models are not there: make them with `probe --store`.")
    place = 1 if abs(after - before) <= _ALIKE else 2 if after < before else 0
    return Answer(
        (place,),
        f"From β = 0 to β = {power_notation(_SPARSEST)} the test MSE goes from {value_text(plain.test_mse)} "
        f"to {value_text(sparse.test_mse)}, and a linear reader of the code errs on {after:.1f} instead of "
        f"{before:.1f} % of the test digits.",
        "The penalty has made units fire on fewer digits, and such a code tells a linear reader more. The "
        "reconstruction pays for it: what a code is good for and how well it copies are two questions."
        if place == 2
        else "Here the penalty buys nothing that a linear reader can use.",
    )


@torch.inference_mode()
def _learning(seen: Seen, subjects: Subjects, _: Mapping[str, Any]) -> Answer:
    moments = subjects("sparse", _FILMED).moments()
    if len(moments) < 2:
        return Answer((), "The film of this training is not there: make it with `film`.")
    steps = [step for step, _model in moments]
    errors = [_errors(model, seen.x, seen.clean).item() for _step, model in moments]
    halved = next((at for at, error in enumerate(errors) if error <= errors[0] / 2), None)
    if halved is None:
        return Answer(
            (2,), "The error against this drawing never fell to half of what it was at the start.", ""
        )
    share = Estimate(steps[halved] / steps[-1], 0.0)
    return Answer(
        share.place((0.1, 0.5)),
        f"The error falls from {value_text(errors[0])} to less than half of it between steps "
        f"{steps[max(halved - 1, 0)]:,} and {steps[halved]:,} of {steps[-1]:,}, and ends at "
        f"{value_text(errors[-1])}.",
        "At first all pictures come back alike. When the code begins to tell them apart the error falls at "
        "once; the long rest of the training sharpens what is there, and the penalty quiets units.",
    )


def _errors(model: Autoencoder, x: Tensor, clean: Tensor) -> Tensor:
    """Mean squared error of the reconstruction of each x (batch, 1, 28, 28) against a clean picture."""
    return (reconstruct(model, x) - clean).square().mean((1, 2, 3))


SCENES = (
    Scene(
        "Copying is easy",
        "An autoencoder is trained to return what it sees. That is easier than it sounds.",
        "Neither of these two models has ever seen a smiley. Which of them returns it, with less than a "
        "tenth of it lost?",
        ("Both do", "Only the one without a penalty", "Neither does"),
        "contractive",
        _PLAIN,
        _STRONGEST,
        ":)",
        View.PLAY,
        "Draw something that is no digit, and compare the two reconstructions.",
        ("reconstruction", "error", "code"),
        "If a network can copy everything, what has it understood? How would you find out?",
        _copying,
        {NOISE: 0.0},
    ),
    Scene(
        "Shake it",
        "A copy copies everything: what was drawn, and what only happened to be there.",
        "With noise on the picture, whose reconstruction is farther from the clean drawing?",
        (
            f"That of λ = {power_notation(_STRONGEST)}, by more than a tenth",
            "Both alike, within a tenth",
            "That without a penalty, by more than a tenth",
        ),
        "contractive",
        _PLAIN,
        _STRONGEST,
        "3",
        View.PLAY,
        "Switch Shake on and watch the two codes; then move the noise slider.",
        ("reconstruction", "code", "MSE"),
        "Which changes of a picture should a code ignore, and which must it follow?",
        _shaking,
        {NOISE: 0.25},
    ),
    Scene(
        "What a penalty is",
        "The contractive loss adds a price: λ for every unit of ‖J‖², which tells how far the code moves "
        "when a pixel does.",
        f"λ grows a hundredfold, from {power_notation(_WEAK)} to {power_notation(_STRONG)}. What happens to "
        "‖J‖² of this digit?",
        (
            "It hardly falls, or rises",
            "It falls, but by less than the hundredfold",
            "It falls about a hundredfold",
            "It falls by more",
        ),
        "contractive",
        _STRONG,
        _WEAK,
        "3",
        View.PLAY,
        "Move A's slider from end to end: watch the sensitivity map and the gauges.",
        ("λ", "‖J‖²", "MSE", "sensitivity"),
        "Why does not λ alone decide how large ‖J‖² becomes?",
        _penalty,
        {NOISE: 0.0},
    ),
    Scene(
        "What it buys and costs",
        "A penalty makes the reconstruction worse. What for? A linear reader that sees the code alone tells.",
        f"β = {power_notation(_SPARSEST)} makes the reconstruction worse than β = 0. And the errors of a "
        "linear reader of the code?",
        ("It errs more", "It errs as often, within half a point", "It errs less"),
        "sparse",
        _SPARSEST,
        _PLAIN,
        "8",
        View.MEANING,
        "Read the first chart from left to right; then draw, and watch both bars under the canvas.",
        ("β", "ρ", "KL", "reads"),
        "Is a code that reconstructs worse a worse code?",
        _buying,
        {NOISE: 0.0},
    ),
    Scene(
        "Your own model",
        "Every model began as noise. A film of its training winds it back; yours is filmed, too.",
        "When has the error against this drawing fallen to half of what it was before training?",
        (
            "In the first tenth of the training",
            "Between a tenth and a half of it",
            "In its second half, or never",
        ),
        "sparse",
        _FILMED,
        None,
        "5",
        View.TRAIN,
        "Wind the model back with the slider under the form; then train one of your own, and open Map.",
        ("MSE", "β", "ρ"),
        "Where does your own digit lie on the map of your own model, and who are its neighbours?",
        _learning,
        {NOISE: 0.0},
    ),
)
