"""Films: kept in files, read with suspicion, wound to a step. Needs torch."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.film import MOST_FRAMES, Film, film_path, frame_of, load_film, save_film
from ae_core.checkpoints.library import LIBRARY, ladder_paths
from ae_core.config import KINDS, RECIPES
from ae_core.errors import CheckpointError
from ae_core.model import initial_model, seeded_autoencoder


def film_of(kind="sparse", steps=(0, 1, 5, 30)):
    recipe = RECIPES[kind]["fast"]
    return Film(recipe, tuple(frame_of(seeded_autoencoder(recipe.model, step), step) for step in steps))


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_comes_back_from_its_file(kind, tmp_path):
    film = film_of(kind)
    save_film(film, tmp_path / "films" / "one.safetensors")
    found = load_film(tmp_path / "films" / "one.safetensors")
    assert found.recipe == film.recipe
    assert found.steps == film.steps
    for one, other in zip(found.frames, film.frames, strict=True):
        assert list(one.weights) == list(other.weights)
        assert all(torch.equal(value, other.weights[name]) for name, value in one.weights.items())
    model = found.model(found.frames[-1])
    expected = seeded_autoencoder(film.recipe.model, 30).state_dict()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-4)


def test_a_step_shows_the_newest_frame_before_it():
    film = film_of()
    assert [film.at(step).step for step in (0, 1, 4, 5, 29, 30, 10**9, -1)] == [0, 1, 1, 5, 5, 30, 30, 0]


def test_a_thinned_film_keeps_its_ends():
    film = film_of(steps=range(20))
    assert film.thinned(5).steps == (0, 5, 10, 14, 19)
    assert film.thinned(20) == film


def test_weights_beyond_half_precision_make_no_frame():
    model = initial_model(RECIPES["sparse"]["fast"])
    with torch.no_grad():
        next(model.parameters())[0] = 1e6
    assert frame_of(model, 3) is None


STEPS = "its steps are not up to 48 growing numbers"


def facts(steps, apart=0.0):
    return json.dumps({"steps": steps, "apart": apart})


def saved(tmp_path, change):
    """A film whose tensors and metadata were changed."""
    path = tmp_path / "film.safetensors"
    save_film(film_of(steps=(0, 2)), path)
    tensors = load_file(path)
    header = path.read_bytes()
    metadata = json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])["__metadata__"]
    change(tensors, metadata)
    save_file(tensors, path, metadata)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensors, metadata: metadata.update(format="autoencoder-lab/1"), "is not one of this lab"),
        (lambda tensors, metadata: metadata.update(film=facts([2, 0])), STEPS),
        (lambda tensors, metadata: metadata.update(film=facts([])), STEPS),
        (
            lambda tensors, metadata: metadata.update(film=facts([0, True])),
            STEPS,
        ),
        (
            lambda tensors, metadata: metadata.update(film=facts(list(range(MOST_FRAMES + 1)))),
            STEPS,
        ),
        (lambda tensors, metadata: metadata.update(film=facts([0, 3])), "a tensor"),
        (lambda tensors, metadata: tensors.update(extra=torch.zeros(1)), "holds a tensor that does not"),
        (lambda tensors, metadata: tensors[next(iter(tensors))].fill_(torch.nan), "not finite"),
        (lambda tensors, metadata: metadata.update(film=facts([0, 2], "far")), "how far apart its end is"),
        (lambda tensors, metadata: metadata.update(film="[]"), "its film is missing"),
        (lambda tensors, metadata: metadata.pop("model_config"), "model_config is missing"),
    ],
)
def test_a_damaged_film_is_a_sentence(tmp_path, change, said):
    with pytest.raises(CheckpointError, match=said):
        load_film(saved(tmp_path, change))


def test_a_file_that_is_no_film_and_one_that_is_missing_are_sentences(tmp_path):
    with pytest.raises(CheckpointError, match="There is no file"):
        load_film(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("no film")
    with pytest.raises(CheckpointError, match="make it anew with python -m ae_core film"):
        load_film(tmp_path / "text.safetensors")


def test_the_shipped_film_ends_with_the_shipped_model():
    path = film_path(ladder_paths("sparse")[5e-3])
    assert path.parent == LIBRARY / "films"
    assert path.stat().st_size < 6_000_000
    film = load_film(path)
    assert len(film.frames) <= 12
    assert film.steps[0] == 0
    weights = load_checkpoint(ladder_paths("sparse")[5e-3]).model.state_dict()
    for name, value in film.frames[-1].weights.items():
        assert torch.equal(value, weights[name].half()), name
