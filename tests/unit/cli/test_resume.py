"""Interrupted commands and how they go on, on a hundred images. Needs torch and click, on the CPU."""

import errno
import functools

import pytest
import torch

from ae_core.checkpoints import load_checkpoint
from ae_core.config import RECIPES
from ae_core.training import job as jobs
from ae_core.training import run_folder as states
from ae_core.training.compute import Compute
from ae_core.training.job import Job
from ae_core.training.loop import train
from ae_core.training.run_folder import RunFolder
from tests.unit.cli.resuming import SPARSE, named_command
from tests.unit.conftest import assert_one_error_line
from tests.unit.training.helpers import left_by_cuda

pytestmark = pytest.mark.usefixtures("few_images")


@pytest.fixture
def whole(run, tmp_path):
    """The weights of the same training without an interruption."""
    path = tmp_path / "whole.safetensors"
    assert run(*SPARSE, "--out", path)[0] == 0
    return load_checkpoint(path).model.state_dict()


def assert_same(path, weights):
    for key, value in load_checkpoint(path).model.state_dict().items():
        assert torch.equal(value, weights[key]), key


def test_an_interrupted_run_is_resumed_by_its_name_alone(run, tmp_path, whole, name, own_runs_dir):
    _, listed, _ = run("runs")
    assert listed.split()[:3] == [name, "sparse", "0.005,"]
    assert "step 8 of 16" in listed
    code, _, err = run("train", "--resume", name)
    assert code == 0
    assert "goes on after step 8." in err
    assert_same(tmp_path / "new.safetensors", whole)
    assert run("runs")[1] == ""
    assert list(own_runs_dir.iterdir()) == []


def test_the_same_command_goes_on_by_itself(run, tmp_path, whole, name):
    code, _, err = run(*SPARSE, "--out", tmp_path / "new.safetensors")
    assert code == 0
    assert "goes on after step 8." in err
    assert_same(tmp_path / "new.safetensors", whole)


def test_another_recipe_does_not_go_on_from_it(run, tmp_path, name):
    code, _, err = run(*SPARSE, "--learning-rate", "0.002", "--out", tmp_path / "new.safetensors")
    assert code == 0
    assert "goes on" not in err
    assert name in run("runs")[1]


def test_a_run_of_the_page_is_resumed_into_a_file_that_is_named(run, tmp_path, own_runs_dir):
    recipe = RECIPES["sparse"]["fast"].override(epochs=2, batch_size=50)
    folder = RunFolder.create(recipe, own_runs_dir)
    compute = Compute(torch.device("cpu"), torch.float32, "")
    next(Job(recipe, compute, folder).train())
    folder.close()
    code, _, err = run("train", "--resume", folder.name)
    assert code == 2
    assert_one_error_line(err)
    assert "--out" in err
    assert run("train", "--resume", folder.name, "--out", tmp_path / "page.safetensors")[0] == 0
    assert load_checkpoint(tmp_path / "page.safetensors").train_config == recipe.train


@pytest.mark.skipif(torch.cuda.is_available(), reason="There is a CUDA device here.")
def test_a_run_of_a_device_that_is_not_there_goes_on_on_another(run, tmp_path, own_runs_dir):
    recipe = RECIPES["sparse"]["fast"].override(epochs=2, batch_size=50)
    folder = RunFolder.create(recipe, own_runs_dir)
    folder.save(left_by_cuda(recipe, 3))
    folder.close()
    code, _, err = run("train", "--resume", folder.name, "--out", tmp_path / "left.safetensors")
    assert code == 0
    assert "began on cuda, which is not there now" in err
    assert "goes on after step 3" in err
    assert load_checkpoint(tmp_path / "left.safetensors").train_config == recipe.train


@pytest.mark.parametrize("unknown", ["nothing", "../runs", "/etc", "", "."])
def test_a_run_that_is_not_there_is_one_line_and_exit_code_2(run, name, unknown):
    code, _, err = run("train", "--resume", unknown)
    assert code == 2
    assert_one_error_line(err)


@pytest.mark.parametrize(
    "option", [("--kind", "sparse"), ("--epochs", "3"), ("--device", "cpu"), ("--recipe", "best")]
)
def test_a_resumed_run_keeps_its_recipe(run, name, option):
    code, _, err = run("train", "--resume", name, *option)
    assert code == 2
    assert_one_error_line(err)
    assert option[0] in err
    assert name in run("runs")[1]


def test_a_run_in_work_is_not_taken_a_second_time(run, tmp_path, name, own_runs_dir):
    folder = RunFolder(own_runs_dir / name)
    for arguments in (("train", "--resume", name), (*SPARSE, "--out", tmp_path / "new.safetensors")):
        code, _, err = run(*arguments)
        assert code == 1
        assert "goes on in another program" in err
    folder.close()


def test_a_damaged_state_is_a_sentence_and_the_same_command_starts_over(
    run, tmp_path, whole, name, own_runs_dir
):
    state = own_runs_dir / name / "state.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    code, _, err = run("train", "--resume", name)
    assert code == 1
    assert_one_error_line(err)
    code, _, err = run(*SPARSE, "--out", tmp_path / "new.safetensors")
    assert code == 0
    assert "The run starts over." in err
    assert_same(tmp_path / "new.safetensors", whole)


def test_a_model_that_cannot_be_written_keeps_its_state(run, tmp_path, whole):
    occupied = tmp_path / "occupied"
    occupied.write_text("not a folder")
    code, _, err = run(*SPARSE, "--out", occupied / "model.safetensors")
    assert code == 1
    assert "could not be written" in err
    assert "memory" not in err
    command = named_command(err)
    code, _, _ = run(*command, "--out", tmp_path / "elsewhere.safetensors")
    assert code == 0
    assert_same(tmp_path / "elsewhere.safetensors", whole)


def test_when_there_is_room_again_the_named_command_saves_it_where_it_was_meant_for(
    run, tmp_path, whole, own_runs_dir
):
    occupied = tmp_path / "occupied"
    occupied.write_text("not a folder")
    odd = own_runs_dir / "a place's own"
    path = occupied / "my model.safetensors"
    code, _, err = run(*SPARSE, "--runs-dir", odd, "--out", path)
    assert code == 1
    occupied.unlink()
    code, _, _ = run(*named_command(err))
    assert code == 0
    assert_same(path, whole)
    assert list(odd.iterdir()) == []


def test_an_interruption_names_the_folder_of_the_states_where_it_is_not_the_usual_one(
    run, interrupt, tmp_path, whole, own_runs_dir
):
    interrupt(10)
    path = tmp_path / "new.safetensors"
    _, _, err = run(*SPARSE, "--runs-dir", own_runs_dir / "other", "--out", path)
    assert run(*named_command(err))[0] == 0
    assert_same(path, whole)


def test_a_model_that_cannot_be_written_and_has_no_state_is_said_to_be_lost(run, tmp_path):
    occupied = tmp_path / "occupied"
    occupied.write_text("not a folder")
    code, _, err = run(*SPARSE, "--runs-dir", occupied / "runs", "--out", occupied / "model.safetensors")
    assert code == 1
    last = err.splitlines()[-1]
    assert "could not be written" in last
    assert "No state of the run was kept" in last
    assert "--resume" not in last


def test_without_a_place_for_the_state_the_model_is_trained_all_the_same(run, tmp_path, whole):
    occupied = tmp_path / "occupied"
    occupied.write_text("not a folder")
    code, _, err = run(*SPARSE, "--runs-dir", occupied / "runs", "--out", tmp_path / "new.safetensors")
    assert code == 0
    assert err.count("cannot be kept") == 1
    assert_same(tmp_path / "new.safetensors", whole)


def test_a_disk_that_fills_up_is_said_once(run, tmp_path, whole, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(states, "write_whole", full)
    monkeypatch.setattr(jobs, "train", functools.partial(train, report_seconds=0.0))
    code, _, err = run(*SPARSE, "--out", tmp_path / "new.safetensors")
    assert code == 0
    assert err.count("cannot be kept: No space left on device") == 1
    assert_same(tmp_path / "new.safetensors", whole)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."), None],
    ids=["Python", "CUDA", "CPU"],
)
def test_too_little_memory_is_a_sentence(run, tmp_path, monkeypatch, error):
    def out_of_memory(*_, **__):
        if error is None:
            torch.empty(10**15)
        raise error
        yield

    monkeypatch.setattr(jobs, "train", out_of_memory)
    code, _, err = run(*SPARSE, "--out", tmp_path / "new.safetensors")
    assert code == 1
    assert "There is not enough memory" in err.splitlines()[-1]
