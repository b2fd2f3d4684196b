"""Strokes as the canvas tells of them, as a link holds them, and as ink. Needs only NumPy and Pillow."""

import itertools

import numpy as np
import pytest

from ae_core.drawing.strokes import PenStroke, from_text, ink_of, strokes_of, to_text
from ae_core.errors import PictureError

SIDE = 280


def pen_path(points):
    """What the canvas makes of the places of a pointer: curves through the middles between them."""
    path = [["M", *points[0]]]
    for before, here in itertools.pairwise(points):
        middle = [(a + b) / 2 for a, b in zip(before, here, strict=True)]
        path.append(["Q", *before, *middle])
    return [*path, ["L", *points[-1]]]


def shape(points, width=22, **others):
    return {"type": "Path", "path": pen_path(points), "strokeWidth": width, **others}


def circle(radius=80, places=90):
    angles = np.linspace(0, 2 * np.pi, places)
    return [(140 + radius * np.cos(angle), 140 + radius * np.sin(angle)) for angle in angles]


def distance_to(points, place):
    """From a place to the line through points, by a dense walk along it."""
    walk = np.concatenate(
        [np.linspace(a, b, 50) for a, b in itertools.pairwise(points)] or [np.array(points, float)]
    )
    return np.linalg.norm(walk - np.asarray(place), axis=1).min()


def test_a_thinned_stroke_has_few_points_and_stays_within_two_pixels_of_the_path():
    (stroke,) = strokes_of([shape(circle())])
    assert stroke.width == 22
    assert 8 <= len(stroke.points) <= 40
    for place in circle():
        # A pixel of the tolerance, and what rounding to whole pixels adds.
        assert distance_to(stroke.points, place) < 2


@pytest.mark.parametrize("points", [circle(), [(0, 0), (280, 280)], [(5, 5)], [(100, 100), (100.2, 100.1)]])
@pytest.mark.parametrize("width", [1, 22, 40])
def test_a_text_gives_the_same_strokes_back(points, width):
    strokes = strokes_of([shape(points, width), shape([(10, 20), (30, 40)])])
    text = to_text(strokes)
    assert from_text(text) == strokes
    assert set(text) <= set("0123456789abcdefghijklmnopqrstuvwxyz.")


def test_a_drawn_digit_fits_into_a_link():
    three = [
        (90, 70),
        (140, 45),
        (185, 75),
        (180, 115),
        (130, 140),
        (185, 165),
        (190, 215),
        (140, 240),
        (85, 215),
    ]
    many = [
        tuple(a + (b - a) * t for a, b in zip(p, q, strict=True))
        for p, q in itertools.pairwise(three)
        for t in np.linspace(0, 1, 12)
    ]
    assert len(to_text(strokes_of([shape(many)]))) < 150


def test_a_dot_is_one_point():
    (dot,) = strokes_of([shape([(50, 60), (50.3, 60.2), (50.1, 60.0)])])
    assert dot.points == ((50, 60),)


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "Image", "src": "data:"},
        {"type": "Path", "path": "a text"},
        {"type": "Path", "path": []},
        {"type": "Path", "path": [["M", 1]]},
        {"type": "Path", "path": [["Q", 1, 2, 3, 4]]},
        {"type": "Path", "path": [["M", 1, 2], ["C", 1, 2, 3, 4, 5, 6]]},
        {"type": "Path", "path": [["M", 1, 2], ["L", "x", 2]]},
        {"type": "Path", "path": [["M", 1, 2], ["L", float("nan"), 2]]},
        shape([(1, 1), (9, 9)], angle=30),
        shape([(1, 1), (9, 9)], scaleX=2),
        shape([(1, 1), (9, 9)], width="wide"),
    ],
)
def test_what_is_no_stroke_or_was_moved_cannot_be_told(odd):
    assert strokes_of([shape(circle()), odd]) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "0m",
        "0m1e",
        "0m1e1",
        "0m1e1e3",
        "0m1e1e.",
        "zz1e1e",
        "001e1e",
        "0m1E1E",
        "0m 1e1e",
        "0m" * 9000,
    ],
)
def test_a_text_that_is_no_drawing_is_refused(text):
    with pytest.raises(PictureError, match="does not describe a drawing"):
        from_text(text)


def test_the_ink_of_a_line_is_as_wide_as_the_pen_with_round_ends():
    ink = ink_of([PenStroke(20, ((80, 140), (200, 140)))], SIDE)
    assert ink.shape == (SIDE, SIDE)
    assert ink.dtype == np.uint8
    area = ink.sum() / 255
    assert area == pytest.approx(20 * 120 + np.pi * 10**2, rel=0.02)
    rows, columns = np.nonzero(ink > 127)
    assert abs(rows.min() - 130) <= 1
    assert abs(rows.max() - 149) <= 1
    assert abs(columns.min() - 70) <= 1


def test_strokes_are_painted_over_what_is_there():
    below = np.zeros((SIDE, SIDE), np.uint8)
    below[:50] = 200
    ink = ink_of([PenStroke(20, ((140, 140),))], SIDE, below)
    assert (ink[:50] == 200).all()
    assert ink[140, 140] == 255
