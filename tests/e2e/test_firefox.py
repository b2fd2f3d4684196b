"""What the page and the pocket edition need of a browser, in Firefox. Needs firefox-esr."""

import json
import time

import pytest

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.inspection import inspect
from ae_core.checkpoints import load_checkpoint
from ae_core.data import load_mnist, to_float
from ae_core.pocket.models import open_ladders
from ae_core.pocket.page import to_page
from tests.e2e import firefox
from tests.e2e.acts import IN_PANELS, SEVEN, THREE
from tests.e2e.conftest import do_without
from tests.e2e.pocket.acts import INSPECT, PICTURES, RUNGS, halved

CANVAS = "canvas.upper-canvas"
ARROW_RIGHT = "\ue014"
AT_REST = """[...document.querySelectorAll(".panel")].length > 0
    && document.querySelector("[data-testid='stApp']").dataset.testScriptState === "notRunning"
    && (window.autoencoderLabPen?.inFlight ?? null) === null"""
MAPS = "document.querySelector('.panels.A .gauge.jacobian b')?.textContent.match(/[0-9]/)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not firefox.found():
        do_without(f"There is no {firefox.PROGRAM} here.")
    with firefox.launch_firefox(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def settled(browser):
    """The panels' texts and pictures, once nothing is at work and nothing has changed for a while."""
    now = None
    while now != (now := browser.wait_for(f"{AT_REST} && {IN_PANELS}")):
        time.sleep(0.4)
    return now


def stroke(browser, canvas, points, kind="mouse"):
    """Draw in two parts, and then lift the pen; yields after each."""
    left, top, width, _ = browser.box(canvas)
    start, *others = [(left + width / 280 * x, top + width / 280 * y) for x, y in points]
    half = len(others) // 2
    for part in ([start, "down", *others[:half]], others[half:], ["up"]):
        browser.point(part, kind)
        yield


@pytest.mark.parametrize("kind", ["mouse", "touch"])
def test_the_panels_follow_the_pen_and_the_stroke_is_kept(browser, server, kind):
    browser.open(server)
    browser.wait_for(f"{firefox.element(CANVAS)} !== null")
    looks = [settled(browser)]
    assert len(looks[0]) == 5
    drawing = stroke(browser, CANVAS, THREE, kind)
    for _ in range(2):
        next(drawing)
        browser.wait_for(f"{IN_PANELS}.every((now, index) => now !== {json.dumps(looks[-1])}[index])")
        looks.append(browser.evaluate(IN_PANELS))
    assert "drawing=" not in browser.evaluate("location.href"), "no stroke is finished yet"
    next(drawing)
    browser.wait_for("location.href.includes('drawing=')")
    kept = settled(browser)
    browser.open(browser.evaluate("location.href"))
    assert settled(browser) == kept


def test_slider_and_views_work(browser, server):
    browser.open(f"{server}/?sample=3.0")
    slider = firefox.element(".st-key-weight_A_contractive input[type=range]")
    before = json.dumps(settled(browser)[3])
    browser.evaluate(f"{slider}.focus()")
    browser.press(ARROW_RIGHT)
    browser.wait_for(f"location.href.includes('a=0.001') && {IN_PANELS}[3] !== {before}")
    browser.open(f"{server}/?sample=3.0&view=Jacobian")
    browser.wait_for("document.querySelectorAll('.js-plotly-plot .main-svg').length >= 4")
    assert browser.evaluate("document.querySelectorAll('[data-testid=stException]').length") == 0


def test_the_pocket_edition_computes_what_the_core_does_and_follows_the_pen(browser, tmp_path):
    file = tmp_path / "lab.html"
    file.write_text(to_page(open_ladders()), encoding="utf-8")
    browser.complaints.clear()
    browser.open(file.as_uri(), 1280, 720)
    browser.wait_for(MAPS)
    x = to_float(load_mnist("test").images[:1])
    for path in RUNGS:
        given = json.dumps([path.stem, x.flatten().tolist()])
        found = browser.evaluate(f"({INSPECT})({given})")
        exact = inspect(halved(path), x, CodeStatistics.from_metrics(load_checkpoint(path).metrics))
        assert found["code"] == pytest.approx(exact.code, abs=1e-4)
        assert found["reconstruction"] == pytest.approx(exact.reconstruction.ravel(), abs=1e-4)
        assert found["jacobianSqNorm"] == pytest.approx(exact.jacobian_sq_norm, rel=1e-4)
    before = browser.evaluate(f"({PICTURES})()")
    for _ in stroke(browser, "#canvas", SEVEN):
        now = browser.wait_for(f"(now => now[0] !== {json.dumps(before[0])} && now)(({PICTURES})())")
    assert now[1:] != before[1:], "not only the canvas has changed"
    assert browser.complaints == []
