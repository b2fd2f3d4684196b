"""Maps as files, read with suspicion; the shipped ones are held against their models. Needs torch."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ae_core.analysis.atlas import Atlas, measure_trust
from ae_core.analysis.vectors import encode_all
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.atlas_file import atlas_path, load_atlas, save_atlas
from ae_core.checkpoints.library import denoising_paths, ladder_paths
from ae_core.config import KINDS, ModelConfig
from ae_core.data import load_mnist
from ae_core.errors import CheckpointError
from ae_core.model import seeded_autoencoder

SHIPPED = [
    path for kind in KINDS for paths in (ladder_paths, denoising_paths) for path in paths(kind).values()
]


@pytest.fixture
def model():
    return seeded_autoencoder(ModelConfig("sparse"), 0)


@pytest.fixture
def atlas():
    return Atlas(np.random.default_rng(0).random((10_000, 2)).astype(np.float32), 0.95)


def test_a_map_comes_back_from_its_file(model, atlas, tmp_path):
    path = tmp_path / "maps" / "one.safetensors"
    save_atlas(atlas, model, path)
    found = load_atlas(path, model)
    np.testing.assert_allclose(found.places, atlas.places, atol=1e-5)
    assert found.trustworthiness == 0.95
    with pytest.raises(CheckpointError, match="of another model's codes"):
        load_atlas(path, seeded_autoencoder(ModelConfig("sparse"), 1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensors, metadata: metadata.update(format="autoencoder-lab/1"), "is not one of this lab"),
        (lambda tensors, metadata: metadata.update(trustworthiness="nan"), "no number from 0 to 1"),
        (lambda tensors, metadata: metadata.update(trustworthiness="very"), "no number from 0 to 1"),
        (lambda tensors, metadata: metadata.pop("trustworthiness"), "no number from 0 to 1"),
        (lambda tensors, metadata: tensors.update(places=torch.zeros(10_000, 2)), "does not fit"),
        (lambda tensors, metadata: tensors.update(more=torch.zeros(1)), "does not belong"),
    ],
)
def test_a_damaged_map_is_a_sentence(change, said, model, atlas, tmp_path):
    path = tmp_path / "map.safetensors"
    save_atlas(atlas, model, path)
    tensors, header = load_file(path), path.read_bytes()
    metadata = json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])["__metadata__"]
    change(tensors, metadata)
    save_file(tensors, path, metadata)
    with pytest.raises(CheckpointError, match=said):
        load_atlas(path, model)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_model_has_its_map(path):
    atlas = load_atlas(atlas_path(path), load_checkpoint(path).model)
    assert atlas.trustworthiness > 0.93
    # Digits of a kind lie together: most of the nearest on the map have the same label.
    labels = load_mnist("test").labels[:2000].numpy()
    places = atlas.places[:2000]
    distances = ((places[:, None] - places[None]) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(1)] == labels).mean() > 0.8


def test_the_trustworthiness_of_a_shipped_map_is_what_its_file_says():
    path = ladder_paths("sparse")[5e-3]
    model = load_checkpoint(path).model
    atlas = load_atlas(atlas_path(path), model)
    codes = encode_all(model, load_mnist("test").images[:2000]).rows
    assert measure_trust(codes, atlas.places) == pytest.approx(atlas.trustworthiness, abs=1e-3)
