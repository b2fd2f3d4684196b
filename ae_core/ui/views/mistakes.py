"""Wrong and right: the widespread mistakes in both penalties, measured on the chosen model."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis.inspection import Seen
from ae_core.analysis.mistakes import Mistake, contraction_mistakes, sparsity_mistakes
from ae_core.data import to_float
from ae_core.ui import markup, style
from ae_core.ui.shown_model import Choice

_BATCH = 100
"""Test images behind the KL penalty: as many as a step of the published recipe has."""


def show(choice: Choice, seen: Seen | None) -> None:
    """Each mistake with its value beside the right one."""
    style.question("What do the formulas measure that are often written instead of the penalty?")
    shown = choice.a
    if shown is None:
        return
    target = shown.checkpoint.train_config.at_last.sparsity_target
    if target is not None:
        st.markdown(f"Measured on this model's codes of the first {_BATCH} test images.")
        _cards(
            sparsity_mistakes(shown.checkpoint.model, to_float(shown.data.images("test")[:_BATCH]), target)
        )
        return
    if seen is None:
        st.markdown("Draw a digit, or place one: the formulas are measured on it.")
        return
    st.markdown("Measured on this model and this drawing.")
    _cards(contraction_mistakes(shown.checkpoint.model, seen.x))


def _cards(mistakes: list[Mistake]) -> None:
    for index, (column, mistake) in enumerate(
        zip(st.columns(len(mistakes), gap="small"), mistakes, strict=True)
    ):
        with column.container(border=True, height="stretch", key=f"mistake_{index}"):
            st.subheader(mistake.name, anchor=False)
            st.caption("Often written")
            st.code(mistake.wrong_code, language="python", wrap_lines=True)
            st.caption("Right")
            st.code(mistake.right_code, language="python", wrap_lines=True)
            st.caption(mistake.quantity)
            markup.show(
                markup.values(
                    {"it gives": f"{mistake.wrong:.4g}", "right": f"{mistake.right:.4g}"} | _ratio(mistake)
                )
            )
            st.markdown(mistake.why)


def _ratio(mistake: Mistake) -> dict[str, str]:
    if mistake.right == 0:
        return {}
    return {"times the right value": f"{mistake.wrong / mistake.right:.3g}"}
