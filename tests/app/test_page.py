"""The page's content, in Streamlit's test harness without a browser. Needs the shipped checkpoints."""

import json
import os
import re
import time
from threading import Timer
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from ae_core import checkpoints, runs
from ae_core.checkpoints import CheckpointError, load_checkpoint
from ae_core.config import KINDS, LADDERS
from ae_core.data import load_mnist, to_float
from ae_core.drawing import to_mnist
from ae_core.inspection import inspect
from ae_core.metrics import CodeStatistics
from ae_core.ui import library, model_picker, running
from tests.app.conftest import enlarged_digit, put_on_canvas


def figures_on(page):
    """All names and figures of the panels, as texts."""
    cells = {}
    for element in page.main.get("html"):
        names = re.findall(r"<span>([^<]*)</span><b>([^<]*)</b>", element.proto.body)
        cells.update(dict(names))
    return cells


def texts(elements):
    return [element.value for element in elements]


def choose_kind(page, kind):
    page.button_group(key="kind").set_value(kind)
    return page.run()


def inspected(kind, weight, x):
    checkpoint = load_checkpoint(checkpoints.ladder_paths(kind)[weight])
    return inspect(checkpoint.model, x, CodeStatistics.from_metrics(checkpoint.metrics)), checkpoint


def test_a_blank_canvas_asks_for_a_digit_and_shows_no_figure(page):
    assert not page.exception
    assert texts(page.main.markdown).count("Draw a digit.") == 3
    assert figures_on(page) == {}
    pictures = [element for element in page.main.get("html") if "<img" in element.proto.body]
    assert len(pictures) == 1, "only the empty picture that the model would see"


@pytest.mark.parametrize("kind", KINDS)
def test_the_figures_are_those_of_the_shipped_model_at_every_stop_of_the_slider(page, kind):
    page = put_on_canvas(choose_kind(page, kind), enlarged_digit(0))
    x = to_float(load_mnist("test").images[:1])
    for weight in LADDERS[kind]:
        page.select_slider(key=f"weight_{kind}").set_value(weight)
        page = page.run()
        assert not page.exception
        expected, checkpoint = inspected(kind, weight, x)
        shown = figures_on(page)
        assert shown["MSE of this digit"] == f"{expected.mse:.5f}"
        assert shown["Active units (l0)"] == f"{expected.active_count} of {len(expected.code)}"
        assert shown["Hoyer sparsity"] == f"{expected.hoyer:.3f}"
        assert shown["‖J‖² of this digit (exact)"] == f"{expected.jacobian_sq_norm:.4g}"
        assert shown["mean of 1,000 test digits"] == f"{checkpoint.metrics['jacobian_sq_norm']:.4g}"
        assert shown["Relative sensitivity (scale-free)"] == f"{expected.relative_sensitivity:.3g}"
        if kind == "sparse":
            mean = sum(checkpoint.metrics["mean_activation"]) / 64
            assert shown["Mean activation on the test set"] == f"{mean:.4f}"


def test_the_bars_of_the_sparse_code_are_the_code(page):
    page = put_on_canvas(choose_kind(page, "sparse"), enlarged_digit(1))
    expected, checkpoint = inspected("sparse", 5e-3, to_float(load_mnist("test").images[1:2]))
    chart = json.loads(page.main.get("plotly_chart")[0].proto.spec)
    heights = np.full(64, np.nan)
    for trace in chart["data"][:2]:
        heights[decoded(trace["x"]).astype(int)] = decoded(trace["y"])
    np.testing.assert_allclose(heights, expected.code, rtol=1e-5, atol=1e-7)
    assert len(decoded(chart["data"][0]["x"])) == expected.active_count
    np.testing.assert_allclose(
        decoded(chart["data"][2]["y"]), checkpoint.metrics["mean_activation"], rtol=1e-5
    )


def decoded(values):
    """Plotly sends arrays as base64 with a type."""
    import base64

    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=np.dtype(values["dtype"]))
    return np.array(values)


@pytest.mark.parametrize("kind", KINDS)
def test_odd_drawings_raise_nothing(page, kind):
    page = choose_kind(page, kind)
    random = np.random.default_rng(0)
    dot = np.zeros((280, 280), dtype=np.uint8)
    dot[140:143, 9:12] = 255
    scribble = (random.random((280, 280)) > 0.7).astype(np.uint8) * 255
    for pixels in (dot, scribble, np.full((280, 280), 255, dtype=np.uint8)):
        page = put_on_canvas(page, pixels)
        assert not page.exception
        assert "MSE of this digit" in figures_on(page)
        assert "nan" not in str(figures_on(page)).lower()


def test_a_digit_button_places_a_test_digit_and_the_next_press_another(page):
    page.button(key="digit_7").click()
    page = page.run()
    first = page.session_state["lab"].picture
    labels = load_mnist("test").labels
    sevens = to_float(load_mnist("test").images[labels == 7])
    torch.testing.assert_close(first, sevens[:1], rtol=0, atol=1e-6)
    page.button(key="digit_7").click()
    page = page.run()
    torch.testing.assert_close(page.session_state["lab"].picture, sevens[1:2], rtol=0, atol=1e-6)


def test_undo_goes_back_a_stroke_and_clear_empties(page):
    page = put_on_canvas(page, enlarged_digit(0))
    page = put_on_canvas(page, enlarged_digit(1))
    page.button(key="undo").click()
    page = page.run()
    torch.testing.assert_close(page.session_state["lab"].picture, to_mnist(enlarged_digit(0)))
    page = put_on_canvas(page, enlarged_digit(2))
    page.button(key="clear").click()
    page = page.run()
    assert page.session_state["lab"].picture is None
    assert page.button(key="undo").disabled
    assert texts(page.main.markdown).count("Draw a digit.") == 3


def train_on(page, **fields):
    for name, value in fields.items():
        page.number_input(key=f"train_{page.session_state['kind']}_{name}").set_value(value)
    page.button(key="train").click()
    page = page.run()
    assert not page.exception
    for run in page.session_state["lab"].runs:
        run.wait(60)
    # One look collects the model, the rerun that it asks for lists it.
    return page.run()


def test_a_trained_model_can_be_shown_compared_saved_and_loaded(page, small_mnist, tmp_path, monkeypatch):
    monkeypatch.setattr(model_picker, "LIBRARY", tmp_path)
    monkeypatch.setattr(model_picker, "saved_paths", lambda: checkpoints.saved_paths(tmp_path))
    monkeypatch.setattr(model_picker, "path_for_name", lambda name: checkpoints.path_for_name(name, tmp_path))
    page = put_on_canvas(choose_kind(page, "sparse"), enlarged_digit(0))
    page = train_on(page, epochs=1, penalty_weight=1e-3)
    lab = page.session_state["lab"]
    assert lab.runs[0].snapshot().state == "finished"
    (title,) = lab.models
    assert lab.models[title].checkpoint.train_config.penalty_weight == 1e-3

    page.button(key="show_newest").click()
    page = page.run()
    assert not page.exception
    headings = texts(page.main.markdown)
    assert f"**{title}**" in headings
    assert "**Shipped sparse model, penalty weight 0.005**" in headings, (
        "the shipped model stands below for comparison"
    )

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

    page.button_group(key="source").set_value("File")
    page = page.run()
    assert page.selectbox(key="file").value == "mine.safetensors"
    assert not page.exception
    assert "**mine**" in texts(page.main.markdown)


def test_a_folder_that_cannot_be_written_keeps_the_model_and_says_so(page, small_mnist, monkeypatch):
    def full(*_):
        raise CheckpointError("It could not be written: No space left on device.")

    monkeypatch.setattr(model_picker, "save_checkpoint", full)
    page = train_on(choose_kind(page, "sparse"), epochs=1)
    page.button(key="show_newest").click()
    page.run()
    page.text_input(key="save_name").set_value("mine")
    page.run()
    page.button(key="save").click()
    page = page.run()
    assert "No space left" in page.error[0].value
    assert len(page.session_state["lab"].models) == 1


def train_for_long(page):
    """Start a run that only Stop ends."""
    page = choose_kind(page, "sparse")
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
    page = choose_kind(page, "sparse")
    page.number_input(key="train_sparse_epochs").set_value(1)
    page.button(key="train_ladder").click()
    page = page.run()
    assert not page.exception
    lab = page.session_state["lab"]
    assert len(lab.runs) == len(LADDERS["sparse"])
    assert len(page.get("progress")) == len(LADDERS["sparse"])
    assert page.button(key="train").disabled
    assert page.button(key="train_ladder").disabled
    for run in lab.runs:
        run.wait(60)
    page = page.run()
    weights = [shown.checkpoint.train_config.penalty_weight for shown in lab.models.values()]
    assert weights == list(LADDERS["sparse"])
    assert not page.button(key="train_ladder").disabled
    assert {shown.checkpoint.train_config.epochs for shown in lab.models.values()} == {1}
    # The open view is Compare: its columns are the shipped rungs and then those of this ladder.
    page = put_on_canvas(page, enlarged_digit(0))
    columns = [
        name
        for element in page.main.get("html")
        if ">penalty weight<" in element.proto.body
        for name in re.findall(r"<b>([^<]*)</b>", element.proto.body)
    ]
    assert columns == [*(f"{weight:g}" for weight in LADDERS["sparse"]), *lab.models]


def test_stop_waits_for_the_step_at_work_so_that_the_page_shows_its_end(monkeypatch):
    state = ["training"]
    run = SimpleNamespace(
        stop=Timer(0.1, lambda: state.append("measuring")).start,
        snapshot=lambda: SimpleNamespace(state=state[-1]),
    )
    monkeypatch.setattr(running, "lab", lambda: SimpleNamespace(runs=[run]))
    running.stop()
    assert state[-1] == "measuring"


def test_stop_ends_the_runs_of_a_ladder_that_wait_too(page, small_mnist):
    page = choose_kind(page, "sparse")
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
    assert named in page.sidebar.error[0].value
    assert page.sidebar.error[0].value.count("\n") == 0


def test_a_recipe_fills_in_the_fields(page):
    page.selectbox(key="train_contractive_recipe").set_value("reference")
    page = page.run()
    assert page.number_input(key="train_contractive_batch_size").value == 600
    assert page.number_input(key="train_contractive_epochs").value == 10
    assert page.number_input(key="train_contractive_learning_rate").value == 1e-3


def test_fields_survive_a_look_at_the_other_kind(page):
    page.number_input(key="train_contractive_epochs").set_value(7)
    page = choose_kind(choose_kind(page.run(), "sparse"), "contractive")
    assert page.number_input(key="train_contractive_epochs").value == 7


def test_only_devices_that_are_there_are_offered(page):
    expected = ["auto", "cuda", "cpu"] if torch.cuda.is_available() else ["auto", "cpu"]
    assert page.selectbox(key="device").options == expected


def upload(page, name, content):
    page.file_uploader(key="upload").upload(name, content)
    return page.run()


def test_a_bad_upload_is_one_sentence_and_everything_stays(page):
    page = put_on_canvas(page, enlarged_digit(0))
    before = figures_on(page)
    page.button_group(key="source").set_value("File")
    page = page.run()
    good = checkpoints.ladder_paths("contractive")[1e-3].read_bytes()
    for content in (b"", b"not a checkpoint", good[:5000], good[: len(good) // 2]):
        page = upload(page, "bad.safetensors", content)
        assert not page.exception
        (message,) = texts(page.sidebar.error)
        assert "\n" not in message
        assert message.endswith(".")
        assert figures_on(page) == before


def test_an_uploaded_checkpoint_is_shown_above_the_ladder(page):
    page = put_on_canvas(page, enlarged_digit(0))
    page.button_group(key="source").set_value("File")
    page = upload(
        page.run(), "teacher's <b>.safetensors", checkpoints.ladder_paths("contractive")[1e-2].read_bytes()
    )
    assert not page.exception
    headings = texts(page.main.markdown)
    assert "**teacher_s__b_ (uploaded)**" in headings, "a name from outside is shown without markup"
    assert "**Shipped contractive model, penalty weight 0.0001**" in headings


def test_figures_of_a_foreign_file_are_measured_and_not_believed(tmp_path):
    shipped = load_checkpoint(checkpoints.ladder_paths("sparse")[5e-3])
    forged = {**shipped.metrics, "max_activation": [1000.0] * 64, "test_mse": 0.0, "jacobian_sq_norm": 0.0}
    path = tmp_path / "forged.safetensors"
    checkpoints.save_checkpoint(
        checkpoints.Checkpoint(shipped.model, shipped.model_config, shipped.train_config, forged), path
    )
    shown = library.uploaded(path.name, path.read_bytes())
    expected = torch.tensor(shipped.metrics["max_activation"])
    torch.testing.assert_close(shown.statistics.max_activation, expected, rtol=1e-3, atol=1e-4)
    assert shown.checkpoint.metrics == {"test_mse": pytest.approx(shipped.metrics["test_mse"], rel=1e-3)}


def test_a_file_that_was_replaced_is_read_anew(tmp_path):
    path = tmp_path / "model.safetensors"
    for weight in (1e-3, 1e-2):
        path.write_bytes(checkpoints.ladder_paths("contractive")[weight].read_bytes())
        os.utime(path, ns=(0, int(weight * 1e6)))
        assert library.saved(path).checkpoint.train_config.penalty_weight == weight


def test_a_missing_rung_is_a_sentence(page, monkeypatch, tmp_path):
    monkeypatch.setattr(library, "ladder_paths", lambda kind: checkpoints.ladder_paths(kind, tmp_path))
    page = page.run()
    assert not page.exception
    assert "There is no file" in page.main.error[0].value


def test_a_run_is_adopted_by_the_next_script_run(page, small_mnist):
    page, run = train_for_long(page)
    run.orphan()
    page = page.run()
    assert run._orphaned is None
    run.stop()
    assert run.wait(60).state == "stopped"
    assert runs.GRACE_SECONDS == 60


def test_every_picture_and_chart_has_an_alternative_text(page):
    page = put_on_canvas(choose_kind(page, "sparse"), enlarged_digit(0))
    pictures = [image for element in page.main.image for image in element.proto.imgs]
    assert pictures
    assert all(image.alt for image in pictures)
    assert all(chart.proto.alt for chart in page.main.get("plotly_chart"))


def test_the_readme_shows_pictures_that_are_there():
    root = checkpoints.LIBRARY.parent
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (root / "README.md").read_text())
    assert pictures
    for picture in pictures:
        Image.open(root / picture).verify()
