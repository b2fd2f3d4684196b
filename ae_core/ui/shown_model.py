"""Which model the page shows. Whatever changes it does so here, so that all controls agree."""

from __future__ import annotations

from dataclasses import dataclass

from ae_core.checkpoints.library import LIBRARY, saved_paths
from ae_core.errors import CheckpointError
from ae_core.ui import keys, library
from ae_core.ui.keys import FILE, LADDER, MINE
from ae_core.ui.library import Shown
from ae_core.ui.state import lab


@dataclass(frozen=True)
class Choice:
    """What the live panels show: a model, and the shipped one beside it where they differ."""

    model: Shown | None
    rung: Shown | None = None
    """The shipped model at the slider's penalty weight, if `model` is another."""
    problem: str | None = None
    """A sentence on why there is no model."""


def choice() -> Choice:
    """What the kind, the slider and the sidebar choose; to be asked once the slider is drawn."""
    kind = keys.shown_kind()
    try:
        rung = library.rung(kind, keys.weight(kind).get())
        model = listed()
    except CheckpointError as error:
        return Choice(None, problem=str(error))
    return Choice(rung) if model is None else Choice(model, rung)


def listed() -> Shown | None:
    """The model chosen in the sidebar's list; None where the ladder is shown, or nothing is chosen yet.

    Raises:
        CheckpointError: if its file is missing or not a valid checkpoint.
    """
    source = keys.SOURCE.get()
    if source == MINE:
        title = keys.TRAINED.find()
        return None if title is None else lab().models.get(title)
    if source == FILE:
        name = keys.CHECKPOINT.find()
        if name in lab().uploaded:
            return lab().uploaded[name]
        return None if name is None else library.load_saved(LIBRARY / name)
    return None


def checkpoint_names() -> list[str]:
    """Models from files: those uploaded here, then those in `checkpoints/`."""
    return [*lab().uploaded, *(path.name for path in saved_paths())]


def comparable(shown: Shown) -> list[Shown]:
    """The ladder of a model's kind, the models of that kind trained here, and itself if it is neither.

    Raises:
        CheckpointError: if a file of the ladder is missing or damaged.
    """
    own = [model for model in lab().models.values() if model.kind == shown.kind]
    models = [*library.ladder(shown.kind), *own]
    return models if any(model is shown for model in models) else [*models, shown]


def show(shown: Shown) -> None:
    """Show a model, for callbacks: the kind, the slider and the sidebar follow."""
    keys.KIND.set(shown.kind)
    keys.SOURCE.set(shown.source)
    if shown.source == LADDER:
        keys.set_weight(shown.kind, shown.checkpoint.train_config.penalty_weight)
    elif shown.source == MINE:
        keys.TRAINED.set(shown.listed_as)
    else:
        keys.CHECKPOINT.set(shown.listed_as)
    lab().page_stale = True


def show_listed() -> None:
    """Show what is chosen in the sidebar's list, for its callback; what is wrong with a file stands there."""
    try:
        model = listed()
    except CheckpointError:
        return
    if model is not None:
        show(model)


def show_source() -> None:
    """Show a model from the chosen source: the one chosen there before, else the newest or the first file."""
    source, trained, names = keys.SOURCE.get(), list(lab().models), checkpoint_names()
    if source == MINE and trained:
        keys.TRAINED.set_default(trained[-1])
    if source == FILE and names:
        keys.CHECKPOINT.set_default(names[0])
    show_listed()


def show_newest() -> None:
    """Show the model that was trained last."""
    show(list(lab().models.values())[-1])


def follow_kind() -> None:
    """Show the ladder if the model chosen in the sidebar is of the other kind: it cannot stay beside it."""
    try:
        model = listed()
    except CheckpointError:
        return
    if model is not None and model.kind != keys.shown_kind():
        keys.SOURCE.set(LADDER)
