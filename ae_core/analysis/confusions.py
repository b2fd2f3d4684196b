"""Which test digits a reader takes for which."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ae_core.analysis.probe import CLASSES


def confusions(labels: Tensor, read_as: Tensor) -> np.ndarray:
    """How many images of each digit (row) are taken for each (column): shape (10, 10)."""
    counts = torch.bincount(CLASSES * labels.long() + read_as.long(), minlength=CLASSES**2)
    return counts.reshape(CLASSES, CLASSES).numpy()


def images_in(labels: Tensor, read_as: Tensor, digit: int, reading: int) -> list[int]:
    """The indices of the images of a digit that are taken for another, or for itself."""
    return torch.nonzero((labels == digit) & (read_as == reading)).flatten().tolist()
