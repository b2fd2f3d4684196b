"""How long the page takes to start, its memory and work: `python -m tests.e2e.footprint`. Tests nothing."""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.acts import THREE, draw_and_settle, opened, settled, slider
from tests.e2e.conftest import PATIENCE_MS, launch_chromium, server_process

_SESSIONS = 5
_SLIDES = 24


def megabytes(process):
    """Resident memory of the server."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def processor_seconds(process):
    """Time of all processors that the server has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def work_of_a_slide(page, process):
    """Processor seconds of the server for one stop of the slider, with the view that is open at first."""
    before = processor_seconds(process)
    for number in range(_SLIDES):
        slider(page).press("ArrowRight" if number % 2 else "ArrowLeft")
        settled(page)
    return (processor_seconds(process) - before) / _SLIDES


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=5)
    repeats = arguments.parse_args().repeats
    expect.set_options(timeout=PATIENCE_MS)
    starts, idle, further, work = [], [], [], []
    with tempfile.TemporaryDirectory() as folder, launch_chromium() as browser:
        for _ in range(repeats):
            started = time.perf_counter()
            with server_process(Path(folder) / "log") as (address, process):
                context = browser.new_context()
                page = opened(context, address)
                starts.append(time.perf_counter() - started)
                draw_and_settle(page, THREE)
                idle.append(megabytes(process))
                work.append(work_of_a_slide(page, process))
                slid = megabytes(process)
                contexts = [browser.new_context() for _ in range(_SESSIONS)]
                for one in contexts:
                    draw_and_settle(opened(one, address), THREE)
                further.append((megabytes(process) - slid) / _SESSIONS)
                for one in (context, *contexts):
                    one.close()
    print(f"medians of {repeats}; {os.cpu_count()} processors, Chromium among them")
    print(f"from the command to a page that draws: {statistics.median(starts):.1f} s")
    print(f"resident memory after the first drawing: {statistics.median(idle):.0f} MB")
    print(f"the server's work for a stop of the slider: {1000 * statistics.median(work):.0f} ms")
    print(f"each further session that draws: {statistics.median(further):.1f} MB")


if __name__ == "__main__":
    main()
