"""Everything that one picture shows under one model, computed once for all panels and views."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ae_core.jacobian import encoder_jacobian, sensitivity_map
from ae_core.metrics import CodeStatistics, hoyer, is_active
from ae_core.model import Autoencoder


@dataclass(frozen=True)
class Inspection:
    """One picture under one model. Maps have shape (28, 28)."""

    x: Tensor
    """What the model sees, in [0, 1]."""
    code: Tensor
    """Shape (K,)."""
    reconstruction: Tensor
    """Clamped to [0, 1]."""
    error: Tensor
    """|reconstruction - x|."""
    mse: float
    """Of this picture, with the reconstruction clamped."""
    hoyer: float
    sensitivity_map: Tensor
    """||dh/dx_i||_2 of each pixel i."""
    jacobian_sq_norm: float
    """||J||_F^2, exact."""
    active: Tensor | None
    """Which units exceed a tenth of their largest activation on the test set, shape (K,)."""
    relative_sensitivity: float | None
    """As in metrics, to first order, with this picture's Jacobian; None also where the code never changes."""

    @property
    def active_count(self) -> int | None:
        """How many units are active."""
        return None if self.active is None else int(self.active.sum())


@torch.inference_mode()
def inspect(model: Autoencoder, x: Tensor, statistics: CodeStatistics | None = None) -> Inspection:
    """Look at one picture through one model.

    Args:
        x: shape (1, 1, 28, 28), in [0, 1].
        statistics: of the model on the test set; without them `active` and `relative_sensitivity` are None.
    """
    code, reconstruction = model(x)
    reconstruction = reconstruction.clamp(0, 1)
    error = (reconstruction - x).abs()
    jacobian = encoder_jacobian(model, x)
    jacobian_sq_norm = jacobian.square().sum().item()
    return Inspection(
        x=x[0, 0],
        code=code[0],
        reconstruction=reconstruction[0, 0],
        error=error[0, 0],
        mse=error.square().mean().item(),
        hoyer=hoyer(code),
        sensitivity_map=sensitivity_map(jacobian)[0],
        jacobian_sq_norm=jacobian_sq_norm,
        active=None if statistics is None else is_active(code[0], statistics.max_activation),
        relative_sensitivity=None
        if statistics is None
        else statistics.relative_sensitivity(jacobian_sq_norm),
    )
