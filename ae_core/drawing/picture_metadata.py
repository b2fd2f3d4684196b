"""What a picture file says beside its pixels: taken off it, and searched for the orientation alone.

A camera's metadata are often odd, and Pillow refuses a file, or fails in unforeseen ways, over metadata that
the pixels do not need. So it is given none, and the orientation is read here.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"

_EXIF_HEAD = b"Exif\0\0"
_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
_ORIENTATION_TAG = 0x0112
_INTEGERS = {1: "B", 3: "H", 4: "L"}
"""The types that an orientation is written with; the specification's is 3."""
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation\s*(?:=\s*["\']|>)\s*([1-8])\b')
_LONGEST_TEXT = 2**20
"""Of a PNG's compressed text, in bytes: more would not be metadata."""

_SOS, _APP0, _APP1, _APP14, _COM = 0xDA, 0xE0, 0xE1, 0xEE, 0xFE
_SEQUENTIAL = {0xC0, 0xC1}
_METADATA = {*range(_APP0, _APP0 + 16), _COM}
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xDA)}
_PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


class Parts(NamedTuple):
    """A picture file, taken apart."""

    pixels: bytes
    """The same file without metadata."""
    orientation: int
    """1 to 8, as EXIF counts; 1, which is upright, where nothing readable says otherwise."""
    in_one_pass: bool = False
    """Whether it is a JPEG with one scan of all its channels, which can be decoded reduced without ever being
    in memory whole. Progressive ones are not, and few others."""


def take_apart(content: bytes) -> Parts:
    """Separate a PNG's or JPEG's pixels from its metadata; what is neither comes back as it is."""
    if content.startswith(JPEG_SIGNATURE):
        return _jpeg_parts(content)
    if content.startswith(PNG_SIGNATURE):
        return _png_parts(content)
    return Parts(content, 1)


def _jpeg_parts(content: bytes) -> Parts:
    kept, exif, xmp, channels, in_one_pass = [content[:2]], b"", b"", None, False
    for marker, segment in _segments(content):
        if marker in _SEQUENTIAL:
            channels = segment[9:10]
        elif marker == _SOS:
            in_one_pass = channels == segment[4:5]
        if marker == _APP1:
            body = segment[4:]
            if body.startswith(_EXIF_HEAD):
                # Too long for one segment, it goes on in the next.
                exif += body[len(_EXIF_HEAD) :] if exif else body
            elif body.startswith(_XMP_HEAD):
                xmp += body
        elif marker not in _METADATA or _tells_colours(marker, segment):
            kept.append(segment)
    return Parts(b"".join(kept), _orientation(exif, xmp), in_one_pass)


def _tells_colours(marker: int, segment: bytes) -> bool:
    """Whether a decoder needs the segment to know what the channels are: JFIF's and Adobe's, if complete."""
    head, length = {_APP0: (b"JFIF\0", 14), _APP14: (b"Adobe", 12)}.get(marker, (b"", 0))
    return bool(head) and segment[4:].startswith(head) and len(segment) - 4 >= length


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments of a JPEG with their markers; the last one goes from the start of the scan to the end."""
    place = 2
    while (place := content.find(b"\xff", place)) >= 0 and place + 4 <= len(content):
        marker, length = struct.unpack_from(">BH", content, place + 1)
        if marker in (0x00, 0xFF):
            place += 1
            continue
        end = place + 2 + (0 if marker in _WITHOUT_LENGTH else length)
        yield marker, content[place:] if marker == _SOS else content[place:end]
        if marker == _SOS:
            return
        place = end


def _png_parts(content: bytes) -> Parts:
    kept, exif, xmp = [PNG_SIGNATURE], b"", b""
    place = len(PNG_SIGNATURE)
    while place + 8 <= len(content):
        length, name = struct.unpack_from(">L4s", content, place)
        body, chunk = content[place + 8 : place + 8 + length], content[place : place + 12 + length]
        place += len(chunk)
        if name in _PNG_PIXELS:
            kept.append(chunk)
        elif name == b"eXIf":
            exif = body
        elif name in (b"tEXt", b"zTXt", b"iTXt"):
            keyword, text = _text(name, body)
            if keyword == b"XML:com.adobe.xmp":
                xmp = text
            elif keyword == b"Raw profile type exif" and not exif:
                exif = _unhex(text)
    return Parts(b"".join(kept), _orientation(exif, xmp))


def _text(name: bytes, body: bytes) -> tuple[bytes, bytes]:
    """The keyword and the text of one of a PNG's three kinds of text; no text if it cannot be read."""
    keyword, _, text = body.partition(b"\0")
    packed = name == b"zTXt"
    if packed:
        text = text[1:]
    elif name == b"iTXt":
        packed = text[:1] == b"\1"
        # Two bytes on compression, then the language and the keyword in it.
        text = text[2:].partition(b"\0")[2].partition(b"\0")[2]
    if packed:
        try:
            text = zlib.decompressobj().decompress(text, _LONGEST_TEXT)
        except zlib.error:
            text = b""
    return keyword, text


def _unhex(text: bytes) -> bytes:
    """The bytes that ImageMagick writes as text: the name, the length, then lines of hexadecimal digits."""
    try:
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""


def _orientation(exif: bytes, xmp: bytes) -> int:
    named = _XMP_ORIENTATION.search(xmp)
    return _exif_orientation(exif) or (int(named[1]) if named else 1)


def _exif_orientation(exif: bytes) -> int | None:
    """The orientation in EXIF, which is a TIFF file's directory; None if none from 1 to 8 is readable."""
    tiff = exif
    while tiff.startswith(_EXIF_HEAD):
        tiff = tiff[len(_EXIF_HEAD) :]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return None
    try:
        (directory,) = struct.unpack_from(f"{order}L", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, kind, values = struct.unpack_from(f"{order}HHL", tiff, entry)
            if tag == _ORIENTATION_TAG and kind in _INTEGERS and values == 1:
                (value,) = struct.unpack_from(order + _INTEGERS[kind], tiff, entry + 8)
                return value if 1 <= value <= 8 else None
    except struct.error:
        # The directory is cut short.
        pass
    return None
