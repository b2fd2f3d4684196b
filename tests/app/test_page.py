"""The page's content, in Streamlit's test harness without a browser. Needs the shipped checkpoints."""

import base64
import html
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from ae_core import checkpoints
from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.corruption import add_noise
from ae_core.analysis.glossary import SYMBOLS
from ae_core.analysis.inspection import inspect
from ae_core.analysis.notation import value_text
from ae_core.checkpoints import load_checkpoint
from ae_core.config import DENOISING, KINDS, LADDERS
from ae_core.data import load_mnist, to_float
from ae_core.drawing import to_mnist
from ae_core.drawing.strokes import PenStroke, ink_of
from ae_core.render.maps import data_url, to_png
from tests.app.conftest import (
    APP,
    bodies,
    choose_kind,
    clear,
    enlarged_digit,
    models_in_sight,
    put_on_canvas,
    show_view,
    slide,
    values_on,
)

EMPTY = data_url(to_png(np.zeros((280, 280), np.uint8)))


def inspected(kind, weight, x):
    checkpoint = load_checkpoint(checkpoints.ladder_paths(kind)[weight])
    return inspect(checkpoint.model, x, CodeStatistics.from_metrics(checkpoint.metrics)), checkpoint


def panels_of(page):
    """The title of each live panel, its HTML below, and once more for B."""
    (rows,) = [body for body in bodies(page) if body.startswith("<section class='panels")]
    heading = r"<div class='panel panel-\w+[^']*'><h3 class='panel-title'><span [^>]*>(\w+)</span></h3>"
    return re.findall(heading + r"(.*?)</div>(?=<div class='panel )", rows)


def filled(page):
    """The titles of the live panels, and whether each holds a picture."""
    return [(title, "<img" in panel) for title, panel in panels_of(page)]


PANELS = ("Reconstruction", "Error", "Code", "Sensitivity")


def test_a_new_page_has_a_digit_and_all_panels_filled_without_a_click(page):
    assert not page.exception
    assert filled(page) == [(title, True) for title in PANELS]
    assert {"MSE", "‖J‖²", "active", "Hoyer"} <= values_on(page).keys()
    (strip,) = (body for body in bodies(page) if "All penalties" in body)
    assert strip.count("<img") == len(LADDERS["contractive"]) + len(DENOISING["contractive"])
    assert "Draw a digit" not in " ".join(bodies(page))
    threes = to_float(load_mnist("test").images[load_mnist("test").labels == 3])
    assert torch.equal(page.session_state["lab"].picture, threes[2:3])
    assert page.query_params == {}, "the address of a new page says nothing"


def test_every_symbol_says_what_it_means(page):
    for kind, symbols in (("contractive", ("λ", "‖J‖²", "MSE")), ("sparse", ("β", "ρ", "ρ̂", "KL", "MSE"))):
        page = choose_kind(page, kind)
        idea = next(body for body in bodies(page) if "class='idea'" in body)
        for symbol in symbols:
            assert f'data-tip="{html.escape(SYMBOLS[symbol], quote=True)}">{symbol}</span>' in idea
        assert 'data-tip="Units above a tenth' in " ".join(bodies(page))


def test_a_blank_canvas_asks_for_a_digit_and_shows_no_value(page):
    page = clear(page)
    assert not page.exception
    assert filled(page) == [(title, False) for title in PANELS]
    assert " ".join(bodies(page)).count("Draw a digit.") == 5
    assert not {"MSE", "‖J‖²", "active", "Hoyer"} & values_on(page).keys()


@pytest.mark.parametrize("kind", KINDS)
def test_the_values_are_those_of_the_shipped_model_at_every_stop_of_the_slider(page, kind):
    page = put_on_canvas(choose_kind(page, kind), enlarged_digit(0))
    x = to_float(load_mnist("test").images[:1])
    for weight in LADDERS[kind]:
        page = slide(page, f"weight_A_{kind}", weight)
        assert not page.exception
        expected, checkpoint = inspected(kind, weight, x)
        measured = checkpoint.metrics
        shown = values_on(page)
        assert shown["MSE"] == value_text(expected.mse)
        assert shown["‖J‖²"] == value_text(expected.jacobian_sq_norm)
        assert shown["active"] == f"{expected.active_count} of {len(expected.code)}"
        assert shown["Hoyer sparsity"] == f"{expected.hoyer:.3f}"
        relative = shown["This drawing: relative sensitivity, to first order"]
        assert relative == value_text(expected.relative_sensitivity)
        assert shown["Test set: MSE"] == value_text(measured.test_mse)
        assert shown["‖J‖², mean of up to 1,000 images (depends on the scale of the code)"] == value_text(
            measured.jacobians.jacobian_sq_norm
        )
        assert shown["code moved by noise 0.2, in its spreads"] == value_text(measured.code_shift[0.2])
        assert shown["MSE from noise 0.2"] == value_text(measured.denoising_mse[0.2])


def test_b_has_a_row_of_its_own_on_the_scales_of_a(page):
    page.button(key="compare_b").click()
    page = page.run()
    assert filled(page) == [(title, True) for title in PANELS * 2]
    assert models_in_sight(page) == ["A: λ = 10⁻⁴", "B: λ = 0"]
    page = slide(page, "weight_B_contractive", 1e-4)
    a, b = ([panel for title, panel in panels_of(page) if title == name] for name in ("Error", "Code"))
    assert a[0] == a[1]
    assert b[0] == b[1]
    page.button(key="only_a").click()
    page = page.run()
    assert models_in_sight(page) == ["A: λ = 10⁻⁴"]


def test_panels_follow_a_slider_before_the_rest_of_the_page(page):
    before = panels_of(page)
    page.session_state["lab"].runs_scripts = True
    page.select_slider(key="weight_A_contractive").set_value(1e-2)
    first = panels_of(page.run())
    assert [title for title, _ in first] == [title for title, _ in before]
    assert all(panel != old for (_, panel), (_, old) in zip(first, before, strict=True))
    assert not page.button, "nothing but the panels was drawn"
    page = page.run()
    assert panels_of(page) == first
    assert page.button


def test_the_whole_page_follows_a_slider_at_once_where_no_script_would_ask_for_it(page):
    page.select_slider(key="weight_A_contractive").set_value(1e-2)
    page = page.run()
    assert models_in_sight(page) == ["A: λ = 10⁻²"]
    assert page.button
    assert page.query_params["a"] == "0.01"


def test_with_noise_the_panels_are_those_of_the_noisy_picture_and_the_error_is_against_the_clean_one(page):
    page = put_on_canvas(page, enlarged_digit(0))
    page.slider(key="noise").set_value(0.25)
    page = page.run()
    clean = to_float(load_mnist("test").images[:1])
    noisy = add_noise(clean, 0.25, torch.Generator().manual_seed(0))
    checkpoint = load_checkpoint(checkpoints.ladder_paths("contractive")[1e-4])
    with torch.inference_mode():
        reconstruction = checkpoint.model(noisy)[1].clamp(0, 1)
    assert values_on(page)["MSE"] == value_text((reconstruction - clean).square().mean().item())


def test_the_first_stroke_replaces_the_digit_that_a_new_page_shows(page):
    start = page.session_state["canvas"]["drawing"]["raw"]["objects"]
    stroke = {
        "type": "Path",
        "path": [["M", 100, 40], ["L", 140, 240]],
        "strokeWidth": 22,
        "left": 1,
        "top": 1,
    }
    page.session_state["canvas"] = {
        "drawing": {"raw": {"objects": [*start, stroke]}, "data": EMPTY},
        "backgroundFit": None,
    }
    page = page.run()
    strokes = page.session_state["lab"].strokes
    assert [each.is_start for each in strokes] == [True, False]
    expected = to_mnist(ink_of([PenStroke(22, ((100, 40), (140, 240)))], 280))
    assert torch.equal(strokes[-1].picture, expected), "the stroke alone"
    page.button(key="undo").click()
    page = page.run()
    assert page.session_state["lab"].strokes[-1].is_start


def test_the_bars_of_the_sparse_code_are_the_code(page):
    page = put_on_canvas(choose_kind(page, "sparse"), enlarged_digit(1))
    expected, _ = inspected("sparse", 5e-3, to_float(load_mnist("test").images[1:2]))
    (code,) = (body for body in bodies(page) if ">Code</span></h3>" in body)
    said = json.loads(html.unescape(re.search(r'data-code="([^"]*)"', code)[1]))
    values = np.frombuffer(base64.b64decode(said["values"]), dtype="<f4")
    np.testing.assert_allclose(values, expected.code, rtol=1e-5, atol=1e-7)
    assert said["order"] == list(range(64))


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
        assert "MSE" in values_on(page)
        assert "nan" not in str(values_on(page)).lower()


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


@pytest.mark.parametrize("button", ["undo", "clear", "digit_3"])
def test_what_a_browser_tells_once_more_does_not_come_back(page, button):
    """It tells of all controls with each message, also before it has heard what was put in their place."""
    first, second = enlarged_digit(0), enlarged_digit(1)
    page = put_on_canvas(put_on_canvas(page, first), second)
    lab = page.session_state["lab"]
    page.button(key=button).click()
    page = page.run()
    drawings, shown = len(lab.strokes), lab.picture
    page = put_on_canvas(page, second)
    assert (len(lab.strokes), lab.picture is shown) == (drawings, True)
    # Now it has heard, and the same is drawn once more.
    page = put_on_canvas(page, first)
    page = put_on_canvas(page, second)
    assert torch.equal(lab.picture, to_float(load_mnist("test").images[1:2]))


def test_undo_goes_back_a_stroke_and_clear_empties(page):
    page = put_on_canvas(page, enlarged_digit(0))
    page = put_on_canvas(page, enlarged_digit(1))
    page.button(key="undo").click()
    page = page.run()
    torch.testing.assert_close(page.session_state["lab"].picture, to_mnist(enlarged_digit(0)))
    page = put_on_canvas(page, enlarged_digit(2))
    page = clear(page)
    assert page.session_state["lab"].picture is None
    assert page.button(key="undo").disabled


def test_every_picture_and_chart_has_an_alternative_text(page):
    page = put_on_canvas(choose_kind(page, "sparse"), enlarged_digit(0))
    assert all(
        re.search(r"alt='[^']+'", image) for body in bodies(page) for image in re.findall("<img[^>]*>", body)
    )
    page = show_view(page, "Compare")
    pictures = [image for element in page.main.image for image in element.proto.imgs]
    assert pictures
    assert all(image.alt for image in pictures)
    assert all(chart.proto.alt for chart in page.main.get("plotly_chart"))


def test_the_readme_and_the_documents_show_and_name_what_is_there():
    root = checkpoints.LIBRARY.parent
    documents = [root / "README.md", *(root / "docs").glob("*.md")]
    assert len(documents) > 4
    for document in documents:
        named = re.findall(r"(!?)\[[^\]]+\]\(([^)#]+)\)", document.read_text())
        for is_picture, name in named:
            if "://" in name:
                continue
            assert (document.parent / name).exists(), f"{document.name} names {name}"
            if is_picture:
                Image.open(document.parent / name).verify()
