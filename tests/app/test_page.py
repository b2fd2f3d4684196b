"""The page's content, in Streamlit's test harness without a browser. Needs the shipped checkpoints."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from ae_core import checkpoints
from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.inspection import inspect
from ae_core.checkpoints import load_checkpoint
from ae_core.config import KINDS, LADDERS
from ae_core.data import load_mnist, to_float
from ae_core.drawing import to_mnist
from tests.app.conftest import APP, choose_kind, decoded, enlarged_digit, figures_on, put_on_canvas, texts


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
        assert shown["Active units"] == f"{expected.active_count} of {len(expected.code)}"
        assert shown["Hoyer sparsity"] == f"{expected.hoyer:.3f}"
        assert shown["‖J‖² of this digit (exact)"] == f"{expected.jacobian_sq_norm:.4g}"
        assert shown["mean of 1,000 test digits"] == f"{checkpoint.metrics.jacobians.jacobian_sq_norm:.4g}"
        assert shown["Relative sensitivity, to first order"] == f"{expected.relative_sensitivity:.3g}"
        measured = checkpoint.metrics.code_shift[0.2]
        assert shown["Measured: noise 0.2 moves test codes by"] == f"{measured:.3g} spreads"
        if kind == "sparse":
            mean = sum(checkpoint.metrics.mean_activation) / 64
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
    np.testing.assert_allclose(decoded(chart["data"][2]["y"]), checkpoint.metrics.mean_activation, rtol=1e-5)


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


@pytest.mark.parametrize(("digit", "index"), [(7, 456), (7, 948), (7, 949), (1, 1134), (0, 0), (4, 611)])
def test_a_placed_test_digit_is_the_test_image_bit_for_bit(digit, index):
    """The canvas would scale some of them once more: their ink does not fill 20 by 20 pixels."""
    page = AppTest.from_file(str(APP), default_timeout=60)
    page.query_params["sample"] = f"{digit}.{index}"
    page = page.run()
    assert not page.exception
    labels = load_mnist("test").labels
    expected = to_float(load_mnist("test").images[labels == digit][index : index + 1])
    assert torch.equal(page.session_state["lab"].picture, expected)


def test_some_placed_digits_would_have_been_scaled_again():
    sevens = load_mnist("test").images[load_mnist("test").labels == 7]
    drawn = np.kron(sevens[456, 0].numpy(), np.ones((10, 10), dtype=np.uint8))
    assert not torch.equal(to_mnist(drawn), to_float(sevens[456:457]))


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
