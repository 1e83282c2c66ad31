"""The pages that may have a quote: those that have most of its rarest terms."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from indexer.document import Page
from indexer.library import Generation
from indexer.terms import terms
from service import deadline
from service.search.quote.asked import FEWEST_WORDS
from service.search.quote.folding import NO_SCRIPT

NEARLY = 8
"""Pages compared closely where the quote has `_MANY` telling terms; else `CLOSELY`."""
CLOSELY = 24
"""Pages searched with their neighbours for equal text."""
_TERMS = 24  # the rarest of the quote's
_TELLING = 3  # letters of a term that tells a page from others
_MANY = 6  # different such terms, and the right page is among the first few
_POSTINGS = 500_000
_PAGES = 2_000  # pages searched for equal text
_CHARACTERS = 1_000_000  # of the pages with neighbours
_LINE_END = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010\x02\ufffe]\s*[\r\n]+\s*(?=[^\W\d_])|[\u00ad\x02\ufffe]\s*")


class Run(NamedTuple):
    """Pages of one document that follow each other; `first` is the index of the first."""

    document: int
    first: int
    pages: tuple[Page, ...]


def candidates(generation: Generation, text: str) -> list[tuple[int, int]]:
    """The (document, page) pairs that have most of the quote's rarest terms, each weighed by its rarity; best first."""
    wanted = {*terms(text), *terms(_LINE_END.sub("", text))}
    found = [(ids, term) for term in wanted if len(ids := generation.words.postings(term)[0])]
    found.sort(key=lambda pair: (len(pair[0]), pair[1]))
    documents, page_of = generation.catalogue.documents_of, generation.catalogue.pages_of
    room, having, weights = _POSTINGS, [], []
    for ids, _ in found[:_TERMS]:
        ids = np.asarray(ids[:room], np.int64)
        room -= len(ids)
        having.append(ids)
        weights.append(math.log(1 + len(documents) / max(1, len(ids))))
    best = _most(having, weights, documents, page_of) if having else np.empty(0, np.int64)
    if sum(len(term) >= _TELLING for _, term in found) < FEWEST_WORDS:
        # Words of grammar, parts of words or of formulas: then any page may have it.
        rest = np.unique((documents << 32) | page_of)[:_PAGES]
        best = np.concatenate((best, rest[~np.isin(rest, best)]))
    return [(int(key) >> 32, int(key) & 0xFFFFFFFF) for key in best]


def _most(
    having: Sequence[np.ndarray], weights: Sequence[float], documents: np.ndarray, page_of: np.ndarray
) -> np.ndarray:
    """The pages that have most of the terms, best first, each as document << 32 | page; `having` are their passages.

    A page counts the weights of all that it has and once more those that its best passage has: a page may have all words
    of a quote by chance, one passage seldom.
    """
    every = np.concatenate(having)
    ids, number = np.unique(every, return_inverse=True)
    of_passage = np.bincount(number, np.repeat(weights, list(map(len, having))))
    pages, of = np.unique((documents[ids] << 32) | page_of[ids], return_inverse=True)
    votes = np.zeros(len(pages))
    np.maximum.at(votes, of, of_passage)
    ends = np.cumsum(list(map(len, having)))
    for start, end, weight in zip(ends - list(map(len, having)), ends, weights, strict=True):
        votes[np.unique(of[number[start:end]])] += weight
    best = np.lexsort((pages, -votes.round(9)))[:_PAGES]
    alike = int((votes[best] >= 0.9 * votes[best[0]]).sum()) if len(best) else 0
    return pages[best[: max(CLOSELY, alike)]]  # of those beyond the first, only such as may have the very words


def compared(text: str) -> int:
    """How many pages are compared with a quote closely."""
    telling = sum(len(term) >= _TELLING for term in {*terms(text)})
    return NEARLY if telling >= _MANY else CLOSELY


def runs(generation: Generation, pairs: Sequence[tuple[int, int]]) -> Iterator[Run]:
    """These pages with the one before and the one after each, as runs; in the order of the best page of each."""
    wanted = {(document, page + step) for document, page in pairs for step in (-1, 0, 1)}
    texts = generation.catalogue.page_texts(sorted(pair for pair in wanted if pair[1] >= 0))
    done: set[tuple[int, int]] = set()
    for document, page in pairs:
        if (document, page) in done or (document, page) not in texts:
            continue
        first = last = page
        while (document, first - 1) in texts:
            first -= 1
        while (document, last + 1) in texts:
            last += 1
        done.update((document, index) for index in range(first, last + 1))
        yield Run(document, first, tuple(texts[document, index] for index in range(first, last + 1)))


def others(generation: Generation, text: str, pairs: Sequence[tuple[int, int]]) -> Iterator[Run]:
    """Those of these pages that may have the very text: they have all its words but one that a line's end may have cut."""
    words = {word for word in re.findall(r"[^\W_]+", text.casefold()) if len(word) > 1}
    spare = 1 + len(words) // 10
    for (document, page), held in generation.catalogue.page_texts(pairs).items():
        deadline.check()
        within = held.text.casefold().translate(NO_SCRIPT)
        missing = 0
        for word in words:
            missing += word not in within
            if missing > spare:
                break
        else:
            yield Run(document, page, (held,))


def within(runs: Iterator[Run]) -> Iterator[Run]:
    """As many of the runs as there is room for, at least one."""
    read = 0
    for run in runs:
        deadline.check()
        size = sum(len(page.text) for page in run.pages)
        if read and read + size > _CHARACTERS:
            continue
        read += size
        yield run
