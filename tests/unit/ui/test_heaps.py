"""How many heaps the threads of a server get. Needs the GNU C library."""

import re
import subprocess
import sys

import pytest

COUNT = """
import ctypes, os, sys, threading
{shared}
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
all_there = threading.Barrier(12)
def allocate():
    all_there.wait()
    libc.malloc(100_000)
    all_there.wait()
threads = [threading.Thread(target=allocate) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fopen.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
libc.fclose.argtypes = [ctypes.c_void_p]
file = libc.fopen(b"/dev/stdout", b"w")
libc.malloc_info(0, file)
libc.fclose(file)
"""


def heaps(shared):
    said = subprocess.run([sys.executable, "-c", COUNT.format(shared=shared)], capture_output=True, text=True)
    return len(re.findall("<heap nr=", said.stdout))


@pytest.mark.skipif(sys.platform != "linux", reason="It is Linux's C library that has them.")
def test_many_threads_share_two_heaps():
    assert heaps("") > 2
    assert heaps("from ae_core.ui.heaps import share_heaps; share_heaps()") == 2
