"""How long an answer may be worked on: checks that end it, and what is worked out for all, which nobody who leaves ends."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from service import deadline
from service.deadline import Deadline, Left, OutOfTime
from service.derived import Last, Once
from service.serving.guard import patience

WAIT = 60


class Held:
    """What stands for a generation."""


def opened() -> Any:
    return Held()


def over() -> Deadline:
    """One whose time is up."""
    return Deadline(-1)


def test_where_there_is_none_nothing_is_checked() -> None:
    deadline.check()
    assert deadline.current() is None and not deadline.gone()


def test_a_check_ends_what_takes_too_long_or_is_for_nobody() -> None:
    with deadline.within(Deadline(WAIT)) as limit:
        deadline.check()
        assert limit is deadline.current() is not None
        limit.gone = True
        with pytest.raises(Left):
            deadline.check()
        with deadline.within(None):
            deadline.check()
        assert deadline.gone()
    with deadline.within(over()), pytest.raises(OutOfTime, match="-1 s") as raised:
        deadline.check()
    assert not isinstance(raised.value, Left) and raised.value.cure
    assert (OutOfTime("x").code, Left("x").code) == ("out-of-time", "left")


def test_what_is_for_all_is_made_to_its_end_though_who_asked_first_leaves() -> None:
    begun, go_on, made = threading.Event(), threading.Event(), []

    def make(generation: object) -> str:
        made.append(deadline.current())
        begun.set()
        assert go_on.wait(WAIT)
        deadline.check()
        return "whole"

    once, generation = Once(make), opened()
    limit = Deadline(WAIT)

    def ask(limit: Deadline | None) -> str:
        with deadline.within(limit):
            return once(generation)

    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(ask, limit)
        assert begun.wait(WAIT)
        stays, late = threads.submit(ask, Deadline(WAIT)), threads.submit(ask, over())
        with pytest.raises(OutOfTime):
            late.result(WAIT)
        limit.gone = True
        with pytest.raises(Left):
            first.result(WAIT)
        assert not stays.done()
        go_on.set()
        assert stays.result(WAIT) == "whole"
    assert made == [None] and once(generation) == "whole"


def test_who_asks_without_a_deadline_makes_it_where_it_asks() -> None:
    once = Once(lambda _: threading.current_thread())
    assert once(opened()) is threading.current_thread()
    with deadline.within(Deadline(WAIT)):
        assert once(opened()) is not threading.current_thread()


def test_what_could_not_be_made_in_time_is_tried_again() -> None:
    tries: list[int] = []

    def make(_: object) -> int:
        tries.append(1)
        if len(tries) == 1:
            raise TimeoutError("its own")
        return 7

    once, generation = Once(make), opened()
    with deadline.within(Deadline(WAIT)):
        with pytest.raises(TimeoutError, match="its own"):
            once(generation)
        assert once(generation) == 7


def test_the_last_stays_where_its_successor_is_ended() -> None:
    made: list[int] = []

    def make(_: object, number: int) -> int:
        made.append(number)
        deadline.check()
        return number

    last, generation = Last(make), opened()
    assert last(generation, (1,), 1) == 1
    with deadline.within(over()), pytest.raises(OutOfTime):
        last(generation, (2,), 2)
    assert last(generation, (1,), 1) == 1 and made == [1, 2]
    with deadline.within(Deadline(WAIT)):
        assert last(generation, (2,), 2) == 2


def test_who_waits_for_another_waits_no_longer_than_its_own_time() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def make(_: object, number: int) -> int:
        begun.set()
        assert go_on.wait(WAIT)
        return number

    last, generation = Last(make), opened()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(last, generation, (1,), 1)
        assert begun.wait(WAIT)
        with deadline.within(Deadline(0.01)), pytest.raises(OutOfTime):
            last(generation, (2,), 2)
        go_on.set()
        assert first.result(WAIT) == 1


def test_a_check_costs_little() -> None:
    """A hundred thousand are no more than what they stand beside: looked at as a ratio, on any machine."""

    def seconds(work: Any) -> float:
        began = time.perf_counter()
        for _ in range(20_000):
            work()
        return time.perf_counter() - began

    def loop() -> int:
        return sum(range(200))

    assert min(seconds(deadline.check) for _ in range(5)) < min(seconds(loop) for _ in range(5))


def test_nothing_of_a_request_waits_for_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref] = []
    real = patience._Client.__init__

    def seen(self: patience._Client, *given: object) -> None:
        real(self, *given)
        made.append(weakref.ref(self))

    async def never() -> dict:
        await asyncio.Event().wait()
        return {}

    async def sent(message: dict) -> None: ...

    async def answers(scope: dict, receive: Callable, send: Callable) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"here"})

    async def ask() -> None:
        await patience.Patience(answers, 60)({"type": "http", "headers": []}, never, sent)
        for _ in range(3):  # till the loop has let go of what it ran
            await asyncio.sleep(0)

    monkeypatch.setattr(patience._Client, "__init__", seen)
    gc.collect()
    gc.disable()
    try:
        asyncio.run(ask())
        assert len(made) == 1 and made[0]() is None
    finally:
        gc.enable()
