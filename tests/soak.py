"""Many visitors at once, for minutes: `python -m tests.soak`. Ends with exit code 1 if a promise is broken.

Nothing may be lost or mixed up between sessions, the server's log stays clean and its memory flat, and the
slider stays quick, while one more session trains. Chromium shares the processors with the server.
"""

import argparse
import base64
import hashlib
import io
import itertools
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Error, expect

from ae_core.config import LADDERS
from ae_core.drawing import to_mnist
from ae_core.maps import CELL_PIXELS, grey_picture
from tests.e2e.conftest import (
    PATIENCE_MS,
    complaints,
    draw,
    launch_chromium,
    opened,
    panel,
    server_process,
    settled,
)
from tests.e2e.footprint import megabytes
from tests.e2e.latency import WATCH

SLOPE_MB_A_MINUTE = 10
P95_MS = 1500
SETTLING_SECONDS = 60
"""The memory of the first minute, in which caches fill, says nothing about a leak."""
JUDGED_SECONDS = 180
"""After that minute; over less, memory and times are printed and not judged."""

_WEIGHTS = LADDERS["contractive"]
_STARTING_RUNG = _WEIGHTS.index(1e-4)
_EVENTS = {"slide": "keydown", "stroke": "pointerup", "digit": "click", "undo": "click"}
"""What a visitor does, and the event from which on the page's answer is timed."""
_SLIDES = ("slide",) * 3
_DEEDS = tuple(
    deed for other in ("stroke", "digit", "stroke", "undo", "undo", "undo") for deed in (other, *_SLIDES)
)
"""The round that every visitor goes; it ends at the drawing with which it began."""
_LOOK_MS = 50
"""Between two looks at a page for its answer: times are up to so much too long."""
_SAMPLE_SECONDS = 2
_TRAINER_SECONDS = 15
_SAME_PICTURE = 0.02
"""Mean difference, of a range of 1, up to which a picture is the one expected; others differ by 0.1."""

_AT_REST = """() => document.querySelector("[data-testid='stApp']").dataset.testScriptState === 'notRunning'
    && [...document.images].every(image => image.complete && image.naturalWidth > 0)"""
_SIGHT = """() => {
    const text = place => [...document.querySelectorAll(place)].map(element => element.textContent).join();
    const pictures = place => [...document.querySelectorAll(place + ' img')].map(image => image.src).join();
    const parts = {};
    for (const title of ['Reconstruction', 'Code', 'Jacobian']) {
        const place = `.st-key-panel_${title}_0`;
        parts[title] = text(place) + pictures(place);
    }
    return {
        parts,
        seen: document.querySelector("img[alt^='The drawing as the model sees it']").src,
        titles: text("[data-testid='stMarkdown'] strong"),
    };
}"""
_NEWEST_STEP = """() => Math.max(0, ...[...document.querySelectorAll(
    "[data-testid='stSidebar'] .js-plotly-plot")].map(plot => plot.data[0].x.at(-1)))"""


class Ledger:
    """What every drawing was seen to look like, to hold whatever is seen later against it.

    A drawing is named by what was drawn; strokes carry their visitor's number, and no two are alike. So a
    part of the page that belongs to a drawing, or to a drawing at a penalty weight, looks always the same
    and like no other's.
    """

    def __init__(self):
        self._looks = {}
        self._owners = {}

    def mistake(self, part, owner, content):
        """A sentence on what is wrong with the content of a part of the page, or None."""
        look = hashlib.sha256(content.encode()).digest()
        usual = self._looks.setdefault((part, owner), look)
        known = self._owners.setdefault((part, look), owner)
        if known != owner:
            return f"{part} of {owner} is what {known} looks like"
        if usual != look:
            return f"{part} of {owner} is not what it was before"
        return None


@dataclass
class Report:
    """What happened."""

    seconds: float = 0.0
    slides: list = field(default_factory=list)
    """Milliseconds from each key to the three panels."""
    others: list = field(default_factory=list)
    """Likewise for strokes, test digits and undo."""
    answered: list = field(default_factory=list)
    """For each visitor a counter of what was done and answered."""
    memory: list = field(default_factory=list)
    """(seconds since all visitors were there, megabytes of the server)."""
    steps: list = field(default_factory=list)
    """The training's step each time somebody looked."""
    lost: list = field(default_factory=list)
    mixed_up: list = field(default_factory=list)
    log: str = ""

    @property
    def logged(self):
        """Lines of the server's log that tell of an exception."""
        return complaints(self.log)

    @property
    def slope(self):
        """Megabytes a minute once the first minute is over; None before there are two samples."""
        late = [(seconds / 60, size) for seconds, size in self.memory if seconds > SETTLING_SECONDS]
        return statistics.linear_regression(*zip(*late, strict=True)).slope if len(late) > 1 else None

    @property
    def p95(self):
        """Milliseconds that all but one in twenty slides stayed below."""
        return statistics.quantiles(self.slides, n=20)[-1]

    @property
    def long_enough(self):
        """Whether memory and times can be judged."""
        return self.seconds >= SETTLING_SECONDS + JUDGED_SECONDS


class UnansweredError(Exception):
    """A page never showed the answer to what was done on it."""


class Visitor:
    """One session: its page, and what this session itself knows to have drawn and chosen there."""

    def __init__(self, number, page, ledger):
        self.number = number
        self.page = page
        self.answered = Counter()
        self._ledger = ledger
        self._rung, self._direction = _STARTING_RUNG, 1
        self._drawings = [()]
        """The canvas after each step that undo would take back, each as the names of what is on it."""
        self._strokes = 0
        self._examples = Counter()
        # Not all visitors draw at the same time.
        self._deeds = itertools.chain(("slide",) * (number % 4), itertools.cycle(_DEEDS))
        self.under_way = None
        """What was done last, until its answer is collected."""

    def arrive(self):
        """A first drawing, so that every later act changes all three panels."""
        self._stroke()
        expect(panel(self.page, "Jacobian")).to_contain_text("exact")
        settled(self.page)
        self.page.evaluate(WATCH)
        # Looking at each frame, as for one visitor, takes a tenth of a processor for each page that waits.
        self.page.evaluate("pause => window.nextLook = look => setTimeout(look, pause)", _LOOK_MS)

    def act(self):
        """Do the next thing, and leave it to the page to time the answer."""
        self.under_way = next(self._deeds)
        self.page.evaluate("event => panelsAfter(event)", _EVENTS[self.under_way])
        getattr(self, f"_{self.under_way}")()

    def collect(self):
        """What was done last, and the milliseconds to its answer.

        Raises:
            UnansweredError: if the panels never changed.
        """
        deed, self.under_way = self.under_way, None
        taken = self.page.evaluate("() => window.waited")
        if taken is None:
            raise UnansweredError(f"the answer to a {deed} never came")
        self.answered[deed] += 1
        return deed, taken

    def mistakes(self):
        """Sentences on whatever this page shows that does not belong to its own drawing and slider."""
        self.page.wait_for_function(_AT_REST, polling=_LOOK_MS)
        sight = self.page.evaluate(_SIGHT)
        drawing, weight = self._drawings[-1], f"{_WEIGHTS[self._rung]:g}"
        for part, content in sight["parts"].items():
            yield self._ledger.mistake(part, (drawing, weight), content)
        yield self._ledger.mistake("seen", drawing, sight["seen"])
        if f"penalty weight {weight}" != sight["titles"].partition(", ")[2]:
            yield f"the slider is at {weight}, and the page shows {sight['titles']}"
        if (difference := self._difference(sight["seen"])) > _SAME_PICTURE:
            yield f"what the model sees is {difference:.2f} away from what {drawing} is on the canvas"

    def _difference(self, seen):
        """How far the picture that came from the server is from what lies on this browser's own canvas."""
        canvas = self.page.locator(".st-key-canvas canvas.dc-canvas.lower-canvas")
        drawn = to_mnist(_picture(canvas.evaluate("canvas => canvas.toDataURL()"), "RGBA"))
        if drawn is None:
            return 1.0
        expected = grey_picture(drawn[0, 0].numpy(), CELL_PIXELS).astype(float)
        return float(np.abs(_picture(seen, "L") - expected).mean()) / 255

    def _slide(self):
        """One stop, to and fro over the whole ladder."""
        if not 0 <= self._rung + self._direction < len(_WEIGHTS):
            self._direction *= -1
        self._rung += self._direction
        key = "ArrowRight" if self._direction > 0 else "ArrowLeft"
        self.page.locator(".st-key-weight_contractive input[type=range]").first.press(key)

    def _stroke(self):
        """A line through all four quarters of the canvas, like no other visitor's and no earlier one."""
        self._strokes += 1
        name = f"stroke {self._strokes} of visitor {self.number}"
        chance = random.Random(name)
        corners = [(x, y) for x in (30, 150) for y in (30, 150)]
        chance.shuffle(corners)
        draw(self.page, [(x + chance.randrange(100), y + chance.randrange(100)) for x, y in corners])
        self._drawings.append((*self._drawings[-1], name))

    def _digit(self):
        """A test digit; visitors that place the same one have to see the same."""
        digit = (self.number + self._strokes) % 10
        self.page.locator(f".st-key-digit_{digit} button").click()
        self._drawings.append((f"digit {digit}.{self._examples[digit]}",))
        self._examples[digit] += 1

    def _undo(self):
        self.page.get_by_role("button", name="Undo").first.click()
        self._drawings.pop()


def _picture(address, mode):
    """The pixels of a picture whose address holds it."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert(mode))


def train_for_long(page):
    """Start a run that outlasts everything here."""
    epochs = page.locator(".st-key-train_contractive_epochs input")
    epochs.fill("1000")
    epochs.press("Enter")
    page.locator(".st-key-train button").click()
    page.wait_for_function(f"({_NEWEST_STEP})() > 0")


def soak(browser, sessions, seconds, pace):
    """Have visitors draw and slide on a server of their own while one trains, and report.

    Args:
        pace: each visitor does something this many seconds after it last did, later if a page is slow.
    """
    report = Report()
    ledger = Ledger()
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with server_process(log) as (address, process), ExitStack() as contexts:
            trainer, *visitors = (
                _arrived(contexts, browser, address, number, ledger) for number in range(sessions + 1)
            )
            train_for_long(trainer.page)
            report.answered = [visitor.answered for visitor in visitors]
            _spend(seconds, pace, visitors, trainer, process, report)
        report.log = log.read_text()
    return report


def _arrived(contexts, browser, address, number, ledger):
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    contexts.callback(context.close)
    context.set_default_timeout(PATIENCE_MS)
    visitor = Visitor(number, opened(context, address), ledger)
    visitor.arrive()
    return visitor


def _spend(seconds, pace, visitors, trainer, process, report):
    """Go from visitor to visitor until the time is over, then look at each a last time."""
    there = deque(visitors)
    started = due = time.perf_counter()
    next_sample = next_look = started
    while there and (now := time.perf_counter()) < started + seconds:
        if now >= next_sample:
            report.memory.append((now - started, megabytes(process)))
            next_sample = now + _SAMPLE_SECONDS
        if now >= next_look:
            _look_after(trainer, report)
            next_look = now + _TRAINER_SECONDS
        trainer.page.wait_for_timeout(max(0.0, 1000 * (due - time.perf_counter())))
        # A visit that came late delays those after it: nobody hurries to catch up.
        due = max(due, time.perf_counter()) + pace / len(there)
        visitor = there.popleft()
        if _visited(visitor, report, visitor.act):
            there.append(visitor)
    report.seconds = time.perf_counter() - started
    for visitor in there:
        _visited(visitor, report)
    _look_after(trainer, report)


def _visited(visitor, report, then=lambda: None):
    """Take the answer to what this visitor did last, hold its page against it, and go on.

    Returns:
        Whether the visitor is still there: one whose page does not answer is not.
    """
    try:
        if visitor.under_way is not None:
            deed, taken = visitor.collect()
            (report.slides if deed == "slide" else report.others).append(taken)
        mistakes = [mistake for mistake in visitor.mistakes() if mistake is not None]
        then()
    except (Error, UnansweredError) as error:
        report.lost.append(f"visitor {visitor.number}: {str(error).splitlines()[0]}")
        return False
    report.mixed_up += [f"visitor {visitor.number}: {mistake}" for mistake in mistakes]
    return True


def _look_after(trainer, report):
    """The one that trains keeps its drawing, and the training goes on."""
    if not _visited(trainer, report):
        return
    before = report.steps[-1] if report.steps else 0
    try:
        trainer.page.wait_for_function(f"before => ({_NEWEST_STEP})() > before", arg=before, polling=_LOOK_MS)
    except Error:
        report.lost.append(f"the training stands still at step {before:,}")
    report.steps.append(trainer.page.evaluate(_NEWEST_STEP))


def broken_promises(report):
    """One sentence for each promise that was not kept."""
    broken = [f"Lost: {sentence}." for sentence in report.lost]
    broken += [f"Mixed up: {sentence}." for sentence in report.mixed_up]
    broken += [f"In the server's log: {line}" for line in report.logged]
    if report.long_enough:
        if report.slope > SLOPE_MB_A_MINUTE:
            broken.append(f"The memory grows by {report.slope:.1f} MB a minute.")
        if report.p95 > P95_MS:
            broken.append(f"The slider takes {report.p95:.0f} ms for one of twenty.")
    return broken


def table(report):
    """The figures, one a line."""
    answered = sum(report.answered, Counter())
    fewest, most = (choose(each.total() for each in report.answered) for choose in (min, max))
    first, last = report.memory[0][1], report.memory[-1][1]
    largest = max(size for _, size in report.memory)
    slope = "too short to tell" if report.slope is None else f"{report.slope:+.1f} MB a minute"
    judged = "" if report.long_enough else "; too short a run to judge it"
    yield "answered", ", ".join(f"{count:,} {deed}" for deed, count in answered.most_common())
    yield (
        "by a visitor",
        f"{fewest} to {most}, one each {report.seconds * len(report.answered) / answered.total():.1f} s",
    )
    yield (
        "slider to panels",
        (
            f"median {statistics.median(report.slides):.0f} ms, p95 {report.p95:.0f}, "
            f"most {max(report.slides):.0f} (p95 at most {P95_MS}{judged})"
        ),
    )
    yield (
        "drawing to panels",
        (f"median {statistics.median(report.others):.0f} ms, most {max(report.others):.0f}"),
    )
    yield (
        "server's memory",
        (
            f"{first:.0f} MB at first, {largest:.0f} at most, {last:.0f} at last; after the first minute "
            f"{slope} (at most {SLOPE_MB_A_MINUTE}{judged})"
        ),
    )
    yield "training", f"from step {report.steps[0]:,} to {report.steps[-1]:,}"
    yield "lost, mixed up, logged", f"{len(report.lost)}, {len(report.mixed_up)}, {len(report.logged)}"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sessions", type=int, default=20)
    arguments.add_argument("--seconds", type=float, default=300)
    arguments.add_argument(
        "--pace", type=float, default=4, help="seconds from one act of a visitor to its next"
    )
    chosen = arguments.parse_args()
    print(
        f"{chosen.sessions} visitors, each doing something every {chosen.pace:g} s, and one that trains; "
        f"{chosen.seconds:g} s; {os.cpu_count()} processors, Chromium among them",
        flush=True,
    )
    with launch_chromium() as browser:
        report = soak(browser, chosen.sessions, chosen.seconds, chosen.pace)
    for name, figures in table(report):
        print(f"{name + ':':25}{figures}")
    broken = broken_promises(report)
    print("\n".join(broken or ["Every promise kept."]))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
