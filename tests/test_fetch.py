"""Fetching: what is asked, when, and what is kept. Real sockets on loopback, a clock that only sleeping moves."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest

from indexer import points
from indexer.errors import (
    FetchError,
    Gone,
    LibraryUnwritable,
    NotAsClaimed,
    NotRendered,
    Offline,
    Refused,
    TooLarge,
    Unreachable,
    Withdrawn,
)
from indexer.fetch import Fetcher
from indexer.fetch.politeness import Politeness
from indexer.library.cache import Cache
from indexer.settings import Settings
from tests.loopback_arxiv import (
    LAST_MODIFIED,
    NO_PDF_PAGE,
    NO_SOURCE_PAGE,
    NOT_RENDERED_PAGE,
    SIGN_IN_PAGE,
    WITHDRAWN_PAGE,
    FakeTime,
    Fault,
    LoopbackArxiv,
    Page,
    PaperFixture,
    answer,
    bomb,
    cut,
    drop,
    from_shared,
    html,
    paper,
    redirect,
    stall,
    tiny_pdf,
)

SHARED = Path(__file__).parents[2] / "shared"
NOW = 1_795_000_000.0
LARGE = tiny_pdf(["\n".join(f"line {number} of a long page" for number in range(6000))])
ID, OLD_ID, THIRD = "2311.08105", "cs/0502012", "2401.17555"
NAME = "arxiv:" + ID


@pytest.fixture
def server() -> Iterator[LoopbackArxiv]:
    papers = {
        ID: paper("DiLoCo", "a page of it", versions=3),
        OLD_ID: paper("An old one"),
        THIRD: PaperFixture("A large one", {1: LARGE}),
        "2401.00001": paper("Paper one"),
        "2401.00002": paper("Paper two"),
        "2401.00003": paper("Paper three"),
        "2401.00004": paper("Paper four"),
        "2402.00001": PaperFixture("Taken back", {1: tiny_pdf(["was here"]), 2: None}),
    }
    with LoopbackArxiv(papers) as server:
        yield server


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(tmp_path / "cache") as cache:
        yield cache


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


Make = Callable[..., Fetcher]


def local(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
    """A resolver for which every name is this machine."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def make(server: LoopbackArxiv, cache: Cache, time: FakeTime) -> Iterator[Make]:
    """Makes fetchers: settings by name, and `cache`, `offline`, `resolve`, `on_progress`, `now`, `clock` as the fetcher takes them."""
    made: list[Fetcher] = []

    def make(cache: Cache = cache, **given: Any) -> Fetcher:
        own = {name: given.pop(name) for name in ("offline", "resolve", "on_progress", "now", "clock") if name in given}
        own = {"resolve": local, "now": lambda: NOW, "clock": time.clock, **own}
        defaults = {
            "arxiv_url": server.url,
            "arxiv_api_url": f"{server.url}/api/query",
            "arxiv_seconds": 3,
            "host_seconds": 1,
            "retries": 2,
            "connect_seconds": 60,
            "read_seconds": 60,
            "allow_private": True,
        }
        settings = Settings(_env_file=None, **{**defaults, **given})
        made.append(Fetcher(settings, cache, sleep=time.sleep, jitter=lambda: 1.0, **own))
        return made[-1]

    yield make
    for fetcher in made:
        fetcher.close()


def elsewhere(server: LoopbackArxiv, path: str, host: str = "blog.example") -> str:
    """The URL of a page of the server under another host's name."""
    return f"http://{host}:{server.port}{path}"


def pdf_of(server: LoopbackArxiv, arxiv_id: str, version: int) -> bytes:
    content = server.papers[arxiv_id].versions[version]
    assert isinstance(content, bytes)
    return content


# What comes, and what the ledger says


def test_a_paper_without_a_version_is_the_newest_by_redirect(server: LoopbackArxiv, cache: Cache, make: Make) -> None:
    fetcher = make()
    brought = fetcher.fetch(NAME)
    body = pdf_of(server, ID, 3)
    assert brought.path.read_bytes() == body
    assert brought.sha256 == hashlib.sha256(body).hexdigest()
    assert (brought.version, brought.bytes, brought.transferred) == (3, len(body), True)
    assert (brought.content_type, brought.note) == ("application/pdf", "")
    assert brought.asked_url == f"{server.url}/pdf/{ID}"
    assert brought.final_url == f"{server.url}/pdf/{ID}v3"
    assert server.paths == [f"/pdf/{ID}", f"/pdf/{ID}v3"]
    assert (fetcher.requests, fetcher.transferred_bodies) == (2, 1)
    row = cache.download(NAME)
    assert row is not None
    assert (row.version, row.sha256, row.bytes) == (3, brought.sha256, len(body))
    assert (row.outcome, row.reason) == ("fetched", "")
    assert (row.asked_url, row.final_url, row.last_modified) == (brought.asked_url, brought.final_url, LAST_MODIFIED)
    assert row.etag == brought.etag != ""
    assert row.time == brought.time == "2026-11-18T11:06:40Z"
    assert list((cache.folder / "parts").iterdir()) == []


def test_the_newest_known_is_asked_for_without_a_redirect(server: LoopbackArxiv, cache: Cache, make: Make) -> None:
    assert make().fetch(NAME, newest=3).version == 3
    assert server.paths == [f"/pdf/{ID}v3"]
    assert cache.download(NAME) is not None


@pytest.mark.parametrize(("address", "path"), [(f"arxiv:{OLD_ID}", f"/pdf/{OLD_ID}v1"), ("arxiv:2401.00001", None)])
def test_the_version_is_read_from_the_file_name_without_a_redirect(
    server: LoopbackArxiv, make: Make, address: str, path: str | None
) -> None:
    server.redirects = False
    assert make().fetch(address).version == 1
    assert len(server.requests) == 1


def test_the_version_is_the_newest_known_where_no_answer_says_it(server: LoopbackArxiv, make: Make) -> None:
    server.on(f"/pdf/{ID}v3", answer(200, LARGE, content_type="application/pdf"))
    assert make().fetch(NAME, newest=3).version == 3


def test_a_pinned_version_is_asked_for_once_and_never_again(server: LoopbackArxiv, cache: Cache, make: Make) -> None:
    first = make().fetch(NAME, version=2, newest=3)
    again = make().fetch(NAME, version=2)
    assert (first.version, first.transferred, again.transferred) == (2, True, False)
    assert again.path == first.path
    assert server.paths == [f"/pdf/{ID}v2"]
    assert cache.download(f"arxiv:{ID}v2") is not None
    assert cache.download(NAME) is None


def test_another_version_than_the_pinned_one_is_not_taken(server: LoopbackArxiv, make: Make) -> None:
    server.on(f"/pdf/{ID}v2", redirect(f"/pdf/{ID}v3"))
    with pytest.raises(NotAsClaimed, match="version 2, but 3"):
        make().fetch(NAME, version=2)


def test_the_newest_version_held_needs_no_request(server: LoopbackArxiv, make: Make) -> None:
    first = make().fetch(NAME)
    asked = len(server.requests)
    again = make().fetch(NAME, newest=3)
    older = make().fetch(NAME, newest=2)  # the metadata may lag behind
    assert (again.transferred, again.sha256, again.time) == (False, first.sha256, first.time)
    assert older.version == 3
    assert len(server.requests) == asked


def test_a_newer_version_is_fetched_and_the_older_kept_until_then(server: LoopbackArxiv, make: Make) -> None:
    first = make().fetch(NAME, newest=2)
    server.on(f"/pdf/{ID}v3", html(SIGN_IN_PAGE))
    kept = make().fetch(NAME, newest=3)
    assert (kept.version, kept.transferred, kept.sha256) == (2, False, first.sha256)
    assert "Sign in & pay" in kept.note
    fresh = make().fetch(NAME, newest=3)
    assert (fresh.version, fresh.transferred, fresh.note) == (3, True, "")
    assert "if-none-match" not in server.requests[-1].headers  # another version's tag would mean nothing


def test_a_version_pinned_by_one_list_serves_another_and_back(server: LoopbackArxiv, cache: Cache, make: Make) -> None:
    make().fetch(NAME, version=3)
    assert not make().fetch(NAME, newest=3).transferred
    assert cache.download(NAME) == replace(cache.download(f"arxiv:{ID}v3"), address=NAME)  # type: ignore[type-var]
    make().fetch(f"arxiv:{OLD_ID}")
    assert not make().fetch(f"arxiv:{OLD_ID}", version=1).transferred
    assert server.bodies == 2


def test_without_metadata_a_held_paper_is_asked_for_on_condition(
    server: LoopbackArxiv, cache: Cache, make: Make
) -> None:
    first = make().fetch(NAME)
    before = cache.download(NAME)
    again = make(now=lambda: NOW + 999).fetch(NAME)
    assert (again.transferred, again.path, again.time) == (False, first.path, first.time)
    assert server.bodies == 1
    assert server.requests[-1].status == 304
    assert cache.download(NAME) == before


@pytest.mark.parametrize(
    ("page", "sends"),
    [
        (Page(b"<html>post</html>"), {"if-none-match", "if-modified-since"}),
        (Page(b"<html>post</html>", etag='W/"weak"'), {"if-none-match", "if-modified-since"}),
        (Page(b"<html>post</html>", etag=""), {"if-modified-since"}),
        (Page(b"<html>post</html>", last_modified=""), {"if-none-match"}),
    ],
    ids=["both", "weak tag", "date", "tag"],
)
def test_a_page_that_has_not_changed_costs_no_body(
    server: LoopbackArxiv, make: Make, page: Page, sends: set[str]
) -> None:
    server.pages["/post/"] = page
    url = elsewhere(server, "/post/")
    first, again = make().fetch(url), make().fetch(url)
    assert (first.transferred, again.transferred, again.content_type) == (True, False, "text/html; charset=utf-8")
    assert sends == {"if-none-match", "if-modified-since"} & server.requests[-1].headers.keys()
    assert server.bodies == 1


def test_a_page_that_has_changed_is_brought(server: LoopbackArxiv, make: Make) -> None:
    url = elsewhere(server, "/post/")
    server.pages["/post/"] = Page(b"<html>one</html>")
    first = make().fetch(url)
    server.pages["/post/"] = Page(b"<html>two</html>", last_modified="Wed, 15 Nov 2023 12:00:00 GMT")
    again = make().fetch(url)
    assert again.transferred
    assert again.path.read_bytes() == b"<html>two</html>"
    assert first.path.exists()


def test_a_doi_goes_to_doi_org(server: LoopbackArxiv, make: Make) -> None:
    fetcher = make()

    class Sockets(httpcore.SyncBackend):
        def connect_tcp(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
            raise httpcore.ConnectError("not in this test")

    fetcher._sender.backend._sockets = Sockets()
    with pytest.raises(Unreachable, match=r"https://doi\.org/10\.1145/33\(4\)%3C1%3E"):
        fetcher.fetch("doi:10.1145/33(4)<1>")


@pytest.mark.parametrize(
    ("content", "content_type", "kept_as"),
    [
        (b"<html>x</html>", "text/html; charset=ISO-8859-1", "text/html; charset=ISO-8859-1"),
        (b"<html>x</html>", "application/xhtml+xml", "application/xhtml+xml"),
        (b"words", "text/plain", "text/plain"),
        (b"# words", "text/markdown; charset=utf-8", "text/markdown; charset=utf-8"),
        (LARGE, "application/octet-stream", "application/pdf"),
        (b"\xef\xbb\xbf \n" + LARGE, "text/html", "application/pdf"),
        (b"<!DOCTYPE html><html>x</html>", "", "text/html"),
    ],
)
def test_pages_texts_and_pdfs_are_taken(
    server: LoopbackArxiv, make: Make, content: bytes, content_type: str, kept_as: str
) -> None:
    server.pages["/x"] = Page(content, content_type)
    brought = make().fetch(elsewhere(server, "/x"))
    assert brought.content_type == kept_as
    assert brought.path.read_bytes() == content


@pytest.mark.parametrize(
    ("path", "content", "content_type", "said"),
    [
        ("/x", b"PK\x03\x04" * 400, "application/zip", "application/zip"),
        ("/x", b"\x89PNG", "image/png", "image/png"),
        ("/x", b"\0" * 5000, "video/mp4", "video/mp4"),
        ("/x", b"\0\1\2", "", "does not name"),
        ("/x", b"\0\1\2", "image/\u009b2Jx", "does not name"),
        ("/x", b"", "text/html", "empty"),
        ("/x", b"", "application/pdf", "empty"),
        ("/x", b"GIF89a", "application/pdf", "was to be a PDF"),
        ("/x.pdf", SIGN_IN_PAGE, "text/html", 'titled "Sign in & pay"'),
        ("/x.PDF", b"hello", "text/plain", "text/plain"),
        ("/x.pdf", b"x" * 1020 + b"%PDF-1.4", "application/pdf", "was to be a PDF"),
    ],
)
def test_what_is_not_what_it_claims_is_an_error_that_says_so(
    server: LoopbackArxiv, cache: Cache, make: Make, path: str, content: bytes, content_type: str, said: str
) -> None:
    server.pages[path] = Page(content, content_type)
    url = elsewhere(server, path)
    with pytest.raises(NotAsClaimed) as caught:
        make().fetch(url)
    assert said in str(caught.value)
    assert url in str(caught.value)
    row = cache.download(url)
    assert row is not None
    assert (row.outcome, row.reason, row.sha256) == ("failed", str(caught.value), "")
    assert list((cache.folder / "parts").iterdir()) == []


def test_the_title_of_a_page_cannot_drive_a_terminal(server: LoopbackArxiv, make: Make) -> None:
    server.on(f"/pdf/{ID}v3", html(b"<html><title>\x1b[2J\x1b]0;owned\x07 &#27;[31m a\n b " + b"x" * 500 + b"</title>"))
    with pytest.raises(NotAsClaimed) as caught:
        make().fetch(NAME, newest=3)
    assert all(char.isprintable() for char in str(caught.value))
    assert len(str(caught.value)) < 300


def test_what_is_no_pdf_is_not_read_to_its_end(server: LoopbackArxiv, make: Make) -> None:
    server.on(ID, answer(200, SIGN_IN_PAGE + b" " * 30_000_000, content_type="text/html"))
    with pytest.raises(NotAsClaimed):
        make().fetch(NAME, newest=3)
    assert server.requests[-1].sent < 20_000_000


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (html(WITHDRAWN_PAGE), Withdrawn, "withdrawn"),
        (html(WITHDRAWN_PAGE, 404), Withdrawn, "withdrawn"),
        (html(NO_SOURCE_PAGE, 404), NotRendered, "no file of it yet"),  # the metadata knows it, and not as withdrawn
        (html(NOT_RENDERED_PAGE), NotRendered, "not made its PDF yet"),
        (html(NO_PDF_PAGE, 500), NotRendered, "could not make a PDF"),
        (html(SIGN_IN_PAGE), NotAsClaimed, "Sign in"),
        (html(b"<html><body>No document for it</body></html>", 404), Gone, "404"),
        (html(b"<html><body>broken</body></html>", 500), Refused, "500"),
    ],
)
def test_arxivs_own_pages_are_recognised(
    server: LoopbackArxiv, make: Make, fault: Fault, error: type[FetchError], says: str
) -> None:
    server.on(ID, fault)
    with pytest.raises(error, match=says) as caught:
        make().fetch(NAME, newest=3)
    assert type(caught.value) is error
    assert len(server.requests) == 1


def test_a_withdrawn_paper_is_not_asked_for_but_an_earlier_version_is(
    server: LoopbackArxiv, cache: Cache, make: Make
) -> None:
    name = "arxiv:2402.00001"
    with pytest.raises(Withdrawn) as caught:
        make().fetch(name, newest=2, withdrawn=True)
    assert "2402.00001v1" in caught.value.cure
    assert server.requests == []
    assert cache.download(name).reason == str(caught.value)  # type: ignore[union-attr]
    with pytest.raises(Withdrawn) as caught:
        make().fetch(name, newest=1, withdrawn=True)
    assert "no earlier version" in caught.value.cure
    assert make().fetch(name, version=1, newest=2, withdrawn=True).version == 1
    with pytest.raises(Withdrawn):  # without metadata, its page says so
        make().fetch(name)


def test_a_paper_withdrawn_since_it_was_fetched_is_kept(server: LoopbackArxiv, make: Make) -> None:
    first = make().fetch("arxiv:2402.00001", newest=1)
    asked = len(server.requests)
    kept = make().fetch("arxiv:2402.00001", newest=2, withdrawn=True)
    assert (kept.sha256, kept.version, kept.transferred) == (first.sha256, 1, False)
    assert "withdrawn" in kept.note and len(server.requests) == asked


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, Gone), (410, Gone), (401, Refused), (403, Refused), (451, Refused), (500, Refused), (204, Refused)],
)
def test_a_status_that_is_no_answer(server: LoopbackArxiv, make: Make, status: int, error: type[FetchError]) -> None:
    server.on("/x", answer(status))
    with pytest.raises(error, match=str(status)):
        make().fetch(elsewhere(server, "/x"))
    assert len(server.requests) == 1


# Offline, and what is held


def test_offline_asks_nobody_anything(server: LoopbackArxiv, make: Make) -> None:
    held = make().fetch(NAME)

    def no_dns(*_: Any, **__: Any) -> Any:
        raise AssertionError("a name was resolved")

    asked = len(server.requests)
    fetcher = make(offline=True, resolve=no_dns)
    again = fetcher.fetch(NAME, newest=3)
    stale = fetcher.fetch(NAME, newest=9)
    assert (again.path, again.transferred, stale.version) == (held.path, False, 3)
    with pytest.raises(Offline):
        fetcher.fetch(f"arxiv:{THIRD}")
    with pytest.raises(Offline):
        fetcher.fetch(NAME, version=1)
    with pytest.raises(Offline):
        fetcher.get(f"{server.url}/api/query")
    with pytest.raises(Offline):
        fetcher.probe(NAME)
    assert (len(server.requests), fetcher.requests, fetcher._sender._transport) == (asked, 0, None)


@pytest.mark.parametrize(
    "fault",
    [answer(403), answer(404), answer(500), answer(503), answer(429, retry_after=9999), drop(), html(SIGN_IN_PAGE),
     html(WITHDRAWN_PAGE), redirect("http://[::/"), redirect("/pdf/" + ID)],
    ids=["403", "404", "500", "503", "429", "drop", "page", "withdrawn", "bad redirect", "circle"],
)  # fmt: skip
def test_a_held_body_that_cannot_be_refreshed_stays(
    server: LoopbackArxiv, cache: Cache, make: Make, fault: Fault
) -> None:
    held = make().fetch(NAME)
    before = cache.download(NAME)
    assert before is not None
    server.on(f"/pdf/{ID}", fault, always=True)
    fetcher = make()
    kept = fetcher.fetch(NAME)
    assert (kept.sha256, kept.path, kept.version, kept.transferred) == (held.sha256, held.path, 3, False)
    assert kept.note
    assert cache.download(NAME) == replace(before, outcome="failed", reason=kept.note)
    assert fetcher.transferred_bodies == 0
    server._always.clear()
    healed = make(now=lambda: NOW + 10_000).fetch(NAME)
    assert (healed.transferred, healed.note) == (False, "")
    assert cache.download(NAME) == before


def test_metadata_that_says_the_held_version_is_the_newest_clears_a_failure(
    server: LoopbackArxiv, cache: Cache, make: Make
) -> None:
    make().fetch(NAME)
    before = cache.download(NAME)
    server.on(f"/pdf/{ID}", answer(500))
    assert make().fetch(NAME).note
    assert make().fetch(NAME, newest=3).note == ""
    assert cache.download(NAME) == before


def test_a_held_body_is_returned_with_no_network(server: LoopbackArxiv, make: Make) -> None:
    held = make().fetch(NAME)
    kept = make(resolve=unresolvable).fetch(NAME)
    assert (kept.path, kept.transferred) == (held.path, False)
    assert "no connection" in kept.note


def test_a_body_that_was_lost_is_fetched_again(server: LoopbackArxiv, make: Make) -> None:
    make().fetch(NAME, version=1).path.unlink()
    assert make().fetch(NAME, version=1).transferred
    assert server.bodies == 2


# Pace


def test_arxiv_is_asked_every_three_seconds_over_one_connection(
    server: LoopbackArxiv, make: Make, time: FakeTime
) -> None:
    fetcher = make()
    fetcher.fetch(NAME)  # a redirect, then the paper
    fetcher.get(f"{server.url}/api/query?id_list={ID}")  # the API shares the gate
    fetcher.fetch(f"arxiv:{THIRD}", newest=1)
    assert time.sleeps == [3, 3, 3]
    assert len(server.requests) == 4
    assert server.most_connections == 1


def test_the_pace_counts_from_the_end_of_a_request(server: LoopbackArxiv, make: Make, time: FakeTime) -> None:
    def slow(*_: Any) -> None:
        time.time += 10  # while the body comes

    fetcher = make(on_progress=slow)
    fetcher.fetch("arxiv:2401.00001", newest=1)
    time.time += 1  # what is done between two requests counts as waiting
    fetcher.fetch("arxiv:2401.00002", newest=1)
    assert time.sleeps == [2]


def test_the_two_hosts_of_arxiv_share_a_gate_and_a_connection(
    server: LoopbackArxiv, make: Make, time: FakeTime
) -> None:
    api = elsewhere(server, "/api/query", "export.arxiv.test")
    fetcher = make(arxiv_api_url=api)
    fetcher.get(f"{api}?id_list={ID}")
    fetcher.fetch(NAME, newest=3)
    fetcher.get(f"{api}?id_list={ID}")
    assert time.sleeps == [3, 3]
    assert server.most_connections == 1
    assert {seen.headers["host"].partition(":")[0] for seen in server.requests} == {"127.0.0.1", "export.arxiv.test"}


@pytest.mark.parametrize("host", ["arxiv.org", "export.arxiv.org", "www.arxiv.org", "ARXIV.org"])
def test_every_host_of_arxiv_is_arxiv(make: Make, host: str) -> None:
    assert make()._sender.polite.is_arxiv(httpx.URL(f"https://{host}/pdf/{ID}"))


@pytest.mark.parametrize("host", ["arxiv.org.evil.example", "notarxiv.org", "ar5iv.org"])
def test_no_other_host_is_arxiv(make: Make, host: str) -> None:
    assert not make()._sender.polite.is_arxiv(httpx.URL(f"https://{host}/pdf/{ID}"))


def test_another_host_has_its_own_pace(server: LoopbackArxiv, make: Make, time: FakeTime) -> None:
    for path in ("/a", "/b"):
        server.pages[path] = Page(b"<html>x</html>")
    fetcher = make()
    fetcher.fetch(elsewhere(server, "/a"))
    fetcher.fetch(elsewhere(server, "/a", "news.example"))
    fetcher.fetch(NAME, newest=3)
    assert time.sleeps == []
    fetcher.fetch(elsewhere(server, "/b"))
    assert time.sleeps == [1]


def test_a_connection_is_used_again(server: LoopbackArxiv, make: Make) -> None:
    fetcher = make()
    fetcher.fetch(NAME)
    fetcher.fetch(NAME)  # a redirect and a 304
    fetcher.probe(NAME)
    assert len(server.requests) == 6
    assert fetcher._sender.backend.connected == 1


def test_a_connection_that_was_closed_meanwhile_costs_no_try(server: LoopbackArxiv, make: Make) -> None:
    fetcher = make(retries=0)
    for number in (1, 2, 3, 4):
        assert fetcher.fetch(f"arxiv:2401.0000{number}", newest=1).transferred
        server.hang_up()
    assert len(server.requests) == fetcher._sender.backend.connected == 4


def test_threads_take_turns(server: LoopbackArxiv, make: Make) -> None:
    from concurrent.futures import ThreadPoolExecutor

    fetcher = make(arxiv_seconds=0)
    names = [f"arxiv:2401.0000{number}" for number in (1, 2, 3, 4)] * 3
    with ThreadPoolExecutor(6) as pool:
        assert all(list(pool.map(lambda name: fetcher.fetch(name, newest=1).path.exists(), names)))
    assert (server.bodies, server.most_connections) == (4, 1)


# Tries


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_overloaded_server_is_asked_again_ever_later(
    server: LoopbackArxiv, make: Make, time: FakeTime, status: int
) -> None:
    server.on(ID, answer(status), answer(status), answer(status))
    assert make(retries=3).fetch(NAME, newest=3).transferred
    assert time.sleeps == [5, 10, 20]


def test_the_waits_are_capped_and_jittered(server: LoopbackArxiv, cache: Cache, make: Make, time: FakeTime) -> None:
    server.on(ID, *[answer(503)] * 5)
    fetcher = make(retries=5, retry_cap_seconds=15)
    jitter = iter([0.0, 0.5, 1.0, 0.0, 1.0])
    fetcher._sender.polite._jitter = lambda: next(jitter)
    fetcher.fetch(NAME, newest=3)
    assert time.sleeps == [3, 7.5, 15, 7.5, 15]  # never sooner than the pace


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7),
        ("0", 3),
        ("120", 120),
        (formatdate(NOW + 42, usegmt=True), 42),
        (formatdate(NOW - 42, usegmt=True), 3),
        ("soon", 5),
        ("", 5),
        ("-5", 5),
    ],
)
def test_retry_after_is_honoured(server: LoopbackArxiv, make: Make, time: FakeTime, header: str, wait: float) -> None:
    server.on(ID, answer(503, retry_after=header))
    make().fetch(NAME, newest=3)
    assert time.sleeps == [wait]


def test_the_wait_that_a_server_asks_for_holds_for_all_its_addresses(
    server: LoopbackArxiv, make: Make, time: FakeTime
) -> None:
    server.on(ID, answer(503, retry_after=60))
    fetcher = make(retries=0)
    with pytest.raises(Refused, match="503"):
        fetcher.fetch(NAME, newest=3)
    fetcher.fetch("arxiv:2401.00001", newest=1)
    assert time.sleeps == [60]


@pytest.mark.parametrize("header", ["121", "9" * 400, formatdate(NOW + 86400, usegmt=True)])
def test_a_longer_wait_than_the_cap_ends_arxiv_for_the_run(
    server: LoopbackArxiv, make: Make, time: FakeTime, header: str
) -> None:
    server.on(ID, answer(429, retry_after=header))
    fetcher = make()
    with pytest.raises(Refused, match="more than the 120 s") as caught:
        fetcher.fetch(NAME, newest=3)
    assert "PAPERPATH_RETRY_CAP_SECONDS" in caught.value.cure
    for name in (NAME, "arxiv:2401.00001"):
        with pytest.raises(Refused, match="was not asked for"):
            fetcher.fetch(name, newest=1)
    assert (len(server.requests), time.sleeps) == (1, [])


@pytest.mark.parametrize("retries", [0, 2])
def test_a_longer_wait_than_the_cap_ends_another_hosts_entries_until_then(
    server: LoopbackArxiv, make: Make, time: FakeTime, retries: int
) -> None:
    server.pages["/a"] = server.pages["/b"] = Page(b"<html>x</html>")
    server.on("/a", answer(503, retry_after=500))
    fetcher = make(retries=retries)
    for path in ("/a", "/b"):
        with pytest.raises(Refused, match="asks for a wait of 500 s"):
            fetcher.fetch(elsewhere(server, path))
    assert server.paths == ["/a"]
    fetcher.fetch(elsewhere(server, "/b", "news.example"))
    time.time += 400
    fetcher.fetch(elsewhere(server, "/b"))
    assert time.sleeps == [100]


def test_a_forbidden_ends_arxiv_for_the_run_and_no_other_host(server: LoopbackArxiv, make: Make, cache: Cache) -> None:
    server.on(ID, answer(403))
    server.pages["/a"] = Page(b"<html>x</html>")
    fetcher = make()
    with pytest.raises(Refused, match="as an attack"):
        fetcher.fetch(NAME, newest=3)
    for ask in (
        lambda: fetcher.fetch("arxiv:2401.00001", newest=1),
        lambda: fetcher.get(f"{server.url}/api/query?id_list={ID}"),
        lambda: fetcher.probe("arxiv:2401.00002"),
        lambda: fetcher.fetch(f"{server.url}/a"),
    ):
        with pytest.raises(Refused, match="was not asked for: arXiv answered 403"):
            ask()
    assert server.paths == [f"/pdf/{ID}v3"]
    assert fetcher.fetch(elsewhere(server, "/a")).transferred
    assert cache.download("arxiv:2401.00001").outcome == "failed"  # type: ignore[union-attr]


def test_a_forbidden_by_another_host_ends_that_entry_alone(server: LoopbackArxiv, make: Make) -> None:
    server.pages["/b"] = Page(b"<html>x</html>")
    server.on("/a", answer(403))
    fetcher = make()
    with pytest.raises(Refused, match="403"):
        fetcher.fetch(elsewhere(server, "/a"))
    assert fetcher.fetch(elsewhere(server, "/b")).transferred


def test_tries_are_used_up(server: LoopbackArxiv, make: Make, time: FakeTime) -> None:
    server.on(ID, answer(503), always=True)
    with pytest.raises(Refused, match=r"503 .*\(3 tries\)"):
        make().fetch(NAME, newest=3)
    assert (len(server.requests), time.sleeps) == (3, [5, 10])


@pytest.mark.parametrize("fault", [drop(), answer(503), cut(0)], ids=["drop", "503", "cut"])
def test_a_server_that_fails_three_entries_in_a_row_is_left_alone(
    server: LoopbackArxiv, make: Make, fault: Fault
) -> None:
    for number in (1, 2, 3, 4):
        server.on(f"2401.0000{number}", fault, always=True)
    fetcher = make(retries=1)
    for number in (1, 2, 3):
        with pytest.raises(FetchError):
            fetcher.fetch(f"arxiv:2401.0000{number}", newest=1)
    with pytest.raises(Unreachable, match=r"was not asked for: 127\.0\.0\.1 gave no whole answer"):
        fetcher.fetch("arxiv:2401.00004", newest=1)
    assert len(server.requests) == 6


def test_one_good_answer_between_clears_the_count(server: LoopbackArxiv, make: Make) -> None:
    for number in (1, 2, 3):
        server.on(f"2401.0000{number}", drop(), always=True)
    fetcher = make(retries=0)
    for number in (1, 2, 4, 3, 2):
        if number == 4:
            fetcher.fetch("arxiv:2401.00004", newest=1)
            continue
        with pytest.raises(Unreachable, match="broke off"):
            fetcher.fetch(f"arxiv:2401.0000{number}", newest=1)
    assert fetcher.fetch(f"arxiv:{THIRD}", newest=1).transferred


# Broken bodies


def test_a_body_that_breaks_off_is_resumed(server: LoopbackArxiv, cache: Cache, make: Make) -> None:
    server.on(THIRD, cut(100_000), cut(50_000))
    brought = make().fetch(f"arxiv:{THIRD}", newest=1)
    assert brought.path.read_bytes() == LARGE
    first, second, third = server.requests
    assert "range" not in first.headers
    assert second.headers["range"] == "bytes=100000-"
    assert third.headers["range"] == "bytes=150000-"
    assert second.headers["if-range"] == brought.etag
    assert [seen.status for seen in server.requests] == [200, 206, 206]
    assert sum(seen.sent for seen in server.requests) == len(LARGE)


def test_a_later_run_goes_on_where_this_one_ended(server: LoopbackArxiv, make: Make) -> None:
    server.on(THIRD, cut(100_000))
    with pytest.raises(Unreachable):
        make(retries=0).fetch(f"arxiv:{THIRD}", newest=1)
    assert make().fetch(f"arxiv:{THIRD}", newest=1).path.read_bytes() == LARGE
    assert server.requests[-1].sent == len(LARGE) - 100_000


def test_a_date_is_the_validator_where_the_tag_is_weak(server: LoopbackArxiv, make: Make) -> None:
    server.pages["/a.pdf"] = Page(LARGE, "application/pdf", etag='W/"weak"')
    server.on("/a.pdf", cut(100_000))
    make().fetch(elsewhere(server, "/a.pdf"))
    assert server.requests[-1].headers["if-range"] == LAST_MODIFIED
    assert server.requests[-1].status == 206


def test_without_a_validator_it_begins_anew(server: LoopbackArxiv, make: Make) -> None:
    server.pages["/a.pdf"] = Page(LARGE, "application/pdf", etag="", last_modified="")
    server.on("/a.pdf", cut(100_000))
    assert make().fetch(elsewhere(server, "/a.pdf")).path.read_bytes() == LARGE
    assert "range" not in server.requests[-1].headers


@pytest.mark.parametrize("tag", ['"caf\u00e9"', '"\u009b31m"', '"' + "x" * 5000 + '"'])
def test_a_tag_that_no_header_may_hold_is_not_sent_back(server: LoopbackArxiv, make: Make, tag: str) -> None:
    server.pages["/a.pdf"] = Page(LARGE, "application/pdf", etag=tag, last_modified="")
    server.on("/a.pdf", cut(100_000))
    for _ in range(2):
        assert make().fetch(elsewhere(server, "/a.pdf")).etag == ""
    assert not {"range", "if-range", "if-none-match"} & server.requests[-1].headers.keys()


def test_a_body_that_changed_meanwhile_begins_anew(server: LoopbackArxiv, make: Make) -> None:
    server.on(THIRD, cut(100_000))
    with pytest.raises(Unreachable):
        make(retries=0).fetch(f"arxiv:{THIRD}", newest=1)
    other = tiny_pdf(["another body"])
    server.papers[THIRD] = PaperFixture("A large one", {1: other})
    assert make().fetch(f"arxiv:{THIRD}", newest=1).path.read_bytes() == other
    assert server.requests[-1].status == 200


@pytest.mark.parametrize(
    "bad",
    [
        answer(206, LARGE[5:], content_type="application/pdf", content_range=f"bytes 5-{len(LARGE) - 1}/{len(LARGE)}"),
        answer(206, LARGE[100_000:], content_type="application/pdf"),
        answer(206, LARGE[100_000:], content_type="application/pdf", content_range=f"bytes 100000-{len(LARGE)}/7"),
        answer(206, b"x" * 50, content_type="application/pdf", content_range=f"bytes 100000-100049/{len(LARGE)}"),
        answer(206, LARGE[100_000:], content_range=f"bytes 100000-{len(LARGE) - 1}/{len(LARGE)}", etag='"another"'),
        answer(206, LARGE[100_000:], content_range=f"bytes {'9' * 5000}-{'9' * 5000}/{len(LARGE)}"),
        answer(416, content_range=f"bytes */{len(LARGE)}"),
    ],
    ids=["other start", "no range named", "other length", "not to the end", "other tag", "absurd", "416"],
)
def test_a_range_that_is_not_the_rest_begins_anew(server: LoopbackArxiv, make: Make, bad: Fault) -> None:
    server.on(THIRD, cut(100_000), bad)
    assert make().fetch(f"arxiv:{THIRD}", newest=1).path.read_bytes() == LARGE
    assert [seen.headers.get("range") for seen in server.requests] == [None, "bytes=100000-", None]


def test_a_rest_that_is_short_without_saying_so_is_resumed(server: LoopbackArxiv, make: Make) -> None:
    rest = f"bytes 100000-{len(LARGE) - 1}/{len(LARGE)}"
    short = answer(206, LARGE[100_000:150_000], content_type="application/pdf", content_range=rest)
    server.on(THIRD, cut(100_000), replace(short, no_length=True))
    assert make().fetch(f"arxiv:{THIRD}", newest=1).path.read_bytes() == LARGE
    assert server.requests[-1].headers["range"] == "bytes=150000-"


@pytest.mark.parametrize("status", [206, 416])
def test_a_range_that_was_not_asked_for_is_refused(server: LoopbackArxiv, make: Make, status: int) -> None:
    server.on(ID, answer(status, LARGE, content_type="application/pdf"))
    with pytest.raises(Refused, match=str(status)):
        make().fetch(NAME, newest=3)


def test_a_body_longer_or_shorter_than_announced(server: LoopbackArxiv, make: Make) -> None:
    server.on(THIRD, Fault(length=len(LARGE) + 1000, cut=len(LARGE)), Fault(deaf=True))
    assert make().fetch(f"arxiv:{THIRD}", newest=1).path.read_bytes() == LARGE
    assert len(server.requests) == 2
    assert server.requests[-1].headers["range"] == f"bytes={len(LARGE)}-"


def test_a_body_without_a_length_is_taken(server: LoopbackArxiv, make: Make) -> None:
    server.on(THIRD, Fault(no_length=True))
    assert make().fetch(f"arxiv:{THIRD}", newest=1).path.read_bytes() == LARGE


def test_a_server_that_stalls_is_given_up_and_resumed(server: LoopbackArxiv, make: Make) -> None:
    server.on(THIRD, stall(100_000))
    assert make(read_seconds=2).fetch(f"arxiv:{THIRD}", newest=1).path.read_bytes() == LARGE
    assert server.requests[-1].headers["range"] == "bytes=100000-"


def test_a_server_that_says_nothing_is_given_up(server: LoopbackArxiv, make: Make) -> None:
    server.on(ID, stall(), always=True)
    with pytest.raises(Unreachable, match=r"sent nothing for 0.1 s \(2 tries\)"):
        make(read_seconds=0.1, retries=1).fetch(NAME, newest=3)


def test_a_server_that_drips_is_too_slow(server: LoopbackArxiv, make: Make, time: FakeTime) -> None:
    def ticking() -> float:
        time.time += 61  # each look at the clock: every read has taken more than a minute
        return time.time

    with pytest.raises(Unreachable, match="too slow"):
        make(clock=ticking).fetch("arxiv:2401.00001", newest=1)
    assert len(server.requests) == 1


@pytest.mark.parametrize("raw", [b"HELLO\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"\0" * 100])
def test_an_answer_that_is_no_http_is_a_broken_connection(server: LoopbackArxiv, make: Make, raw: bytes) -> None:
    server.on(ID, Fault(raw=raw))
    assert make().fetch(NAME, newest=3).transferred
    assert len(server.requests) == 2


# Sizes and packings


def test_a_body_that_says_it_is_too_large_is_not_read(server: LoopbackArxiv, cache: Cache, make: Make) -> None:
    read: list[int] = []
    with pytest.raises(TooLarge, match=r"0\.1 MB") as caught:
        make(max_megabytes=0.1, on_progress=lambda _, size, __: read.append(size)).fetch(f"arxiv:{THIRD}", newest=1)
    assert read == []
    assert "PAPERPATH_MAX_MEGABYTES" in caught.value.cure
    assert list((cache.folder / "parts").iterdir()) == []


def test_a_body_that_turns_out_too_large_is_cut(server: LoopbackArxiv, cache: Cache, make: Make) -> None:
    server.on(THIRD, Fault(no_length=True))
    with pytest.raises(TooLarge):
        make(max_megabytes=0.1).fetch(f"arxiv:{THIRD}", newest=1)
    assert list((cache.folder / "parts").iterdir()) == []
    assert len(server.requests) == 1


def test_a_bomb_is_defused(server: LoopbackArxiv, make: Make, cache: Cache) -> None:
    server.on("/x", bomb(50))
    sizes = [0]
    with pytest.raises(TooLarge):
        make(max_megabytes=2, on_progress=lambda _, size, __: sizes.append(size)).fetch(elsewhere(server, "/x"))
    assert max(after - before for before, after in pairwise(sizes)) <= 65536  # never unpacked at one go
    assert server.requests[0].sent < 100_000
    server.on("/api/query", bomb(50))
    with pytest.raises(TooLarge):
        make(max_megabytes=2).get(f"{server.url}/api/query")


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "deflate", "zstd"])
def test_another_packing_is_not_unpacked(server: LoopbackArxiv, make: Make, coding: str) -> None:
    server.on("/x", bomb(1, coding))
    with pytest.raises(NotAsClaimed, match=coding):
        make().fetch(elsewhere(server, "/x"))


def test_a_page_comes_packed_and_a_pdf_does_not(server: LoopbackArxiv, make: Make) -> None:
    text = b"<html>" + b"words " * 10_000
    server.pages["/post/"] = Page(text, gzip=True)
    server.pages["/a.pdf"] = Page(LARGE, "application/pdf", gzip=True)
    fetcher = make()
    assert fetcher.fetch(elsewhere(server, "/post/")).path.read_bytes() == text
    assert server.requests[-1].sent < 1000
    assert fetcher.fetch(elsewhere(server, "/a.pdf")).path.read_bytes() == LARGE
    fetcher.fetch(NAME)
    assert [seen.headers["accept-encoding"] for seen in server.requests] == ["gzip", "identity", "identity", "identity"]


def test_a_packed_page_that_breaks_off_or_is_damaged_begins_anew(server: LoopbackArxiv, make: Make) -> None:
    text = b"<html>" + os.urandom(50_000).hex().encode()
    server.pages["/post/"] = Page(text, gzip=True)
    damaged = answer(200, b"\x1f\x8b\x08\0\0\0\0\0\0\xffnonsense", content_type="text/html", content_encoding="gzip")
    short = answer(200, gzip.compress(text)[:-9], content_type="text/html", content_encoding="gzip")
    server.on("/post/", cut(20_000), damaged, short)
    assert make(retries=3).fetch(elsewhere(server, "/post/")).path.read_bytes() == text
    assert ["range" in seen.headers for seen in server.requests] == [False] * 4


# Redirects


def test_redirects_are_followed_each_at_its_hosts_pace(server: LoopbackArxiv, make: Make, time: FakeTime) -> None:
    server.on("/1", redirect("/2", 301))
    server.on("/2", redirect(elsewhere(server, "/3", "cdn.example"), 307))
    server.on("/3", redirect("4?a=b#part", 308))
    server.pages["/4"] = Page(b"<html>x</html>")
    brought = make().fetch(elsewhere(server, "/1#top"))
    assert brought.final_url == elsewhere(server, "/4?a=b", "cdn.example")
    assert brought.asked_url == elsewhere(server, "/1")
    assert server.paths == ["/1", "/2", "/3", "/4"]
    assert time.sleeps == [1, 1]


def test_a_circle_and_an_endless_way_are_refused(server: LoopbackArxiv, make: Make) -> None:
    server.on("/1", redirect("/2"), always=True)
    server.on("/2", redirect("/1"), always=True)
    with pytest.raises(Refused, match="circle"):
        make().fetch(elsewhere(server, "/1"))
    for number in range(20):
        server.on(f"/way{number}", redirect(f"/way{number + 1}"))
    with pytest.raises(Refused, match="more than 8"):
        make().fetch(elsewhere(server, "/way0"))
    assert len(server.requests) == 2 + 9


def test_eight_redirects_are_not_too_many(server: LoopbackArxiv, make: Make) -> None:
    for number in range(8):
        server.on(f"/way{number}", redirect(f"/way{number + 1}"))
    server.pages["/way8"] = Page(b"<html>x</html>")
    assert make().fetch(elsewhere(server, "/way0")).transferred


def test_what_a_redirect_says_besides_is_not_read_to_its_end(server: LoopbackArxiv, make: Make) -> None:
    server.on("/1", answer(302, b"x" * 30_000_000, location="/2"))
    server.pages["/2"] = Page(b"<html>x</html>")
    assert make().fetch(elsewhere(server, "/1")).transferred
    assert server.requests[0].sent < 20_000_000


def test_a_redirect_to_nowhere_is_refused(server: LoopbackArxiv, make: Make) -> None:
    server.on("/1", answer(302))
    with pytest.raises(Refused, match="302"):
        make().fetch(elsewhere(server, "/1"))


# What is sent along


def test_who_asks_is_said_and_nothing_is_remembered(
    server: LoopbackArxiv, make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("default login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    server.on("/1", answer(302, location="/2", set_cookie="a=b; Path=/"))
    server.pages["/2"] = Page(b"<html>x</html>", headers={"Set-Cookie": "c=d; Path=/"})
    fetcher = make(contact="me@example.org\r\nX-Evil: 1")
    for _ in range(2):
        fetcher.fetch(elsewhere(server, "/1" if not server.requests else "/2"))
    for seen in server.requests:
        assert seen.headers["user-agent"].startswith("paperpath/0.1.0 (reading-list library; contact: me@example.org")
        assert not {"cookie", "authorization", "proxy-authorization", "x-evil", "referer"} & seen.headers.keys()
    make().fetch(elsewhere(server, "/2"))
    assert server.requests[-1].headers["user-agent"] == "paperpath/0.1.0 (reading-list library; contact: not given)"


# No network


def unresolvable(*_: Any, **__: Any) -> Any:
    raise socket.gaierror(-3, "Temporary failure in name resolution")


@pytest.fixture
def refused_port() -> Iterator[int]:
    """A port of this machine at which nobody listens, and which nobody else is given meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])


def test_a_host_that_is_down_is_tried_once(make: Make, time: FakeTime, refused_port: int) -> None:
    fetcher = make(arxiv_url=f"http://127.0.0.1:{refused_port}")
    for name in (NAME, "arxiv:2401.00001", f"arxiv:{THIRD}"):
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
            fetcher.fetch(name, newest=1)
    assert fetcher.requests == 1
    assert time.sleeps == []


def test_with_the_api_down_the_papers_are_still_tried(
    server: LoopbackArxiv, make: Make, time: FakeTime, refused_port: int
) -> None:
    fetcher = make(arxiv_api_url=f"http://127.0.0.1:{refused_port}/api/query")
    with pytest.raises(Unreachable):
        fetcher.get(str(fetcher._settings.arxiv_api_url))
    assert fetcher.fetch(NAME, newest=3).transferred
    assert time.sleeps == []  # nothing was asked, so nothing was waited for


def test_with_no_network_at_all_three_hosts_are_tried_and_no_more(make: Make, time: FakeTime) -> None:
    resolved: list[str] = []

    def resolve(host: str, *_: Any, **__: Any) -> Any:
        resolved.append(host)
        unresolvable()

    fetcher = make(arxiv_url="https://arxiv.org", arxiv_api_url="https://export.arxiv.org/api/query", resolve=resolve)
    for ask in (
        lambda: fetcher.get("https://export.arxiv.org/api/query"),
        lambda: fetcher.fetch(NAME),
        lambda: fetcher.fetch("arxiv:2401.00001"),
        lambda: fetcher.fetch("https://one.example/a"),
        lambda: fetcher.fetch("https://two.example/a"),
        lambda: fetcher.probe("https://three.example/a"),
    ):
        with pytest.raises(Unreachable) as caught:
            ask()
    assert "no network" in str(caught.value)
    assert resolved == ["export.arxiv.org", "arxiv.org", "one.example"]
    assert time.sleeps == []


def test_once_a_host_was_reached_there_is_a_network(server: LoopbackArxiv, make: Make) -> None:
    server.pages["/a"] = Page(b"<html>x</html>")

    def resolve(host: str, port: int, **_: Any) -> Any:
        return local(host, port) if host in ("127.0.0.1", "good.example") else unresolvable()

    fetcher = make(resolve=resolve)
    fetcher.fetch(NAME, newest=3)
    for number in range(5):
        with pytest.raises(Unreachable, match="name resolution"):
            fetcher.fetch(f"https://host{number}.example/a")
    assert fetcher.fetch(elsewhere(server, "/a", "good.example")).transferred


# The rest of the interface


def test_probe_asks_without_a_body(server: LoopbackArxiv, make: Make) -> None:
    server.pages["/a"] = Page(LARGE)
    server.pages["/c"] = Page(LARGE)
    server.on("/b", answer(404), answer(404))
    fetcher = make()
    fetcher.probe(elsewhere(server, "/a"))
    fetcher.probe(NAME)
    assert [seen.method for seen in server.requests] == ["HEAD"] * 3
    with pytest.raises(Gone):
        fetcher.probe(elsewhere(server, "/b"))
    server.on("/c", answer(405))
    fetcher.probe(elsewhere(server, "/c"))
    assert [(seen.method, seen.headers.get("range")) for seen in server.requests[-2:]] == [
        ("HEAD", None),
        ("GET", "bytes=0-0"),
    ]
    assert server.requests[-1].status == 206
    with pytest.raises(Gone):
        fetcher.probe("arxiv:2412.99999")
    assert server.requests[-1].method == "HEAD"


def test_get_gives_status_and_body(server: LoopbackArxiv, make: Make) -> None:
    fetcher = make()
    status, body = fetcher.get(f"{server.url}/api/query?id_list={ID}")
    assert status == 200
    assert ID.encode() in body
    status, body = fetcher.get(f"{server.url}/api/query?id_list=nonsense", also=(400,))
    assert (status, b"incorrect id format" in body) == (400, True)
    with pytest.raises(Refused, match="400"):
        fetcher.get(f"{server.url}/api/query?id_list=nonsense")


def test_progress_is_told(server: LoopbackArxiv, cache: Cache, make: Make) -> None:
    told: list[tuple[str, int, int | None]] = []
    part = cache.part(f"arxiv:{THIRD}v1")

    def tell(address: str, size: int, total: int | None) -> None:
        assert part.stat().st_size == size  # a kill would leave them
        told.append((address, size, total))

    server.on(THIRD, cut(100_000))
    make(on_progress=tell).fetch(f"arxiv:{THIRD}", newest=1)
    assert told[-1] == (f"arxiv:{THIRD}", len(LARGE), len(LARGE))
    assert [size for _, size, _ in told] == sorted(size for _, size, _ in told)


def test_an_unwritable_cache_is_a_library_error(server: LoopbackArxiv, cache: Cache, make: Make) -> None:
    parts = cache.folder / "parts"
    parts.rmdir()
    parts.write_text("a file where a folder should be")
    with pytest.raises(LibraryUnwritable):
        make().fetch(NAME)


# Kills


KILLED = """
    import signal, os, sys, time
    from pathlib import Path
    from indexer import points
    from indexer.fetch import Fetcher
    from indexer.library.cache import Cache
    from indexer.settings import Settings

    where, count, folder, url = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    seen = 0
    def die(name):
        global seen
        seen += name == where
        if seen == count:
            os.kill(os.getpid(), signal.SIGKILL)
    points.hook = die
    settings = Settings(_env_file=None, arxiv_url=url, arxiv_api_url=url, arxiv_seconds=0)
    with Cache(folder) as cache, Fetcher(settings, cache) as fetcher:
        fetcher.fetch(sys.argv[5], newest=1)
"""


@pytest.mark.parametrize(
    ("where", "count"), [("fetch.part", 1), ("fetch.part", 3), ("fetch.body", 1), ("fetch.ledger", 1)]
)
def test_nothing_is_lost_or_fetched_twice_by_a_kill(
    server: LoopbackArxiv, tmp_path: Path, make: Make, cache: Cache, where: str, count: int
) -> None:
    script = [sys.executable, "-c", textwrap.dedent(KILLED), where, str(count), str(cache.folder), server.url]
    cache.close()
    name = f"arxiv:{THIRD}"
    ended = subprocess.run([*script, name], cwd=Path(__file__).parents[1], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    with Cache(tmp_path / "cache") as again:
        fetcher = make(cache=again)
        assert fetcher.fetch(name, newest=1).path.read_bytes() == LARGE
        assert again.download(name).outcome == "fetched"  # type: ignore[union-attr]
        assert list((again.folder / "parts").iterdir()) == []
    if where == "fetch.part":
        assert server.requests[-1].status == 206
    else:
        assert len(server.requests) == 1


def test_a_part_that_has_all_its_bytes_costs_one_more(server: LoopbackArxiv, make: Make, cache: Cache) -> None:
    """Cut after the last chunk and before the body is kept."""

    def stop(name: str) -> None:
        part = cache.part(f"arxiv:{THIRD}v1")
        if name == "fetch.part" and part.stat().st_size == len(LARGE):
            raise KeyboardInterrupt

    points.hook = stop
    try:
        with pytest.raises(KeyboardInterrupt):
            make().fetch(f"arxiv:{THIRD}", newest=1)
    finally:
        points.hook = None
    assert make().fetch(f"arxiv:{THIRD}", newest=1).path.read_bytes() == LARGE
    assert server.requests[-1].sent == 1


@pytest.mark.parametrize("note", ["", "{", "[]", '{"etag": 1, "other": 2}', '{"complete": {"x": 1}}', "null",
             '{"etag": 1, "last_modified": "", "total": null, "complete": null}'])  # fmt: skip
def test_a_torn_note_begins_the_download_anew(server: LoopbackArxiv, make: Make, cache: Cache, note: str) -> None:
    part = cache.part(f"arxiv:{THIRD}v1")
    part.write_bytes(b"some other bytes")
    part.with_name(part.name + ".json").write_text(note)
    assert make().fetch(f"arxiv:{THIRD}", newest=1).path.read_bytes() == LARGE


# The pace alone


def test_the_pace_of_a_party_alone(time: FakeTime, cache: Cache) -> None:
    settings = Settings(_env_file=None, arxiv_seconds=3, host_seconds=1)
    polite = Politeness(settings, cache, clock=time.clock, sleep=time.sleep, now=lambda: NOW, jitter=lambda: 1.0)
    url = httpx.URL("https://arxiv.org/pdf/1")
    for _ in range(3):
        with polite.turn(url):
            time.time += 2
    with pytest.raises(ZeroDivisionError), polite.turn(url):
        raise ZeroDivisionError
    with polite.turn(url):
        pass
    assert time.sleeps == [3, 3, 3, 3]


def test_the_pace_is_kept_from_one_run_to_the_next(server: LoopbackArxiv, make: Make, time: FakeTime) -> None:
    make(now=lambda: NOW).fetch(NAME, newest=3)
    make(now=lambda: NOW).fetch(f"arxiv:{THIRD}", newest=1)
    make(now=lambda: NOW + 1).fetch(NAME, version=1)
    server.pages["/post"] = Page(b"<p>Another host is another matter.", "text/html")
    make(now=lambda: NOW + 1).fetch(elsewhere(server, "/post"))
    assert time.sleeps == [3, 2]


def test_a_server_that_asked_for_a_wait_is_left_alone_by_the_next_run(
    server: LoopbackArxiv, make: Make, time: FakeTime
) -> None:
    server.on(THIRD, answer(503, retry_after=1000))
    with pytest.raises(Refused, match="asks for a wait of 1000 s"):
        make(now=lambda: NOW).fetch(f"arxiv:{THIRD}", newest=1)
    with pytest.raises(Refused, match="asks for a wait of 900 s"):
        make(now=lambda: NOW + 100).fetch(NAME, newest=3)
    assert len(server.requests) == 1
    make(now=lambda: NOW + 900).fetch(NAME, newest=3)
    assert time.sleeps == [100]


def test_after_the_clock_was_set_back_nobody_waits_for_years(server: LoopbackArxiv, make: Make, time: FakeTime) -> None:
    make(now=lambda: NOW).fetch(NAME, newest=3)
    make(now=lambda: NOW - 3e8).fetch(f"arxiv:{THIRD}", newest=1)
    assert time.sleeps == []


# The server itself, on real papers


@pytest.mark.skipif(not (SHARED / "papers" / "papers.jsonl").exists(), reason="needs ../shared/papers")
def test_real_papers_come_whole_and_only_once(cache: Cache, time: FakeTime) -> None:
    with from_shared(SHARED / "papers") as server:
        settings = Settings(_env_file=None, arxiv_url=server.url, arxiv_api_url=f"{server.url}/api/query")
        rows = [json.loads(line) for line in (SHARED / "papers" / "papers.jsonl").read_text("utf-8").splitlines()]
        addresses = {
            f"arxiv:{row['arxiv_id']}" if row["arxiv_id"] else f"{server.url}/files/{row['file']}": row for row in rows
        }
        for _ in range(2):
            with Fetcher(settings, cache, clock=time.clock, sleep=time.sleep) as fetcher:
                for address, row in addresses.items():
                    assert fetcher.fetch(address).sha256 == row["sha256"]
        assert server.bodies == len(rows) == 36
        assert server.most_connections == 1
        with Fetcher(settings, cache, clock=time.clock, sleep=time.sleep) as fetcher:
            post = fetcher.fetch(f"{server.url}/post/3d-parallelism/")
            assert post.content_type == "text/html; charset=utf-8"


def test_a_tiny_pdf_reads_back() -> None:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(tiny_pdf(["one (1)\nand a \\ line", "two"])), strict=True)
    assert [page.extract_text().splitlines() for page in reader.pages] == [["one (1)", "and a \\ line"], ["two"]]
