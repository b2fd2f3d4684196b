"""All penalties: what becomes of the drawing under every shipped model, to show one as A or as B."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from ae_core.analysis import page_start
from ae_core.analysis.notation import penalty_symbol
from ae_core.render import maps
from ae_core.ui import keys, library, markup
from ae_core.ui.following import Follower, Parts
from ae_core.ui.keys import Side
from ae_core.ui.pointing import pick_of
from ae_core.ui.shown import Shown
from ae_core.ui.shown_model import Choice
from ae_core.ui.sight import Sight
from ae_core.ui.state import lab

_PLACE = ".all-penalties .of-drawing"


def show(choice: Choice, seen: Sight | None) -> Follower:
    """One picture per rung and per denoising model, with its name; empty while there is no drawing."""
    kind = keys.shown_kind()
    models = [*library.intact_ladder(kind), *library.denoising(kind)]
    follower = partial(_cells, models, choice.sides)
    what, how = page_start.ALL_PENALTIES
    whose = "" if lab().data.is_mnist else "the shipped models, trained on MNIST: "
    markup.show(
        f"<section class='all-penalties {markup.key_class('all_penalties')}'>"
        f"<h3 class='panel-title'>All penalties {markup.symbol(penalty_symbol(kind))}: {what}"
        f"<small> {whose}{how}</small></h3>"
        "<div class='of-drawing'>",
        *follower(seen).values(),
        "</div></section>",
    )
    return follower


def _cells(models: Sequence[Shown], sides: Mapping[Side, Shown], seen: Sight | None) -> Parts:
    if seen is None or not models:
        return {_PLACE: f"<p class='empty'>{page_start.EMPTY}</p>"}
    cells = "".join(
        _cell(model, seen.html(("strip", model.number), partial(_picture, model, found)), sides)
        for model, found in zip(models, seen.reconstruct(models), strict=True)
    )
    return {_PLACE: f"<div class='strip' style='--cells: {len(models)}'>{cells}</div>"}


def _spoken(model: Shown) -> str:
    return html.escape(f"{penalty_symbol(model.kind)} = {model.label}")


def _picture(model: Shown, found: np.ndarray) -> str:
    return markup.picture(maps.grey_picture(found, 28), f"Reconstruction under {_spoken(model)}.")


def _cell(model: Shown, image: str, sides: Mapping[Side, Shown]) -> str:
    name, spoken = html.escape(model.label), _spoken(model)
    marks = "".join(
        f"<b class='mark {side}'>{side}</b>"
        for side, shown in sides.items()
        if (shown.source, shown.listed_as) == (model.source, model.listed_as)
    )
    return (
        f"<div class='cell'><button data-pick='{pick_of('A', model)}' "
        f"aria-label='Show {spoken} as A'>{image}</button>"
        f"<div><span>{name}</span>{marks}"
        f"<button class='pin' data-pick='{pick_of('B', model)}' title='Pin as B' "
        f"aria-label='Show {spoken} as B'>B</button></div></div>"
    )
