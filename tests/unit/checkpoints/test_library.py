"""The 13 shipped checkpoints: what they promise, and that their metrics are those of their weights.

Needs the files in checkpoints/. The Jacobians of two files are computed in full; those of the others are held
against random-probe estimates, which share no code with the exact form.
"""

import json

import numpy as np
import pytest
import torch

from ae_core.analysis.codes import CodeStatistics, hoyer
from ae_core.analysis.evaluation import JACOBIAN_IMAGES, evaluate
from ae_core.analysis.metrics import Metrics
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.config import KINDS, LADDERS, RECIPES
from ae_core.data import load_mnist, to_float
from ae_core.jacobian.probes import probe_estimates
from tests.unit.conftest import parts

ALL_RUNGS = [(kind, weight) for kind in KINDS for weight in LADDERS[kind]]


def rung(kind, weight):
    return load_checkpoint(ladder_paths(kind)[weight])


def column(kind, name):
    return [rung(kind, weight).metrics.value_of(name) for weight in LADDERS[kind]]


@pytest.mark.parametrize(("kind", "weight"), ALL_RUNGS)
def test_every_rung_is_trained_with_the_best_recipe(kind, weight):
    checkpoint = rung(kind, weight)
    recipe = RECIPES[kind]["best"].override(penalty_weight=weight)
    assert checkpoint.model_config == recipe.model
    assert checkpoint.train_config == recipe.train


@pytest.mark.parametrize(("kind", "weight"), ALL_RUNGS)
def test_every_rung_holds_all_values_under_their_names_and_in_their_order(kind, weight):
    path = ladder_paths(kind)[weight]
    metrics, stored = load_checkpoint(path).metrics, json.loads(parts(path)[1]["metrics"])
    assert isinstance(metrics, Metrics)
    assert metrics.jacobians is not None
    assert metrics.as_dict() == stored
    assert list(metrics.as_dict()) == list(stored)


@pytest.mark.parametrize(("kind", "weight"), ALL_RUNGS)
def test_stored_metrics_are_those_of_the_weights(kind, weight):
    checkpoint = rung(kind, weight)
    stored, x = checkpoint.metrics.as_dict(), to_float(load_mnist("test").images)
    with torch.no_grad():
        outputs = [checkpoint.model(chunk) for chunk in x.split(200)]
    codes = torch.cat([output.code for output in outputs])
    reconstruction = torch.cat([output.reconstruction for output in outputs]).clamp(0, 1)
    statistics = CodeStatistics.of(x, codes)
    assert stored["test_mse"] == pytest.approx((reconstruction - x).square().mean().item(), rel=1e-3)
    assert stored["l0"] == pytest.approx((codes != 0).sum(1).float().mean().item(), rel=1e-3)
    active = codes > 0.1 * codes.amax(0)
    assert stored["active_units"] == pytest.approx(active.sum(1).float().mean().item(), rel=1e-3)
    assert stored["hoyer"] == pytest.approx(hoyer(codes), abs=1e-4)
    ranges = codes.amax(0) - codes.amin(0)
    assert stored["dead_units"] == int((ranges < 1e-3 * ranges.max()).sum())
    noise = torch.randn(1000, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    for sigma in (0.1, 0.3):
        with torch.no_grad():
            moved, cleaned = checkpoint.model((x[:1000] + sigma * noise).clamp(0, 1))
        shift = ((moved - codes[:1000]).square().sum(1).mean() / statistics.code_variance).sqrt().item()
        assert stored[f"code_shift_{sigma}"] == pytest.approx(shift, rel=1e-3)
        denoising_mse = (cleaned.clamp(0, 1) - x[:1000]).square().mean().item()
        assert stored[f"denoising_mse_{sigma}"] == pytest.approx(denoising_mse, rel=1e-3)
    assert stored["code_variance"] == pytest.approx(statistics.code_variance, rel=1e-3)
    np.testing.assert_allclose(stored["mean_activation"], statistics.mean_activation, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(stored["max_activation"], statistics.max_activation, rtol=1e-3, atol=1e-5)

    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        chunks = x[:JACOBIAN_IMAGES].split(100)
        estimates = torch.cat(
            [probe_estimates(checkpoint.model.encoder, chunk, 2, generator) for chunk in chunks], dim=1
        )
    # How far an image's two estimates are apart says how far their mean is off.
    one, other = estimates.double()
    standard_error = (one - other).square().sum().sqrt().item() / 2 / JACOBIAN_IMAGES
    assert abs(estimates.double().mean().item() - stored["jacobian_sq_norm"]) < 3 * standard_error
    assert standard_error < 0.02 * stored["jacobian_sq_norm"]


@pytest.mark.parametrize(("kind", "weight"), [("contractive", 1e-4), ("sparse", 5e-3)])
def test_evaluate_repeats_the_stored_metrics(kind, weight):
    checkpoint = rung(kind, weight)
    found = evaluate(checkpoint.model, load_mnist("test").images)
    stored = checkpoint.metrics.as_dict()
    assert list(found.as_dict()) == list(stored)
    for name, value in found.as_dict().items():
        np.testing.assert_allclose(value, stored[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_the_contractive_ladder_meets_its_targets():
    metrics = rung("contractive", 1e-4).metrics
    assert metrics.test_mse <= 0.0003
    assert metrics.jacobians.jacobian_sq_norm <= 1.0
    errors = column("contractive", "test_mse")
    assert errors == sorted(errors)
    # A smaller ‖J‖² could be a smaller code's: what counts is free of the scale, and measured.
    for name in ("jacobian_sq_norm", "code_shift_0.1", "code_shift_0.2", "code_shift_0.3"):
        values = column("contractive", name)
        assert values == sorted(values, reverse=True), name
    plain, strong = rung("contractive", 0.0).metrics, rung("contractive", 1e-2).metrics
    assert strong.denoising_mse[0.2] < 0.4 * plain.denoising_mse[0.2]
    assert strong.denoising_mse[0.2] < 0.0090, "the published model's"


def test_the_sparse_ladder_meets_its_targets():
    metrics = rung("sparse", 5e-3).metrics
    assert metrics.test_mse <= 0.0040
    assert metrics.active_units <= 25
    assert metrics.hoyer >= 0.45
    assert metrics.dead_units == 0
    errors, active = column("sparse", "test_mse"), column("sparse", "active_units")
    assert errors == sorted(errors)
    assert active == sorted(active, reverse=True)
