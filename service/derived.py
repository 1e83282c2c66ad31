"""What is worked out of a generation once, or for the last that was asked, and kept as long as the generation is."""

from __future__ import annotations

import gc
import math
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from indexer.library import Generation
from service import deadline

Made = TypeVar("Made")

_all: weakref.WeakSet[_Counted] = weakref.WeakSet()
_WANTED_SECONDS = 600.0  # that what was given counts as asked for: the next generation may come before anybody asks
_given: dict[str, _Counted] = {}
"""What another process may work out, by its name."""


class _Counted:
    """How often something was asked for and there, or not, under the name of the module that works it out; and of which
    generations it is wanted."""

    def __init__(self, make: Callable, given: str) -> None:
        self.name = make.__module__.removeprefix("service.")
        self.hits = self.misses = 0
        self._wanted: weakref.WeakKeyDictionary[Generation, float] = weakref.WeakKeyDictionary()  # until when
        _all.add(self)
        if given:
            _given[given] = self

    def is_wanted(self, generation: Generation) -> bool:
        """Whether somebody asked for it, of this generation, or it was given some minutes ago at most."""
        return time.monotonic() < self._wanted.get(generation, -math.inf)

    def known(self, generation: Generation) -> Any:
        """What is kept of a generation, as `take` takes it; None where nothing is yet."""
        raise NotImplementedError

    def take(self, generation: Generation, made: Any) -> None:
        """Keeps what was made elsewhere, unless something is kept."""
        raise NotImplementedError


def counted() -> dict[tuple[str, str], int]:
    """How often what is kept was asked for: by (name, "hit" or "miss")."""
    found: Counter[tuple[str, str]] = Counter()
    for one in list(_all):
        found[one.name, "hit"] += one.hits
        found[one.name, "miss"] += one.misses
    return dict(found)


def made_of(generation: Generation) -> dict[str, Any]:
    """What is known by now of a generation of all that another process may work out, for `give` there."""
    found = {name: one.known(generation) for name, one in _given.items()}
    return {name: made for name, made in found.items() if made is not None}


def asked_of(generation: Generation) -> list[str]:
    """The names of what was asked of a generation, of all that another process may work out; what was given some minutes ago and
    not asked for since is none of it."""
    return [name for name, one in _given.items() if one.is_wanted(generation)]


def give(generation: Generation, made: dict[str, Any]) -> None:
    """Has what another process worked out of the same generation be known here."""
    for name, known in made.items():
        _given[name].take(generation, known)


@contextmanager
def without_collector() -> Iterator[None]:
    """Holds Python's cycle collector off: of many objects that stay it finds none to free, in a third of the time that they
    are made in."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Once(_Counted, Generic[Made]):
    """Works out what `make` gives of a generation when it is first asked for. Safe to use from several threads.

    Who asks for the same generation meanwhile waits; what is known of another one is given at once. It is worked out to its
    end, also where who asked first has left or has no time any more: the next one finds it. What is made must not hold the
    generation, which it would keep for ever. Whatever else `make` takes has to be the same each time. What has a name to be
    `given` under can be sent from one process to another, and `give` may bring it.
    """

    def __init__(self, make: Callable[..., Made], *, given: str = "") -> None:
        super().__init__(make, given)
        self._make = make
        self._made: weakref.WeakKeyDictionary[Generation, Made] = weakref.WeakKeyDictionary()
        self._making: weakref.WeakKeyDictionary[Generation, Future[Made]] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def __call__(self, generation: Generation, *others: Any) -> Made:
        with self._lock:
            self._wanted[generation] = math.inf
            if generation in self._made:
                self.hits += 1
                return self._made[generation]
            promised = self._making.get(generation)
            if first := promised is None:
                self.misses += 1
                promised = self._making[generation] = Future()
        if first:
            deadline.fulfil(promised, self._of, generation, *others)
        try:
            return deadline.wait(promised)
        finally:
            del promised  # an error has this frame, with the generation

    def known(self, generation: Generation) -> Made | None:
        with self._lock:
            return self._made.get(generation)

    def take(self, generation: Generation, made: Made) -> None:
        with self._lock:
            self._made.setdefault(generation, made)
            self._wanted.setdefault(generation, time.monotonic() + _WANTED_SECONDS)

    def _of(self, generation: Generation, *others: Any) -> Made:
        try:
            found = self._make(generation, *others)
            with self._lock:
                self._made[generation] = found
            return found
        except BaseException:
            self._wanted.pop(generation, None)  # it would fail of the next one too
            raise
        finally:
            with self._lock:
                del self._making[generation]  # what failed is tried again


@dataclass
class _Kept:
    """What was asked for last, under its key."""

    key: Any = None
    value: Any = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Last(_Counted, Generic[Made]):
    """Works out what `make` gives of a generation and of what else it takes, and keeps for each generation what it gave
    last. Safe to use from several threads: who asks for the same generation meanwhile waits. It is worked out for who asks:
    with their deadline, and where that ends it, what was there before stays. `given` is as `Once` has it."""

    def __init__(self, make: Callable[..., Made], *, given: str = "") -> None:
        super().__init__(make, given)
        self._make = make
        self._kept: Once[_Kept] = Once(lambda _: _Kept())
        self._lock = threading.Lock()

    def __call__(self, generation: Generation, key: tuple, *others: Any) -> Made:
        """What `make` gives of `generation` and the `others`; `key`, no None, tells these from what was asked before."""
        with deadline.within(None):
            kept = self._kept(generation)
        deadline.acquire(kept.lock)
        try:
            missed = kept.key != key
            with self._lock:
                self._wanted[generation] = math.inf
                self.hits, self.misses = self.hits + (not missed), self.misses + missed
            if missed:
                kept.value, kept.key = self._make(generation, *others), key
            return kept.value
        finally:
            kept.lock.release()

    def known(self, generation: Generation) -> tuple[tuple, Made] | None:
        """The key and what was made, of what was asked for last."""
        if (kept := self._kept.known(generation)) is None:
            return None
        with kept.lock:
            return None if kept.key is None else (kept.key, kept.value)

    def take(self, generation: Generation, made: tuple[tuple, Made]) -> None:
        with deadline.within(None):
            kept = self._kept(generation)
        with kept.lock:
            if kept.key is None:
                kept.key, kept.value = made
        with self._lock:
            self._wanted.setdefault(generation, time.monotonic() + _WANTED_SECONDS)
