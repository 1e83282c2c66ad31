"""What the C library keeps: few arenas, and large blocks by themselves, so that a server's memory stays where it is."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# As many threads as ask at once each take some memory at the same time; then the arenas are counted.
ARENAS = """
import ctypes, sys, threading
from service.serving import runtime
if "bound" in sys.argv:
    runtime.bound_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.fopen.restype = ctypes.c_void_p, ctypes.c_void_p
libc.malloc_info.argtypes, libc.fclose.argtypes = [ctypes.c_int, ctypes.c_void_p], [ctypes.c_void_p]
together = threading.Barrier(16)
def take():
    together.wait()
    libc.malloc(5000)
    together.wait()
threads = [threading.Thread(target=take) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
told = libc.fopen(sys.argv[1].encode(), b"w")
libc.malloc_info(0, told)
libc.fclose(told)
print(open(sys.argv[1]).read().count("<heap nr="))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no arenas")
def test_threads_share_two_arenas(tmp_path) -> None:
    def arenas(*how: str) -> int:
        command = [sys.executable, "-c", ARENAS, str(tmp_path / "told.xml"), *how]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert arenas("bound") <= 2 < arenas()
