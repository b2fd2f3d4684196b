"""What the page says and shows at first: one place for the page and for its pocket edition."""

from __future__ import annotations

import re
from collections.abc import Callable

from ae_core.config import Kind

STARTING_WEIGHTS: dict[Kind, float] = {"contractive": 1e-4, "sparse": 5e-3}
"""Where the slider of each kind starts."""
STARTING_DIGIT = (3, 2)
"""The test digit on the canvas, and which of its examples."""
STROKE_WIDTH = 22
"""Of the pen, in pixels of the canvas."""
LARGEST_NOISE = 0.5
"""Standard deviation on each pixel."""
NOISE_STEP = 0.05

IDEAS: dict[Kind, str] = {
    "contractive": "The code should hardly move when a pixel does.",
    "sparse": "Each unit of the code should rarely fire.",
}
_LOSSES: dict[Kind, str] = {
    "contractive": "{MSE} + {λ} · {‖J‖²}",
    "sparse": "{MSE} + {β} · Σ {KL}({ρ} ‖ {ρ̂})",
}
HINT = "Draw, slide {symbol}, then add noise and shake: see what the penalty does."
PANELS = {
    "reconstruction": "Reconstruction",
    "error": "Error",
    "code": "Code",
    "sensitivity": "Sensitivity",
}
"""The titles of the live panels, by what the glossary calls them."""
NOISE_MEANING = (
    "Standard deviation of normal noise on each pixel of what the models see, which is then "
    "clamped to [0, 1]. The error is taken against the clean drawing."
)
OWN_SCALES_MEANING = (
    "Off: each map is as bright as its model is strong on the scale of the whole ladder, "
    "which all models share. On: every map from 0 to its own largest value."
)
ALL_PENALTIES = ("what becomes of this drawing", "a click shows it as A, its B as B")
READS_AS = "The code reads as"
EMPTY = "Draw a digit."


def loss(kind: Kind, symbol: Callable[[str], str]) -> str:
    """The loss of a kind, each symbol of the glossary in it as `symbol` writes it."""
    return re.sub(r"\{(.+?)\}", lambda found: symbol(found[1]), _LOSSES[kind])
