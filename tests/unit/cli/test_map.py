"""The command that maps codes, on few images. Needs torch, openTSNE and click."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.atlas_file import atlas_path, load_atlas
from ae_core.checkpoints.library import ladder_paths
from ae_core.cli import data_options
from ae_core.cli import map as command
from ae_core.data import MNIST, Mnist, load_mnist
from tests.unit.conftest import assert_one_error_line

IMAGES = 300


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    few = Mnist(*(part[:IMAGES] for part in load_mnist("test")))
    monkeypatch.setattr(data_options, "MNIST", replace(MNIST, load=lambda _: few))


def test_maps_are_printed_stored_and_begin_where_the_one_before_of_the_kind_ended(run, tmp_path, monkeypatch):
    starts, make = [], command.make_atlas

    def make_and_tell(codes, start, advance):
        starts.append(start)
        return make(codes, start, advance)

    monkeypatch.setattr(command, "make_atlas", make_and_tell)
    paths = {"a": ("sparse", 2e-3), "b": ("contractive", 0.0), "c": ("sparse", 5e-3)}
    for name, (kind, weight) in paths.items():
        (tmp_path / f"{name}.safetensors").write_bytes(ladder_paths(kind)[weight].read_bytes())
    files = [tmp_path / f"{name}.safetensors" for name in paths]
    code, out, err = run("map", *files, "--json", "--store")
    assert code == 0
    said = [json.loads(line) for line in out.splitlines()]
    assert [one["file"] for one in said] == [path.name for path in files]
    maps = [load_atlas(atlas_path(path), load_checkpoint(path).model, data_options.MNIST) for path in files]
    for one, atlas in zip(said, maps, strict=True):
        assert atlas.trustworthiness == pytest.approx(one["trustworthiness"], abs=1e-4)
        assert atlas.trustworthiness > 0.8
    assert starts[:2] == [None, None]
    np.testing.assert_allclose(starts[2], maps[0].places, atol=1e-4)
    assert "a" in err


def test_a_file_that_is_no_checkpoint_is_one_line(run, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_text("nothing")
    code, out, err = run("map", path)
    assert (code, out) == (1, "")
    assert_one_error_line(err)
    assert run("map")[0] == 2
