"""Many visitors at once, for minutes: `python -m tests.soak`. Ends with exit code 1 if a promise is broken.

Nothing may be lost or mixed up between sessions, the server's log stays clean and its memory flat, and the
slider stays quick, while one more session trains. The visitors are websockets, not browsers: what their
browsers would do, they would do on machines of their own.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.client import Session, UnansweredError
from tests.e2e.conftest import complaints, server_process
from tests.e2e.footprint import megabytes
from tests.visitors import Ledger, Trainer, Visitor

SLOPE_MB_A_MINUTE = 10
P95_MS = 1500
SETTLING_SECONDS = 60
"""The memory of the first minute, in which caches fill, says nothing about a leak."""
JUDGED_SECONDS = 180
"""After that minute; over less, memory and times are printed and not judged."""

_SAMPLE_SECONDS = 2
_TRAINER_SECONDS = 15


@dataclass
class Report:
    """What happened."""

    seconds: float = 0.0
    slides: list = field(default_factory=list)
    """Milliseconds from each slide to all panels of A."""
    others: list = field(default_factory=list)
    """Likewise for the ends of strokes, test digits and undo."""
    frames: list = field(default_factory=list)
    """Likewise for each frame of a stroke at work."""
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
        """Megabytes per minute once the first fifth, at least a minute, is over; None for too few samples."""
        settled = max(SETTLING_SECONDS, self.seconds / 5)
        late = [(seconds / 60, size) for seconds, size in self.memory if seconds > settled]
        return statistics.linear_regression(*zip(*late, strict=True)).slope if len(late) > 1 else None

    @property
    def p95(self):
        """Milliseconds that all but one in twenty slides stayed below."""
        return statistics.quantiles(self.slides, n=20)[-1]

    @property
    def long_enough(self):
        """Whether memory and times can be judged."""
        return self.seconds >= SETTLING_SECONDS + JUDGED_SECONDS


async def soak(sessions, seconds, pace):
    """Have visitors draw and slide on a server of their own while one trains, and report.

    Args:
        pace: each visitor does something this many seconds after it last did, later if its page is slow.
    """
    report = Report()
    ledger = Ledger()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with server_process(log) as (address, process):
            async with AsyncExitStack() as stack:

                async def arrived(visitor_class, number):
                    session = await stack.enter_async_context(Session.opened(address))
                    visitor = visitor_class(number, session, ledger)
                    await visitor.arrive()
                    return visitor

                trainer = await arrived(Trainer, 0)
                visitors = [await arrived(Visitor, number) for number in range(1, sessions + 1)]
                await trainer.train_for_long()
                report.answered = [visitor.answered for visitor in visitors]
                started = time.perf_counter()
                sampling = asyncio.create_task(_sample(process, report))
                looking = asyncio.create_task(_look_after(trainer, report))
                await asyncio.gather(
                    *(
                        _visit(visitor, started + seconds, pace, pace * index / sessions, report)
                        for index, visitor in enumerate(visitors)
                    )
                )
                report.seconds = time.perf_counter() - started
                sampling.cancel()
                looking.cancel()
                await _look(trainer, report)
                report.frames = [1000 * taken for visitor in visitors for taken in visitor.followed]
        report.log = log.read_text()
    return report


async def _visit(visitor, end, pace, delay, report):
    """Draw and slide until the time is over; one whose page does not answer gives up."""
    due = time.perf_counter() + delay
    try:
        while (now := time.perf_counter()) < end:
            await asyncio.sleep(due - now)
            # An answer that came late delays what follows it: nobody hurries to catch up.
            due = time.perf_counter() + pace
            deed, taken = await visitor.act()
            (report.slides if deed == "slide" else report.others).append(1000 * taken)
            report.mixed_up += [f"visitor {visitor.number}: {each}" for each in await visitor.mistakes()]
    except (UnansweredError, OSError) as error:
        report.lost.append(f"visitor {visitor.number}: {error}")


async def _sample(process, report):
    started = time.perf_counter()
    while True:
        report.memory.append((time.perf_counter() - started, megabytes(process)))
        await asyncio.sleep(_SAMPLE_SECONDS)


async def _look_after(trainer, report):
    while True:
        await asyncio.sleep(_TRAINER_SECONDS)
        await _look(trainer, report)


async def _look(trainer, report):
    """The one that trains keeps its drawing, and the training goes on."""
    try:
        report.steps.append(await trainer.further(report.steps[-1] if report.steps else 0))
        report.mixed_up += [f"who trains: {each}" for each in await trainer.mistakes()]
    except (UnansweredError, OSError) as error:
        report.lost.append(f"who trains: {error}")


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
    strokes = max(1, answered["stroke"])
    yield (
        "pen to panels",
        (
            f"median {statistics.median(report.frames):.0f} ms, most {max(report.frames):.0f}, "
            f"{len(report.frames) / strokes:.1f} times during a stroke"
        ),
    )
    yield (
        "server's memory",
        (
            f"{first:.0f} MB at first, {largest:.0f} at most, {last:.0f} at last; after the first fifth "
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
        f"{chosen.seconds:g} s; {os.cpu_count()} processors",
        flush=True,
    )
    report = asyncio.run(soak(chosen.sessions, chosen.seconds, chosen.pace))
    for name, figures in table(report):
        print(f"{name + ':':25}{figures}")
    broken = broken_promises(report)
    print("\n".join(broken or ["Every promise kept."]))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
