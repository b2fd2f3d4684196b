"""All penalties: what becomes of the drawing under every shipped model, to show one as A or as B."""

from __future__ import annotations

import html

from ae_core.analysis import page_start
from ae_core.analysis.inspection import Seen
from ae_core.analysis.notation import penalty_symbol
from ae_core.render import maps
from ae_core.ui import keys, library, markup
from ae_core.ui.pointing import pick_of
from ae_core.ui.shown_model import Choice
from ae_core.ui.state import lab


def show(choice: Choice, seen: Seen | None) -> None:
    """One picture per rung and per denoising model, with its name; empty while there is no drawing."""
    kind = keys.shown_kind()
    models = [*library.intact_ladder(kind), *library.denoising(kind)]
    pictures = [] if seen is None else lab().reconstruct(models, seen)
    symbol = penalty_symbol(kind)
    what, how = page_start.ALL_PENALTIES
    cells = []
    for model, picture in zip(models, pictures, strict=False):
        name, spoken = html.escape(model.label), html.escape(f"{symbol} = {model.label}")
        marks = "".join(
            f"<b class='mark {side}'>{side}</b>"
            for side, shown in choice.sides.items()
            if (shown.source, shown.listed_as) == (model.source, model.listed_as)
        )
        image = markup.picture(maps.grey_picture(picture, 28), f"Reconstruction under {spoken}.")
        cells.append(
            f"<div class='cell'><button data-pick='{pick_of('A', model)}' "
            f"aria-label='Show {spoken} as A'>{image}</button>"
            f"<div><span>{name}</span>{marks}"
            f"<button class='pin' data-pick='{pick_of('B', model)}' title='Pin as B' "
            f"aria-label='Show {spoken} as B'>B</button></div></div>"
        )
    whose = "" if lab().data.is_mnist else "the shipped models, trained on MNIST: "
    markup.show(
        f"<section class='all-penalties {markup.key_class('all_penalties')}'>"
        f"<h3 class='panel-title'>All penalties {markup.symbol(symbol)}: {what}"
        f"<small> {whose}{how}</small></h3>"
        f"<div class='strip' style='--cells: {max(len(cells), 1)}'>",
        "".join(cells) or f"<p class='empty'>{page_start.EMPTY}</p>",
        "</div></section>",
    )
