"""Charts of a code's units: the activations of one drawing, and how the test images use each unit."""

from __future__ import annotations

import numpy as np

from ae_core.analysis.notation import power_notation
from ae_core.render.chart import Chart
from ae_core.render.chart_style import (
    ACTIVE_COLOUR,
    LINE_COLOURS,
    NAME_MARGIN,
    QUIET_COLOUR,
    VIEW_HEIGHT,
)

_FEWEST_IMAGES = -4.0
"""log10 of the smallest share of the test images: 1 of 10,000."""
_DENSITY_STEP = 0.1


def code_bars(
    code: np.ndarray,
    active: np.ndarray,
    mean_activation: np.ndarray,
    sparsity_target: float | None,
) -> Chart:
    """One bar per unit, the active ones in colour; dots mark the units' mean on the test set, a line rho.

    Args:
        code, active, mean_activation: shape (K,).
    """
    units = np.arange(len(code))
    chart = Chart()
    for name, shown, colour in (("active", active, ACTIVE_COLOUR), ("quiet", ~active, QUIET_COLOUR)):
        chart.add_bar(x=units[shown], y=code[shown].astype(np.float32), name=name, marker={"color": colour})
    chart.add_scatter(
        x=units,
        y=mean_activation.astype(np.float32),
        mode="markers",
        name="mean on the test set",
        marker={"size": 4, "color": LINE_COLOURS[0]},
    )
    if sparsity_target is not None:
        chart.add_hline(y=sparsity_target, line={"dash": "dash", "width": 1, "color": LINE_COLOURS[0]})
    chart.update_xaxes(title="unit", range=[-0.7, len(code) - 0.3], showgrid=False)
    chart.update_yaxes(title="activation", rangemode="tozero", nticks=5)
    chart.update_layout(bargap=0.15, barmode="overlay", showlegend=False)
    return chart.finish()


def unit_means(mean_activation: np.ndarray, sparsity_target: float | None) -> Chart:
    """Mean activation (K,) of each unit over the test set, the largest first, and rho as a line."""
    order = np.argsort(-mean_activation)
    chart = Chart()
    chart.add_scatter(
        x=np.arange(1, len(order) + 1),
        y=mean_activation[order].astype(np.float32),
        customdata=order,
        mode="lines+markers" if len(order) <= 64 else "lines",
        marker={"size": 5},
        line={"color": LINE_COLOURS[0]},
        name="mean activation",
        hovertemplate="unit %{customdata}: %{y:.4g}<extra></extra>",
    )
    if sparsity_target is not None:
        chart.add_hline(
            y=sparsity_target,
            line={"dash": "dash", "color": ACTIVE_COLOUR},
            name=f"ρ = {sparsity_target:g}",
        )
    chart.update_xaxes(title="units, the busiest first")
    chart.update_yaxes(title="mean activation ρ̂", rangemode="tozero")
    return chart.finish(VIEW_HEIGHT, names=0 if sparsity_target is None else NAME_MARGIN)


def density_histogram(density: np.ndarray) -> Chart:
    """How many units are active on which share of the images; those that never are have a bar of their own.

    Args:
        density: shares in [0, 1], shape (K,).
    """
    edges = np.round(np.arange(_FEWEST_IMAGES, _DENSITY_STEP / 2, _DENSITY_STEP), 6)
    counts, _ = np.histogram(np.log10(density[density > 0]), bins=edges)
    never = int((density == 0).sum())
    centres = (edges[:-1] + edges[1:]) / 2
    lowest = min(-2.0, float(edges[np.flatnonzero(counts)[0]])) if counts.any() else -2.0
    beside = np.floor(lowest) - 0.5
    chart = Chart()
    chart.add_bar(
        x=centres,
        y=counts,
        width=_DENSITY_STEP,
        marker={"color": LINE_COLOURS[0]},
        customdata=np.stack([10 ** edges[:-1], 10 ** edges[1:]], axis=1),
        hovertemplate="active on %{customdata[0]:.3g} to %{customdata[1]:.3g} of the images: %{y} units"
        "<extra></extra>",
        name="active",
    )
    chart.add_bar(
        x=[beside],
        y=[never],
        width=2 * _DENSITY_STEP,
        marker={"color": QUIET_COLOUR},
        text=[str(never)],
        textposition="outside",
        hovertemplate="never active: %{y} units<extra></extra>",
        name="never active",
    )
    decades = list(range(round(np.floor(lowest)), 1))
    chart.update_xaxes(
        title="share of the test images on which a unit is active",
        range=[beside - 2 * _DENSITY_STEP, 0.1],
        tickvals=[beside, *decades],
        ticktext=["never", *(power_notation(10.0**decade) for decade in decades)],
    )
    chart.update_yaxes(title="units")
    chart.update_layout(showlegend=False, bargap=0)
    return chart.finish(VIEW_HEIGHT)
