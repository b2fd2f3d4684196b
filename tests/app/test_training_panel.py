"""The view in which one trains, in Streamlit's test harness. Needs the shipped checkpoints."""

import re
import time
from threading import Timer
from types import SimpleNamespace

import pytest
import torch

from ae_core.config import LADDERS
from ae_core.training import background as runs
from ae_core.training.run_snapshot import EndReason
from ae_core.ui.training import watching as running
from tests.app.conftest import (
    bodies,
    choose_kind,
    gauges,
    models_in_sight,
    show_view,
    texts,
    told_late,
    train_on,
)
from tests.app.opened_views import labels
from tests.unit.training.helpers import until


def train_for_long(page):
    """Start a run that only Stop ends."""
    page = show_view(choose_kind(page, "sparse"), "Train")
    page.number_input(key="train_sparse_epochs").set_value(100_000)
    page.button(key="train").click()
    page = page.run()
    (run,) = page.session_state["lab"].runs
    return page, run


def test_stop_keeps_what_was_learnt(page, small_mnist):
    page, run = train_for_long(page)
    assert page.button(key="train").disabled
    deadline = time.monotonic() + 60
    while run.snapshot().progress is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    page.button(key="stop").click()
    page = page.run()
    run.wait(60)
    page = page.run()
    assert run.snapshot().state == "stopped"
    assert len(page.session_state["lab"].models) == 1
    assert not page.button(key="train").disabled


def test_a_whole_ladder_is_trained_and_lands_in_compare(page, small_mnist):
    page = show_view(choose_kind(page, "sparse"), "Train")
    page.number_input(key="train_sparse_epochs").set_value(1)
    page.button(key="train_ladder").click()
    page = page.run()
    assert not page.exception
    lab = page.session_state["lab"]
    assert len(lab.runs) == len(LADDERS["sparse"])
    (waking,) = [body for body in bodies(page) if "waking" in body]
    assert waking.count("<div class='bar'>") == len(LADDERS["sparse"])
    assert waking.count("Reconstruction by sparse") == len(LADDERS["sparse"])
    assert page.button(key="train").disabled
    assert page.button(key="train_ladder").disabled
    for run in lab.runs:
        run.wait(60)
    page = page.run()
    weights = [shown.checkpoint.train_config.penalty_weight for shown in lab.models.values()]
    assert weights == list(LADDERS["sparse"])
    assert not page.button(key="train_ladder").disabled
    assert {shown.checkpoint.train_config.epochs for shown in lab.models.values()} == {1}
    page = show_view(page, "Compare")
    columns = [
        name
        for element in page.main.get("html")
        if ">penalty weight<" in element.proto.body
        for name in re.findall(r"<b>([^<]*)</b>", element.proto.body)
    ]
    assert columns == [*labels("sparse"), *lab.models]


def test_stop_waits_for_the_step_at_work_so_that_the_page_shows_its_end(monkeypatch):
    state = ["training"]
    run = SimpleNamespace(
        end=lambda _: Timer(0.1, lambda: state.append("measuring")).start(),
        snapshot=lambda: SimpleNamespace(state=state[-1]),
    )
    monkeypatch.setattr(running, "lab", lambda: SimpleNamespace(runs=[run]))
    running.stop()
    assert state[-1] == "measuring"


def test_stop_ends_the_runs_of_a_ladder_that_wait_too(page, small_mnist):
    page = show_view(choose_kind(page, "sparse"), "Train")
    # On CUDA none waits: all train at once.
    page.selectbox(key="device").set_value("cpu")
    page.number_input(key="train_sparse_epochs").set_value(100_000)
    page.button(key="train_ladder").click()
    page = page.run()
    page.button(key="stop").click()
    page = page.run()
    first, *others = [run.wait(60) for run in page.session_state["lab"].runs]
    assert first.state == "stopped"
    assert {run.state for run in others} == {"stopped"}
    assert not any(run.progress for run in others)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("sparsity_target", 2.0, "rho"),
        ("sparsity_target", 0.0, "rho"),
        ("penalty_weight", -1.0, "penalty_weight"),
        ("epochs", 0, "epochs"),
        ("batch_size", -5, "batch_size"),
        ("learning_rate", 0.0, "learning_rate"),
        ("seed", -1, "seed"),
    ],
)
def test_an_impossible_field_is_a_sentence_and_starts_nothing(page, field, value, named):
    page = train_on(choose_kind(page, "sparse"), **{field: value})
    assert page.session_state["lab"].runs == []
    assert named in page.error[0].value
    assert page.error[0].value.count("\n") == 0


def test_a_recipe_fills_in_the_fields(page):
    page = show_view(page, "Train")
    page.selectbox(key="train_contractive_recipe").set_value("reference")
    page = page.run()
    assert page.number_input(key="train_contractive_batch_size").value == 600
    assert page.number_input(key="train_contractive_epochs").value == 10
    assert page.number_input(key="train_contractive_learning_rate").value == 1e-3


def test_fields_survive_a_look_at_the_other_kind_and_at_another_view(page):
    page = show_view(page, "Train")
    page.number_input(key="train_contractive_epochs").set_value(7)
    page = choose_kind(choose_kind(page.run(), "sparse"), "contractive")
    page = show_view(show_view(page, "Play"), "Train")
    assert page.number_input(key="train_contractive_epochs").value == 7


def test_only_devices_that_are_there_are_offered(page):
    page = show_view(page, "Train")
    expected = ["auto", "cuda", "cpu"] if torch.cuda.is_available() else ["auto", "cpu"]
    assert page.selectbox(key="device").options == expected


def test_a_run_is_adopted_by_the_next_script_run(page, small_mnist):
    page, run = train_for_long(page)
    run.orphan()
    page = page.run()
    assert run._orphaned is None
    run.end(EndReason.STOPPED)
    assert run.wait(60).state == "stopped"
    assert runs.GRACE_SECONDS == 60


def test_the_model_in_training_is_shown_as_a_and_follows_its_weights(page, small_mnist):
    page, run = train_for_long(page)
    assert models_in_sight(page) == ["A: sparse 5·10⁻³ no. 1"]
    until(lambda: run.observer.preview.step > 0)
    first = gauges(page.run())
    seen = run.observer.preview.step
    until(lambda: run.observer.preview.step > seen + 50)
    assert gauges(page.run()) != first
    page = show_view(page, "Compare")
    assert any(text.startswith("Still in training: sparse 5·10⁻³ no. 1.") for text in texts(page.caption))
    assert not page.get("plotly_chart")
    assert models_in_sight(page) == ["A: sparse 5·10⁻³ no. 1"]
    page = show_view(page, "Play")
    assert any(text.startswith("Still in training: sparse 5·10⁻³ no. 1.") for text in texts(page.caption))
    assert not page.exception
    page = show_view(page, "Train")
    page.button(key="stop").click()
    page.run()
    run.wait(60)
    page = page.run()
    assert models_in_sight(page) == ["A: sparse 5·10⁻³ no. 1"]
    assert not page.session_state["lab"].live
    page = show_view(page, "Compare")
    assert not page.exception
    assert page.get("plotly_chart")


def test_a_slider_of_which_the_browser_tells_late_does_not_hide_the_model_in_training(page, small_mnist):
    page = show_view(choose_kind(page, "sparse"), "Train")
    page = told_late(page, "weight_A_sparse", lambda page: page.button(key="train").click().run())
    (run,) = page.session_state["lab"].runs
    assert models_in_sight(page) == ["A: sparse 5·10⁻³ no. 1"]
    run.end(EndReason.SHUTDOWN)
    run.wait(60)
    # Likewise a list of models from which the only one has gone.
    page = told_late(page, "model_A_sparse", lambda page: page.run())
    assert models_in_sight(page) == ["A: β = 5·10⁻³"]
    assert texts(page.error) == ["The program ended before the model was measured."]


def test_a_run_that_ends_without_a_model_leaves_the_ladder_in_sight(page, small_mnist):
    page, run = train_for_long(page)
    run.end(EndReason.SHUTDOWN)
    run.wait(60)
    page = page.run()
    assert not page.exception
    assert models_in_sight(page) == ["A: β = 5·10⁻³"]


def test_pause_step_change_and_continue(page, small_mnist):
    page, run = train_for_long(page)
    until(lambda: run.snapshot().progress is not None)
    assert page.button(key="step").disabled
    page.button(key="hold").click()
    page = page.run()
    until(lambda: run.snapshot().state == "paused")
    page = page.run()
    assert page.button(key="hold").label == "Continue"
    step = run.snapshot().progress.step
    page.button(key="step").click()
    page = page.run()
    until(lambda: run.snapshot().progress.step == step + 1)
    page.number_input(key="train_sparse_penalty_weight").set_value(0.5)
    page = page.run()
    page.number_input(key="train_sparse_sparsity_target").set_value(1.5)
    page = page.run()
    assert (
        "Nothing is changed: sparsity_target (rho) must lie strictly between 0 and 1" in page.error[0].value
    )
    assert page.number_input(key="train_sparse_sparsity_target").value == 0.01
    page.button(key="hold").click()
    page = page.run()
    until(lambda: run.snapshot().progress.step > step + 1)
    assert page.button(key="hold").label == "Pause"
    assert [(change.step, change.values) for change in run.changes] == [(step + 1, {"penalty_weight": 0.5})]
    page.button(key="stop").click()
    page.run()
    run.wait(60)
    page = page.run()
    (shown,) = page.session_state["lab"].models.values()
    assert shown.checkpoint.train_config.changes == run.changes


def test_a_stopped_run_goes_on_and_a_finished_one_trains_for_more_epochs(page, small_mnist):
    page, run = train_for_long(page)
    until(lambda: run.snapshot().progress is not None)
    page.button(key="stop").click()
    page.run()
    run.wait(60)
    page = page.run()
    page.button(key="go_on").click()
    page = page.run()
    (again,) = page.session_state["lab"].runs
    until(lambda: again.snapshot().progress.step > run.snapshot().progress.step)
    page.button(key="stop").click()
    page.run()
    again.wait(60)
    page = train_on(page.run(), epochs=1)
    (short,) = page.session_state["lab"].runs
    assert short.snapshot().state == "finished"
    page.number_input(key="more_epochs").set_value(2)
    page.run()
    page.button(key="train_more").click()
    page = page.run()
    (longer,) = page.session_state["lab"].runs
    assert longer.wait(60).progress.step == 3 * short.snapshot().progress.step
    page = page.run()
    titles = list(page.session_state["lab"].models)
    assert len(titles) == len(set(titles)) == 4
    assert models_in_sight(page) == [f"A: {titles[-1]}"]


def test_a_training_stops_below_the_wanted_error_and_says_why(page, small_mnist):
    page = show_view(choose_kind(page, "sparse"), "Train")
    page.number_input(key="stop_below").set_value(-1.0)
    page.button(key="train").click()
    page = page.run()
    assert "the test MSE to stop below must be a number above 0" in page.error[0].value
    assert not page.session_state["lab"].runs
    # Its learning rate does not rise for a third of all epochs first.
    page.selectbox(key="train_sparse_recipe").set_value("reference")
    page = page.run()
    page.number_input(key="stop_below").set_value(0.2)
    page.number_input(key="train_sparse_epochs").set_value(100_000)
    page.button(key="train").click()
    page = page.run()
    (run,) = page.session_state["lab"].runs
    assert run.wait(60).state == "stopped"
    page = page.run()
    assert "The test MSE on up to 500 test images fell below 0.2." in texts(page.caption)
    assert not page.error
