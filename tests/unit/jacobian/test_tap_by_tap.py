"""What a unit sees, and the Jacobian built on it, against autograd. Needs torch: float64."""

import pytest
import torch
from torch import nn

from ae_core.config import KINDS, ModelConfig
from ae_core.jacobian.tap_by_tap import masked_jacobian, receptive_field
from ae_core.model import Autoencoder

OTHERS = [
    (nn.Conv2d(1, 3, 5, stride=3, padding=2), nn.Conv2d(3, 2, 4, stride=2, padding=1), nn.Conv2d(2, 4, 3)),
    (nn.Conv2d(1, 2, 4), nn.Conv2d(2, 3, 3, stride=3, padding=2), nn.Conv2d(3, 2, 5)),
    (nn.Conv2d(1, 2, 2, stride=2), nn.Conv2d(2, 2, 1, stride=2), nn.Conv2d(2, 2, 7)),
]
ENCODERS = [*(Autoencoder(ModelConfig(kind)).encoder_convolutions for kind in KINDS), *OTHERS]


def with_ones(convolutions):
    """The layers one after another, with weights by which no path from a pixel to a unit cancels another."""
    layers = nn.Sequential(*convolutions).double().requires_grad_(False)
    for value in layers.parameters():
        nn.init.ones_(value)
    return layers


def pixels_on(picture):
    """First and last row, and first and last column, where a picture is not 0."""
    rows, columns = (picture.sum(axis).nonzero()[:, 0] for axis in (1, 0))
    return rows[0].item(), rows[-1].item(), columns[0].item(), columns[-1].item()


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("convolutions", ENCODERS, ids=range(len(ENCODERS)))
def test_a_unit_sees_the_pixels_by_which_autograd_finds_a_derivative(convolutions, depth):
    layers, field = with_ones(convolutions[:depth]), receptive_field(convolutions[:depth])
    x = torch.ones(1, 1, 28, 28, dtype=torch.float64, requires_grad=True)
    side = layers(x).shape[-1]
    for row, column in ((0, 0), (side // 2, 0), (side - 1, side // 2), (0, side - 1)):
        (derivative,) = torch.autograd.grad(layers(x)[0, 0, row, column], x)
        (rows, _), (columns, _) = field.in_image(row), field.in_image(column)
        expected = rows.start, rows.stop - 1, columns.start, columns.stop - 1
        assert pixels_on(derivative[0, 0]) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_unit_contributes_to_the_pixels_that_the_reversed_decoder_sees(kind):
    model = Autoencoder(ModelConfig(kind))
    field = receptive_field(reversed(model.decoder_convolutions))
    layers = with_ones(model.decoder_convolutions)
    for unit in range(model.code_shape[-1]):
        code = torch.zeros(model.code_shape, dtype=torch.float64)
        code[0, unit, 0] = 1
        picture = layers(code[None]) - layers(torch.zeros_like(code)[None])
        (rows, _), (columns, _) = field.in_image(unit), field.in_image(0)
        assert pixels_on(picture[0, 0]) == (rows.start, rows.stop - 1, columns.start, columns.stop - 1)


def test_the_models_see_what_their_tables_say():
    for kind in KINDS:
        first, second, _ = Autoencoder(ModelConfig(kind)).encoder_convolutions
        assert receptive_field((first,)) == (3, 2, 1)
        assert receptive_field((first, second)) == (7, 4, 3)


@pytest.mark.parametrize("convolutions", OTHERS, ids=range(len(OTHERS)))
def test_the_masked_jacobian_of_other_kernels_strides_and_paddings_matches_jacrev(convolutions):
    first, second, third = (layer.double().requires_grad_(False) for layer in convolutions)
    generator = torch.Generator().manual_seed(0)
    for layer in convolutions:
        nn.init.uniform_(layer.weight, -1, 1, generator=generator)
        nn.init.zeros_(layer.bias)
    x = torch.rand(2, 1, 28, 28, dtype=torch.float64, generator=generator) - 0.5

    def hidden(x):
        one = first(x)
        return one, second(one.relu())

    on1, on2 = (layer > 0 for layer in hidden(x))
    assert 0.1 < on2.double().mean() < 0.95
    found = masked_jacobian(first, on1, second, on2, third)
    for one, image in zip(found, x, strict=True):
        expected = torch.func.jacrev(lambda pixels: third(hidden(pixels[None])[1].relu()).flatten())(image)
        torch.testing.assert_close(one, expected.flatten(1), rtol=1e-9, atol=1e-12)
