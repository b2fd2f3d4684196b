"""From a photo or scan of a digit to white ink on black, as the canvas has it."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFile, ImageFilter
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from ae_core.drawing.picture_metadata import JPEG_SIGNATURE, take_apart
from ae_core.errors import PictureError

SIDE = 280
"""Pixels along the result, the canvas's own size."""
ENDINGS = ("png", "jpg", "jpeg", "jpe", "jfif", "jif", "jfi", "pjpeg", "pjp")
"""How the names of PNG and JPEG files end."""
LARGEST_FILE = 20 * 1024**2
MOST_MEGAPIXELS = 250
"""Of a JPEG, which is decoded reduced: this bounds the time. The largest cameras of phones have 200."""
MOST_MEGAPIXELS_WHOLE = 64
"""Of a PNG or a progressive JPEG, which are decoded whole, at 6 bytes per pixel or less."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What puts a picture upright, by the orientation that its file names."""
_FRAME = 0.06
"""Share of the picture along each side whose brightness is taken for the paper's."""
_STRIP = 8
"""Rows of a strip, counted after the picture is reduced."""
_PAPER_SIDE = 56
_WIDEST_STROKE = 15
"""Of a picture 56 pixels wide: what is wider is taken for a change of light on the paper."""
_SPECK = 5
"""Pixels of the median filter that takes dust away."""
_FAINTEST_INK = 0.12
"""Contrast that the darkest ink must have against the paper, of 1."""
_EDGE = 3
"""Pixels along each side of the result that no ink of a whole digit reaches."""
_MOST_ALONG_A_SIDE = 0.15
"""Share of a side: none of the 10,000 test digits, which have few pixels around them, reaches more."""
_MOST_INK = 0.4
"""Share of the picture: no test digit has more."""
_MOST_OF_A_RECTANGLE, _SLIMMEST_SHEET = 0.72, 0.4
"""A patch that fills so much of the rectangle around it, unless that is slim as a 1's, is hardly a digit:
3 of the 10,000 test digits are taken for one."""
_MOST_BETWEEN = 0.1
"""Share of the picture that is neither light nor dark: a shadow has a soft edge, a sheet has not."""
_MOST_STROKES_IN_A_ROW = 4


class Photo(NamedTuple):
    """What was found in a picture file."""

    ink: np.ndarray
    """uint8, shape (280, 280): white ink on black, of the whole picture in its proportions."""
    warning: str | None
    """A sentence on why that may not be one digit, and what to do."""


def ink_of_photo(content: bytes) -> Photo:
    """Find the ink in a picture file: light on dark, or dark on light, evenly lit or not.

    Args:
        content: a PNG or JPEG file.
    Raises:
        PictureError: if the file is too large, no such picture, or has no ink.
    """
    grey = _grey(content)
    frame = max(1, round(_FRAME * min(grey.shape)))
    border = np.concatenate(
        [grey[:frame].ravel(), grey[-frame:].ravel(), grey[:, :frame].ravel(), grey[:, -frame:].ravel()]
    )
    if np.median(border) > (grey.min() + grey.max()) / 2:
        grey = 1 - grey
    ink = _despeckle(np.clip(grey - _paper(grey), 0, 1))
    strongest = float(np.percentile(ink, 99.5))
    if strongest < _FAINTEST_INK:
        raise PictureError(
            "No ink stands out in this picture. Take one of a single digit, dark on light paper or light on "
            "dark, that fills most of the picture."
        )
    # The lower third is the paper's grain and the pen's shadow.
    ink = np.clip((ink / strongest - 1 / 3) * 2, 0, 1)
    square = np.zeros((SIDE, SIDE), dtype=np.uint8)
    top, left = (SIDE - ink.shape[0]) // 2, (SIDE - ink.shape[1]) // 2
    square[top : top + ink.shape[0], left : left + ink.shape[1]] = np.round(255 * ink)
    return Photo(square, _warning(grey, ink > 1 / 2))


def _warning(light_ink: np.ndarray, inked: np.ndarray) -> str | None:
    """What tells a desk, a scan's black rim or a page of writing from a digit, in words for its owner."""
    if _along_a_side(inked) > _MOST_ALONG_A_SIDE:
        return (
            "The ink in this picture reaches its edge. If that is a scan's black rim, the desk or a digit "
            "cut off, crop the picture to paper with the whole digit in its middle and upload it again."
        )
    if inked.mean() > _MOST_INK or _is_sheet(light_ink):
        return (
            "What stands out in this picture is a patch rather than strokes: a sheet on a darker desk, "
            "perhaps. Crop the picture to the paper around the digit and upload it again."
        )
    if max(_strokes_in_a_row(inked), _strokes_in_a_row(inked.T)) > _MOST_STROKES_IN_A_ROW:
        return "This picture shows more than one digit. Crop it to a single one and upload it again."
    return None


def _along_a_side(mask: np.ndarray) -> float:
    """The largest share of a side that the mask reaches."""
    sides = (mask[:_EDGE].any(0), mask[-_EDGE:].any(0), mask[:, :_EDGE].any(1), mask[:, -_EDGE:].any(1))
    return max(float(side.mean()) for side in sides)


def _is_sheet(light_ink: np.ndarray) -> bool:
    """Whether what is light fills a rectangle, in any direction, that is not slim.

    Looked for in the picture itself: where a large patch was taken for ground, the ink lacks it.
    """
    darkest, lightest = np.percentile(light_ink, [1, 99])
    height = (light_ink[::4, ::4] - darkest) / max(lightest - darkest, 1e-6)
    if (abs(height - 1 / 2) < 1 / 6).mean() > _MOST_BETWEEN:
        return False
    rows, columns = np.nonzero(height > 1 / 2)
    for angle in np.radians(np.arange(0, 90, 5)):
        cosine, sine = math.cos(angle), math.sin(angle)
        sides = np.ptp(columns * cosine + rows * sine) + 1, np.ptp(rows * cosine - columns * sine) + 1
        if len(rows) > _MOST_OF_A_RECTANGLE * math.prod(sides) and min(sides) > _SLIMMEST_SHEET * max(sides):
            return True
    return False


def _strokes_in_a_row(mask: np.ndarray) -> float:
    """The number of strokes that nine tenths of the rows do not exceed."""
    starts = np.diff(mask.astype(np.int8), axis=1, prepend=0) == 1
    return float(np.percentile(starts.sum(1), 90))


def _grey(content: bytes) -> np.ndarray:
    """The picture's brightness in [0, 1], its longer side 280 pixels.

    Raises:
        PictureError: as `ink_of_photo`.
    """
    with _failures_as_sentences():
        grey = open_upright(content)
        scale = SIDE / max(grey.size)
        size = [max(1, round(scale * side)) for side in grey.size]
        return np.asarray(grey.resize(size, Image.Resampling.BOX))


def open_upright(content: bytes, most_whole: int = MOST_MEGAPIXELS_WHOLE) -> Image.Image:
    """A PNG or JPEG as one channel of floats in [0, 1], upright; a large one 560 to 1,120 pixels long.

    Transparent places become the opposite of what is drawn on them.

    Args:
        most_whole: megapixels of a picture that has to be decoded whole, at 6 bytes per pixel or less.
    Raises:
        PictureError: if the file is too large, or no such picture.
    """
    image, orientation, in_one_pass = _open(content)
    # The header is judged before anything is decoded.
    _refuse_too_large(image, in_one_pass, most_whole)
    with _failures_as_sentences():
        factor = max(1, max(image.size) // (2 * SIDE))
        # A JPEG is decoded at an eighth of its size at the least, in no more memory than that takes.
        image.draft("L", (max(1, image.width // factor), max(1, image.height // factor)))
        grey = _flatten(image)
        return grey.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else grey


def pixels_of(content: bytes) -> int:
    """How many pixels a PNG or JPEG has, by its header: nothing is decoded.

    Raises:
        PictureError: if the file is too large, or no such picture.
    """
    image, _, _ = _open(content)
    return image.width * image.height


def _open(content: bytes) -> tuple[ImageFile.ImageFile, int, bool]:
    """A picture whose header was read, its orientation, and whether it can be decoded reduced."""
    if len(content) > LARGEST_FILE:
        raise PictureError(f"The file is larger than {LARGEST_FILE // 1024**2} MB. Upload a smaller picture.")
    pixels, orientation, in_one_pass = take_apart(content)
    with _failures_as_sentences():
        # Image.open would judge the size by a limit of its own.
        kind = JpegImageFile if pixels.startswith(JPEG_SIGNATURE) else PngImageFile
        return kind(io.BytesIO(pixels)), orientation, in_one_pass


def _refuse_too_large(image: ImageFile.ImageFile, in_one_pass: bool, most_whole: int) -> None:
    most, kind = (MOST_MEGAPIXELS, "a JPEG") if in_one_pass else (most_whole, "a PNG or a progressive JPEG")
    if image.width * image.height > most * 1_000_000:
        # One rounded number in the sentence: two could contradict each other.
        raise PictureError(
            f"The picture is {image.width:,} x {image.height:,} pixels, more than the {most} megapixels that "
            f"{kind} may have. Upload a smaller one."
        )


@contextmanager
def _failures_as_sentences() -> Iterator[None]:
    """Turn whatever Pillow raises into a `PictureError`: it names no exceptions for a damaged file."""
    try:
        yield
    except PictureError:
        raise
    except MemoryError as error:
        raise PictureError("The memory does not suffice for this picture. Upload a smaller one.") from error
    except Exception as error:
        raise PictureError(
            "This file cannot be read as a PNG or JPEG picture: it is of another kind, or damaged. "
            "Save the picture as PNG or JPEG and upload that."
        ) from error


def _flatten(image: Image.Image) -> Image.Image:
    """One channel of floats in [0, 1]; transparent places become the opposite of what is drawn on them.

    Of a large picture, about 560 to 1,120 pixels along the longer side.
    """
    factor = max(1, max(image.size) // (2 * SIDE))
    rows = _STRIP * factor
    # Strip by strip, since a large picture would take many times its memory as floats.
    strips = [
        _light_and_cover(image.crop((0, top, image.width, min(top + rows, image.height))), factor)
        for top in range(0, image.height, rows)
    ]
    light, cover = (np.concatenate(parts) for parts in zip(*strips, strict=True))
    ground = 1.0 if light.sum() < cover.sum() / 2 else 0.0
    return Image.fromarray(light + ground * (1 - cover))


def _light_and_cover(strip: Image.Image, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """How much light the pixels send out and how much of the ground they cover, both reduced by a factor."""
    if strip.mode.startswith("I"):
        light = np.asarray(strip, dtype=np.float32) / 65535
        cover = np.ones_like(light)
    elif "A" in strip.getbands() or "transparency" in strip.info:
        grey, cover = np.asarray(strip.convert("LA"), dtype=np.float32).transpose(2, 0, 1) / 255
        light = grey * cover
    else:
        light = np.asarray(strip.convert("L"), dtype=np.float32) / 255
        cover = np.ones_like(light)
    reduced = [np.asarray(Image.fromarray(part).reduce(factor)) for part in (light, cover)]
    return reduced[0], reduced[1]


def _paper(light_ink: np.ndarray) -> np.ndarray:
    """The brightness of the ground, which shadows make uneven: an opening by a square wider than strokes."""
    height, width = light_ink.shape
    scale = _PAPER_SIDE / max(height, width)
    small = Image.fromarray(light_ink).resize(
        [max(1, round(scale * width)), max(1, round(scale * height))], Image.Resampling.BOX
    )
    ground = small.filter(ImageFilter.MinFilter(_WIDEST_STROKE)).filter(ImageFilter.MaxFilter(_WIDEST_STROKE))
    return np.asarray(ground.resize([width, height], Image.Resampling.BILINEAR))


def _despeckle(ink: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(ink).filter(ImageFilter.MedianFilter(_SPECK)))
