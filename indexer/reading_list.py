"""Reading lists in markdown, as people write them, to entries.

Three steps. markdown-it makes tokens of the text; these become items, each a list item, table row or paragraph as a
run of pieces (text and links); and each item says which of its links is the paper, what its title is and what the
person noted. Last, a sweep over the raw text sees to it that no arXiv link is lost, wherever it stands.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from indexer import arxiv, links, titles
from indexer.document import Entry, Link, Mention, Warning
from indexer.links import Kind

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token


def read_markdown(text: str, source: str) -> tuple[list[Entry], list[Warning]]:
    """The entries of a reading list, by line, each with one mention: repeats are not merged here.

    The warnings (`bad-line`) are of arXiv links with an id that can't be one.
    """
    text = _prepared(text)
    reader = _Reader()
    reader.read(text)
    entries = [entry for item in reader.items for entry in _entries(item, source)]
    entries += _lost(text, entries, reader, source)
    entries.sort(key=lambda entry: entry.mentions[0].line or 0)
    return entries, _impossible_ids(entries)


# ---------------------------------------------------------------- words and marks of reading lists


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# What the text of a link says of the link and not of the paper. Only together with one of `_LABELS` do `_FILLING` and
# `_FRAMEWORKS` ("official PyTorch code") make a label.
_LABELS = _set(
    """abs abstract alphaxiv amazon appendix ar5iv article arxiv bib bibtex biorxiv blog blogpost book citation code
    codebase colab data dataset datasets demo docs documentation doi download ebook epub fulltext git github gitlab
    here hf homepage html huggingface implementation journal kaggle landing link links manuscript medium mirror
    notebook openreview page paper papers pdf podcast post poster preprint presentation press program project ps
    publication read readme recording repo report repository review scholar site slide slideshare slides source
    summary supp supplement supplemental supplementary talk thread tldr tutorial tweet twitter url video web webpage
    website wiki youtube zhihu 代码 论文 链接 主页 项目 博客 原文 地址"""
)
_FILLING = _set(
    """a an and author authors camera chinese cn conference coming en english extended for from full in long also cf
    check new of official on online open or original our ready see short soon text the their this to v v1 v2 v3
    version via with workshop x"""
)
_FRAMEWORKS = frozenset(("caffe", "jax", "keras", "mxnet", "pytorch", "tensorflow", "tf", "torch"))
_VENUES = _set(
    """aaai acl acm aclanthology aistats asplos atc cacm chi cikm colm colt computer conll corl crypto csur cvf cvpr dac
    date dlacm eacl eccv elsevier emnlp eurosys fast fgcs hotnets hpca hpdc iccv iclr icml icpp icra ics ieee ijcai
    ijcv infocom interspeech ipdps isca iros jair jmlr kdd mdpi micro middleware mlr mlsys mobicom naacl nature ndss
    neurips nips nsdi openreview osdi pact plos pmlr pnas podc ppopp pvldb recsys rss sc science sciencedirect
    sigcomm sigir sigmod sigmetrics siam socc sosp spaa springer sysml taco tmlr tacl tkde tnnls tpami tpds uai
    usenix vldb wacv wiley workshop www"""
)
# Beside the paper, whatever the file: never the entry's own address while there is another.
_SIDE = _set(
    """appendix bib bibtex citation code codebase colab data dataset datasets demo git github gitlab hf huggingface
    implementation kaggle notebook podcast poster presentation program recording repo repository slide slides supp
    supplement supplemental supplementary talk thread tweet twitter video wiki youtube 代码"""
)
_TITLE_HEADERS = ("title", "paper", "name", "model", "method", "system", "article", "work")

_BOX = re.compile(r"\s*\[([ xX✓✔-]?)\](?=\s|$)\s*")
_NUMBER = re.compile(r"\s*(?:\[\^?\d{1,4}\]|\(\d{1,4}\)|\d{1,4}[.)](?=\s))[:.]?\s*")
_TAG = re.compile(r"\s*(?:\[[^\[\]]{1,60}\]|【[^】]{1,60}】)\s*")  # [ICML'25], [Survey]
_DATE = re.compile(r"\s*(?:\((?=[^()]{0,30}(?:19|20)\d\d)[^()]{4,40}\)|(?:19|20)\d\d(?:[-./]\d\d?){0,2}\s*[|:,–—-])\s*")
_BARE_ID = re.compile(r"^[ \t]*(?:\[[ xX]\][ \t]*)?(?P<id>[\w.-]+(?:/\d{7})?(?:v\d+)?)[ \t]*$", re.MULTILINE)
_QUOTED = re.compile('["“”„«](?P<inner>[^"“”„«»]{2,400})["“”»]')
_DOI = re.compile(r"(?<![\w/.-])(?:doi\s?:?\s*)?10\.\d{4,9}/[^\s\"<>|]{1,300}", re.IGNORECASE)
_PEOPLE = re.compile(r"\bet\.? al\b|\b[A-Z]\. ?(?:[A-Z]\. ?)*[A-Z][a-z]+|[A-Z][a-z]+, (?:[A-Z]\.)+", re.ASCII)
_SENTENCE_END = re.compile(r"(?<=[\w)’'\"”][\w)’'\"”])[.?!]\s+(?=[\w\"“(\[*])")


# ---------------------------------------------------------------- pieces and items


_Style = Literal["item", "row", "paragraph", "heading", "html"]
_STYLES: dict[str, _Style] = {"tr": "row", "li": "item"}
_STYLES.update((f"h{level}", "heading") for level in range(1, 7))
_FLOWING = frozenset(("p", "div", "center", "ul", "ol"))  # these stand inside a row or an item too
_BLOCKS = _FLOWING.union(_STYLES, ("dt", "dd", "summary", "details", "table", "thead", "tbody", "blockquote"))


@dataclass(frozen=True)
class _Piece:
    """A run of text, or a link with its text. `line` counts from 1; breaks inside are in `text` as "\\n", "\\v", "\\f".

    `image` says that the link's text is a picture's.
    """

    text: str
    line: int
    url: str = ""
    image: bool = False
    strong: bool = False
    em: bool = False

    @property
    def label(self) -> bool:
        """Whether a link's text is no title: "pdf", an id, a URL, the name of a venue or of the paper's host."""
        return self.image or _is_label(self.text) or (_is_paper(self) and _is_host(self.text, self.url))

    @property
    def bare(self) -> bool:
        """Whether a link's text is its own address."""
        return not self.text or self.text.startswith(("http://", "https://")) or arxiv.parse(self.text) is not None

    @property
    def side(self) -> bool:
        """Whether a link's text says that it leads to code, slides and the like."""
        return self.label and bool(_SIDE & set(_words_of(self.text)))


@dataclass(eq=False)
class _Item:
    """One thing a person wrote down. `cells` are a row's, with their column's heading; `lead` is the heading over a
    list that does nothing but link to one paper."""

    style: _Style
    line: int
    section: tuple[str, ...]
    pieces: list[_Piece] = field(default_factory=list)
    cells: list[tuple[str, list[_Piece]]] = field(default_factory=list)
    children: list[_Item] = field(default_factory=list)
    lead: str = ""

    def links(self) -> list[_Piece]:
        """The links in its own text that lead somewhere to read."""
        return [p for p in self.pieces if p.url and not links.is_furniture(p.url)]

    def all_links(self) -> list[_Piece]:
        """Its links and those of everything nested in it."""
        return self.links() + [link for child in self.children for link in child.all_links()]

    def all_pieces(self) -> list[_Piece]:
        """Its pieces and those of everything nested in it, set apart."""
        nested = [p for child in self.children for p in (_Piece("; ", child.line), *child.all_pieces())]
        return self.pieces + nested


# ---------------------------------------------------------------- markdown to items


class _Reader:
    """Goes through markdown's tokens, keeps the path of headings and collects the items that stand at the top."""

    def __init__(self) -> None:
        self.items: list[_Item] = []
        self.headings: list[tuple[int, tuple[str, ...]]] = [(0, ())]  # line, and the path that begins there
        self.code: list[tuple[int, int]] = []  # first line of a code block, and the line after it
        self._path: list[tuple[int, str]] = []
        self._lead = ""  # the heading or bold line right above
        self._parser = _parser()

    def read(self, text: str, first: int = 1) -> None:
        """Adds the items of a markdown text whose first line has the number `first`."""
        open_items: list[_Item] = []
        open_lists: list[tuple[int, str]] = []  # where the items of a list begin, and what stands above it
        header: list[str] = []
        cells: list[list[_Piece]] = []
        block = ""
        row = first
        for token in self._parser.parse(text):
            line = token.map[0] + first if token.map else first
            parent = open_items[-1] if open_items else None
            match token.type:
                case "heading_open" | "paragraph_open" | "td_open" | "th_open":
                    block = token.tag
                case "inline" if block[0] == "h" and block != "th":
                    self._heading(int(block[1]), _pieces(token.children or [], line), line)
                case "inline" if block == "p":
                    self._paragraph(_pieces(token.children or [], line), parent, line)
                case "inline":
                    cells.append(_pieces(token.children or [], line, cell=True))
                case "tr_open":
                    cells, row = [], line
                case "tr_close" if block == "th":
                    header = [_plain(cell) for cell in cells]
                case "tr_close":
                    self._row(cells, header, parent, row)
                case "list_item_open":
                    open_items.append(self._new("item", line, parent))
                case "list_item_close":
                    open_items.pop()
                case "bullet_list_open" | "ordered_list_open":
                    open_lists.append((len(self.items), self._lead))
                case "bullet_list_close" | "ordered_list_close":
                    begins, lead = open_lists.pop()
                    if not open_lists and (one := _one_paper(self.items[begins:], lead)):
                        self.items[begins:] = [one]
                case "html_block":
                    self._html(token.content, parent, line)
                case "fence" | "code_block" if token.map:
                    self.code.append((line, token.map[1] + first))
            if token.type.endswith("_close") and token.type not in ("heading_close", "paragraph_close"):
                self._lead = ""

    def _section(self) -> tuple[str, ...]:
        return tuple(text for _, text in self._path)

    def _new(self, style: _Style, line: int, parent: _Item | None, pieces: Iterable[_Piece] = ()) -> _Item:
        item = _Item(style, line, self._section(), list(pieces))
        (parent.children if parent else self.items).append(item)
        return item

    def _heading(self, level: int, pieces: list[_Piece], line: int) -> None:
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        if any(_is_paper(link) for link in pieces if link.url):
            self._new("heading", line, None, pieces)
        self._lead = _plain(p for p in pieces if not p.image).rstrip(":：")
        if self._lead:
            self._path.append((level, self._lead))
        self.headings.append((line, self._section()))

    def _paragraph(self, pieces: list[_Piece], parent: _Item | None, line: int) -> None:
        said = [p for p in pieces if p.url or p.text.strip()]
        self._lead = _plain(said).rstrip(":：") if all(p.strong and not p.url for p in said) else ""
        if parent is not None:
            if parent.pieces:
                parent.pieces.append(_Piece("\v", line))
            parent.pieces.extend(pieces)
        elif len(said) == 1 and (match := re.fullmatch(r"\s*(#{2,6}|#(?=\d))([^#\n\v\f]+)#*", said[0].text)):
            self._heading(
                len(match[1]), [replace(said[0], text=match[2])], line
            )  # "##Heading", as some flavours have it
        else:
            for part in _parts(pieces):
                self._new("paragraph", part[0].line, None, part)

    def _row(self, cells: list[list[_Piece]], header: list[str], parent: _Item | None, line: int) -> None:
        names = header + [""] * (len(cells) - len(header))
        item = self._new("row", line, parent)
        item.cells = [(name.casefold(), cell) for name, cell in zip(names, cells, strict=False)]
        item.pieces = [p for cell in cells if cell for p in (*cell, _Piece(" · ", line))]

    def _html(self, content: str, parent: _Item | None, line: int) -> None:
        """An HTML block, read as inline HTML cut at its elements; markdown that it swallowed is read as markdown."""
        if re.match(r"\s*<(?:script|style)\b", content, re.IGNORECASE):
            return
        if re.search(r"^ {0,3}(?:[-*+]|\d+[.)]|#{1,6}|\|)\s", content, re.MULTILINE):
            rows = content.split("\n")
            inside = ["" if row.lstrip().startswith("<") else row for row in rows]
            content = "\n".join(row if row.lstrip().startswith("<") else "" for row in rows)
            self.read("\n".join(inside), line)
        header: list[str] = []
        for style, level, cells, at in _html_parts(self._parser, content, line):
            pieces = [p for cell in cells for p in cell]
            if style == "heading":
                self._heading(level, pieces, at)
            elif style == "row" and level == 0 and not any(p.url for p in pieces):
                header = [_plain(cell) for cell in cells]
            elif style == "row":
                self._row(cells, header, parent, at)
            elif any(p.url for p in pieces):
                self._new("item" if style == "item" else "html", at, parent, pieces)


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
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = text.translate({0: "\ufffd", 0x0B: " ", 0x0C: " "})
    text = re.sub(r"((?:!?\[ ?){16})(?:!?\[ ?)+", r"\1", text)  # unclosed brackets are dear
    opened = text.rfind("<!--")
    if opened >= 0 and "-->" not in text[opened:]:  # never closed: not to hide the rest of the list
        before = text.rfind("-->") + 1
        text = text[:before] + text[before:].replace("<!--", "")
    return text


def _one_paper(items: Sequence[_Item], lead: str) -> _Item | None:
    """One item for a list whose items only link to one paper and what belongs to it; None if that isn't so."""
    found = [link for item in items for link in item.all_links()]
    papers = {_address(link) for link in found if _is_paper(link) and not link.side}
    if len(items) < 2 or len(papers) != 1 or not all(link.label and not link.bare for link in found):
        return None
    if not all(_says_nothing(item) for item in items):
        return None
    pieces = [p for item in items for p in (*item.all_pieces(), _Piece("; ", item.line))]
    named = lead if len(_words_of(lead)) > 2 and not _is_label(lead) else ""
    return replace(items[0], pieces=pieces, children=[], lead=named)


def _pieces(tokens: Sequence[Token], line: int, *, cell: bool = False) -> list[_Piece]:
    """Inline tokens as pieces: markup becomes flags, and ids in plain text become links.

    A line that is nothing but 2311.08105 is an id too, unless it is the `cell` of a table, which may hold any number.
    """
    found: list[_Piece] = []
    run: list[str] = []  # the text of the piece under way
    link: _Piece | None = None
    piece = _Piece("", line)
    strong = em = 0

    def finished() -> None:
        nonlocal link
        whole = replace(link or piece, text="".join(run))
        if whole.url or whole.text:
            found.append(whole)
        run.clear()
        link = None

    for token in tokens:
        kind, text, broken = token.type, token.content, int(token.type in ("softbreak", "hardbreak"))
        if kind == "html_inline":
            kind, text, broken = _tag_kind(token)
        if kind in ("link_open", "link_close"):
            finished()
            url = _mended(str(token.attrs.get("href") or text)) if kind == "link_open" else ""
            link = _Piece("", line, url) if url else None
            piece = _Piece("", line, strong=strong > 0, em=em > 0)
        elif kind in ("strong_open", "strong_close", "em_open", "em_close"):
            change = 1 if kind.endswith("open") else -1
            strong = max(0, strong + change) if kind[0] == "s" else strong
            em = max(0, em + change) if kind[0] == "e" else em
            if link is None:
                finished()
                piece = _Piece("", line, strong=strong > 0, em=em > 0)
        elif kind == "image":
            if link is not None and not "".join(run).strip():
                link, run[:] = replace(link, image=True), [text or "image"]
        elif kind in ("text", "code_inline", "softbreak", "hardbreak", "break"):
            if link is not None and link.image and text.strip():
                link, run[:] = replace(link, image=False), []
            run.append({"softbreak": "\n", "hardbreak": "\v", "break": "\f"}.get(kind, text))
        line += broken
    finished()
    if len(found) == 1 and not found[0].url and not cell:
        alone = [m for m in _BARE_ID.finditer(found[0].text) if arxiv.parse(m["id"])]
    else:
        alone = []
    return [part for whole in found for part in _with_ids(whole, alone)]


def _tag_kind(token: Token) -> tuple[str, str, int]:
    """What a tag of inline HTML amounts to: the kind of token, its URL or text, and the line breaks inside it."""
    match = re.match(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)", token.content)
    if not match:
        return "comment", "", token.content.count("\n")
    name, opens = match[2].lower(), not match[1]
    kind = {"a": "link", "b": "strong", "strong": "strong", "i": "em", "em": "em"}.get(name)
    broken = token.content.count("\n")
    if kind:
        return f"{kind}_{'open' if opens else 'close'}", _attribute(token.content, "href"), broken
    if name == "img":
        return "image", _attribute(token.content, "alt"), broken
    return ("break" if name in ("br", "p", "div", "li", "tr", "td") else "comment"), "", broken


def _attribute(tag: str, name: str) -> str:
    match = re.search(rf"\s{name}\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", tag, re.IGNORECASE)
    return html.unescape(next((group for group in match.groups() if group is not None), "")) if match else ""


def _mended(href: str) -> str:
    """The link's http(s) URL, without brackets that slipped in before it; "" for anchors, relative links and others."""
    href = re.sub(r"^(?:%5B|%3C|[\[<(\s])+(?=https?://)", "", href.strip(), flags=re.IGNORECASE)
    return href if links.normal_url(href) else ""


def _with_ids(piece: _Piece, alone: Iterable[re.Match[str]] = ()) -> Iterator[_Piece]:
    """The piece, cut so that arXiv ids and DOIs written as plain text are links of their own."""
    if piece.url:
        yield replace(piece, text=" ".join(piece.text.split()))
        own = links.address(piece.url)
        for _, identifier in arxiv.find_all(piece.text):  # [arXiv:1706.03762](https://elsewhere)
            if own and own[0] != f"arxiv:{identifier.id}":
                yield _Piece("", piece.line, _abs_page(identifier))
        return
    spans = [(start, end, _abs_page(identifier)) for start, end, identifier in arxiv.find_spans(piece.text)]
    for match in alone:
        if only := arxiv.parse(match["id"]):
            spans.append((match.start("id"), match.end("id"), _abs_page(only)))
    for match in _DOI.finditer(piece.text):
        written = _untrailed(match[0])
        if found := links.doi(written):
            spans.append((match.start(), match.start() + len(written), f"https://doi.org/{found}"))
    at, line = 0, piece.line
    for start, end, url in sorted(spans):
        if start < at:  # an arXiv DOI, which is an id too
            continue
        before = piece.text[at:start]
        if before:
            yield replace(piece, text=before, line=line)
        line += _breaks(before)
        yield replace(piece, text=" ".join(piece.text[start:end].split()), line=line, url=url)
        line += _breaks(piece.text[start:end])
        at = end
    if at < len(piece.text):
        yield replace(piece, text=piece.text[at:], line=line)


def _breaks(text: str) -> int:
    return text.count("\n") + text.count("\v")


def _untrailed(text: str) -> str:
    """The text without punctuation at its end that closes the sentence around it."""
    pairs = {")": "(", "]": "[", "}": "{"}
    while text and (
        text[-1] in ".,;:!?'”’*_。，；" or text.count(text[-1]) > text.count(pairs.get(text[-1], text[-1]))
    ):
        text = text[:-1]
    return text


def _abs_page(identifier: arxiv.ArxivId) -> str:
    return f"https://arxiv.org/abs/{identifier.versioned}"


def _parts(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """A paragraph, cut where it is a list without bullets: lines that each begin with a title's link or with [1]."""
    lines: list[tuple[str, list[_Piece]]] = [("", [])]
    for piece in pieces:
        if piece.url:
            lines[-1][1].append(piece)
            continue
        at = piece.line
        for i, text in enumerate(re.split(r"([\n\v\f]+)", piece.text)):
            if i % 2:
                at += _breaks(text)
                lines.append((text, []))
            else:
                lines[-1][1].append(replace(piece, text=text, line=at))
    listed = all(_opening_link(line) or _numbered(line) for _, line in lines if _plain(line))
    part: list[_Piece] = []
    has_link = False
    for broken, line in lines:
        opening = _opening_link(line)
        begins = _numbered(line) or (
            opening is not None and (not opening.label or opening.bare) and (listed or bool(broken.strip("\n")))
        )
        if begins and has_link:
            yield _rejoined(part)
            part, has_link = [], False
        elif part:
            part.append(replace(part[-1], text=broken, url="", image=False))
        part += line
        has_link = has_link or any(p.url for p in line)
    if any(p.text or p.url for p in part):
        yield _rejoined(part)


def _rejoined(pieces: Sequence[_Piece]) -> list[_Piece]:
    """The pieces with neighbouring text of one style made one."""
    joined: list[_Piece] = []
    for (url, *_), group in groupby(pieces, key=lambda p: (p.url and id(p), p.strong, p.em)):
        same = [p for p in group if p.url or p.text]
        joined += same if url or not same else [replace(same[0], text="".join(p.text for p in same))]
    return joined


def _html_parts(parser: MarkdownIt, content: str, line: int) -> Iterator[tuple[_Style, int, list[list[_Piece]], int]]:
    """The elements of HTML that hold text: style, heading level (of a row: 0 if it is of <th>), cells, line."""
    tokens = (parser.parseInline(content)[0].children or []) if content.strip() else []
    style: _Style = "html"
    level, at = 1, line
    cells: list[list[Token]] = [[]]

    def flushed() -> Iterator[tuple[_Style, int, list[list[_Piece]], int]]:
        starts, pieces = at, []
        for cell in cells:
            pieces.append(_pieces(cell, starts, cell=True))
            starts += sum(_broken(token) for token in cell)
        if any(p.text.strip() or p.url for cell in pieces for p in cell):
            yield style, level, [cell for cell in pieces if cell], at

    for token in tokens:
        match = re.match(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)", token.content) if token.type == "html_inline" else None
        name = match[2].lower() if match else ""
        if name in ("td", "th") and style == "row" and match and not match[1]:
            level = 0 if name == "th" and level == 0 else 1
            cells.append([])
        elif name in _BLOCKS and not (style in ("row", "item") and name in _FLOWING):
            yield from flushed()
            at += sum(_broken(t) for cell in cells for t in cell)
            cells, style, level = [[]], "html", 0
            if match and not match[1]:
                style = _STYLES.get(name, "html")
                level = int(name[1]) if style == "heading" else 0
        cells[-1].append(token)
    yield from flushed()


def _broken(token: Token) -> int:
    return 1 if token.type in ("softbreak", "hardbreak") else token.content.count("\n")


# ---------------------------------------------------------------- items to entries


@dataclass
class _Group:
    """The links of one item that lead to one thing."""

    address: str
    version: int | None
    links: list[_Piece]

    @property
    def title(self) -> str:
        """The text of its first link that is a title, or ""."""
        return next((_cleaned(link.text) for link in self.links if not link.label), "")


def _entries(item: _Item, source: str) -> list[Entry]:
    """The entries that an item and the items nested in it make."""
    below = [child for child in item.children if child.all_links()]
    remarks = "; ".join(_plain(child.all_pieces()) for child in item.children if not child.all_links())
    attached = _attached(item, below) if item.style == "item" else []
    nested = [
        entry for child in below if not any(child is other for other in attached) for entry in _entries(child, source)
    ]
    said = item.pieces + [p for c in attached if not _says_nothing(c) for p in (_Piece("; ", c.line), *c.all_pieces())]
    pieces = item.pieces + [p for child in attached for p in (_Piece("; ", child.line), *child.all_pieces())]
    groups = _groups(item, [p for p in pieces if p.url and not links.is_furniture(p.url)])
    if not groups:
        return nested
    title, taken = _item_title(item, groups)
    notes = _notes(item, said, groups, taken, remarks)
    checked = _checked(item)
    own = []
    for position, (group, note, beside) in enumerate(zip(groups, notes, _beside(groups, pieces), strict=True)):
        line = item.line if position == 0 and item.style != "html" else group.links[0].line
        given = group.title or (title if position == 0 else "")
        own.append(
            Entry(group.address, (Mention(source, line, given, item.section, note, checked),), group.version, beside)
        )
    return own + nested


def _groups(item: _Item, found: list[_Piece]) -> list[_Group]:
    """Which links are what the item lists: each arXiv paper, else the paper, else the page, else the code."""
    groups: dict[str, _Group] = {}
    for link in found:
        if links.kind(link.url) == Kind.ARXIV:
            _join(groups, link)
    papers = [p for p in found if links.kind(p.url) == Kind.PAPER and not p.side and not (p.image and groups)]
    if not groups and papers:
        _join(groups, papers.pop(0))
    for link in papers:
        if _address(link) in groups:
            _join(groups, link)
        elif not link.label:
            others = [group.title or _plain(item.pieces[:50]) for group in list(groups.values())[-10:]]
            if not any(_may_be_same(link.text, other) for other in others):
                _join(groups, link)  # another paper, under a title of its own
    opening = _opening_link(item.pieces)
    titled = opening is not None and not opening.label
    if groups and opening and titled and item.style in ("item", "row") and not links.is_furniture(opening.url):
        apart = all(g.title and not _may_be_same(opening.text, g.title) for g in groups.values())
        return [_joined(opening), *groups.values()] if apart and _address(opening) not in groups else [*groups.values()]
    if groups or item.style in ("html", "heading"):
        return list(groups.values())
    begins = opening is not None and (titled or opening.bare)
    if item.style == "paragraph" and not begins and not _numbered(item.pieces):
        return []
    rest = [link for link in found if not link.image]
    best = next((link for link in rest if not link.label), None) or min(
        rest, key=lambda link: (link.side, links.kind(link.url)), default=None
    )
    return [_joined(best)] if best else []


def _join(groups: dict[str, _Group], link: _Piece) -> None:
    address, version = links.address(link.url) or ("", None)
    if address in groups:
        group = groups[address]
        group.links.append(link)
        group.version = max((v for v in (group.version, version) if v is not None), default=None)
    else:
        groups[address] = _Group(address, version, [link])


def _joined(link: _Piece) -> _Group:
    groups: dict[str, _Group] = {}
    _join(groups, link)
    return next(iter(groups.values()))


def _attached(parent: _Item, below: Sequence[_Item]) -> list[_Item]:
    """The nested items that only add links to what their parent lists ("slides: [link](…)", "[arxiv](…)")."""
    own = parent.links()
    has_paper = any(_is_paper(link) for link in own)
    bare = [link for child in below for link in child.all_links() if link.bare and links.kind(link.url) != Kind.CODE]
    attached = []
    for child in below:
        found = child.all_links()
        if has_paper and all(links.kind(link.url) == Kind.CODE for link in found):
            attached.append(child)
        elif all(link.label for link in found) and _says_nothing(child):
            if not any(link.bare for link in found):
                fits = bool(own or _plain(parent.pieces))
            else:
                fits = has_paper if own else bool(_plain(parent.pieces)) and len(bare) <= 1
            attached += [child] if fits else []
    return attached


def _says_nothing(item: _Item) -> bool:
    """Whether an item has no words beside its links but labels."""
    return _only_labels(" ".join(p.text for p in item.all_pieces() if not p.url))


def _beside(groups: Sequence[_Group], pieces: Sequence[_Piece]) -> list[tuple[Link, ...]]:
    """For each group the item's other links, each on the last paper named before it."""
    position = {group.address: i for i, group in enumerate(groups)}
    found: list[dict[str, Link]] = [{} for _ in groups]
    owner = 0
    before = ""
    for piece in pieces:
        if not piece.url:
            before = piece.text
            continue
        if _address(piece) in position:
            owner = position[_address(piece)]
        elif not links.is_furniture(piece.url):
            label = "" if piece.bare else piece.text.strip("[] ")
            if set(_words_of(label)) <= {"link", "here", "url"}:
                named = re.search(r"(\w[\w ]{0,24}?)\s*:\s*[\[(]?$", before[-40:])
                label = named[1] if named and _only_labels(named[1]) else label
            found[owner].setdefault(piece.url, Link(piece.url, label))
        before = ""
    return [tuple(beside.values()) for beside in found]


# ---------------------------------------------------------------- titles


def _item_title(item: _Item, groups: Sequence[_Group]) -> tuple[str, str]:
    """The title that an item gives its first paper outside of the paper's link, as it is and as it is written there."""
    if groups[0].title:
        return "", ""
    if item.style == "row":
        return _row_title(item)
    first = next((i for i, p in enumerate(item.pieces) if p.url and not p.image), len(item.pieces))
    found = _title_in(item.pieces[:first], item.style == "item" or _numbered(item.pieces))
    if not found:
        opening = _opening_link(item.pieces)
        if opening and not opening.label:
            return _cleaned(opening.text), opening.text
        return _cleaned(item.lead), ""
    return _cleaned(found), found


def _row_title(item: _Item) -> tuple[str, str]:
    """The cell of a row that names the paper: the one under "title" and so on, else the first that may be a title."""
    titled = [(name, _plain(p for p in cell if not (p.url and p.label))) for name, cell in item.cells]
    titled = [(name, text) for name, text in titled if text and not _is_label(text) and not _BOX.fullmatch(text)]
    for wanted in _TITLE_HEADERS:
        for name, text in titled:
            if wanted in re.findall(r"\w+", name):
                return _cleaned(text), text
    if any(name in ("year", "date", "venue", "note", "notes", "authors") for name, _ in item.cells[:1]):
        titled = titled[1:]
    return (_cleaned(titled[0][1]), titled[0][1]) if titled else ("", "")


def _title_in(pieces: Sequence[_Piece], listed: bool) -> str:
    """The title in the text before a link: what is bold or quoted, else what stands first. "" where it isn't plain.

    `listed` says that the text is an item of a list; in running text only a marked title counts.
    """
    pieces = [p for p in pieces if not p.url]
    text = _plain(pieces)
    for piece in pieces:
        marked = _plain([piece])
        titled = not _is_label(marked) and not _NUMBER.fullmatch(marked + " ") and marked[:1] != "("
        if piece.strong and titled and (listed or len(marked.split()) > 2):
            return marked
    for match in _QUOTED.finditer(text):
        before = text[: match.start()].rstrip()
        inner = match["inner"].strip()
        ends = not before or before[-1] in ".,:;])-–—" or _only_labels(before)
        if ends and (listed or len(inner.split()) > 2) and not _is_label(inner):
            return inner
    own_line = pieces and re.search(r"[\n\v\f]\s*$", pieces[-1].text) and "." not in text
    if not listed and not own_line and not re.search(r"[:–—-]\s*$", text):
        return ""
    for i, piece in enumerate(pieces):
        marked = _plain([piece])
        lead = _unmarked(_plain(pieces[:i]))
        if piece.em and marked:
            if not lead:
                return marked if len(marked.split()) > 1 and not _PEOPLE.search(marked) else ""
            if re.search(r"[.,:;–—-]$", lead):
                text = lead
                break
    return _leading_title(_unmarked(text))


def _leading_title(text: str) -> str:
    """The part of "Title. Authors. Venue" (or "Authors (2017). Title.") that is the title; "" if that can't be told."""
    text = re.sub(r"^(?:title|paper|name)\s?[:：]\s*", "", text, flags=re.IGNORECASE)
    text = re.sub(r"[\s,;|–—-]+(?:url|link|pdf|paper|arxiv|code)\s?[:：]$", "", text, flags=re.IGNORECASE)
    text = re.sub(r"\s+(?:by|in|at|from|see|via|and|the|a)$", "", text.rstrip(" -–—:：,;|("))
    if match := re.match(r"[^()]{3,300}\((?:19|20)\d\d[a-z]?\)[.,:]?\s+(?P<rest>\S.*)", text):
        text = match["rest"]  # as the APA has it
    for sentence in _SENTENCE_END.split(text):
        if _PEOPLE.search(sentence) or re.fullmatch(r"\W*\d{4}\W*", sentence):
            continue
        sentence = sentence.rstrip(" -–—:：,;|(")
        named = not _only_labels(sentence) or bool(_FRAMEWORKS & set(_words_of(sentence)))
        return sentence if named and len(sentence.split()) <= 30 else ""
    return ""


def _unmarked(text: str) -> str:
    """The text without check box, number and [tags] at its beginning, and without [tags] at its end."""
    before, text = None, text[:2000]
    while before != text:
        before = text
        for mark in (_BOX, _NUMBER, _TAG, _DATE):
            if match := mark.match(text):
                text = text[match.end() :]
    text = text[:-200] + re.sub(r"(?:\s*[\[(][^\[\]()]{0,60}[\])])+\s*$", "", text[-200:]) or text
    return text.lstrip(" -–—:：,;|>•·*\t").strip()


def _cleaned(title: str) -> str:
    """A title on one line, without the quotes around it, a venue's tag before it or a full stop after it."""
    title = " ".join(title[:1000].split())
    while match := _TAG.match(title):
        rest = title[match.end() :]
        if not rest or not (re.search(r"\d", match[0]) or _only_labels(match[0]) or "urvey" in match[0]):
            break
        title = rest
    title = title.strip(" *_|-–—:：,;").removesuffix("...")
    if title.endswith(".") and not title.endswith((" al.", "etc.", "Inc.")):
        title = title.rstrip(".")
    if len(title) > 1 and (title[0], title[-1]) in (('"', '"'), ("“", "”"), ("'", "'"), ("‘", "’"), ("«", "»")):
        title = title[1:-1]
    elif title[:1] in "“”„" and not re.search('[”"]', title[1:]):
        title = title[1:]
    return title.strip().rstrip(",")


def _words_of(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|v\d", text.casefold())


def _only_labels(text: str) -> bool:
    """Whether a text says nothing but "arxiv version (2023)": labels, venues, years."""
    words = _words_of(text)
    return all(w in _LABELS or w in _FILLING or w in _VENUES or w in _FRAMEWORKS for w in words)


@lru_cache(maxsize=4096)
def _is_label(text: str) -> bool:
    """Whether the text of a link is no title of what it leads to."""
    text = text.strip()
    words = _words_of(text)
    if not words or re.match(r"https?://|www\.", text) or arxiv.parse(text) or links.doi(text):
        return True
    return len(words) <= 6 and _only_labels(text) and any(w in _LABELS or w in _VENUES for w in words)


def _is_host(text: str, url: str) -> bool:
    """Whether a text is a part of the URL's host: "stanford" for cs.stanford.edu, "dl.acm" for dl.acm.org."""
    host = urlsplit(url).hostname or ""
    return bool(text) and f".{text.strip().casefold()}." in f".{host}."


def _may_be_same(title: str, other: str) -> bool:
    """Whether two titles in one item may be of one thing; a name and a full title may."""
    return titles.overlap(title, other) >= 0.8


# ---------------------------------------------------------------- notes, check boxes, beginnings


def _notes(item: _Item, pieces: Sequence[_Piece], groups: Sequence[_Group], taken: str, remarks: str) -> list[str]:
    """For each group what the item says beyond its title and links; `taken` is the title as it stands in the text."""
    running = item.style in ("paragraph", "html") and not taken and _opening_link(pieces) is None
    if running or len(groups) > 20:  # a sentence with links in it, not a title with a note
        whole = "; ".join(part for part in (_plain(p for p in pieces if not p.image), remarks) if part)
        return [whole] * len(groups)
    return [_note(pieces, group, taken, remarks) for group in groups]


def _note(pieces: Sequence[_Piece], group: _Group, taken: str, remarks: str) -> str:
    own = {id(link) for link in group.links}
    said = []
    for piece in pieces:
        if not piece.url:
            said.append(piece.text)
        elif piece.label or piece.bare:
            said.append(f"\ue000{'' if piece.image or piece.bare else piece.text}\ue001")
        elif id(piece) not in own:
            said.append(piece.text)
    text = " ".join("".join(said).split())
    if taken:
        text = text.replace(" ".join(taken.split()), "", 1)
    # A label stays where a sentence runs through it, and goes where it stands by itself.
    text = re.sub(r"(?<=\w) \ue000([^\ue000\ue001]*)\ue001(?= \w)", r" \1", text)
    text = re.sub(r"(?:\b\w{1,30}:\s?)?[\[(]?\ue000[^\ue000\ue001]*\ue001[\])]?", " ", text)
    match = _BOX.match(text) or _NUMBER.match(text)
    text = text[match.end() :] if match else text
    for _ in range(3):
        text = re.sub(r"[\[(“\"‘*]\s?[.,|/·;]{0,3}\s?[\])”\"’*]", " ", text)
    text = " ".join(text.split())
    text = re.sub(r" ?([|·;,/])(?: ?[|·;,/])+ ?", r" \1 ", text)
    text = re.sub(r" ([.,;!?)\]]|:(?!\w))", r"\1", " ".join(text.split()))
    text = re.sub(r"([.,]) ?\.(?!\.)", r"\1", text)
    text = re.sub(r"^(?:[\s\-–—：;,.|·•>/*\"”]|:(?!\w+:))+", "", text).rstrip(" -–—;,|·/")
    return "; ".join(part for part in (text, remarks) if part)


def _checked(item: _Item) -> bool | None:
    """The state of the item's check box, None where it has none."""
    begins = [p.text for p in item.pieces[:1] if not p.url]
    cells = [_plain(cell) or "-" for _, cell in item.cells]
    for text in begins + [cell for cell in cells if re.fullmatch(r"\[[ xX]\]", cell)]:
        if match := _BOX.match(text) or re.match(r"\s*\[([ xX])\](?=\s*$)", text):
            return match[1] in "xX✓✔" and match[1] != ""
    return None


def _plain(pieces: Iterable[_Piece]) -> str:
    return " ".join("".join(p.text for p in pieces).split())


def _opening_link(pieces: Sequence[_Piece]) -> _Piece | None:
    """The link that the text begins with, marks, numbers and pictures aside."""
    text = ""
    for piece in pieces:
        if piece.url and not piece.image:
            return None if re.search(r"\w", _unmarked(text + " ")) else piece
        text += "" if piece.url else piece.text[:500]
        if len(text) >= 500:
            return None
    return None


def _numbered(pieces: Sequence[_Piece]) -> bool:
    """Whether the text begins with [1], as the entries of a bibliography do."""
    return bool(re.match(r"\s*\[\^?\d{1,4}\]", "".join(p.text for p in pieces[:2] if not p.url)))


def _is_paper(link: _Piece) -> bool:
    return links.kind(link.url) <= Kind.PAPER and not links.is_furniture(link.url)


def _address(link: _Piece) -> str:
    found = links.address(link.url)
    return found[0] if found else ""


# ---------------------------------------------------------------- the sweep


def _lost(text: str, entries: Iterable[Entry], reader: _Reader, source: str) -> Iterator[Entry]:
    """An entry for each arXiv paper that the text names outside of comments and that no item had."""
    known = {entry.address for entry in entries}
    visible = _without_comments(text, reader.code)
    counted, line = 0, 1
    for offset, identifier in arxiv.find_all(visible):
        line += visible.count("\n", counted, offset)
        counted = offset
        address = f"arxiv:{identifier.id}"
        if address not in known:
            known.add(address)
            section = max((h for h in reader.headings if h[0] <= line), key=lambda h: h[0])[1]
            yield Entry(address, (Mention(source, line, section=section),), identifier.version)


def _without_comments(text: str, code: Iterable[tuple[int, int]]) -> str:
    """The text with HTML comments blanked; what looks like one in code is none."""
    lines = [re.sub(r"(?<!`)`[^`]+`(?!`)", lambda m: m[0].replace("<", " "), line) for line in text.split("\n")]
    for first, end in code:
        for number in range(first - 1, min(end - 1, len(lines))):
            lines[number] = lines[number].replace("<", " ")
    shown, at = [], 0
    for match in re.finditer(r"<!--.*?-->", "\n".join(lines), re.DOTALL):
        shown += [text[at : match.start()], re.sub(r"[^\n]", " ", match[0])]
        at = match.end()
    return "".join((*shown, text[at:]))


def _impossible_ids(entries: Iterable[Entry]) -> list[Warning]:
    found = []
    for entry in entries:
        if re.match(r"https?://(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/", entry.address):
            mention = entry.mentions[0]
            found.append(Warning(mention.source, mention.line, "bad-line", f"{entry.address} holds no arXiv id."))
    return found
