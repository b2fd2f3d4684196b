"""IDX files, in which MNIST and its kin come: images and labels of two parts, packed by gzip or not."""

from __future__ import annotations

import gzip
import io
import math
import re
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from ae_core.data.archives import Entry
from ae_core.data.fitting import Fit, fit_all
from ae_core.data.raw import Bounds, Raw, RawPart
from ae_core.errors import DataError

_NAME = re.compile(r"(?P<what>images|labels)[-.]idx(?P<rank>[13])[-.]ubyte(\.gz)?$", re.IGNORECASE)
_BYTES = 0x08
"""The type of an IDX file of bytes."""
_GZIP = b"\x1f\x8b"
_LARGEST_SIDE = 4096


def is_named_like_idx(name: str) -> bool:
    """Whether a file is called as those of MNIST are, such as train-images-idx3-ubyte.gz."""
    return _NAME.search(name) is not None


def read_idx_files(name: str, entries: Sequence[Entry], how: Fit, bounds: Bounds) -> Raw:
    """Read a set from its files: images and labels of a training and of a test part, or of one alone.

    Raises:
        DataError: if files are missing, damaged, or do not match.
    """
    found: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        if (match := _NAME.search(entry.path[-1])) is None:
            continue
        part = "test" if re.search(r"t10k|test", entry.path[-1], re.IGNORECASE) else "train"
        place = (part, match["what"].lower())
        if place in found:
            raise DataError(
                f"{name} holds two files of {part} {place[1]}, {found[place].name} and {entry.name}: "
                "keep one."
            )
        found[place] = entry
    parts: dict[str, RawPart] = {}
    for part in ("train", "test"):
        images, labels = found.get((part, "images")), found.get((part, "labels"))
        if images is None:
            if labels is not None:
                raise DataError(f"{name} has labels in {labels.name}, but no images for them.")
            continue
        pixels = _read(images, 3, bounds)
        bounds.check_images(images.name, len(pixels))
        parts[part] = RawPart(
            fit_all(pixels, how, images.name), None if labels is None else _read(labels, 1, bounds)
        )
    if "train" not in parts:
        return Raw(parts["test"])
    return Raw(parts["train"], parts.get("test"))


def _read(entry: Entry, rank: int, bounds: Bounds) -> np.ndarray:
    """The bytes of an IDX file, in its shape."""
    name, content = entry.name, entry.read(bounds.unpacked)
    packed = content.startswith(_GZIP)
    try:
        with gzip.open(io.BytesIO(content)) if packed else io.BytesIO(content) as file:
            shape = _shape(name, file.read(4 + 4 * rank), rank)
            size = math.prod(shape)
            bounds.check_unpacked(name, size)
            # One more tells whether there is more, however much more there is.
            pixels = file.read(size + 1)
    except (OSError, EOFError, zlib.error):
        raise DataError(
            f"{name} is damaged or cut short: gzip cannot unpack it. Copy it once more."
        ) from None
    if len(pixels) != size:
        state = "is cut short" if len(pixels) < size else "is longer than it says"
        raise DataError(f"{name} {state}: it should hold {size:,} bytes after its header. Copy it once more.")
    return np.frombuffer(pixels, dtype=np.uint8).reshape(shape)


def _shape(name: str, header: bytes, rank: int) -> tuple[int, ...]:
    if len(header) < 4 + 4 * rank or header[:2] != b"\0\0":
        raise DataError(f"{name} is no IDX file: it does not begin as one.")
    if header[2] != _BYTES or header[3] != rank:
        what = "images" if rank == 3 else "labels"
        raise DataError(f"{name} is no IDX file of {what}: those have bytes in {rank} dimensions.")
    shape = struct.unpack_from(f">{rank}L", header, 4)
    if not all(0 < side <= _LARGEST_SIDE for side in shape[1:]):
        raise DataError(f"{name} says that its images are {shape[-1]} x {shape[1]} pixels.")
    return shape
