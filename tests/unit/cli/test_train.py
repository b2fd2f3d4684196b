"""What train writes, and how it fails, on a hundred images. Needs torch and click, on the CPU."""

import functools
from dataclasses import asdict, replace

import pytest
import torch

from ae_core.checkpoints import load_checkpoint
from ae_core.cli import data_options
from ae_core.config import KINDS, RECIPES, Change, Recipe
from ae_core.data import MNIST
from ae_core.errors import DataError
from ae_core.training import job as jobs
from ae_core.training.loop import train
from tests.unit.cli.helpers import DIVERGING, QUICK, flags, last_line_of_failure
from tests.unit.conftest import assert_one_error_line

pytestmark = pytest.mark.usefixtures("few_images")

# Each kind's own activations, and values that no recipe has.
OVERRIDES = {
    "contractive": {"code_activation": "sigmoid", "output_activation": "sigmoid", "penalty_weight": 0.25},
    "sparse": {
        "code_activation": "sigmoid",
        "output_activation": "linear",
        "penalty_weight": 0.25,
        "sparsity_target": 0.2,
    },
}
COMMON_OVERRIDES = {
    "epochs": 1,
    "batch_size": 130,
    "learning_rate": 0.00123,
    "schedule": "one_cycle",
    "max_grad_norm": 0.77,
    "max_decoder_norm": 3.3,
    "seed": 7,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("recipe", ["reference", "best", "fast"])
def test_each_override_lands_in_the_file_and_the_rest_is_the_recipe_s(run, tmp_path, kind, recipe):
    given = OVERRIDES[kind] | COMMON_OVERRIDES
    path = tmp_path / "model.safetensors"
    code, _, _ = run(
        *("train", "--kind", kind, "--recipe", recipe, "--device", "cpu"), *flags(given), "--out", path
    )
    assert code == 0
    checkpoint = load_checkpoint(path)
    found = Recipe(checkpoint.model_config, checkpoint.train_config).as_dict()
    assert {name: found[name] for name in given} == given
    untouched = RECIPES[kind][recipe].as_dict()
    assert {name: found[name] for name in found if name not in given} == {
        name: value for name, value in untouched.items() if name not in given
    }


def test_none_switches_a_bound_off(run, tmp_path):
    path = tmp_path / "model.safetensors"
    bounds = {"max_grad_norm": None, "max_decoder_norm": None}
    code, _, _ = run("train", "--kind", "sparse", *QUICK, *flags(bounds), "--out", path)
    assert code == 0
    found = asdict(load_checkpoint(path).train_config)
    assert {name: found[name] for name in bounds} == bounds


def test_the_seed_decides_the_weights(run, tmp_path):
    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        path = tmp_path / f"{name}.safetensors"
        assert run("train", "--kind", "sparse", *QUICK, "--seed", seed, "--out", path)[0] == 0
        weights.append(load_checkpoint(path).model.encoder_convolutions[0].weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.allclose(weights[0], weights[2])


def test_a_file_that_cannot_be_written_is_exit_code_1(run, tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    result = run("train", "--kind", "sparse", *QUICK, "--out", occupied / "model.safetensors")
    assert "could not be written" in last_line_of_failure(*result)
    assert occupied.read_text() == "not a folder"


def test_missing_images_are_exit_code_1(run, tmp_path, monkeypatch):
    def no_images(split):
        raise DataError(f"The data file {split} is missing.")

    monkeypatch.setattr(data_options, "MNIST", replace(MNIST, load=no_images))
    result = run("train", "--kind", "sparse", *QUICK, "--out", tmp_path / "model.safetensors")
    assert last_line_of_failure(*result) == "Error: The data file train is missing."
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_ends_with_a_sentence_and_writes_nothing(run, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(jobs, "train", interrupted)
    result = run("train", "--kind", "sparse", *QUICK, "--out", tmp_path / "model.safetensors")
    assert "Stopped" in last_line_of_failure(*result)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("report_seconds", [1e9, 0.0], ids=["one report", "a report each step"])
def test_a_diverging_run_says_so_and_saves_its_last_good_weights(
    run, tmp_path, monkeypatch, kind, report_seconds
):
    # When the reports come depends on the machine's speed; the two ends hold for all of them.
    monkeypatch.setattr(jobs, "train", functools.partial(train, report_seconds=report_seconds))
    path = tmp_path / "model.safetensors"
    arguments = ("train", "--kind", kind, *DIVERGING, "--epochs", 2, "--batch-size", 50, "--out", path)
    message = last_line_of_failure(*run(*arguments))
    assert "diverged" in message
    (rescued,) = tmp_path.iterdir()
    assert rescued != path
    assert str(rescued) in message
    checkpoint = load_checkpoint(rescued)
    assert checkpoint.train_config.learning_rate == 1e30
    assert run("evaluate", rescued, "--device", "cpu")[0] == 0


@pytest.mark.parametrize(
    ("kind", "learning_rate"),
    [("contractive", 1e4), ("contractive", 1e30), ("sparse", 1e15), ("sparse", 1e30)],
)
def test_weights_that_blow_up_in_the_very_last_step_leave_only_files_that_load(
    run, tmp_path, kind, learning_rate
):
    # The last loss is that of the weights before, finite whatever the step did to them; and huge weights may
    # give a finite reconstruction whose Jacobian is beyond float32.
    code, out, err = run(
        *("train", "--kind", kind, "--recipe", "reference", *DIVERGING, "--learning-rate", learning_rate),
        *("--epochs", 1, "--batch-size", 100, "--out", tmp_path / "model.safetensors"),
    )
    if code != 0:
        last_line_of_failure(code, out, err)
    for left in tmp_path.iterdir():
        assert load_checkpoint(left).train_config.learning_rate == learning_rate


def test_a_change_of_the_command_line_is_in_the_file_and_takes_effect(run, tmp_path):
    files = {name: tmp_path / f"{name}.safetensors" for name in ("plain", "changed")}
    train = ("train", "--kind", "sparse", *QUICK)
    assert run(*train, "--out", files["plain"])[0] == 0
    changes = (
        "--change",
        "step=2 learning_rate=1e-4",
        "--change",
        "step=1 penalty_weight=1e-2 sparsity_target=0.2",
    )
    assert run(*train, *changes, "--out", files["changed"])[0] == 0
    found = {name: load_checkpoint(path) for name, path in files.items()}
    assert found["plain"].train_config.changes == ()
    assert found["changed"].train_config.changes == (
        Change(1, penalty_weight=1e-2, sparsity_target=0.2),
        Change(2, learning_rate=1e-4),
    )
    weights = [checkpoint.model.encoder[0].weight for checkpoint in found.values()]
    assert not torch.equal(*weights)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("penalty_weight=1", "does not say at which step"),
        ("step=1", "the change at step 1 changes nothing"),
        ("step=1 batch_size=7", "'batch_size=7' is not step="),
        ("step=1 penalty_weight", "'penalty_weight' is not step="),
        ("step=1 penalty_weight=1 penalty_weight=2", "each once"),
        ("step=1.5 penalty_weight=1", "'1.5' is not a valid integer"),
        ("step=1 penalty_weight=much", "'much' is not a valid float"),
        ("step=1 penalty_weight=-1", "penalty_weight must be a number of at least 0"),
        ("step=-1 penalty_weight=1", "whole numbers of steps"),
    ],
)
def test_a_change_that_makes_no_sense_is_one_line(run, tmp_path, change, says):
    path = tmp_path / "model.safetensors"
    code, _, err = run("train", "--kind", "sparse", *QUICK, "--change", change, "--out", path)
    assert code == 2
    assert_one_error_line(err)
    assert says in " ".join(err.split())
    assert not path.exists()
