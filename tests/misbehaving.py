"""Stands in for `extract.read` in a worker: does what the file's name says. In a file of its own, since workers import it."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from indexer.document import Extracted
from indexer.errors import Encrypted
from indexer.extract import markdown

LEAKED: list[bytes] = []


def read(path: Path, kind: str, url: str = "", *, engine: str, ocr: bool, told: Callable[[int], None]) -> Extracted:
    what = path.name.split(".")[0]
    with path.with_suffix(".asked").open("a") as file:
        file.write("x")
    if what == "hang":
        time.sleep(1000)
    if what == "hang-in-c":
        path.with_suffix(".pid").write_text(str(os.getpid()))
        re.match(r"(a+)+b", "a" * 64)  # never comes back, and lets no other thread of Python run
    if what == "exit":
        os._exit(9)
    if what == "abort" or (what in ("abort-of-pdfium", "encrypted-or-abort") and engine != "pypdf"):
        os.abort()
    if what == "segfault":
        ctypes.string_at(0)
    if what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "killed-handing-over":
        json.dumps = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)  # in the middle of it
    if what == "swell":
        return Extracted((), title="x" * (2 << 30))
    if what == "deep":
        return read(path, kind, url, engine=engine, ocr=ocr, told=told)
    if what == "raise":
        raise ZeroDivisionError("of all things")
    if what in ("encrypted", "encrypted-or-abort"):
        raise Encrypted("It asks for a password.")
    if what == "gone":
        path.with_name("nothing-here").read_bytes()
    if what == "large":
        return Extracted((), title="x" * (3 << 20))
    if what == "connect":
        import socket

        socket.create_connection(("127.0.0.1", 9))
    if what == "run":
        subprocess.run(["true"])
    if what == "leave-a-child":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        path.with_suffix(".pid").write_text(str(child.pid))
        time.sleep(1000)
    if what == "half-full":
        LEAKED.append(b"x" * (300 << 20))
    if what.startswith("meet"):  # two that wait for each other
        path.with_name(f"{what}-is-here").touch()
        other = path.with_name("meet-b-is-here" if what == "meet-a" else "meet-a-is-here")
        while not other.exists():
            time.sleep(0.01)
    for page in range(3):
        told(page + 1)
    found = markdown.read_plain(path.read_text())
    return Extracted(found.pages, title=str(os.getpid()), engine=engine)
