"""Runs that pause, take single steps, stop and go on, all of it bit for bit. Needs torch."""

import pytest
import torch

from ae_core.config import KINDS, Change
from ae_core.training.background import TrainingRun
from ae_core.training.device_queue import Turn
from ae_core.training.job import Job
from ae_core.training.run_snapshot import EndReason
from tests.unit.training.helpers import (
    BFLOAT16,
    FLOAT32,
    assert_equal,
    recipe_of,
    until,
)

pytestmark = pytest.mark.usefixtures("few_images")


def run_of(recipe, compute=FLOAT32, **options):
    return TrainingRun(Job(recipe, compute), **options)


def undisturbed(recipe, compute=FLOAT32):
    """What such a run ends with if nobody touches it: its thread rounds sums as those of the others do."""
    return run_of(recipe, compute).wait(120).checkpoint.model.state_dict()


def paused(run):
    run.pause()
    until(lambda: run.snapshot().state == "paused")
    return run.snapshot().progress.step


@pytest.mark.parametrize("compute", [FLOAT32, BFLOAT16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_pause_steps_and_go_on_leave_no_trace_in_the_weights(kind, compute):
    recipe = recipe_of(kind, epochs=10 if compute is FLOAT32 else 4)
    run = run_of(recipe, compute)
    at = paused(run)
    for steps, expected in ((1, at + 1), (3, at + 4), (None, 10 * ((at + 4) // 10 + 1))):
        run.step(steps)
        until(lambda expected=expected: run.snapshot().progress.step == expected)
        until(lambda: run.snapshot().state == "paused")
        assert run.snapshot().progress.step == expected
    run.go_on()
    snapshot = run.wait(60)
    assert snapshot.state == "finished"
    assert_equal(undisturbed(recipe, compute), snapshot.checkpoint.model.state_dict())


def test_the_end_of_an_epoch_is_where_it_was_though_more_of_them_are_wanted_by_now():
    run = run_of(recipe_of("sparse", epochs=100))
    at = paused(run)
    run.change(epochs=3000)
    run.step(None)
    until(lambda: run.snapshot().progress.step > at and run.snapshot().state == "paused")
    assert run.snapshot().progress.step == 10 * (at // 10 + 1)
    run.end(EndReason.STOPPED)
    run.wait(60)


def test_a_paused_run_takes_changes_and_can_be_stopped():
    run = run_of(recipe_of("sparse", epochs=100_000))
    at = paused(run)
    run.change(penalty_weight=0.25)
    run.step()
    until(lambda: run.snapshot().progress.step > at and run.snapshot().state == "paused")
    assert run.changes == (Change(at, penalty_weight=0.25),)
    with pytest.raises(ValueError, match="learning_rate"):
        run.change(learning_rate=0.0)
    run.end(EndReason.STOPPED)
    assert run.wait(60).checkpoint.train_config.changes == run.changes


@pytest.mark.parametrize(("kind", "epochs"), [("contractive", 6), ("sparse", 20)])
def test_a_stopped_run_goes_on_as_if_it_never_had_stopped(kind, epochs):
    recipe = recipe_of(kind, epochs=epochs)
    run = run_of(recipe)
    until(lambda: run.snapshot().progress is not None)
    run.end(EndReason.STOPPED)
    stopped = run.wait(60)
    assert stopped.state == "stopped"
    assert stopped.saved.state.step == stopped.progress.step
    for name, value in stopped.saved.state.weights.items():
        assert torch.equal(value, stopped.checkpoint.model.state_dict()[name])
    again = TrainingRun(Job.go_on(stopped.saved))
    ended = again.wait(60)
    assert ended.state == "finished"
    assert_equal(undisturbed(recipe), ended.checkpoint.model.state_dict())
    assert [report.step for report in ended.history] == sorted({report.step for report in ended.history})


def test_more_epochs_are_a_change_that_can_be_replayed():
    run = run_of(recipe_of("sparse"))
    ended = run.wait(60)
    more = TrainingRun(Job.go_on(ended.saved, more_epochs=2)).wait(60)
    assert more.progress.step == more.progress.total_steps == 50
    recipe = recipe_of("sparse", changes=(Change(30, epochs=5),))
    assert more.checkpoint.train_config == recipe.train
    assert_equal(undisturbed(recipe), more.checkpoint.model.state_dict())


def test_a_run_that_is_paused_for_long_lets_others_have_the_device():
    run = run_of(recipe_of("sparse", epochs=100_000), patience_seconds=0.3)
    paused(run)
    other = run_of(recipe_of("sparse"))
    assert other.wait(60).state == "finished"
    waiting = Turn("cpu")
    waiting.join()
    run.go_on()
    until(lambda: run.snapshot().state == "waiting")
    assert run.snapshot().ahead == 1
    waiting.leave()
    until(lambda: run.snapshot().state == "training")
    run.end(EndReason.STOPPED)
    assert run.wait(60).state == "stopped"
