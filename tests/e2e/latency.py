"""How long a person waits, in a real browser: `python -m tests.e2e.latency`. Measures, tests nothing."""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.conftest import (
    PATIENCE_MS,
    SEVEN,
    THREE,
    canvas,
    draw,
    launch_chromium,
    opened,
    panel,
    serving,
    settled,
)

WATCH = """() => {
    const shown = () => [...document.querySelectorAll("[class*='st-key-panel_']")].map(panel =>
        panel.textContent + [...panel.querySelectorAll('img')].map(image => image.src));
    const loaded = place => [...document.querySelectorAll(place + ' img')].every(
        image => image.complete && image.naturalWidth > 0);
    const until = (event, done) => new Promise(resolve => {
        document.addEventListener(event, () => {
            const start = performance.now();
            const look = () => done() ? resolve(performance.now() - start)
                : performance.now() - start > 20000 ? resolve(null) : requestAnimationFrame(look);
            requestAnimationFrame(look);
        }, {capture: true, once: true});
    });
    window.panelsAfter = event => {
        const before = shown();
        window.waited = until(event, () => shown().every((now, index) => now !== before[index])
            && loaded("[class*='st-key-panel_']"));
    };
    window.compareAfter = event => {
        window.waited = until(event, () => {
            const view = document.querySelector("[role='tabpanel'][id$='-tabpanel-0'], [role='tabpanel']");
            return view && view.querySelector('.js-plotly-plot .point')
                && view.querySelectorAll('img').length >= 7 && loaded("[role='tabpanel']");
        });
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


def place(page, number):
    page.locator(f".st-key-digit_{number % 10} button").click()
    expect(panel(page, "Jacobian")).to_contain_text("exact")
    settled(page)


def strokes(page, repeats):
    """Each stroke is drawn over another digit."""
    times = []
    for number in range(repeats):
        place(page, number)
        act = lambda: draw(page, SEVEN if number % 2 else THREE)  # noqa: E731, B023
        times.append(measure(page, act, "() => panelsAfter('pointerup')"))
    return times


def slides(page, repeats):
    """One stop of the slider to the left, then one to the right."""
    slider = page.locator(".st-key-weight_contractive input[type=range]").first
    slider.focus()
    return [
        measure(
            page,
            lambda: page.keyboard.press("ArrowRight" if number % 2 else "ArrowLeft"),  # noqa: B023
            "() => panelsAfter('keydown')",
        )
        for number in range(repeats)
    ]


def openings(page, repeats):
    """Compare, each time for another digit."""
    times = []
    for number in range(repeats):
        page.get_by_role("tab", name="Learn").click()
        place(page, number)
        tab = page.get_by_role("tab", name="Compare")
        tab.scroll_into_view_if_needed()
        page.wait_for_timeout(300)
        times.append(measure(page, tab.click, "() => compareAfter('click')"))
    return times


def slides_beside_training(page, repeats):
    """The slider while this page's own training goes on, with its bar, curve and picture."""
    page.get_by_role("tab", name="Learn").click()
    page.get_by_label("Epochs", exact=True).fill("1000")
    page.get_by_label("Epochs", exact=True).press("Enter")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text("images/s")).to_be_visible()
    times = slides(page, repeats)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped after step")).to_be_visible()
    return times


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
        page = opened(browser.new_context(viewport={"width": 1440, "height": 1600}), address)
        page.evaluate(WATCH)
        canvas(page).wait_for()
        page.get_by_role("tab", name="Learn").click()
        print(f"milliseconds, median (lowest to highest) of {repeats}; {os.cpu_count()} processors")
        for name, act in (
            ("a stroke to all three panels, the canvas's own 200 ms included", strokes),
            ("the slider to all three panels", slides),
            ("Compare, opened", openings),
            ("a stroke to all three panels, Compare open", strokes),
            ("the slider to all three panels, Compare open", slides),
            ("the slider to all three panels while this page trains", slides_beside_training),
        ):
            act(page, 2)
            times = act(page, repeats)
            median = statistics.median(times)
            print(f"{name}: {median:.0f} ({min(times):.0f} to {max(times):.0f})", flush=True)


if __name__ == "__main__":
    main()
