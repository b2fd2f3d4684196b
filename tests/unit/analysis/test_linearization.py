"""The encoder around a picture against torch.func and numpy. Needs torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ae_core.analysis.linearization import (
    compare_spectra,
    leading_tangents,
    linearize,
    norm_estimates,
    spectrum_at,
)
from ae_core.config import KINDS, ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.model import seeded_autoencoder

X = to_float(load_mnist("test").images[:1])


def model_of(kind, seed=3):
    return seeded_autoencoder(ModelConfig(kind), seed).requires_grad_(False)


def jacobian_of(model, x=X):
    function = torch.func.jacrev(lambda image: model.encode(image[None])[0], chunk_size=128)
    return function(x[0]).flatten(1).numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_a_linearization_is_torch_func_s(kind):
    local, expected = linearize(model_of(kind), X), jacobian_of(model_of(kind))
    assert local.jacobian.shape == expected.shape
    assert local.jacobian.dtype == np.float32
    scale = np.abs(expected).max()
    np.testing.assert_allclose(local.jacobian, expected, rtol=1e-3, atol=1e-5 * scale)
    norms = np.linalg.norm(expected, axis=0).reshape(28, 28)
    np.testing.assert_allclose(local.sensitivity_map, norms, rtol=1e-3, atol=1e-5 * norms.max())
    assert local.jacobian_sq_norm == pytest.approx(float((expected.astype(float) ** 2).sum()), rel=1e-4)
    assert local.length == pytest.approx(float(np.linalg.norm(X.numpy())), rel=1e-5)
    assert not local.constant


def test_a_code_that_never_changes_is_constant():
    model = model_of("sparse")
    model.encoder_convolutions[0].weight.zero_()
    assert linearize(model, X).constant


@pytest.mark.parametrize("kind", KINDS)
def test_the_leading_tangents_are_numpy_s_right_singular_vectors(kind):
    local = linearize(model_of(kind), X)
    found = leading_tangents(local, 4)
    assert found.shape == (4, 28, 28)
    right = np.linalg.svd(local.jacobian.astype(float), full_matrices=False)[2][:4]
    alignment = np.abs((found.reshape(4, -1) * right).sum(1))
    np.testing.assert_allclose(alignment, 1, atol=1e-4)
    assert ((found * np.abs(found)).sum((1, 2)) > 0).all(), "most of each is positive"


@pytest.mark.parametrize("kind", KINDS)
def test_estimates_are_the_means_of_the_same_signs_and_scatter_as_they_say(kind):
    model = model_of(kind)
    local, probes = linearize(model, X), (1, 4, 400)
    found = norm_estimates(model, X, local, probes)
    signs = torch.empty(400, 1, 1, 28, 28).bernoulli_(0.5, generator=torch.Generator().manual_seed(0)) * 2 - 1
    squares = ((local.jacobian @ signs.flatten(1).numpy().T) ** 2).sum(0)
    assert found.means == pytest.approx([squares[:count].mean() for count in probes], rel=1e-3)
    for error, count in zip(found.standard_errors, probes, strict=True):
        assert error == pytest.approx(squares.std() / count**0.5, rel=0.2)
    assert norm_estimates(model, X, local, probes) == found
    assert norm_estimates(model, X, local, probes, seed=1) != found


@pytest.mark.parametrize("relative", [False, True])
def test_spectra_are_numpy_s_singular_values_down_to_rounding(relative):
    still = model_of("sparse")
    still.encoder_convolutions[0].weight.zero_()
    models = {"one": model_of("sparse", 3), "still": still, "two": model_of("sparse", 4)}
    found = compare_spectra({name: spectrum_at(model, X) for name, model in models.items()}, relative)
    assert found.constant == ("still",)
    assert list(found.curves) == ["one", "two"]
    for name, curve in found.curves.items():
        values = np.linalg.svd(jacobian_of(models[name]).astype(float), compute_uv=False)
        values = values / values[0] if relative else values
        assert 0 < len(curve) <= 64
        np.testing.assert_allclose(curve, values[: len(curve)], rtol=1e-2, atol=1e-5 * values[0])
        assert (values[len(curve) :] < 1e-5 * values[0]).all()


def test_only_the_jacobian_that_is_given_sets_the_errors():
    model = model_of("sparse")
    local = linearize(model, X)
    doubled = replace(local, jacobian=2 * local.jacobian)
    once, twice = (norm_estimates(model, X, one, (1,)) for one in (local, doubled))
    assert twice.means == once.means
    assert twice.standard_errors == pytest.approx([4 * error for error in once.standard_errors], rel=1e-4)
