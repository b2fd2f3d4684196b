"""What tests of runs share: states as a run leaves them, looks at a folder of runs, waits. Needs torch."""

import time
from dataclasses import replace

import torch

from ae_core.analysis import evaluation
from ae_core.config import RECIPES
from ae_core.data import MNIST, Mnist, load_mnist
from ae_core.model import initial_model
from ae_core.training import job as jobs
from ae_core.training.compute import Compute
from ae_core.training.job import Job
from ae_core.training.progress import TrainProgress
from ae_core.training.run_folder import interrupted
from ae_core.training.saved_run import SavedRun
from ae_core.training.state import TrainState

RECIPE = RECIPES["sparse"]["fast"]
FLOAT32 = Compute(torch.device("cpu"), torch.float32, "exact for tests")
BFLOAT16 = Compute(torch.device("cpu"), torch.bfloat16, "for tests")


def saved_run(step=3, recipe=RECIPE):
    weights = initial_model(recipe).state_dict()
    moments = torch.rand(sum(value.numel() for value in weights.values()))
    generator = torch.Generator().get_state()
    optimizer = {"exp_avg": moments, "exp_avg_sq": moments + 1, "noise": generator.clone()}
    history = (TrainProgress(1, step, 10, 0.3, 0.2, 0.1, 1000.0, 4.0),)
    return SavedRun(recipe, FLOAT32, 2, TrainState(step, weights, optimizer, generator), history)


def left_by_cuda(recipe, step):
    """What a process on CUDA leaves, whose generators have a state of 16 bytes."""
    saved = saved_run(step, recipe)
    optimizer = saved.state.optimizer | {"noise": torch.arange(16, dtype=torch.uint8)}
    state = replace(saved.state, optimizer=optimizer)
    return replace(saved, compute=Compute(torch.device("cuda"), torch.bfloat16, ""), state=state)


def looks_until(ended, directory, names):
    """Looks at the runs again and again; returns how often, and which looks lacked one of these."""
    looks, incomplete = 0, []
    while not ended():
        found = interrupted(directory, 1000)
        looks += 1
        if not names <= set(found):
            incomplete.append(sorted(names - set(found)))
    return looks, incomplete


def until(condition):
    """Wait for a thread; the limit only keeps a broken run from hanging the suite."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the run never got there"
        time.sleep(0.01)


def train_on_few_images(monkeypatch):
    """Have jobs train on 95 images and measure on 40."""
    few = {
        split: Mnist(*(part[:count] for part in load_mnist(split)))
        for split, count in (("train", 95), ("test", 40))
    }
    monkeypatch.setattr(jobs, "MNIST", replace(MNIST, load=few.__getitem__))
    monkeypatch.setattr(evaluation, "JACOBIAN_IMAGES", 3)
    monkeypatch.setattr(evaluation, "RECONSTRUCTION_JACOBIAN_IMAGES", 1)


def recipe_of(kind, **values):
    return RECIPES[kind]["fast"].override(**{"epochs": 3, "batch_size": 10} | values)


def weights_of(recipe, compute=FLOAT32):
    """What an undisturbed training of a recipe ends with."""
    job = Job(recipe, compute)
    assert list(job.train())
    return job.model.state_dict()


def assert_equal(one, other):
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
