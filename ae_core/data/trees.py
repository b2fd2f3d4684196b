"""A folder or an archive as a set: pictures, in a folder per class or none, or the files of an IDX set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ae_core.config import IMAGE_SIZE
from ae_core.data import idx
from ae_core.data.archives import Entry
from ae_core.data.fitting import Fit
from ae_core.data.pictures import count_pixels, is_picture, read_picture
from ae_core.data.raw import Bounds, Raw, RawPart
from ae_core.drawing.photo import LARGEST_FILE
from ae_core.errors import DataError

_TRAIN, _TEST = ("train", "training"), ("test", "testing")


def read_tree(name: str, entries: Sequence[Entry], how: Fit, bounds: Bounds) -> Raw:
    """Read the images of files.

    `train/` and `test/` hold the two parts, if both are there. In a part every folder is a class, named like
    it; pictures that lie in no folder have none.

    Raises:
        DataError: if there are no images, or one cannot be read.
    """
    if any(idx.is_named_like_idx(entry.path[-1]) for entry in entries):
        return idx.read_idx_files(name, entries, how, bounds)
    pictures = _below_common_folder([entry for entry in entries if is_picture(entry.path[-1])])
    if not pictures:
        raise DataError(
            f"{name} holds no PNG or JPEG pictures and no IDX files: pictures lie in a folder per "
            "class, or all "
            "in one."
        )
    bounds.check_images(name, len(pictures))
    tops = {entry.path[0].lower() for entry in pictures}
    warnings = []
    if left_out := len(entries) - len(pictures):
        were = "file that is no PNG or JPEG was" if left_out == 1 else "files that are no PNG or JPEG were"
        warnings.append(f"{left_out:,} {were} left out.")
    if len(tops) == 2 and tops & {*_TRAIN} and tops & {*_TEST} and all(len(one.path) > 1 for one in pictures):
        train = [one._replace(path=one.path[1:]) for one in pictures if one.path[0].lower() in _TRAIN]
        test = [one._replace(path=one.path[1:]) for one in pictures if one.path[0].lower() in _TEST]
        return Raw(
            _read_part(name, train, how, bounds), _read_part(name, test, how, bounds), warnings=warnings
        )
    return Raw(_read_part(name, pictures, how, bounds), warnings=warnings)


def _below_common_folder(entries: list[Entry]) -> list[Entry]:
    """The same without the folders that hold all of them: one that holds everything tells nothing apart."""
    while (
        entries and len({entry.path[0] for entry in entries}) == 1 and all(len(e.path) > 1 for e in entries)
    ):
        entries = [entry._replace(path=entry.path[1:]) for entry in entries]
    return entries


def _read_part(name: str, entries: Sequence[Entry], how: Fit, bounds: Bounds) -> RawPart:
    in_folders = [entry for entry in entries if len(entry.path) > 1]
    if in_folders and len(in_folders) < len(entries):
        loose = next(entry for entry in entries if len(entry.path) == 1)
        raise DataError(
            f"{name} has pictures in folders and others beside them, such as {loose.name}: put each into the "
            "folder of its class, or all into one."
        )
    images, pixels = np.empty((len(entries), IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8), 0
    for index, entry in enumerate(entries):
        content = entry.read(LARGEST_FILE)
        pixels += count_pixels(entry.name, content)
        bounds.check_pixels(name, pixels)
        images[index] = read_picture(entry.name, content, how)
    labels = np.array([entry.path[0] for entry in entries]) if in_folders else None
    return RawPart(images, labels)
