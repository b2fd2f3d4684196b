"""From what a reader found to a data set: classes, a test part, the order of the images, and what is odd.

Deterministic: the same images in the same order give the same set, and so the same digest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ae_core.data.dataset import DataSet, Source, set_of
from ae_core.data.raw import MOST_CLASSES, Raw, RawPart
from ae_core.errors import DataError

LEAST_IMAGES = 20
"""Fewer leave nothing to measure on."""
TEST_SHARE = 0.1
"""Of the images, where there is no test part."""
MOST_SET_ASIDE = 10_000
_LONGEST_NAME = 40
_LONGEST_CLASS = 40
_DIM = 64
"""If no pixel is brighter, the numbers are hardly of 0 to 255."""

_Split = tuple[Tensor, Tensor | None]


def assemble(name: str, raw: Raw, source: Source | None) -> DataSet:
    """Make a set of what was found.

    Args:
        name: of the file or the folder.
    Raises:
        DataError: if there are too few images, or the labels do not match them or make no classes.
    """
    name = short_name(name)
    parts = [raw.train] if raw.test is None else [raw.train, raw.test]
    for what, part in zip(("training", "test"), parts, strict=False):
        _check_part(name, what, part)
    total = sum(len(part.images) for part in parts)
    if total < LEAST_IMAGES:
        raise DataError(
            f"{name} holds {total} {'image' if total == 1 else 'images'}: a set needs at least "
            f"{LEAST_IMAGES}."
        )
    if len(parts) == 2 and (parts[0].labels is None) != (parts[1].labels is None):
        raise DataError(f"{name} has labels for one of its parts only: give both their labels, or none.")
    classes, parts = _with_classes(name, raw.classes, parts)
    warnings = [*raw.warnings, *_oddities(parts, classes)]
    # In an order of their own: what is sorted by class would otherwise be held out class by class.
    shuffled = [_pick(part, np.random.default_rng(0).permutation(len(part.images))) for part in parts]
    if len(shuffled) == 1:
        aside = min(MOST_SET_ASIDE, max(2, round(TEST_SHARE * total)))
        shuffled = [
            _pick(shuffled[0], np.arange(aside, total)),
            _pick(shuffled[0], np.arange(aside)),
        ]
        warnings.append(f"There is no test part: {aside:,} images, drawn by a seed, are set aside as one.")
    train, test = map(_tensors, shuffled)
    return set_of(name, train, test, classes, source, warnings)


def short_name(name: str) -> str:
    """A name that can stand in a sentence and in a file: what comes from outside may hold anything."""
    safe = re.sub(r"[^\w.+ -]", "_", name).strip(" .")[:_LONGEST_NAME]
    return safe or "data"


def _check_part(name: str, what: str, part: RawPart) -> None:
    if not len(part.images):
        raise DataError(f"{name} holds no {what} images.")
    if part.labels is not None and len(part.labels) != len(part.images):
        raise DataError(
            f"{name} has {len(part.labels):,} labels for {len(part.images):,} {what} images: each needs one."
        )


def _with_classes(
    name: str, names: tuple[str, ...] | None, parts: list[RawPart]
) -> tuple[tuple[str, ...], list[RawPart]]:
    """The classes, and the same parts with the places of their classes as labels."""
    labels = [part.labels for part in parts if part.labels is not None]
    if not labels:
        return (), parts
    values = np.unique(np.concatenate(labels))
    if names is None:
        names = tuple(str(value) for value in values.tolist())
    elif values.min() < 0 or values.max() >= len(names):
        raise DataError(
            f"{name} has labels from {values.min()} to {values.max()}, but names {len(names)} classes: "
            "labels "
            "count them from 0."
        )
    else:
        values = np.arange(len(names))
    if len(names) > MOST_CLASSES:
        raise DataError(
            f"{name} has {len(names):,} classes, more than {MOST_CLASSES}: leave the labels out, or "
            "merge some."
        )
    found = [RawPart(part.images, np.searchsorted(values, np.asarray(part.labels))) for part in parts]
    cleaned = tuple(
        "".join(c if c.isprintable() else "_" for c in one)[:_LONGEST_CLASS] or "_" for one in names
    )
    if len(set(cleaned)) < len(cleaned):
        raise DataError(
            f"{name} has classes of the same name: give each one of its own, up to 40 characters."
        )
    return cleaned, found


def _oddities(parts: Sequence[RawPart], classes: Sequence[str]) -> list[str]:
    found = []
    brightest = max(int(part.images.max()) for part in parts)
    blank = sum(int((part.images.max((1, 2)) == part.images.min((1, 2))).sum()) for part in parts)
    if brightest < _DIM:
        found.append(
            f"The brightest pixel is {brightest} of 255: if these numbers have another range, stretch "
            "them to "
            "0 to 255 first."
        )
    if blank:
        found.append(f"{blank:,} {'image is' if blank == 1 else 'images are'} of one brightness all over.")
    light = float(np.mean([part.images[:1000].mean() for part in parts])) / 255
    if light > 0.5:
        found.append(
            "Most of these pictures are light: the lab draws light on dark. --fit centre turns dark ink "
            "light."
        )
    if len(classes) == 1:
        found.append("All images are of one class: there is nothing for a probe to tell apart.")
    if classes:
        for what, part in zip(("training", "test"), parts, strict=False):
            counts = np.bincount(np.asarray(part.labels), minlength=len(classes))
            missing = [name for name, count in zip(classes, counts, strict=True) if not count]
            if missing:
                more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
                found.append(f"There are no {what} images of {missing[0]}{more}.")
    return found


def _pick(part: RawPart, order: np.ndarray) -> RawPart:
    return RawPart(part.images[order], None if part.labels is None else part.labels[order])


def _tensors(part: RawPart) -> _Split:
    images = torch.from_numpy(np.ascontiguousarray(part.images))[:, None]
    return images, None if part.labels is None else torch.from_numpy(part.labels.astype(np.uint8))
