"""What is worked out of a generation once, or for the last that was asked, and kept as long as the generation is."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from indexer.library import Generation

Made = TypeVar("Made")


class Once(Generic[Made]):
    """Works out what `make` gives of a generation when it is first asked for. Safe to use from several threads.

    Who asks for the same generation meanwhile waits; what is known of another one is given at once. What is made must not
    hold the generation, which it would keep for ever. Whatever else `make` takes has to be the same each time.
    """

    def __init__(self, make: Callable[..., Made]) -> None:
        self._make = make
        self._made: weakref.WeakKeyDictionary[Generation, Made] = weakref.WeakKeyDictionary()
        self._making: weakref.WeakKeyDictionary[Generation, threading.Lock] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def __call__(self, generation: Generation, *others: Any) -> Made:
        with self._lock:
            if generation in self._made:
                return self._made[generation]
            making = self._making.setdefault(generation, threading.Lock())
        with making:
            with self._lock:
                if generation in self._made:
                    return self._made[generation]
            found = self._make(generation, *others)
            with self._lock:
                self._made[generation] = found
            return found


@dataclass
class _Kept:
    """What was asked for last, under its key."""

    key: Any = None
    value: Any = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Last(Generic[Made]):
    """Works out what `make` gives of a generation and of what else it takes, and keeps for each generation what it gave
    last. Safe to use from several threads: who asks for the same generation meanwhile waits."""

    def __init__(self, make: Callable[..., Made]) -> None:
        self._make = make
        self._kept: Once[_Kept] = Once(lambda _: _Kept())

    def __call__(self, generation: Generation, key: tuple, *others: Any) -> Made:
        """What `make` gives of `generation` and the `others`; `key`, no None, tells these from what was asked before."""
        kept = self._kept(generation)
        with kept.lock:
            if kept.key != key:
                kept.value, kept.key = self._make(generation, *others), key
            return kept.value
