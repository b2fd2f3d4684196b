"""One step, eager and captured, and what it does to the weights. Needs torch; captures only on CUDA."""

import logging
import math

import pytest
import torch
import torch.nn.functional as F

from ae_core.config import KINDS, RECIPES, ModelConfig
from ae_core.data import load_mnist
from ae_core.model import initial_model, seeded_autoencoder
from ae_core.penalties import kl_penalty
from ae_core.training import step as stepping
from ae_core.training.distributed import Share
from ae_core.training.loss import Loss
from ae_core.training.step import CapturedStep, Step, bound_decoder, fastest_step

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no CUDA device here.")


def test_decoder_bound_holds_each_unit_and_leaves_small_ones_alone():
    model = seeded_autoencoder(ModelConfig("sparse"), 0)
    with torch.no_grad():
        model.decoder_convolutions[0].weight[:32] *= 100
    small = model.decoder_convolutions[0].weight[32:].clone()
    direction = F.normalize(model.decoder_convolutions[0].weight[0].flatten(), dim=0)
    bound_decoder(model, 4.0)
    norms = model.decoder_convolutions[0].weight.flatten(1).norm(dim=1)
    torch.testing.assert_close(norms[:32], torch.full((32,), 4.0))
    assert torch.equal(model.decoder_convolutions[0].weight[32:], small)
    torch.testing.assert_close(
        F.normalize(model.decoder_convolutions[0].weight[0].flatten(), dim=0), direction
    )


def trained_by(step_class, recipe, device, steps, precision=torch.bfloat16):
    """A model after some steps on the same batches, and the losses of each step."""
    model = initial_model(recipe).to(device, memory_format=torch.channels_last)
    images = load_mnist("train").images[:2000].to(device)
    step = step_class(model, images, recipe.train, precision)
    order = torch.Generator().manual_seed(1)
    losses = []
    for _ in range(steps):
        step(torch.randint(len(images), (recipe.train.batch_size,), generator=order).to(device), 1e-3)
        losses.append(step.mean_losses(1))
    return model, torch.tensor(losses)


def trained_by_plain_pytorch(recipe, steps):
    """The losses of the same steps in textbook PyTorch: its layers, its jvp, its unfused optimiser."""
    config = recipe.train
    model = initial_model(recipe)
    images = load_mnist("train").images[:2000]
    optimizer = torch.optim.Adam(
        model.parameters(), lr=1e-3, betas=(config.adam_beta1, config.adam_beta2), foreach=False
    )
    order, noise = torch.Generator().manual_seed(1), torch.Generator().manual_seed(config.seed)
    losses = []
    for _ in range(steps):
        x = images[torch.randint(len(images), (config.batch_size,), generator=order)].float() / 255
        seen = x
        if config.input_noise:
            strength = torch.empty(len(x), 1, 1, 1).uniform_(0, config.input_noise, generator=noise)
            seen = (x + strength * torch.empty_like(x).normal_(generator=noise)).clamp(0, 1)
        code, reconstruction = model(seen)
        if recipe.model.kind == "sparse":
            penalty = kl_penalty(code, config.sparsity_target)
        else:
            probed = seen[: round(config.probe_fraction * len(x))]
            signs = torch.empty(1, *probed.shape).bernoulli_(0.5, generator=noise) * 2 - 1
            _, moved = torch.func.jvp(model.encode, (probed,), (signs[0],))
            penalty = moved.square().sum() / len(probed)
        mse = ((reconstruction - x) ** 2).mean()
        loss = mse + config.penalty_weight * penalty
        optimizer.zero_grad()
        loss.backward()
        if config.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        optimizer.step()
        losses.append([loss.item(), mse.item(), penalty.item()])
    return torch.tensor(losses)


@pytest.mark.parametrize(("kind", "steps"), [("contractive", 70), ("sparse", 120)])
def test_many_steps_lose_what_plain_pytorch_loses_in_both_precisions(kind, steps):
    recipe = RECIPES[kind]["reference"].override(batch_size=30 if kind == "sparse" else 12)
    if kind == "sparse":
        # At a rectified code's kinks two roundings part for good, and the penalty with them.
        recipe = recipe.override(code_activation="sigmoid")
    plain = trained_by_plain_pytorch(recipe, steps)
    _, exact = trained_by(Step, recipe, "cpu", steps, torch.float32)
    _, low = trained_by(Step, recipe, "cpu", steps, torch.bfloat16)
    # Rounding grows from step to step: single steps are compared at first, means in the end.
    torch.testing.assert_close(exact[:40], plain[:40], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(exact[-30:].mean(0), plain[-30:].mean(0), rtol=0.05, atol=0)
    *errors, penalty = low[-30:].mean(0)
    *plain_errors, plain_penalty = plain[-30:].mean(0)
    torch.testing.assert_close(errors, plain_errors, rtol=0.05, atol=0)
    # A processor with bfloat16 of its own adds up in another order than one without: measured, 0.08 apart.
    torch.testing.assert_close(penalty, plain_penalty, rtol=0.15, atol=0)
    assert plain[-30:, 1].mean() < 0.5 * plain[:5, 1].mean(), "too little was learnt to tell paths apart"


@pytest.mark.parametrize("kind", KINDS)
def test_with_input_noise_the_encoder_sees_it_and_the_clean_image_is_the_target(kind):
    recipe = RECIPES[kind]["reference"].override(batch_size=12, input_noise=0.3)
    if kind == "sparse":
        recipe = recipe.override(code_activation="sigmoid")
    plain = trained_by_plain_pytorch(recipe, 20)
    _, exact = trained_by(Step, recipe, "cpu", 20, torch.float32)
    torch.testing.assert_close(exact, plain, rtol=1e-4, atol=1e-6)
    _, without = trained_by(Step, recipe.override(input_noise=0.0), "cpu", 20, torch.float32)
    assert (without - exact).abs().max() > 1e-3


def test_each_process_sees_its_images_with_the_noise_that_one_alone_gives_them():
    config = RECIPES["sparse"]["fast"].override(input_noise=0.3).train
    x = torch.rand(7, 1, 28, 28, generator=torch.Generator().manual_seed(0))

    def seen(images, share):
        generator = torch.Generator().manual_seed(5)
        return Loss(initial_model(RECIPES["sparse"]["fast"]), config, generator)._with_noise(images, share)

    whole = seen(x, Share(7))
    assert ((whole - x).abs() > 0.05).any()
    for rank in range(2):
        assert torch.equal(seen(x[rank::2], Share(7, rank, 2)), whole[rank::2])


@needs_cuda
@pytest.mark.parametrize("input_noise", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_captured_step_is_the_eager_one_for_200_steps(kind, input_noise):
    recipe = RECIPES[kind]["best"].override(input_noise=input_noise)
    _, eager = trained_by(Step, recipe, "cuda", 200)
    _, captured = trained_by(CapturedStep, recipe, "cuda", 200)
    torch.testing.assert_close(captured, eager, rtol=0.02, atol=1e-4)


@needs_cuda
def test_a_last_batch_of_another_size_goes_on_with_the_same_optimiser():
    recipe = RECIPES["sparse"]["fast"]
    model = initial_model(recipe).to("cuda", memory_format=torch.channels_last)
    images = load_mnist("train").images[:500].to("cuda")
    step = fastest_step(model, images, recipe.train, torch.bfloat16)
    assert isinstance(step, CapturedStep)
    for size in (50, 50, 20, 50):
        before = model.encoder_convolutions[0].weight.clone()
        step(torch.arange(size, device="cuda"), 1e-3)
        assert not torch.equal(before, model.encoder_convolutions[0].weight)
    assert all(map(math.isfinite, step.mean_losses(4)))


class CudaOnPaper:
    """Images that say they lie on a CUDA device, for the choice between the two forms."""

    def __init__(self, images):
        self._images = images
        self.device = torch.device("cuda")

    def __len__(self):
        return len(self._images)


def test_where_capture_fails_the_step_is_eager_and_the_log_says_why(monkeypatch, caplog):
    class Refusing:
        def __init__(self, *_):
            raise RuntimeError("operation not permitted when stream is capturing\nand a second line")

    chosen = []
    monkeypatch.setattr(stepping, "CapturedStep", Refusing)
    monkeypatch.setattr(stepping, "Step", lambda *arguments: chosen.append(arguments))
    images = CudaOnPaper(load_mnist("train").images[:500])
    with caplog.at_level(logging.WARNING):
        fastest_step(None, images, RECIPES["sparse"]["fast"].train, torch.bfloat16)
    assert len(chosen) == 1
    (record,) = caplog.records
    assert "operation not permitted" in record.getMessage()
    assert "second line" not in record.getMessage()


def test_a_batch_larger_than_the_data_is_never_captured(monkeypatch):
    chosen = []
    monkeypatch.setattr(stepping, "Step", lambda *arguments: chosen.append(arguments))
    images = CudaOnPaper(load_mnist("train").images[:10])
    fastest_step(None, images, RECIPES["sparse"]["fast"].train, torch.bfloat16)
    assert len(chosen) == 1


def test_on_a_cpu_the_step_is_eager():
    recipe = RECIPES["sparse"]["fast"]
    step = fastest_step(initial_model(recipe), load_mnist("train").images[:500], recipe.train, torch.float32)
    assert type(step) is Step
