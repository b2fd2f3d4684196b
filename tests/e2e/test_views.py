"""The views, links, downloads and uploads in a real browser. Needs Chromium and the shipped checkpoints."""

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
from tests.e2e.conftest import THREE, all_changed, canvas, draw, panel, settled

VIEWS = ("Compare", "Sparsity", "Jacobian", "Robustness", "Wrong and right", "Learn")
CHARTS = {"Compare": 1, "Sparsity": 2, "Jacobian": 4, "Robustness": 4, "Wrong and right": 0, "Learn": 0}


def open_view(page, name):
    page.get_by_role("tab", name=name).click()
    return page.get_by_role("tabpanel", name=name)


def followed(context, address, parameters):
    """The page behind a link, for a new visitor, with its panels filled."""
    page = context.new_page()
    page.goto(f"{address}/?{urllib.parse.urlencode(parameters)}")
    expect(panel(page, "Jacobian")).to_contain_text("exact")
    settled(page)
    return page


@pytest.fixture
def three(context, server):
    """The page with a test digit on its canvas."""
    return followed(context, server, {"sample": "3.0"})


def test_a_drawing_fills_every_view(page):
    for name in ("Compare", "Jacobian", "Robustness", "Wrong and right"):
        expect(open_view(page, name)).to_contain_text("Draw a digit")
    draw(page, THREE)
    expect(panel(page, "Jacobian")).to_contain_text("exact")
    for name in VIEWS:
        view = open_view(page, name)
        expect(view.locator(".js-plotly-plot .main-svg").first if CHARTS[name] else view).to_be_visible()
        expect(view.locator(".js-plotly-plot")).to_have_count(CHARTS[name])
        expect(view).not_to_contain_text("Draw a digit")
        expect(view).not_to_contain_text(re.compile(r"\bnan\b|\binf\b", re.IGNORECASE))
        expect(page.locator("[data-testid='stException'], [data-testid='stAlert']")).to_have_count(0)


def test_a_link_shows_another_visitor_the_same_page(browser, three, server):
    page = three
    page.get_by_text("Sparse", exact=True).click()
    expect(panel(page, "Code")).to_contain_text("of 64")
    page.locator(".st-key-weight_sparse input[type=range]").first.press("ArrowLeft")
    expect(page.get_by_text("Shipped sparse model, penalty weight 2·10⁻³")).to_be_visible()
    page.locator(".st-key-digit_7 button").click()
    page.wait_for_url(lambda url: "sample=7.0" in url)
    view = open_view(page, "Robustness")
    view.get_by_text("Blur", exact=True).click()
    expect(view.get_by_text("Blur: standard deviation in pixels", exact=True)).to_be_visible()
    view.locator(".st-key-strength_blur input[type=range]").first.press("ArrowRight")
    expect(view.locator(".st-key-strength_blur")).to_contain_text("0.60")
    expect(panel(page, "Code").locator(".js-plotly-plot .xtitle")).to_be_visible()
    mine = settled(page)
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)
    assert query["sample"] == ["7.0"]
    assert query["view"] == ["Robustness"]

    other = browser.new_context(viewport={"width": 1440, "height": 1000})
    theirs = other.new_page()
    theirs.goto(page.url)
    expect(theirs.get_by_text("Shipped sparse model, penalty weight 2·10⁻³")).to_be_visible()
    expect(panel(theirs, "Jacobian")).to_contain_text("exact")
    expect(theirs.locator(".st-key-strength_blur")).to_contain_text("0.60")
    # Charts come in after the texts around them.
    expect(panel(theirs, "Code").locator(".js-plotly-plot .xtitle")).to_be_visible()
    assert settled(theirs) == mine
    other.close()


def test_junk_in_a_link_shows_the_page_as_it_starts(context, server):
    junk = {
        "kind": "Variational",
        "weight_contractive": "-3",
        "view": "<script>",
        "sample": "7.99999",
        "change": "9",
        "strength_shift": "nan",
        "tangent": "1e9",
        "own_scales": "perhaps",
    }
    page = context.new_page()
    page.goto(f"{server}/?{urllib.parse.urlencode(junk)}")
    canvas(page).wait_for()
    expect(panel(page, "Jacobian")).to_contain_text("Draw a digit.")
    expect(page.get_by_text("Shipped contractive model, penalty weight 10⁻⁴")).to_be_visible()
    for name in VIEWS:
        open_view(page, name)
        expect(page.locator("[data-testid='stException'], [data-testid='stAlert']")).to_have_count(0)


def test_a_stroke_over_a_sample_takes_it_out_of_the_link_and_undo_puts_it_back(three):
    page = three
    before = settled(page)
    draw(page, ((20, 20), (60, 20)))
    after = all_changed(page, before)
    page.wait_for_url(lambda url: "sample" not in url)
    page.get_by_role("button", name="Undo").first.click()
    all_changed(page, after)
    page.wait_for_url(lambda url: "sample=3.0" in url)


def test_back_and_forward_lead_to_the_states_before_and_after(context, server):
    page = followed(context, server, {"sample": "7.0"})
    seven = settled(page)
    page.locator(".st-key-digit_3 button").click()
    page.wait_for_url(lambda url: "sample=3.0" in url)
    page.get_by_text("Sparse", exact=True).click()
    expect(panel(page, "Code")).to_contain_text("of 64")
    open_view(page, "Learn")
    page.wait_for_url(lambda url: "view=Learn" in url)
    three = settled(page)
    page.locator(".st-key-digit_5 button").click()
    page.wait_for_url(lambda url: "sample=5.0" in url)
    five = all_changed(page, three)
    draw(page, ((20, 20), (60, 20)))
    drawn = all_changed(page, five)
    for address, expected in (("sample=5.0", five), ("sample=3.0", three), ("sample=7.0", seven)):
        page.go_back()
        page.wait_for_url(lambda url, address=address: address in url)
        all_changed(page, drawn)
        assert settled(page) == expected
        # It stays there: the page does not write another address again.
        assert address in page.url
        drawn = expected
    expect(page.get_by_role("tab", name="Compare")).to_have_attribute("aria-selected", "true")
    page.go_forward()
    page.wait_for_url(lambda url: "sample=3.0" in url)
    expect(page.get_by_role("tab", name="Learn")).to_have_attribute("aria-selected", "true")
    all_changed(page, seven)
    assert settled(page) == three


def test_a_click_on_the_trade_off_selects_that_model(three):
    page = three
    view = open_view(page, "Compare")
    point = view.locator(".js-plotly-plot .scatterlayer .point").nth(6)
    before = settled(page)
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    # The chart takes a click for the point that it has found under the pointer.
    expect(view.locator(".hoverlayer .hovertext")).to_be_visible()
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_text("Shipped contractive model, penalty weight 10⁻¹")).to_be_visible()
    all_changed(page, before)
    expect(page.locator(".st-key-weight_contractive")).to_contain_text("0.1")


def test_a_unit_switched_off_changes_the_reconstruction_until_reset(context, server):
    page = followed(context, server, {"kind": "Sparse", "sample": "3.0", "view": "Sparsity"})
    view = page.get_by_role("tabpanel", name="Sparsity")
    expect(view).to_contain_text("Units switched off")
    picture = view.locator("img[alt^='Left: the reconstruction with all units']")
    whole = picture.get_attribute("src")
    unit = view.locator(".st-key-units button").first
    number = unit.inner_text()
    unit.click()
    expect(picture).not_to_have_attribute("src", whole)
    expect(view.get_by_role("button", name=f"{number} off")).to_be_visible()
    view.get_by_role("button", name="Reset").click()
    expect(view.get_by_role("button", name=f"{number} off")).to_have_count(0)
    # Streamlit names a picture's address by its content.
    expect(picture).to_have_attribute("src", whole)


def test_a_guided_experiment_sets_the_page_up_and_answers(page):
    view = open_view(page, "Learn")
    card = view.locator(".st-key-experiment_3")
    button = card.get_by_role("button", name="Set the page up")
    expect(button).to_be_disabled()
    card.get_by_text("The noise, by more than a tenth").click()
    button.click()
    expect(page.get_by_role("tab", name="Robustness")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".st-key-strength_shift")).to_contain_text("1.00")
    expect(panel(page, "Jacobian")).to_contain_text("exact")
    guide = page.locator(".st-key-guide")
    expect(guide).to_contain_text("Your prediction: The noise, by more than a tenth")
    guide.get_by_text("The answer").click()
    expect(guide).to_contain_text(re.compile(r"Rather: (The shift, by more|Both alike)"))
    guide.get_by_role("button", name="Back to the experiments").click()
    expect(guide).to_have_count(0)
    expect(page.get_by_role("tab", name="Learn")).to_have_attribute("aria-selected", "true")


def downloaded(page, name, folder):
    with page.expect_download() as download:
        page.locator(".st-key-take_away").get_by_role("button", name=name).click()
    target = folder / download.value.suggested_filename
    download.value.save_as(target)
    return target


def test_the_report_opens_offline_and_asks_for_nothing(browser, three, tmp_path):
    report = downloaded(three, "Report", tmp_path)
    offline = browser.new_context(offline=True)
    asked = []
    offline.on("request", lambda request: asked.append(request.url))
    page = offline.new_page()
    page.goto(report.as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("One drawing under 7 contractive models")
    widths = page.evaluate("() => [...document.images].map(image => image.naturalWidth)")
    assert len(widths) == 5
    assert min(widths) > 0
    assert page.locator("tbody tr").count() == 7
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
    offline.close()


def test_maps_numbers_and_model_download(three, tmp_path):
    with Image.open(downloaded(three, "Maps", tmp_path)) as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000
    with downloaded(three, "Numbers", tmp_path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    shown = panel(three, "Reconstruction").inner_text()
    (mine,) = (row for row in rows if row["penalty_weight"] == "0.0001")
    assert f"{float(mine['mse']):.5f}" in shown
    model = load_checkpoint(downloaded(three, "Model", tmp_path))
    assert model.train_config.penalty_weight == 1e-4


def test_a_photo_becomes_the_drawing_and_a_bad_one_is_a_sentence(three, tmp_path):
    page = three
    before = settled(page)
    page.get_by_text("Use a picture of your own").click()
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
    page.wait_for_url(lambda url: "sample" not in url)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_barrier_in_any_view(browser, server, scheme):
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, color_scheme=scheme)
    page = followed(context, server, {"kind": "Sparse", "sample": "3.0"})
    page.get_by_text("Use a picture of your own").click()
    found = {}
    for name in VIEWS:
        open_view(page, name)
        settled(page)
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                places = [node["target"] for node in violation["nodes"]]
                found.setdefault(violation["id"], {})[name] = places
    context.close()
    assert found == {}


def test_no_view_scrolls_sideways_on_a_phone(browser, server):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = followed(context, server, {"sample": "3.0"})
    for name in VIEWS:
        open_view(page, name)
        settled(page)
        wide = page.evaluate(
            """() => [document.documentElement, document.querySelector("[data-testid='stMain']")]
                .map(element => element.scrollWidth - element.clientWidth)"""
        )
        assert wide == [0, 0], name
    context.close()
