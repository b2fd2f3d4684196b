"""Maps and charts against colours and places worked out by hand. Needs numpy and plotly; draws nothing."""

import re
import warnings

import numpy as np
import pytest

from ae_core.figures import (
    ACTIVE_COLOUR,
    QUIET_COLOUR,
    code_bars,
    code_map,
    css_gradient,
    grey_picture,
    heat_map,
    loss_curve,
)
from ae_core.training import TrainProgress

# The ends of cividis as published (Nunez, Anderton and Renslow, 2018).
LOWEST, HIGHEST = (0, 34, 78), (254, 232, 56)


def luminance(colours):
    """Relative luminance of sRGB colours (WCAG 2.2)."""
    share = np.asarray(colours) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def corner(picture, row, column, size=28):
    """The colour of one of the values behind an enlarged picture."""
    factor = picture.shape[1] // size
    return tuple(picture[row * factor, column * factor])


def test_the_smallest_and_largest_values_have_the_palette_s_ends():
    values = np.zeros((28, 28), np.float32)
    values[3, 5] = 0.7
    picture = heat_map(values, 0.7)
    assert picture.dtype == np.uint8
    assert picture.shape == (280, 280, 3)
    assert corner(picture, 3, 5) == HIGHEST
    assert corner(picture, 5, 3) == LOWEST


def test_a_larger_value_is_always_lighter():
    light = luminance(heat_map(np.linspace(0, 3, 256)[None], 3.0)[0])
    assert len(light) == 256
    assert (np.diff(light) > 0).all()


@pytest.mark.parametrize(("largest", "expected"), [(2.0, 0.5), (4.0, 0.25), (1.0, 1.0), (0.5, 1.0)])
def test_the_scale_is_the_given_largest_value_and_not_the_map_s_own(largest, expected):
    picture = heat_map(np.ones((28, 28)), largest)
    assert corner(picture, 0, 0) == corner(heat_map(np.full((28, 28), expected), 1.0), 0, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_a_map_of_zeros_has_the_lowest_colour_and_warns_of_nothing(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = heat_map(np.zeros((28, 28), dtype), 0)
    assert (picture == LOWEST).all()


def test_each_value_is_a_square_of_one_colour():
    values = np.random.default_rng(0).random((28, 28))
    picture = heat_map(values, 1.0)
    np.testing.assert_array_equal(picture, np.kron(picture[::10, ::10], np.ones((10, 10, 1), np.uint8)))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200


def test_grey_pictures_clip_to_black_and_white():
    image = np.full((28, 28), 0.5)
    image[0, :4] = (-3, 0, 1, 3)
    picture = grey_picture(image)
    assert picture.dtype == np.uint8
    assert picture.shape == (280, 280)
    assert picture[0, ::10][:4].tolist() == [0, 0, 255, 255]
    assert abs(int(picture[-1, -1]) - 127.5) <= 0.5
    np.testing.assert_array_equal(picture, np.kron(picture[::10, ::10], np.ones((10, 10), np.uint8)))


def test_grey_pictures_of_bytes_over_255_are_the_bytes():
    shades = np.arange(256, dtype=np.uint8)
    image = np.resize(shades, (28, 28)).astype(np.float32) / 255
    np.testing.assert_array_equal(grey_picture(image)[::10, ::10], np.resize(shades, (28, 28)))


@pytest.mark.parametrize(("channels", "height", "width"), [(128, 3, 3), (64, 1, 1), (3, 2, 2), (9, 2, 2)])
def test_each_channel_has_its_tile_eight_to_a_row(channels, height, width):
    chance = np.random.default_rng(1)
    code = chance.random((channels, height, width))
    code[0, 0, 0] = 1.0
    wall = code_map(code, 1.0)
    tiles_down, tiles_across = -(-channels // 8), 8
    small_width = tiles_across * (width + 1) - 1
    factor = wall.shape[1] // small_width
    small = wall[::factor, ::factor]
    assert wall.dtype == np.uint8
    assert small.shape == (tiles_down * (height + 1) - 1, small_width, 3)
    np.testing.assert_array_equal(wall, np.kron(small, np.ones((factor, factor, 1), np.uint8)))
    owned = np.zeros(small.shape[:2], bool)
    for channel in range(channels):
        for row in range(height):
            for column in range(width):
                place = channel // 8 * (height + 1) + row, channel % 8 * (width + 1) + column
                colour = heat_map(np.full((1, 1), code[channel, row, column]), 1.0)[0, 0]
                assert tuple(small[place]) == tuple(colour)
                owned[place] = True
    # The gaps between the tiles, and the places of channels that are not there, have no colour of the map.
    assert (small[~owned] == 0).all()


def test_a_negative_activation_is_shown_by_its_size():
    code = np.linspace(-1, 1, 64).reshape(64, 1, 1)
    np.testing.assert_array_equal(code_map(code, 1.0), code_map(np.abs(code), 1.0))


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


@pytest.mark.parametrize("stops", [2, 9, 32])
def test_the_gradient_is_css_from_the_lowest_colour_to_the_highest(stops):
    gradient = css_gradient(stops=stops)
    number = r"\d{1,3}"
    colour = rf"rgb\({number}, ?{number}, ?{number}\)"
    assert re.fullmatch(rf"linear-gradient\(to right(, {colour})+\)", gradient)
    colours = [tuple(map(int, re.findall(number, one))) for one in re.findall(colour, gradient)]
    assert len(colours) == stops
    assert all(0 <= value <= 255 for one in colours for value in one)
    assert colours[0] == LOWEST
    assert colours[-1] == HIGHEST
    assert (np.diff(luminance(colours)) > 0).all()
