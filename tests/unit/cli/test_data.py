"""Commands on a set of one's own: looked at, trained on, measured on, and never mixed up with another."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

import ae_core.analysis.evaluation
from ae_core.analysis.evaluation import evaluate
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.atlas_file import atlas_path, load_atlas
from ae_core.checkpoints.probe_file import load_probe, probe_path
from ae_core.data import MNIST, to_float
from ae_core.data.own import open_data
from ae_core.errors import CheckpointError
from ae_core.jacobian import encoder_jacobian, spectrum
from tests.unit.cli.helpers import QUICK
from tests.unit.conftest import assert_one_error_line, parts

SPARSE = ("train", "--kind", "sparse", *QUICK)


@pytest.fixture(autouse=True)
def few_jacobians(few_images, monkeypatch):
    monkeypatch.setattr(ae_core.analysis.evaluation, "JACOBIAN_IMAGES", 3)


def make_set(path, seed=0, labels=True):
    """Bars that stand or lie, 150 of them with labels, of which 30 are the test part."""
    generator = np.random.default_rng(seed)
    x, y = np.zeros((150, 28, 28), np.uint8), np.arange(150) % 2
    for image, label in zip(x, y, strict=True):
        at = generator.integers(4, 20)
        image[at : at + 4] = generator.integers(150, 256)
        if label:
            image[:] = image.T.copy()
    parts = {"x_train": x[:120], "x_test": x[120:]}
    if labels:
        parts |= {"y_train": y[:120], "y_test": y[120:], "classes": ["lies", "stands"]}
    np.savez(path, **parts)
    return path


@pytest.fixture
def bars(tmp_path):
    return make_set(tmp_path / "bars.npz")


@pytest.fixture
def model(run, tmp_path, bars):
    path = tmp_path / "own.safetensors"
    assert run(*SPARSE, "--data", bars, "--out", path)[0] == 0
    return path


def test_data_tells_what_a_set_holds_and_draws_samples(run, tmp_path, bars):
    code, out, err = run("data", bars, "--out", tmp_path / "samples.png")
    assert code == 0
    assert out.splitlines()[0].startswith("bars: 120 training and 30 test images, 2 classes, digest ")
    assert "  lies    60 training, 15 test" in out
    assert "samples.png" in err
    with Image.open(tmp_path / "samples.png") as sheet:
        assert sheet.width > 10 * 56
        assert sheet.height > 2 * 56
        # A row of ten pictures, each with its bar.
        assert (np.asarray(sheet.convert("L"))[10:50, -560:] > 100).any(0).mean() > 0.9
    code, out, _ = run("data", bars, "--json")
    found = json.loads(out)
    assert found["classes"] == {"lies": [60, 15], "stands": [60, 15]}
    assert found["digest"] == open_data(str(bars)).digest
    code, _, err = run("data", tmp_path / "missing.npz")
    assert code == 1
    assert_one_error_line(err)


def test_a_model_knows_its_set_and_is_measured_on_it(run, tmp_path, bars, model):
    data, checkpoint = open_data(str(bars)), load_checkpoint(model)
    assert checkpoint.train_config.data == "bars"
    assert checkpoint.train_config.data_digest == data.digest
    expected = evaluate(checkpoint.model, data.images("test")).as_dict()
    stored = checkpoint.metrics.as_dict()
    assert stored["test_mse"] == pytest.approx(expected["test_mse"], rel=1e-4)
    code, out, err = run("evaluate", model, "--data", bars, "--device", "cpu", "--json")
    assert code == 0
    assert json.loads(out)["test_mse"] == pytest.approx(expected["test_mse"], rel=1e-4)
    assert "was trained on" not in err


def test_a_model_is_not_measured_on_another_set_unawares(run, tmp_path, model, saved_checkpoint, bars):
    code, out, err = run("evaluate", model, "--device", "cpu")
    assert (code, out) == (2, "")
    assert "was trained on the set bars: say where it is with --data" in err
    assert_one_error_line(err)
    code, out, err = run("evaluate", model, "--data", "mnist", "--device", "cpu")
    assert code == 0
    assert "was trained on bars, not on MNIST: these values say what it makes of other images" in " ".join(
        err.split()
    )
    other = make_set(tmp_path / "bars2.npz", seed=1).rename(tmp_path / "elsewhere.npz")
    _, mnist = saved_checkpoint("sparse")
    before = mnist.read_bytes()
    for file, data in ((model, other), (mnist, bars)):
        code, out, err = run("evaluate", file, "--data", data, "--store", "--device", "cpu")
        assert (code, out) == (2, "")
        assert "What a file stores is of the set that a model was trained on" in err
        code, _, err = run("film", file, "--data", data, "--device", "cpu")
        assert code == 2
    assert mnist.read_bytes() == before


def test_probe_and_map_are_of_the_set_and_kept_with_its_name(run, model, bars, monkeypatch):
    data, network = open_data(str(bars)), load_checkpoint(model).model
    code, out, err = run("probe", model, "--data", bars, "--store", "--json")
    assert code == 0, err
    errors = json.loads(out)
    # Of 90 images that no regularisation is chosen on 100 cannot be drawn.
    assert "probe_error_100" not in errors
    assert 0 <= errors["probe_error_all"] <= 50
    kept = load_probe(probe_path(model), network, data)
    assert kept.reader.weight.shape == (2, 64)
    read = kept.reader.probabilities(network.encode(data.images("test").float() / 255)).argmax(1)
    assert (read == kept.read_as).float().mean() > 0.95
    code, out, err = run("map", model, "--data", bars, "--store")
    assert code == 0, err
    assert load_atlas(atlas_path(model), network, data).places.shape == (30, 2)
    for load, path in ((load_probe, probe_path(model)), (load_atlas, atlas_path(model))):
        with pytest.raises(CheckpointError, match="is of another set of images than MNIST"):
            load(path, network, MNIST)


def test_without_labels_one_can_train_and_measure_but_not_probe(run, tmp_path):
    bars = make_set(tmp_path / "bare.npz", labels=False)
    path = tmp_path / "own.safetensors"
    assert run(*SPARSE, "--data", bars, "--out", path)[0] == 0
    assert run("evaluate", path, "--data", bars, "--device", "cpu")[0] == 0
    code, out, err = run("probe", path, "--data", bars)
    assert (code, out) == (1, "")
    assert "Error: The set bare has no labels" in err.splitlines()[-1]
    code, _, err = run(*SPARSE, "--data", bars, "--digits", "0", "--out", tmp_path / "two.safetensors")
    assert code == 1
    assert "has no labels" in err
    assert not (tmp_path / "two.safetensors").exists()


def test_some_classes_can_be_chosen_by_their_numbers(run, tmp_path, bars):
    path = tmp_path / "own.safetensors"
    assert run(*SPARSE, "--data", bars, "--digits", "1", "--out", path)[0] == 0
    assert load_checkpoint(path).train_config.remarks == ", digits 1, on bars"
    code, _, err = run(*SPARSE, "--data", bars, "--digits", "7", "--out", tmp_path / "none.safetensors")
    assert code == 1
    assert "no training images of these classes" in err


def test_a_ladder_and_a_sweep_are_of_one_set(run, tmp_path, bars):
    grid = tmp_path / "grid.toml"
    grid.write_text('[[grid]]\nkind = "sparse"\nrecipe = "fast"\nepochs = 1\nbatch_size = 50\n')
    code, _, err = run("sweep", grid, "--data", bars, "--device", "cpu")
    assert code == 0, err
    (path,) = (tmp_path / "grid").glob("*.safetensors")
    assert load_checkpoint(path).train_config.data == "bars"
    # Without it the grid is one of MNIST, whose cells are others.
    assert "0 of 1 cells finished" in run("sweep", grid, "--summary")[2]
    grid.write_text('[[grid]]\nkind = "sparse"\ndata = "bars"\n')
    code, _, err = run("sweep", grid, "--data", bars)
    assert code == 2
    assert "--data names" in err
    arguments = ("ladder", "--kind", "sparse", *QUICK, "--out", tmp_path / "ladder")
    assert run(*arguments, "--data", bars)[0] == 0
    assert "(kept)" in run(*arguments, "--data", bars)[2]
    code, _, err = run(*arguments)
    assert code == 1
    assert "holds a model of another recipe" in err


def test_an_interrupted_training_goes_on_with_its_set_or_not_at_all(run, tmp_path, bars, monkeypatch):
    from ae_core.training import job as jobs
    from ae_core.training.loop import train

    def interrupted(*arguments, **options):
        yield next(train(*arguments, report_seconds=0.0, **options))
        raise KeyboardInterrupt

    path = tmp_path / "own.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "train", interrupted)
        code, _, err = run(*SPARSE, "--data", bars, "--fit", "centre", "--out", path)
    assert code == 1
    name = err.split()[-1]
    content = bars.read_bytes()
    make_set(bars, seed=5)
    code, _, err = run("train", "--resume", name)
    assert code == 1
    assert "has changed since the training began" in err
    assert not path.exists()
    bars.write_bytes(content)
    code, _, err = run("train", "--resume", name, "--data", bars)
    assert code == 2
    assert "leave out --data" in err
    code, _, err = run("train", "--resume", name)
    assert code == 0, err
    assert load_checkpoint(path).train_config.data_digest == open_data(str(bars), "centre").digest


def test_a_file_of_before_there_were_sets_is_of_mnist(saved_checkpoint):
    _, path = saved_checkpoint("sparse")
    config = load_checkpoint(path).train_config
    assert (config.data, config.data_digest) == (None, None)
    assert MNIST.is_of(config)
    assert "data" not in json.loads(parts(path)[1]["train_config"])


def test_a_figure_of_a_model_is_drawn_on_its_set(run, tmp_path, bars, model):
    out = tmp_path / "spectrum.csv"
    other = model.with_name("other.safetensors")
    other.write_bytes(model.read_bytes())
    figure = ("figure", "jacobian", "--model", model, "--model", other, "--out", out)
    code, _, err = run(*figure)
    assert code == 2
    assert "--data" in err
    code, _, err = run(*figure, "--data", bars, "--digit", "1.2")
    assert code == 0
    assert err.count("120 training and 30 test images") == 1, "it is opened once for both models"
    data = open_data(str(bars))
    third = data.images("test")[(data.labels("test") == 1).nonzero().flatten()[2]]
    exact = spectrum(encoder_jacobian(load_checkpoint(model).model, to_float(third[None])))[0]
    rows = list(csv.DictReader(out.open(newline="")))
    assert {row["series"] for row in rows} == {"own", "other"}
    drawn = [float(row["y"]) for row in rows if row["series"] == "own"]
    assert drawn
    np.testing.assert_allclose(drawn, exact[: len(drawn)].detach(), rtol=1e-3)
    code, _, err = run(*figure, "--data", bars, "--digit", "2.0")
    assert code == 2
    assert "0 images of class 2" in err
