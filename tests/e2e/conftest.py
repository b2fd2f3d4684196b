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
from tests.e2e.acts import opened

ROOT = Path(__file__).parents[2]
RUN_APP = [sys.executable, "-m", "streamlit", "run", "app.py"]
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
PATIENCE_MS = 120_000
"""Only keeps a broken page from hanging the suite; no test measures time."""


@contextmanager
def serving(log_path, **environment):
    """The app on a free port of this machine; yields its address."""
    with server_process(log_path, **environment) as (address, _):
        yield address


@contextmanager
def server_process(log_path, *options, port=None, command=RUN_APP, cwd=ROOT, **environment):
    """The same, by a command that takes options of Streamlit's; yields its address and its process.

    It cannot reach any other machine, and keeps the states of its runs beside its log.
    """
    kept = {"PYTHONPATH": str(OFFLINE), RUNS_VARIABLE: str(log_path.with_suffix(".runs"))}
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    with log_path.open("w") as log:
        process = subprocess.Popen(
            [*command, "--server.headless", "true", "--server.port", str(port), *options],
            cwd=cwd,
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


def do_without(reason):
    """Skip the test for want of a program, or have it fail where all of them have to be there."""
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser():
    try:
        with launch_chromium() as browser:
            yield browser
    except Error as error:
        do_without(f"No Chromium could be started: {error.message.splitlines()[0]}")


@pytest.fixture
def visitor(browser):
    """Makes browsers of new visitors, with options of Playwright's."""
    contexts = []

    def come(width=1440, height=1000, **options):
        contexts.append(new_context(browser, width, height, **options))
        return contexts[-1]

    yield come
    for context in contexts:
        context.close()


def new_context(browser, width=1440, height=1000, **options):
    expect.set_options(timeout=PATIENCE_MS)
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(PATIENCE_MS)
    return context


@pytest.fixture(scope="session")
def shared_context(browser):
    """A browser that has loaded Streamlit's scripts once."""
    context = new_context(browser)
    yield context
    context.close()


@pytest.fixture
def context(shared_context):
    """A browser in which every page is that of a new visitor: what the app knows one by belongs to a tab."""
    yield shared_context
    for page in shared_context.pages:
        page.close()


@pytest.fixture
def page(context, server):
    """The app at rest, for a new visitor."""
    return opened(context, server)
