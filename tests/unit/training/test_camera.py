"""Films of trainings: when frames are taken, what they cost, what becomes of them. Needs torch."""

import errno
from itertools import pairwise

import pytest
import torch

from ae_core.checkpoints.film import MOST_FRAMES
from ae_core.config import KINDS, RECIPES
from ae_core.model import initial_model
from ae_core.training import camera as cameras
from ae_core.training import run_folder
from ae_core.training.background import TrainingRun
from ae_core.training.camera import Camera
from ae_core.training.job import Job
from ae_core.training.run_folder import RunFolder
from tests.unit.training.helpers import (
    FLOAT32,
    RECIPE,
    assert_equal,
    recipe_of,
    weights_of,
)

pytestmark = pytest.mark.usefixtures("few_images")


def halves(model):
    return {name: value.half() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("steps", [1200, 60_000, 1_000_000])
def test_frames_are_ever_rarer_and_never_too_many(steps):
    camera, model = Camera(RECIPE), initial_model(RECIPE)
    for step in range(steps + 1) if steps < 10_000 else _due(steps):
        if camera.is_due(step) or step == steps:
            camera.take(model, step)
    taken = camera.film().steps
    assert taken[0] == 0
    assert taken[-1] == steps
    assert 25 <= len(taken) <= MOST_FRAMES
    gaps = [later - earlier for earlier, later in pairwise(taken[1:-1])]
    assert gaps == sorted(gaps)


def _due(steps):
    """The steps at which frames can be due, without those between."""
    step = 0
    while step < steps:
        yield step
        step = max(step + 1, round(step * cameras.GROWTH))
    yield steps


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_leaves_no_trace_in_the_weights_and_ends_with_the_checkpoint(kind):
    recipe = recipe_of(kind)
    run = TrainingRun(Job(recipe, FLOAT32))
    checkpoint = run.wait(60).checkpoint
    film = run.camera.film()
    assert film.steps[:5] == (0, 1, 2, 3, 4)
    assert film.steps[-1] == 30
    assert_equal(film.frames[0].weights, halves(initial_model(recipe)))
    assert_equal(film.frames[-1].weights, halves(checkpoint.model))
    job = Job(recipe, FLOAT32, camera=Camera(recipe))
    assert list(job.train())
    assert_equal(weights_of(recipe), job.model.state_dict())


def test_a_run_that_diverges_ends_its_film_at_the_last_good_frame():
    recipe = RECIPES["sparse"]["reference"].override(learning_rate=1e30, batch_size=10)
    run = TrainingRun(Job(recipe, FLOAT32))
    snapshot = run.wait(60)
    assert snapshot.state == "failed"
    film = run.camera.film()
    assert_equal(film.frames[-1].weights, halves(snapshot.checkpoint.model))
    assert all(value.isfinite().all() for frame in film.frames for value in frame.weights.values())


def test_an_interrupted_run_goes_on_with_its_film(tmp_path):
    recipe = recipe_of("sparse", epochs=3)
    first = Job(recipe, FLOAT32, RunFolder(tmp_path / "run", make=True), camera=Camera(recipe))
    first.steering.halt(17)
    for progress in first.train():
        if progress.step == 17:
            break
    first.close()
    job = Job.resume(RunFolder(tmp_path / "run"))
    assert job.camera.film().steps == tuple(step for step in first.camera.film().steps if step <= 17)
    assert list(job.train())
    assert job.camera.film().steps[-1] == 30
    assert_equal(job.camera.film().frames[-1].weights, halves(job.model))
    job.forget()
    assert not (tmp_path / "run").exists()


def test_a_run_that_goes_on_goes_on_with_its_film():
    run = TrainingRun(Job(recipe_of("sparse", epochs=1), FLOAT32))
    saved = run.wait(60).saved
    job = Job.go_on(saved, 2, film=run.camera.film())
    longer = TrainingRun(job)
    longer.wait(60)
    steps = longer.camera.film().steps
    assert set(run.camera.film().steps) <= set(steps)
    assert steps[-1] == 30


def test_a_full_disk_ends_the_film_on_it_and_not_the_run(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run_folder, "save_film", full)
    recipe = recipe_of("sparse")
    run = TrainingRun(Job(recipe, FLOAT32, RunFolder(tmp_path / "run", make=True)))
    snapshot = run.wait(60)
    assert snapshot.state == "finished"
    assert snapshot.warning is None
    assert "cannot be kept on the disk: No space left on device" in run.camera.note
    assert run.camera.film().steps[-1] == 30


def test_the_oldest_films_go_first(monkeypatch):
    model = initial_model(RECIPE)
    old, new = Camera(RECIPE), Camera(RECIPE)
    for camera in (old, new):
        camera.take(model, 0)
        camera.take(model, 1)
    monkeypatch.setattr(cameras, "MOST_BYTES", new.nbytes + 10)
    new.take(model, 2)
    assert old.film() is None
    assert "was dropped" in old.note
    assert new.film().steps == (0, 1, 2), "the newest may be larger than all may be together"
    old.take(model, 2)
    assert old.film() is None


def test_weights_that_blow_up_are_not_filmed():
    camera, model = Camera(RECIPE), initial_model(RECIPE)
    camera.take(model, 0)
    with torch.no_grad():
        next(model.parameters())[0] = torch.inf
    camera.take(model, 1)
    assert camera.film().steps == (0,)
    assert not camera.is_due(1)
