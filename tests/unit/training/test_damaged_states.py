"""States of runs that are damaged are refused with a sentence, and never offered. Needs torch."""

import json
import random
import struct
from dataclasses import replace

import pytest
import torch

from ae_core.errors import CheckpointError
from ae_core.training.run_folder import interrupted, load_run
from tests.unit.checkpoints.damage import mutated
from tests.unit.training.helpers import saved_run


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
