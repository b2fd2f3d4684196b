"""The measured mistakes against autograd and formulas written out. Needs torch."""

import math

import pytest
import torch

from ae_core.config import CODE_ACTIVATIONS, KINDS, ModelConfig
from ae_core.mistakes import contraction_mistakes, sparsity_mistakes
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


def test_kl_mistakes_are_their_formulas():
    codes = torch.rand(20, 64, generator=torch.Generator().manual_seed(2)).double()
    rho = 0.05

    def kl(means):
        return sum(
            rho * math.log(rho / one) + (1 - rho) * math.log((1 - rho) / (1 - one)) for one in means.tolist()
        )

    over_units, one_mean, no_logarithm = sparsity_mistakes(codes, rho)
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
    over_units, *_ = sparsity_mistakes(codes, 0.01)
    assert over_units.wrong == pytest.approx(0, abs=1e-4)
    assert over_units.right > 1
