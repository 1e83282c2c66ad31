"""Results that say the same as one before them are folded into it.

Two texts are near-duplicates when most of the shorter one's shingles, its runs of five words, stand in the longer one
too (containment: Broder, On the resemblance and containment of documents, 1997).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

_WORD = re.compile(r"[^\W_]+")
_SMALL = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
_SHINGLE = 5  # words
_LEAST_SHARED = 0.8  # of the shorter one's shingles
_NEAR = 0.7  # cosine; of all pairs of 13,700 passages with so much in common (five shingles at least) the lowest is .71
_NOTHING = np.empty(0, np.int64)
_LEAST_OVERLAP = 0.5  # of the shorter span; neighbours that share their border sentence are below it


@dataclass(frozen=True)
class Also:
    """Where else the same is said: a document's id and the page's printed number (None: it has none)."""

    id: str
    page: int | None


class Place(NamedTuple):
    """Where a passage stands: any name of its page, and its characters there."""

    page: Hashable
    start: int
    end: int


def fold(
    texts: Sequence[str], places: Sequence[Place] | None = None, vectors: Sequence[np.ndarray | None] = ()
) -> list[list[int]]:
    """The indices of `texts`, best first, in groups of near-duplicates; a group's first is the one to show.

    A text joins the first group whose first text has four fifths of its shingles (or the other way about, the shorter
    one counts), or whose first passage covers half of its span on the same page (the shorter one again). A text without
    a word stands alone. Every index is in exactly one group; groups and their members are ascending. Where their unit
    `vectors` are given, only texts that are near another in meaning are compared: the others can't say the same.
    """
    compared = _comparable(texts, vectors)
    sets = [_shingles(text) if alike else _NOTHING for text, alike in zip(texts, compared, strict=True)]
    common = _common(sets)
    groups: dict[int, list[int]] = {}
    having: dict[int, list[int]] = {}  # by shingle, the first texts of groups that have it
    on_page: dict[Hashable, list[int]] = {}  # likewise by page
    for index, shingles in enumerate(common):
        shares = Counter(first for shingle in shingles for first in having.get(shingle, ())) if shingles else {}
        alike = [
            first
            for first, shared in shares.items()
            if shared >= _LEAST_SHARED * min(len(sets[first]), len(sets[index]))
        ]
        if places is not None:
            here = on_page.setdefault(places[index].page, [])
            alike += [first for first in here if _overlap(places[first], places[index]) >= _LEAST_OVERLAP]
        if alike:
            groups[min(alike)].append(index)
            continue
        groups[index] = [index]
        for shingle in shingles:
            having.setdefault(shingle, []).append(index)
        if places is not None:
            here.append(index)
    return list(groups.values())


def _comparable(texts: Sequence[str], vectors: Sequence[np.ndarray | None]) -> list[bool]:
    """Which of the texts may say the same as another, told by what is quicker than their shingles."""
    if not vectors or any(vector is None for vector in vectors):  # a text without a vector may be like any
        return [True] * len(texts)
    matrix = np.stack(vectors)
    alike = [False] * len(texts)
    for one, other in np.argwhere(np.triu(matrix @ matrix.T >= _NEAR, 1)).tolist():
        if not (alike[one] and alike[other]) and _may_repeat(texts[one], texts[other]):
            alike[one] = alike[other] = True
    return alike


def _may_repeat(text: str, other: str) -> bool:
    """Whether one may have as many of the other's shingles as near-duplicates have, told by their words.

    A word that the other lacks is the first of a shingle that the other lacks, a different one for each such word but
    for the last four words of the text.
    """
    (words, count), (others, other_count) = _words(text), _words(other)
    shared = len(words & others)
    most, more = 1 - _LEAST_SHARED, _SHINGLE - 1
    return len(words) - shared <= most * count + more or len(others) - shared <= most * other_count + more


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[frozenset[str], int]:
    """The different words of a text, and how many it has with repeats."""
    words = _in_row(text)
    return frozenset(words), len(words)


@lru_cache(maxsize=4096)
def _shingles(text: str) -> np.ndarray:
    """A hash of each different run of five words, sorted, int64; a shorter text is one shingle."""
    words = _in_row(text)
    runs = zip(*(words[n:] for n in range(_SHINGLE)), strict=False) if len(words) >= _SHINGLE else [tuple(words)]
    return np.unique(np.array(list(map(hash, runs)) if words else [], np.int64))


def _in_row(text: str) -> list[str]:
    if text.isascii():
        return text.translate(_SMALL).split()  # three times as fast
    return _WORD.findall(text.casefold())


def _common(sets: Sequence[np.ndarray]) -> list[list[int]]:
    """For each set those of its shingles that another has too, by numbers of their own: few, so the rest is cheap."""
    ends = np.cumsum([len(found) for found in sets])
    if not len(ends) or not ends[-1]:
        return [[] for _ in sets]
    every = np.concatenate(sets)
    order = np.argsort(every)
    ordered = every[order]
    begins = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    number = np.cumsum(begins) - 1
    among = np.flatnonzero(np.bincount(number)[number] > 1)
    owner = np.searchsorted(ends, order[among], side="right")
    common: list[list[int]] = [[] for _ in sets]
    for index, shingle in zip(owner.tolist(), number[among].tolist(), strict=True):
        common[index].append(shingle)
    return common


def _overlap(one: Place, other: Place) -> float:
    shorter = min(one.end - one.start, other.end - other.start)
    return (min(one.end, other.end) - max(one.start, other.start)) / shorter if shorter > 0 else 0.0
