"""One picture under one model: the figures of the panels are those of the metrics. Needs torch."""

import numpy as np
import pytest

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.evaluation import evaluate
from ae_core.analysis.inspection import difference, inspect
from ae_core.config import KINDS, ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.model import seeded_autoencoder


@pytest.mark.parametrize("kind", KINDS)
def test_mean_over_pictures_is_the_metric(kind):
    model = seeded_autoencoder(ModelConfig(kind), seed=2).eval()
    images = load_mnist("test").images[:6]
    metrics = evaluate(model, images)
    statistics = CodeStatistics.from_metrics(metrics)
    seen = [inspect(model, x[None], statistics) for x in to_float(images)]
    for name, values in {
        "test_mse": [one.mse for one in seen],
        "jacobian_sq_norm": [one.jacobian_sq_norm for one in seen],
        "relative_sensitivity": [one.relative_sensitivity for one in seen],
        "active_units": [one.active_count for one in seen],
        "hoyer": [one.hoyer for one in seen],
    }.items():
        assert sum(values) / len(values) == pytest.approx(metrics.value_of(name), rel=1e-4), name


def test_maps_belong_to_the_picture():
    model = seeded_autoencoder(ModelConfig("contractive"), seed=2).eval()
    x = to_float(load_mnist("test").images[:1])
    seen = inspect(model, x)
    np.testing.assert_allclose(seen.error, np.abs(seen.reconstruction - x[0, 0].numpy()))
    assert seen.reconstruction.min() >= 0
    assert seen.reconstruction.max() <= 1
    assert float(np.square(seen.sensitivity_map).sum()) == pytest.approx(seen.jacobian_sq_norm, rel=1e-4)
    assert seen.active is None
    assert seen.active_count is None
    assert seen.relative_sensitivity is None


@pytest.mark.parametrize("kind", KINDS)
def test_an_inspection_is_values_and_no_tensors(kind):
    model = seeded_autoencoder(ModelConfig(kind), seed=2).eval()
    x = to_float(load_mnist("test").images[:1])
    codes = model.encode(x).detach()
    seen = inspect(model, x, CodeStatistics.of(x, codes))
    for name in ("x", "reconstruction", "error", "sensitivity_map"):
        one = getattr(seen, name)
        assert isinstance(one, np.ndarray)
        assert (one.shape, one.dtype) == ((28, 28), np.float32), name
    np.testing.assert_array_equal(seen.x, x[0, 0])
    np.testing.assert_allclose(seen.code, codes[0], rtol=1e-5, atol=1e-7)
    assert (seen.active.shape, seen.active.dtype) == (seen.code.shape, bool)
    layer = model.encoder(x).detach()[0]
    assert seen.code_magnitudes.shape == seen.code_shape == tuple(layer.shape)
    np.testing.assert_allclose(seen.code_magnitudes, layer.abs(), rtol=1e-5, atol=1e-7)


def test_a_difference_is_signed():
    x = to_float(load_mnist("test").images[:1])
    a, b = (inspect(seeded_autoencoder(ModelConfig("sparse"), seed).eval(), x) for seed in (1, 2))
    found = difference(a, b)
    for name in ("reconstruction", "error", "sensitivity_map"):
        np.testing.assert_array_equal(getattr(found, name), getattr(a, name) - getattr(b, name))
    assert not any(values.any() for values in vars(difference(a, a)).values())
