"""What film writes. Needs torch and click, on the CPU."""

import pytest

from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.film import film_path, load_film
from tests.unit.cli.helpers import QUICK, last_line_of_failure

pytestmark = pytest.mark.usefixtures("few_images")


def test_the_film_of_a_file_lies_beside_it_and_ends_with_it(run, tmp_path):
    path = tmp_path / "model.safetensors"
    assert run("train", "--kind", "sparse", *QUICK, "--out", path)[0] == 0
    code, _, said = run("film", path, "--frames", "4", "--device", "cpu")
    assert code == 0
    film = load_film(film_path(path))
    assert len(film.frames) <= 4
    assert film.steps[0] == 0
    assert "the training ended within 0 of the weights in model.safetensors." in said
    weights = load_checkpoint(path).model.state_dict()
    assert all(value.equal(weights[name].half()) for name, value in film.frames[-1].weights.items())


def test_a_folder_that_cannot_be_made_is_a_sentence(run, tmp_path):
    path = tmp_path / "model.safetensors"
    assert run("train", "--kind", "sparse", *QUICK, "--out", path)[0] == 0
    (tmp_path / "films").write_text("in the way")
    assert "could not be written" in last_line_of_failure(*run("film", path, "--device", "cpu"))
