"""Runs go on after a kill as if nothing had happened. Needs torch, and Unix to fork and kill processes."""

import errno
import functools
import subprocess
import sys
import textwrap
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from ae_core.config import KINDS, RECIPES
from ae_core.data import MNIST, Mnist, load_mnist
from ae_core.errors import TrainingDivergedError
from ae_core.training import job as jobs
from ae_core.training import run_folder as states
from ae_core.training.job import Job
from ae_core.training.loop import train
from ae_core.training.run_folder import RunFolder
from tests.unit.training.helpers import FLOAT32, left_by_cuda, saved_run

VICTIM = """
    import os, random, select, signal, sys, time
    from pathlib import Path

    import torch
    import torch._dynamo  # The first step imports it, which takes seconds in each process made below.

    torch.set_num_threads(1)

    import functools
    from ae_core.checkpoints import files
    from ae_core.training import job as jobs
    from ae_core.training import run_folder as states
    from ae_core.config import RECIPES
    from dataclasses import replace
    from ae_core.data import MNIST, Mnist, load_mnist
    from ae_core.training.compute import Compute
    from ae_core.training.loop import train

    kind, kills, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    place = Path(sys.argv[4])
    few = Mnist(*(part[:95] for part in load_mnist("train")))
    jobs.MNIST = replace(MNIST, load=lambda split: few)
    recipe = RECIPES[kind]["fast"].override(epochs=epochs, batch_size=10)
    compute = Compute(torch.device("cpu"), torch.float32, "")
    # Every step is saved, so that many of the kills fall into a write.
    jobs.train = functools.partial(train, save_seconds=0.0, report_seconds=0.0)

    def undisturbed():
        job = jobs.Job(recipe, compute)
        for _ in job.train():
            pass
        return job.model

    def run_to_the_end(before=lambda: None):
        folder = states.RunFolder(place, make=True)
        saved = folder.load() if (place / "state.safetensors").exists() else None
        job = jobs.Job(recipe, compute, folder, saved)
        before()
        for _ in job.train():
            os.write(begun, b".")
        assert job.warning is None, job.warning
        return job.model

    def in_a_process(work):
        child = os.fork()
        if child == 0:
            try:
                work()
            except BaseException as error:
                print(repr(error), flush=True)
                os._exit(1)
            os._exit(0)
        return child

    def die_in_the_write(which):
        # Half of the content is there, or all of it but under its temporary name.
        real_sync, calls = os.fsync, 0
        def sync(number):
            nonlocal calls
            calls += 1
            if calls == which:
                if which % 2:
                    os.ftruncate(number, os.fstat(number).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            real_sync(number)
        files.os.fsync = sync

    beginning, begun = os.pipe()
    pick = random.Random(1)
    steps = []
    for number in range(kills):
        inside_the_write = number % 4 == 3
        if inside_the_write:
            child = in_a_process(lambda: run_to_the_end(lambda: die_in_the_write(pick.choice((1, 2, 3, 4)))))
        else:
            child = in_a_process(run_to_the_end)
            if number % 4:
                os.read(beginning, 1)
            time.sleep(pick.uniform(0.0, 0.1))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        while select.select([beginning], [], [], 0)[0]:
            os.read(beginning, 1000)
        assert os.WIFSIGNALED(status), f"kill {number} came too late: {status}"
        if (place / "state.safetensors").exists():
            # Also: whoever is killed holds no lock any more.
            folder = states.RunFolder(place, make=True)
            steps.append(folder.load().state.step)
            folder.close()
    assert steps == sorted(steps), steps
    print("steps", *steps, flush=True)
    jobs.train = train
    child = in_a_process(lambda: torch.save(run_to_the_end().state_dict(), place.with_suffix(".result")))
    _, status = os.waitpid(child, 0)
    assert status == 0
    child = in_a_process(lambda: torch.save(undisturbed().state_dict(), place.with_suffix(".expected")))
    _, status = os.waitpid(child, 0)
    assert status == 0
"""


@pytest.mark.parametrize(("kind", "kills", "epochs"), [("contractive", 5, 6), ("sparse", 9, 15)])
def test_a_run_killed_again_and_again_ends_bit_for_bit_as_an_undisturbed_one(tmp_path, kind, kills, epochs):
    place = tmp_path / "run"
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(VICTIM), kind, str(kills), str(epochs), place],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    steps = [int(word) for word in ended.stdout.split()[1:]]
    assert len(set(steps)) > kills / 3, "most kills came while it trained"
    assert any(step % 10 for step in steps), "some of them inside an epoch"
    result = torch.load(place.with_suffix(".result"), weights_only=True)
    expected = torch.load(place.with_suffix(".expected"), weights_only=True)
    for name, value in expected.items():
        assert torch.equal(value, result[name]), name


@pytest.fixture
def images(monkeypatch):
    """What jobs train on: 95 images."""
    few = Mnist(*(part[:95] for part in load_mnist("train")))
    monkeypatch.setattr(jobs, "MNIST", replace(MNIST, load=lambda _: few))
    return few.images


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stop_after", [0, 7, 10, 23, 29, 30])
def test_a_state_in_memory_goes_on_bit_for_bit(kind, stop_after, images):
    recipe = RECIPES[kind]["fast"].override(epochs=3, batch_size=10)
    states = {}
    whole = Job(recipe, FLOAT32).model
    keep = lambda state: states.update({state.step: state})  # noqa: E731
    list(train(whole, images, recipe.train, FLOAT32, save=keep, save_seconds=0.0))
    assert sorted(states) == list(range(31))
    rest = Job(recipe, FLOAT32).model
    reports = list(train(rest, images, recipe.train, FLOAT32, report_seconds=0.0, resume=states[stop_after]))
    assert [report.step for report in reports] == list(range(stop_after + 1, 31))
    for name, value in whole.state_dict().items():
        assert torch.equal(value, rest.state_dict()[name]), name


def weights_after(job):
    assert list(job.train())
    return job.model.state_dict()


def test_a_state_of_cuda_goes_on_on_a_cpu_with_its_weights_moments_and_order(images, tmp_path):
    recipe = RECIPES["contractive"]["fast"].override(epochs=3, batch_size=10, penalty_weight=1e-2)
    left = left_by_cuda(recipe, 17)
    ends = []
    for _ in range(2):
        job = Job(recipe, FLOAT32, saved=left)
        assert job.steps_done == 17
        ends.append(weights_after(job))
    for name, value in ends[0].items():
        assert torch.equal(value, ends[1][name]), "seed and step decide, not chance"

    # Probed like any run on a CPU from that step on: only the state of its generator is another.
    noises = [torch.Generator().manual_seed(seed).get_state() for seed in (1, 2)]
    on_cpu = [replace(left.state, optimizer=left.state.optimizer | {"noise": noise}) for noise in noises]
    others = [
        weights_after(Job(recipe, FLOAT32, saved=replace(left, compute=FLOAT32, state=s))) for s in on_cpu
    ]
    apart = max((others[0][name] - others[1][name]).abs().max() for name in others[0])
    off = max((ends[0][name] - others[0][name]).abs().max() for name in others[0])
    assert 0 < off < 3 * apart


def test_the_probes_after_another_device_depend_on_seed_and_step(images):
    noises = set()
    for seed, step in ((0, 3), (0, 4), (1, 3), (1, 2)):
        recipe = RECIPES["contractive"]["fast"].override(epochs=3, batch_size=10, seed=seed)
        states = []
        job = Job(recipe, FLOAT32, saved=left_by_cuda(recipe, step))
        job.folder = SimpleNamespace(save=lambda run, states=states: states.append(run.state))
        next(job.train())
        assert states[0].step == step
        noises.add(states[0].optimizer["noise"].numpy().tobytes())
    assert len(noises) == 4


def test_a_state_of_another_recipe_starts_over_with_a_sentence(images, tmp_path):
    recipe = RECIPES["sparse"]["fast"].override(epochs=1, batch_size=50)
    for other in (recipe.override(seed=5), RECIPES["contractive"]["fast"]):
        folder = RunFolder(tmp_path / other.model.kind, make=True)
        folder.save(saved_run(1, other))
        said = []
        job = Job.resume_or_start(recipe, FLOAT32, folder, tell=said.append)
        (sentence,) = said
        assert folder.name in sentence
        assert "another recipe" in sentence
        assert job.steps_done == 0
        assert list(job.train())
        assert folder.load().recipe == recipe


def test_a_state_is_saved_at_the_start_and_after_every_epoch(images):
    recipe = RECIPES["sparse"]["fast"].override(epochs=3, batch_size=10)
    steps = []
    save = lambda state: steps.append(state.step)  # noqa: E731
    list(train(Job(recipe, FLOAT32).model, images, recipe.train, FLOAT32, save=save))
    assert steps == [0, 10, 20, 30]


def test_a_state_that_is_not_finite_never_replaces_a_good_one(images):
    recipe = RECIPES["contractive"]["fast"].override(
        epochs=3, batch_size=10, learning_rate=1e30, schedule="constant", max_grad_norm=None
    )
    states = []
    with pytest.raises(TrainingDivergedError):
        list(
            train(
                Job(recipe, FLOAT32).model,
                images,
                recipe.train,
                FLOAT32,
                save=states.append,
                save_seconds=0.0,
            )
        )
    assert states
    assert all(state.is_finite for state in states)


def test_the_file_holds_all_that_the_run_needs_and_the_history(tmp_path, images):
    recipe = RECIPES["contractive"]["fast"].override(epochs=2, batch_size=50, penalty_weight=3e-3)
    folder = RunFolder(tmp_path / "run", make=True)
    job = Job(recipe, FLOAT32, folder, target="mine.safetensors")
    reports = list(job.train())
    saved = folder.load()
    assert saved.recipe == recipe
    assert saved.compute.device == FLOAT32.device
    assert saved.compute.precision == FLOAT32.precision
    assert saved.threads == torch.get_num_threads()
    assert saved.target == "mine.safetensors"
    assert saved.history == tuple(reports)
    assert saved.state.step == 4
    for name, value in job.model.state_dict().items():
        assert torch.equal(value, saved.state.weights[name])


def test_a_disk_that_is_full_is_a_warning_and_the_training_goes_on(tmp_path, images, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = RunFolder(tmp_path / "run", make=True)
    job = Job(RECIPES["sparse"]["fast"].override(epochs=2, batch_size=50), FLOAT32, folder)
    monkeypatch.setattr(states, "write_whole", full)
    assert len(list(job.train())) >= 1
    assert "No space left on device" in job.warning
    assert [path.name for path in folder.path.iterdir()] == ["lock"]


def test_a_long_history_is_thinned_and_keeps_its_last_report(images, monkeypatch):
    monkeypatch.setattr(jobs, "_LONGEST_HISTORY", 10)
    monkeypatch.setattr(jobs, "train", functools.partial(train, report_seconds=0.0))
    job = Job(RECIPES["sparse"]["fast"].override(epochs=5, batch_size=10), FLOAT32)
    list(job.train())
    assert len(job.history) <= 10
    assert job.history[-1].step == 50
    steps = [report.step for report in job.history]
    assert steps == sorted(steps)
