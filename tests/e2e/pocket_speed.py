"""How fast the pocket edition follows the pen: `python -m tests.e2e.pocket_speed`. A line for each view.

The pen moves within the page, once per frame: what a test tool takes to move it is left out.
"""

import os
import re
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import expect

from ae_core.pocket.models import open_ladders
from ae_core.pocket.page import to_page
from tests.e2e.conftest import PATIENCE_MS, launch_chromium

_MOVES = 150
_LISTEN = """
window.work = []; window.mapsMade = 0;
const ask = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = act => ask(time => {
    const start = performance.now();
    act(time);
    window.work.push(performance.now() - start);
});
window.Worker = class extends Worker {
    constructor(address) { super(address); this.addEventListener("message", () => window.mapsMade++); }
};
"""
_MOVE = """async moves => {
    const canvas = document.querySelector("#canvas"), box = canvas.getBoundingClientRect();
    const tell = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type, {
        pointerId: 1, button: 0, clientX: box.left + x, clientY: box.top + y, bubbles: true }));
    canvas.setPointerCapture = () => {};
    window.work.length = window.mapsMade = 0;
    const start = performance.now();
    tell("pointerdown", 200, 110);
    for (let move = 0; move < moves; move++) {
        tell("pointermove", 140 + 60 * Math.cos(move / 20), 110 + 60 * Math.sin(move / 20));
        await new Promise(resolve => setTimeout(() => requestAnimationFrame(resolve)));
    }
    tell("pointerup", 200, 110);
    // The frames in which nothing but this was waited for.
    const work = window.work.filter(time => time > 0.5);
    return { work, maps: 1000 * window.mapsMade / (performance.now() - start) };
}"""


def main():
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory() as folder, launch_chromium() as browser:
        file = Path(folder) / "lab.html"
        file.write_text(to_page(open_ladders()), encoding="utf-8")
        print(f"Chromium {browser.version}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        for kind in ("Contractive", "Sparse"):
            for compared in (False, True):
                page = browser.new_page(viewport={"width": 1280, "height": 720})
                page.add_init_script(_LISTEN)
                page.goto(file.as_uri())
                page.get_by_text(kind, exact=True).click()
                if compared:
                    page.locator("#compare").click()
                last = page.locator(f".panels.{'B' if compared else 'A'} .gauge.jacobian b")
                expect(last).to_have_text(re.compile(r"\d"))
                page.evaluate(_MOVE, 40)
                found = page.evaluate(_MOVE, _MOVES)
                work = sorted(found["work"])
                print(
                    f"{kind}, {'A and B' if compared else 'A'}: a move takes "
                    f"{statistics.median(work):.1f} ms "
                    f"(at best {work[0]:.1f}, one in twenty more than {work[int(0.95 * len(work))]:.1f}), "
                    f"{found['maps']:.1f} exact maps per second"
                )
                page.close()


if __name__ == "__main__":
    main()
