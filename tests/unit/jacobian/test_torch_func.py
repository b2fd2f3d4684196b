"""The Jacobian of other encoders against finite differences, and its path. Needs torch: float64."""

import copy

import pytest
import torch
from torch import nn

from ae_core.config import KINDS, ModelConfig
from ae_core.jacobian import decoder_jacobian, encoder_jacobian, jacobian_path, pre_activation_jacobian
from ae_core.model import Autoencoder, seeded_autoencoder
from tests.unit.jacobian.helpers import model_and_images

SIDE = 8


class WithEncode(nn.Module):
    """An autoencoder that is none of ours: calling it gives a reconstruction."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def encode(self, x):
        return self.layers(x)

    def forward(self, x):
        raise AssertionError("the encoder alone is asked")


def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(SIDE**2, 12), nn.Tanh())


def normalised():
    return nn.Sequential(*linear(), nn.LayerNorm(12), nn.GELU(), nn.Linear(12, 5))


def batch_normalised():
    layers = nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2),
        nn.BatchNorm2d(4),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(36, 6),
        nn.BatchNorm1d(6),
    )
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    return layers


def pooled():
    return nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.MaxPool2d(2), nn.Tanh())


def attentive():
    return nn.Sequential(
        nn.Flatten(2), nn.TransformerEncoderLayer(SIDE**2, 4, 32, batch_first=True, dropout=0)
    )


FOREIGN = [linear, normalised, batch_normalised, pooled, attentive]


def images(count=3):
    return torch.rand(count, 1, SIDE, SIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def made(layers):
    torch.manual_seed(0)
    return layers().double().eval().requires_grad_(False)


def differences(encode, x, step=1e-6):
    """The Jacobian by central differences, one pixel after another: (batch, K, pixels)."""
    columns = []
    for pixel in torch.eye(x[0].numel(), dtype=x.dtype):
        moved = step * pixel.view_as(x[0])
        columns.append((encode(x + moved) - encode(x - moved)).flatten(1) / (2 * step))
    return torch.stack(columns, -1)


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.inference_mode])
@pytest.mark.parametrize("layers", FOREIGN)
def test_the_jacobian_of_a_foreign_encoder_matches_finite_differences(layers, mode):
    encoder, x = made(layers), images()
    assert jacobian_path(encoder) == "torch.func"
    with mode():
        found = encoder_jacobian(encoder, x)
    assert found.shape == (3, encoder(x).flatten(1).shape[1], SIDE**2)
    torch.testing.assert_close(found, differences(encoder, x), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("wrap", [WithEncode, lambda layers: layers, lambda layers: lambda x: layers(x)])
def test_a_module_with_encode_a_module_and_a_function_are_all_encoders(wrap):
    layers, x = made(normalised), images(1)
    assert torch.equal(encoder_jacobian(wrap(layers), x), encoder_jacobian(layers, x))


def test_codes_of_one_number_per_image_are_one_row():
    found = encoder_jacobian(lambda x: x.flatten(1).square().sum(1), images(2))
    torch.testing.assert_close(found, 2 * images(2).flatten(2))


def test_what_torch_func_gives_can_be_differentiated_by_the_weights():
    encoder = made(normalised).requires_grad_()
    x = images(2)
    encoder_jacobian(encoder, x).square().sum().backward()
    weight = encoder[1].weight
    step = torch.zeros_like(weight)
    step[3, 5] = 1e-5
    with torch.no_grad():
        norms = []
        for sign in (1, -1):
            moved = copy.deepcopy(encoder)
            moved[1].weight += sign * step
            norms.append(encoder_jacobian(moved, x).square().sum().item())
    assert weight.grad[3, 5].item() == pytest.approx((norms[0] - norms[1]) / 2e-5, rel=1e-5)


class OfTheSameName(Autoencoder):
    pass


def replaced(model, place, layer):
    model.encoder[place] = layer
    return model


def hooked(model):
    model.encoder[1].register_forward_hook(lambda layer, given, result: 2 * result)
    return model


def reflecting(model):
    return replaced(model, 0, nn.Conv2d(1, 16, 3, stride=2, padding=1, padding_mode="reflect"))


def encodes_otherwise(model):
    model.encode = lambda x: 2 * model.encoder(x).flatten(1)
    return model


CHANGED = {
    "a subclass": lambda model: OfTheSameName(model.config),
    "another activation": lambda model: replaced(model, 1, nn.GELU()),
    "another code activation": lambda model: replaced(model, 5, nn.Softplus()),
    "another padding": reflecting,
    "a hook": hooked,
    "another encode": encodes_otherwise,
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_a_changed_model_is_left_to_torch_func_and_stays_exact(change):
    model, x = model_and_images("sparse", batch=1)
    assert jacobian_path(model) == "tap by tap"
    changed = change(model).double().requires_grad_(False)
    assert jacobian_path(changed) == "torch.func"
    expected = torch.func.jacfwd(lambda image: changed.encode(image[None])[0])(x[0]).flatten(1)
    torch.testing.assert_close(encoder_jacobian(changed, x)[0], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_other_weights_precisions_and_copies_keep_the_fast_path(kind):
    model = seeded_autoencoder(ModelConfig(kind), 1).double().requires_grad_(False)
    nn.init.zeros_(model.code_layer.weight)
    assert jacobian_path(copy.deepcopy(model)) == "tap by tap"
    model.load_state_dict(Autoencoder(model.config).state_dict())
    model.to(memory_format=torch.channels_last)
    assert jacobian_path(model) == "tap by tap"


def test_functions_of_the_layers_refuse_layers_they_do_not_know():
    model, x = model_and_images("sparse", batch=1)
    with pytest.raises(TypeError, match="encoder's layers"):
        pre_activation_jacobian(replaced(model, 1, nn.GELU()), x)
    model.decoder[1] = nn.GELU()
    with pytest.raises(TypeError, match="decoder's layers"):
        decoder_jacobian(model, torch.zeros(1, 64, dtype=torch.float64))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    "encode", [lambda x: x.sum(), lambda x: x.flatten(), lambda x: x.flatten(1)[:1].mean(0)]
)
def test_codes_without_a_batch_dimension_are_refused(encode, count):
    with pytest.raises(ValueError, match="one code per image"):
        encoder_jacobian(encode, images(count))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    "encode",
    [
        lambda x: x.flatten(1) - x.flatten(1).mean(0),
        nn.Sequential(nn.Flatten(), nn.Dropout(0.5)),
        nn.BatchNorm2d(1).double(),
    ],
    ids=["centred", "dropout", "batch normalisation"],
)
def test_an_encoder_that_mixes_images_or_draws_at_random_is_refused(encode, count):
    torch.manual_seed(0)
    with pytest.raises(ValueError, match="mixes the images"):
        encoder_jacobian(encode, images(count))


def test_what_is_no_encoder_is_refused():
    for wrong in ("encoder", None, images(1)):
        with pytest.raises(TypeError, match="module or a function"):
            encoder_jacobian(wrong, images(1))
    for encode in (lambda x: (x, x), lambda x: x.flatten(1) > 0):
        with pytest.raises(TypeError, match="floating-point tensor"):
            encoder_jacobian(encode, images(1))
    for none in (images(0), torch.zeros(4, dtype=torch.float64)):
        with pytest.raises(ValueError, match="at least one image"):
            encoder_jacobian(nn.Identity(), none)
