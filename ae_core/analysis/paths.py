"""Ways from one picture to another: through the code, decoded, and as a blend of their pixels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ae_core.analysis.vectors import Vectors, find_near
from ae_core.data import Picture, to_array
from ae_core.jacobian import column_sq_norms
from ae_core.model import Autoencoder


class Way(NamedTuple):
    """Pictures on the way, and what the model makes of each."""

    pictures: np.ndarray
    """In [0, 1], shape (steps, 28, 28)."""
    jacobian_norms: np.ndarray
    """||J||_F at each of them, shape (steps,)."""
    distances: np.ndarray
    """From the code of each step to the nearest one known, shape (steps,)."""


class Ways(NamedTuple):
    """The two ways; both are walked in equal steps, and their ends belong to the same two pictures."""

    through_code: Way
    """Codes on the straight line between the two codes, decoded; the ends are the two reconstructions."""
    through_pixels: Way
    """Blends of the two pictures; the ends are the pictures themselves."""


@torch.inference_mode()
def walk_between(model: Autoencoder, start: Picture, end: Picture, known: Vectors, steps: int) -> Ways:
    """Go from one picture to another in equal steps.

    Args:
        known: codes of training images: how far from all of them is a step?
        steps: pictures on each way, both ends among them; at least 2.
    """
    shares = torch.linspace(0, 1, steps)[:, None]
    codes = torch.lerp(model.encode(start), model.encode(end), shares)
    decoded = model.decode(codes).clamp(0, 1)
    blended = torch.lerp(start, end, shares[..., None, None])
    return Ways(
        _way(model, decoded, codes, known),
        _way(model, blended, model.encode(blended), known),
    )


def _way(model: Autoencoder, pictures: Tensor, codes: Tensor, known: Vectors) -> Way:
    distances = [find_near(code, known, 1).distances[0] for code in codes.numpy()]
    norms = column_sq_norms(model, pictures).sum((1, 2)).sqrt()
    return Way(to_array(pictures[:, 0]), to_array(norms), np.array(distances))
