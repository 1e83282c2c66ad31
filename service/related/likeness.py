"""How alike the texts of two documents are: passage by passage in meaning, and by the words they share.

Meaning: for each passage of one the cosine of the nearest passage of the other, in the library's own space, averaged; and
the same the other way about, averaged with it, so that a long document is not near to everything (the sum of maxima of
Khattab and Zaharia, "ColBERT" (2020), over passages in place of tokens).
Words: the cosine of tf-idf vectors with the root of the counts; for a text that is not a document's, BM25.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from indexer.library import Generation
from indexer.terms import terms
from service import deadline, wording
from service.derived import Once

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_MOST = 128  # passages of one document that are compared; of a longer one every n-th
_K1, _B = 1.2, 0.75
_KINDS = ("body", "abstract")


@dataclass(frozen=True)
class Pair:
    """A passage of one document and the nearest of another, by passage id, with their cosine in the library's space."""

    here: int
    there: int
    cosine: float


def of(generation: Generation) -> Likeness:
    """The likeness of a generation's texts, made once."""
    return _made(generation)


class Likeness:
    """What comparing texts derives from a generation, once. Safe to use from several threads."""

    def __init__(self, generation: Generation) -> None:
        # Nothing here holds the generation itself: it goes when the last answer from it is given.
        self._words, self._space, self._held_vectors = generation.words, generation.space, generation.vectors
        self._catalogue = generation.catalogue
        self._count = len(generation.catalogue.summaries)
        self._ids = generation.vectors.ids
        self._owner = generation.catalogue.documents_of[self._ids]
        names, kinds = generation.catalogue.kinds_of
        told = np.isin(kinds[self._ids], np.flatnonzero(np.isin(names, _KINDS)))
        own = np.bincount(self._owner[told], minlength=self._count) > 0
        self._compared = told | ~own[self._owner]  # what has no other prose is compared by its captions
        self._starts = np.searchsorted(self._owner, np.arange(self._count + 1))
        self._vocabulary: list[str] = generation.words.vocabulary
        self.number: Mapping[str, int] = {term: n for n, term in enumerate(self._vocabulary)}
        """The column of each term."""
        self._counts = self._counted()
        self.documents_with = np.bincount(self._counts.indices, minlength=len(self._vocabulary))
        """How many documents have each term: int64 of shape (terms,)."""
        # Titles without a text say nothing of how rare a word is in texts.
        with_text = wording.parted(generation, range(self._count))[0]
        having = self.documents_with
        if len(with_text) < self._count:
            having = np.bincount(self._counts[with_text].indices, minlength=len(self._vocabulary))
        self.weights = np.log1p((len(with_text) - having + 0.5) / (having + 0.5))
        """The inverse document frequency of each term among documents with a text: float64 of shape (terms,)."""
        self._vectors = self._weighted()

    # ------------------------------------------------------------------ meaning

    def rows_of(self, position: int) -> np.ndarray:
        """The rows of the vectors by which a document is compared: int64, at most `_MOST`, ascending."""
        first, last = self._starts[position], self._starts[position + 1]
        rows = first + np.flatnonzero(self._compared[first:last])
        return rows if len(rows) <= _MOST else rows[np.linspace(0, len(rows) - 1, _MOST).round().astype(np.int64)]

    def passages(self, position: int, weights: np.ndarray | None = None) -> np.ndarray:
        """How near each document is to the one at `position`, passage by passage: float64 of shape (documents,).

        `weights` (float, by passage id) says how much each passage counts, of the asked document and of the others. A
        document without a vector has 0.
        """
        rows = self.rows_of(position)
        found = np.zeros(self._count)
        if not len(rows):
            return found
        own = np.ones(len(rows)) if weights is None else weights[self._ids[rows]]
        best = np.full((self._count, len(rows)), -1.0, np.float32)
        back, total = np.zeros(self._count), np.zeros(self._count)
        for start, cosines in self._cosines(rows):
            here = slice(start, start + len(cosines))
            owner, compared = self._owner[here], self._compared[here]
            cosines[~compared] = -1
            firsts = np.flatnonzero(np.diff(owner, prepend=-1))
            of = owner[firsts]
            best[of] = np.maximum(best[of], np.maximum.reduceat(cosines, firsts, axis=0))
            weight = compared * (1.0 if weights is None else weights[self._ids[here]])
            back += np.bincount(owner, cosines.max(1) * weight, minlength=self._count)
            total += np.bincount(owner, weight, minlength=self._count)
        there = total > 0
        found[there] = ((best[there] @ own) / own.sum() + back[there] / total[there]) / 2
        return found

    def _cosines(self, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """The cosines in the space of all rows with some, block by block: where each begins, and float32 (block, rows)."""
        space, vectors = self._space, self._held_vectors
        v, c, _, _ = space.directions(vectors.rows(rows))
        start = 0
        for block in vectors.blocks():
            cosines = block @ v.T
            cosines -= c
            cosines /= np.asarray(space.norms[start : start + len(block)])[:, None]
            yield start, cosines
            start += len(block)

    def pairs(self, one: int, other: int, few: int = 3, weights: np.ndarray | None = None) -> list[Pair]:
        """The `few` nearest pairs of passages of two documents, nearest first, each passage once.

        `weights` are as `passages` has them: how near a pair is counts by both of its passages'.
        """
        deadline.check()
        mine, theirs = self.rows_of(one), self.rows_of(other)
        if not len(mine) or not len(theirs):
            return []
        space, vectors = self._space, self._held_vectors
        v, c, _, _ = space.directions(vectors.rows(mine))
        cosines = (vectors.rows(theirs) @ v.T - c) / np.asarray(space.norms[theirs])[:, None]
        if weights is not None:
            counted = cosines * weights[self._ids[theirs]][:, None] * weights[self._ids[mine]]
        else:
            counted = cosines.copy()
        found: list[Pair] = []
        while len(found) < few and counted.flat[at := int(np.argmax(counted))] > -1:
            row, column = divmod(at, len(mine))
            passage, nearest = int(self._ids[mine[column]]), int(self._ids[theirs[row]])
            found.append(Pair(passage, nearest, round(float(cosines[row, column]), 4)))
            counted[row], counted[:, column] = -2, -2
        return found

    # ------------------------------------------------------------------ words

    def _counted(self) -> csr_matrix:
        """How often each document's prose has each term, its title's too: float32 of shape (documents, terms)."""
        from scipy.sparse import csr_matrix

        words, owner = self._words, self._catalogue.documents_of
        postings = [words.postings(term) for term in self._vocabulary]
        lengths = [len(passages) for passages, _ in postings]
        none = np.empty(0, np.int32)
        passages = np.concatenate([none, *(p for p, _ in postings)])
        counts = np.concatenate([none, *(c for _, c in postings)]).astype(np.float32)
        columns = np.repeat(np.arange(len(lengths)), lengths)
        prose = np.asarray(words.prose)[passages]
        rows, columns, counts = owner[passages[prose]], columns[prose], counts[prose]
        bare = [s for s in self._catalogue.summaries if not self._catalogue.counts_of[s.position]]
        more = [(s.position, self.number[term]) for s in bare for term in terms(s.title) if term in self.number]
        if more:  # of what is nothing but a title no passage tells
            where, which = np.array(more).T
            rows, columns = np.concatenate((rows, where)), np.concatenate((columns, which))
            counts = np.concatenate((counts, np.ones(len(more), np.float32)))
        return csr_matrix((counts, (rows, columns)), shape=(self._count, len(lengths)))

    def weight(self, term: str) -> float:
        """The inverse document frequency of a term; 0 for one that no document has."""
        return float(self.weights[self.number[term]]) if term in self.number else 0.0

    def _weighted(self) -> csr_matrix:
        """The tf-idf vectors of all documents, of length one."""
        held = self._counts.copy()
        held.data = np.sqrt(held.data) * self.weights[held.indices]
        norms = np.sqrt(np.bincount(_rows_of(held), held.data**2, minlength=self._count))
        held.data /= np.maximum(norms, 1e-9)[_rows_of(held)]
        return held

    @cached_property
    def _impacts(self) -> csr_matrix:
        """What each term gives each document under BM25."""
        held = self._counts.astype(np.float64)
        rows = _rows_of(held)
        lengths = np.bincount(rows, held.data, minlength=self._count)
        norm = _K1 * (1 - _B + _B * lengths / max(lengths.mean(), 1e-9))
        held.data = self.weights[held.indices] * (_K1 + 1) * held.data / (held.data + norm[rows])
        return held

    def words(self, position: int) -> np.ndarray:
        """The cosine of each document's words with those of the one at `position`: float64 of shape (documents,)."""
        return np.asarray((self._vectors @ self._vectors[position].T).todense()).ravel().astype(np.float64)

    def worded(self, query: Mapping[str, float]) -> np.ndarray:
        """The BM25 scores of all documents for terms with weights: float64 of shape (documents,)."""
        asked = np.zeros(len(self._vocabulary))
        for term, weight in sorted(query.items()):
            if term in self.number:
                asked[self.number[term]] = weight
        return self._impacts @ asked

    def shared(self, one: int, other: int, most: int) -> list[tuple[str, float]]:
        """The terms that add most to the likeness in words of two documents, with what each adds, most first."""
        product = self._vectors[one].multiply(self._vectors[other]).tocsr()
        order = np.lexsort((product.indices, -product.data))[:most]
        return [(self._vocabulary[product.indices[n]], float(product.data[n])) for n in order.tolist()]


_made = Once(Likeness)


def _rows_of(matrix: csr_matrix) -> np.ndarray:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def standard(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Values as distances from the mean of those `among` (bool), in their standard deviations; 0 where all are alike."""
    some = values[among]
    deviation = float(some.std()) if len(some) else 0.0
    return (values - some.mean()) / deviation if deviation > 1e-9 else np.zeros_like(values, np.float64)
