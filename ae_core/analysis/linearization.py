"""The encoder around one picture, to first order: its Jacobian, and what is read off it, as arrays.

Rifai et al., "Contractive Auto-Encoders", ICML 2011.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ae_core.data import IMAGE_SIZE, Picture, to_array
from ae_core.jacobian import encoder_jacobian, rank, sensitivity_map, spectrum, tangents
from ae_core.jacobian.exact import with_sign
from ae_core.jacobian.probes import probe_estimates, probe_variance
from ae_core.model import Autoencoder


@dataclass(frozen=True)
class Linearization:
    """h(x + d) = h(x) + J d, to first order in d, around one picture x. Arrays are float32."""

    jacobian: np.ndarray
    """J, exact, shape (K, 784)."""
    sensitivity_map: np.ndarray
    """||dh/dx_i||_2 of each pixel i, shape (28, 28)."""
    jacobian_sq_norm: float
    """||J||_F^2."""
    length: float
    """||x||, where a pixel from black to white is 1."""

    @property
    def constant(self) -> bool:
        """Whether the code does not change at all around the picture."""
        return not self.jacobian.any()


@torch.inference_mode()
def linearize(model: Autoencoder, x: Picture) -> Linearization:
    """Linearize the encoder around a picture, exactly."""
    jacobian = encoder_jacobian(model, x)[0]
    return Linearization(
        to_array(jacobian),
        to_array(sensitivity_map(jacobian)),
        jacobian.square().sum().item(),
        x.norm().item(),
    )


_FEW = 1 / 20
"""Up to so many of all tangents are found sooner one after the other, by Lanczos' method."""


def leading_tangents(local: Linearization, count: int) -> np.ndarray:
    """The directions of the picture that its code follows most, orthonormal: shape (count, 28, 28).

    The code must not be constant.
    """
    from scipy.sparse.linalg import svds

    jacobian = local.jacobian
    if count > _FEW * min(jacobian.shape):
        return to_array(tangents(torch.from_numpy(jacobian), count))
    start = np.ones(min(jacobian.shape), jacobian.dtype)
    # The smallest come first.
    rising = svds(jacobian, count, v0=start, return_singular_vectors="vh")[2]
    leading = with_sign(torch.from_numpy(rising[::-1].copy()))
    return to_array(leading.unflatten(1, (IMAGE_SIZE, IMAGE_SIZE)))


PROBES = (1, 4, 16, 64)
"""Numbers of probes of the estimates that are shown."""


@dataclass(frozen=True)
class NormEstimates:
    """||J||_F^2 from random probes, one estimate per number of probes."""

    means: tuple[float, ...]
    """The estimates: means of ||J u||^2 over the probes."""
    standard_errors: tuple[float, ...]
    """Of the estimates, computed exactly from J."""


@torch.inference_mode()
def norm_estimates(
    model: Autoencoder, x: Picture, local: Linearization, probes: Sequence[int], seed: int = 0
) -> NormEstimates:
    """Estimate the squared Jacobian norm as training does.

    Args:
        local: the linearization of `model` around `x`.
        probes: how many probes to average over, each at least 1; a larger number includes the probes of a
            smaller one.
    """
    generator = torch.Generator().manual_seed(seed)
    estimates = probe_estimates(model.encoder, x, max(probes), generator)[:, 0]
    deviation = probe_variance(torch.from_numpy(local.jacobian)).sqrt().item()
    return NormEstimates(
        tuple(estimates[:count].mean().item() for count in probes),
        tuple(deviation / count**0.5 for count in probes),
    )


@dataclass(frozen=True)
class Spectra:
    """In how many directions, and how far, the codes of some models move around one picture."""

    curves: dict[str, np.ndarray]
    """By the model's name: the singular values of J that are more than rounding, largest first."""
    constant: tuple[str, ...]
    """The models whose code does not move at all: they have no curve."""


@torch.inference_mode()
def spectrum_at(model: Autoencoder, x: Picture) -> np.ndarray:
    """The singular values of J that are more than rounding, largest first: shape (rank,)."""
    values = spectrum(encoder_jacobian(model, x))[0]
    return to_array(values[: rank(values)])


def compare_spectra(found: Mapping[str, np.ndarray], relative: bool) -> Spectra:
    """Spectra by their models' names, whole or, if `relative`, each divided by its largest value."""
    curves = {
        name: values / values[0] if relative else values for name, values in found.items() if len(values)
    }
    return Spectra(curves, tuple(name for name in found if name not in curves))
