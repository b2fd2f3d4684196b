"""The Units view, held against independent computations. Needs the shipped checkpoints."""

import re

import numpy as np
import pytest
import torch

from ae_core import checkpoints
from ae_core.checkpoints import load_checkpoint
from ae_core.config import KINDS
from ae_core.data import load_mnist, to_float
from ae_core.drawing import to_mnist
from tests.app.conftest import (
    after_slow_work,
    bodies,
    decoded,
    enlarged_digit,
    put_on_canvas,
    show_view,
    texts,
    told_late,
    values_on,
)
from tests.app.opened_views import X, chart_of, opened


def model_shown(page, kind):
    return load_checkpoint(checkpoints.ladder_paths(kind)[page.session_state[f"weight_A_{kind}"]]).model


def the_slider(page):
    (slider,) = [one for one in page.slider if one.label.startswith("Activation of unit")]
    return slider


@pytest.mark.parametrize("kind", KINDS)
def test_units_are_set_by_hand_several_at_once_and_reset_gives_the_code_back(page, kind):
    page = opened(page, kind, "Units")
    model = model_shown(page, kind)
    with torch.no_grad():
        code = model.encode(X)[0]
    first, second = code.topk(2).indices.tolist()
    changed = code.clone()
    before = values_on(page)
    assert before["Units set"] == "none"
    assert before["Mean squared change of the picture"] == "0.00000"
    assert the_slider(page).value == pytest.approx(code[first].item(), rel=1e-4)
    page.button(key="unit_off").click()
    page = page.run()
    changed[first] = 0
    expect_altered(page, model, code, changed)
    page.button(key=f"unit_{second}").click()
    page = page.run()
    # Setting it is moving the slider; the other stays as it was set.
    highest = the_slider(page).max
    the_slider(page).set_value(highest)
    page = page.run()
    changed[second] = highest
    expect_altered(page, model, code, changed)
    assert values_on(page)["Units set"].count(" to ") == 2
    # What is set stays in sight with another drawing, in which it may be weak.
    page = put_on_canvas(page, enlarged_digit(0))
    assert page.button(key=f"unit_{first}").label == f"{first} set"
    page.button(key="units_reset").click()
    page = page.run()
    assert values_on(page)["Units set"] == "none"
    assert values_on(page)["Mean squared change of the picture"] == "0.00000"


def expect_altered(page, model, code, changed):
    with torch.inference_mode():
        whole, altered = model.decode(torch.stack([code, changed])).clamp(0, 1)
    found = values_on(page)
    assert float(found["Mean squared change of the picture"]) == pytest.approx(
        (whole - altered).square().mean().item(), abs=1e-5
    )
    assert float(found["MSE with them"]) == pytest.approx((altered - X).square().mean().item(), abs=1e-5)
    assert float(found["Mean squared change of the picture"]) > 0


def test_a_unit_set_to_its_own_value_changes_nothing(page):
    page = opened(page, "sparse", "Units")
    slider = the_slider(page)
    slider.set_value(slider.value)
    page = page.run()
    assert values_on(page)["Mean squared change of the picture"] == "0.00000"


def test_a_unit_that_is_not_set_follows_the_drawing(page):
    page = opened(page, "sparse", "Units")
    page.session_state["lab"].unit = 14
    values = []
    for digit in (0, 1, 2, 3):
        page = put_on_canvas(page, enlarged_digit(digit))
        values.append(the_slider(page).value)
        picture = page.session_state["lab"].picture
        with torch.inference_mode():
            assert values[-1] == pytest.approx(
                model_shown(page, "sparse").encode(picture)[0, 14].item(), rel=1e-4
            )
    assert len(set(values)) > 1


def test_a_unit_that_is_set_stays_so_where_a_drawing_goes_beyond_its_slider_s_range(page):
    page = opened(page, "sparse", "Units")
    model, digits = model_shown(page, "sparse"), to_float(load_mnist("test").images)
    # Nothing that MNIST has: all of the canvas is ink.
    canvas = np.full((280, 280), 255, dtype=np.uint8)
    with torch.inference_mode():
        ratios = model.encode(to_mnist(canvas))[0] / model.encode(digits).amax(0)
    page.session_state["lab"].unit = unit = int(ratios.nan_to_num(0.0, 0.0).argmax())
    page = page.run()
    slider = the_slider(page)
    largest, half = slider.max, slider.max / 2
    slider.set_value(half)
    page = put_on_canvas(page.run(), canvas)
    assert the_slider(page).max > largest
    assert the_slider(page).value == pytest.approx(half)
    (values,) = page.session_state["lab"].units_set.values()
    assert values == {unit: pytest.approx(half)}


def test_controls_of_which_the_browser_tells_late_change_nothing(page):
    page = opened(page, "sparse", "Units")
    (key,) = [one.key for one in page.slider if one.label.startswith("Activation of unit")]
    page = told_late(page, key, lambda page: show_view(page, "Play"))
    assert not any(page.session_state["lab"].units_set.values())
    page = show_view(page, "Units")
    page.number_input(key="unit_by_number").set_value(14)
    page = page.run()
    page.session_state["lab"].unit = 20
    page = told_late(page, "unit_by_number", lambda page: show_view(page, "Play"))
    assert page.session_state["lab"].unit == 20


def test_the_profile_says_what_the_test_digits_say_of_the_unit(page):
    page = opened(page, "sparse", "Units")
    page.number_input(key="unit_by_number").set_value(14)
    page = page.run()
    mnist = load_mnist("test")
    with torch.inference_mode():
        column = model_shown(page, "sparse").encode(to_float(mnist.images))[:, 14]
    said = " ".join(bodies(page))
    assert f"active on <b>{(column > 0.1 * column.max()).float().mean():.1%}</b>" in said
    strongest = column.argsort(descending=True, stable=True)[:6].tolist()
    picked = re.findall(r"data-pick='test:([0-9]+)'", said)
    assert [int(index) for index in picked[:6]] == strongest
    means = [column[mnist.labels == digit].mean().item() for digit in range(10)]
    chart = " ".join(texts(page.markdown))
    assert f"Mean activation of unit 14 for each digit, the largest for {np.argmax(means)}" in chart
    assert len(re.findall(r"data-pick='unit:[0-9]+'>unit ", said)) == 3


def test_a_unit_has_its_twin_in_another_seed_of_the_same_recipe(page):
    page = after_slow_work(opened(page, "sparse", "Units"))
    box = page.selectbox(key="twin_model")
    assert box.value == box.options[0] == "5·10⁻³, another seed"
    assert re.search(
        r"Unit [0-9]+ of 5·10⁻³, another seed, correlation <b>[+−][01]\.[0-9]{2}</b>", " ".join(bodies(page))
    )
    assert "β = 5·10⁻³" not in box.options, "not itself"


@pytest.mark.parametrize(("kind", "size"), [("sparse", 64), ("contractive", 1152)])
def test_a_unit_that_does_not_exist_is_a_sentence(page, kind, size):
    page = opened(page, kind, "Units", drawn=False)
    page.session_state["lab"].unit = 5000
    page = page.run()
    assert not page.exception
    assert f"There is no unit 5000: the units of this code are 0 to {size - 1:,}." in texts(page.caption)


@pytest.mark.parametrize("kind", KINDS)
def test_sparsity_s_charts_are_the_test_set_s_means_and_densities(page, kind):
    page = opened(page, kind, "Units", drawn=False)
    checkpoint = load_checkpoint(checkpoints.ladder_paths(kind)[page.session_state[f"weight_A_{kind}"]])
    with torch.inference_mode():
        codes = checkpoint.model.encode(to_float(load_mnist("test").images))
    means = decoded(chart_of(page, "unit_means")["data"][0]["y"])
    np.testing.assert_allclose(means, np.sort(codes.mean(0).numpy())[::-1], rtol=1e-3, atol=1e-6)
    density = (codes > 0.1 * codes.amax(0)).float().mean(0).numpy()
    active, never = (decoded(bars["y"]) for bars in chart_of(page, "density_histogram")["data"])
    assert never.tolist() == [(density == 0).sum()]
    assert active.sum() == (density > 0).sum()
    shown = values_on(page)
    assert shown["Active units per image"] == f"{density.sum():.1f} of {codes.shape[1]}"
    l0 = (codes != 0).float().sum(1).mean().item()
    assert shown["Units that are not zero, per image (l0)"] == f"{l0:.1f} of {codes.shape[1]}"
    ranges = codes.amax(0) - codes.amin(0)
    assert shown["Dead units"] == str(int((ranges < 1e-3 * ranges.max()).sum()))
