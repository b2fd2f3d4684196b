"""What the papers claim, and what was found of it with this lab's own models: a table in a file.

Rifai et al., "Contractive Auto-Encoders", ICML 2011; Raina et al., "Self-taught Learning", ICML 2007, as in
the exercise of Stanford's UFLDL tutorial.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ae_core.checkpoints.files import read_object, save_whole
from ae_core.checkpoints.library import LIBRARY
from ae_core.config import is_number
from ae_core.errors import CheckpointError

PAPERS = LIBRARY / "papers.json"
"""The findings that ship."""
_MOST_BYTES = 2**20

PLAIN = "autoencoder"
"""The model that the others are held against."""
ERROR_ALL, ERROR_100 = "test error, all labels, %", "test error, 100 labels, %"
RIGHT_CODE, RIGHT_PIXELS = "right by the code, %", "right by the pixels, %"
PEAK, RISE, APART = (
    "distance between the pictures at which the ratio is largest",
    "ratio there over that nearby",
    "distance between training examples",
)
FARTHEST = 20.0
"""Distance at which the ratio is measured."""
DIRECTIONS = "singular values above a tenth of the first"
VALUES = (
    ("order", ERROR_ALL),
    ("order", ERROR_100),
    ("self-taught", RIGHT_CODE),
    ("self-taught", RIGHT_PIXELS),
    ("contraction", PEAK),
    ("contraction", RISE),
    ("contraction", APART),
    ("spectrum", DIRECTIONS),
)
"""The values by their claims, in the order in which they are told."""


@dataclass(frozen=True)
class Finding:
    """A value of one kind of model beside what a paper says."""

    claim: str
    """Which of the papers' claims it is about: a key of `CLAIMS`."""
    value: str
    """What was measured, with its unit."""
    model: str
    mean: float
    """Over the seeds."""
    deviation: float
    """Standard deviation over the seeds."""
    seeds: int


@dataclass(frozen=True)
class Claim:
    """What a paper says, and how the protocols differ."""

    title: str
    published: str
    differs: str


CLAIMS: dict[str, Claim] = {
    "order": Claim(
        "Contraction and denoising make a better code than plain reconstruction",
        "MNIST, one layer of 1,000 sigmoid units, fine-tuned: test error 1.78 % (autoencoder), 1.18 % "
        "(denoising), 1.14 % (contractive). Rifai et al. 2011, Table 1: the order is the claim.",
        "Here convolutional networks of 1,152 rectified units, one epoch of the fast recipe, no fine-tuning: "
        "a logistic regression on the frozen code, with all 60,000 labels and with 100.",
    ),
    "self-taught": Claim(
        "Features learnt without labels on other digits help",
        "Features of a sparse autoencoder of 200 units trained on 5 to 9, softmax regression on half of 0 to "
        "4: about 98 % right, raw pixels about 96 %. UFLDL exercise after Raina et al. 2007.",
        "Here a convolutional sparse code of 64 units (recipe fast, 5·10⁻³) from the training images of 5 to "
        "9; the regression learns from one half of the training images of 0 to 4 and is tested on the other.",
    ),
    "contraction": Claim(
        "The contraction ratio rises with the distance, then falls",
        "The ratio of distances in the code and in the picture rises up to about the distance between "
        "training examples, then falls. Rifai et al. 2011, section 5.3.",
        "Here 200 test images moved in random directions; the distance between training examples is the "
        "median one from a training image to the nearest of the others.",
    ),
    "spectrum": Claim(
        "A contractive code follows few directions",
        "The Jacobian of a contractive autoencoder has few large singular values. Rifai et al. "
        "2011, Figure 2.",
        "Here the mean number of singular values above a tenth of the first, over 50 test images.",
    ),
}


def save_findings(found: Sequence[Finding], path: Path = PAPERS) -> None:
    """Write findings.

    Raises:
        CheckpointError: if the file cannot be written.
    """
    save_whole(path, json.dumps({"findings": [asdict(one) for one in found]}, indent=1).encode())


def load_findings(path: Path = PAPERS) -> list[Finding]:
    """Read what `save_findings` wrote.

    Raises:
        CheckpointError: if the file is missing or damaged.
    """
    remedy = "make it anew with python -m ae_core papers --store"
    rows = read_object(path, _MOST_BYTES, remedy).get("findings")
    try:
        found = [Finding(**row) for row in rows] if isinstance(rows, list) else []
    except TypeError:
        found = []
    if not found or not all(_is_sound(one) for one in found):
        raise CheckpointError(f"{path.name} is damaged: {remedy}.")
    return found


def _is_sound(one: Finding) -> bool:
    texts = (one.claim, one.value, one.model)
    numbers = (one.mean, one.deviation, one.seeds)
    return (
        all(isinstance(text, str) for text in texts) and all(map(is_number, numbers)) and one.claim in CLAIMS
    )


def verdict(claim: str, found: Sequence[Finding]) -> str:
    """Whether a claim holds for this lab's models, in sentences from their values."""
    values = {(one.value, one.model): one for one in found if one.claim == claim}
    match claim:
        case "order":
            return f"{_order(values, ERROR_ALL)} {_order(values, ERROR_100)}"
        case "self-taught":
            return _self_taught(values)
        case "contraction":
            return _contraction(values)
    return _order(values, DIRECTIONS)


_Values = Mapping[tuple[str, str], Finding]


def _order(values: _Values, value: str) -> str:
    """Which models have a smaller value than the plain one: by more than both deviations together."""
    plain = values[value, PLAIN]
    said: dict[str, list[str]] = {"smaller": [], "larger": [], "no different": []}
    for (name, model), one in values.items():
        if name == value and model != PLAIN:
            apart = abs(plain.mean - one.mean) > plain.deviation + one.deviation
            how = "no different" if not apart else "smaller" if one.mean < plain.mean else "larger"
            said[how].append(f"{model} ({one.mean:.1f})")
    all_smaller = not (said["larger"] or said["no different"])
    held = "Reproduced" if all_smaller else "Partly reproduced" if said["smaller"] else "Not reproduced"
    found = "; ".join(f"{how} for {', '.join(models)}" for how, models in said.items() if models)
    return f"{held} ({value}): {plain.mean:.1f} for the {PLAIN}, {found}."


def _self_taught(values: _Values) -> str:
    (code,) = (one for (name, _), one in values.items() if name == RIGHT_CODE)
    (pixels,) = (one for (name, _), one in values.items() if name == RIGHT_PIXELS)
    helps = code.mean - pixels.mean > code.deviation + pixels.deviation
    held = "Reproduced" if helps else "Not reproduced"
    return f"{held}: {code.mean:.1f} % right by the code, {pixels.mean:.1f} % by the pixels."


def _contraction(values: _Values) -> str:
    said, falls = [], []
    for (name, model), peak in values.items():
        if name == PEAK:
            rise, apart = values[RISE, model], values[APART, model]
            rises = rise.mean > 1 + rise.deviation
            falls.append(peak.mean < FARTHEST)
            said.append(
                f"{model}: {'rises' if rises else 'does not rise'} ({rise.mean:.1f} times), largest at "
                f"{peak.mean:.2g}"
            )
    fall = "" if any(falls) else f" The fall is not reproduced up to {FARTHEST:g}, the farthest measured."
    return f"{'; '.join(said)}. Training examples lie {apart.mean:.1f} apart.{fall}"
