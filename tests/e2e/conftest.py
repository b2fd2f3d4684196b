"""A real server and a real Chromium. Without a browser these tests are skipped, unless REQUIRE_BROWSER=1."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from ae_core.training.run_folder import RUNS_VARIABLE

ROOT = Path(__file__).parents[2]
OFFLINE = Path(__file__).parent / "offline"
"""On a server's path this cuts it off from all other machines."""
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Names of other machines lead nowhere, as without a network.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE *.localhost",
]
PATIENCE_MS = 60_000
"""Only keeps a broken page from hanging the suite; no test measures time."""


@contextmanager
def serving(log_path, **environment):
    """The app on a free port of this machine; yields its address."""
    with server_process(log_path, **environment) as (address, _):
        yield address


@contextmanager
def server_process(log_path, *options, port=None, **environment):
    """The same, with options of Streamlit's; yields its address and its process.

    It cannot reach any other machine, and keeps the states of its runs beside its log.
    """
    kept = {"PYTHONPATH": str(OFFLINE), RUNS_VARIABLE: str(log_path.with_suffix(".runs"))}
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    with log_path.open("w") as log:
        process = subprocess.Popen(
            [*command, "--server.port", str(port), *options],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **kept, **environment},
        )
        try:
            _wait_for(f"http://localhost:{port}/_stcore/health", process)
            yield f"http://localhost:{port}", process
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(address, process):
    for _ in range(600):
        assert process.poll() is None, "the server ended by itself"
        try:
            urllib.request.urlopen(address, timeout=1)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server never answered")


@contextmanager
def launch_chromium():
    """Debian's Chromium, or Playwright's own where there is none."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS
        )
        yield browser
        browser.close()


_CLOSED_EARLY = re.compile(
    r"Exception in ASGI application\n((?!.*Exception in ASGI).*\n)*?"
    r"TypeError: WebSocket text frames are not supported.*\n"
)
"""Streamlit complains so when a page goes away while something is sent to it; the session ends well."""


def complaints(log):
    """The lines of a server's log that tell of an exception."""
    log = _CLOSED_EARLY.sub("", log)
    return [line for line in log.splitlines() if "Traceback" in line or "Exception" in line]


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server for all tests; none of them may leave a traceback in its log."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with serving(log) as address:
        yield address
    assert not complaints(log.read_text()), log.read_text()


@pytest.fixture(scope="session")
def browser():
    try:
        with launch_chromium() as browser:
            yield browser
    except Error as error:
        reason = f"No Chromium could be started: {error.message.splitlines()[0]}"
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def context(browser):
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(context, server):
    """The app with its canvas ready, for a new visitor."""
    return opened(context, server)


def opened(context, address):
    page = context.new_page()
    page.goto(address)
    canvas(page).wait_for()
    expect(panel(page, "Jacobian")).to_contain_text("Draw a digit.")
    return page


def canvas(page):
    return page.locator(".st-key-canvas canvas.upper-canvas")


def panel(page, title, row=0):
    return page.locator(f".st-key-panel_{title}_{row}")


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


_PANELS = """[...document.querySelectorAll("[class*='st-key-panel_']")].map(
    panel => panel.innerText + [...panel.querySelectorAll('img')].map(img => img.src))"""


def settled(page):
    """The panels' texts and pictures, once nothing changes any more."""
    before = None
    for _ in range(200):
        now = page.evaluate(f"() => {_PANELS}")
        if now == before:
            return now
        before = now
        page.wait_for_timeout(250)
    raise AssertionError("the panels never came to rest")


def all_changed(page, before):
    """Wait until every panel differs from what it was; returns what they are then."""
    page.wait_for_function(f"before => {_PANELS}.every((now, index) => now !== before[index])", arg=before)
    return settled(page)
