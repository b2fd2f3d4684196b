"""How long a person waits, in a real browser: `python -m tests.e2e.latency`. Measures, tests nothing."""

import argparse
import math
import os
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.acts import canvas, held, noise_slider, opened, panel, press, settled, slider
from tests.e2e.conftest import PATIENCE_MS, launch_chromium, new_context, serving

STROKE_SECONDS = 2
STROKE = """async (canvas, [seconds, number]) => {
    const box = canvas.getBoundingClientRect();
    const tell = (what, x, y) => {
        const how = { clientX: box.left + x, clientY: box.top + y, button: 0, buttons: what === "up" ? 0 : 1,
            bubbles: true, composed: true, cancelable: true };
        canvas.dispatchEvent(new PointerEvent(`pointer${what}`, { ...how, isPrimary: true, pointerId: 1 }));
        canvas.dispatchEvent(new MouseEvent(`mouse${what}`, how));
    };
    const start = performance.now();
    let gone = 0;
    tell("down", 140, 60);
    while (gone < seconds) {
        const angle = 2.2 * gone + number;
        tell("move", 140 + 60 * Math.sin(angle) + 20 * Math.sin(3 * angle), 140 - 80 * Math.cos(angle));
        await new Promise(requestAnimationFrame);
        gone = (performance.now() - start) / 1000;
    }
    window.liftPen = () => tell("up", 140, 60);
    return gone;
}"""
"""The pen moves within the page, once per frame of the screen: a test tool takes longer to move it."""
LAST_OF_VIEW = {
    "Train": ".st-key-train_ladder",
    "Compare": "[data-testid='stDataFrame']",
    "Units": ".st-key-density_histogram .main-svg",
    "Map": ".atlas-marks .here",
    "Jacobian": ".st-key-walk .main-svg",
    "Robustness": ".st-key-contraction_1 .main-svg",
    "Meaning": ".st-key-probe_shift .main-svg",
    "Mistakes": ".st-key-mistake_1",
    "Learn": ".st-key-experiment_0",
    "Play": ".all-penalties img",
}
"""What is drawn late of each view."""
FILLED = ".panels.A .panel-sensitivity img"

WATCH = """() => {
    const loaded = () => [...document.images].every(image => image.complete && image.naturalWidth > 0);
    const panels = side => [...document.querySelectorAll(`.panels${side && "." + side} .panel`)];
    const look = (side = "") => panels(side).map(panel =>
        panel.textContent + [...panel.querySelectorAll('img')].map(image => image.src));
    const resting = () =>
        document.querySelector("[data-testid='stApp']").dataset.testScriptState === "notRunning";
    const until = (event, done) => new Promise(resolve => {
        document.addEventListener(event, () => {
            const start = performance.now();
            const watch = () => done() && loaded() ? resolve(performance.now() - start)
                : performance.now() - start > 20000 ? resolve(null) : requestAnimationFrame(watch);
            requestAnimationFrame(watch);
        }, { capture: true, once: true });
    });
    window.panelsAfter = (event, side) => {
        const before = look(side);
        window.waited = until(event, () => look(side).every((now, index) => now !== before[index]));
    };
    window.viewAfter = (event, last) => {
        window.waited = until(event, () => document.querySelector(last) && resting());
    };

    // The stroke at work: from the newest move of the pointer that a frame has to the panels that show it.
    window.penAfter = () => {
        const pen = window.autoencoderLabPen, log = { updates: [], up: null, last: null };
        let move = null, from = null, shown = look(), newest = JSON.stringify(shown);
        const moved = event => { move = event.timeStamp; };
        document.addEventListener("pointermove", moved, { capture: true });
        document.addEventListener("pointerup", () => { log.up = performance.now(); },
            { capture: true, once: true });
        const { sentAt, shownAt } = pen;
        // Both are set by the pen's script: when a frame goes out, and when the panels show it.
        Object.defineProperty(pen, "sentAt", { configurable: true, get: () => sentAt,
            set() { from = move; } });
        Object.defineProperty(pen, "shownAt", { configurable: true, get: () => shownAt, set() {
            const then = from, now = look();
            if (log.up !== null || now.some((one, index) => one === shown[index])) return;
            shown = now;
            const wait = () =>
                loaded() ? log.updates.push(performance.now() - then) : requestAnimationFrame(wait);
            requestAnimationFrame(wait);
        } });
        const watch = () => {
            const text = JSON.stringify(look());
            if (log.up !== null && text !== newest && loaded()) log.last = performance.now() - log.up;
            newest = text;
            window.penWatched = requestAnimationFrame(watch);
        };
        watch();
        window.penStop = () => {
            cancelAnimationFrame(window.penWatched);
            document.removeEventListener("pointermove", moved, { capture: true });
            Object.defineProperty(pen, "sentAt", { value: sentAt, writable: true });
            Object.defineProperty(pen, "shownAt", { value: shownAt, writable: true });
            return log;
        };
    };
}"""


def measure(page, act, watch):
    """Milliseconds from the act's event to the page that shows its result."""
    page.evaluate(watch)
    act()
    taken = page.evaluate("() => window.waited")
    assert taken is not None, "the page never showed a change"
    settled(page)
    return taken


def strokes(page, repeats):
    """Of each stroke: the median of its updates, updates per second, and from its end to the last change."""
    delays, rates, ends = [], [], []
    for number in range(repeats):
        press(page, f"digit_{number % 10}")
        settled(page)
        page.evaluate("() => penAfter()")
        seconds = canvas(page).evaluate(STROKE, [STROKE_SECONDS, number])
        before = page.evaluate("() => location.href")
        canvas(page).evaluate("() => liftPen()")
        page.wait_for_function("before => location.href !== before", arg=before)
        settled(page)
        log = page.evaluate("() => penStop()")
        delays.append(statistics.median(log["updates"]) if log["updates"] else math.nan)
        rates.append(len(log["updates"]) / seconds)
        ends.append(log["last"])
    return {
        "the pointer's move to the panels, during a stroke": delays,
        "updates per second, during a stroke": rates,
        "a stroke's end to its last change of the panels": ends,
    }


def slides(page, repeats, side="A", name="the slider to all panels"):
    """One stop of a side's slider to and one fro."""
    return {name: _presses(page, repeats, slider(page, side), side)}


def noises(page, repeats):
    """Likewise the noise."""
    return {"the noise to all panels": _presses(page, repeats, noise_slider(page), "A")}


def _presses(page, repeats, control, side):
    control.focus()
    return [
        measure(
            page,
            lambda: page.keyboard.press("ArrowLeft" if number % 2 else "ArrowRight"),  # noqa: B023
            f"() => panelsAfter('keydown', '{side}')",
        )
        for number in range(repeats)
    ]


def drags(page, repeats):
    """The slider held with the mouse, one stop to and one fro."""
    times = []
    stops = held(page, slider(page), [-1 if number % 2 else 1 for number in range(repeats)], smooth=1)
    for _ in range(repeats):
        times.append(measure(page, lambda: next(stops), "() => panelsAfter('pointermove', 'A')"))
    page.mouse.up()
    return {"a held slider to all panels": times}


def openings(page, repeats):
    """Every view in turn."""
    times = {name: [] for name in LAST_OF_VIEW}
    for _ in range(repeats):
        for name, taken in times.items():
            taken.append(_open(page, name))
    return {f"{name}, opened": taken for name, taken in times.items()}


def _open(page, name):
    button = page.locator(".st-key-view").get_by_role("radio", name=name, exact=True)
    return measure(page, button.click, f'() => viewAfter("pointerdown", "{LAST_OF_VIEW[name]}")')


def fresh_pages(browser, address, repeats):
    """The page in a browser that has loaded nothing of it before."""
    times = []
    for _ in range(repeats):
        context = new_context(browser)
        page = context.new_page()
        page.goto(address, wait_until="commit")
        found = page.wait_for_function(
            f"""() => {{
                const image = document.querySelector("{FILLED}");
                return image?.complete && image.naturalWidth > 0 && performance.now();
            }}"""
        )
        times.append(found.json_value())
        context.close()
    return {"a fresh page, from its address to its panels": times}


def first_views(browser, address, repeats):
    """The first view with a chart in such a browser, at once and after some seconds."""
    times = {}
    for pause, when in ((0, "at once"), (6000, "after six seconds")):
        taken = times[f"the first view with charts, opened {when}"] = []
        for _ in range(repeats):
            context = new_context(browser)
            page = opened(context, address)
            page.evaluate(WATCH)
            page.wait_for_timeout(pause)
            taken.append(_open(page, "Compare"))
            context.close()
    return times


def slides_beside_training(page, repeats):
    """B's slider while this page's own training goes on, which A follows, in the view with bar and curves."""
    page.locator(".st-key-view").get_by_role("radio", name="Train").click()
    page.get_by_label("Epochs", exact=True).fill("1000")
    page.get_by_label("Epochs", exact=True).press("Enter")
    press(page, "train")
    expect(page.get_by_text("images/s")).to_be_visible()
    press(page, "compare_b")
    panel(page, "values", "B").wait_for()
    times = slides(page, repeats, "B", "the slider to all panels of B while this page trains")
    press(page, "stop")
    expect(page.get_by_text("Stopped after step")).to_be_visible()
    return times


def tell(times, note=""):
    for name, taken in times.items():
        digits = 1 if "per second" in name else 0
        median, low, high = (
            f"{one:.{digits}f}" for one in (statistics.median(taken), min(taken), max(taken))
        )
        print(f"{name}{note}: {median} ({low} to {high})", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=15)
    repeats = arguments.parse_args().repeats
    expect.set_options(timeout=PATIENCE_MS)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "log") as address,
        launch_chromium() as browser,
    ):
        page = opened(new_context(browser), address)
        page.evaluate(WATCH)
        print(f"milliseconds, median (lowest to highest) of {repeats}; {os.cpu_count()} processors")
        for act in (strokes, slides, drags, noises, openings):
            act(page, 2)
            tell(act(page, repeats))
        press(page, "compare_b")
        panel(page, "values", "B").wait_for()
        settled(page)
        tell(strokes(page, repeats), ", with B")
        for side in ("A", "B"):
            tell(slides(page, repeats, side, f"the slider to all panels of {side}, with B"))
        press(page, "only_a")
        expect(panel(page, "values", "B")).to_have_count(0)
        tell(slides_beside_training(page, repeats))
        tell(fresh_pages(browser, address, repeats))
        tell(first_views(browser, address, repeats))


if __name__ == "__main__":
    main()
