"""The queue of questions: to each its own answer or error, some at a time, refused when too many wait, and a clean stop."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from libraries import build
from pydantic import TypeAdapter

from indexer.embed import Toy
from indexer.library import Library
from indexer.settings import Settings
from service import deadline, search
from service.api import create_app
from service.serving import asking
from service.serving.asking import Asking, Overloaded

WAIT = 30  # seconds, for what comes at once


class Gate:
    """Answers `n` with `2 * n`, and with an error where `n` is negative, once it is opened. Remembers what it was asked."""

    def __init__(self) -> None:
        self.open, self.entered = threading.Event(), threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, questions: Sequence[int]) -> Iterator[tuple[int, int | Exception]]:
        self.batches.append(list(questions))
        self.entered.set()
        assert self.open.wait(WAIT)
        for place, n in reversed(list(enumerate(questions))):
            yield place, ValueError(str(n)) if n < 0 else 2 * n

    @property
    def asked(self) -> list[int]:
        return [n for batch in self.batches for n in batch]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, nobody has waited too long: `test_a_line_is_short_in_time` says otherwise."""
    monkeypatch.setattr(asking, "LEAST_WAIT", WAIT)
    monkeypatch.setattr(asking, "STANDING_STILL", WAIT)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


async def entered(gate: Gate) -> None:
    """Returns when a thread is at the gate."""
    assert await asyncio.to_thread(gate.entered.wait, WAIT)


async def ask(queue: Asking[int, int], *numbers: int) -> list[asyncio.Task]:
    """A task for each number, all of them waiting in the queue, or refused."""
    tasks = [asyncio.create_task(queue.ask(n)) for n in numbers]
    await asyncio.sleep(0)  # each runs until it waits
    return tasks


def test_each_gets_its_own_answer_or_error(gate: Gate) -> None:
    async def run() -> list[object]:
        queue = Asking(gate, threads=1, at_once=8)
        tasks = await ask(queue, 1)
        await entered(gate)
        tasks += await ask(queue, *range(2, 20), -5, *range(20, 32))
        gate.open.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(queue.stop)
        return found

    found = asyncio.run(run())
    assert [n for n in found if isinstance(n, int)] == [2 * n for n in range(1, 32)]
    assert [str(n) for n in found if isinstance(n, ValueError)] == ["-5"]
    assert [len(batch) for batch in gate.batches] == [1, 8, 8, 8, 7]  # the first was alone, and did not wait for others


def test_what_is_raised_is_the_error_of_those_not_answered() -> None:
    opened, batches = threading.Event(), []

    def answers(questions: Sequence[int]) -> Iterator[tuple[int, int | Exception]]:
        batches.append(list(questions))
        assert opened.wait(WAIT)
        yield 0, questions[0]
        if 3 in questions:
            raise KeyError("of this batch")

    async def run() -> list[object]:
        queue = Asking(answers, threads=1)
        tasks = await ask(queue, 1)
        while not batches:
            await asyncio.sleep(0.001)
        tasks += await ask(queue, 2, 3, 4)
        opened.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        found += await asyncio.gather(queue.ask(5), return_exceptions=True)
        queue.stop()
        return found

    found = asyncio.run(run())
    assert (found[0], found[1], found[4]) == (1, 2, 5)
    assert isinstance(found[2], KeyError) and isinstance(found[3], KeyError) and batches == [[1], [2, 3, 4], [5]]


def test_too_many_are_refused_and_the_others_answered(gate: Gate) -> None:
    async def run() -> list[object]:
        queue = Asking(gate, threads=1, at_once=8, waiting=3)
        tasks = await ask(queue, 1)
        await entered(gate)
        tasks += await ask(queue, 2, 3, 4)
        refused = await asyncio.gather(*await ask(queue, 5, 6), return_exceptions=True)
        assert all(isinstance(each, Overloaded) for each in refused)
        gate.open.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(run()) == [2, 4, 6, 8]
    assert gate.asked == [1, 2, 3, 4]


def test_a_line_is_short_in_time(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who would wait longer than an answer takes of late is refused; who did wait so long is refused too, though late."""
    now = 0.0
    monkeypatch.setattr(asking.time, "monotonic", lambda: now)
    monkeypatch.setattr(asking, "LEAST_WAIT", 0.1)
    monkeypatch.setattr(asking, "STANDING_STILL", 1.0)

    async def answered(queue: Asking, seconds: float) -> None:
        nonlocal now
        gate.open.clear()
        gate.entered.clear()
        with queue._changed:  # one batch, even where this thread is held up
            tasks = await ask(queue, *range(8))
        await entered(gate)
        now += seconds
        gate.open.set()
        await asyncio.gather(*tasks)

    async def room(queue: Asking) -> int:
        gate.open.clear()
        gate.entered.clear()
        tasks = await ask(queue, 1)
        await entered(gate)
        for count in range(200):
            if queue.full:
                break
            tasks += await ask(queue, count)
        gate.open.set()
        await asyncio.gather(*tasks)
        return count

    async def run() -> tuple[list[int], list[object]]:
        nonlocal now
        queue = Asking(gate, threads=1, at_once=8)
        rooms = [await room(queue)]
        for seconds in (0.04, 4.0):  # of eight; the second time each takes half a second
            for _ in range(60):
                await answered(queue, seconds)
            rooms.append(await room(queue))
        gate.open.clear()
        gate.entered.clear()
        tasks = await ask(queue, 1)
        await entered(gate)
        tasks += await ask(queue, 2)
        now += 20
        gate.open.set()
        late = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(queue.stop)
        return rooms, late

    rooms, late = asyncio.run(run())
    assert rooms[0] == 100 and 15 <= rooms[1] <= 30 and rooms[2] in (16, 17), rooms
    assert late[0] == 2 and isinstance(late[1], Overloaded)


def test_who_is_gone_costs_nothing_more(gate: Gate) -> None:
    async def run() -> None:
        queue = Asking(gate, threads=1)
        (first,) = await ask(queue, 1)
        await entered(gate)
        with deadline.within(deadline.Deadline(WAIT)) as limit:
            (leaves,) = await ask(queue, 2)
        with deadline.within(deadline.Deadline(-1)):
            (late,) = await ask(queue, 5)
        (cancelled,) = await ask(queue, 3)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        with deadline.within(deadline.Deadline(WAIT)):
            (stays,) = await ask(queue, 4)
        assert limit is not None
        limit.gone = True
        gate.open.set()
        assert (await first, await stays) == (2, 8)
        with pytest.raises(deadline.Left):
            await leaves
        with pytest.raises(deadline.OutOfTime):
            await late

    asyncio.run(run())
    assert gate.asked == [1, 4]


def test_it_stops_and_can_be_asked_again(gate: Gate) -> None:
    async def run() -> None:
        queue = Asking(gate, threads=2, at_once=1)
        tasks = await ask(queue, 1)
        await entered(gate)
        tasks += await ask(queue, 2, 3)
        stopping = asyncio.create_task(asyncio.to_thread(queue.stop))
        assert isinstance((await asyncio.gather(tasks[2], return_exceptions=True))[0], asking.Stopping)
        gate.open.set()
        await stopping
        assert await tasks[0] == 2 and not queue._threads
        assert await queue.ask(7) == 14
        await asyncio.to_thread(queue.stop)

    before = {thread.name for thread in threading.enumerate()}
    asyncio.run(run())
    assert {thread.name for thread in threading.enumerate() if thread.name.startswith("asking")} <= before


def test_many_clients_get_what_each_would_get_alone(settings: Settings) -> None:
    build(
        settings.library, {f"p{n}": [f"Paper {n} is about word{n} and word{n % 5}. Nothing else. "] for n in range(40)}
    )
    generation = Library(settings.library).open()
    asked = [f"which paper is about word{n} or word{n % 3}" for n in range(32)]

    def shape(results: Sequence[dict]) -> list[tuple]:
        return [(r["id"], pytest.approx(r["score"], abs=1e-3), [(p["sentence"], p["marks"]) for p in r["passages"]])
                for r in results]  # fmt: skip

    with TestClient(create_app(settings)) as client, ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda q: client.get("/v1/search", params={"q": q, "limit": 3}), asked))
        wrong = list(
            pool.map(lambda q: client.get("/v1/search", params={"q": q, "cursor": "x"}).status_code, asked[:4])
        )
    assert wrong == [422] * 4
    for q, answer in zip(asked, found, strict=True):
        alone = TypeAdapter(search.Answer).dump_python(search.search(generation, Toy(), q, 3), mode="json")
        body = answer.json()
        assert answer.status_code == 200 and body["query"] == q
        assert shape(body["results"]) == shape(alone["results"])


def test_an_overloaded_server_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    build(settings.library)
    monkeypatch.setattr("service.api.Asking", functools.partial(Asking, waiting=0))
    with TestClient(create_app(settings)) as client:
        answer = client.get("/v1/search?q=islands")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        assert answer.json()["type"] == "urn:paperpath:problem:overloaded" and answer.json()["cure"]
        assert client.get("/healthz").status_code == client.get("/v1/papers").status_code == 200
