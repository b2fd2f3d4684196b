"""The page's address: followed at first and with Back and Forward, and kept true while one works.

What it gets wrong is as if it said nothing, and the rest of it is kept.
"""

from __future__ import annotations

from ae_core.analysis.page_names import FORMER_VIEWS
from ae_core.config import KINDS
from ae_core.ui import drawn, keys, shown_model
from ae_core.ui.keys import MODEL_IN_ADDRESS
from ae_core.ui.state import lab

_NAMES = (*MODEL_IN_ADDRESS.values(), keys.SAMPLE, keys.DRAWING, keys.UNIT_IN_ADDRESS, keys.EXPERIMENT)


def follow() -> None:
    """Show what the address says, at first and where Back or Forward leads; once the kind is known."""
    if lab().address is not None and not keys.is_back_or_forward():
        # What the browser says of its address may be older than what it was told.
        return
    said = {name: keys.in_address(name) for name in _NAMES}
    models = {side: said[name] for side, name in MODEL_IN_ADDRESS.items()}
    if lab().has_returned:
        # Before its visitor was known the page could not say which models of theirs are shown.
        lab().has_returned = False
        models = {side: name for side, name in models.items() if name is not None}
    if models:
        shown_model.follow(models)
    drawn.follow(said[keys.SAMPLE], said[keys.DRAWING])
    unit = said[keys.UNIT_IN_ADDRESS] or ""
    lab().unit = int(unit) if unit.isdecimal() and len(unit) <= 4 else None
    lab().address = None


def translate() -> None:
    """Understand what a link says in other words; before the widgets are drawn that follow it."""
    if lab().address is not None and not keys.is_back_or_forward():
        return
    kind, view = keys.in_address(keys.KIND.name) or "", keys.in_address(keys.VIEW.name) or ""
    if kind in KINDS:
        keys.KIND.set(kind)
    if view in FORMER_VIEWS:
        keys.show_view(FORMER_VIEWS[view])


def keep() -> None:
    """Have the address say what is shown."""
    unit, experiment = lab().unit, lab().experiment
    said = {
        **shown_model.for_address(),
        **drawn.for_address(),
        keys.UNIT_IN_ADDRESS: None if unit is None else str(unit),
        keys.EXPERIMENT: None if experiment is None else str(experiment + 1),
    }
    now = {name: text for name, text in said.items() if text is not None}
    if lab().address is None:
        # It was followed just now. What it names and is not there may come with what the visitor had here
        # before a reload, and is left standing until then.
        lab().address = now
        return
    if now == lab().address:
        # Only a change is sent: each message replaces the whole address, what the browser has just put there
        # too, and adds an entry to the browser's history.
        return
    lab().address = now
    keys.write_address(said)
