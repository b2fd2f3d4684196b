"""Small bars as SVG: their heights, names and words. Needs only NumPy."""

import re

import pytest

from ae_core.render.small_bars import small_bars


def rectangles(svg):
    return [
        tuple(map(float, one))
        for one in re.findall(r"<rect x='([\d.]+)' y='([\d.-]+)' width='[\d.]+' height='([\d.]+)'", svg)
    ]


def test_bars_are_as_high_as_their_shares_and_have_names():
    svg = small_bars([1.0, 2.0, 0.0], ["a", "b", "c"], "three bars", height=120)
    heights = [height for _, _, height in rectangles(svg)]
    assert heights == pytest.approx([50, 100, 0])
    assert re.findall(r"text-anchor='middle'>(\w)</text>", svg) == ["a", "b", "c"]
    assert "aria-label='three bars'" in svg


def test_what_is_below_0_hangs_from_it():
    svg = small_bars([1.0, -1.0], ["−1", "1", "ends"], "up and down", height=118)
    (_, up, up_height), (_, down, down_height) = rectangles(svg)
    assert up + up_height == pytest.approx(down)
    assert up_height == pytest.approx(down_height)
    assert "text-anchor='start'>−1" in svg


def test_bars_of_nothing_are_flat():
    assert all(height == 0 for _, _, height in rectangles(small_bars([0, 0], ["a", "b"], "nothing")))
