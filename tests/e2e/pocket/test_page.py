"""What a person does in the pocket edition. Needs Chromium."""

import re
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from ae_core.analysis.notation import value_text
from ae_core.data import load_mnist
from ae_core.drawing import to_mnist
from ae_core.pocket.page import to_page
from tests.e2e.acts import DASH, THREE
from tests.e2e.pocket.acts import INSPECT, START, at_rest, draw, gauge, on_canvas, opened, seen, with_maps


def test_panels_follow_the_pen_and_the_newest_drawing_wins(lab):
    before = at_rest(lab)
    draw(lab, THREE, up=False)
    with_maps(lab)
    during = at_rest(lab)
    assert all(now != then for now, then in zip(during, before, strict=True)), (
        "the strip, too, while it rests"
    )
    lab.mouse.up()
    x = to_mnist(on_canvas(lab)).flatten().tolist()
    found = lab.evaluate(INSPECT, [START, x])
    expect(gauge(lab, "jacobian")).to_have_text(value_text(found["jacobianSqNorm"]))


def test_keys_and_buttons_place_clear_and_take_back(lab):
    start = seen(lab)
    images, labels = load_mnist("test")
    lab.keyboard.press("7")
    assert (seen(lab) == images[labels == 7][0].flatten().numpy()).all()
    lab.locator("#digits").get_by_role("button", name="7", exact=True).click()
    assert (seen(lab) == images[labels == 7][1].flatten().numpy()).all()
    digit = seen(lab)
    draw(lab, DASH)
    assert (seen(lab) != digit).any(), "the pen goes on where the digit is"
    lab.keyboard.press("Control+z")
    assert (seen(lab) == digit).all()
    lab.keyboard.press("Delete")
    expect(lab.locator(".panels.A .panel-code .empty")).to_be_visible()
    expect(lab.locator("#clear")).to_be_disabled()
    assert not seen(lab).any()
    lab.locator("#undo").click()
    assert (seen(lab) == digit).all()
    for _ in range(2):
        lab.locator("#undo").click()
    assert (seen(lab) == start).all()
    draw(lab, DASH)
    assert not on_canvas(lab)[200:].any(), "the first stroke replaces the digit of the start"
    lab.locator("#digits").get_by_role("button", name=":)").click()
    assert (seen(lab) > 0).sum() > 100


def test_sliders_strip_noise_and_scales(lab):
    first = at_rest(lab)
    lab.locator("#slider-A").press("ArrowLeft")
    expect(lab.locator(".panels.A .panel-values h3")).to_have_text("A: λ = 10⁻⁵")
    with_maps(lab)
    assert at_rest(lab)[1:6] != first[1:6]
    lab.locator("#strip").get_by_role("button", name="Show λ = 10⁻¹ as B").click()
    with_maps(lab, "B")
    expect(lab.locator(".panels.B .panel-values h3")).to_have_text("B: λ = 10⁻¹")
    lab.locator("#strip").get_by_role("button", name="Show λ = 0 as A").click()
    expect(lab.locator("#slider-A")).to_have_attribute("aria-valuetext", "λ = 0")
    expect(lab.get_by_text("to the clean drawing").first).to_be_hidden()
    with_maps(lab)
    clean = seen(lab)
    lab.get_by_role("button", name="Shake").click()
    expect(lab.locator("#noise-value")).to_have_text("0.25")
    expect(lab.get_by_text("to the clean drawing").first).to_be_visible()
    lab.wait_for_timeout(600)
    lab.get_by_role("button", name="Shake").click()
    at_rest(lab)
    noisy = seen(lab) / 255
    assert 0.1 < (noisy - clean / 255).std() < 0.3
    assert (seen(lab) == 255 * noisy).all(), "still, once it is not shaken any more"
    plain, contractive = (float(gauge(lab, "mse", side).inner_text()) for side in ("A", "B"))
    assert contractive < plain / 2, "the point of the penalty"
    expect(lab.locator("#strip")).not_to_have_class("stale")
    painted = "canvas => canvas.toDataURL()"
    for side, cell in (("A", "0"), ("B", "10⁻¹")):
        there = lab.get_by_role("img", name=f"Reconstruction under λ = {cell}.").evaluate(painted)
        assert lab.locator(f".panels.{side} .panel-reconstruction canvas").evaluate(painted) == there
    ends = lab.locator(".panels.A .panel-sensitivity .scale i i")
    width = ends.evaluate("bar => bar.style.width")
    lab.get_by_label("Own scales").check()
    expect(ends).to_have_attribute("style", re.compile("width: 100%"))
    assert width != "100%"


def test_it_works_in_a_sandboxed_frame_and_without_a_worker(visitor, file, tmp_path):
    outer = tmp_path / "outer.html"
    outer.write_text(f'<iframe sandbox="allow-scripts" width="1200" height="700" src="{file.as_uri()}">')
    context = visitor(width=1280, height=720)
    page = context.new_page()
    page.goto(outer.as_uri())
    with_maps(page.frame_locator("iframe"))
    context.add_init_script("delete window.Worker")
    with_maps(opened(context, file))


NOTE_WORKER = """(() => {
    const Real = window.Worker;
    window.Worker = class extends Real {
        constructor(...given) {
            window.workerBegan = document.readyState;
            super(...given);
        }
    };
})()"""


def test_its_worker_waits_for_the_page(visitor, file):
    """Firefox compiles nothing of what a worker runs that was started while a page loads."""
    context = visitor(width=1280, height=720)
    context.add_init_script(NOTE_WORKER)
    page = opened(context, file)
    began = page.wait_for_function("() => window.workerBegan")
    assert began.json_value() == "complete"
    page.locator("#slider-A").press("ArrowRight")
    with_maps(page)
    assert page.complaints == []


def test_a_browser_that_runs_no_script_or_another_one_says_so(visitor, file, tmp_path):
    page = visitor(java_script_enabled=False).new_page()
    page.goto(file.as_uri())
    expect(page.get_by_text("runs no scripts here or is too old")).to_be_visible()
    changed = tmp_path / "changed.html"
    changed.write_text(
        file.read_text(encoding="utf-8").replace("const CENTRE = 14;", "const CENTRE = 15;"), encoding="utf-8"
    )
    page = visitor().new_page()
    page.goto(changed.as_uri())
    expect(page.get_by_text("runs no scripts here or is too old")).to_be_visible()
    assert page.evaluate("window.lab === undefined"), "the policy knows the scripts by their digests"


def test_a_name_from_a_file_stays_text(visitor, models, tmp_path):
    name = "<img src=x onerror=document.title='run'>'\"&lt;"
    path = tmp_path / "named.html"
    path.write_text(to_page([replace(models[-1], name=name)]), encoding="utf-8")
    page = opened(visitor(), path)
    assert page.evaluate("lab.models") == [name]
    expect(page.locator(".panels.A .panel-values h3")).to_have_text(f"A: {name}")
    at_rest(page)
    assert page.locator("img").count() == 0
    assert "run" not in page.title()
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_out(visitor, file, scheme):
    page = opened(visitor(width=1280, height=720, color_scheme=scheme, bypass_csp=True), file)
    page.get_by_text("Sparse", exact=True).click()
    page.locator("#compare").click()
    with_maps(page, "B")
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_it_prints_to_one_page_with_the_drawing_on_it(lab):
    lab.locator("#compare").click()
    with_maps(lab, "B")
    at_rest(lab)
    pages = re.findall(rb"/Type\s*/Page\b", lab.pdf(prefer_css_page_size=True))
    assert len(pages) == 1
    lab.emulate_media(media="print")
    for part in ("#canvas", ".panels.B .panel-sensitivity canvas", "#strip .cell:last-child canvas"):
        expect(lab.locator(part)).to_be_visible()
    expect(lab.locator("#undo")).to_be_hidden()


def test_on_a_phone_canvas_result_and_slider_stay_in_sight(visitor, file):
    page = opened(visitor(width=390, height=844, has_touch=True, is_mobile=True), file)
    parts = ("#canvas", ".result canvas", "#slider-A")
    for scrolled in (0, 500):
        page.evaluate("by => scrollTo(0, by)", scrolled)
        page.wait_for_timeout(100)
        for part in parts:
            box = page.locator(part).bounding_box()
            assert box["y"] >= 0, part
            assert box["y"] + box["height"] <= 480, part
            assert box["x"] + box["width"] <= 390, part
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    before = at_rest(page)
    box = page.locator("#canvas").bounding_box()
    page.touchscreen.tap(box["x"] + 60, box["y"] + 60)
    assert at_rest(page)[0] != before[0], "a finger draws"
