"""A run in the background. Needs torch; the data set is cut down to a few hundred images."""

import functools
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace

import pytest
import torch

from ae_core.analysis import evaluation
from ae_core.analysis.evaluation import evaluate
from ae_core.config import RECIPES
from ae_core.data import MNIST, Mnist, load_mnist, to_float
from ae_core.errors import DataError
from ae_core.model import initial_model
from ae_core.training import job as jobs
from ae_core.training import ladder
from ae_core.training import observer as observing
from ae_core.training.background import TrainingRun
from ae_core.training.job import Job
from ae_core.training.ladder import train_ladder
from ae_core.training.loop import train
from ae_core.training.run_snapshot import EndReason
from tests.unit.training.helpers import FLOAT32, until


@pytest.fixture(autouse=True)
def small_mnist(monkeypatch):
    def load(split):
        images, labels = load_mnist(split)
        return Mnist(images[:300], labels[:300]) if split == "train" else Mnist(images[:40], labels[:40])

    monkeypatch.setattr(jobs, "MNIST", replace(MNIST, load=load))
    monkeypatch.setattr(evaluation, "JACOBIAN_IMAGES", 3)
    monkeypatch.setattr(evaluation, "RECONSTRUCTION_JACOBIAN_IMAGES", 1)
    return load


def start(**changes):
    return TrainingRun(Job(RECIPES["sparse"]["fast"].override(**changes), FLOAT32), grace_seconds=0.2)


def test_a_finished_run_holds_a_checkpoint_with_the_metrics_of_its_weights(small_mnist):
    run = start(epochs=2, batch_size=100)
    snapshot = run.wait(60)
    assert snapshot.state == "finished"
    assert not snapshot.running
    assert snapshot.progress.step == snapshot.progress.total_steps == 6
    measured = evaluate(snapshot.checkpoint.model, small_mnist("test").images)
    assert snapshot.checkpoint.metrics.test_mse == pytest.approx(measured.test_mse, rel=1e-5)
    assert snapshot.checkpoint.train_config == run.recipe.train


def test_stop_ends_a_long_run_early_and_keeps_what_it_learnt():
    run = start(epochs=100_000)
    until(lambda: run.snapshot().progress is not None)
    run.end(EndReason.STOPPED)
    snapshot = run.wait(60)
    assert snapshot.state == "stopped"
    assert 0 < snapshot.progress.step < snapshot.progress.total_steps
    assert snapshot.checkpoint is not None


def test_an_orphan_stops_after_its_grace_and_an_adopted_one_does_not():
    run = start(epochs=100_000)
    until(lambda: run.snapshot().progress is not None)
    run.orphan()
    run.adopt()
    step = run.snapshot().progress.step
    time.sleep(0.5)
    assert run.snapshot().state == "training"
    assert run.snapshot().progress.step > step
    run.orphan()
    assert run.wait(60).state == "stopped"


def test_on_a_cpu_a_ladder_s_runs_take_turns_so_that_all_advance(monkeypatch):
    monkeypatch.setattr(ladder, "_SLICE_SECONDS", 0.2)
    weights = (0.0, 1e-3, 1e-2)
    runs = train_ladder(RECIPES["sparse"]["fast"].override(epochs=100_000), weights, FLOAT32)
    until(lambda: all(run.snapshot().progress is not None for run in runs))
    steps = [run.snapshot().progress.step for run in runs]
    until(lambda: all(run.snapshot().progress.step > step for run, step in zip(runs, steps, strict=True)))
    for _ in range(50):
        assert sum(run.snapshot().state == "training" for run in runs) <= 1
        time.sleep(0.01)
    runs[1].end(EndReason.STOPPED)
    assert runs[1].wait(60).state == "stopped"
    step = runs[2].snapshot().progress.step
    until(lambda: runs[2].snapshot().progress.step > step)
    for run in runs:
        run.end(EndReason.STOPPED)
    assert [run.wait(60).checkpoint.train_config.penalty_weight for run in runs] == list(weights)


def test_taking_turns_leaves_no_trace_in_the_weights(monkeypatch):
    monkeypatch.setattr(ladder, "_SLICE_SECONDS", 0.0)
    recipe = RECIPES["sparse"]["fast"].override(epochs=3, batch_size=50)
    for run in train_ladder(recipe, (0.0, 1e-3), FLOAT32):
        found = run.wait(60).checkpoint
        alone = TrainingRun(Job(run.recipe, FLOAT32)).wait(60).checkpoint
        for name, value in alone.model.state_dict().items():
            assert torch.equal(value, found.model.state_dict()[name]), name


def test_runs_that_are_stopped_while_they_wait_never_begin():
    runs = train_ladder(RECIPES["sparse"]["fast"].override(epochs=100_000), (0.0, 1e-3, 1e-2, 1e-1), FLOAT32)
    until(lambda: runs[0].snapshot().progress is not None)
    for run in runs:
        run.end(EndReason.STOPPED)
    assert {run.wait(60).state for run in runs} == {"stopped"}
    assert [run.snapshot().progress is None for run in runs] == [False, True, True, True]


def test_a_waiting_run_that_nobody_watches_stops_waiting():
    first = start(epochs=100_000)
    second = TrainingRun(Job(RECIPES["sparse"]["fast"], FLOAT32), grace_seconds=0.2)
    second.orphan()
    assert second.wait(60).state == "stopped"
    first.end(EndReason.STOPPED)
    first.wait(60)


def test_preview_follows_the_weights_while_the_run_goes_on(small_mnist):
    x = to_float(small_mnist("test").images[:1])
    run = start(epochs=100_000)
    first = run.observer.preview
    until(lambda: run.observer.preview.step > 0)
    assert not torch.equal(run.observer.preview.model(x).code, first.model(x).code)
    run.end(EndReason.STOPPED)
    snapshot = run.wait(60)
    assert run.observer.preview.step == snapshot.progress.step
    for name, value in snapshot.checkpoint.model.state_dict().items():
        assert torch.equal(value, run.observer.preview.model.state_dict()[name]), name


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e30])
def test_weights_that_blow_up_are_not_shown(value):
    model = initial_model(RECIPES["sparse"]["fast"])
    observer = observing.Observer(model, 0, MNIST)
    observer.renew(model, 1)
    assert observer.preview.step == 1
    with torch.no_grad():
        model.encoder[0].weight[0, 0, 0, 0] = value
    observer.renew(model, 2)
    assert observer.preview.step == 1
    assert all(weight.isfinite().all() for weight in observer.preview.model.parameters())


def test_the_observer_tries_the_newest_weights_while_somebody_asks(small_mnist, monkeypatch):
    monkeypatch.setattr(observing, "EVERY_SECONDS", 0.0)
    run = start(epochs=100_000)
    assert run.observer.observations == ()
    until(lambda: run.observer.ask() or len(run.observer.observations) >= 3)
    run.end(EndReason.STOPPED)
    snapshot = run.wait(60)
    until(lambda: run.observer.ask() or run.observer.observations[-1].step == snapshot.progress.step)
    last = run.observer.observations[-1]
    assert [one.step for one in run.observer.observations] == sorted(
        {one.step for one in run.observer.observations}
    )
    measured = snapshot.checkpoint.metrics
    assert last.test_mse == pytest.approx(measured.test_mse, rel=1e-5)
    assert last.denoising_mse == pytest.approx(measured.denoising_mse[0.2], rel=1e-5)
    assert run.observer.metrics().value_of("test_mse") == last.test_mse


def test_a_diverged_run_fails_with_a_sentence_and_offers_its_last_good_weights():
    run = start(learning_rate=1e30, schedule="constant", max_grad_norm=None, epochs=50)
    snapshot = run.wait(60)
    assert snapshot.state == "failed"
    assert "diverged" in snapshot.error
    if snapshot.checkpoint is not None:
        assert all(value.isfinite().all() for value in snapshot.checkpoint.model.state_dict().values())


def test_damaged_data_fail_the_run_with_the_files_name(monkeypatch):
    def broken(_split):
        raise DataError("The data file x.gz is missing.")

    monkeypatch.setattr(jobs, "MNIST", replace(MNIST, load=broken))
    snapshot = start().wait(60)
    assert snapshot.state == "failed"
    assert "x.gz" in snapshot.error


def test_snapshots_are_frozen_moments():
    run = start(epochs=100_000)
    until(lambda: run.snapshot().progress is not None)
    early = run.snapshot()
    until(lambda: len(run.snapshot().history) > len(early.history))
    run.end(EndReason.STOPPED)
    run.wait(60)
    assert early.state == "training"
    with pytest.raises(AttributeError):
        early.state = "finished"


def test_no_thread_is_left_behind():
    start(epochs=1).wait(60)
    assert not any(thread.name == "training" for thread in threading.enumerate())


@pytest.mark.parametrize("state", ["training", "measuring"])
def test_a_process_ends_quietly_while_a_run_goes_on(state):
    program = f"""
        import time
        import torch
        from ae_core.config import RECIPES
        from dataclasses import replace
        from ae_core.data import MNIST, Mnist, load_mnist
        from ae_core.training import job as jobs
        from ae_core.training import background as runs
        from ae_core.training.compute import Compute

        few = Mnist(*(part[:200] for part in load_mnist("train")))
        load = lambda split: few if split == "train" else load_mnist(split)
        jobs.MNIST = replace(MNIST, load=load)
        recipe = RECIPES["contractive"]["fast"].override(epochs={1000 if state == "training" else 1})
        run = runs.TrainingRun(jobs.Job(recipe, Compute(torch.device("cpu"), torch.float32, "")))
        while run.snapshot().state != "{state}" or run.snapshot().progress is None:
            time.sleep(0.01)
        time.sleep(0.2)
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert "terminate" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_program_that_ends_is_waited_for_by_no_stop():
    run = start(epochs=100_000)
    until(lambda: run.snapshot().progress is not None)
    run.end(EndReason.SHUTDOWN)
    run.end(EndReason.STOPPED)
    snapshot = run.wait(60)
    assert snapshot.checkpoint is None
    assert "before the model was measured" in snapshot.error


@pytest.mark.parametrize("report_seconds", [1e9, 0.0], ids=["one report", "a report each step"])
def test_weights_are_said_to_be_kept_where_there_is_a_model_with_them(monkeypatch, report_seconds):
    monkeypatch.setattr(jobs, "train", functools.partial(train, report_seconds=report_seconds))
    snapshot = start(
        learning_rate=1e30, schedule="constant", max_grad_norm=None, batch_size=50, epochs=2
    ).wait(60)
    assert snapshot.state == "failed"
    assert "diverged" in snapshot.error
    assert ("are kept" in snapshot.error) == (snapshot.checkpoint is not None)
