"""A tree of elements to pieces: the paragraphs, headings, code, formulas, tables and notes of a page, in its order.

Web pages and markdown (rendered first) both go through here. What a page shows around its text is the business of `chrome`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from indexer.document import BlockKind
from indexer.errors import LimitReached
from indexer.extract.web.elements import (
    BLOCKS,
    GONE,
    MEDIA,
    TOO_DEEP,
    class_names,
    has_letters,
    is_unread,
    one_line,
    tag_of,
    text_of,
    tidy,
    words,
)
from indexer.extract.web.formulas import TEX, formula_of
from indexer.extract.web.listings import DIGITS, code_text
from indexer.extract.web.pieces import LeftOut, Link, Piece, labelled, with_kinds

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_CODE = frozenset(("pre", "xmp", "listing", "plaintext"))
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
_CODE_TABLE = words("highlighttable lntable rouge-table codehilitetable hljs-ln")
_ORDINAL = words("st nd rd th tm r ®")


def read(root: HtmlElement, *, tex: bool = False) -> list[Piece]:
    """The pieces of everything within `root`, in order. `tex`: formulas stand in the text between TeX's delimiters.

    The tree may be changed. Raises `LimitReached` where its elements lie too deep in each other.
    """
    reader = _Reader(_facts(root, tex))
    try:
        reader.children(root)
        reader.flush()
    except RecursionError:
        raise LimitReached(TOO_DEEP) from None
    return with_kinds(reader.pieces)


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
            numbers.update((item.get("id") or "", n) for n, item in enumerate(element.iterchildren("li"), 1))
    return _Facts(tex, mathjax, frozenset(notes), numbers)


def _is_notes(element: HtmlElement, tag: str, classes: frozenset[str]) -> bool:
    return bool(
        classes & _NOTES
        or element.get("role") in ("doc-endnotes", "doc-footnote")
        or element.get("id") == "footnotes"
        or (tag in BLOCKS and "footnote" in classes)
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
        text = tidy(text)
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
        for match in TEX.finditer(text):
            self._plain(text[at : match.start()])
            at = match.end()
            if match["inline"]:
                self._plain(f"${one_line(match['inline'])}$")
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

    def leave_out(self, what: LeftOut) -> None:
        if not self.pieces or self.pieces[-1].left_out != what:
            self.pieces.append(Piece("body", left_out=what))

    def display(self, tex: str) -> None:
        """A formula on lines of its own, perhaps within a paragraph that goes on after it."""
        lines = [tidied for line in tidy(tex).split("\n") if (tidied := " ".join(line.split()))]
        within = self.line is not None and bool(self.line.text())
        self.flush()
        if lines:
            self.append(Piece("formula", "\n".join(lines)))
        self.continued = within

    # -- what is read

    def children(self, element: HtmlElement) -> None:
        self.write(element.text)
        around: list[tuple[HtmlElement, Iterator[HtmlElement]]] = [(element, iter(element))]
        while around:
            outer, rest = around[-1]
            child = next(rest, None)
            if child is None:
                around.pop()
                if around:
                    self.write(outer.tail)
            elif isinstance(child.tag, str) and self.element(child):
                # Tags that old pages forget to close nest by the hundred: they must not cost a call each.
                self.write(child.text)
                around.append((child, iter(child)))
            else:
                self.write(child.tail)

    def element(self, element: HtmlElement) -> bool:
        """Reads an element, or answers True: what is in it shall be read as if it stood in its place."""
        tag, classes = tag_of(element), class_names(element)
        if tag == GONE:
            self.flush()
            self.leave_out("contents" if element.get("class") == "contents" else "chrome")
            return False
        if (formula := formula_of(element, tag, classes, self.facts.mathjax)) is not None:
            tex, display = formula
            if display:
                self.display(tex)
            elif tex := one_line(tex):
                self.write(f" ${tex}$" if self.line is not None and self.line.last == "$" else f"${tex}$")
            return False
        if tag in MEDIA:
            self.leave_out("media")
            self.after_image = True
            if tag == "picture":
                self.children(element)
            return False
        if is_unread(element, tag, classes):
            return False
        level = _heading_level(element, tag, classes)
        if level or tag in BLOCKS:
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
        elif tag in BLOCKS or (tag.startswith("d-") and tag not in ("d-cite", "d-footnote", "d-code")):
            self._block(element, tag, classes)
        else:
            return self._inline(element, tag, classes)
        return False

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

    def _inline(self, element: HtmlElement, tag: str, classes: frozenset[str]) -> bool:
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
            return True
        return False

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
            for item in element.iterchildren("li"):
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
            self.append(labelled(Piece("reference", text, label=label, title=title.rstrip(". "), ids=ids, links=links)))

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
        numbered = [pre for pre in pres if not DIGITS.fullmatch("".join(pre.itertext()))]
        if not pres and any("blob-code" in class_names(cell) for cell in element.iter("td")):  # GitHub
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
                found = formula_of(child, tag_of(child), class_names(child), self.facts.mathjax)
                parts.append(f" {found[0]} " if found else self._formulas(child))
            parts.append(child.tail or "")
        return one_line("".join(parts))

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


def _is_back(element: HtmlElement, classes: frozenset[str], text: str) -> bool:
    """Whether a link leads from a note back to where it was called."""
    named = any("backref" in name or "reversefootnote" in name or "footnote-back" in name for name in classes)
    return element.get("role") == "doc-backlink" or named or (_NOTE_BACK.fullmatch(text) is not None and text != "")


def _ends_here(element: HtmlElement) -> bool:
    """Whether nothing but another image follows in its parent."""
    after = element.getnext()
    return not (element.tail or "").strip() and (after is None or tag_of(after) in (*MEDIA, "br"))


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
