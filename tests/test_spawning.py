"""Processes of the server's own: what is sent between them arrives as it was, and reading it keeps nobody from their turn."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

import pytest

from service.serving import spawning

SOON = 120  # seconds, for a process that starts on a slow machine


def sends_back(end: Connection, more: Sequence[int]) -> None:
    signal.raise_signal(signal.SIGINT)  # is for the server
    end.send((spawning.received(end), list(more)))


def test_what_is_sent_arrives_as_it_was_and_the_same_thing_once() -> None:
    one = ("the same", 1.5, b"bytes" * 100_000)
    pipe, there = spawning.pipe()
    process = spawning.started(sends_back, (there,), [1, 2], name="back")
    assert there.closed
    pipe.send({"first": one, "second": [one]})
    assert pipe.poll(SOON)
    found, more = spawning.received(pipe)
    assert found == {"first": one, "second": [one]} and more == [1, 2]
    assert found["first"] is found["second"][0]
    with pytest.raises(EOFError):
        spawning.received(pipe)
    process.join(SOON)
    assert process.exitcode == 0
    process.close()
    pipe.close()


def test_it_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = 0

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            nonlocal largest
            found = super().read(size)
            largest = max(largest, len(found))
            return found

    monkeypatch.setattr(spawning.io, "BytesIO", Watched)
    pipe, there = spawning.pipe()
    sent: list[Any] = [(f"a text of number {n}", n, float(n)) for n in range(100_000)]
    thread = threading.Thread(target=there.send, args=(sent,), daemon=True)
    thread.start()
    assert spawning.received(pipe) == sent
    thread.join(SOON)
    assert 0 < largest < 300_000
    pipe.close()
    there.close()


def test_what_is_broken_off_is_told() -> None:
    pipe, there = spawning.pipe()
    os.write(there.fileno(), (1000).to_bytes(4, "big") + b"and no more")
    there.close()
    with pytest.raises(OSError):
        spawning.received(pipe)
    pipe.close()


def test_where_none_can_be_started_the_ends_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, there = spawning.pipe()
    with pytest.raises(Exception, match="pickle"):
        spawning.started(lambda end: None, (there,), name="none")  # what has no name can't be sent
    assert there.closed
    pipe.close()
