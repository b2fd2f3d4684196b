"""Charts: their points against the numbers that went in. Needs plotly; draws nothing."""

import numpy as np
import pytest

from ae_core.charts import ACTIVE_COLOUR, QUIET_COLOUR, code_bars, loss_curve
from ae_core.training import TrainProgress


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
    bars = bars_by_unit(code_bars(code, active, code / 2, 0.01))
    assert sorted(bars) == list(range(64))
    for unit, (height, colour) in bars.items():
        assert height == code[unit]
        assert colour == (ACTIVE_COLOUR if unit in active_units else QUIET_COLOUR)
    assert ACTIVE_COLOUR != QUIET_COLOUR


@pytest.mark.parametrize("target", [0.01, 0.2, None])
def test_means_are_dots_and_the_target_is_a_line(target):
    code, means = np.full(64, 0.5, np.float32), np.linspace(0, 1, 64, dtype=np.float32)
    figure = code_bars(code, code > 1, means, target)
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
    figure = loss_curve([report(100, 0.08, 40.0), report(200, 0.02, 10.0), report(300, 0.01, 5.0)], 1e-3)
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
    reconstruction, penalty = curves(loss_curve(history, 1e-3))
    assert [step for step, _ in reconstruction] == [100, 200, 300]
    assert [step for step, _ in penalty] == [100, 300]


def test_a_penalty_without_weight_has_no_curve():
    reconstruction, penalty = curves(loss_curve([report(100, 0.08, 40.0), report(200, 0.02, 10.0)], 0.0))
    assert len(reconstruction) == 2
    assert penalty == []


def test_a_run_without_a_report_has_an_empty_chart():
    assert curves(loss_curve([], 1e-3)) == ([], [])
