"""The widespread mistakes in both penalties, measured beside the right value.

Nothing here trains a model; `ae_core.penalties` has the right penalties.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ae_core.data import Picture
from ae_core.jacobian import encoder_jacobian, pre_activation_jacobian
from ae_core.model import Autoencoder
from ae_core.penalties import kl_penalty


@dataclass(frozen=True)
class Mistake:
    """A formula that is often written, what it gives, and what it should have given."""

    name: str
    wrong_code: str
    right_code: str
    quantity: str
    """What both values are meant to measure."""
    wrong: float
    right: float
    why: str
    """One sentence."""


def contraction_mistakes(model: Autoencoder, x: Picture) -> list[Mistake]:
    """What is often taken for ||J||_F^2, on one image.

    Raises:
        TypeError: if the encoder no longer has the layers it was built with.
    """
    with torch.inference_mode():
        jacobian = encoder_jacobian(model, x)[0]
        code = model.encode(x)[0]
        linear = pre_activation_jacobian(model, x).jacobian[0]
    norm = jacobian.square().sum().item()
    sigmoid_code = isinstance(model.code_activation, nn.Sigmoid)
    return [
        Mistake(
            "The gradient of the summed code",
            "g = torch.autograd.grad(h, x, torch.ones_like(h), create_graph=True)[0]\npenalty = "
            "g.square().sum()",
            "v = torch.randint_like(h, 2) * 2 - 1  # random signs\n"
            "g = torch.autograd.grad(h, x, v, create_graph=True)[0]\npenalty = g.square().sum()",
            "‖J‖² of this drawing; the right code gives it on average over v",
            summed_code_sq_norm(jacobian),
            norm,
            "Summing the code first adds up the rows of J: it gives ‖Jᵀ1‖², which is ‖J‖² and, on top, the "
            "product of every two units' gradients. Where units move against each other it is too small, and "
            "can be 0 for a code that moves a lot; where they move alike it is too large.",
        ),
        Mistake(
            "Weights read from state_dict()",
            "W = model.state_dict()['encoder.4.weight']\npenalty = f(W)  # W has no gradient",
            "W = model.code_layer.weight\npenalty = f(W)",
            "gradient of ‖J‖² by the encoder's weights, its norm",
            _penalty_gradient_norm(model, x, detached=True),
            _penalty_gradient_norm(model, x, detached=False),
            "state_dict() returns detached tensors: the penalty is added to the loss, is printed and "
            "plotted, and never changes a weight.",
        ),
        Mistake(
            "h(1 − h) for a code that is no sigmoid",
            "slope = h * (1 - h)",
            "slope = torch.autograd.grad(h.sum(), z, create_graph=True)[0]",
            "‖J‖² of this drawing",
            (linear * (code * (1 - code))[:, None]).square().sum().item(),
            norm,
            "This model's code is a sigmoid, so here, and only here, the formula is right."
            if sigmoid_code
            else "h(1 − h) is the derivative of the sigmoid; this model's code has another activation, whose "
            "derivative is another.",
        ),
    ]


def summed_code_sq_norm(jacobian: Tensor) -> float:
    """||J^T 1||^2, the squared gradient of the summed code, of a Jacobian (K, 784)."""
    return jacobian.sum(0).square().sum().item()


def _penalty_gradient_norm(model: Autoencoder, x: Tensor, detached: bool) -> float:
    """Norm of the gradient of ||J||_F^2 by the encoder's weights, or by what state_dict() returns."""
    trained = copy.deepcopy(model).requires_grad_()
    used = trained
    if detached:
        used = copy.deepcopy(model).requires_grad_(False)
        used.load_state_dict(trained.state_dict())
    with torch.enable_grad():
        penalty = encoder_jacobian(used, x).square().sum()
    if not penalty.requires_grad:
        return 0.0
    gradients = torch.autograd.grad(penalty, list(trained.encoder.parameters()), allow_unused=True)
    return sum(one.square().sum().item() for one in gradients if one is not None) ** 0.5


@torch.inference_mode()
def sparsity_mistakes(model: Autoencoder, x: Tensor, sparsity_target: float) -> list[Mistake]:
    """What is often taken for the KL penalty, on the codes of images (batch, 1, 28, 28).

    Raises:
        ValueError: if sparsity_target is not in (0, 1).
    """
    return kl_mistakes(model.encode(x), sparsity_target)


def kl_mistakes(codes: Tensor, sparsity_target: float) -> list[Mistake]:
    """What is often taken for the KL penalty, on codes (batch, K); raises as `sparsity_mistakes`."""
    rho = sparsity_target
    right = kl_penalty(codes, rho).item()
    over_units = kl_penalty(codes.T, rho).item()
    mean_activation = codes.mean(0)
    one_mean = kl_penalty(codes.mean().view(1, 1).expand(1, codes.shape[1]), rho).item()
    target = torch.full_like(mean_activation, rho)
    return [
        Mistake(
            "ρ̂ averaged over the units",
            "rho_hat = h.mean(dim=1)  # one value per image",
            "rho_hat = h.mean(dim=0)  # one value per unit",
            "Σ KL(ρ ‖ ρ̂) of this batch",
            over_units,
            right,
            "The mean over the units asks every image for a small code; one unit that fires on all images, "
            "beside units that never do, can pass. And it adds up a term per image where there is one per "
            "unit, so that its value comes out larger or smaller.",
        ),
        Mistake(
            "One ρ̂ for the whole layer",
            "rho_hat = h.mean()",
            "rho_hat = h.mean(dim=0)",
            "Σ KL(ρ ‖ ρ̂) of this batch",
            one_mean,
            right,
            "Units that fire too often and units that fire too rarely average out, and neither is corrected.",
        ),
        Mistake(
            "F.kl_div without logarithms",
            "F.kl_div(rho_hat, torch.full_like(rho_hat, rho), reduction='sum')",
            "kl = (\n    rho * (rho / rho_hat).log()\n    + (1 - rho) * ((1 - rho) / (1 - "
            "rho_hat)).log()\n).sum()",
            "Σ KL(ρ ‖ ρ̂) of this batch",
            F.kl_div(mean_activation, target, reduction="sum").item(),
            right,
            "F.kl_div takes log-probabilities, and knows nothing of the second half, the unit being silent; "
            "a divergence is never negative, this is.",
        ),
    ]
