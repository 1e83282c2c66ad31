"""Document to passages: of one kind, cut at sentence ends, by the model's own tokens, so that each fits its window."""

from __future__ import annotations

import bisect
import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from indexer.document import Block, BlockKind, Page, Passage, Section
from indexer.embed import Embedder
from indexer.errors import BadSetting

VERSION = "passages-4"
_SPECIAL_TOKENS = 4  # what a model puts around a text, and one to spare
_LEAST_LETTERS = 20  # a stretch with fewer says nothing that could be found, unless it is all there is
_LEAST_ROOM = 16
_PROSE = ("body", "abstract", "appendix")  # a passage of these runs on over paragraphs
_LINES = ("table", "formula", "code", "figure")  # cut between lines, having no sentences
_AROUND = ("front", "heading")  # says what a document is called, nothing itself
_SHORT_FORMULA = 200  # characters


class _Part(NamedTuple):
    """A block, or what lies of it in one section."""

    kind: BlockKind
    page: int
    start: int
    end: int
    continued: bool
    section: int | None


class _Unit(NamedTuple):
    """A stretch within which a sentence may run on. `joined`: over the line ends between several blocks."""

    start: int
    end: int
    joined: bool


@dataclass
class _Run:
    """What passages may be cut from without mixing kinds or crossing a section or a page."""

    kind: BlockKind
    page: int
    section: int | None
    units: list[_Unit]


def cut(
    pages: Sequence[Page], sections: Sequence[Section], title: str, embedder: Embedder, blocks: Sequence[Block] = ()
) -> list[Passage]:
    """The passages of a document, in order.

    Each lies on one page and in one section, is of one kind, ends at a sentence's end where it can (a table's, code's or
    formula's at a line's), and fits the model's window together with `title`; the last sentence of one begins the next
    where there is room for that (up to a fifth of it). Prose runs on over paragraphs, and over a short formula that stands
    between two of them; any other block, an entry of the references for one, is a passage of its own, several where it is
    too long. A document without blocks, or with nothing but headings and front matter, is body throughout.
    """
    room = embedder.window - _SPECIAL_TOKENS - len(embedder.tokens(context(title, embedder)))
    if room < _LEAST_ROOM:
        raise BadSetting(
            "The document prompt leaves no room for a passage.", cure="Set a shorter PAPERPATH_DOCUMENT_PROMPT."
        )
    if all(block.kind in _AROUND for block in blocks):
        blocks = [Block("body", index, 0, len(page.text)) for index, page in enumerate(pages)]
    found: list[Passage] = []
    tokenized: int | None = None
    spans: list[tuple[int, int]] = []
    begins: list[int] = []
    for run in _runs(_parts(blocks, sections)):
        text = pages[run.page].text
        if run.page != tokenized:
            spans = embedder.tokens(text)
            begins = [span[0] for span in spans]
            tokenized = run.page
        found += [
            Passage(run.page, a, b, run.section, run.kind)
            for a, b in _stretches(text, _pieces(text, run), spans, begins, room)
        ]
    kept = [p for p in found if _letters(pages[p.page].text, p) >= _LEAST_LETTERS]
    if all(p.kind in _AROUND for p in kept):
        own = next((p for p in found if p.kind not in _AROUND), None)
        kept = sorted([*kept, *([own] if own else [])], key=found.index)
    return kept


def _parts(blocks: Sequence[Block], sections: Sequence[Section]) -> Iterator[_Part]:
    """The blocks in order, cut where a section begins within one."""
    begin = sorted((section.page, section.start, number) for number, section in enumerate(sections))
    at = 0
    current: int | None = None
    for block in sorted(blocks, key=lambda block: (block.page, block.start)):
        start, continued = block.start, block.continued
        while at < len(begin) and begin[at][:2] < (block.page, block.end):
            _, offset, number = begin[at]
            if begin[at][:2] > (block.page, start):
                yield _Part(block.kind, block.page, start, offset, continued, current)
                start, continued = offset, False
            current = number
            at += 1
        yield _Part(block.kind, block.page, start, block.end, continued, current)


def _runs(parts: Iterable[_Part]) -> Iterator[_Run]:
    """Parts that may share a passage, made one."""
    run: _Run | None = None
    formulas: list[_Part] = []  # between the run and what may go on with it
    for part in parts:
        near = run is not None and (part.page, part.section) == (run.page, run.section)
        if run is not None and near and part.kind == run.kind and (part.kind in _PROSE or part.continued):
            last = run.units[-1]
            if formulas:
                run.units[-1] = last = _Unit(last.start, formulas[-1].end, True)
                formulas = []
            if part.continued:
                run.units[-1] = _Unit(last.start, part.end, True)
            else:
                run.units.append(_Unit(part.start, part.end, False))
            continue
        if run is not None and near and part.kind == "formula" and run.kind in _PROSE and _is_short(part):
            formulas.append(part)
            continue
        if run is not None:
            yield run
        yield from map(_run, formulas)
        formulas = []
        run = _run(part)
    if run is not None:
        yield run
    yield from map(_run, formulas)


def _is_short(formula: _Part) -> bool:
    return formula.end - formula.start <= _SHORT_FORMULA


def _run(part: _Part) -> _Run:
    return _Run(part.kind, part.page, part.section, [_Unit(part.start, part.end, False)])


def _pieces(text: str, run: _Run) -> list[tuple[int, int]]:
    """Spans of a run's sentences, or of its lines."""
    if run.kind in _LINES:
        a, b = run.units[0].start, run.units[-1].end
        ends = [a + match.end() for match in re.finditer(r"\n+", text[a:b])]
        return [(x, y) for x, y in itertools.pairwise([a, *ends, b]) if y > x]
    return [piece for unit in run.units for piece in _sentences(text, unit)]


def _letters(text: str, passage: Passage) -> int:
    return sum(map(str.isalnum, text[passage.start : passage.end]))


def context(title: str, embedder: Embedder) -> str:
    """What is put before a passage's text when it is embedded: its document's title, at most a quarter of the window."""
    spans = embedder.tokens(title)
    most = embedder.window // 4
    return (title if len(spans) <= most else title[: spans[most - 1][1]]) + "\n" if title else ""


def vector_key(model_fingerprint: str, text: str) -> bytes:
    """The name in the cache of the vector of `text` (with its context) under a model."""
    return hashlib.sha256(f"{model_fingerprint}\n{text}".encode("utf-8", "surrogatepass")).digest()


def _stretches(
    text: str, whole: Sequence[tuple[int, int]], spans: list[tuple[int, int]], begins: list[int], room: int
) -> list[tuple[int, int]]:
    """Spans of `text` of at most `room` tokens that begin and end where one of `whole` does if possible.

    They slightly overlap. `spans` are those of the tokens of `text`, `begins` where each of them begins.
    """

    def tokens_in(a: int, b: int) -> int:
        return bisect.bisect_left(begins, b) - bisect.bisect_left(begins, a)

    pieces: list[tuple[int, int]] = []
    for a, b in whole:
        while tokens_in(a, b) > room:  # by itself longer than the window: cut between tokens, at a space if it can be
            limit = spans[bisect.bisect_left(begins, a) + room - 1][1]
            space = max(text.rfind(" ", a + 1, limit), text.rfind("\n", a + 1, limit))
            at = space if space > a + (limit - a) // 2 else limit
            pieces.append((a, at))
            a = at
        pieces.append((a, b))
    stretches: list[tuple[int, int]] = []
    first = 0
    while first < len(pieces):
        last = first
        while last + 1 < len(pieces) and tokens_in(pieces[first][0], pieces[last + 1][1]) <= room:
            last += 1
        a, b = _trimmed(text, pieces[first][0], pieces[last][1])
        if any(map(str.isalnum, text[a:b])):
            stretches.append((a, b))
        if last + 1 >= len(pieces):
            break
        overlap = last > first and tokens_in(*pieces[last]) <= room // 5
        fits = overlap and tokens_in(pieces[last][0], pieces[last + 1][1]) <= room
        first = last if fits else last + 1
    return stretches


def _sentences(text: str, unit: _Unit) -> list[tuple[int, int]]:
    from sentencex import get_sentence_boundaries

    own = text[unit.start : unit.end]
    return [
        (unit.start + found["start_index"], unit.start + found["end_index"])
        for found in get_sentence_boundaries("en", own.replace("\n", " ") if unit.joined else own)
    ]


def _trimmed(text: str, a: int, b: int) -> tuple[int, int]:
    lead = re.match(r"\s*", text[a:b])
    a += lead.end() if lead else 0
    return a, max(a, a + len(text[a:b].rstrip()))
