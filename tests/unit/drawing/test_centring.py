"""Drawings as MNIST would hold them: box, centre, the digits themselves. Needs numpy, Pillow and torch."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from ae_core.data import load_mnist
from ae_core.drawing import to_mnist
from tests.unit.drawing.canvases import SIDE, STROKES, drawn


def ink_box(image):
    """Top, bottom, left and right of the ink; the last ones excluded."""
    rows, columns = np.nonzero(np.asarray(image) > 0)
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


def sides(image):
    top, bottom, left, right = ink_box(image)
    return bottom - top, right - left


def centre_of_mass(picture):
    ink = picture[0, 0].double().numpy()
    rows, columns = np.indices(ink.shape)
    return (ink * rows).sum() / ink.sum(), (ink * columns).sum() / ink.sum()


def assert_is_a_picture(picture):
    assert picture.shape == (1, 1, 28, 28)
    assert picture.dtype == torch.float32
    assert picture.isfinite().all()
    assert picture.min() >= 0
    assert picture.max() <= 1
    # A blank canvas is None, so a picture has ink.
    assert picture.max() > 0


@pytest.mark.parametrize(
    "canvas",
    [
        np.zeros((SIDE, SIDE), np.uint8),
        np.zeros((SIDE, SIDE, 3), np.uint8),
        np.zeros((SIDE, SIDE, 4), np.uint8),
        np.full((SIDE, SIDE, 4), (0, 0, 0, 255), np.uint8),
        np.full((SIDE, SIDE, 4), (255, 255, 255, 0), np.uint8),
        np.zeros((1, 1), np.uint8),
        np.zeros((0, 0), np.uint8),
    ],
    ids=["grey", "rgb", "transparent", "opaque black", "transparent white", "one pixel", "no pixel"],
)
def test_a_blank_canvas_is_none_and_not_a_black_digit(canvas):
    assert to_mnist(canvas) is None


@pytest.mark.parametrize("shape", STROKES)
@pytest.mark.parametrize(
    ("size", "left", "top", "width"),
    [(150, 40, 60, 20), (200, 30, 30, 10), (60, 5, 200, 15), (30, 220, 10, 10), (230, 25, 25, 40)],
)
def test_the_ink_s_longer_side_is_20_pixels_and_its_aspect_stays(shape, size, left, top, width):
    canvas = drawn(shape, size, left, top, width)
    picture = to_mnist(canvas)
    assert_is_a_picture(picture)
    before, after = sides(canvas), sides(picture[0, 0])
    assert max(after) == 20
    assert np.argmax(after) == np.argmax(before) or after[0] == after[1]
    assert min(after) == pytest.approx(20 * min(before) / max(before), abs=1)


@pytest.mark.parametrize("shape", STROKES)
def test_where_the_ink_is_makes_no_difference(shape):
    first = drawn(shape)
    top, bottom, left, right = ink_box(first)
    stamp = first[top:bottom, left:right]
    height, width = stamp.shape
    expected = to_mnist(first)
    chance = np.random.default_rng(0)
    places = [
        (0, 0),
        (SIDE - height, SIDE - width),
        *chance.integers(0, (SIDE - height, SIDE - width), (20, 2)),
    ]
    for row, column in places:
        canvas = np.zeros((SIDE, SIDE), np.uint8)
        canvas[row : row + height, column : column + width] = stamp
        assert torch.equal(to_mnist(canvas), expected)
    # Nor does the canvas around it.
    assert torch.equal(to_mnist(stamp), expected)
    assert torch.equal(to_mnist(np.pad(stamp, ((3, 400), (150, 7)))), expected)


@pytest.mark.parametrize("shape", STROKES)
@pytest.mark.parametrize("factor", [2, 3])
def test_an_enlarged_drawing_is_the_same_picture(shape, factor):
    canvas = drawn(shape, 100, 20, 20, 14)
    large = np.kron(canvas, np.ones((factor, factor), np.uint8))
    # A canvas pixel on the border of two of MNIST's counts for one of them; a part of it may go to each.
    before, after = to_mnist(canvas), to_mnist(large)
    assert (after - before).norm() / before.norm() < 0.1
    assert (after - before).abs().max() < 0.15


@pytest.mark.parametrize("shape", STROKES)
def test_the_same_strokes_drawn_twice_as_large_are_nearly_the_same_picture(shape):
    small = to_mnist(drawn(shape, 100, 20, 20, 14))
    large = to_mnist(drawn(shape, 200, 40, 40, 28, side=2 * SIDE))
    # The rims differ by a fraction of a pixel, which may tip a centre that lies halfway between two pixels.
    shifts = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    differences = [(small - large.roll(shift, (2, 3))).norm() / small.norm() for shift in shifts]
    assert min(differences) < 0.15


@pytest.mark.parametrize("shape", STROKES)
def test_the_centre_of_mass_is_the_pixel_of_index_14(shape):
    # Off-centre on the canvas, and with a mass that is not in the middle of its box.
    for left, top in ((5, 5), (100, 20), (20, 100)):
        assert centre_of_mass(to_mnist(drawn(shape, left=left, top=top))) == pytest.approx((14, 14), abs=0.51)


@pytest.mark.parametrize("digit", range(10))
def test_a_real_digit_in_a_corner_is_centred(digit):
    images, labels = load_mnist("test")
    image = images[labels == digit][0, 0].numpy()
    canvas = np.zeros((400, 400), np.uint8)
    canvas[:140, -140:] = np.kron(image, np.ones((5, 5), np.uint8))
    assert centre_of_mass(to_mnist(canvas)) == pytest.approx((14, 14), abs=0.51)


def test_100_test_digits_enlarged_tenfold_come_back_exactly():
    images = load_mnist("test").images[:100]
    for image in images:
        canvas = np.kron(image[0].numpy(), np.ones((10, 10), np.uint8))
        assert torch.equal(to_mnist(canvas)[0], image.float() / 255)


def test_averaging_is_anti_aliased():
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    # 40 x 40 canvas pixels are 20 x 20 of MNIST's: each is the mean of four.
    canvas[100:140, 100:140] = np.tile([[255, 0], [0, 255]], (20, 20))
    picture = to_mnist(canvas)
    assert set(np.round(255 * picture.unique().numpy()).astype(int)) <= {0, 127, 128}
    assert (picture > 0).sum() == 400


def test_ink_that_is_heavy_on_one_side_stays_whole():
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    canvas[50:250, 40] = 255
    canvas[230:250, 40:240] = 255
    picture = to_mnist(canvas)
    assert_is_a_picture(picture)
    assert sides(picture[0, 0]) == (20, 20)


def scribble(seed):
    chance = np.random.default_rng(seed)
    canvas = Image.new("L", (SIDE, SIDE))
    points = [
        tuple(point) for point in chance.integers(-20, SIDE + 20, (int(chance.integers(2, 30)), 2)).tolist()
    ]
    ImageDraw.Draw(canvas).line(points, fill=255, width=int(chance.integers(1, 41)))
    canvas.putpixel((0, 0), 255)
    return np.asarray(canvas)


def dots(side, value, *places):
    canvas = np.zeros((side, side), np.uint8)
    for place in places:
        canvas[place] = value
    return canvas


@pytest.mark.parametrize(
    "canvas",
    [
        dots(SIDE, 255, (0, 0)),
        dots(SIDE, 255, (279, 279)),
        dots(SIDE, 1, (100, 200)),
        dots(SIDE, 255, (0, 0), (279, 279)),
        dots(1000, 255, (0, 0), (999, 999)),
        np.full((SIDE, SIDE), 255, np.uint8),
        np.full((SIDE, SIDE), 1, np.uint8),
        np.full((1, 1), 255, np.uint8),
        np.full((1, SIDE), 255, np.uint8),
        np.full((SIDE, 1), 255, np.uint8),
        np.full((3, 2000), 255, np.uint8),
        *[np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE), dtype=np.uint8) for seed in range(2)],
        *[scribble(seed) for seed in range(10)],
    ],
    ids=[
        "dot",
        "dot in the corner",
        "faint dot",
        "two dots far apart",
        "two dots very far apart",
        "filled",
        "filled faintly",
        "one pixel",
        "one row",
        "one column",
        "long line",
        *[f"noise {seed}" for seed in range(2)],
        *[f"scribble {seed}" for seed in range(10)],
    ],
)
def test_whatever_has_ink_becomes_a_picture_with_ink(canvas):
    assert_is_a_picture(to_mnist(canvas))


def test_a_filled_canvas_is_a_full_box():
    picture = to_mnist(np.full((SIDE, SIDE), 255, np.uint8))
    assert picture.sum() == 400
    assert picture.max() == 1
