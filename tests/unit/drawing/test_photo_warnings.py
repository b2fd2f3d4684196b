"""Photos that may be none of a digit are warned of, others are not. Needs Pillow and the test images."""

import numpy as np
import pytest
from PIL import Image

from ae_core.drawing.photo import ink_of_photo
from tests.unit.drawing.photos import digit, file_of, photographed


def warning(picture):
    return ink_of_photo(file_of(picture)).warning


def enlarged(index, side):
    return np.asarray(Image.fromarray(digit(index)).resize((side, side), Image.Resampling.BICUBIC)) / 255


def sheet_on_a_desk(index, angle=0, side=420, desk=50, shift=0):
    """A sheet with a digit in its middle, on a dark desk, perhaps not quite in the picture."""
    paper = np.full((side, side), 225.0)
    place = slice(side // 4, side // 4 + side // 2)
    paper[place, place] -= 150 * enlarged(index, side // 2)
    sheet = Image.fromarray(paper.astype(np.uint8))
    photo = Image.new("L", (800, 600), desk)
    turned, shape = (one.rotate(angle, expand=True) for one in (sheet, Image.new("L", sheet.size, 255)))
    photo.paste(turned, ((800 - turned.width) // 2 + shift, (600 - turned.height) // 2), shape)
    grain = np.random.default_rng(index).normal(0, 4, (600, 800))
    return np.clip(np.asarray(photo) + grain, 0, 255).astype(np.uint8)


def scan_with_a_black_rim(index, side, width):
    scan = 240 - 200 * np.pad(enlarged(index, 400), 100)
    np.rot90(scan, side)[:width] = 5
    return scan.astype(np.uint8)


def test_ordinary_scans_and_photos_are_not_warned_of():
    for index in range(12):
        assert warning(digit(index)) is None
        assert warning(255 - digit(index)) is None
        assert warning((240 - 200 * np.pad(enlarged(index, 400), 40 + 8 * index)).astype(np.uint8)) is None
        assert warning(photographed(index)) is None


@pytest.mark.parametrize("desk", [20, 100])
@pytest.mark.parametrize("angle", [0, 4, 30, 45])
def test_a_sheet_on_a_dark_desk_is_warned_of(angle, desk):
    for index in range(2):
        for side in (250, 420):
            assert "Crop the picture to the paper" in warning(sheet_on_a_desk(index, angle, side, desk))
        assert "rop the picture to" in warning(sheet_on_a_desk(index, angle, 480, desk, shift=250))


@pytest.mark.parametrize("side", range(4))
def test_a_scan_s_black_rim_is_warned_of(side):
    for index, width in enumerate((6, 20, 60)):
        assert "reaches its edge" in warning(scan_with_a_black_rim(index, side, width))


def test_a_page_full_of_ink_is_warned_of():
    written = np.block([[digit(8 * row + column) for column in range(8)] for row in range(8)])
    assert "more than one digit" in warning(255 - np.pad(written, 20))
    chance = np.random.default_rng(0)
    blots = Image.fromarray(chance.integers(0, 2, (12, 12), np.uint8) * 255).resize((300, 300))
    assert warning(np.asarray(blots)) is not None


def test_a_digit_that_the_frame_cuts_off_is_warned_of():
    assert "cut off" in warning(255 - digit(0)[:, :14])
