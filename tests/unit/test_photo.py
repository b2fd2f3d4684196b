"""Photos and scans of known digits come out as those digits. Needs Pillow and the bundled test images."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from ae_core.data import load_mnist
from ae_core.drawing import to_mnist
from ae_core.photo import LARGEST_FILE, PictureError, ink_of_photo


def file_of(picture, kind="PNG", **options):
    buffer = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def digit(index):
    return load_mnist("test").images[index, 0].numpy()


def as_the_model_sees_it(content):
    return to_mnist(ink_of_photo(content))[0, 0].numpy()


def expected(index):
    return to_mnist(np.kron(digit(index), np.ones((10, 10), np.uint8)))[0, 0].numpy()


def likeness(one, other):
    """Correlation of two pictures."""
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def photographed(index):
    """Dark ink on paper that lies half in the shade, with grain, dust and margins, not square."""
    chance = np.random.default_rng(index)
    ink = np.asarray(Image.fromarray(digit(index)).resize((600, 600), Image.Resampling.BICUBIC)) / 255
    ink = np.pad(ink, ((60, 100), (200, 30)))
    down, across = np.mgrid[0:1:760j, 0:1:830j]
    photo = 215 - 70 * across + 25 * down - 110 * ink + chance.normal(0, 6, ink.shape)
    photo[30:33, 40:43] = 60
    return np.clip(photo, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("index", range(8))
def test_a_scan_is_the_digit_whichever_way_it_is_coloured(index):
    for picture in (digit(index), 255 - digit(index)):
        assert likeness(as_the_model_sees_it(file_of(picture)), expected(index)) > 0.96


@pytest.mark.parametrize("index", range(8))
def test_a_photo_with_a_shadow_grain_and_dust_is_the_digit(index):
    seen = as_the_model_sees_it(file_of(photographed(index), "JPEG", quality=70))
    # Its centre may fall a pixel to the side.
    places = [np.roll(seen, by, (0, 1)) for by in np.ndindex(3, 3)]
    assert max(likeness(np.roll(one, (-1, -1), (0, 1)), expected(index)) for one in places) > 0.93


def test_colour_and_orientation_are_understood():
    ink = 255 - digit(3)
    coloured = np.stack([ink // 2 + 120, ink, ink], axis=2)
    turned = Image.fromarray(np.rot90(coloured))
    exif = Image.Exif()
    exif[0x0112] = 6
    seen = as_the_model_sees_it(file_of(turned, "JPEG", exif=exif, quality=95))
    assert likeness(seen, expected(3)) > 0.9


@pytest.mark.parametrize("ink", [0, 255])
def test_transparent_pictures_show_their_ink_whatever_its_colour(ink):
    alpha = digit(4)
    picture = np.dstack([np.full_like(alpha, ink)] * 3 + [alpha])
    assert likeness(as_the_model_sees_it(file_of(picture)), expected(4)) > 0.96


def test_sixteen_bits_are_read_to_their_full_range():
    deep = (65535 - 257 * digit(5).astype(np.int32)).astype(np.uint16)
    assert likeness(as_the_model_sees_it(file_of(deep)), expected(5)) > 0.96


def test_a_wide_picture_keeps_its_proportions():
    wide = np.full((200, 800), 255, np.uint8)
    wide[40:160, 100:700] = 0
    ink = ink_of_photo(file_of(wide))
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    assert ink.shape == (280, 280)
    assert len(columns) / len(rows) == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_an_empty_picture_has_no_ink(shade):
    with pytest.raises(PictureError, match="No ink"):
        ink_of_photo(file_of(np.full((300, 200), shade, np.uint8)))


@pytest.mark.parametrize(
    "content",
    [b"", b"no picture", b"GIF89a" + bytes(60), file_of(np.zeros((50, 50), np.uint8))[:60], b"\xff\xd8\xff"],
)
def test_what_is_no_picture_is_a_sentence(content):
    with pytest.raises(PictureError, match="cannot be read as a PNG or JPEG"):
        ink_of_photo(content)


def test_a_file_over_20_mb_is_refused_unread():
    with pytest.raises(PictureError, match="larger than 20 MB"):
        ink_of_photo(bytes(LARGEST_FILE + 1))


def bomb(width, height):
    """A PNG whose header promises far more pixels than its few bytes hold."""

    def chunk(name, content):
        checked = name + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("width", [8000, 12000, 60000])
def test_a_decompression_bomb_is_refused_by_its_header_without_a_warning(width):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureError, match="megapixels"):
            ink_of_photo(bomb(width, 8000))


def test_random_bytes_behind_a_picture_s_head_never_raise_anything_else():
    chance = np.random.default_rng(0)
    whole = [file_of(photographed(0), "JPEG"), file_of(digit(0))]
    for number in range(120):
        damaged = bytearray(whole[number % 2])
        for _ in range(chance.integers(1, 30)):
            damaged[chance.integers(2, len(damaged))] = chance.integers(256)
        try:
            ink = ink_of_photo(bytes(damaged))
        except PictureError:
            continue
        assert ink.shape == (280, 280)


@pytest.mark.parametrize("when", ["__init__", "draft", "load"])
@pytest.mark.parametrize(
    ("failure", "says"),
    [(TypeError("no"), "damaged"), (RecursionError(), "damaged"), (MemoryError(), "memory does not suffice")],
)
def test_whatever_pillow_fails_with_is_a_sentence(monkeypatch, when, failure, says):
    def fail(*_):
        raise failure

    monkeypatch.setattr(JpegImageFile, when, fail)
    with pytest.raises(PictureError, match=says):
        ink_of_photo(file_of(digit(0), "JPEG"))
