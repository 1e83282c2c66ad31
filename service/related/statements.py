"""What the documents of a library state, sentence by sentence, each with how much it tells of the problem, the method and
the findings: the sentences of their abstracts, of a digest those of its pages.

Two papers are alike in a facet as Mysore et al., "CSFCube" (2021), judge it: what one states of the facet is stated by the
other too. The vectors of sentences are made when this is first asked for (`indexer/library/sentences.py`), and put into a
space of their own, as those of passages are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.embed import Embedder
from indexer.library import Generation, space
from indexer.library.sentences import vectors_of
from indexer.progress import Progress
from indexer.terms import terms
from service.derived import Once
from service.evidence import sentences
from service.related import facets
from service.related.facets import FACETS, Facet

_LITTLE = 0.2  # what a sentence of other facets counts: from .2 to .6 the ranking is nearly as good
_UNKNOWN = 1 / 3
_TOLD = 0.5  # a sentence that tells so much of a facet can be shown for it
_LEAST_LETTERS = 12
_MOST_PASSAGES = 8  # of a document without an abstract


@dataclass(frozen=True)
class Statement:
    """A sentence: `text` is the stored page's, from `start` to `end`; `page` is its printed number, `page_index` its place.

    A title is one too: it stands on no page (`page_index` -1). `parts` says how much it tells of each of `FACETS`.
    """

    document: int
    text: str
    page_index: int
    page: int | None
    start: int
    end: int
    section: str | None
    parts: tuple[float, float, float]


def of(generation: Generation, embedder: Embedder, progress: Progress | None = None) -> Statements:
    """The statements of a generation, made once: the first time in a library their vectors are, which takes a while."""
    return _made(generation, embedder, progress)


class Statements:
    """All statements, in the order of the documents. Safe to use from several threads."""

    def __init__(self, generation: Generation, embedder: Embedder, progress: Progress | None = None) -> None:
        self.all: tuple[Statement, ...] = tuple(_read(generation))
        owner = np.array([s.document for s in self.all], np.int64)
        self._count = len(generation.catalogue.summaries)
        self.starts = np.searchsorted(owner, np.arange(self._count + 1))
        """Where those of each document begin, by position: int64 of shape (documents + 1,)."""
        self._parts = np.array([s.parts for s in self.all])
        rows = vectors_of(generation, embedder, [s.text for s in self.all], progress)
        mean, transform = space.fitted(rows)
        rows = (rows - mean) @ transform
        self._rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
        self._labels = _labels(generation)

    def of(self, position: int) -> Sequence[Statement]:
        """The statements of a document, its title first."""
        return self.all[self.starts[position] : self.starts[position + 1]]

    def weights(self, position: int, facet: Facet) -> np.ndarray:
        """How much each statement of a document counts where a facet is asked for: float64."""
        of_facet = self._parts[self.starts[position] : self.starts[position + 1], FACETS.index(facet)]
        return _LITTLE + (1 - _LITTLE) * of_facet

    def likeness(self, position: int, facet: Facet, among: np.ndarray) -> np.ndarray:
        """How well each document states what the one at `position` states of a facet: float64 of shape (documents,).

        The mean, over its statements by their weight, of the cosine of the nearest statement. Only those `among` (bool, by
        position) are looked at; the others have 0.
        """
        here = slice(self.starts[position], self.starts[position + 1])
        weights = self.weights(position, facet)
        positions = np.flatnonzero(among)
        rows = np.concatenate(
            [np.arange(self.starts[p], self.starts[p + 1]) for p in positions] or [np.empty(0, np.int64)]
        )
        found = np.zeros(self._count)
        if len(rows) and len(weights):
            lengths = self.starts[positions + 1] - self.starts[positions]
            near = self._rows[rows] @ self._rows[here].T
            best = np.maximum.reduceat(near, np.cumsum(lengths) - lengths, axis=0)
            found[positions] = best @ weights / weights.sum()
        return found

    def nearest(self, one: int, other: int, facet: Facet) -> tuple[Statement, Statement, float] | None:
        """The statement of `one` and that of `other`, both of the facet, that are most alike, and their cosine."""
        mine, theirs = ((self.starts[p], self.starts[p + 1]) for p in (one, other))
        if mine[0] + 1 >= mine[1] or theirs[0] + 1 >= theirs[1]:  # a title alone is no statement to show
            return None
        near = self._rows[mine[0] + 1 : mine[1]] @ self._rows[theirs[0] + 1 : theirs[1]].T
        both = [self._parts[slice(*span), FACETS.index(facet)][1:] >= _TOLD for span in (mine, theirs)]
        near[~np.outer(*both)] = -1
        row, column = divmod(int(np.argmax(near)), near.shape[1])
        return (
            (self.of(one)[row + 1], self.of(other)[column + 1], float(near[row, column])) if near.max() > -1 else None
        )

    def terms(self, position: int, facet: Facet) -> Counter[str]:
        """The terms of a document's statements, each counted by its statement's weight."""
        found: Counter[str] = Counter()
        for statement, weight in zip(self.of(position), self.weights(position, facet).tolist(), strict=True):
            for term in terms(statement.text):
                found[term] += weight  # type: ignore[assignment]
        return found

    def of_passages(self, facet: Facet) -> np.ndarray:
        """How much each passage counts where a facet is asked for, by what its heading says: float64 by passage id."""
        known = np.where(self._labels == FACETS.index(facet), 1.0, _LITTLE)
        known[self._labels == -1] = _LITTLE + (1 - _LITTLE) * _UNKNOWN
        known[self._labels == -2] = 1.0
        return known


_made = Once(Statements)


def _labels(generation: Generation) -> np.ndarray:
    """The facet of each passage by the heading it stands under, -1 where none is told, -2 for abstracts: int8 by id."""
    held = generation.catalogue
    sections, owner = held.sections_of, held.documents_of
    names, kinds = held.kinds_of
    found = np.full(len(owner), -1, np.int8)
    for position in np.unique(owner[sections >= 0]).tolist():
        told = facets.of_headings([path for _, path in held.outline(position)])
        numbers = np.array([-1 if facet is None else FACETS.index(facet) for facet in told], np.int8)
        own = np.flatnonzero((owner == position) & (sections >= 0))
        found[own] = numbers[sections[own]]
    found[np.isin(kinds, np.flatnonzero(names == "abstract"))] = -2
    return found


def _read(generation: Generation) -> Iterator[Statement]:
    held = generation.catalogue
    names, kinds = held.kinds_of
    owner = held.documents_of
    starts = np.searchsorted(owner, np.arange(len(held.summaries) + 1))
    chosen: list[int] = []
    for position in range(len(held.summaries)):
        own = np.arange(starts[position], starts[position + 1])
        abstract = own[names[kinds[own]] == "abstract"] if len(own) else own
        body = own[names[kinds[own]] == "body"][:_MOST_PASSAGES] if len(own) else own
        chosen += (abstract if len(abstract) else body).tolist()
    stored = held.passages(chosen)
    pages = held.pages_of
    by_document: dict[int, list[int]] = {}
    for passage in chosen:
        if passage in stored:
            by_document.setdefault(stored[passage].document, []).append(passage)
    for summary in held.summaries:
        if title := summary.title.strip():
            yield Statement(summary.position, title, -1, None, 0, len(title), None, (1.0, 1.0, 1.0))
        read = [(int(pages[p]), stored[p]) for p in by_document.get(summary.position, ())]
        found = [one for one in _sentences(read) if one[0].strip() != title]
        by_place = facets.of_abstract([text for text, *_ in found])
        told = {p.section: p.path for _, p in read if p.kind != "abstract" and p.section}
        by_heading = dict(zip(told, facets.of_headings(list(told.values())), strict=True))
        for (text, page, number, start, end, section, kind), parts in zip(found, by_place, strict=True):
            if kind != "abstract" and section:
                facet = by_heading[section]
                parts = _of_heading(facet)
            elif facets.is_aim(text):
                parts = (1.0, parts[1], parts[2])
            shown = section if kind != "abstract" else None
            yield Statement(summary.position, text, page, number, start, end, shown, parts)


def _of_heading(facet: Facet | None) -> tuple[float, float, float]:
    if facet is None:
        return _UNKNOWN, _UNKNOWN, _UNKNOWN
    return float(facet == "background"), float(facet == "method"), float(facet == "result")


def _sentences(passages: Sequence[tuple]) -> Iterator[tuple[str, int, int | None, int, int, str | None, str]]:
    """The sentences of passages, each once also where passages overlap: text, page, its number, place, section, kind."""
    stretches: list[list] = []  # text, page index, start, and the passage that begins it
    for page, p in passages:
        last = stretches[-1] if stretches else None
        if last and last[1] == page and p.start <= last[2] + len(last[0]) and p.section == last[3].section:
            last[0] += p.text[max(last[2] + len(last[0]) - p.start, 0) :]
        else:
            stretches.append([p.text, page, p.start, p])
    for text, page, base, p in stretches:
        for start, end in sentences(text):
            if sum(map(str.isalpha, text[start:end])) >= _LEAST_LETTERS:
                yield text[start:end], page, p.page, base + start, base + end, p.section, p.kind
