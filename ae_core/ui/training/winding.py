"""Winding back: a slider over the steps of the films of A and B, which the panels above then show."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ae_core.analysis.inspection import inspect
from ae_core.checkpoints.film import Film
from ae_core.errors import CheckpointError
from ae_core.render.animation import animate
from ae_core.ui import clock, films, keys, shown_model
from ae_core.ui.keys import Side
from ae_core.ui.parts import part
from ae_core.ui.shown_model import Choice
from ae_core.ui.sight import Sight
from ae_core.ui.state import lab

_POLL_SECONDS = 1.0
_SAME = 1e-3
"""The rounding of a film."""


def show(choice: Choice, seen: Sight | None) -> None:
    """The slider, and the films to take away; a sentence where there is none."""
    if lab().running:
        _growing(seen)
    else:
        _show(choice, seen)


@part
def _growing(seen: Sight | None) -> None:
    """The same while a film grows; the panels follow by their own clock."""
    _show(shown_model.choice(), seen)
    clock.again_after(_POLL_SECONDS, "winding")


def _show(choice: Choice, seen: Sight | None) -> None:
    found: dict[Side, Film] = {}
    for side, shown in choice.sides.items():
        try:
            film = films.film_of(shown_model.selection(side), shown)
        except CheckpointError as error:
            st.error(str(error))
            continue
        if film is not None:
            found[side] = film
    _notes()
    if not found:
        st.caption(
            "No film of this model: those trained here have one, and the shipped sparse model of 5·10⁻³. "
            "“python -m ae_core film FILE” makes others."
        )
        return
    steps = sorted({step for film in found.values() for step in film.steps})
    now = films.NOW if keys.WOUND.find() is None else keys.WOUND.get()
    if now != films.NOW and now not in steps:
        # A long film has let this frame go, or it is of another model.
        now = max((step for step in steps if step <= now), default=steps[0])
    keys.WOUND.show(now)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="winding"):
        st.select_slider(
            f"Wind {' and '.join(found)} back to step",
            [*steps, films.NOW],
            key=keys.WOUND.name,
            format_func=lambda step: "now" if step == films.NOW else f"{step:,}",
            help="The weights after so many steps of training, kept at ever rarer steps: "
            f"{len(steps)} frames. The panels above and the gauges are theirs.",
        )
        for side, film in found.items():
            st.download_button(
                f"Film of {side}",
                partial(_animate, film, seen, f"Autoencoder Lab: {choice.sides[side].label}"),
                f"{choice.sides[side].file_name}-film.png",
                "image/png",
                on_click="ignore",
                disabled=seen is None,
                key=f"film_{side}",
                help="An animated PNG of your drawing: reconstruction, code and sensitivity at each frame.",
            )

    if any(film.apart > _SAME for film in found.values()):
        st.caption(
            "The last frame is the model itself, which was trained on another kind of machine; those before "
            "it are of a training of the same recipe, which ended elsewhere."
        )


def _notes() -> None:
    for note in {lab().films[title].note for title in lab().titles.values() if title in lab().films}:
        if note is not None:
            st.caption(note)


def _animate(film: Film, seen: Sight | None, title: str) -> bytes:
    assert seen is not None, "its button is disabled"
    return animate(
        [(frame.step, inspect(film.model(frame), seen.x, None, seen.clean)) for frame in film.frames], title
    )
