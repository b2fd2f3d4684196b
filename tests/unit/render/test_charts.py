"""Charts: their points against the numbers that went in. Needs plotly; draws nothing."""

import numpy as np
import pytest

from ae_core.analysis.notation import power_notation
from ae_core.render.chart_style import ACTIVE_COLOUR, LINE_COLOURS, QUIET_COLOUR
from ae_core.render.charts import (
    curves_by_model,
    norm_estimates,
    sensitivity_chart,
    spectra,
    walk,
)
from ae_core.render.trade_off_chart import trade_off
from ae_core.render.training_charts import loss_curve
from ae_core.render.unit_charts import code_bars, density_histogram, unit_means
from ae_core.sweep.table import Span, SweepPoint
from ae_core.training.progress import TrainProgress


def bars_by_unit(figure):
    """Height and colour of each bar, by its unit; a unit that is drawn twice is a mistake."""
    found = {}
    for trace in figure.data:
        if trace.type == "bar":
            for unit, height in zip(trace.x, trace.y, strict=True):
                assert unit not in found
                found[int(unit)] = (float(height), trace.marker.color)
    return found


@pytest.mark.parametrize("active_units", [[], [3], [0, 7, 63], list(range(64))])
def test_each_unit_has_one_bar_and_the_active_ones_are_coloured(active_units):
    code = np.random.default_rng(2).random(64).astype(np.float32)
    active = np.isin(np.arange(64), active_units)
    bars = bars_by_unit(code_bars(code, active, code / 2, 0.01).figure())
    assert sorted(bars) == list(range(64))
    for unit, (height, colour) in bars.items():
        assert height == code[unit]
        assert colour == (ACTIVE_COLOUR if unit in active_units else QUIET_COLOUR)
    assert ACTIVE_COLOUR != QUIET_COLOUR


@pytest.mark.parametrize("target", [0.01, 0.2, None])
def test_means_are_dots_and_the_target_is_a_line(target):
    code, means = np.full(64, 0.5, np.float32), np.linspace(0, 1, 64, dtype=np.float32)
    figure = code_bars(code, code > 1, means, target).figure()
    (dots,) = (trace for trace in figure.data if trace.type == "scatter")
    assert dots.mode == "markers"
    np.testing.assert_array_equal(dots.x, np.arange(64))
    np.testing.assert_array_equal(dots.y, means)
    assert [(line.y0, line.y1) for line in figure.layout.shapes] == (
        [] if target is None else [(target, target)]
    )
    assert figure.layout.xaxis.title.text
    assert figure.layout.yaxis.title.text


def report(step, mse, penalty):
    return TrainProgress(
        epoch=1,
        step=step,
        total_steps=600,
        loss=mse,
        mse=mse,
        penalty=penalty,
        images_per_second=1000.0,
        seconds_left=1.0,
    )


def curves(figure):
    """The reconstruction's points and the penalty's, as pairs; None is no point."""
    points = {}
    for trace in figure.data:
        pairs = zip(trace.x, trace.y, strict=True)
        points[trace.name] = [(step, value) for step, value in pairs if value is not None]
    (penalty,) = (name for name in points if "penalty" in name)
    (reconstruction,) = (name for name in points if "reconstruction" in name)
    assert len(points) == 2
    return points[reconstruction], points[penalty]


def test_reconstruction_and_weighted_penalty_are_two_curves_on_a_log_axis():
    figure = loss_curve(
        [report(100, 0.08, 40.0), report(200, 0.02, 10.0), report(300, 0.01, 5.0)], 1e-3
    ).figure()
    reconstruction, penalty = curves(figure)
    assert reconstruction == [(100, 0.08), (200, 0.02), (300, 0.01)]
    assert [step for step, _ in penalty] == [100, 200, 300]
    assert [value for _, value in penalty] == pytest.approx([0.04, 0.01, 0.005])
    assert figure.layout.yaxis.type == "log"
    assert figure.data[0].line.color != figure.data[1].line.color
    assert figure.layout.xaxis.title.text
    assert figure.layout.yaxis.title.text


def test_a_zero_penalty_has_no_point():
    history = [report(100, 0.08, 40.0), report(200, 0.02, 0.0), report(300, 0.01, 5.0)]
    reconstruction, penalty = curves(loss_curve(history, 1e-3).figure())
    assert [step for step, _ in reconstruction] == [100, 200, 300]
    assert [step for step, _ in penalty] == [100, 300]


def test_a_penalty_without_weight_has_no_curve():
    reconstruction, penalty = curves(
        loss_curve([report(100, 0.08, 40.0), report(200, 0.02, 10.0)], 0.0).figure()
    )
    assert len(reconstruction) == 2
    assert penalty == []


def test_a_run_without_a_report_has_an_empty_chart():
    assert curves(loss_curve([], 1e-3).figure()) == ([], [])


def names_and_values(figure):
    return {trace.name: np.asarray(trace.y) for trace in figure.data}


def test_the_trade_off_marks_the_chosen_model_and_each_point_knows_its_own():
    figure = trade_off(
        [0.0, 2.0, 30.0], [0.1, 0.01, 0.001], ["a", "b", "c"], 2, "cost", up_title="error"
    ).figure()
    (points,) = figure.data
    assert list(points.text) == ["a", "b", "c"]
    assert [one[0] for one in points.customdata] == [0, 1, 2]
    assert list(points.marker.color) == [LINE_COLOURS[0], LINE_COLOURS[0], ACTIVE_COLOUR]
    # A cost of 0 has no place on a logarithmic axis.
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("linear", "log")
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("cost", "error")


def test_the_trade_off_names_a_sweep_s_points_by_their_weights():
    span = Span(0.01, 0.005, 0.02)
    point = SweepPoint("sparse", 5e-3, 3, span, {})
    _, sweep = trade_off([1.0], [0.1], ["a"], 0, "cost", [(point, Span.of([2.0, 4.0]))]).figure().data
    assert list(sweep.text) == ["5·10⁻³"]
    assert (list(sweep.x), list(sweep.y)) == ([3.0], [0.01])


@pytest.mark.parametrize("target", [0.01, None])
def test_unit_means_are_sorted_and_keep_their_unit(target):
    figure = unit_means(np.array([0.1, 0.5, 0.2], np.float32), target).figure()
    (line,) = figure.data
    np.testing.assert_allclose(line.y, [0.5, 0.2, 0.1])
    assert list(line.customdata) == [1, 2, 0]
    assert len(figure.layout.shapes) == (0 if target is None else 1)


def heights(figure):
    return {trace.name: np.asarray(trace.y) for trace in figure.data}


@pytest.mark.parametrize("seed", range(5))
def test_the_density_histogram_counts_every_unit_and_those_never_active_have_a_bar_of_their_own(seed):
    chance = np.random.default_rng(seed)
    density = chance.integers(0, 10_001, 64) / 10_000 * (chance.random(64) > 0.3)
    figure = density_histogram(density).figure()
    shown = heights(figure)
    assert shown["never active"].tolist() == [(density == 0).sum()]
    assert shown["active"].sum() == (density > 0).sum()
    never, active = figure.data[1].x[0], np.asarray(figure.data[0].x)
    assert never < active[shown["active"] > 0].min() - figure.data[0].width / 2, (
        "beside, not among the others"
    )
    assert "never" in figure.layout.xaxis.ticktext
    low, high = figure.layout.xaxis.range
    assert low < never < high


def test_a_unit_active_on_one_image_of_ten_thousand_is_not_counted_as_never_active():
    shown = heights(density_histogram(np.array([1.0, 1e-4, 0.0])).figure())
    assert shown["never active"].tolist() == [1]
    assert shown["active"].sum() == 2
    assert shown["active"][0] == 1


def test_a_code_that_is_never_active_has_its_bar_alone():
    shown = heights(density_histogram(np.zeros(64)).figure())
    assert shown["never active"].tolist() == [64]
    assert shown["active"].sum() == 0


def test_norm_estimates_have_error_bars_and_the_exact_line():
    figure = norm_estimates(2.0, (1, 4), [1.5, 2.1], [0.4, 0.2]).figure()
    assert list(figure.data[0].error_y.array) == [0.4, 0.2]
    assert figure.layout.shapes[0].y0 == 2.0
    assert figure.layout.annotations[0].text == "exact<br>2"


def test_spectra_thicken_the_chosen_curve():
    figure = spectra(
        {"a": np.array([1.0, 0.5]), "b": np.array([4.0, 2.0, 1.0])}, "b", relative=False
    ).figure()
    np.testing.assert_allclose(names_and_values(figure)["b"], [4, 2, 1])
    widths = {trace.name: trace.line.width for trace in figure.data}
    assert widths["b"] > widths["a"]
    assert len({trace.line.color for trace in figure.data}) == 2


def test_every_chart_of_the_views_names_its_axes():
    curve = {"a": [1.0, 2.0]}
    for figure in (
        trade_off([1.0], [1.0], ["a"], None, "cost").figure(),
        unit_means(np.ones(3), 0.1).figure(),
        density_histogram(np.ones(3)).figure(),
        sensitivity_chart(np.ones((28, 28))).figure(),
        norm_estimates(1.0, (1,), [1.0], [0.1]).figure(),
        spectra({"a": np.ones(3)}, None, relative=True).figure(),
        curves_by_model([0.1, 1.0], curve, None, "radius", "move", log_x=True, log_y=True).figure(),
        walk([0.1, 1.0], {"a": [1.0, 2.0], "b": [0.5, 1.0]}, {"a": 2.0, "b": 1.0}, 0.5).figure(),
    ):
        assert figure.layout.xaxis.title.text
        assert figure.layout.yaxis.title.text


def test_the_sensitivity_chart_has_its_first_row_on_top():
    figure = sensitivity_chart(np.arange(784.0).reshape(28, 28)).figure()
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.data[0].z[0][1] == 1
    assert (figure.data[0].zmin, figure.data[0].zmax) == (0, 783), "Plotly ignores zmin without zmax"


def test_the_sensitivity_chart_of_a_map_of_zeros_has_a_scale():
    figure = sensitivity_chart(np.zeros((28, 28))).figure()
    assert figure.data[0].zmin == 0 < figure.data[0].zmax


@pytest.mark.parametrize(("low", "high"), [(1e-6, 1e2), (0.5, 0.9), (3.0, 25.0), (2e-3, 2.1e-3), (1.0, 1.0)])
def test_log_axes_show_decades_and_at_least_two_of_them(low, high):
    figure = curves_by_model([low, high], {"a": [low, high]}, None, "x", "y", log_x=True, log_y=True).figure()
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        assert axis.type == "log"
        bottom, top = axis.range
        assert bottom <= np.log10(low) <= np.log10(high) <= top
        decades = np.log10(axis.tickvals)
        np.testing.assert_allclose(decades, np.round(decades))
        assert ((bottom < decades) & (decades < top)).all(), "none in a corner, where two axes meet"
        assert len(decades) >= 2
        assert (np.diff(decades) == 1).all()
        assert list(axis.ticktext) == [power_notation(value) for value in axis.tickvals]


def test_a_log_axis_over_many_decades_has_room_for_its_ticks():
    figure = curves_by_model([1.0, 2.0], {"a": [1e-30, 1.0]}, None, "x", "y", log_y=True).figure()
    assert 5 <= len(figure.layout.yaxis.tickvals) <= 11
    assert len(set(np.diff(np.round(np.log10(figure.layout.yaxis.tickvals))))) == 1


@pytest.mark.parametrize(
    ("values", "low", "high"), [([1.0, 3.0], 0.0, 3.0), ([-1.0, 3.0], -1.0, 3.0), ([2.0, 2.0], 0.0, 2.0)]
)
def test_a_linear_axis_starts_at_zero_or_shows_what_is_below(values, low, high):
    axis = curves_by_model([1.0, 2.0], {"a": values}, None, "x", "y").figure().layout.yaxis
    bottom, top = axis.range
    assert (bottom == 0) == (low == 0)
    assert bottom <= low < high < top


def test_a_walk_has_its_directions_what_the_jacobian_says_of_them_and_a_mark():
    distances = [0.001, 0.1, 4.0]
    figure = walk(
        distances, {"a": [0.01, 0.5, 1.0], "b": [0.0, 0.1, 0.2]}, {"a": 10.0, "b": 1.0}, 0.1
    ).figure()
    values = names_and_values(figure)
    np.testing.assert_allclose(values["a"], [0.01, 0.5, 1.0])
    np.testing.assert_allclose(values["a, to first order"], [0.01, 1.0, 40.0])
    assert np.isnan(values["b"][0]), "a logarithm has no place for 0"
    assert figure.layout.shapes[0].x0 == 0.1
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert (
        not walk(distances, {"a": [1.0] * 3, "b": [1.0] * 3}, {"a": 1.0, "b": 1.0}, 0.0)
        .figure()
        .layout.shapes
    )
