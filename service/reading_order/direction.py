"""What has to be known before what, where texts name what they need: descriptions of concepts, not of papers.

A variant of the reference distance (Liang et al., "Measuring Prerequisite Relations Among Concepts" (2015)):
a comes before b where the texts near b name a, and those near a don't name b.

    share(a, c) = how much of a's title the text of c names, by weight of its words (idf)
    q(a, b)     = the mean of share(a, c)² over all c, weighted by cosine(b, c)²
    lead(a, b)  = q(a, b) - q(b, a) + .2 (part of a's title in b's, squared, less that of b's in a's)

`share` is taken by words and by words with their pairs, the cosine as the model has it and in the library's own space:
four votes on each pair. What a text names only as an application ("is used for …") is no need of it, and left out. The
votes become one order by HodgeRank (Jiang et al., "Statistical ranking and combinatorial Hodge theory" (2011)):
least squares, each pair weighted by how near the two are and how much of a title is named.

An abstract tells what is new and not what must be known, so this says nothing of papers; where titles are short and the
texts name each other's, and only there, it is trusted.
"""

from __future__ import annotations

import itertools
import math
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from indexer.library import Generation
from service import paper_vectors, topics, wording
from service.derived import Last
from service.evidence import sentences
from service.wording import Told

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_TITLE = 0.2  # how much a title's standing in another counts: from .1 to .5 the order is as good
_SHORT = 4  # words that the titles of concepts have at most, most of them; those of papers have 7
_NAMED = 0.25  # of the titles that another's text names in full: of concepts' half, of papers' one in nine
_SHOWN = 0.75  # of a title that a text must name to be shown as evidence
_FAR = 0.15  # a cosine below which a word is likely another's homonym: of such needs one in four is one
_LEAST = 1e-4  # of a weight: pairs below it don't count
_RIDGE = 1e-6
_STEEP = 16.0  # of the curve that makes a lead a confidence: so it is right as often as it says
_APPLIED = re.compile(
    r"\b(?:(?:is|are|be|been|often|commonly|widely|frequently|most|mainly|mostly|also|and|can|may|was|were)"
    r"\s+used\s+(?:in|for|to|as|by|throughout|when)|used\s+(?:in|for|throughout)|applications?|applied\s+(?:in|to)"
    r"|appl(?:y|ies)\s+to|important|importance|useful|fundamental|central|key|building\s+block|arises?|appears?"
    r"|crops?\s+up|motivat\w+|e\.g\.|for\s+example|for\s+instance|examples?\s+(?:include|of|are)|such\s+as|including"
    r"|include|lets?\s+us|allows?\s+us|enables?|leads?\s+to|implies|gives?\s+rise|in\s+order\s+to)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Need:
    """That `before` has to be known before `after`, both positions. `confidence` is from .5 to 1.

    `sentence` is the one of `after` that names `before`, with these of its words; it is `text[start:end]` of the page
    with the index `page` among the document's. The title is one too, and has no place: None.
    """

    before: int
    after: int
    confidence: float
    words: tuple[str, ...]
    sentence: str
    page: int | None
    start: int | None
    end: int | None


@dataclass(frozen=True)
class Direction:
    """What the texts of some documents say of their order, each by its place in `positions`.

    `trusted`: whether they are such as to say anything; where not, all else is empty or zero. `score` (float64): the
    higher, the earlier. `before`, `after` (int64, places), `weight` and `lead` (float64, from 0 to 1): the pairs that
    it was made from, so that it minimises the sum of weight (score[before] - score[after] - lead)². `confidence`
    (float64) goes by pair: how likely its direction is. `tie` is what is first among equals.
    """

    positions: tuple[int, ...]
    trusted: bool
    score: np.ndarray
    before: np.ndarray
    after: np.ndarray
    weight: np.ndarray
    lead: np.ndarray
    confidence: np.ndarray
    tie: np.ndarray

    def order(self) -> list[int]:
        """The positions, the first to know first."""
        return [self.positions[place] for place in np.lexsort((self.tie, -self.score))]


def direction_of(generation: Generation, positions: Sequence[int] | None = None) -> Direction:
    """What the texts of the documents at `positions` say of their order, of all where it is None; the answer is the
    same in whatever order they are given."""
    known = tuple(
        topics.in_order(generation, range(len(generation.catalogue.summaries)) if positions is None else positions)
    )
    return _made(generation, known, known)


def _direction(generation: Generation, known: tuple[int, ...]) -> Direction:
    told = wording.told(generation, known)
    texts = _Texts([told[position] for position in known])
    none, nothing = np.empty(0), np.empty(0, np.int64)
    if not texts.concepts:
        return Direction(known, False, np.zeros(len(known)), nothing, nothing, none, none, none, np.arange(len(known)))
    own = paper_vectors.of(generation)
    rows = list(known)
    before, after, weight, votes, leads = _votes(texts, [own.raw[rows], own.own[rows]])
    score = ranked(len(known), before, after, weight, votes)
    turn = np.where(votes == 0, leads, votes) < 0
    before, after = np.where(turn, after, before), np.where(turn, before, after)
    leads = np.where(turn, -leads, leads)
    confidence = 1 / (1 + np.exp(-_STEEP * leads))
    return Direction(known, True, score, before, after, weight, np.abs(votes), confidence, np.arange(len(known)))


_made: Last[Direction] = Last(_direction, given="direction")


class _Texts:
    """The titles and texts of some documents as stems."""

    def __init__(self, told: Sequence[Told]) -> None:
        self.told = told
        self.titles = [[stem.stem for stem in wording.stems(each.title)] for each in told]

    @cached_property
    def needs(self) -> list[list[list[str]]]:
        """The stems of each text, by sentence, up to where it comes to what its subject is used for."""
        return [
            [[stem.stem for stem in wording.stems(each.text[start:end])] for start, end in _needing(each.text)]
            for each in self.told
        ]

    @cached_property
    def _whole(self) -> list[list[str]]:
        return [[stem.stem for stem in wording.stems(each.text)] for each in self.told]

    @cached_property
    def concepts(self) -> bool:
        """Whether these are descriptions of concepts: short titles, which the others' texts name."""
        titled = [title for title in self.titles if title]
        if len(titled) < 2 or statistics.median(map(len, titled)) > _SHORT:
            return False
        named = self.share(pairs=False)
        named.setdiag(0)
        full = (named.max(axis=1).toarray().ravel() > 1 - 1e-9).sum()
        return bool(full >= _NAMED * len(titled))

    def share(self, *, pairs: bool) -> csr_array:
        """How much of each one's title (row) the text of each (column) names as a need, itself all of it."""
        from scipy.sparse import csr_array

        parts = _with_pairs if pairs else set
        every = [parts(title) | parts(text) for title, text in zip(self.titles, self._whole, strict=True)]
        frequency = Counter(gram for grams in every for gram in grams)
        number = {gram: n for n, gram in enumerate(sorted(frequency, key=str))}
        count = len(self.titles)
        titles = [sorted(parts(title), key=number.__getitem__) for title in self.titles]
        weights = [
            [math.log(1 + (count - frequency[g] + 0.5) / (frequency[g] + 0.5)) for g in grams] for grams in titles
        ]
        rows = np.repeat(np.arange(count), [len(grams) for grams in titles])
        columns = np.array([number[g] for grams in titles for g in grams], np.int64)
        values = np.array([w / max(math.fsum(own), 1e-12) for own in weights for w in own])
        title = csr_array((values, (rows, columns)), (count, len(number)))
        bodies = [
            sorted({number[gram] for words in (own, *needs) for gram in parts(words)})
            for needs, own in zip(self.needs, self.titles, strict=True)
        ]
        body = csr_array(
            (np.ones(sum(map(len, bodies))), np.concatenate([np.array(b, np.int64) for b in bodies]),
             np.concatenate(([0], np.cumsum([len(b) for b in bodies])))), (count, len(number)),
        )  # fmt: skip
        share = (title @ body.T).tolil()
        share.setdiag(1)
        return csr_array(share)

    def in_titles(self) -> csr_array:
        """How much of each one's title (row) stands in each one's title (column), by number of words."""
        from scipy.sparse import csr_array

        number = {stem: n for n, stem in enumerate(sorted({stem for title in self.titles for stem in title}))}
        rows = [(row, number[stem]) for row, title in enumerate(self.titles) for stem in sorted(set(title))]
        places = np.array(rows, np.int64).reshape(-1, 2).T
        has = csr_array((np.ones(len(rows)), (places[0], places[1])), (len(self.titles), len(number)))
        lengths = np.maximum(np.asarray(has.sum(axis=1)).ravel(), 1)
        return csr_array((has @ has.T).multiply(1 / lengths[:, None]))


def _with_pairs(words: Sequence[str]) -> set:
    return set(words) | set(itertools.pairwise(words))


def _needing(text: str) -> list[tuple[int, int]]:
    spans = []
    for start, end in sentences(text) if text else ():
        applied = _APPLIED.search(text, start, end)
        spans.append((start, applied.start() if applied else end))
    return spans


def _votes(
    texts: _Texts, vectors: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of places that anything speaks for, their weights, their votes (-1 to 1), and their mean leads."""
    cosines = [np.clip(rows @ rows.T, 0, None) for rows in vectors]
    shares = [texts.share(pairs=False), texts.share(pairs=True)]
    found = shares[1].maximum(shares[1].T).tocoo()
    upper = found.row < found.col
    before, after = found.row[upper].astype(np.int64), found.col[upper].astype(np.int64)
    weight = found.data[upper] ** 2 * np.mean([cosine[before, after] for cosine in cosines], axis=0)
    kept = weight > _LEAST
    before, after, weight = before[kept], after[kept], weight[kept]
    inside = texts.in_titles().power(2)
    by_title = np.asarray(inside[before, after]).ravel() - np.asarray(inside[after, before]).ravel()
    votes, leads = np.zeros(len(before)), np.zeros(len(before))
    for cosine in cosines:
        near = cosine**2
        near /= np.maximum(near.sum(1, keepdims=True), 1e-12)
        for share in shares:
            q = share.power(2) @ near.T
            lead = q[before, after] - q[after, before] + _TITLE * by_title
            votes += np.sign(np.where(np.abs(lead) > 1e-12, lead, 0)) / 4
            leads += lead / 4
    return before, after, weight, votes, leads


def ranked(count: int, before: np.ndarray, after: np.ndarray, weight: np.ndarray, lead: np.ndarray) -> np.ndarray:
    """The scores (float64, shape (count,)) that minimise the sum of weight (score[before] - score[after] - lead)²."""
    from scipy.sparse import coo_array, identity
    from scipy.sparse.linalg import spsolve

    rows = np.concatenate((before, after, before, after))
    columns = np.concatenate((before, after, after, before))
    values = np.concatenate((weight, weight, -weight, -weight))
    matrix = coo_array((values, (rows, columns)), (count, count)).tocsc() + _RIDGE * identity(count, format="csc")
    right = np.bincount(before, weight * lead, count) - np.bincount(after, weight * lead, count)
    return spsolve(matrix, right)


def needs(generation: Generation, found: Direction) -> tuple[Need, ...]:
    """What `found` says of pairs where the one's text itself names the other, and the order of all agrees; the surest
    first."""
    told = wording.told(generation, found.positions)
    pages = generation.catalogue.page_texts([(position, 0) for position in found.positions]) if found.trusted else {}
    own = paper_vectors.of(generation)
    made = []
    for before, after, confidence in zip(
        found.before.tolist(), found.after.tolist(), found.confidence.tolist(), strict=True
    ):
        if confidence <= 0.5 or found.score[before] <= found.score[after]:
            continue
        first, second = found.positions[before], found.positions[after]
        if float(own.raw[first] @ own.raw[second] + own.own[first] @ own.own[second]) < 2 * _FAR:
            continue
        title = {stem.stem for stem in wording.stems(told[first].title)}
        best = _naming(title, told[second])
        if best is None:
            continue
        words, sentence, start = best
        place: tuple[int, int, int] | tuple[None, None, None] = (None, None, None)
        page = pages.get((second, 0))
        if start is not None and page is not None and (at := page.text.find(told[second].text)) >= 0:
            place = 0, at + start, at + start + len(sentence)
        made.append(Need(first, second, confidence, words, " ".join(sentence.split()), *place))
    return tuple(sorted(made, key=lambda need: (-need.confidence, wording.mixed(str((need.before, need.after))))))


def _naming(title: set[str], told: Told) -> tuple[tuple[str, ...], str, int | None] | None:
    """The words of a title that a text names as a need, the sentence with most of them, and where it begins; where none has
    enough, the text's own title, without a place; None where that has not either."""

    def words_in(text: str, start: int, end: int) -> tuple[str, ...]:
        found = (stem for stem in wording.stems(text[start:end]) if stem.stem in title)
        return tuple({one.stem: text[start + one.start : start + one.end] for one in found}.values())

    enough = max(_SHOWN * len(title), 1)
    each = [(words_in(told.text, start, end), start) for start, end in _needing(told.text)]
    words, start = max(each, key=lambda one: len(one[0]), default=((), 0))
    if len(words) >= enough:
        return words, told.text[start : dict(sentences(told.text))[start]], start
    words = words_in(told.title, 0, len(told.title))
    return (words, told.title, None) if len(words) >= enough else None
