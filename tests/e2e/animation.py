"""Film the README's animation anew, drawing, sliding and shaking: `python -m tests.e2e.animation`."""

import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.acts import THREE, canvas
from tests.e2e.conftest import PATIENCE_MS, ROOT, launch_chromium, serving

FILM = ROOT / "docs" / "lab.gif"
_VIEWPORT = {"width": 1280, "height": 720}
_SHOWN = (1280, 610)
"""The part of the page in the film, from its upper left corner, in pixels."""
_WIDTH = 860
_COLOURS = 128
_MILLISECONDS = 120
_LARGEST = 2_000_000


class Film:
    """Pictures of a page, one after another."""

    def __init__(self, page):
        self._page = page
        self._pictures = []

    def take(self, count=1, wait=80):
        """Some pictures of the page as it goes on."""
        width, height = _SHOWN
        for _ in range(count):
            self._page.wait_for_timeout(wait)
            png = self._page.screenshot(clip={"x": 0, "y": 0, "width": width, "height": height})
            picture = Image.open(io.BytesIO(png)).convert("RGB")
            self._pictures.append(
                picture.resize((_WIDTH, round(_WIDTH * height / width)), Image.Resampling.LANCZOS)
            )

    def save(self, path):
        """Save the film as a GIF that plays for ever, with one palette for all of its pictures."""
        sample = np.concatenate([np.asarray(picture) for picture in self._pictures[::6]])
        palette = Image.fromarray(sample).quantize(_COLOURS)
        frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in self._pictures]
        frames[0].save(
            path, save_all=True, append_images=frames[1:], duration=_MILLISECONDS, loop=0, optimize=True
        )


def play(page, film):
    """Draw a 3, slide A through the ladder, add noise, compare, and shake."""
    box = canvas(page).bounding_box()
    film.take(4)
    at = [(box["x"] + x, box["y"] + y) for x, y in THREE]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point, steps=6)
        film.take(2, 60)
    page.mouse.up()
    film.take(4, 150)
    slider = page.locator(".st-key-weight_A_contractive input[type=range]").first
    for key in ("ArrowLeft",) * 3 + ("ArrowRight",) * 6:
        slider.press(key)
        film.take(2, 150)
    page.get_by_role("button", name="+ compare: B").click()
    film.take(3, 200)
    noise = page.locator(".st-key-noise input[type=range]").first
    for _ in range(6):
        noise.press("ArrowRight")
        film.take(1, 250)
    page.locator(".st-key-shaking label").click()
    film.take(18, 150)


def main():
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "log") as address,
        launch_chromium() as browser,
    ):
        context = browser.new_context(viewport=_VIEWPORT, color_scheme="light")
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(address)
        canvas(page).wait_for()
        expect(page.locator(".panels.A .panel-values")).to_contain_text("Hoyer")
        page.wait_for_timeout(2000)
        film = Film(page)
        play(page, film)
        film.save(FILM)
    size = FILM.stat().st_size
    print(f"{FILM.relative_to(ROOT)}: {size / 1e6:.2f} MB")
    assert size < _LARGEST, "too large for the README"


if __name__ == "__main__":
    main()
