"""Stopping in order: readiness goes first, then whoever only waits, then the connections, each after its answer.

From a signal on `/readyz` says no, and who waits for a job or is told of one gets what there is. A server that a proxy stands
before may take requests for some seconds more, until the proxy has seen that. Then no connection is taken, what is in progress
is finished, for at most `FINISH_SECONDS`, and the processes of the server are ended.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn

FINISH_SECONDS = 10
log = logging.getLogger("paperpath")


class Server(uvicorn.Server):
    """A server that tells `on_signal` of the first signal, and goes on for `drain_seconds` where that is SIGTERM.

    SIGHUP, of a terminal that is closed, stops it as Ctrl-C does, unless it is ignored, as below `nohup`.
    """

    def __init__(self, config: uvicorn.Config, on_signal: Callable[[], None], drain_seconds: float = 0.0) -> None:
        super().__init__(config)
        self._on_signal, self._drain_seconds = on_signal, drain_seconds
        self._exit_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn would raise the signal again at the end: what stopped in order ends as done.
        self._on_signal()  # between any two steps of the main thread: it sets flags and takes no lock
        if sig == signal.SIGTERM and self._drain_seconds and self._exit_at is None:
            self._exit_at = time.monotonic() + self._drain_seconds
        elif self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        hangup = getattr(signal, "SIGHUP", None)  # not on Windows
        main = threading.current_thread() is threading.main_thread()
        with super().capture_signals():
            if hangup is None or not main or signal.getsignal(hangup) is signal.SIG_IGN:
                yield
                return
            before = signal.signal(hangup, self.handle_exit)
            try:
                yield
            finally:
                signal.signal(hangup, before)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        log.info("Stopping, after what is in progress.")
        await super().shutdown(sockets)
        log.info("Stopped.")

    async def on_tick(self, counter: int) -> bool:
        if self._exit_at is not None and time.monotonic() >= self._exit_at:
            self.should_exit = True
        return await super().on_tick(counter)
