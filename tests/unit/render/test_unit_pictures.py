"""The picture of a small code's bars, pixel by pixel. Needs only NumPy and Pillow."""

import numpy as np
import pytest

from ae_core.render.unit_pictures import bars

VERMILION, GREY, BLUE = (213, 94, 0, 255), (138, 148, 163, 255), (11, 127, 199, 255)


def heights(picture, colour):
    """How many pixels of a colour each unit's bar has."""
    return [(picture[:, 3 * unit] == colour).all(-1).sum() for unit in range(picture.shape[1] // 3)]


def test_a_bar_is_as_high_as_its_share_of_the_top_and_has_its_colour():
    code = np.array([0.0, 0.5, 1.0, -0.25])
    picture = bars(code, np.array([False, True, True, False]), np.zeros(4), None, 1.0)
    assert picture.shape == (96, 12, 4)
    below_the_dots = picture[:-2]
    assert heights(below_the_dots, VERMILION) == [0, 46, 94, 0]
    assert heights(below_the_dots, GREY) == [0, 0, 0, 22], "a linear code's size"
    assert (picture[:, 2::3] == 0).all(), "transparent between two bars"


def test_a_dot_marks_the_mean_and_a_line_the_target():
    means = np.array([0.5, 0.25])
    picture = bars(np.zeros(2), np.zeros(2, bool), means, None, 1.0)
    for unit, row in ((0, 48), (1, 72)):
        assert np.flatnonzero((picture[:, 3 * unit] == BLUE).all(-1)).tolist() == [row, row + 1]
    lined = bars(np.zeros(2), np.zeros(2, bool), means, 0.75, 1.0)
    assert (lined[24, ::2] == BLUE).all()


@pytest.mark.parametrize("top", [0.0, 1e-30])
def test_a_code_of_zeros_has_no_bars(top):
    picture = bars(np.zeros(3), np.zeros(3, bool), np.zeros(3), None, top)
    assert set(map(tuple, picture.reshape(-1, 4))) == {(0, 0, 0, 0), BLUE}
