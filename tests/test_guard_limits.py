"""So many a second for each address, so many at once: lines that are short in time, refusals that tell when to come back."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from libraries import build
from pydantic import SecretStr
from starlette.types import Message, Receive, Scope, Send

from indexer.settings import Settings
from service.api import create_app
from service.serving.guard import limits
from service.serving.guard.access import Access, Right, _digest
from service.serving.guard.limits import Line, Rate, lane_of, network_of

WAIT = 60


# ---------------------------------------------------------------------- rate


class Asked:
    """An application behind a rate, on a clock of its own. What reads a body is counted."""

    def __init__(self, a_second: float, burst: int, access: Access | None = None) -> None:
        self.now, self.answered, self.read = 1000.0, 0, 0
        tokens = ((_digest(b"read"), Right.READ), (_digest(b"change"), Right.CHANGE))
        self.rate = Rate(self._app, access or Access(exposed=True, tokens=tokens), a_second, burst, lambda: self.now)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.answered += 1

    def ask(
        self, address: str = "192.0.2.1", token: str = "", path: str = "/v1/papers", **headers: str
    ) -> tuple[int, int]:
        """Status and Retry-After; (200, 0) where it was let through."""
        said = (
            {"host": "127.0.0.1", "content-length": "9"}
            | headers
            | ({"authorization": f"Bearer {token}"} if token else {})
        )
        scope = {"type": "http", "method": "GET", "path": path, "client": (address, 1), "query_string": b"",
                 "headers": [(name.encode(), value.encode()) for name, value in said.items()]}  # fmt: skip
        sent: list[Any] = []

        async def receive() -> Any:
            self.read += 1

        async def send(message: Any) -> None:
            sent.append(message)

        before = self.answered
        asyncio.run(self.rate(scope, receive, send))
        if self.answered > before:
            return 200, 0
        return sent[0]["status"], int(dict(sent[0]["headers"])[b"retry-after"])


def test_so_many_at_once_and_then_so_many_a_second() -> None:
    asked = Asked(2, 5)
    assert [asked.ask()[0] for _ in range(7)] == [200] * 5 + [429] * 2
    asked.now += 1
    assert [asked.ask()[0] for _ in range(3)] == [200, 200, 429]
    asked.now += 1000
    assert [asked.ask()[0] for _ in range(6)] == [200] * 5 + [429]
    assert asked.read == 0


@given(st.floats(0.01, 500), st.integers(1, 20), st.integers(0, 30))
def test_who_comes_back_when_told_is_let_in(a_second: float, burst: int, more: int) -> None:
    asked = Asked(a_second, burst)
    for _ in range(burst + more):
        status, seconds = asked.ask()
    if status == 429:
        assert 1 <= seconds <= max(1, 1 / a_second + 1)
        asked.now += seconds + 1e-6
        assert asked.ask()[0] == 200


def test_a_refusal_does_not_put_off_the_next() -> None:
    asked = Asked(0.1, 1)
    asked.ask()
    for second in range(9, 0, -1):
        asked.now += 1
        status, told = asked.ask()
        assert status == 429 and second <= told <= second + 1
    asked.now += 1.001
    assert asked.ask()[0] == 200


def test_each_address_and_each_right_apart() -> None:
    asked = Asked(1, 1)
    for address, token in (
        ("192.0.2.1", ""),
        ("192.0.2.2", ""),
        ("192.0.2.1", "read"),
        ("192.0.2.1", "change"),
        ("2001:db8::1", ""),
    ):
        assert [asked.ask(address, token)[0] for _ in range(2)] == [200, 429], (address, token)
    assert asked.ask("192.0.2.1", "wrong")[0] == 429  # nobody else than without one
    assert asked.ask("2001:db8::ffff:1")[0] == 429 and asked.ask("2001:db8:0:1::1")[0] == 200
    assert asked.ask(path="/healthz")[0] == 200


def test_on_this_machine_nothing_is_counted_but_what_a_proxy_passed_on() -> None:
    asked = Asked(1, 1)
    assert [asked.ask("127.0.0.1")[0] for _ in range(9)] == [200] * 9
    assert [asked.ask("127.0.0.1", **{"x-forwarded-for": "192.0.2.1"})[0] for _ in range(2)] == [200, 429]
    behind = Asked(1, 1, Access(proxies=("127.0.0.1",)))
    assert [behind.ask("127.0.0.1")[0] for _ in range(2)] == [200, 429]


def test_only_so_many_addresses_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_ADDRESSES", 3)
    asked = Asked(1, 1)
    for n in range(9):
        assert asked.ask(f"192.0.2.{n}")[0] == 200
    assert len(asked.rate._left) == 3 and asked.ask("192.0.2.8")[0] == 429 and asked.ask("192.0.2.0")[0] == 200


def test_networks() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64"
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("testclient") == "testclient" and len(network_of("x" * 500)) == 100


def test_over_http_it_is_told_before_anything_else(settings: Settings) -> None:
    build(settings.library)
    given_ = settings.model_copy(update={"rate": 0.001, "burst": 2, "token": SecretStr("secret")})
    app = create_app(given_, host="0.0.0.0")
    with TestClient(app, base_url="http://192.0.2.1", client=("192.0.2.7", 1)) as client:
        for _ in range(2):
            assert client.post("/v1/reindex", content=b"{not json").status_code == 401
        refused = client.post("/v1/reindex", content=b"{not json", headers={"Authorization": "Bearer wrong"})
        assert refused.status_code == 429 and 900 <= int(refused.headers["Retry-After"]) <= 1000
        assert refused.json()["type"] == "urn:paperpath:problem:too-many-requests" and refused.json()["cure"]
        assert client.get("/healthz").status_code == 200


# ---------------------------------------------------------------------- lines


def test_which_line_a_request_stands_in() -> None:
    lanes = {path: lane_of("GET", path) for path in (
        "/healthz", "/readyz", "/metrics", "/static/a.css", "/v1/reindex/x", "/v1/reindex/x/events", "/v1/search", "/", "/v1/papers",
        "/v1/papers/cs/1/related", "/papers/cs/1", "/v1/reading-order", "/order", "/library", "/nowhere", "/v1/papers/a\nb",
    )}  # fmt: skip
    assert list(lanes.values()) == ["", "", "", "", "", "told", "search", "quick", "quick", "long", "long", "long", "long",
                                    "quick", "quick", "quick"]  # fmt: skip
    assert lane_of("PUT", "/v1/papers/x/marks") == lane_of("POST", "/v1/uploads") == "changes"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_line_is_short_in_time() -> None:
    async def run() -> list[int]:
        clock, rooms = Clock(), []
        line = Line(2, clock)
        for seconds in (0.02, 5.0):
            for _ in range(80):
                entered = await line.enter()
                assert entered is not None
                clock.now += seconds
                line.leave(entered)
            inside = [await line.enter(), await line.enter()]
            waiting = [asyncio.create_task(line.enter()) for _ in range(60)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            rooms.append(line.waiting)
            refused = [task for task in waiting if task.done()]
            assert len(refused) == 60 - line.waiting and all(task.result() is None for task in refused)
            for entered in inside:
                assert entered is not None
                line.leave(entered)
            for task in waiting[: line.waiting + 2]:
                if (entered := await task) is not None:
                    line.leave(entered)
            assert line.waiting == 0 and line._free == 2
        return rooms

    few, fewer = asyncio.run(run())
    assert 9 <= few <= 14 and fewer == 8  # a tenth of a second of two; those who may always wait


def test_who_waits_too_long_is_refused_and_leaves_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STANDING_STILL", 0.02)
    monkeypatch.setattr(limits, "LEAST_WAIT", 0.02)

    async def run() -> None:
        line = Line(1)
        inside = await line.enter()
        assert inside is not None
        assert await asyncio.gather(line.enter(), line.enter()) == [None, None] and line.waiting == 0
        cancelled = asyncio.create_task(line.enter())
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert line.waiting == 0
        line.leave(inside)
        assert line._free == 1 and await line.enter() is not None

    asyncio.run(run())


@pytest.fixture
def held_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TestClient, threading.Event, list[int]]]:
    """A server whose list of papers waits for an event, and how many are at it."""
    build(settings.library)
    go_on, inside = threading.Event(), []

    def slow(*_: Any) -> Any:
        inside.append(1)
        assert go_on.wait(WAIT)
        raise TimeoutError

    monkeypatch.setattr("service.papers.papers", slow)
    monkeypatch.setattr("service.marking.status", slow)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client, go_on, inside
        go_on.set()


def test_long_answers_hold_up_no_quick_ones_and_too_many_are_refused(
    held_up: tuple[TestClient, threading.Event, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, go_on, inside = held_up
    monkeypatch.setattr(limits, "STANDING_STILL", 0.05)
    most = limits._AT_ONCE["long"]
    with ThreadPoolExecutor(most + 8) as threads:
        asked = [threads.submit(client.get, "/v1/status") for _ in range(most + 8)]
        end = time.monotonic() + WAIT
        while (sum(one.done() for one in asked) < 8 or len(inside) < most) and time.monotonic() < end:
            time.sleep(0.005)
        assert len(inside) == most
        refused = [one.result() for one in asked if one.done()]
        assert len(refused) == 8
        for answer in refused:
            assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
            assert answer.json()["type"] == "urn:paperpath:problem:overloaded"
        assert client.get("/v1/papers/2311.08105").status_code == client.get("/healthz").status_code == 200
        assert client.get("/v1/search?q=islands").status_code == 200
        go_on.set()
        assert {one.result().status_code for one in asked} == {429, 500}
    assert len(inside) == most


LONG = {"type": "http", "method": "GET", "path": "/v1/graph", "headers": []}


@pytest.mark.parametrize("streamed", [False, True])
def test_who_takes_an_answer_slowly_holds_a_place_only_while_it_is_made(streamed: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"1", "more_body": streamed})
        if streamed:
            await send({"type": "http.response.body", "body": b"2", "more_body": True})
            await send({"type": "http.response.body", "body": b"3"})

    async def run() -> tuple[int, bool, list[bytes], int]:
        taken, came = asyncio.Event(), []

        async def send(message: Message) -> None:
            await taken.wait()
            came.append(message.get("body", b"start"))

        lanes = limits.Lanes(app, lambda: False)
        line = lanes.lines["long"]
        task = asyncio.create_task(lanes(LONG, None, send))  # type: ignore[arg-type]
        for _ in range(10):
            await asyncio.sleep(0)
        held, waits = line.at_once - line._free, not task.done() and not came
        taken.set()
        await task
        return held, waits, came, line._free - line.at_once

    held, waits, came, after = asyncio.run(run())
    assert (held, waits, after) == (0, True, 0)
    assert came == [b"start", b"1", *([b"2", b"3"] if streamed else [])]


@pytest.mark.parametrize("leaves", [True, False])
def test_only_so_much_is_made_before_it_is_taken(monkeypatch: pytest.MonkeyPatch, leaves: bool) -> None:
    monkeypatch.setattr(limits, "_AHEAD", 30)
    made, came = [], []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for n in range(20):
            made.append(n)
            await send({"type": "http.response.body", "body": b"ten bytes.", "more_body": n < 19})

    async def run() -> None:
        taken = asyncio.Event()

        async def send(message: Message) -> None:
            await taken.wait()
            if leaves:
                raise OSError("gone")
            came.append(message)

        lanes = limits.Lanes(app, lambda: False)
        line = lanes.lines["long"]
        task = asyncio.create_task(lanes(LONG, None, send))  # type: ignore[arg-type]
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(made) == 4 and line._free == line.at_once - 1
        taken.set()
        if leaves:
            with pytest.raises(OSError, match="gone"):
                await task
        else:
            await task
        assert line._free == line.at_once and len(asyncio.all_tasks()) == 1

    asyncio.run(run())
    assert (len(made), len(came)) == ((4, 0) if leaves else (20, 21))


def test_an_answer_that_breaks_off_leaves_nothing_behind() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        raise ValueError

    async def run() -> None:
        async def send(message: Message) -> None:
            await asyncio.Event().wait()

        lanes = limits.Lanes(app, lambda: False)
        with pytest.raises(ValueError):
            await lanes(LONG, None, send)  # type: ignore[arg-type]
        await asyncio.sleep(0)
        line = lanes.lines["long"]
        assert line._free == line.at_once and len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_how_much_waits_to_be_taken_is_not_counted_anew_for_each_part() -> None:
    """Twenty thousand events of a job, to who takes none, would hold up the loop for seconds."""
    looks = 0

    class Part(bytes):
        def __len__(self) -> int:
            nonlocal looks
            looks += 1
            return super().__len__()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for n in range(100):
            await send({"type": "http.response.body", "body": Part(b"event"), "more_body": n < 99})

    async def run() -> None:
        async def send(message: Message) -> None:
            await asyncio.Event().wait()

        task = asyncio.create_task(limits.Lanes(app, lambda: False)(LONG, None, send))  # type: ignore[arg-type]
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert 100 <= looks <= 200


def test_an_answer_that_is_given_up_by_who_makes_it_ends_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a stream whose taker is gone: the server would tell of a request that was cancelled, though nobody did."""
    monkeypatch.setattr(limits, "_AHEAD", 0)

    async def stream(send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        await send({"type": "http.response.body", "body": b"2", "more_body": True})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(stream, send)
            for _ in range(10):
                await asyncio.sleep(0)
            group.cancel_scope.cancel()

    async def run() -> None:
        async def send(message: Message) -> None:
            await asyncio.Event().wait()

        lanes = limits.Lanes(app, lambda: False)
        await lanes(LONG, None, send)  # type: ignore[arg-type]
        line = lanes.lines["long"]
        assert line._free == line.at_once and len(asyncio.all_tasks()) == 1

    asyncio.run(run())
