"""What a code has to be better than: the pixels themselves, and their principal components."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ae_core.analysis.probe import Features
from ae_core.config import KINDS, RECIPES
from ae_core.data import to_float
from ae_core.model import initial_model

_ROUNDING = 1e-7
_FEW_COMPONENTS = 64
"""As many as the sparse code has units."""


def baselines(train_images: Tensor) -> Mapping[str, Features]:
    """Features of images by their names: pixels, principal components, and the codes of untrained networks.

    Args:
        train_images: uint8, shape (n, 1, 28, 28), whose components they are.
    """
    mean, components = _principal_components(train_images)
    return {
        "pixels": lambda x: x.flatten(1),
        f"{_FEW_COMPONENTS} principal components": _onto(mean, components[:_FEW_COMPONENTS]),
        "all principal components": _onto(mean, components),
    } | {f"untrained {kind} network": initial_model(RECIPES[kind]["best"]).eval().encode for kind in KINDS}


def _principal_components(images: Tensor) -> tuple[Tensor, Tensor]:
    """The mean training image (784,) and the directions in which they vary, strongest first (n, 784)."""
    from sklearn.decomposition import PCA

    x = to_float(images).flatten(1).numpy()
    found = PCA(svd_solver="covariance_eigh").fit(x)
    # Pixels that are black in every image leave directions in which nothing but rounding varies.
    varies = found.explained_variance_ > _ROUNDING * found.explained_variance_[0]
    return torch.from_numpy(found.mean_).float(), torch.from_numpy(found.components_[varies]).float()


def _onto(mean: Tensor, components: Tensor) -> Features:
    return lambda x: (x.flatten(1) - mean) @ components.T
