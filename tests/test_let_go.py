"""What was published before is let go of: no route keeps an earlier generation, its files, or a thread, and no cache what
was made of what is there no more."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from libraries import TEXTS, build
from loopback_arxiv import tiny_pdf
from pydantic import SecretStr
from serving import WAIT, live

from indexer.errors import PaperpathError
from indexer.library import Library, Writer
from indexer.library.cache import Cache
from indexer.reindex import Request, reindex
from indexer.settings import Settings
from service import related
from service.api import create_app
from service.deadline import Left, OutOfTime
from service.opened import Opened
from service.serving import logs, runtime, server, stopping

ROUTES = (
    "/v1/search?q=islands", '/v1/search?q="inner steps"', "/v1/search?q=topic:paper islands", "/v1/quote?q=islands communicate",
    "/v1/papers", "/v1/papers/2311.08105", "/v1/papers/2311.08105/related", "/v1/papers/2311.08105/cite",
    "/v1/reading-order?goal=2311.08105", "/v1/graph", "/v1/topics", "/v1/status", "/metrics", "/readyz",
    "/", "/?q=islands", "/papers/2311.08105", "/order", "/order?goal=2311.08105", "/library",
)  # fmt: skip
REFUSED = {
    "/v1/search?q=topic:nowhere": 200, "/v1/search?q=": 422, "/v1/search?q=year:never": 200, "/v1/search?q=islands&cursor=zz": 422,
    "/?q=islands&cursor=zz": 422, "/v1/papers/nothing": 404, "/papers/nothing": 404, "/v1/papers/nothing/related": 404,
    "/v1/papers/nothing/cite": 404, "/v1/reading-order?goal=nothing": 404, "/order?goal=nothing": 404,
}  # fmt: skip


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What is in a cycle stays: the collector may come after hours, when it has a quarter of all objects to look through."""
    gc.collect()
    gc.disable()
    logging.disable()  # pytest keeps what is logged, with its frames
    yield
    logging.disable(logging.NOTSET)
    gc.enable()


@pytest.mark.parametrize("generations", [4, pytest.param(100, marks=pytest.mark.torture)])
def test_no_route_keeps_what_was_published_before(settings: Settings, generations: int, no_collector: None) -> None:
    build(settings.library)
    held = Opened(settings)
    app = create_app(settings.model_copy(update={"token": SecretStr("secret")}), held)
    seen: list[weakref.ref] = []
    taken: list[tuple[int, int]] = []
    with TestClient(app) as client:
        for number in range(generations):
            build(settings.library, {**TEXTS, "more": [f"Words of number {number}, as odd as odd{number}."]})
            for route in ROUTES:
                assert client.get(route).status_code == 200, route
            seen.append(weakref.ref(held.now()))
            assert [n for n, one in enumerate(seen) if one() is not None] == [number]
            taken.append((handles(), threading.active_count()))
    assert (
        taken[-1][0] <= taken[1][0] and taken[-1][1] <= taken[1][1] + 2
    )  # a thread more may have been started for routes


@contextlib.contextmanager
def let_go(held: Opened) -> Iterator[None]:
    """What answers before is gone when another generation answers."""
    was = weakref.ref(held.now())
    yield
    build(held.settings.library, {**TEXTS, "more": ["Words of another generation, as odd as odd."]})
    assert held.now().manifest.documents == len(TEXTS) + 1
    end = time.monotonic() + WAIT
    while was() is not None:  # a thread may be at its last line
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def held(settings: Settings) -> Opened:
    build(settings.library)
    return Opened(settings)


@pytest.mark.parametrize(("route", "status"), {**dict.fromkeys(ROUTES, 200), **REFUSED}.items())
def test_an_answer_keeps_nothing_when_it_is_there(held: Opened, route: str, status: int, no_collector: None) -> None:
    with TestClient(create_app(held.settings, held)) as client, let_go(held):
        assert client.get(route).status_code == status


def test_a_page_whose_rest_nobody_takes_keeps_nothing(held: Opened, no_collector: None) -> None:
    with TestClient(create_app(held.settings, held)) as client, let_go(held):
        answer = client.head("/papers/2311.08105")
        assert answer.status_code == 200 and not answer.content


@pytest.mark.parametrize("error", [OutOfTime, Left])
def test_a_page_whose_rest_fails_keeps_nothing(
    held: Opened, error: type[PaperpathError], monkeypatch: pytest.MonkeyPatch, no_collector: None
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error("This takes too long.")

    monkeypatch.setattr(related, "related", fails)
    with TestClient(create_app(held.settings, held)) as client, let_go(held):
        answer = client.get("/papers/2311.08105")
        assert answer.status_code == 200 and ("could not be made" in answer.text) == (error is OutOfTime)


@pytest.mark.parametrize(
    ("path", "work"),
    [
        ("/v1/papers/2311.08105/related", "related.related"),
        ("/v1/topics", "topics._made"),
        ("/v1/search?q=islands", "api.searching.tag_of"),
        ("/v1/search?q=islands", "search._page"),
        ("/v1/search?q=islands", "search._answer"),
    ],
)
def test_an_error_that_nobody_foresaw_keeps_nothing(
    held: Opened, path: str, work: str, monkeypatch: pytest.MonkeyPatch, no_collector: None
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ValueError("of ours")

    monkeypatch.setattr(f"service.{work}", fails)
    with TestClient(create_app(held.settings, held)) as client, let_go(held):
        assert client.get(path).status_code == 500


def test_who_leaves_while_a_page_is_made_keeps_nothing(
    held: Opened, monkeypatch: pytest.MonkeyPatch, no_collector: None
) -> None:
    begun, left, made = threading.Event(), threading.Event(), threading.Event()
    usual = related.related

    def waits(*given: Any, **named: Any) -> Any:
        begun.set()
        assert left.wait(WAIT)
        made.set()
        return usual(*given, **named)

    monkeypatch.setattr(related, "related", waits)
    with live(create_app(held.settings, held), held.settings) as address, let_go(held):
        url = urlsplit(address)
        with socket.create_connection((url.hostname, url.port), WAIT) as client:
            client.sendall(b"GET /papers/2311.08105 HTTP/1.1\r\nHost: %s\r\n\r\n" % url.netloc.encode())
            assert client.recv(100).startswith(b"HTTP/1.1 200") and begun.wait(WAIT)
        left.set()
        assert made.wait(WAIT)


def test_the_server_holds_nothing_that_it_began_with(
    held: Opened, monkeypatch: pytest.MonkeyPatch, no_collector: None
) -> None:
    def run(_: object, sockets: list[socket.socket]) -> None:
        sockets[0].close()
        with let_go(held):
            ran.append(held.now().name)

    ran: list[str] = []
    monkeypatch.setattr(server, "Opened", lambda *_, **__: held)
    monkeypatch.setattr(stopping.Server, "run", run)
    monkeypatch.setattr(logs, "start", lambda _: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(runtime, "bound_memory", lambda: None)  # this process's stays as it is
    monkeypatch.setattr(runtime, "take_turns", lambda: None)
    usual = gc.get_threshold()
    try:
        server.run(held.settings, "127.0.0.1", 0)
    finally:
        gc.unfreeze()
        gc.set_threshold(*usual)
    assert ran == ["000001"]


@pytest.mark.parametrize("times", [3, pytest.param(30, marks=pytest.mark.torture)])
def test_what_was_read_of_a_file_that_is_replaced_goes(settings: Settings, tmp_path: Path, times: int) -> None:
    """Its texts with the next publishing, however soon after the file changed; its vectors when it is asked for."""
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "same.pdf").write_bytes(tiny_pdf(["The paper that stays the same is about the roots of willows."]))
    (papers / "broken.pdf").write_bytes(b"%PDF-1.4 and nothing more")
    sizes = []
    for number in range(times):
        (papers / "changed.pdf").write_bytes(
            tiny_pdf([f"State {number} is about number {number}.{page}." for page in range(9)])
        )
        report = reindex(Request(sources=(str(papers),), offline=True), settings)
        assert report.published and report.documents == 3
        assert number == 0 or {line.outcome for line in report.lines} == {"cached", "full text", "failed"}
        with Cache(settings.library / "cache") as cache:
            assert [len(cache._rows(f"SELECT * FROM {name}")) for name in ("texts", "fronts", "hashes")] == [3, 2, 3]
            sizes.append(cache._size())
    with Writer(Library(settings.library)) as writer:
        writer.prune(1)
        writer.let_go_downloads()
        assert writer.cache._size() <= sizes[0]
    again = reindex(Request(sources=(str(papers),), offline=True), settings)
    assert not again.published and again.embedded == 0
    assert {line.outcome for line in again.lines} == {"cached", "failed"}


def handles() -> int:
    """How many files are open; 0 where that can't be told."""
    folder = Path(f"/proc/{os.getpid()}/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0
