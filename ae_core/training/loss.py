"""The training loss of either kind, and how processes share a batch in it."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ae_core.config import TrainConfig
from ae_core.data import PIXELS
from ae_core.jacobian.probes import random_signs
from ae_core.model import Autoencoder
from ae_core.model.convolution import propagate
from ae_core.penalties import ContractedCode, encode_with_contraction, kl_to_mean_activation
from ae_core.training.distributed import Share


class LossParts(NamedTuple):
    """Scalars of one process, whose mean over all processes is that of the whole batch."""

    loss: Tensor
    """mse + penalty_weight * penalty."""
    mse: Tensor
    penalty: Tensor
    """Before it is multiplied by its weight."""


class Loss(nn.Module):
    """The loss and its two parts.

    Args:
        config: `penalty_weight` and `sparsity_target` are what it starts with.
        noise: generator of the probes and of the input's noise, on the model's device.
    """

    penalty_weight: float | Tensor
    sparsity_target: float | Tensor | None
    """Scalar tensors where a captured graph reads them, which cannot see another number."""

    def __init__(self, model: Autoencoder, config: TrainConfig, noise: torch.Generator) -> None:
        super().__init__()
        self.model = model
        self.penalty_weight = config.penalty_weight
        self.sparsity_target = config.sparsity_target
        self._config = config
        self._noise = noise

    def forward(self, x: Tensor, share: Share) -> LossParts:
        """The losses of this process's images of a batch, float32, shape (n, 1, 28, 28).

        The reconstruction is held against `x` itself, whatever noise the encoder sees.
        """
        model = self.model
        encode = self._sparse if model.config.kind == "sparse" else self._contractive
        seen = self._with_noise(x, share) if self._config.input_noise else x
        code, penalty = encode(seen.to(model.encoder_convolutions[0].weight.dtype), share)
        squares = F.mse_loss(propagate(model.decoder, code).float(), x, reduction="sum")
        mse = share.part_of_mean(squares, share.images * PIXELS)
        return LossParts(mse + self.penalty_weight * penalty, mse, penalty)

    def _with_noise(self, x: Tensor, share: Share) -> Tensor:
        """Each image with noise of a strength of its own, clamped to [0, 1].

        Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", ICML 2008.
        """
        # Every process draws the whole batch's noise, as with the directions of the probes.
        strength, noise = (
            torch.empty((share.images, *shape), device=x.device) for shape in ((1, 1, 1), x.shape[1:])
        )
        strength.uniform_(0, self._config.input_noise, generator=self._noise)
        noise.normal_(generator=self._noise)
        return (x + share.of(strength * noise)).clamp(0, 1)

    def _sparse(self, x: Tensor, share: Share) -> tuple[Tensor, Tensor]:
        rho = self.sparsity_target
        assert rho is not None, "a sparse recipe has a target"
        code = propagate(self.model.encoder, x)
        return code, kl_to_mean_activation(share.mean_over_batch(code.float()), rho)

    def _contractive(self, x: Tensor, share: Share) -> ContractedCode:
        config = self._config
        probed = max(1, round(config.probe_fraction * share.images))
        # Every process draws the whole batch's directions: they do not depend on the number of processes.
        whole = random_signs((config.probes, probed, *x.shape[1:]), x, self._noise)
        own = share.of(whole, 1)
        code, penalty = encode_with_contraction(self.model.encoder, x, own)
        # Its part of the mean over all probed images, times the world size: for one process the factor is 1.
        return ContractedCode(code, penalty * (own.shape[1] * share.size / probed))
