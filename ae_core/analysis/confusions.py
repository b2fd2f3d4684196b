"""Which test images a reader takes for which class."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ae_core.analysis.probe import CLASSES


def confusions(labels: Tensor, read_as: Tensor, classes: int = CLASSES) -> np.ndarray:
    """How many images of each class (row) are taken for each (column): shape (classes, classes)."""
    counts = torch.bincount(classes * labels.long() + read_as.long(), minlength=classes**2)
    return counts.reshape(classes, classes).numpy()


def images_in(labels: Tensor, read_as: Tensor, digit: int, reading: int) -> list[int]:
    """The indices of the images of a digit that are taken for another, or for itself."""
    return torch.nonzero((labels == digit) & (read_as == reading)).flatten().tolist()
