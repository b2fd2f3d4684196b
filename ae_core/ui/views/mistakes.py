"""Wrong and right: the widespread mistakes in both penalties, measured on the chosen model."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ae_core.analysis.mistakes import Mistake, contraction_mistakes, sparsity_mistakes
from ae_core.data import to_float
from ae_core.model import Autoencoder
from ae_core.ui import markup, style
from ae_core.ui.following import Follower, Parts
from ae_core.ui.shown_model import Choice
from ae_core.ui.sight import Sight

_BATCH = 100
"""Test images behind the KL penalty: as many as a step of the published recipe has."""


def show(choice: Choice, seen: Sight | None) -> Follower | None:
    """Each mistake with its value beside the right one."""
    style.question("What do the formulas measure that are often written instead of the penalty?")
    shown = choice.a
    if shown is None:
        return None
    target = shown.checkpoint.train_config.at_last.sparsity_target
    if target is not None:
        st.markdown(f"Measured on this model's codes of the first {_BATCH} test images.")
        _cards(
            sparsity_mistakes(shown.checkpoint.model, to_float(shown.data.images("test")[:_BATCH]), target)
        )
        return None
    if seen is None:
        st.markdown("Draw a digit, or place one: the formulas are measured on it.")
        return None
    st.markdown("Measured on this model and this drawing.")
    _cards(contraction_mistakes(shown.checkpoint.model, seen.x))
    return partial(_measured_anew, shown.checkpoint.model)


def _measured_anew(model: Autoencoder, seen: Sight | None) -> Parts:
    mistakes = [] if seen is None else contraction_mistakes(model, seen.x)
    return {f".st-key-{_card(index)} .measured": _measured(each) for index, each in enumerate(mistakes)}


def _card(index: int) -> str:
    return f"mistake_{index}"


def _cards(mistakes: list[Mistake]) -> None:
    for index, (column, mistake) in enumerate(
        zip(st.columns(len(mistakes), gap="small"), mistakes, strict=True)
    ):
        with column.container(border=True, height="stretch", key=_card(index)):
            st.subheader(mistake.name, anchor=False)
            st.caption("Often written")
            st.code(mistake.wrong_code, language="python", wrap_lines=True)
            st.caption("Right")
            st.code(mistake.right_code, language="python", wrap_lines=True)
            st.caption(mistake.quantity)
            markup.show("<div class='measured'>", _measured(mistake), "</div>")
            st.markdown(mistake.why)


def _measured(mistake: Mistake) -> str:
    found = {"it gives": f"{mistake.wrong:.4g}", "right": f"{mistake.right:.4g}"}
    return markup.values(found | _ratio(mistake))


def _ratio(mistake: Mistake) -> dict[str, str]:
    if mistake.right == 0:
        return {}
    return {"times the right value": f"{mistake.wrong / mistake.right:.3g}"}
