"""The words of a text that say what it is about: stems, each with its place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from indexer.document import EMBEDDED
from indexer.library import Generation, Summary
from indexer.terms import terms

_WORD = re.compile(r"[^\W_]+")
_FIRST = 6  # passages that stand for an abstract


class Stem(NamedTuple):
    """The stem of the word `text[start:end]`."""

    stem: str
    start: int
    end: int


class Told(NamedTuple):
    """What a document says of itself: its title, "" where it has none of its own, and its abstract or first prose."""

    title: str
    text: str


def stems(text: str) -> list[Stem]:
    """The stems of a text in order, repeats included; the words of grammar have none."""
    return [
        Stem(stem, match.start(), match.end()) for match in _WORD.finditer(text) if (stem := stem_of(match.group()))
    ]


@lru_cache(maxsize=1 << 17)
def stem_of(word: str) -> str:
    """The stem of a word, "" for one of grammar."""
    return next(iter(terms(word)), "")


def mixed(identifier: str) -> str:
    """What breaks a tie: a hash of the id, which says nothing of the document and stays the same."""
    return hashlib.sha256(identifier.encode("utf-8", "replace")).hexdigest()


def title_of(summary: Summary) -> str:
    """A document's title, "" where that is nothing but its id, and no source calls it so."""
    return "" if summary.title == summary.id != summary.entry.title else summary.title


def by_title_alone(summary: Summary) -> bool:
    """Whether nothing but a title is known of a document, and that because its text could not be had: a record without an
    abstract is all that its source tells of it."""
    return summary.text == "title" and not summary.entry.address.startswith("record:")


def parted(generation: Generation, positions: Iterable[int]) -> tuple[list[int], list[int]]:
    """The positions of what can be looked into, and of what is known by its title alone, each in the order given; where
    nothing can be, all stand with the first."""
    summaries = generation.catalogue.summaries
    known = list(positions)
    alone = [position for position in known if by_title_alone(summaries[position])]
    if len(alone) == len(known):
        return known, []
    out = set(alone)
    return [position for position in known if position not in out], alone


def told(generation: Generation, positions: Sequence[int]) -> dict[int, Told]:
    """What each of the documents at `positions` says of itself, by position."""
    catalogue = generation.catalogue
    summaries = catalogue.summaries
    without = [position for position in positions if not summaries[position].abstract]
    wanted: dict[int, list[int]] = {}
    if without:
        kinds, which = catalogue.kinds_of
        ends = catalogue.counts_of.cumsum()
        prose = [kind in EMBEDDED for kind in kinds]
        for position in without:
            own = range(int(ends[position] - catalogue.counts_of[position]), int(ends[position]))
            wanted[position] = [passage for passage in own if prose[which[passage]]][:_FIRST]
    texts = catalogue.texts([passage for own in wanted.values() for passage in own])
    return {
        position: Told(
            title_of(summaries[position]),
            summaries[position].abstract or "\n".join(texts.get(p, "") for p in wanted[position]),
        )
        for position in positions
    }
