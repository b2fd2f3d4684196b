"""Models trained, saved, uploaded and shipped, as the page shows them. Needs the shipped checkpoints."""

import errno
import os
import tempfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from ae_core import checkpoints
from ae_core.analysis.inspection import inspect
from ae_core.analysis.metrics import PartialMetrics
from ae_core.checkpoints import files, load_checkpoint
from ae_core.config import KINDS, LADDERS
from ae_core.errors import CheckpointError, DataError
from ae_core.render.export import Exhibit, to_csv
from ae_core.ui import library
from tests.app.conftest import (
    choose_kind,
    decoded,
    enlarged_digit,
    models_in_sight,
    open_more,
    put_on_canvas,
    texts,
    told_late,
    train_on,
    upload,
    values_on,
)
from tests.app.opened_views import X, chart_of, column_texts, labels, opened


def test_a_trained_model_can_be_shown_compared_saved_and_loaded(
    page, small_mnist, few_measured, tmp_path, monkeypatch
):
    monkeypatch.setattr("ae_core.checkpoints.library.SAVED", tmp_path)
    page = put_on_canvas(choose_kind(page, "sparse"), enlarged_digit(0))
    page = train_on(page, epochs=1, penalty_weight=1e-3)
    lab = page.session_state["lab"]
    assert lab.runs[0].snapshot().state == "finished"
    (title,) = lab.models
    assert lab.models[title].checkpoint.train_config.penalty_weight == 1e-3

    assert not page.exception
    assert models_in_sight(page) == [f"A: {title}"], "what was just trained is shown"

    page = open_more(page)
    page.text_input(key="save_name").set_value("../escape")
    page.run()
    page.button(key="save").click()
    page = page.run()
    assert "letters" in page.error[0].value
    page.text_input(key="save_name").set_value("mine")
    page.run()
    page.button(key="save").click()
    page = page.run()
    assert "mine.safetensors" in page.success[0].value
    saved = load_checkpoint(tmp_path / "mine.safetensors")
    assert saved.metrics == lab.models[title].checkpoint.metrics

    page.selectbox(key="model_A_sparse").set_value("mine.safetensors")
    page = page.run()
    assert not page.exception
    assert models_in_sight(page) == ["A: mine (file)"]
    page.selectbox(key="model_A_sparse").set_value("Ladder")
    page = page.run()
    assert models_in_sight(page) == ["A: β = 5·10⁻³"]


def test_a_folder_that_cannot_be_written_keeps_the_model_and_says_so(
    page, small_mnist, monkeypatch, tmp_path
):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ae_core.checkpoints.library.SAVED", tmp_path)
    page = train_on(choose_kind(page, "sparse"), epochs=1)
    page = open_more(page)
    page.text_input(key="save_name").set_value("mine")
    page.run()
    page.button(key="save").click()
    with monkeypatch.context() as disk:
        disk.setattr(files, "write_whole", full)
        page = page.run()
    (message,) = texts(page.error)
    assert "mine.safetensors could not be written: No space left on device. The model is still" in message
    assert "save it again, or download it" in message
    assert len(page.session_state["lab"].models) == 1
    # What it says is true: once there is room, the same button saves it.
    page.button(key="save").click()
    page = page.run()
    assert "mine.safetensors" in page.success[0].value
    assert load_checkpoint(tmp_path / "mine.safetensors").model_config.kind == "sparse"


def test_a_bad_upload_is_one_sentence_and_everything_stays(page):
    page = put_on_canvas(page, enlarged_digit(0))
    before = values_on(page)
    good = checkpoints.ladder_paths("contractive")[1e-3].read_bytes()
    for content in (b"", b"not a checkpoint", good[:5000], good[: len(good) // 2]):
        page = upload(page, "bad.safetensors", content)
        assert not page.exception
        (message,) = texts(page.error)
        assert "\n" not in message
        assert message.endswith(".")
        assert values_on(page) == before


def test_an_uploaded_checkpoint_is_shown_as_a(page, few_measured):
    page = put_on_canvas(page, enlarged_digit(0))
    page = upload(
        page, "teacher's <b>.safetensors", checkpoints.ladder_paths("contractive")[1e-2].read_bytes()
    )
    assert not page.exception
    assert models_in_sight(page) == ["A: teacher_s__b_ (uploaded)"], "a name from outside has no markup"


def test_an_upload_of_which_the_browser_tells_late_is_not_shown_once_more(page, few_measured):
    page = upload(page, "mine.safetensors", checkpoints.ladder_paths("contractive")[1e-2].read_bytes())

    def close_and_show_the_ladder(page):
        page.session_state["more"] = False
        page.session_state["lab"].selections.clear()
        return page.run()

    page = told_late(page, "upload", close_and_show_the_ladder)
    assert models_in_sight(page) == ["A: λ = 10⁻⁴"]


def test_an_upload_needs_no_room_in_the_temporary_folder(page, few_measured, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    with pytest.raises(OSError, match="full"):
        tempfile.mkdtemp()
    good = checkpoints.ladder_paths("contractive")[1e-2].read_bytes()
    page = upload(page, "mine.safetensors", good)
    assert not page.exception
    assert models_in_sight(page) == ["A: mine (uploaded)"]
    page = upload(page, "bad.safetensors", good[:-1])
    assert not page.exception
    (message,) = texts(page.error)
    assert message.startswith("bad.safetensors is not a readable safetensors file")


def test_figures_of_a_foreign_file_are_measured_and_not_believed(tmp_path):
    shipped = load_checkpoint(checkpoints.ladder_paths("sparse")[5e-3])
    no_jacobian = replace(shipped.metrics.jacobians, jacobian_sq_norm=0.0)
    forged = replace(shipped.metrics, max_activation=(1000.0,) * 64, test_mse=0.0, jacobians=no_jacobian)
    path = tmp_path / "forged.safetensors"
    checkpoints.save_checkpoint(replace(shipped, metrics=forged), path)
    shown = library.read_upload(path.name, path.read_bytes())
    expected = torch.tensor(shipped.metrics.max_activation)
    torch.testing.assert_close(shown.statistics.max_activation, expected, rtol=1e-3, atol=1e-4)
    found = shown.checkpoint.metrics
    assert found.jacobians is None, "what was not measured here is not shown"
    for name in ("test_mse", "code_shift_0.2", "denoising_mse_0.2", "active_units", "dead_units"):
        assert found.value_of(name) == pytest.approx(shipped.metrics.value_of(name), rel=1e-3), name


def test_a_file_that_was_replaced_is_read_anew(few_measured, tmp_path):
    path = tmp_path / "model.safetensors"
    for weight in (1e-3, 1e-2):
        path.write_bytes(checkpoints.ladder_paths("contractive")[weight].read_bytes())
        os.utime(path, ns=(0, int(weight * 1e6)))
        assert library.load_saved(path).checkpoint.train_config.penalty_weight == weight


def test_a_missing_rung_is_a_sentence(page, monkeypatch, tmp_path):
    monkeypatch.setattr(library, "ladder_paths", lambda kind: checkpoints.ladder_paths(kind, tmp_path))
    page = page.run()
    assert not page.exception
    assert "There is no file" in page.main.error[0].value


@pytest.fixture
def library_of_files(tmp_path, monkeypatch):
    """A folder in the place of `checkpoints/` for the files of users; returns it."""
    monkeypatch.setattr("ae_core.checkpoints.library.SAVED", tmp_path)
    return tmp_path


def show_file(page, name):
    page = page.run()
    page.selectbox(key=f"model_A_{page.session_state['kind']}").set_value(name)
    page = page.run()
    assert not page.exception
    return page


def test_a_file_named_like_a_rung_takes_nobody_s_place(page, few_measured, library_of_files):
    """It was in the rung's place in curves, spectra, exports and Compare's B."""
    own = checkpoints.ladder_paths("contractive")[0.0]
    (library_of_files / "0.001.safetensors").write_bytes(own.read_bytes())
    page = show_file(opened(page, "contractive", "Compare"), "0.001.safetensors")
    names = [*labels("contractive"), "0.001 (file)"]
    assert column_texts(page, "penalty weight") == names[:8]
    page.session_state["view"] = "Jacobian"
    page = page.run()
    curves = {curve["name"]: decoded(curve["y"]) for curve in chart_of(page, "spectra")["data"]}
    assert list(curves) == names
    np.testing.assert_allclose(curves["0.001 (file)"], curves["0"])
    assert curves["10⁻³"][0] < 0.1 * curves["0"][0]
    shown = library.load_saved(library_of_files / "0.001.safetensors")
    shipped = {library.rung("contractive", weight).file_name for weight in LADDERS["contractive"]}
    assert shown.file_name not in shipped
    assert "contractive-0.001" in shipped, "what was saved before has kept its name"
    assert shown.file_name == "contractive-0.001-file"
    seen = inspect(shown.checkpoint.model, X)
    table = to_csv([Exhibit.of(shown.label, shown.checkpoint, seen)])
    assert table.splitlines()[1].startswith("0.001 (file),contractive,")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_the_other_kind_brings_its_kind_and_the_other_kind_brings_the_ladder(
    page, few_measured, library_of_files, kind
):
    other = next(each for each in KINDS if each != kind)
    content = checkpoints.ladder_paths(other)[LADDERS[other][-1]].read_bytes()
    (library_of_files / "other.safetensors").write_bytes(content)
    page = show_file(put_on_canvas(choose_kind(page, kind), enlarged_digit(0)), "other.safetensors")
    assert page.session_state["kind"] == other
    assert models_in_sight(page) == ["A: other (file)"]
    page = choose_kind(page, kind)
    assert not page.exception
    assert "other (file)" not in models_in_sight(page)[0], "the ladder of the kind that was chosen"
    page = choose_kind(page, other)
    assert models_in_sight(page) == ["A: other (file)"], "the file chosen before, with its kind"


def test_a_rung_without_metrics_is_measured(monkeypatch, tmp_path):
    shipped = load_checkpoint(checkpoints.ladder_paths("sparse")[5e-3])
    for count, values in enumerate(({}, {"test_mse": 0.5, "l0": 3.0}, {"mean_activation": None})):
        folder = tmp_path / str(count)
        path = checkpoints.ladder_paths("sparse", folder)[5e-3]
        checkpoints.save_checkpoint(replace(shipped, metrics=PartialMetrics(values)), path)
        monkeypatch.setattr(
            library, "ladder_paths", lambda kind, at=folder: checkpoints.ladder_paths(kind, at)
        )
        shown = library.rung("sparse", 5e-3)
        assert shown.checkpoint.metrics.test_mse == pytest.approx(shipped.metrics.test_mse, rel=1e-3)
        assert shown.statistics.code_variance == pytest.approx(shipped.metrics.code_variance, rel=1e-3)


def test_a_callback_that_meets_a_full_disk_or_a_missing_file_is_a_sentence(page, monkeypatch):
    page = put_on_canvas(page, enlarged_digit(0))
    before = values_on(page)
    for error, says in (
        (
            OSError(28, "No space left on device", "/somewhere/file"),
            "/somewhere/file cannot be read or written",
        ),
        (CheckpointError("There is no file x."), "There is no file x."),
        (DataError("The data file y is missing."), "The data file y is missing."),
        (MemoryError(), "not enough memory"),
    ):

        def fails(*_, error=error):
            raise error

        with monkeypatch.context() as broken:
            broken.setattr("ae_core.ui.drawn.place_sample", fails)
            page.button(key="digit_3").click()
            page = page.run()
        assert not page.exception
        assert any(says in text for text in texts(page.error))
        assert values_on(page) == before
    page.button(key="digit_3").click()
    page = page.run()
    assert not page.error
