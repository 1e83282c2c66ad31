"""Markdown and plain text to document: markdown is rendered first, and then read as a page without a frame."""

from __future__ import annotations

import datetime
import re
from typing import Any

from indexer.document import Extracted
from indexer.errors import LimitReached, NoText
from indexer.extract.cleaning import clean
from indexer.extract.web import markup
from indexer.extract.web.elements import key, parsed, words
from indexer.extract.web.pieces import Piece, extracted

VERSION = "markdown-2"
MOST_CHARACTERS = 16 << 20
_LONGEST_FRONT_MATTER = 20_000  # its readers are slow where brackets or keys nest
_MOST_LEVELS = 100  # of lists and quotations within each other; what is deeper is not read at all
_FRONT_MATTER = re.compile(
    r"\A\s*(?P<mark>---|\+\+\+)[ \t]*\n(?P<fields>.*?)^(?:(?P=mark)|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
# What GitHub lets a page write as HTML; everything else between angle brackets, List<int> for one, is text.
_TAGS = words(
    "a abbr b bdo blockquote br caption center cite code col colgroup dd del details dfn div dl dt em figcaption figure font "
    "h1 h2 h3 h4 h5 h6 hr i img input ins kbd li mark ol p picture pre q rp rt ruby s samp section small source span "
    "strike strong sub summary sup table tbody td tfoot th thead tr tt u ul var video wbr"
)
_RAW = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)(?=[\s/>])")
_UNREAD = re.compile(r"<(script|style|iframe)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE)


def read_markdown(text: str) -> Extracted:
    """A markdown page: one page without a number, each paragraph on a line, code, tables and formulas with their lines.

    Its headings become sections with the anchors that GitHub gives them. The title is the front matter's, else the first
    heading of level 1; a title that leads the text is front matter. Authors and date are the front matter's.
    Raises `NoText` where there is nothing but a title, `LimitReached` where it is too large or too deep.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    if len(text) > MOST_CHARACTERS:
        raise LimitReached(f"It has {len(text)} characters; the limit is {MOST_CHARACTERS}.")
    fields, body = _front_matter(text)
    pieces = markup.read(parsed(f"<html><body>{_rendered(body)}</body></html>").find("body")) if body.strip() else []
    title = _one_line(fields.get("title"))
    top = next((i for i, piece in enumerate(pieces) if piece.level == 1), None)
    if top is not None and (not title or key(pieces[top].text) == key(title)):
        title = title or pieces[top].text
        if not any(piece.text for piece in pieces[:top]):
            pieces[top].kind, pieces[top].level = "front", 0
    if not any(piece.text and piece.kind not in ("front", "heading") for piece in pieces):
        raise NoText("It holds a title or headings, and no text." if pieces or title else "It is empty.")
    authors = fields.get("authors", fields.get("author"))
    return extracted(pieces, title=title, authors=_people(authors), date=_day(fields.get("date")), engine="markdown")


def read_plain(text: str) -> Extracted:
    """Plain text: one page without a number. A paragraph, up to an empty line, is a line of it; what is indented or spaced
    out in columns keeps its lines, as code. The title is the first line.

    Raises `NoText` where there is nothing, `LimitReached` where it is too large.
    """
    if len(text) > MOST_CHARACTERS:
        raise LimitReached(f"It has {len(text)} characters; the limit is {MOST_CHARACTERS}.")
    pieces = paragraphs(text)
    if not pieces:
        raise NoText("It is empty.")
    first = next(line for line in clean(text).split("\n") if line.strip())
    return extracted(pieces, title=" ".join(first.split())[:200], engine="plain")


def paragraphs(text: str) -> list[Piece]:
    """The paragraphs of a plain text, parted by empty lines: each on one line, or as code where it was laid out by hand."""
    pieces: list[Piece] = []
    for paragraph in re.split(r"\n[ \t]*(?:\n[ \t]*)*\n|\f", clean(text)):
        lines = [line.rstrip() for line in paragraph.split("\n") if line.strip()]
        if lines and _in_columns(lines):
            pieces.append(Piece("code", "\n".join(lines)))
        elif lines:
            pieces.append(Piece("body", " ".join(" ".join(lines).split())))
    return pieces


def _in_columns(lines: list[str]) -> bool:
    """Whether lines were laid out by hand: code and tables are indented or have wide gaps, most of them."""
    laid_out = sum(bool(re.match(r" {4}|\t", line) or re.search(r"\S(?: {3,}|\t)\S", line)) for line in lines)
    return len(lines) > 1 and 2 * laid_out > len(lines)


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    """What a page's YAML (between `---`) or TOML (between `+++`) says of it, by lower-case name, and the rest of the page.

    A page without any, or with something between the marks that is none, is left as it is.
    """
    match = _FRONT_MATTER.match(text)
    if not match or len(match["fields"]) > _LONGEST_FRONT_MATTER:
        return {}, text
    import tomllib

    import yaml

    try:
        fields = yaml.safe_load(match["fields"]) if match["mark"] == "---" else tomllib.loads(match["fields"])
    except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError, TypeError, AttributeError, RecursionError):
        return {}, text
    if not isinstance(fields, dict):
        return {}, text
    return {name.lower(): value for name, value in fields.items() if isinstance(name, str)}, text[match.end() :]


def _one_line(value: object) -> str:
    return " ".join(clean(str(value)).split()) if isinstance(value, (str, int, float)) else ""


def _people(value: object) -> tuple[str, ...]:
    """Names from `A, B`, a list of names, or a list of fields with a `name`."""
    if isinstance(value, str):
        value = re.split(r" ?[;,] ?| and ", " ".join(value.split()))
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return ()
    names = (_one_line(item.get("name") if isinstance(item, dict) else item) for item in value)
    return tuple(filter(None, names))


def _day(value: object) -> str:
    """A date in ISO form, as far as it is given; "" for anything else."""
    if isinstance(value, datetime.datetime):
        value = value.date()
    if isinstance(value, (datetime.date, int)):
        value = str(value)
    match = re.match(r"\d{4}(?:-\d\d(?:-\d\d)?)?(?!\d)", value.strip()) if isinstance(value, str) else None
    return match[0] if match else ""


def _rendered(text: str) -> str:
    """The page as HTML."""
    from markdown_it import MarkdownIt
    from markdown_it.common.utils import escapeHtml
    from mdit_py_plugins.anchors import anchors_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.footnote import footnote_plugin
    from mdit_py_plugins.tasklists import tasklists_plugin

    def raw(self, tokens, index, options, env) -> str:
        content = _UNREAD.sub("", tokens[index].content)
        return _RAW.sub(lambda match: match[0] if match[2].lower() in _TAGS else escapeHtml(match[0]), content)

    def fence(self, tokens, index, options, env) -> str:
        return f"<pre><code>{escapeHtml(tokens[index].content)}</code></pre>\n"

    renderer = MarkdownIt("gfm-like", {"html": True, "linkify": False, "maxNesting": _MOST_LEVELS})
    renderer.use(footnote_plugin).use(tasklists_plugin)
    renderer.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False, double_inline=True)
    renderer.use(anchors_plugin, max_level=6, slug_func=_slug)
    for name in ("html_block", "html_inline"):
        renderer.add_render_rule(name, raw)
    for name in ("fence", "code_block"):
        renderer.add_render_rule(name, fence)
    env: dict[str, Any] = {}
    try:
        tokens = renderer.parse(text.replace("\0", ""), env)
        if any(token.level + 2 > _MOST_LEVELS for token in tokens):
            raise LimitReached("Its lists and quotations lie too deep in each other.")
        return renderer.renderer.render(tokens, renderer.options, env)
    except RecursionError:
        raise LimitReached("Its lists and quotations lie too deep in each other.") from None


def _slug(heading: str) -> str:
    """The anchor that GitHub gives a heading; `anchors_plugin` numbers those that come twice."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
