"""Both penalties against independent formulas and against the mistakes in circulation. Needs torch."""

import math

import pytest
import torch
import torch.nn.functional as F

from ae_core.config import CODE_ACTIVATIONS, KINDS, RECIPES, ModelConfig
from ae_core.jacobian import encoder_jacobian
from ae_core.jacobian.probes import random_signs
from ae_core.model import seeded_autoencoder
from ae_core.penalties import contraction_penalty, encode_with_contraction, kl_penalty
from ae_core.training.distributed import Share
from ae_core.training.loss import Loss


def model_and_images(kind="contractive", activation=None, batch=2):
    model = seeded_autoencoder(ModelConfig(kind, activation), seed=1).double()
    images = torch.rand(batch, 1, 28, 28, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    return model, images


def encoder_gradients(value, model):
    return torch.cat(
        [
            gradient.flatten()
            for gradient in torch.autograd.grad(
                value, list(model.encoder.parameters()), allow_unused=True, materialize_grads=True
            )
        ]
    )


def exact_penalty(model, x):
    """Through autograd's own Jacobian, differentiable: the definition, without any of our formulas."""
    return torch.stack(
        [
            torch.func.jacrev(lambda pixels: model.encode(pixels[None])[0], chunk_size=128)(image)
            .square()
            .sum()
            for image in x
        ]
    ).mean()


@pytest.mark.parametrize(
    ("kind", "activation"), [(kind, activation) for kind in KINDS for activation in CODE_ACTIVATIONS[kind]]
)
def test_gradient_of_the_penalty_matches_autograd_through_the_exact_jacobian(kind, activation):
    model, x = model_and_images(kind, activation, batch=1)
    expected = encoder_gradients(exact_penalty(model, x), model)
    found = torch.zeros_like(expected)
    # Along all axes, in place of random signs, the squared lengths add up to the squared norm itself.
    for axes in torch.eye(784, dtype=x.dtype).view(784, 1, 1, 28, 28).split(112):
        penalty = encode_with_contraction(model.encoder, x, axes.expand(-1, len(x), -1, -1, -1)).penalty
        found += len(axes) * encoder_gradients(penalty, model)
    # Lengths are squared in float32.
    assert (found - expected).norm() < 1e-6 * expected.norm()


@pytest.mark.parametrize("kind", KINDS)
def test_the_penalty_and_its_gradient_are_those_along_signs_drawn_for_each_image(kind):
    model, x = model_and_images(kind)
    penalty = contraction_penalty(model.encoder, x, 5, torch.Generator().manual_seed(3))
    signs = torch.empty(5, *x.shape, dtype=x.dtype)
    signs = signs.bernoulli_(0.5, generator=torch.Generator().manual_seed(3)) * 2 - 1
    expected = encode_with_contraction(model.encoder, x, signs).penalty
    torch.testing.assert_close(penalty, expected)
    mine, theirs = (encoder_gradients(value, model) for value in (penalty, expected))
    torch.testing.assert_close(mine, theirs)


def test_penalty_value_matches_the_exact_norm():
    model, x = model_and_images()
    exact = encoder_jacobian(model, x).square().sum((1, 2)).mean().item()
    estimate = contraction_penalty(model.encoder, x, 500, torch.Generator().manual_seed(4)).item()
    assert estimate == pytest.approx(exact, rel=0.02)


def test_gradient_of_the_summed_code_is_not_the_penalty():
    model, x = model_and_images()
    x.requires_grad_()
    (summed,) = torch.autograd.grad(model.encode(x).sum(), x)
    wrong = summed.square().sum((1, 2, 3)).mean().item()
    exact = encoder_jacobian(model, x.detach()).square().sum((1, 2)).mean().item()
    assert abs(wrong / exact - 1) > 0.5


def test_detached_weights_give_no_gradient_and_ours_do():
    model, x = model_and_images()
    weight = model.state_dict()["encoder.4.weight"]
    code = model.encode(x)
    wrong = ((code * (1 - code)).square().mean(0)[:, None].sum() * weight.square().sum()).detach()
    assert not wrong.requires_grad
    assert not weight.requires_grad
    ours = encoder_gradients(
        contraction_penalty(model.encoder, x, 1, torch.Generator().manual_seed(5)), model
    )
    assert ours.norm() > 0


def test_sigmoid_formula_is_wrong_for_a_rectified_code():
    model, x = model_and_images("contractive", "relu")
    code = model.encode(x)
    pre_activation = model.pre_activation(x)
    sigmoid_slope, true_slope = code * (1 - code), (pre_activation > 0).double()
    linear = seeded_autoencoder(ModelConfig("contractive", "linear"), seed=1).double()
    rows = encoder_jacobian(linear, x).square().sum(2)
    wrong = (sigmoid_slope.square() * rows).sum(1).mean().item()
    right = (true_slope.square() * rows).sum(1).mean().item()
    assert right == pytest.approx(encoder_jacobian(model, x).square().sum((1, 2)).mean().item(), rel=1e-9)
    assert abs(wrong / right - 1) > 0.5


def written_out_kl(code, rho):
    """Ng's formula in plain Python, one unit after another."""
    total = 0.0
    for unit in code.T.tolist():
        mean = sum(unit) / len(unit)
        total += rho * math.log(rho / mean) + (1 - rho) * math.log((1 - rho) / (1 - mean))
    return total


@pytest.mark.parametrize("rho", [0.01, 0.2, 0.9])
def test_kl_matches_the_formula_written_out(rho):
    code = torch.rand(7, 5, generator=torch.Generator().manual_seed(6))
    assert kl_penalty(code, rho).item() == pytest.approx(written_out_kl(code, rho), rel=1e-5)


def test_kl_is_zero_at_the_target_and_positive_elsewhere():
    assert kl_penalty(torch.full((4, 3), 0.01), 0.01).item() == pytest.approx(0, abs=1e-6)
    for mean in (0.0, 0.002, 0.05, 1.0):
        assert kl_penalty(torch.full((4, 3), mean), 0.01).item() > 0.001


def test_kl_stays_finite_for_silent_and_saturated_units():
    code = torch.tensor([[0.0, 1.0, 0.5]]).repeat(4, 1).requires_grad_()
    penalty = kl_penalty(code, 0.01)
    penalty.backward()
    assert penalty.isfinite()
    assert code.grad.isfinite().all()


def test_kl_pushes_the_mean_towards_the_target():
    code = torch.tensor([[0.3, 0.001]]).repeat(4, 1).requires_grad_()
    kl_penalty(code, 0.01).backward()
    assert (code.grad[:, 0] > 0).all()
    assert (code.grad[:, 1] < 0).all()


def test_averaging_over_units_is_not_the_penalty():
    code = torch.rand(7, 5, generator=torch.Generator().manual_seed(7))
    assert kl_penalty(code.T, 0.1).item() != pytest.approx(kl_penalty(code, 0.1).item(), rel=0.05)


def test_kl_div_without_log_probabilities_is_not_the_penalty():
    code = torch.rand(7, 5, generator=torch.Generator().manual_seed(8))
    mean = code.mean(0)
    wrong = F.kl_div(mean, torch.full_like(mean, 0.1), reduction="sum").item()
    assert wrong != pytest.approx(kl_penalty(code, 0.1).item(), rel=0.05)
    assert wrong < 0, "a divergence is never negative; this one is not a divergence"


@pytest.mark.parametrize("rho", [0.0, 1.0, -0.1, 2.0])
def test_an_impossible_target_is_refused(rho):
    with pytest.raises(ValueError, match="sparsity_target"):
        kl_penalty(torch.rand(2, 3), rho)


@pytest.mark.parametrize("name", ["reference", "best"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_training_s_loss_is_the_error_and_the_very_penalty(kind, name):
    """What the gradient's tests hold, training calls: with the same probes it is the same number."""
    model, x = model_and_images(kind, batch=8)
    config = RECIPES[kind][name].train
    loss, mse, penalty = Loss(model, config, torch.Generator().manual_seed(9))(x, Share(8))
    code = model.encode(x)
    probed = round(config.probe_fraction * 8)
    expected = (
        kl_penalty(code, config.sparsity_target)
        if kind == "sparse"
        else contraction_penalty(model.encoder, x[:probed], config.probes, torch.Generator().manual_seed(9))
    )
    assert penalty.item() == pytest.approx(expected.item(), rel=1e-5)
    assert mse.item() == pytest.approx(F.mse_loss(model(x).reconstruction, x).item(), rel=1e-5)
    assert loss.item() == pytest.approx((mse + config.penalty_weight * penalty).item(), rel=1e-6)
    mine, theirs = (encoder_gradients(value, model) for value in (penalty, expected))
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-9)


def test_the_code_of_one_pass_is_the_encoder_s_and_its_penalty_that_of_the_same_directions():
    model, x = model_and_images()
    directions = random_signs((3, 1, *x.shape[1:]), x, torch.Generator().manual_seed(4))
    code, penalty = encode_with_contraction(model.encoder, x, directions)
    torch.testing.assert_close(code, model.encoder(x))
    jacobian = encoder_jacobian(model, x)[0]
    expected = (directions.flatten(1) @ jacobian.T).square().sum(1).mean()
    torch.testing.assert_close(penalty, expected.float())


class Stranger(torch.nn.Module):
    """An encoder of layers that this lab does not know."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.first = torch.nn.Parameter(0.3 * torch.randn(12, 20, dtype=torch.float64, generator=generator))
        self.norm = torch.nn.LayerNorm(12, dtype=torch.float64)

    def forward(self, x):
        return torch.nn.functional.softplus(self.norm(x @ self.first.T))


@pytest.mark.parametrize("form", ["a module", "a function"])
def test_the_penalty_works_for_an_encoder_from_elsewhere(form):
    module = Stranger()
    encode = module if form == "a module" else lambda x: module(x)
    x = torch.randn(5, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    jacobians = torch.func.vmap(torch.func.jacrev(lambda one: module(one[None])[0]))(x)
    exact = jacobians.square().sum((1, 2)).mean()
    penalty = contraction_penalty(encode, x, 2000, torch.Generator().manual_seed(3))
    assert penalty.item() == pytest.approx(exact.item(), rel=0.03)
    (found,), (expected,) = (torch.autograd.grad(value, [module.first]) for value in (penalty, exact))
    assert (found - expected).norm() < 0.05 * expected.norm()


@pytest.mark.parametrize("kind", KINDS)
def test_the_fast_form_and_the_one_for_strangers_estimate_the_same(kind):
    model, x = model_and_images(kind)
    exact = encoder_jacobian(model, x).square().sum((1, 2)).mean().item()
    for encode in (model.encoder, model.encode):
        estimate = contraction_penalty(encode, x, 500, torch.Generator().manual_seed(5)).item()
        assert estimate == pytest.approx(exact, rel=0.05)
    with pytest.raises(ValueError, match="probes"):
        contraction_penalty(model.encode, x, 0)
