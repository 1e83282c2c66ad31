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
_LOOK_SECONDS = 1.0  # whether it is to be waited for still
_END_SECONDS = 10.0
_YIELDS = 5  # of niceness: answers go first
log = logging.getLogger("paperpath")


class Ahead:
    """Works out of the `new` generation what was asked of the `old` one, and returns when that is known or can't be."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: BaseProcess | None = None
        self._lock = threading.Lock()
        self._stopped = self._takes_too_long = False

    def __call__(self, old: Generation, new: Generation) -> None:
        names = [name for name in derived.asked_of(old) if name in WORKED_OUT]
        too_many = new.vectors.approximate  # it would take hundreds of megabytes
        if not names or new.manifest.passages < _MANY or too_many or self._takes_too_long:
            return
        began = time.monotonic()
        try:
            found, failed = self._of_another_process(old, new, names)
            derived.give(new, found)
            if failed:
                raise RuntimeError(failed)
        except Exception as error:  # whatever it is, the generation answers
            if not self._stopped:
                why = str(error).rstrip(".") or repr(error)
                log.warning("What generation %s needs could not be worked out before it answers: %s.", new.name, why)
        else:
            took = time.monotonic() - began
            log.info("What was asked before is worked out of generation %s, in %.0f s.", new.name, took)

    def _of_another_process(self, old: Generation, new: Generation, names: Sequence[str]) -> tuple[dict[str, Any], str]:
        """What `_work_out` sends. Raises EOFError or OSError where that fails, and whatever reading it does."""
        pipe, there = spawning.pipe()
        with contextlib.closing(pipe):
            with self._lock:
                if self._stopped:
                    there.close()
                    raise EOFError
                process = self._process = spawning.started(
                    _work_out, (there,), self._settings, new.name, names, name="ahead"
                )
            until = time.monotonic() + _MOST_SECONDS
            try:
                while not pipe.poll(_LOOK_SECONDS):
                    if time.monotonic() > until:
                        self._takes_too_long = True
                        raise TimeoutError(f"it took more than {_MOST_SECONDS:g} s, and is not tried again")
                    if not old.is_as_it_was():
                        raise OSError("what answers was changed under it, and the new one is needed now")
                with derived.without_collector():
                    return spawning.received(pipe)
            except EOFError:
                raise EOFError("it was ended") from None
            finally:
                self._end(process)

    def close(self) -> None:
        """Ends what is worked out, for good."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def _end(self, process: BaseProcess) -> None:
        process.kill()  # it has nothing more to do
        process.join(_END_SECONDS)
        with self._lock:
            self._process = None
            if not process.is_alive():  # else a disk hangs, and it ends with that
                process.close()


def _work_out(pipe: Connection, settings: Settings, name: str, names: Sequence[str]) -> None:
    """What runs in the other process: sends what it made of the generation of that name, and says what failed."""
    end_with(pipe)
    runtime.bound_memory()
    one_thread_each()
    with contextlib.suppress(OSError, AttributeError):  # not on Windows
        os.nice(_YIELDS)
    made: dict[str, Any] = {}
    failed = ""
    try:
        generation = Library(settings.library).open_generation(name)
        for work in dict.fromkeys(WORKED_OUT[name] for name in names):
            try:
                work(generation)
            except Exception as error:  # the others may be made
                failed = _said(error)
        made = derived.made_of(generation)
    except Exception as error:
        failed = _said(error)
    with contextlib.suppress(ConnectionError):  # nobody waits for it any more
        pipe.send((made, failed))


def _said(error: Exception) -> str:
    return error.message if isinstance(error, PaperpathError) else repr(error)


def end_with(pipe: Connection) -> None:
    """Ends this process when the other end of a pipe is closed, over which nothing comes: with the server, however that ends."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            pipe.poll(None)
        os._exit(1)

    threading.Thread(target=wait, name="ending", daemon=True).start()
