"""How long the stages of an answer take, told to who listens.

The answers are plain functions, so they say `with stage("ranking"):` around a part of theirs and know nothing of who measures.
Where nobody listens, on the command line and in most tests, that costs one look at a variable.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar, Token

Listener = Callable[[str, float], None]
_listener: ContextVar[Listener | None] = ContextVar("stages", default=None)

STAGES = ("waiting", "embedding", "scoring", "ranking", "reranking", "evidence", "writing")
"""The stages of a search: in line; the questions' vectors and the scores of all passages, once for those that are answered
together; then for each what fits best, a cross-encoder's order, its passages with their evidence, and the JSON."""


class stage:
    """A context whose seconds are told to who listens, under a name; also where it ends with an error."""

    __slots__ = ("_began", "_listener", "_name")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._listener = _listener.get()
        self._began = time.perf_counter() if self._listener else 0.0

    def __exit__(self, *_: object) -> None:
        if self._listener:
            self._listener(self._name, time.perf_counter() - self._began)


class listening:
    """A context within which a listener is told of every stage in this thread. None: nobody is."""

    __slots__ = ("_listener", "_token")

    def __init__(self, listener: Listener | None) -> None:
        self._listener = listener

    def __enter__(self) -> None:
        self._token: Token[Listener | None] = _listener.set(self._listener)

    def __exit__(self, *_: object) -> None:
        _listener.reset(self._token)
