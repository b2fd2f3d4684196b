"""Our convolutions against PyTorch's layers, forward and backward. Needs torch; on CUDA more of them run."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from ae_core.config import KINDS, ModelConfig
from ae_core.model import convolution, seeded_autoencoder
from ae_core.model.convolution import FORMS, Convolution, acting_forms, convolve, propagate, spacing_of, using

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-3, torch.bfloat16: 0.01}
"""Of the norm of a difference, relative; CUDA's float32 convolutions round to TensorFloat-32."""


def layers_and_inputs(kind, dtype, device, batch):
    """Each convolution of a model with an input of the shape that it gets there."""
    model = seeded_autoencoder(ModelConfig(kind), 0).to(device, dtype, memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(batch, 1, 28, 28, generator=generator).to(device, dtype)
    for layer in (*model.encoder, *model.decoder):
        if isinstance(layer, Convolution):
            yield layer, x.detach()
        x = layer(x)


def gradients(y, x, layer):
    upstream = torch.randn(y.shape, generator=torch.Generator().manual_seed(2)).to(y)
    return torch.autograd.grad(y, (x, layer.weight, layer.bias), upstream)


def assert_near(actual, expected):
    assert actual.shape == expected.shape
    difference = (actual - expected).double().norm() / expected.double().norm()
    assert difference < TOLERANCE[expected.dtype]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize(
    "forms", [FORMS, frozenset(), *(FORMS - {form} for form in sorted(FORMS))], ids=lambda forms: len(forms)
)
def test_values_and_gradients_are_those_of_the_layers(kind, dtype, device, batch, forms, monkeypatch):
    # Each form on each device, also where it does not act.
    monkeypatch.setattr(convolution, "acting_forms", lambda _device, _precision, among=FORMS: among)
    for layer, x in layers_and_inputs(kind, dtype, device, batch):
        x.requires_grad_()
        with using(forms):
            ours, theirs = convolve(layer, x), layer(x)
        assert_near(ours, theirs)
        for actual, expected in zip(gradients(ours, x, layer), gradients(theirs, x, layer), strict=True):
            assert_near(actual, expected)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@pytest.mark.parametrize("biased", [0, 3])
def test_only_the_first_images_get_the_bias(dtype, device, biased):
    for layer, x in layers_and_inputs("contractive", dtype, device, 5):
        x.requires_grad_()
        bare = deepcopy(layer)
        bare.bias = None
        share = torch.zeros(5, 1, 1, 1, dtype=dtype, device=device)
        share[:biased] = 1
        expected = bare(x) + share * layer.bias[:, None, None]
        ours = convolve(layer, x, biased)
        assert_near(ours, expected)
        _, _, of_bias = gradients(ours, x, layer)
        upstream = torch.randn(ours.shape, generator=torch.Generator().manual_seed(2)).to(ours)
        assert_near(of_bias + 1, (upstream * share).sum((0, 2, 3)) + 1)


def test_where_the_image_itself_needs_no_gradient_none_is_computed(monkeypatch):
    layer, x = next(iter(layers_and_inputs("contractive", torch.float32, "cpu", 2)))

    def unwanted(*_):
        raise AssertionError("the gradient of the images was computed")

    y = convolve(layer, x)
    monkeypatch.setattr(convolution, "_up", unwanted)
    y.sum().backward()
    assert layer.weight.grad is not None


@pytest.mark.parametrize("kind", KINDS)
def test_propagate_is_the_layers_one_after_another(kind):
    model = seeded_autoencoder(ModelConfig(kind), 0).double()
    x = torch.rand(3, 1, 28, 28, dtype=torch.float64)
    code = propagate(model.encoder, x)
    torch.testing.assert_close(code, model.encoder(x))
    torch.testing.assert_close(propagate(model.decoder, code), model.decoder(model.encoder(x)))


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_form_is_in_use_unless_it_is_left_out(form, monkeypatch):
    model = seeded_autoencoder(ModelConfig("sparse"), 0)
    monkeypatch.setattr(convolution, "acting_forms", lambda _device, _precision, among: among & {form})
    calls, product = [], convolution.F.linear
    monkeypatch.setattr(
        convolution.F, "linear", lambda *args, **names: calls.append(1) or product(*args, **names)
    )
    with using(FORMS - {form}):
        propagate(model.decoder, propagate(model.encoder, torch.rand(2, 1, 28, 28)))
    assert not calls
    propagate(model.decoder, propagate(model.encoder, torch.rand(2, 1, 28, 28)))
    assert calls


@pytest.mark.parametrize(
    ("device", "dtype", "acting"),
    [
        ("cpu", torch.float32, {"covering kernel"}),
        ("cpu", torch.bfloat16, {"covering kernel"}),
        ("cuda", torch.float32, {"covering kernel"}),
        ("cuda", torch.bfloat16, {"covering kernel", "one channel"}),
    ],
)
def test_which_forms_act_depends_on_device_and_precision(device, dtype, acting):
    assert acting_forms(device, dtype) == acting
    assert acting_forms(device, dtype, FORMS - {"one channel"}) == {"covering kernel"}


def test_a_padding_that_is_a_word_is_refused():
    assert spacing_of(nn.Conv2d(1, 1, 5, stride=2, padding=3)) == (5, 2, 3)
    with pytest.raises(TypeError, match="same"):
        spacing_of(nn.Conv2d(1, 1, 3, padding="same"))


def test_a_second_derivative_is_refused_rather_than_wrong():
    layer, x = nn.Conv2d(1, 2, 3, padding=1), torch.rand(1, 1, 4, 4, requires_grad=True)
    (first,) = torch.autograd.grad(convolve(layer, x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
