"""Questions of many clients at once, answered some at a time by a few threads.

A model and a matrix serve eight questions in little more time than one, and a thread for each request would have them
all wait for one another. A question that comes alone is answered at once: nothing waits for company. When more wait
than can be answered soon, the next is refused: who asks is told to come back, and who waits is not made to wait longer. How
many that are follows from how long an answer takes of late: the line is short in time (see `service/serving/guard/limits.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from indexer.errors import PaperpathError
from service import deadline
from service.deadline import Deadline

T = TypeVar("T")
R = TypeVar("R")

THREADS = 2  # one has the processor's cores through the model while the other reads, folds and writes
AT_ONCE = 8
WAITING = 256
"""Questions that wait at most, however quickly they are answered."""
LEAST_WAIT, STANDING_STILL = 0.1, 1.0
"""Seconds that a question may have to wait where answers are quicker than that; and where all stood still for a moment."""
_NEWEST = 0.1  # how much of the usual time is that of the newest answers
_GUESS = 0.001  # seconds for one, before any was answered
_END_SECONDS = 10.0  # for what threads are at when they are to end


class Overloaded(PaperpathError):
    """More questions wait than can be answered soon."""

    cure = "Ask again in a second."


class Stopping(PaperpathError):
    """The server is about to end."""

    cure = "Ask again in some seconds."


@dataclass(frozen=True)
class _Waiting(Generic[T, R]):
    question: T
    answer: asyncio.Future[R]
    loop: asyncio.AbstractEventLoop
    since: float
    deadline: Deadline | None


class Asking(Generic[T, R]):
    """A queue of questions. `answers` takes some and gives, as they are ready, each one's place and its answer or error.

    It is called in `threads` threads, with at most `at_once` questions; what it raises is the error of all that it has
    not answered. `waited` is told how many seconds each question was in line.
    """

    def __init__(
        self, answers: Callable[[Sequence[T]], Iterable[tuple[int, R | Exception]]], *,
        threads: int = THREADS, at_once: int = AT_ONCE, waiting: int = WAITING,
        waited: Callable[[float], None] = lambda seconds: None,
    ) -> None:  # fmt: skip
        self._answers = answers
        self._count, self._at_once, self._most = threads, at_once, waiting
        self._waiting: deque[_Waiting[T, R]] = deque()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._waited = waited
        self._each = _GUESS  # seconds that a thread takes for one of some questions of late
        self._some = 0.0  # and for all of them

    @property
    def waiting(self) -> int:
        """How many questions wait."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether the next question would have to wait too long: it is refused.

        As many as all threads take next and some more may wait in any case, so that a few dozen who ask at the same moment are
        served.
        """
        waiting = len(self._waiting)
        soon = max(LEAST_WAIT, self._some) * self._count / self._each
        return waiting >= min(self._most, max((self._count + 1) * self._at_once, soon))

    async def ask(self, question: T) -> R:
        """The answer. Raises the question's own error, `Overloaded`, or `deadline.Left` where nobody waits for it any more."""
        loop = asyncio.get_running_loop()
        one = _Waiting(question, loop.create_future(), loop, time.monotonic(), deadline.current())
        with self._changed:
            if self.full:
                raise Overloaded(f"{len(self._waiting)} questions are waiting for an answer.")
            self._waiting.append(one)
            self._start()
            self._changed.notify()
        try:
            return await one.answer
        finally:
            one.answer.cancel()  # does nothing to one that is done
            # It has the error, whose frames are this one and those of who asks: a cycle, with all that they hold.
            del one

    def stop(self) -> None:
        """Ends the threads, each after what it is at, and waits some seconds for that; what still waits is refused. Asking
        again starts anew."""
        with self._changed:
            threads, self._threads = self._threads, []
            left, self._waiting = self._waiting, deque()
            self._changed.notify_all()
        for one in left:
            _tell(one, Stopping("The server is stopping."))
        until = time.monotonic() + _END_SECONDS
        for thread in threads:  # one that hangs ends with the process
            thread.join(max(0.0, until - time.monotonic()))

    def _start(self) -> None:
        """Starts the threads unless they run. The lock is held."""
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._serve, name=f"asking-{n}", daemon=True) for n in range(self._count)
            ]
            for thread in self._threads:
                thread.start()

    def _serve(self) -> None:
        while some := self._next():
            self._answer([one for one in some if self._is_wanted(one)])
            some.clear()  # else they, and what their answers hold, stay until the next ones come

    def _next(self) -> list[_Waiting[T, R]]:
        """Waits for questions, and takes some; none when this thread is to end."""
        me = threading.current_thread()
        with self._changed:
            while not self._waiting and me in self._threads:
                self._changed.wait()
            if me not in self._threads:  # stopped, and perhaps started anew since
                return []
            return [self._waiting.popleft() for _ in range(min(self._at_once, len(self._waiting)))]

    def _is_wanted(self, one: _Waiting[T, R]) -> bool:
        """Whether a question is still to be answered. Who stood too long in line is refused, though late."""
        if one.answer.cancelled():
            return False
        try:
            if one.deadline is not None:
                one.deadline.check()
            if time.monotonic() - one.since > max(STANDING_STILL, 2 * self._some):
                raise Overloaded("The questions before this one took longer than usual.")
        except PaperpathError as error:
            _tell(one, error)
            return False
        return True

    def _answer(self, some: Sequence[_Waiting[T, R]]) -> None:
        left = dict(enumerate(some))
        now = time.monotonic()
        for one in some:
            self._waited(now - one.since)
        try:
            for place, answer in self._answers([one.question for one in some]) if some else ():
                _tell(left.pop(place), answer)
            if left:
                raise RuntimeError("There was no answer.")
        except Exception as error:  # kept under no other name: its frames are this one and all within
            for one in left.values():
                _tell(one, error)
        if some:
            took = time.monotonic() - now
            self._some += (took - self._some) * (_NEWEST if self._some else 1)
            self._each += (took / len(some) - self._each) * _NEWEST


def _tell(one: _Waiting[T, R], answer: R | Exception) -> None:
    """Hands an answer to who waits for it, in its own loop; an error that was foreseen without where it came from, whose frames
    hold all that was looked at."""
    if isinstance(answer, PaperpathError):
        answer = answer.bare()
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
        one.loop.call_soon_threadsafe(_set, one.answer, answer)


def _set(future: asyncio.Future[R], answer: R | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
