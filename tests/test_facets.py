"""Facets: what a sentence or a section is about; and how well papers of one facet are found, on judged ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared
from hypothesis import given
from hypothesis import strategies as st
from libraries import build

from indexer import embed
from indexer.embed import Toy
from indexer.errors import LibraryUnwritable
from indexer.library import Library, sentences
from indexer.library.cache import Cache
from indexer.progress import Progress
from indexer.reindex import Request, reindex
from indexer.settings import Settings
from service.related import facets, rank, statements
from service.related.facets import FACETS

ABSTRACT = [
    "Bread has been baked for many years, but it is often too dry.",
    "However, existing ovens remain expensive.",
    "In this paper, we propose a way to bake with steam.",
    "The water is then heated in a second chamber.",
    "Experiments show that the crust improves by 12 %.",
    "Our results suggest that steam is worth its price.",
]


def told(sentence_list: list[str]) -> list[str]:
    return [FACETS[max(range(3), key=parts.__getitem__)] for parts in facets.of_abstract(sentence_list)]


def test_an_abstract_goes_from_the_problem_to_the_findings() -> None:
    assert told(ABSTRACT) == ["background", "background", "method", "method", "result", "result"]
    assert [facets.is_aim(sentence) for sentence in ABSTRACT] == [False, False, True, False, False, False]


@given(st.lists(st.one_of(st.text(), st.sampled_from(ABSTRACT)), max_size=12))
def test_parts_are_shares(some: list[str]) -> None:
    parts = facets.of_abstract(some)
    assert len(parts) == len(some)
    assert all(abs(sum(own) - 1) < 1e-9 and min(own) >= 0 for own in parts)


@given(st.lists(st.sampled_from(ABSTRACT), min_size=1, max_size=7))
def test_the_chain_is_the_sum_over_all_ways_through_it(some: list[str]) -> None:
    """The two passes against every sequence of facets, one by one."""
    import itertools
    import math

    last = max(len(some) - 1, 1)
    logs = [facets._told(text, n / last) for n, text in enumerate(some)]
    shares = [[0.0] * 3 for _ in some]
    for way in itertools.product(range(3), repeat=len(some)):
        steps = sum(facets._step(a, b) for a, b in itertools.pairwise(way))
        odds = math.exp(steps + sum(own[at] for own, at in zip(logs, way, strict=True)))
        for n, at in enumerate(way):
            shares[n][at] += odds
    for found, slow in zip(facets.of_abstract(some), shares, strict=True):
        assert found == pytest.approx([share / sum(slow) for share in slow])


def test_headings_tell_their_passages() -> None:
    paths = [("1 Introduction",), ("2 Steamer",), ("2 Steamer", "2.1 Chambers"), ("3 Experiments",),
             ("3 Experiments", "3.1 Breads"), ("4 Thanks",)]  # fmt: skip
    assert facets.of_headings(paths) == ["background", "method", "method", "result", "result", None]
    assert facets.of_headings([("Steamer",), ("Breads",)]) == [None, None]  # nothing says where the findings begin


class Counting(Toy):
    """The toy, which counts what it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.embedded = 0

    def embed_passages(self, texts):
        self.embedded += len(texts)
        return super().embed_passages(texts)


class Told(Progress):
    """Progress that is remembered."""

    def __init__(self) -> None:
        self.total = self.done = 0

    def stage(self, name: str, total: int) -> None:
        assert name == "sentences"
        self.total = total

    def step(self, what: str = "", count: int = 1) -> None:
        self.done += count


def test_sentences_are_embedded_once(tmp_path: Path) -> None:
    build(tmp_path)
    generation, texts = Library(tmp_path).open(), ["one sentence", "another", "one sentence"]
    first, told = Counting(), Told()
    rows = sentences.vectors_of(generation, first, texts, told)
    assert (first.embedded, told.total, told.done) == (2, 2, 2)
    assert (rows == Toy().embed_passages(texts)).all()
    again = Counting()
    assert (sentences.vectors_of(generation, again, texts) == rows).all() and again.embedded == 0


def test_a_library_that_cannot_be_written_answers_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path)
    generation = Library(tmp_path).open()
    held = sentences.vectors_of(generation, Toy(), ["held"])

    def refused(*_: object) -> None:
        raise LibraryUnwritable("Cannot write.")

    monkeypatch.setattr(Cache, "__init__", refused)
    counting = Counting()
    rows = sentences.vectors_of(generation, counting, ["held", "new"])
    assert counting.embedded == 1 and (rows[0] == held[0]).all()
    monkeypatch.undo()
    monkeypatch.setattr(Cache, "keep_vectors", refused)
    assert len(sentences.vectors_of(generation, counting, ["new", "newer"])) == 2


def test_statements_stand_on_their_pages(tmp_path: Path) -> None:
    build(tmp_path)
    generation = Library(tmp_path).open()
    held = statements.of(generation, Toy())
    assert [s.document for s in held.all] == sorted(s.document for s in held.all)
    for summary in generation.catalogue.summaries:
        own = held.of(summary.position)
        assert own[0].page_index == -1 and own[0].text == summary.title
        for s in own[1:]:
            (page,) = generation.catalogue.page_texts([(s.document, s.page_index)]).values()
            assert page.text[s.start : s.end] == s.text and page.number == s.page


@needs_shared
@pytest.mark.model
def test_judged_papers_of_a_facet_are_found(tmp_path: Path) -> None:
    """Six rows of CSFCube: of each two facets that a query paper has, the first. All 24: NDCG%20 70.8, MAP 50.7."""
    sys.path.insert(0, str(SHARED / "eval"))
    import score

    rows = [json.loads(line) for line in (SHARED / "eval/csfcube/judgements.jsonl").read_text("utf-8").splitlines()]
    of: dict[str, list[str]] = {}
    for row in rows:
        of.setdefault(row["query_paper"], []).append(row["facet"])
    first = {tuple(found): paper for paper, found in reversed(of.items()) if len(found) == 2}
    rows = [row for row in rows if row["query_paper"] in first.values()]
    wanted = {id_ for row in rows for id_ in (row["query_paper"], *row["candidates"])}
    corpus = (SHARED / "eval/csfcube/corpus.jsonl").read_text("utf-8").splitlines()
    path = tmp_path / "papers.jsonl"
    path.write_text("\n".join(line for line in corpus if json.loads(line)["_id"] in wanted), "utf-8")
    settings = Settings(library=tmp_path / "library", digests=Path("none"))
    reindex(Request(sources=(str(path),), offline=True), settings)
    generation, embedder = Library(settings.library).open(), embed.load(embed.describe(settings))
    run = {
        (row["query_paper"], row["facet"]): [
            id_
            for id_, _ in rank(
                generation, [row["query_paper"]], embedder=embedder, facet=row["facet"], candidates=row["candidates"]
            )
        ]
        for row in rows
    }
    found = score.related(run, rows)
    print(found)
    assert found["queries"] == 6 and found["ndcg%20"] >= 68 and found["map"] >= 49, found
