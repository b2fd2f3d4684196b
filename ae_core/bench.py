"""How fast the lab is, beside plain PyTorch in the manner of the published code, both in one run.

Runs that are compared take turns, so that a machine that slows down slows both; every figure is a median.
"""

from __future__ import annotations

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
from ae_core.config import LADDERS, RECIPES, Recipe
from ae_core.data import Mnist, load_mnist, to_float
from ae_core.inspection import inspect
from ae_core.jacobian import encoder_jacobian
from ae_core.metrics import evaluate
from ae_core.model import Autoencoder, initial_model
from ae_core.runs import train_ladder
from ae_core.training import Compute, train

PUBLISHED_TEST_MSE = 0.002167
"""Of the published reference's contractive checkpoint."""
_PUBLISHED_EPOCHS = 10
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
    target: str

    def __str__(self) -> str:
        return f"| {self.what} | {self.ours} | {self.beside} | {self.ratio} | {self.target} |"


HEADING = "| what | here | beside it | ratio | target |\n|---|---|---|---|---|"


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


def _train(recipe: Recipe, images: Tensor, compute: Compute) -> Autoencoder:
    model = initial_model(recipe)
    for _ in train(model, images, recipe.train, compute):
        pass
    return model.eval()


def bench(compute: Compute, repeats: int, images: int) -> Iterator[Row]:
    """All rows that this machine can measure, one after another.

    Args:
        compute: where; the Jacobians, which the page always computes on the CPU, belong to its table.
        repeats: runs of each figure, whose median counts.
        images: how many of the training images to use; targets are for all 60,000.
    """
    mnist = Mnist(*(part[:images] for part in load_mnist("train")))
    if compute.device.type == "cuda":
        yield from _whole_runs(mnist.images, compute, repeats)
    else:
        # First, while the process's memory is as the page's at its start.
        yield from _jacobians(repeats)
        yield from _epochs(mnist, compute, repeats)


def _epochs(mnist: Mnist, compute: Compute, repeats: int) -> Iterator[Row]:
    published = 0.0
    for kind, target in (("contractive", "at most 0.55"), ("sparse", "at most 0.4")):
        recipe = RECIPES[kind]["reference"].override(epochs=1)
        ours, beside = _in_turn(
            repeats,
            lambda recipe=recipe: _train(recipe, mnist.images, compute),
            lambda recipe=recipe: reference_epoch(recipe, mnist, compute.device),
        )
        yield Row(
            f"one {kind} epoch, reference recipe, true penalty",
            _seconds(ours),
            f"{_seconds(beside)}, plain PyTorch without the penalty",
            f"{ours / beside:.2f}",
            target,
        )
        if kind == "contractive":
            published = _PUBLISHED_EPOCHS * beside
    yield _time_to_quality(mnist.images, compute, repeats, published)


def _time_to_quality(images: Tensor, compute: Compute, repeats: int, published: float) -> Row:
    recipe = RECIPES["contractive"]["fast"].override(epochs=1, batch_size=60)
    models: list[Autoencoder] = []
    (ours,) = _in_turn(repeats, lambda: models.append(_train(recipe, images, compute)))
    metrics = evaluate(models[-1], load_mnist("test").images)
    return Row(
        f"training to a test MSE below {PUBLISHED_TEST_MSE}, the published model's, λ = 1e-4 "
        "(fast recipe, one epoch, batch 60)",
        f"{_seconds(ours)}: test MSE {metrics['test_mse']:.5f}, ‖J‖² {metrics['jacobian_sq_norm']:.1f}",
        f"{_seconds(published)}, {_PUBLISHED_EPOCHS} epochs of plain PyTorch without the penalty",
        f"{published / ours:.1f} times faster",
        "at least 10 times, ‖J‖² below 5",
    )


def _whole_runs(images: Tensor, compute: Compute, repeats: int) -> Iterator[Row]:
    for name, target in (("reference", "at most 0.8 s, warm-up 3 s"), ("best", "at most 2.5 s")):
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
            target,
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
        "at most 2.5",
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
        "at most 80 ms",
    )
    for count, target in ((1, "at most 8 ms, 3 times"), (_DRAWINGS, "at least 15 times")):
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
            target,
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
