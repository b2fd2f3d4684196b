"""A sweep trains what is missing, tries again what crashed, and reports what it gave up. Needs torch."""

import json
import re
from pathlib import Path

import pytest
import torch

from ae_core.checkpoints import load_checkpoint
from ae_core.sweep import worker as sweep
from ae_core.sweep.grid import read_grid
from ae_core.sweep.table import read_table
from ae_core.training.run_folder import RunFolder
from tests.unit.conftest import assert_one_error_line
from tests.unit.sweep.conftest import CONTRACTIVE
from tests.unit.training.helpers import left_by_cuda

pytestmark = pytest.mark.usefixtures("few_images")


def test_a_sweep_trains_every_cell_once_and_a_second_time_none(sweep_out, tmp_path):
    code, out, err = sweep_out()
    assert code == 0
    assert "5 of 5 cells finished, 0 given up" in err
    assert len(out.splitlines()) == 6
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.safetensors")}
    assert len(files) == 5
    assert list((tmp_path / "out" / "unfinished").iterdir()) == []
    code, again, err = sweep_out()
    assert (code, again) == (0, out)
    assert "begins" not in err
    assert files == {path: path.stat().st_mtime_ns for path in files}
    code, rows, _ = sweep_out("--summary", "--json")
    assert code == 0
    for row in map(json.loads, rows.splitlines()):
        checkpoint = load_checkpoint(tmp_path / "out" / f"{row['cell']}.safetensors")
        assert row["test_mse"] == checkpoint.metrics.test_mse
        assert row["penalty_weight"] == checkpoint.train_config.penalty_weight
    assert len(rows.splitlines()) == 5


def test_the_summary_alone_trains_nothing(sweep_out, tmp_path):
    code, _, err = sweep_out("--summary")
    assert code == 0
    assert "0 of 5 cells finished" in err
    assert not list((tmp_path / "out").glob("*.safetensors"))


def crash(monkeypatch, weight, times):
    """The cells of a weight crash so many times; returns how often they were tried."""
    tried = []
    real = sweep.Job.resume_or_start

    def resume(recipe, *arguments):
        if recipe.train.penalty_weight == weight:
            tried.append(recipe.train.seed)
            if tried.count(recipe.train.seed) <= times:
                raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(recipe, *arguments)

    monkeypatch.setattr(sweep.Job, "resume_or_start", resume)
    return tried


def test_a_cell_that_crashes_once_is_tried_again_and_finishes(sweep_out, monkeypatch):
    tried = crash(monkeypatch, 1e-3, 1)
    code, _, err = sweep_out()
    assert code == 0
    assert tried == [0, 0]
    assert "crashed. There is not enough memory" in err
    assert "tried once more" in err


def test_a_cell_that_crashes_twice_is_reported_and_the_others_finish(sweep_out, monkeypatch, tmp_path):
    tried = crash(monkeypatch, 0.005, 9)
    code, out, err = sweep_out()
    assert code == 1
    assert sorted(tried) == [0, 0, 1, 1]
    assert err.splitlines()[-1].startswith("Error: 2 of 5 cells were given up")
    assert out.count("There is not enough memory") == 2
    code, again, _ = sweep_out()
    assert (code, again) == (1, out), "a restart reports it again, and does not try again"
    assert len(tried) == 4
    content = (tmp_path / "out" / "summary.csv").read_bytes()
    assert [point.seeds for point in read_table("summary.csv", content)] == [2, 1]


def test_a_model_that_could_not_be_written_is_saved_from_its_state_when_it_is_tried_again(
    sweep_out, grid, tmp_path, monkeypatch
):
    cell = read_grid(grid(), tmp_path / "out")[1]
    cell.path.mkdir(parents=True)
    code, _, err = sweep_out()
    assert code == 1
    assert f"{cell.path} could not be written" in err
    (said,) = (line for line in err.splitlines() if "given up. " in line)
    # What it says is done to the letter.
    remove = Path(re.search("Remove (.*) to have it tried again.", said).group(1))
    remove.unlink()
    cell.path.rmdir()
    steps = []
    real = sweep.Job.train

    def reports(job):
        steps.append(job.steps_done)
        return real(job)

    monkeypatch.setattr(sweep.Job, "train", reports)
    code, _, err = sweep_out()
    assert code == 0
    assert steps == [2], "the training had ended: only the file was missing"
    assert load_checkpoint(cell.path).train_config == cell.recipe.train


def test_a_cell_that_diverges_is_reported(sweep_out):
    text = """
        [[grid]]
        kind = "contractive"
        recipe = "reference"
        learning_rate = 1e30
        epochs = 1
        batch_size = 50
    """
    code, out, _ = sweep_out(text=text)
    assert code == 1
    assert "diverged" in out or "not finite" in out or "not a finite" in out


def test_a_cell_whose_process_was_killed_twice_is_given_up(grid, sweep_out, tmp_path):
    cell = read_grid(grid(), tmp_path / "out")[0]
    folder = RunFolder(cell.state_folder, make=True)
    (folder.path / "attempts.txt").write_text("2")
    folder.close()
    code, out, _ = sweep_out()
    assert code == 1
    assert "killed 2 times" in out


@pytest.mark.parametrize("step", [1, 2])
def test_a_cell_that_a_cuda_process_left_is_taken_over_on_a_cpu(grid, sweep_out, tmp_path, step):
    cell = read_grid(grid(CONTRACTIVE), tmp_path / "out")[0]
    folder = RunFolder(cell.state_folder, make=True)
    folder.save(left_by_cuda(cell.recipe, step))
    folder.close()
    code, _, err = sweep_out(text=CONTRACTIVE)
    assert code == 0
    assert "crashed" not in err
    assert "over" not in err
    assert load_checkpoint(cell.path).train_config == cell.recipe.train


def test_a_damaged_state_of_a_cell_is_said_and_the_cell_starts_over(grid, sweep_out, tmp_path):
    cell = read_grid(grid(), tmp_path / "out")[0]
    folder = RunFolder(cell.state_folder, make=True)
    (folder.path / "state.safetensors").write_bytes(b"nothing that can be read")
    folder.close()
    code, _, err = sweep_out()
    assert code == 0
    (said,) = (line for line in err.splitlines() if "starts over" in line)
    assert cell.name in said


def test_a_shared_folder_that_cannot_be_written_is_one_line(run, grid, tmp_path):
    occupied = tmp_path / "occupied"
    occupied.write_text("not a folder")
    code, _, err = run("sweep", grid(), "--out", occupied / "out", "--device", "cpu")
    assert code == 1
    assert_one_error_line(err)
    assert "occupied" in err
