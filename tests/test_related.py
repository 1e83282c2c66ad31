"""Related papers: every reason is true and stands on its page, and the fast ways give what the slow ones do."""

from __future__ import annotations

import gc
import json
import math
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from citing import letters
from click.testing import CliRunner
from conftest import SHARED, needs_shared
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from libraries import build_documents, document
from rapidfuzz import fuzz

from indexer.document import Block, Document, Reference, Section, TextMention
from indexer.embed import Toy
from indexer.errors import PaperpathError, UnknownDocument
from indexer.library import Generation, Library
from indexer.reindex import Request, reindex
from indexer.settings import Settings
from service import citations, citing, minutes, paper_vectors
from service.api import create_app
from service.citations import Place
from service.cli import main_group
from service.related import TOLD, LikedAndUnliked, Related, kinship, likeness, rank, related, statements

BREAD = "Sourdough bread rises slowly, because the wild yeast of sourdough is slow."
STEAM = "Steam ovens bake a sourdough crust that shines, and the steam keeps the crumb moist."
KEELS = "Wooden ships need a keel of oak, and caulking keeps the water out of the hull."
SAILS = "A ship with square sails and a keel runs well before the wind."
WORK = Reference(0, "Unheld, U.: A treatise on ferments and grains (1999)", 0, title="A treatise on ferments and grains",
                 year=1999)  # fmt: skip


def paper(id_: str, title: str, text: str, cites: dict[str, str] | None = None, *more: Reference) -> Document:
    """A paper of one page; `cites` has for an arXiv id the sentence that cites it, with a mark `[1]` in it."""
    page = " ".join([text, *dict.fromkeys((cites or {}).values())])
    references = [
        Reference(n, f"[{n}] arXiv:{cited}", 0, str(n), arxiv_id=cited, mentions=(
            TextMention(0, page.index(said) + said.index("["), page.index(said) + said.index("]") + 1, said, 0),))
        for n, (cited, said) in enumerate((cites or {}).items(), 1)
    ]  # fmt: skip
    references += [replace(one, n=len(references) + n) for n, one in enumerate(more, 1)]
    return replace(
        document(id_, [page]), title=title, arxiv_id=id_, references=tuple(references),
        sections=(Section("1 Method", 1, 0, 0),), blocks=(Block("body", 0, 0, len(page)),),
    )  # fmt: skip


DOCUMENTS = [
    paper("2001.00001", "On wild yeast in sourdough", BREAD, None, WORK),
    paper("2001.00002", "Steam for crusts of sourdough", STEAM, {"2001.00001": "We build on slow yeast [1] here."}, WORK),
    paper("2001.00003", "Keels of oak for wooden ships", KEELS),
    paper("2001.00004", "Square sails before the wind", SAILS),
    paper("2001.00005", "All that floats or rises: a survey", "Ships and bread have little in common, some say.",
          {"2001.00001": "Yeast [1] is a plant.", "2001.00003": "Both keels [2] and sails were old.",
           "2001.00004": "Both keels [2] and sails were old."}),
    replace(document("title-only", []), title="Sourdough crusts"),
]  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("related")
    build_documents(folder, DOCUMENTS)
    return folder


@pytest.fixture(scope="module")
def generation(library: Path) -> Iterator[Generation]:
    yield Library(library).open()


def kinds(answer: Related) -> dict[str, list[str]]:
    return {found.id: [reason.kind for reason in found.reasons] for found in answer.results}


def test_each_kind_of_reason(generation: Generation) -> None:
    answer = related(generation, ["2001.00001"], limit=0)
    first = answer.results[0]
    assert first.id == "2001.00002"
    assert kinds(answer)["2001.00002"][:2] == ["cited-by", "references"]
    cited, shared = first.reasons[:2]
    assert cited.kind == "cited-by" and cited.sentence == "We build on slow yeast [1] here." and cited.page == 1
    assert cited.role == "builds on" and "builds on 2001.00001" in cited.why and cited.section == "1 Method"
    assert shared.kind == "references" and [(r.title, r.year, r.id) for r in shared.references] == [
        (WORK.title, 1999, None)
    ]
    (terms,) = (reason for reason in first.reasons if reason.kind == "terms")
    assert "sourdough" in terms.terms
    assert kinds(related(generation, ["2001.00002"], limit=0))["2001.00001"][0] == "cites"
    (ships,) = (r for r in related(generation, ["2001.00003"], limit=0).results if r.id == "2001.00004")
    (together,) = (reason for reason in ships.reasons if reason.kind == "cited-together")
    (by,) = together.by
    assert (
        by.id == "2001.00005" and by.there is None and by.here and by.here.text == "Both keels [2] and sails were old."
    )


def test_all_are_ranked_but_those_named(generation: Generation) -> None:
    everyone = {d.id for d in DOCUMENTS}
    assert {r.id for r in related(generation, ["2001.00001"], limit=0).results} == everyone - {"2001.00001"}
    two = related(generation, ["2001.00001"], unlike=["2001.00003"], limit=0)
    assert {r.id for r in two.results} == everyone - {"2001.00001", "2001.00003"}
    assert len(related(generation, ["2001.00001"], limit=2).results) == 2
    assert (
        related(generation, ["2001.00001"], limit=0, candidates=["2001.00004", "2001.00002"]).results[0].id
        == "2001.00002"
    )


def test_likes_and_dislikes_move_the_ranking(generation: Generation) -> None:
    def place(id_: str, *liked: str, unlike: tuple[str, ...] = ()) -> int:
        return [r.id for r in related(generation, liked, unlike=unlike, limit=0).results].index(id_)

    assert place("2001.00004", "2001.00001", "2001.00003") < place("2001.00004", "2001.00001")
    scores = {
        unlike: {r.id: r.score for r in related(generation, ["2001.00005"], unlike=unlike, limit=0).results}
        for unlike in ((), ("2001.00003",))
    }
    assert scores[("2001.00003",)]["2001.00004"] < scores[()]["2001.00004"]


def test_the_order_of_names_changes_nothing_but_who_leads(generation: Generation) -> None:
    one, other = (
        related(generation, ids, limit=0) for ids in (["2001.00001", "2001.00004"], ["2001.00004", "2001.00001"])
    )
    assert one.results == other.results and (one.id, other.id) == ("2001.00001", "2001.00004")
    assert one == related(Library(generation.catalogue.path.parents[1]).open(), ["2001.00001", "2001.00004"], limit=0)


def test_a_title_alone_is_related_too(generation: Generation) -> None:
    answer = related(generation, ["title-only"], limit=0)
    assert {r.id for r in answer.results[:2]} == {"2001.00001", "2001.00002"}
    assert {reason.kind for reason in answer.results[0].reasons} == {"terms"}


@pytest.mark.parametrize("facet", ["background", "method", "result"])
def test_a_facet_ranks_all_and_says_why(generation: Generation, facet) -> None:
    answer = related(generation, ["2001.00001"], facet=facet, embedder=Toy(), limit=0)
    assert len(answer.results) == len(DOCUMENTS) - 1 and answer.facet == facet
    assert rank(generation, ["2001.00001"], facet=facet, embedder=Toy()) == [(r.id, r.score) for r in answer.results]
    assert_true(generation, answer)


def test_errors(generation: Generation) -> None:
    with pytest.raises(UnknownDocument, match="nobody"):
        related(generation, ["nobody"])
    for spelled in ("2001.00003", "arXiv:2001.00003v2"):
        with pytest.raises(LikedAndUnliked, match=r"2001\.00003 is liked and unliked"):
            related(generation, ["2001.00001", "2001.00003"], unlike=[spelled])


def test_a_paper_named_twice_counts_once_and_by_its_own_id(generation: Generation) -> None:
    answer = related(generation, ["arXiv:2001.00001v2", "2001.00001", "2001.00002"], unlike=["arXiv:2001.00003"])
    assert (answer.id, answer.like, answer.unlike) == ("2001.00001", ("2001.00002",), ("2001.00003",))
    assert answer == related(generation, ["2001.00001", "2001.00002"], unlike=["2001.00003"])


def assert_true(generation: Generation, answer: Related) -> None:
    """Every reason of an answer holds: what is quoted stands there, and what is said of the graph is so."""
    held = generation.catalogue
    position = {s.id: s.position for s in held.summaries}
    graph = citations.of(generation)

    def bare(text: str) -> str:
        return "".join(text.split())

    def on_page(id_: str, text: str, number: int | None) -> bool:
        pages = held.document(id_).pages
        return any(bare(text) in bare(page.text) for page in pages if number in (None, page.number))

    def pages_of(id_: str):
        return {page.number: page.text for page in held.document(id_).pages}

    def has_cited(one: str, other: str) -> bool:
        return any(c.cited == position[other] for c in graph.cites(position[one]))

    for found in answer.results:
        assert found.id not in (answer.id, *answer.like)
        for reason in found.reasons:
            assert reason.why and reason.paper in (answer.id, *answer.like)
            if reason.kind in ("cites", "cited-by"):
                citing, cited = (reason.paper, found.id) if reason.kind == "cites" else (found.id, reason.paper)
                assert has_cited(citing, cited)
                assert reason.sentence is None or on_page(citing, reason.sentence, reason.page), reason
            elif reason.kind == "cited-together":
                for by in reason.by:
                    assert has_cited(by.id, found.id) and has_cited(by.id, reason.paper)
                    assert all(q is None or on_page(by.id, q.text, q.page) for q in (by.here, by.there)), by
            elif reason.kind == "references":
                assert reason.count >= len(reason.references) > 0
                for one in (reason.paper, found.id):
                    printed = [letters(r.raw) for r in held.references(position[one])]
                    for shared in reason.references:
                        if shared.id is not None:
                            assert has_cited(one, shared.id)
                        else:  # each prints it in its own way
                            assert max(fuzz.partial_ratio(letters(shared.title), raw) for raw in printed) >= 85, shared
            elif reason.kind == "passages":
                assert (reason.here.id, reason.there.id) == (reason.paper, found.id)
                for quoted in (reason.here, reason.there):
                    assert pages_of(quoted.id)[quoted.page][quoted.start : quoted.end] == quoted.text
            else:
                for id_ in (reason.paper, found.id):
                    document = held.document(id_)
                    text = " ".join([document.title, *(page.text for page in document.pages)])
                    assert all(term in text for term in reason.terms), (id_, reason.terms)


@examples(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([d.id for d in DOCUMENTS]), min_size=1, max_size=4, unique=True), st.data())
def test_reasons_hold_whatever_is_asked(generation: Generation, named: list[str], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(named)))
    answer = related(generation, named[:cut], unlike=named[cut:], limit=0)
    assert [r.score for r in answer.results] == sorted((r.score for r in answer.results), reverse=True)
    assert_true(generation, answer)


# ---------------------------------------------------------------------- slow ways


def test_passages_are_compared_as_written(generation: Generation) -> None:
    """The block-wise way against every pair of passages, one by one."""
    held, vectors, space = generation.catalogue, generation.vectors, generation.space
    rows = (vectors.matrix - space.mean) @ space.matrix
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    owner = held.documents_of[vectors.ids]

    def slow(one: int, other: int) -> float:
        mine, theirs = rows[owner == one], rows[owner == other]
        if not len(mine) or not len(theirs):
            return 0.0
        there = [max(float(a @ b) for b in theirs) for a in mine]
        back = [max(float(a @ b) for a in mine) for b in theirs]
        return (sum(there) / len(there) + sum(back) / len(back)) / 2

    for position in range(len(DOCUMENTS)):
        fast = likeness.of(generation).passages(position)
        assert fast == pytest.approx([slow(position, other) for other in range(len(DOCUMENTS))], abs=1e-5)


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[int, list[int]]]:
    """Who cites whom among six papers, and which of three works that none of them is."""
    return [
        (n, draw(st.lists(st.sampled_from([m for m in range(9) if m != n]), max_size=6, unique=True))) for n in range(6)
    ]


@examples(max_examples=15, deadline=None)
@given(graphs())
def test_coupling_and_cocitation_are_what_they_are_said_to_be(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, list[int]]]
) -> None:
    words = ["apple", "birch", "cedar", "daisy", "elder", "fern"]
    ids = [f"2002.0000{n}" for n in range(6)]
    works = [Reference(0, f"W{n}", 0, title=f"Some {word} work on mosses, lichens and other plants {n}")
             for n, word in enumerate(("grand", "humble", "idle"))]  # fmt: skip
    documents = [
        paper(ids[n], f"A paper on the {words[n]}", f"Here the {words[n]} grows.",
              {ids[m]: f"See [1] on the {words[m]} at last." for m in cited if m < 6}, *(works[m - 6] for m in cited if m >= 6))
        for n, cited in drawn
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("graph")
    build_documents(folder, documents)
    kin = kinship.of(Library(folder).open())
    lists = dict(drawn)
    citing = [n for n in lists if lists[n]]
    for one in range(6):
        coupling, together, direct = kin.coupling(one), kin.cocitation(one), kin.direct(one)
        for other in range(6):
            if one == other:
                continue
            both = set(lists[one]) & set(lists[other])
            rarity = sum(math.log(1 + len(citing) / sum(work in lists[n] for n in citing)) for work in both)
            assert coupling[other] == pytest.approx(rarity / math.sqrt((len(lists[one]) + 5) * (len(lists[other]) + 5)))
            assert len(kin.shared(one, other)) == len(both)
            by = [n for n in lists if one in lists[n] and other in lists[n]]
            slow = sum(0.5 / math.log2(2 + sum(m < 6 for m in lists[n])) for n in by)  # one section, no common sentence
            assert together[other] == pytest.approx(slow)
            assert sorted(t.by for t in kin.together(one, other)) == by
            assert (direct[other] > 0) == (other in lists[one] or one in lists[other])


@examples(deadline=None)
@given(st.lists(st.sampled_from("a b c [1] d.".split()), min_size=1, max_size=9), st.data())
def test_what_is_quoted_is_the_longest_run_of_the_sentence_that_the_page_has(
    words: list[str], data: st.DataObject
) -> None:
    said = " ".join(words)
    page = " ".join(data.draw(st.lists(st.sampled_from([*words, said, "\n", "x  y"]), max_size=9)))
    start = data.draw(st.integers(0, len(page)))
    place = Place(said, 1, None, start, data.draw(st.integers(start, min(start + 4, len(page)))), 0)
    mark, text = " ".join(page[place.start : place.end].split()), " ".join(page.split())
    runs = [" ".join(words[a:b]) for a in range(len(words)) for b in range(a + 1, len(words) + 1)]
    held = [run for run in runs if mark in run and run in text]
    longest = max((len(run.split()) for run in held), default=0)
    wanted = said if said in text else next((run for run in held if len(run.split()) == longest), mark)
    assert kinship.verbatim(place, page) == wanted


# ---------------------------------------------------------------------- faces


def test_the_command(library: Path) -> None:
    def run(*words: str, given: str | None = None) -> str:
        done = CliRunner().invoke(main_group, ["related", *words, "--library", str(library)], env={"PAPERPATH_MODEL": "toy"},
                                  input=given, catch_exceptions=False)  # fmt: skip
        assert done.exit_code == 0, done.output
        return done.stdout

    shown = run("2001.00001", "-k", "1")
    assert "Steam for crusts of sourdough" in shown and "it cites 2001.00001 and builds on" in " ".join(shown.split())
    answer = json.loads(run("2001.00001", "-k", "0", "--like", "2001.00002", "--unlike", "2001.00003", "--json"))
    assert answer["id"] == "2001.00001" and answer["like"] == ["2001.00002"] and answer["unlike"] == ["2001.00003"]
    assert all({"id", "title", "score", "reasons"} <= set(found) for found in answer["results"])
    assert all("kind" in reason for found in answer["results"] for reason in found["reasons"])
    lines = [{"_id": 1, "id": "2001.00001"},
             {"_id": "b", "id": "2001.00001", "facet": "method", "candidates": ["2001.00004", "2001.00002"]}]  # fmt: skip
    printed = run("-k", "0", "--batch", "-", given="\n".join(map(json.dumps, lines)))
    one, other = map(json.loads, printed.splitlines())
    assert one["_id"] == 1 and len(one["results"]) == len(DOCUMENTS) - 1
    assert other["_id"] == "b" and {found["id"] for found in other["results"]} == {"2001.00004", "2001.00002"}
    for words in ((), ("a", "--batch", "-"), ("--batch", "-", "--like", "x")):
        assert CliRunner().invoke(main_group, ["related", *words, "--library", str(library)]).exit_code == 2


@pytest.mark.parametrize(
    ("row", "said"),
    [({"id": "nobody"}, "nobody"), ({"id": "2001.00001", "candidates": ["2001.00002", "gone"]}, "gone"), ({"id": " "}, "empty"),
     ({"id": "2001.00001", "facet": "taste"}, "background, method, result"), ({"id": "2001.00001", "candidates": "x"}, "list of ids")],
)  # fmt: skip
def test_what_is_wrong_in_a_batch_is_told_by_its_line_before_any_answer(library: Path, row: dict, said: str) -> None:
    lines = [{"_id": "sound", "id": "2001.00001"}, {"_id": "wrong", **row}]
    done = CliRunner().invoke(
        main_group, ["related", "--batch", "-", "--library", str(library)], env={"PAPERPATH_MODEL": "toy"},
        input="\n".join(map(json.dumps, lines)),
    )  # fmt: skip
    assert isinstance(done.exception, PaperpathError) and done.stdout == ""
    assert "_id wrong: " in done.exception.message and said in done.exception.message


def test_an_id_steers_no_terminal(tmp_path: Path) -> None:
    made = [document("\x1b[31mred", [BREAD]), document("\u202eflip", [STEAM])]
    build_documents(
        tmp_path, [replace(one, link="", entry=replace(one.entry, address=f"a:{n}")) for n, one in enumerate(made)]
    )
    for words in (["related", "\x1b[31mred"], ["read", "\u202eflip"], ["note", "\u202eflip"], ["graph"]):
        done = CliRunner().invoke(main_group, [*words, "--library", str(tmp_path)], env={"PAPERPATH_MODEL": "toy"},
                                  catch_exceptions=False)  # fmt: skip
        assert done.exit_code == 0 and not {"\x1b", "\u202e"} & set(done.output), words


def test_the_route(library: Path) -> None:
    app = create_app(Settings(library=library, model="toy", digests=Path("none")))
    with TestClient(app, raise_server_exceptions=False) as client:
        path = "/v1/papers/2001.00001/related"
        answer = client.get(path, params={"limit": 2})
        body = answer.json()
        assert answer.status_code == 200 and body["id"] == "2001.00001" and len(body["results"]) == 2
        assert (
            client.get(path, params={"limit": 2}, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
        )
        assert client.get(path, params={"limit": 3}).headers["ETag"] != answer.headers["ETag"]
        assert client.get(path, params={"facet": "method"}).json()["facet"] == "method"
        assert client.get(path, params={"facet": "taste"}).status_code == 422
        assert client.get("/v1/papers/nobody/related").json()["type"].endswith("unknown-document")
        refused = client.get(path, params={"like": "2001.00002", "unlike": "2001.00002"})
        assert refused.status_code == 422 and refused.json()["type"].endswith("liked-and-unliked")
        assert client.get("/v1/papers/2001.00001").json()["paper"]["id"] == "2001.00001"


def test_a_slash_in_an_id_is_no_end(tmp_path: Path) -> None:
    build_documents(tmp_path, [document("cs/0502012", [BREAD]), document("cs/0502013", [STEAM])])
    with TestClient(create_app(Settings(library=tmp_path, model="toy", digests=Path("none")))) as client:
        assert [r["id"] for r in client.get("/v1/papers/cs/0502012/related").json()["results"]] == ["cs/0502013"]


def test_only_so_many_have_reasons(tmp_path: Path) -> None:
    build_documents(tmp_path, [document(f"d{n}", [f"{BREAD} {n}"], n) for n in range(TOLD + 3)])
    answer = related(Library(tmp_path).open(), ["d0"], limit=0)
    assert [bool(found.reasons) for found in answer.results] == [True] * TOLD + [False] * 2


# ---------------------------------------------------------------------- real papers


@needs_shared
def test_reasons_hold_on_real_papers(tmp_path: Path) -> None:
    files = [SHARED / "papers" / f"{name}.pdf" for name in ("1703.03400", "1803.02999", "1602.05629", "1412.6980")]
    made = Settings(library=tmp_path / "library", model="toy", digests=Path("none"))
    reindex(Request(sources=tuple(map(str, files)), offline=True), made)
    generation = Library(made.library).open()
    seen = set()
    for summary in generation.catalogue.summaries:
        for facet in (None, "method"):
            answer = related(generation, [summary.id], facet=facet, embedder=Toy(), limit=0)
            assert len(answer.results) == 3
            assert_true(generation, answer)
            seen |= {reason.kind for found in answer.results for reason in found.reasons}
    assert seen == {"cites", "cited-by", "references", "cited-together", "passages", "terms"}
    assert related(generation, ["1703.03400"], limit=1).results[0].id == "1803.02999"


def test_a_generation_that_was_left_goes(tmp_path: Path) -> None:
    """What is derived from a generation doesn't keep it: a server would hold every one that it ever answered from."""
    build_documents(tmp_path, DOCUMENTS)
    generation = Library(tmp_path).open()
    likeness.of(generation).words(0)
    kinship.of(generation).coupling(0)
    paper_vectors.of(generation)
    minutes.of(generation)
    citing.keys(generation)
    statements.of(generation, Toy())
    gone = weakref.ref(generation)
    del generation
    gc.collect()
    assert gone() is None
