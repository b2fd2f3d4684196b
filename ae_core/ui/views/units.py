"""Units: what each stands for, what it adds to the drawing, and how the model uses its units overall."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ae_core.analysis.inspection import Inspection
from ae_core.analysis.units import (
    UnitUse,
    contributions,
    example_pictures,
    mean_activations,
    strongest_units,
)
from ae_core.render import maps, unit_charts
from ae_core.ui import digit_codes, keys, markup, style, unit_profile, unit_setting
from ae_core.ui.problems import guard
from ae_core.ui.shown import Shown
from ae_core.ui.shown_model import Choice
from ae_core.ui.sight import Sight
from ae_core.ui.state import lab

_UNITS = 8


def show(choice: Choice, seen: Sight | None) -> None:
    """One unit, then those that make up the drawing, then all units over the test set."""
    shown = choice.a
    if shown is None:
        return
    use = digit_codes.use_of(shown)
    inspection = None if seen is None else seen.inspect(shown)
    units = _shown_units(shown, inspection)
    unit = units[0]
    style.question(f"What does unit {unit} stand for?")
    size = len(shown.statistics.max_activation)
    asked = lab().unit
    if asked is not None and asked >= size:
        st.caption(f"There is no unit {asked}: the units of this code are 0 to {size - 1:,}.")
    _chips(shown, units, inspection)
    if inspection is None:
        st.markdown("Draw a digit, or place one, to set units of its code by hand.")
        unit_profile.show(shown, unit)
    else:
        with st.container(key=keys.wrapping("all_unit")):
            left, right = st.columns([2, 5], gap="medium")
        with left:
            unit_setting.show(shown, inspection, unit)
        with right:
            unit_profile.show(shown, unit)
        style.question("What does each of the drawing's strongest units add to it?")
        if inspection.code.any():
            _contributions(shown, inspection, units, use)
        else:
            st.markdown(
                "No unit of this model fires for this drawing: its code is 0, and there is nothing to add."
            )
    style.question("How does the model use its units over the whole test set?")
    _model(shown, use)


def _shown_units(shown: Shown, seen: Inspection | None) -> list[int]:
    """The unit that was chosen, then the strongest ones of the drawing; never none."""
    size = len(shown.statistics.max_activation)
    strongest = [] if seen is None else strongest_units(seen.code, _UNITS)
    asked = lab().unit
    chosen = [] if asked is None or asked >= size else [asked]
    if not chosen and not strongest:
        chosen = [int(mean_activations(shown.statistics).argmax())]
    return [*chosen, *(unit for unit in strongest if unit not in chosen)][:_UNITS]


def _chips(shown: Shown, units: list[int], seen: Inspection | None) -> None:
    """Units to choose from: the one in sight, the drawing's strongest, and those that are set."""
    values = lab().units_set.get(shown.number, {})
    offered = [*units, *(unit for unit in values if unit not in units)]
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="units"):
        for unit in offered:
            st.button(
                f"{unit} set" if unit in values else str(unit),
                key=f"unit_{unit}",
                type="primary" if unit == units[0] else "secondary",
                on_click=guard(_choose),
                args=(unit,),
                help=None if seen is None else f"Unit {unit}: activation {seen.code[unit]:.3g}",
            )
        st.number_input(
            "Unit",
            0,
            len(shown.statistics.max_activation) - 1,
            value=None,
            placeholder="any unit",
            label_visibility="collapsed",
            width=120,
            key=keys.UNIT_BY_NUMBER.name,
            on_change=guard(_choose_by_number),
        )


def _choose(unit: int) -> None:
    lab().unit = unit


def _choose_by_number() -> None:
    unit = keys.UNIT_BY_NUMBER.find()
    # The browser tells of a field until it has taken it away.
    if unit is not None and unit != lab().unit_typed:
        lab().unit = lab().unit_typed = unit


def _contributions(shown: Shown, seen: Inspection, units: list[int], use: UnitUse) -> None:
    """One column per unit: what decoding adds with it, and the test digits that it answers to most."""
    added = contributions(shown.checkpoint.model, seen.code, units)
    largest = float(np.abs(added).max())
    markup.show(markup.columns("unit", [str(unit) for unit in units], strong=True))
    markup.show(markup.columns("activation", [f"{seen.code[unit]:.2g}" for unit in units]))
    st.caption("What the decoder adds with the unit: the picture with it minus the one without")
    st.image(
        maps.grid([[maps.signed_map(one, largest, maps.CELL_PIXELS) for one in added]]),
        width="stretch",
        alt=f"What each of the units {', '.join(map(str, units))} adds to the reconstruction.",
    )
    markup.show(markup.colour_scale(maps.css_gradient(maps.DIVERGING), largest, "ink", -largest))
    st.caption(f"The test {shown.data.things} that activate it most")
    examples = example_pictures(shown.data.images("test"), use, units)
    st.image(
        maps.grid(
            [
                [maps.grey_picture(image, maps.CELL_PIXELS) for image in of_one_rank]
                for of_one_rank in examples.swapaxes(0, 1)
            ]
        ),
        width="stretch",
        alt=f"The {digit_codes.EXAMPLES} test {shown.data.things} that activate each unit most, one "
        "column per unit.",
    )


def _model(shown: Shown, use: UnitUse) -> None:
    means = mean_activations(shown.statistics)
    target = shown.checkpoint.train_config.at_last.sparsity_target
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("Mean activation of each unit" + ("" if target is None else ", to hold against ρ"))
        style.chart(
            unit_charts.unit_means(means, target),
            key="unit_means",
            alt="Mean activation of each unit over the test set, the largest first, from "
            f"{means.max():.3g} to {means.min():.3g}.",
        )
    with right:
        st.markdown("Activation density: on how many images is a unit active?")
        style.chart(
            unit_charts.density_histogram(use.density),
            key="density_histogram",
            alt="Histogram of the share of test images on which each unit is active; half of the units are "
            f"active on more than {use.median_density:.1%} of the images.",
        )
    markup.show(
        markup.values(
            {
                "Active units per image": f"{use.density.sum():.1f} of {len(use.density)}",
                "Units that are not zero, per image (l0)": f"{use.l0:.1f} of {len(use.density)}",
                "Hoyer sparsity, mean": f"{use.hoyer:.3f}",
                "Dead units": f"{use.dead_units}",
                "Mean activation": f"{means.mean():.4f}",
            }
        )
    )
    st.markdown(
        "**How to read them.** A unit is *active* on an image where it is above a tenth of its own largest "
        "activation on the test set. *l0* counts the units that are not exactly zero. *Hoyer* sparsity is 0 "
        "when all units are equally active and 1 when a single one is. A *dead* unit hardly changes from "
        "image to image: by less than a thousandth of what the liveliest unit does."
    )
    st.markdown(
        "**What shrinking hides.** A mean activation near ρ does not make a code sparse: a code can pay "
        "the penalty by making *every* unit small on *every* image, and the decoder makes up for it with "
        "large weights. The mean falls, and all units stay active. The number of active units, l0 and Hoyer "
        "sparsity do not change when the whole code is rescaled, so they are not fooled. The shipped sparse "
        "models have bounded decoder weights, which limits that way out and does not close it."
    )
