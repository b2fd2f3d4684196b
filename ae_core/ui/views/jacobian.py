"""Jacobian: the sensitivity map in detail, the exact norm beside its estimates, spectrum and tangents."""

from __future__ import annotations

import streamlit as st
import torch
from torch import Tensor

from ae_core import charts, maps
from ae_core.experiments import tangent_and_random
from ae_core.jacobian import encoder_jacobian, rank, sensitivity_map, spectrum, tangents
from ae_core.metrics import reconstruct
from ae_core.model import Autoencoder
from ae_core.neighbourhood import random_directions, walk
from ae_core.probes import probe_estimates, probe_variance
from ae_core.ui import keys, style
from ae_core.ui.library import Shown
from ae_core.ui.shown_model import comparable

_PROBES = (1, 4, 16, 64)
_TANGENTS = 6
_DISTANCES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 4.0)
"""How far the walk goes, as distances between pictures."""
_OFFERED = (*(-distance for distance in reversed(_DISTANCES)), 0.0, *_DISTANCES)
_DIRECTIONS = 64
"""Random directions beside the tangent."""


def show(shown: Shown, picture: Tensor | None) -> None:
    """What the chosen model's encoder does in the neighbourhood of the drawing."""
    style.question("Which changes of this drawing does the code follow, and which does it ignore?")
    if picture is None:
        st.markdown("Draw a digit, or place one, to see its Jacobian.")
        return
    model = shown.checkpoint.model
    with torch.inference_mode():
        jacobian = encoder_jacobian(model, picture)[0]
    left, right = st.columns(2, gap="medium")
    with left:
        _map(sensitivity_map(jacobian))
    with right:
        _estimates(model, picture, jacobian)
    _spectra(shown, picture)
    if not jacobian.any():
        st.markdown("The code of this model does not change at all around this drawing: it has no tangents.")
        return
    _walk(model, picture, jacobian)


def _map(sensitivity: Tensor) -> None:
    st.markdown("How far the code moves when a single pixel does")
    style.chart(
        charts.sensitivity_chart(sensitivity.numpy()),
        key="sensitivity_chart",
        alt=f"Sensitivity of the code to each of 28 by 28 pixels, at most {sensitivity.max().item():.3g}.",
    )
    st.caption("The length of ∂h/∂xᵢ; point at a pixel to read it. Squared and added up, they give ‖J‖².")


@torch.inference_mode()
def _estimates(model: Autoencoder, picture: Tensor, jacobian: Tensor) -> None:
    """The same norm from random directions: how good is the estimate that training uses?"""
    exact = jacobian.square().sum().item()
    generator = torch.Generator().manual_seed(0)
    estimates = probe_estimates(model.encoder, picture, max(_PROBES), generator)[:, 0]
    means = [estimates[:probes].mean().item() for probes in _PROBES]
    deviation = probe_variance(jacobian).sqrt().item()
    errors = [deviation / probes**0.5 for probes in _PROBES]
    st.markdown("‖J‖² exactly, and estimated with random probes")
    style.chart(
        charts.norm_estimates(exact, _PROBES, means, errors),
        key="norm_estimates",
        alt=f"Exact squared Jacobian norm {exact:.4g}; estimates "
        + ", ".join(
            f"{mean:.4g} ± {error:.2g} with {probes}"
            for probes, mean, error in zip(_PROBES, means, errors, strict=True)
        )
        + " probes.",
    )
    style.show(
        style.figures(
            {"exact": f"{exact:.5g}"}
            | {
                f"{probes} probe{'s' if probes > 1 else ''}": f"{mean:.5g} ± {error:.2g}"
                for probes, mean, error in zip(_PROBES, means, errors, strict=True)
            }
        )
    )
    st.caption(
        "Each estimate is the mean of ‖Ju‖² over random signs u, which is right on average. The bars are "
        "its standard error, computed exactly from J: it halves with four times the probes. With the "
        "recipes of this lab, contractive training uses one probe for each image of a share of the batch, "
        "and averages over them."
    )


@torch.inference_mode()
def _spectra(shown: Shown, picture: Tensor) -> None:
    """Singular values of J for every rung, plain or by shape."""
    style.question("In how many directions does the code move?")
    st.markdown("Singular values of J for every penalty weight")
    relative = st.toggle(
        "Divide each spectrum by its largest value",
        key=keys.RELATIVE_SPECTRUM.name,
        bind="query-params",
        help="Off: how far the code moves. On: how many directions matter, whatever the code's scale.",
    )
    curves, flat = {}, []
    for model in comparable(shown):
        values = spectrum(encoder_jacobian(model.checkpoint.model, picture))[0]
        values = values[: rank(values)]
        if len(values) > 0:
            curves[model.label] = (values / values[0] if relative else values).numpy()
        else:
            flat.append(model.label)
    style.chart(
        charts.spectra(curves, shown.label, relative),
        key="spectra",
        alt="Singular values of the Jacobian at the drawing, one curve per model, on a log axis; the "
        "largest: " + ", ".join(f"{name}: {values[0]:.3g}" for name, values in curves.items()),
    )
    if flat:
        st.caption(f"Without a curve, because the code does not move at all here: {', '.join(flat)}.")
    st.caption(
        "Each curve falls from the direction that the code follows most to the one it follows least. It ends "
        "at the rank of J: to first order, near the drawing, the code ignores all further directions. The "
        "shown model's curve is the thick one."
    )


@torch.inference_mode()
def _walk(model: Autoencoder, picture: Tensor, jacobian: Tensor) -> None:
    """Move the drawing along a tangent, and as far in a random direction."""
    style.question("What does the code follow most?")
    st.markdown("The leading tangents, right singular vectors of J")
    leading = tangents(jacobian, _TANGENTS)
    style.show(style.columns("tangent", [str(index + 1) for index in range(_TANGENTS)], strong=True))
    st.image(
        maps.grid(
            [[maps.signed_map(one.numpy(), one.abs().max().item(), maps.CELL_PIXELS) for one in leading]]
        ),
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
            "Walk along tangent", range(1, _TANGENTS + 1), key=keys.TANGENT.name, bind="query-params"
        )
    with right:
        distance = st.select_slider(
            "Distance between the pictures",
            _OFFERED,
            value=1.0,
            format_func=lambda value: f"{value:g}",
            key=keys.DISTANCE.name,
            bind="query-params",
            help="The root of the summed squared differences of the pixels, where from black to white is 1. "
            f"The drawing itself has length {picture.norm().item():.1f}.",
        )
    name, others = f"tangent {number}", "random directions"
    tangent = leading[number - 1]
    random = random_directions(_DIRECTIONS, torch.Generator().manual_seed(1))
    along, at_random = tangent_and_random(model, picture, tangent, distance)
    with left:
        for title, direction in ((name, tangent), ("one random direction", random[0, 0])):
            here = picture + distance * direction
            shown = [here[0, 0], reconstruct(model, here)[0, 0]]
            st.image(
                maps.grid([[maps.grey_picture(one.numpy()) for one in shown]]),
                caption=f"moved along {title}, and its reconstruction",
                width=360,
                alt=f"The drawing moved {distance:g} along {title}, and its reconstruction.",
            )
    with right:
        sign = -1.0 if distance < 0 else 1.0
        moves = {
            name: walk(model, picture, sign * tangent[None, None], _DISTANCES),
            others: walk(model, picture, sign * random, _DISTANCES),
        }
        slopes = {
            name: (jacobian @ tangent.flatten()).norm().item(),
            others: (jacobian @ random.flatten(1).T).square().sum(0).mean().sqrt().item(),
        }
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
        style.show(style.figures(values))
        st.caption(
            "Pictures are shown clamped to [0, 1]; the encoder gets them as they are. Dotted: what J says, "
            "in proportion to the distance. J is local: where a curve leaves its dotted line, the encoder "
            "bends."
        )
