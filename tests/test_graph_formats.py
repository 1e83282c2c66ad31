"""The citation graph as others read it: JSON, GraphML, dot, Mermaid, the command line and HTTP; whatever a title holds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from libraries import build_documents
from test_citation_graph import paper, reference

from indexer.document import Page, TextMention
from indexer.errors import UnknownDocument
from indexer.library import Generation, Library
from indexer.settings import Settings
from service.api import create_app
from service.citations.graph import Edge, GraphAnswer, Mentioned, Node, graph
from service.citations.graph_formats import FORMATS, as_dot, as_graphml, as_json, as_mermaid
from service.cli import main_group

RING = (
    "The First Paper of a Ring",
    "The Second Paper of a Ring",
    "The Third Paper of a Ring",
    "A Paper Beside the Ring",
)


@pytest.fixture
def ring(settings: Settings) -> Generation:
    made = [
        paper("p0", RING[0], year=2010, cites=[reference(RING[1]), reference(RING[2])]),
        paper("p1", RING[1], year=2011, cites=[reference(RING[0])]),
        paper("p2", RING[2], year=None, cites=[reference(RING[3], year=2009)]),
        paper("p3", RING[3], year=None),
    ]
    build_documents(settings.library, made)
    return Library(settings.library).open()


def test_the_answer(ring: Generation) -> None:
    answer = graph(ring)
    assert [(node.id, node.year) for node in answer.nodes] == [("p0", 2010), ("p1", 2011), ("p2", None), ("p3", 2009)]
    assert [(e.from_, e.to, e.count, e.role, e.basis) for e in answer.edges] == [
        ("p0", "p1", 1, "mentions", "bibliography"), ("p0", "p2", 1, "mentions", "bibliography"),
        ("p1", "p0", 1, "mentions", "bibliography"), ("p2", "p3", 1, "mentions", "bibliography"),
    ]  # fmt: skip
    (cycle,) = answer.cycles
    assert cycle.ids == ("p0", "p1") and len(cycle.why) == 1
    assert cycle.why[0].startswith("p0 (2010) cites p1 (2011), which is later")


def test_a_ring_is_explained_by_the_dates_of_who_cites_whom(tmp_path: Path) -> None:
    """By what is cited though it is later, or as old, or of unknown date; what is older needs no word."""
    title = "The {} Paper of a Ring".format
    every = [reference(title(name)) for name in ("First", "Second", "Third", "Fourth")]
    made = [
        replace(paper("p0", title("First"), cites=[every[1]]), date="2019-05", version=3),
        replace(paper("p1", title("Second"), cites=[every[2]]), date="2020-01"),
        replace(paper("p2", title("Third"), cites=[every[3], every[0]]), date="2020"),
        replace(paper("p3", title("Fourth"), cites=[every[0]]), date=""),
    ]
    build_documents(tmp_path, made)
    (cycle,) = graph(Library(tmp_path).open()).cycles
    assert cycle.ids == ("p3", "p0", "p2", "p1")
    assert cycle.why == (
        "p3 (no date) cites p0 (2019-05): which is older is not known.",
        "p0 (2019-05) cites p1 (2020-01), which is later: its text is version 3.",
        "p2 (2020) cites p3 (no date): which is older is not known.",
        "p1 (2020-01) cites p2 (2020): both are of one time.",
    )


def test_how_it_is_drawn() -> None:
    long = "On the bark of very old trees and on what it tells of the dry years"
    nodes = (
        Node("a", long, 1999, "full", None),
        Node("b", "Short", None, "record", None),
        Node("c", "x" * 60, 2001, "title", None),
    )
    edges = (
        Edge("a", "b", 1, "builds on", "bibliography", "title", 0.5, ()), Edge("b", "c", 3, "uses", "record", "id", 1.25, ()),
        Edge("a", "c", 2, "compares with", "text", "name", 0.1, ()), Edge("c", "a", 1, "mentions", "digest", "name", 2.0, ()),
    )  # fmt: skip
    answer = GraphAnswer("g", nodes, edges, ())
    short = "On the bark of very old trees and on what it tells of the …"
    assert as_mermaid(answer).splitlines() == [
        "flowchart BT", f'  n0["{short.replace("…", "#8230;")} #40;1999#41;"]', '  n1["Short"]',
        f'  n2["{"x" * 60} #40;2001#41;"]', '  n0 ==>|"builds on"| n1', '  n1 -->|"uses, 3 times"| n2',
        '  n0 -.->|"compares with, 2 times"| n2', '  n2 -.->|"mentions"| n0',
    ]  # fmt: skip
    assert as_dot(answer).splitlines()[3:] == [
        f'  "a" [label="{short} (1999)", tooltip="{long}"];', '  "b" [label="Short", tooltip="Short"];',
        f'  "c" [label="{"x" * 60} (2001)", tooltip="{"x" * 60}"];',
        '  "a" -> "b" [style=bold, tooltip="builds on", role="builds on", count=1];',
        '  "b" -> "c" [style=solid, tooltip="uses, 3 times", role="uses", count=3];',
        '  "a" -> "c" [style=dashed, tooltip="compares with, 2 times", role="compares with", count=2];',
        '  "c" -> "a" [style=dotted, tooltip="mentions", role="mentions", count=1];', "}",
    ]  # fmt: skip
    root = ElementTree.fromstring(as_graphml(answer).encode())
    space = "{http://graphml.graphdrawing.org/xmlns}"
    told = [
        {data.get("key"): data.text for data in element}
        for kind in ("node", "edge")
        for element in root.iter(f"{space}{kind}")
    ]
    assert told == [
        {"title": long, "year": "1999", "text": "full"}, {"title": "Short", "text": "record"},
        {"title": "x" * 60, "year": "2001", "text": "title"},
        {"role": "builds on", "count": "1", "basis": "bibliography", "weight": "0.5"},
        {"role": "uses", "count": "3", "basis": "record", "weight": "1.25"},
        {"role": "compares with", "count": "2", "basis": "text", "weight": "0.1"},
        {"role": "mentions", "count": "1", "basis": "digest", "weight": "2.0"},
    ]  # fmt: skip
    kinds = {key.get("id"): (key.get("for"), key.get("attr.type")) for key in root.iter(f"{space}key")}
    assert kinds["year"] == ("node", "int") and kinds["weight"] == ("edge", "double")
    (drawn,) = root.iter(f"{space}graph")
    assert drawn.get("edgedefault") == "directed"


def test_some_papers_alone(ring: Generation) -> None:
    answer = graph(ring, ["p3", "p0", "p2"])
    assert [node.id for node in answer.nodes] == ["p0", "p2", "p3"] and answer.cycles == ()
    assert [(edge.from_, edge.to) for edge in answer.edges] == [("p0", "p2"), ("p2", "p3")]
    with pytest.raises(UnknownDocument):
        graph(ring, ["p0", "nobody"])


def test_a_version_is_shown_with_what_stands_for_it(tmp_path: Path) -> None:
    twice = [paper(id_, RING[0], ["Ann Doe"], kind="record", cites=[reference(RING[3])]) for id_ in ("b", "a")]
    build_documents(tmp_path, [*twice, paper("p3", RING[3])])
    answer = graph(Library(tmp_path).open(), ["b", "p3"])
    assert [(node.id, node.same_as) for node in answer.nodes] == [("b", "a"), ("a", None), ("p3", None)]
    assert [(edge.from_, edge.to) for edge in answer.edges] == [("a", "p3")]


def made(*titles: str) -> GraphAnswer:
    """A graph of papers with these titles as ids too, each citing the next."""
    ids = [f"{n} {title}" for n, title in enumerate(titles)]
    nodes = tuple(Node(id_, title, 2020, "full", None) for id_, title in zip(ids, titles, strict=True))
    edges = tuple(
        Edge(one, other, 2, "uses", "bibliography", "title", 0.5, (Mentioned(one, None, other),))
        for one, other in pairwise(ids)
    )
    return GraphAnswer("000001", nodes, edges, ())


nasty = st.text(max_size=30) | st.sampled_from(
    [
        '"',
        "\\",
        '\\"',
        "]]>",
        "<b>&amp;</b>",
        "\x00\x1b[2J",
        "end",
        "`x`",
        "#35;",
        "%%{init}%%",
        "a\nb",
        "\u2028",
        "--> n9",
        "|",
        "\ud7ff\uffff",
    ]
)
titles = st.lists(nasty, min_size=1, max_size=5)


@given(titles)
def test_json_is_data_again_and_no_title_steers_a_terminal(some: list[str]) -> None:
    text = as_json(made(*some))
    data = json.loads(text)
    assert [node["title"] for node in data["nodes"]] == some and text.isascii() and text[:-1].isprintable()
    assert set(data["edges"][0] if data["edges"] else {}) >= (
        {"from", "to", "count", "role", "mentions"} if len(some) > 1 else set()
    )


@given(titles)
def test_graphml_can_be_read(some: list[str]) -> None:
    root = ElementTree.fromstring(as_graphml(made(*some)).encode("utf-8"))
    space = "{http://graphml.graphdrawing.org/xmlns}"
    declared = {key.get("id") for key in root.iter(f"{space}key")}
    nodes = {node.get("id") for node in root.iter(f"{space}node")}
    assert len(nodes) == len(some)
    assert {data.get("key") for data in root.iter(f"{space}data")} <= declared
    ends = [(edge.get("source"), edge.get("target")) for edge in root.iter(f"{space}edge")]
    assert len(ends) == len(some) - 1 and {end for pair in ends for end in pair} <= nodes


# A statement of the dot language, with its strings as Graphviz reads them: only \" and \\ are read in pairs.
STRING = r'"(?:[^"\\]|\\.)*"'
VALUE = rf"(?:{STRING}|\w+)"
DOT = re.compile(rf"  {STRING}(?: -> {STRING})? \[{VALUE}={VALUE}(?:, {VALUE}={VALUE})*\];")


@given(titles)
def test_dot_has_one_statement_a_line(some: list[str]) -> None:
    lines = as_dot(made(*some)).split("\n")
    assert lines[:3] == ["digraph citations {", "  rankdir=BT;", "  node [shape=box];"] and lines[-2:] == ["}", ""]
    statements = lines[3:-2]
    assert len(statements) == 2 * len(some) - 1
    assert all(DOT.fullmatch(line) and line.isprintable() for line in statements), statements


@given(titles)
def test_mermaid_has_nothing_in_its_labels_that_could_be_syntax(some: list[str]) -> None:
    lines = as_mermaid(made(*some)).split("\n")
    label = r"(?:[^\W_]|[ .,-]|#\d+;)*"
    node, edge = re.compile(rf'  n\d+\["{label}"\]'), re.compile(rf'  n\d+ -->\|"{label}"\| n\d+')
    assert lines[0] == "flowchart BT" and lines[-1] == ""
    assert all(node.fullmatch(line) for line in lines[1 : 1 + len(some)]), lines
    assert all(edge.fullmatch(line) for line in lines[1 + len(some) : -1]) and len(lines) == 2 * len(some) + 1


def test_the_command(ring: Generation, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(main_group, ["graph", "--library", str(settings.library), *words])
        assert done.exit_code == code, done.output
        return done.stdout

    answer = graph(ring)
    for name, written in FORMATS.items():
        assert run("--format", name) == written(answer)
    assert run("--json") == as_json(answer) and json.loads(run("--json", "p3"))["edges"] == []
    plain = run()
    assert RING[0] in plain and "mentions" in plain
    assert "No paper here cites" in run("p3")
    run("--json", "--format", "dot", code=2)


def test_over_http(ring: Generation, settings: Settings) -> None:
    settings = settings.model_copy(update={"model": "toy"})
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        found = client.get("/v1/graph")
        assert found.status_code == 200 and found.json() == json.loads(as_json(graph(ring)))
        tag = found.headers["ETag"]
        again = client.get("/v1/graph", headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        some = client.get("/v1/graph", params={"id": ["p0", "p1"]})
        assert [node["id"] for node in some.json()["nodes"]] == ["p0", "p1"] and some.headers["ETag"] != tag
        assert client.get("/v1/graph?id=nobody").status_code == 404


def test_a_large_graph_can_be_had_with_fewer_mentions(tmp_path: Path, settings: Settings) -> None:
    text = "We build on it [1]. Later we use it [1]. Others have it [1]."
    places = [m.start() for m in re.finditer(r"\[1\]", text)]
    mentions = tuple(TextMention(0, at, at + 3, f"Sentence {n}.", None) for n, at in enumerate(places))
    cited = replace(reference(RING[0]), mentions=mentions)
    citing = replace(paper("p1", RING[1], cites=[cited]), pages=(Page(text, 1),), text="full")
    build_documents(settings.library, [paper("p0", RING[0]), citing])
    with TestClient(create_app(settings.model_copy(update={"model": "toy"}))) as client:
        tags = set()
        for query, told in (("", 3), ("?mentions=2", 2), ("?mentions=0", 0)):
            answer = client.get(f"/v1/graph{query}")
            (edge,) = answer.json()["edges"]
            assert edge["count"] == 3 and [m["sentence"] for m in edge["mentions"]] == [
                f"Sentence {n}." for n in range(told)
            ]
            tags.add(answer.headers["ETag"])
        assert len(tags) == 3 and client.get("/v1/graph?mentions=-1").status_code == 422
