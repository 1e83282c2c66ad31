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
    compared = _near(vectors) if vectors else np.ones(len(texts), bool)
    sets = [_shingles(text) if near else _NOTHING for text, near in zip(texts, compared.tolist(), strict=True)]
    common = _common(sets)
    groups: dict[int, list[int]] = {}
    having: dict[int, list[int]] = {}  # by shingle, the first texts of groups that have it
    on_page: dict[Hashable, list[int]] = {}  # likewise by page
    for index, shingles in enumerate(common):
        alike = [
            first
            for first, shared in Counter(first for shingle in shingles for first in having.get(shingle, ())).items()
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


def _near(vectors: Sequence[np.ndarray | None]) -> np.ndarray:
    """Which of the texts are near another one, or have no vector to tell it by: bool of shape (n,)."""
    rows = [n for n, vector in enumerate(vectors) if vector is not None]
    near = np.ones(len(vectors), bool)
    if rows and len(rows) == len(vectors):  # a text without a vector may be like any
        matrix = np.stack([vectors[n] for n in rows])
        products = matrix @ matrix.T
        np.fill_diagonal(products, 0)
        near[rows] = products.max(1, initial=0) >= _NEAR
    return near


@lru_cache(maxsize=4096)
def _shingles(text: str) -> np.ndarray:
    """A hash of each different run of five words, sorted, int64; a shorter text is one shingle."""
    words = _WORD.findall(text.casefold())
    runs = zip(*(words[n:] for n in range(_SHINGLE)), strict=False) if len(words) >= _SHINGLE else [tuple(words)]
    return np.unique(np.array(list(map(hash, runs)) if words else [], np.int64))


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
