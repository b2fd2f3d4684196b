"""Many vectors of one length, codes or pictures: their neighbours, and how their entries go together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ae_core.data import to_float
from ae_core.model import Autoencoder

_CHUNK = 256


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors that are asked again and again; what each question needs is computed once."""

    rows: np.ndarray
    """float32, shape (n, K)."""

    @cached_property
    def sq_norms(self) -> np.ndarray:
        """The squared length of each vector, shape (n,)."""
        return np.einsum("nk,nk->n", self.rows, self.rows)

    @cached_property
    def deviations(self) -> np.ndarray:
        """The standard deviation of each entry over the vectors, shape (K,); 0 where it never changes."""
        return np.where(np.ptp(self.rows, axis=0) > 0, self.rows.std(0), 0)


class Near(NamedTuple):
    """The nearest of some vectors, the nearest first."""

    indices: np.ndarray
    distances: np.ndarray

    def first(self, count: int) -> Near:
        """Those that are nearest of all."""
        return Near(self.indices[:count], self.distances[:count])


@torch.inference_mode()
def encode_all(model: Autoencoder, images: Tensor) -> Vectors:
    """The codes of images, uint8, shape (n, 1, 28, 28)."""
    return Vectors(torch.cat([model.encode(to_float(part)) for part in images.split(_CHUNK)]).numpy())


def flatten_all(images: Tensor) -> Vectors:
    """The pixels of images in [0, 1], uint8, shape (n, 1, 28, 28)."""
    return Vectors(to_float(images).flatten(1).numpy())


def find_near(vector: np.ndarray, vectors: Vectors, count: int) -> Near:
    """The nearest of some vectors to a vector (K,), by Euclidean distance."""
    # The products are several times as fast as all differences; those of the nearest are then exact.
    rough = vectors.sq_norms - 2 * (vectors.rows @ vector)
    count = min(count, len(rough))
    nearest = np.argpartition(rough, count - 1)[:count]
    distances = np.linalg.norm(vectors.rows[nearest] - vector, axis=1)
    order = np.argsort(distances, kind="stable")
    return Near(nearest[order], distances[order])


def correlate_one(vectors: Vectors, entry: int) -> np.ndarray:
    """The correlation of an entry with every one, shape (K,); 0 with one that never changes."""
    values = vectors.rows[:, entry]
    covariances = (values - values.mean()) @ vectors.rows / len(values)
    return _divide(covariances, vectors.deviations[entry] * vectors.deviations)


def correlate(a: Vectors, b: Vectors) -> np.ndarray:
    """The correlation of every entry of a with every one of b, over vectors that belong together: (K, L)."""
    covariances = (a.rows - a.rows.mean(0)).T @ (b.rows - b.rows.mean(0)) / len(a.rows)
    return _divide(covariances, a.deviations[:, None] * b.deviations)


def _divide(covariances: np.ndarray, scales: np.ndarray) -> np.ndarray:
    shares = np.divide(covariances, scales, out=np.zeros_like(covariances), where=scales > 0)
    return np.clip(shares, -1.0, 1.0)
