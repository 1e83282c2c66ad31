"""Why a passage was found: the sentence that earned it its place, and the words in it that the query has.

The places are characters of the text that was given, so that a face can mark them in its own way. That text is the
page's own: `Catalogue.passages` gives none that is not what it was when it was cut.
"""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from indexer.terms import Term, located

_WORD = re.compile(r"[^\W_]+")
_JOINER = re.compile(r"[-./_]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_FOREIGN = re.compile("[^\\W\x00-\x7f]|[\u2010\u2011\xad]")  # a letter or digit, or what joins words
_SPACED = {code: " " for code in range(128) if not chr(code).isalnum()}
# What an ASCII sign is: a letter, a digit, what joins words, or none of these; and what of that makes a joined word.
_SIGNS = {
    code: "a" if sign.isalpha() else "0" if sign.isdigit() else "-" if sign in "-./_" else " "
    for code, sign in enumerate(map(chr, range(128)))
}
_JOINED = ("a-a", "a-0", "0-a", "0-0", "a0", "0a")
_PLAIN_LENGTH = 200  # characters: a sentence up to this length pays nothing for it
_LENGTH_WEIGHT = 0.25  # how much of a longer one's length it pays for


@dataclass(frozen=True)
class Evidence:
    """The sentence `text[start:end]` and the places of the words in it that the query has, ascending and apart.

    `matched` is False where the text has none of the query's words: it was found by its meaning alone. The sentence is
    then the first.
    """

    start: int
    end: int
    marks: tuple[tuple[int, int], ...]
    matched: bool


def earning(text: str, weights: Mapping[str, float], phrases: Sequence[str] = ()) -> Evidence:
    """The sentence of `text` that has most of what the query asks for.

    That is the one with the most of its `phrases`, then the largest sum of `weights` (the IDF of each of the query's
    terms, as `indexer.terms` has them), each term once; a sentence over 200 characters pays for its length as a passage
    does under BM25, else the longest would have every word. The first of equals; the first of all where no word is found.
    """
    spans = sentences(text)
    found = _places(text, weights)
    whole = [place for phrase in phrases for place in _phrase_places(text, phrase)]
    if not found and not whole:
        return Evidence(*spans[0], (), False)
    start, end = _best(spans, found, whole, weights)
    inside = [(a, b) for a, b, _ in found if start <= a and b <= end]
    return Evidence(start, end, _apart(inside + [(max(a, start), min(b, end)) for a, b in whole]), True)


def marked(text: str, weights: Mapping[str, float], phrases: Sequence[str] = ()) -> tuple[tuple[int, int], ...]:
    """The places in `text`, a title for one, of the words that the query has, ascending and apart."""
    found = _places(text, weights)
    return _apart([(a, b) for a, b, _ in found] + [p for phrase in phrases for p in _phrase_places(text, phrase)])


def verified(page_text: str, start: int, end: int, text: str) -> bool:
    """Whether `text` is what the stored page has from character `start` to `end`, and there is such a place.

    A slice that runs over the page's end is shorter than it says: that is no place, whatever its text.
    """
    return 0 <= start < end <= len(page_text) and page_text[start:end] == text


@lru_cache(maxsize=1 << 14)
def sentences(text: str) -> tuple[tuple[int, int], ...]:
    """The sentences of a text as `text[start:end]`, without the space around them; at least one."""
    from sentencex import get_sentence_boundaries

    spans = []
    for found in get_sentence_boundaries("en", text):
        own = text[found["start_index"] : found["end_index"]]
        start = found["start_index"] + len(own) - len(own.lstrip())
        if end := len(own.strip()):
            spans.append((start, start + end))
    return tuple(spans) or ((0, len(text)),)


def _places(text: str, weights: Mapping[str, float]) -> list[tuple[int, int, str]]:
    """Where the query's terms stand, each with its term: those of `located(text)` that `weights` has.

    Finding the terms of a text takes a hundred times as long as finding some letters in it, so that is done only where a
    word begins as one of the query's does.
    """
    read = _read(text)
    if read is None:
        return [(term.start, term.end, term.term) for term in located(text) if term.term in weights]
    chunks = dict(read.foreign)
    words, within = read.words, read.within
    for beginning, letters in _beginnings(tuple(weights)):
        at = words.find(beginning)
        while at >= 0:
            start, end = _around(text, at)
            chunks[start] = end
            at = words.find(beginning, end)
        if letters in within:
            chunks.update((start, end) for start, end, whole in read.joined if letters in whole)
    return [
        (start + a, start + b, term)
        for start, end in chunks.items()
        for term, a, b in _located(text[start:end])
        if term in weights
    ]


class _Read(NamedTuple):
    """What of a text doesn't hang on the query. A chunk is what stands between two spaces: no term leaves one.

    `words` is the text in small letters, with spaces for what is no letter or digit and a space before it. `foreign` are
    the chunks, by where they start, with a letter beyond ASCII, which may be spelled in many ways, or a hyphen beyond it.
    `joined` are those in which a word of ASCII is joined to another (`low-rank` is found by `lowrank` too) or has letters
    and digits, with what they are without the joiners; `within` is all of that.
    """

    words: str
    foreign: dict[int, int]
    joined: tuple[tuple[int, int, str], ...]
    within: str


@lru_cache(maxsize=1 << 13)
def _read(text: str) -> _Read | None:
    """None where a letter in small becomes two, so that places would differ."""
    lower = text.lower()
    if len(lower) != len(text):
        return None
    words, foreign = lower.translate(_SPACED), {}
    if not text.isascii():
        for sign in set(_NOT_ASCII.findall(text)):
            if not sign.isalnum():
                words = words.replace(sign, " ")
        found = _FOREIGN.search(text)
        while found:
            start, end = _around(text, found.start())
            foreign[start] = end
            found = _FOREIGN.search(text, end)
    joined: dict[int, int] = {}
    signs = lower.translate(_SIGNS)
    for pattern in _JOINED:
        at = signs.find(pattern)
        while at >= 0:
            start, end = _around(lower, at)
            joined[start] = end
            at = signs.find(pattern, end)
    wholes = [_JOINER.sub("", lower[start:end]) for start, end in joined.items()]
    chunks = tuple((start, end, whole) for (start, end), whole in zip(joined.items(), wholes, strict=True))
    return _Read(" " + words, foreign, chunks, " ".join(wholes))


def _around(text: str, at: int) -> tuple[int, int]:
    end = text.find(" ", at)
    return text.rfind(" ", 0, at) + 1, end if end >= 0 else len(text)


@lru_cache(maxsize=256)
def _beginnings(asked: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """What a word of ASCII letters or digits that has one of these terms begins with, with and without a space before it.

    A stem is its word's beginning but for at most its last letter (use: using), and for the three letters that Porter
    2 makes of `dying`, `lying` and `tying`.
    """
    found = {}
    for term in asked:
        if term.isascii() and term:
            shared = 1 if term.endswith("ie") and len(term) == 3 else max(len(term) - 1, min(len(term), 2))
            found[f" {term[:shared]}"] = term[:shared]
    return tuple(found.items())


@lru_cache(maxsize=1 << 14)
def _located(chunk: str) -> tuple[Term, ...]:
    return tuple(located(chunk))


def _phrase_places(text: str, phrase: str) -> list[tuple[int, int]]:
    pattern = _phrase_pattern(phrase)
    return [match.span() for match in pattern.finditer(text)] if pattern else []


@lru_cache(maxsize=256)
def _phrase_pattern(phrase: str) -> re.Pattern[str] | None:
    words = _WORD.findall(phrase)
    inner = r"[\W_]+".join(map(re.escape, words))
    return re.compile(rf"(?<![^\W_]){inner}(?![^\W_])", re.IGNORECASE) if words else None


def _best(
    spans: Sequence[tuple[int, int]], found: Sequence[tuple[int, int, str]], whole: Sequence[tuple[int, int]],
    weights: Mapping[str, float],
) -> tuple[int, int]:  # fmt: skip
    """The sentence with most phrases, then most weight for its length, then the first."""
    starts = [start for start, _ in spans]
    has: dict[int, set[str]] = {}
    for a, b, term in found:
        n = bisect.bisect_right(starts, a) - 1
        if n >= 0 and b <= spans[n][1]:
            has.setdefault(n, set()).add(term)
    phrases = Counter(bisect.bisect_right(starts, a) - 1 for a, _ in whole) if whole else {}
    best, most = 0, (-1, 0.0)
    for n in sorted({*has, *(n for n in phrases if n >= 0)}):
        start, end = spans[n]
        own = has.get(n, ())
        # Summed in the weights' order: a set's order differs between runs, and with it the last digit.
        weight = sum([weights[term] for term in weights if term in own])
        length = max(1.0, (end - start) / _PLAIN_LENGTH)
        worth = phrases.get(n, 0), weight / (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * length)
        if worth > most:
            best, most = n, worth
    return spans[best]


def _apart(places: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The places in order, those that overlap made one."""
    apart: list[tuple[int, int]] = []
    for a, b in sorted(places):
        if a >= b:
            continue
        if apart and a < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(b, apart[-1][1]))
        else:
            apart.append((a, b))
    return tuple(apart)
