"""The benchmark, on a hundred images and a run of each. Needs torch, on the CPU; no time is asserted."""

import re

import pytest
import torch
import torch.nn.functional as F

from ae_core.analysis import evaluation
from ae_core.cli.bench import ablation
from ae_core.cli.bench import rows as bench
from ae_core.cli.bench.plain_training import Pictures, plain_contraction, plain_training, published_epoch
from ae_core.cli.bench.timing import in_turn
from ae_core.config import KINDS, RECIPES
from ae_core.data import Mnist, load_mnist, to_float
from ae_core.model import initial_model
from ae_core.model.convolution import FORMS
from tests.unit.training.helpers import FLOAT32, train_on_few_images


def first_images(split, count=120):
    return Mnist(*(part[:count] for part in load_mnist(split)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_published_loop_learns(kind):
    recipe = RECIPES[kind]["reference"].override(batch_size=4)
    mnist = first_images("train")
    x = to_float(mnist.images)
    before, after = initial_model(recipe), published_epoch(recipe, mnist, torch.device("cpu"))
    errors = [F.mse_loss(model(x).reconstruction, x).item() for model in (before, after)]
    assert errors[1] < 0.9 * errors[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["reference", "fast"])
def test_the_plain_training_takes_the_same_steps_as_the_engine(kind, name):
    """Like is compared with like: without a penalty, whose draws differ, the weights are the same."""
    recipe = RECIPES[kind][name].override(penalty_weight=0.0, epochs=2, batch_size=32)
    images = first_images("train", 100).images
    ours = bench._train(recipe, images, FLOAT32)
    plain = plain_training(recipe, images, torch.device("cpu"))
    # Adam makes whole steps of gradients that are all rounding: a few weights may differ.
    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        assert torch.isclose(one, other, rtol=5e-3, atol=5e-4).float().mean() > 0.999


@pytest.mark.parametrize("fraction", [0.25, 1.0])
def test_the_plain_contraction_is_on_average_the_squared_norm(fraction):
    model = initial_model(RECIPES["contractive"]["reference"])
    x = to_float(first_images("test", 8).images)
    probed = x[: round(fraction * len(x))]
    jacobian = torch.func.vmap(torch.func.jacrev(lambda i: model.encode(i[None])[0], chunk_size=128))(probed)
    exact = jacobian.flatten(1).square().sum(1).mean().item()
    torch.manual_seed(0)
    estimates = torch.stack([plain_contraction(model, x, fraction)[1].detach() for _ in range(200)])
    assert abs(estimates.mean().item() - exact) < 4 * estimates.std().item() / 200**0.5
    code, penalty = plain_contraction(model, x, fraction)
    torch.testing.assert_close(code, model.encode(x))
    assert torch.autograd.grad(penalty, model.code_layer.weight)[0].abs().sum() > 0


def test_its_pictures_are_the_images():
    mnist = first_images("train", 5)
    pictures = Pictures(mnist)
    assert len(pictures) == 5
    image, label = pictures[3]
    torch.testing.assert_close(image, to_float(mnist.images[3]))
    assert label == mnist.labels[3]


def test_every_row_has_a_value_and_plain_rows_say_what_quality_they_reach(monkeypatch):
    monkeypatch.setattr(evaluation, "JACOBIAN_IMAGES", 2)
    monkeypatch.setattr(evaluation, "RECONSTRUCTION_JACOBIAN_IMAGES", 1)
    monkeypatch.setattr(bench, "_DRAWINGS", 2)
    monkeypatch.setattr(bench, "load_mnist", first_images)
    monkeypatch.setattr(bench, "_TURNS_PER_REPEAT", 1)
    monkeypatch.setattr(ablation, "_STEPS", 2)
    train_on_few_images(monkeypatch)
    rows = list(bench.bench(FLOAT32, repeats=1, images=30))
    # One form of the convolutions, which both kinds have, is for CUDA; the other only sparse models have.
    assert [row.ours for row in rows[-3:]].count("not on this device") == 2
    assert len(rows) == 11 + 3
    assert sum(row.what.startswith("from the click") and "at noise 0.2" in row.ours for row in rows) == 2
    for row in rows:
        assert ("plain PyTorch" in row.beside) == ("test MSE" in row.beside)
        assert re.match(r"[0-9.e+]+ m?s|not on this device$", row.ours), row
        assert str(row).count("|") == bench.HEADING.splitlines()[0].count("|")


def test_every_form_of_a_convolution_has_a_row_and_the_ratio_is_of_the_times_beside_it(
    monkeypatch,
):
    monkeypatch.setattr(ablation, "_STEPS", 2)
    rows = list(ablation.ablation(first_images("train").images, FLOAT32, repeats=1))
    assert set(ablation._WHAT) == FORMS
    measured = [row for row in rows if row.ratio]
    assert len(measured) == 1
    for row in measured:
        ours, theirs = (float(text.split()[0]) for text in (row.ours, row.beside))
        assert float(row.ratio.split()[0]) == pytest.approx(theirs / ours, abs=0.02, rel=0.02)


def test_tasks_take_turns_and_the_median_counts():
    calls = []
    medians = in_turn(3, lambda: calls.append("a"), lambda: calls.append("b"))
    assert calls == ["a", "b"] * 3
    assert len(medians) == 2
    in_turn(1, lambda: calls.append("c"), warm=True)
    assert calls[-2:] == ["c", "c"]


def test_the_machine_is_named():
    text = bench.machine(FLOAT32)
    assert "cores" in text
    assert "cpu, float32" in text
