"""Single units of a code: what each adds to a picture, and which test images it answers to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ae_core.analysis.codes import CodeStatistics, activation_density, dead_units, hoyer, l0
from ae_core.analysis.inspection import Inspection
from ae_core.analysis.vectors import Vectors
from ae_core.data import to_array, to_float
from ae_core.model import Autoencoder


@dataclass(frozen=True)
class UnitUse:
    """How each unit of a model answers to a set of images."""

    density: np.ndarray
    """Share of the images on which the unit is active, shape (K,)."""
    examples: np.ndarray
    """The images that activate it most, as indices, the strongest first, shape (K, examples)."""
    hoyer: float
    """Mean Hoyer sparsity of the images' codes."""
    l0: float
    """Mean number of units that are not zero."""
    dead_units: int
    """Units that hardly change over the images."""

    @property
    def median_density(self) -> float:
        """The median over the units; of the two in the middle, the lower."""
        return float(np.quantile(self.density, 0.5, method="lower"))


@torch.inference_mode()
def measure_unit_use(vectors: Vectors, statistics: CodeStatistics, examples: int) -> UnitUse:
    """Read off the codes of a set of images how each unit is used.

    Args:
        statistics: of the model's codes on the test set.
        examples: how many images to keep per unit, at most all.
    """
    codes = torch.from_numpy(vectors.rows)
    strongest = codes.topk(examples, dim=0).indices.T
    density = activation_density(codes, statistics.max_activation)
    return UnitUse(to_array(density), strongest.numpy(), hoyer(codes), l0(codes), dead_units(codes))


def example_pictures(images: Tensor, use: UnitUse, units: Sequence[int]) -> np.ndarray:
    """The images that activate some units most, shape (units, examples, 28, 28), in [0, 1].

    Args:
        images: those that `use` was measured on, uint8, shape (n, 1, 28, 28).
    """
    return to_array(to_float(images[use.examples[list(units)], 0]))


def mean_activations(statistics: CodeStatistics) -> np.ndarray:
    """rho_hat of each unit over the test set, shape (K,)."""
    return to_array(statistics.mean_activation)


def strongest_units(code: np.ndarray, count: int) -> list[int]:
    """The units that fire most in a code (K,), the strongest first; fewer where fewer fire at all."""
    sizes = np.abs(code)
    order = np.argsort(-sizes, kind="stable")[:count]
    return order[sizes[order] > 0].tolist()


def with_units(code: np.ndarray, values: Mapping[int, float]) -> np.ndarray:
    """The code (K,) with some units set to other activations; 0 switches one off."""
    changed = code.copy()
    changed[list(values)] = list(values.values())
    return changed


@dataclass(frozen=True)
class Altered:
    """A picture decoded from its code with some units set."""

    reconstruction: np.ndarray
    """Clamped to [0, 1], shape (28, 28)."""
    mse: float
    """Of this reconstruction against what the model sees."""
    change: float
    """Mean squared difference to the reconstruction of the code as it is."""


@torch.inference_mode()
def alter(model: Autoencoder, seen: Inspection, values: Mapping[int, float]) -> Altered:
    """Set some units of an inspected picture's code and decode it."""
    (altered,) = _decode(model, [with_units(seen.code, values)])
    return Altered(
        reconstruction=to_array(altered),
        mse=(altered - torch.from_numpy(seen.x)).square().mean().item(),
        change=(torch.from_numpy(seen.reconstruction) - altered).square().mean().item(),
    )


@torch.inference_mode()
def contributions(model: Autoencoder, code: np.ndarray, units: Sequence[int]) -> np.ndarray:
    """What each unit adds to the shown picture: decoded with it, minus decoded without it.

    Both are clamped to [0, 1] as everywhere on the page. Units act together, so their contributions need not
    add up to the picture.

    Args:
        code: shape (K,).
    Returns:
        Shape (units, 28, 28).
    """
    pictures = _decode(model, [code, *(with_units(code, {unit: 0.0}) for unit in units)])
    return to_array(pictures[:1] - pictures[1:])


def _decode(model: Autoencoder, codes: Sequence[np.ndarray]) -> Tensor:
    """The shown pictures of codes (K,), shape (codes, 28, 28)."""
    return model.decode(torch.from_numpy(np.stack(codes))).clamp(0, 1)[:, 0]
