"""The command line, called as a function, on a hundred images.

Needs torch and click, on the CPU; one test starts a Python process.
"""

import functools
import json
import subprocess
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
import torch

import ae_core.training.background
from ae_core.checkpoints import load_checkpoint, save_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.cli import commands as cli
from ae_core.cli import train as cli_train
from ae_core.config import KINDS, LADDERS, RECIPES, ModelConfig, TrainConfig
from ae_core.errors import DataError
from ae_core.training import job as jobs
from ae_core.training.loop import train
from tests.unit.conftest import assert_one_error_line

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
ABSENT_DEVICE = "tpu" if torch.cuda.is_available() else "cuda"
QUICK = ("--device", "cpu", "--epochs", "1", "--batch-size", "50")
DIVERGING = (
    *("--schedule", "constant", "--learning-rate", "1e30", "--device", "cpu"),
    *("--max-grad-norm", "none", "--max-decoder-norm", "none"),
)


pytestmark = pytest.mark.usefixtures("few_images")


def flags(values):
    return [
        part
        for name, value in values.items()
        for part in (f"--{name.replace('_', '-')}", "none" if value is None else value)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_file_loads_and_evaluate_prints_the_metrics_that_it_stores(run, tmp_path, kind):
    path = tmp_path / "new folder" / "model.safetensors"
    # Without a penalty the code is alive after a few steps: figures of 0 would agree with anything.
    code, out, _ = run(
        *("train", "--kind", kind, "--recipe", "reference", *QUICK), "--penalty-weight", 0, "--out", path
    )
    assert (code, out) == (0, "")
    stored = load_checkpoint(path).metrics.as_dict()
    assert stored["jacobian_sq_norm"] > 0
    code, out, _ = run("evaluate", path, "--device", "cpu")
    assert code == 0
    # The whole of standard output is one object: json.loads refuses anything before or after it.
    printed = json.loads(out)
    assert len(out.splitlines()) == 1
    assert list(printed) == list(stored)
    assert {"test_mse", "jacobian_sq_norm", "hoyer", "l0", "dead_units", "mean_activation"} <= set(printed)
    for name, value in stored.items():
        assert printed[name] == pytest.approx(value, rel=1e-4, abs=1e-7), name


def test_evaluate_measures_and_does_not_repeat_what_the_file_says(run, tmp_path, saved_checkpoint):
    checkpoint, path = saved_checkpoint("sparse")
    save_checkpoint(replace(checkpoint, metrics=replace(checkpoint.metrics, test_mse=123.0)), path)
    _, out, _ = run("evaluate", path, "--device", "cpu")
    assert 0 < json.loads(out)["test_mse"] < 1


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
    found = asdict(checkpoint.model_config) | asdict(checkpoint.train_config)
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


@pytest.mark.parametrize("command", ["train", "ladder"])
def test_every_field_of_a_recipe_has_an_option(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    for field in (*fields(ModelConfig), *fields(TrainConfig)):
        assert f"--{field.name.replace('_', '-')} " in out
    assert "--schedule [constant|one_cycle]" in out
    assert "How slowly Adam forgets gradients, in [0," in out, "the field's own docstring"
    assert "--device [auto|cuda|cpu]" in out
    for option in ("--recipe", "--device", "--out"):
        assert f"{option} " in out


def test_the_seed_decides_the_weights(run, tmp_path):
    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        path = tmp_path / f"{name}.safetensors"
        assert run("train", "--kind", "sparse", *QUICK, "--seed", seed, "--out", path)[0] == 0
        weights.append(load_checkpoint(path).model.encoder_convolutions[0].weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.allclose(weights[0], weights[2])


@pytest.mark.parametrize("kind", KINDS)
def test_a_ladder_is_written_once_and_only_a_damaged_rung_again(run, tmp_path, kind):
    arguments = ("ladder", "--kind", kind, "--device", "cpu", "--epochs", 1, "--batch-size", 100)
    assert run(*arguments, "--out", tmp_path)[0] == 0
    paths = ladder_paths(kind, tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(paths.values())
    for weight in LADDERS[kind]:
        checkpoint = load_checkpoint(paths[weight])
        assert checkpoint.train_config.penalty_weight == weight
        assert checkpoint.model_config.kind == kind
        assert checkpoint.train_config.epochs == 1
    times = {path: path.stat().st_mtime_ns for path in paths.values()}
    damaged, missing = paths[LADDERS[kind][1]], paths[LADDERS[kind][-1]]
    damaged.write_bytes(damaged.read_bytes()[:1000])
    missing.unlink()

    assert run(*arguments, "--out", tmp_path)[0] == 0
    for weight, path in paths.items():
        assert load_checkpoint(path).train_config.penalty_weight == weight
        assert (path.stat().st_mtime_ns == times[path]) == (path not in (damaged, missing))


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--kind", "denoising", "--out", "OUT"],
        ["train", "--out", "OUT"],
        ["train", "--kind", "sparse"],
        ["train", "--kind", "sparse", "--out"],
        ["train", "--kind", "sparse", "--recipe", "worst", "--out", "OUT"],
        ["train", "--kind", "sparse", "--penalty-weight", "-1", "--out", "OUT"],
        ["train", "--kind", "sparse", "--penalty-weight", "nan", "--out", "OUT"],
        ["train", "--kind", "sparse", "--penalty-weight", "1e999", "--out", "OUT"],
        ["train", "--kind", "sparse", "--penalty-weight", "much", "--out", "OUT"],
        ["train", "--kind", "sparse", "--sparsity-target", "2", "--out", "OUT"],
        ["train", "--kind", "sparse", "--sparsity-target", "0", "--out", "OUT"],
        ["train", "--kind", "sparse", "--sparsity-target", "none", "--out", "OUT"],
        ["train", "--kind", "contractive", "--sparsity-target", "0.01", "--out", "OUT"],
        ["train", "--kind", "contractive", "--code-activation", "rectified_tanh", "--out", "OUT"],
        ["train", "--kind", "contractive", "--output-activation", "relu", "--out", "OUT"],
        ["train", "--kind", "contractive", "--epochs", "0", "--out", "OUT"],
        ["train", "--kind", "contractive", "--epochs", "1.5", "--out", "OUT"],
        ["train", "--kind", "contractive", "--schedule", "cosine", "--out", "OUT"],
        ["train", "--kind", "contractive", "--learning-rate", "0", "--out", "OUT"],
        ["train", "--kind", "contractive", "--max-grad-norm", "-1", "--out", "OUT"],
        ["train", "--kind", "contractive", "--seed", "-1", "--out", "OUT"],
        ["train", "--kind", "contractive", "--seed", "9" * 400, "--out", "OUT"],
        ["train", "--kind", "sparse", "--device", ABSENT_DEVICE, "--out", "OUT"],
        ["train", "--kind", "sparse", "--device", "", "--out", "OUT"],
        ["train", "--kind", "sparse", "--lambda", "1", "--out", "OUT"],
        ["train", "--kind", "sparse", "--out", "OUT", "surplus"],
        ["train", "--kind", "sparse", "--out", "."],
        ["ladder", "--kind", "denoising", "--out", "OUT"],
        ["ladder", "--kind", "sparse"],
        ["ladder", "--kind", "sparse", "--sparsity-target", "2", "--out", "OUT"],
        ["ladder", "--kind", "sparse", "--device", ABSENT_DEVICE, "--out", "OUT"],
        ["evaluate"],
        ["evaluate", "OUT", "surplus"],
        ["evaluate", "OUT", "--device", ABSENT_DEVICE],
        ["evaluate", "OUT", "--verbose"],
        ["explain"],
        ["--version"],
    ],
    ids=lambda arguments: " ".join(part[:20] for part in arguments),
)
def test_bad_use_is_one_line_and_exit_code_2(run, tmp_path, arguments):
    target = tmp_path / "out"
    code, out, err = run(*[target if part == "OUT" else part for part in arguments])
    assert code == 2
    assert out == ""
    assert_one_error_line(err)
    assert not target.exists()


def test_no_command_is_answered_with_the_help_and_exit_code_2(run):
    code, out, err = run()
    assert (code, out) == (2, "")
    assert {"train", "ladder", "evaluate"} <= set(err.split())


def test_the_help_goes_to_standard_output_with_exit_code_0(run):
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert {"train", "ladder", "evaluate"} <= set(out.split())


def missing(path):
    path.unlink()


def damaged(path):
    path.write_bytes(path.read_bytes()[:5000])


def text(path):
    path.write_text("not a checkpoint")


def a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [missing, damaged, text, a_folder])
def test_a_file_that_cannot_be_evaluated_is_one_line_and_exit_code_1(run, saved_checkpoint, damage):
    _, path = saved_checkpoint("sparse")
    damage(path)
    code, out, err = run("evaluate", path, "--device", "cpu")
    assert (code, out) == (1, "")
    assert path.name in err
    assert_one_error_line(err)


def last_line_of_failure(code, out, err):
    """A run that fails after it began has told its progress; the error is one line, and the last."""
    lines = err.splitlines()
    assert (code, out) == (1, "")
    assert [line.startswith("Error: ") for line in lines].count(True) == 1
    assert lines[-1].startswith("Error: ")
    return lines[-1]


def test_a_file_that_cannot_be_written_is_exit_code_1(run, tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    result = run("train", "--kind", "sparse", *QUICK, "--out", occupied / "model.safetensors")
    assert "could not be written" in last_line_of_failure(*result)
    assert occupied.read_text() == "not a folder"


def test_missing_images_are_exit_code_1(run, tmp_path, monkeypatch):
    def no_images(split):
        raise DataError(f"The data file {split} is missing.")

    monkeypatch.setattr(jobs, "load_mnist", no_images)
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


def test_a_shell_sees_the_exit_code_and_the_line():
    root = Path(cli.__file__).parents[3]
    result = subprocess.run(
        [sys.executable, "-m", "ae_core", "train", "--kind", "sparse"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert_one_error_line(result.stderr)


def test_a_ladder_neither_keeps_nor_overwrites_a_model_of_another_recipe(run, tmp_path, saved_checkpoint):
    checkpoint, _ = saved_checkpoint("sparse")
    path = ladder_paths("sparse", tmp_path)[0.0]
    save_checkpoint(checkpoint, path)
    before = path.read_bytes()
    code, _, err = run("ladder", "--kind", "sparse", *QUICK, "--out", tmp_path)
    assert code == 1
    assert "another recipe" in err
    assert path.read_bytes() == before


def test_rungs_trained_at_once_are_those_trained_in_turn(run, tmp_path, monkeypatch):
    code, _, _ = run("ladder", "--kind", "sparse", *QUICK, "--out", tmp_path / "in-turn")
    assert code == 0
    monkeypatch.setattr(cli_train, "_train_in_turn", cli_train._train_at_once)
    threads = torch.get_num_threads()
    monkeypatch.setattr(ae_core.training.background, "_give_way", lambda: torch.set_num_threads(threads))
    code, _, err = run("ladder", "--kind", "sparse", *QUICK, "--out", tmp_path / "at-once")
    assert code == 0
    assert "6 models at once" in err
    for weight, path in ladder_paths("sparse", tmp_path / "at-once").items():
        one = load_checkpoint(path)
        other = load_checkpoint(ladder_paths("sparse", tmp_path / "in-turn")[weight])
        assert one.train_config == other.train_config
        for name, value in one.model.state_dict().items():
            torch.testing.assert_close(value, other.model.state_dict()[name], rtol=0, atol=0)


def test_of_rungs_trained_at_once_a_diverging_one_leaves_the_others_on_disk(run, tmp_path, monkeypatch):
    monkeypatch.setattr(cli_train, "_train_in_turn", cli_train._train_at_once)
    monkeypatch.setattr(cli_train, "ladder_paths", lambda _kind, folder: ladder_of(folder, (1e-3, 1e300)))
    code, _, err = run("ladder", "--kind", "contractive", *QUICK, "--out", tmp_path)
    assert code == 1
    assert "diverged" in err
    assert err.count("Error") == 1
    assert load_checkpoint(tmp_path / "0.001.safetensors").train_config.penalty_weight == 1e-3
    assert not (tmp_path / "1e+300.safetensors").exists()


def test_of_rungs_trained_at_once_those_that_diverge_leave_their_last_good_weights(
    run, tmp_path, monkeypatch
):
    monkeypatch.setattr(cli_train, "_train_in_turn", cli_train._train_at_once)
    monkeypatch.setattr(jobs, "train", functools.partial(train, report_seconds=0.0))
    monkeypatch.setattr(cli_train, "ladder_paths", lambda _kind, folder: ladder_of(folder, (1e-3, 2e-3)))
    arguments = ("ladder", "--kind", "contractive", *DIVERGING, "--epochs", 2, "--batch-size", 50)
    message = last_line_of_failure(*run(*arguments, "--out", tmp_path))
    for weight in (1e-3, 2e-3):
        rescued = tmp_path / f"{weight:g}.last-good.safetensors"
        assert f"They are in {rescued}." in message
        assert load_checkpoint(rescued).train_config.penalty_weight == weight
    assert len(list(tmp_path.iterdir())) == 2


def test_of_rungs_trained_at_once_one_that_cannot_be_written_costs_no_other_its_file(
    run, tmp_path, monkeypatch
):
    monkeypatch.setattr(cli_train, "_train_in_turn", cli_train._train_at_once)
    monkeypatch.setattr(
        cli_train, "ladder_paths", lambda _kind, folder: ladder_of(folder, (1e-3, 2e-3, 3e-3))
    )
    (tmp_path / "0.001.safetensors").mkdir()
    code, _, err = run("ladder", "--kind", "contractive", *QUICK, "--out", tmp_path)
    assert code == 1
    assert "0.001.safetensors could not be written" in err.splitlines()[-1]
    assert "the same command trains it again" in err.splitlines()[-1]
    for weight in (2e-3, 3e-3):
        assert load_checkpoint(tmp_path / f"{weight:g}.safetensors").train_config.penalty_weight == weight
    (tmp_path / "0.001.safetensors").rmdir()
    code, _, err = run("ladder", "--kind", "contractive", *QUICK, "--out", tmp_path)
    assert code == 0
    assert err.count("(kept)") == 2
    assert load_checkpoint(tmp_path / "0.001.safetensors").train_config.penalty_weight == 1e-3


def ladder_of(folder, weights):
    return {weight: folder / f"{weight:g}.safetensors" for weight in weights}


def test_a_ladder_takes_no_penalty_weight_of_its_own(run, tmp_path):
    code, _, err = run("ladder", "--kind", "sparse", "--penalty-weight", "1", "--out", tmp_path)
    assert code == 2
    assert_one_error_line(err)
