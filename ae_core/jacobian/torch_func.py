"""The exact Jacobian of any encoder, by `torch.func`: knows nothing of its layers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

Encode = Callable[[Tensor], Tensor]
"""From images (batch, ...) to codes (batch, ...), each image for itself."""

Encoder = nn.Module | Encode
"""A module with a method `encode`, or a module or function that is one itself."""

_IMAGES_AT_ONCE = 4
_ROWS_AT_ONCE = 128
"""Of the code; without both bounds a Jacobian takes gigabytes."""


def encode_of(encoder: Encoder) -> Encode:
    """The function from images to codes of an encoder.

    Raises:
        TypeError: if it is neither a module nor a function.
    """
    encode = getattr(encoder, "encode", encoder) if isinstance(encoder, nn.Module) else encoder
    if not callable(encode):
        raise TypeError(f"an encoder is a module or a function, not {type(encoder).__name__}")
    return encode


def functional_jacobian(encode: Encode, x: Tensor) -> Tensor:
    """Exact dh/dx of every image, whatever the encoder's layers.

    Row by row in reverse mode (`jacrev`), by the derivatives with which encoders are trained. Forward mode
    (`jacfwd`) is up to twice as fast, but not every layer has it (attention has not), and of some layers its
    result has silently wrong gradients by the weights.

    Args:
        encode: a module must be in eval mode.
        x: images, shape (batch, ...).
    Returns:
        Shape (batch, K, inputs).
    Raises:
        TypeError: if `encode` gives anything but a tensor of floats.
        ValueError: if the codes have no batch dimension, if an image's code depends on the other images, or
            if there is no image.
    """
    _check(encode, x)

    def code_of_one(image: Tensor) -> Tensor:
        return encode(image[None])[0].flatten()

    # PyTorch 2.11 gives zeros in inference mode.
    with torch.inference_mode(False):
        x = x.clone() if x.is_inference() else x
        return vmap(jacrev(code_of_one, chunk_size=_ROWS_AT_ONCE), chunk_size=_IMAGES_AT_ONCE)(x).flatten(2)


def _check(encode: Encode, x: Tensor) -> None:
    """Try an encoder on the first image, alone and beside a black one; raises as `functional_jacobian`."""
    if x.dim() < 2 or not len(x):
        raise ValueError(f"x must be at least one image, shape (batch, ...), not {tuple(x.shape)}")
    with torch.no_grad():
        alone = _codes(encode, x[:1])
        beside = _codes(encode, torch.cat((x[:1], torch.zeros_like(x[:1]))))
    difference = (beside[0] - alone[0]).abs().amax()
    if difference > torch.finfo(alone.dtype).eps ** 0.5 * alone.abs().amax():
        raise ValueError(
            "the encoder gives an image another code beside another image than alone: it mixes the images "
            "of a batch or draws at random, as batch normalisation and dropout do before eval()"
        )


def _codes(encode: Encode, x: Tensor) -> Tensor:
    codes = encode(x)
    if not isinstance(codes, Tensor) or not codes.is_floating_point():
        given = codes.dtype if isinstance(codes, Tensor) else type(codes).__name__
        raise TypeError(f"the encoder must give a floating-point tensor of codes, not {given}")
    if codes.dim() == 0 or len(codes) != len(x):
        raise ValueError(
            f"the encoder must give one code per image, shape (batch, ...): for {len(x)} it gave a tensor of "
            f"shape {tuple(codes.shape)}"
        )
    return codes
