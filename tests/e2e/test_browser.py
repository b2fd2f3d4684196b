"""What a person does, in a real browser against a real server. Needs Chromium and the shipped checkpoints."""

import re

from playwright.sync_api import expect

from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from tests.e2e.acts import (
    DASH,
    PANELS,
    SEVEN,
    THREE,
    all_changed,
    choose_kind,
    cleared,
    draw,
    draw_and_settle,
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


def corner(page):
    """What the models see: the panels beside it go on changing while A trains."""
    return page.locator(".corner img").get_attribute("src")


def reloaded(page, seen):
    """Reload, until the page has found what the visitor had."""
    page.reload()
    page.wait_for_function("src => document.querySelector('.corner img')?.src === src", arg=seen)


CHANGES = """times => {
    const shown = () => document.querySelector(".panels.A .panel-reconstruction img")?.src;
    const watch = window.watchedPicture ??= { count: 0, last: shown() };
    if (shown() !== watch.last) { watch.count += 1; watch.last = shown(); }
    return watch.count >= times;
}"""


def test_one_watches_a_training_draws_turns_a_knob_reloads_and_stops_it(page, tmp_path):
    draw_and_settle(page, THREE)
    choose_kind(page, "Sparse")
    open_view(page, "Train")
    press(page, "train")
    expect(progress(page)).to_contain_text("left")
    expect(panel(page, "values")).to_contain_text("A: sparse 5·10⁻³ no. 1")
    # Without a touch: noise becomes the drawing.
    page.wait_for_function(CHANGES, arg=5)
    expect(page.locator(".curves svg polyline").first).to_be_attached()
    page.wait_for_function(
        """start => Number(document.querySelector("[data-testid='stProgress'] [role='progressbar']")
            .getAttribute('aria-valuenow')) > start""",
        arg=bar_width(page),
    )
    three, before = corner(page), page.url
    draw(page, SEVEN)
    page.wait_for_url(lambda url: url != before)
    page.wait_for_function("src => document.querySelector('.corner img').src !== src", arg=three)
    weight = page.locator(".st-key-train_sparse_penalty_weight input")
    weight.fill("0.05")
    weight.press("Enter")
    expect(page.locator(".curves svg title")).to_contain_text("penalty weight 0.05")
    press(page, "hold")
    expect(progress(page)).to_contain_text("Paused after step")
    paused = progress(page).inner_text()
    press(page, "step")
    expect(progress(page)).not_to_have_text(paused)
    expect(progress(page)).to_contain_text("Paused after step")
    reloaded(page, corner(page))
    expect(progress(page)).to_contain_text("Paused after step")
    press(page, "hold")
    expect(progress(page)).to_contain_text("left")
    # The other views say in a line that it goes on, and can stop it.
    open_view(page, "Play")
    line = page.locator(".st-key-training_strip")
    expect(line).to_contain_text(re.compile(r"sparse 5·10⁻³: Epoch \d"))
    press(page, "strip_stop")
    expect(line).to_contain_text("Measuring")
    open_view(page, "Train")
    stopped = re.compile(r"Stopped after step [\d,]+ of 2,400: test MSE 0\.\d+")
    expect(progress(page)).to_contain_text(stopped, timeout=LONG_MS)
    expect(panel(page, "values")).to_contain_text("A: sparse 5·10⁻³ no. 1")
    reloaded(page, corner(page))
    expect(panel(page, "values")).to_contain_text("A: sparse 5·10⁻³ no. 1")
    expect(page.get_by_text("Interrupted:")).to_have_count(0)
    open_menu(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    target = tmp_path / download.value.suggested_filename
    download.value.save_as(target)
    (change,) = load_checkpoint(target).train_config.changes
    assert change.values == {"penalty_weight": 0.05}


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


def test_a_visitor_whose_things_are_kept_no_more_is_told_once(page):
    page.evaluate("sessionStorage.setItem('autoencoder-lab', 'given away')")
    page.reload()
    said = page.get_by_text("is not kept any more")
    expect(said).to_be_visible()
    expect(said).to_have_count(0)
    page.reload()
    settled(page)
    expect(said).to_have_count(0)


def test_two_visitors_do_not_see_each_others_drawings(context, page, server):
    mine = draw_and_settle(page, THREE)
    other = opened(context, server)
    theirs = draw_and_settle(other, SEVEN)
    assert mine != theirs
    assert settled(page) == mine
