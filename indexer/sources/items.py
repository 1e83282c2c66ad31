"""A markdown list as items: what stands on a bullet, in a row or in a paragraph, as a run of text and links.

markdown-it makes tokens of the text. Raw HTML goes the same way, as people write lists in tables and <details>.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from indexer import links
from indexer.sources import comments
from indexer.sources.labels import is_label, only_labels, words_of
from indexer.sources.pieces import BOX, Piece, address_of, is_paper, parts, pieces_of, plain

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

Style = Literal["item", "row", "paragraph", "heading", "html"]
_STYLES: dict[str, Style] = {"tr": "row", "li": "item"}
_STYLES.update((f"h{level}", "heading") for level in range(1, 7))
_FLOWING = frozenset(("p", "div", "center", "ul", "ol"))  # these stand inside a row or an item too
_BLOCKS = _FLOWING.union(_STYLES, ("dt", "dd", "summary", "details", "table", "thead", "tbody", "blockquote"))


@dataclass(eq=False)
class Item:
    """One thing a person wrote down. `cells` are a row's, with their column's heading; `lead` is the heading over a
    list that does nothing but link to one paper."""

    style: Style
    line: int
    section: tuple[str, ...]
    pieces: list[Piece] = field(default_factory=list)
    cells: list[tuple[str, list[Piece]]] = field(default_factory=list)
    children: list[Item] = field(default_factory=list)
    lead: str = ""

    def links(self) -> list[Piece]:
        """The links in its own text that lead somewhere to read."""
        return [p for p in self.pieces if p.url and not links.is_furniture(p.url)]

    def all_links(self) -> list[Piece]:
        """Its links and those of everything nested in it."""
        return self.links() + [link for child in self.children for link in child.all_links()]

    def all_pieces(self) -> list[Piece]:
        """Its pieces and those of everything nested in it, set apart."""
        return self.pieces + set_apart(self.children)


def set_apart(items: Iterable[Item]) -> list[Piece]:
    """All pieces of some items, each item's after a semicolon."""
    return [piece for item in items for piece in (Piece("; ", item.line), *item.all_pieces())]


@dataclass
class Listing:
    """What a markdown text holds. `items` are those that stand at the top.

    `headings` are lines with the path of headings that begins there, `code` the first line of each code block with
    the line after it; `text` is the text as it was read, with one kind of line break.
    """

    text: str
    items: list[Item] = field(default_factory=list)
    headings: list[tuple[int, tuple[str, ...]]] = field(default_factory=lambda: [(0, ())])
    code: list[tuple[int, int]] = field(default_factory=list)


def read_items(text: str) -> Listing:
    """The items of a markdown text, by the order in which they stand there."""
    listing = Listing(_prepared(text))
    _Reader(listing).read(listing.text)
    return listing


def block_tokens(text: str) -> list[Token]:
    """The blocks that markdown sees in a text, without what is in them: each has the lines that it takes in `map`."""
    parser = _parser()
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser.parse(_line_by_line(text))


class _Reader:
    """Goes through markdown's tokens, keeps the path of headings and collects items."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._path: list[tuple[int, str]] = []
        self._lead = ""  # the heading or bold line right above
        self._parser = _parser()

    def read(self, text: str, first: int = 1) -> None:
        """Adds the items of a markdown text whose first line has the number `first`."""
        open_items: list[Item] = []
        open_lists: list[tuple[int, str]] = []  # where the items of a list begin, and what stands above it
        header: list[str] = []
        cells: list[list[Piece]] = []
        block = ""
        row = first
        for token in self._parser.parse(text):
            line = token.map[0] + first if token.map else first
            parent = open_items[-1] if open_items else None
            match token.type:
                case "heading_open" | "paragraph_open" | "td_open" | "th_open":
                    block = token.tag
                case "inline" if block[0] == "h" and block != "th":
                    self._heading(int(block[1]), pieces_of(token.children or [], line), line)
                case "inline" if block == "p":
                    self._paragraph(pieces_of(token.children or [], line), parent, line)
                case "inline":
                    cells.append(pieces_of(token.children or [], line, cell=True))
                case "tr_open":
                    cells, row = [], line
                case "tr_close" if block == "th":
                    header = [plain(cell) for cell in cells]
                case "tr_close":
                    self._row(cells, header, parent, row)
                case "list_item_open":
                    open_items.append(self._new("item", line, parent))
                case "list_item_close":
                    open_items.pop()
                case "bullet_list_open" | "ordered_list_open":
                    open_lists.append((len(self._listing.items), self._lead))
                case "bullet_list_close" | "ordered_list_close":
                    begins, lead = open_lists.pop()
                    if not open_lists and (one := _one_paper(self._listing.items[begins:], lead)):
                        self._listing.items[begins:] = [one]
                case "html_block":
                    self._html(token.content, parent, line)
                case "fence" | "code_block" if token.map:
                    self._listing.code.append((line, token.map[1] + first))
            if token.type.endswith("_close") and token.type not in ("heading_close", "paragraph_close"):
                self._lead = ""

    def _section(self) -> tuple[str, ...]:
        return tuple(text for _, text in self._path)

    def _new(self, style: Style, line: int, parent: Item | None, pieces: Iterable[Piece] = ()) -> Item:
        item = Item(style, line, self._section(), list(pieces))
        (parent.children if parent else self._listing.items).append(item)
        return item

    def _heading(self, level: int, pieces: list[Piece], line: int) -> None:
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        if any(is_paper(link) for link in pieces if link.url):
            self._new("heading", line, None, pieces)
        self._lead = plain(p for p in pieces if not p.image).rstrip(":：")
        if self._lead:
            self._path.append((level, self._lead))
        self._listing.headings.append((line, self._section()))

    def _paragraph(self, pieces: list[Piece], parent: Item | None, line: int) -> None:
        said = [p for p in pieces if p.url or p.text.strip()]
        self._lead = plain(said).rstrip(":：") if all(p.strong and not p.url for p in said) else ""
        if parent is not None:
            if parent.pieces:
                parent.pieces.append(Piece("\v", line))
            parent.pieces.extend(pieces)
        elif len(said) == 1 and (match := re.fullmatch(r"\s*(#{2,6}|#(?=\d))([^#\n\v\f]+)#*", said[0].text)):
            # "##Heading", which some flavours take for one
            self._heading(len(match[1]), [replace(said[0], text=match[2])], line)
        else:
            for part in parts(pieces):
                self._new("paragraph", part[0].line, None, part)

    def _row(self, cells: list[list[Piece]], header: list[str], parent: Item | None, line: int) -> None:
        names = header + [""] * (len(cells) - len(header))
        item = self._new("row", line, parent)
        item.cells = [(name.casefold(), cell) for name, cell in zip(names, cells, strict=False)]
        said = [cell for cell in cells if cell and not BOX.fullmatch(plain(cell))]
        item.pieces = [p for cell in said for p in (*cell, Piece(" · ", line))]

    def _html(self, content: str, parent: Item | None, line: int) -> None:
        """An HTML block, read as inline HTML cut at its elements; markdown that it swallowed is read as markdown."""
        if re.match(r"\s*<(?:script|style)\b", content, re.IGNORECASE):
            return
        content = comments.replaced(content, lambda comment: "\n" * comment.count("\n"))
        if re.search(r"^ {0,3}(?:[-*+]|\d+[.)]|#{1,6}|\|)\s", content, re.MULTILINE):
            rows = content.split("\n")
            inside = ["" if row.lstrip().startswith("<") else row for row in rows]
            content = "\n".join(row if row.lstrip().startswith("<") else "" for row in rows)
            self.read("\n".join(inside), line)
        header: list[str] = []
        for element in _elements(self._parser, content, line):
            pieces = [p for cell in element.cells for p in cell]
            has_link = any(p.url for p in pieces)
            if element.style == "heading":
                self._heading(element.level, pieces, element.line)
            elif element.style == "row" and element.header and not has_link:
                header = [plain(cell) for cell in element.cells]
            elif element.style == "row":
                self._row(element.cells, header, parent, element.line)
            elif has_link:
                self._new("item" if element.style == "item" else "html", element.line, parent, pieces)


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.front_matter import front_matter_plugin

    # 40 levels are 20 of nested lists; the cost of unclosed brackets grows with this limit.
    parser = MarkdownIt("commonmark", {"html": True, "linkify": True, "maxNesting": 40})
    parser.enable(["table", "linkify", "strikethrough"]).use(front_matter_plugin)
    assert parser.linkify is not None
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})  # README.md is no host
    return parser


def _prepared(text: str) -> str:
    """The text with one kind of line break and without what only makes parsing slow or swallows what follows."""
    text = _line_by_line(text)
    text = re.sub(r"((?:!?\[ ?){16})(?:!?\[ ?)+", r"\1", text)  # unclosed brackets are dear
    opened = text.rfind("<!--")
    if opened >= 0 and "-->" not in text[opened:]:  # never closed: not to hide the rest of the list
        before = text.rfind("-->") + 1
        text = text[:before] + text[before:].replace("<!--", "")
    return text


def _line_by_line(text: str) -> str:
    """The text with one kind of line break, and with no other sign that parts lines."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text.translate({0: "\ufffd", 0x0B: " ", 0x0C: " "})


def _one_paper(items: Sequence[Item], lead: str) -> Item | None:
    """One item for a list whose items only link to one paper and what belongs to it; None if that isn't so."""
    found = [link for item in items for link in item.all_links()]
    papers = {address_of(link) for link in found if is_paper(link) and not link.side}
    if len(items) < 2 or len(papers) != 1 or not all(link.label and not link.bare for link in found):
        return None
    if not all(says_nothing(item) for item in items):
        return None
    named = lead if len(words_of(lead)) > 2 and not is_label(lead) else ""
    pieces = items[0].all_pieces() + set_apart(items[1:])
    return replace(items[0], pieces=pieces, children=[], lead=named)


class _Element(NamedTuple):
    """An element of HTML that holds text. `level` is a heading's; `header` says that a row is of <th>."""

    style: Style
    level: int
    header: bool
    cells: list[list[Piece]]
    line: int


def _elements(parser: MarkdownIt, content: str, line: int) -> Iterator[_Element]:
    """The elements of HTML that hold text, each without those inside it that are blocks of their own."""
    tokens = (parser.parseInline(content)[0].children or []) if content.strip() else []
    style: Style = "html"
    level, at = 0, line
    heads: set[str] = set()  # the names of the cells: td, th
    cells: list[list[Token]] = [[]]

    def finished() -> Iterator[_Element]:
        starts, pieces = at, []
        for cell in cells:
            pieces.append(pieces_of(cell, starts, cell=True))
            starts += sum(_broken(token) for token in cell)
        pieces = [cell for cell in pieces if cell]
        if any(p.text.strip() or p.url for cell in pieces for p in cell):
            yield _Element(style, level, heads == {"th"}, pieces, at)

    for token in tokens:
        match = re.match(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)", token.content) if token.type == "html_inline" else None
        opens, name = (not match[1], match[2].lower()) if match else (False, "")
        if name in ("td", "th") and style == "row":
            if opens:
                heads.add(name)
                cells.append([])
        elif name in _BLOCKS and not (style in ("row", "item") and name in _FLOWING):
            yield from finished()
            at += sum(_broken(inner) for cell in cells for inner in cell)
            cells, heads = [[]], set()
            style = _STYLES.get(name, "html") if opens else "html"
            level = int(name[1]) if style == "heading" else 0
        cells[-1].append(token)
    yield from finished()


def _broken(token: Token) -> int:
    return 1 if token.type in ("softbreak", "hardbreak") else token.content.count("\n")


def says_nothing(item: Item) -> bool:
    """Whether an item has no words beside its links but labels."""
    return only_labels(" ".join(p.text for p in item.all_pieces() if not p.url))
