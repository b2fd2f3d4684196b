"""Models as a page's script takes them: their layers in words, their numbers in base64.

Weights are float16, half as large as in a checkpoint; what values are compared with, and the readers, are
float32. A convolution's weight has the axes (row, column, input, output), its channels side by side.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.probe import LinearReader
from ae_core.analysis.units import mean_activations
from ae_core.data import IMAGE_SIZE
from ae_core.errors import PocketError
from ae_core.model import Autoencoder
from ae_core.pocket.models import PocketModel

Convolution = nn.Conv2d | nn.ConvTranspose2d


class PackedModel(NamedTuple):
    """What a page holds of a model; `scripts/model.js` opens it."""

    description: dict[str, Any]
    """`ModelData` of the script."""
    weights: str
    """Each layer's weight and bias, the encoder first: float16, little-endian, in base64."""
    statistics: str
    """Each unit's largest and mean activation, then the reader, if any: float32, likewise."""


def pack(model: PocketModel) -> PackedModel:
    """A model for the page.

    Raises:
        PocketError: if a weight is too large for float16.
    """
    network = model.checkpoint.model
    statistics = CodeStatistics.from_metrics(model.checkpoint.metrics)
    parts = [statistics.max_activation, statistics.mean_activation]
    if model.reader is not None:
        parts += _parts_of(model.reader)
    return PackedModel(
        _describe(model), _in_base64(_weights(model.name, network), "<f2"), _in_base64(_flat(parts), "<f4")
    )


def _describe(model: PocketModel) -> dict[str, Any]:
    network, config = model.checkpoint.model, model.checkpoint.model_config
    means = mean_activations(CodeStatistics.from_metrics(model.checkpoint.metrics))
    busy = np.abs(means).reshape(network.code_shape).mean((1, 2))
    encoder = _shapes(network.encoder_convolutions, IMAGE_SIZE)
    return {
        "name": model.name,
        "kind": model.kind,
        "label": model.label,
        "title": model.title,
        "codeActivation": config.code_activation,
        "outputActivation": config.output_activation,
        "encoder": encoder,
        "decoder": _shapes(network.decoder_convolutions, encoder[-1]["side"]),
        "order": np.argsort(-busy, kind="stable").tolist(),
        "sparsityTarget": model.checkpoint.train_config.at_last.sparsity_target,
        "hasReader": model.reader is not None,
    }


def _shapes(layers: tuple[Convolution, ...], side: int) -> list[dict[str, int]]:
    shapes = []
    for layer in layers:
        kernel, stride, padding = (int(each[0]) for each in (layer.kernel_size, layer.stride, layer.padding))
        shape = {
            "transposed": isinstance(layer, nn.ConvTranspose2d),
            "inputs": layer.in_channels,
            "outputs": layer.out_channels,
            "kernel": kernel,
            "stride": stride,
            "padding": int(padding),
            "inputSide": side,
        }
        if isinstance(layer, nn.ConvTranspose2d):
            side = (side - 1) * stride - 2 * padding + kernel + int(layer.output_padding[0])
        else:
            side = (side + 2 * padding - kernel) // stride + 1
        shapes.append({**shape, "side": side})
    return shapes


def _weights(name: str, network: Autoencoder) -> np.ndarray:
    parts = []
    for layer in (*network.encoder_convolutions, *network.decoder_convolutions):
        # A transposed convolution has its inputs first.
        axes = (2, 3, 0, 1) if isinstance(layer, nn.ConvTranspose2d) else (2, 3, 1, 0)
        assert layer.bias is not None, "every layer has one"
        parts += [layer.weight.permute(axes), layer.bias]
    if not fits(network):
        raise PocketError(
            f"{name} has weights that are too large for the pocket edition: train it with a smaller "
            "learning rate or a bound on the decoder's weights."
        )
    return _flat(parts)


def fits(network: Autoencoder) -> bool:
    """Whether float16 holds a model's weights."""
    largest = float(np.finfo(np.float16).max)
    return all(float(weight.detach().abs().max()) <= largest for weight in network.parameters())


def _parts_of(reader: LinearReader) -> list[Tensor]:
    return [reader.mean, reader.scale, reader.weight, reader.bias]


def _flat(parts: list[Tensor]) -> np.ndarray:
    return np.concatenate([part.detach().cpu().numpy().ravel() for part in parts])


def _in_base64(values: np.ndarray, dtype: str) -> str:
    return b64encode(values.astype(dtype).tobytes()).decode()
