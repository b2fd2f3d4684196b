"""The small trade-off, read back from its SVG with an XML parser."""

import math
from xml.etree import ElementTree

import pytest

from ae_core.render.small_trade_off import small_trade_off

SVG = "{http://www.w3.org/2000/svg}"
COSTS, ERRORS = [1000.0, 30.0, 0.5, 0.02], [7e-5, 9e-5, 2e-4, 1.5e-3]
NAMES = ["0", "10⁻⁶", "10⁻⁴", "10⁻¹"]


def drawn(chosen=2, other=None, costs=COSTS, errors=ERRORS, names=NAMES, **size):
    return ElementTree.fromstring(small_trade_off(costs, errors, names, chosen, other, "‖J‖²", **size))


def circles(picture):
    """Each model's circles, by its name with its mark."""
    return {
        group.find(f"{SVG}title").text.split(":")[0]: group.findall(f"{SVG}circle")
        for group in picture.iter(f"{SVG}g")
    }


def texts(picture):
    return {one.text: one for one in picture.iter(f"{SVG}text")}


def test_each_model_is_a_dot_at_the_logarithms_of_its_values():
    picture = drawn(chosen=None)
    dots = circles(picture)
    assert list(dots) == NAMES[::-1]
    ticks = {float(texts(picture)[text].get("x")): power for text, power in (("1", 0), ("10", 1), ("10³", 3))}
    (left, low), (right, high) = min(ticks.items()), max(ticks.items())
    places = [dots[name][0] for name in NAMES]
    for place, cost in zip(places, COSTS, strict=True):
        share = (math.log10(cost) - low) / (high - low)
        assert float(place.get("cx")) == pytest.approx(left + share * (right - left), abs=0.2)
    heights = [float(place.get("cy")) for place in places]
    slope = (heights[0] - heights[3]) / math.log10(ERRORS[3] / ERRORS[0])
    for height, error in zip(heights, ERRORS, strict=True):
        assert height == pytest.approx(heights[0] - slope * math.log10(error / ERRORS[0]), abs=0.2)
    (line,) = picture.iter(f"{SVG}polyline")
    assert line.get("points").split() == [f"{place.get('cx')},{place.get('cy')}" for place in places]


def test_a_is_a_large_vermilion_dot_and_b_a_ring_and_one_model_may_be_both():
    dots = circles(drawn(chosen=2, other=0))
    (a,), (b,), (plain,) = dots["A 10⁻⁴"], dots["B 0"], dots["10⁻¹"]
    assert a.get("fill") == "#d55e00"
    assert float(a.get("r")) > float(plain.get("r"))
    assert (b.get("fill"), b.get("stroke")) == ("none", "currentColor")
    assert plain.get("fill") not in ("none", "#d55e00")
    both = circles(drawn(chosen=1, other=1))["A B 10⁻⁶"]
    assert [one.get("fill") for one in both] == ["#d55e00", "none"]


def test_names_ticks_and_titles_are_text_of_twelve_pixels_in_the_colour_around_it():
    picture = drawn()
    assert float(picture.get("font-size")) >= 12
    assert picture.get("fill") == "currentColor"
    assert (picture.get("width"), picture.get("height")) == ("420", "150")
    found = texts(picture)
    assert {"test MSE", "‖J‖²", "10⁻⁴", "10⁻³", "0", "10⁻⁶", "A 10⁻⁴"} <= set(found)
    assert found["A 10⁻⁴"].get("font-weight") == "700"
    for one in found.values():
        assert one.get("fill") is None
        assert one.get("font-size") is None
        assert 0 <= float(one.get("x")) <= 420
        assert 0 <= float(one.get("y")) <= 150


def test_the_label_says_the_values():
    picture = drawn(chosen=2, other=0)
    assert picture.get("role") == "img"
    label = picture.get("aria-label")
    assert label.startswith("Test MSE against ‖J‖², both on log axes.")
    assert "B 0: 1000, 7·10⁻⁵; 10⁻⁶: 30, 9·10⁻⁵; A 10⁻⁴: 0.5, 2·10⁻⁴; 10⁻¹: 0.02, 0.0015." in label


def test_a_model_with_a_value_of_0_is_left_out_and_the_others_keep_their_marks():
    picture = drawn(chosen=2, other=0, costs=[0.0, 30.0, 0.5, 0.02])
    assert list(circles(picture)) == ["10⁻¹", "10⁻⁶", "A 10⁻⁴"]
    assert "B" not in picture.get("aria-label").split()
    assert len(circles(drawn(chosen=0, costs=[30.0, 0.0, 0.0, 0.0]))) == 1, "one alone has a place, too"


def test_without_any_model_it_is_empty_and_says_so():
    for picture in (drawn(costs=[0.0] * 4), drawn(None, None, [], [], [])):
        assert not list(picture)
        assert picture.get("aria-label") == "No model has a test MSE and a value above 0 of: ‖J‖²."


def test_names_of_models_at_one_place_are_left_out_and_a_s_name_stays():
    names = [f"model {index}" for index in range(30)]
    picture = drawn(7, None, [3.0] * 30, [0.01] * 30, names)
    found = [text for text in texts(picture) if "model" in text]
    assert "A model 7" in found
    assert len(found) < 30
    assert len(circles(picture)) == 30


def test_what_comes_from_outside_stays_text():
    hostile = "<script>alert('1')</script>&\"'"
    source = small_trade_off([1.0, 2.0], [0.1, 0.2], [hostile, "b"], 0, 1, hostile)
    assert "<script" not in source
    picture = ElementTree.fromstring(source)
    assert f"A {hostile}" in next(iter(circles(drawn(0, None, [1.0], [0.1], ["x"])))).replace("x", hostile)
    assert hostile in picture.get("aria-label")
    assert hostile in texts(picture)
    assert {one.tag.removeprefix(SVG) for one in picture.iter()} <= {
        *("svg", "g", "title", "circle", "line", "polyline", "text"),
    }
