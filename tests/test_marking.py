"""Marks in the hand: set by id or address, shown, counted, told over HTTP to whom it may, and read back from the list."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from libraries import TEXTS, build, build_documents, document
from pydantic import SecretStr, TypeAdapter
from test_cli import Shell, explained, shell  # noqa: F401

from indexer.document import Mention
from indexer.embed import Toy
from indexer.errors import UnknownDocument
from indexer.library import Generation, Library, marks
from indexer.library.marks import Box, Mark, Marks
from indexer.settings import Settings
from indexer.sources.ordered_list import Absent, Item, Stage, changed, removed, written
from service import citing, marking, minutes
from service.api import create_app, examples
from service.papers import summary_of
from service.search import filters, own_notes, ranking
from service.search.query import parse

NOW = "2026-03-01T10:00:00+00:00"


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    documents = [document(identifier, pages, n) for n, (identifier, pages) in enumerate(TEXTS.items(), 1)]
    arxiv = replace(documents[1], id="old-name", arxiv_id="1703.03400", link="https://example.org/MAML")
    one = replace(
        documents[0], entry=replace(documents[0].entry, address="arxiv:2311.08105", also=("doi:10.1000/182",))
    )
    build_documents(tmp_path / "library", [one, arxiv, *documents[2:]])
    return Library(tmp_path / "library").open()


# ---------------------------------------------------------------- naming a paper


@pytest.mark.parametrize(
    ("name", "known"),
    [("2311.08105", "2311.08105"), (" arXiv:2311.08105v3", "2311.08105"), ("https://arxiv.org/pdf/2311.08105.pdf", "2311.08105"),
     ("https://doi.org/10.1000/182", "2311.08105"), ("10.48550/arXiv.2311.08105", "2311.08105"), ("1703.03400", "old-name"),
     ("https://example.org/MAML", "old-name"), ("Old-Name", "old-name"), ("cs/0502012", "cs/0502012"), ("cs.CL/0502012", "cs/0502012")],
)  # fmt: skip
def test_a_paper_is_known_by_its_names(generation: Generation, name: str, known: str) -> None:
    assert summary_of(generation, name).id == known


@pytest.mark.parametrize(
    ("name", "near"),
    [("2311.08106", "2311.08105 (The paper 2311.08105)"), ("paper title", "title-only"), ("zzz", "paperpath papers")],
)
def test_an_unknown_paper_names_near_ones(generation: Generation, name: str, near: str) -> None:
    with pytest.raises(UnknownDocument) as error:
        summary_of(generation, name)
    assert name in error.value.message and near in error.value.cure


# ---------------------------------------------------------------- the command line


def test_read_unread_note_and_status(shell: Shell) -> None:  # noqa: F811
    build(shell.library)
    done = shell("read", "arXiv:2311.08105v2", "cs/0502012", "2311.08105")
    assert done.stdout.splitlines() == ["[x] 2311.08105  The paper 2311.08105", "[x] cs/0502012  The paper cs/0502012"]
    (paper,) = json.loads(shell("unread", "cs/0502012", "--json").stdout)["papers"]
    assert paper["read"] is False and paper["read_at"]
    status = json.loads(shell("status", "--json").stdout)
    assert (status["documents"], status["read"], status["unread"]) == (4, 1, 3)
    times = minutes.of(Library(shell.library).open())
    assert status["minutes_left"] == sum(found.minutes for found in times[1:])
    assert [part["name"] for part in status["sections"]] == ["Theme"] and sum(
        p["documents"] for p in status["themes"]
    ) == 4
    assert "1 of 4 read, 3 to read: about " in shell("status").stdout
    assert "your note: mind the islands" in shell("note", "2311.08105", "mind the  islands\n").stdout
    assert json.loads(shell("note", "2311.08105", "--json").stdout)["note"] == "mind the  islands"
    assert [r["id"] for r in json.loads(shell("search", "has:note", "--json").stdout)["results"]] == ["2311.08105"]
    assert "no note" in shell("note", "2311.08105", "").stdout
    explained(shell("read", "2311.08105", "2311.08106", code=2), "2311.08106", "2311.08105")
    assert json.loads(shell("status", "--json").stdout)["read"] == 1


def test_half_a_character_in_a_note_or_an_id_stops_no_answer(client: TestClient, settings: Settings) -> None:
    folder = Library(settings.library).marks
    marks.set_note(folder, "cs/0502012", "of grammar \udcff")
    with (folder / "marks.jsonl").open("a") as file:  # as another program may write it
        file.write('{"id": "2311.08105", "note": "zebra \\ud800", "note_at": "2026-03-01T10:00:00Z"}\n')
        file.write('{"id": "\\ud800", "note": "zebra", "note_at": "2026-03-01T10:00:00Z"}\n')
    assert client.get(MARKS).json()["note"] == "of grammar ?"
    found = client.get("/v1/search?q=zebra")
    assert found.status_code == 200 and "2311.08105" in [r["id"] for r in found.json()["results"]]
    with pytest.raises(UnknownDocument, match=r"the id 2311\?"):
        summary_of(Library(settings.library).open(), "2311\udcff")


@pytest.mark.parametrize("name", ["", "  ", "\n"])
def test_an_empty_id_is_told_as_one(generation: Generation, name: str) -> None:
    with pytest.raises(UnknownDocument, match="empty"):
        summary_of(generation, name)


def test_nothing_is_marked_where_one_id_is_unknown(generation: Generation, tmp_path: Path) -> None:
    with pytest.raises(UnknownDocument):
        marking.set_read(tmp_path / "marks", generation, ["2311.08105", "none"], True)
    assert marks.load(tmp_path / "marks") == marks.NONE


def test_a_paper_counts_in_every_section_it_is_listed_under(tmp_path: Path) -> None:
    entry = document("a", ["x"]).entry
    mentions = (
        Mention("l.md", 1, section=("A", "B")),
        Mention("l.md", 2, section=("C",)),
        Mention("l.md", 3, section=("C",)),
        Mention("m.md"),
    )
    build_documents(
        tmp_path, [replace(document("a", ["x"]), entry=replace(entry, mentions=mentions)), document("b", ["y"])]
    )
    found = marking.status(Library(tmp_path).open(), Marks({"a": Mark("a", True, NOW)}))
    assert [(part.name, part.read, part.unread) for part in found.sections] == [
        ("A > B", 1, 0),
        ("C", 1, 0),
        ("", 1, 0),
        ("Theme", 0, 1),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_all_that_is_read_is_what_each_says_of_itself(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    some, said = (None, False, True), {}
    documents = []
    for n in range(12):
        one = document(f"paper {n}", ["x"], n)
        mention = replace(one.entry.mentions[0], checked=chance.choice(some), by_hand=chance.choice((None, *some)))
        documents.append(replace(one, entry=replace(one.entry, mentions=(mention,))))
        if chance.random() < 0.6:
            said[one.id] = Mark(one.id, chance.choice(some), NOW, chance.choice(some))
    build_documents(tmp_path, documents)
    generation = Library(tmp_path).open()
    for held in (Marks(said), Marks(said | {"gone": Mark("gone", True, NOW)}), marks.NONE):
        summaries = generation.catalogue.summaries
        assert marking.read(generation, held) == {s.position for s in summaries if marks.state(s, held)}


# ---------------------------------------------------------------- boxes that a person changed in the order


@pytest.mark.parametrize("value", [True, False])
def test_of_a_mark_and_a_box_in_the_order_the_newer_one_wins(value: bool) -> None:
    for own in (None, False, True):  # the list's own box
        mark = Mark("x", not value, NOW, own)
        assert marks.said(None, Box(own, value)) is value
        assert marks.said(mark, Box(own, value)) is value  # the order was written, then the box was changed
        later = replace(mark, by_hand=value)
        assert marks.said(later, Box(own, value)) is not value  # it was changed, then the mark made
        assert marks.said(later, Box(own, None)) is not value  # … and the order written anew
        assert marks.said(replace(mark, by_hand=not value), Box(own, value)) is value  # changed back after the mark
        assert marks.said(later, Box(own, value, NOW)) is value  # … and the box changed again in what was written then
        if own is not None:
            assert marks.said(later, Box(not own, None)) is not own  # the list's own box, changed since


def test_ticks_survive_a_reindex_and_the_next_writing(shell: Shell, tmp_path: Path) -> None:  # noqa: F811
    path = shell.folder / "list.md"
    path.write_text("# L\n- [DiLoCo: Distributed Low-Communication Training](https://arxiv.org/abs/2311.08105)\n"
                    "- [x] [Attention Is All You Need](https://arxiv.org/abs/1706.03762) mine\n"
                    "- [A Post on Things](https://example.org/post)\n")  # fmt: skip
    shell("reindex", "list.md", "--offline", code=4)

    def held() -> tuple[Generation, marks.Marks]:
        library = Library(shell.library)
        return library.open(), marks.load(library.marks)

    def order() -> tuple[Stage, ...]:
        generation, known = held()
        return (
            Stage(
                "All",
                tuple(
                    Item(s.entry.address, s.title, marks.state(s, known), also=s.entry.also, since=known.read_at(s.id))
                    for s in generation.catalogue.summaries
                ),
            ),
        )

    def read() -> list[str]:
        generation, known = held()
        return [s.id for s in generation.catalogue.summaries if marks.state(s, known)]

    before = [(s.id, s.title, s.entry.mentions) for s in held()[0].catalogue.summaries]
    assert read() == ["1706.03762"]
    text = written(path.read_text(), order())
    path.write_text(text)
    shell("reindex", "--offline", code=4)
    assert [(s.id, s.title, s.entry.mentions) for s in held()[0].catalogue.summaries] == before

    path.write_text(text.replace("[ ] DiLoCo", "[x] DiLoCo").replace("[x] Attention", "[ ] Attention"))
    shell("reindex", "--offline", code=4)
    assert read() == ["2311.08105"]
    assert [s.id for s in held()[0].catalogue.summaries] == [identifier for identifier, *_ in before]
    shell("unread", "2311.08105")  # later than the tick
    shell("reindex", "--offline", code=4)
    assert read() == []
    text = path.read_text().replace("[ ] A Post", "[x] A Post")  # ticked, not yet read again
    generation = held()[0]
    taken = marking.take_over(Library(shell.library).marks, generation, changed(text))
    assert [(paper.read, paper.title) for paper in taken] == [(True, "A Post on Things")]
    assert marking.take_over(Library(shell.library).marks, generation, changed(text)) == ()
    path.write_text(written(text, order()))
    assert changed(path.read_text()) == {}
    for _ in range(2):
        assert (
            [s.id for s in held()[0].catalogue.summaries if marks.state(s, held()[1])] == read() == ["a-post-on-things"]
        )
        shell("reindex", "--offline", code=4)

    post = next(s for s in held()[0].catalogue.summaries if s.id == "a-post-on-things")
    for _ in range(2):  # taken back by a mark, written anew, and ticked once more
        marks.set_read(Library(shell.library).marks, post, False)
        text = written(path.read_text(), order()).replace("[ ] A Post", "[x] A Post")
        path.write_text(text)
        taken = marking.take_over(Library(shell.library).marks, held()[0], changed(text))
        assert [paper.read for paper in taken] == [True]
    shell("reindex", "--offline", code=4)
    assert read() == ["a-post-on-things"]

    path.write_text(written(path.read_text(), order(), (Absent("A Paper Known by Its Title", remark="cited twice"),)))
    shell("reindex", "--offline", code=4)
    assert [s.id for s in held()[0].catalogue.summaries] == [*(i for i, *_ in before), "a-paper-known-by-its-title"]
    assert read() == ["a-post-on-things"] and removed(path.read_text()).endswith("(https://example.org/post)\n")


# ---------------------------------------------------------------- notes


def test_own_notes_are_searched_like_those_of_the_list(generation: Generation) -> None:
    note = "compare with the  Zebra Method"
    held = Marks({"cs/0502012": Mark("cs/0502012", note=note, note_at=NOW), "gone": Mark("gone", note=note, note_at=NOW),
                  "2311.08105": Mark("2311.08105", note="", note_at=NOW)})  # fmt: skip
    position = summary_of(generation, "cs/0502012").position
    assert marks.notes(generation.catalogue.summaries[position], held) == (note,)
    assert marks.notes(generation.catalogue.summaries[0], held) == ()
    for query, papers in (
        ('"zebra method"', {position}),
        ('-"zebra method"', {0, 1}),
        ("has:note", {position}),
        ('"zebra"', {position}),
    ):
        among = filters.among(generation, parse(query), held, ("all",))
        assert among is not None and set(generation.catalogue.documents_of[among]) == papers, query
    ranked = ranking.of(generation)
    vectors = Toy().embed_queries(["zebra grammars"])
    (plain,) = ranked.scores(["zebra grammars"], vectors)
    scores = own_notes.added(generation, ranked, plain, held)
    gained = np.flatnonzero(scores.fused > plain.fused)
    assert generation.catalogue.documents_of[gained].tolist() == [position]
    assert np.allclose(scores.lexical - plain.lexical, scores.fused - plain.fused)
    assert own_notes.added(generation, ranked, plain, marks.NONE) is plain
    few = replace(
        plain, lexical=plain.lexical.copy(), scored=np.flatnonzero(generation.catalogue.documents_of != position)
    )
    few.lexical[gained] = -np.inf
    more = own_notes.added(generation, ranked, few, held)
    assert np.isfinite(more.lexical).all() and more.scored is not None and gained[0] in more.scored


# ---------------------------------------------------------------- HTTP


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    build(settings.library)
    app = create_app(settings.model_copy(update={"token": SecretStr("secret")}))
    with TestClient(
        app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 5000), raise_server_exceptions=False
    ) as client:
        yield client


PAGE = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}
MARKS = "/v1/papers/cs/0502012/marks"


def test_what_was_read_from_here_is_the_answer_until_a_mark_changes_it(client: TestClient) -> None:
    def states() -> list[int]:
        return [client.get(route, headers={"If-None-Match": tag}).status_code for route, tag in tags.items()]

    routes = ("/v1/status", MARKS, "/v1/topics", "/v1/papers/2311.08105/cite")
    tags = {route: client.get(route).headers["ETag"] for route in routes}
    assert states() == [304] * 4 and len(set(tags.values())) == 4
    client.put(MARKS, json={"read": True}, headers=PAGE)
    assert states() == [200, 200, 304, 304]


def test_marks_over_http(client: TestClient) -> None:
    assert client.get(MARKS).json() == {
        "id": "cs/0502012",
        "title": "The paper cs/0502012",
        "read": False,
        "read_at": "",
        "note": "",
        "note_at": "",
    }
    done = client.put(MARKS, json={"read": True}, headers=PAGE)
    assert done.status_code == 200 and done.json()["read"] is True and done.json()["read_at"]
    assert client.put(MARKS, json={"note": " old "}, headers={"Authorization": "Bearer secret"}).json()["note"] == "old"
    found = client.get(MARKS).json()
    assert found["read"] and found["note"] == "old"
    status = client.get("/v1/status").json()
    assert (status["read"], status["unread"]) == (1, 3)
    assert client.put(MARKS, json={"read": False, "note": ""}, headers=PAGE).json()["read"] is False
    assert (
        client.put("/v1/papers/none/marks", json={"read": True}, headers=PAGE)
        .json()["type"]
        .endswith("unknown-document")
    )
    for body in ({"red": True}, {"read": "yes"}, {"read": 1}, {"note": 3}, {"note": "x" * 20_001}, []):
        assert client.put(MARKS, json=body, headers=PAGE).status_code == 422
    assert client.put(MARKS, content=b"x" * 70_000, headers=PAGE).status_code == 413
    assert client.get("/v1/papers/cs/0502012").json()["paper"]["id"] == "cs/0502012"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:9000"},
     {"Origin": "https://127.0.0.1:8000"}, PAGE | {"Sec-Fetch-Site": "cross-site"}, PAGE | {"Sec-Fetch-Site": "same-site"},
     {"Host": "evil.example", "Origin": "http://evil.example"}, {"Host": "[", "Origin": "http://["}, {"Host": "", "Origin": "http://"},
     {"Host": "127.0.0.1.evil.example", "Origin": "http://127.0.0.1.evil.example"}],
)  # fmt: skip
def test_who_is_no_page_of_ours_needs_the_token(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.put(MARKS, json={"read": True}, headers=headers)
    assert answer.status_code in (400, 401, 403, 421) and client.get(MARKS).json()["read"] is False


def test_a_page_of_ours_may_set_marks_alone(client: TestClient) -> None:
    assert client.post("/v1/reindex", json={}, headers=PAGE).status_code == 401
    assert client.put("/v1/papers/x/marks/../../reindex", json={}, headers=PAGE).status_code == 401
    for host in ("localhost:8000", "[::1]:8000"):
        assert (
            client.put(MARKS, json={"read": True}, headers={"Host": host, "Origin": f"http://{host}"}).status_code
            == 200
        )


def test_from_another_machine_marks_need_the_token(settings: Settings) -> None:
    build(settings.library)
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000", client=("192.0.2.7", 5000)) as client:
        assert client.put(MARKS, json={"read": True}, headers=PAGE).status_code == 403


def test_the_examples_have_the_shapes_they_show() -> None:
    for shape, example in (
        (marking.Marked, examples.MARKED),
        (marking.Status, examples.STATUS),
        (citing.Citation, examples.CITATION),
    ):
        assert TypeAdapter(shape).dump_python(TypeAdapter(shape).validate_python(example), mode="json") == example
