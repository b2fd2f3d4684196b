"""What the codes of many images say: which units are active, how sparse and how steady the code is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ae_core.analysis.metrics import Metrics
from ae_core.data import PIXELS

ACTIVE_SHARE = 0.1
"""A unit is active above this share of the largest activation it reaches on the test set."""
DEAD_SHARE = 1e-3
"""A unit is dead whose activation ranges over less than this share of the widest range of any unit."""


@dataclass(frozen=True)
class CodeStatistics:
    """What must be known of a model's codes of the test set to read the code of a single picture."""

    mean_activation: Tensor
    """rho_hat of each unit, shape (K,)."""
    max_activation: Tensor
    """Largest activation of each unit, shape (K,)."""
    code_variance: float
    """Mean ||h - h_bar||^2."""
    pixel_variance: float
    """Mean ||x - x_bar||^2 of the images behind the codes."""

    @classmethod
    def of(cls, x: Tensor, codes: Tensor) -> CodeStatistics:
        """The statistics of images (n, 1, 28, 28) in [0, 1] and their codes (n, K)."""
        return cls(codes.mean(0), codes.amax(0), _variance(codes), _variance(x.flatten(1)))

    @classmethod
    def from_metrics(cls, metrics: Metrics) -> CodeStatistics:
        """The statistics as `evaluate` reports them."""
        return cls(
            torch.tensor(metrics.mean_activation),
            torch.tensor(metrics.max_activation),
            metrics.code_variance,
            metrics.pixel_variance,
        )

    @property
    def spread(self) -> float:
        """sqrt(mean ||h - h_bar||^2): how far a test image's code lies from the mean code."""
        return math.sqrt(self.code_variance)

    def relative_sensitivity(self, jacobian_sq_norm: float) -> float | None:
        """How far the code moves, to first order, scaled up from small noise to noise as strong as the data.

            ||J||_F^2 * (mean ||x - x_bar||^2 / D) / mean ||h - h_bar||^2

        Unchanged when the code is rescaled. An extrapolation: no code is linear that far, and under real
        noise even the order of two models can be the reverse; `code_shift` measures it. None for a code that
        never changes.
        """
        if self.code_variance == 0:
            return None
        return jacobian_sq_norm * (self.pixel_variance / PIXELS) / self.code_variance


def _variance(rows: Tensor) -> float:
    return (rows - rows.mean(0)).square().sum(1).mean().item()


def is_active(code: Tensor, max_activation: Tensor) -> Tensor:
    """Which units are active: h_j > 0.1 * max over test images of h_j; (..., K) bool."""
    return code > ACTIVE_SHARE * max_activation


def active_units(codes: Tensor, max_activation: Tensor) -> float:
    """Mean number of active units per image, of codes (images, K)."""
    return is_active(codes, max_activation).sum(-1).float().mean().item()


def l0(codes: Tensor) -> float:
    """Mean number of units that are not zero, per image, of codes (images, K)."""
    return codes.count_nonzero(-1).float().mean().item()


def dead_units(codes: Tensor) -> int:
    """Units that hardly change over the images of these codes (images, K); all, if no unit changes.

    A unit is dead if its activation ranges over less than a thousandth of the widest range of any unit.
    """
    ranges = codes.amax(0) - codes.amin(0)
    return int(((ranges < DEAD_SHARE * ranges.max()) | (ranges == 0)).sum())


def hoyer(code: Tensor) -> float:
    """Mean of (sqrt(K) - ||h||_1 / ||h||_2) / (sqrt(K) - 1), in [0, 1], of codes (images, K).

    0: all units equal, or all zero; 1: a single unit. Unchanged when a code is rescaled.

    Hoyer, "Non-negative matrix factorization with sparseness constraints", JMLR 2004.
    """
    root = math.sqrt(code.shape[-1])
    largest = code.abs().amax(-1, keepdim=True)
    # Divided first: squares of very small or large activations leave float32.
    scaled = torch.where(largest > 0, code / largest, 1.0).double()
    norm1 = torch.linalg.vector_norm(scaled, 1, dim=-1)
    norm2 = torch.linalg.vector_norm(scaled, 2, dim=-1)
    return ((root - norm1 / norm2) / (root - 1)).clamp(0, 1).mean().item()


def activation_density(codes: Tensor, max_activation: Tensor) -> Tensor:
    """The share of images on which each unit is active; (images, K) to (K,)."""
    return is_active(codes, max_activation).float().mean(0)


def code_shift(codes: Tensor, moved: Tensor, spread: float) -> float | None:
    """Root mean square of ||h(x') - h(x)||, divided by the spread of the code.

    1 is as far as a test image's code lies from the mean code. Unchanged when the code is rescaled. None for
    a code that never changes.

    Args:
        codes: h(x), shape (images, K).
        moved: h(x'), shape (images, K).
    """
    return None if spread == 0 else rms_distance(codes, moved) / spread


def rms_distance(codes: Tensor, moved: Tensor) -> float:
    """Root mean square over images of ||h(x') - h(x)||, of codes h(x) and h(x'), both (images, K)."""
    return (moved - codes).square().sum(1).mean().sqrt().item()
