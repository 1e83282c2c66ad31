"""Any text at all as a query: an answer or a documented refusal, never a failure, never long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from libraries import TEXTS, build

from indexer.settings import Settings
from service.api import create_app

FIELDS = [
    "author:",
    "year:",
    "section:",
    "in:",
    "kind:",
    "list:",
    "is:",
    "has:",
    "-",
    '"',
    "“",
    "(",
    "AND",
    "NEAR(",
    "*",
    "\\",
    "%",
    "'; --",
]
WORDS = [
    "islands",
    "gradient",
    "2020..2023",
    "unread",
    "ZeRO-3",
    "β",
    "并行",
    "ａ",
    "\u202e",
    "\ud800",
    "\0",
    "0" * 400,
]
QUERY = st.one_of(
    st.text(max_size=400),
    st.lists(st.sampled_from(FIELDS + WORDS + [" "]), max_size=60).map("".join),
    st.lists(st.sampled_from(FIELDS + WORDS), max_size=60).map(" ".join),
)
HOSTILE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("library")
    build(folder, TEXTS)
    with TestClient(create_app(Settings(library=folder, model="toy")), raise_server_exceptions=False) as client:
        yield client


def ask(client: TestClient, path: str, **parameters: object) -> None:
    writable = {k: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for k, v in parameters.items()}
    answer = client.get(path, params=writable)
    assert answer.status_code in (200, 422), answer.text
    json.loads(answer.content)
    if answer.status_code == 422:
        assert answer.headers["content-type"] == "application/problem+json" and answer.json()["cure"]


@given(QUERY)
@example('"' * 9_999)
@example("-" * 9_999)
@example("author:" * 1_400)
@example("a-" * 4_999)
@example("a" * 10_000)
@example("(" * 9_999 + "x")
@HOSTILE
def test_any_query(client: TestClient, query: str) -> None:
    ask(client, "/v1/search", q=query)
    ask(client, "/v1/quote", q=query)


@given(
    QUERY,
    st.sampled_from(
        ["author", "year", "section", "in", "kind", "list", "is", "has", "phrase", "without", "cursor", "by"]
    ),
)
@HOSTILE
def test_any_parameter(client: TestClient, value: str, name: str) -> None:
    ask(client, "/v1/search", q="islands", **{name: value[:400]})


@pytest.mark.parametrize("query", ["x" * 3_000_000, "islands+" * 300_000, "%22" * 700_000, "%" * 2_000_000])
@pytest.mark.parametrize("path", ["/v1/search", "/v1/quote"])
def test_megabytes_are_refused_in_as_many_words(client: TestClient, path: str, query: str) -> None:
    """No client sends such an address, so the application is called as a server would."""
    status, body = anyio.run(_called, client.app, path, b"q=" + query.encode())
    assert status == 414 and json.loads(body)["type"] == "urn:paperpath:problem:address-too-long"


async def _called(app: Any, path: str, query: bytes) -> tuple[int, bytes]:
    sent: list[dict] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query, "headers": [(b"host", b"127.0.0.1")],
             "scheme": "http", "server": ("testserver", 80), "client": ("127.0.0.1", 1), "root_path": "", "http_version": "1.1"}  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@given(QUERY)
@HOSTILE
def test_a_search_takes_any_text_at_all(tmp_path_factory: pytest.TempPathFactory, query: str) -> None:
    """Past the faces too: halves of characters, and more text than any query has."""
    from indexer.embed import Toy
    from indexer.library import Library
    from service.search import rank, search

    generation = _held(tmp_path_factory, Library)
    for text in (query, query * 300):
        answer = search(generation, Toy(), text, 3)
        json.dumps(answer.query)
        assert len(rank(generation, Toy(), [text], 3)[0]) <= 4


_made: dict[str, object] = {}


def _held(factory: pytest.TempPathFactory, library: type) -> object:
    if "generation" not in _made:
        folder: Path = factory.mktemp("library")
        build(folder, TEXTS)
        _made["generation"] = library(folder).open()
    return _made["generation"]
