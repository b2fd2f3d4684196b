"""The queue of a device: fair, and nobody who left it holds it up. Needs torch for the runs in it."""

import gc
import threading
import time
import weakref
from dataclasses import replace

import pytest
import torch

from ae_core.analysis import evaluation
from ae_core.config import RECIPES
from ae_core.data import MNIST, Mnist, load_mnist
from ae_core.training import job as jobs
from ae_core.training.background import TrainingRun
from ae_core.training.device_queue import Turn
from ae_core.training.job import Job
from ae_core.training.ladder import train_ladder
from ae_core.training.run_folder import RunFolder, interrupted
from ae_core.training.run_snapshot import EndReason
from tests.unit.training.helpers import FLOAT32, until

SPARSE = RECIPES["sparse"]["fast"]
LONG = SPARSE.override(epochs=100_000)
SHORT = SPARSE.override(epochs=1, batch_size=100)


@pytest.fixture(autouse=True)
def small_mnist(monkeypatch):
    def load(split):
        count = 300 if split == "train" else 40
        return Mnist(*(part[:count] for part in load_mnist(split)))

    monkeypatch.setattr(jobs, "MNIST", replace(MNIST, load=load))
    monkeypatch.setattr(evaluation, "JACOBIAN_IMAGES", 3)
    monkeypatch.setattr(evaluation, "RECONSTRUCTION_JACOBIAN_IMAGES", 1)


def test_turns_come_in_the_order_in_which_they_were_asked_for():
    first, second, third = (Turn("a device") for _ in range(3))
    for turn in (first, third):
        turn.join()
    with pytest.raises(ValueError):
        second.ahead()
    third.leave()
    third = Turn("a device")
    for turn in (second, third, second):
        turn.join()
    assert [turn.ahead() for turn in (first, second, third)] == [0, 1, 2]
    second.leave()
    assert third.ahead() == 1
    first.leave()
    assert third.ahead() == 0
    third.leave()


def test_a_turn_that_runs_share_lasts_until_all_of_them_have_left():
    shared, other = Turn("a device", members=2), Turn("a device")
    for turn in (shared, shared, other):
        turn.join()
    assert (shared.ahead(), shared.ahead(), other.ahead()) == (0, 0, 1)
    shared.leave()
    assert other.ahead() == 1
    shared.leave()
    assert other.ahead() == 0
    other.leave()


def test_devices_have_queues_of_their_own():
    one, other = Turn("a device"), Turn("another")
    one.join()
    other.join()
    assert (one.ahead(), other.ahead()) == (0, 0)
    one.leave()
    other.leave()


def test_one_run_at_a_time_trains_and_the_others_show_their_place():
    first = TrainingRun(Job(LONG, FLOAT32))
    second = TrainingRun(Job(LONG, FLOAT32))
    third = TrainingRun(Job(SHORT, FLOAT32))
    until(lambda: first.snapshot().progress is not None)
    assert [run.snapshot().state for run in (second, third)] == ["waiting", "waiting"]
    assert [run.snapshot().ahead for run in (second, third)] == [1, 2]
    second.end(EndReason.STOPPED)
    assert second.wait(60).state == "stopped"
    until(lambda: third.snapshot().ahead == 1)
    first.end(EndReason.STOPPED)
    assert third.wait(60).state == "finished"
    assert first.wait(60).state == "stopped"


def test_a_ladder_of_one_session_lets_the_runs_of_others_in_between():
    first, second = train_ladder(LONG, (0.0, 1e-3), FLOAT32)
    until(lambda: first.snapshot().progress is not None)
    guest = TrainingRun(Job(SHORT, FLOAT32))
    assert guest.wait(60).state == "finished", "while the ladder goes on"
    for run in (first, second):
        assert run.snapshot().running
        run.end(EndReason.STOPPED)
        run.wait(60)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."),
    ],
    ids=["CUDA", "Python", "CPU"],
)
def test_a_run_without_enough_memory_says_so_and_gives_all_of_it_back(monkeypatch, error):
    models = []

    def out_of_memory(model, *_, **__):
        models.append(weakref.ref(model))
        raise error
        yield

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "train", out_of_memory)
        run = TrainingRun(Job(SHORT, FLOAT32))
        snapshot = run.wait(60)
    assert snapshot.state == "failed"
    assert snapshot.error.startswith("There is not enough memory.")
    # The parameter of this test holds the exception, whose traceback holds the frames.
    error.__traceback__ = None
    gc.collect()
    assert [model() for model in models] == [None]
    assert TrainingRun(Job(SHORT, FLOAT32)).wait(60).state == "finished"


def test_after_a_run_that_diverged_the_next_one_works():
    diverged = TrainingRun(
        Job(SHORT.override(learning_rate=1e30, schedule="constant", max_grad_norm=None, epochs=50), FLOAT32)
    )
    following = TrainingRun(Job(SHORT, FLOAT32))
    assert diverged.wait(60).state == "failed"
    assert following.wait(60).state == "finished"


def test_stop_acts_between_two_reports_even_of_slow_steps(monkeypatch):
    reported = threading.Event()

    def slow(*_, **__):
        for step in range(1, 1000):
            time.sleep(0.05)
            reported.set()
            yield jobs.TrainProgress(1, step, 1000, 1.0, 1.0, 1.0, 1.0, 1.0)

    monkeypatch.setattr(jobs, "train", slow)
    run = TrainingRun(Job(SHORT, FLOAT32))
    reported.wait(60)
    run.end(EndReason.STOPPED)
    assert run.wait(60).progress.step < 500


def kept(recipe, directory, **options):
    return TrainingRun(Job(recipe, FLOAT32, RunFolder.create(recipe, directory)), **options)


def test_what_ended_by_itself_or_by_stop_is_not_offered_again(tmp_path):
    assert kept(SHORT, tmp_path).wait(60).state == "finished"
    stopped = kept(LONG, tmp_path)
    until(lambda: stopped.snapshot().progress is not None)
    stopped.end(EndReason.STOPPED)
    stopped.wait(60)
    before = TrainingRun(Job(LONG, FLOAT32))
    waiting = kept(SHORT, tmp_path)
    for run in (waiting, before):
        run.end(EndReason.STOPPED)
        run.wait(60)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["the page went away", "the program ended"])
def test_what_ended_with_its_page_or_program_is_offered_and_ends_bit_for_bit_the_same(tmp_path, ending):
    recipe = SPARSE.override(epochs=18, batch_size=30)
    expected = TrainingRun(Job(recipe, FLOAT32)).wait(120).checkpoint.model.state_dict()
    run = kept(recipe, tmp_path, grace_seconds=0.0)
    until(lambda: run.snapshot().progress is not None and run.snapshot().progress.step > 10)
    if ending == "the page went away":
        run.orphan()
    else:
        run.end(EndReason.SHUTDOWN)
    before = run.wait(60).progress.step
    (saved,) = interrupted(tmp_path, 5).values()
    assert 0 < saved.state.step <= before
    (folder,) = tmp_path.iterdir()
    resumed = TrainingRun(Job.resume(RunFolder(folder)))
    assert resumed.snapshot().progress.step <= before, "what was known is shown at once"
    snapshot = resumed.wait(120)
    assert snapshot.state == "finished"
    assert snapshot.history[-1].step == 180
    for name, value in snapshot.checkpoint.model.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_interrupted_while_it_was_measured_is_measured_again(tmp_path, monkeypatch):
    # Long enough to be met while it is measured.
    monkeypatch.setattr(evaluation, "JACOBIAN_IMAGES", 40)
    monkeypatch.setattr(evaluation, "RECONSTRUCTION_JACOBIAN_IMAGES", 40)
    run = kept(SHORT, tmp_path)
    until(lambda: run.snapshot().state in ("measuring", "finished"))
    run.end(EndReason.SHUTDOWN)
    run.wait(60)
    offered = interrupted(tmp_path, 5)
    if offered:
        (folder,) = tmp_path.iterdir()
        resumed = TrainingRun(Job.resume(RunFolder(folder)))
        assert resumed.wait(60).state == "finished"
        assert resumed.snapshot().checkpoint is not None


def test_a_run_that_finished_unwatched_can_be_gone_on_with_until_its_model_was_found(tmp_path):
    """A reload in its last seconds: it was neither among the models nor among the interrupted runs."""
    run = kept(SHORT, tmp_path)
    run.orphan()
    assert run.wait(60).state == "finished"
    (saved,) = interrupted(tmp_path, 5).values()
    assert saved.state.step == run.snapshot().progress.total_steps
    (folder,) = tmp_path.iterdir()
    resumed = TrainingRun(Job.resume(RunFolder(folder)))
    resumed.orphan()
    again = resumed.wait(60).checkpoint.model.state_dict()
    for name, value in run.snapshot().checkpoint.model.state_dict().items():
        assert torch.equal(value, again[name])
    resumed.forget_state()
    assert list(tmp_path.iterdir()) == []
    # Somebody else may have been faster.
    resumed.forget_state()
