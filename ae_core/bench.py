"""How fast the lab is, beside plain PyTorch, both in one run; engine and recipe apart.

Runs that are compared take turns, so that a machine that slows down slows both; every time is a median.
"""

from __future__ import annotations

import math
import os
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.func import jacfwd, jacrev, vmap
from torch.utils.data import DataLoader, Dataset

from ae_core.checkpoints import ladder_paths, load_checkpoint
from ae_core.compute import Compute
from ae_core.config import KINDS, LADDERS, RECIPES, Recipe
from ae_core.data import Mnist, load_mnist, shuffled_batches, to_float
from ae_core.inspection import inspect
from ae_core.jacobian import encoder_jacobian
from ae_core.metrics import measure_without_jacobians
from ae_core.model import Autoencoder, initial_model
from ae_core.penalties import kl_penalty
from ae_core.runs import train_ladder
from ae_core.stepping import bound_decoder
from ae_core.training import learning_rate_at, train

PUBLISHED_TEST_MSE = 0.002167
"""Of the published reference's contractive checkpoint."""
_DRAWINGS = 16
_CHUNK = 128
"""Rows of J that jacrev computes at a time, without which it takes gigabytes."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    ours: str
    beside: str
    """What it is compared with, and its figure."""
    ratio: str

    def __str__(self) -> str:
        return f"| {self.what} | {self.ours} | {self.beside} | {self.ratio} |"


HEADING = "| what | here | beside it | ratio |\n|---|---|---|---|"


class _Pictures(Dataset):
    """MNIST as torchvision serves it: a PIL image at a time, made a tensor when it is asked for."""

    def __init__(self, mnist: Mnist) -> None:
        from torchvision.transforms import ToTensor

        self._mnist = mnist
        self._to_tensor = ToTensor()

    def __len__(self) -> int:
        return len(self._mnist.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self._mnist.images[index, 0].numpy())
        return self._to_tensor(image), int(self._mnist.labels[index])


def reference_epoch(recipe: Recipe, mnist: Mnist, device: torch.device) -> Autoencoder:
    """One epoch in the manner of the published code: images one by one, float32, no penalty that counts."""
    model = initial_model(recipe).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.train.learning_rate)
    for x, _ in DataLoader(_Pictures(mnist), recipe.train.batch_size, shuffle=True):
        x = x.to(device)
        loss = F.mse_loss(model(x).reconstruction, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    return model


def plain_training(recipe: Recipe, images: Tensor, device: torch.device) -> Autoencoder:
    """The same recipe, steps and true penalty in plain PyTorch: float32, and autograd for all of it.

    The contraction penalty is the usual one of a double backward pass, ||J^T v||^2 with random signs v.
    """
    config, model = recipe.train, initial_model(recipe).to(device).train()
    betas = (config.adam_beta1, config.adam_beta2)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, betas=betas)
    order = torch.Generator().manual_seed(config.seed)
    total_steps = config.epochs * math.ceil(len(images) / config.batch_size)
    step = 0
    for _ in range(config.epochs):
        for indices in shuffled_batches(len(images), config.batch_size, order):
            x = to_float(images[indices]).to(device)
            if recipe.model.kind == "sparse":
                code = model.encode(x)
                penalty = kl_penalty(code, config.sparsity_target)
            else:
                code, penalty = _plain_contraction(model, x, config.probe_fraction)
            loss = F.mse_loss(model.decode(code), x) + config.penalty_weight * penalty
            for group in optimizer.param_groups:
                group["lr"] = learning_rate_at(config, step, total_steps)
            optimizer.zero_grad()
            loss.backward()
            if config.max_grad_norm is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
            optimizer.step()
            if config.max_decoder_norm is not None:
                bound_decoder(model, config.max_decoder_norm)
            step += 1
    return model.eval()


def _plain_contraction(model: Autoencoder, x: Tensor, fraction: float) -> tuple[Tensor, Tensor]:
    """The codes, and the penalty estimated on the same share of the batch as the recipe's."""
    probed = max(1, round(fraction * len(x)))
    head = x[:probed].requires_grad_()
    code = model.encode(head)
    signs = torch.randint_like(code, 2) * 2 - 1
    gradient = torch.autograd.grad(code, head, signs, create_graph=True)[0]
    rest = [model.encode(x[probed:])] if probed < len(x) else []
    return torch.cat([code, *rest]), gradient.square().sum() / probed


def _train(recipe: Recipe, images: Tensor, compute: Compute) -> Autoencoder:
    model = initial_model(recipe)
    for _ in train(model, images, recipe.train, compute):
        pass
    return model.eval()


def bench(compute: Compute, repeats: int, images: int) -> Iterator[Row]:
    """All rows that this machine can measure, one after another.

    Args:
        compute: where; the Jacobians, which the page always computes on the CPU, belong to its table.
        repeats: runs of each row, whose median time counts.
        images: how many of the training images to use.
    """
    mnist = Mnist(*(part[:images] for part in load_mnist("train")))
    if compute.device.type == "cuda":
        yield from _whole_runs(mnist.images, compute, repeats)
    else:
        # First, while the process's memory is as the page's at its start.
        yield from _jacobians(repeats)
        yield from _epochs(mnist, compute, repeats)


def _epochs(mnist: Mnist, compute: Compute, repeats: int) -> Iterator[Row]:
    for kind in KINDS:
        yield from _epoch(RECIPES[kind]["reference"].override(epochs=1), mnist, compute, repeats)
    yield from _to_quality(mnist.images, compute, repeats)


def _epoch(recipe: Recipe, mnist: Mnist, compute: Compute, repeats: int) -> Iterator[Row]:
    models: dict[str, Autoencoder] = {}
    ours, plain, published = _in_turn(
        repeats,
        lambda: models.update(ours=_train(recipe, mnist.images, compute)),
        lambda: models.update(plain=plain_training(recipe, mnist.images, compute.device)),
        lambda: reference_epoch(recipe, mnist, compute.device),
    )
    yield Row(
        f"engine: one {recipe.model.kind} epoch, reference recipe, true penalty",
        f"{_seconds(ours)}: {_quality(models['ours'])}",
        f"{_seconds(plain)}, the same recipe in plain PyTorch: {_quality(models['plain'])}",
        f"{plain / ours:.2f} times faster",
    )
    yield Row(
        f"one {recipe.model.kind} epoch beside the published way of loading images",
        _seconds(ours),
        f"{_seconds(published)}, images one by one, no penalty that counts",
        f"{published / ours:.2f} times faster",
    )


def _to_quality(images: Tensor, compute: Compute, repeats: int) -> Iterator[Row]:
    """To the published model's test error: what the engine and what the recipe contribute."""
    fast = RECIPES["contractive"]["fast"].override(epochs=1, batch_size=60)
    reference = RECIPES["contractive"]["reference"]
    models: dict[str, Autoencoder] = {}
    ours, plain = _in_turn(
        repeats,
        lambda: models.update(ours=_train(fast, images, compute)),
        lambda: models.update(plain=plain_training(fast, images, compute.device)),
    )
    (long,) = _in_turn(1, lambda: models.update(long=plain_training(reference, images, compute.device)))
    here = f"{_seconds(ours)}: {_quality(models['ours'])}"
    goal = f"to a test MSE below {PUBLISHED_TEST_MSE}, the published model's, λ = 1e-4"
    yield Row(
        f"engine: {goal} (fast recipe, one epoch, batch 60)",
        here,
        f"{_seconds(plain)}, the same recipe in plain PyTorch: {_quality(models['plain'])}",
        f"{plain / ours:.2f} times faster",
    )
    yield Row(
        f"engine and recipe: {goal}",
        here,
        f"{_seconds(long)}, the reference recipe in plain PyTorch, {reference.train.epochs} epochs, once: "
        f"{_quality(models['long'])}",
        f"{long / ours:.1f} times faster, of which the recipe {long / plain:.1f}",
    )


def _quality(model: Autoencoder) -> str:
    metrics = measure_without_jacobians(model.to("cpu").eval(), load_mnist("test").images)
    return f"test MSE {metrics['test_mse']:.5f}, at noise 0.2 {metrics['denoising_mse_0.2']:.4f}"


def _whole_runs(images: Tensor, compute: Compute, repeats: int) -> Iterator[Row]:
    for name in ("reference", "best"):
        recipe = RECIPES["contractive"][name]
        _train(recipe.override(epochs=1), images, compute)
        whole, warm_up = _in_turn(
            repeats,
            lambda recipe=recipe: _train(recipe, images, compute),
            lambda recipe=recipe: _train(
                recipe.override(epochs=1), images[: recipe.train.batch_size], compute
            ),
        )
        yield Row(
            f"contractive, {name} recipe, {recipe.train.epochs} epochs, true penalty",
            _seconds(whole - warm_up),
            f"{_seconds(warm_up)} of warm-up before it",
            "",
        )
    recipe, weights = RECIPES["contractive"]["best"], LADDERS["contractive"]
    one, ladder = _in_turn(
        repeats,
        lambda: _train_ladder(recipe, weights[:1], compute),
        lambda: _train_ladder(recipe, weights, compute),
    )
    yield Row(
        f"contractive ladder, best recipe, {len(weights)} models at once, trained and measured",
        _seconds(ladder),
        f"{_seconds(one)}, one model",
        f"{ladder / one:.2f}",
    )


def _train_ladder(recipe: Recipe, weights: tuple[float, ...], compute: Compute) -> None:
    for run in train_ladder(recipe, weights, compute):
        run.wait()


def _jacobians(repeats: int) -> Iterator[Row]:
    checkpoints = [load_checkpoint(path) for path in ladder_paths("contractive").values()]
    model = checkpoints[0].model
    x = to_float(load_mnist("test").images[:_DRAWINGS])

    def code_of_one(image: Tensor) -> Tensor:
        return model.encode(image[None])[0]

    (seven,) = _in_turn(repeats, lambda: [inspect(one.model, x[:1]) for one in checkpoints], warm=True)
    yield Row(
        f"one drawing under all {len(checkpoints)} contractive models: reconstruction, code, sensitivity map",
        _milliseconds(seven),
        "",
        "",
    )
    for count in (1, _DRAWINGS):
        some = x[:count]
        with torch.no_grad():
            ours, forward, reverse = _in_turn(
                repeats,
                lambda some=some: encoder_jacobian(model, some),
                lambda some=some: vmap(jacfwd(code_of_one))(some),
                lambda some=some: vmap(jacrev(code_of_one, chunk_size=_CHUNK))(some),
                warm=True,
            )
        yield Row(
            f"exact Jacobians of {count} drawing{'s' if count > 1 else ''}, contractive",
            _milliseconds(ours),
            f"{_milliseconds(forward)} jacfwd, {_milliseconds(reverse)} jacrev",
            f"{min(forward, reverse) / ours:.1f} times faster",
        )


def _in_turn(repeats: int, *tasks: Callable[[], object], warm: bool = False) -> list[float]:
    """Median seconds of each task; they take turns. If `warm`, a turn is the second of two calls in a row."""
    seconds: list[list[float]] = [[] for _ in tasks]
    for _ in range(repeats):
        for task, taken in zip(tasks, seconds, strict=True):
            if warm:
                task()
            started = perf_counter()
            task()
            taken.append(perf_counter() - started)
    return [median(taken) for taken in seconds]


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g} s"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"


def machine(compute: Compute) -> str:
    """What the figures were measured on."""
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else []
    device = (
        torch.cuda.get_device_name() if compute.device.type == "cuda" else [*names, platform.machine()][0]
    )
    return (
        f"{device}, {os.cpu_count()} cores, {compute}, PyTorch {torch.__version__}, "
        f"Python {platform.python_version()}"
    )
