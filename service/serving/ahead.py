"""What answers need of a whole generation, worked out before it answers: by a process of its own, which then ends.

Who cites whom, the topics and the whole reading order take a large library many seconds each, and the whole interpreter: asked
of a new generation first while many ask, they took a minute, others stood in line behind them, and every search was slower for
it. So what was asked of the generation that answers is worked out of the next one beside the server, at a lower priority, while
the old one goes on answering; what nobody asked for since, isn't again. Where that fails or takes too long it is worked out when
it is asked for, as ever.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from indexer.errors import PaperpathError
from indexer.library import Generation, Library
from indexer.settings import Settings
from service import citations, derived, topics
from service.opened import one_thread_each
from service.reading_order.kept import whole_order
from service.serving import runtime, spawning

WORKED_OUT: dict[str, Callable[[Generation], object]] = {
    "citations": citations.of, "topics": topics.of, "solved order": whole_order, "whole order": whole_order,
}  # fmt: skip
"""What is worked out, by the name that what comes of it is given under."""
_MANY = 2_000  # passages: what fewer need is worked out sooner than a process starts
_MOST_SECONDS = 300.0
_END_SECONDS = 10.0
_YIELDS = 5  # of niceness: answers go first
_Found = tuple[str, dict[str, Any]] | str
log = logging.getLogger("paperpath")


class Ahead:
    """Works out of the `new` generation what the `old` one was asked for, and returns when that is known or can't be."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: BaseProcess | None = None
        self._lock = threading.Lock()
        self._stopped = False

    def __call__(self, old: Generation, new: Generation) -> None:
        names = [name for name in derived.asked_of(old) if name in WORKED_OUT]
        if not names or new.manifest.passages < _MANY:
            return
        began = time.monotonic()
        try:
            found = self._of_another_process(names)
        except Exception as error:  # none can be started, or what it sends is broken off
            found = "it was ended" if isinstance(error, EOFError) else repr(error)
        if self._stopped:
            return
        if isinstance(found, str):
            log.warning("What generation %s needs could not be worked out before it answers: %s.", new.name,
                        found.rstrip("."))  # fmt: skip
        elif found[0] == new.stamp:  # else something newer was published meanwhile, and is next
            derived.give(new, found[1])
            took = time.monotonic() - began
            log.info("What was asked before is worked out of generation %s, in %.0f s.", new.name, took)

    def _of_another_process(self, names: Sequence[str]) -> _Found:
        """What `_work_out` sends. Raises whatever starting a process and reading from it do."""
        pipe, there = spawning.pipe()
        with contextlib.closing(pipe):
            with self._lock:
                if self._stopped:
                    there.close()
                    raise EOFError
                process = self._process = spawning.started(_work_out, (there,), self._settings, names, name="ahead")
            too_long = threading.Timer(_MOST_SECONDS, process.kill)
            try:
                too_long.start()
                pipe.poll(None)
                with derived.without_collector():
                    return pipe.recv()
            finally:
                too_long.cancel()
                if too_long.ident is not None:
                    too_long.join()
                self._end(process)

    def close(self) -> None:
        """Ends what is worked out, for good."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def _end(self, process: BaseProcess) -> None:
        process.join(_END_SECONDS)
        with self._lock:
            self._process = None
            if process.is_alive():
                process.kill()
                process.join()
            process.close()


def _work_out(pipe: Connection, settings: Settings, names: Sequence[str]) -> None:
    """What runs in the other process: sends the stamp of the generation that it opened and what it made of it, or what failed."""
    runtime.bound_memory()
    one_thread_each()
    with contextlib.suppress(OSError, AttributeError):  # not on Windows
        os.nice(_YIELDS)
    try:
        generation = Library(settings.library).open()
        for work in dict.fromkeys(WORKED_OUT[name] for name in names):
            work(generation)
        found: _Found = generation.stamp, derived.made_of(generation)
    except Exception as error:
        found = error.message if isinstance(error, PaperpathError) else repr(error)
    with contextlib.suppress(OSError):  # nobody waits for it any more
        pipe.send(found)
