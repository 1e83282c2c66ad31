"""Processes that answer beside the server's own, while many ask.

Python runs one thread at a time, so that one process answers no faster on eight cores than on two. Where questions wait in
line, as many processes are started as there are cores for them, each with the library and the model opened for itself; when
nobody has asked for a while they end. Who asks alone never meets them. A process that dies or hangs costs nobody an answer:
what it was asked is answered here, and after a while another takes its place. A new generation is opened by one after
another, behind its answers.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

from indexer.settings import Settings
from service import derived
from service.opened import Opened
from service.serving import runtime, spawning
from service.stages import Listener, listening

T = TypeVar("T")
R = TypeVar("R")
Work = Callable[[Opened, Sequence[T]], Iterator[tuple[int, R | Exception]]]
Caches = dict[tuple[str, str], int]
Elsewhere = Callable[[list[tuple[str, float]], Caches], None]
"""Is told of what another process did: the seconds of its stages, and how often its caches were hit and missed."""

IN_LINE = 4
"""Questions that one thread took at once: so many wait in line."""
IDLE_SECONDS = 120.0
"""After which, unasked, the processes end."""
_START_SECONDS = 120.0
_LOOK_SECONDS = 0.5  # whether it is to be waited for still
_END_SECONDS = 10.0
_OPEN_SECONDS = 60.0
_TURN_SECONDS = 5.0  # that one which opens keeps others from opening
_AGAIN_SECONDS = 60.0  # after a start that failed
_GENERATIONS = 25  # that one process opens: each leaves a megabyte or two behind
log = logging.getLogger("paperpath")


class Beside(Generic[T, R]):
    """Answers questions here, or in `most` other processes where those run: what `work` gives. Any thread may call.

    `held` is what `work` is called with here, at most `here` times at once; the others open theirs by the same settings.
    `listener` is told of the stages here, `elsewhere` of what the others did.
    """

    def __init__(
        self, held: Opened, work: Work[T, R], most: int, here: int, *, listener: Listener | None = None,
        elsewhere: Elsewhere = lambda stages, caches: None,
    ) -> None:  # fmt: skip
        self._held, self._work, self._most = held, work, most
        self._listener, self._elsewhere = listener, elsewhere
        self._here = threading.Semaphore(here)
        self._changed = threading.Condition()
        self._all: list[_Process[T, R]] = []
        self._idle: list[_Process[T, R]] = []
        self._line: deque[object] = deque()  # who waits for one that is free
        self._renewing = threading.Lock()
        self._starting: threading.Thread | None = None
        self._asked = time.monotonic()
        self._not_before = self._replace_at = 0.0
        self._stopped = False

    @property
    def running(self) -> int:
        """How many processes answer beside this one."""
        return len(self._all)

    @property
    def processes(self) -> list[int]:
        """The ids of those processes."""
        return [pid for process in list(self._all) if (pid := process.pid)]

    def __call__(self, questions: Sequence[T]) -> Iterator[tuple[int, R | Exception]]:
        self._asked = time.monotonic()
        if len(questions) >= IN_LINE:
            self._start()
        if (process := self._taken()) is not None:
            try:
                answers, stages, caches, newer = process.ask(questions)
            except (EOFError, ConnectionError, TimeoutError) as error:
                hangs = isinstance(error, TimeoutError)
                log.warning(
                    "A process that answers %s; the others go on.",
                    "hangs, and is ended" if hangs else "ended by itself",
                )
                self._lose(process)
            except Exception:
                self._give_back(process)
                raise
            else:
                self._give_back(process)
                if newer and self._renewing.acquire(blocking=False):
                    threading.Thread(target=self._renew, name="renewing", daemon=True).start()
                self._elsewhere(stages, caches)
                yield from answers
                return
        with self._here, listening(self._listener):
            yield from self._work(self._held, questions)

    def catch_up(self) -> None:
        """Returns when what was published by now is what answers, here and in the other processes."""
        self._renewing.acquire()
        self._renew()

    def _renew(self) -> None:
        """Has what is new opened here, then by one process after another, so that what is found there is known here.
        `_renewing` is held, and let go of."""
        try:
            self._held.catch_up()
            for process in list(self._all):
                try:
                    if process in self._all and not self._stopped:
                        process.catch_up(self._held.behind)
                        self._held.catch_up()  # with what was published meanwhile, before the next one finds that
                except (EOFError, OSError):
                    if process not in self._all or self._stopped:  # it was ended while its turn was waited for
                        continue
                    log.warning("A process that answers did not open the new generation, and is ended.")
                    self._lose(process)
        finally:
            self._renewing.release()

    def _retire(self, process: _Process[T, R]) -> None:
        """Ends one that has opened many generations, after what it is at."""
        with self._changed:
            process.leaves = True
            while process in self._all and process not in self._idle and not self._stopped:
                self._changed.wait()
        self._lose(process)

    def stop(self) -> None:
        """Ends the processes, each after what it is at, for good."""
        with self._changed:
            self._stopped = True
            starting = self._starting
            self._changed.notify_all()
        if starting is not None:
            starting.join()

    def _taken(self) -> _Process[T, R] | None:
        """One that is free, for who has waited longest; None where there is none that answers."""
        me = object()  # without a line, who gives one back has it again before anybody who waits wakes up
        with self._changed:
            self._line.append(me)
            try:
                while True:
                    free = [process for process in self._idle if not process.leaves]
                    if free and self._line[0] is me:
                        self._idle.remove(free[-1])
                        return free[-1]
                    if all(process.leaves for process in self._all):
                        return None
                    self._changed.wait()
            finally:
                self._line.remove(me)
                if self._line:
                    self._changed.notify_all()

    def _give_back(self, process: _Process[T, R]) -> None:
        with self._changed:
            if process in self._all:  # else it was lost while it answered
                self._idle.append(process)
            self._changed.notify_all()

    def _lose(self, process: _Process[T, R]) -> None:
        with self._changed:
            self._all = [other for other in self._all if other is not process]
            self._idle = [other for other in self._idle if other is not process]
            self._replace_at = time.monotonic() + _AGAIN_SECONDS
            self._changed.notify_all()
        process.end()

    def _start(self) -> None:
        if self._starting or not self._most or time.monotonic() < self._not_before:
            return
        if self._held.now().vectors.approximate:  # it would take hundreds of megabytes for each
            return
        with self._changed:
            if self._starting or self._stopped:
                return
            self._starting = threading.Thread(target=self._look_after, name="beside", daemon=True)
            self._starting.start()

    def _look_after(self) -> None:
        """Starts the processes, waits until they are of no more use, and ends them."""
        started: list[_Process[T, R]] = []
        try:
            self._add(self._most, started)
            log.info("%d processes answer beside the server's own.", self.running)
            while self._lack():
                old, started = self._old(), list(self._all)
                try:
                    self._add(1 if old else self._most - self.running, started)
                except (EOFError, OSError) as error:  # the others go on
                    log.warning("No process could be started in the place of another: %s", error)
                    self._replace_at = time.monotonic() + _AGAIN_SECONDS
                    for process in set(started) - set(self._all):
                        process.end()
                    continue
                if old:  # only when the new one answers
                    self._retire(old)
        except (EOFError, OSError) as error:
            log.warning("No process could be started to answer beside the server's own: %s", error)
            self._not_before = time.monotonic() + _AGAIN_SECONDS
        finally:
            with self._changed:
                self._all, self._idle = [], []
                self._changed.notify_all()
                self._starting = None
            for process in started:
                process.end()

    def _add(self, count: int, started: list[_Process[T, R]]) -> None:
        """Starts so many, and adds them to those that were `started`. Raises EOFError or OSError where that fails."""
        new = []
        for _ in range(count):
            new.append(_Process(self._held.settings, self._work))
            started.append(new[-1])
        for process in new:
            process.ready(lambda: self._stopped)
            if not self._stopped:
                process.catch_up()  # with what was published while it began, of which nobody told it
                self._held.catch_up()  # nor here
            with self._changed:
                if self._stopped:
                    return
                self._all.append(process)
                self._idle.append(process)
                self._changed.notify_all()

    def _old(self) -> _Process[T, R] | None:
        return next((process for process in list(self._all) if process.opened >= _GENERATIONS), None)

    def _lack(self) -> bool:
        """Waits until one that was lost or is old is to be replaced; False when they are of no more use."""
        with self._changed:
            while self._all and not self._stopped:
                now = time.monotonic()
                left = self._asked + IDLE_SECONDS - now
                if left <= 0 and len(self._idle) == len(self._all):
                    return False
                if self._old() or len(self._all) < self._most:
                    if now >= self._replace_at:
                        return True
                    left = min(left, self._replace_at - now)
                self._changed.wait(max(left, 1.0))
        return False


class _Process(Generic[T, R]):
    """One other process, with a pipe for questions, and one by which it is told to open what is new."""

    def __init__(self, settings: Settings, work: Work[T, R]) -> None:
        self._pipe, there = spawning.pipe()
        self._opens, opens_there = spawning.pipe()
        self._seconds = settings.request_seconds
        self.opened = 1
        """Generations that it has opened."""
        self.leaves = False
        """It is asked nothing more."""
        self._asking, self._opening = threading.Lock(), threading.Lock()
        self._process = spawning.started(_answer, (there, opens_there), settings, work, name="beside")

    def ready(self, stopped: Callable[[], bool]) -> None:
        """Waits until it can answer, or nobody is to be answered. Raises EOFError or OSError where it can't."""
        until = time.monotonic() + _START_SECONDS
        while not self._pipe.poll(_LOOK_SECONDS):
            if stopped():
                return
            if time.monotonic() > until:
                raise TimeoutError(f"it took more than {_START_SECONDS:.0f} s")
        self._pipe.recv()

    @property
    def pid(self) -> int | None:
        """Its id; None where it has ended."""
        try:
            return self._process.pid
        except ValueError:
            return None

    def ask(
        self, questions: Sequence[T]
    ) -> tuple[list[tuple[int, R | Exception]], list[tuple[str, float]], Caches, bool]:
        """The answers, what `Elsewhere` is told, and whether there is something newer to open. Raises EOFError or
        ConnectionError where it has ended, TimeoutError where no answer came in time, and what `work` raised."""
        with self._asking:
            if self._pipe.closed:
                raise EOFError
            self._pipe.send(questions)
            if not self._pipe.poll(self._seconds):
                raise TimeoutError(f"no answer in {self._seconds:g} s")
            answers = self._pipe.recv()
        if isinstance(answers, Exception):
            raise answers
        return answers

    def catch_up(self, turn: threading.Lock | None = None) -> None:
        """Returns when it has opened what is new, in its turn unless that takes long. Raises EOFError or OSError where it
        doesn't."""
        with contextlib.ExitStack() as opening:
            with turn or contextlib.nullcontext():
                opening.enter_context(self._opening)  # not before its turn: who ends this one waits for it
                if self._opens.closed:
                    raise EOFError
                self._opens.send(True)
                soon = self._opens.poll(_TURN_SECONDS)
            if not soon and not self._opens.poll(_OPEN_SECONDS):
                raise TimeoutError(f"it took more than {_OPEN_SECONDS:.0f} s")
            self.opened += self._opens.recv()

    def end(self) -> None:
        """Ends it, after what it is at."""
        with self._asking:
            if self._pipe.closed:
                return
            with contextlib.suppress(OSError):
                self._pipe.send(None)
            self._pipe.close()
            self._process.join(_END_SECONDS)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
            self._process.close()
        with self._opening:
            self._opens.close()


def _answer(pipe: Connection, opens: Connection, settings: Settings, work: Work[T, R]) -> None:
    """What runs in the other process, until it is told to end or nobody is there to tell it."""
    runtime.bound_memory()
    runtime.take_turns()
    held = Opened(settings, threads=1, waits=True)
    held.prepare()
    runtime.settle()
    threading.Thread(target=_open, args=(opens, held), name="opening", daemon=True).start()
    stages: list[tuple[str, float]] = []
    counted = derived.counted()
    with contextlib.suppress(EOFError, OSError), listening(lambda name, seconds: stages.append((name, seconds))):
        pipe.send(True)  # nobody may wait for it any more
        while (questions := pipe.recv()) is not None:
            try:
                answers: list | Exception = list(work(held, questions))
            except Exception as error:
                answers = error
            before, counted = counted, derived.counted()
            more = {
                name: count - before.get(name, 0) for name, count in counted.items() if count != before.get(name, 0)
            }
            pipe.send(answers if isinstance(answers, Exception) else (answers, stages, more, held.newer))
            stages.clear()
            del answers  # while the next questions are waited for


def _open(pipe: Connection, held: Opened) -> None:
    """Opens what is new in the other process, whenever it is told to, while that goes on answering."""
    with contextlib.suppress(EOFError, OSError), pipe:
        while True:
            pipe.recv()
            pipe.send(_opens_another(held))


def _opens_another(held: Opened) -> bool:
    before = held.serving  # let go of at the end: what is in a frame that stays is held in memory for as long
    held.catch_up()
    return held.serving is not before
