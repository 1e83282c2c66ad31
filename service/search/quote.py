"""Which paper and page says this, exactly or nearly, or that none does.

    quote -> its rarest terms -> the pages that have most of them -> the quote's place there -> read back

Text is compared by its folded characters: no case, white space, accents, ligatures, quotation marks, and no hyphens but
those beside a digit, so that neither a line's end nor a typeface tells two texts apart. Exact is equal then. Near is a
Levenshtein similarity of at least `NEAR` with one stretch of text, or less where one clause was put in or left out and
all else is nearly equal; where nothing is, once more without numbered and dated citation marks on both sides. Both lines
were set on altered quotes of half of the test papers; the tests take the other half.

The work is bounded, whatever the quote and however large the library: the pages that have most of the quote's rarest
terms are searched for equal text, `_PAGES` of them, the best `_CLOSELY` together with their neighbours; only the best
`_NEARLY` are compared closely. A quote made of nothing but words that thousands of pages have may stand beyond those.
"""

from __future__ import annotations

import bisect
import itertools
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from indexer.document import Block, BlockKind, Page
from indexer.errors import UsageError
from indexer.library import Generation
from indexer.terms import terms
from service import deadline
from service.evidence import verified
from service.links import page_link

LONGEST = 10_000
"""Characters that a quote may have."""
NEAR = 0.8
"""The least similarity of a quote that is not exact."""

_LEAST_WITH_CLAUSE, _ELSE_ALIKE = 0.65, 0.95  # or this much, if all but one clause is nearly equal
_BESIDE_CLAUSE, _LONG = 12, 60  # letters that must be equal on either side of it, or in all

_FEWEST_WORDS, _FEWEST_LETTERS = 3, 12  # below either, almost the same is not the same
_TERMS = 24  # the rarest of the quote's
_TELLING = 3  # letters of a term that tells a page from others
_POSTINGS = 500_000
_MANY = 6  # different such terms, and the right page is among the first few
_NEARLY = 8  # pages compared closely then; else `_CLOSELY`
_CLOSELY = 24  # pages searched with their neighbours for equal text
_PAGES = 2_000  # pages searched for equal text
_CHARACTERS = 1_000_000  # of the pages with neighbours
_PARTS = 8  # of a quote with ellipses
_GAP = 6_000  # folded characters that an ellipsis may stand for: about two pages
_WORD_AT_MOST = 40  # characters to a word's end
_CACHED_PAGE = 100_000  # characters: longer pages are folded each time
_PLACES = 200  # of one part in one run of pages
_ENOUGH = 50  # pages that say it: the best are chosen among them
_BEHIND: dict[BlockKind, int] = {"front": 1, "reference": 2}  # the same text in the body goes before
_PROSE = ("body", "abstract", "appendix")

_ELLIPSIS = re.compile(r"[\[(]\s*(?:\.\s*\.\s*\.|…)\s*[\])]|\.(?:\s?\.){2,}|…")
_CITATION = re.compile(
    r"\[\d[\d,;\s–-]{0,80}\]|\((?=[^()]{0,200}\d{4})[^()]{0,200}?\b(?:19|20)\d\d[a-z]?(?:[,;][^()]{1,200})?\)"
)
_LINE_END = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010\x02\ufffe]\s*[\r\n]+\s*(?=[^\W\d_])|[\u00ad\x02\ufffe]\s*")
_CUT = re.compile(r"[^\W\d_][-\u00ad\u2010\x02\ufffe]\s*$")


class QuoteTooLong(UsageError):
    """The quote has more than `LONGEST` characters."""

    cure = "Give a part of it: a sentence is enough."


@dataclass(frozen=True)
class Part:
    """A stretch of the stored text that the quote has: `text` is the page's from character `start` to `end`."""

    page: int | None
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Match:
    """A place that says what was quoted. `page` is the printed number of the page where it begins, None where none is.

    On one page `text` is the page's from character `start` to `end`. Where it runs over a page's end, `end_page` is the
    number of the page where it ends, `end` a character of that one, and `text` the texts of `parts`, each on a line of its
    own. `parts` leaves out what stands between: what an ellipsis stands for, or a float that cuts the sentence. `exact` is
    equality of the folded text (see above), `score` the similarity, 1 for an exact one. `kind` is what the text is there.
    """

    id: str
    title: str
    page: int | None
    end_page: int | None
    start: int
    end: int
    text: str
    exact: bool
    score: float
    kind: BlockKind
    link: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class QuoteAnswer:
    """Where the library says what was quoted, best first. `reason` says why there is no match, "" where there is."""

    query: str
    generation: str
    matches: tuple[Match, ...]
    reason: str = ""


def quote(generation: Generation, text: str, limit: int = 5) -> QuoteAnswer:
    """The `limit` best places that say `text`, at most one on a page.

    Exact ones go first, then by similarity; the same text in the body goes before front matter, and that before a
    bibliography. An ellipsis (`…`, `...`, `[...]`) stands for up to about two pages left out. A quote of fewer than three
    words or twelve letters is looked for exactly only. Raises `QuoteTooLong`.
    """
    if len(text) > LONGEST:
        raise QuoteTooLong(f"The quote has {len(text)} characters; {LONGEST} is the most.")
    whole = _asked(text)
    if whole is None:
        return QuoteAnswer(text, generation.name, (), "The quote has no letter and no digit.")
    parts = [asked for piece in _ELLIPSIS.split(text)[: _PARTS * 2] if (asked := _asked(piece))]
    ways = [[whole], parts] if 2 <= len(parts) <= _PARTS else [parts if len(parts) == 1 else [whole]]
    matches = sorted(_matches(generation, text, ways, max(_ENOUGH, limit)), key=_order)[: max(0, limit)]
    return QuoteAnswer(text, generation.name, tuple(found for _, found in matches), "" if matches else _why(whole))


def folded(text: str) -> str:
    """A text as it is compared: two that are equal so are the same to a reader."""
    return _folded(text).text


# ---------------------------------------------------------------------- the quote


@dataclass(frozen=True)
class _Asked:
    """A quote, or a part of one between ellipses, folded.

    `plain` is without citation marks; `short` says that it is too short for near, `cut` that it ends with the hyphen of a
    line's end, within a word.
    """

    text: str
    plain: str
    short: bool
    cut: bool


def _asked(text: str) -> _Asked | None:
    own = _bare(folded(text))
    if not own:
        return None
    plain = _bare(_folded(text, True).text)
    if len(plain) < len(own) / 2:  # nothing but citations
        plain = own
    letters = sum(map(str.isalnum, own))
    words = len(re.findall(r"[^\W_]+", text)) + sum(map(_spaceless, text)) // 2
    return _Asked(own, plain, letters < _FEWEST_LETTERS or words < _FEWEST_WORDS, bool(_CUT.search(text)))


def _why(asked: _Asked) -> str:
    if asked.short:
        return (
            f"No page has exactly these words. A quote of fewer than {_FEWEST_WORDS} words or {_FEWEST_LETTERS} letters"
            " is looked for exactly only: almost the same would be something else."
        )
    return "No page says this, exactly or nearly."


def _bare(text: str) -> str:
    """Without marks at either end: those of the one who quotes."""
    inner = re.search(r"[^\W_](?:.*[^\W_])?", text, re.DOTALL)
    return inner.group() if inner else ""


# ---------------------------------------------------------------------- folding


class _Folded(NamedTuple):
    """A text's folded characters, and which character of it each came from (int32)."""

    text: str
    places: np.ndarray


class _Characters(dict[str, str]):
    """What each character folds to."""

    _DROPPED = frozenset("'\"`´‘’‚‛“”„‟«»‹›′″¨ˆ˜¸˚˙˝ˇ˘_^")
    _DASHES = frozenset("-‐‑‒–—―−﹣－")

    def __missing__(self, character: str) -> str:
        self[character] = made = "".join(map(self._one, unicodedata.normalize("NFKD", character).casefold()))
        return made

    def _one(self, c: str) -> str:
        if c in self._DASHES:
            return "-"
        if c in self._DROPPED or c.isspace() or unicodedata.category(c)[0] in "MC":
            return ""
        return "i" if c == "ı" else c


_CHARACTERS_OF = _Characters()
_SCRIPT = re.compile(r"[\^_]\((?:[^()]|\([^()]{0,40}\)){0,80}\)")
_NO_SCRIPT = {ord(c): None for c in "_^"}
_LOOSE_HYPHEN = re.compile(r"(?<!\d)-(?!\d)")


def _folded(text: str, plain: bool = False) -> _Folded:
    """A text folded; `plain` leaves its citation marks out."""
    own = (_fold if len(text) <= _CACHED_PAGE else _fold.__wrapped__)(text)
    if not plain:
        return own
    marks = [match.span() for match in _CITATION.finditer(text)]
    if not marks:
        return own
    keep = np.ones(len(own.text), bool)
    for start, end in np.searchsorted(own.places, marks).tolist():
        keep[start:end] = False
    return _kept(own, keep)


@lru_cache(maxsize=512)
def _fold(text: str) -> _Folded:
    pieces = [_CHARACTERS_OF[c] for c in text]
    for match in _SCRIPT.finditer(text):  # our own way to write what stands raised or lowered
        pieces[match.start() + 1] = pieces[match.end() - 1] = ""
    places = np.repeat(np.arange(len(text), dtype=np.int32), list(map(len, pieces)))
    own = _Folded("".join(pieces), places)
    keep = np.ones(len(own.text), bool)
    for match in _LOOSE_HYPHEN.finditer(own.text):
        keep[match.start()] = False
    return own if keep.all() else _kept(own, keep)


def _kept(own: _Folded, keep: np.ndarray) -> _Folded:
    return _Folded("".join(itertools.compress(own.text, keep.tolist())), own.places[keep])


def _spaceless(c: str) -> bool:
    """Whether it is of a script that sets no spaces between words, so that a word may begin anywhere."""
    return "\u0e00" <= c <= "\u0eff" or "\u2e80" <= c <= "\ud7ff" or "\uf900" <= c <= "\ufaff" or c >= "\U00020000"


# ---------------------------------------------------------------------- pages that may have it


class _Run(NamedTuple):
    """Pages of one document that follow each other; `first` is the index of the first."""

    document: int
    first: int
    pages: tuple[Page, ...]


def _candidates(generation: Generation, text: str) -> list[tuple[int, int]]:
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
    if sum(len(term) >= _TELLING for _, term in found) < _FEWEST_WORDS:
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
    return pages[best[: max(_CLOSELY, alike)]]  # of those beyond the first, only such as may have the very words


def _telling(text: str) -> int:
    return sum(len(term) >= _TELLING for term in {*terms(text)})


def _runs(generation: Generation, pairs: Sequence[tuple[int, int]]) -> Iterator[_Run]:
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
        yield _Run(document, first, tuple(texts[document, index] for index in range(first, last + 1)))


# ---------------------------------------------------------------------- the place on them


@dataclass(frozen=True)
class _Stream:
    """Text of a run's pages in one line, folded: for each character its page (an index into the run's) and its place."""

    text: str
    page: np.ndarray
    place: np.ndarray
    run: _Run

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


class _Found(NamedTuple):
    """A part of a quote in a stream: `text[start:end]`."""

    stream: _Stream
    start: int
    end: int
    exact: bool
    score: float


def _wordy(c: str) -> bool:
    return c.isalnum() and not _spaceless(c)


def _stream(run: _Run, spans: Sequence[tuple[int, int, int]], plain: bool = False) -> _Stream:
    """The stretches of a run's pages that `spans` has as (page, start, end), in their order."""
    texts, pages, places = [], [], []
    for page, start, end in spans:
        own = _folded(run.pages[page].text, plain)
        a, b = np.searchsorted(own.places, (start, end))
        texts.append(own.text[a:b])
        places.append(own.places[a:b])
        pages.append(np.full(b - a, page, np.int32))
    nothing = [np.empty(0, np.int32)]
    return _Stream("".join(texts), np.concatenate(pages or nothing), np.concatenate(places or nothing), run)


def _whole(run: _Run) -> list[tuple[int, int, int]]:
    return [(index, 0, len(page.text)) for index, page in enumerate(run.pages)]


def _prose(run: _Run, generation: Generation) -> list[tuple[int, int, int]]:
    """The prose alone, as one reads it: past floats, footnotes and formulas."""
    blocks = generation.catalogue.blocks_between(run.document, run.first, run.first + len(run.pages) - 1)
    return [(b.page - run.first, b.start, b.end) for b in blocks if b.kind in _PROSE]


def _equal(stream: _Stream, asked: _Asked) -> list[_Found]:
    """The places where the stream has the same text, from a word's begin to a word's end."""
    found: list[_Found] = []
    at = stream.text.find(asked.text)
    tries = 0
    while at >= 0 and len(found) < _PLACES and tries < 1000:
        end = at + len(asked.text)
        if stream.starts_word(at) and (asked.cut or stream.ends_word(end)):
            found.append(_Found(stream, at, end, True, 1.0))
        at = stream.text.find(asked.text, at + 1)
        tries += 1
    return found


def _near(stream: _Stream, wanted: str, least: float) -> list[_Found]:
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


def _aligned(stream: _Stream, wanted: str, window: tuple[int, int], least: float) -> _Found | None:
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
    return _Found(stream, start, end, False, score) if near else None


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


def _all_chains(
    stream: _Stream, ways: Sequence[Sequence[_Asked]], least: float | None, plain: bool = False
) -> Iterator[list[_Found]]:
    for parts in ways:
        yield from _chains(stream, parts, least, plain)


def _chains(stream: _Stream, parts: Sequence[_Asked], least: float | None, plain: bool) -> list[list[_Found]]:
    """The ways in which a stream has the parts one after the other; only equal ones where `least` is None.

    `plain` says that citation marks are left out of the stream.
    """
    places: list[list[_Found]] = []
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


# ---------------------------------------------------------------------- the answer

_Ranked = tuple[tuple[int, int], Match]


def _matches(generation: Generation, text: str, ways: Sequence[Sequence[_Asked]], enough: int) -> list[_Ranked]:
    """At most one match on each page, each with its place among the documents; about `enough`, where that many are."""
    pairs = _candidates(generation, text)
    best: dict[tuple[int, int], _Ranked] = {}

    def add(chain: Sequence[_Found]) -> None:
        deadline.check()
        stream, start = chain[0].stream, chain[0].start
        held = best.get((stream.run.document, stream.run.first + int(stream.page[start])))
        if held is not None and held[1].exact:
            return
        found = _match(generation, chain)
        if found is not None and (found[0] not in best or _order(found) < _order(best[found[0]])):
            best[found[0]] = found

    for run in _within(_runs(generation, pairs[:_CLOSELY])):
        for chain in _all_chains(_stream(run, _whole(run)), ways, None):
            add(chain)
    for run in _others(generation, text, pairs[_CLOSELY:]):
        if len(best) >= enough:
            break
        for chain in _all_chains(_stream(run, _whole(run)), ways, None):
            add(chain)
    if best:
        return list(best.values())
    near = pairs[: _NEARLY if _telling(text) >= _MANY else _CLOSELY]
    nearest = [(run, _prose(run, generation)) for run in _within(_runs(generation, near))]
    for plain in (False, True):
        for run, prose in nearest:
            deadline.check()
            for spans in (_whole(run), prose):
                for chain in _all_chains(_stream(run, spans, plain), ways, NEAR, plain):
                    add(chain)
        if best:
            break
    return list(best.values())


def _others(generation: Generation, text: str, pairs: Sequence[tuple[int, int]]) -> Iterator[_Run]:
    """Those of these pages that may have the very text: they have all its words but one that a line's end may have cut."""
    words = {word for word in re.findall(r"[^\W_]+", text.casefold()) if len(word) > 1}
    spare = 1 + len(words) // 10
    for (document, page), held in generation.catalogue.page_texts(pairs).items():
        deadline.check()
        within = held.text.casefold().translate(_NO_SCRIPT)
        missing = 0
        for word in words:
            missing += word not in within
            if missing > spare:
                break
        else:
            yield _Run(document, page, (held,))


def _within(runs: Iterator[_Run]) -> Iterator[_Run]:
    """As many of the runs as there is room for, at least one."""
    read = 0
    for run in runs:
        deadline.check()
        size = sum(len(page.text) for page in run.pages)
        if read and read + size > _CHARACTERS:
            continue
        read += size
        yield run


def _match(generation: Generation, chain: Sequence[_Found]) -> _Ranked | None:
    """What is served of a place; None where it can't be read back."""
    run = chain[0].stream.run
    parts = [part for found in chain for part in _spans(found)]
    if not all(verified(run.pages[p].text, a, b, run.pages[p].text[a:b]) for p, a, b in parts):
        return None
    (first, start, _), (last, _, end) = parts[0], parts[-1]
    shown = tuple(Part(run.pages[p].number, a, b, run.pages[p].text[a:b]) for p, a, b in parts)
    one = first == last
    text = run.pages[first].text[start:end] if one else "\n".join(part.text for part in shown)
    weights = [found.end - found.start for found in chain]
    score = sum(found.score * weight for found, weight in zip(chain, weights, strict=True)) / sum(weights)
    exact = all(found.exact for found in chain)
    summary = generation.catalogue.summaries[run.document]
    page = run.pages[first].number
    index = run.first + first
    sections = generation.catalogue.sections(run.document)
    at = bisect.bisect_right(sections, (index, start), key=lambda section: (section.page, section.start))
    link = page_link(summary, page, sections[at - 1].anchor if at else None)
    kind = _kind(generation.catalogue.blocks_between(run.document, index, index), start, parts[0][2])
    return (run.document, index), Match(
        summary.id, summary.title, page, None if one else run.pages[last].number, start, end, text, exact,
        1.0 if exact else round(score, 4), kind, link, shown,
    )  # fmt: skip


def _spans(found: _Found) -> Iterator[tuple[int, int, int]]:
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
    return after < before or (any(map(str.isalnum, between)) and any(map(str.isalnum, _CITATION.sub("", between))))


def _kind(blocks: Sequence[Block], start: int, end: int) -> BlockKind:
    """What most of a stretch is; body where nothing says."""
    shares = [(min(end, block.end) - max(start, block.start), block.kind) for block in blocks]
    share, kind = max(shares, key=lambda pair: pair[0], default=(0, "body"))
    return kind if share > 0 else "body"


def _order(ranked: _Ranked) -> tuple:
    where, found = ranked
    return not found.exact, -round(found.score, 2), _BEHIND.get(found.kind, 0), where, found.start
