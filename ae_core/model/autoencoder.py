"""The two convolutional autoencoders; their layers are fixed, their activations are not.

Rifai et al., "Contractive Auto-Encoders", ICML 2011; Ng, "Sparse autoencoder", CS294A lecture notes, 2011.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from ae_core.config import Kind, ModelConfig, Recipe

# Values are measured in full float32, which TensorFloat-32 is not. Off for the whole process: a switch around
# a measurement would also act on whatever trains in another thread. Nothing is lost: where there is
# TensorFloat-32, training is in bfloat16.
torch.backends.cudnn.allow_tf32 = False

_WIDTHS: dict[Kind, tuple[int, int, int, int]] = {
    "contractive": (32, 64, 128, 5),
    "sparse": (16, 32, 64, 7),
}
"""Channels of the three encoder layers, and the last one's kernel size."""


Part = Literal["encoder", "decoder"]
_PARTS: tuple[Part, ...] = get_args(Part)


class RectifiedTanh(nn.Module):
    """tanh(ReLU(z)): in [0, 1), as KL needs, with exact zeros, as sparsity needs."""

    def forward(self, pre_activation: Tensor) -> Tensor:
        return torch.tanh(torch.relu(pre_activation))


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "linear": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "rectified_tanh": RectifiedTanh,
}


def _description(layers: nn.Sequential) -> list[tuple[type[nn.Module], str]]:
    """What each layer does, whatever its weights: its type, and a convolution's shape and spacing."""
    return [(type(layer), layer.extra_repr()) for layer in layers]


def _activation(name: str | None) -> nn.Module:
    """The layer of this name.

    Raises:
        ValueError: for None, which no validated configuration holds.
    """
    if name is None:
        raise ValueError("the configuration names no activation")
    return ACTIVATIONS[name]()


class AutoencoderOutput(NamedTuple):
    """What a forward pass gives."""

    code: Tensor
    """Shape (batch, K): 1152 or 64 units."""
    reconstruction: Tensor
    """Shape (batch, 1, 28, 28), not clamped: the loss uses it raw."""


class Autoencoder(nn.Module):
    """An encoder of three convolutions and its mirror image; they share no weights.

    The layers stand in two sequences, which name the weights `encoder.0.weight` to `decoder.4.bias`. Those
    that others ask for have properties as well, so that nothing else needs to count layers.

    Args:
        config: the kind and the activations.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        first, second, third, kernel = _WIDTHS[config.kind]
        side = 7 - kernel + 1
        self.code_shape = (third, side, side)
        self.code_size = math.prod(self.code_shape)
        self.encoder = nn.Sequential(
            nn.Conv2d(1, first, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(second, third, kernel),
            _activation(config.code_activation),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(third, second, kernel),
            nn.ReLU(),
            nn.ConvTranspose2d(second, first, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(first, 1, 3, stride=2, padding=1, output_padding=1),
            _activation(config.output_activation),
        )
        self._built = {part: _description(getattr(self, part)) for part in _PARTS}

    def is_as_built(self, part: Part) -> bool:
        """Whether a part's layers do what they did when the model was made, whatever their weights.

        False where a layer was replaced, a hook may change what one gives, or `encode` was set on the model.
        """
        layers: nn.Sequential = getattr(self, part)
        hooked = any(layer._forward_hooks or layer._forward_pre_hooks for layer in layers.modules())
        return not hooked and "encode" not in vars(self) and _description(layers) == self._built[part]

    @property
    def encoder_convolutions(self) -> tuple[nn.Conv2d, ...]:
        """From the image to the code."""
        return tuple(layer for layer in self.encoder if isinstance(layer, nn.Conv2d))

    @property
    def decoder_convolutions(self) -> tuple[nn.ConvTranspose2d, ...]:
        """From the code to the image."""
        return tuple(layer for layer in self.decoder if isinstance(layer, nn.ConvTranspose2d))

    @property
    def code_layer(self) -> nn.Conv2d:
        """The encoder's last convolution: its channels are the code's."""
        return self.encoder_convolutions[-1]

    @property
    def code_activation(self) -> nn.Module:
        """The encoder's last layer, pointwise: from the code layer's values to the code."""
        return self.encoder[-1]

    @property
    def output_activation(self) -> nn.Module:
        """The decoder's last layer, pointwise: from its last convolution's values to the reconstruction."""
        return self.decoder[-1]

    def pre_activation(self, x: Tensor) -> Tensor:
        """Images (batch, 1, 28, 28) to the code layer's values (batch, K), before their activation."""
        return self.encoder[:-1](x).flatten(1)

    def encode(self, x: Tensor) -> Tensor:
        """Images (batch, 1, 28, 28) in [0, 1] to codes (batch, K)."""
        return self.encoder(x).flatten(1)

    def decode(self, code: Tensor) -> Tensor:
        """Codes (batch, K) to raw reconstructions (batch, 1, 28, 28)."""
        return self.decoder(code.unflatten(1, self.code_shape))

    def forward(self, x: Tensor) -> AutoencoderOutput:
        code = self.encode(x)
        return AutoencoderOutput(code, self.decode(code))


def initial_model(recipe: Recipe) -> Autoencoder:
    """The untrained model that a recipe starts from."""
    train = recipe.train
    return seeded_autoencoder(recipe.model, train.seed, train.initial_gain, train.initial_code_bias)


def seeded_autoencoder(
    config: ModelConfig, seed: int, gain: float = 1.0, code_bias: float | None = None
) -> Autoencoder:
    """A new model whose weights depend on the arguments alone, whatever other threads draw meanwhile.

    Weights are uniform in +-gain/sqrt(fan_in), biases in +-1/sqrt(fan_in); with a gain of 1 that is PyTorch's
    own default for convolutions. A `code_bias`, if given, is every bias of the code layer instead.
    """
    model = Autoencoder(config)
    generator = torch.Generator().manual_seed(seed)
    for layer in (*model.encoder_convolutions, *model.decoder_convolutions):
        bound = 1 / math.sqrt(layer.weight[0].numel())
        nn.init.uniform_(layer.weight, -gain * bound, gain * bound, generator=generator)
        if layer.bias is not None:
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    if code_bias is not None and model.code_layer.bias is not None:
        nn.init.constant_(model.code_layer.bias, code_bias)
    return model
