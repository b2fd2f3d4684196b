"""Photos and scans of known digits come out as those digits. Needs Pillow and the bundled test images."""

import re
import struct
import subprocess
import sys
import textwrap
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from ae_core.drawing import to_mnist
from ae_core.drawing.photo import LARGEST_FILE, ink_of_photo
from ae_core.errors import PictureError
from tests.unit.drawing.photos import digit, file_of, photographed


def as_the_model_sees_it(content):
    return to_mnist(ink_of_photo(content).ink)[0, 0].numpy()


def expected(index):
    return to_mnist(np.kron(digit(index), np.ones((10, 10), np.uint8)))[0, 0].numpy()


def likeness(one, other):
    """Correlation of two pictures."""
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


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
    ink = ink_of_photo(file_of(wide)).ink
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


@pytest.mark.parametrize("width", [8001, 12000, 60000])
def test_a_decompression_bomb_is_refused_by_its_header_without_a_warning(width):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureError, match="megapixels"):
            ink_of_photo(bomb(width, 8000))


def jpeg_head(width, height, frame=0xC0, channels_in_scan=3):
    """A JPEG that ends where its pixels would begin."""
    channels = b"".join(bytes((number, 0x11, 0)) for number in (1, 2, 3))
    head = struct.pack(">BBHBHHB", 0xFF, frame, 8 + len(channels), 8, height, width, 3) + channels
    in_scan = b"".join(bytes((number, 0)) for number in range(1, channels_in_scan + 1))
    scan = struct.pack(">BBHB", 0xFF, 0xDA, 6 + len(in_scan), channels_in_scan) + in_scan + b"\0\x3f\0"
    return b"\xff\xd8" + head + scan


@pytest.mark.parametrize(
    ("content", "most"),
    [
        (bomb(8001, 8000), 64),
        (bomb(64_000_001, 1), 64),
        (jpeg_head(8001, 8000, frame=0xC2), 64),
        (jpeg_head(8001, 8000, channels_in_scan=1), 64),
        (jpeg_head(25001, 10000), 250),
    ],
)
def test_a_picture_over_a_limit_is_told_its_exact_size_and_the_limit_it_is_over(content, most):
    with pytest.raises(PictureError, match="megapixels") as refused:
        ink_of_photo(content)
    width, height, limit = (
        int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", str(refused.value))
    )
    assert width * height > limit * 1_000_000 == most * 1_000_000


@pytest.mark.parametrize("content", [bomb(8000, 8000), jpeg_head(8000, 8000, 0xC2), jpeg_head(25000, 10000)])
def test_a_picture_at_a_limit_is_read_as_far_as_it_goes(content):
    # These have a head alone: what follows the judgement of their size finds nothing.
    with pytest.raises(PictureError, match="damaged"):
        ink_of_photo(content)


READING = """
    import re, sys
    from pathlib import Path
    from ae_core.drawing.photo import ink_of_photo

    status = Path("/proc/self/status")

    def largest_mb():
        return int(re.search(r"VmHWM:\\s+([0-9]+)", status.read_text())[1]) // 1024

    path = Path(sys.argv[1])
    content = path.read_bytes()
    before = largest_mb()
    path.write_bytes(ink_of_photo(content).ink.tobytes())
    print(largest_mb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux says how much a process took.")
@pytest.mark.parametrize(
    ("kind", "mode", "size", "most_mb"),
    [("JPEG", "L", (16320, 12240), 64), ("PNG", "RGBA", (8000, 8000), 320), ("PNG", "L", (8160, 6144), 128)],
)
def test_the_largest_pictures_are_read_right_in_bounded_memory(tmp_path, kind, mode, size, most_mb):
    small = Image.fromarray(255 - digit(0))
    path = tmp_path / "picture"
    path.write_bytes(
        file_of(
            small.resize(size, Image.Resampling.NEAREST).convert(mode), kind, quality=60, compress_level=1
        )
    )
    command = [sys.executable, "-c", textwrap.dedent(READING), path]
    taken = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout
    assert int(taken) < most_mb
    ink = np.frombuffer(path.read_bytes(), np.uint8).reshape(280, 280)
    wide = file_of(small.resize((280, round(280 * size[1] / size[0]))))
    assert likeness(ink, ink_of_photo(wide).ink) > 0.95


def test_random_bytes_behind_a_picture_s_head_never_raise_anything_else():
    chance = np.random.default_rng(0)
    whole = [file_of(photographed(0), "JPEG"), file_of(digit(0))]
    for number in range(120):
        damaged = bytearray(whole[number % 2])
        for _ in range(chance.integers(1, 30)):
            damaged[chance.integers(2, len(damaged))] = chance.integers(256)
        try:
            ink = ink_of_photo(bytes(damaged)).ink
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
