"""How long an answer may be worked on, told to the work: a long loop says `check()` now and then.

A request carries its `Deadline` in a context variable, which its threads inherit. Where there is none, on the command line
and in what is worked out for all, a check costs one look at a variable.
"""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, TypeVar

from indexer.errors import PaperpathError

T = TypeVar("T")
_now: ContextVar[Deadline | None] = ContextVar("deadline", default=None)
_LOOK_SECONDS = 0.1  # after which who waits for others' work looks whether it has time left


class OutOfTime(PaperpathError):
    """An answer took longer than it may."""

    cure = "Ask again in a minute, for what all answers need is worked out to its end; or ask for less at once: fewer papers."


class Left(OutOfTime):
    """Who asked is gone: nobody is told."""

    cure = ""


class Deadline:
    """When an answer has to be there, and whether who asked is still there. One for each request."""

    __slots__ = ("gone", "seconds", "until")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.until = time.monotonic() + seconds
        self.gone = False

    def check(self) -> None:
        """Raises `Left` where who asked is gone, and `OutOfTime` where the time is up."""
        if self.gone:
            raise Left("Who asked is gone.")
        if time.monotonic() > self.until:
            raise OutOfTime(f"This took longer than {self.seconds:g} s, the most that an answer may take.")


class within:
    """A context with this deadline; None: with none."""

    __slots__ = ("_deadline", "_token")

    def __init__(self, deadline: Deadline | None) -> None:
        self._deadline = deadline

    def __enter__(self) -> Deadline | None:
        self._token: Token[Deadline | None] = _now.set(self._deadline)
        return self._deadline

    def __exit__(self, *_: object) -> None:
        _now.reset(self._token)


def current() -> Deadline | None:
    """The deadline of the request that is worked on here, None where there is none."""
    return _now.get()


def check() -> None:
    """Raises `Left` or `OutOfTime` where what is worked on here is wanted no more."""
    if (deadline := _now.get()) is not None:
        deadline.check()


def gone() -> bool:
    """Whether who asked for this is gone."""
    deadline = _now.get()
    return deadline is not None and deadline.gone


def fulfil(promised: concurrent.futures.Future[T], make: Callable[..., T], *given: Any) -> None:
    """Works out what was promised to all who ask: to its end, whoever of them leaves.

    With a deadline in a thread of its own, which has none; else here.
    """
    if _now.get() is None:
        _fulfil(promised, make, *given)
    else:
        threading.Thread(target=_fulfil, args=(promised, make, *given), name="for-all", daemon=True).start()


def _fulfil(promised: concurrent.futures.Future[T], make: Callable[..., T], *given: Any) -> None:
    try:
        promised.set_result(make(*given))
    except BaseException as error:
        promised.set_exception(error)
    finally:
        del promised, given  # an error has this frame


def wait(promised: concurrent.futures.Future[T]) -> T:
    """What was promised, when it is there. Raises what making it raised, and as `check` does."""
    try:
        while True:
            try:
                return promised.result(None if _now.get() is None else _LOOK_SECONDS)
            except concurrent.futures.TimeoutError:
                if promised.done():  # its own error
                    return promised.result()
                check()
    finally:
        del promised  # an error has this frame


def acquire(lock: threading.Lock) -> None:
    """Takes a lock. Raises as `check` does while it waits."""
    if _now.get() is None:
        lock.acquire()
        return
    while not lock.acquire(timeout=_LOOK_SECONDS):
        check()
