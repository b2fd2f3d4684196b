"""What the models see, in the canvas's corner, and beside a small canvas what A makes of it."""

from __future__ import annotations

from functools import partial

import numpy as np

from ae_core.render.maps import grey_picture
from ae_core.ui import keys, markup
from ae_core.ui.following import Follower, Parts
from ae_core.ui.shown import Shown
from ae_core.ui.shown_model import Choice
from ae_core.ui.sight import Sight

_BLANK = np.zeros((28, 28), np.float32)


def show(choice: Choice, seen: Sight | None) -> None:
    """Both pictures; the page's style puts them where they belong."""
    result, corner = follower(choice.a, keys.NOISE.get())(seen).values()
    markup.show(f"<div class='result'>{result}</div><div class='corner'>{corner}</div>")


def follower(a: Shown | None, noise: float) -> Follower:
    """How they are drawn of any picture."""
    return partial(_pictures, a, noise)


def _pictures(a: Shown | None, noise: float, seen: Sight | None) -> Parts:
    result = _BLANK if seen is None or a is None else seen.inspect(a).reconstruction
    x = _BLANK if seen is None else seen.x[0, 0].numpy()
    told = f", with noise of {noise:g}" if noise else ""
    return {
        ".result": markup.picture(grey_picture(result, 28), "What A makes of it.", "A's reconstruction"),
        ".corner": markup.picture(
            grey_picture(x, 28), f"What the models see, 28 by 28 pixels{told}.", "the models see"
        ),
    }
