"""What a set holds, to look at: how many images of each class, and a few of them."""

from __future__ import annotations

import numpy as np
import torch

from ae_core.data.dataset import DataSet
from ae_core.data.mnist import SPLITS

PER_CLASS = 10
_ROWS_WITHOUT_CLASSES = 3


def counts_of(data: DataSet) -> dict[str, tuple[int, int]]:
    """Training and test images of each class, by its name; none of a set without labels."""
    if not data.classes:
        return {}
    train, test = (
        torch.bincount(data.labelled(split).labels.long(), minlength=len(data.classes)).tolist()
        for split in SPLITS
    )
    return dict(zip(data.classes, zip(train, test, strict=True), strict=True))


def sample_rows(data: DataSet) -> list[tuple[str, np.ndarray]]:
    """The first training images of each class with its name, uint8, shape (up to 10, 28, 28); or of all."""
    images, labels = data.load("train")
    if labels is None:
        shown = images[: PER_CLASS * _ROWS_WITHOUT_CLASSES, 0].numpy()
        return [("", shown[first : first + PER_CLASS]) for first in range(0, len(shown), PER_CLASS)]
    rows = []
    for label, name in enumerate(data.classes):
        of_class = (labels == label).nonzero().flatten()[:PER_CLASS]
        rows.append((name, images[of_class, 0].numpy()))
    return rows
