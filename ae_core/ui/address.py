"""The page's address: followed at first and with Back and Forward, and kept true while one works.

What it gets wrong is as if it said nothing, and the rest of it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ae_core.analysis import page_start
from ae_core.analysis.page_names import FORMER_VIEWS
from ae_core.config import KINDS
from ae_core.ui import drawn, keys, linked, session, shown_model, views
from ae_core.ui.keys import MODEL_IN_ADDRESS
from ae_core.ui.linked import Linked
from ae_core.ui.state import lab

_NAMES = (*MODEL_IN_ADDRESS.values(), keys.SAMPLE, keys.DRAWING, keys.UNIT_IN_ADDRESS, keys.EXPERIMENT)


def is_followed_now() -> bool:
    """Whether the page that is drawn shows what the address says: at first, and where Back or Forward leads.

    At other times what the browser says of its address may be older than what it was told.
    """
    return lab().address is None or session.is_back_or_forward()


def follow_widgets() -> None:
    """Have the widgets hold what the address says, before they are drawn, or what they start with."""
    if session.is_back_or_forward():
        # Until it has been followed to the end, also where the run that does so is cut off.
        lab().address = None
    follows = is_followed_now() and not lab().has_returned
    for widget in _widgets():
        if follows:
            widget.follow(session.in_address(widget.key.name))
        else:
            widget.key.set_default(widget.initial)


def follow() -> None:
    """Show what the address says besides; once the kind is known."""
    if not is_followed_now():
        return
    said = {name: session.in_address(name) for name in _NAMES}
    models = {side: said[name] for side, name in MODEL_IN_ADDRESS.items()}
    if lab().has_returned:
        # Before its visitor was known the page could not say which models of theirs are shown.
        lab().has_returned = False
        models = {side: name for side, name in models.items() if name is not None}
    if models:
        shown_model.follow(models)
    drawn.follow(said[keys.SAMPLE], said[keys.DRAWING])
    drawn.remember()
    unit = said[keys.UNIT_IN_ADDRESS] or ""
    lab().unit = int(unit) if unit.isdecimal() and len(unit) <= 4 else None
    # What it names and is not there may come with what the visitor had here before a reload, and is left
    # standing until then.
    lab().address = _now()


def keep() -> None:
    """Have the address say what is shown."""
    here, now = lab(), _now()
    if now == here.address:
        # Only a change is sent: each message adds an entry to the browser's history.
        return
    # How the page is presented is told by links alone.
    session.write_address(now, keeping=(keys.PRESENT, keys.VIEWS_IN_ADDRESS))
    # Not before: the run can be cut off until it is written.
    here.address = now


def _now() -> dict[str, str]:
    unit, experiment = lab().unit, lab().experiment
    said = {
        **{widget.key.name: widget.for_address() for widget in _widgets()},
        **shown_model.for_address(),
        **drawn.for_address(),
        keys.UNIT_IN_ADDRESS: None if unit is None else str(unit),
        keys.EXPERIMENT: None if experiment is None else str(experiment + 1),
    }
    return {name: text for name, text in said.items() if text is not None}


def _widgets() -> Iterator[Linked[Any]]:
    """Those in sight of which a link can say what they hold: the open view's are known after the view."""
    yield linked.choice(keys.KIND, KINDS, KINDS[0], str.capitalize)
    offered = [view.value for view in views.offered()]
    former = {name: view.value for name, view in FORMER_VIEWS.items()}
    yield linked.choice(keys.VIEW, offered, offered[0], former=former)
    yield linked.number(keys.NOISE, 0.0, page_start.LARGEST_NOISE, 0.0)
    yield linked.switch(keys.OWN_SCALES)
    yield from views.linked_widgets()
