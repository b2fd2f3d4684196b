"""Probes as files, read with suspicion; the shipped ones are held against weights. Needs torch and MNIST."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from ae_core.analysis.probe import LinearReader, Probe
from ae_core.analysis.probe_errors import ERRORS
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.checkpoints.probe_file import BASELINES, load_baselines, load_probe, probe_path, save_probe
from ae_core.config import KINDS, LADDERS, ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.errors import CheckpointError
from ae_core.model import seeded_autoencoder

SHIPPED = [path for kind in KINDS for path in ladder_paths(kind).values()]


def a_probe(model):
    draw = torch.Generator().manual_seed(0)
    units = model.code_size
    reader = LinearReader(
        torch.randn(units, generator=draw),
        torch.rand(units, generator=draw) + 0.1,
        torch.randn(10, units, generator=draw),
        torch.randn(10, generator=draw),
    )
    errors = {name: float(number) for number, name in enumerate(ERRORS)}
    read_as = torch.randint(10, (10_000,), generator=draw, dtype=torch.uint8)
    return Probe(reader, errors, read_as)


@pytest.fixture
def model():
    return seeded_autoencoder(ModelConfig("sparse"), 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_comes_back_from_its_file(kind, tmp_path):
    model = seeded_autoencoder(ModelConfig(kind), 0)
    probe, path = a_probe(model), tmp_path / "probes" / "one.safetensors"
    save_probe(probe, model, path)
    found = load_probe(path, model)
    assert found.errors == probe.errors
    assert torch.equal(found.read_as, probe.read_as)
    for name in ("mean", "scale", "weight", "bias"):
        assert torch.equal(getattr(found.reader, name), getattr(probe.reader, name))


def test_a_probe_of_other_weights_is_refused(model, tmp_path):
    path = tmp_path / "probe.safetensors"
    save_probe(a_probe(model), model, path)
    with pytest.raises(CheckpointError, match="reads the code of another model"):
        load_probe(path, seeded_autoencoder(ModelConfig("sparse"), 1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensors, metadata: metadata.update(format="autoencoder-lab/1"), "is not one of this lab"),
        (lambda tensors, metadata: metadata.update(errors="{}"), "its errors are not those"),
        (lambda tensors, metadata: metadata.update(errors="[" * 9999), "errors is missing"),
        (
            lambda tensors, metadata: metadata.update(errors=json.dumps(dict.fromkeys(ERRORS, 101))),
            "in percent",
        ),
        (
            lambda tensors, metadata: metadata.update(errors=json.dumps(dict.fromkeys(ERRORS, "1"))),
            "in percent",
        ),
        (lambda tensors, metadata: tensors.update(weight=torch.zeros(10, 63)), "does not fit"),
        (lambda tensors, metadata: tensors.update(bias=torch.full((10,), torch.nan)), "not finite"),
        (lambda tensors, metadata: tensors.update(scale=torch.zeros(64)), "values that no probe has"),
        (lambda tensors, metadata: tensors["read_as"].fill_(10), "values that no probe has"),
        (lambda tensors, metadata: tensors.pop("mean"), "lacks a tensor"),
    ],
)
def test_a_damaged_probe_is_a_sentence(change, said, model, tmp_path):
    path = tmp_path / "probe.safetensors"
    save_probe(a_probe(model), model, path)
    tensors, header = load_file(path), path.read_bytes()
    metadata = json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])["__metadata__"]
    change(tensors, metadata)
    save_file(tensors, path, metadata)
    with pytest.raises(CheckpointError, match=said):
        load_probe(path, model)


def test_what_is_no_safetensors_file_is_a_sentence(model, tmp_path):
    path = tmp_path / "probe.safetensors"
    path.write_bytes(b"not at all")
    with pytest.raises(CheckpointError, match=r"not a readable safetensors file.*--store"):
        load_probe(path, model)
    with pytest.raises(CheckpointError, match="There is no file"):
        load_probe(tmp_path / "none.safetensors", model)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_probes_read_the_shipped_codes(path):
    model = load_checkpoint(path).model
    probe, test = load_probe(probe_path(path), model), load_mnist("test")
    first = slice(500)
    with torch.no_grad():
        read = probe.reader.probabilities(model.encode(to_float(test.images[first]))).argmax(1)
    assert (read == probe.read_as[first]).float().mean() > 0.995
    error = 100 * (probe.read_as != test.labels).double().mean().item()
    assert probe.errors["probe_error_all"] == pytest.approx(error, abs=0.01)


def test_the_shipped_ladders_show_what_the_page_says_of_them():
    def errors(kind, weight):
        path = ladder_paths(kind)[weight]
        return load_probe(probe_path(path), load_checkpoint(path).model).errors

    plain, sparsest = errors("sparse", 0.0), errors("sparse", LADDERS["sparse"][-1])
    assert sparsest["probe_error_all"] < 0.6 * plain["probe_error_all"]
    assert sparsest["probe_error_100"] < plain["probe_error_100"] - 5
    loose, tight = errors("contractive", 0.0), errors("contractive", LADDERS["contractive"][-1])
    assert tight["probe_error_noise_0.3"] < loose["probe_error_noise_0.3"] - 20
    assert tight["probe_error_all"] > loose["probe_error_all"]


def test_the_baselines_ship():
    found = load_baselines(BASELINES)
    assert set(found) == {
        "pixels",
        "64 principal components",
        "all principal components",
        "untrained contractive network",
        "untrained sparse network",
    }
    assert 6 < found["pixels"]["probe_error_all"] < 9


@pytest.mark.parametrize("content", ["", "[]", '{"pixels": 3}', '{"pixels": {"probe_error_all": 3}}', "\xff"])
def test_damaged_baselines_are_a_sentence(content, tmp_path):
    path = tmp_path / "baselines.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(CheckpointError, match=r"baselines\.json"):
        load_baselines(path)
