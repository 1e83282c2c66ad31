"""The ranking is the formula that it says it is, written out slowly here."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import TEXTS, build_documents, document

from indexer.document import EMBEDDED, Block, Mention, Page, Section
from indexer.embed import Toy
from indexer.library import Generation, Library, vectors
from indexer.library.space import fitted
from indexer.terms import terms
from service import search
from service.search import ranking

WORDS = "ring worker gradient loss batch shard stage cache router expert token layer node link peer round".split()


def made_up(count: int, seed: int = 0) -> list:
    """Documents with a heading, body, a table and a note; the first four have an abstract that is cut in parts."""
    rng = np.random.default_rng(seed)
    found = []
    for n in range(count):
        said = [" ".join(rng.choice(WORDS, 12)).capitalize() + "." for _ in range(40 if n < 4 else 6)]
        blocks, text = [], ""
        for kind, own in (
            ("abstract" if n < 4 else "body", " ".join(said)), ("heading", "Expert routers"),
            ("body", " ".join(rng.choice(WORDS, 30)) + "."), ("table", "loss 0.1 batch 512 round round round 77"),
        ):  # fmt: skip
            blocks.append(Block(kind, 0, len(text), len(text) + len(own)))
            text += own + "\n"
        made = document(f"p{n}", [])
        heading = Section("Expert routers", 1, 0, blocks[1].start)
        mention = Mention("list.md", n, "", (), {5: "read the peer round", 9: "mind the gap"}.get(n, ""))
        found.append(dataclasses.replace(
            made, text="full", title=f"On {WORDS[n % 16]} {WORDS[n * 7 % 16]}", pages=(Page(text, 1),), blocks=tuple(blocks),
            sections=(heading,), entry=dataclasses.replace(made.entry, mentions=(mention,)),
        ))  # fmt: skip
    return found


@pytest.fixture(scope="module", params=[3, 15, 40])
def generation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """Of too few passages for a mean, too few for a covariance, and enough."""
    folder = tmp_path_factory.mktemp("library")
    build_documents(folder, made_up(request.param))
    return Library(folder).open()


def counted(generation: Generation) -> list[Counter[str]]:
    """The words of each passage, from the texts."""
    found = []
    for summary in generation.catalogue.summaries:
        document = generation.catalogue.document(summary.id)
        passages = generation.catalogue.passages_of(summary.position)
        page = document.pages[0].text
        whole = page[document.blocks[0].start : document.blocks[0].end]
        for number, p in enumerate(passages):
            own = Counter(terms(whole if p.kind == "abstract" else page[p.start : p.end]))
            if number == 0 or p.kind == "abstract":
                own += Counter(terms(summary.entry.mentions[0].note))
            heading = Counter(terms("Expert routers") if p.section == 0 else [])
            found.append(own + heading + Counter(terms(summary.title) * 2))
    return found


def slowly(generation: Generation, query: str, vector: np.ndarray) -> tuple[list[float], list[float]]:
    """The two parts of the score of each passage, as the formula has them."""
    ids = generation.vectors.ids.tolist()
    prose = [kind in EMBEDDED for kind in np.array(generation.catalogue.kinds_of[0])[generation.catalogue.kinds_of[1]]]
    assert ids == [n for n, is_prose in enumerate(prose) if is_prose]
    counts = counted(generation)
    x = generation.vectors.matrix.astype(np.float64)
    mean, transform = fitted(generation.vectors.matrix)
    y = (x - mean) @ transform
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    q = (vector - mean) @ transform
    q /= np.linalg.norm(q)
    cosines = y @ q
    dense = [0.0] * len(counts)
    for row, passage in enumerate(ids):
        dense[passage] = (cosines[row] - cosines.mean()) / cosines.std()
    documents = generation.catalogue.documents_of
    kinds = generation.catalogue.kinds_of
    abstract = [kinds[0][kind] == "abstract" for kind in kinds[1]]
    spread = [Counter({term: float(n) for term, n in own.items()}) for own in counts]
    lengths = [float(own.total()) for own in counts]
    for row, passage in enumerate(ids):
        near = sorted(
            (-(y[other] @ y[row]), other)
            for other in range(len(ids))
            if other != row
            and not (abstract[passage] and abstract[ids[other]] and documents[passage] == documents[ids[other]])
        )[:5]
        weights = {other: max(-score, 0.0) for score, other in near}
        total = sum(weights.values())
        for other, weight in weights.items():
            share = 0.6 * weight / total if total else 0.0
            lengths[passage] += share * counts[ids[other]].total()
            for term, number in counts[ids[other]].items():
                spread[passage][term] += share * number
    average = np.mean([lengths[p] for p in ids])
    lexical = []
    for passage in range(len(counts)):
        score = 0.0
        for term, times in Counter(terms(query)).items():
            df = sum(term in counts[p] for p in ids)
            idf = math.log(1 + (len(ids) - df + 0.5) / (df + 0.5))
            tf = spread[passage][term]
            score += times * idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * lengths[passage] / average))
        lexical.append(score)
    of_prose = np.array([lexical[p] for p in ids])
    if of_prose.std() > 0:
        lexical = [(score - of_prose.mean()) / of_prose.std() for score in lexical]
    return lexical, dense


@pytest.mark.parametrize(
    "query", ["the router of an expert", "round round peer", "batch 512", "ring gradient xyzzy", "xyzzy"]
)
def test_scores_are_the_formula_written_out(generation: Generation, query: str) -> None:
    vector = Toy().embed_queries([query])
    scores = ranking.of(generation).scores([query], vector)[0]
    lexical, dense = slowly(generation, query, vector[0])
    assert np.allclose(scores.lexical, lexical, atol=2e-3)
    assert np.allclose(scores.dense, dense, atol=2e-3)
    assert np.allclose(scores.fused, np.add(lexical, dense), atol=4e-3)


def test_several_queries_are_scored_as_each_alone(generation: Generation) -> None:
    queries = ["router expert", "peer", "", "loss of the batch"]
    vectors = Toy().embed_queries(queries)
    ranked = ranking.of(generation)
    for query, vector, scores in zip(queries, vectors, ranked.scores(queries, vectors), strict=True):
        alone = ranked.scores([query], vector[None])[0]
        assert np.allclose(scores.fused, alone.fused, atol=1e-4)


def test_coverage_is_the_share_of_the_question_in_words(generation: Generation) -> None:
    query = "router expert xyzzy"
    ranked = ranking.of(generation)
    every = np.arange(len(generation.catalogue.documents_of))
    coverages = ranked.coverage(terms(query), every)
    weights = {term: ranked.weight(term) for term in terms(query)}
    assert weights["xyzzi" if "xyzzi" in weights else "xyzzy"] == max(weights.values())
    for coverage, own in zip(coverages, counted(generation), strict=True):
        assert math.isclose(
            coverage, sum(w for t, w in weights.items() if t in own) / sum(weights.values()), abs_tol=1e-5
        )


def test_words_that_stand_nowhere_take_no_more_room_than_others(
    generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each word that was ever asked for something is kept, up to a bound."""
    monkeypatch.setattr(ranking, "_MOST_HELD", 5000)
    ranked, vector = ranking.All(generation), Toy().embed_queries(["router"])
    for number in range(100):
        ranked.scores([" ".join(f"nowhere{number}x{n}" for n in range(10))], vector)
        assert len(ranked._postings) < 5000 / 64 + 10


def test_one_ranking_for_a_generation(generation: Generation) -> None:
    assert ranking.of(generation) is ranking.of(generation)


def test_a_passage_has_its_paper_s_best_where_records_are_parts(tmp_path: Path) -> None:
    documents = [
        dataclasses.replace(document(f"r{n}", [text]), part_of=part, text="record")
        for n, (part, text) in enumerate(
            (("a", "The ring passes gradients to its peers."), ("a", "Nothing of that kind is said in this part at all."),
             ("b", "Rings were worn by kings and queens in the old days."), ("b", "Bees are counted at dusk by a lamp."))
        )
    ]  # fmt: skip
    build_documents(tmp_path, documents)
    generation = Library(tmp_path).open()
    query = "gradients passed in a ring"
    ranked = ranking.of(generation)
    fused = ranked.scores([query], Toy().embed_queries([query]))[0].fused
    allowed = np.ones(len(fused), bool)
    papers = np.array(["aabb"[n] for n in generation.catalogue.documents_of])
    expected = [fused[n] + fused[papers == papers[n]].max() for n in range(len(fused))]
    assert np.allclose(ranked.with_siblings(fused, allowed), expected)
    order = np.argsort(-np.array(expected), kind="stable")
    assert [name for name, _ in search.rank(generation, Toy(), [query], 4)[0]] == [f"r{n}" for n in order]


def test_without_parts_nothing_is_added(tmp_path: Path) -> None:
    build_documents(tmp_path, [document(name, pages) for name, pages in TEXTS.items()])
    generation = Library(tmp_path).open()
    scores = np.arange(len(generation.catalogue.documents_of), dtype=np.float32)
    assert ranking.of(generation).with_siblings(scores, scores > -1) is scores


# ---------------------------------------------------------------------- where some passages are scored


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """A library that is large enough for an approximate index, for which here 500 vectors are enough."""
    folder = tmp_path_factory.mktemp("large")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "SWITCH", 500)
        build_documents(folder, made_up(400))
        return Library(folder).open()


@pytest.fixture
def both(large: Generation, monkeypatch: pytest.MonkeyPatch) -> tuple[ranking.Ranking, ranking.Ranking]:
    """The ranking that scores all, and the one that scores few."""
    monkeypatch.setattr(ranking, "_CANDIDATES", 100)
    monkeypatch.setattr(ranking, "_NARROW", 40)
    monkeypatch.setattr(ranking, "_SAMPLE", 600)
    assert large.vectors.approximate
    return ranking.All(large), ranking.Some(large)


QUERIES = [
    "the router of an expert", "round round peer", "batch 512", "ring gradient xyzzy", "read loss", "77 stage cache link",
    "read and mind a gap",
]  # fmt: skip


def asked(ranked: ranking.Ranking, query: str, among: np.ndarray | None = None) -> ranking.Scores:
    return ranked.scores([query], Toy().embed_queries([query]), among)[0]


@pytest.mark.parametrize("query", QUERIES)
def test_few_scores_are_nearly_those_of_all(
    both: tuple[ranking.Ranking, ranking.Ranking], large: Generation, query: str
) -> None:
    every, some = (asked(ranked, query) for ranked in both)
    assert every.scored is None and some.scored is not None and 100 <= len(some.scored) <= 200
    others = np.setdiff1d(np.arange(large.words.count), some.scored)
    for name in ("lexical", "dense", "fused"):
        assert np.isneginf(getattr(some, name)[others]).all()
    assert np.allclose(some.dense[some.scored], every.dense[some.scored], atol=0.02)  # the vectors are halves
    raw = every.lexical[some.scored] * every.deviation + every.mean
    assert np.allclose(some.lexical[some.scored] * some.deviation + some.mean, raw, atol=1e-4)
    assert math.isclose(some.deviation, every.deviation, rel_tol=0.15)
    allowed = np.ones(large.words.count, bool)
    best, found = (set(search._top(one.fused, one.among(allowed), 10)[0]) for one in (every, some))
    least = np.sort(every.fused)[-10]
    assert sum(every.fused[p] >= least - 0.02 for p in found) >= 9, best ^ found


@pytest.mark.parametrize("query", QUERIES[:3])
def test_of_few_that_are_of_interest_all_are_scored(
    both: tuple[ranking.Ranking, ranking.Ranking], large: Generation, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "_NARROW", 300)
    vector = Toy().embed_queries([query])[0]
    every, some = (asked(ranked, query) for ranked in both)
    mask = np.zeros(large.words.count, bool)
    mask[np.random.default_rng(0).choice(len(mask), 300, replace=False)] = True
    for narrow in (both[1].within(some, vector, mask), asked(both[1], query, mask)):
        assert (narrow.scored == np.flatnonzero(mask)).all() and (narrow.among(mask) == mask).all()
        assert math.isclose(narrow.deviation, some.deviation, rel_tol=1e-9)
        assert np.allclose(narrow.dense[mask], every.dense[mask], atol=0.02)
        assert np.allclose(narrow.lexical[mask], (every.lexical[mask] * every.deviation + every.mean - some.mean)
                           / some.deviation, atol=1e-3)  # fmt: skip
    assert both[0].within(every, vector, mask) is every and every.among(mask) is mask


@pytest.mark.parametrize("share", [0.1, 0.5, 1])
def test_of_many_that_are_of_interest_the_best_are_scored(
    both: tuple[ranking.Ranking, ranking.Ranking], large: Generation, share: float
) -> None:
    mask = np.random.default_rng(1).random(large.words.count) < share
    found = 0
    for query in QUERIES:
        every, some = asked(both[0], query), asked(both[1], query, mask)
        assert some.scored is not None and mask[some.scored].all()
        best = np.flatnonzero(mask)[np.argsort(-every.dense[mask], kind="stable")[:10]]
        found += len(np.intersect1d(best, some.scored))
        assert len(some.scored) >= min(100, mask[large.vectors.ids].sum())
    assert found >= 0.9 * 10 * len(QUERIES)


def test_a_search_of_a_large_library_shows_only_what_is_allowed(
    large: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "_CANDIDATES", 30)
    monkeypatch.setattr(ranking, "_NARROW", 10)
    ranking._made._made.pop(large, None)
    for query, kinds in (("expert router kind:table", {"table"}), ("round peer in:p7", {"body", "abstract"})):
        answer = search.search(large, Toy(), query)
        assert answer.results
        assert {passage.kind for paper in answer.results for passage in paper.passages} <= kinds
        scores = [paper.score for paper in answer.results]
        assert scores == sorted(scores, reverse=True) and all(map(math.isfinite, scores))
    assert [paper.id for paper in search.search(large, Toy(), "round in:p7").results] == ["p7"]
    assert len(search.rank(large, Toy(), ["expert router", "peer"], 5)[1]) == 5
    ranking._made._made.pop(large, None)


def test_a_term_s_share_is_the_same_either_way(both: tuple[ranking.Ranking, ranking.Ranking]) -> None:
    every, some = (asked(ranked, "expert router round") for ranked in both)
    for passage in some.scored[:20]:
        shares = [
            ranked.share_of(scores, int(passage), terms("On expert round")) * scores.deviation
            for ranked, scores in zip(both, (every, some), strict=True)
        ]
        assert math.isclose(*shares, rel_tol=1e-3, abs_tol=1e-4)


def test_a_sample_is_put_right_by_what_is_known_of_all() -> None:
    known = np.random.default_rng(0).random(1000) ** 4
    few = known[:20]
    assert math.isclose(ranking._estimate(3 * few + 2, few, float(known.mean())), 3 * known.mean() + 2)
    assert math.isclose(ranking._estimate(few, np.zeros(20), 0.0), few.mean())
    assert ranking._estimate(few[:0], few[:0], 1.0) == 0
    assert ranking._estimate(few, few, -9.0) == 0  # a mean of scores is never below nothing


@given(st.integers(0, 10**6), st.integers(1, 300), st.integers(1, 40), st.booleans())
@settings(deadline=None)
def test_the_largest_are_those_that_sorting_finds(seed: int, size: int, count: int, masked: bool) -> None:
    rng = np.random.default_rng(seed)
    values = np.maximum(rng.integers(-5, 9, size), 0).astype(np.float32)
    mask = rng.random(size) < 0.5 if masked else np.ones(size, bool)
    allowed = [n for n in range(size) if values[n] > 0 and mask[n]]
    expected = sorted(sorted(allowed, key=lambda n: (-values[n], n))[:count])
    assert ranking._largest(values, count, mask if masked else None).tolist() == expected
