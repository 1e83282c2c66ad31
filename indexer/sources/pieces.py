"""What stands on one line of a list: runs of text and links, made of markdown's inline tokens, and what they begin with."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from indexer import arxiv, links
from indexer.links import Kind
from indexer.sources.labels import SIDE, is_label, words_of

if TYPE_CHECKING:
    from markdown_it.token import Token

BOX = re.compile(r"\s*\[([ xX✓✔-]?)\](?=\s|$)\s*")
NUMBER = re.compile(r"\s*(?:\[\^?\d{1,4}\]|\(\d{1,4}\)|\d{1,4}[.)](?=\s))[:.]?\s*")
TAG = re.compile(r"\s*(?:\[[^\[\]]{1,60}\]|【[^】]{1,60}】)\s*")  # [ICML'25], [Survey]
_DATE = re.compile(r"\s*(?:\((?=[^()]{0,30}(?:19|20)\d\d)[^()]{4,40}\)|(?:19|20)\d\d(?:[-./]\d\d?){0,2}\s*[|:,–—-])\s*")
_BARE_ID = re.compile(r"^[ \t]*(?:\[[ xX]\][ \t]*)?(?P<id>[\w.-]+(?:/\d{7})?(?:v\d+)?)[ \t]*$", re.MULTILINE)
_DOI = re.compile(r"(?<![\w/.-])(?:doi\s?:?\s*)?10\.\d{4,9}/[^\s\"<>|]{1,300}", re.IGNORECASE)


@dataclass(frozen=True)
class Piece:
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
        return self.image or is_label(self.text) or (is_paper(self) and _is_host(self.text, self.url))

    @property
    def bare(self) -> bool:
        """Whether a link's text is its own address."""
        return not self.text or self.text.startswith(("http://", "https://")) or arxiv.parse(self.text) is not None

    @property
    def side(self) -> bool:
        """Whether a link's text says that it leads to code, slides and the like."""
        return self.label and bool(SIDE & set(words_of(self.text)))


def pieces_of(tokens: Sequence[Token], line: int, *, cell: bool = False) -> list[Piece]:
    """Inline tokens as pieces: markup becomes flags, and ids in plain text become links.

    A line that is nothing but 2311.08105 is an id too, unless it is the `cell` of a table, which may hold any number.
    """
    found: list[Piece] = []
    run: list[str] = []  # the text of the piece under way
    link: Piece | None = None
    piece = Piece("", line)
    strong = em = 0

    def finished() -> None:
        nonlocal link
        whole = replace(link or piece, text="".join(run))
        if whole.url or whole.text:
            found.append(whole)
        run.clear()
        link = None

    def without_trail() -> None:
        """Takes the sentence's punctuation, which linkify leaves at the end of a bare URL, out of the link."""
        nonlocal link
        kept = _untrailed("".join(run))
        trail = "".join(run)[len(kept) :]
        if link is not None and trail:
            url = link.url.removesuffix(trail).removesuffix(quote(trail))
            link, run[:] = replace(link, url=url), [kept]
            finished()
            run.append(trail)

    for token in tokens:
        kind, text, broken = token.type, token.content, int(token.type in ("softbreak", "hardbreak"))
        if kind == "html_inline":
            kind, text, broken = _tag_kind(token)
        if kind in ("link_open", "link_close"):
            if kind == "link_close" and token.markup == "linkify":
                without_trail()
            finished()
            url = _mended(str(token.attrs.get("href") or text)) if kind == "link_open" else ""
            link = Piece("", line, url) if url else None
            piece = Piece("", line, strong=strong > 0, em=em > 0)
        elif kind in ("strong_open", "strong_close", "em_open", "em_close"):
            change = 1 if kind.endswith("open") else -1
            strong = max(0, strong + change) if kind[0] == "s" else strong
            em = max(0, em + change) if kind[0] == "e" else em
            if link is None:
                finished()
                piece = Piece("", line, strong=strong > 0, em=em > 0)
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


def _with_ids(piece: Piece, alone: Iterable[re.Match[str]] = ()) -> Iterator[Piece]:
    """The piece, cut so that arXiv ids and DOIs written as plain text are links of their own."""
    if piece.url:
        yield replace(piece, text=" ".join(piece.text.split()))
        own = links.address(piece.url)
        for _, identifier in arxiv.find_all(piece.text):  # [arXiv:1706.03762](https://elsewhere)
            if own and own[0] != f"arxiv:{identifier.id}":
                yield Piece("", piece.line, _abs_page(identifier))
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


def parts(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """A paragraph, cut where it is a list without bullets: lines that each begin with a title's link or with [1]."""
    lines: list[tuple[str, list[Piece]]] = [("", [])]
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
    listed = all(opening_link(line) or numbered(line) for _, line in lines if plain(line))
    part: list[Piece] = []
    has_link = False
    for broken, line in lines:
        opening = opening_link(line)
        begins = numbered(line) or (
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


def _rejoined(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces with neighbouring text of one style made one."""
    joined: list[Piece] = []
    for (url, *_), group in groupby(pieces, key=lambda p: (p.url and id(p), p.strong, p.em)):
        same = [p for p in group if p.url or p.text]
        joined += same if url or not same else [replace(same[0], text="".join(p.text for p in same))]
    return joined


def plain(pieces: Iterable[Piece]) -> str:
    """The text of pieces, links' too, on one line."""
    return " ".join("".join(p.text for p in pieces).split())


def opening_link(pieces: Sequence[Piece]) -> Piece | None:
    """The link that the text begins with, marks, numbers and pictures aside."""
    text = ""
    for piece in pieces:
        if piece.url and not piece.image:
            return None if re.search(r"\w", unmarked(text + " ")) else piece
        text += "" if piece.url else piece.text[:500]
        if len(text) >= 500:
            return None
    return None


def numbered(pieces: Sequence[Piece]) -> bool:
    """Whether the text begins with [1], as the entries of a bibliography do."""
    return bool(re.match(r"\s*\[\^?\d{1,4}\]", "".join(p.text for p in pieces[:2] if not p.url)))


def unmarked(text: str) -> str:
    """The text without check box, number and [tags] at its beginning, and without [tags] at its end."""
    before, text = None, text[:2000]
    while before != text:
        before = text
        for mark in (BOX, NUMBER, TAG, _DATE):
            if match := mark.match(text):
                text = text[match.end() :]
    text = text[:-200] + re.sub(r"(?:\s*[\[(][^\[\]()]{0,60}[\])])+\s*$", "", text[-200:]) or text
    return text.lstrip(" -–—:：,;|>•·*\t").strip()


def is_paper(link: Piece) -> bool:
    """Whether a link leads to a paper."""
    return links.kind(link.url) <= Kind.PAPER and not links.is_furniture(link.url)


def address_of(link: Piece) -> str:
    """The address of a link as `links.address` has it, "" for none."""
    found = links.address(link.url)
    return found[0] if found else ""


def _is_host(text: str, url: str) -> bool:
    """Whether a text is a part of the URL's host: "stanford" for cs.stanford.edu, "dl.acm" for dl.acm.org."""
    host = urlsplit(url).hostname or ""
    return bool(text) and f".{text.strip().casefold()}." in f".{host}."
