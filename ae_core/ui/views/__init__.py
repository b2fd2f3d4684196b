"""What stands below the live panels: one file per view, built only while it is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ae_core.analysis.inspection import Seen
from ae_core.analysis.page_names import View
from ae_core.ui import keys
from ae_core.ui.problems import guard_part
from ae_core.ui.shown_model import Choice
from ae_core.ui.training import form
from ae_core.ui.views import compare, jacobian, learn, mistakes, play, robustness, units


class _Entry(NamedTuple):
    show: Callable[[Choice, Seen | None], None]
    follows: bool = False
    """Whether it is renewed while the pen is down: it costs less than 50 ms."""


VIEWS = {
    View.PLAY: _Entry(play.show, follows=True),
    View.TRAIN: _Entry(form.show),
    View.COMPARE: _Entry(compare.show),
    View.UNITS: _Entry(units.show),
    View.JACOBIAN: _Entry(jacobian.show),
    View.ROBUSTNESS: _Entry(robustness.show),
    View.MISTAKES: _Entry(mistakes.show, follows=True),
    View.LEARN: _Entry(learn.show),
}


def offered() -> list[View]:
    """The views that can be opened: all, or while presenting those that the link names."""
    named = keys.views_in_address() if keys.presenting() else ()
    return [view for view in VIEWS if view.value in named] or list(VIEWS)


def is_followed() -> bool:
    """Whether the open view is renewed while the pen is down."""
    return VIEWS[View(keys.VIEW.get())].follows


def show(choice: Choice, seen: Seen | None) -> None:
    """The open view."""
    with guard_part():
        VIEWS[View(keys.VIEW.get())].show(choice, seen)
