"""The benchmark, on a hundred images and a run of each. Needs torch, on the CPU; no time is asserted."""

import re

import pytest
import torch
import torch.nn.functional as F

from ae_core import bench, metrics
from ae_core.config import KINDS, RECIPES
from ae_core.data import Mnist, load_mnist, to_float
from ae_core.model import initial_model
from ae_core.training import Compute

FLOAT32 = Compute(torch.device("cpu"), torch.float32, "exact for tests")


def first_images(split, count=120):
    return Mnist(*(part[:count] for part in load_mnist(split)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_loop_learns(kind):
    recipe = RECIPES[kind]["reference"].override(batch_size=4)
    mnist = first_images("train")
    x = to_float(mnist.images)
    before, after = initial_model(recipe), bench.reference_epoch(recipe, mnist, torch.device("cpu"))
    errors = [F.mse_loss(model(x).reconstruction, x).item() for model in (before, after)]
    assert errors[1] < 0.9 * errors[0]


def test_its_pictures_are_the_images():
    mnist = first_images("train", 5)
    pictures = bench._Pictures(mnist)
    assert len(pictures) == 5
    image, label = pictures[3]
    torch.testing.assert_close(image, to_float(mnist.images[3]))
    assert label == mnist.labels[3]


def test_every_row_has_a_figure_and_a_target(monkeypatch):
    monkeypatch.setattr(metrics, "JACOBIAN_IMAGES", 2)
    monkeypatch.setattr(metrics, "RECONSTRUCTION_JACOBIAN_IMAGES", 1)
    monkeypatch.setattr(bench, "_DRAWINGS", 2)
    monkeypatch.setattr(bench, "load_mnist", first_images)
    rows = list(bench.bench(FLOAT32, repeats=1, images=100))
    assert len(rows) == 6
    for row in rows:
        assert re.match(r"[0-9.e+]+ m?s", row.ours), row
        assert row.target
        assert str(row).count("|") == bench.HEADING.splitlines()[0].count("|")


def test_tasks_take_turns_and_the_median_counts():
    calls = []
    medians = bench._in_turn(3, lambda: calls.append("a"), lambda: calls.append("b"))
    assert calls == ["a", "b"] * 3
    assert len(medians) == 2
    bench._in_turn(1, lambda: calls.append("c"), warm=True)
    assert calls[-2:] == ["c", "c"]


def test_the_machine_is_named():
    text = bench.machine(FLOAT32)
    assert "cores" in text
    assert "cpu, float32" in text
