"""Why a passage was found: the sentence that earned it its place, and the words in it that the query has.

The places are characters of the text that was given, so that a face can mark them in its own way. What is served is read
back first: see `verified`.
"""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from indexer.terms import located

_WORD = re.compile(r"[^\W_]+")
_PLAIN_LENGTH = 200  # characters: a sentence up to this length pays nothing for it
_LENGTH_WEIGHT = 0.25  # how much of a longer one's length it pays for


@dataclass(frozen=True)
class Evidence:
    """The sentence `text[start:end]` and the places of the words in it that the query has, ascending and apart.

    `matched` is False where the text has none of the query's words: it was found by its meaning alone. The sentence is
    then the one nearest in meaning where that is known, else the first.
    """

    start: int
    end: int
    marks: tuple[tuple[int, int], ...]
    matched: bool


def earning(
    text: str, weights: Mapping[str, float], phrases: Sequence[str] = (), scores: Sequence[float] | None = None
) -> Evidence:
    """The sentence of `text` that has most of what the query asks for.

    That is the one with the most of its `phrases`, then the largest sum of `weights` (the IDF of each of the query's
    terms, as `indexer.terms` has them), each term once; a sentence over 200 characters pays for its length as a passage
    does under BM25, else the longest would have every word. The first of equals. `scores` is how near each of
    `sentences(text)` is in meaning, where it is known: used only where no word is found.
    """
    spans = sentences(text)
    found = _places(text, weights)
    whole = [place for phrase in phrases for place in _phrase_places(text, phrase)]
    if not found and not whole:
        best = max(range(len(spans)), key=scores.__getitem__) if scores is not None and len(scores) == len(spans) else 0
        return Evidence(*spans[best], (), False)
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


@lru_cache(maxsize=1 << 16)
def _places_in(chunk: str) -> dict[str, tuple[tuple[int, int], ...]]:
    places: dict[str, tuple[tuple[int, int], ...]] = {}
    for term, start, end in located(chunk):
        places[term] = (*places.get(term, ()), (start, end))
    return places


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
    """Where the query's terms stand, each with its term."""
    found = []
    asked = weights.keys()
    for chunk in dict.fromkeys(text.split()):  # no term runs over a space
        places = _places_in(chunk)
        if asked.isdisjoint(places):
            continue
        at = text.find(chunk)
        while at >= 0:
            end = at + len(chunk)
            if not text[at - 1 : at].strip() and not text[end : end + 1].strip():
                found += [(at + a, at + b, term) for term in places if term in weights for a, b in places[term]]
            at = text.find(chunk, end)
    return found


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
    phrases = Counter(bisect.bisect_right(starts, a) - 1 for a, _ in whole)

    def worth(n: int) -> tuple[int, float, int]:
        start, end = spans[n]
        length = max(1.0, (end - start) / _PLAIN_LENGTH)
        # Summed in the weights' order: a set's order differs between runs, and with it the last digit.
        weight = sum(weights[term] for term in weights if term in has.get(n, ()))
        return phrases[n], weight / (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * length), -n

    return spans[max({*has, *(n for n in phrases if n >= 0)} or {0}, key=worth)]


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
