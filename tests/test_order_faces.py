"""`paperpath order` and `/v1/reading-order`: the same answer, and what can't be meant is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient
from libraries import build

from indexer.errors import SourceUnreadable, UnknownDocument
from indexer.library import Library
from indexer.library.marks import load
from indexer.settings import Settings
from service.api import create_app
from service.cli import main_group


@pytest.fixture
def client(settings: Settings) -> TestClient:
    build(settings.library)
    return TestClient(create_app(settings), raise_server_exceptions=False)


def test_the_route_and_the_command_say_the_same(client: TestClient, settings: Settings, monkeypatch) -> None:
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    answer = client.get("/v1/reading-order")
    done = CliRunner().invoke(main_group, ["order", "--json", "--library", str(settings.library)])
    assert done.exit_code == 0 and json.loads(done.stdout) == answer.json()
    assert {step["id"] for step in answer.json()["order"]} == {"2311.08105", "1703.03400", "cs/0502012", "title-only"}
    shown = CliRunner().invoke(main_group, ["order", "--evidence", "--library", str(settings.library)])
    assert "4 papers, about" in shown.stdout and "title-only" in shown.stdout


def test_nothing_is_sent_twice(client: TestClient) -> None:
    first = client.get("/v1/reading-order", params={"known": "title-only"})
    tag = {"If-None-Match": first.headers["etag"]}
    assert client.get("/v1/reading-order", params={"known": "title-only"}, headers=tag).status_code == 304
    assert client.get("/v1/reading-order", headers=tag).status_code == 200
    assert first.json()["known"] == ["title-only"]


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"id": "nothing"}, 404, "unknown-document"), ({"goal": "nothing"}, 404, "unknown-document"),
        ({"known": "nothing"}, 404, "unknown-document"), ({"budget": "long"}, 422, "bad-budget"),
        ({"topic": "  "}, 422, "nothing-to-order"), ({"again": "perhaps"}, 422, "invalid"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_problem(client: TestClient, params: dict, status: int, code: str) -> None:
    answer = client.get("/v1/reading-order", params=params)
    assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:paperpath:problem:{code}" and answer.json()["cure"]


def test_a_topic_is_looked_for(client: TestClient) -> None:
    found = client.get("/v1/reading-order", params={"topic": "poorly connected devices"}).json()
    assert found["topic"] == "poorly connected devices" and "2311.08105" in [step["id"] for step in found["order"]]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--batch", "x", "--goal", "y"],
        ["--write", "title-only"],
        ["--no-missing"],
        ["--topic", " "],
        ["--budget", "soon"],
    ],
)
def test_options_that_do_not_go_together(settings: Settings, monkeypatch, arguments: list[str]) -> None:
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    build(settings.library)
    done = CliRunner().invoke(main_group, ["order", *arguments, "--library", str(settings.library)])
    assert done.exit_code != 0 and "Traceback" not in done.output


def test_the_order_is_written_once(tmp_path: Path, monkeypatch) -> None:
    """Into the list that the library was made from; again, and nothing changes."""
    from indexer.reindex import Request, reindex
    from indexer.sources import ordered_list

    source = tmp_path / "list.md"
    text = (
        "# To read\n\n- [ ] [Pipelines of devices](https://arxiv.org/abs/2301.11913)\n"
        "- [x] [Averaging gradients](https://arxiv.org/abs/2311.08105)\n"
    )
    source.write_text(text)
    library = tmp_path / "library"
    reindex(
        Request(sources=(str(source),), offline=True), Settings(library=library, model="toy", digests=tmp_path / "none")
    )
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    arguments = ["order", "--write", "--json", "--library", str(library)]
    first = CliRunner().invoke(main_group, arguments)
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["written"][0] == {"source": str(source), "changed": True, "papers": 2, "missing": 0}
    once = source.read_bytes()
    again = CliRunner().invoke(main_group, arguments)
    assert not json.loads(again.stdout)["written"][0]["changed"] and source.read_bytes() == once
    assert ordered_list.removed(once.decode()) == text
    assert "[x]" in once.decode().split("paperpath:order")[1]
    before, order = once.decode().split("<!-- paperpath:order", 1)
    source.write_text(f"{before}<!-- paperpath:order{order.replace('[ ]', '[x]')}")  # the other is ticked in the order
    arguments[1] = "--unwrite"
    for changed in (True, False):
        done = CliRunner().invoke(main_group, arguments)
        assert json.loads(done.stdout)["unwritten"] == [{"source": str(source), "changed": changed}]
        assert source.read_text() == text
    assert load(Library(library).marks).by_id["2301.11913"].read  # what was ticked there isn't lost


def test_a_batch_is_looked_at_before_its_first_answer(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    build(tmp_path / "library", {"one": ["Of islands. "], "two": ["Of islands too. "]})

    def run(*rows: object) -> Result:
        (tmp_path / "lists.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
        options = ["--batch", str(tmp_path / "lists.jsonl"), "--library", str(tmp_path / "library")]
        return CliRunner().invoke(main_group, ["order", *options])

    found = [
        json.loads(line) for line in run({"_id": "a", "ids": ["two", "one"]}, {"_id": 2, "ids": []}).stdout.splitlines()
    ]
    assert [row["_id"] for row in found] == ["a", 2] and not found[1]["order"] and not found[1]["start_here"]
    assert not any(value for name, value in found[1].items() if name not in ("_id", "generation")), "nothing of nothing"
    assert {step["id"] for step in found[0]["order"]} == set(found[0]["start_here"]) == {"one", "two"}
    for ids, error in (([1], SourceUnreadable), (["three"], UnknownDocument)):
        done = run({"_id": "a", "ids": ["one"]}, {"_id": "b", "ids": ids})
        assert not done.stdout and isinstance(done.exception, error) and "_id b" in str(done.exception)
