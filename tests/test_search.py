"""Search: the right paper first, the passage read back, the same order as the slow way round."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from libraries import TEXTS, build, build_documents, document

from indexer.document import Block, Origin, Page, Section
from indexer.embed import Toy
from indexer.library import Library
from service import search
from service.links import page_link
from service.search import ranking
from service.search.query import parse


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("library")
    build(folder, {**TEXTS, **{f"p{n}": [f"Text number {n} about topic {n % 7}. " * 8] * 4 for n in range(40)}})
    return Library(folder).open()


def test_the_paper_that_says_it_comes_first(generation) -> None:
    answer = search.search(generation, Toy(), "how do islands communicate", 3)
    first = answer.results[0]
    assert (answer.generation, first.id, first.passages[0].page) == ("000001", "2311.08105", 2)
    for found in answer.results:
        document = generation.catalogue.document(found.id)
        for passage in found.passages:
            assert passage.text == document.pages[passage.page - 1].text[passage.start : passage.end]
        assert [p.score for p in found.passages] == sorted((p.score for p in found.passages), reverse=True)
    assert [r.score for r in answer.results] == sorted((r.score for r in answer.results), reverse=True)


@pytest.mark.parametrize("k", [1, 2, 5, 41, 43, 100])
def test_ranking_is_that_of_the_product_written_out(generation, k: int) -> None:
    toy = Toy()
    query = "text about topic number 3"
    scores = ranking.of(generation).scores([query], toy.embed_queries([query]))[0].fused
    best: dict[int, float] = {}
    for position, score in zip(generation.catalogue.documents_of, scores, strict=True):
        best[position] = max(best.get(position, -99), float(score))
    ids = {s.position: s.id for s in generation.catalogue.summaries}
    expected = sorted(best.items(), key=lambda pair: (-round(pair[1], 5), pair[0]))[:k]
    ranked = search.rank(generation, toy, [query], k)[0]
    assert [name for name, _ in ranked] == [ids[position] for position, _ in expected]
    assert np.allclose([score for _, score in ranked], [score for _, score in expected], atol=1e-4)
    assert "title-only" not in {name for name, _ in ranked}


@given(st.text(max_size=300))
@hypothesis_settings(deadline=None, max_examples=60)
def test_any_question_is_answered(generation, query: str) -> None:
    found = len(search.search(generation, Toy(), query, 5).results)
    assert found == 5 or (parse(query).restricts and found < 5)


def test_several_at_once_are_answered_as_each_alone(generation) -> None:
    class Fails(Toy):
        """Can't embed one word."""

        def embed_queries(self, texts):
            if any("unspeakable" in text for text in texts):
                raise ValueError("unspeakable")
            return super().embed_queries(texts)

    asked = [search.Asked(f"text about topic {n % 7} or number {n}", n % 5 + 1, explain=n % 2 == 0) for n in range(12)]
    asked += [search.Asked("in:2311.08105"), search.Asked("islands communicate", by="passage")]
    alone = [search.search(generation, Toy(), a.query, a.limit, by=a.by, explain=a.explain) for a in asked]
    embedder = Fails()
    failing = [search.Asked("islands", cursor="none of ours"), search.Asked("unspeakable islands")]
    for together in ([*asked, failing[0]], [*failing, *asked]):
        found = list(search.together(generation, embedder, together))
        answers = [answer for answer in found if isinstance(answer, search.Answer)]
        for answer, expected in zip(answers, alone, strict=True):
            pairs = list(zip(answer.results, expected.results, strict=True))
            assert all(own.id == other.id for own, other in pairs)
            assert all(
                abs(own.score - other.score) < 1e-3 for own, other in pairs
            )  # many are rounded otherwise than one
            assert all([p.marks for p in own.passages] == [p.marks for p in other.passages] for own, other in pairs)
            assert (answer.query, answer.next, answer.answered) == (expected.query, expected.next, expected.answered)
    errors = [str(error) for error in found if isinstance(error, Exception)]
    assert len(errors) == 2 and "cursor" in errors[0] and errors[1] == "unspeakable"
    with pytest.raises(ValueError, match="unspeakable"):
        search.search(generation, embedder, "unspeakable")


def test_a_library_without_passages_answers_with_nothing(tmp_path: Path) -> None:
    build(tmp_path, {"a": [], "b": []})
    generation = Library(tmp_path).open()
    assert search.search(generation, Toy(), "anything", 5).results == ()
    assert search.rank(generation, Toy(), ["anything", "else"], 5) == [[], []]


def test_links_open_at_the_place(generation) -> None:
    summary = generation.catalogue.summary("2311.08105")
    at_arxiv = dataclasses.replace(summary, arxiv_id="2311.08105", version=3, link="https://arxiv.org/abs/2311.08105")
    assert page_link(at_arxiv, 7) == "https://arxiv.org/pdf/2311.08105v3#page=7"
    local = dataclasses.replace(summary, origin=Origin(path="/papers/my paper.pdf"))
    assert page_link(local, 2) == "file:///papers/my%20paper.pdf#page=2"
    web = dataclasses.replace(summary, origin=Origin(final_url="https://example.org/post/"), pages=None)
    assert page_link(web, None, "pp") == "https://example.org/post/#pp"
    digest = dataclasses.replace(at_arxiv, text="digest")
    assert page_link(digest, None) == "https://arxiv.org/abs/2311.08105"


# ---------------------------------------------------------------------- kinds


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory):
    """Two papers. The second says nothing of stale gradients, but its bibliography does, in the very words asked for."""
    said = {
        "abstract": "We study how late answers of slow machines harm training.",
        "heading": "2 Stale gradients",
        "body": "Old gradients are bounded here by waiting for the slowest machine.",
        "caption": "Figure 1: the loss over time for four values of the bound.",
        "table": "bound loss accuracy minutes hours days weeks",
        "footnote": "The code will be given to whoever asks for it kindly.",
        "appendix": "Here the theorem about the bound is proven at length.",
    }
    cited = {
        "body": "Sheep are kept in flocks and dogs bring them home at night.",
        "heading": "References",
        "reference": "A. Author. Do stale gradients harm asynchronous training? In Proc. of the Example Conference, 2020.",
    }
    documents = []
    for name, blocks in (("says", said), ("cites", cited)):
        text, marked, sections = "", [], []
        for kind, own in blocks.items():
            if kind == "heading":
                sections.append(Section(own, 1, 0, len(text)))
            marked.append(Block(kind, 0, len(text), len(text) + len(own)))
            text += own + "\n"
        made = document(name, [])
        documents.append(dataclasses.replace(made, text="full", pages=(Page(text, 1),), blocks=tuple(marked),
                                             sections=tuple(sections)))  # fmt: skip
    folder = tmp_path_factory.mktemp("kinds")
    build_documents(folder, documents)
    return Library(folder).open()


QUESTION = "Do stale gradients harm asynchronous training?"


def test_a_bibliography_never_answers_a_question(kinds) -> None:
    answer = search.search(kinds, Toy(), QUESTION, 10)
    assert [found.id for found in answer.results] == ["says", "cites"]
    shown = [passage for found in answer.results for passage in found.passages]
    assert {p.kind for p in shown} <= set(search.SEARCHED)
    assert not any("asynchronous" in p.text for p in shown)
    assert search.rank(kinds, Toy(), [QUESTION], 10)[0][0][0] == "says"
    asked = search.search(kinds, Toy(), QUESTION, 10, ["reference"]).results
    assert [(found.id, found.passages[0].path) for found in asked] == [("cites", ("References",))]
    assert search.rank(kinds, Toy(), [QUESTION], 10, ["reference"])[0][0][0] == "cites"
    assert search.search(kinds, Toy(), QUESTION, 10, ["all"]).results[0].id == "cites"


@pytest.mark.parametrize("kind", [kind for kind in search.KINDS if kind != "all"])
def test_only_the_kinds_asked_for_are_looked_in(kinds, kind: search.Kind) -> None:
    there = {p.kind for s in kinds.catalogue.summaries for p in kinds.catalogue.passages_of(s.position)}
    found = search.search(kinds, Toy(), "the bound", 10, [kind]).results
    assert {p.kind for paper in found for p in paper.passages} == ({kind} & there)
    both = search.search(kinds, Toy(), "the bound", 10, [kind, "body"]).results
    assert {p.kind for paper in both for p in paper.passages} == ({kind} & there) | {"body"}


def test_a_passage_says_where_it_stands(kinds) -> None:
    found = search.search(kinds, Toy(), "four values of the bound", 1, ["caption"]).results[0].passages[0]
    assert (found.kind, found.section, found.path, found.page) == (
        "caption",
        "2 Stale gradients",
        ("2 Stale gradients",),
        1,
    )
    first = search.search(kinds, Toy(), "late answers of slow machines", 1, ["abstract"]).results[0].passages[0]
    assert (first.section, first.path) == (None, ())
