"""A run in the background. Needs torch; the data set is cut down to a few hundred images."""

import functools
import subprocess
import sys
import textwrap
import threading
import time

import pytest
import torch

from ae_core.analysis import evaluation
from ae_core.analysis.evaluation import evaluate
from ae_core.config import RECIPES
from ae_core.data import Mnist, load_mnist, to_float
from ae_core.errors import DataError
from ae_core.training import job as jobs
from ae_core.training.background import TrainingRun, train_ladder
from ae_core.training.job import Job
from ae_core.training.loop import train
from ae_core.training.run_snapshot import EndReason
from tests.unit.training.helpers import FLOAT32, until


@pytest.fixture(autouse=True)
def small_mnist(monkeypatch):
    def load(split):
        images, labels = load_mnist(split)
        return Mnist(images[:300], labels[:300]) if split == "train" else Mnist(images[:40], labels[:40])

    monkeypatch.setattr(jobs, "load_mnist", load)
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


def test_on_a_cpu_a_ladder_s_runs_take_turns_and_each_has_its_weight():
    weights = (0.0, 1e-3, 1e-2)
    first, second, third = train_ladder(RECIPES["sparse"]["fast"].override(epochs=100_000), weights, FLOAT32)
    until(lambda: first.snapshot().progress is not None)
    assert second.snapshot().state == third.snapshot().state == "waiting"
    assert second.snapshot().running
    second.end(EndReason.STOPPED)
    assert second.wait(60).state == "stopped"
    assert second.snapshot().checkpoint is None
    assert third.snapshot().state == "waiting", "one that leaves the queue gives its place to nobody"
    first.end(EndReason.STOPPED)
    assert first.wait(60).state == "stopped"
    until(lambda: third.snapshot().progress is not None)
    third.end(EndReason.STOPPED)
    assert third.wait(60).checkpoint.train_config.penalty_weight == weights[2]


def test_runs_that_are_stopped_while_they_wait_never_begin():
    runs = train_ladder(RECIPES["sparse"]["fast"].override(epochs=100_000), (0.0, 1e-3, 1e-2, 1e-1), FLOAT32)
    until(lambda: runs[0].snapshot().progress is not None)
    for run in runs:
        run.end(EndReason.STOPPED)
    assert {run.wait(60).state for run in runs} == {"stopped"}
    assert [run.snapshot().progress is None for run in runs] == [False, True, True, True]


def test_a_waiting_run_that_nobody_watches_stops_waiting():
    first = start(epochs=100_000)
    second = TrainingRun(Job(RECIPES["sparse"]["fast"], FLOAT32), after=[first], grace_seconds=0.2)
    second.orphan()
    assert second.wait(60).state == "stopped"
    first.end(EndReason.STOPPED)
    first.wait(60)


def test_preview_follows_the_weights_while_the_run_goes_on(small_mnist):
    x = to_float(small_mnist("test").images[:1])
    run = start(epochs=100_000)
    first = run.reconstruct(x)
    until(lambda: not torch.equal(run.reconstruct(x), first))
    run.end(EndReason.STOPPED)
    snapshot = run.wait(60)
    expected = snapshot.checkpoint.model(x).reconstruction.clamp(0, 1)
    torch.testing.assert_close(run.reconstruct(x), expected, rtol=1e-4, atol=1e-5)


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

    monkeypatch.setattr(jobs, "load_mnist", broken)
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
        from ae_core.data import Mnist, load_mnist
        from ae_core.training import job as jobs
        from ae_core.training import background as runs
        from ae_core.training.compute import Compute

        few = Mnist(*(part[:200] for part in load_mnist("train")))
        jobs.load_mnist = lambda split: few if split == "train" else load_mnist(split)
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
