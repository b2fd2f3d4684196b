"""Names at the ends of curves: each at its own curve, none on another, the chosen one's in bold."""

import re
from itertools import pairwise

import numpy as np
import pytest

from ae_core.render.charts import curves_by_model, spectra, walk
from ae_core.render.training_charts import loss_curve
from ae_core.training.progress import TrainProgress

LADDER = ["0", "10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹"]


def ends(figure):
    """Each curve's annotation, by the full name."""
    found = {one.hovertext: one for one in figure.layout.annotations}
    assert len(found) == len(figure.layout.annotations)
    return found


def height_of(one):
    """Where a name stands, as its axis has it."""
    return one.ay if one.showarrow else one.y


def middles(figure):
    """Where the names stand, in pixels from the plot's lower end, and how high they are, from below."""
    low, high = figure.layout.yaxis.range
    plot = figure.layout.height - 60
    return sorted(
        ((height_of(one) - low) / (high - low) * plot, 15 * (1 + one.text.count("<br>")))
        for one in figure.layout.annotations
    )


def ladder_of(values, chosen="10⁻⁴", **axes):
    curves = {name: [2 * value, value] for name, value in zip(LADDER, values, strict=True)}
    return curves_by_model([1.0, 10.0], curves, chosen, "x", "y", **axes)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("spread", [70, 1.3])
def test_each_name_stands_beside_the_last_point_of_its_curve_or_is_joined_to_it(log, spread):
    values = np.geomspace(0.1, 0.1 * spread, 7)
    figure = ladder_of(values, log_x=log, log_y=log).figure()
    found = ends(figure)
    assert list(found) == LADDER
    for (name, one), value, curve in zip(found.items(), values, figure.data, strict=True):
        assert curve.name == name
        x, y = (1.0, np.log10(value)) if log else (10.0, value)
        low, high = figure.layout.yaxis.range
        assert one.x == pytest.approx(x)
        assert one.text == (f"<b>{name}</b>" if name == "10⁻⁴" else name)
        if one.showarrow:
            assert (one.y, one.ayref, one.arrowcolor) == (pytest.approx(y), "y", curve.line.color)
            assert one.ax > 0
        else:
            assert one.xshift > 0
            assert abs(one.y - y) / (high - low) * figure.layout.height < 8, "half a line"
    joined = [one.showarrow for one in found.values()]
    assert any(joined) == (spread < 2 or not log), "only those that had to move"
    assert not figure.layout.showlegend


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("values", [np.full(7, 0.3), np.linspace(1, 1.01, 7), np.geomspace(1e-6, 1, 7)])
def test_names_never_stand_on_one_another_and_stay_in_the_order_of_their_curves(values, log):
    figure = ladder_of(values, log_y=log).figure()
    places = middles(figure)
    for (below, height), (above, higher) in pairwise(places):
        assert above - below >= (height + higher) / 2
    shown = sorted(ends(figure).values(), key=height_of)
    assert [one.hovertext for one in shown] == LADDER
    low, high = figure.layout.yaxis.range
    assert all(low <= height_of(one) <= high for one in shown)


def test_a_chart_of_many_models_is_high_enough_for_their_names():
    curves = {f"contractive 10⁻⁴ no. {number}": [1.0, 2.0] for number in range(30)}
    figure = curves_by_model([1.0, 2.0], curves, None, "x", "y").figure()
    places = middles(figure)
    assert all(above - below >= 30 for (below, _), (above, _) in pairwise(places))
    assert figure.layout.height > curves_by_model([1.0], {"a": [1.0]}, None, "x", "y").figure().layout.height


def test_long_names_are_broken_in_two_and_have_room():
    name = "contractive 10⁻⁴ no. 1"
    figure = curves_by_model([1.0, 2.0], {"0": [1.0, 2.0], name: [2.0, 3.0]}, name, "x", "y").figure()
    one = ends(figure)[name]
    assert one.text == "<b>contractive<br>10⁻⁴ no. 1</b>"
    # A letter of the page's font at 12 pixels is 7 wide on average.
    assert figure.layout.margin.r >= 14 + 7 * len("contractive")
    short = ladder_of(np.ones(7)).figure().layout.margin.r
    assert short < figure.layout.margin.r


def test_a_curve_that_ends_early_has_its_name_there_and_one_without_points_has_none():
    curves = {"a": np.array([4.0, 2.0, 1.0]), "b": np.array([3.0]), "c": np.array([])}
    found = ends(spectra(curves, "a", relative=False).figure())
    assert list(found) == ["a", "b"]
    assert (found["a"].x, found["b"].x) == (3, 1)
    assert found["b"].y == pytest.approx(np.log10(3.0))


def test_the_pointer_reads_a_curve_s_full_name_and_value():
    for curve in ladder_of(np.ones(7)).figure().data:
        assert {"%{fullData.name}", "%{y:.3g}"} <= set(re.findall(r"%{[^}]*}", curve.hovertemplate))


def test_a_name_from_outside_stays_text():
    figure = curves_by_model([1.0, 2.0], {"<b>x</b>": [1.0, 2.0]}, None, "x", "y").figure()
    (one,) = figure.layout.annotations
    assert one.text == one.hovertext == "&lt;b&gt;x&lt;/b&gt;"


def test_the_loss_curve_s_two_lines_are_named_at_their_ends():
    report = {"epoch": 1, "total_steps": 600, "loss": 1.0, "images_per_second": 1.0, "seconds_left": 1.0}
    history = [TrainProgress(step=step, mse=0.08, penalty=0.0, **report) for step in (100, 200)]
    assert [one.text for one in loss_curve(history, 1e-3).figure().layout.annotations] == ["MSE"], (
        "0 has no place"
    )
    history.append(TrainProgress(step=300, mse=0.04, penalty=2.0, **report))
    found = ends(loss_curve(history, 1e-3).figure())
    assert [one.text for one in found.values()] == ["MSE", "weight ·<br>penalty"]
    assert [one.y for one in found.values()] == pytest.approx([np.log10(0.04), np.log10(0.002)])
    assert all(one.x == 300 for one in found.values())
    assert not loss_curve([], 1e-3).figure().layout.annotations


def test_a_walk_names_its_directions_and_what_the_jacobian_says_of_them():
    figure = walk(
        [0.1, 4.0], {"tangent 1": [0.1, 1.0], "random": [0.1, 0.5]}, {"tangent 1": 1.0, "random": 0.2}, 1.0
    ).figure()
    found = ends(figure)
    assert [found[name].text for name in ("tangent 1", "random")] == ["tangent 1", "random"]
    for name, slope in (("tangent 1", 1.0), ("random", 0.2)):
        first_order = found[f"{name}, to first order"]
        assert first_order.text == "to first order"
        near = 0 if first_order.showarrow else 0.05
        assert first_order.y == pytest.approx(np.log10(4 * slope), abs=near)
    colours = {trace.name: trace.line.color for trace in figure.data}
    assert colours["random, to first order"] == colours["random"] != colours["tangent 1"]
