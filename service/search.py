"""Where is this said? Papers, best first, each with the passages that earned it its place.

Ranking: the cosine between the question's vector and each passage's; a paper's score is its best passage's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.document import TextKind
from indexer.embed import Embedder
from indexer.library import Generation, StoredPassage, Summary
from service.links import page_link

PASSAGES_SHOWN = 3


@dataclass(frozen=True)
class FoundPassage:
    """A passage that was found. `text` is the stored page's from character `start` to `end`.

    `page` is null where the document has no pages. `score` is the cosine with the question. `link` opens it there.
    """

    text: str
    page: int | None
    section: str | None
    start: int
    end: int
    score: float
    link: str


@dataclass(frozen=True)
class FoundPaper:
    """A paper that was found. `text` says what its text is: full, digest, record or title."""

    id: str
    title: str
    score: float
    text: TextKind
    year: int | None
    authors: tuple[str, ...]
    link: str
    passages: tuple[FoundPassage, ...]


@dataclass(frozen=True)
class Answer:
    """The answer to a question, from one generation."""

    query: str
    generation: str
    results: tuple[FoundPaper, ...]


def search(generation: Generation, embedder: Embedder, query: str, limit: int = 10) -> Answer:
    """The `limit` papers that answer `query` best, with up to three passages each."""
    best = _best_passages(generation, embedder.embed_queries([query]), limit)[0]
    found = generation.catalogue.passages([passage for hits in best.values() for passage, _ in hits])
    results = [_paper(generation.catalogue.summaries[position], hits, found) for position, hits in best.items()]
    return Answer(query, generation.name, tuple(results))


def rank(generation: Generation, embedder: Embedder, queries: Sequence[str], k: int) -> list[list[tuple[str, float]]]:
    """For each of `queries` the ids of the `k` best papers with their scores, best first, as many as there are."""
    summaries = generation.catalogue.summaries
    return [
        [(summaries[position].id, _rounded(hits[0][1])) for position, hits in best.items()]
        for best in _best_passages(generation, embedder.embed_queries(queries), k)
    ]


def _best_passages(generation: Generation, vectors: np.ndarray, limit: int) -> list[dict[int, list[tuple[int, float]]]]:
    """For each query, the positions of the best `limit` documents, best first, each with its best passages and scores.

    Takes as many passages as it needs to have that many documents.
    """
    documents = generation.catalogue.documents_of
    wanted = min(limit, len(np.unique(documents)))
    answers: list[dict[int, list[tuple[int, float]]]] = []
    for vector in vectors:
        k = max(100, limit * 10)
        while True:
            scores, ids = (row[0] for row in generation.vectors.nearest(vector[None], k))
            order = np.lexsort((ids, -scores.round(6)))  # ties in the order of the sources, on every machine
            best: dict[int, list[tuple[int, float]]] = {}
            for row in order:
                hits = best.setdefault(int(documents[ids[row]]), [])
                if len(hits) < PASSAGES_SHOWN:
                    hits.append((int(ids[row]), float(scores[row])))
            if len(best) >= wanted or k >= generation.vectors.count:
                break
            k *= 4
        answers.append(dict(list(best.items())[:limit]))
    return answers


def _paper(summary: Summary, hits: list[tuple[int, float]], found: dict[int, StoredPassage]) -> FoundPaper:
    passages = []
    for passage_id, score in hits:
        p = found[passage_id]
        link = page_link(summary, p.page, p.anchor)
        passages.append(FoundPassage(p.text, p.page, p.section, p.start, p.end, _rounded(score), link))
    return FoundPaper(
        summary.id, summary.title, passages[0].score, summary.text, summary.year, summary.authors, summary.link,
        tuple(passages),
    )  # fmt: skip


def _rounded(score: float) -> float:
    return round(score, 6)
