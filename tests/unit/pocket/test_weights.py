"""Models as the page's script takes them. Needs torch."""

from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
import torch

from ae_core.analysis.probe import LinearReader
from ae_core.config import CODE_ACTIVATIONS, KINDS, OUTPUT_ACTIVATIONS
from ae_core.errors import PocketError
from ae_core.pocket.models import PocketModel
from ae_core.pocket.weights import fits, pack


def halves(packed):
    return np.frombuffer(b64decode(packed.weights), "<f2")


def floats(packed):
    return np.frombuffer(b64decode(packed.statistics), "<f4")


@pytest.mark.parametrize("kind", KINDS)
def test_weights_come_layer_by_layer_and_their_shapes_say_where_each_ends(make_checkpoint, kind):
    checkpoint = make_checkpoint(kind)
    packed = pack(PocketModel("mine", checkpoint, None))
    network, values, side = checkpoint.model, halves(packed), 28
    layers = zip(
        (*network.encoder_convolutions, *network.decoder_convolutions),
        (*packed.description["encoder"], *packed.description["decoder"]),
        strict=True,
    )
    for layer, shape in layers:
        assert shape["inputSide"] == side
        side = shape["side"]
        axes = [shape[name] for name in ("kernel", "kernel", "inputs", "outputs")]
        count = int(np.prod(axes))
        weight, bias = values[:count].reshape(axes), values[count : count + shape["outputs"]]
        values = values[count + shape["outputs"] :]
        order = (2, 3, 0, 1) if shape["transposed"] else (2, 3, 1, 0)
        assert (weight == layer.weight.detach().permute(order).half().numpy()).all()
        assert (bias == layer.bias.detach().half().numpy()).all()
    assert side == 28
    assert not len(values)


def test_statistics_and_the_reader_stay_in_full_precision(make_checkpoint):
    checkpoint = make_checkpoint("sparse")
    generator = torch.Generator().manual_seed(0)
    shapes = {"mean": (64,), "scale": (64,), "weight": (10, 64), "bias": (10,)}
    reader = LinearReader(**{name: torch.rand(shape, generator=generator) for name, shape in shapes.items()})
    metrics = checkpoint.metrics
    expected = [metrics.max_activation, metrics.mean_activation]
    without = pack(PocketModel("mine", checkpoint, None))
    assert floats(without) == pytest.approx(np.concatenate(expected))
    assert not without.description["hasReader"]
    expected += [reader.mean, reader.scale, reader.weight.flatten(), reader.bias]
    packed = pack(PocketModel("mine", checkpoint, reader))
    assert floats(packed) == pytest.approx(np.concatenate(expected))
    assert packed.description["hasReader"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_activation_is_named(make_checkpoint, kind):
    for code in CODE_ACTIVATIONS[kind]:
        for output in OUTPUT_ACTIVATIONS[kind]:
            description = pack(PocketModel("mine", make_checkpoint(kind, code, output), None)).description
            assert (description["codeActivation"], description["outputActivation"]) == (code, output)


def test_channels_are_ordered_by_how_busy_they_are(make_checkpoint):
    checkpoint = make_checkpoint("contractive")
    mean = np.zeros((128, 9))
    mean[5], mean[100], mean[2, 3] = 1, 2, 3
    metrics = replace(checkpoint.metrics, mean_activation=tuple(mean.ravel()))
    order = pack(PocketModel("mine", replace(checkpoint, metrics=metrics), None)).description["order"]
    assert order[:4] == [100, 5, 2, 0]


def test_weights_beyond_float16_are_refused(make_checkpoint):
    checkpoint = make_checkpoint("sparse")
    assert fits(checkpoint.model)
    with torch.no_grad():
        checkpoint.model.code_layer.bias[0] = 1e5
    assert not fits(checkpoint.model)
    with pytest.raises(PocketError, match="mine has weights that are too large"):
        pack(PocketModel("mine", checkpoint, None))
