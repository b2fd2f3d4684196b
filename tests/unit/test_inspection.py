"""One picture under one model: the figures of the panels are those of the metrics. Needs torch."""

import pytest
import torch

from ae_core.config import KINDS, ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.inspection import inspect
from ae_core.metrics import CodeStatistics, evaluate
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
        assert sum(values) / len(values) == pytest.approx(metrics[name], rel=1e-4), name


def test_maps_belong_to_the_picture():
    model = seeded_autoencoder(ModelConfig("contractive"), seed=2).eval()
    x = to_float(load_mnist("test").images[:1])
    seen = inspect(model, x)
    torch.testing.assert_close(seen.error, (seen.reconstruction - x[0, 0]).abs())
    assert seen.reconstruction.min() >= 0
    assert seen.reconstruction.max() <= 1
    assert seen.sensitivity_map.square().sum().item() == pytest.approx(seen.jacobian_sq_norm, rel=1e-4)
    assert seen.active is None
    assert seen.active_count is None
    assert seen.relative_sensitivity is None
