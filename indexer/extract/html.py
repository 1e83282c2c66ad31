"""Web page to document: `web` has the steps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from indexer.document import Extracted
from indexer.errors import LimitReached, NoText
from indexer.extract.markdown import paragraphs
from indexer.extract.web import markup
from indexer.extract.web.about import authors_of, printed_date, title_of, told_by
from indexer.extract.web.chrome import main_element, strip, titled, trimmed
from indexer.extract.web.elements import class_names, parsed, text_of, words
from indexer.extract.web.pieces import Piece, extracted

if TYPE_CHECKING:
    from lxml.html import HtmlElement

VERSION = "html-2"
MOST_CHARACTERS = 32 << 20
"""Of a page, without the images that are written into it."""
MOST_ELEMENTS = 500_000
_FEW_LETTERS = 600  # a page with more is no mere notice
_ERROR = re.compile(
    r"(?:error\W*)?(?:40[0-9]|41[0-9]|42[0-9]|45[0-9]|50[0-9]|52[0-9])\b.{0,60}|"
    r".{0,30}\b(?:page|file|url|resource|document|article|post)\b.{0,20}\bnot (?:be )?found.{0,20}|not found|"
    r"access (?:to .{1,40} )?(?:is |was )?denied|forbidden|unauthori[sz]ed|bad gateway|too many requests|"
    r"service (?:temporarily )?unavailable|gateway time-?out|internal server error|"
    r"(?:something|oops\W*something) went wrong.*|this page (?:isn.?t|is not) available.*|site (?:not found|is down).*",
    re.IGNORECASE,
)
_ROBOT = re.compile(
    r"just a moment|attention required|are you (?:a )?(?:robot|human)|verify(?:ing)? (?:that )?you are (?:a )?human|"
    r"captcha|checking your browser|security check|ddos protection|unusual traffic",
    re.IGNORECASE,
)
_WANTS_SCRIPT = re.compile(
    r"(?:enable|requires?|turn on|needs?|activate|without|supports?)\b.{0,40}\bjavascript|"
    r"javascript (?:is )?(?:disabled|required|must)",
    re.IGNORECASE,
)
_DECLARED = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w:.-]+)|<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w:.-]+)",
    re.IGNORECASE,
)
# Names that browsers read as another, larger charset, or that Python doesn't know. https://encoding.spec.whatwg.org
_CHARSETS = {
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin1", "latin-1", "us-ascii", "ascii", "x-cp1252"), "cp1252"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis"), "cp932"),
    **dict.fromkeys(("gb2312", "gbk", "gb_2312-80", "x-gbk"), "gb18030"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987", "korean"), "cp949"),
    "iso-8859-9": "cp1254", "tis-620": "cp874", "x-mac-roman": "mac_roman",
}  # fmt: skip
_HIGHLIGHTED = words("highlight chroma shiki prettyprint sourceCode ltx_verbatim")


def read_html(body: bytes, url: str = "") -> Extracted:
    """The text of a web page: one page without a number; its blocks a line each, code, tables and formulas with theirs.

    Every heading is a section with its anchor. Title, authors and date are the page's own words about itself or what it
    prints above its text. A printed list of references becomes references with the sentences that mention them; a page
    without one that marks links to papers `[1]`, `[2]` has these.
    Raises `NoText` where there is nothing to read, saying why where that can be seen, and `LimitReached` for a page that
    is too large or too deep.
    """
    tree = _tree(body)
    told = told_by(tree, url)
    notice = _notice(tree)
    tex = _has_tex(tree)
    strip(tree)
    main = main_element(tree)
    plain = _plain_text(main)
    pieces = paragraphs(plain) if plain else markup.read(main, tex=tex)
    title = title_of(tree, main, told)
    pieces = titled(pieces, title, told.authors)
    date = told.date or printed_date(main, pieces, url)
    authors = authors_of(main, told, pieces)
    pieces = trimmed(pieces, authors)
    letters = sum(len(piece.text) for piece in pieces if piece.kind not in ("heading", "front"))
    if letters < _FEW_LETTERS and (reason := notice.reason(title, pieces)):
        raise NoText(reason)
    if not letters:
        raise NoText("The page holds no text.")
    return extracted(
        pieces, url, title=title, authors=authors, abstract=told.description, date=date, arxiv_id=told.arxiv_id,
        version=told.version, engine="html",
    )  # fmt: skip


def _tree(body: bytes) -> HtmlElement:
    text = re.sub(r"(?<=[\"'(])data:[\w/+.-]*(?:;[\w=-]+)*;base64,[\w+/=\s]*", "", decoded(body))
    if not text.strip():
        raise NoText("It is empty.")
    if len(text) > MOST_CHARACTERS:
        raise LimitReached(
            f"The page has {len(text) >> 20} MB of text and tags; the limit is {MOST_CHARACTERS >> 20} MB."
        )
    if text.count("<") > 2 * MOST_ELEMENTS:
        raise LimitReached(f"The page has more than {MOST_ELEMENTS} elements.")
    return parsed(text)


def decoded(body: bytes) -> str:
    """A page's bytes as text: by its byte order mark, by UTF-8 where that is plain, by what it declares, else Windows-1252.

    A page that declares another charset but is valid UTF-8 with more than ASCII in it is UTF-8; one that declares UTF-8
    and has no valid sequence of it is Windows-1252, as browsers take it.
    """
    for mark, name in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    for start, name in ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be")):
        if body.startswith(start):
            return body.decode(name, "replace")
    declared = _DECLARED.search(body[:4096])
    name = (declared[1] or declared[2]).decode("ascii").lower() if declared else ""
    if not name.startswith("iso-2022"):  # which is ASCII to look at
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError:
            pass
    if not name or name.replace("-", "").startswith(("utf", "unicode")):
        broken = body.decode("utf-8", "replace")
        if sum(ord(c) > 127 and c != "\ufffd" for c in broken) > broken.count("\ufffd"):
            return broken
        name = "cp1252"
    try:
        return body.decode(_CHARSETS.get(name, name), "replace")
    except (LookupError, ValueError):  # unknown, or a codec that is none of text
        return body.decode("cp1252", "replace")


def _has_tex(tree: HtmlElement) -> bool:
    """Whether a script of the page sets the formulas that stand in its text between TeX's delimiters."""
    return any(
        re.search(r"mathjax|katex", (script.get("src") or "") + (script.text or "")[:20_000], re.IGNORECASE)
        for script in tree.iter("script", "link")
    ) or any(True for _ in tree.iter("d-article", "dt-article"))


def _plain_text(main: HtmlElement) -> str:
    """The text of a page that only puts a plain one between `<pre>` and `</pre>`, as mail archives do; "" for any other."""
    held = [
        pre
        for pre in main.iter("pre")
        if not any(True for _ in pre.iter("code")) and not class_names(pre) & _HIGHLIGHTED
    ]
    text = "\n\n".join("".join(pre.itertext()) for pre in held)
    lengths = sorted(len(line) for line in text.split("\n") if line.strip())
    if len(lengths) < 10 or len(text) < 0.8 * len("".join(main.itertext())) or lengths[len(lengths) // 2] < 45:
        return ""
    return text if sum(c.isalpha() or c.isspace() for c in text) > 0.85 * len(text) else ""


class _Notice(NamedTuple):
    """Signs that a page is not what was asked for."""

    script: bool
    password: bool
    refresh: str
    heads: tuple[str, ...]

    def reason(self, title: str, pieces: Sequence[Piece]) -> str:
        """Why the page gives no text, "" where it seems to be a short page."""
        printed = [piece.text for piece in pieces if piece.text]
        tiny = sum(map(len, printed)) < 250
        heads = [*self.heads, title, *printed[:2]]
        if match := next((m for head in heads if (m := _ROBOT.search(head))), None):
            return f"The server wants to know whether a person asks: “{match[0]}”."
        if error := next((head for head in heads if _ERROR.fullmatch(head.strip(" .!:|-–—"))), None):
            return f"The server answered with an error page: “{error[:80]}”."
        if self.password:
            return "The page asks for a password before it shows its text."
        if tiny and (self.script or any(_WANTS_SCRIPT.search(text) for text in printed)):
            return "The page shows its text only to a browser that runs its scripts."
        if tiny and self.refresh:
            return f"The page only leads on to {self.refresh}."
        return ""


def _notice(tree: HtmlElement) -> _Notice:
    refresh = next(
        (m.get("content") or "" for m in tree.iter("meta") if (m.get("http-equiv") or "").lower() == "refresh"), ""
    )
    target = re.search(r"url\s*=\s*['\"]?([^'\";]+)", refresh, re.IGNORECASE)
    shells = any(
        (e.get("id") or "") in ("root", "app", "__next", "__nuxt", "svelte", "main-app") and not text_of(e)
        for e in tree.iter("div")
    )
    wants = any(_WANTS_SCRIPT.search(text_of(e)) for e in tree.iter("noscript"))
    return _Notice(
        script=wants or (shells and any(True for _ in tree.iter("script"))),
        password=any((e.get("type") or "").lower() == "password" for e in tree.iter("input")),
        refresh=target[1].strip() if target else "",
        heads=tuple(filter(None, (text_of(e) for e in tree.iter("title", "h1")))),
    )
