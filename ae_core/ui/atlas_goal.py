"""The test digit to which the map shows the way."""

from __future__ import annotations

from ae_core.analysis.vectors import Vectors, find_near
from ae_core.ui import digit_codes, keys, shown_model
from ae_core.ui.state import lab


def choose(index: int) -> None:
    """Take a test image, by its index among all of them; one that is not there changes nothing."""
    if index < len(lab().data.images("test")):
        lab().map_goal = index


def choose_digit(digit: int) -> None:
    """Take the image of a digit whose code under A lies nearest to the drawing's."""
    shown, seen = shown_model.choice().a, lab().see(keys.NOISE.get())
    if shown is None or seen is None:
        return
    of_digit = (lab().data.labelled("test").labels == digit).nonzero().flatten().numpy()
    if not len(of_digit):
        return
    codes = Vectors(digit_codes.codes_of(shown).rows[of_digit])
    nearest = find_near(seen.inspect(shown).code, codes, 1).indices[0]
    lab().map_goal = int(of_digit[nearest])
