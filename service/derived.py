"""What is worked out of a generation once, and kept as long as the generation is."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
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
