"""Take the README's pictures anew: `python -m tests.e2e.screenshots`."""

import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from tests.e2e.conftest import (
    PATIENCE_MS,
    ROOT,
    THREE,
    draw,
    launch_chromium,
    opened,
    panel,
    serving,
    settled,
)

PICTURES = ROOT / "docs"


def take(target, name):
    """One picture, packed as small as it goes."""
    path = PICTURES / f"{name}.png"
    target.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").save(path, optimize=True)


def at_rest(page, view):
    """Wait until nothing in a view changes any more, and its charts have come in."""
    before = None
    while before != (before := view.evaluate("view => view.innerHTML")):
        page.wait_for_timeout(1500)


def whole_pages(browser, address):
    """The page as it is first seen, in both themes."""
    for scheme in ("light", "dark"):
        context = browser.new_context(
            viewport={"width": 1440, "height": 980}, color_scheme=scheme, device_scale_factor=1.5
        )
        page = opened(context, address)
        draw(page, THREE)
        expect(panel(page, "Code")).to_contain_text("Active units")
        settled(page)
        page.mouse.move(5, 5)
        if scheme == "light":
            take(page, "contractive-light")
        page.get_by_text("Sparse", exact=True).click()
        expect(panel(page, "Code")).to_contain_text("of 64")
        if scheme == "light":
            page.locator(".st-key-train button").click()
            expect(page.locator("[data-testid='stProgress']")).to_contain_text("Epoch 2")
        settled(page)
        page.mouse.move(5, 5)
        take(page, f"sparse-{scheme}")
        context.close()


def views(browser, address):
    """Each view of a drawn digit."""
    # So high that a view is seen whole.
    context = browser.new_context(viewport={"width": 1280, "height": 4000})
    page = opened(context, address)
    draw(page, THREE)
    expect(panel(page, "Code")).to_contain_text("Active units")
    for name in ("Compare", "Sparsity", "Jacobian", "Robustness", "Wrong and right", "Learn"):
        if name == "Sparsity":
            page.get_by_text("Sparse", exact=True).click()
            expect(panel(page, "Code")).to_contain_text("of 64")
        if name == "Jacobian":
            page.get_by_text("Contractive", exact=True).click()
            expect(panel(page, "Code")).to_contain_text("of 1152")
        page.get_by_role("tab", name=name).click()
        view = page.get_by_role("tabpanel", name=name)
        if name == "Sparsity":
            view.locator(".st-key-units button").first.click()
            expect(view.get_by_role("button", name="off").first).to_be_visible()
        page.mouse.move(5, 5)
        at_rest(page, view)
        take(view, f"view-{name.lower().replace(' ', '-')}")
    context.close()


def main():
    expect.set_options(timeout=PATIENCE_MS)
    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "log") as address,
        launch_chromium() as browser,
    ):
        whole_pages(browser, address)
        views(browser, address)


if __name__ == "__main__":
    main()
