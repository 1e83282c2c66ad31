"""Batches: of like lengths for throughput, and of what waits together when many threads ask at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Batch:
    """Texts that go through the model together. `rows` says which texts they are, in the order of `ids`' rows.

    `ids` and `mask`: int64 of shape (texts, tokens of the longest); `mask` is 0 where a row is padded.
    """

    rows: tuple[int, ...]
    ids: np.ndarray
    mask: np.ndarray


def batch(rows: Sequence[int], tokens: Sequence[Sequence[int]], pad: int, length: int) -> Batch:
    """The texts numbered `rows`, whose tokens are `tokens`, padded to `length`."""
    ids = np.full((len(tokens), length), pad, np.int64)
    mask = np.zeros_like(ids)
    for row, some in enumerate(tokens):
        ids[row, : len(some)] = some
        mask[row, : len(some)] = 1
    return Batch(tuple(rows), ids, mask)


def batches(
    rows: Sequence[int], tokens: Sequence[Sequence[int]], pad: int, budget: int, step: int = 8
) -> Iterator[Batch]:
    """All texts, the longest first, in batches of like length and at most `budget` tokens with the padding.

    Lengths are rounded up to `step`, since an engine has to prepare itself for each new shape. The longest go first
    so that what runs last, when some cores have no more to do, is short.
    """
    order = sorted(range(len(tokens)), key=lambda place: -len(tokens[place]))
    start = 0
    while start < len(order):
        length = rounded(len(tokens[order[start]]), step)
        places = order[start : start + max(1, budget // length)]
        yield batch([rows[place] for place in places], [tokens[place] for place in places], pad, length)
        start += len(places)


def shares(tokens: Sequence[Sequence[int]], pad: int, count: int, step: int = 4) -> Iterator[Batch]:
    """All texts, parted into at most `count` batches of like length and as many texts, to run at the same time."""
    order = sorted(range(len(tokens)), key=lambda place: -len(tokens[place]))
    size = -(-len(order) // count)
    for start in range(0, len(order), size or 1):
        places = order[start : start + size]
        yield batch(places, [tokens[place] for place in places], pad, rounded(len(tokens[places[0]]), step))


def rounded(length: int, step: int) -> int:
    """The least positive multiple of `step` that is not less than `length`."""
    return -(-max(length, 1) // step) * step


@dataclass(eq=False)
class _Ticket(Generic[T, R]):
    items: Sequence[T]
    called: threading.Event = field(default_factory=threading.Event)
    results: Sequence[R] | None = None
    error: BaseException | None = None


class Together(Generic[T, R]):
    """Calls of many threads, served together: what comes while a batch runs waits, and is the next batch.

    `work` takes some items and returns a result for each, in order; it is never called by two threads at once. A call
    that is alone is served at once, in its own thread. At most `most` items go in one batch, but a call is never
    parted. An error of `work` is raised in every call of its batch.
    """

    def __init__(self, work: Callable[[list[T]], Sequence[R]], most: int) -> None:
        self._work = work
        self._most = most
        self._lock = threading.Lock()
        self._waiting: list[_Ticket[T, R]] = []
        self._running = False

    def __call__(self, items: Sequence[T]) -> Sequence[R]:
        ticket: _Ticket[T, R] = _Ticket(items)
        with self._lock:
            self._waiting.append(ticket)
            leads = not self._running
            self._running = True
        if not leads:
            ticket.called.wait()  # either it is done, or it is this thread's turn to lead
        if ticket.results is None and ticket.error is None:
            self._lead()
        if ticket.error is not None:
            raise ticket.error
        assert ticket.results is not None
        return ticket.results

    def _lead(self) -> None:
        """Serves a batch whose first ticket is this thread's, then calls its owners and the next leader."""
        with self._lock:
            count, total = 1, len(self._waiting[0].items)
            while count < len(self._waiting) and total + len(self._waiting[count].items) <= self._most:
                total += len(self._waiting[count].items)
                count += 1
            served, self._waiting = self._waiting[:count], self._waiting[count:]
        try:
            results = self._work([item for ticket in served for item in ticket.items])
            start = 0
            for ticket in served:
                ticket.results = results[start : start + len(ticket.items)]
                start += len(ticket.items)
        except BaseException as error:
            for ticket in served:
                ticket.results, ticket.error = None, error
        with self._lock:
            self._running = bool(self._waiting)
            following = self._waiting[0] if self._waiting else None
        for ticket in served:
            ticket.called.set()
        if following is not None:
            following.called.set()
