"""Units of the drawing's code set by hand: a slider for the unit in sight, and what is decoded then."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis.inspection import Inspection
from ae_core.analysis.notation import value_text
from ae_core.analysis.units import alter
from ae_core.render import maps
from ae_core.ui import digit_codes, keys, markup
from ae_core.ui.problems import guard
from ae_core.ui.session import Key
from ae_core.ui.shown import Shown
from ae_core.ui.state import lab

_STEPS = 100
_BEYOND = 1.25
"""How far the slider goes beyond the largest activation on the test set."""


def show(shown: Shown, seen: Inspection, unit: int) -> None:
    """The slider, the reconstruction beside the one with the units as they are set, and its values."""
    values = lab().units_set.setdefault(shown.number, {})
    _slider(shown, seen, unit, values)
    altered = alter(shown.checkpoint.model, seen, values)
    st.image(
        maps.grid([[maps.grey_picture(one) for one in (seen.reconstruction, altered.reconstruction)]]),
        caption="the code as it is, and with units set",
        width="stretch",
        alt=f"Left: the reconstruction of the code as it is. Right: with {len(values)} of its units set.",
    )
    markup.show(
        markup.values(
            {
                "Units set": ", ".join(f"{one} to {value_text(to)}" for one, to in sorted(values.items()))
                or "none",
                "MSE as it is": f"{seen.mse:.5f}",
                "MSE with them": f"{altered.mse:.5f}",
                "Mean squared change of the picture": f"{altered.change:.5f}",
            }
        )
    )


def _slider(shown: Shown, seen: Inspection, unit: int, values: dict[int, float]) -> None:
    column = digit_codes.codes_of(shown).rows[:, unit]
    own = float(seen.code[unit])
    low = min(0.0, _BEYOND * float(column.min()), own)
    high = max(_BEYOND * float(column.max()), own)
    high = high if high > low else low + 1.0
    key = keys.unit_value(shown.number, unit, low, high)
    # A unit that is not set follows the drawing.
    value = min(max(values.get(unit, own), low), high)
    key.show(value)
    lab().unit_on_slider = shown.number, unit, value
    st.slider(
        f"Activation of unit {unit}",
        low,
        high,
        step=(high - low) / _STEPS,
        format="%.3g",
        key=key.name,
        on_change=guard(_set),
        args=(shown.number, unit, key),
        help="Sets this unit of the drawing's code by hand; others that were set stay so.",
    )
    with st.container(horizontal=True, gap="xsmall"):
        st.button("Off", key="unit_off", on_click=guard(_switch_off), args=(shown.number, unit))
        st.button(
            "Reset all", key="units_reset", on_click=guard(_reset), args=(shown.number,), disabled=not values
        )


def _set(model: int, unit: int, key: Key[float]) -> None:
    value = key.find()
    # The browser tells of a slider until it has taken it away, with the value that the page gave it.
    known = lab().unit_on_slider
    if value is not None and known is not None and known[:2] == (model, unit) and known[2] != value:
        lab().units_set.setdefault(model, {})[unit] = value


def _switch_off(model: int, unit: int) -> None:
    lab().units_set.setdefault(model, {})[unit] = 0.0


def _reset(model: int) -> None:
    lab().units_set.pop(model, None)
