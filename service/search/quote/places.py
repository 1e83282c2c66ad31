"""The place of a quote on some pages that follow each other."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from indexer.library import Generation
from service.search.quote.asked import LONGEST, Asked
from service.search.quote.folding import CITATION, fold, spaceless
from service.search.quote.pages import Run

_LEAST_WITH_CLAUSE, _ELSE_ALIKE = 0.65, 0.95  # near is this much too, if all but one clause is nearly equal
_BESIDE_CLAUSE, _LONG = 12, 60  # letters that must be equal on either side of it, or in all
_GAP = 6_000  # folded characters that an ellipsis may stand for: about two pages
_WORD_AT_MOST = 40  # characters to a word's end
_PLACES = 200  # of one part in one run of pages
_PROSE = ("body", "abstract", "appendix")


@dataclass(frozen=True)
class Stream:
    """Text of a run's pages in one line, folded: for each character its page (an index into the run's) and its place."""

    text: str
    page: np.ndarray
    place: np.ndarray
    run: Run

    def starts_word(self, at: int) -> bool:
        """Whether no word runs on into the character `at`."""
        page, place = int(self.page[at]), int(self.place[at])
        if at and (self.page[at - 1], self.place[at - 1]) == (page, place):
            return False
        text = self.run.pages[page].text
        return not (place and _wordy(text[place - 1]) and _wordy(text[place]))

    def ends_word(self, at: int) -> bool:
        """Whether no word runs on from the character before `at`."""
        page, place = int(self.page[at - 1]), int(self.place[at - 1])
        if at < len(self.text) and (self.page[at], self.place[at]) == (page, place):
            return False
        text = self.run.pages[page].text
        return not (place + 1 < len(text) and _wordy(text[place]) and _wordy(text[place + 1]))


class Found(NamedTuple):
    """A part of a quote in a stream: `text[start:end]`."""

    stream: Stream
    start: int
    end: int
    exact: bool
    score: float


def _wordy(c: str) -> bool:
    return c.isalnum() and not spaceless(c)


def stream_of(run: Run, spans: Sequence[tuple[int, int, int]], plain: bool = False) -> Stream:
    """The stretches of a run's pages that `spans` has as (page, start, end), in their order."""
    texts, pages, places = [], [], []
    for page, start, end in spans:
        own = fold(run.pages[page].text, plain)
        a, b = np.searchsorted(own.places, (start, end))
        texts.append(own.text[a:b])
        places.append(own.places[a:b])
        pages.append(np.full(b - a, page, np.int32))
    nothing = [np.empty(0, np.int32)]
    return Stream("".join(texts), np.concatenate(pages or nothing), np.concatenate(places or nothing), run)


def whole(run: Run) -> list[tuple[int, int, int]]:
    return [(index, 0, len(page.text)) for index, page in enumerate(run.pages)]


def prose(run: Run, generation: Generation) -> list[tuple[int, int, int]]:
    """The prose alone, as one reads it: past floats, footnotes and formulas."""
    blocks = generation.catalogue.blocks_between(run.document, run.first, run.first + len(run.pages) - 1)
    return [(b.page - run.first, b.start, b.end) for b in blocks if b.kind in _PROSE]


def _equal(stream: Stream, asked: Asked) -> list[Found]:
    """The places where the stream has the same text, from a word's begin to a word's end."""
    found: list[Found] = []
    at = stream.text.find(asked.text)
    tries = 0
    while at >= 0 and len(found) < _PLACES and tries < 1000:
        end = at + len(asked.text)
        if stream.starts_word(at) and (asked.cut or stream.ends_word(end)):
            found.append(Found(stream, at, end, True, 1.0))
        at = stream.text.find(asked.text, at + 1)
        tries += 1
    return found


def _near(stream: Stream, wanted: str, least: float) -> list[Found]:
    """The places where the stream has nearly the same text: up to two that are most alike."""
    if len(wanted) > 2 * LONGEST:  # folded, a character may become many
        return []
    return [found for window in _windows(stream.text, wanted) if (found := _aligned(stream, wanted, window, least))]


def _windows(text: str, wanted: str) -> list[tuple[int, int]]:
    """Up to two stretches of `text` with which `wanted` shares most of its short runs of characters, in about one line.

    Two texts that are alike share runs at a nearly constant distance of their places: the densest distances win.
    """
    length = 5 if len(wanted) < 80 else 8
    own, first = np.unique(_runs_of(wanted, length), return_index=True)
    every = _runs_of(text, length)
    if not len(own) or not len(every):
        return []
    number = np.minimum(np.searchsorted(own, every), len(own) - 1)
    hits = np.flatnonzero(own[number] == every)
    shift = np.sort(hits - first[number[hits]])
    width = 12 + len(wanted) // 3
    windows: list[tuple[int, int]] = []
    for _ in range(2):
        within = np.searchsorted(shift, shift + width, side="right") - np.arange(len(shift))
        best = int(within.argmax()) if len(shift) else 0
        if not len(shift) or within[best] < 0.15 * len(own):
            break
        low, high = int(shift[best]), int(shift[best + within[best] - 1])
        slack = 8 + len(wanted) // 8
        windows.append((max(0, low - slack), min(len(text), high + len(wanted) + slack)))
        shift = shift[(shift < low - len(wanted)) | (shift > high + len(wanted))]
    return windows


def _runs_of(text: str, length: int) -> np.ndarray:
    """A hash of each run of `length` characters (Karp and Rabin's rolling one, modulo 2^64), in order."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    count = max(0, len(codes) - length + 1)
    hashes = np.zeros(count, np.uint64)
    for at in range(length):
        hashes = hashes * np.uint64(0x100000001B3) + codes[at : at + count]
    return hashes


def _aligned(stream: Stream, wanted: str, window: tuple[int, int], least: float) -> Found | None:
    """The part of a window that the quote is nearest to, from a word's begin to a word's end; None where it is not near.

    Where the most characters are equal in order, the stretch with most equal over unequal ones is the place.
    """
    from rapidfuzz.distance import Indel, Levenshtein

    # Without substitution: with it, a clause put in is cheapest laid over the text before the place.
    best = sum_ = 0.0
    begin = start = end = -1
    for op in Indel.opcodes(wanted, stream.text[window[0] : window[1]]):
        if op.tag == "equal":
            if sum_ <= 0:
                sum_, begin = 0.0, op.dest_start
            sum_ += op.dest_end - op.dest_start
            if sum_ > best:
                best, start, end = sum_, begin, op.dest_end
        else:
            sum_ -= 0.6 * (op.dest_end - op.dest_start + op.src_end - op.src_start)
    if best < least * len(wanted) / 2:
        return None
    start, end = start + window[0], end + window[0]
    for _ in range(_WORD_AT_MOST):
        if start > 0 and not stream.starts_word(start):
            start -= 1
        if end < len(stream.text) and not stream.ends_word(end):
            end += 1
    found = stream.text[start:end]
    score = Levenshtein.normalized_similarity(wanted, found)
    near = score >= least or (score >= _LEAST_WITH_CLAUSE and _but_for_a_clause(wanted, found) >= _ELSE_ALIKE)
    return Found(stream, start, end, False, score) if near else None


def _but_for_a_clause(wanted: str, found: str) -> float:
    """The similarity of two texts without the longest stretch that only one of them has; 0 where there is none.

    It must stand within, or beside a long stretch that is equal: a page's head may be copied with the text.
    """
    from rapidfuzz.distance import Levenshtein

    ways = list(Levenshtein.opcodes(wanted, found))
    sizes = [max(op.dest_end - op.dest_start, op.src_end - op.src_start) for op in ways]
    equal = [size if op.tag == "equal" else 0 for op, size in zip(ways, sizes, strict=True)]
    clause = max(
        (
            size
            for at, (op, size) in enumerate(zip(ways, sizes, strict=True))
            if op.tag in ("insert", "delete")
            and (sum(equal) >= _LONG or min(sum(equal[:at]), sum(equal[at:])) >= _BESIDE_CLAUSE)
        ),
        default=0,
    )
    if not clause:
        return 0.0
    return 1 - (sum(sizes) - sum(equal) - clause) / (max(len(wanted), len(found)) - clause)


def chains(
    stream: Stream, ways: Sequence[Sequence[Asked]], least: float | None, plain: bool = False
) -> Iterator[list[Found]]:
    for parts in ways:
        yield from _chains_of(stream, parts, least, plain)


def _chains_of(stream: Stream, parts: Sequence[Asked], least: float | None, plain: bool) -> list[list[Found]]:
    """The ways in which a stream has the parts one after the other; only equal ones where `least` is None.

    `plain` says that citation marks are left out of the stream.
    """
    places: list[list[Found]] = []
    for asked in parts:
        here = [] if plain else _equal(stream, asked)
        if not here and least is not None and not asked.short:
            here = _near(stream, asked.plain if plain else asked.text, least)
        if not here:
            return []
        places.append(sorted(here, key=lambda found: found.start))
    chains = []
    for found in places[0]:
        chain = [found]
        for later in places[1:]:
            at = bisect.bisect_left(later, chain[-1].end, key=lambda found: found.start)
            if at == len(later) or later[at].start - chain[-1].end > _GAP:
                break
            chain.append(later[at])
        else:
            chains.append(chain)
    return chains


def spans(found: Found) -> Iterator[tuple[int, int, int]]:
    """The stretches of pages that it lies on, as (page, start, end): cut where the stream goes on elsewhere."""
    stream = found.stream
    page, place = stream.page[found.start : found.end], stream.place[found.start : found.end]
    text = stream.run.pages
    begin = 0
    for at in range(1, len(page) + 1):
        if at < len(page) and page[at] == page[at - 1] and not _jumps(text[page[at]].text, place[at - 1], place[at]):
            continue
        yield int(page[begin]), int(place[begin]), int(place[at - 1]) + 1
        begin = at


def _jumps(text: str, before: int, after: int) -> bool:
    """Whether text, other than a citation mark, stands between two characters that follow each other in a stream."""
    between = text[before + 1 : after]
    return after < before or (any(map(str.isalnum, between)) and any(map(str.isalnum, CITATION.sub("", between))))
