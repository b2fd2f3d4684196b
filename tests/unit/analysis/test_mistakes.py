"""The measured mistakes against autograd and formulas written out. Needs torch."""

import math

import pytest
import torch

from ae_core.analysis.mistakes import (
    contraction_mistakes,
    kl_mistakes,
    sparsity_mistakes,
    summed_code_sq_norm,
)
from ae_core.config import CODE_ACTIVATIONS, KINDS, ModelConfig
from ae_core.model import seeded_autoencoder

PICTURE = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def mistakes_of(kind, activation=None):
    model = seeded_autoencoder(ModelConfig(kind, activation), seed=3)
    return model, contraction_mistakes(model, PICTURE)


@pytest.mark.parametrize("kind", KINDS)
def test_each_contraction_mistake_differs_from_the_right_figure(kind):
    model, (summed, detached, sigmoid) = mistakes_of(kind)
    jacobian = torch.func.jacrev(lambda x: model.encode(x[None])[0], chunk_size=128)(PICTURE[0])
    norm = jacobian.square().sum().item()
    assert summed.right == pytest.approx(norm, rel=1e-4)
    assert sigmoid.right == pytest.approx(norm, rel=1e-4)
    for one in (summed, detached, sigmoid):
        assert one.wrong != pytest.approx(one.right, rel=0.01)
        assert one.why.endswith(".")


@pytest.mark.parametrize("kind", KINDS)
def test_the_summed_gradient_is_autograds(kind):
    model, (summed, *_) = mistakes_of(kind)
    x = PICTURE.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model.encode(x).sum(), x)
    assert summed.wrong == pytest.approx(gradient.square().sum().item(), rel=1e-4)


def test_detached_weights_get_no_gradient_and_real_ones_the_true_one():
    model, (_, detached, _) = mistakes_of("sparse")
    assert detached.wrong == 0.0
    jacobian = torch.func.jacrev(
        lambda x: torch.func.functional_call(model.encoder, parameters, (x[None],))[0].flatten(),
        chunk_size=128,
    )
    parameters = {name: value.detach().requires_grad_() for name, value in model.encoder.named_parameters()}
    gradients = torch.autograd.grad(
        jacobian(PICTURE[0]).square().sum(), list(parameters.values()), allow_unused=True
    )
    expected = math.sqrt(sum(one.square().sum().item() for one in gradients if one is not None))
    assert detached.right == pytest.approx(expected, rel=1e-3)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("kind", "activation"), [(kind, each) for kind in KINDS for each in CODE_ACTIVATIONS[kind]]
)
def test_the_sigmoid_s_slope_is_right_for_sigmoid_codes_alone(kind, activation):
    *_, sigmoid = mistakes_of(kind, activation)[1]
    assert (sigmoid.wrong == pytest.approx(sigmoid.right, rel=1e-4)) == (activation == "sigmoid")
    assert ("only here" in sigmoid.why) == (activation == "sigmoid")


def run_snippet(code, **names):
    """What a snippet of the page computes, with the names that it uses."""
    exec(code, names := {"torch": torch, "F": torch.nn.functional, **names})
    return names


@pytest.mark.parametrize("kind", KINDS)
def test_the_snippets_of_the_jacobian_s_norm_run_as_they_stand_and_give_what_the_card_says(kind):
    model, (summed, *_) = mistakes_of(kind)
    x = PICTURE.clone().requires_grad_()
    h = model.encode(x)
    wrong = run_snippet(summed.wrong_code, h=h, x=x)["penalty"]
    assert wrong.item() == pytest.approx(summed.wrong, rel=1e-4)
    torch.manual_seed(0)
    estimates = torch.stack([run_snippet(summed.right_code, h=h, x=x)["penalty"] for _ in range(300)])
    error = estimates.std().item() / math.sqrt(len(estimates))
    assert abs(estimates.mean().item() - summed.right) < 4 * error
    assert error < 0.1 * summed.right
    # A penalty can be trained with: it has a gradient by the weights.
    assert torch.autograd.grad(estimates[0], model.encoder_convolutions[0].weight)[0].abs().sum() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_snippets_of_weights_and_slopes_run_as_they_stand(kind):
    model, (_, weights, slopes) = mistakes_of(kind)
    f = torch.linalg.vector_norm
    assert not run_snippet(weights.wrong_code, model=model, f=f)["penalty"].requires_grad
    assert run_snippet(weights.right_code, model=model, f=f)["penalty"].requires_grad
    z = torch.linspace(-2, 2, 41).requires_grad_()
    h = model.code_activation(z)
    slope = run_snippet(slopes.right_code, h=h, z=z)["slope"]
    step = 1e-3
    with torch.no_grad():
        differences = (model.code_activation(z + step) - model.code_activation(z - step)) / (2 * step)
    away_from_the_kink = z.detach().abs() > step
    torch.testing.assert_close(slope[away_from_the_kink], differences[away_from_the_kink], atol=2e-3, rtol=0)


def test_the_snippets_of_the_kl_penalty_run_as_they_stand():
    codes = torch.rand(20, 64, generator=torch.Generator().manual_seed(2))
    over_units, one_mean, no_logarithm = kl_mistakes(codes, 0.05)
    for mistake in (over_units, one_mean):
        for code, given in ((mistake.wrong_code, mistake.wrong), (mistake.right_code, mistake.right)):
            rho_hat = run_snippet(code, h=codes)["rho_hat"].expand(64 if mistake is one_mean else -1)
            names = run_snippet(no_logarithm.right_code, rho=0.05, rho_hat=rho_hat)
            assert names["kl"].item() == pytest.approx(given, rel=1e-4)
    rho_hat = codes.mean(0)
    wrong = run_snippet(f"kl = {no_logarithm.wrong_code}", rho=0.05, rho_hat=rho_hat)["kl"]
    assert wrong.item() == pytest.approx(no_logarithm.wrong, rel=1e-5)


def test_the_summed_gradient_s_explanation_covers_a_value_that_is_larger_and_one_that_is_smaller():
    alike, against = torch.ones(2, 784), torch.stack([torch.ones(784), -torch.ones(784)])
    for jacobian, sign in ((alike, 1), (against, -1)):
        summed, norm = summed_code_sq_norm(jacobian), jacobian.square().sum().item()
        assert (summed - norm) * sign > 0
        products = 2 * (jacobian[0] @ jacobian[1]).item()
        assert summed == pytest.approx(norm + products, abs=1e-3)
    _, (mistake, *_) = mistakes_of("sparse")
    assert "too small" in mistake.why
    assert "too large" in mistake.why


def test_kl_mistakes_are_their_formulas():
    codes = torch.rand(20, 64, generator=torch.Generator().manual_seed(2)).double()
    rho = 0.05

    def kl(means):
        return sum(
            rho * math.log(rho / one) + (1 - rho) * math.log((1 - rho) / (1 - one)) for one in means.tolist()
        )

    over_units, one_mean, no_logarithm = kl_mistakes(codes, rho)
    for one in (over_units, one_mean, no_logarithm):
        assert one.right == pytest.approx(kl(codes.mean(0)), rel=1e-4)
    assert over_units.wrong == pytest.approx(kl(codes.mean(1)), rel=1e-4)
    assert one_mean.wrong == pytest.approx(64 * kl(codes.mean().view(1)), rel=1e-4)
    expected = (rho * (math.log(rho) - codes.mean(0))).sum().item()
    assert no_logarithm.wrong == pytest.approx(expected, rel=1e-5)
    assert no_logarithm.wrong < 0 <= no_logarithm.right


def test_a_unit_that_never_rests_passes_the_mean_over_units():
    codes = torch.zeros(50, 64)
    codes[:, 7] = 0.64
    over_units, *_ = kl_mistakes(codes, 0.01)
    assert over_units.wrong == pytest.approx(0, abs=1e-4)
    assert over_units.right > 1


def test_the_mean_over_units_is_larger_for_many_images_and_smaller_for_few():
    codes = 0.3 + torch.zeros(100, 64)
    many, few = (kl_mistakes(part, 0.01)[0] for part in (codes, codes[:20]))
    assert many.wrong > many.right
    assert few.wrong < few.right
    assert "larger or smaller" in many.why


def test_sparsity_mistakes_are_those_of_the_model_s_codes():
    model = seeded_autoencoder(ModelConfig("sparse"), seed=3)
    x = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        assert sparsity_mistakes(model, x, 0.05) == kl_mistakes(model.encoder(x).flatten(1), 0.05)
