"""Everything that one picture shows under one model, computed once for all panels and views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ae_core.analysis.codes import CodeStatistics, hoyer, is_active
from ae_core.data import Picture, to_array
from ae_core.jacobian import column_sq_norms
from ae_core.model import Autoencoder


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture as the models see it, and as it was before noise was put on it: the same without noise."""

    clean: Picture
    x: Picture


@dataclass(frozen=True)
class Inspection:
    """One picture under one model. Arrays are float32; maps have shape (28, 28)."""

    x: np.ndarray
    """What the model sees, in [0, 1]."""
    code: np.ndarray
    """Shape (K,)."""
    code_shape: tuple[int, int, int]
    """The code's channels, rows and columns: their product is K."""
    reconstruction: np.ndarray
    """Clamped to [0, 1]."""
    error: np.ndarray
    """|reconstruction - clean|, the clean picture being x itself unless noise was put on it."""
    mse: float
    """Mean of the squared error."""
    hoyer: float
    """Hoyer sparsity of the code, in [0, 1]."""
    sensitivity_map: np.ndarray
    """||dh/dx_i||_2 of each pixel i."""
    jacobian_sq_norm: float
    """||J||_F^2, exact."""
    active: np.ndarray | None
    """Which units exceed a tenth of their largest activation on the test set, shape (K,), bool."""
    relative_sensitivity: float | None
    """As `CodeStatistics` defines it, of this picture's Jacobian; None also where the code never changes."""

    @property
    def active_count(self) -> int | None:
        """How many units are active."""
        return None if self.active is None else int(self.active.sum())

    @property
    def code_sq_norm(self) -> float:
        """||h||^2."""
        return float(np.square(self.code, dtype=np.float64).sum())

    @property
    def code_magnitudes(self) -> np.ndarray:
        """|h_j| in the shape `code_shape`."""
        return np.abs(self.code).reshape(self.code_shape)


@torch.inference_mode()
def inspect(
    model: Autoencoder, x: Picture, statistics: CodeStatistics | None = None, clean: Picture | None = None
) -> Inspection:
    """Look at one picture through one model.

    Args:
        statistics: of the model's codes on the test set; without them `active` and `relative_sensitivity`
            are None.
        clean: what the error is taken against, if `x` is a noisy version of it.
    """
    code, reconstruction = model(x)
    reconstruction = reconstruction.clamp(0, 1)
    error = (reconstruction - (x if clean is None else clean)).abs()
    sensitivity_sq = column_sq_norms(model, x)[0]
    jacobian_sq_norm = sensitivity_sq.sum().item()
    return Inspection(
        x=to_array(x[0, 0]),
        code=to_array(code[0]),
        code_shape=model.code_shape,
        reconstruction=to_array(reconstruction[0, 0]),
        error=to_array(error[0, 0]),
        mse=error.square().mean().item(),
        hoyer=hoyer(code),
        sensitivity_map=to_array(sensitivity_sq.sqrt()),
        jacobian_sq_norm=jacobian_sq_norm,
        active=None if statistics is None else is_active(code[0], statistics.max_activation).cpu().numpy(),
        relative_sensitivity=None
        if statistics is None
        else statistics.relative_sensitivity(jacobian_sq_norm),
    )


@torch.inference_mode()
def reconstruct_each(models: Sequence[Autoencoder], x: Picture) -> list[np.ndarray]:
    """What each model makes of a picture, clamped to [0, 1], shape (28, 28) each; without Jacobians."""
    return [to_array(model(x)[1].clamp(0, 1)[0, 0]) for model in models]


@dataclass(frozen=True)
class Difference:
    """What a picture shows under one model minus what it shows under another: maps of shape (28, 28)."""

    reconstruction: np.ndarray
    error: np.ndarray
    sensitivity_map: np.ndarray


def difference(a: Inspection, b: Inspection) -> Difference:
    """The signed difference A - B of two inspections of the same picture."""
    return Difference(
        a.reconstruction - b.reconstruction, a.error - b.error, a.sensitivity_map - b.sensitivity_map
    )
