"""The guided experiments: questions with predictions, and answers that are measured on the drawing.

Which explanation a sentence gives depends on what was measured, so that it is true for every drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.corruption import add_noise_of_distance, corrupt
from ae_core.analysis.estimates import Estimate, root_mean_square
from ae_core.analysis.mistakes import summed_code_sq_norm
from ae_core.analysis.neighbourhood import code_distances, tangent_and_random, walk_directions
from ae_core.analysis.notation import power_notation
from ae_core.analysis.page_names import CHANGE, DISTANCE, TANGENT, View, strength
from ae_core.config import Kind
from ae_core.data import PIXELS, Picture
from ae_core.jacobian import encoder_jacobian, rank, spectrum, tangents
from ae_core.model import Autoencoder

_DRAWS = 64
"""Random directions, and draws of noise, behind a verdict."""
_WEAK, _STRONG, _STRONGEST = 1e-5, 1e-3, 1e-1
"""Contractive penalty weights that are compared."""
_LOCAL = 5e-3
"""The sparse penalty weight of the question how far J reaches."""


class Subject(NamedTuple):
    """A model that an experiment is about."""

    model: Autoencoder
    statistics: CodeStatistics
    median_density: Callable[[], float]
    """Gives the median over the units of the share of test images on which a unit is active."""


Subjects = Callable[[Kind, float], Subject]
"""The shipped model of a kind and a penalty weight."""


class Answer(NamedTuple):
    """What the models say; measured on the drawing, never written down beforehand."""

    right: tuple[int, ...]
    """Which of the predictions came true; two, where the measurement cannot tell them apart."""
    sentence: str
    """With the values."""


@dataclass(frozen=True)
class Experiment:
    """A question, predictions to choose from, and the view in which the answer can be seen.

    `kind` and `weight` name the shipped model to look at, `digit` the test digit to place.
    """

    name: str
    question: str
    predictions: tuple[str, ...]
    kind: Kind
    weight: float
    digit: int
    view: View
    look: str
    """Where on the page the answer is."""
    answer: Callable[[Picture, Subjects, Mapping[str, Any]], Answer]
    """From what the model sees, the models, and what the view's widgets say now."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What the view's widgets say, by their keys, as the experiment starts."""


def _hundredfold(picture: Picture, subjects: Subjects, _: Mapping[str, Any]) -> Answer:
    weak, strong = subjects("contractive", _WEAK), subjects("contractive", _STRONG)
    weak_norm, strong_norm = (_sq_norm(subject.model, picture) for subject in (weak, strong))
    if strong_norm == 0:
        return Answer(
            (), f"The code under λ = {power_notation(_STRONG)} does not move at all around this drawing."
        )
    fall = weak_norm / strong_norm
    of_scale = weak.statistics.code_variance / strong.statistics.code_variance
    right = Estimate(fall, 0.0).place((1.5, 100 / 1.5, 150.0))
    explanation = (
        "λ is a price, not a command: where a smaller Jacobian would cost more error than it saves, training "
        "leaves it."
        if right[0] < 2
        else "λ is a price, not a command: that the fall comes near the rise of the price is no rule."
    )
    return Answer(
        right,
        f"‖J‖² of this drawing goes from {weak_norm:.3g} at λ = {power_notation(_WEAK)} to {strong_norm:.3g} "
        f"at λ = {power_notation(_STRONG)}, the quotient of which is {fall:.3g}. {explanation} ‖J‖² depends "
        f"on the code's scale, too: divided by the code's squared spread, which goes down by {of_scale:.3g}, "
        f"the quotient is {fall / of_scale:.3g}.",
    )


def _typical_unit(_: Picture, subjects: Subjects, __: Mapping[str, Any]) -> Answer:
    subject = subjects("sparse", 2e-2)
    density = subject.median_density()
    mean = subject.statistics.mean_activation.mean().item()
    right = Estimate(density, 0.0).place((0.03, 0.2))
    return Answer(
        right,
        f"The units' mean activation is {mean:.4f}, near ρ = 0.01, and half of the units are active on more "
        f"than {density:.0%} of the test images. "
        + (
            "Here rare firing makes the small mean."
            if right[0] == 0
            else "ρ is a target of the mean, and a unit also comes near it by firing often and weakly."
        ),
    )


@torch.inference_mode()
def _direction(picture: Picture, subjects: Subjects, settings: Mapping[str, Any]) -> Answer:
    model = subjects("sparse", _LOCAL).model
    number, distance = settings[TANGENT], settings[DISTANCE]
    jacobian = encoder_jacobian(model, picture)[0]
    values = spectrum(jacobian)
    if distance == 0:
        return Answer((), "At distance 0 nothing moves: choose another distance in the view below.")
    if values[0] == 0:
        return Answer((), "The code does not move at all around this drawing: it has no tangents.")
    along, at_random = tangent_and_random(
        model, picture, tangents(jacobian, number)[-1], distance, walk_directions(_DRAWS)
    )
    if at_random.value == 0:
        return Answer((), "Neither step moves the code at this distance: it follows nothing here.")
    times = along / at_random.value
    ratio = Estimate(times, times * at_random.error / at_random.value)
    limit = (values[number - 1] / (jacobian.square().sum() / PIXELS).sqrt()).item()
    followed = rank(values)
    return Answer(
        ratio.place((2.0, 5.0)),
        f"At β = {power_notation(_LOCAL)} and the distance {abs(distance):g} that the view shows, tangent "
        f"{number} moves the code {along:.3g} and a random direction {at_random} (root mean square of "
        f"{_DRAWS}): {ratio} times as far. For a step so short that the code moves in proportion, it is "
        f"{limit:.3g} times. The Jacobian is local: to first order this code follows {followed} of the "
        f"{PIXELS} directions and ignores the others, and that describes steps only as long as the encoder "
        "is nearly linear. Try 0.001 and 1.",
    )


@torch.inference_mode()
def _shift_or_noise(picture: Picture, subjects: Subjects, _: Mapping[str, Any]) -> Answer:
    shifted = corrupt("Shift", picture, 1.0)
    distance = (shifted - picture).norm().item()
    noisy = add_noise_of_distance(picture, distance, _DRAWS)
    moves = {}
    for weight in (0.0, _STRONGEST):
        model, statistics, _density = subjects("contractive", weight)
        distances = code_distances(model, picture, torch.cat([shifted, noisy])) / statistics.spread
        shift, *noises = distances.tolist()
        moves[weight] = shift, root_mean_square(torch.tensor(noises))
    (free_shift, free_noise), (shift, noise) = moves[0.0], moves[_STRONGEST]
    if shift == 0 or free_shift == 0:
        return Answer((), "Shifted by a pixel, this drawing gives the same code: draw another one.")
    ratio, free = (Estimate(n.value / s, n.error / s) for s, n in ((shift, noise), (free_shift, free_noise)))
    right = tuple(2 - place for place in ratio.place((1 / 1.1, 1.1)))
    cut = free.value / ratio.value
    return Answer(
        right,
        f"The shift changes this drawing by {distance:.3g}. Under λ = {power_notation(_STRONGEST)} it moves "
        f"the code {shift:.3g} spreads, and noise of the same distance {noise} (root mean square of {_DRAWS} "
        f"draws): {ratio} times as far. Without a penalty the noise moves it {free} times as far as the "
        "shift. "
        + (
            f"So the penalty has quieted the noise {cut:.2g} times as much as the shift. It presses on every "
            "direction alike; the reconstruction holds on to those in which digits differ, as a digit does "
            "from its shifted self."
            if cut > 1.1
            else "So for this drawing the penalty has not quieted the noise more than the shift."
        ),
    )


def _summed(picture: Picture, subjects: Subjects, _: Mapping[str, Any]) -> Answer:
    model = subjects("contractive", 1e-4).model
    with torch.inference_mode():
        jacobian = encoder_jacobian(model, picture)[0]
    summed, right = summed_code_sq_norm(jacobian), jacobian.square().sum().item()
    ratio = summed / right if right > 0 else 1.0
    place = Estimate(ratio, 0.0).place((0.9, 1.1))[0]
    explanation = (
        "On this drawing the units move rather against each other than alike, and cancel.",
        "On this drawing what units that move alike add and what others cancel nearly balance.",
        "On this drawing the units move rather alike than against each other, and what they share counts "
        "many times.",
    )[place]
    return Answer(
        ((1, 0, 2)[place],),
        f"It gives {summed:.3g} where ‖J‖² is {right:.3g}: {ratio:.3g} times. It measures how far the *sum* "
        f"of the units moves: ‖J‖² and, on top, the product of every two units' gradients. {explanation}",
    )


def _sq_norm(model: Autoencoder, picture: Picture) -> float:
    with torch.inference_mode():
        return encoder_jacobian(model, picture).square().sum().item()


EXPERIMENTS = (
    Experiment(
        "A hundredfold penalty",
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
        3,
        View.COMPARE,
        f"Compare the columns {power_notation(_WEAK)} and {power_notation(_STRONG)}: the sensitivity maps, "
        "and ‖J‖² under them.",
        _hundredfold,
    ),
    Experiment(
        "Mean and density",
        "A sparse model brings the mean activation of its units near ρ = 0.01. On how many images is a "
        "typical unit active?",
        ("On fewer than 3 in 100, as ρ suggests", "On 3 to 20 in 100", "On more than 20 in 100"),
        "sparse",
        2e-2,
        8,
        View.UNITS,
        "Hold the mean activations against ρ, then find the middle of the histogram beside them.",
        _typical_unit,
    ),
    Experiment(
        "How far does J reach?",
        "Move the digit by a distance of 1 along the first tangent, the direction that the code follows "
        "most, then as far in a random direction. How much farther does the tangent move the code?",
        ("At most twice as far", "Two to five times as far", "More than five times as far"),
        "sparse",
        _LOCAL,
        5,
        View.JACOBIAN,
        "Walk with the slider at the end of the view, from far to very near, and compare the two curves.",
        _direction,
        {TANGENT: 1, DISTANCE: 1.0},
    ),
    Experiment(
        "Noise or shift",
        "Shift the digit by a pixel, or add noise that changes the picture by the same distance. Which moves "
        f"the code farther under the strongest penalty, λ = {power_notation(_STRONGEST)}?",
        ("The noise, by more than a tenth", "Both alike, within a tenth", "The shift, by more than a tenth"),
        "contractive",
        _STRONGEST,
        7,
        View.ROBUSTNESS,
        f"Read how far the code moved, at 0 and at {power_notation(_STRONGEST)}; then choose Noise and find "
        "a strength of the same distance.",
        _shift_or_noise,
        {CHANGE: "Shift", strength("Shift"): 1.0},
    ),
    Experiment(
        "The shortcut",
        "Many programs take the squared gradient of the summed code for ‖J‖². What does it give on this "
        "digit?",
        ("The same, within a tenth", "Less", "More"),
        "contractive",
        1e-4,
        2,
        View.MISTAKES,
        "Read both values on the first card.",
        _summed,
    ),
)
