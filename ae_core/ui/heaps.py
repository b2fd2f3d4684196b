"""The memory of a server that lives long: few heaps for many threads."""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8
_HEAPS = 2


def share_heaps() -> None:
    """Have all threads of the process share two of the C library's heaps; call it before there are many.

    The GNU C library gives each thread a heap of its own, up to eight for each core, and Streamlit runs every
    answer in a thread: each heap keeps the most that one answer ever needed. Measured over eight minutes,
    twelve visitors let the memory grow by 6 MB per minute with them and by 0 to 2 with two.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_M_ARENA_MAX, _HEAPS)
