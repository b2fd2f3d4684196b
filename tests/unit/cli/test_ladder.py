"""Ladders, in turn and at once, on a hundred images. Needs torch and click, on the CPU."""

import functools

import pytest
import torch

import ae_core.training.background
from ae_core.checkpoints import load_checkpoint, save_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.cli import train as cli_train
from ae_core.config import KINDS, LADDERS
from ae_core.training import job as jobs
from ae_core.training.loop import train
from tests.unit.cli.helpers import DIVERGING, QUICK, last_line_of_failure
from tests.unit.conftest import assert_one_error_line

pytestmark = pytest.mark.usefixtures("few_images")


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
    monkeypatch.setattr(ae_core.training.background, "give_way", lambda: torch.set_num_threads(threads))
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
