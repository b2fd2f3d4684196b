"""What the page's links, its widgets and Learn's scenes call the same thing."""

from __future__ import annotations

from enum import StrEnum


class View(StrEnum):
    """The views, in their order: what the page's switch and a link's `view` say."""

    PLAY = "Play"
    TRAIN = "Train"
    COMPARE = "Compare"
    UNITS = "Units"
    MAP = "Map"
    JACOBIAN = "Jacobian"
    ROBUSTNESS = "Robustness"
    MEANING = "Meaning"
    MISTAKES = "Mistakes"
    LEARN = "Learn"


FORMER_VIEWS = {"Sparsity": View.UNITS, "Wrong and right": View.MISTAKES}
"""What older links call a view."""


NOISE = "noise"
"""Standard deviation of the noise on what the models see."""
TANGENT = "tangent"
"""Jacobian: the number of the tangent that the drawing walks along, from 1."""
DISTANCE = "distance"
"""Jacobian: how far it walks, as a distance between pictures."""
CHANGE = "change"
"""Robustness: the name of the change, of `corruption.CORRUPTIONS`."""


def strength(change: str) -> str:
    """Robustness: how strong a change is; each change has a slider of its own."""
    return f"strength_{change.lower()}"
