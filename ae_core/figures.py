"""The charts of the views for papers and scripts: the same values, drawn without the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import plotly.graph_objects as go

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.corruption import CORRUPTIONS, corrupt_by
from ae_core.analysis.evaluation import measure_without_jacobians
from ae_core.analysis.glossary import COSTS, term
from ae_core.analysis.inspection import inspect
from ae_core.analysis.linearization import (
    PROBES,
    compare_spectra,
    linearize,
    norm_estimates,
    spectrum_at,
)
from ae_core.analysis.metrics import Metrics
from ae_core.analysis.neighbourhood import DIRECTIONS, RADII, contraction_curve, distance_between_examples
from ae_core.analysis.page_names import View
from ae_core.analysis.probe_errors import ALL_LABELS, PROBE_NOISES, SHIFTS, noisy, shifted
from ae_core.analysis.robustness import STRENGTHS, response_curve
from ae_core.analysis.units import mean_activations, measure_unit_use
from ae_core.analysis.vectors import encode_all
from ae_core.checkpoints import AnyCheckpoint
from ae_core.checkpoints.atlas_file import atlas_path, load_atlas
from ae_core.checkpoints.probe_file import load_probe, probe_path
from ae_core.data import DataSet, Picture
from ae_core.errors import AnalysisError
from ae_core.model import Autoencoder
from ae_core.render import charts, training_charts, unit_charts
from ae_core.render.atlas_chart import atlas_chart
from ae_core.render.chart import Chart
from ae_core.render.chart_style import PICTURE_DISTANCE
from ae_core.render.map_chart import maps_chart
from ae_core.render.trade_off_chart import trade_off


@dataclass(frozen=True)
class Subject:
    """A model that a figure is of."""

    name: str
    checkpoint: AnyCheckpoint
    file: Path
    """Beside which its probe and its map lie, if it has any."""
    data: DataSet
    """What it is measured on."""

    @property
    def model(self) -> Autoencoder:
        """The network itself."""
        return self.checkpoint.model

    @cached_property
    def metrics(self) -> Metrics:
        """Its values on the test set, measured if the file does not say all of them."""
        known = self.checkpoint.metrics
        return (
            known
            if isinstance(known, Metrics)
            else measure_without_jacobians(self.model, self.data.images("test"))
        )

    @property
    def statistics(self) -> CodeStatistics:
        """Those of its codes."""
        return CodeStatistics.from_metrics(self.metrics)


Draw = Callable[[Sequence[Subject], Picture], Chart]


def draw(view: View, chart: str | None, subjects: Sequence[Subject], picture: Picture) -> go.Figure:
    """A chart of a view, on white.

    Args:
        chart: one of those that `FIGURES` has for the view; None: the first.
        subjects: at least one model; charts that show a single one show the first.
    Raises:
        AnalysisError: if there is no such chart of these models.
    """
    drawn = FIGURES[view]
    made = drawn[next(iter(drawn)) if chart is None else chart](subjects, picture)
    made.update_layout(paper_bgcolor="white", plot_bgcolor="white")
    return made.figure()


def _maps(subjects: Sequence[Subject], picture: Picture) -> Chart:
    return maps_chart(inspect(subjects[0].model, picture, subjects[0].statistics))


def _losses(subjects: Sequence[Subject], picture: Picture) -> Chart:  # noqa: ARG001
    curves = {
        one.name: [(row.step, row.mse) for row in one.checkpoint.history]
        for one in subjects
        if one.checkpoint.history
    }
    if not curves:
        raise AnalysisError(
            "These files hold no history of their training: they were saved before files kept one."
        )
    return training_charts.learning_curves(curves, None, "MSE on training images")


def _trade_off(subjects: Sequence[Subject], picture: Picture) -> Chart:  # noqa: ARG001
    kinds = {one.checkpoint.model_config.kind for one in subjects}
    if len(kinds) > 1:
        raise AnalysisError(
            "Contractive and sparse models have no value in common by which to hold them together."
        )
    cost = COSTS[kinds.pop()][0]
    values = [(one.name, one.metrics.value_of(cost), one.metrics.test_mse) for one in subjects]
    known = [(name, x, y) for name, x, y in values if x is not None]
    return trade_off(
        [x for _, x, _ in known],
        [y for _, _, y in known],
        [name for name, _, _ in known],
        None,
        term(cost).label,
    )


def _unit_means(subjects: Sequence[Subject], picture: Picture) -> Chart:  # noqa: ARG001
    first = subjects[0]
    target = first.checkpoint.train_config.at_last.sparsity_target
    return unit_charts.unit_means(mean_activations(first.statistics), target)


def _density(subjects: Sequence[Subject], picture: Picture) -> Chart:  # noqa: ARG001
    first = subjects[0]
    codes = encode_all(first.model, first.data.images("test"))
    return unit_charts.density_histogram(measure_unit_use(codes, first.statistics, 1).density)


def _map(subjects: Sequence[Subject], picture: Picture) -> Chart:  # noqa: ARG001
    first = subjects[0]
    places = load_atlas(atlas_path(first.file), first.model, first.data).places
    return atlas_chart(places, first.data.labelled("test").labels.numpy(), first.data.classes)


def _probe_errors(
    where: Sequence[float],
    names: Sequence[str],
    title: str,
    subjects: Sequence[Subject],
    picture: Picture,  # noqa: ARG001
) -> Chart:
    probes = {one.name: load_probe(probe_path(one.file), one.model, one.data).errors for one in subjects}
    curves = {name: [errors[key] for key in names] for name, errors in probes.items()}
    return charts.curves_by_model(where, curves, None, title, "test error, %")


def _spectra(subjects: Sequence[Subject], picture: Picture, relative: bool = False) -> Chart:
    found = compare_spectra({one.name: spectrum_at(one.model, picture) for one in subjects}, relative)
    return charts.spectra(found.curves, None, relative)


def _sensitivity(subjects: Sequence[Subject], picture: Picture) -> Chart:
    return charts.sensitivity_chart(linearize(subjects[0].model, picture).sensitivity_map)


def _estimates(subjects: Sequence[Subject], picture: Picture) -> Chart:
    model = subjects[0].model
    local = linearize(model, picture)
    found = norm_estimates(model, picture, local, PROBES)
    return charts.norm_estimates(local.jacobian_sq_norm, PROBES, found.means, found.standard_errors)


def _contraction(subjects: Sequence[Subject], picture: Picture) -> Chart:
    curves = {
        one.name: contraction_curve(one.model, picture, RADII, spread, DIRECTIONS)
        for one in subjects
        if (spread := one.statistics.spread) > 0
    }
    return charts.curves_by_model(
        RADII,
        curves,
        None,
        f"radius r: {PICTURE_DISTANCE}",
        "code moved / (r · spread)",
        log_x=True,
        log_y=True,
        mark=distance_between_examples(),
    )


def _response(name: str, subjects: Sequence[Subject], picture: Picture) -> Chart:
    """How far a change of the drawing moves the code."""
    kind = CORRUPTIONS[name]
    strengths = kind.strengths(STRENGTHS)
    changed = corrupt_by(name, picture, strengths)
    found = {
        one.name: response_curve(one.model, picture, changed, one.statistics.spread).code_moved
        for one in subjects
    }
    curves = {label: moved for label, moved in found.items() if moved is not None}
    title = f"{name.lower()}: {kind.unit}"
    return charts.curves_by_model(strengths, curves, None, title, "code moved, in spreads of the code")


FIGURES: dict[View, dict[str, Draw]] = {
    View.PLAY: {"maps": _maps},
    View.TRAIN: {"losses": _losses},
    View.COMPARE: {"trade-off": _trade_off},
    View.UNITS: {"means": _unit_means, "density": _density},
    View.MAP: {"map": _map},
    View.JACOBIAN: {
        "spectrum": _spectra,
        "relative-spectrum": partial(_spectra, relative=True),
        "sensitivity": _sensitivity,
        "estimates": _estimates,
    },
    View.ROBUSTNESS: {
        "contraction": _contraction,
        **{name.lower(): partial(_response, name) for name in CORRUPTIONS},
    },
    View.MEANING: {
        "noise": partial(
            _probe_errors,
            (0.0, *PROBE_NOISES),
            (ALL_LABELS, *map(noisy, PROBE_NOISES)),
            "noise: standard deviation",
        ),
        "shift": partial(_probe_errors, (0, *SHIFTS), (ALL_LABELS, *map(shifted, SHIFTS)), "shift: pixels"),
    },
}
"""For each view that has charts of models their names, the first one first."""
