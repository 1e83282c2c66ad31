"""No answer grows without bound: every list that an answer has is cut into pieces, or has a bound that stands here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from libraries import build, build_documents, document

from indexer.document import Block, Page, Reference, TextMention
from indexer.settings import Settings
from service.api import create_app, pieces

COUNT = 12


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A library of papers each of which cites the one before it, and the first of which everything cites."""
    made = []
    for n in range(COUNT):
        text = f"Paper {n} is about word{n}. It builds on the earlier one [1]."
        cited = [m for m in dict.fromkeys((n - 1, 0)) if 0 <= m < n]
        references = tuple(
            Reference(number, f"The paper 23{m:02}.00001", 0, str(number), f"The paper 23{m:02}.00001", arxiv_id=f"23{m:02}.00001",
                      mentions=(TextMention(0, text.index("["), text.index("]") + 1, text),))
            for number, m in enumerate(cited, 1)
        )  # fmt: skip
        one = document(f"23{n:02}.00001", [], n)
        made.append(dataclasses.replace(one, text="full", pages=(Page(text, 1),), blocks=(Block("body", 0, 0, len(text)),),
                                        references=references, arxiv_id=f"23{n:02}.00001", date=f"20{10 + n}"))  # fmt: skip
    build_documents(settings.library, made)
    with TestClient(create_app(settings)) as client:
        yield client


def pieces_of(client: TestClient, path: str, **asked: object) -> list[dict]:
    found = [client.get(path, params=asked).json()]
    while found[-1]["next"]:
        found.append(client.get(path, params={**asked, "cursor": found[-1]["next"]}).json())
    return found


def test_the_papers_in_pieces(client: TestClient) -> None:
    whole = client.get("/v1/papers").json()
    assert len(whole["papers"]) == COUNT and whole["next"] is None
    some = pieces_of(client, "/v1/papers", limit=5)
    assert [len(one["papers"]) for one in some] == [5, 5, 2]
    assert [paper for one in some for paper in one["papers"]] == whole["papers"]
    assert [len(one["papers"]) for one in pieces_of(client, "/v1/papers", limit=6)] == [6, 6]
    for limit in (0, -1, pieces.MOST + 1):
        assert client.get("/v1/papers", params={"limit": limit}).status_code == 422


def test_the_graph_in_pieces(client: TestClient) -> None:
    whole = client.get("/v1/graph").json()
    assert len(whole["edges"]) >= COUNT and whole["next"] is None
    some = pieces_of(client, "/v1/graph", limit=5, mentions=2)
    assert [len(one["nodes"]) for one in some] == [5, 5, 2]
    assert [node for one in some for node in one["nodes"]] == whole["nodes"]
    assert sorted(map(str, (edge for one in some for edge in one["edges"]))) == sorted(map(str, whole["edges"]))
    for one in some:
        assert {edge["from"] for edge in one["edges"]} <= {node["id"] for node in one["nodes"]}


@pytest.mark.parametrize("asked", [{}, {"budget": "2h"}, {"goal": "2311.00001"}])
def test_the_order_in_pieces(client: TestClient, asked: dict) -> None:
    whole = client.get("/v1/reading-order", params=asked).json()
    some = pieces_of(client, "/v1/reading-order", limit=2, **asked)
    assert len(some) > 1 and len(whole["order"]) > 2 and whole["next"] is None
    assert [step for one in some for step in one["order"]] == whole["order"]
    assert sorted(map(str, (edge for one in some for edge in one["edges"]))) == sorted(map(str, whole["edges"]))
    assert [one for part in some for stage in part["stages"] for one in stage["ids"]] == [
        step["id"] for step in whole["order"]
    ]
    for name in ("skipped", "known", "start_here", "missing", "cycles"):
        assert some[0][name] == whole[name] and not any(one[name] for one in some[1:])
    assert all(one["minutes"] == whole["minutes"] for one in some)


def test_a_cursor_is_good_for_what_was_asked(client: TestClient, settings: Settings) -> None:
    papers = client.get("/v1/papers?limit=5").json()["next"]
    order = client.get("/v1/reading-order?limit=5").json()["next"]
    for path in ("/v1/graph?cursor=" + papers, "/v1/reading-order?cursor=" + papers, "/v1/reading-order?budget=2h&cursor=" + order,
                 "/v1/papers?cursor=x", "/v1/papers?cursor=" + order):  # fmt: skip
        assert client.get(path).json()["type"] == "urn:paperpath:problem:cursor-invalid", path
    build(settings.library)
    assert client.get("/v1/papers?cursor=" + papers).json()["type"] == "urn:paperpath:problem:cursor-expired"


def test_what_is_said_of_one_thing_has_a_bound(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST", 1)
    one = client.get("/v1/papers/2311.00001").json()
    assert len(one["references"]) == 1 and one["reference_count"] == 2
    topics = client.get("/v1/topics").json()["topics"]
    assert sum(topic["count"] for topic in topics) == COUNT and all(len(topic["papers"]) == 1 for topic in topics)
    for path in (
        "/v1/search?q=paper&limit=101",
        "/v1/quote?q=paper&limit=101",
        "/v1/papers/2311.00001/related?limit=10001",
    ):
        assert client.get(path).status_code == 422
    assert len(client.get("/v1/papers/2311.00001/related?limit=0").json()["results"]) == COUNT - 1
