"""The training loop against plain PyTorch, and what it promises. Needs torch; a few hundred images."""

import math

import pytest
import torch

from ae_core.config import KINDS, RECIPES, ModelConfig, TrainConfig
from ae_core.data import load_mnist, to_float
from ae_core.errors import DeviceError, TrainingDivergedError
from ae_core.jacobian import encoder_jacobian
from ae_core.model import initial_model, seeded_autoencoder
from ae_core.training import step as stepping
from ae_core.training.compute import Compute, available_devices, choose_compute
from ae_core.training.loop import learning_rate_at, train
from tests.unit.training.helpers import FLOAT32


@pytest.fixture(scope="module")
def images():
    return load_mnist("train").images[:400]


def trained(kind, images, compute=FLOAT32, **changes):
    recipe = RECIPES[kind]["fast"].override(**changes)
    model = initial_model(recipe)
    reports = list(train(model, images, recipe.train, compute, report_seconds=0))
    return model, reports


def plain_pytorch_step(recipe, images):
    """One step of textbook PyTorch, sharing nothing with the loop but the seeds and the model class."""
    config = recipe.train
    model = initial_model(recipe)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(config.seed))
    x = images[order[: config.batch_size]].float() / 255
    code, reconstruction = model(x)
    if recipe.model.kind == "sparse":
        rho, mean = config.sparsity_target, code.mean(0).clamp(1e-6, 1 - 1e-6)
        penalty = (rho * torch.log(rho / mean) + (1 - rho) * torch.log((1 - rho) / (1 - mean))).sum()
    else:
        noise = torch.Generator().manual_seed(config.seed)
        signs = torch.empty(1, *x.shape).bernoulli_(0.5, generator=noise) * 2 - 1
        _, moved = torch.func.jvp(model.encode, (x,), (signs[0],))
        penalty = moved.square().sum() / len(x)
    mse = ((reconstruction - x) ** 2).mean()
    loss = mse + config.penalty_weight * penalty
    optimizer = torch.optim.Adam(
        model.parameters(), lr=config.learning_rate, betas=(config.adam_beta1, config.adam_beta2)
    )
    loss.backward()
    optimizer.step()
    return model, loss.item(), mse.item(), penalty.item()


@pytest.mark.parametrize("kind", KINDS)
def test_one_step_is_that_of_plain_pytorch(kind, images):
    recipe = RECIPES[kind]["reference"].override(epochs=1, batch_size=len(images), probe_fraction=1.0)
    expected, loss, mse, penalty = plain_pytorch_step(recipe, images)
    model = initial_model(recipe)
    (report,) = train(model, images, recipe.train, FLOAT32)
    assert report.loss == pytest.approx(loss, rel=1e-4)
    assert report.mse == pytest.approx(mse, rel=1e-4)
    assert report.penalty == pytest.approx(penalty, rel=1e-4)
    before = initial_model(recipe)
    agree, total = 0, 0
    for name, value in model.state_dict().items():
        # Adam's first step has length lr in each weight, whatever the gradient: compare the moves.
        move, reference = (
            value - before.state_dict()[name],
            expected.state_dict()[name] - before.state_dict()[name],
        )
        agree += int(torch.isclose(move, reference, rtol=0.02, atol=1e-6).sum())
        total += value.numel()
    # A gradient of nearly 0 may round to either side; hardly any does.
    assert agree / total > 0.995


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_gives_the_same_weights_and_another_seed_does_not(kind, images):
    (first, _), (second, _), (other, _) = (trained(kind, images, epochs=1, seed=seed) for seed in (3, 3, 4))
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    assert not torch.equal(first.encoder_convolutions[0].weight, other.encoder_convolutions[0].weight)


def test_initial_weights_do_not_depend_on_the_global_generator():
    torch.manual_seed(1)
    first = seeded_autoencoder(ModelConfig("sparse"), 0)
    torch.manual_seed(2)
    second = seeded_autoencoder(ModelConfig("sparse"), 0)
    assert torch.equal(first.decoder_convolutions[-1].weight, second.decoder_convolutions[-1].weight)


def test_reports_count_every_step_and_end_at_the_last(images):
    _, reports = trained("sparse", images, epochs=2, batch_size=150)
    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 6]
    assert [report.epoch for report in reports] == [1, 1, 1, 2, 2, 2]
    assert {report.total_steps for report in reports} == {6}
    assert reports[-1].fraction == 1
    assert reports[-1].seconds_left == 0
    for report in reports:
        weight = RECIPES["sparse"]["fast"].train.penalty_weight
        assert report.loss == pytest.approx(report.mse + weight * report.penalty, rel=1e-4)
        assert report.images_per_second > 0


def test_reports_average_the_steps_between_them(images):
    _, every = trained("sparse", images, epochs=1)
    recipe = RECIPES["sparse"]["fast"].override(epochs=1)
    model = initial_model(recipe)
    (last,) = train(model, images, recipe.train, FLOAT32, report_seconds=math.inf)
    assert last.mse == pytest.approx(sum(report.mse for report in every) / len(every), rel=1e-4)


def test_closing_the_generator_stops_the_run(images):
    recipe = RECIPES["sparse"]["fast"]
    model = initial_model(recipe)
    reports = train(model, images, recipe.train, FLOAT32, report_seconds=0)
    next(reports)
    after_one = model.decoder_convolutions[-1].weight.clone()
    reports.close()
    assert list(reports) == []
    assert torch.equal(model.decoder_convolutions[-1].weight, after_one)


def test_contraction_lowers_the_jacobian_and_no_weight_leaves_it(images):
    norms = {}
    for weight in (0.0, 1e-2):
        model, _ = trained("contractive", images, epochs=6, penalty_weight=weight)
        jacobian = encoder_jacobian(model.eval(), to_float(images[:8]))
        norms[weight] = jacobian.square().sum((1, 2)).mean().item()
    assert norms[1e-2] < 0.3 * norms[0.0]


def test_kl_moves_the_mean_activation_towards_the_target(images):
    means = {}
    for weight in (0.0, 0.05):
        model, _ = trained("sparse", images, epochs=15, penalty_weight=weight, sparsity_target=0.05)
        with torch.no_grad():
            means[weight] = model.encode(to_float(images)).mean().item()
    assert abs(means[0.05] - 0.05) < 0.6 * abs(means[0.0] - 0.05)


def test_a_diverging_run_stops_with_a_sentence_and_keeps_finite_weights(images):
    recipe = RECIPES["contractive"]["reference"].override(learning_rate=1e20, batch_size=100)
    model = initial_model(recipe)
    with pytest.raises(TrainingDivergedError, match="smaller learning rate"):
        list(train(model, images, recipe.train, FLOAT32, report_seconds=0))
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    with torch.no_grad():
        assert model(to_float(images[:4])).reconstruction.isfinite().all()


def test_gradient_is_clipped_before_the_step(images, monkeypatch):
    norms = []
    original = stepping.adam

    def spy(weights, gradients, *args, **kwargs):
        norms.append(torch.cat([gradient.flatten() for gradient in gradients]).norm().item())
        return original(weights, gradients, *args, **kwargs)

    monkeypatch.setattr(stepping, "adam", spy)
    trained("contractive", images, epochs=1, max_grad_norm=1e-3)
    assert max(norms) <= 1e-3 * 1.001
    norms.clear()
    trained("contractive", images, epochs=1, max_grad_norm=None)
    assert max(norms) > 1e-2


def test_one_cycle_rises_to_the_peak_and_falls_to_nothing():
    config = TrainConfig(penalty_weight=0.0, learning_rate=0.5, schedule="one_cycle")
    rates = [learning_rate_at(config, step, 100) for step in range(100)]
    assert max(rates) == 0.5
    assert rates.index(0.5) == 29
    assert rates[:30] == sorted(rates[:30])
    assert rates[30:] == sorted(rates[30:], reverse=True)
    assert 0 < rates[0] < 0.02
    assert 0 < rates[-1] < 0.01
    constant = TrainConfig(penalty_weight=0.0, learning_rate=0.5)
    assert {learning_rate_at(constant, step, 100) for step in (0, 50, 99)} == {0.5}


def test_bfloat16_loses_what_float32_loses_within_its_rounding(images):
    bfloat16 = Compute(torch.device("cpu"), torch.bfloat16, "for the test")
    _, single = trained("contractive", images, epochs=2)
    model, half = trained("contractive", images, compute=bfloat16, epochs=2)
    # One step's loss hangs on the processor's rounding: a whole epoch's is compared.
    means = [sum(report.mse for report in reports if report.epoch == 2) for reports in (half, single)]
    assert means[0] == pytest.approx(means[1], rel=0.05)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_devices_that_are_not_there_are_neither_offered_nor_accepted(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert available_devices() == ("auto", "cpu")
    assert choose_compute("auto").device.type == "cpu"
    for name in ("cuda", "tpu", ""):
        with pytest.raises(DeviceError, match="choose"):
            choose_compute(name)


def test_the_choice_of_precision_names_its_reason():
    compute = choose_compute("cpu")
    native = "has native bfloat16" in compute.reason
    assert (compute.precision is torch.bfloat16) == native
    assert str(compute) == f"cpu, {'bfloat16' if native else 'float32'}"
