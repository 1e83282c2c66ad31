"""Pieces of a page, and the document that they make: sections, abstract, appendix, references and their mentions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

from indexer import arxiv
from indexer.document import Block, BlockKind, Extracted, Page, Reference, Section, TextMention
from indexer.extract.web.elements import key, one_line

_REFERENCES = re.compile(
    r"(?:(?:\d+|[A-Z]|[IVX]+)\.?\s+)?(?:(?:notes and )?references(?: and (?:further reading|notes))?|bibliography|works cited|"
    r"literature(?: cited)?|cited (?:literature|works)|literatur(?:verzeichnis)?|références|bibliographie|referencias|"
    r"bibliografía|参考文献)\W*",
    re.IGNORECASE,
)
_APPENDIX = re.compile(r"(?:appendix|appendices|supplementary material)\b", re.IGNORECASE)
_LINKS_LEAD = re.compile(
    r"(?:(?<![\s.,])[\s.,]+)?\b(?:External Links|Cited by): .*"
)  # LaTeXML's words before an entry's links
_LABEL = re.compile(r"\[(?P<bracketed>[^\[\]\s]{1,12})\]\s*|(?P<number>\d{1,3})\.\s+")
LeftOut = Literal["chrome", "contents", "media"]


class Link(NamedTuple):
    """A link in a block's text: `text[start:end]` leads to `href`."""

    start: int
    end: int
    href: str


@dataclass(slots=True)
class Piece:
    """A block on its way.

    `level` and `anchor` are a heading's, `label` and `title` a reference's. `bullet` is what its list item begins with,
    `item` a number that the blocks of one list item share, `ids` what links can point at. A piece without text says what
    `left_out` was: "chrome", taken away because it is no text, "contents", a list of links to the page's own parts, or "media".
    """

    kind: BlockKind
    text: str = ""
    level: int = 0
    anchor: str | None = None
    appendix: bool = False
    continued: bool = False
    label: str = ""
    title: str = ""
    bullet: str = ""
    item: int = 0
    ids: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    left_out: LeftOut | Literal[""] = ""

    @property
    def linked(self) -> float:
        """The share of its characters that are links, 0 to 1."""
        return sum(link.end - link.start for link in self.links) / max(1, len(self.text) - len(self.bullet))


def extracted(pieces: Iterable[Piece], url: str = "", **known: Any) -> Extracted:
    """The document that the pieces make: one page without a number. `known` are the other fields of `Extracted`."""
    pieces = _appendix([piece for piece in pieces if piece.text])
    blocks: list[Block] = []
    sections: list[Section] = []
    owners: list[int | None] = []
    length = 0
    for piece in pieces:
        end = length + len(piece.text)
        blocks.append(Block(piece.kind, 0, length, end, piece.continued))
        if piece.kind == "heading":
            sections.append(Section(piece.text, piece.level, 0, length, piece.anchor, piece.appendix))
        owners.append(len(sections) - 1 if sections else None)
        length = end + 1
    text = "\n".join(piece.text for piece in pieces)
    known.setdefault("abstract", "")
    abstract = " ".join(piece.text for piece in pieces if piece.kind == "abstract")
    known["abstract"] = re.sub(r"^abstract\W+", "", abstract, flags=re.IGNORECASE) or known["abstract"]
    return Extracted(
        pages=(Page(text),),
        sections=tuple(sections),
        blocks=tuple(blocks),
        references=_references(text, pieces, blocks, sections, owners, url),
        **known,
    )


def with_kinds(pieces: list[Piece]) -> list[Piece]:
    """The pieces of a whole page, the abstract and the references among them marked as such."""
    return _bibliography(_abstract(pieces))


def _abstract(pieces: list[Piece]) -> list[Piece]:
    """Marks the paragraphs below a heading `Abstract`, up to the next one."""
    within = marked = False
    for piece in pieces:
        if piece.kind == "heading":
            within, marked = key(piece.text) == "abstract", False
        elif piece.kind == "abstract" and not marked:  # the page's markup says where it ends
            within = False
            if key(piece.text) == "abstract":  # its heading is not marked up as one
                piece.kind, piece.level = "heading", 2
        elif within and piece.kind == "body":
            piece.kind, marked = "abstract", True
    return pieces


def _appendix(pieces: list[Piece]) -> list[Piece]:
    """Marks what stands in the appendix: everything after a heading that says so."""
    begun = False
    for piece in pieces:
        begun = begun or (piece.kind == "heading" and piece.level < 3 and _APPENDIX.match(piece.text) is not None)
        piece.appendix = piece.appendix or begun
        if piece.appendix and piece.kind == "body":
            piece.kind = "appendix"
    return pieces


def _bibliography(pieces: list[Piece]) -> list[Piece]:
    """Makes references of what is listed below a heading `References`, if it looks like them."""
    from indexer.extract.references import looks_like_entry

    kept: list[Piece] = []
    at = 0
    while at < len(pieces):
        heading = pieces[at]
        kept.append(heading)
        at += 1
        if heading.kind != "heading" or not _REFERENCES.fullmatch(heading.text):
            continue
        following = range(at, len(pieces))
        end = next((i for i in following if 0 < pieces[i].level <= heading.level), len(pieces))
        listed = _items(pieces[at:end])
        entries = [entry for entry in listed if entry.kind == "body"]
        likely = [
            e for e in entries if e.label or _LABEL.match(e.text) or looks_like_entry(e.text) or any(_cited(e.links))
        ]
        if entries and 2 * len(likely) >= len(entries):
            kept += [replace(labelled(e), kind="reference") if e.kind == "body" else e for e in listed]
        else:
            kept += pieces[at:end]
        at = end
    return kept


def _items(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces, those of one list item made one, without bullets."""
    merged: list[Piece] = []
    for piece in pieces:
        before = merged[-1] if merged else None
        if piece.kind != "body" or piece.left_out:
            merged.append(piece)
            continue
        off = len(piece.bullet)
        label = piece.bullet.rstrip(". ") if piece.bullet[:1].isdigit() else ""
        links = [Link(a - off, b - off, href) for a, b, href in piece.links]
        piece = replace(piece, text=piece.text[off:], bullet="", label=label, links=links)
        if before is not None and before.kind == "body" and piece.item and before.item == piece.item:
            off = len(before.text) + 1
            before.text += " " + piece.text
            before.links += [Link(a + off, b + off, href) for a, b, href in piece.links]
            before.ids += piece.ids
        else:
            merged.append(piece)
    return merged


def labelled(entry: Piece) -> Piece:
    """A reference whose text begins with its label in brackets, if it has one."""
    text = entry.text
    off = 0
    if not entry.label and (match := _LABEL.match(text)):
        entry.label = match["bracketed"] or match["number"]
        off = match.end()
    elif entry.label and (match := re.match(rf"\[{re.escape(entry.label)}\]\s*", text)):
        off = match.end()
    lead = f"[{entry.label}] " if entry.label else ""
    entry.text = lead + text[off:]
    entry.links = [
        Link(max(0, a - off + len(lead)), b - off + len(lead), href) for a, b, href in entry.links if b > off
    ]
    entry.bullet = lead
    return entry


def _cited(links: Iterable[Link]) -> tuple[str | None, str | None]:
    """The arXiv id and the DOI that the links lead to."""
    identifier = doi = None
    for link in links:
        if found := arxiv.parse(link.href):
            identifier = identifier or found.id
        elif match := re.search(r"doi\.org/(10\.\d{4,9}/[^\s?#]+)", link.href):
            doi = doi or unquote(match[1])
    return identifier, doi


def _references(
    text: str,
    pieces: Sequence[Piece],
    blocks: Sequence[Block],
    sections: Sequence[Section],
    owners: Sequence[int | None],
    url: str,
) -> tuple[Reference, ...]:
    from indexer.extract.mentions import tie
    from indexer.extract.references import parse_all

    entries = [piece for piece in pieces if piece.kind == "reference"]
    if not entries:
        return _linked_papers(pieces, blocks, owners)
    raws = [entry.text[len(entry.bullet) :] for entry in entries]
    parsed = parse_all([(_to_parse(raw, entry), entry.label, 0) for raw, entry in zip(raws, entries, strict=True)])
    found: list[Reference] = []
    for reference, raw, entry in zip(parsed, raws, entries, strict=True):
        identifier, doi = _cited(entry.links)
        found.append(
            replace(
                reference,
                raw=raw,
                title=entry.title or reference.title,
                arxiv_id=reference.arxiv_id or identifier,
                doi=reference.doi or doi,
            )
        )
    return _with_links(tie([text], blocks, found, sections), pieces, blocks, owners, url)


def _with_links(
    references: Sequence[Reference],
    pieces: Sequence[Piece],
    blocks: Sequence[Block],
    owners: Sequence[int | None],
    url: str,
) -> tuple[Reference, ...]:
    """The references with the places that link to them beside those that name them."""
    entries = [piece for piece in pieces if piece.kind == "reference"]
    by_id = {name: i for i, entry in enumerate(entries) for name in entry.ids}
    mentions = [list(reference.mentions) for reference in references]
    for piece, block, owner in zip(pieces, blocks, owners, strict=True):
        if piece.kind == "reference":
            continue
        for link in piece.links:
            number = by_id.get(_fragment(link.href, url))
            if number is None:
                continue
            start, end = block.start + link.start, block.start + link.end
            if not any(known.start < end and start < known.end for known in mentions[number]):
                mentions[number].append(_mention(piece, block, link, owner))
    return tuple(
        replace(reference, mentions=tuple(sorted(found, key=lambda mention: mention.start)))
        for reference, found in zip(references, mentions, strict=True)
    )


def _to_parse(raw: str, entry: Piece) -> str:
    """An entry without words of the page's own making, and without a title that is known and leads it."""
    raw = _LINKS_LEAD.sub("", raw)
    if entry.title and raw.startswith(entry.title):
        raw = re.sub(r"^[\s.,]*(?:\[[A-Z]+\]\s*)*", "", raw[len(entry.title) :])
    return raw


def _linked_papers(
    pieces: Sequence[Piece], blocks: Sequence[Block], owners: Sequence[int | None]
) -> tuple[Reference, ...]:
    """The references of a page that prints no list of them, but marks like `[3]` that lead to the papers themselves.

    `raw` is then where the link leads.
    """
    marks: dict[str, list[tuple[str, TextMention]]] = {}
    for piece, block, owner in zip(pieces, blocks, owners, strict=True):
        for link in piece.links:
            mark = re.fullmatch(r"\[(\d{1,3})\]", piece.text[link.start : link.end])
            if mark and re.match(r"https?://", link.href):
                marks.setdefault(mark[1], []).append((link.href, _mention(piece, block, link, owner)))
    if len(marks) < 2 or any(len({href for href, _ in found}) > 1 for found in marks.values()):
        return ()
    references = []
    for n, (label, found) in enumerate(sorted(marks.items(), key=lambda item: int(item[0])), 1):
        href = found[0][0]
        identifier, doi = _cited([Link(0, 0, href)])
        references.append(
            Reference(n, href, 0, label, arxiv_id=identifier, doi=doi, mentions=tuple(mention for _, mention in found))
        )
    return tuple(references)


def _fragment(href: str, url: str) -> str:
    """What a link to a place on the page itself points at, "" for links that lead away."""
    address, mark, fragment = href.partition("#")
    fragment = unquote(fragment)
    # arXiv writes the whole address, with a version that the page was perhaps not asked for by.
    here = not address or address == url.partition("#")[0] or fragment.startswith("bib.bib")
    return fragment if mark and here else ""


def _mention(piece: Piece, block: Block, link: Link, section: int | None) -> TextMention:
    from sentencex import get_sentence_boundaries

    sentence = piece.text
    for found in get_sentence_boundaries("en", piece.text):
        if found["start_index"] <= link.start < found["end_index"]:
            sentence = piece.text[found["start_index"] : found["end_index"]]
    off = len(piece.bullet) if sentence.startswith(piece.bullet) else 0
    return TextMention(0, block.start + link.start, block.start + link.end, one_line(sentence[off:]), section)
