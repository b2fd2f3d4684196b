"""How a training went, as Plotly charts, and as a small picture while it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ae_core.config import Change
from ae_core.render.chart import Chart
from ae_core.render.chart_style import (
    ACTIVE_COLOUR,
    CHART_HEIGHT,
    LINE_COLOURS,
    QUIET_COLOUR,
    linear_axis,
    log_axis,
)
from ae_core.render.charts import one_curve_per_model
from ae_core.render.line_ends import finish_with_names
from ae_core.render.small_curves import Curve, small_curves

_TEST_COLOURS = ("#3a9a5b", "#9065ad")


class LossReport(Protocol):
    """What is charted of a `training.progress.TrainProgress`."""

    @property
    def step(self) -> int:
        """Optimisation steps done."""

    @property
    def mse(self) -> float:
        """Of the reconstruction, mean over the steps since the report before."""

    @property
    def penalty(self) -> float:
        """Likewise, before it is multiplied by its weight."""


class TestReport(Protocol):
    """What is charted of a `training.observer.Observation`."""

    @property
    def step(self) -> int:
        """Optimisation steps done."""

    @property
    def test_mse(self) -> float:
        """On some test images."""

    @property
    def denoising_mse(self) -> float:
        """On these images with noise on them."""


_SHORT_NAMES = {
    "reconstruction (MSE)": "MSE",
    "weight · penalty": "weight · penalty",
    "test images (MSE)": "test",
    "test images, noisy (MSE)": "noisy",
}


def loss_curve(
    history: Sequence[LossReport],
    penalty_weight: float,
    observations: Sequence[TestReport] = (),
    changes: Sequence[Change] = (),
    cursor: int | None = None,
) -> Chart:
    """Reconstruction and weighted penalty apart, against the step, on a log axis.

    Args:
        penalty_weight: at the start; `changes` may change it.
        observations: errors on test images, each a curve of its own.
        changes: of settings, each marked at its step with what it changes.
        cursor: a step to mark by an upright line.
    """
    curves = _loss_curves(history, penalty_weight, observations, changes)
    chart = Chart()
    for name, curve in curves.items():
        # A logarithm has no place for 0: an unweighted penalty leaves no curve.
        shown = [value if value > 0 else None for value in curve.values]
        chart.add_scatter(
            x=curve.steps, y=shown, mode="lines", name=name, line={"width": 2, "color": curve.colour}
        )
    chart.update_xaxes(title="step", **linear_axis([progress.step for progress in history]))
    chart.update_yaxes(title="loss", **log_axis(*(curve.values for curve in curves.values())))
    chart = finish_with_names(chart, names=_SHORT_NAMES, height=CHART_HEIGHT)
    highest = max((value for curve in curves.values() for value in curve.values), default=1.0)
    for step, what in _marks(changes).items():
        chart.add_vline(step, line={"width": 1, "dash": "dot", "color": QUIET_COLOUR})
        chart.add_scatter(
            x=[step],
            y=[highest],
            mode="markers",
            marker={"symbol": "triangle-down", "size": 9, "color": ACTIVE_COLOUR},
            hovertemplate=f"step {step:,}: {what}<extra></extra>",
            showlegend=False,
        )
    if cursor is not None:
        chart.add_vline(cursor, line={"width": 2, "color": QUIET_COLOUR})
    return chart


def small_loss_curve(
    history: Sequence[LossReport],
    penalty_weight: float,
    observations: Sequence[TestReport],
    changes: Sequence[Change],
    total_steps: int,
    cursor: int | None = None,
) -> str:
    """The same as a small picture in SVG, with the axis of all steps, also of those to come."""
    curves = _loss_curves(history, penalty_weight, observations, changes)
    named = {_SHORT_NAMES[name]: curve for name, curve in curves.items()}
    return small_curves(named, total_steps, _marks(changes), cursor)


def _loss_curves(
    history: Sequence[LossReport],
    penalty_weight: float,
    observations: Sequence[TestReport],
    changes: Sequence[Change],
) -> dict[str, Curve]:
    steps = [progress.step for progress in history]
    tried = [observation.step for observation in observations]
    weighted = [_weight_at(one.step, penalty_weight, changes) * one.penalty for one in history]
    values = [(steps, [progress.mse for progress in history]), (steps, weighted)]
    if observations:
        values.append((tried, [one.test_mse for one in observations]))
        values.append((tried, [one.denoising_mse for one in observations]))
    colours = (*LINE_COLOURS, *_TEST_COLOURS)
    return {
        name: Curve(x, y, colour) for name, (x, y), colour in zip(_SHORT_NAMES, values, colours, strict=False)
    }


def _marks(changes: Sequence[Change]) -> dict[int, str]:
    """What each change changes, in words, by its step."""
    return {
        change.step: ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in change.values.items())
        for change in changes
    }


def _weight_at(step: int, weight: float, changes: Sequence[Change]) -> float:
    """The penalty weight of the step that ended with `step` steps done."""
    for change in changes:
        if change.step < step and change.penalty_weight is not None:
            weight = change.penalty_weight
    return weight


def learning_curves(
    curves: Mapping[str, Sequence[tuple[int, float]]], chosen: str | None, title: str
) -> Chart:
    """How an error of each model fell while it was trained; the chosen one is thicker.

    Args:
        curves: steps and errors, by the models' names.
        title: what the error is.
    """
    every = {
        name: ([float(step) for step, _ in points], [error for _, error in points])
        for name, points in curves.items()
    }
    chart = one_curve_per_model(every, chosen)
    chart.update_xaxes(title="step", **linear_axis(*(x for x, _ in every.values())))
    chart.update_yaxes(title=title, **log_axis(*(y for _, y in every.values())))
    return finish_with_names(chart, chosen)
