"""The Meaning view and the live reading, in Streamlit's test harness. Needs checkpoints, probes and MNIST."""

import re
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
import torch

from ae_core.analysis.novelty import get_familiar
from ae_core.checkpoints import load_checkpoint, to_bytes
from ae_core.checkpoints.library import ladder_paths
from ae_core.checkpoints.probe_file import load_probe, probe_path
from ae_core.config import LADDERS
from ae_core.data import load_mnist
from ae_core.errors import DataError
from ae_core.ui import library, unusual
from ae_core.ui import probes as page_probes
from ae_core.ui.slow_work import SlowWork
from tests.app.conftest import after_slow_work, bodies, decoded, open_more, show_view, texts, train_on, upload
from tests.app.opened_views import X, chart_of, opened
from tests.probing import probe_few_images


def reading(page):
    """The heights of the bars in percent, by the side, and what is said of each."""
    (body,) = [body for body in bodies(page) if "<div class='reading'>" in body]
    bars = {side: re.findall(rf"<i class='{side}' style='height:([0-9.]+)%'>", body) for side in "AB"}
    return {side: [float(one) for one in found] for side, found in bars.items() if found}, dict(
        re.findall(r"<span>([AB]): <b>([^<]*)</b></span>", body)
    )


def stored(kind, weight):
    model = load_checkpoint(ladder_paths(kind)[weight]).model
    return model, load_probe(probe_path(ladder_paths(kind)[weight]), model)


@pytest.mark.parametrize("kind", LADDERS)
def test_the_reading_is_what_the_stored_reader_makes_of_the_code(page, kind):
    page = opened(page, kind, "Play")
    page.button(key="compare_b").click()
    page = page.run()
    bars, said = reading(page)
    for side, weight in (("A", 1e-4 if kind == "contractive" else 5e-3), ("B", 0.0)):
        model, probe = stored(kind, weight)
        reader = probe.reader
        with torch.no_grad():
            scores = (model.encode(X) - reader.mean) / reader.scale @ reader.weight.T + reader.bias
        expected = 100 * torch.softmax(scores, 1)[0].numpy()
        np.testing.assert_allclose(bars[side], expected, atol=0.06)
        digit = int(expected.argmax())
        assert said[side] == f"{digit} ({expected[digit] / 100:.0%})"


def test_an_empty_canvas_is_read_as_nothing(page):
    page = opened(page, "sparse", "Play", drawn=False)
    bars, said = reading(page)
    assert said == {"A": "nothing"}
    assert bars["A"] == [0.0] * 10


@pytest.mark.parametrize("kind", LADDERS)
def test_meaning_shows_the_errors_along_the_ladder(page, kind):
    page = opened(page, kind, "Meaning")
    data = {one["name"]: one for one in chart_of(page, "probe_errors")["data"]}
    found = [stored(kind, weight)[1].errors for weight in LADDERS[kind]]
    for name, label in (("all", "60,000 labels"), ("1000", "1,000 labels"), ("100", "100 labels")):
        np.testing.assert_allclose(
            decoded(data[label]["y"]), [errors[f"probe_error_{name}"] for errors in found]
        )
        assert len(set(decoded(data[f"pixels, {label}"]["y"]))) == 1
    bars = decoded(data["100 labels"]["error_y"]["array"])
    np.testing.assert_allclose(bars, [errors["probe_error_100_deviation"] for errors in found])
    noise = {one["name"]: one for one in chart_of(page, "probe_noise")["data"]}
    assert "pixels" in noise
    assert decoded(noise["0"]["y"])[-1] == pytest.approx(found[0]["probe_error_noise_0.3"], rel=1e-5)


def test_what_is_said_of_the_ladder_follows_from_its_values(page):
    said = {}
    for kind in LADDERS:
        page = opened(page, kind, "Meaning")
        (said[kind],) = [body for body in bodies(page) if "On clean digits" in body]
    best = min(LADDERS["sparse"], key=lambda weight: stored("sparse", weight)[1].errors["probe_error_all"])
    assert best == 2e-2
    assert "the code of β = 2·10⁻² is read best: 4.4 % errors" in said["sparse"]
    assert "a better reconstruction is not a better code" in said["sparse"]
    assert "Under noise of 0.3 no code is read much better than by guessing" in said["sparse"]
    assert "The penalty costs" not in said["sparse"]
    assert "On clean digits no penalty helps: without one the reader errs on 4.5 %" in said["contractive"]
    assert "The same network untrained: 3.2 %" in said["contractive"]
    costs, _, noise = said["contractive"].partition("The penalty costs")[2].partition("Under noise of 0.3")
    assert "λ = 10⁻¹ (7.2 %)" in costs
    assert "10⁻⁵" not in costs
    assert "λ = 10⁻¹ errs least" in noise


def test_without_the_plain_model_nothing_is_held_against_it(page, monkeypatch):
    ladder = library.intact_ladder
    monkeypatch.setattr(library, "intact_ladder", lambda kind: ladder(kind)[1:])
    page = opened(page, "sparse", "Meaning")
    (idea,) = [body for body in bodies(page) if "class='idea'" in body and "β = 0" in body]
    assert "without a penalty" not in idea.lower()


def test_the_confusions_count_the_test_digits_and_show_those_behind_a_cell(page):
    page = opened(page, "sparse", "Meaning")
    (grid,) = [body for body in bodies(page) if "class='confusions'" in body]
    counts = [int(count) for count in re.findall(r"aria-label='[0-9] read as [0-9]: ([0-9]+) times'", grid)]
    _, probe = stored("sparse", 5e-3)
    labels = load_mnist("test").labels.numpy()
    read = probe.read_as.numpy()
    expected = [[int(((labels == digit) & (read == as_)).sum()) for as_ in range(10)] for digit in range(10)]
    np.testing.assert_array_equal(np.reshape(counts, (10, 10)), expected)
    page.session_state["lab"].cell = (4, 9)
    page = page.run()
    (behind,) = [body for body in bodies(page) if "strip behind" in body]
    picks = [int(index) for index in re.findall(r"data-pick='test:([0-9]+)'", behind)]
    assert picks == list(np.flatnonzero((labels == 4) & (read == 9)))[:24]
    assert len(picks) > 3


def test_how_unusual_the_drawing_is_follows_the_drawing(page):
    page = after_slow_work(opened(page, "sparse", "Meaning"))

    def percentiles(page):
        (body,) = [body for body in bodies(page) if "distance to the nearest" in body]
        return [int(one) for one in re.findall(r"<b>([0-9]+) %</b>", body)]

    usual = percentiles(page)
    page.button(key="sample_:)").click()
    page = page.run()
    assert not page.exception
    odd = percentiles(page)
    assert odd[0] >= 95
    assert odd[0] > usual[0]
    assert odd[1] > usual[1]


def test_the_page_does_not_wait_for_the_training_images(page, monkeypatch):
    encoded = Event()
    monkeypatch.setattr(unusual, "get_familiar", lambda *known: encoded.wait(60) and get_familiar(*known))
    monkeypatch.setattr(unusual, "_known", SlowWork(unusual._familiar, kept=1))
    page = opened(page, "sparse", "Meaning")
    assert "Encoding training images." in texts(page.caption)
    assert not any("distance to the nearest" in body for body in bodies(page))
    encoded.set()
    page = after_slow_work(page)
    assert "Encoding training images." not in texts(page.caption)
    assert any("distance to the nearest" in body for body in bodies(page))


def test_images_that_cannot_be_read_are_told_there_alone(page, monkeypatch):
    def unreadable(*_):
        raise DataError("The images are gone.")

    monkeypatch.setattr(unusual, "get_familiar", unreadable)
    monkeypatch.setattr(unusual, "_known", SlowWork(unusual._familiar, kept=1))
    page = after_slow_work(opened(page, "sparse", "Meaning"))
    assert texts(page.error) == ["The images are gone."]
    assert not page.exception


def test_a_model_that_knows_some_digits_alone_says_so_and_shows_how_well_it_tells_the_others(page, tmp_path):
    checkpoint = load_checkpoint(ladder_paths("sparse")[5e-3])
    some = replace(checkpoint, train_config=replace(checkpoint.train_config, digits="1"))
    page = upload(page, "some.safetensors", to_bytes(some))
    page = after_slow_work(show_view(page, "Meaning"))
    assert not page.exception
    curve = chart_of(page, "detection")["data"][0]
    assert decoded(curve["y"])[-1] == 1
    assert any("was trained on the digits 1 alone" in caption for caption in texts(page.caption))
    assert any("digits 1" in body for body in bodies(page) if "panel-values" in body)
    # There are no 10,000 training images of one digit.
    ones = int((load_mnist("train").labels == 1).sum())
    assert any(f"nearer to those of {ones:,} training images" in text for text in texts(page.caption))


@pytest.fixture
def few_probed(monkeypatch):
    probe_few_images(monkeypatch, page_probes)


def test_a_model_trained_here_is_probed_in_the_background(
    page, small_mnist, few_probed, monkeypatch, tmp_path
):
    page = train_on(opened(page, "sparse", "Train"), epochs=1)
    assert reading(page)[1] == {"A": "no reader yet"}
    page = show_view(page, "Meaning")
    page.button(key="probe").click()
    page = page.run()
    assert not page.exception
    (run,) = page.session_state["lab"].probe_runs.values()
    run.wait(60)
    page = page.run()
    assert not page.exception
    (title,) = page.session_state["lab"].models
    assert run.result.errors["probe_error_all"] < 90
    noise = {one["name"] for one in chart_of(page, "probe_noise")["data"]}
    assert title in noise
    assert re.fullmatch(r"[0-9] \([0-9]+%\)", reading(page)[1]["A"])
    # Saved, the model takes its probe along.
    monkeypatch.setattr("ae_core.checkpoints.library.SAVED", tmp_path)
    page = open_more(page)
    page.text_input(key="save_name").set_value("mine")
    page.button(key="save").click()
    page = page.run()
    assert not page.exception
    path = tmp_path / "mine.safetensors"
    assert load_probe(probe_path(path), load_checkpoint(path).model).errors == run.result.errors


def test_a_probe_can_be_stopped_and_started_again(page, small_mnist, few_probed):
    page = train_on(opened(page, "sparse", "Train"), epochs=1)
    page = show_view(page, "Meaning")
    page.button(key="probe").click()
    page = page.run()
    (run,) = page.session_state["lab"].probe_runs.values()
    if run.running:
        page.button(key="stop_probe").click()
        page = page.run()
        run.wait(60)
        assert run.result is None
        assert page.session_state["lab"].probe_runs == {}
        assert [button.key for button in page.button if button.key == "probe"]


def test_a_dead_code_says_why_there_is_no_probe(page, few_probed):
    checkpoint = load_checkpoint(ladder_paths("sparse")[0.0])
    with torch.no_grad():
        checkpoint.model.code_layer.weight.zero_()
        checkpoint.model.code_layer.bias.fill_(-1.0)
    page = upload(page, "dead.safetensors", to_bytes(checkpoint))
    page = show_view(page, "Meaning")
    page.button(key="probe").click()
    page = page.run()
    (run,) = page.session_state["lab"].probe_runs.values()
    run.wait(60)
    page = page.run()
    assert not page.exception
    assert texts(page.error) == ["The code is the same for every image: there is nothing to read in it."]


def test_a_damaged_probe_is_a_sentence_and_the_rest_is_there(page, monkeypatch, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")

    def path_of(checkpoint):
        return broken if checkpoint.stem == "sparse-0.005" else probe_path(checkpoint)

    monkeypatch.setattr(page_probes, "probe_path", path_of)
    page.session_state["kind"] = "sparse"
    page = show_view(page, "Meaning")
    assert not page.exception
    assert ["broken.safetensors is not a readable" in error for error in texts(page.error)] == [True]
    assert len(decoded(chart_of(page, "probe_errors")["data"][0]["y"])) == len(LADDERS["sparse"]) - 1


def test_without_probes_the_page_works(page, monkeypatch, tmp_path):
    monkeypatch.setattr(page_probes, "probe_path", lambda checkpoint: tmp_path / checkpoint.name)
    monkeypatch.setattr(page_probes, "BASELINES", tmp_path / "none.json")
    page = opened(page, "contractive", "Play")
    assert reading(page)[1] == {"A": "no reader yet"}
    page = show_view(page, "Meaning")
    assert not page.exception
    assert [error.startswith("There is no file") for error in texts(page.error)] == [True]
