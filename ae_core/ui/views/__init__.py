"""What stands below the live panels: one file per view, built only while it is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from ae_core.analysis.inspection import Seen
from ae_core.analysis.page_names import View
from ae_core.ui import keys, strip
from ae_core.ui.problems import guard_part
from ae_core.ui.shown_model import Choice
from ae_core.ui.state import lab
from ae_core.ui.training import form
from ae_core.ui.views import atlas, compare, jacobian, learn, meaning, mistakes, play, robustness, units

_Part = Callable[[Choice, Seen | None], None]


class _Entry(NamedTuple):
    show: _Part | None = None
    """What is renewed by a finished stroke and by the controls."""
    follow: _Part | None = None
    """What is renewed while the pen is down, too, and stands above the rest: it costs less than 50 ms."""


VIEWS = {
    View.PLAY: _Entry(play.show, follow=strip.show),
    View.TRAIN: _Entry(form.show),
    View.COMPARE: _Entry(compare.show),
    View.UNITS: _Entry(units.show),
    View.MAP: _Entry(atlas.show, follow=atlas.follow),
    View.JACOBIAN: _Entry(jacobian.show),
    View.ROBUSTNESS: _Entry(robustness.show),
    View.MEANING: _Entry(meaning.show),
    View.MISTAKES: _Entry(follow=mistakes.show),
    View.LEARN: _Entry(learn.show),
}
_WITHOUT_VALUES = (View.TRAIN, View.LEARN)
"""Views that ask nothing of A and B that has to be measured on the test set."""


def offered() -> list[View]:
    """The views that can be opened: all, or while presenting those that the link names."""
    named = keys.views_in_address() if keys.presenting() else ()
    return [view for view in VIEWS if view.value in named] or list(VIEWS)


def follow(choice: Choice, seen: Seen | None) -> None:
    """What of the open view follows the pen."""
    _draw(VIEWS[View(keys.VIEW.get())].follow, choice, seen)


def show(choice: Choice, seen: Seen | None) -> None:
    """The rest of the open view."""
    view = View(keys.VIEW.get())
    unfinished = [shown.label for shown in choice.sides.values() if shown.in_training]
    if unfinished and view not in _WITHOUT_VALUES:
        st.caption(
            f"Still in training: {' and '.join(unfinished)}. The panels above follow, and this view opens "
            "when that has ended and is measured."
        )
        return
    before = dict(lab().charts)
    _draw(VIEWS[view].show, choice, seen)
    # Last: who asks for the charts while the view is drawn anew gets all of them.
    for key, figure in before.items():
        if lab().charts[key] is figure:
            del lab().charts[key]


def _draw(part: _Part | None, choice: Choice, seen: Seen | None) -> None:
    if part is not None:
        with guard_part():
            part(choice, seen)
