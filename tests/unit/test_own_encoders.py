"""The penalty and the Jacobian of encoders that are not the lab's, held against those of the literature."""

import pytest
import torch
from torch import nn
from torch.func import jacrev, vmap

from ae_core import contraction_penalty, encoder_jacobian, sensitivity_map, spectrum, tangents

INPUTS, UNITS = 12, 7


def perceptron():
    return nn.Sequential(nn.Linear(INPUTS, UNITS), nn.Sigmoid())


def normalised():
    """GELU and normalisations, with running means that are not those of the batch."""
    layers = nn.Sequential(
        nn.Linear(INPUTS, 16),
        nn.BatchNorm1d(16),
        nn.GELU(),
        nn.LayerNorm(16),
        nn.Dropout(0.5),
        nn.Linear(16, UNITS),
    )
    with torch.no_grad():
        layers(torch.randn(64, INPUTS))
    return layers


@pytest.fixture(params=[perceptron, normalised], ids=["perceptron", "GELU and normalisation"])
def encoder(request):
    torch.manual_seed(0)
    return request.param().double().eval()


@pytest.fixture
def x():
    return torch.randn(6, INPUTS, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def exact(encoder, x):
    return vmap(jacrev(lambda one: encoder(one[None])[0]))(x)


def mean_of_projections(encoder, x, count):
    """Hoffman, Roberts and Yaida 2019: outputs times the squared gradient along random unit vectors."""
    x = x.clone().requires_grad_()
    code = encoder(x)
    total = 0.0
    for _ in range(count):
        v = nn.functional.normalize(torch.randn_like(code), dim=1)
        (gradient,) = torch.autograd.grad(code, x, v, retain_graph=True)
        total += UNITS * gradient.square().sum() / len(x)
    return total / count


def test_the_penalty_is_that_of_random_projections(encoder, x):
    norm = exact(encoder, x).square().sum((1, 2)).mean()
    ours = contraction_penalty(encoder, x, probes=1000)
    theirs = mean_of_projections(encoder, x, 1000)
    torch.testing.assert_close(ours, norm, rtol=0.06, atol=0)
    torch.testing.assert_close(theirs, norm, rtol=0.06, atol=0)


def test_of_a_sigmoid_layer_it_is_the_closed_form_of_its_paper(x):
    """Rifai et al. 2011: sum over the units of (h (1 - h))^2 times the squared length of their weights."""
    torch.manual_seed(0)
    layer = perceptron().double()
    code = layer(x)
    closed = ((code * (1 - code)).square() @ layer[0].weight.square().sum(1)).mean()
    ours = contraction_penalty(layer, x, probes=2000)
    torch.testing.assert_close(ours, closed, rtol=0.04, atol=0)
    (slope,) = torch.autograd.grad(closed, layer[0].weight)
    (ours_slope,) = torch.autograd.grad(ours, layer[0].weight)
    torch.testing.assert_close(ours_slope, slope, rtol=0, atol=0.2 * slope.abs().max().item())


def test_the_jacobian_is_exact_and_what_is_read_off_it_is_numpy_s(encoder, x):
    jacobian = encoder_jacobian(encoder, x)
    torch.testing.assert_close(jacobian, exact(encoder, x))
    maps = sensitivity_map(jacobian, (3, 4))
    torch.testing.assert_close(maps.square().sum((1, 2)), spectrum(jacobian).square().sum(1))
    leading = tangents(jacobian, 2, shape=(3, 4))
    assert leading.shape == (6, 2, 3, 4)
    moved = torch.einsum("bki,bti->btk", jacobian, leading.flatten(2)).norm(dim=2)
    torch.testing.assert_close(moved, spectrum(jacobian)[:, :2])


def test_inputs_of_another_number_than_the_shape_has_are_refused(encoder, x):
    jacobian = encoder_jacobian(encoder, x)
    for read in (sensitivity_map, lambda one: tangents(one, 1)):
        with pytest.raises(RuntimeError, match="28"):
            read(jacobian)


def test_colour_images_and_sequences_have_penalties_and_jacobians():
    torch.manual_seed(0)
    colour = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    )
    sequence = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True)
    for encoder, x in ((colour, torch.randn(2, 3, 8, 8)), (sequence, torch.randn(2, 4, 6))):
        encoder.train()
        jacobian = encoder_jacobian(encoder, x)
        assert jacobian.shape == (2, encoder(x)[0].numel(), x[0].numel())
        penalty = contraction_penalty(encoder, x, probes=300)
        torch.testing.assert_close(penalty, jacobian.square().sum((1, 2)).mean(), rtol=0.3, atol=0)
        penalty.backward()
        gradients = [weight.grad for weight in encoder.parameters() if weight.grad is not None]
        assert gradients
        assert all(gradient.isfinite().all() for gradient in gradients)
