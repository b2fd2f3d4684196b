"""The command that probes a code, on few images. Needs torch, scikit-learn and click."""

import json

import pytest

from ae_core.analysis.probe_errors import ERRORS
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.checkpoints.probe_file import load_probe, probe_path
from ae_core.cli import probe as command
from tests.probing import probe_few_images
from tests.unit.conftest import assert_one_error_line


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    probe_few_images(monkeypatch, command)


def test_a_probe_is_printed_and_stored_beside_its_file(run, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(ladder_paths("sparse")[2e-2].read_bytes())
    code, out, err = run("probe", path, "--json", "--store")
    assert code == 0
    printed = json.loads(out)
    assert tuple(printed) == ERRORS
    assert 3 < printed["probe_error_all"] < printed["probe_error_100"] < 40
    assert "model" in err
    stored = load_probe(probe_path(path), load_checkpoint(path).model)
    assert dict(stored.errors) == printed
    code, out, _ = run("probe", path)
    assert code == 0
    assert out.splitlines()[0] == "model: test errors in percent"
    assert f"{printed['probe_error_100']:.2f}  probe error with 100 labels" in out


def test_a_file_that_is_no_checkpoint_is_one_line(run, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_text("nothing")
    code, out, err = run("probe", path)
    assert (code, out) == (1, "")
    assert_one_error_line(err)


def test_nothing_to_probe_is_bad_use(run):
    code, _, err = run("probe")
    assert code == 2
    assert_one_error_line(err)
