"""The folders of interrupted runs: locks, lists, and files that are damaged. Needs torch."""

import json
import os
import random
import struct
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest
import torch

from ae_core.config import RECIPES
from ae_core.files import CheckpointError
from ae_core.model import initial_model
from ae_core.states import RUNS_VARIABLE, RunFolder, RunInUseError, SavedRun, interrupted, load_run, runs_dir
from ae_core.training import Compute, TrainProgress, TrainState
from tests.unit.test_fuzz import mutated

RECIPE = RECIPES["sparse"]["fast"]
FLOAT32 = Compute(torch.device("cpu"), torch.float32, "exact for tests")


def saved_run(step=3, recipe=RECIPE):
    weights = initial_model(recipe).state_dict()
    moments = torch.rand(sum(value.numel() for value in weights.values()))
    generator = torch.Generator().get_state()
    optimizer = {"exp_avg": moments, "exp_avg_sq": moments + 1, "noise": generator.clone()}
    history = (TrainProgress(1, step, 10, 0.3, 0.2, 0.1, 1000.0, 4.0),)
    return SavedRun(recipe, FLOAT32, 2, TrainState(step, weights, optimizer, generator), history)


@pytest.fixture
def run(tmp_path):
    folder = RunFolder.create(RECIPE, tmp_path)
    folder.save(saved_run())
    return folder


def test_a_run_in_work_is_not_offered_and_cannot_be_taken(run, tmp_path):
    assert interrupted(tmp_path, 5) == {}
    with pytest.raises(RunInUseError, match=run.name):
        RunFolder(run.path)
    run.close()
    (name,) = interrupted(tmp_path, 5)
    assert name == run.name
    RunFolder(run.path).close()


def test_a_lock_is_gone_with_the_process_that_held_it(tmp_path):
    program = f"""
        import os, signal
        from pathlib import Path
        from ae_core.states import RunFolder
        from tests.unit.test_states import RECIPE, saved_run

        folder = RunFolder.create(RECIPE, Path({str(tmp_path)!r}))
        folder.save(saved_run())
        os.kill(os.getpid(), signal.SIGKILL)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], timeout=120)
    assert ended.returncode == -9
    (saved,) = interrupted(tmp_path, 5).values()
    assert saved.state.step == 3


def test_a_removed_run_leaves_nothing(run, tmp_path):
    run.remove()
    assert list(tmp_path.iterdir()) == []
    assert interrupted(tmp_path, 5) == {}


def test_the_newest_runs_are_offered_first_and_no_more_than_asked_for(tmp_path):
    names = []
    for step in range(4):
        folder = RunFolder(tmp_path / f"run-{step}")
        folder.save(saved_run(step))
        folder.close()
        os.utime(folder.path / "state.safetensors", (step, step))
        names.append(folder.name)
    assert list(interrupted(tmp_path, 3)) == names[:0:-1]


def test_what_a_killed_write_left_is_swept_away_by_the_next_owner(run):
    (run.path / ".saving-x").write_bytes(b"half of a state")
    run.close()
    RunFolder(run.path).close()
    assert sorted(path.name for path in run.path.iterdir()) == ["lock", "state.safetensors"]


def test_a_folder_without_runs_offers_none(tmp_path):
    assert interrupted(tmp_path / "never made", 5) == {}


def test_the_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    assert runs_dir() == tmp_path
    monkeypatch.delenv(RUNS_VARIABLE)
    assert runs_dir().parts[-2:] == ("autoencoder-lab", "runs")


@pytest.mark.parametrize(
    "changed",
    [
        {"step": -1},
        {"step": "3"},
        {"device": "tpu"},
        {"precision": "float8"},
        {"threads": 0},
        {"history": [[1, 2]]},
        {"history": [["a"] * 8]},
        {"history": None},
        {"target": 3},
    ],
    ids=str,
)
def test_facts_that_make_no_sense_are_refused(run, changed):
    path = run.path / "state.safetensors"
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    facts = json.loads(header["__metadata__"]["run"]) | changed
    header["__metadata__"]["run"] = json.dumps(facts)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    with pytest.raises(CheckpointError, match="makes no sense"):
        load_run(run.path)


def test_a_generator_s_state_that_means_nothing_is_refused(run):
    saved = saved_run()
    run.save(replace(saved, state=replace(saved.state, order=torch.full_like(saved.state.order, 255))))
    with pytest.raises(CheckpointError, match="generator"):
        run.load()


def test_damaged_states_are_the_run_or_a_sentence_and_never_offered(run, tmp_path):
    path = run.path / "state.safetensors"
    content = path.read_bytes()
    run.close()
    pick = random.Random(3)
    refused = 0
    for _ in range(200):
        path.write_bytes(mutated(content, pick))
        try:
            load_run(run.path)
        except CheckpointError as error:
            refused += 1
            assert str(error)
            assert interrupted(tmp_path, 5) == {}
    assert refused > 50
