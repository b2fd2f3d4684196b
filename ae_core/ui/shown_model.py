"""Which models the page shows, as A and B. Whatever changes it does so here, so that all controls agree."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ae_core.analysis.page_start import STARTING_WEIGHTS
from ae_core.checkpoints.library import denoising_paths, path_of, saved_paths
from ae_core.config import LADDERS, Kind
from ae_core.errors import CheckpointError, DataError
from ae_core.training.background import TrainingRun
from ae_core.ui import films, keys, library
from ae_core.ui.keys import LADDER, MODEL_IN_ADDRESS, Side
from ae_core.ui.shown import Shown, measured_on, wrap_in_training
from ae_core.ui.state import Selection, lab


@dataclass(frozen=True)
class Choice:
    """The models of the two sides."""

    a: Shown | None
    b: Shown | None = None
    """None also where A alone is shown."""
    problem: str | None = None
    """A sentence on why there is no model on a side that should have one."""

    @property
    def sides(self) -> dict[Side, Shown]:
        """Those that are shown."""
        models: dict[Side, Shown | None] = {"A": self.a, "B": self.b}
        return {side: model for side, model in models.items() if model is not None}


def choice() -> Choice:
    """What the controls of both sides choose."""
    problem = None
    models: dict[Side, Shown | None] = {"A": None, "B": None}
    for side in sides():
        try:
            models[side] = model_of(side)
        except (CheckpointError, DataError) as error:
            problem = str(error)
    return Choice(models["A"], models["B"], problem)


def sides() -> tuple[Side, ...]:
    """The sides in sight."""
    return ("A", "B") if lab().comparing else ("A",)


def selection(side: Side, kind: Kind | None = None) -> Selection:
    """What is chosen on a side, of the shown kind if none is named."""
    kind = kind or keys.shown_kind()
    known = lab().selections.get((side, kind))
    if known is not None:
        return known
    start = STARTING_WEIGHTS[kind]
    # Beside the start a model without a penalty, which differs most.
    return Selection(LADDER, start if side == "A" else LADDERS[kind][0])


def select(side: Side, model: str, weight: float | None = None, kind: Kind | None = None) -> None:
    """Choose a model for a side, of the shown kind if none is named; a weight moves its slider."""
    kind = kind or keys.shown_kind()
    kept = selection(side, kind).weight
    lab().selections[side, kind] = Selection(model, kept if weight is None else weight)


def model_of(side: Side) -> Shown:
    """The model of a side.

    Raises:
        CheckpointError: if its file is missing or not a valid checkpoint.
    """
    chosen = selection(side)
    is_rung = chosen.model == LADDER
    shown = library.rung(keys.shown_kind(), chosen.weight) if is_rung else _named(chosen.model)
    return films.wound(here(shown), chosen)


def here(shown: Shown) -> Shown:
    """A model with its values on the page's own set: no other set's are ever shown; measured once.

    Raises:
        CheckpointError: if its weights blew up.
        DataError: if the images cannot be read.
    """
    if shown.data.digest == lab().data.digest:
        return shown
    known = lab().measured_here
    if shown.number not in known:
        known[shown.number] = measured_on(shown, lab().data)
    return known[shown.number]


def _named(name: str) -> Shown:
    if name in lab().models:
        return lab().models[name]
    if (run := lab().in_training(name)) is not None:
        return _as_it_is(name, run)
    if name in lab().uploaded:
        return lab().uploaded[name]
    for shown in library.denoising(keys.shown_kind()):
        if shown.listed_as == name:
            return shown
    return library.load_saved(path_of(name))


def _as_it_is(name: str, run: TrainingRun) -> Shown:
    """A model in training with its newest weights."""
    preview, known = run.observer.preview, lab().live.get(name)
    if known is None or known.checkpoint.model is not preview.model:
        known = wrap_in_training(name, preview.model, run.recipe, run.observer.metrics(), lab().data)
        lab().live[name] = known
    return known


def forget(title: str) -> None:
    """Show the ladder again where a run is shown that ended without a model."""
    lab().selections = {
        place: Selection(LADDER, chosen.weight) if chosen.model == title else chosen
        for place, chosen in lab().selections.items()
    }


def names(kind: Kind) -> list[str]:
    """What a side can show: the ladder, models of this kind trained or uploaded here, and files.

    Last come those that ship beside the ladder, of which there are as many as `DENOISING` has.
    """
    own = [*lab().models.values(), *lab().uploaded.values()]
    # Of which kind a file is, is known once it is read: until then any may be.
    return [
        LADDER,
        *(model.listed_as for model in own if model.kind == kind),
        *(title for run, title in lab().titles.items() if _in_training(run, title, kind)),
        *(path.name for path in saved_paths()),
        *(path.name for path in denoising_paths(kind).values()),
    ]


def _in_training(run: TrainingRun, title: str, kind: Kind) -> bool:
    return run.recipe.model.kind == kind and title not in lab().models


def comparable(shown: Shown) -> list[Shown]:
    """The ladder of a model's kind, the shipped denoising models of that kind, those trained here, and what
    the sides show besides; on a set of one's own only those trained on it, and the sides.

    Models in training are left out, and those that are wound back: they are not measured.

    Raises:
        CheckpointError: if a file of the ladder is missing or damaged.
    """
    models = ladder(shown.kind)
    others = [model for model in lab().models.values() if model.data.digest == lab().data.digest]
    denoising = library.denoising(shown.kind) if lab().data.is_mnist else []
    for model in (*denoising, *others, *choice().sides.values(), shown):
        if model.is_moment:
            continue
        if model.kind == shown.kind and all(model is not known for known in models):
            models.append(model)
    return models


def ladder(kind: Kind) -> list[Shown]:
    """The shipped ladder where the page shows its set, MNIST; on a set of one's own there is none.

    Raises:
        CheckpointError: if one of its files is missing or damaged.
    """
    return library.ladder(kind) if lab().data.is_mnist else []


def intact_ladder(kind: Kind) -> list[Shown]:
    """The same without the rungs whose files are missing or damaged."""
    return library.intact_ladder(kind) if lab().data.is_mnist else []


def strangers() -> dict[Side, Shown]:
    """The models in sight that were trained on another set than the page's."""
    return {side: shown for side, shown in choice().sides.items() if not shown.is_at_home}


def apart(models: Iterable[Shown]) -> list[str]:
    """The names of those that are no rungs of a ladder but were trained with noise: charts dash them."""
    return [model.label for model in models if model.is_denoising]


def show(shown: Shown, side: Side = "A") -> None:
    """Show a model on a side, for callbacks: the kind and the side's controls follow."""
    keys.KIND.set(shown.kind)
    if shown.source == LADDER:
        select(side, LADDER, shown.checkpoint.train_config.penalty_weight)
    else:
        select(side, shown.listed_as)
    if side == "B":
        lab().comparing = True


def compare(on: bool) -> None:
    """Show B, or A alone."""
    lab().comparing = on


def choose_listed(side: Side, name: str, kind: Kind) -> None:
    """Show what was chosen in a side's list for a kind; a file of the other kind brings its kind with it.

    Raises:
        CheckpointError: if a file is missing or not a valid checkpoint; the side stays as it was.
    """
    if name == LADDER:
        select(side, LADDER, kind=kind)
    else:
        show(_named(name), side)


def for_address() -> dict[str, str | None]:
    """What the address says of the sides: nothing of A where the page starts with it."""
    said: dict[str, str | None] = dict.fromkeys(MODEL_IN_ADDRESS.values())
    for side in sides():
        chosen = selection(side)
        is_start = side == "A" and (side, keys.shown_kind()) not in lab().selections
        if not is_start:
            said[MODEL_IN_ADDRESS[side]] = f"{chosen.weight:g}" if chosen.model == LADDER else chosen.model
    return said


def follow(said: dict[Side, str | None]) -> None:
    """Show what an address says of these sides; a model that is not there is left out."""
    kind = keys.shown_kind()
    for side, name in said.items():
        lab().selections.pop((side, kind), None)
        if name is None:
            continue
        weight = _number(name)
        if weight in LADDERS[kind]:
            select(side, LADDER, weight)
        elif name in names(kind) and _is_of(kind, name):
            select(side, name)
    if "B" in said:
        lab().comparing = ("B", kind) in lab().selections


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _is_of(kind: Kind, name: str) -> bool:
    try:
        return name != LADDER and _named(name).kind == kind
    except CheckpointError:
        return False
