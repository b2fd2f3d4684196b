"""Films of the models in sight: while somebody winds one back, a frame of it stands in its model's place."""

from __future__ import annotations

from ae_core.analysis.page_names import View
from ae_core.checkpoints.film import Film
from ae_core.checkpoints.library import ladder_paths, path_of
from ae_core.errors import CheckpointError
from ae_core.training.observer import try_out
from ae_core.ui import keys, library
from ae_core.ui.keys import LADDER
from ae_core.ui.shown import Shown, wrap_moment
from ae_core.ui.state import Selection, lab

NOW = -1
"""Where the slider stands while nobody winds."""
_MOST_KEPT = 8


def film_of(chosen: Selection, shown: Shown) -> Film | None:
    """The film of the model that is chosen on a side; None if it has none.

    Raises:
        CheckpointError: if there is a file of it that cannot be read.
    """
    if chosen.model in lab().films:
        return lab().films[chosen.model].film()
    if chosen.model in lab().uploaded:
        return None
    is_rung = chosen.model == LADDER
    file = ladder_paths(shown.kind)[chosen.weight] if is_rung else path_of(chosen.model)
    film = library.film_beside(file)
    # Of another model that had this name before it has nothing to show.
    return film if film is not None and film.recipe.model == shown.checkpoint.model_config else None


def wound_to() -> int | None:
    """To which step the models in sight are wound back; None if they are not, as in all other views."""
    step = keys.WOUND.find()
    return None if step is None or step == NOW or keys.VIEW.find() != View.TRAIN else step


def wound(shown: Shown, chosen: Selection) -> Shown:
    """A model as it was at the step to which it is wound back; itself if it is not, or has no film."""
    step = wound_to()
    try:
        film = None if step is None else film_of(chosen, shown)
    except CheckpointError:
        # Said where one winds: the model itself can be shown.
        film = None
    if step is None or film is None:
        return shown
    frame = film.at(step)
    kept = lab().wound
    name = (shown.title, frame.step)
    if name not in kept:
        model = film.model(frame)
        kept[name] = wrap_moment(shown, model, frame.step, try_out(model, shown.data))
        for oldest in list(kept)[:-_MOST_KEPT]:
            del kept[oldest]
    return kept[name]
