"""What a person does, in a real browser against a real server. Needs Chromium and the shipped checkpoints."""

import re
import urllib.parse

from playwright.sync_api import expect

from ae_core.checkpoints.library import ladder_paths
from tests.e2e.acts import (
    DASH,
    PANELS,
    SEVEN,
    THREE,
    VIEWS,
    all_changed,
    canvas,
    choose_kind,
    cleared,
    draw_and_settle,
    noise_slider,
    open_menu,
    open_view,
    opened,
    panel,
    press,
    settled,
    slider,
    undo_button,
)

LONG_MS = 240_000


def test_a_new_page_shows_a_digit_and_what_the_model_makes_of_it(page):
    for name in PANELS[:4]:
        expect(panel(page, name).locator("img")).to_have_count(1)
    expect(panel(page, "values")).to_contain_text("A: λ = 10⁻⁴")
    expect(page.locator("body")).not_to_contain_text("Draw a digit.")


def test_a_stroke_the_slider_and_the_kind_change_all_panels(page):
    first = draw_and_settle(page, THREE)
    slider(page).press("ArrowLeft")
    second = all_changed(page, first)
    third = draw_and_settle(page, SEVEN)
    assert all(now != before for now, before in zip(third, second, strict=True))
    choose_kind(page, "Sparse")
    all_changed(page, third)
    expect(panel(page, "values")).to_contain_text("of 64")


def test_undo_clear_and_digit_buttons_work_on_a_drawing(page):
    cleared(page)
    one = draw_and_settle(page, THREE)
    two = draw_and_settle(page, SEVEN)
    press(page, "undo")
    assert all_changed(page, two) == one
    cleared(page)
    press(page, "digit_5")
    page.wait_for_url(lambda url: "sample=5.0" in url)
    sample = settled(page)
    # The pen goes on where the digit is; each step is taken back on its own.
    drawn_over = draw_and_settle(page, DASH)
    press(page, "digit_3")
    other_sample = all_changed(page, drawn_over)
    press(page, "undo")
    assert all_changed(page, other_sample) == drawn_over
    press(page, "undo")
    assert all_changed(page, drawn_over) == sample
    press(page, "undo")
    expect(panel(page, "code")).to_contain_text("Draw a digit.")
    expect(undo_button(page).first).to_be_disabled()


def test_ctrl_z_and_delete_act_on_the_canvas_but_not_in_a_field(page):
    open_view(page, "Train")
    one = draw_and_settle(page, THREE)
    two = draw_and_settle(page, SEVEN)
    for field in ("epochs", "penalty_weight"):
        inside = page.locator(f".st-key-train_contractive_{field} input")
        for key in ("Control+z", "Delete"):
            inside.press(key)
        assert settled(page) == two
    slider(page).press("Control+z")
    assert all_changed(page, two) == one
    page.get_by_role("heading", name="Autoencoder Lab").click()
    page.keyboard.press("Delete")
    expect(panel(page, "code")).to_contain_text("Draw a digit.")


def progress(page):
    return page.locator("[data-testid='stProgress']")


def bar_width(page):
    """How far the bar is, in per cent."""
    bar = page.locator("[data-testid='stProgress'] [role='progressbar']").first
    return float(bar.get_attribute("aria-valuenow"))


def reloaded(page):
    """The panels after a reload, once the page has found what the visitor had."""
    page.reload()
    canvas(page).wait_for()
    expect(panel(page, "values")).to_contain_text("Hoyer")
    return settled(page)


def test_drawing_goes_on_while_a_fast_recipe_trains_a_reload_loses_nothing_and_stop_stops_it(page):
    draw_and_settle(page, THREE)
    open_view(page, "Train")
    press(page, "train")
    expect(progress(page)).to_contain_text("left")
    # Streamlit may show the old chart beside the new one for a moment.
    expect(page.locator(".st-key-loss_curve .js-plotly-plot").first).to_be_visible()
    expect(page.get_by_text("as this model has it")).to_be_visible()
    page.wait_for_function(
        """start => Number(document.querySelector("[data-testid='stProgress'] [role='progressbar']")
            .getAttribute('aria-valuenow')) > start""",
        arg=bar_width(page),
    )
    seven = draw_and_settle(page, SEVEN)
    expect(progress(page)).to_contain_text("left")
    assert reloaded(page) == seven
    expect(progress(page)).to_contain_text("left")
    # The other views say in a line that it goes on, and can stop it.
    open_view(page, "Play")
    line = page.locator(".st-key-training_strip")
    expect(line).to_contain_text(re.compile(r"contractive 10⁻⁴: Epoch \d"))
    press(page, "strip_stop")
    expect(line).to_contain_text("Measuring")
    open_view(page, "Train")
    stopped = re.compile(r"Stopped after step [\d,]+ of 1,200: test MSE 0\.\d+")
    expect(progress(page)).to_contain_text(stopped, timeout=LONG_MS)
    press(page, "show_newest")
    expect(panel(page, "values")).to_contain_text("A: contractive 10⁻⁴ no. 1")
    page.wait_for_url(lambda url: "a=contractive" in url)
    reloaded(page)
    expect(panel(page, "values")).to_contain_text("A: contractive 10⁻⁴ no. 1")
    expect(page.get_by_text("Interrupted:")).to_have_count(0)


def test_a_bad_upload_is_a_sentence_and_the_drawing_stays(page, tmp_path):
    before = draw_and_settle(page, THREE)
    open_menu(page)
    upload = page.locator(".st-key-upload input[type=file]")
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"no checkpoint at all")
    upload.set_input_files(bad)
    expect(page.get_by_text("is not a readable safetensors file")).to_be_visible()
    assert settled(page) == before
    upload.set_input_files(ladder_paths("contractive")[1e-2])
    expect(panel(page, "values")).to_contain_text("A: contractive-0.01 (uploaded)")
    expect(page.get_by_text("is not a readable safetensors file")).to_have_count(0)
    all_changed(page, before)


def test_two_visitors_do_not_see_each_others_drawings(context, page, server):
    mine = draw_and_settle(page, THREE)
    other = opened(context, server)
    theirs = draw_and_settle(other, SEVEN)
    assert mine != theirs
    assert settled(page) == mine


def test_the_page_asks_no_other_machine_for_anything(visitor, server):
    """The servers and the browser of all these tests have no network; here every request is looked at."""
    context = visitor()
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("page", lambda page: page.on("websocket", lambda socket: asked.append(socket.url)))
    page = opened(context, server)
    draw_and_settle(page, THREE)
    noise_slider(page).press("ArrowRight")
    press(page, "compare_b")
    panel(page, "values", "B").wait_for()
    for name in VIEWS:
        open_view(page, name)
        settled(page)
    open_menu(page)
    page.keyboard.press("Escape")
    choose_kind(page, "Sparse")
    settled(page)
    hosts = {urllib.parse.urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {"localhost"}
    assert any(url.startswith("ws://") for url in asked)
