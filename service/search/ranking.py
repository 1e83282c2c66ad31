"""How well each passage fits a question: by its words and by its meaning, each measured against the whole library.

    score = z(words) + z(meaning)

Words: BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), p. 361) over counts that spread to
near passages: a passage has 0.6 of what its five nearest have on average, so that one that says the same in other
words is found by both wordings. Meaning: the cosine in the library's own space (`indexer/library/space.py`).
z is the distance from the mean over all passages of prose, in standard deviations. Without it the two can't be added: a
cosine lies between 0 and 1, and BM25 grows with the question.

In a library whose vectors have an approximate index only some passages are scored, those that have most of the words and
those that the index says are nearest (`Some`); each by the same formula, exactly. What the cosines' mean and deviation
are is known without looking at them; those of the words are estimated.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from indexer.library import Generation
from indexer.library.words import TITLE
from indexer.terms import terms
from service.derived import Once

K1, _B = 1.2, 0.75
_SPREAD = 0.6  # from .3 to 1 the ranking is as good
_NONE = 1e-9  # a deviation that is nothing but rounding
_AT_ONCE = 1 << 16  # postings: more don't fit the processor's cache, and are added term by term
_MOST_HELD = 1 << 23  # postings kept: 128 MB, 32 MB where the passages are read where they lie
_OF_A_TERM = 64  # postings' room that a term takes by itself: also one that stands nowhere is kept
_CANDIDATES = 1000  # by words, and as many by meaning; with 100 the ranking is as good, but has fewer pages
_NARROW = 10_000  # passages that are all scored where no others are of interest: 10 ms
_SAMPLE = 1 << 12  # the deviation is right to 3 % nearly always; 10 % off, the ranking is as good
_MOST_COMMON = 1 << 26  # bytes: 64 common words of a million passages


@dataclass(frozen=True)
class Scores:
    """How well each passage fits a question, by its words and by its meaning, in standard deviations.

    `lexical`, `dense` and `fused`, both together, are float32 of shape (passages,); a passage without a vector has 0 for
    its meaning: it is told by its words alone. `query` counts the question's terms, `mean` and `deviation` are those of
    their BM25 scores. `scored` (ascending) are the passages that have scores, None where all have; the others have -inf.
    `plain` are their BM25 scores over unspread counts, where those were asked for.
    """

    query: Mapping[str, int]
    lexical: np.ndarray
    dense: np.ndarray
    fused: np.ndarray
    mean: float
    deviation: float
    scored: np.ndarray | None = None
    plain: np.ndarray | None = field(default=None, repr=False)

    def among(self, mask: np.ndarray) -> np.ndarray:
        """Those of the passages in `mask` (bool, by passage id) that have scores."""
        if self.scored is None:
            return mask
        found = np.zeros(len(mask), bool)
        found[self.scored] = mask[self.scored]
        return found


def with_best(scores: np.ndarray, groups: np.ndarray, among: np.ndarray) -> np.ndarray:
    """The scores, each with the best added of its group (int, by passage id), of those that `among` allows."""
    allowed = np.flatnonzero(among)
    best = np.full(int(groups.max(initial=-1)) + 1, -np.inf, np.float32)
    np.maximum.at(best, groups[allowed], scores[allowed])
    return scores + best[groups]


def of(generation: Generation) -> Ranking:
    """The ranking of a generation, made once."""
    return _made(generation)


def _make(generation: Generation) -> Ranking:
    return (Some if generation.vectors.approximate else All)(generation)


_made: Once[Ranking] = Once(_make)


class Ranking:
    """What the ranking derives from a generation, once. Safe to use from several threads."""

    def __init__(self, generation: Generation) -> None:
        self._words, self._space, self._vectors = generation.words, generation.space, generation.vectors
        self._ids = self._vectors.ids
        self._count = self._words.count
        self._all_prose = len(self._ids) == self._count
        self._papers = generation.catalogue.papers_of
        lengths = np.array(self._words.lengths)
        kin = self._space.kin
        if len(kin):
            near = np.where(kin >= 0, lengths[self._ids][kin], 0)
            lengths[self._ids] += _SPREAD * (near * self._space.nearness).sum(1)
        mean = float(lengths[self._ids].mean()) if len(kin) else 1.0
        self._norm = K1 * (1 - _B + _B * lengths.astype(np.float64) / max(mean, 1e-9))
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
        return (
            starts,
            self._ids.astype(np.int32)[rows[order]],
            (_SPREAD * nearness[rows, columns][order]).astype(np.float32),
        )

    def scores(self, queries: Sequence[str], vectors: np.ndarray, among: np.ndarray | None = None) -> list[Scores]:
        """The scores of each of `queries`; `vectors` are theirs (float32, shape (queries, dimension), unit rows).

        `among` (bool, by passage id) says which passages are of interest: where not all are scored, the best of those are.
        """
        raise NotImplementedError

    def within(self, scores: Scores, vector: np.ndarray, among: np.ndarray) -> Scores:
        """The scores of the same question, whose vector this is, where others are of interest: those `among`."""
        return scores

    def _keep(self, term: str, held: tuple[np.ndarray, np.ndarray], size: int) -> None:
        """Keeps what a term gives; where that grows too much, nothing else."""
        if self._held > _MOST_HELD:
            self._postings, self._held = {}, 0
        self._postings[term] = held
        self._held += size + _OF_A_TERM + len(term)

    def _counts(self, term: str, passages: np.ndarray) -> np.ndarray:
        """The counts of a term, spread, in each of `passages`: float64."""
        raise NotImplementedError

    def with_siblings(self, scores: np.ndarray, among: np.ndarray) -> np.ndarray:
        """The scores where records are parts of papers: each passage has its paper's best added, among those allowed.

        What a paper is about is evidence for each of its parts. Without such records: the same.
        """
        if self._papers is None:
            return scores
        return with_best(scores, self._papers, among)

    def share_of(self, scores: Scores, passage: int, words: Sequence[str]) -> float:
        """How much of a passage's lexical score it owes to `words` (terms) that stand in its document's title."""
        share = 0.0
        for term, times in Counter(words).items():
            if term in scores.query:
                count = float(self._counts(term, np.array([passage]))[0])
                norm = float(self._norm[passage])
                less = max(count - times * TITLE, 0)
                share += self.weight(term) * scores.query[term] * (count / (count + norm) - less / (less + norm))
        return share * (K1 + 1) / scores.deviation

    def cosines(self, passages: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """The model's own cosines of passages with a question's vector; 0 where a passage has none: float32 (n,)."""
        rows = np.minimum(np.searchsorted(self._ids, passages), max(len(self._ids) - 1, 0))
        found = np.zeros(len(passages), np.float32)
        if len(self._ids):
            there = self._ids[rows] == passages
            found[there] = self._vectors.rows(rows[there]) @ vector
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

    def weight(self, term: str) -> float:
        """How much a term tells: its inverse document frequency among the passages of prose."""
        frequency = self._words.frequency(term)
        return math.log(1 + (len(self._ids) - frequency + 0.5) / (frequency + 0.5))


class All(Ranking):
    """Where every passage is scored."""

    def __init__(self, generation: Generation) -> None:
        super().__init__(generation)
        self._received = self._reversed()
        # A vector and one over its norm in a row: one product with a query's direction gives the cosine of the space.
        self._rows = np.concatenate((self._vectors.matrix, np.ones((len(self._ids), 1), np.float32)), axis=1)
        self._rows /= np.asarray(self._space.norms)[:, None]

    def scores(self, queries: Sequence[str], vectors: np.ndarray, among: np.ndarray | None = None) -> list[Scores]:
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
            mean, deviation = 0.0, 1.0
        lexical = lexical.astype(np.float32)
        if not self._all_prose:
            own, dense = dense, np.zeros(self._count, np.float32)
            dense[self._ids] = own
        return Scores(query, lexical, dense, lexical + dense, mean, deviation)

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
            held = where, self.weight(term) * (K1 + 1) * tf / (tf + self._norm[where])
            self._keep(term, held, len(where))
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

    def _counts(self, term: str, passages: np.ndarray) -> np.ndarray:
        return self._spread(*self._words.postings(term))[passages]


class Some(Ranking):
    """Where only those passages are scored that have most of the words or that the index says are nearest."""

    def __init__(self, generation: Generation) -> None:
        super().__init__(generation)
        ids, kin, nearness = self._ids, self._space.kin, self._space.nearness
        nobody = np.full((1, kin.shape[1]), self._count, np.int32)
        self._row = np.full(self._count, len(ids), np.int32)  # a passage without a vector has the last row
        self._row[ids] = np.arange(len(ids))
        self._kin = np.concatenate((np.where(kin >= 0, ids.astype(np.int32)[kin], self._count), nobody))
        self._near = np.concatenate((nearness * np.float32(_SPREAD), np.zeros(nobody.shape, np.float32)))
        self._received = self._reversed()
        self._common: dict[str, np.ndarray] = {}
        self._norm32 = self._norm.astype(np.float32)
        few = min(_SAMPLE, len(ids))
        self._sample = ids[np.sort(np.random.default_rng(0).choice(len(ids), few, replace=False))]
        self._prose = None if self._all_prose else np.array(self._words.prose)

    def scores(self, queries: Sequence[str], vectors: np.ndarray, among: np.ndarray | None = None) -> list[Scores]:
        return [self._scored(Counter(terms(q)), vector, among) for q, vector in zip(queries, vectors, strict=True)]

    def within(self, scores: Scores, vector: np.ndarray, among: np.ndarray) -> Scores:
        return self._scored(scores.query, vector, among, scores)

    def _scored(
        self, query: Mapping[str, int], vector: np.ndarray, among: np.ndarray | None, before: Scores | None = None
    ) -> Scores:
        """The scores of the best passages `among`; with `before`, scores of the same question, what those tell is taken."""
        v, c, mean, deviation = (each[0] for each in self._space.directions(vector[None]))
        plain = self._plain(query) if before is None or before.plain is None else before.plain
        by_words = self._by_words(plain)
        chosen = self._chosen(plain, by_words, v, among)
        if before is None:
            raw, *of_words = self._measured(query, plain, by_words, chosen)
        else:
            raw, of_words = self._bm25(query, chosen), [before.mean, before.deviation]
        lexical = ((raw - of_words[0]) / of_words[1]).astype(np.float32)
        rows = self._row[chosen]
        there = rows < len(self._ids)
        dense = np.zeros(len(chosen), np.float32)
        if deviation > 0:
            rows = rows[there]
            cosines = (self._vectors.rows(rows) @ v - c) / self._space.norms[rows]
            dense[there] = (cosines - mean) / deviation
        every = np.full((3, self._count), -np.inf, np.float32)
        every[:, chosen] = lexical, dense, lexical + dense
        return Scores(query, *every, *of_words, chosen, plain)

    def _chosen(self, plain: np.ndarray, by_words: _Best, v: np.ndarray, among: np.ndarray | None) -> np.ndarray:
        """The passages to score, ascending: all of a few; of many those with most of the words and the nearest."""
        if among is not None:
            if np.count_nonzero(among) <= _NARROW:
                return np.flatnonzero(among)
            if among.all():
                among = None
        if among is not None:
            own = _largest(plain, _CANDIDATES, among)
            by_words = by_words.among(among).joined(_Best(own, plain[own]))
        nearest = self._vectors.candidates(v[None], min(_CANDIDATES, len(self._ids)), among)[0]
        return np.union1d(by_words.first(_CANDIDATES), nearest[nearest >= 0])

    def _by_words(self, plain: np.ndarray) -> _Best:
        """Those with most of the words by their own, and those that have them from these, with about their scores."""
        top = _largest(plain, _CANDIDATES)
        starts, receivers, shares = self._received
        number = starts[top + 1] - starts[top]
        at = np.repeat(starts[top] - np.cumsum(number) + number, number) + np.arange(number.sum())
        given = np.repeat(plain[top], number) * shares[at]
        passages, places = np.unique(np.concatenate((top, receivers[at])), return_inverse=True)
        more = np.bincount(places[len(top) :], given, len(passages))
        return _Best(passages, plain[passages] + more)

    def _plain(self, query: Mapping[str, int]) -> np.ndarray:
        """The BM25 score of each passage by its own words alone, unspread: float32 of shape (passages,)."""
        total = np.zeros(self._count, np.float32)
        for term, times in query.items():
            where, impact = self._impacts(term)
            total[where] += impact if times == 1 else impact * np.float32(times)
        return total

    def _impacts(self, term: str) -> tuple[np.ndarray, np.ndarray]:
        """The passages that have a term (int32), and what it gives each by its own words (float32); kept for a while."""
        if (held := self._postings.get(term)) is None:
            where, counts = self._words.postings(term)
            impact = self._norm32.take(where)
            impact += counts
            np.divide(counts, impact, out=impact)
            impact *= np.float32(self.weight(term) * (K1 + 1))
            held = where, impact
            self._keep(term, held, len(where))
        return held

    def _measured(
        self, query: Mapping[str, int], plain: np.ndarray, by_words: _Best, passages: np.ndarray
    ) -> tuple[np.ndarray, float, float]:
        """The BM25 scores of some passages; and the mean and the deviation of those of all the prose, estimated.

        The passages of prose that have most of the words count for themselves, for a sample alone would miss a rare word.
        For the others there is a sample, put right by how far its unspread scores are from those of all: a regression
        estimate (Cochran, "Sampling Techniques" (1977), p. 189).
        """
        top = (by_words if self._prose is None else by_words.among(self._prose)).first(_CANDIDATES)
        sample = np.setdiff1d(self._sample, top, assume_unique=True)
        scores = self._bm25(query, np.concatenate((top, sample, passages)))
        first, rest, wanted = np.split(scores, (len(top), len(top) + len(sample)))
        own = plain if self._prose is None else plain * self._prose
        others, count = len(self._ids) - len(top), len(self._ids)
        mean = square = 0.0
        if others > 0:
            of_others = float(own.sum(dtype=np.float64)) - float(plain[top].sum(dtype=np.float64))
            mean = _estimate(rest, plain[sample], of_others / others)
            of_others = float(np.dot(own, own)) - float(np.dot(plain[top], plain[top]))
            square = _estimate(rest**2, plain[sample].astype(np.float64) ** 2, of_others / others)
        mean = (float(first.sum()) + others * mean) / max(count, 1)
        square = (float(np.dot(first, first)) + others * square) / max(count, 1)
        deviation = math.sqrt(max(square - mean * mean, 0.0))
        return (wanted, mean, deviation) if deviation > _NONE else (wanted, 0.0, 1.0)

    def _bm25(self, query: Mapping[str, int], passages: np.ndarray) -> np.ndarray:
        """The BM25 scores of some passages over spread counts: float64."""
        scores, norm = np.zeros(len(passages)), self._norm32[passages]
        for term, counts in self._each_counts(query, passages):
            share = counts + norm
            np.divide(counts, share, out=share)
            share *= np.float32(query[term] * self.weight(term) * (K1 + 1))
            scores += share
        return scores

    def _each_counts(self, query: Collection[str], passages: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """The counts of each term, spread, in some passages."""
        rows, own = self._row[passages], len(passages)
        near = self._near[rows]
        places = np.concatenate((passages, self._kin[rows].ravel())).astype(np.intp)
        scratch = np.zeros(self._count + 1, np.uint8)  # the last is nobody's
        for term in query:
            where, counts = self._words.postings(term)
            if not len(where):
                continue
            if common := len(where) >= self._count >> 6:
                held = self._by_passage(term)
            else:
                held = scratch
                held[where] = counts
            found = held.take(places).astype(np.float32)
            yield term, found[:own] + np.einsum("ij,ij->i", found[own:].reshape(near.shape), near)
            if not common:
                held[where] = 0

    def _by_passage(self, term: str) -> np.ndarray:
        """The counts of a common term, unspread, by passage and one more that has none: uint8; kept for a while."""
        if (held := self._common.get(term)) is None:
            where, counts = self._words.postings(term)
            held = np.zeros(self._count + 1, np.uint8)
            held[where] = counts
            if len(self._common) * len(held) > _MOST_COMMON:
                self._common = {}
            self._common[term] = held
        return held

    def _counts(self, term: str, passages: np.ndarray) -> np.ndarray:
        return next((counts for _, counts in self._each_counts([term], passages)), np.zeros(len(passages)))


@dataclass(frozen=True)
class _Best:
    """Passages (ascending) and what they are worth, about."""

    passages: np.ndarray
    values: np.ndarray

    def among(self, mask: np.ndarray) -> _Best:
        kept = mask[self.passages]
        return _Best(self.passages[kept], self.values[kept])

    def joined(self, other: _Best) -> _Best:
        """Both; what both have is worth what it is worth here."""
        passages, first = np.unique(np.concatenate((self.passages, other.passages)), return_index=True)
        return _Best(passages, np.concatenate((self.values, other.values))[first])

    def first(self, count: int) -> np.ndarray:
        """The best, ascending."""
        return np.sort(self.passages[np.argsort(-self.values, kind="stable")[:count]])


def _estimate(sample: np.ndarray, known: np.ndarray, mean: float) -> float:
    """The mean of all, by the sample and by what is known of it, the mean of which over all is `mean` too."""
    if not len(sample):
        return 0.0
    apart = known - known.mean()
    spread = float(np.dot(apart, apart))
    slope = float(np.dot(apart, sample)) / spread if spread > _NONE else 0.0
    return max(float(sample.mean()) + slope * (mean - float(known.mean())), 0.0)


def _largest(values: np.ndarray, count: int, among: np.ndarray | None = None) -> np.ndarray:
    """The places, ascending, of the `count` largest positive values, of those `among`; all where there are fewer.

    Which are large is told by a sample, so that few are sorted. Ties go to the first.
    """
    if among is not None:
        values = values * among
    some = values[:: max(1, len(values) // 20_000)]
    rank = min(len(some), 8 + 3 * count * len(some) // (2 * len(values)))
    least = np.partition(some, len(some) - rank)[len(some) - rank] if rank else 0.0
    places = np.flatnonzero(values >= least) if least > 0 else np.flatnonzero(values > 0)
    if len(places) < count and least > 0:
        places = np.flatnonzero(values > 0)
    if len(places) > count:
        order = np.argsort(-values[places], kind="stable")[:count]
        places = np.sort(places[order])
    return places
