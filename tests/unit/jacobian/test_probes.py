"""Tangent passes and random probes against torch.func and the exact Jacobian. Needs torch: small batches."""

import pytest
import torch

from ae_core.config import KINDS
from ae_core.jacobian import encoder_jacobian
from ae_core.jacobian.probes import (
    probe_directions,
    probe_estimates,
    probe_variance,
    pushforward,
    random_signs,
    squared_lengths,
)
from tests.unit.jacobian.helpers import ALL_MODELS, model_and_images


@pytest.mark.parametrize(("kind", "activation"), ALL_MODELS)
def test_pushforward_matches_jvp(kind, activation):
    model, x = model_and_images(kind, activation)
    directions = torch.randn(4, *x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(3))
    value, moved = pushforward(model.encoder, x, directions)
    for direction, tangent in zip(directions, moved, strict=True):
        expected_value, expected = torch.func.jvp(model.encoder, (x,), (direction,))
        torch.testing.assert_close(value, expected_value)
        torch.testing.assert_close(tangent, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_an_estimate_is_the_squared_length_of_the_jacobian_times_its_direction(kind):
    model, x = model_and_images(kind, batch=2)
    estimates = probe_estimates(model.encoder, x, 5, torch.Generator().manual_seed(7))
    directions = probe_directions(x, 5, torch.Generator().manual_seed(7)).flatten(2)
    assert set(directions.unique().tolist()) == {-1, 1}
    moved = torch.einsum("bkd,pbd->pbk", encoder_jacobian(model, x), directions)
    torch.testing.assert_close(estimates, moved.square().sum(2).float())


@pytest.mark.parametrize("kind", KINDS)
def test_penalty_estimate_is_unbiased(kind):
    model, x = model_and_images(kind, batch=2)
    exact = encoder_jacobian(model, x).square().sum((1, 2)).float()
    estimates = probe_estimates(model.encoder, x, 500, torch.Generator().manual_seed(4))
    standard_error = estimates.std(0) / len(estimates) ** 0.5
    assert ((estimates.mean(0) - exact).abs() < 4 * standard_error).all()
    # An error bar that is wide says nothing: it must be far smaller than the value itself.
    assert (standard_error < 0.05 * exact).all()


def test_variance_of_the_estimate_falls_as_one_over_probes():
    model, x = model_and_images("sparse", batch=1)
    estimates = probe_estimates(model.encoder, x, 8000, torch.Generator().manual_seed(5)).flatten()
    one = estimates.var()
    sixteen = estimates.view(-1, 16).mean(1).var()
    assert 11 < one / sixteen < 23


@pytest.mark.parametrize("fraction", [0.3, 0.5])
def test_a_fraction_of_a_shuffled_batch_is_unbiased_and_leaves_the_codes_alone(fraction):
    model, x = model_and_images("sparse", batch=8)
    exact = encoder_jacobian(model, x).square().sum((1, 2)).mean().item()
    generator = torch.Generator().manual_seed(8)
    means = []
    for _ in range(600):
        shuffled = x[torch.randperm(8, generator=generator)]
        signs = random_signs((1, round(fraction * 8), 1, 28, 28), x, generator)
        code, moved = pushforward(model.encoder, shuffled, signs)
        means.append(squared_lengths(moved).mean())
    torch.testing.assert_close(code.flatten(1), model.encode(shuffled))
    means = torch.stack(means)
    standard_error = means.std().item() / len(means) ** 0.5
    assert abs(means.mean().item() - exact) < 4 * standard_error
    assert standard_error < 0.05 * exact


def test_probes_are_reproducible_and_refused_below_one():
    model, x = model_and_images("sparse")
    first, second = (probe_estimates(model.encoder, x, 2, torch.Generator().manual_seed(6)) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    with pytest.raises(ValueError, match="probes"):
        probe_estimates(model.encoder, x, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_many_probes_have_the_exact_mean_and_the_exact_variance(kind):
    model, x = model_and_images(kind, batch=2)
    jacobian = encoder_jacobian(model, x)
    variance = probe_variance(jacobian)
    signs = random_signs((5000, 784), x, torch.Generator().manual_seed(7))
    lengths = torch.stack([(signs @ one.mT).square().sum(1) for one in jacobian])
    torch.testing.assert_close(lengths.var(1), variance, rtol=0.1, atol=0)
    off = lengths.mean(1) - jacobian.square().sum((1, 2))
    assert (off.abs() < 4 * (variance / 5000).sqrt()).all()


def test_orthogonal_columns_need_one_probe_only():
    orthogonal = torch.linalg.qr(torch.randn(9, 5, dtype=torch.float64)).Q * 1000
    assert probe_variance(orthogonal).item() < 1e-18 * orthogonal.square().sum().item() ** 2
