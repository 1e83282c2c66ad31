"""What was published before is let go of: no route keeps an earlier generation, its files, or a thread, and no cache what
was made of what is there no more."""

from __future__ import annotations

import gc
import os
import socket
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from libraries import TEXTS, build
from loopback_arxiv import tiny_pdf
from pydantic import SecretStr

from indexer.library import Library, Writer
from indexer.library.cache import Cache
from indexer.reindex import Request, reindex
from indexer.settings import Settings
from service.api import create_app
from service.opened import Opened
from service.serving import runtime, server, stopping

ROUTES = (
    "/v1/search?q=islands", '/v1/search?q="inner steps"', "/v1/search?q=topic:paper islands", "/v1/quote?q=islands communicate",
    "/v1/papers", "/v1/papers/2311.08105", "/v1/papers/2311.08105/related", "/v1/papers/2311.08105/cite",
    "/v1/reading-order?goal=2311.08105", "/v1/graph", "/v1/topics", "/v1/status", "/metrics", "/readyz",
    "/", "/?q=islands", "/papers/2311.08105", "/order", "/order?goal=2311.08105", "/library",
)  # fmt: skip
REFUSED = (
    "/v1/search?q=topic:nowhere", "/v1/search?q=islands&cursor=zz", "/?q=islands&cursor=zz", "/v1/quote?q=", "/v1/papers/nothing",
    "/papers/nothing", "/v1/papers/nothing/related", "/v1/papers/nothing/cite", "/v1/reading-order?goal=nothing", "/order?goal=nothing",
)  # fmt: skip


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What is in a cycle stays: the collector may come after hours, when it has a quarter of all objects to look through."""
    gc.collect()
    gc.disable()
    yield
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


@pytest.mark.parametrize("route", (*ROUTES, *REFUSED))
def test_an_answer_keeps_nothing_when_it_is_there(settings: Settings, route: str, no_collector: None) -> None:
    build(settings.library)
    held = Opened(settings)
    with TestClient(create_app(settings, held)) as client:
        client.get("/v1/papers")
        client.get(route)
        was = weakref.ref(held.now())
        build(settings.library, {**TEXTS, "more": ["Words of another generation, as odd as odd."]})
        assert client.get("/v1/papers").status_code == 200
        assert was() is None and held.now().manifest.documents == len(TEXTS) + 1


def test_the_server_holds_nothing_that_it_began_with(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, no_collector: None
) -> None:
    made: list[Opened] = []

    def opened(*given: Any, **named: Any) -> Opened:
        made.append(Opened(*given, **named))
        return made[0]

    def run(_: object, sockets: list[socket.socket]) -> None:
        sockets[0].close()
        was = weakref.ref(made[0].now())
        build(settings.library, {**TEXTS, "more": ["Words of another generation, as odd as odd."]})
        made[0].catch_up()
        let_go.append(was() is None and made[0].now().manifest.documents == len(TEXTS) + 1)

    let_go: list[bool] = []
    build(settings.library)
    monkeypatch.setattr(server, "Opened", opened)
    monkeypatch.setattr(stopping.Server, "run", run)
    monkeypatch.setattr(runtime, "bound_memory", lambda: None)  # this process's stays as it is
    monkeypatch.setattr(runtime, "take_turns", lambda: None)
    monkeypatch.setattr(runtime, "settle", lambda: None)
    server.run(settings, "127.0.0.1", 0)
    assert let_go == [True]


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
