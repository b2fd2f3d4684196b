"""What several test files share: small real checkpoints, the command line on a few images. Needs torch."""

import os
from dataclasses import replace
from functools import cache

import pytest
import torch
from safetensors import safe_open

import ae_core.analysis.evaluation
import ae_core.training.background
from ae_core.analysis.evaluation import evaluate
from ae_core.checkpoints import Checkpoint, save_checkpoint
from ae_core.cli import commands as cli
from ae_core.cli import data_options
from ae_core.config import RECIPES, ModelConfig
from ae_core.data import MNIST, Mnist, load_mnist
from ae_core.model import seeded_autoencoder
from ae_core.training import job as jobs


@pytest.fixture(scope="session", autouse=True)
def own_cores():
    """Tests that run at the same time share the cores, also in processes that they start.

    Those of the page may have left one thread.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    threads = max(1, (os.cpu_count() or 1) // workers)
    torch.set_num_threads(threads)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", str(threads))
        yield


@cache
def _measured(model_config):
    return evaluate(seeded_autoencoder(model_config, seed=5).eval(), load_mnist("test").images[:3])


@pytest.fixture
def make_checkpoint():
    """A checkpoint of a seeded, untrained model of a kind, with its true metrics."""

    def make(kind, code_activation=None, output_activation=None):
        config = ModelConfig(kind, code_activation, output_activation)
        model = seeded_autoencoder(config, seed=5).eval()
        return Checkpoint(model, config, RECIPES[kind]["reference"].train, _measured(config))

    return make


@pytest.fixture
def saved_checkpoint(make_checkpoint, tmp_path):
    """Saves such a checkpoint and returns it with its path."""

    def save(kind, *activations):
        checkpoint = make_checkpoint(kind, *activations)
        path = tmp_path / f"{kind}.safetensors"
        save_checkpoint(checkpoint, path)
        return checkpoint, path

    return save


@pytest.fixture
def few_images(monkeypatch):
    """Commands and runs train on a hundred images and measure on thirty."""

    def first_images(split):
        images, labels = load_mnist(split)
        count = {"train": 100, "test": 30}[split]
        return Mnist(images[:count], labels[:count])

    for module in (data_options, jobs):
        monkeypatch.setattr(module, "MNIST", replace(MNIST, load=first_images))
    monkeypatch.setattr(ae_core.analysis.evaluation, "JACOBIAN_IMAGES", 3)
    monkeypatch.setattr(ae_core.analysis.evaluation, "RECONSTRUCTION_JACOBIAN_IMAGES", 1)


@pytest.fixture
def run(capsys):
    """Runs a command line; returns its exit code, standard output and standard error."""

    def call(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


def assert_one_error_line(err):
    (line,) = err.splitlines()
    assert line.startswith("Error: ")
    assert len(line) > len("Error: ")


def parts(path):
    """The tensors and the metadata of a file, read by safetensors alone."""
    with safe_open(path, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, file.metadata()  # noqa: SIM118
