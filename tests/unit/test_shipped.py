"""The 13 shipped checkpoints: what they promise, and that their metrics are those of their weights.

Needs the files in checkpoints/. The Jacobians of two files are computed in full; those of the others are held
against random-probe estimates, which share no code with the exact form.
"""

import numpy as np
import pytest
import torch

from ae_core.checkpoints import ladder_paths, load_checkpoint
from ae_core.config import KINDS, LADDERS, RECIPES
from ae_core.data import load_mnist, to_float
from ae_core.metrics import JACOBIAN_IMAGES, CodeStatistics, dead_units, evaluate, hoyer, l0
from ae_core.probes import encode_with_probes

ALL_RUNGS = [(kind, weight) for kind in KINDS for weight in LADDERS[kind]]


def rung(kind, weight):
    return load_checkpoint(ladder_paths(kind)[weight])


def column(kind, name):
    return [rung(kind, weight).metrics[name] for weight in LADDERS[kind]]


@pytest.mark.parametrize(("kind", "weight"), ALL_RUNGS)
def test_every_rung_is_trained_with_the_best_recipe(kind, weight):
    checkpoint = rung(kind, weight)
    recipe = RECIPES[kind]["best"].override(penalty_weight=weight)
    assert checkpoint.model_config == recipe.model
    assert checkpoint.train_config == recipe.train


@pytest.mark.parametrize(("kind", "weight"), ALL_RUNGS)
def test_stored_metrics_are_those_of_the_weights(kind, weight):
    checkpoint = rung(kind, weight)
    stored, x = checkpoint.metrics, to_float(load_mnist("test").images)
    with torch.no_grad():
        outputs = [checkpoint.model(chunk) for chunk in x.split(2000)]
    codes = torch.cat([output.code for output in outputs])
    reconstruction = torch.cat([output.reconstruction for output in outputs]).clamp(0, 1)
    statistics = CodeStatistics.of(x, codes)
    assert stored["test_mse"] == pytest.approx((reconstruction - x).square().mean().item(), rel=1e-3)
    assert stored["l0"] == pytest.approx(l0(codes, statistics.max_activation), rel=1e-3)
    assert stored["hoyer"] == pytest.approx(hoyer(codes), abs=1e-4)
    assert stored["dead_units"] == dead_units(statistics.max_activation)
    assert stored["code_variance"] == pytest.approx(statistics.code_variance, rel=1e-3)
    np.testing.assert_allclose(stored["mean_activation"], statistics.mean_activation, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(stored["max_activation"], statistics.max_activation, rtol=1e-3, atol=1e-5)

    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        chunks = x[:JACOBIAN_IMAGES].split(100)
        estimates = torch.cat(
            [encode_with_probes(checkpoint.model, chunk, 8, generator).estimates for chunk in chunks], dim=1
        )
    per_probe = estimates.mean(1)
    standard_error = per_probe.std() / len(per_probe) ** 0.5
    assert abs(per_probe.mean() - stored["jacobian_sq_norm"]) < 6 * standard_error


@pytest.mark.parametrize(("kind", "weight"), [("contractive", 1e-4), ("sparse", 5e-3)])
def test_evaluate_repeats_the_stored_metrics(kind, weight):
    checkpoint = rung(kind, weight)
    found = evaluate(checkpoint.model, load_mnist("test").images)
    assert found.keys() == checkpoint.metrics.keys()
    for name, value in checkpoint.metrics.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=1e-5, err_msg=name)


def test_the_contractive_ladder_meets_its_targets():
    metrics = rung("contractive", 1e-4).metrics
    assert metrics["test_mse"] <= 0.0003
    assert metrics["jacobian_sq_norm"] <= 1.0
    errors, norms = column("contractive", "test_mse"), column("contractive", "jacobian_sq_norm")
    assert errors == sorted(errors)
    assert norms == sorted(norms, reverse=True)


def test_the_sparse_ladder_meets_its_targets():
    metrics = rung("sparse", 5e-3).metrics
    assert metrics["test_mse"] <= 0.0040
    assert metrics["l0"] <= 25
    assert metrics["hoyer"] >= 0.45
    assert metrics["dead_units"] == 0
    errors, active = column("sparse", "test_mse"), column("sparse", "l0")
    assert errors == sorted(errors)
    assert active == sorted(active, reverse=True)
