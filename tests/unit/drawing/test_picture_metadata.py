"""Whatever metadata a picture file has, its pixels decide, turned as a readable orientation says.

The oracle writes the files byte by byte and turns the pixels with NumPy. Needs Pillow and the bundled images.
"""

import io
import random
import struct
import warnings
import zlib
from functools import cache

import numpy as np
import pytest
from PIL import Image

from ae_core.data import load_mnist
from ae_core.drawing.photo import ink_of_photo
from ae_core.drawing.picture_metadata import take_apart

UPRIGHT = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).T,
    8: np.rot90,
}
KNOWN_TAGS = (0x010F, 0x0110, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x0213, 0x8769, 0x8825, 0xA005, 0xEA1C)
XMP = b'<x:xmpmeta><rdf:Description tiff:Make="m" tiff:Orientation="%d"/></x:xmpmeta>'
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"


@cache
def picture(kind):
    """A 5, not square and without any symmetry, as a file without metadata."""
    # Twice as large, both sides are even: so it stands in the middle whichever way it is turned.
    ink = 255 - np.pad(load_mnist("test").images[8, 0].numpy(), ((0, 7), (0, 0))).repeat(4, 0).repeat(4, 1)
    buffer = io.BytesIO()
    Image.fromarray(ink).save(buffer, format=kind, quality=95)
    return buffer.getvalue()


@cache
def plain_ink(kind):
    return ink_of_photo(picture(kind)).ink


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def chunk(name, body, checksum=None):
    checksum = zlib.crc32(name + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def with_segments(*segments):
    whole = picture("JPEG")
    return whole[:2] + b"".join(segments) + whole[2:]


def with_chunks(*chunks):
    whole = picture("PNG")
    after_header = 8 + 25
    return whole[:after_header] + b"".join(chunks) + whole[after_header:]


def assert_shows_the_digit(content, kind, orientation=1):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen = ink_of_photo(content).ink
    right = UPRIGHT[orientation](plain_ink(kind))
    assert np.corrcoef(seen.ravel(), right.ravel())[0, 1] > 0.99


def odd_exif(pick):
    """EXIF with damage of every kind around its orientation, and the orientation that is readable in it."""
    order = pick.choice("<>")
    orientation = pick.choice((None, *range(1, 9)))
    entries = [
        struct.pack(
            f"{order}HHLL",
            pick.choice((pick.choice(KNOWN_TAGS), pick.randrange(0x0113, 2**16))),
            pick.choice((*range(1, 13), 0, 13, 129, 65535)),
            pick.choice((0, 1, 2, 5, 2**31, 2**32 - 1, pick.randrange(2**32))),
            pick.choice((0, 8, 26, 2**32 - 1, pick.randrange(400), pick.randrange(2**32))),
        )
        for _ in range(pick.randrange(12))
    ]
    if orientation is not None:
        value = struct.pack(f"{order}HH", orientation, pick.randrange(2**16))
        entries.insert(pick.randrange(len(entries) + 1), struct.pack(f"{order}HHL", 0x0112, 3, 1) + value)
    after = pick.randbytes(pick.randrange(300))
    # A directory may promise more entries than there are, and end within one.
    count = len(entries) + pick.choice((0, 0, 0, 1, 5, 5000))
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}L", 8)
    if count > len(entries):
        after = pick.randbytes(pick.randrange(12))
    return head + struct.pack(f"{order}H", count) + b"".join(entries) + after, orientation or 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_odd_exif_around_sound_pixels_gives_the_digit_turned_as_its_orientation_says(kind):
    pick = random.Random(f"{kind} 1")
    for _ in range(120):
        exif, orientation = odd_exif(pick)
        if kind == "JPEG":
            content = with_segments(segment(0xE1, b"Exif\0\0" + exif))
        else:
            content = with_chunks(chunk(b"eXIf", exif, pick.choice((None, 0))))
        assert_shows_the_digit(content, kind, orientation)


def test_random_bytes_for_exif_give_the_digit():
    pick = random.Random(2)
    for _ in range(120):
        # The directory's start is almost never one that holds an orientation.
        exif = pick.choice((b"", b"II*\0", b"MM\0*", b"MM", b"II+\0\x08\0\0\0")) + pick.randbytes(
            pick.randrange(200)
        )
        assert_shows_the_digit(with_segments(segment(0xE1, b"Exif\0\0" + exif)), "JPEG")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_orientation_counts_wherever_it_stands(orientation):
    exif = struct.pack("<4sLHHHLL", b"II*\0", 8, 1, 0x0112, 3, 1, orientation)
    xmp = XMP % orientation
    text = b"\nexif\n%8d\n%s\n" % (len(exif) + 6, (b"Exif\0\0" + exif).hex().encode())
    in_jpegs = [segment(0xE1, b"Exif\0\0" + exif), segment(0xE1, XMP_HEAD + xmp)]
    in_pngs = [
        chunk(b"eXIf", exif),
        chunk(b"eXIf", b"Exif\0\0" + exif),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)),
        chunk(b"tEXt", b"Raw profile type exif\0" + text),
    ]
    for one in in_jpegs:
        assert_shows_the_digit(with_segments(one), "JPEG", orientation)
    for one in in_pngs:
        assert_shows_the_digit(with_chunks(one), "PNG", orientation)
    # After the pixels, too.
    whole = picture("PNG")
    assert_shows_the_digit(whole[:-12] + in_pngs[0] + whole[-12:], "PNG", orientation)


def test_exif_that_pillow_writes_is_read_as_pillow_reads_it():
    for orientation in range(10):
        exif = Image.Exif()
        exif[0x010E], exif[0x011A], exif[0x0112] = "a digit", 72.0, orientation
        for kind in ("JPEG", "PNG"):
            buffer = io.BytesIO()
            Image.open(io.BytesIO(picture(kind))).save(buffer, format=kind, exif=exif)
            assert take_apart(buffer.getvalue()).orientation == (orientation if 1 <= orientation <= 8 else 1)


@pytest.mark.parametrize(
    "odd",
    [
        segment(0xE0, b"JFIF\0"),
        segment(0xE0, b"JFIF\0\1\1\1"),
        segment(0xE2, b"MPF\0II*\0\x08\0\0\0\x01\0\x01\xb0\x04\0\x01\0\0\0\x05\0\0\0"),
        segment(0xE2, b"ICC_PROFILE\0"),
        segment(0xE2, b"ICC_PROFILE\0\7\1 no profile"),
        segment(0xED, b"Photoshop 3.0\0" + b"8BIM\3\xed\0\0\0\0\0\1\0"),
        segment(0xEE, b"Adobe"),
        segment(0xEE, b"Adobe\0d"),
        segment(0xFE, b""),
        segment(0xFE, b"comment") + b"junk\0\xff\0",
        b"\xff\xff\xff",
    ],
)
def test_odd_segments_of_a_jpeg_give_the_digit(odd):
    assert_shows_the_digit(with_segments(odd), "JPEG")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        *[(name, b"") for name in (b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"acTL", b"fcTL", b"fdAT")],
        (b"iCCP", b"name\0\1none"),
        (b"zTXt", b"Raw profile type exif\0\0no zlib"),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n8\nno hex")),
        (b"zTXt", b"word\0\0" + zlib.compress(bytes(70_000_000))),
        (b"zTXt", b"word\0\1"),
        (b"iTXt", b"XML:com.adobe.xmp"),
        (b"acTL", b"\0\0\0\2\0\0\0\0"),
        (b"odDd", b"what nobody knows"),
    ],
)
def test_odd_chunks_of_a_png_give_the_digit(name, body):
    for checksum in (None, 1):
        assert_shows_the_digit(with_chunks(chunk(name, body, checksum)), "PNG")
