"""A vector for each document, from those of its passages; for one known by its title alone, from papers with its
words."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.library import Generation
from indexer.library.space import fitted
from service import wording
from service.derived import Once

_BLOCK = 8192


@dataclass(frozen=True)
class PaperVectors:
    """A vector of each document, as the model gives it and in the library's own space.

    The mean of those of its abstract's passages, of all of its prose's where it has no abstract, of the documents whose
    titles share its title's words, the rarer the more, where it has no prose. What is known by its title alone has no say in
    any other's vector, nor in the space unless the library has many vectors. Each float32 of shape (documents,
    dimension), by position; rows of length one, or zero where a document has none of these.
    """

    raw: np.ndarray
    own: np.ndarray


def of(generation: Generation) -> PaperVectors:
    """The vectors of a generation's documents, made once."""
    return _made(generation)


def _of(generation: Generation) -> PaperVectors:
    catalogue, vectors, space = generation.catalogue, generation.vectors, generation.space
    raw = np.zeros((len(catalogue.summaries), vectors.dimension), np.float32)
    if vectors.count:
        owner = catalogue.documents_of[vectors.ids]
        kinds, which = catalogue.kinds_of
        abstract = (kinds[which] == "abstract")[vectors.ids]
        has = np.bincount(owner[abstract], minlength=len(raw)) > 0
        rows = np.flatnonzero(abstract | ~has[owner])
        for start in range(0, len(rows), _BLOCK):
            some = rows[start : start + _BLOCK]
            first = np.flatnonzero(np.diff(owner[some], prepend=-1))  # passages go in the order of the documents
            raw[owner[some][first]] += np.add.reduceat(vectors.rows(some), first)
    raw = _unit(raw)
    with_text, alone = wording.parted(generation, range(len(raw)))
    _fill(raw, [wording.title_of(summary) for summary in catalogue.summaries], with_text)
    known = raw.any(1)
    mean, matrix = space.mean, space.matrix
    if alone and vectors.count and not vectors.approximate:
        rows = np.flatnonzero(np.isin(catalogue.documents_of[vectors.ids], with_text))
        mean, matrix = fitted(vectors.rows(rows))
    own = (raw - mean) @ matrix
    own[~known] = 0
    return PaperVectors(raw, _unit(own))


_made = Once(_of)


def _fill(rows: np.ndarray, titles: Sequence[str], among: Sequence[int]) -> None:
    """Fills in the rows that are zero, from those `among` (row numbers) that are not."""
    without = np.flatnonzero(~rows.any(1)).tolist()
    if not without or len(without) == len(rows):
        return
    having: dict[str, list[int]] = defaultdict(list)
    for row in (row for row in among if rows[row].any()):
        for stem in {found.stem for found in wording.stems(titles[row])}:
            having[stem].append(row)
    made = {}
    for row in without:
        total = np.zeros(rows.shape[1])
        for stem in sorted({found.stem for found in wording.stems(titles[row])} & having.keys()):
            total += rows[having[stem]].sum(0) / len(having[stem]) * math.log(1 + len(among) / len(having[stem]))
        made[row] = total
    for row, total in made.items():
        if length := float(np.linalg.norm(total)):
            rows[row] = total / length


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 1e-9)
