"""How threads of PyTorch wait for each other: awake for a moment, then asleep.

By default a thread of GNU OpenMP looks 300,000 times whether the others are there before it sleeps. That
holds up the very thread it waits for as soon as anything else computes: measured, training was 10 to 18 times
slower. Never to look again doubles a sparse epoch on a quiet machine.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from pathlib import Path

_SETTING, _LOOKS = "GOMP_SPINCOUNT", "2000"


def wait_asleep() -> None:
    """See to it that threads that wait soon sleep, whether PyTorch is loaded already or not; call it once."""
    if _SETTING in os.environ:
        return
    # For a PyTorch that is loaded later, and for processes that this one starts.
    os.environ[_SETTING] = _LOOKS
    if "torch" in sys.modules and sys.platform == "linux":
        for library in _loaded_libraries():
            _occupy(ctypes.CDLL(library))


def _loaded_libraries() -> list[str]:
    """The files of GNU OpenMP that this process has loaded: packages may bring one each."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return sorted({line.split(maxsplit=5)[-1] for line in lines if "libgomp" in line})


def _occupy(openmp: ctypes.CDLL) -> None:
    """Keep more threads asleep in it than there are processors.

    It has read its settings when it was loaded. But while it has more threads than processors they look 100
    times only, as it is written in its source: threads that wait for work that never comes are enough.
    """
    there = threading.Event()

    def stay() -> None:
        # Any function that does nothing will do as the work.
        nothing = ctypes.cast(openmp.omp_get_num_threads, ctypes.c_void_p)
        openmp.GOMP_parallel(nothing, None, len(os.sched_getaffinity(0)) + 1, 0)
        there.set()
        # They belong to this thread, and end when it does.
        threading.Event().wait()

    threading.Thread(target=stay, name="ae_core-occupies-openmp", daemon=True).start()
    there.wait()
