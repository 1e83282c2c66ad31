"""Draws what was understood of a file: for a terminal, with kinds and pages marked, and as markdown.

What the file says is shown, never obeyed: no control character reaches the terminal, no mark-up of its own the markdown.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise

from indexer.document import Block, BlockKind, Extracted
from indexer.text import Understood
from service.terminal import plain, width, wrapped

_LINES_KEPT: tuple[BlockKind, ...] = ("table", "formula", "code", "figure")
_MARK = 11  # columns for a block's kind


def for_terminal(understood: Understood, text: Extracted) -> Iterator[str]:
    """Title, authors, abstract, outline and references, then the text page by page, each block behind its kind: lines."""
    yield plain(understood.title) or "(no title found)"
    yield plain(", ".join(understood.authors)) or "(no authors found)"
    facts = (understood.date, _arxiv_id(understood), f"{understood.pages} pages", understood.engine)
    yield "  ".join(plain(fact) for fact in facts if fact)
    for missing in understood.missing:
        yield f"page {missing.page} has no text: {plain(missing.why)}"
    if understood.abstract:
        yield from ("", "Abstract:", wrapped(plain(understood.abstract), 2))
    if understood.sections:
        yield from ("", "Outline:")
    for section in understood.sections:
        page = f"  p. {section.page}" if section.page else f"  #{plain(section.anchor)}" if section.anchor else ""
        yield f"  {'  ' * (section.level - 1)}{plain(section.heading)}{page}{'  (appendix)' if section.appendix else ''}"
    if understood.references:
        yield from ("", f"References: {len(understood.references)}")
    for reference in understood.references:
        known = (
            reference.title or "(no title)",
            str(reference.year or ""),
            reference.arxiv_id or "",
            reference.doi or "",
        )
        pages = sorted({mention.page for mention in reference.mentions if mention.page})
        where = (
            f"mentioned on p. {', '.join(map(str, pages))}"
            if pages
            else "not mentioned"
            if not reference.mentions
            else ""
        )
        parts = [f"{reference.n}.", f"[{plain(reference.label)}]" if reference.label else "", *map(plain, known), where]
        yield wrapped("  ".join(part for part in parts if part), 2)
    for index, blocks in enumerate(_by_page(text)):
        number = text.pages[index].number
        yield from ("", f"--- page {number} ---" if number else "--- text ---")
        for block in blocks:
            yield from _drawn(block.kind, _text(text, block), block.continued)


def for_markdown(understood: Understood, text: Extracted) -> Iterator[str]:
    """A markdown document: its paragraphs and so on, parted by empty lines. Sections stand one level below the title."""
    if understood.title:
        yield f"# {escaped(understood.title)}"
    if understood.authors:
        yield escaped(", ".join(understood.authors))
    if facts := [fact for fact in (understood.date, _arxiv_id(understood)) if fact]:
        yield escaped(", ".join(facts))
    levels = {(section.page, section.start): section.level for section in text.sections}
    listed = before = False
    for index, blocks in enumerate(_by_page(text)):
        if (number := text.pages[index].number) is not None:
            yield f"<!-- page {number} -->"
        for block in blocks:
            written = _text(text, block)
            if block.kind == "front" and (understood.title or understood.authors):
                continue
            if block.kind == "reference" and text.references:
                if not listed:
                    yield "\n".join(
                        f"{r.n}. {escaped((f'[{r.label}] ' if r.label else '') + r.raw)}" for r in text.references
                    )
                listed = True
                continue
            if block.kind == "abstract" and not before:
                yield "## Abstract"
            before = block.kind in ("abstract", "heading")
            yield _marked_up(block.kind, written, levels.get((index, block.start), 1))


def escaped(text: str) -> str:
    """`text` on one line, such that markdown shows it as it is."""
    text = re.sub(r"[\\`*_\[\]<>&~$#]", r"\\\g<0>", plain(text))
    return re.sub(
        r"^(\d{0,9})([.)+=-])", r"\1\\\2", text
    )  # else it might begin a list, a rule or an underlined heading


def _arxiv_id(understood: Understood) -> str:
    version = f"v{understood.version}" if understood.version else ""
    return f"arXiv:{understood.arxiv_id}{version}" if understood.arxiv_id else ""


def _marked_up(kind: BlockKind, text: str, level: int) -> str:
    if kind == "heading":
        return f"{'#' * min(level + 1, 6)} {escaped(text)}"
    if kind in _LINES_KEPT:
        fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
        return (
            f"{fence}{'' if kind == 'code' else 'text'}\n" + "\n".join(map(_printable, text.split("\n"))) + f"\n{fence}"
        )
    if kind == "caption":
        return f"*{escaped(text)}*"
    return f"> {escaped(text)}" if kind == "footnote" else escaped(text)


def _drawn(kind: str, text: str, continued: bool) -> Iterator[str]:
    mark = f"{kind:<{_MARK - 1}}{'…' if continued else ' '}"
    if kind in _LINES_KEPT:
        lines = [_printable(line) for line in text.split("\n")]
    else:
        lines = textwrap.wrap(plain(text), max(width() - _MARK - 1, 30)) or [""]
    for number, line in enumerate(lines):
        yield (mark if number == 0 else " " * _MARK) + " " + line


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else " " for c in line).rstrip()


def _text(text: Extracted, block: Block) -> str:
    return text.pages[block.page].text[block.start : block.end]


def _by_page(text: Extracted) -> list[list[Block]]:
    """Each page's blocks. A text without any has its headings for blocks, and what stands between them."""
    pages: list[list[Block]] = [[] for _ in text.pages]
    if text.blocks:
        for block in text.blocks:
            pages[block.page].append(block)
        return pages
    for index, page in enumerate(text.pages):
        starts = {s.start: s.start + len(s.heading) for s in text.sections if s.page == index}
        cuts = sorted({0, len(page.text), *starts, *starts.values()})
        for start, end in pairwise(cuts):
            kind: BlockKind = "heading" if start in starts else "code"
            if page.text[start:end].strip():
                pages[index].append(Block(kind, index, start, end))
    return pages
