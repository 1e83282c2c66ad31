"""Questions of many clients at once, answered some at a time by a few threads.

A model and a matrix serve eight questions in little more time than one, and a thread for each request would have them
all wait for one another. A question that comes alone is answered at once: nothing waits for company. When more wait
than can be answered soon, the next is refused: who asks is told to come back, and who waits is not made to wait longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from indexer.errors import PaperpathError

T = TypeVar("T")
R = TypeVar("R")

THREADS = 2  # one has the processor's cores through the model while the other reads, folds and writes
AT_ONCE = 8
WAITING = 256
"""Questions that wait at most: half a second's."""
_LOOK_SECONDS = 1.0  # after which it is seen whether who asked is still there


class Overloaded(PaperpathError):
    """More questions wait than can be answered soon."""

    cure = "Ask again in a second."


@dataclass(frozen=True)
class _Waiting(Generic[T, R]):
    question: T
    answer: asyncio.Future[R]
    loop: asyncio.AbstractEventLoop


class Asking(Generic[T, R]):
    """A queue of questions. `answers` takes some and gives, as they are ready, each one's place and its answer or error.

    It is called in `threads` threads, with at most `at_once` questions; what it raises is the error of all that it has
    not answered.
    """

    def __init__(
        self, answers: Callable[[Sequence[T]], Iterable[tuple[int, R | Exception]]], *,
        threads: int = THREADS, at_once: int = AT_ONCE, waiting: int = WAITING,
    ) -> None:  # fmt: skip
        self._answers = answers
        self._count, self._at_once, self._most = threads, at_once, waiting
        self._waiting: deque[_Waiting[T, R]] = deque()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    async def ask(self, question: T, gone: Callable[[], Awaitable[bool]] | None = None) -> R | None:
        """The answer. Raises the question's own error, or `Overloaded`.

        None where `gone` says that nobody waits for it any more; it is then not looked for, unless it is already.
        """
        loop = asyncio.get_running_loop()
        one = _Waiting(question, loop.create_future(), loop)
        with self._changed:
            if len(self._waiting) >= self._most:
                raise Overloaded(f"{self._most} questions are waiting for an answer.")
            self._waiting.append(one)
            self._start()
            self._changed.notify()
        try:
            while gone is not None:
                done, _ = await asyncio.wait((one.answer,), timeout=_LOOK_SECONDS)
                if done:
                    break
                if await gone():
                    return None
            return await one.answer
        finally:
            one.answer.cancel()  # does nothing to one that is done

    def stop(self) -> None:
        """Ends the threads, each after what it is at; what still waits is refused. Asking again starts anew."""
        with self._changed:
            threads, self._threads = self._threads, []
            left, self._waiting = self._waiting, deque()
            self._changed.notify_all()
        for one in left:
            _tell(one, Overloaded("The server is stopping."))
        for thread in threads:
            thread.join()

    def _start(self) -> None:
        """Starts the threads unless they run. The lock is held."""
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._serve, name=f"asking-{n}", daemon=True) for n in range(self._count)
            ]
            for thread in self._threads:
                thread.start()

    def _serve(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                while not self._waiting and me in self._threads:
                    self._changed.wait()
                if me not in self._threads:  # stopped, and perhaps started anew since
                    return
                some = [self._waiting.popleft() for _ in range(min(self._at_once, len(self._waiting)))]
            self._answer([one for one in some if not one.answer.cancelled()])

    def _answer(self, some: Sequence[_Waiting[T, R]]) -> None:
        left = dict(enumerate(some))
        fault: Exception = RuntimeError("There was no answer.")
        try:
            for place, answer in self._answers([one.question for one in some]) if some else ():
                _tell(left.pop(place), answer)
        except Exception as error:
            fault = error
        for one in left.values():
            _tell(one, fault)


def _tell(one: _Waiting[T, R], answer: R | Exception) -> None:
    """Hands an answer to who waits for it, in its own loop."""
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
        one.loop.call_soon_threadsafe(_set, one.answer, answer)


def _set(future: asyncio.Future[R], answer: R | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
