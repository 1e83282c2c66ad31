"""How well each passage fits a question: by its words and by its meaning, each measured against the whole library.

    score = z(words) + z(meaning)

Words: BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), p. 361) over counts that spread to
near passages: a passage has 0.6 of what its five nearest have on average, so that one that says the same in other
words is found by both wordings. Meaning: the cosine in the library's own space (`indexer/library/space.py`).
z is the distance from the mean over all passages of prose, in standard deviations. Without it the two can't be added: a
cosine lies between 0 and 1, and BM25 grows with the question.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.library import Generation
from indexer.library.words import TITLE
from indexer.terms import terms

_K1, _B = 1.2, 0.75
_SPREAD = 0.6  # from .3 to 1 the ranking is as good
_NONE = 1e-9  # a deviation that is nothing but rounding
_AT_ONCE = 1 << 16  # postings: more don't fit the processor's cache, and are added term by term
_MOST_HELD = 1 << 23  # postings kept: 128 MB
_made: weakref.WeakKeyDictionary[Generation, Ranking] = weakref.WeakKeyDictionary()
_making = threading.Lock()


@dataclass(frozen=True)
class Scores:
    """How well each passage fits a question, by its words and by its meaning, in standard deviations.

    `lexical`, `dense` and `fused`, both together, are float32 of shape (passages,); a passage without a vector has 0 for
    its meaning: it is told by its words alone. `query` counts the question's terms, `deviation` is that of their BM25
    scores.
    """

    query: Mapping[str, int]
    lexical: np.ndarray
    dense: np.ndarray
    fused: np.ndarray
    deviation: float


def of(generation: Generation) -> Ranking:
    """The ranking of a generation, made once."""
    with _making:
        if (held := _made.get(generation)) is None:
            held = _made[generation] = Ranking(generation)
        return held


class Ranking:
    """What the ranking derives from a generation, once. Safe to use from several threads."""

    def __init__(self, generation: Generation) -> None:
        self._words, self._space = generation.words, generation.space
        self._ids, self._matrix = generation.vectors.ids, generation.vectors.matrix
        self._count = self._words.count
        self._all_prose = len(self._ids) == self._count
        self._papers = generation.catalogue.papers_of
        lengths = np.array(self._words.lengths)
        kin = self._space.kin
        if len(kin):
            near = np.where(kin >= 0, lengths[self._ids][kin], 0)
            lengths[self._ids] += _SPREAD * (near * self._space.nearness).sum(1)
        mean = float(lengths[self._ids].mean()) if len(kin) else 1.0
        self._norm = _K1 * (1 - _B + _B * lengths.astype(np.float64) / max(mean, 1e-9))
        self._received = self._reversed()
        # A vector and one over its norm in a row: one product with a query's direction gives the cosine of the space.
        self._rows = np.concatenate((self._matrix, np.ones((len(self._ids), 1), np.float32)), axis=1)
        self._rows /= np.asarray(self._space.norms)[:, None]
        self._postings: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._held = 0

    def _reversed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each passage those that have it among their nearest: where its part starts, the passages, their weights."""
        kin, nearness = self._space.kin, self._space.nearness
        rows, columns = np.nonzero(kin >= 0)
        given = kin[rows, columns]
        order = np.argsort(given, kind="stable")
        starts = np.zeros(self._count + 1, np.int64)
        np.cumsum(np.bincount(self._ids[given], minlength=self._count), out=starts[1:])
        return starts, self._ids[rows[order]], (_SPREAD * nearness[rows, columns][order]).astype(np.float32)

    def scores(self, queries: Sequence[str], vectors: np.ndarray) -> list[Scores]:
        """The scores of each of `queries`; `vectors` are theirs (float32, shape (queries, dimension), unit rows)."""
        v, c, mean, deviation = self._space.directions(vectors)
        scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        products = (np.concatenate((v, -c[:, None]), axis=1) * scale[:, None]).astype(np.float32) @ self._rows.T
        products -= (mean * scale)[:, None].astype(np.float32)
        return [self._scored(Counter(terms(text)), row) for text, row in zip(queries, products, strict=True)]

    def _scored(self, query: Mapping[str, int], dense: np.ndarray) -> Scores:
        lexical = self._bm25(query)
        prose = lexical if self._all_prose else lexical[self._ids]
        mean = float(prose.mean()) if len(prose) else 0.0
        deviation = math.sqrt(max(float(np.dot(prose, prose)) / len(prose) - mean * mean, 0.0)) if len(prose) else 0.0
        if deviation > _NONE:
            lexical -= mean
            lexical /= deviation
        else:  # all of the prose has none of its words, or all the same: what else there is stays as it is
            deviation = 1.0
        lexical = lexical.astype(np.float32)
        if not self._all_prose:
            own, dense = dense, np.zeros(self._count, np.float32)
            dense[self._ids] = own
        return Scores(query, lexical, dense, lexical + dense, deviation)

    def with_siblings(self, scores: np.ndarray, among: np.ndarray) -> np.ndarray:
        """The scores where records are parts of papers: each passage has its paper's best added, among those allowed.

        What a paper is about is evidence for each of its parts. Without such records: the same.
        """
        if self._papers is None:
            return scores
        allowed = np.flatnonzero(among)
        best = np.full(int(self._papers.max()) + 1, -np.inf, np.float32)
        np.maximum.at(best, self._papers[allowed], scores[allowed])
        return scores + best[self._papers]

    def share_of(self, scores: Scores, passage: int, words: Sequence[str]) -> float:
        """How much of a passage's lexical score it owes to `words` (terms) that stand in its document's title."""
        share = 0.0
        for term, times in Counter(words).items():
            if term in scores.query:
                count = float(self._spread(*self._words.postings(term))[passage])
                norm = float(self._norm[passage])
                less = max(count - times * TITLE, 0)
                share += self.weight(term) * scores.query[term] * (count / (count + norm) - less / (less + norm))
        return share * (_K1 + 1) / scores.deviation

    def cosines(self, passages: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """The model's own cosines of passages with a question's vector; 0 where a passage has none: float32 (n,)."""
        rows = np.minimum(np.searchsorted(self._ids, passages), max(len(self._ids) - 1, 0))
        found = np.zeros(len(passages), np.float32)
        if len(self._ids):
            there = self._ids[rows] == passages
            found[there] = self._matrix[rows[there]] @ vector
        return found

    def coverage(self, query: Collection[str], passages: np.ndarray) -> np.ndarray:
        """The share of a question's terms, each by its weight, that each of `passages` (ascending) has: float64 (n,)."""
        share = np.zeros(len(passages))
        for term in query:
            there = self._words.postings(term)[0]
            if len(there):
                at = np.minimum(np.searchsorted(there, passages), len(there) - 1)
                share[there[at] == passages] += self.weight(term)
        return share / max(sum(map(self.weight, query)), 1e-9)

    def _bm25(self, query: Mapping[str, int]) -> np.ndarray:
        """The BM25 score of each passage: float64 of shape (passages,)."""
        each = [(*self._impacts(term), times) for term, times in query.items()]
        if not each:
            return np.zeros(self._count)
        if sum(len(where) for where, _, _ in each) <= _AT_ONCE:
            where = np.concatenate([where for where, _, _ in each])
            what = np.concatenate([impact if times == 1 else impact * times for _, impact, times in each])
            return np.bincount(where, what, minlength=self._count)
        total = np.zeros(self._count)
        for where, impact, times in each:
            total[where] += impact if times == 1 else impact * times
        return total

    def _impacts(self, term: str) -> tuple[np.ndarray, np.ndarray]:
        """The passages that have a term, ascending (int64), and what it gives each of them (float64); kept for a while."""
        if (held := self._postings.get(term)) is None:
            counts = self._spread(*self._words.postings(term))
            where = np.flatnonzero(counts)
            tf = counts[where]
            held = where, self.weight(term) * (_K1 + 1) * tf / (tf + self._norm[where])
            if self._held > _MOST_HELD:
                self._postings, self._held = {}, 0
            self._postings[term] = held
            self._held += len(where)
        return held

    def _spread(self, passages: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Counts of a term spread to the neighbours of those that have it: float64 of shape (passages,)."""
        starts, receivers, shares = self._received
        own = counts.astype(np.float32)
        begin, number = starts[passages], np.diff(starts)[passages]
        at = np.repeat(begin - np.concatenate(([0], np.cumsum(number)[:-1])), number) + np.arange(number.sum())
        where = np.concatenate((passages, receivers[at]))
        what = np.concatenate((own, np.repeat(own, number) * shares[at]))
        return np.bincount(where, what, minlength=self._count)

    def weight(self, term: str) -> float:
        """How much a term tells: its inverse document frequency among the passages of prose."""
        frequency = self._words.frequency(term)
        return math.log(1 + (len(self._ids) - frequency + 0.5) / (frequency + 0.5))
