"""Processes of the server's own: each begins anew, with nothing of the server's threads and locks in it.

What they send each other is pickled, as `multiprocessing` does; what came from outside never is.
"""

from __future__ import annotations

import io
import multiprocessing
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pickle import Unpickler
from typing import Any

_SPAWN = multiprocessing.get_context("spawn")
_BIRTHS = threading.Lock()  # `multiprocessing` looks after all children whenever one starts, and not for two threads


def pipe() -> tuple[Connection, Connection]:
    """Two ends, over which both sides send."""
    return _SPAWN.Pipe()


def started(work: Callable[..., None], ends: Sequence[Connection], *given: Any, name: str) -> BaseProcess:
    """A process that does that work, with those ends of pipes, which are its own from then on, and what else is given. It is
    ended with this one, and finds its pipes closed where that is killed. Raises OSError where none can be started."""
    try:
        process = _SPAWN.Process(target=_work, args=(work, *ends, *given), name=name, daemon=True)
        with _BIRTHS:
            process.start()
        return process
    finally:
        for end in ends:
            end.close()


def received(end: Connection) -> Any:
    """What was sent over a pipe. Raises EOFError and OSError as `recv` does.

    `recv` keeps the interpreter until it has read all: of 50 MB for half a second, in which nobody is answered.
    """
    return Unpickler(_InPieces(end.recv_bytes())).load()  # noqa: S301 - by a process of the server's own


class _InPieces:
    """Bytes that are read as pickle has them framed, some 64 kB at a time. Each call lets other threads have their turn."""

    def __init__(self, data: bytes) -> None:
        self._read = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._read.read(size)

    def readline(self) -> bytes:
        return self._read.readline()


def _work(work: Callable[..., None], *given: Any) -> None:
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is for the server, which ends this one; so is a closed terminal
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    work(*given)
