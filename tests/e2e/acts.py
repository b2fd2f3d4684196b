"""What a person does on the page, and what is waited for then."""

import itertools
import re

from playwright.sync_api import expect

THREE = (
    (90, 70),
    (140, 45),
    (185, 75),
    (180, 115),
    (130, 140),
    (185, 165),
    (190, 215),
    (140, 240),
    (85, 215),
)
SEVEN = ((80, 60), (200, 60), (150, 140), (120, 240))
DASH = ((20, 20), (60, 20))
"""Short, in the upper left corner."""

VIEWS = ("Play", "Train", "Compare", "Units", "Map", "Jacobian", "Robustness", "Meaning", "Mistakes", "Learn")
PANELS = ("reconstruction", "error", "code", "sensitivity", "values")

_QUIET_MS = 300
"""The canvas tells of a stroke 200 ms after its end."""

IN_PANELS = """[...document.querySelectorAll('.panel')].map(
    panel => panel.textContent + [...panel.querySelectorAll('img')].map(img => img.src))"""
"""In JavaScript: the panels' texts and pictures."""
_AT_REST = f"""([call, quiet]) => {{
    const app = document.querySelector("[data-testid='stApp']").dataset;
    const busy = app.testScriptState !== "notRunning" || app.testConnectionState !== "CONNECTED"
        || (window.autoencoderLabPen?.inFlight ?? null) !== null
        || [...document.images].some(image => !image.complete);
    const look = {IN_PANELS}, text = JSON.stringify(look), kept = window.lastLook, now = performance.now();
    if (busy || kept?.call !== call || kept.text !== text) window.lastLook = {{ call, text, since: now }};
    return !busy && now - window.lastLook.since >= quiet && look;
}}"""
_calls = itertools.count()


def opened(context, address):
    """The page for a new visitor, at rest with its panels filled."""
    page = context.new_page()
    page.goto(address)
    canvas(page).wait_for()
    expect(panel(page, "values")).to_contain_text("Hoyer")
    settled(page)
    return page


def canvas(page):
    return page.locator(".st-key-canvas canvas.upper-canvas")


def panel(page, name, side="A"):
    return page.locator(f".panels.{side} .panel-{name}")


def slider(page, side="A", kind="contractive"):
    return page.locator(f".st-key-weight_{side}_{kind} input[type=range]").first


def noise_slider(page):
    return page.locator(".st-key-noise input[type=range]").first


def held(page, slider, moves, smooth=3):
    """Take a slider with the mouse, and move it so many stops to the right, one move after the other.

    Yields after each; it is still held at last.

    Args:
        smooth: what each move is made of.
    """
    track = slider.locator("xpath=ancestor::*[@role='group']").bounding_box()
    low, high, step = (float(slider.get_attribute(name)) for name in ("min", "max", "step"))
    stop = track["width"] * step / (high - low)
    y = track["y"] + track["height"] / 2
    at = track["x"] + track["width"] * (float(slider.input_value()) - low) / (high - low)
    page.mouse.move(at, y)
    page.mouse.down()
    for stops in moves:
        at += stops * stop
        page.mouse.move(at, y, steps=smooth)
        yield


def undo_button(page):
    return page.locator(".st-key-undo button")


def press(page, key):
    """Press the button of this key."""
    # Streamlit has a second copy of a button with a tip, for touch screens.
    page.locator(f".st-key-{key} button").locator("visible=true").first.click()


def choose_kind(page, kind):
    page.locator(".st-key-kind").get_by_text(kind, exact=True).click()
    slider(page, kind=kind.lower()).wait_for()


def open_view(page, name):
    """Open a view; returns the column in which it stands."""
    button = page.locator(".st-key-view").get_by_role("radio", name=name, exact=True)
    button.click()
    expect(button).to_be_checked()
    return page.locator("[data-testid='stColumn']:has(.panels.A)").first


def open_menu(page):
    """The menu with the downloads and one's own models, open."""
    upload = page.locator(".st-key-upload")
    if not upload.is_visible():
        press(page, "more")
    upload.wait_for()


def draw(page, points):
    """One real stroke of the mouse."""
    canvas(page).scroll_into_view_if_needed()
    box = canvas(page).bounding_box()
    at = [(box["x"] + x, box["y"] + y) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def draw_and_settle(page, points):
    """A stroke, until it stands in the address; returns the panels then."""
    before = page.url
    draw(page, points)
    page.wait_for_url(lambda url: url != before)
    return settled(page)


def settled(page):
    """The panels' texts and pictures, once nothing is at work and nothing changes any more."""
    found = page.wait_for_function(_AT_REST, arg=[next(_calls), _QUIET_MS], polling=50)
    return found.json_value()


def changed(page, before):
    """Wait until every panel differs from what it was."""
    page.wait_for_function(f"before => {IN_PANELS}.every((now, index) => now !== before[index])", arg=before)


def all_changed(page, before):
    """The same, then until they rest; returns what they are then."""
    changed(page, before)
    return settled(page)


def cleared(page):
    press(page, "clear")
    expect(panel(page, "code")).to_contain_text("Draw a digit.")


_RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def gauge(page, name, side="A"):
    """The value of a gauge, as a number."""
    text = panel(page, "values", side).inner_text()
    said = re.search(rf"{re.escape(name)}\s+([^\s]+)", text)[1]
    mantissa, power, exponent = said.rpartition("10")
    if power and exponent and exponent[0] in "⁻⁰¹²³⁴⁵⁶⁷⁸⁹":
        return float(mantissa.rstrip("·") or 1) * 10.0 ** int(exponent.translate(_RAISED))
    return float(said)


def no_complaint(page):
    """Nothing on the page tells of an error."""
    expect(page.locator("[data-testid='stException'], [data-testid='stAlert']")).to_have_count(0)


def sideways(page):
    """By how much the page is wider than the window."""
    return page.evaluate(
        """() => [document.documentElement, document.querySelector("[data-testid='stMain']")]
            .map(element => element.scrollWidth - element.clientWidth)"""
    )
