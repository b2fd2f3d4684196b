"""Runs that were interrupted, and runs that wait, on the real page. Needs torch and Streamlit's AppTest."""

import time

import pytest
import torch
from streamlit.testing.v1 import AppTest

from ae_core.config import RECIPES
from ae_core.training.job import Job
from ae_core.training.run_folder import RUNS_VARIABLE, RunFolder, interrupted
from tests.app.conftest import APP, choose_kind, models_in_sight, show_view
from tests.unit.training.helpers import FLOAT32, left_by_cuda

pytestmark = pytest.mark.usefixtures("small_mnist")


def sentences(page):
    return [element.value for element in (*page.error, *page.warning, *page.caption)]


def visitor():
    return show_view(AppTest.from_file(str(APP), default_timeout=60).run(), "Train")


def until_it_ends(page):
    for run in page.session_state.lab.runs:
        assert not run.wait(60).running
    # One look collects the model, the rerun that it asks for lists it.
    return page.run().run()


@pytest.fixture
def name(own_runs_dir):
    """An interrupted run of the page."""
    recipe = RECIPES["sparse"]["fast"].override(epochs=2, batch_size=100, penalty_weight=0.0007)
    folder = RunFolder.create(recipe, own_runs_dir)
    job = Job(recipe, FLOAT32, folder)
    for progress in job.train():
        if progress.step >= 6:
            break
    folder.close()
    return folder.name


def test_an_interrupted_run_is_offered_and_goes_on_to_a_model(name, own_runs_dir):
    page = AppTest.from_file(str(APP), default_timeout=60).run()
    assert "A training was interrupted." in sentences(page), "in every view"
    page = page.button("see_interrupted").click().run()
    (said,) = (text for text in sentences(page) if text.startswith("Interrupted"))
    assert "sparse, weight 7·10⁻⁴, step" in said
    page.button(f"go_on_{name}").click().run()
    assert not any(text.startswith("Interrupted") for text in sentences(page))
    page = until_it_ends(page)
    assert not page.exception
    (title,) = page.session_state.lab.models
    assert title.startswith("sparse 7·10⁻⁴")
    assert page.session_state.lab.runs[0].snapshot().state == "finished"
    assert list(own_runs_dir.iterdir()) == []


def test_what_changes_in_the_moment_in_which_a_run_of_the_other_kind_goes_on_is_no_error(name):
    page = visitor()
    page.select_slider(key="weight_A_contractive").set_value(1e-2)
    page.number_input(key="train_contractive_epochs").set_value(7)
    page.button(f"go_on_{name}").click().run()
    assert not page.exception
    assert models_in_sight(page) == ["A: sparse 7·10⁻⁴ no. 1"]
    until_it_ends(page)
    page = choose_kind(page, "contractive")
    assert models_in_sight(page) == ["A: λ = 10⁻²"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="There is a CUDA device here.")
def test_what_began_on_a_device_that_is_not_there_goes_on_on_another_and_says_so(own_runs_dir, small_mnist):
    recipe = RECIPES["sparse"]["fast"].override(epochs=2, batch_size=100)
    folder = RunFolder.create(recipe, own_runs_dir)
    folder.save(left_by_cuda(recipe, 3))
    folder.close()
    page = visitor()
    page.button(f"go_on_{folder.name}").click().run()
    assert any("began on cuda, which is not there now" in text for text in sentences(page))
    page = until_it_ends(page)
    assert not page.exception
    assert len(page.session_state.lab.models) == 1


def test_a_forgotten_run_is_not_offered_again(name, own_runs_dir):
    page = visitor()
    page.button(f"forget_{name}").click().run()
    assert not any(text.startswith("Interrupted") for text in sentences(page))
    assert list(own_runs_dir.iterdir()) == []


def test_of_two_visitors_the_faster_one_goes_on_and_the_other_reads_why_not(name, own_runs_dir):
    first, second = visitor(), visitor()
    taken = RunFolder(own_runs_dir / name)
    second.button(f"go_on_{name}").click().run()
    assert any("goes on in another program or session" in text for text in sentences(second))
    taken.remove()
    first.button(f"go_on_{name}").click().run()
    assert any("This run is gone" in text for text in sentences(first))
    assert not first.exception


def test_a_damaged_state_is_a_sentence_and_the_page_works_on(name, own_runs_dir):
    page = visitor()
    state = own_runs_dir / name / "state.safetensors"
    state.write_bytes(state.read_bytes()[:100])
    page.button(f"go_on_{name}").click().run()
    assert any(text.startswith("This run cannot go on:") for text in sentences(page))
    assert not page.exception
    assert not page.session_state.lab.running


def test_a_second_visitor_waits_in_the_queue_sees_the_place_and_can_leave(own_runs_dir):
    first, second = visitor(), visitor()
    first.number_input("train_contractive_epochs").set_value(100_000).run()
    first.button("train").click().run()
    second.button("train").click().run()
    lab = second.session_state.lab
    for _ in range(100):
        if lab.runs[0].snapshot().ahead == 1:
            break
        time.sleep(0.05)
    bars = second.run().get("progress")
    assert [bar.proto.text for bar in bars] == [
        "contractive 10⁻⁴: In the queue: one training comes first. Stop leaves it"
    ]
    second.button("stop").click().run()
    assert lab.runs[0].wait(60).state == "stopped"
    first.button("stop").click().run()
    first.session_state.lab.runs[0].wait(60)
    assert interrupted(own_runs_dir, 5) == {}


def test_where_no_state_can_be_kept_the_page_says_so_and_trains(monkeypatch, tmp_path):
    occupied = tmp_path / "occupied"
    occupied.write_text("not a folder")
    monkeypatch.setenv(RUNS_VARIABLE, str(occupied / "runs"))
    page = visitor()
    page.number_input("train_contractive_epochs").set_value(1).run()
    page.button("train").click().run()
    assert any("cannot be kept" in text for text in sentences(page))
    page = until_it_ends(page)
    assert len(page.session_state.lab.models) == 1
