"""What follows the hand: parts of the page as HTML, made of any picture and any stop of a slider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ae_core.ui.sight import Sight

Parts = dict[str, str]
"""What stands inside elements of the page, as HTML, by their CSS selectors."""
Follower = Callable[[Sight | None], Parts]
"""Makes parts of a picture, None being a blank canvas. It asks nothing of the session: answers to the hand
are made outside of it."""
Positions = Mapping[str, float]
"""Where sliders stand, by what they move: "A" and "B" by the place of the rung, "noise" by its strength."""


@dataclass(frozen=True)
class Following:
    """How the page that is drawn now follows pen and sliders."""

    noise: float
    """On what the models see."""
    followers: tuple[Follower, ...]
    """Those that are to be seen first come first."""
    moved: Callable[[Positions], Following | None] = lambda _: None
    """How it would if the sliders stood elsewhere; None where they cannot."""
