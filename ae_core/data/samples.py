"""A few images of each class, to look at."""

from __future__ import annotations

import numpy as np

from ae_core.data.dataset import DataSet

PER_CLASS = 10
_ROWS_WITHOUT_CLASSES = 3


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
