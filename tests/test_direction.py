"""What must be known before what: on a graph of concepts, and that nothing is said of papers."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from conftest import SHARED, needs_shared
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_records import built, library, record

from indexer import embed
from indexer.library import Generation
from indexer.settings import Settings
from service.reading_order.direction import direction_of, needs, ranked

SET = SHARED / "eval" / "metacademy"
CONCEPTS = [
    record("sets", "sets", "A set is a collection of different things."),
    record("functions", "functions", "A function maps each member of one of two sets to one of the other."),
    record("limits", "limits", "The limit is what functions come near to. It is used in derivatives."),
    record(
        "derivatives", "derivatives", "A derivative is one of the limits of a quotient of differences of functions."
    ),
    record("gradient", "gradient descent", "It follows the derivatives of functions downhill."),
    record("bare", "stochastic gradient descent", ""),
]


@pytest.fixture(scope="module")
def concepts(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """Six concepts, each of which needs the one before."""
    return built(tmp_path_factory.mktemp("concepts") / "library", CONCEPTS)


def _accuracy(generation: Generation) -> float:
    ids = [summary.id for summary in generation.catalogue.summaries]
    rank = {ids[position]: n for n, position in enumerate(direction_of(generation).order())}
    lines = (SET / "edges.tsv").read_text("utf-8").splitlines()[1:]
    edges = [line.split("\t")[:2] for line in lines]
    return sum(rank[before] < rank[after] for before, after in edges) / len(edges)


@needs_shared
@pytest.mark.model
def test_prerequisites_come_first(tmp_path: Path) -> None:
    model = embed.load(embed.describe(Settings(library=tmp_path)))
    right = _accuracy(library(tmp_path / "library", SET / "corpus.jsonl", embedder=model))
    assert right >= 0.79, right


@needs_shared
def test_prerequisites_come_first_by_words_alone(tmp_path: Path) -> None:
    right = _accuracy(library(tmp_path / "library", SET / "corpus.jsonl"))
    assert right >= 0.76, right


@needs_shared
@pytest.mark.parametrize("corpus", ["acl_tutorials", "csfcube"])
def test_nothing_is_said_of_papers(tmp_path: Path, corpus: str) -> None:
    found = direction_of(library(tmp_path / "library", SHARED / "eval" / corpus / "corpus.jsonl"))
    assert not found.trusted and not found.score.any() and not len(found.before)


def test_a_chain_of_concepts(concepts: Generation) -> None:
    found = direction_of(concepts)
    assert found.trusted
    ids = [summary.id for summary in concepts.catalogue.summaries]
    order = [ids[position] for position in found.order()]
    assert order.index("functions") < order.index("derivatives") < order.index("gradient") < order.index("bare")
    assert order.index("limits") < order.index("derivatives"), "what it is used for is no need of it"


def test_each_need_stands_where_it_says(concepts: Generation) -> None:
    found = direction_of(concepts)
    order = found.order()
    shown = needs(concepts, found)
    summaries = concepts.catalogue.summaries
    assert {("sets", "functions"), ("gradient", "bare")} <= {
        (summaries[n.before].id, summaries[n.after].id) for n in shown
    }
    for need in shown:
        assert order.index(need.before) < order.index(need.after) and 0.5 < need.confidence <= 1
        assert all(word in need.sentence for word in need.words) and need.words
        if need.start is None:
            assert need.sentence == summaries[need.after].title
        else:
            page = concepts.catalogue.page_texts([(need.after, 0)])[need.after, 0]
            assert " ".join(page.text[need.start : need.end].split()) == need.sentence


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_order_of_the_input_is_nothing(concepts: Generation, data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(range(len(CONCEPTS))), unique=True))
    one, other = direction_of(concepts, some), direction_of(concepts, data.draw(st.permutations(some)))
    assert one.order() == other.order() and sorted(one.order()) == sorted(some)


def test_the_order_of_the_library_is_nothing(tmp_path: Path) -> None:
    records, found = list(CONCEPTS), []
    for seed in (1, 2):
        random.Random(seed).shuffle(records)
        generation = built(tmp_path / str(seed), records)
        ids = [summary.id for summary in generation.catalogue.summaries]
        found.append([ids[position] for position in direction_of(generation).order()])
    assert found[0] == found[1]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 6), st.floats(0.1, 1), st.floats(-1, 1)).filter(
            lambda p: p[0] != p[1]
        ),
        max_size=20,
    )
)
def test_scores_are_the_least_squares(pairs: list[tuple[int, int, float, float]]) -> None:
    before, after, weight, lead = (
        (np.array(column) for column in zip(*pairs, strict=True)) if pairs else (np.empty(0),) * 4
    )
    scores = ranked(7, before.astype(np.int64), after.astype(np.int64), weight, lead)
    rows = np.zeros((len(pairs), 7))  # the slow way
    rows[np.arange(len(pairs)), before.astype(int)] = 1
    rows[np.arange(len(pairs)), after.astype(int)] = -1
    root = np.sqrt(weight)
    best = np.linalg.lstsq(rows * root[:, None], lead * root, rcond=None)[0]
    left, least = (((rows @ found - lead) ** 2 * weight).sum() for found in (scores, best))
    assert left == pytest.approx(least, abs=1e-4)
