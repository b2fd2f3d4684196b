"""Take the README's pictures anew: `python -m tests.e2e.screenshots`."""

import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from ae_core.pocket.models import open_ladders
from ae_core.pocket.page import to_page
from tests.e2e.acts import canvas
from tests.e2e.conftest import PATIENCE_MS, ROOT, launch_chromium, serving

PICTURES = ROOT / "docs"
_RIGHT = "[data-testid='stColumn']:has(.st-key-sides)"


def take(target, name):
    """One picture, packed as small as it goes."""
    path = PICTURES / f"{name}.png"
    target.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(256).save(path, optimize=True)


def visit(context, address, link):
    """The page at a link, once nothing on it changes any more."""
    page = context.new_page()
    page.goto(f"{address}/?{link}")
    canvas(page).wait_for()
    expect(page.locator(".panels.A .panel-values")).to_contain_text("Hoyer")
    at_rest(page, page.locator(_RIGHT))
    return page


def at_rest(page, part):
    """Wait until nothing in a part of the page changes any more, and its charts have come in."""
    before = None
    while before != (before := part.evaluate("part => part.innerHTML")):
        page.wait_for_timeout(1500)


def two_models_under_noise(browser, address):
    """The first page, without and with the strongest penalty, in the dark theme."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 740}, color_scheme="dark", device_scale_factor=1.25
    )
    take(visit(context, address, "a=0&b=0.1&noise=0.25"), "play-dark")
    context.close()


def pocket(browser):
    """The pocket edition on two phones: as it opens, and in the dark under noise, at the strip."""
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    sheet = Image.new("RGB", (2 * 390 + 20, 844), "white")
    with tempfile.TemporaryDirectory() as folder:
        file, shot = Path(folder) / "lab.html", Path(folder) / "shot.png"
        file.write_text(to_page(open_ladders()), encoding="utf-8")
        for left, scheme in ((0, "light"), (410, "dark")):
            context = browser.new_context(**phone, color_scheme=scheme)
            page = context.new_page()
            page.goto(file.as_uri())
            if scheme == "dark":
                page.locator("#slider-A").press("End")
                page.locator("#shake").click()
                page.wait_for_timeout(1000)
                page.locator("#shake").click()
                page.evaluate("scrollTo(0, document.body.scrollHeight)")
            page.wait_for_timeout(2000)
            page.screenshot(path=shot)
            with Image.open(shot) as picture:
                sheet.paste(picture, (left, 0))
            context.close()
    sheet.quantize(256).save(PICTURES / "pocket.png", optimize=True)


def views(browser, address):
    """Each view of the digit with which the page starts."""
    # So high that a view is seen whole.
    context = browser.new_context(viewport={"width": 1280, "height": 4000})
    for view in ("Compare", "Units", "Map", "Jacobian", "Robustness", "Meaning", "Mistakes", "Learn"):
        kind = "&kind=Sparse" if view in ("Units", "Meaning") else ""
        page = visit(context, address, f"view={view}{kind}")
        if view == "Units":
            page.locator(".st-key-unit_off button").first.click()
            expect(page.get_by_role("button", name="set").first).to_be_visible()
            at_rest(page, page.locator(_RIGHT))
        if view == "Map":
            page.locator(".atlas-marks .here").wait_for()
            page.locator("[data-pick='goal:8']").click()
            page.get_by_text("Through the code").wait_for()
            at_rest(page, page.locator(_RIGHT))
        if view == "Robustness":
            # It is measured on test digits, which takes a while.
            expect(page.locator(".st-key-contraction_1 .main-svg").first).to_be_visible()
            at_rest(page, page.locator(_RIGHT))
        take(page.locator(_RIGHT), f"view-{view.lower()}")
        page.close()
    context.close()


def training(browser, address):
    """A sparse model in training."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = visit(context, address, "view=Train&kind=Sparse")
    page.get_by_role("button", name="Train", exact=True).last.click()
    expect(page.locator("[data-testid='stProgress']")).to_contain_text("left")
    expect(page.locator("[data-testid='stProgress']")).to_contain_text("Epoch 2", timeout=10 * PATIENCE_MS)
    take(page, "view-train")
    page.get_by_role("button", name="Stop", exact=True).click()
    context.close()


def main():
    expect.set_options(timeout=PATIENCE_MS)
    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "log") as address,
        launch_chromium() as browser,
    ):
        two_models_under_noise(browser, address)
        views(browser, address)
        training(browser, address)
        pocket(browser)


if __name__ == "__main__":
    main()
