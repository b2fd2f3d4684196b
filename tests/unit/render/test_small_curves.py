"""The curves of a training, read back from their SVG with an XML parser."""

import math
from itertools import pairwise
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from ae_core.config import Change
from ae_core.render.small_curves import Curve, small_curves
from ae_core.render.training_charts import loss_curve, small_loss_curve

SVG = "{http://www.w3.org/2000/svg}"
FALLING = Curve((10, 20, 40), (0.1, 0.01, 0.001), "#0b7fc7")


def drawn(curves, total_steps=100, marks=None, **size):
    return ElementTree.fromstring(small_curves(curves, total_steps, marks, **size))


def lines(picture):
    """The points of each curve; the strokes to the names are left out."""
    found = [one for one in picture.iter(f"{SVG}polyline") if one.get("stroke-opacity") is None]
    return [[tuple(map(float, place.split(","))) for place in one.get("points").split()] for one in found]


def texts(picture):
    return [one.text for one in picture.iter(f"{SVG}text")]


def test_a_curve_runs_over_all_steps_on_a_log_axis_and_is_named_with_its_last_value():
    picture = drawn({"MSE": FALLING})
    (points,) = lines(picture)
    (x1, y1), (x2, y2), (x3, y3) = points
    assert (x3 - x2) == pytest.approx(2 * (x2 - x1), abs=0.3)
    assert (y2 - y1) == pytest.approx(y3 - y2, abs=0.3)
    assert y1 < y2 < y3
    zero, hundred = (
        next(float(one.get("x")) for one in picture.iter(f"{SVG}text") if one.text == text)
        for text in ("0", "100")
    )
    assert x1 == pytest.approx(zero + 0.1 * (hundred - zero), abs=0.3)
    assert "MSE 0.001" in texts(picture)
    assert "at their ends: MSE 0.001" in picture.get("aria-label")


def test_what_a_log_axis_cannot_show_is_left_out():
    picture = drawn(
        {
            "MSE": FALLING,
            "no penalty": Curve((10, 20), (0.0, 0.0), "red"),
            "lost": Curve((5, 9), (math.nan, 1), "red"),
        }
    )
    assert [len(points) for points in lines(picture)] == [3, 1]
    assert not any("no penalty" in text for text in texts(picture))
    empty = drawn({"MSE": Curve((), (), "red")})
    assert lines(empty) == []
    assert "nothing yet" in empty.get("aria-label")


def test_a_mark_stands_at_its_step_and_says_what_happened():
    picture = drawn({"MSE": FALLING}, marks={20: "penalty weight 0.5 <now>"})
    (title,) = picture.iter(f"{SVG}title")
    assert title.text == "step 20: penalty weight 0.5 <now>"
    (mark,) = [one for one in picture.iter(f"{SVG}line") if one.get("stroke-dasharray")]
    assert float(mark.get("x1")) == lines(picture)[0][1][0]


def test_names_do_not_cover_each_other_and_all_stays_within_the_picture():
    curves = {f"curve {number}": Curve((1, 100), (1.0, 0.1 + number / 1e4), "red") for number in range(4)}
    picture = drawn(curves, width=560, height=200)
    heights = sorted(
        float(one.get("y")) for one in picture.iter(f"{SVG}text") if (one.text or "").startswith("curve")
    )
    assert len(heights) == 4
    assert all(later - earlier > 14 for earlier, later in pairwise(heights))
    assert 0 <= heights[0] <= heights[-1] <= 200
    assert all(0 <= x <= 560 and 0 <= y <= 200 for points in lines(picture) for x, y in points)


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    long = Curve(range(1, 5001), [1 / step for step in range(1, 5001)], "red")
    (points,) = lines(drawn({"MSE": long}, total_steps=5000))
    assert len(points) == 200
    whole = lines(drawn({"MSE": Curve((1, 5000), (1.0, 1 / 5000), "red")}, total_steps=5000))[0]
    assert (points[0], points[-1]) == (whole[0], whole[-1])


class Report(NamedTuple):
    step: int
    mse: float
    penalty: float


class Tried(NamedTuple):
    step: int
    test_mse: float
    denoising_mse: float


HISTORY = [Report(10, 0.1, 4.0), Report(20, 0.05, 2.0), Report(30, 0.02, 1.0)]
TRIED = [Tried(12, 0.2, 0.3), Tried(25, 0.1, 0.2)]
CHANGES = (Change(20, penalty_weight=0.5, learning_rate=1e-4),)


def test_the_loss_curve_weights_each_penalty_by_the_weight_of_its_step_and_marks_the_change():
    figure = loss_curve(HISTORY, 0.1, TRIED, CHANGES).figure()
    by_name = {trace.name: trace for trace in figure.data if trace.name}
    assert list(by_name["weight · penalty"].y) == [0.4, 0.2, 0.5]
    assert list(by_name["test images (MSE)"].x) == [12, 25]
    assert list(by_name["test images, noisy (MSE)"].y) == [0.3, 0.2]
    (mark,) = [trace for trace in figure.data if not trace.name]
    assert mark.x == (20,)
    assert mark.hovertemplate.startswith("step 20: penalty weight 0.5, learning rate 0.0001")


def test_the_small_loss_curve_shows_the_same():
    picture = ElementTree.fromstring(small_loss_curve(HISTORY, 0.1, TRIED, CHANGES, 100))
    ends = [text for text in texts(picture) if text.split()[0] in ("MSE", "weight", "test", "noisy")]
    assert ends == ["MSE 0.02", "weight · penalty 0.5", "test 0.1", "noisy 0.2"]
    (title,) = picture.iter(f"{SVG}title")
    assert title.text == "step 20: penalty weight 0.5, learning rate 0.0001"
