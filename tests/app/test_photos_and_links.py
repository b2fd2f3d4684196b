"""What comes to the page by photo or link, and leaves it by download. Needs the shipped checkpoints."""

import io

import numpy as np
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from ae_core.checkpoints.library import denoising_paths, ladder_paths
from ae_core.config import KINDS
from ae_core.data import load_mnist, to_float
from ae_core.ui import take_away
from tests.app.conftest import (
    APP,
    clear,
    enlarged_digit,
    models_in_sight,
    open_more,
    put_on_canvas,
    show_view,
    slide,
    upload,
)
from tests.app.opened_views import DIGIT, opened


def test_links_restore_the_page_and_junk_falls_back():
    linked = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in {
        "kind": "Sparse",
        "a": "0.02",
        "b": "0",
        "noise": "0.25",
        "view": "Robustness",
        "change": "Rotation",
        "sample": "8.1",
    }.items():
        linked.query_params[name] = value
    linked = linked.run()
    assert not linked.exception
    assert linked.session_state["kind"] == "sparse"
    assert linked.session_state["weight_A_sparse"] == 0.02
    assert linked.session_state["weight_B_sparse"] == 0.0
    assert linked.session_state["noise"] == 0.25
    assert linked.session_state["view"] == "Robustness"
    assert linked.session_state["change"] == "Rotation"
    eights = load_mnist("test").images[load_mnist("test").labels == 8]
    torch.testing.assert_close(linked.session_state["lab"].picture, to_float(eights[1:2]), rtol=0, atol=1e-6)

    junk = AppTest.from_file(str(APP), default_timeout=60)
    names = (
        "kind",
        "a",
        "b",
        "view",
        "sample",
        "drawing",
        "unit",
        "experiment",
        "noise",
        "own_scales",
        "present",
    )
    for name in names:
        junk.query_params[name] = "../../etc/passwd"
    junk = junk.run()
    assert not junk.exception
    assert junk.session_state["kind"] == "contractive"
    assert junk.session_state["weight_A_contractive"] == 1e-4
    assert junk.session_state["view"] == "Play"
    lab = junk.session_state["lab"]
    assert not lab.comparing
    assert (lab.unit, lab.experiment) == (None, None)
    assert lab.strokes[-1].is_start, "the digit that a new page shows"


def test_a_browser_that_has_not_heard_of_its_newest_address_takes_nothing_back(page):
    page = slide(opened(page, "contractive", "Play"), "weight_A_contractive", 1e-5)
    assert page.query_params["a"] == "1e-05"
    page.query_params["a"] = "0"
    page = slide(page, "noise", 0.25)
    assert (page.query_params["a"], page.query_params["noise"]) == ("1e-05", "0.25")
    assert models_in_sight(page) == ["A: λ = 10⁻⁵"]


def test_what_a_view_s_controls_hold_is_said_while_it_is_open_and_kept_until_it_opens_again(page):
    page = opened(page, "contractive", "Robustness")
    page.segmented_control(key="change").set_value("Blur")
    page = page.run()
    page.slider(key="strength_blur").set_value(0.6)
    page = page.run()
    said = {"view": "Robustness", "change": "Blur", "strength_blur": "0.6"}
    assert {name: page.query_params[name] for name in said} == said
    page = show_view(page, "Learn")
    assert page.query_params["view"] == "Learn"
    assert not {"change", "strength_blur"} & set(page.query_params)
    page = show_view(page, "Robustness")
    assert {name: page.query_params[name] for name in said} == said
    assert page.slider(key="strength_blur").value == 0.6


def test_a_photo_is_placed_and_a_bad_upload_leaves_the_drawing(page):
    page = opened(page, "contractive", "Learn")
    before = page.session_state["lab"].picture
    page.file_uploader(key="photo").upload("bomb.png", b"no picture", "image/png")
    page = page.run()
    assert not page.exception
    assert "cannot be read as a PNG or JPEG" in page.error[0].value
    assert torch.equal(page.session_state["lab"].picture, before)
    buffer = io.BytesIO()
    Image.fromarray(255 - enlarged_digit(1)).save(buffer, format="PNG")
    page.file_uploader(key="photo").upload("two.png", buffer.getvalue(), "image/png")
    page = page.run()
    assert not page.error
    seen = page.session_state["lab"].picture.flatten().numpy()
    assert np.corrcoef(seen, load_mnist("test").images[1].flatten().numpy())[0, 1] > 0.95


def test_a_photo_that_may_be_none_of_a_digit_is_placed_with_a_warning_until_a_better_one_comes(page):
    page = opened(page, "contractive", "Learn")
    assert ".jfif" in page.file_uploader(key="photo").allowed_type
    digit = 255 - enlarged_digit(1)
    rimmed = digit.copy()
    rimmed[:, :15] = 0
    for name, picture, warned in (("rim.jfif", rimmed, True), ("none.jfif", digit, False)):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, format="JPEG", quality=95)
        page.file_uploader(key="photo").upload(name, buffer.getvalue(), "image/jpeg")
        page = page.run()
        assert not page.error
        assert page.session_state["lab"].picture is not None
        assert any("crop the picture" in one.value for one in page.warning) == warned


def test_the_downloads_wait_for_a_drawing(page):
    page = open_more(clear(page))
    names = [button.proto.label for button in page.get("download_button")]
    drawing = ["Maps (PNG)", "Numbers (CSV)", "Report (HTML)", "Each map (ZIP)"]
    assert set(names) == {*drawing, "Model", "Pocket edition", "Charts' values (CSV)"}
    disabled = {button.proto.label: button.proto.disabled for button in page.get("download_button")}
    assert disabled == {name: name not in ("Model", "Pocket edition") for name in names}, "Play has no chart"
    page = open_more(show_view(put_on_canvas(page, enlarged_digit(DIGIT)), "Jacobian"))
    assert not any(button.proto.disabled for button in page.get("download_button"))


def test_the_pocket_edition_holds_both_ladders_or_the_shown_model_beside_its_own(page, monkeypatch):
    taken = {}
    monkeypatch.setattr(
        take_away.st, "download_button", lambda label, content, *_, **__: taken.update({label: content})
    )
    monkeypatch.setattr(take_away, "to_page", lambda models: [(one.name, bool(one.reader)) for one in models])
    open_more(page)
    rungs = {kind: [(path.stem, True) for path in ladder_paths(kind).values()] for kind in KINDS}
    assert taken["Pocket edition"]() == [*rungs["contractive"], *rungs["sparse"]]
    (path,) = denoising_paths("contractive").values()
    page = upload(page, path.name, path.read_bytes())
    assert taken["Pocket edition"]() == [
        *rungs["contractive"],
        (f"{path.stem}-uploaded-input-noise-0.3", False),
    ]


def test_a_model_that_is_too_large_for_the_pocket_says_so(page, monkeypatch):
    monkeypatch.setattr(take_away, "fits", lambda _: False)
    page = open_more(page)
    disabled = {one.proto.label: one for one in page.get("download_button") if one.proto.disabled}
    assert set(disabled) == {"Pocket edition", "Charts' values (CSV)"}
    pocket = disabled["Pocket edition"]
    assert "too large for the pocket edition" in pocket.proto.help


def test_a_visitor_who_comes_back_keeps_the_models_that_the_address_does_not_name(page):
    page = slide(page, "weight_A_contractive", 1e-2)
    lab = page.session_state["lab"]
    for returned, shown in ((True, "A: λ = 10⁻²"), (False, "A: λ = 10⁻⁴")):
        page.query_params.clear()
        lab.address, lab.has_returned = None, returned
        page = page.run()
        assert models_in_sight(page) == [shown]
