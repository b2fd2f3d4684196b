"""Maps against colours and places worked out by hand. Needs numpy, Pillow and plotly's colours."""

import base64
import io
import re
import warnings

import numpy as np
import pytest
from PIL import Image

from ae_core.render.maps import (
    LogScale,
    code_map,
    colours_end,
    css_gradient,
    data_url,
    grey_picture,
    grid,
    heat_map,
    signed_map,
    strength_of,
    to_png,
)

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
def test_each_channel_has_its_tile_sixteen_to_a_row(channels, height, width):
    chance = np.random.default_rng(1)
    code = chance.random((channels, height, width))
    code[0, 0, 0] = 1.0
    wall = code_map(code, 1.0)
    tiles_down, tiles_across = -(-channels // 16), 16
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
                place = channel // 16 * (height + 1) + row, channel % 16 * (width + 1) + column
                colour = heat_map(np.full((1, 1), code[channel, row, column]), 1.0)[0, 0]
                assert tuple(small[place]) == tuple(colour)
                owned[place] = True
    # The gaps between the tiles, and the places of channels that are not there, have no colour of the map.
    assert (small[~owned] == 0).all()


def test_channels_follow_each_other_in_the_order_that_is_given():
    code = np.random.default_rng(2).random((20, 3, 3))
    order = np.random.default_rng(3).permutation(20)
    np.testing.assert_array_equal(code_map(code, 1.0, order=order), code_map(code[order], 1.0))


def test_a_map_reaches_as_far_into_its_colours_as_its_model_is_strong():
    values = np.array([[0.0, 0.01], [0.02, 0.04]])
    assert strength_of(1.0) == 1.0
    assert 0.1 <= strength_of(0.0) <= 0.2, "the weakest model's map still has a shape"
    for share in (0.0, 0.5, 1.0):
        strength = strength_of(share)
        drawn = heat_map(values, colours_end(values, strength), 2)
        expected = heat_map(values / 0.04 * strength, 1.0, 2)
        np.testing.assert_array_equal(drawn, expected)
    zeros = np.zeros((2, 2))
    np.testing.assert_array_equal(heat_map(zeros, colours_end(zeros, 0.5), 2), heat_map(zeros, 1.0, 2))


def test_a_negative_activation_is_shown_by_its_size():
    code = np.linspace(-1, 1, 64).reshape(64, 1, 1)
    np.testing.assert_array_equal(code_map(code, 1.0), code_map(np.abs(code), 1.0))


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


def test_signed_maps_are_white_at_zero_and_opposite_at_the_ends():
    values = np.zeros((28, 28), np.float32)
    values[0, :2] = (-0.4, 0.4)
    picture = signed_map(values, 0.4)
    below, above, zero = (np.array(corner(picture, *at), int) for at in ((0, 0), (0, 1), (5, 5)))
    assert below[2] > below[0] + 50, "negative is blue"
    assert above[0] > above[2] + 50, "positive is red"
    assert (zero > 240).all()
    assert (signed_map(np.zeros((28, 28)), 0.0) == zero.astype(np.uint8)).all()


def test_a_log_scale_covers_all_maps_and_gives_equal_ratios_equal_steps():
    maps = [np.array([[0.0, 1e-3]]), np.array([[1e-2, -1e-1]])]
    scale = LogScale.over(maps)
    assert scale == (1e-3, 1e-1)
    np.testing.assert_allclose(scale.share(np.array([0, 1e-3, 1e-2, -1e-1])), [0, 0, 0.5, 1], atol=1e-6)


def test_a_log_scale_reaches_down_four_decades_at_most():
    assert LogScale.over([np.array([1e-12, 1.0])]).smallest == pytest.approx(1e-4)


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_log_scale_of_one_value_warns_of_nothing(value):
    values = np.full((2, 2), value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        share = LogScale.over([values]).share(values)
    assert (share == (value > 0)).all()


def test_a_grid_places_each_picture_and_is_transparent_between_them():
    chance = np.random.default_rng(3)
    rows = [[chance.integers(0, 256, (14, 28, 3), dtype=np.uint8) for _ in range(3)] for _ in range(2)]
    rows[1][2] = grey_picture(np.eye(14, 28), pixels=28)
    sheet = grid(rows)
    assert sheet.shape == (30, 88, 4)
    assert (sheet[..., 3] == 255).sum() == 6 * 14 * 28
    np.testing.assert_array_equal(sheet[:14, 30:58, :3], rows[0][1])
    np.testing.assert_array_equal(sheet[16:, 60:, 0], rows[1][2])


def test_a_data_url_holds_the_picture():
    picture = np.random.default_rng(4).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    head, content = data_url(to_png(picture)).split(",")
    assert head == "data:image/png;base64"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))), picture)
