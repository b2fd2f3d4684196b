"""A set of one's own on the page: whatever is shown is of it, and nothing of another set is."""

import io
import re

import numpy as np
import pytest

from ae_core.analysis.evaluation import measure_without_jacobians
from ae_core.checkpoints import read_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.data import MNIST
from ae_core.data.own import read_upload
from ae_core.errors import DataError
from ae_core.ui import data_choice
from ae_core.ui.shown import measured_on
from tests.app.conftest import (
    bodies,
    choose_kind,
    models_in_sight,
    show_view,
    texts,
    train_on,
    upload,
    values_on,
)
from tests.unit.data.makers import classes_of_pictures, write_tree, write_zip


def bars(labels=True, seed=0):
    """An .npz of bars that stand or lie: 400 to train on, 60 to test on."""
    generator = np.random.default_rng(seed)
    x, y = np.zeros((460, 28, 28), np.uint8), np.arange(460) % 2
    for image, label in zip(x, y, strict=True):
        at = generator.integers(4, 20)
        image[at : at + 4] = generator.integers(150, 256)
        if label:
            image[:] = image.T.copy()
    parts = {"x_train": x[:400], "x_test": x[400:]}
    if labels:
        parts |= {"y_train": y[:400], "y_test": y[400:], "classes": ["lies", "stands"]}
    file = io.BytesIO()
    np.savez(file, **parts)
    return file.getvalue()


def open_set(page, content, name="bars.npz"):
    page.session_state["data"] = True
    page = page.run()
    page.file_uploader(key="data_upload").upload(name, content)
    return page.run()


def lab(page):
    return page.session_state["lab"]


def said(page):
    return " ".join([*bodies(page), *texts(page.caption), *texts(page.markdown), *texts(page.header)])


def test_a_set_is_uploaded_and_the_page_is_about_it(page):
    page = open_set(choose_kind(page, "sparse"), bars())
    assert not page.exception
    assert lab(page).data.name == "bars"
    assert "A was trained on MNIST. Its values here are measured on bars." in texts(page.caption)
    (name,) = models_in_sight(page)
    assert name.endswith(", of MNIST")
    shipped = read_checkpoint("x", ladder_paths("sparse")[5e-3].read_bytes())
    expected = measure_without_jacobians(shipped.model, lab(page).data.images("test"))
    assert float(values_on(page)["Test set: MSE"]) == pytest.approx(expected.test_mse, rel=0.01)
    assert (
        values_on(page)["‖J‖², mean of up to 1,000 images (depends on the scale of the code)"]
        == "not measured"
    )
    # The buttons have the names of the classes, and place images of the set.
    page.button(key="class_1").click()
    page = page.run()
    placed = lab(page).strokes[-1].picture
    images = lab(page).data.labelled("test").of_digits([1]).images.float() / 255
    assert any((placed[0] == image).all() for image in images)
    assert "sample" not in page.query_params


def test_what_is_trained_on_it_knows_it(page, few_measured):
    page = open_set(choose_kind(page, "sparse"), bars())
    page = train_on(page, epochs=1, batch_size=50)
    (shown,) = lab(page).models.values()
    config = shown.checkpoint.train_config
    assert (config.data, config.data_digest) == ("bars", lab(page).data.digest)
    assert "on bars" in shown.title
    assert shown.is_at_home
    expected = measure_without_jacobians(shown.checkpoint.model, lab(page).data.images("test"))
    assert shown.checkpoint.metrics.test_mse == pytest.approx(expected.test_mse, rel=1e-4)
    assert not any("was trained on" in one for one in texts(page.caption))
    page = show_view(page, "Compare")
    assert not page.exception
    # No shipped model stands beside it: their values are of MNIST.
    assert [model.title for model in lab(page).models.values()] == [shown.title]
    page = show_view(page, "Units")
    assert not page.exception
    assert "Mean activation for each class" in said(page)
    page = show_view(page, "Robustness")
    assert not page.exception
    assert "60 test images" in said(page)
    # Back on MNIST the same model is a stranger, with other values.
    page.session_state["data"] = True
    page = page.run()
    page.selectbox(key="data_set").set_value("MNIST")
    page = page.run()
    assert lab(page).data is MNIST
    assert any(
        "was trained on bars. Its values here are measured on MNIST" in one for one in texts(page.caption)
    )
    assert models_in_sight(page)[0].endswith(", of bars")


def test_every_view_opens_on_a_set_with_and_without_labels(page):
    for content, name in ((bars(), "bars.npz"), (bars(labels=False, seed=1), "bare.npz")):
        page = open_set(choose_kind(page, "sparse"), content, name)
        for view in (
            "Play",
            "Train",
            "Compare",
            "Units",
            "Jacobian",
            "Robustness",
            "Meaning",
            "Mistakes",
            "Learn",
        ):
            page = show_view(page, view)
            assert not page.exception, view
            assert not page.error, (view, texts(page.error))
    assert "has no labels" in said(show_view(page, "Meaning"))
    page.button(key="place_image").click()
    assert not page.run().exception


def test_map_and_probe_are_of_the_set(page):
    page = show_view(open_set(choose_kind(page, "sparse"), bars()), "Meaning")
    page.button(key="probe").click()
    page = page.run()
    (run,) = lab(page).probe_runs.values()
    run.wait(60)
    assert len(run.result.read_as) == 60
    assert run.result.errors["probe_error_all"] < 50
    page = page.run()
    assert "stands read as" in said(page) or "read as stands" in said(page)
    assert "<i class='A'" in said(page)
    page = show_view(page, "Map")
    page = page.run()
    for run in lab(page).atlas_runs.values():
        run.wait(60)
        assert run.result.places.shape == (60, 2)
    assert not page.exception
    assert "Where does this drawing lie among the test images?" in said(page)


def test_a_training_keeps_its_set_until_it_ends(page):
    page = open_set(choose_kind(page, "sparse"), bars())
    page = show_view(page, "Train")
    page.number_input(key="train_sparse_epochs").set_value(100_000)
    page.button(key="train").click()
    page = page.run()
    page.session_state["data"] = True
    page = page.run()
    page.selectbox(key="data_set").set_value("MNIST")
    page = page.run()
    assert lab(page).data.name == "bars"
    assert "A training on bars goes on" in " ".join(texts(page.error))
    page.button(key="stop").click()
    page = page.run()
    lab(page).runs[0].wait(60)


def test_what_is_no_set_is_a_sentence_and_changes_nothing(page):
    page = open_set(page, b"no archive")
    assert "is not a zip archive that can be read" in " ".join(texts(page.error))
    assert lab(page).data is MNIST
    assert lab(page).own_sets == {}


def test_sets_stay_in_their_session(page):
    from streamlit.testing.v1 import AppTest

    from tests.app.conftest import APP

    page = open_set(page, bars())
    assert list(lab(page).own_sets) == ["bars"]
    other = AppTest.from_file(str(APP), default_timeout=60).run()
    assert lab(other).data is MNIST
    assert lab(other).own_sets == {}


def test_a_set_is_opened_below_the_operator_s_folder_and_nowhere_else(page, tmp_path, monkeypatch):
    allowed = tmp_path / "allowed"
    write_tree(allowed / "pets", classes_of_pictures())
    write_tree(tmp_path / "secret", classes_of_pictures())
    write_zip(tmp_path / "secret.zip", classes_of_pictures())
    (allowed / "way out").symlink_to(tmp_path / "secret")
    monkeypatch.setenv(data_choice.DATA_VARIABLE, str(allowed))
    page.session_state["data"] = True
    page = page.run()
    for path, name in (
        ("../secret", None),
        ("way out", None),
        (str(tmp_path / "secret.zip"), None),
        ("pets", "pets"),
    ):
        page.text_input(key="data_path").set_value(path)
        page.button(key="open_data").click()
        page = page.run()
        assert not page.exception
        if name is None:
            assert lab(page).data is MNIST
            assert "There is no set" in " ".join(texts(page.error))
            assert str(allowed) not in " ".join(texts(page.error))
        else:
            assert lab(page).data.name == name


def test_no_path_leads_out_of_the_folder(tmp_path):
    allowed = (tmp_path / "allowed").resolve()
    allowed.mkdir()
    for path in ("", "..", "../..", "/etc", "a\0b", "pets/../../allowed2"):
        with pytest.raises(DataError) as caught:
            data_choice.open_served(path, allowed, "fit")
        assert str(tmp_path) not in str(caught.value)


def test_a_file_of_another_set_is_told_and_never_kept_with_these_values(page, few_measured, make_own):
    content, data = make_own
    page = upload(choose_kind(page, "sparse"), "own.safetensors", content)
    assert not page.exception
    assert any(
        "A was trained on bars. Its values here are measured on MNIST" in one for one in texts(page.caption)
    )
    (shown,) = lab(page).uploaded.values()
    assert not shown.is_at_home
    assert dict(shown.to_keep.metrics.values) == {}
    here = measured_on(shown, data)
    assert here.is_at_home
    assert here.to_keep is here.checkpoint
    assert re.search("bars", here.title)


@pytest.fixture
def make_own():
    """A checkpoint of a model of the bars, as bytes, and the set."""
    from dataclasses import replace

    from ae_core.checkpoints import to_bytes

    data = read_upload("bars.npz", bars(), "fit")
    checkpoint = read_checkpoint("x", ladder_paths("sparse")[5e-3].read_bytes())
    config = replace(checkpoint.train_config, **data.fields)
    return to_bytes(replace(checkpoint, train_config=config)), data
