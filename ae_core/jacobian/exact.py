"""The encoder's exact Jacobian J = dh/dx, and what is read off it.

The lab's own models take the fast path of `tap_by_tap.py`, any other encoder that of `torch_func.py`.

Rifai et al., "Contractive Auto-Encoders", ICML 2011.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeGuard

import torch
from torch import Tensor, nn

from ae_core.data import IMAGE_SIZE
from ae_core.jacobian.tap_by_tap import masked_column_sq_norms, masked_jacobian
from ae_core.jacobian.torch_func import Encoder, encode_of, functional_jacobian
from ae_core.model import Autoencoder, Part, RectifiedTanh

JacobianPath = Literal["tap by tap", "torch.func"]
"""How a Jacobian is computed."""

IMAGE_SHAPE = (IMAGE_SIZE, IMAGE_SIZE)
SMALLEST_SHARE = 1e-6
"""Singular values below this share of the largest are rounding."""


def activation_slope(layer: nn.Module, pre_activation: Tensor, activation: Tensor) -> Tensor:
    """Derivative of a pointwise activation, shaped like its input; 0 at a ReLU's kink, as autograd has it.

    Raises:
        TypeError: for a layer other than ReLU, Identity, Sigmoid and RectifiedTanh.
    """
    match layer:
        case nn.ReLU():
            return activation.detach().sign()
        case nn.Identity():
            return torch.ones_like(activation)
        case nn.Sigmoid():
            return activation * (1 - activation)
        case RectifiedTanh():
            return (1 - activation.square()) * (pre_activation > 0)
    raise TypeError(f"no derivative is known for a layer of type {type(layer).__name__}")


def jacobian_path(encoder: Encoder) -> JacobianPath:
    """How `encoder_jacobian` computes the Jacobian of an encoder; both ways are exact.

    "tap by tap" for an `Autoencoder` with the layers it was built with, whatever their weights. "torch.func"
    for all else: a subclass, a replaced or hooked layer, any other module or function.
    """
    return "tap by tap" if _is_own(encoder) else "torch.func"


def _is_own(encoder: Encoder) -> TypeGuard[Autoencoder]:
    return type(encoder) is Autoencoder and encoder.is_as_built("encoder")


def encoder_jacobian(model: Encoder, x: Tensor) -> Tensor:
    """Exact J(x) = dh/dx of every image, by the path that `jacobian_path` names.

    Args:
        model: an `Autoencoder`, another module with a method `encode`, or any module or function from images
            (batch, ...) to codes (batch, ...), in eval mode.
        x: images, shape (batch, 1, 28, 28) for an `Autoencoder`, else (batch, ...).
    Returns:
        Shape (batch, K, 784), in the model's precision; for another encoder (batch, K, inputs).
    Raises:
        TypeError: if another encoder is no function or gives no tensor of floats.
        ValueError: if its codes have no batch dimension, if an image's code depends on the other images, or
            if it gets no image.

    >>> import torch
    >>> from ae_core import encoder_jacobian
    >>> layer = torch.nn.Linear(5, 3)
    >>> jacobian = encoder_jacobian(layer, torch.randn(4, 5))
    >>> jacobian.shape, torch.equal(jacobian[0], layer.weight)
    (torch.Size([4, 3, 5]), True)
    """
    if not _is_own(model):
        return functional_jacobian(encode_of(model), x)
    pre_activation, jacobian = _pre_activation_jacobian(model, x)
    activate = model.code_activation
    slope = activation_slope(activate, pre_activation, activate(pre_activation))
    return jacobian.mul_(slope[..., None])


def column_sq_norms(model: Encoder, x: Tensor) -> Tensor:
    """Exact sum over the units of (dh_k/dx_i)^2 for each pixel i: the square of the sensitivity map.

    For an `Autoencoder` faster than J, which is not built. Added up over the pixels it is ||J||_F^2.

    Args:
        model, x: as for `encoder_jacobian`, with images of 28 x 28 pixels.
    Returns:
        Shape (batch, 28, 28).
    Raises:
        TypeError, ValueError: as `encoder_jacobian`.
    """
    if not _is_own(model):
        return encoder_jacobian(model, x).square().sum(1).unflatten(-1, IMAGE_SHAPE)
    first, second, third = model.encoder_convolutions
    hidden1 = first(x)
    hidden2 = second(torch.relu(hidden1))
    pre_activation = third(torch.relu(hidden2)).flatten(1)
    activate = model.code_activation
    slope = activation_slope(activate, pre_activation, activate(pre_activation))
    return masked_column_sq_norms(first, hidden1 > 0, second, hidden2 > 0, third, slope)


class PreActivation(NamedTuple):
    """What goes into the code's activation, and its exact Jacobian."""

    value: Tensor
    """Shape (batch, K)."""
    jacobian: Tensor
    """Shape (batch, K, 784)."""


def pre_activation_jacobian(model: Autoencoder, x: Tensor) -> PreActivation:
    """The encoder without its last activation, and its Jacobian, for images (batch, 1, 28, 28).

    Raises:
        TypeError: if the encoder no longer has the layers it was built with.
    """
    _require_as_built(model, "encoder")
    return _pre_activation_jacobian(model, x)


def _pre_activation_jacobian(model: Autoencoder, x: Tensor) -> PreActivation:
    first, second, third = model.encoder_convolutions
    hidden1 = first(x)
    hidden2 = second(torch.relu(hidden1))
    return PreActivation(
        third(torch.relu(hidden2)).flatten(1),
        masked_jacobian(first, hidden1 > 0, second, hidden2 > 0, third),
    )


def _require_as_built(model: Autoencoder, part: Part) -> None:
    if not model.is_as_built(part):
        raise TypeError(f"the {part}'s layers are not those that Autoencoder was built with")


def decoder_jacobian(model: Autoencoder, code: Tensor) -> Tensor:
    """Exact d x_hat/dh of every code, of the raw reconstruction (before clamping).

    The decoder mirrors the encoder, so its transposed Jacobian has the encoder's form.

    Args:
        code: shape (batch, K).
    Returns:
        Shape (batch, 784, K).
    Raises:
        TypeError: if the decoder no longer has the layers it was built with.
    """
    _require_as_built(model, "decoder")
    first, second, third = model.decoder_convolutions
    activate = model.output_activation
    hidden1 = first(code.unflatten(1, model.code_shape))
    hidden2 = second(torch.relu(hidden1))
    pre_activation = third(torch.relu(hidden2))
    slope = activation_slope(activate, pre_activation, activate(pre_activation))
    linear = masked_jacobian(third, hidden2 > 0, second, hidden1 > 0, first)
    return linear.mT.mul_(slope.flatten(1)[..., None])


def reconstruction_jacobian(model: Autoencoder, x: Tensor) -> Tensor:
    """Exact d x_hat/dx of every image, of the raw reconstruction (before clamping).

    Args:
        x: images, shape (batch, 1, 28, 28).
    Returns:
        Shape (batch, 784, 784).
    Raises:
        TypeError: if the decoder no longer has the layers it was built with.
    """
    return decoder_jacobian(model, model.encode(x)) @ encoder_jacobian(model, x)


def sensitivity_map(jacobian: Tensor, shape: Sequence[int] = IMAGE_SHAPE) -> Tensor:
    """||dh/dx_i||_2 of each pixel i, the norms of J's columns: how far the code moves when the pixel does.

    To first order, in units of the code per unit of the input.

    Args:
        jacobian: shape (..., K, inputs), as `encoder_jacobian` gives it.
        shape: of one input, whose product is the number of inputs.
    Returns:
        Shape (..., *shape).
    Raises:
        RuntimeError: if the inputs cannot have that shape.

    >>> import torch
    >>> from ae_core import encoder_jacobian, sensitivity_map
    >>> x = torch.ones(1, 2, 3)
    >>> jacobian = encoder_jacobian(lambda x: 2 * x.flatten(1), x)
    >>> sensitivity_map(jacobian, (2, 3))
    tensor([[[2., 2., 2.],
             [2., 2., 2.]]])
    """
    return torch.linalg.vector_norm(jacobian, dim=-2).unflatten(-1, tuple(shape))


def spectrum(jacobian: Tensor) -> Tensor:
    """Singular values of J, largest first: their squares add up to ||J||_F^2.

    A contractive code follows few directions of its input, and the spectrum falls fast (Rifai et al., 2011,
    section 5.3).

    Args:
        jacobian: shape (..., K, inputs), as `encoder_jacobian` gives it.
    Returns:
        Shape (..., min(K, inputs)).

    >>> import torch
    >>> from ae_core import encoder_jacobian, spectrum
    >>> jacobian = encoder_jacobian(lambda x: x * torch.tensor([3.0, 1.0]), torch.zeros(1, 2))
    >>> spectrum(jacobian)
    tensor([[3., 1.]])
    """
    return torch.linalg.svdvals(jacobian)


def rank(singular_values: Tensor) -> int:
    """How many singular values (n,), largest first, are more than rounding: J's numerical rank."""
    return int((singular_values > SMALLEST_SHARE * singular_values[0]).sum())


def tangents(jacobian: Tensor, count: int, shape: Sequence[int] = IMAGE_SHAPE) -> Tensor:
    """The leading right singular vectors of J: orthonormal directions of an input that the code follows most.

    A singular vector's sign is arbitrary and differs between processors: here its positive pixels carry the
    larger part of its squared length. Rifai et al., "The Manifold Tangent Classifier", NIPS 2011.

    Args:
        jacobian: shape (..., K, inputs), as `encoder_jacobian` gives it.
        count: how many, at most min(K, inputs).
        shape: of one input, whose product is the number of inputs.
    Returns:
        Shape (..., count, *shape).
    Raises:
        RuntimeError: if the inputs cannot have that shape.

    >>> import torch
    >>> from ae_core import encoder_jacobian, tangents
    >>> jacobian = encoder_jacobian(lambda x: x * torch.tensor([3.0, 1.0]), torch.zeros(1, 2))
    >>> tangents(jacobian, 1, shape=(2,))
    tensor([[[1., 0.]]])
    """
    right = torch.linalg.svd(jacobian, full_matrices=False).Vh[..., :count, :]
    return with_sign(right).unflatten(-1, tuple(shape))


def with_sign(directions: Tensor) -> Tensor:
    """Directions, shape (..., inputs), of which positive inputs carry the larger part of the length."""
    surplus = (directions * directions.abs()).sum(-1, keepdim=True)
    return torch.where(surplus < 0, -directions, directions)
