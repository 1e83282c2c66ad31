"""Processes of the server's own: each begins anew, with nothing of the server's threads and locks in it."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

_SPAWN = multiprocessing.get_context("spawn")
_BIRTHS = threading.Lock()  # `multiprocessing` looks after all children whenever one starts, and not for two threads


def pipe() -> tuple[Connection, Connection]:
    """Two ends, over which both sides send."""
    return _SPAWN.Pipe()


def started(work: Callable[..., None], ends: Sequence[Connection], *given: Any, name: str) -> BaseProcess:
    """A process that does that work, with those ends of pipes, which are its own from then on, and what else is given; it ends
    with this one. Raises OSError where none can be started."""
    try:
        process = _SPAWN.Process(target=_work, args=(work, *ends, *given), name=name, daemon=True)
        with _BIRTHS:
            process.start()
        return process
    finally:
        for end in ends:
            end.close()


def _work(work: Callable[..., None], *given: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this one
    work(*given)
