"""Take the README's pictures anew: `python -m tests.e2e.screenshots`."""

import tempfile
from pathlib import Path

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


def main():
    expect.set_options(timeout=PATIENCE_MS)
    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "log") as address,
        launch_chromium() as browser,
    ):
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
                page.screenshot(path=PICTURES / "contractive-light.png")
            page.get_by_text("Sparse", exact=True).click()
            expect(panel(page, "Code")).to_contain_text("of 64")
            if scheme == "light":
                page.locator(".st-key-train button").click()
                expect(page.locator("[data-testid='stProgress']")).to_contain_text("Epoch 2")
            settled(page)
            page.mouse.move(5, 5)
            page.screenshot(path=PICTURES / f"sparse-{scheme}.png")
            context.close()


if __name__ == "__main__":
    main()
