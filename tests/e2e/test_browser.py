"""What a person does, in a real browser against a real server. Needs Chromium and the shipped checkpoints."""

import re
import urllib.parse

import pytest
from playwright.sync_api import expect

from ae_core.checkpoints.library import ladder_paths
from tests.e2e.conftest import SEVEN, THREE, all_changed, canvas, draw, opened, panel, settled

LONG_MS = 240_000
TITLES = ("Reconstruction", "Code", "Jacobian")


def draw_and_settle(page, points):
    draw(page, points)
    for title in TITLES:
        expect(panel(page, title)).not_to_contain_text("Draw a digit.")
    return settled(page)


def slide(page, kind, key):
    page.locator(f".st-key-weight_{kind} input[type=range]").first.press(key)


def test_a_stroke_the_slider_and_the_kind_change_all_three_panels(page):
    first = draw_and_settle(page, THREE)
    assert "MSE of this digit" in first[0]
    slide(page, "contractive", "ArrowLeft")
    second = all_changed(page, first)
    draw(page, SEVEN)
    third = all_changed(page, second)
    page.get_by_text("Sparse", exact=True).click()
    all_changed(page, third)
    expect(panel(page, "Code").locator(".js-plotly-plot")).to_be_visible()
    expect(panel(page, "Code")).to_contain_text("of 64")


def test_undo_clear_and_digit_buttons_work_on_a_drawing(page):
    one = draw_and_settle(page, THREE)
    draw(page, SEVEN)
    two = all_changed(page, one)
    page.get_by_role("button", name="Undo").first.click()
    assert all_changed(page, two) == one
    page.locator(".st-key-clear button").click()
    expect(panel(page, "Code")).to_contain_text("Draw a digit.")
    page.locator(".st-key-digit_5 button").click()
    expect(panel(page, "Code")).to_contain_text("Active units")
    sample = settled(page)
    # The pen goes on where the sample is; each step is taken back on its own.
    draw(page, ((20, 20), (60, 20)))
    drawn_over = all_changed(page, sample)
    page.locator(".st-key-digit_3 button").click()
    other_sample = all_changed(page, drawn_over)
    undo = page.get_by_role("button", name="Undo").first
    undo.click()
    assert all_changed(page, other_sample) == drawn_over
    undo.click()
    assert all_changed(page, drawn_over) == sample
    undo.click()
    expect(panel(page, "Code")).to_contain_text("Draw a digit.")


def test_ctrl_z_and_delete_act_on_the_canvas_but_not_in_a_field(page):
    one = draw_and_settle(page, THREE)
    draw(page, SEVEN)
    two = all_changed(page, one)
    for field in ("train_contractive_epochs", "train_contractive_penalty_weight"):
        inside = page.locator(f".st-key-{field} input")
        for key in ("Control+z", "Delete"):
            inside.press(key)
        page.wait_for_timeout(500)
        assert settled(page) == two
    page.locator(".st-key-weight_contractive input[type=range]").first.press("Control+z")
    assert all_changed(page, two) == one
    page.get_by_role("heading", name="Autoencoder Lab").click()
    page.keyboard.press("Delete")
    expect(panel(page, "Code")).to_contain_text("Draw a digit.")


def progress(page):
    return page.locator("[data-testid='stProgress']")


def bar_width(page):
    """How far the bar is, in per cent."""
    value = page.locator("[data-testid='stProgress'] [role='progressbar']").first.get_attribute(
        "aria-valuenow"
    )
    return float(value)


def reloaded(page):
    """The page after a reload, once it has found what the visitor had."""
    page.reload()
    canvas(page).wait_for()
    expect(panel(page, "Jacobian")).to_contain_text("exact")
    return settled(page)


def test_drawing_goes_on_while_a_fast_recipe_trains_a_reload_loses_nothing_and_stop_stops_it(page):
    draw_and_settle(page, THREE)
    page.locator(".st-key-train button").click()
    expect(progress(page)).to_contain_text("left")
    # Streamlit may show the old chart beside the new one for a moment.
    expect(page.locator("[data-testid='stSidebar'] .js-plotly-plot").first).to_be_visible()
    expect(page.get_by_text("as this model has it")).to_be_visible()
    start = bar_width(page)
    page.wait_for_function(
        """start => Number(document.querySelector("[data-testid='stProgress'] [role='progressbar']")
            .getAttribute('aria-valuenow')) > start""",
        arg=start,
    )
    before = settled(page)
    draw(page, SEVEN)
    seven = all_changed(page, before)
    expect(progress(page)).to_contain_text("left")
    assert reloaded(page) == seven
    expect(progress(page)).to_contain_text("left")
    page.locator(".st-key-stop button").click()
    expect(progress(page)).to_contain_text("Measuring")
    stopped = re.compile(r"Stopped after step [\d,]+ of 1,200: test MSE 0\.\d+")
    expect(progress(page)).to_contain_text(stopped, timeout=LONG_MS)
    page.locator(".st-key-show_newest button").click()
    expect(page.get_by_text("Shipped contractive model, penalty weight 10⁻⁴")).to_be_visible()
    expect(panel(page, "Jacobian", row=1)).to_contain_text("exact")
    reloaded(page)
    page.get_by_text("Mine", exact=True).click()
    expect(page.get_by_role("combobox", name="Trained here")).to_have_value("contractive 0.0001 no. 1")
    expect(page.get_by_text("Interrupted:")).to_have_count(0)


def test_a_bad_upload_is_a_sentence_and_the_drawing_stays(page, tmp_path):
    before = draw_and_settle(page, THREE)
    page.get_by_text("File", exact=True).click()
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"no checkpoint at all")
    page.locator(".st-key-upload input[type=file]").set_input_files(bad)
    expect(page.get_by_text("is not a readable safetensors file")).to_be_visible()
    assert settled(page) == before
    page.locator(".st-key-upload input[type=file]").set_input_files(ladder_paths("contractive")[1e-2])
    expect(page.get_by_text("contractive-0.01 (uploaded)").first).to_be_visible()
    assert len(settled(page)) == 6, "the uploaded model's panels and the shipped one's"


def test_two_visitors_do_not_see_each_others_drawings(context, page, server):
    mine = draw_and_settle(page, THREE)
    other = opened(context, server)
    theirs = draw_and_settle(other, SEVEN)
    assert mine != theirs
    assert settled(page) == mine


def test_the_page_asks_no_other_machine_for_anything(context, server):
    """The servers and the browser of all these tests have no network; here every request is looked at."""
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("page", lambda page: page.on("websocket", lambda socket: asked.append(socket.url)))
    page = opened(context, server)
    draw_and_settle(page, THREE)
    for name in ("Compare", "Sparsity", "Jacobian", "Robustness", "Wrong and right", "Learn"):
        page.get_by_role("tab", name=name, exact=True).click()
        settled(page)
    page.get_by_text("Sparse", exact=True).click()
    expect(page.locator(".st-key-weight_sparse")).to_be_visible()
    settled(page)
    hosts = {urllib.parse.urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {"localhost"}
    assert any(url.startswith("ws://") for url in asked)


def test_nothing_scrolls_sideways_on_a_phone(browser, server):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = opened(context, server)
    draw_and_settle(page, THREE)
    wide = page.evaluate(
        """() => [document.documentElement, document.querySelector("[data-testid='stMain']")]
            .map(element => element.scrollWidth - element.clientWidth)"""
    )
    assert wide == [0, 0]
    box = canvas(page).bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    context.close()


@pytest.mark.parametrize("width", [360, 820, 1270, 2560])
def test_canvas_and_title_are_never_clipped_or_covered_with_the_sidebar_open_or_closed(
    browser, server, width
):
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = opened(context, server)
    # On a phone an open sidebar lies over the page.
    for step in ("as it opens", "the other way") if width > 768 else ("as it opens",):
        if step == "the other way":
            closed = page.locator("[data-testid='stExpandSidebarButton']")
            button = (
                closed if closed.count() else page.locator("[data-testid='stSidebarCollapseButton'] button")
            )
            button.click()
            page.wait_for_timeout(600)
        place = canvas(page).evaluate(
            """canvas => {
                const box = canvas.getBoundingClientRect();
                const column = document.querySelector(".st-key-canvas").closest("[data-testid='stColumn']");
                return [box.left - column.getBoundingClientRect().left,
                    column.getBoundingClientRect().right - box.right, innerWidth - box.right];
            }"""
        )
        assert min(place) >= -1, (step, place)
        title = page.get_by_role("heading", name="Autoencoder Lab")
        on_top = title.evaluate(
            """title => {
                const box = title.getBoundingClientRect();
                const at = document.elementFromPoint(box.left + 30, box.top + 4);
                return title === at || title.contains(at) || (at && at.contains(title));
            }"""
        )
        assert on_top, step
    context.close()


def test_a_panel_s_title_stays_one_line_where_panels_are_narrow(browser, server):
    context = browser.new_context(viewport={"width": 820, "height": 1180})
    page = opened(context, server)
    lines = page.locator("[class*='st-key-panel_'] h2").evaluate_all(
        """titles => titles.map(title => {
            const text = document.createRange();
            text.selectNodeContents(title);
            return new Set([...text.getClientRects()].map(line => line.top)).size;
        })"""
    )
    assert lines == [1, 1, 1]
    context.close()
