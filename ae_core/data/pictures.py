"""One picture file of a set as an image of 28 x 28."""

from __future__ import annotations

import numpy as np

from ae_core.data.fitting import Fit, fit_one
from ae_core.drawing.photo import ENDINGS, open_upright, pixels_of
from ae_core.errors import DataError, PictureError

_MOST_MEGAPIXELS = 30
"""Of a picture that has to be decoded whole: 180 MB at most."""


def is_picture(name: str) -> bool:
    """Whether a file of this name is to be read as a picture: PNG or JPEG."""
    return name.rpartition(".")[2].lower() in ENDINGS


def count_pixels(name: str, content: bytes) -> int:
    """How many pixels a PNG or JPEG has, by its header.

    Raises:
        DataError: if it is no such picture.
    """
    try:
        return pixels_of(content)
    except PictureError as error:
        raise _not_taken(name, error) from None


def read_picture(name: str, content: bytes, how: Fit) -> np.ndarray:
    """The image in a PNG or JPEG file, uint8, shape (28, 28).

    Grey, in colour, with transparency (on white or black, whichever the picture stands out from), with 8
    or 16
    bits, in CMYK; upright, as its EXIF says.

    Args:
        name: of the file, for sentences.
    Raises:
        DataError: if it is no such picture, too large, or does not fit as it is.
    """
    try:
        grey = open_upright(content, _MOST_MEGAPIXELS)
    except PictureError as error:
        raise _not_taken(name, error) from None
    return fit_one(np.asarray(grey, dtype=np.float32).clip(0, 1), how, name)


def _not_taken(name: str, error: PictureError) -> DataError:
    return DataError(f"{name} cannot be taken into the set. {error}")
