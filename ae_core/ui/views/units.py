"""Units: which of them make up the drawing, what each adds, and how the model uses its units overall."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ae_core.analysis.inspection import Inspection, Seen
from ae_core.analysis.units import (
    UnitUse,
    ablate,
    contributions,
    example_pictures,
    mean_activations,
    measure_unit_use,
    strongest_units,
)
from ae_core.data import load_mnist
from ae_core.model import Autoencoder
from ae_core.render import maps, unit_charts
from ae_core.ui import markup, style
from ae_core.ui.library import BY_NUMBER, Shown
from ae_core.ui.problems import guard
from ae_core.ui.shown_model import Choice
from ae_core.ui.state import lab

_UNITS = 8
_EXAMPLES = 5


@st.cache_resource(show_spinner="Encoding the test images", max_entries=32, hash_funcs=BY_NUMBER)
def use_of(shown: Shown) -> UnitUse:
    """How a model uses its units over the test set, measured once per process."""
    images = load_mnist("test").images
    return measure_unit_use(shown.checkpoint.model, images, shown.statistics, _EXAMPLES)


def show(choice: Choice, seen: Seen | None) -> None:
    """The drawing's units first, then all units over the test set."""
    style.question("Which units make up this drawing, and what does each of them add?")
    shown = choice.a
    if shown is None:
        return
    use = use_of(shown)
    if seen is None:
        st.markdown("Draw a digit, or place one, to see its most active units.")
    else:
        _drawing(shown, use, lab().inspect(shown, seen))
    style.question("How does the model use its units over the whole test set?")
    _model(shown, use)


def _drawing(shown: Shown, use: UnitUse, seen: Inspection) -> None:
    units = _shown_units(seen)
    if not units:
        st.markdown(
            "No unit of this model fires for this drawing: its code is 0, and there is nothing to add."
        )
        return
    off = lab().units_off.setdefault(shown.number, set())
    st.caption(
        "The most active units, the strongest first. Press one to switch it off; press it again to have "
        "it back."
    )
    with st.container(horizontal=True, gap="xsmall", key="units"):
        for unit in sorted(set(units) | off, key=lambda unit: -seen.code[unit]):
            st.button(
                f"{unit} off" if unit in off else str(unit),
                key=f"unit_{unit}",
                type="primary" if unit in off else "secondary",
                on_click=guard(_switch),
                args=(shown.number, unit),
                help=f"Unit {unit}: activation {seen.code[unit]:.3g}",
            )
        st.button("Reset", key="units_reset", on_click=guard(off.clear), disabled=not off)
    left, right = st.columns([1, 2], gap="medium")
    with left:
        _decoded(shown.checkpoint.model, seen, off)
    with right:
        _contributions(shown.checkpoint.model, seen, units, use)


def _shown_units(seen: Inspection) -> list[int]:
    """The unit that was chosen, then the strongest ones."""
    chosen, strongest = lab().unit, strongest_units(seen.code, _UNITS)
    if chosen is None or chosen >= len(seen.code):
        return strongest
    return [chosen, *(unit for unit in strongest if unit != chosen)][:_UNITS]


def _switch(model: int, unit: int) -> None:
    lab().units_off[model] ^= {unit}


def _decoded(model: Autoencoder, seen: Inspection, off: set[int]) -> None:
    without = ablate(model, seen, off)
    st.image(
        maps.grid([[maps.grey_picture(one) for one in (seen.reconstruction, without.reconstruction)]]),
        caption="with all units, and without those switched off",
        width="stretch",
        alt=f"Left: the reconstruction with all units. Right: without {len(off)} of them.",
    )
    markup.show(
        markup.values(
            {
                "Units switched off": ", ".join(map(str, sorted(off))) or "none",
                "MSE with all units": f"{seen.mse:.5f}",
                "MSE without them": f"{without.mse:.5f}",
                "Mean squared change of the picture": f"{without.change:.5f}",
            }
        )
    )


def _contributions(model: Autoencoder, seen: Inspection, units: list[int], use: UnitUse) -> None:
    """One column per unit: what decoding adds with it, and the test digits that it answers to most."""
    added = contributions(model, seen.code, units)
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
    st.caption("The test digits that activate it most")
    examples = example_pictures(load_mnist("test").images, use, units)
    st.image(
        maps.grid(
            [
                [maps.grey_picture(image, maps.CELL_PIXELS) for image in of_one_rank]
                for of_one_rank in examples.swapaxes(0, 1)
            ]
        ),
        width="stretch",
        alt=f"The {_EXAMPLES} test digits that activate each of these units most, one column per unit.",
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
