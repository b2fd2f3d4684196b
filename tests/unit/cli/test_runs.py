"""The list of interrupted runs, and how they are forgotten. Needs torch and click, on the CPU."""

import json

import pytest

from ae_core.config import RECIPES
from ae_core.training.run_folder import RunFolder, interrupted
from tests.unit.cli.resuming import named_command
from tests.unit.conftest import assert_one_error_line

pytestmark = pytest.mark.usefixtures("few_images")


def cut(content):
    return content[:1000]


def emptied(_content):
    return b""


def of_another_format(content):
    return content.replace(b"autoencoder-lab-run/1", b"autoencoder-lab-run/9")


def not_finite(content):
    return content[:-20_000] + b"\xff" * 20_000


@pytest.mark.parametrize("damage", [cut, emptied, of_another_format, not_finite])
def test_a_damaged_run_is_listed_with_the_command_that_forgets_it(run, name, own_runs_dir, damage):
    sound = RunFolder.create(RECIPES["sparse"]["fast"], own_runs_dir)
    state = own_runs_dir / name / "state.safetensors"
    (sound.path / state.name).write_bytes(state.read_bytes())
    sound.close()
    state.write_bytes(damage(state.read_bytes()))
    code, listed, _ = run("runs")
    assert code == 0
    (line,) = (line for line in listed.splitlines() if line.startswith(f"{name} "))
    assert "cannot go on" in line
    assert f"The state of {name} " in line
    assert "choose" not in line
    assert run(*named_command(line)) == (0, "", "")
    assert [path.name for path in own_runs_dir.iterdir()] == [sound.name]
    (line,) = run("runs")[1].splitlines()
    assert line.startswith(sound.name)


def test_damaged_runs_of_another_folder_are_forgotten_there(run, name, own_runs_dir, tmp_path):
    other = tmp_path / "an other's"
    own_runs_dir.rename(other)
    (other / name / "state.safetensors").write_bytes(b"")
    (line,) = run("runs", "--runs-dir", other)[1].splitlines()
    assert run(*named_command(line)) == (0, "", "")
    assert list(other.iterdir()) == []


def test_a_run_in_work_is_neither_listed_nor_forgotten(run, name, own_runs_dir):
    folder = RunFolder(own_runs_dir / name)
    assert run("runs") == (0, "", "")
    code, _, err = run("runs", "--forget", name)
    assert code == 1
    assert_one_error_line(err)
    assert folder.has_state
    folder.close()


@pytest.mark.parametrize("unknown", ["nothing", "../runs", "/etc", "", "."])
def test_a_run_that_is_not_there_cannot_be_forgotten(run, name, unknown, own_runs_dir):
    code, _, err = run("runs", "--forget", unknown)
    assert code == 2
    assert_one_error_line(err)
    assert list(interrupted(own_runs_dir, 5)) == [name]


def test_a_run_that_is_forgotten_is_gone(run, name, own_runs_dir):
    assert run("runs", "--forget", name) == (0, "", "")
    assert run("runs")[1] == ""
    assert interrupted(own_runs_dir, 5) == {}


def test_programs_read_runs_and_problems_as_json(run, name, own_runs_dir):
    code, out, _ = run("runs", "--json")
    assert code == 0
    (listed,) = map(json.loads, out.splitlines())
    (saved,) = interrupted(own_runs_dir, 5).values()
    assert listed["name"] == name
    assert listed["step"] == saved.state.step > 0
    assert listed["recipe"]["penalty_weight"] == saved.recipe.train.penalty_weight
    (own_runs_dir / name / "state.safetensors").write_bytes(b"")
    (damaged,) = map(json.loads, run("runs", "--json")[1].splitlines())
    assert (damaged["name"], "recipe" in damaged) == (name, False)
    assert "state" in damaged["problem"].lower()
