"""Jacobian: the sensitivity map in detail, the exact norm beside its estimates, spectrum and tangents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import streamlit as st

from ae_core.analysis.linearization import (
    PROBES,
    Linearization,
    NormEstimates,
    compare_spectra,
    leading_tangents,
    linearize,
    norm_estimates,
    spectrum_at,
)
from ae_core.analysis.neighbourhood import TangentWalk, walk_tangent
from ae_core.data import Picture
from ae_core.render import charts, maps
from ae_core.ui import keys, linked, markup, style
from ae_core.ui.linked import Linked
from ae_core.ui.shown import Shown, once_per_drawing
from ae_core.ui.shown_model import Choice, apart, comparable
from ae_core.ui.sight import Sight

_TANGENTS = 6
_DISTANCES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 4.0)
"""How far the walk goes, as distances between pictures."""
_OFFERED = (*(-distance for distance in reversed(_DISTANCES)), 0.0, *_DISTANCES)
_DISTANCE_NAME = "{:g}".format
_DIRECTIONS = 64
"""Random directions beside the tangent."""


def linked_widgets() -> Iterator[Linked[Any]]:
    """Those of which a link can say what they hold."""
    yield linked.choice(keys.TANGENT, range(1, _TANGENTS + 1), 1)
    yield linked.choice(keys.DISTANCE, _OFFERED, 1.0, _DISTANCE_NAME)
    yield linked.switch(keys.RELATIVE_SPECTRUM)


def show(choice: Choice, seen: Sight | None) -> None:
    """What the chosen model's encoder does in the neighbourhood of the drawing."""
    style.question("Which changes of this drawing does the code follow, and which does it ignore?")
    shown = choice.a
    if shown is None:
        return
    if seen is None:
        st.markdown("Draw a digit, or place one, to see its Jacobian.")
        return
    picture = seen.x
    local = linearize(shown.checkpoint.model, picture)
    left, right = st.columns(2, gap="medium")
    with left:
        _map(local.sensitivity_map)
    with right:
        _estimates(shown, picture, local)
    if local.constant:
        st.markdown("The code of this model does not change at all around this drawing: it has no tangents.")
    else:
        _walk(shown, picture, local)
    # Last: eight decompositions take longer than all the rest, which is in sight by then.
    _spectra(shown, picture)


def _map(sensitivity: np.ndarray) -> None:
    st.markdown("How far the code moves when a single pixel does")
    style.chart(
        charts.sensitivity_chart(sensitivity),
        key="sensitivity_chart",
        alt=f"Sensitivity of the code to each of 28 by 28 pixels, at most {sensitivity.max():.3g}.",
    )
    st.caption("The length of ∂h/∂xᵢ; point at a pixel to read it. Squared and added up, they give ‖J‖².")


@once_per_drawing
def _norm_estimates(shown: Shown, picture: Picture, _local: Linearization) -> NormEstimates:
    return norm_estimates(shown.checkpoint.model, picture, _local, PROBES)


@once_per_drawing
def _tangents(shown: Shown, picture: Picture, _local: Linearization) -> np.ndarray:  # noqa: ARG001
    return leading_tangents(_local, _TANGENTS)


@once_per_drawing
def _walked(
    shown: Shown, picture: Picture, number: int, distance: float, _local: Linearization, _leading: np.ndarray
) -> TangentWalk:
    model, tangent = shown.checkpoint.model, _leading[number - 1]
    return walk_tangent(model, picture, _local, tangent, distance, _DISTANCES, _DIRECTIONS)


@once_per_drawing
def _spectrum(shown: Shown, picture: Picture) -> np.ndarray:
    return spectrum_at(shown.checkpoint.model, picture)


def _estimates(shown: Shown, picture: Picture, local: Linearization) -> None:
    """The exact norm beside estimates from random probes, which training uses."""
    exact = local.jacobian_sq_norm
    estimates = _norm_estimates(shown, picture, local)
    means, errors = estimates.means, estimates.standard_errors
    st.markdown("‖J‖² exactly, and estimated with random probes")
    style.chart(
        charts.norm_estimates(exact, PROBES, means, errors),
        key="norm_estimates",
        alt=f"Exact squared Jacobian norm {exact:.4g}; estimates "
        + ", ".join(
            f"{mean:.4g} ± {error:.2g} with {probes}"
            for probes, mean, error in zip(PROBES, means, errors, strict=True)
        )
        + " probes.",
    )
    markup.show(
        markup.values(
            {"exact": f"{exact:.5g}"}
            | {
                f"{probes} probe{'s' if probes > 1 else ''}": f"{mean:.5g} ± {error:.2g}"
                for probes, mean, error in zip(PROBES, means, errors, strict=True)
            }
        )
    )
    st.caption(
        "Each estimate is the mean of ‖Ju‖² over random signs u, which is right on average. The bars are "
        "its standard error, computed exactly from J: it halves with four times the probes. With the "
        "recipes of this lab, contractive training uses one probe for each image of a share of the batch, "
        "and averages over them."
    )


def _walk(shown: Shown, picture: Picture, local: Linearization) -> None:
    """Move the drawing along a tangent, and as far in a random direction."""
    style.question("What does the code follow most?")
    st.markdown("The leading tangents, right singular vectors of J")
    leading = _tangents(shown, picture, local)
    markup.show(markup.columns("tangent", [str(index + 1) for index in range(_TANGENTS)], strong=True))
    st.image(
        maps.grid([[maps.signed_map(one, float(np.abs(one).max()), maps.CELL_PIXELS) for one in leading]]),
        width="stretch",
        alt=f"The {_TANGENTS} directions that the code follows most, as signed pictures, red up and blue "
        "down.",
    )
    st.caption(
        "Red: more ink, blue: less, each on a scale of its own. A tangent has no sign of its own: it is "
        "shown with the larger part of its squared length in red."
    )
    left, right = st.columns(2, gap="medium")
    with left:
        number = st.select_slider(
            "Walk along tangent",
            range(1, _TANGENTS + 1),
            key=keys.TANGENT.name,
            persist_state="session",
        )
    with right:
        distance = st.select_slider(
            "Distance between the pictures",
            _OFFERED,
            format_func=_DISTANCE_NAME,
            key=keys.DISTANCE.name,
            persist_state="session",
            help="The root of the summed squared differences of the pixels, where from black to white is 1. "
            f"The drawing itself has length {local.length:.1f}.",
        )
    name, others = f"tangent {number}", "random directions"
    walked = _walked(shown, picture, number, distance, local, leading)
    along, at_random = walked.code_moved, walked.code_moved_at_random
    paths = {name: walked.along_tangent, others: walked.at_random}
    with left:
        for title, path in ((name, walked.along_tangent), ("one random direction", walked.at_random)):
            st.image(
                maps.grid([[maps.grey_picture(one) for one in (path.moved, path.reconstruction)]]),
                caption=f"moved along {title}, and its reconstruction",
                width=360,
                alt=f"The drawing moved {distance:g} along {title}, and its reconstruction.",
            )
    with right:
        moves = {title: path.code_moves for title, path in paths.items()}
        slopes = {title: path.slope for title, path in paths.items()}
        style.chart(
            charts.walk(_DISTANCES, moves, slopes, abs(distance)),
            key="walk",
            alt="Distance that the code moves against the distance of the pictures, along the tangent and in "
            f"random directions; at {distance:g}: {along:.3g} along {name} and {at_random.value:.3g} in "
            "random directions.",
        )
        values = {
            f"Code moves, along {name}": f"{along:.4g}",
            f"in {_DIRECTIONS} random directions (root mean square)": str(at_random),
        }
        if at_random.value > 0:
            values["tangent over random"] = f"{along / at_random.value:.3g}"
        markup.show(markup.values(values))
        st.caption(
            "Pictures are shown clamped to [0, 1]; the encoder gets them as they are. Dotted: what J says, "
            "in proportion to the distance. J is local: where a curve leaves its dotted line, the encoder "
            "bends."
        )


def _spectra(shown: Shown, picture: Picture) -> None:
    """Singular values of J under every model, as they are or divided by the largest."""
    style.question("In how many directions does the code move?")
    st.markdown("Singular values of J for every penalty weight")
    relative = st.toggle(
        "Divide each spectrum by its largest value",
        key=keys.RELATIVE_SPECTRUM.name,
        persist_state="session",
        help="Off: how far the code moves. On: how many directions matter, whatever the code's scale.",
    )
    models = comparable(shown)
    found = compare_spectra({model.label: _spectrum(model, picture) for model in models}, relative)
    style.chart(
        charts.spectra(found.curves, shown.label, relative, apart(models)),
        key="spectra",
        alt="Singular values of the Jacobian at the drawing, one curve per model, on a log axis; the "
        "largest: " + ", ".join(f"{name}: {values[0]:.3g}" for name, values in found.curves.items()),
    )
    if found.constant:
        st.caption(
            f"Without a curve, because the code does not move at all here: {', '.join(found.constant)}."
        )
    st.caption(
        "Each curve falls from the direction that the code follows most to the one it follows least. It ends "
        "at the rank of J: to first order, near the drawing, the code ignores all further directions. The "
        "shown model's curve is the thick one."
        + ("" if relative else " How high a curve lies depends on the code's scale, too; its shape does not.")
    )
