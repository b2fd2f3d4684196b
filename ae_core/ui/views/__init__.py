"""What stands below the live panels: one file per view, built only while it is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import streamlit as st

from ae_core.analysis.page_names import View
from ae_core.ui import keys
from ae_core.ui.following import Follower
from ae_core.ui.linked import Linked
from ae_core.ui.problems import guard_part
from ae_core.ui.shown_model import Choice
from ae_core.ui.sight import Sight
from ae_core.ui.state import lab
from ae_core.ui.training import form
from ae_core.ui.views import (
    atlas,
    compare,
    jacobian,
    learn,
    meaning,
    mistakes,
    play,
    robustness,
    trade_off,
    units,
)


class _Entry(NamedTuple):
    show: Callable[[Choice, Sight | None], None] | None = None
    """What is renewed by a finished stroke and by the controls."""
    live: Callable[[Choice, Sight | None], Follower | None] | None = None
    """What stands above the rest and is renewed together with the panels: while a model trains or the picture
    is shaken. What follows the pen, too, it returns: it costs less than 50 ms."""
    linked: Callable[[], Iterator[Linked[Any]]] | None = None
    """Its widgets of which a link can say what they hold."""


VIEWS = {
    View.PLAY: _Entry(play.show, live=play.live),
    View.TRAIN: _Entry(form.show),
    View.COMPARE: _Entry(compare.show, linked=trade_off.linked_widgets),
    View.UNITS: _Entry(units.show),
    View.MAP: _Entry(atlas.show, live=atlas.live),
    View.JACOBIAN: _Entry(jacobian.show, linked=jacobian.linked_widgets),
    View.ROBUSTNESS: _Entry(robustness.show, linked=robustness.linked_widgets),
    View.MEANING: _Entry(meaning.show),
    View.MISTAKES: _Entry(live=mistakes.show),
    View.LEARN: _Entry(learn.show),
}
_WITHOUT_VALUES = (View.TRAIN, View.LEARN)
"""Views that ask nothing of A and B that has to be measured on the test set."""


def offered() -> list[View]:
    """The views that can be opened: all, or while presenting those that the link names."""
    named = keys.views_in_address() if keys.presenting() else ()
    return [view for view in VIEWS if view.value in named] or list(VIEWS)


def linked_widgets() -> Iterator[Linked[Any]]:
    """Those of the open view of which a link can say what they hold."""
    widgets = VIEWS[View(keys.VIEW.get())].linked
    return iter(()) if widgets is None else widgets()


def live(choice: Choice, seen: Sight | None) -> tuple[Follower, ...]:
    """What of the open view is renewed together with the panels; returns what of it follows the pen."""
    part = VIEWS[View(keys.VIEW.get())].live
    follower = None
    if part is not None:
        with guard_part():
            follower = part(choice, seen)
    return () if follower is None else (follower,)


def show(choice: Choice, seen: Sight | None) -> None:
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
    part = VIEWS[view].show
    if part is not None:
        with guard_part():
            part(choice, seen)
    # Last: who asks for the charts while the view is drawn anew gets all of them.
    for key, figure in before.items():
        if lab().charts[key] is figure:
            del lab().charts[key]
