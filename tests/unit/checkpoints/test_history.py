"""The history of a training in its checkpoint, and the command that prints it."""

import csv
import io
import json
from dataclasses import replace
from itertools import pairwise

import pytest

from ae_core.checkpoints import load_checkpoint, read_checkpoint, save_checkpoint, to_bytes
from ae_core.checkpoints.history import MOST_ROWS, Row, parse_history, thinned, to_json
from ae_core.checkpoints.library import ladder_paths
from ae_core.cli.commands import main
from ae_core.config import Change
from ae_core.errors import CheckpointError

ROWS = tuple(Row(step, 1 + step // 10, 0.3, 0.2, 0.1 * step) for step in (5, 10, 20))


@pytest.fixture
def checkpoint():
    return load_checkpoint(ladder_paths("sparse")[5e-3])


def test_a_history_travels_with_its_checkpoint(checkpoint):
    assert read_checkpoint("old", to_bytes(checkpoint)).history == checkpoint.history
    told = replace(checkpoint, history=ROWS)
    assert read_checkpoint("new", to_bytes(told)).history == ROWS


def test_a_long_history_is_thinned_evenly_and_keeps_its_ends():
    rows = [Row(step, 1, 1.0, 1.0, 1.0) for step in range(1, 10_001)]
    kept = [row.step for row in thinned(rows)]
    assert len(kept) == MOST_ROWS
    assert (kept[0], kept[-1]) == (1, 10_000)
    gaps = {later - earlier for earlier, later in pairwise(kept)}
    assert gaps <= {20, 21}
    assert thinned(rows[:MOST_ROWS]) == tuple(rows[:MOST_ROWS])


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", "[[1,2,3,4]]", '[[1,2,3,4,"5"]]', "[[1,2,3,4,NaN]]", "[[1,2,3,4,true]]", "[" * 100_000],
)
def test_a_damaged_history_is_a_sentence(text):
    with pytest.raises(CheckpointError, match="its history is not a table of numbers"):
        parse_history("file", text)


def test_a_history_that_is_too_long_is_refused():
    rows = [list(ROWS[0])] * (MOST_ROWS + 1)
    with pytest.raises(CheckpointError, match="history"):
        parse_history("file", json.dumps(rows))
    assert parse_history("file", to_json(ROWS)) == ROWS


def test_the_command_prints_the_history_with_the_changes_in_their_places(checkpoint, tmp_path, capsys):
    path = tmp_path / "told.safetensors"
    changed = replace(checkpoint.train_config, changes=(Change(10, penalty_weight=0.5, epochs=3),))
    save_checkpoint(replace(checkpoint, history=ROWS, train_config=changed), path)
    assert main(["history", str(path)]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["step"], row["mse"], row["change"]) for row in table] == [
        ("5", "0.2", ""),
        ("10", "0.2", ""),
        ("10", "", "penalty_weight=0.5 epochs=3"),
        ("20", "0.2", ""),
    ]


def test_a_file_without_a_history_is_one_line(tmp_path, checkpoint, capsys):
    path = tmp_path / "old.safetensors"
    save_checkpoint(replace(checkpoint, history=()), path)
    assert main(["history", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"Error: {path} holds no history: it was saved before files kept one."]
