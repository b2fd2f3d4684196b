"""What is in the views and the menu, in a real browser. Needs Chromium and the shipped checkpoints."""

import csv
import re
import urllib.parse

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

from ae_core.checkpoints import load_checkpoint
from ae_core.data import load_mnist
from tests.e2e.acts import (
    THREE,
    VIEWS,
    all_changed,
    choose_kind,
    cleared,
    draw_and_settle,
    gauge,
    no_complaint,
    noise_slider,
    open_menu,
    open_view,
    opened,
    panel,
    press,
    settled,
)

EMPTY = {
    "Compare": "under every model side by side",
    "Units": "to set units of its code by hand",
    "Jacobian": "to see its Jacobian",
    "Robustness": "to shift, turn, blur or erase it",
    "Meaning": "to see whether the model knows it",
    "Mistakes": "the formulas are measured on it",
}
"""What the views say while there is no drawing, beside what the panels do."""
CHARTS = {"Compare": 2, "Units": 2, "Jacobian": 4, "Robustness": 4, "Meaning": 3}

COUNT_DRAWINGS = """(() => {
    const drawn = Symbol();
    window.drawings = 0;
    Object.defineProperty(Object.prototype, "_replotting", {
        get() { return this[drawn]; },
        set(begins) { this[drawn] = begins; window.drawings += begins; },
    });
})()"""
"""Plotly notes at a chart's layout that it draws the chart."""


@pytest.fixture
def three(context, server):
    """The page with a test digit on its canvas."""
    return opened(context, f"{server}/?sample=3.0")


def test_a_drawing_fills_every_view_and_no_other_machine_is_asked_for_anything(visitor, server):
    """The servers and the browser of all these tests have no network; here every request is looked at."""
    context = visitor()
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("page", lambda page: page.on("websocket", lambda socket: asked.append(socket.url)))
    page = opened(context, server)
    cleared(page)
    for name, text in EMPTY.items():
        view = open_view(page, name)
        expect(view.get_by_text(text)).to_be_visible()
    open_view(page, "Play")
    expect(page.locator(".all-penalties")).to_contain_text("Draw a digit.")
    draw_and_settle(page, THREE)
    for name in VIEWS:
        view = open_view(page, name)
        settled(page)
        expect(view.locator(".js-plotly-plot")).to_have_count(CHARTS.get(name, 0))
        if name in CHARTS:
            expect(view.locator(".js-plotly-plot .main-svg").first).to_be_visible()
        expect(view).not_to_contain_text("Draw a digit")
        expect(view).not_to_contain_text(re.compile(r"\bnan\b|\binf\b", re.IGNORECASE))
        no_complaint(page)
    choose_kind(page, "Sparse")
    noise_slider(page).press("ArrowRight")
    press(page, "compare_b")
    panel(page, "values", "B").wait_for()
    open_menu(page)
    page.keyboard.press("Escape")
    settled(page)
    hosts = {urllib.parse.urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {"localhost"}
    assert any(url.startswith("ws://") for url in asked)


def test_a_click_on_the_trade_off_selects_that_model(three):
    page = three
    view = open_view(page, "Compare")
    point = view.locator(".js-plotly-plot .scatterlayer .point").nth(6)
    before = settled(page)
    point.scroll_into_view_if_needed()
    # The chart takes a click for the point that it has found under the pointer, and looks for one as the
    # pointer moves; what is drawn late may push the chart aside meanwhile.
    found = view.locator(".hoverlayer .hovertext")
    for step in range(100):
        if found.count():
            break
        box = point.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2 + step % 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(100)
    expect(found).to_be_visible()
    page.mouse.down()
    page.mouse.up()
    expect(panel(page, "values")).to_contain_text("A: λ = 10⁻¹")
    all_changed(page, before)
    expect(page.locator(".st-key-weight_A_contractive")).to_contain_text("10⁻¹")


def test_a_click_on_the_confusions_leads_to_the_digits_and_one_of_them_onto_the_canvas(context, server):
    page = opened(context, f"{server}/?kind=sparse&view=Meaning")
    before = settled(page)
    page.get_by_role("button", name=re.compile("^4 read as 9: ")).click()
    behind = page.get_by_role("button", name="Put this 4, read as 9, onto the canvas")
    expect(behind.first).to_be_visible()
    behind.first.click()
    page.wait_for_url(lambda url: "sample=4." in url)
    all_changed(page, before)
    # It was chosen because this reader takes it for a 9.
    expect(page.locator(".reading .said")).to_contain_text(re.compile(r"A: 9 \("))


def test_a_unit_switched_off_changes_the_reconstruction_until_reset(context, server):
    # The view as links of the lab's first months call it.
    page = opened(context, f"{server}/?kind=Sparse&sample=3.0&view=Sparsity")
    expect(page.locator(".st-key-view").get_by_role("radio", name="Units")).to_be_checked()
    expect(page.get_by_text("Units set", exact=True)).to_be_visible()
    picture = page.locator("img[alt^='Left: the reconstruction of the code as it is']")
    whole = picture.get_attribute("src")
    units = page.locator(".st-key-units")
    number = units.get_by_role("button").locator("visible=true").first.inner_text()
    press(page, "unit_off")
    expect(picture).not_to_have_attribute("src", whole)
    is_set = units.get_by_role("button", name=f"{number} set", exact=True).locator("visible=true")
    expect(is_set).to_have_count(1)
    slider = page.get_by_role("slider", name=f"Activation of unit {number}")
    slider.press("End")
    expect(page.locator(".values").filter(has_text="Units set")).to_contain_text(f"{number} to")
    press(page, "units_reset")
    expect(is_set).to_have_count(0)
    # Streamlit names a picture's address by its content.
    expect(picture).to_have_attribute("src", whole)


def test_a_scene_sets_the_page_up_and_answers(page):
    open_view(page, "Learn")
    press(page, "set_up_1")
    expect(page.locator(".st-key-view").get_by_role("radio", name="Play")).to_be_checked()
    page.wait_for_url(lambda url: "experiment=2" in url)
    expect(panel(page, "values", "B")).to_contain_text("B: λ = 10⁻¹")
    expect(page.locator(".st-key-noise")).to_contain_text("0.25")
    guide = page.locator(".st-key-guide")
    expect(guide).to_contain_text("Predict first")
    expect(guide.get_by_role("switch", name="The answer")).to_be_disabled()
    guide.get_by_text("Both alike, within a tenth").click()
    expect(guide).not_to_contain_text("Predict first")
    guide.get_by_text("The answer").click()
    expect(guide).to_contain_text("Rather: That without a penalty")
    expect(guide).to_contain_text("To discuss.")
    press(page, "guide_back")
    expect(guide).to_have_count(0)
    expect(page.locator(".st-key-view").get_by_role("radio", name="Learn")).to_be_checked()


def downloaded(page, name, folder):
    open_menu(page)
    with page.expect_download() as download:
        button = page.locator(f".st-key-take_{name} button").locator("visible=true").first
        expect(button).to_be_enabled()
        button.click()
    target = folder / download.value.suggested_filename
    download.value.save_as(target)
    return target


def test_the_report_opens_offline_and_asks_for_nothing(browser, three, tmp_path):
    report = downloaded(three, "report", tmp_path)
    offline = browser.new_context(offline=True)
    asked = []
    offline.on("request", lambda request: asked.append(request.url))
    page = offline.new_page()
    page.goto(report.as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("One drawing under 8 contractive models")
    widths = page.evaluate("() => [...document.images].map(image => image.naturalWidth)")
    assert len(widths) == 5
    assert min(widths) > 0
    assert page.locator("tbody tr").count() == 8
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
    offline.close()


def test_maps_numbers_and_model_download(three, tmp_path):
    with Image.open(downloaded(three, "maps", tmp_path)) as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000
    with downloaded(three, "numbers", tmp_path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    (mine,) = (row for row in rows if row["penalty_weight"] == "0.0001")
    assert gauge(three, "MSE") == pytest.approx(float(mine["mse"]), rel=0.005)
    model = load_checkpoint(downloaded(three, "model", tmp_path))
    assert model.train_config.penalty_weight == 1e-4


def test_a_photo_becomes_the_drawing_and_a_bad_one_is_a_sentence(three, tmp_path):
    page = three
    before = settled(page)
    press(page, "pen_and_photo")
    upload = page.locator(".st-key-photo input[type=file]")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture at all")
    upload.set_input_files(bad)
    expect(page.get_by_text("cannot be read as a PNG or JPEG picture")).to_be_visible()
    assert settled(page) == before
    photo = tmp_path / "photo.jpg"
    seven = 255 - np.kron(load_mnist("test").images[0, 0].numpy(), np.ones((12, 12), np.uint8))
    Image.fromarray(seven).save(photo)
    upload.set_input_files(photo)
    all_changed(page, before)
    expect(page.get_by_text("cannot be read as a PNG or JPEG picture")).to_have_count(0)
    page.wait_for_url(lambda url: "sample" not in url and "drawing" not in url)


def test_a_wider_pen_leaves_more_ink(page):
    cleared(page)
    draw_and_settle(page, THREE)
    thin = gauge(page, "MSE")
    press(page, "pen_and_photo")
    page.locator(".st-key-stroke_width input[type=range]").first.press("End")
    page.keyboard.press("Escape")
    cleared(page)
    draw_and_settle(page, THREE)
    assert gauge(page, "MSE") != thin
    # 40 in base 36.
    assert "drawing=14" in page.url


IS_IN_SCHEME = """scheme => {
    const app = document.querySelector("[data-testid='stApp']");
    const [red] = getComputedStyle(app).backgroundColor.match(/\\d+/);
    return (Number(red) < 128) === (scheme === "dark");
}"""


def test_no_serious_barrier_in_any_view_light_or_dark(visitor, server):
    page = opened(visitor(), f"{server}/?kind=Sparse&sample=3.0&b=0.02&noise=0.1")
    found = {}

    def look(name):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(IS_IN_SCHEME, arg=scheme)
            settled(page)
            # In the dark the page differs by its colours alone.
            rules = {"options": {"runOnly": ["color-contrast"]}} if scheme == "dark" else {}
            for violation in Axe().run(page, **rules).response["violations"]:
                if violation["impact"] in ("serious", "critical"):
                    places = [node["target"] for node in violation["nodes"]]
                    found.setdefault(violation["id"], {})[name, scheme] = places

    for name in VIEWS:
        open_view(page, name)
        look(name)
    press(page, "set_up_0")
    look("a scene")
    open_menu(page)
    look("the menu")
    assert found == {}


def test_a_chart_is_saved_in_the_format_and_size_that_were_chosen_and_all_values_with_it(three, tmp_path):
    view = open_view(three, "Jacobian")
    chart = view.locator(".st-key-spectra .js-plotly-plot")

    def saved():
        chart.scroll_into_view_if_needed()
        chart.hover()
        with three.expect_download() as download:
            chart.locator(".modebar-btn[data-title^='Download plot']").click()
        target = tmp_path / download.value.suggested_filename
        download.value.save_as(target)
        return target

    figure = saved()
    assert figure.name == "spectra.svg"
    assert 'width="800" height="500"' in figure.read_text()
    open_menu(three)
    width = three.get_by_role("spinbutton", name="Width").locator("visible=true")
    width.fill("600")
    width.press("Enter")
    three.get_by_role("combobox", name=re.compile("Charts as")).locator("visible=true").click()
    three.get_by_role("option", name="PNG").click()
    settled(three)
    table = downloaded(three, "charts", tmp_path)
    three.keyboard.press("Escape")
    picture = saved()
    assert picture.name == "spectra.png"
    assert Image.open(picture).size == (600, 500)
    with table.open(newline="") as lines:
        charts = {row["chart"] for row in csv.DictReader(lines)}
    assert charts == {"sensitivity_chart", "norm_estimates", "spectra", "walk"}


def test_the_browser_draws_each_chart_once(visitor, server):
    """Streamlit hands Plotly each twice, and a second drawing takes half as long as the first."""
    context = visitor()
    context.add_init_script(COUNT_DRAWINGS)
    page = opened(context, server)
    # What is drawn before its letters are there is rightly drawn again.
    page.evaluate("async () => { for (const face of document.fonts) await face.load(); }")
    widths = set()
    for name, count in CHARTS.items():
        page.evaluate("() => { window.drawings = 0; }")
        charts = open_view(page, name).locator(".js-plotly-plot")
        expect(charts.locator(".main-svg:first-child")).to_have_count(count)
        settled(page)
        page.wait_for_timeout(500)
        assert page.evaluate("() => window.drawings") == count, name
        widths |= set(charts.evaluate_all("charts => charts.map(chart => chart.clientWidth)"))
    assert len(widths) == 2, "in one column and in two"
