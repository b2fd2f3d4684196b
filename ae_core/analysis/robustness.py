"""What a change of a picture does to a model's code and to its reconstruction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ae_core.analysis.evaluation import reconstruct
from ae_core.analysis.neighbourhood import code_distances
from ae_core.data import Picture, to_array
from ae_core.model import Autoencoder


@dataclass(frozen=True)
class Change:
    """A picture before and after a change: shapes (28, 28), in [0, 1]."""

    before: np.ndarray
    after: np.ndarray
    distance: float
    """||after - before||, where a pixel from black to white is 1."""


def change_between(x: Picture, changed: Picture) -> Change:
    """A change as the two pictures and their distance."""
    return Change(to_array(x[0, 0]), to_array(changed[0, 0]), (changed - x).norm().item())


@dataclass(frozen=True)
class Response:
    """What a change of a picture does under one model."""

    reconstruction: np.ndarray
    """Of the changed picture, clamped to [0, 1], shape (28, 28)."""
    code_moved: float | None
    """||h(x') - h(x)|| in spreads of the code; None for a code that never changes."""
    reconstruction_moved: float
    """Root mean square over the pixels of the reconstruction of x' minus that of x."""
    distance_to_unchanged: float
    """Root mean square over the pixels of the reconstruction of x' minus x."""


@torch.inference_mode()
def respond(model: Autoencoder, x: Picture, changed: Picture, spread: float) -> Response:
    """Look at a changed picture beside the unchanged one through one model.

    Args:
        spread: of the model's codes over the test set.
    """
    after, before = reconstruct(model, changed), reconstruct(model, x)
    moved = _in_spreads(model, x, changed, spread)
    return Response(
        to_array(after[0, 0]),
        None if moved is None else moved[0],
        (after - before).square().mean().sqrt().item(),
        (after - x).square().mean().sqrt().item(),
    )


STRENGTHS = 9
"""Places along a change's strength at which the curves that are shown are measured, at most."""


@dataclass(frozen=True)
class ResponseCurve:
    """What rising strengths of a change do under one model, one value per strength."""

    code_moved: tuple[float, ...] | None
    """As in `Response`."""
    distance_to_unchanged: tuple[float, ...]
    """As in `Response`."""


@torch.inference_mode()
def response_curve(model: Autoencoder, x: Picture, changed: Tensor, spread: float) -> ResponseCurve:
    """Look at changed pictures of rising strength through one model.

    Args:
        changed: one picture per strength, shape (strengths, 1, 28, 28).
        spread: of the model's codes over the test set.
    """
    moved = _in_spreads(model, x, changed, spread)
    distances = (reconstruct(model, changed) - x).square().mean((1, 2, 3)).sqrt()
    return ResponseCurve(moved, tuple(distances.tolist()))


def _in_spreads(model: Autoencoder, x: Picture, changed: Tensor, spread: float) -> tuple[float, ...] | None:
    """How far each changed picture moves the code, over the spread; None for a code that never changes."""
    return None if spread == 0 else tuple((code_distances(model, x, changed) / spread).tolist())
