"""The controls of A and B: a slider over the ladder each, or a model that was trained or loaded."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis.notation import penalty_symbol, power_notation
from ae_core.analysis.page_start import OWN_SCALES_MEANING
from ae_core.config import DENOISING, LADDERS, Kind
from ae_core.errors import CheckpointError
from ae_core.ui import data_choice, keys, models_menu, shown_model, take_away
from ae_core.ui.keys import LADDER, Side
from ae_core.ui.parts import draw_live_first, part
from ae_core.ui.problems import guard
from ae_core.ui.state import lab


def controls() -> None:
    """One line: A, then B or the button that opens it, and what is needed less often."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key=keys.SIDES):
        for side in shown_model.sides():
            with st.container(key=f"side_{side}"):
                _side(side)
        if lab().comparing:
            st.button(
                "Only A",
                on_click=guard(shown_model.compare),
                args=(False,),
                key="only_a",
                help="Takes B away.",
            )
        else:
            st.button(
                "+ compare: B",
                on_click=guard(shown_model.compare),
                args=(True,),
                key="compare_b",
                help="Shows a second model below, on the same scales.",
            )
        if not keys.presenting():
            st.toggle(
                "Own scales",
                key=keys.OWN_SCALES.name,
                help=OWN_SCALES_MEANING,
                on_change=guard(draw_live_first),
            )
            _more()
    data_choice.note()


@part
def _more() -> None:
    more = st.popover("⋯", key="more", on_change="rerun", help="Downloads, scales, and models of your own")
    if more.open:
        with more:
            take_away.show(shown_model.choice(), lab().see(keys.NOISE.get()))
            models_menu.show()


def _side(side: Side) -> None:
    kind = keys.shown_kind()
    names = shown_model.names(kind)
    chosen = shown_model.selection(side)
    # With nothing of one's own the slider is all that a newcomer needs.
    has_choice = len(names) > 1 + len(DENOISING[kind]) or chosen.model != LADDER
    if has_choice:
        list_key = keys.model(side, kind)
        list_key.show(chosen.model if chosen.model in names else LADDER)
        st.selectbox(
            f"Model {side}",
            names,
            key=list_key.name,
            format_func=lambda name: f"{side}: the shipped ladder" if name == LADDER else f"{side}: {name}",
            label_visibility="collapsed",
            on_change=guard(_take_listed),
            args=(side, kind),
        )
    if chosen.model == LADDER:
        symbol = penalty_symbol(kind)
        slider_key = keys.weight(side, kind)
        slider_key.show(chosen.weight)
        st.select_slider(
            f"{side}: penalty weight {symbol}",
            LADDERS[kind],
            key=slider_key.name,
            format_func=power_notation,
            help="Each stop is a model of its own, trained on all 60,000 images of MNIST with this "
            "weight on its "
            "penalty.",
            on_change=guard(_take_weight),
            args=(side, kind),
        )
    else:
        st.caption(_described(side))


# Of the kind for which a control was drawn: another callback of the same moment may have shown the other one.
# And only what is a choice: the browser may tell once more of a control that it has not yet taken away.
def _take_weight(side: Side, kind: Kind) -> None:
    weight = keys.weight(side, kind).get()
    if weight != shown_model.selection(side, kind).weight:
        shown_model.select(side, LADDER, weight, kind)
        draw_live_first()


def _take_listed(side: Side, kind: Kind) -> None:
    name = keys.model(side, kind).get()
    if name != shown_model.selection(side, kind).model and name in shown_model.names(kind):
        shown_model.choose_listed(side, name, kind)


def _described(side: Side) -> str:
    try:
        shown = shown_model.model_of(side)
    except CheckpointError as error:
        return str(error)
    train = shown.checkpoint.train_config
    if shown.wound_to is not None:
        return f"{side}: {shown.label}, as it was after step {shown.wound_to:,}"
    if shown.in_training:
        return f"{side}: {shown.label}, in training"
    return (
        f"{side}: {shown.kind}, weight {power_notation(train.at_last.penalty_weight)}{train.remarks}, "
        f"{train.at_last.epochs} epochs, test MSE {shown.checkpoint.metrics.test_mse:.5f}"
    )
