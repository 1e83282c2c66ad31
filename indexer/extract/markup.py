"""A tree of elements to blocks: the paragraphs, headings, code, formulas, tables and notes of a page, in its order.

Web pages and markdown (rendered first) both go through here. What a page shows around its text is `html`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import unquote

from indexer import arxiv
from indexer.document import Block, BlockKind, Extracted, Page, Reference, Section, TextMention
from indexer.extract.cleaning import clean

if TYPE_CHECKING:
    from lxml.html import HtmlElement


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


GONE = "gone"  # the tag of an element whose content was taken away because it is no text of the page
MOST_LEVELS = 400  # of elements within elements: browsers give up at 512

_BLOCKS = words(
    "address article aside blockquote body caption center dd details dir div dl dt fieldset figcaption figure footer form "
    "frameset header hgroup html legend li main menu nav ol p section summary table tbody td tfoot th thead tr ul"
)
_NEVER = words(
    "script style template noscript head title meta link button input select option textarea label datalist dialog object "
    "embed applet param map area frame noframes rp rt clipboard-copy d-front-matter d-bibliography dt-bibliography "
    "d-footnote-list dt-fn-list"
)
_MEDIA = words("img svg video audio iframe canvas object embed picture")
_CODE = frozenset(("pre", "xmp", "listing", "plaintext"))
_UNSEEN = words(
    "sr-only visually-hidden visuallyhidden screen-reader-text screen-reader-only mw-editsection ltx_ERROR ltx_pagination "
    "ltx_listing_data mw-cite-backlink ltx_bib_cited MathJax_Preview toolbar toolbar-item code-header code-block-header "
    "code-lang copy-btn copy-code copybtn copy-button copy-code-button zeroclipboard-container language-label"
)
_ABSTRACT = frozenset(("abstract", "ltx_abstract"))
_FRONT = words(
    "ltx_authors ltx_dates ltx_titlepage ltx_keywords ltx_classification byline subtitle dateline author-list"
)
_CAPTION = words("caption figcaption wp-caption-text image-caption caption-text ltx_caption figure-caption")
_NOTES = words("footnotes endnotes footnotes-list footnote-list footnotedef")
_NOTE = words(
    "footnote sidenote marginnote ltx_role_footnote ltx_role_footnotetext ltx_role_footnotemark ltx_role_thanks"
)
_NOTE_CALLS = words("footnote-ref footnote-reference footnote-anchor footref fn-ref footnote-number")
_NOTE_BACK = re.compile(r"[\s↩↑⤴⏎↵^\u200d\ufe0e\ufe0f]*|\[?(?:return|back|jump up)\]?", re.IGNORECASE)
_PERMALINK = words(
    "headerlink permalink anchor anchor-link anchorjs-link anchorlink heading-anchor header-anchor header-link heading-link "
    "hash-link direct-link doc-anchor deep-link"
)
_GUTTER = words(
    "lineno linenos linenumber linenumbers line-number line-numbers lnt ln gutter gl rouge-gutter linenodiv blob-num "
    "hljs-ln-numbers hljs-ln-n react-code-line-number code-line-number ltx_tag_listingline"
)
_CODE_LINE = words("line token-line code-line ltx_listingline view-line cm-line CodeMirror-line")
_CODE_TABLE = words(
    "highlighttable lntable rouge-table codehilitetable hljs-ln highlight blob-code js-file-line-container"
)
_DIGITS = re.compile(r"[\d\s.:|]*")
_ORDINAL = words("st nd rd th tm r ®")
# What MathJax and KaTeX find in running text; the length is bounded so that a page of openings costs no time.
_TEX = re.compile(
    r"\$\$(?P<dollars>.{1,5000}?)\$\$|\\\[(?P<brackets>.{1,5000}?)\\\]|\\\((?P<inline>.{1,2000}?)\\\)|"
    r"(?P<environment>\\begin\{(?P<name>equation|align|gather|multline|eqnarray|displaymath)(?P<star>\*?)\}"
    r".{1,5000}?\\end\{(?P=name)(?P=star)\})",
    re.DOTALL,
)
_MATH_IMAGE = re.compile(r"latex\.codecogs\.com|latex\.php|/math/render/|chart\.googleapis\.com/chart\?cht=tx")
_ACCENTS = re.compile("([´`¨ˆ˜ˇ˘¸˚˝˙]+)")
_REFERENCES = re.compile(
    r"(?:(?:\d+|[A-Z]|[IVX]+)\.?\s+)?(?:(?:notes and )?references(?: and (?:further reading|notes))?|bibliography|works cited|"
    r"literature(?: cited)?|cited (?:literature|works)|literatur(?:verzeichnis)?|références|bibliographie|referencias|"
    r"bibliografía|参考文献)\W*",
    re.IGNORECASE,
)
_APPENDIX = re.compile(r"(?:appendix|appendices|supplementary material)\b", re.IGNORECASE)
_LINKS_LEAD = re.compile(r"[\s.,]*\b(?:External Links|Cited by): .*")  # LaTeXML's words before an entry's links
_LABEL = re.compile(r"\[(?P<bracketed>[^\[\]\s]{1,12})\]\s*|(?P<number>\d{1,3})\.\s+")


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
    `left_out` was: "chrome", taken away because it is no text, or "media".
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
    left_out: Literal["", "chrome", "media"] = ""

    @property
    def linked(self) -> float:
        """The share of its characters that are links, 0 to 1."""
        return sum(link.end - link.start for link in self.links) / max(1, len(self.text) - len(self.bullet))


def read(root: HtmlElement, *, tex: bool = False) -> list[Piece]:
    """The pieces of everything within `root`, in order. `tex`: formulas stand in the text between TeX's delimiters.

    The tree may be changed. It must not be deeper than `MOST_LEVELS`.
    """
    reader = _Reader(_facts(root, tex))
    reader.children(root)
    reader.flush()
    return _bibliography(_abstract(reader.pieces))


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
    known["abstract"] = " ".join(piece.text for piece in pieces if piece.kind == "abstract") or known["abstract"]
    return Extracted(
        pages=(Page(text),),
        sections=tuple(sections),
        blocks=tuple(blocks),
        references=_references(pieces, blocks, owners, url),
        **known,
    )


def key(text: str) -> str:
    """The letters and digits of a text, casefolded: equal for what a reader would call the same heading."""
    return re.sub(r"[\W_]+", "", text).casefold()


def class_names(element: HtmlElement) -> frozenset[str]:
    """The classes of an element."""
    return frozenset((element.get("class") or "").split())


def tag_of(element: HtmlElement) -> str:
    """An element's tag in lower case and without a prefix; "" for comments and the like."""
    return element.tag.rpartition(":")[2].lower() if isinstance(element.tag, str) else ""


def text_of(element: HtmlElement) -> str:
    """All text within an element, on one line."""
    return " ".join("".join(element.itertext()).split())


def is_hidden(element: HtmlElement) -> bool:
    """Whether the page itself says that nobody shall see it. The panels behind a row of tabs count as seen."""
    if element.get("role") == "tabpanel":
        return False
    if "hidden" in element.attrib and element.get("hidden") != "until-found":
        return True
    if element.get("aria-hidden") == "true":
        return True
    style = element.get("style")
    return bool(style and re.search(r"display\s*:\s*none|visibility\s*:\s*hidden", style, re.IGNORECASE))


def _tidy(text: str) -> str:
    """`clean`, but for its mending of accents that stand beside their letter: in a page a backquote is one."""
    return clean(text) if text.isascii() else "".join(map(clean, _ACCENTS.split(text)))


class _Facts(NamedTuple):
    """What has to be known of the whole page to read a part of it."""

    tex: bool
    mathjax: bool  # formulas stand in <script type="math/tex">, what is drawn of them beside it
    notes: frozenset[str]  # ids of footnotes
    numbers: dict[str, int]  # of the entries of a printed bibliography, by id


def _facts(root: HtmlElement, tex: bool) -> _Facts:
    notes: set[str] = set()
    numbers: dict[str, int] = {}
    mathjax = False
    for element in root.iter():
        tag = tag_of(element)
        if not tag:
            continue
        mathjax = mathjax or (tag == "script" and (element.get("type") or "").startswith("math/tex"))
        if _is_notes(element, tag, class_names(element)):
            notes.update(found for inner in element.iter() if (found := inner.get("id")))
        elif tag == "ol" and _lists_references(element):
            numbers.update((item.get("id") or "", n) for n, item in enumerate(element.iter("li"), 1))
    return _Facts(tex, mathjax, frozenset(notes), numbers)


def _is_notes(element: HtmlElement, tag: str, classes: frozenset[str]) -> bool:
    return bool(
        classes & _NOTES
        or element.get("role") in ("doc-endnotes", "doc-footnote")
        or element.get("id") == "footnotes"
        or (tag in _BLOCKS and "footnote" in classes)
    )


def _lists_references(element: HtmlElement) -> bool:
    return "references" in class_names(element) or element.get("id") == "references-list"


class _Line:
    """Text on one line, as it grows: white space is collapsed, and links keep their place."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.space = False
        self.links: list[Link] = []

    def add(self, text: str) -> None:
        text = _tidy(text)
        words = " ".join(text.split())
        if words:
            if self.length and (self.space or text[0].isspace()):
                words = " " + words
            self.parts.append(words)
            self.length += len(words)
        self.space = text[-1:].isspace() or (self.space and not words)

    @property
    def last(self) -> str:
        """The character that what is added next would touch, "" if there is a space between."""
        return self.parts[-1][-1] if self.parts and not self.space else ""

    def text(self) -> str:
        return "".join(self.parts)

    def ended_links(self) -> list[Link]:
        """The links, without the spaces around them."""
        text = self.text()
        found = []
        for start, end, href in self.links:
            own = text[start:end]
            start += len(own) - len(own.lstrip())
            if own.strip():
                found.append(Link(start, start + len(own.strip()), href))
        return found


class _Reader:
    def __init__(self, facts: _Facts) -> None:
        self.facts = facts
        self.pieces: list[Piece] = []
        self.kind: BlockKind = "body"
        self.line: _Line | None = None
        self.bullet = ""  # what the next paragraph begins with
        self.lists: list[int | None] = []  # the number of the next item of each list around this; None: no numbers
        self.items = 0
        self.item = 0
        self.continued = False
        self.apart = 0  # how many elements around this set their content apart from the text: its headings head nothing
        self.appendix = 0
        self.code = 0
        self.heading = False
        self.after_image = False
        self.breaks = 0
        self.ids: list[str] = []
        self.notes: list[Piece] = []

    # -- what is written

    def write(self, text: str | None) -> None:
        if not text:
            return
        if self.facts.tex and not self.code and ("$$" in text or "\\" in text):
            self._write_tex(text)
            return
        if not text.isspace():
            self.after_image = False
            self.breaks = 0
        elif self.line is None:
            return
        self._open().add(text)

    def _write_tex(self, text: str) -> None:
        at = 0
        self.after_image = False
        for match in _TEX.finditer(text):
            self._plain(text[at : match.start()])
            at = match.end()
            if match["inline"]:
                self._plain(f"${_one_line(match['inline'])}$")
            else:
                self.display(match["dollars"] or match["brackets"] or match["environment"])
        self._plain(text[at:])

    def _plain(self, text: str) -> None:
        if text and (self.line is not None or not text.isspace()):
            self._open().add(text)

    def _open(self) -> _Line:
        if self.line is None:
            self.line = _Line()
            if self.bullet and self.kind != "heading":
                self.line.add(self.bullet)
        return self.line

    def flush(self) -> None:
        """Ends the paragraph."""
        line, self.line = self.line, None
        self.breaks = 0
        if line is not None and (text := line.text()) and text != self.bullet.strip():
            bullet = self.bullet if self.bullet and text.startswith(self.bullet) else ""
            self.append(Piece(self.kind, text, continued=self.continued, bullet=bullet, links=line.ended_links()))
            self.bullet = ""
        self.continued = False
        notes, self.notes = self.notes, []
        self.pieces += notes

    def append(self, piece: Piece) -> None:
        piece.ids, self.ids = [*self.ids, *piece.ids], []
        piece.item, piece.appendix = self.item, self.appendix > 0
        self.pieces.append(piece)

    def leave_out(self, what: Literal["chrome", "media"]) -> None:
        if not self.pieces or self.pieces[-1].left_out != what:
            self.pieces.append(Piece("body", left_out=what))

    def display(self, tex: str) -> None:
        """A formula on lines of its own, perhaps within a paragraph that goes on after it."""
        lines = [tidied for line in _tidy(tex).split("\n") if (tidied := " ".join(line.split()))]
        within = self.line is not None and bool(self.line.text())
        self.flush()
        if lines:
            self.append(Piece("formula", "\n".join(lines)))
        self.continued = within

    # -- what is read

    def children(self, element: HtmlElement) -> None:
        self.write(element.text)
        for child in element:
            if isinstance(child.tag, str):
                self.element(child)
            self.write(child.tail)

    def element(self, element: HtmlElement) -> None:
        tag, classes = tag_of(element), class_names(element)
        if tag == GONE:
            self.flush()
            self.leave_out("chrome")
            return
        if (formula := self._formula(element, tag, classes)) is not None:
            tex, display = formula
            if display:
                self.display(tex)
            elif tex := _one_line(tex):
                self.write(f" ${tex}$" if self.line is not None and self.line.last == "$" else f"${tex}$")
            return
        if tag in _MEDIA:
            self.leave_out("media")
            self.after_image = True
            if tag == "picture":
                self.children(element)
            return
        if tag in _NEVER or classes & _UNSEEN or is_hidden(element):
            return
        level = _heading_level(element, tag, classes)
        if level or tag in _BLOCKS:
            self.flush()
        if anchor := element.get("id") or (element.get("name") if tag == "a" else None):
            self.ids.append(anchor)
        if level:
            self._heading(element, level)
        elif tag in _CODE or "ltx_listing" in classes or (tag in ("d-code", "dt-code") and "block" in element.attrib):
            self._code(element)
        elif tag == "table" or "ltx_tabular" in classes:
            self._table(element, classes)
        elif tag in ("ul", "ol", "menu", "dir"):
            self._list(element, tag)
        elif tag == "li" or "ltx_bibitem" in classes or element.get("role") == "doc-biblioentry":
            self._item(element, classes)
        elif tag in _BLOCKS or (tag.startswith("d-") and tag not in ("d-cite", "d-footnote", "d-code")):
            self._block(element, tag, classes)
        else:
            self._inline(element, tag, classes)

    def _block(self, element: HtmlElement, tag: str, classes: frozenset[str]) -> None:
        self.flush()
        kind, item = self.kind, self.item
        notes = _is_notes(element, tag, classes)
        if (
            notes
            and not any(True for _ in element.iter("li"))
            and ("footnote" in classes or element.get("role") == "doc-footnote")
        ):
            self._note(element, self.pieces)
            return
        apart = tag in ("aside", "blockquote") and not notes
        appendix = "ltx_appendix" in classes
        if notes:
            self.kind = "footnote"
        elif classes & _ABSTRACT or tag == "d-abstract" or element.get("role") == "doc-abstract":
            self.kind = "abstract"
        elif classes & _FRONT or tag in ("d-byline", "d-title"):
            self.kind = "front"
        elif tag in ("figcaption", "caption") or (tag in ("p", "div") and classes & _CAPTION):
            self.kind = "caption"
        elif tag == "dt":
            self.items += 1
            self.item = self.items
        elif tag == "p" and (code := _alone(element, "code", "tt")) is not None and any(True for _ in code.iter("br")):
            self._code(code)
            return
        self.apart += apart
        self.appendix += appendix
        self.children(element)
        self.flush()
        self.apart -= apart
        self.appendix -= appendix
        self.kind = kind
        if tag != "dt":  # what a term means belongs to the term
            self.item = item

    def _inline(self, element: HtmlElement, tag: str, classes: frozenset[str]) -> None:
        if tag == "br":
            self.breaks += 1
            if self.breaks > 1:
                self.flush()
            else:
                self._space()
        elif tag == "hr":
            self.flush()
        elif tag == "a":
            self._link(element, classes)
        elif tag in ("sup", "sub"):
            self._shifted(element, "^" if tag == "sup" else "_")
        elif tag in ("d-footnote", "dt-fn") or (classes & _NOTE):
            self._note(element, self.notes)
        elif tag in ("d-cite", "dt-cite"):
            self._cite(element)
        elif "ltx_tag_item" in classes:
            own = text_of(element)
            self.bullet = f"{own} " if any(map(str.isalnum, own)) else "- "
        elif tag in ("em", "i", "small") and self.after_image and _ends_here(element):
            self._caption(element)
        elif tag == "q":
            self.write("“")
            self.children(element)
            self.write("”")
        elif tag in ("code", "tt", "kbd", "samp"):
            self.code += 1
            self.children(element)
            self.code -= 1
        else:
            self.children(element)

    def _space(self) -> None:
        if self.line is not None:
            self.line.add(" ")

    def _caption(self, element: HtmlElement) -> None:
        """Words that follow nothing but an image, set in italics: its caption."""
        self.flush()
        kind, self.kind = self.kind, "caption"
        self.children(element)
        self.flush()
        self.kind = kind

    def _link(self, element: HtmlElement, classes: frozenset[str]) -> None:
        href = (element.get("href") or "").strip()
        if href.startswith("#"):
            text = text_of(element)
            if classes & _PERMALINK and (not has_letters(text) or text.lower() in ("link", "permalink", "anchor")):
                return
            if self.heading and not has_letters(text):
                return
            if not self.heading and (_is_back(element, classes, text) or self._calls_note(element, href, classes)):
                return
        if not href:
            self.children(element)
            return
        line = self._open()
        start = line.length
        self.children(element)
        if self.line is line:  # else it held whole paragraphs
            line.links.append(Link(start, line.length, href))

    def _calls_note(self, element: HtmlElement, href: str, classes: frozenset[str]) -> bool:
        return (
            element.get("role") == "doc-noteref" or bool(classes & _NOTE_CALLS) or unquote(href[1:]) in self.facts.notes
        )

    def _shifted(self, element: HtmlElement, mark: str) -> None:
        """A raised number after a `^`, a lowered one after a `_`, as text from a PDF has them."""
        if any(True for _ in element.iter("a", "math")):
            self.children(element)
            return
        text = self.flat(element)[0]
        last = self.line.last if self.line is not None else ""
        hangs = (
            bool(last) and (last.isalnum() or last in ")]}") and text[:1] and (text[0].isalnum() or text[0] in "+-−")
        )
        self.write((mark if hangs and text.lower() not in _ORDINAL else "") + text)

    def _cite(self, element: HtmlElement) -> None:
        """Distill's citation: keys, and the marks of a list that is printed at the end."""
        keys = [name.strip() for name in (element.get("key") or element.get("bibtex-key") or "").split(",")]
        found = [(name, self.facts.numbers[name]) for name in keys if name in self.facts.numbers]
        self.children(element)
        if not found:
            return
        self.write(" [")
        for i, (name, number) in enumerate(found):
            line = self._open()
            line.add(", " if i else "")
            start = line.length + (1 if line.space else 0)
            line.add(str(number))
            line.links.append(Link(start, line.length, f"#{name}"))
        self.write("]")

    def _heading(self, element: HtmlElement, level: int) -> None:
        if self.apart or (self.kind == "front" and level > 1):
            self.flush()
            self.children(element)
            self.flush()
            return
        classes = class_names(element)
        if classes & {"ltx_title_theorem", "ltx_title_proof"}:  # `Theorem 1.` leads its first paragraph
            self.flush()
            self.bullet = self.flat(element)[0] + " "
            return
        if classes & _FRONT:
            self._block(element, "p", classes)
            return
        self.flush()
        around, self.ids = self.ids, []
        text, _, within = self.flat(element, heading=True)
        if not text:
            self.ids = around + within
            return
        own = [*within, *reversed(around)]
        after = element.getnext()
        if after is not None and tag_of(after) == "a" and "anchor" in class_names(after):  # GitHub
            own = [(after.get("href") or "").removeprefix("#"), *own]
        anchor = next((name for name in ([element.get("id")] if element.get("id") else own) if name), None)
        self.ids = [*around, *within]
        self.append(
            Piece("heading", text, level=level, anchor=anchor.removeprefix("user-content-") if anchor else None)
        )
        self.bullet = ""

    def _code(self, element: HtmlElement) -> None:
        self.flush()
        if (text := code_text(element)).strip():
            self.append(Piece("code", text))
        self.bullet = ""

    def _list(self, element: HtmlElement, tag: str) -> None:
        self.flush()
        first = element.get("start") or "1"
        self.lists.append((int(first) if re.fullmatch(r"-?\d{1,6}", first) else 1) if tag == "ol" else None)
        if tag == "ol" and _lists_references(element):
            for item in element.iter("li"):
                self._reference(item, str(self._number(item) or ""))
        else:
            self.children(element)
        self.flush()
        self.lists.pop()

    def _number(self, item: HtmlElement) -> int | None:
        """The number of an item of the innermost list; None where it has none."""
        number = self.lists[-1] if self.lists else None
        if number is not None:
            value = item.get("value") or ""
            number = int(value) if re.fullmatch(r"-?\d{1,6}", value) else number
            self.lists[-1] = number + 1
        return number

    def _item(self, element: HtmlElement, classes: frozenset[str]) -> None:
        self.flush()
        if "ltx_bibitem" in classes or tag_of(element) != "li":
            self._reference(element)
            return
        outermost = self.item == 0
        if outermost:
            self.items += 1
            self.item = self.items
        number = self._number(element)
        self.bullet = "- " if number is None else f"{number}. "
        self.children(element)
        self.flush()
        self.bullet = ""
        if outermost:
            self.item = 0

    def _reference(self, element: HtmlElement, label: str = "") -> None:
        """An entry of a bibliography, known as such by its markup."""
        title = ""
        for inner in list(element.iter()):
            classes = class_names(inner) if isinstance(inner.tag, str) else frozenset()
            if classes & {"ltx_tag_bibitem", "label"} and (
                match := re.fullmatch(r"\[?([\w+*.:-]{1,12})\]?", text_of(inner))
            ):
                label = match[1]
                inner.drop_tree()
            elif classes & {"ltx_bib_title", "title"} and inner is not element:
                title = title or text_of(inner)
        if element.get("id"):
            self.ids.append(element.get("id") or "")
        text, links, ids = self.flat(element)
        if text:
            self.append(
                _labelled(Piece("reference", text, label=label, title=title.rstrip(". "), ids=ids, links=links))
            )

    def _note(self, element: HtmlElement, to: list[Piece]) -> None:
        """A note that stands in the middle of a sentence, or alone: it gets a block of its own."""
        number = ""
        for inner in list(element.iter()):
            if inner is element or not isinstance(inner.tag, str):
                continue
            if class_names(inner) & {"ltx_note_mark", "ltx_tag_note", "footnote-number", "label"}:
                number = text_of(inner).strip("[]() ")
                inner.drop_tree()
        text, links, ids = self.flat(element)
        if text:
            lead = f"{number}. " if number.isdigit() else ""
            text, links = lead + text, [Link(a + len(lead), b + len(lead), href) for a, b, href in links]
            to.append(Piece("footnote", text, links=links, ids=[*filter(None, [element.get("id")]), *ids]))

    def _table(self, element: HtmlElement, classes: frozenset[str]) -> None:
        self.flush()
        pres = list(element.iter("pre"))
        numbered = [pre for pre in pres if not _DIGITS.fullmatch("".join(pre.itertext()))]
        if classes & _CODE_TABLE and not pres:
            self._code(element)
            return
        if pres and (len(numbered) < len(pres) or classes & _CODE_TABLE):
            for pre in numbered:
                self._code(pre)
            return
        rows = list(_rows(element))
        if classes & {"ltx_equation", "ltx_equationgroup", "ltx_eqn_table"}:
            lines = (" ".join(filter(None, (self._formulas(cell) for cell in _cells(row)))) for row in rows)
            self.display("\n".join(filter(None, lines)))
            self.continued = False
            return
        if _is_layout(element, rows):
            self.children(element)
            self.flush()
            return
        for caption in element.iterchildren("caption"):
            self.element(caption)
        written: list[str] = []
        links: list[Link] = []
        length = 0
        for row in rows:
            cells: list[str] = []
            width = 0
            for cell in _cells(row):
                text, found, ids = self.flat(cell)
                self.ids += ids
                links += [Link(length + width + a, length + width + b, href) for a, b, href in found]
                cells.append(text)
                width += len(text) + 3
            line = " | ".join(cells)
            if any(cells):
                written.append(line)
                length += len(line) + 1
        if written:
            self.append(Piece("table", "\n".join(written).rstrip(), links=links))
        notes, self.notes = self.notes, []
        self.pieces += notes

    def _formulas(self, element: HtmlElement) -> str:
        """The formulas in a cell, as TeX without marks, and the words between them."""
        parts = [element.text or ""]
        for child in element:
            if isinstance(child.tag, str):
                found = self._formula(child, tag_of(child), class_names(child))
                parts.append(f" {found[0]} " if found else self._formulas(child))
            parts.append(child.tail or "")
        return _one_line("".join(parts))

    def flat(self, element: HtmlElement, heading: bool = False) -> tuple[str, list[Link], list[str]]:
        """Everything within an element on one line, its links, and the ids in it."""
        inner = _Reader(self.facts)
        inner.code, inner.heading, inner.kind = self.code, heading, "heading" if heading else "body"
        inner.apart = 1
        inner.children(element)
        inner.flush()
        texts: list[str] = []
        links: list[Link] = []
        ids: list[str] = []
        length = 0
        for piece in inner.pieces:
            ids += piece.ids
            if piece.kind == "footnote":
                self.notes.append(piece)
            elif piece.text:
                links += [Link(length + a, length + b, href) for a, b, href in piece.links]
                texts.append(" ".join(piece.text.split()) if "\n" in piece.text else piece.text)
                length += len(texts[-1]) + 1
        return " ".join(texts), links, ids + inner.ids

    def _formula(self, element: HtmlElement, tag: str, classes: frozenset[str]) -> tuple[str, bool] | None:
        """The TeX of an element that is a formula, and whether it stands on lines of its own; None for other elements."""
        if tag == "math":
            return _tex_of(element), element.get("display") == "block" or element.get("mode") == "display"
        if tag == "script":
            kind = element.get("type") or ""
            return (element.text or "", "mode=display" in kind) if kind.startswith("math/tex") else None
        if tag in ("d-math", "dt-math"):
            return "".join(element.itertext()), "block" in element.attrib
        if tag == "math-renderer":  # GitHub
            return "".join(element.itertext()).strip().strip("$"), "js-display-math" in classes
        if tag == "img":
            alt = element.get("alt") or ""
            if alt and (classes & {"latex", "tex", "math"} or _MATH_IMAGE.search(element.get("src") or "")):
                return alt.strip("$"), False
            return None
        if self.facts.mathjax and classes & {
            "MathJax",
            "MathJax_Display",
            "MathJax_SVG",
            "MathJax_CHTML",
            "MathJax_SVG_Display",
        }:
            return "", False
        if tag == "mjx-container" or classes & {"katex", "katex-display", "mwe-math-element"}:
            display = element.get("display") == "true" or bool(classes & {"katex-display", "mwe-math-element-block"})
            for inner in element.iter("math"):
                return _tex_of(inner), display or inner.get("display") == "block"
            return "".join(element.itertext()), display
        if classes & {"math", "arithmatex"} and tag in ("span", "div", "p"):
            return _delimited(element, tag, classes)
        return None


def code_text(element: HtmlElement) -> str:
    """The text of a `<pre>` or the like as it stands, without numbers of lines and what can be pressed."""
    listed = [line for line in element.iter("div", "span") if "ltx_listingline" in class_names(line)]
    if listed:  # LaTeXML's lines, in which only hard spaces count
        for space in element.iter("span"):
            if class_names(space) & {"ltx_lst_space", "ltx_lst_whitespace"} and space.text:
                space.text = space.text.replace(" ", "\xa0")
        lines = (re.sub(r"[ \t\n\r\f]+", " ", _raw_code(line)).strip(" ") for line in listed)
        text = "\n".join(lines)
    else:
        text = _raw_code(element)
    return re.sub(r"\A(?:[ \t]*\n)+", "", _tidy(text)).rstrip()


def _raw_code(element: HtmlElement) -> str:
    parts: list[str] = []

    def at_start() -> bool:
        return not parts or parts[-1].endswith("\n")

    def walk(node: HtmlElement) -> None:
        tag, classes = tag_of(node), class_names(node)
        if tag == "br":
            parts.append("\n")
            return
        if tag == "math":
            parts.append(f"${_one_line(_tex_of(node))}$")
            return
        numbers = classes & _GUTTER or "user-select" in (node.get("style") or "") or "data-line-number" in node.attrib
        if numbers and _DIGITS.fullmatch("".join(node.itertext())):
            return
        if tag in _NEVER or tag in _MEDIA or classes & _UNSEEN or is_hidden(node):
            return
        line = bool(classes & _CODE_LINE) or tag in ("tr", "li")
        if (line or tag in ("div", "p")) and not at_start():
            parts.append("\n")
        before = len(parts)
        inside(node)
        if line and (node.tail or "").startswith("\n"):
            return
        if (line and (len(parts) == before or not at_start())) or (
            tag in ("div", "p") and len(parts) > before and not at_start()
        ):
            parts.append("\n")

    def inside(node: HtmlElement) -> None:
        if node.text:
            parts.append(node.text)
        for child in node:
            if isinstance(child.tag, str):
                walk(child)
            if child.tail and not (child.tail.isspace() and tag_of(child) in ("tr", "td", "tbody", "thead", "li")):
                parts.append(child.tail)

    inside(element)
    return "".join(parts)


def _heading_level(element: HtmlElement, tag: str, classes: frozenset[str]) -> int:
    """1 to 6 for what is a heading, else 0."""
    if "ltx_title_abstract" in classes:
        return 2
    if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
        return int(tag[1])
    if element.get("role") == "heading":
        level = element.get("aria-level") or "2"
        return min(6, int(level)) if re.fullmatch(r"[1-9]", level) else 2
    return 0


def has_letters(text: str) -> bool:
    """Whether any character of a text is a letter or a digit."""
    return any(map(str.isalnum, text))


def _is_back(element: HtmlElement, classes: frozenset[str], text: str) -> bool:
    """Whether a link leads from a note back to where it was called."""
    named = any("backref" in name or "reversefootnote" in name or "footnote-back" in name for name in classes)
    return element.get("role") == "doc-backlink" or named or (_NOTE_BACK.fullmatch(text) is not None and text != "")


def _ends_here(element: HtmlElement) -> bool:
    """Whether nothing but another image follows in its parent."""
    after = element.getnext()
    return not (element.tail or "").strip() and (after is None or tag_of(after) in (*_MEDIA, "br"))


def _alone(element: HtmlElement, *tags: str) -> HtmlElement | None:
    """The one child of an element that holds all of its text, if its tag is among these."""
    if len(element) == 1 and tag_of(element[0]) in tags:
        return None if (element.text or "").strip() or (element[0].tail or "").strip() else element[0]
    return None


def _rows(table: HtmlElement) -> Iterator[HtmlElement]:
    """The rows of a table without those of tables within it."""
    for child in table:
        tag, classes = tag_of(child), class_names(child)
        if tag == "tr" or "ltx_tr" in classes:
            yield child
        elif tag in ("thead", "tbody", "tfoot") or classes & {"ltx_thead", "ltx_tbody", "ltx_tfoot"}:
            yield from _rows(child)


def _cells(row: HtmlElement) -> list[HtmlElement]:
    return [cell for cell in row if tag_of(cell) in ("td", "th") or class_names(cell) & {"ltx_td", "ltx_th"}]


def _is_layout(table: HtmlElement, rows: Sequence[HtmlElement]) -> bool:
    """Whether a table only places things beside each other."""
    if table.get("role") in ("presentation", "none") or max((len(_cells(row)) for row in rows), default=0) < 2:
        return True
    if any(True for _ in table.iter("h1", "h2", "h3", "h4", "pre", "article")) or any(
        t is not table for t in table.iter("table")
    ):
        return True
    return any(
        sum(len(text_of(p)) for p in cell.iter("p")) > 300 and sum(1 for _ in cell.iter("p")) > 1
        for row in rows
        for cell in _cells(row)
    )


def _tex_of(math: HtmlElement) -> str:
    """TeX of a MathML element where it gives any, else its signs in a row."""
    for annotation in math.iter("annotation"):
        if "tex" in (annotation.get("encoding") or ""):
            return _bare(annotation.text or "")
    if alttext := math.get("alttext"):
        return _bare(alttext)
    return _bare(_signs(math))


def _bare(tex: str) -> str:
    tex = re.sub(r"%\s*\n\s*", "", tex).strip()
    match = re.fullmatch(r"\{\\(?:display|text)style\s*(.*)\}", tex, re.DOTALL)
    return match[1].strip() if match else tex


def _signs(element: HtmlElement) -> str:
    tag = tag_of(element)
    if tag in ("annotation", "annotation-xml", ""):
        return ""
    between = {"msup": "^", "msub": "_", "mfrac": "/", "mover": "^", "munder": "_"}.get(tag, "")
    inner = [_signs(child) for child in element]
    return (element.text or "").strip() + between.join(filter(None, inner))


def _delimited(element: HtmlElement, tag: str, classes: frozenset[str]) -> tuple[str, bool] | None:
    """The formula of an element of class `math` that holds nothing but TeX, perhaps with its number."""
    numbers = [inner for inner in element.iter("span") if "eqno" in class_names(inner)]
    if any(True for _ in element.iter("math", "img", "script", "svg", "mjx-container")) or len(element) > len(numbers):
        return None
    text = "".join([element.text or "", *(number.tail or "" for number in numbers)]).strip()
    if match := re.fullmatch(r"\\\[(.*)\\\]|\\\((.*)\\\)|\$\$(.*)\$\$|\$(.*)\$", text, re.DOTALL):
        text = next(found for found in match.groups() if found is not None)
    number = next((found[0] for n in numbers if (found := re.search(r"\([^()]*\)", text_of(n)))), "")
    display = tag != "span" or bool(classes & {"display", "block"}) or bool(numbers)
    return f"{text.strip()} {number}".strip(), display


def _one_line(text: str) -> str:
    return " ".join(_tidy(text).split())


def _abstract(pieces: list[Piece]) -> list[Piece]:
    """Marks the paragraphs below a heading `Abstract`, up to the next one."""
    within = marked = False
    for piece in pieces:
        if piece.kind == "heading":
            within, marked = key(piece.text) == "abstract", False
        elif piece.kind == "abstract" and not marked:  # the page's markup says where it ends
            within = False
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
            kept += [replace(_labelled(e), kind="reference") if e.kind == "body" else e for e in listed]
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


def _labelled(entry: Piece) -> Piece:
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
    pieces: Sequence[Piece], blocks: Sequence[Block], owners: Sequence[int | None], url: str
) -> tuple[Reference, ...]:
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
    by_id = {name: i for i, entry in enumerate(entries) for name in entry.ids}
    mentions: dict[int, list[TextMention]] = {}
    for piece, block, owner in zip(pieces, blocks, owners, strict=True):
        if piece.kind == "reference":
            continue
        for link in piece.links:
            number = by_id.get(_fragment(link.href, url))
            if number is not None:
                mentions.setdefault(number, []).append(_mention(piece, block, link, owner))
    return tuple(replace(reference, mentions=tuple(mentions.get(i, ()))) for i, reference in enumerate(found))


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
    return TextMention(0, block.start + link.start, block.start + link.end, _one_line(sentence[off:]), section)
