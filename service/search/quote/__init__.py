"""Which paper and page says this, exactly or nearly, or that none does.

    quote -> its rarest terms -> the pages that have most of them -> the quote's place there -> read back

Text is compared by its folded characters: no case, white space, accents, ligatures, quotation marks, and no hyphens but
those beside a digit. Exact is equal then. Near is a Levenshtein similarity of at least `NEAR` with one stretch of text, or
less where one clause was put in or left out and all else is nearly equal; where nothing is, once more without numbered and
dated citation marks on both sides. Both lines were set on altered quotes of half of the test papers; the tests take the other
half.

The work is bounded, whatever the quote and however large the library: some thousand pages that have most of the quote's
rarest terms are searched for equal text, a few dozen together with their neighbours, and the best few are compared closely.
A quote made of nothing but words that thousands of pages have may stand beyond those.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass

from indexer.document import Block, BlockKind
from indexer.errors import UsageError
from indexer.library import Generation
from service import deadline
from service.evidence import verified
from service.links import page_link
from service.search.quote.asked import LONGEST, Asked, asked_of, why
from service.search.quote.pages import CLOSELY, candidates, compared, others, runs, within
from service.search.quote.places import Found, chains, prose, spans, stream_of, whole

NEAR = 0.8
"""The least similarity of a quote that is not exact."""

_PARTS = 8  # of a quote with ellipses
_ENOUGH = 50  # pages that say it: the best are chosen among them
_BEHIND: dict[BlockKind, int] = {"front": 1, "reference": 2}  # the same text in the body goes before
_ELLIPSIS = re.compile(r"[\[(]\s*(?:\.\s*\.\s*\.|…)\s*[\])]|\.(?:\s?\.){2,}|…")


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
    whole_quote = asked_of(text)
    if whole_quote is None:
        return QuoteAnswer(text, generation.name, (), "The quote has no letter and no digit.")
    parts = [asked for piece in _ELLIPSIS.split(text)[: _PARTS * 2] if (asked := asked_of(piece))]
    ways = [[whole_quote], parts] if 2 <= len(parts) <= _PARTS else [parts if len(parts) == 1 else [whole_quote]]
    matches = sorted(_matches(generation, text, ways, max(_ENOUGH, limit)), key=_order)[: max(0, limit)]
    return QuoteAnswer(text, generation.name, tuple(found for _, found in matches), "" if matches else why(whole_quote))


_Ranked = tuple[tuple[int, int], Match]


def _matches(generation: Generation, text: str, ways: Sequence[Sequence[Asked]], enough: int) -> list[_Ranked]:
    """At most one match on each page, each with its place among the documents; about `enough`, where that many are."""
    pairs = candidates(generation, text)
    best: dict[tuple[int, int], _Ranked] = {}

    def add(chain: Sequence[Found]) -> None:
        deadline.check()
        stream, start = chain[0].stream, chain[0].start
        held = best.get((stream.run.document, stream.run.first + int(stream.page[start])))
        if held is not None and held[1].exact:
            return
        found = _match(generation, chain)
        if found is not None and (found[0] not in best or _order(found) < _order(best[found[0]])):
            best[found[0]] = found

    for run in within(runs(generation, pairs[:CLOSELY])):
        for chain in chains(stream_of(run, whole(run)), ways, None):
            add(chain)
    for run in others(generation, text, pairs[CLOSELY:]):
        if len(best) >= enough:
            break
        for chain in chains(stream_of(run, whole(run)), ways, None):
            add(chain)
    if best:
        return list(best.values())
    nearest = [(run, (whole(run), prose(run, generation))) for run in within(runs(generation, pairs[: compared(text)]))]
    for plain in (False, True):
        for run, readings in nearest:
            deadline.check()
            for reading in readings:
                for chain in chains(stream_of(run, reading, plain), ways, NEAR, plain):
                    add(chain)
        if best:
            break
    return list(best.values())


def _match(generation: Generation, chain: Sequence[Found]) -> _Ranked | None:
    """What is served of a place; None where it can't be read back."""
    run = chain[0].stream.run
    parts = [part for found in chain for part in spans(found)]
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


def _kind(blocks: Sequence[Block], start: int, end: int) -> BlockKind:
    """What most of a stretch is; body where nothing says."""
    shares = [(min(end, block.end) - max(start, block.start), block.kind) for block in blocks]
    share, kind = max(shares, key=lambda pair: pair[0], default=(0, "body"))
    return kind if share > 0 else "body"


def _order(ranked: _Ranked) -> tuple:
    where, found = ranked
    return not found.exact, -round(found.score, 2), _BEHIND.get(found.kind, 0), where, found.start
