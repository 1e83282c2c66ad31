"""What is related to a paper, and why.

    score = z(passages) + .5 z(words) + 1.5 f(citations between them, 1) + f(cited together, .5) + .5 f(shared references, .1)

with f(x, half) = x / (x + half), from 0 to 1: what the graph says is said of few, and a deviation would make it enormous
in a large library. `service/related/likeness.py` has the texts, `service/related/kinship.py` the graph.

The weights of words and of the graph but for direct citation were chosen on two samples: which of 36 papers cite each other
when that is hidden, and which of 543 abstracts stand in one section of an expert's list. From .3 to 1 all of them do about
as well. What direct citation weighs can't be measured on citations: it is as much as one that is certain should.

For a facet, texts alone: z(statements) + .3 z(passages) + .5 z(words), each with what belongs to the facet weighing more
(`statements.py`), chosen on CSFCube's papers with each one left out in turn. z is over the papers that are ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.document import TextKind
from indexer.errors import UsageError
from indexer.library import Generation
from indexer.progress import Progress
from service.papers import summary_of
from service.related import kinship, likeness
from service.related.facets import Facet
from service.related.likeness import standard
from service.related.reasons import Reason, Teller

if TYPE_CHECKING:
    from indexer.embed import Embedder
    from service.related.statements import Statements

_WORDS = 0.5
_DIRECT, _TOGETHER, _SHARED = (1.5, 1.0), (1.0, 0.5), (0.5, 0.1)  # weight, and where half of it is reached
_FACET_PASSAGES, _FACET_WORDS = 0.3, 0.5
_UNLIKED = 0.5
TOLD = 200
"""Results that have reasons: a longer answer is for a program, and its reasons would take longer than itself."""


class LikedAndUnliked(UsageError):
    """One paper is to be both liked and unliked."""

    cure = "Name each paper once: as liked or as unliked."


@dataclass(frozen=True)
class RelatedPaper:
    """A related paper. `score` compares within one answer; `reasons` are the strongest first."""

    id: str
    title: str
    score: float
    year: int | None
    text: TextKind
    link: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Related:
    """What is related to the paper `id`, best first; `like` and `unlike` are the other papers that were named."""

    id: str
    generation: str
    like: tuple[str, ...]
    unlike: tuple[str, ...]
    facet: Facet | None
    results: tuple[RelatedPaper, ...]


def related(
    generation: Generation,
    ids: Sequence[str],
    *,
    embedder: Embedder | None = None,
    unlike: Sequence[str] = (),
    facet: Facet | None = None,
    limit: int = 10,
    candidates: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Related:
    """The `limit` papers most related to those with these `ids`, all of them where it is 0; the first of `ids` leads.

    With `candidates` only those are ranked. `embedder` is needed for a facet: the first time in a library the sentences
    of its abstracts are embedded, of which `progress` hears. The first `TOLD` results have reasons.
    Raises `UnknownDocument`, `LikedAndUnliked`.
    """
    liked, unliked = _positions(generation, ids), _positions(generation, unlike)
    summaries = generation.catalogue.summaries
    if both := [position for position in liked if position in unliked]:
        raise LikedAndUnliked(f"{summaries[both[0]].id} is liked and unliked.")
    order, scores, statements = _ranked(generation, liked, unliked, facet, candidates, embedder, progress)
    order = order[:limit] if limit else order
    told = Teller(generation, statements, facet).reasons(sorted(liked), order[:TOLD])
    results = tuple(
        RelatedPaper(
            s.id, s.title, round(float(scores[s.position]), 4), s.year, s.text, s.link, told.get(s.position, ())
        )
        for s in (summaries[position] for position in order)
    )
    first, *others = (summaries[position].id for position in liked)
    return Related(
        first, generation.name, tuple(others), tuple(summaries[position].id for position in unliked), facet, results
    )


def rank(
    generation: Generation,
    ids: Sequence[str],
    *,
    embedder: Embedder | None = None,
    facet: Facet | None = None,
    limit: int = 0,
    candidates: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[tuple[str, float]]:
    """The ids that `related` would give, with their scores and without reasons. Raises as that does."""
    order, scores, _ = _ranked(generation, _positions(generation, ids), [], facet, candidates, embedder, progress)
    summaries = generation.catalogue.summaries
    return [(summaries[p].id, round(float(scores[p]), 4)) for p in (order[:limit] if limit else order)]


def _positions(generation: Generation, ids: Sequence[str]) -> list[int]:
    """The positions of the papers with these ids, each once, however it is named."""
    return list(dict.fromkeys(summary_of(generation, id_).position for id_ in ids))


def _ranked(
    generation: Generation, liked: Sequence[int], unliked: Sequence[int], facet: Facet | None,
    candidates: Sequence[str] | None, embedder: Embedder | None, progress: Progress | None,
) -> tuple[list[int], np.ndarray, Statements | None]:  # fmt: skip
    """The positions of what is ranked, best first, and everyone's scores. Ties go to the order of the sources."""
    own, other = sorted(liked), sorted(unliked)  # sums don't depend on who was named first
    among = _pool(generation, own + other, candidates)
    statements = None
    if facet is not None:
        from service.related import statements as made

        assert embedder is not None, "a facet needs the model"
        statements = made.of(generation, embedder, progress)
    each = [_scores(generation, position, among, facet, statements) for position in own]
    scores = np.sum(each, axis=0) / len(own)
    if other:
        less = [_scores(generation, position, among, facet, statements) for position in other]
        scores = scores - _UNLIKED * np.sum(less, axis=0) / len(other)
    scores = scores.round(6)
    pool = np.flatnonzero(among)
    return pool[np.argsort(-scores[pool], kind="stable")].tolist(), scores, statements


def _pool(generation: Generation, named: Sequence[int], candidates: Sequence[str] | None) -> np.ndarray:
    """Who is ranked: bool of shape (documents,). The papers that are named are not, nor other versions of them."""
    if candidates is not None:
        among = np.zeros(len(generation.catalogue.summaries), bool)
        among[[summary_of(generation, id_).position for id_ in candidates]] = True
        return among
    same = np.array(kinship.of(generation).graph.same_as, np.int64)
    return ~np.isin(same, same[list(named)])


def _scores(
    generation: Generation, position: int, among: np.ndarray, facet: Facet | None, statements: Statements | None
) -> np.ndarray:
    """How related each document is to the one at `position`: float64 of shape (documents,)."""
    texts = likeness.of(generation)
    if facet is not None and statements is not None:
        return (
            standard(statements.likeness(position, facet, among), among)
            + _FACET_PASSAGES * standard(texts.passages(position, statements.of_passages(facet)), among)
            + _FACET_WORDS * standard(texts.worded(statements.terms(position, facet)), among)
        )
    kin = kinship.of(generation)
    graph = ((kin.direct(position), _DIRECT), (kin.cocitation(position), _TOGETHER), (kin.coupling(position), _SHARED))
    scores = standard(texts.passages(position), among) + _WORDS * standard(texts.words(position), among)
    for found, (weight, half) in graph:
        scores = scores + weight * found / (found + half)
    return scores
