"""Sheets to document: the way through, from placed words to text, kinds, sections and references."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from indexer.document import Block, BlockKind, Extracted, Page, Section
from indexer.extract import cleaning, mentions, references
from indexer.extract.blocks import Drawn, grouped, leading_of
from indexer.extract.front import Front, read_front, without_label
from indexer.extract.furniture import without_furniture
from indexer.extract.headings import REFERENCES, mark_headings
from indexer.extract.kinds import body_of, footnote_mark, mark_kinds
from indexer.extract.layout import Layout, Line, layout
from indexer.extract.sheet import PrintedLine, Sheet, Word

_FRONT_PAGES = 10
_FIGURES = 200  # of a page, among which the one beside a turned word is looked for
_STAMP = re.compile(
    r"arXiv:|\[[\w.-]+\.[A-Z]{2}\]|^\d{1,2} \w{3} \d{4}$|©|\bISBN\b|\d{4}/\d\d/\$\d|97[89]-\d", re.IGNORECASE
)
_LINES_KEPT = ("table", "formula", "code", "figure")
_NAMED_APPENDIX = re.compile(r"(?:\d{1,2}\.?\s+)?(?:appendi(?:x|ces)|supplement(?:ary|al)|annex)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?:][)\]”\"'’]*(?:\s*\[[\d,–\s-]+\])?$")


@dataclass(slots=True)
class _Part:
    """A block on its way to text: `drawn` keeps its lines until the hyphens at their ends can be judged."""

    drawn: Drawn
    kind: BlockKind
    continued: bool = False
    text: str = ""


def understood(sheets: Iterable[Sheet], title: str = "", authors: str = "") -> Extracted:
    """The document that the sheets hold. `title` and `authors` are what the file says of itself: often wrong, a hint."""
    pages = [layout(sheet) for sheet in sheets]
    kept = without_furniture(pages)
    body = body_of(kept)
    leading = leading_of(kept, body.size)
    drawn = [grouped(lines, page.columns, body.size, leading) for lines, page in zip(kept, pages, strict=True)]
    front = read_front(pages[:_FRONT_PAGES], kept[:_FRONT_PAGES], title, authors)
    drawn = [_fronted(blocks, front) if n < _FRONT_PAGES else blocks for n, blocks in enumerate(drawn)]
    for blocks, page in zip(drawn, pages, strict=True):
        mark_kinds(blocks, page, body)
        _labels(blocks, page)
    mark_headings(drawn, body)
    entries = _bibliography(drawn)
    _appendix(drawn)
    words = set().union(*(cleaning.words_of(cleaning.clean(block.text)) for blocks in drawn for block in blocks))
    parts = [
        [_part(block, words, calls) for block in blocks] for blocks, calls in zip(drawn, _calls(drawn), strict=True)
    ]
    parts = [_merged(page) for page in parts]
    _continue([part for page in parts for part in page])
    _rejoin([part for page in parts for part in page], words)
    texts, blocks, sections = _assembled(parts)
    found = references.read(entries, words) if entries else ()
    found = mentions.tie([page.text for page in texts], blocks, found, sections)
    return Extracted(
        pages=tuple(texts),
        title=front.title,
        authors=front.authors,
        abstract=without_label(_abstract(texts, blocks)),
        date=front.date,
        sections=tuple(sections),
        arxiv_id=front.arxiv_id,
        version=front.version,
        blocks=tuple(blocks),
        references=tuple(found),
    )


def _fronted(blocks: Sequence[Drawn], front: Front) -> list[Drawn]:
    """The blocks with those cut apart that hold lines of the title, the abstract and the rest."""
    kinds: dict[int, BlockKind] = {id(line): "front" for line in front.lines}
    kinds.update((id(line), "abstract") for line in front.abstract)
    if front.label is not None:
        kinds[id(front.label)] = "heading"
    found: list[Drawn] = []
    for block in blocks:
        for kind, lines in groupby(block.lines, key=lambda line: kinds.get(id(line))):
            part = Drawn(list(lines), block.column, kind)
            if kind == "heading":
                part.level, part.heading = 1, part.text
            found.append(part)
    return found


def _labels(blocks: list[Drawn], page: Layout) -> None:
    """Puts words that are set at an angle, a plot's labels mostly, into the picture beside which they stand."""
    words = [word for word in page.turned if word.text.strip()]
    figures = [(b, b.x0, b.top, b.x1, b.bottom) for b in blocks if b.kind == "figure"][:_FIGURES]
    for line in _rising(words, page):
        if _STAMP.search(line.text) or not blocks:
            continue
        if figures:
            # how far from each picture's box
            away = [
                max(top - line.y, line.y - bottom, 0.0) + max(x0 - line.x0, line.x0 - x1, 0.0)
                for _, x0, top, x1, bottom in figures
            ]
            figures[away.index(min(away))][0].lines.append(line)
        else:
            blocks.append(Drawn([line], blocks[-1].column, "figure"))
            figures.append((blocks[-1], line.x0, line.top, line.x1, line.bottom))


def _rising(words: Sequence[Word], page: Layout) -> list[Line]:
    """Turned words as lines of their own, at about the height where they stand: most are written upwards."""
    lines: list[Line] = []
    for word in words:
        last = lines[-1].words[-1] if lines else None
        if last is not None and abs(last.y - word.y) < 0.4 * word.size and -1 < word.x0 - last.x1 < word.size:
            lines[-1].words.append(word)
        else:
            height = page.height - (word.x0 + word.x1) / 2
            lines.append(Line([word], page.number - 1, word.y, word.y + word.size, height, word.size, word.font))
    return lines


def _bibliography(pages: Sequence[list[Drawn]]) -> list[PrintedLine]:
    """The lines of the reference list, whose blocks are marked on the way."""
    lines: list[PrintedLine] = []
    inside = False
    before: Line | None = None
    for index, blocks in enumerate(pages):
        for block in blocks:
            if block.kind == "heading":
                inside = bool(REFERENCES.fullmatch(block.heading))
                before = None
                continue
            if not inside or block.claimed or block.kind in ("caption", "front", "footnote", "abstract"):
                continue
            block.kind = "reference"
            for line in block.lines:
                fresh = before is None or before.page != line.page or before.column != line.column or line.y < before.y
                gap = 0.0 if fresh else (line.y - before.y) / max(line.size, 1.0)
                indent = (line.x0 - block.column.x0) / max(line.size, 1.0)
                lines.append(PrintedLine(cleaning.clean(line.text), index, indent, gap, line.size, fresh))
                before = line
    return lines


def _appendix(pages: Sequence[list[Drawn]]) -> None:
    """Marks the headings and prose of the appendix: what follows a heading that says so, or lettered ones."""
    heads = [block.heading for blocks in pages for block in blocks if block.kind == "heading"]
    # `A Proofs` among other letters, not `A model of it`
    letters = any(re.match(r"B[.:]?\s|A\.1", heading) for heading in heads)
    inside = after_references = False
    sections = 0
    for blocks in pages:
        for block in blocks:
            if block.kind == "heading":
                lettered = bool(re.match(r"[A-Z](?:\.\d+)*[.:]?\s", block.heading)) and block.level == 1
                named = bool(_NAMED_APPENDIX.match(block.heading))
                if REFERENCES.fullmatch(block.heading):
                    after_references = True
                    if not inside:
                        continue
                elif named or (
                    lettered and (after_references or (letters and sections >= 2 and block.heading[0] == "A"))
                ):
                    inside = True
                elif block.level == 1 and not lettered and block.heading.casefold() != "abstract":
                    sections += 1
                block.appendix = inside
            elif block.kind is None and inside:
                block.kind = "appendix"


def _calls(pages: Sequence[list[Drawn]]) -> list[set[str]]:
    """The marks by which each page's text calls its footnotes."""
    return [
        {mark for block in blocks if block.kind == "footnote" for line in block.lines if (mark := footnote_mark(line))}
        for blocks in pages
    ]


def _part(block: Drawn, words: set[str], calls: set[str]) -> _Part:
    kind: BlockKind = block.kind or "body"
    text = (
        _rows(block.lines)
        if kind in _LINES_KEPT
        else _paragraph(block.lines, words, calls if kind != "footnote" else set())
    )
    return _Part(block, kind, text=text)


def _paragraph(lines: Sequence[Line], words: set[str], calls: set[str]) -> str:
    """Lines as one: what a line's end cut is joined."""
    pieces: list[str] = []
    for line in lines:
        printed = _printed(line, calls=calls)
        if not printed:
            continue
        last = pieces[-1] if pieces else ""
        if last[-1:] == "-" and len(last) > 1 and last[-2] not in " -" and not line.beside:
            stem, _, first = last.rpartition(" ")
            second, _, rest = printed.partition(" ")
            if "/" in first and ("." in first or ":" in first):
                whole = first + second  # an address keeps its hyphen
            else:
                whole = cleaning.joined(first[:-1], second, words)
            pieces[-1:] = [piece for piece in (stem, whole, rest) if piece]
        elif last and (
            _address_cut(last, printed) or (last[-1] == "–" and last[-2:-1].isdigit() and printed[0].isdigit())
        ):
            pieces[-1] += printed
        else:
            pieces.append(printed)
    return " ".join(pieces)


def _printed(line: Line, words: Sequence[Word] | None = None, calls: Collection[str] = ()) -> str:
    return " ".join(cleaning.clean(written(line, words, calls)).split())


def _address_cut(text: str, printed: str) -> bool:
    last = text.rsplit(" ", 1)[-1]
    return (
        bool(re.match(r"(?:\(?https?://|www\.|doi\.org)", last))
        and last[-1] in "/._-=&?%#"
        and not printed[0].isspace()
    )


def _rows(lines: Sequence[Line]) -> str:
    """Lines as printed, those on one baseline in one row, two spaces between cells."""
    rows: list[list[str]] = []
    for line in lines:
        cells: list[list[Word]] = [[]]
        for before, word in zip([None, *line.words], line.words, strict=False):
            if before is not None and word.x0 - before.x1 > 0.9 * line.size:
                cells.append([])
            cells[-1].append(word)
        if not (line.beside and rows):
            rows.append([])
        rows[-1] += [printed for cell in cells if (printed := _printed(line, cell))]
    return "\n".join("  ".join(row) for row in rows if row)


def written(line: Line, words: Sequence[Word] | None = None, calls: Collection[str] = ()) -> str:
    """A line's words as text: raised numbers and letters after a `^`, lowered ones after a `_`.

    The marks that call a footnote of the page, in `calls`, are left out.
    """
    parts: list[str] = []
    seen: list[Word] = []
    called = False
    for word in line.words if words is None else words:
        text = word.text
        before = seen[-1] if seen else None
        if calls and (text in calls or (text.isdigit() and set(text) <= calls)) and _raised(line, word):
            if before is None or not before.text[-1].isdigit():
                called = True
                continue
        if before is None:
            parts.append(text)
        else:
            if not word.glued and not (called and text[0] in ".,;:!?)"):
                parts.append(" ")
            if word.glued:
                parts.append(_shift(line, seen, word))
            parts.append(text)
        seen.append(word)
        called = False
    return "".join(parts)


def _raised(line: Line, word: Word) -> bool:
    return line.y - word.y > 0.18 * line.size and word.size < 0.86 * line.size


def _shift(line: Line, before: Sequence[Word], word: Word) -> str:
    """`^` or `_` where a small word hangs on the ones before it, else ""."""
    first = word.text[0]
    if not (first.isalnum() or first in "−-+(∞∗⊤≤<"):
        return ""
    last = before[-1]
    if last.size <= 1.1 * word.size and abs(last.y - word.y) < 0.1 * line.size:  # the index goes on
        return ""
    if word.text in ("st", "nd", "rd", "th"):
        return ""
    # what it hangs on: the last larger word, which may itself be part of an exponent or a fraction
    base = next((w for w in reversed(before[-6:]) if w.size > 1.1 * word.size), None)
    if base is None or word.size > 0.86 * base.size or base.size > 1.9 * word.size:  # a drop cap is no base
        return ""
    up = base.y - word.y
    text = last.text
    if not text[-1].isalnum() and text[-1] not in ")]}⟩|" and not (up > 0 and first.isdigit()):
        return ""
    if up > 0.18 * base.size:
        return "^"
    return "_" if up < -0.06 * base.size else ""


def _merged(parts: list[_Part]) -> list[_Part]:
    """The rows of one table, formula or picture as one block."""
    merged: list[_Part] = []
    written_parts = (part for part in parts if part.kind not in _LINES_KEPT or part.text)
    for _, group in groupby(written_parts, key=lambda part: part.kind if part.kind in _LINES_KEPT else id(part)):
        first, *others = group
        first.text += "".join(("  " if part.drawn.first.beside else "\n") + part.text for part in others)
        merged.append(first)
    return merged


def _continue(parts: Sequence[_Part]) -> None:
    """Says which paragraphs go on after a column's or a page's end, a float or a formula."""
    last: dict[str, _Part] = {}
    for part in parts:
        if part.kind == "heading":
            last.clear()
        if part.kind not in ("body", "appendix", "abstract"):
            continue
        before = last.get(part.kind)
        if before is not None and part.text and before.text:
            first = part.drawn.first
            indented = first.x0 > part.drawn.column.x0 + 0.7 * first.size
            open_end = not _SENTENCE_END.search(before.text)
            moved = before.drawn.page != part.drawn.page or before.drawn.column is not part.drawn.column
            starts = part.text[0].islower()
            hyphen = before.text.endswith("-") and before.text[-2:-1].isalpha()
            part.continued = (open_end and (starts or (moved and not indented) or hyphen)) or (starts and not indented)
        last[part.kind] = part


def _rejoin(parts: Sequence[_Part], words: set[str]) -> None:
    """Words that a column's end has cut are joined at its foot. Between pages they stay cut: a character keeps its page."""
    last: dict[str, _Part] = {}
    for part in parts:
        before = last.get(part.kind)
        cut = before is not None and part.continued and before.drawn.page == part.drawn.page
        if before is not None and cut and re.search(r"\w-$", before.text):
            second, _, rest = part.text.partition(" ")
            stem, _, first = before.text.rpartition(" ")
            before.text = f"{stem} {cleaning.joined(first[:-1], second, words)}".lstrip()
            part.text = rest
        if part.text:
            last[part.kind] = part


def _assembled(parts: Sequence[Sequence[_Part]]) -> tuple[list[Page], list[Block], list[Section]]:
    pages: list[Page] = []
    blocks: list[Block] = []
    sections: list[Section] = []
    for index, page in enumerate(parts):
        texts: list[str] = []
        length = 0
        for part in page:
            if not part.text.strip():
                continue
            start = length
            texts.append(part.text)
            length += len(part.text) + 1
            if part.kind == "heading":
                sections.append(Section(part.text, part.drawn.level or 1, index, start, appendix=part.drawn.appendix))
            blocks.append(Block(part.kind, index, start, start + len(part.text), part.continued))
        pages.append(Page("\n".join(texts), index + 1))
    return pages, blocks, sections


def _abstract(pages: Sequence[Page], blocks: Sequence[Block]) -> str:
    return " ".join(pages[b.page].text[b.start : b.end] for b in blocks if b.kind == "abstract")
