"""An order of many papers is asked for piece by piece, and worked out once for all of its pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from judged_records import built, record

from indexer.document import Document
from indexer.settings import Settings
from service.api import create_app
from service.reading_order import kept, reading_order

COUNT = 240
WORDS = ("soils", "stars", "looms", "boats", "bells")


def records(count: int) -> Sequence[Document]:
    return [
        record(f"p{n}", f"Of {WORDS[n % 5]} in part {n}", f"Of {WORDS[n % 5]}.", 1980 + n % 40) for n in range(count)
    ]


class Asked:
    """A client of a library of many records, and how often an order was worked out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        built(folder, records(COUNT))
        settings = Settings(library=folder, model="toy", digests=folder / "none")
        self.client = TestClient(create_app(settings), raise_server_exceptions=False)
        self.worked = 0

    def pieces(self, **params: object) -> list[dict]:
        found: list[dict] = []
        cursor = ""
        while cursor is not None:
            answer = self.client.get("/v1/reading-order", params={"limit": 90, "cursor": cursor, **params})
            assert answer.status_code == 200, answer.text
            found.append(answer.json())
            cursor = found[-1]["next"]
        return found


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    made = Asked(tmp_path / "library")

    def counted(*args: object, **given: object) -> object:
        made.worked += 1
        return reading_order(*args, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(kept, "reading_order", counted)
    with made.client:
        yield made


def test_all_pieces_are_of_one_order(asked: Asked) -> None:
    whole = [step["id"] for piece in asked.pieces() for step in piece["order"]]
    assert sorted(whole) == sorted(f"p{n}" for n in range(COUNT)) and asked.worked == 1
    again = [step["id"] for piece in asked.pieces() for step in piece["order"]]
    assert again == whole and asked.worked == 1


def test_every_other_question_is_another_order(asked: Asked) -> None:
    ids = {"id": [f"p{n}" for n in range(COUNT - 20)]}
    for number, params in enumerate(({}, {"known": "p3"}, {"budget": "9h"}, ids, {"goal": "p9"}, {"again": True}), 1):
        found = asked.pieces(**params)
        assert asked.worked == number and len({piece["minutes"] for piece in found}) == 1
        assert ("p3" in found[0]["known"]) == ("known" in params) and (found[0]["goal"] == "p9") == ("goal" in params)
    assert len(asked.pieces(budget="9h")) == 1, "of less, one piece"


def test_a_mark_and_a_new_generation_are_seen(asked: Asked) -> None:
    asked.pieces()
    own = {"Origin": "http://127.0.0.1:8000"}
    assert asked.client.put("/v1/papers/p7/marks", json={"read": True}, headers=own).status_code == 200
    assert asked.pieces()[0]["known"] == ["p7"] and asked.worked == 2
    built(asked.folder, records(COUNT + 5))
    after = asked.pieces()
    assert sum(len(piece["order"]) for piece in after) == COUNT + 4 and asked.worked == 3


def test_an_order_of_few_papers_takes_no_others_place(asked: Asked) -> None:
    asked.pieces()
    asked.pieces(id=["p1", "p2"])
    asked.pieces()
    assert asked.worked == 2
