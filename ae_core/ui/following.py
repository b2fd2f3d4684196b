"""What follows the pen: parts of the page as HTML, which can be made of any picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ae_core.ui.sight import Sight

Parts = dict[str, str]
"""What stands inside elements of the page, as HTML, by their CSS selectors."""
Follower = Callable[[Sight | None], Parts]
"""Makes parts of a picture, None being a blank canvas. It asks nothing of the session: answers to the pen are
made outside of it."""


@dataclass(frozen=True)
class Following:
    """How the page that is drawn now follows the pen."""

    noise: float
    """On what the models see."""
    followers: tuple[Follower, ...]
    """Those that are to be seen first come first."""
