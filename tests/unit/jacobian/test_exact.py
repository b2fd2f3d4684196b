"""The exact Jacobians, and what is read off them. Needs torch: small float64 batches."""

import numpy as np
import pytest
import torch
from torch import nn

from ae_core.config import KINDS, ModelConfig
from ae_core.jacobian import (
    activation_slope,
    column_sq_norms,
    decoder_jacobian,
    encoder_jacobian,
    pre_activation_jacobian,
    rank,
    reconstruction_jacobian,
    sensitivity_map,
    spectrum,
    tangents,
)
from ae_core.model import seeded_autoencoder
from tests.unit.jacobian.helpers import ALL_MODELS, model_and_images


def reverse_mode(function, x):
    """The Jacobian of a function of one image, by torch.func: knows nothing of the layers."""
    return torch.func.jacrev(lambda pixels: function(pixels[None])[0].flatten(), chunk_size=128)(x).flatten(1)


def assert_each_is_the_same_alone(found, jacobian, inputs):
    """The Jacobians of a batch are those of batches of one."""
    alone = torch.cat([jacobian(one[None]) for one in inputs])
    torch.testing.assert_close(found, alone, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("kind", "activation"), ALL_MODELS)
def test_structured_jacobian_matches_jacrev(kind, activation):
    model, x = model_and_images(kind, activation, batch=5)
    found = encoder_jacobian(model, x)
    assert found.shape == (5, model.code_size, 784)
    for index in (0, 4):
        expected = reverse_mode(model.encode, x[index])
        torch.testing.assert_close(found[index], expected, rtol=1e-9, atol=1e-12)
    assert_each_is_the_same_alone(found, lambda image: encoder_jacobian(model, image), x)


@pytest.mark.parametrize("kind", KINDS)
def test_structured_jacobian_is_right_in_float32(kind):
    model, x = model_and_images(kind)
    exact = encoder_jacobian(model, x)
    single = encoder_jacobian(model.float(), x.float())
    assert (single - exact).norm() / exact.norm() < 1e-5


@pytest.mark.parametrize(("kind", "activation"), ALL_MODELS)
def test_structured_jacobian_matches_finite_differences(kind, activation):
    model, x = model_and_images(kind, activation, batch=1)
    step = 1e-7
    jacobian = encoder_jacobian(model, x)[0]
    for pixel in (0, 27, 300, 406, 783):
        moved = x.clone().flatten(1)
        moved[0, pixel] += step
        difference = (model.encode(moved.view_as(x)) - model.encode(x))[0] / step
        torch.testing.assert_close(jacobian[:, pixel], difference, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_decoder_and_reconstruction_jacobians_match_jacrev(kind, output):
    model, x = model_and_images(kind, batch=2, output=output)
    codes = model.encode(x)
    decoders, whole = decoder_jacobian(model, codes), reconstruction_jacobian(model, x)
    expected = reverse_mode(model.decode, codes[1])
    torch.testing.assert_close(decoders[1], expected, rtol=1e-9, atol=1e-12)
    expected = reverse_mode(lambda image: model(image).reconstruction, x[1])
    torch.testing.assert_close(whole[1], expected, rtol=1e-9, atol=1e-12)
    assert_each_is_the_same_alone(decoders, lambda code: decoder_jacobian(model, code), codes)
    assert_each_is_the_same_alone(whole, lambda image: reconstruction_jacobian(model, image), x)


@pytest.mark.parametrize(("kind", "activation"), ALL_MODELS)
def test_the_pre_activation_and_its_jacobian_match_jacrev(kind, activation):
    model, x = model_and_images(kind, activation, batch=2)
    found = pre_activation_jacobian(model, x)
    torch.testing.assert_close(found.value, model.pre_activation(x))
    expected = reverse_mode(model.pre_activation, x[1])
    torch.testing.assert_close(found.jacobian[1], expected, rtol=1e-9, atol=1e-12)
    assert_each_is_the_same_alone(
        found.jacobian, lambda image: pre_activation_jacobian(model, image).jacobian, x
    )


def test_an_unknown_layer_is_refused_and_not_guessed():
    with pytest.raises(TypeError, match="Softplus"):
        activation_slope(nn.Softplus(), torch.zeros(1), torch.zeros(1))


def test_sensitivity_map_spectrum_and_tangents_match_numpy():
    model, x = model_and_images("sparse", batch=2)
    jacobian = encoder_jacobian(model, x)
    array = jacobian.numpy()
    columns = np.sqrt((array**2).sum(1)).reshape(2, 28, 28)
    np.testing.assert_allclose(sensitivity_map(jacobian).numpy(), columns, rtol=1e-12)
    np.testing.assert_allclose(
        spectrum(jacobian).numpy(), np.linalg.svd(array, compute_uv=False), rtol=1e-9, atol=1e-12
    )
    leading = tangents(jacobian, 3).flatten(2)
    identity = torch.eye(3, dtype=torch.float64).expand(2, 3, 3)
    torch.testing.assert_close(leading @ leading.mT, identity)
    # J moves each tangent by its singular value.
    torch.testing.assert_close((jacobian @ leading.mT).norm(dim=1), spectrum(jacobian)[:, :3])


@pytest.mark.parametrize(("kind", "activation"), ALL_MODELS)
@pytest.mark.parametrize("batch", [1, 5], ids=["one image", "more than at once"])
def test_column_norms_are_those_of_the_jacobian_that_is_not_built(kind, activation, batch):
    model, x = model_and_images(kind, activation, batch=batch)
    expected = encoder_jacobian(model, x).square().sum(1).unflatten(-1, (28, 28))
    torch.testing.assert_close(column_sq_norms(model, x), expected, rtol=1e-12, atol=1e-18)
    foreign = nn.Sequential(model.encoder, nn.Flatten())
    torch.testing.assert_close(column_sq_norms(foreign, x), expected, rtol=1e-9, atol=1e-18)


@pytest.mark.parametrize("off", ["some", "all", "all in one image"])
def test_channels_that_are_off_change_nothing_of_the_rest(off):
    model, x = model_and_images("contractive", batch=2)
    bias = model.encoder_convolutions[1].bias
    with torch.no_grad():
        bias[: {"some": 40, "all": 64, "all in one image": 0}[off]] = -1e3
        if off == "all in one image":
            # The second layer answers to ink alone, and one image has none.
            bias.fill_(0)
            model.encoder_convolutions[0].bias.fill_(0)
            x[0] = 0
    jacobian = encoder_jacobian(model, x)
    for found, image in zip(jacobian, x, strict=True):
        torch.testing.assert_close(found, reverse_mode(model.encode, image), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(column_sq_norms(model, x).flatten(1), jacobian.square().sum(1))


@pytest.mark.parametrize("kind", KINDS)
def test_of_no_image_there_is_an_empty_jacobian(kind):
    model, x = model_and_images(kind, batch=1)
    assert encoder_jacobian(model, x[:0]).shape == (0, model.code_size, 784)
    assert column_sq_norms(model, x[:0]).shape == (0, 28, 28)


def test_squared_norm_is_the_sum_of_squared_singular_values():
    model, x = model_and_images("sparse", batch=1)
    jacobian = encoder_jacobian(model, x)
    torch.testing.assert_close(spectrum(jacobian).square().sum(), jacobian.square().sum())


@pytest.mark.parametrize("kind", KINDS)
def test_a_tangent_s_sign_is_fixed_by_a_rule_whatever_the_decomposition_gave(kind, monkeypatch):
    model = seeded_autoencoder(ModelConfig(kind), seed=3).requires_grad_(False)
    jacobian = encoder_jacobian(model, torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(1)))[
        0
    ]
    expected = tangents(jacobian, 6)
    positive = (expected.clamp(min=0) ** 2).sum((1, 2))
    assert (positive >= 0.5 * (expected**2).sum((1, 2))).all(), (
        "more than half of the squared length is positive"
    )
    svd = torch.linalg.svd

    def other_signs(matrix, full_matrices):
        left, values, right = svd(matrix, full_matrices=full_matrices)
        flips = torch.where(torch.arange(len(values)) % 2 == 0, -1.0, 1.0)
        return torch.return_types.linalg_svd((left * flips, values, right * flips[:, None]))

    monkeypatch.setattr(torch.linalg, "svd", other_signs)
    torch.testing.assert_close(tangents(jacobian, 6), expected)


def test_the_rank_counts_what_is_more_than_rounding():
    values = torch.linalg.svdvals(torch.diag(torch.tensor([3.0, 1.0, 1e-3, 1e-9, 0.0])))
    assert rank(values) == 3
    assert rank(torch.zeros(4)) == 0
