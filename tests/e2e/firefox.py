"""Debian's Firefox, driven by WebDriver BiDi: Playwright drives only a Firefox of its own."""

import itertools
import json
import shutil
import subprocess
import time
from contextlib import contextmanager

from websockets.sync.client import connect

from tests.e2e.conftest import PATIENCE_MS

PROGRAM = "firefox-esr"
_PATIENCE_S = PATIENCE_MS // 1000
_PREFERENCES = {
    # Names of other machines lead nowhere, as without a network.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "app.update.auto": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
}

_FIND = """((find, selector) => find(find, document, selector))((find, root, selector) =>
    root.querySelector(selector) ?? [...root.querySelectorAll("*")].filter(element => element.shadowRoot)
        .map(element => find(find, element.shadowRoot, selector)).find(Boolean) ?? null, SELECTOR)"""
"""Streamlit's components stand behind shadow roots."""


def element(selector):
    """The first element of a selector, or null, as an expression in JavaScript."""
    return _FIND.replace("SELECTOR", json.dumps(selector))


def found():
    return shutil.which(PROGRAM) is not None


@contextmanager
def launch_firefox(profile):
    """A headless Firefox with an empty profile in this folder."""
    lines = (f'user_pref("{name}", {json.dumps(value)});\n' for name, value in _PREFERENCES.items())
    (profile / "user.js").write_text("".join(lines))
    options = ["--headless", "--remote-debugging-port", "0", "--profile", str(profile), "--no-remote"]
    process = subprocess.Popen([PROGRAM, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with connect(f"ws://127.0.0.1:{_port_of(profile, process)}/session", max_size=None) as socket:
            yield Firefox(socket)
    finally:
        process.terminate()
        process.wait(30)


def _port_of(profile, process):
    told = profile / "WebDriverBiDiServer.json"
    for _ in range(10 * _PATIENCE_S):
        assert process.poll() is None, "Firefox ended by itself"
        if told.is_file() and (text := told.read_text()):
            return json.loads(text)["ws_port"]
        time.sleep(0.1)
    raise AssertionError("Firefox never listened")


class Firefox:
    """The browser with its one tab."""

    def __init__(self, socket):
        self._socket = socket
        self._numbers = itertools.count(1)
        self.complaints = []
        """What pages' scripts told as errors."""
        self._ask("session.new", capabilities={})
        self._ask("session.subscribe", events=["log.entryAdded"])
        self._tab = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def _ask(self, method, **parameters):
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(_PATIENCE_S))
            if told.get("method") == "log.entryAdded" and told["params"]["level"] == "error":
                self.complaints.append(told["params"]["text"])
            if told.get("id") == number:
                assert told["type"] == "success", told
                return told["result"]

    def open(self, address, width=1440, height=1000):
        self._ask(
            "browsingContext.setViewport", context=self._tab, viewport={"width": width, "height": height}
        )
        self._ask("browsingContext.navigate", context=self._tab, url=address, wait="complete")

    def evaluate(self, expression):
        """The value of an expression in JavaScript, awaited."""
        found = self._ask(
            "script.evaluate",
            expression=f"(async () => JSON.stringify([await ({expression})]))()",
            target={"context": self._tab},
            awaitPromise=True,
        )
        assert found["type"] == "success", found
        return json.loads(found["result"]["value"])[0]

    def wait_for(self, expression):
        """The value of an expression, once it is true."""
        for _ in range(20 * _PATIENCE_S):
            if value := self.evaluate(expression):
                return value
            time.sleep(0.05)
        raise AssertionError(f"never true: {expression[:200]}")

    def box(self, selector):
        """Left, top, width and height of an element, in the window."""
        return self.evaluate(
            f"(({{ x, y, width, height }}) => [x, y, width, height])"
            f"({element(selector)}.getBoundingClientRect())"
        )

    def point(self, steps, kind="mouse"):
        """Have a mouse or a finger ("touch") go through steps: "down", "up", or a place."""
        actions = []
        for step in steps:
            if isinstance(step, str):
                actions.append({"type": f"pointer{step.title()}", "button": 0})
            else:
                x, y = map(round, step)
                actions.append({"type": "pointerMove", "x": x, "y": y, "duration": 30})
        source = {"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": actions}
        self._ask("input.performActions", context=self._tab, actions=[source])

    def press(self, key):
        """A key; those without a letter have the code points of WebDriver."""
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        source = {"type": "key", "id": "keyboard", "actions": keys}
        self._ask("input.performActions", context=self._tab, actions=[source])
