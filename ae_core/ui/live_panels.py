"""The three panels that follow every stroke: reconstruction, code, Jacobian."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis.inspection import Inspection
from ae_core.analysis.units import mean_activations
from ae_core.data import Picture
from ae_core.render import maps, unit_charts
from ae_core.ui import keys, style
from ae_core.ui.library import Shown
from ae_core.ui.shown_model import Choice
from ae_core.ui.state import lab

_TITLES = ("Reconstruction", "Code", "Jacobian")
_UNITS_IN_BARS = 64
_PIXELS = maps.CELL_PIXELS
"""Of the maps, which the page enlarges: small pictures arrive sooner."""


def show(choice: Choice, picture: Picture | None) -> None:
    """The panels of the chosen model, and of the shipped one below it where they differ.

    Maps of the two have one colour scale each, so that they can be compared.
    """
    if choice.model is None:
        st.error(choice.problem)
        return
    models = [model for model in (choice.model, choice.rung) if model is not None]
    inspections = [None if picture is None else lab().inspect(model, picture) for model in models]
    seen = [inspection for inspection in inspections if inspection is not None]
    largest_error = max((float(one.error.max()) for one in seen), default=0.0)
    largest_sensitivity = max((float(one.sensitivity_map.max()) for one in seen), default=0.0)
    for index, (model, inspection) in enumerate(zip(models, inspections, strict=True)):
        st.markdown(f"**{model.title}**")
        panels = []
        for column, title in zip(st.columns(3, gap="small"), _TITLES, strict=True):
            panels.append(column.container(border=True, height="stretch", key=f"{keys.PANEL}{title}_{index}"))
            with panels[-1]:
                st.header(title, anchor=False)
                if inspection is None:
                    st.write("Draw a digit.")
        if inspection is not None:
            with panels[0]:
                _reconstruction(inspection, largest_error)
            with panels[1]:
                _code(model, inspection)
            with panels[2]:
                _jacobian(model, inspection, largest_sensitivity)


def _reconstruction(inspection: Inspection, largest_error: float) -> None:
    style.show(
        style.picture(
            maps.grey_picture(inspection.reconstruction, _PIXELS),
            "Reconstruction of the drawing, 28 by 28 pixels, clamped to [0, 1].",
            "what the decoder returns, x̂",
        ),
        style.values({"MSE of this digit": f"{inspection.mse:.5f}"}),
        style.picture(
            maps.heat_map(inspection.error, largest_error, _PIXELS),
            f"Error of each pixel of the reconstruction, from 0 to {largest_error:.3g}.",
            "its error at each pixel, |x̂ − x|",
        ),
        style.colour_scale(maps.css_gradient(), largest_error, "error"),
    )


def _code(model: Shown, inspection: Inspection) -> None:
    code, magnitudes = inspection.code, inspection.code_magnitudes
    on_test_set = mean_activations(model.statistics)
    target = model.checkpoint.train_config.sparsity_target
    parts = []
    if len(code) <= _UNITS_IN_BARS:
        assert inspection.active is not None, "a shown model has statistics"
        chart = unit_charts.code_bars(code, inspection.active, on_test_set, target)
        style.chart(
            chart,
            key=f"bars {model.title}",
            alt=f"Activation of each of {len(code)} units; {inspection.active_count} are active.",
        )
        st.caption("Active units in vermilion; blue dots: mean on the test set; dashed: ρ.")
    else:
        largest = float(magnitudes.max())
        parts += [
            style.picture(
                maps.code_map(magnitudes, largest, _PIXELS),
                f"Activation of {len(code)} units, from 0 to {largest:.3g}.",
                "128 channels, each with its 3 x 3 places",
            ),
            style.colour_scale(maps.css_gradient(), largest, "activation"),
        ]
    rows = {
        "Active units": f"{inspection.active_count} of {len(code)}",
        "Hoyer sparsity": f"{inspection.hoyer:.3f}",
    }
    if target is not None:
        rows["Mean activation on the test set"] = f"{on_test_set.mean():.4f}"
        rows["asked for: ρ"] = f"{target:g}"
    style.show(*parts, style.values(rows))


def _jacobian(model: Shown, inspection: Inspection, largest: float) -> None:
    rows = {"‖J‖² of this digit (exact)": f"{inspection.jacobian_sq_norm:.4g}"}
    measured = model.checkpoint.metrics
    if measured.jacobians is not None:
        rows["mean of 1,000 test digits"] = f"{measured.jacobians.jacobian_sq_norm:.4g}"
    relative = inspection.relative_sensitivity
    rows["Relative sensitivity, to first order"] = (
        "the code is constant" if relative is None else f"{relative:.3g}"
    )
    shift = measured.code_shift[0.2]
    if shift is not None:
        rows["Measured: noise 0.2 moves test codes by"] = f"{shift:.3g} spreads"
    style.show(
        style.picture(
            maps.heat_map(inspection.sensitivity_map, largest, _PIXELS),
            f"Sensitivity of the code to each of 28 by 28 pixels, from 0 to {largest:.3g}.",
            "how far the code moves per small change of a pixel",
        ),
        style.colour_scale(maps.css_gradient(), largest, "‖∂h/∂xᵢ‖"),
        style.values(rows),
    )
