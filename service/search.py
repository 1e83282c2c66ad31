"""Where is this said? Papers, best first, each with the passages that earned it its place.

Ranking: the cosine between the question's vector and each passage's; a paper's score is its best passage's. Only
passages of the kinds asked for count, by default those in which a paper says something itself: a bibliography has the
words of every question and answers none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from indexer.document import BlockKind, TextKind
from indexer.embed import Embedder
from indexer.library import Generation, StoredPassage, Summary
from service.links import page_link

PASSAGES_SHOWN = 3

Kind = Literal[
    "body", "abstract", "caption", "appendix", "table", "formula", "code", "figure", "footnote", "reference", "all"
]
"""What may be asked for: a kind of passage, or `all` of them."""

KINDS: tuple[Kind, ...] = get_args(Kind)
SEARCHED: tuple[Kind, ...] = ("body", "abstract", "caption", "appendix")
"""The kinds that are looked in where none is asked for."""


@dataclass(frozen=True)
class FoundPassage:
    """A passage that was found. `text` is the stored page's from character `start` to `end`.

    `page` is null where the document has no pages. `section` is the heading it stands under, `path` the headings that
    lead there, `kind` what it is. `score` is the cosine with the question. `link` opens it there.
    """

    text: str
    page: int | None
    kind: BlockKind
    section: str | None
    path: tuple[str, ...]
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


def search(
    generation: Generation, embedder: Embedder, query: str, limit: int = 10, kinds: Collection[Kind] = ()
) -> Answer:
    """The `limit` papers that answer `query` best, with up to three passages each.

    Only passages of these `kinds` are looked in; of `SEARCHED` where there are none.
    """
    best = _best_passages(generation, embedder.embed_queries([query]), limit, kinds)[0]
    found = generation.catalogue.passages([passage for hits in best.values() for passage, _ in hits])
    results = [_paper(generation.catalogue.summaries[position], hits, found) for position, hits in best.items()]
    return Answer(query, generation.name, tuple(results))


def rank(
    generation: Generation, embedder: Embedder, queries: Sequence[str], k: int, kinds: Collection[Kind] = ()
) -> list[list[tuple[str, float]]]:
    """For each of `queries` the ids of the `k` best papers with their scores, best first, as many as there are.

    `kinds` is as `search` has it.
    """
    summaries = generation.catalogue.summaries
    return [
        [(summaries[position].id, _rounded(hits[0][1])) for position, hits in best.items()]
        for best in _best_passages(generation, embedder.embed_queries(queries), k, kinds)
    ]


def _best_passages(
    generation: Generation, vectors: np.ndarray, limit: int, kinds: Collection[Kind]
) -> list[dict[int, list[tuple[int, float]]]]:
    """For each query, the positions of the best `limit` documents, best first, each with its best passages and scores.

    Takes as many passages as it needs to have that many documents.
    """
    documents = generation.catalogue.documents_of
    among = np.ones(len(documents), bool)
    if "all" not in kinds:
        names, which = generation.catalogue.kinds_of
        among = np.isin(names, list(kinds or SEARCHED))[which]
    count = int(among.sum())
    wanted = min(limit, len(np.unique(documents[among])))
    answers: list[dict[int, list[tuple[int, float]]]] = []
    for vector in vectors:
        k = max(100, limit * 10)
        while True:
            scores, ids = (
                row[0] for row in generation.vectors.nearest(vector[None], k, None if count == len(among) else among)
            )
            order = np.lexsort((ids, -scores.round(6)))  # ties in the order of the sources, on every machine
            best: dict[int, list[tuple[int, float]]] = {}
            for row in order:
                hits = best.setdefault(int(documents[ids[row]]), [])
                if len(hits) < PASSAGES_SHOWN:
                    hits.append((int(ids[row]), float(scores[row])))
            if len(best) >= wanted or k >= count:
                break
            k *= 4
        answers.append(dict(list(best.items())[:limit]))
    return answers


def _paper(summary: Summary, hits: list[tuple[int, float]], found: dict[int, StoredPassage]) -> FoundPaper:
    passages = []
    for passage_id, score in hits:
        p = found[passage_id]
        link = page_link(summary, p.page, p.anchor)
        passages.append(FoundPassage(p.text, p.page, p.kind, p.section, p.path, p.start, p.end, _rounded(score), link))
    return FoundPaper(
        summary.id, summary.title, passages[0].score, summary.text, summary.year, summary.authors, summary.link,
        tuple(passages),
    )  # fmt: skip


def _rounded(score: float) -> float:
    return round(score, 6)
