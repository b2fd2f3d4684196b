"""How fast the lab is, beside plain PyTorch; what engine and recipe contribute is told apart.

Runs that are compared take turns, so that a machine that slows down slows both; every time is a median.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from time import sleep

import torch
from torch import Tensor
from torch.func import jacfwd, jacrev, vmap

from ae_core.analysis.evaluation import measure_without_jacobians
from ae_core.analysis.inspection import inspect
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.cli.bench.ablation import ablation
from ae_core.cli.bench.plain_training import plain_training, published_epoch
from ae_core.cli.bench.timing import HEADING, Row, as_milliseconds, as_seconds, in_turn
from ae_core.config import KINDS, LADDERS, RECIPES, Recipe
from ae_core.data import Mnist, load_mnist, to_float
from ae_core.jacobian import encoder_jacobian
from ae_core.model import Autoencoder, initial_model
from ae_core.training.background import TrainingRun
from ae_core.training.compute import Compute
from ae_core.training.job import Job
from ae_core.training.ladder import train_ladder
from ae_core.training.loop import train

__all__ = ["HEADING", "PUBLISHED_TEST_MSE", "Row", "bench", "machine"]

PUBLISHED_TEST_MSE = 0.002167
"""Of the published reference's contractive checkpoint."""
_DRAWINGS = 16
_CHUNK = 128
"""Rows of J that jacrev computes at a time, without which it takes gigabytes."""
_POLL_SECONDS = 0.02
_TURNS_PER_REPEAT = 5
"""A turn of the ablation takes a second at most."""


def _train(recipe: Recipe, images: Tensor, compute: Compute) -> Autoencoder:
    model = initial_model(recipe)
    for _ in train(model, images, recipe.train, compute):
        pass
    return model.eval()


def bench(compute: Compute, repeats: int, images: int) -> Iterator[Row]:
    """Measure all rows, one after another; some say that this machine cannot measure them.

    Args:
        compute: where; Jacobians, which the page always computes on the CPU, are timed on the CPU only.
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
    yield from ablation(mnist.images, compute, _TURNS_PER_REPEAT * repeats)


def _epochs(mnist: Mnist, compute: Compute, repeats: int) -> Iterator[Row]:
    for kind in KINDS:
        yield _from_the_click(RECIPES[kind]["fast"], compute, repeats)
        yield from _epoch(RECIPES[kind]["reference"].override(epochs=1), mnist, compute, repeats)
    yield from _to_quality(mnist.images, compute, repeats)


def _from_the_click(recipe: Recipe, compute: Compute, repeats: int) -> Row:
    """As the page trains: on all images, in a thread that leaves it a core, filmed; then it can be used."""
    ended: list[TrainingRun] = []
    waits: list[float] = []

    def until_it_can_be_used() -> None:
        run = TrainingRun(Job(recipe, compute))
        while run.snapshot().state in ("waiting", "training"):
            sleep(_POLL_SECONDS)
        ended.append(run)

    for _ in range(repeats):
        waits += in_turn(1, until_it_can_be_used)
        checkpoint = ended[-1].wait().checkpoint
    assert checkpoint is not None, "it has ended"
    metrics = checkpoint.metrics
    return Row(
        f"from the click to a {recipe.model.kind} model that can be used, fast recipe",
        f"{as_seconds(median(waits))}: test MSE {metrics.test_mse:.5f}, at noise 0.2 "
        f"{metrics.denoising_mse[0.2]:.4f}",
        "it is measured afterwards, in the background",
        "",
    )


def _epoch(recipe: Recipe, mnist: Mnist, compute: Compute, repeats: int) -> Iterator[Row]:
    models: dict[str, Autoencoder] = {}
    ours, plain, published = in_turn(
        repeats,
        lambda: models.update(ours=_train(recipe, mnist.images, compute)),
        lambda: models.update(plain=plain_training(recipe, mnist.images, compute.device)),
        lambda: published_epoch(recipe, mnist, compute.device),
    )
    yield Row(
        f"engine: one {recipe.model.kind} epoch, reference recipe, true penalty",
        f"{as_seconds(ours)}: {_quality(models['ours'])}",
        f"{as_seconds(plain)}, the same recipe in plain PyTorch: {_quality(models['plain'])}",
        f"{plain / ours:.2f} times faster",
    )
    yield Row(
        f"one {recipe.model.kind} epoch beside the published way of loading images",
        as_seconds(ours),
        f"{as_seconds(published)}, images one by one, no penalty that counts",
        f"{published / ours:.2f} times faster",
    )


def _to_quality(images: Tensor, compute: Compute, repeats: int) -> Iterator[Row]:
    """To the published model's test error: what the engine and what the recipe contribute."""
    fast = RECIPES["contractive"]["fast"]
    reference = RECIPES["contractive"]["reference"]
    models: dict[str, Autoencoder] = {}
    ours, plain = in_turn(
        repeats,
        lambda: models.update(ours=_train(fast, images, compute)),
        lambda: models.update(plain=plain_training(fast, images, compute.device)),
    )
    (long,) = in_turn(1, lambda: models.update(long=plain_training(reference, images, compute.device)))
    here = f"{as_seconds(ours)}: {_quality(models['ours'])}"
    goal = f"to a test MSE below {PUBLISHED_TEST_MSE}, the published model's, λ = 1e-4"
    yield Row(
        f"engine: {goal} (fast recipe)",
        here,
        f"{as_seconds(plain)}, the same recipe in plain PyTorch: {_quality(models['plain'])}",
        f"{plain / ours:.2f} times faster",
    )
    yield Row(
        f"engine and recipe: {goal}",
        here,
        f"{as_seconds(long)}, the reference recipe in plain PyTorch, {reference.train.epochs} epochs, once: "
        f"{_quality(models['long'])}",
        f"{long / ours:.1f} times faster, of which the recipe {long / plain:.1f}",
    )


def _quality(model: Autoencoder) -> str:
    metrics = measure_without_jacobians(model.to("cpu").eval(), load_mnist("test").images)
    return f"test MSE {metrics.test_mse:.5f}, at noise 0.2 {metrics.denoising_mse[0.2]:.4f}"


def _whole_runs(images: Tensor, compute: Compute, repeats: int) -> Iterator[Row]:
    for name in ("reference", "best"):
        recipe = RECIPES["contractive"][name]
        _train(recipe.override(epochs=1), images, compute)
        whole, warm_up = in_turn(
            repeats,
            partial(_train, recipe, images, compute),
            partial(_train, recipe.override(epochs=1), images[: recipe.train.batch_size], compute),
        )
        yield Row(
            f"contractive, {name} recipe, {recipe.train.epochs} epochs, true penalty",
            as_seconds(whole - warm_up),
            f"{as_seconds(warm_up)} of warm-up before it",
            "",
        )
    recipe, weights = RECIPES["contractive"]["best"], LADDERS["contractive"]
    one, ladder = in_turn(
        repeats,
        lambda: _train_ladder(recipe, weights[:1], compute),
        lambda: _train_ladder(recipe, weights, compute),
    )
    yield Row(
        f"contractive ladder, best recipe, {len(weights)} models at once, trained and measured",
        as_seconds(ladder),
        f"{as_seconds(one)}, one model",
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

    (seven,) = in_turn(repeats, lambda: [inspect(one.model, x[:1]) for one in checkpoints], warm=True)
    yield Row(
        f"one drawing under all {len(checkpoints)} contractive models: reconstruction, code, sensitivity map",
        as_milliseconds(seven),
        "",
        "",
    )
    for count in (1, _DRAWINGS):
        some = x[:count]
        with torch.no_grad():
            ours, forward, reverse = in_turn(
                repeats,
                partial(encoder_jacobian, model, some),
                partial(vmap(jacfwd(code_of_one)), some),
                partial(vmap(jacrev(code_of_one, chunk_size=_CHUNK)), some),
                warm=True,
            )
        yield Row(
            f"exact Jacobians of {count} drawing{'s' if count > 1 else ''}, contractive",
            as_milliseconds(ours),
            f"{as_milliseconds(forward)} jacfwd, {as_milliseconds(reverse)} jacrev",
            f"{min(forward, reverse) / ours:.1f} times faster",
        )


def machine(compute: Compute) -> str:
    """What the values were measured on."""
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else []
    device = (
        torch.cuda.get_device_name() if compute.device.type == "cuda" else [*names, platform.machine()][0]
    )
    return (
        f"{device}, {os.cpu_count()} cores, {compute}, PyTorch {torch.__version__}, "
        f"Python {platform.python_version()}"
    )
