"""Web page to document: what is its text and what only stands around it, who wrote it and when; `markup` reads the rest."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from indexer import arxiv
from indexer.document import Extracted
from indexer.errors import LimitReached, NoText
from indexer.extract import markup
from indexer.extract.markup import Piece, class_names, key, tag_of, text_of, words

if TYPE_CHECKING:
    from lxml.html import HtmlElement

VERSION = "html-2"
MOST_BYTES = 32 << 20  # of a page without the images written into it
MOST_ELEMENTS = 500_000

# A page's own share of what it shows is never chrome, whatever its names say: the layout of a site puts `sidebar` and
# `nav` into the classes of what lies beside them.
_LARGE = 0.35
_CHROME_TAGS = words("nav footer form dialog menu search")
_CHROME_ROLES = words(
    "navigation banner contentinfo search dialog alertdialog menu menubar toolbar tablist tab tooltip doc-toc directory"
)
_CHROME_WORDS = words(
    "nav navbar navigation breadcrumb breadcrumbs sidebar sidenav cookie cookies consent gdpr newsletter subscribe subscription "
    "signup pagination pager paginator share sharing sharer sharebar sharedaddy social addtoany disqus utterances giscus "
    "recommended recommendations promo advert advertisement ads adsbygoogle sponsor sponsored popup modal masthead footer toc "
    "tableofcontents topbar navlinks relatedposts skiplink offcanvas paywall upsell"
)
_CHROME_NAME = re.compile(
    r"related(?:-(?:posts?|articles?|content|stories|entries|links|pages|reading|box|list|wrap.*))?|read-(?:next|more)|"
    r"more-(?:posts|from.*|articles|stories)|(?:prev|previous|next)(?:-(?:prev|next|post|article|page|link|area))+|no-?print|d-print-none|"
    r"post-(?:nav|ufi|links|tags|sharing)|(?:table-of-)?contents|you-may.*|(?:.*-)?also-like.*|(?:.*-)?author-(?:bio|box|card)|"
    r"(?:.*-)?about-(?:the-)?author|edit-(?:this-|on-)?(?:page|link|git.*)|page-edit|back-to-top|scroll-(?:to-)?top|"
    r"call-to-action|cta|sign-(?:up|in).*|log-?in.*|follow(?:-us|-me|-button|-links)?|(?:site|page|top)-header|"
    r"(?:post|entry|article|page|blog)-(?:footer|tags|categories)|tags?(?:-list|-links|s)?|cat-links|categories|"
    r"(?:page-)?feedback|rating|was-this-helpful|last-updated|skip(?:-.*)?|sphinxsidebar.*|package-alerts|ltx-page-.*|ltx-toc.*|"
    r"md-source-file|announcement(?:-bar)?|hamburger|search(?:-.*)?|reading-time-bar|progress-bar|js-toc.*|(?:captioned-)?button-wrap.*"
)
_COMMENTS = re.compile(
    r"(?:post-|article-|blog-|the-)?comments?(?:-(?:area|list|section|wrap|wrapper|thread|form|container|block|respond|count))?|"
    r"commentlist|commentform|respond|disqus.*|isso-thread|webmentions?|reactions"
)
_META = re.compile(
    r"(?:post|entry|article|page|blog|date|author|byline)-(?:meta(?:data)?|date|time|info|author|byline|details|reading-time)|"
    r"by-?line(?:-.*)?|dateline|reading-time|published|posted-on|article-?metadata|meta|metadata|pubdate|dt-published|p-author|author|authors|"
    r"sub-heading|(?:.*-)?subtitle(?:-.*)?"
)
_NAMED = words("div section aside ul ol p table dl span header center details figure a h1 h2 h3 h4 h5 h6 form")
_LANDMARKS = (
    "//article[contains(concat(' ', normalize-space(@class), ' '), ' ltx_document ')]",
    "//*[self::article or @role='article']",
    "//*[@itemprop='articleBody']",
    "//*[self::main or @role='main']",
)
# Headings of what follows an article on a page.
_CHROME_HEADING = re.compile(
    r"(?:related|similar|recent|more|other|latest|popular|recommended|trending)\s+(?:posts?|articles?|stories|reading|entries|from\b.*)|"
    r"you (?:may|might|could) (?:also )?(?:like|enjoy|be interested).*|(?:read|up) next|next (?:up|post|article).*|"
    r"(?:\d+ )?(?:comments?|responses?|replies|thoughts)(?: on\b.*)?(?: \(?\d+\)?)?|leave (?:a|your) (?:comment|reply).*|"
    r"(?:share|sharing|follow|subscribe|spread)\b.*|like this:?|sign up\b.*|newsletter.*|join (?:our|the|my) .*(?:list|newsletter).*|"
    r"about (?:the )?authors?|about me|tags|categories|archives?|table of contents|on this page|"
    r"(?:did you (?:find|like|enjoy)|was this|is this|found this|enjoyed this)\b.*|discuss(?:ion)? on\b.*|(?:post )?navigation",
    re.IGNORECASE,
)
# Lines at the edges of a page that are no text of it.
_CHROME_LINE = re.compile(
    r"(?:©|\(c\)|copyright\b|all rights reserved|powered by|built with|made with|last (?:updated|modified|change|edited)\b|"
    r"published (?:with|using)\b|page (?:last|generated)|share (?:this|on|via)\b|tweet\b|follow (?:me|us)\b|subscribe\b|sign up\b|"
    r"sign in\b|log ?in\b|comments? powered|please enable javascript to view|leave a (?:comment|reply)|filed under|tags?:|tagged|"
    r"posted in\b|categor(?:y|ies):|like this:|related\b.{0,20}$|(?:←|«|‹|→|previous\b|prev\b|next\b|back to\b|older\b|newer\b|home\b)|"
    r"edit this page|edit on git|view (?:page )?source|skip to\b|menu$|privacy\b|terms of\b|"
    r"(?:this (?:site|website|page) |we )uses? cookies|.{0,200}\bcookies?\b.{0,160}\b(?:accept|agree|consent|preferences)\b)",
    re.IGNORECASE,
)
_BYLINE = re.compile(
    r"(?:by |written by |posted |published |updated |on )?\W*(?:.{0,40}\b(?:19|20)\d\d\b.{0,40}|.{0,60}\bmin(?:ute)?s?(?: read)?\b.{0,20})|"
    r"(?:by|written by|authors?:?|posted by)\s.{2,80}|follow|listen|share|save|clap|\W*|\d{1,4}",
    re.IGNORECASE,
)
_ERROR = re.compile(
    r"(?:error\W*)?(?:40[0-9]|41[0-9]|42[0-9]|45[0-9]|50[0-9]|52[0-9])\b.{0,60}|.{0,30}\b(?:page|file|url|resource|document|article|post)"
    r"\b.{0,20}\bnot (?:be )?found.{0,20}|not found|access (?:to .{1,40} )?(?:is |was )?denied|forbidden|unauthori[sz]ed|bad gateway|"
    r"service (?:temporarily )?unavailable|gateway time-?out|internal server error|too many requests|"
    r"(?:something|oops\W*something) went wrong.*|this page (?:isn.?t|is not) available.*|site (?:not found|is down).*",
    re.IGNORECASE,
)
_ROBOT = re.compile(
    r"just a moment|attention required|are you (?:a )?(?:robot|human)|verify(?:ing)? (?:that )?you are (?:a )?human|captcha|"
    r"checking your browser|security check|ddos protection|unusual traffic",
    re.IGNORECASE,
)
_WANTS_SCRIPT = re.compile(
    r"(?:enable|requires?|turn on|need(?:s)?|activate|without|supports?)\b.{0,40}\bjavascript|javascript (?:is )?(?:disabled|required|must)",
    re.IGNORECASE,
)
_FEW_LETTERS = 600  # a page with more is no mere notice


def read_html(body: bytes, url: str = "") -> Extracted:
    """The text of a web page: one page without a number, its blocks a line each, code, tables and formulas with their lines.

    Every heading is a section with its anchor. Title, authors and date are the page's own words about itself or what it
    prints above its text. What is printed as a list of references becomes references with the sentences that link to them.
    Raises `NoText` where there is nothing to read, saying why where that can be seen, and `LimitReached` for a page that is
    too large or too deep.
    """
    tree = _parsed(body)
    told = _told(tree, url)
    notice = _notice(tree)
    tex = _has_tex(tree)
    _strip(tree)
    main = _main(tree)
    pieces = markup.read(main, tex=tex)
    title = _title(tree, main, told)
    pieces = titled(pieces, title, told.authors)
    date = told.date or _printed_day(main, pieces, url)
    pieces = _trimmed(pieces)
    letters = sum(len(piece.text) for piece in pieces if piece.kind not in ("heading", "front"))
    if letters < _FEW_LETTERS and (reason := notice.reason(title, pieces)):
        raise NoText(reason)
    if not letters:
        raise NoText("The page holds no text.")
    return markup.extracted(
        pieces, url, title=title, authors=_authors(main, told, pieces), abstract=told.description, date=date,
        arxiv_id=told.arxiv_id, version=told.version, engine="html",
    )  # fmt: skip


def titled(pieces: list[Piece], title: str, authors: Sequence[str] = ()) -> list[Piece]:
    """The pieces with the heading that is the title no heading but front matter, and said once.

    What stands between it and the text (names, a date, the minutes it takes to read) is front matter too.
    """
    wanted = key(title)
    at = next((i for i, piece in enumerate(pieces) if wanted and piece.level and key(piece.text) == wanted), None)
    if at is None or any(not piece.level and len(piece.text) > 200 for piece in pieces[:at]):
        return pieces
    pieces[at].kind, pieces[at].level = "front", 0
    kept = pieces[: at + 1]
    for i, piece in enumerate(pieces[at + 1 :], at + 1):
        again = piece.kind == "heading" and key(piece.text) == wanted
        if not again and piece.kind == "body" and not piece.item and piece.text:
            if not markup.has_letters(piece.text):
                continue
            if _BYLINE.fullmatch(piece.text) or _only_names(piece.text, authors):
                piece.kind = "front"
        elif not again and piece.text and piece.kind not in ("front", "caption"):
            return kept + pieces[i:]
        kept += [] if again else [piece]
    return kept


def _only_names(text: str, authors: Sequence[str]) -> bool:
    """Whether a text holds nothing but the authors' names."""
    rest = key(text)
    for name in authors:
        rest = rest.replace(key(name), " ")
    return rest != key(text) and re.fullmatch(r"(?:by|and|written|\s)*", rest) is not None


# What the bytes are


def _parsed(body: bytes) -> HtmlElement:
    from lxml import etree
    from lxml import html as lxml_html

    text = re.sub(r"(?<=[\"'(])data:[\w/+.-]*(?:;[\w=-]+)*;base64,[\w+/=\s]*", "", decoded(body)).replace("\0", "")
    if not text.strip():
        raise NoText("It is empty.")
    if len(text) > MOST_BYTES:
        raise LimitReached(f"The page has {len(text) >> 20} MB of text and tags; the limit is {MOST_BYTES >> 20} MB.")
    if text.count("<") > 2 * MOST_ELEMENTS:
        raise LimitReached(f"The page has more than {MOST_ELEMENTS} elements.")
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        tree = lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, AssertionError, TypeError):
        raise NoText("It is no web page.") from None
    deep = any("depth" in entry.message for entry in parser.error_log)
    if deep or _depth(tree) > markup.MOST_LEVELS:
        raise LimitReached(f"The elements of the page lie more than {markup.MOST_LEVELS} deep in each other.")
    return tree


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
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = re.search(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w:.-]+)|<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w:.-]+)", body[:4096], re.IGNORECASE)  # fmt: skip
    name = (declared[1] or declared[2]).decode("ascii").lower() if declared else ""
    if name.replace("-", "") in ("utf8", "utf16", "unicode11utf8") or not name:
        broken = body.decode("utf-8", "replace")
        if sum(ord(c) > 127 and c != "\ufffd" for c in broken) > broken.count("\ufffd"):
            return broken
        name = "cp1252"
    if name in ("iso-8859-1", "iso8859-1", "latin1", "latin-1", "us-ascii", "ascii", "windows-1252", "x-cp1252"):
        name = "cp1252"
    try:
        return body.decode(name, "replace")
    except (LookupError, UnicodeError, ValueError):  # unknown, or a codec that is none of text
        return body.decode("cp1252", "replace")


def _depth(tree: HtmlElement) -> int:
    deepest = 0
    level = [(tree, 1)]
    while level:
        element, depth = level.pop()
        deepest = max(deepest, depth)
        level += [(child, depth + 1) for child in element]
    return deepest


# What the page says of itself


class _Told(NamedTuple):
    titles: tuple[str, ...]
    site: str
    authors: tuple[str, ...]
    date: str
    description: str
    arxiv_id: str | None
    version: int | None


def _told(tree: HtmlElement, url: str) -> _Told:
    """What the page's head says: meta tags and JSON-LD, as trafilatura reads them, and distill's front matter.

    Its guesses from the body are not asked for: it takes dates and names from bibliographies and comments.
    """
    metas: dict[str, list[str]] = {}
    for meta in tree.iter("meta"):
        name = meta.get("property") or meta.get("name") or meta.get("itemprop") or ""
        if content := " ".join((meta.get("content") or "").split()):
            metas.setdefault(name.lower(), []).append(content)
    found = _of_head(tree)
    front = _front_matter(tree)
    stamps = (arxiv.stamp(text_of(e)) for e in tree.iter("div", "span") if e.get("id") == "watermark-tr")
    stamp = next(filter(None, stamps), None)
    identifier = stamp[0] if stamp else arxiv.parse(metas.get("citation_arxiv_id", [""])[0])
    if identifier is None and "arxiv.org/html/" in url:
        identifier = arxiv.parse(url)
    titles = [text_of(tag) for tag in tree.iter("title") if tag_of(tag.getparent()) == "head"][:1]
    told = [t for name in ("citation_title", "og:title", "twitter:title", "dc.title") for t in metas.get(name, [])]
    names = metas.get("citation_author", []) or front.get("authors", []) or (found.get("author") or "").split(";")
    described = ("citation_abstract", "og:description", "description")
    if metas.get("og:type", ["article"])[0] != "article":  # then it describes a site or a project
        described = described[:1]
    description = next((metas[name][0] for name in described if name in metas), "")
    return _Told(
        titles=tuple(filter(None, [*told, *titles])),
        site=metas.get("og:site_name", [""])[0],
        authors=_people(names),
        date=(day_of(stamp[1]) if stamp else "")
        or front.get("date", "")
        or _published(metas)
        or found.get("date")
        or "",
        description=description,
        arxiv_id=identifier.id if identifier else None,
        version=identifier.version if identifier else None,
    )


def _of_head(tree: HtmlElement) -> dict[str, Any]:
    """What trafilatura reads in the page's head and in its JSON-LD."""
    from copy import deepcopy

    from lxml import html as lxml_html
    from trafilatura.metadata import extract_metadata

    for name in ("trafilatura", "htmldate"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    page = lxml_html.document_fromstring("<html><head></head><body><p></p></body></html>")
    for element in tree.iter("meta", "script"):
        if tag_of(element) == "meta" or element.get("type") == "application/ld+json":
            copy = deepcopy(element)
            copy.tail = None
            page[0].append(copy)
    try:
        return extract_metadata(page, None, {"extensive_search": False, "original_date": True}).as_dict()
    except Exception:  # odd pages make it fail in ways of its own, and what it finds is not vital
        return {}


def _published(metas: dict[str, list[str]]) -> str:
    """The day of publication where a meta tag says it plainly."""
    for name in (
        "citation_publication_date",
        "citation_date",
        "article:published_time",
        "dc.date",
        "dcterms.created",
        "datepublished",
    ):
        for content in metas.get(name, []):
            if match := re.match(r"(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?(?!\d)", content):
                return "-".join([match[1], *(part.zfill(2) for part in match.groups()[1:] if part)])
    return ""


def _printed_day(tree: HtmlElement, pieces: Sequence[Piece], url: str) -> str:
    """The day that stands in a page's byline, in its first `<time>`, or in its address; "" if in none."""
    for piece in pieces:
        if piece.kind == "front" and (day := day_of(piece.text)):
            return day
    for time in tree.iter("time"):
        if match := re.match(r"\d{4}-\d\d-\d\d", time.get("datetime") or ""):
            return match[0]
    match = re.search(r"/((?:19|20)\d\d)/(0[1-9]|1[0-2])(?:/(0[1-9]|[12]\d|3[01]))?/", url)
    return "-".join(filter(None, match.groups())) if match else ""


def day_of(text: str) -> str:
    """The first day written in a text, as in `Jun 10, 2024`, `10 June 2024` or `2024-06-10`, in ISO form; "" if none."""
    from datetime import date

    for match in _DAY.finditer(text):
        number, day, year = (
            match["month"] or match["name"] or match["name2"],
            match["day"] or match["day1"] or match["day2"],
            match["year"] or match["year1"] or match["year2"],
        )
        month = int(number) if number.isdigit() else _MONTHS.index(number[:3].lower()) + 1
        try:
            return date(int(year), month, int(day)).isoformat()
        except ValueError:
            continue
    return ""


def _front_matter(tree: HtmlElement) -> dict[str, Any]:
    """Distill's front matter: a JSON script with authors and the day of publication."""
    for holder in tree.iter("d-front-matter", "dt-front-matter"):
        for script in holder.iter("script"):
            try:
                data = json.loads(script.text or "")
            except (ValueError, RecursionError):
                continue
            if not isinstance(data, dict):
                continue
            people = data.get("authors")
            names = (
                [p.get("author") or p.get("name") for p in people if isinstance(p, dict)]
                if isinstance(people, list)
                else []
            )
            date = data.get("publishedDate") or data.get("published")
            day = re.match(r"\d{4}-\d\d-\d\d", date) if isinstance(date, str) else None
            return {"authors": [n for n in names if isinstance(n, str)], "date": day[0] if day else ""}
    return {}


def _people(names: Sequence[str]) -> tuple[str, ...]:
    """Names, first name first, without repeats and without what is none."""
    found: dict[str, str] = {}
    for name in names:
        name = " ".join(name.split()).strip(" ,;")
        if name.count(",") == 1:
            name = " ".join(part.strip() for part in reversed(name.split(",")))
        if 1 < len(name) < 80 and not re.search(r"https?:|@|\d", name):
            found.setdefault(key(name), name)
    return tuple(found.values())


def _authors(main: HtmlElement, told: _Told, pieces: Sequence[Piece]) -> tuple[str, ...]:
    """The authors: as LaTeXML prints them, else as the page's head has them, else from a byline with a day or a `by`."""
    printed: list[str] = []
    for person in main.iter("span", "div"):
        if "ltx_personname" in class_names(person):
            printed += _names(person)
    if printed or told.authors:
        return _people(printed) or told.authors
    for piece in pieces:
        text = re.sub(r"^(?:posted |written )?by\s+", "", piece.text, flags=re.IGNORECASE)
        if piece.kind == "front" and (text != piece.text or day_of(text)):
            printed += [name for part in re.split(r"[,;·•|]|\band\b", text) if _is_name(name := part.strip())]
    return _people(printed)


def _names(person: HtmlElement) -> list[str]:
    """The names in an element in which LaTeXML puts one author, or all with marks and addresses."""
    parts: list[str] = []
    for inner in person.iter():
        tag, classes = tag_of(inner), class_names(inner)
        within = [inner, *inner.iterancestors()]
        marks = any(
            tag_of(e) in ("sup", "math") or class_names(e) & {"ltx_note", "ltx_ERROR", "ltx_font_typewriter"}
            for e in within
        )
        if tag == "br" or "ltx_tabular" in classes:
            parts.append("\n")
        if not marks:
            parts.append(inner.text or "")
        if inner is not person and not any(
            tag_of(e) in ("sup", "math") or "ltx_note" in class_names(e) for e in inner.iterancestors()
        ):
            parts.append(inner.tail or "")
    lines = "".join(parts).split("\n") if "\n" in "".join(parts).strip() else ["".join(parts)]
    names = [name.strip(" ,&*†‡§¶") for line in lines[:40] for name in re.split(r",|;|\band\b|&|\s{3,}", line)]
    return [name for name in names if _is_name(name)]


def _is_name(text: str) -> bool:
    names = text.split()
    if not 2 <= len(names) <= 5 or re.search(r"[@\d:/]", text):
        return False
    if re.search(r"universit|institut|laborator|department|college|school|research|\binc\b|google|deepmind|microsoft|openai|meta ai|corporation|academy|center|centre|equal contribution|correspond", text, re.IGNORECASE):  # fmt: skip
        return False
    return all(
        word[0].isupper()
        or word.lower()
        in ("de", "da", "di", "del", "der", "den", "van", "von", "la", "le", "al", "el", "bin", "ibn", "dos")
        for word in names
    )


def _title(tree: HtmlElement, main: HtmlElement, told: _Told) -> str:
    """The title: a heading that the page's head names too, else its one heading of level 1, else what the head says."""
    for element in main.iter("h1", "h2", "h3"):
        if "ltx_title_document" in class_names(element):
            return _clean_title(element)
    headings = [e for e in main.iter("h1", "h2", "h3") if _clean_title(e) and "ltx_title" not in class_names(e)]
    headings.sort(key=lambda e: tag_of(e))
    top = [e for e in headings if tag_of(e) == "h1"]
    segments = {key(part) for said in told.titles for part in _segments(said)}
    site = key(told.site)
    for element in headings:
        if (own := key(_clean_title(element))) in segments and own != site:
            return _clean_title(element)
    if len(top) == 1:
        return _clean_title(top[0])
    for said in () if any("ltx_title" in class_names(e) for e in main.iter("h2")) else told.titles:
        parts = re.split(_SEPARATOR, said)
        while len(parts) > 1 and key(parts[-1]) in (site, *map(key, told.authors)):
            parts.pop()
            said = said[: said.rindex(parts[-1]) + len(parts[-1])]
        return said
    first = next((e for e in [*top, *tree.iter("h1")] if _clean_title(e)), None)
    return _clean_title(first) if first is not None else ""


_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_NAME = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\.?"
_DAY = re.compile(
    r"\b(?P<year>(?:19|20)\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})\b|"
    rf"\b(?P<name>{_NAME})\s+(?P<day1>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year1>(?:19|20)\d\d)\b|"
    rf"\b(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<name2>{_NAME}),?\s+(?P<year2>(?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_SEPARATOR = r"\s+[|–—·•»:-]+\s+|\s*\|\s*"


def _segments(said: str) -> Iterator[str]:
    """A page's title and its parts, without the name of the site before or after."""
    parts = re.split(_SEPARATOR, said)
    for i in range(len(parts)):
        for j in range(i + 1, len(parts) + 1):
            yield " ".join(parts[i:j])


def _clean_title(element: HtmlElement) -> str:
    reader = markup.read(element)
    return " ".join(piece.text for piece in reader if piece.text)


def _has_tex(tree: HtmlElement) -> bool:
    """Whether a script of the page sets the formulas that stand in its text between TeX's delimiters."""
    return any(
        re.search(r"mathjax|katex", (script.get("src") or "") + (script.text or "")[:20_000], re.IGNORECASE)
        for script in tree.iter("script", "link")
    ) or any(True for _ in tree.iter("d-article", "dt-article"))


# What is text, and what only stands around it


def _strip(tree: HtmlElement) -> None:
    """Takes away what is no text of the page: navigation, shares, comments, footers, and what nobody is shown."""
    weights = _weights(tree)
    whole = max(1, weights.get(tree, 0))
    for element in list(tree.iter()):
        if (
            not isinstance(element.tag, str)
            or element.getparent() is None
            or tag_of(element) in ("html", "body", "head")
        ):
            continue
        if not _attached(element, tree):
            continue
        large = weights.get(element, 0) > _LARGE * whole
        tag = tag_of(element)
        if markup.is_hidden(element) and _is_main(element):
            for name in ("hidden", "aria-hidden", "style"):  # shown by a script when the page is ready
                element.attrib.pop(name, None)
        if _is_chrome(element, tag, large):
            _take(element)


def _take(element: HtmlElement) -> None:
    tail = element.tail
    element.clear()
    element.tag, element.tail = markup.GONE, tail


def _attached(element: HtmlElement, tree: HtmlElement) -> bool:
    return element.tag != markup.GONE and element.getroottree().getroot() is tree


def _is_main(element: HtmlElement) -> bool:
    return tag_of(element) in ("main", "article", "body") or any(True for _ in element.iter("main", "article", "h1"))


def _weights(tree: HtmlElement) -> dict[HtmlElement, int]:
    """The characters outside of links in each element, those that nobody is shown apart."""
    found: dict[HtmlElement, int] = {}
    for element in reversed(list(tree.iter())):  # children come before their parents
        tag = tag_of(element)
        if not tag or tag in ("script", "style", "template", "noscript", "head", "svg"):
            continue
        own = sum(found.get(child, 0) + len((child.tail or "").strip()) for child in element)
        found[element] = 0 if tag in ("a", "button") else own + len((element.text or "").strip())
    return found


def _names_of(element: HtmlElement) -> list[str]:
    """The classes of an element and its id, their words in lower case and parted by `-`.

    An id that only repeats a heading's words, as those of sections do, is left out.
    """
    names = list(class_names(element))
    if own := element.get("id"):
        heading = next(element.iter("h1", "h2", "h3", "h4", "h5", "h6"), None)
        if heading is None or key(own) not in key(text_of(heading)):
            names.append(own)
    return ["-".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", name)).lower() for name in names]


def _is_chrome(element: HtmlElement, tag: str, large: bool) -> bool:
    role = element.get("role") or ""
    if tag in ("header", "footer") or role in ("banner", "contentinfo"):
        return not large and _is_outer(element, tag)
    if tag in _CHROME_TAGS or role in _CHROME_ROLES:
        return not large
    if tag in ("ul", "ol", "div", "table", "dl", "aside", "section") and _is_contents(element):
        return True
    if tag == "address" and not large:
        element.set("class", "byline")
    if tag not in _NAMED:
        return False
    inline = tag in ("span", "a")
    if inline and tag_of(element.getparent())[:1] == "h":
        return False
    for name in _names_of(element):
        if not name or (name.startswith("ltx-") and not name.startswith(("ltx-page", "ltx-toc"))):
            continue
        if _COMMENTS.fullmatch(name) and not inline and not _is_main(element):
            return True
        if large or any(True for _ in element.iter("pre")):
            continue
        if _CHROME_NAME.fullmatch(name) or _CHROME_WORDS.intersection(name.split("-")):
            return not inline or not (element.tail or "").strip()
        if _META.fullmatch(name) and not inline and weighs_little(element):
            element.set("class", "byline")
    return False


def weighs_little(element: HtmlElement) -> bool:
    """Whether an element holds no more than a line or two, and no heading."""
    return len(text_of(element)) < 200 and not any(True for _ in element.iterdescendants("h1", "h2", "h3", "pre"))


def _is_outer(element: HtmlElement, tag: str) -> bool:
    """Whether a header or footer is one of the page, or of an article without anything to read in it."""
    if any(True for _ in element.iter("pre", "math")):
        return False
    if tag == "footer" or element.get("role") == "contentinfo":
        notes = any(
            class_names(e) & {"footnotes", "references", "citation"} or e.get("role") == "doc-endnotes"
            for e in element.iter()
        )
        return not notes and not any(tag_of(e) == "blockquote" for e in element.iterancestors())
    if any(True for _ in element.iter("h1")) or any(class_names(e) & {"abstract"} for e in element.iter()):
        return False
    return not any(tag_of(e) in ("article", "main", "section", "figure") for e in element.iterancestors())


def _is_contents(element: HtmlElement) -> bool:
    """Whether an element is a list of links to places on the page and nothing else."""
    links = list(element.iter("a"))
    if len(links) < 3 or not all((link.get("href") or "").startswith("#") for link in links):
        return False
    if any(True for _ in element.iter("p", "pre", "h1", "h2", "h3")) or "ltx_biblist" in class_names(element):
        return False
    whole = len(text_of(element))
    return sum(len(text_of(link)) for link in links) > 0.8 * whole > 0


def _main(tree: HtmlElement) -> HtmlElement:
    """The element that holds the text: a landmark with most of what is left, else where trafilatura finds an article."""
    body = tree.find("body")
    body = tree if body is None else body
    weights = _weights(body)
    whole = max(1, weights.get(body, 0))
    for path in _LANDMARKS:
        best = max(body.xpath(path), key=lambda e: weights.get(e, 0), default=None)
        if best is not None and weights.get(best, 0) > 0.6 * whole:
            return best
    return body


def _trimmed(pieces: list[Piece]) -> list[Piece]:
    """The pieces without headings of what was taken away, and without what is left of a site's frame at both ends."""
    begun = next((i for i, piece in enumerate(pieces) if piece.text and piece.kind not in ("front", "caption")), 0)
    pieces = pieces[:begun] + [piece for piece in pieces[begun:] if piece.kind != "front"]
    pieces = _without_empty(pieces)
    pieces = _without_end(pieces)
    return _without_start(pieces)


def _without_empty(pieces: list[Piece]) -> list[Piece]:
    """Drops headings below which nothing but chrome stood."""
    kept: list[Piece] = []  # from the end
    for piece in reversed(pieces):
        if piece.kind == "heading":
            chrome = False
            for after in reversed(kept):
                if after.left_out == "chrome":
                    chrome = True
                elif after.left_out != "chrome":
                    chrome = chrome and after.left_out == "" and 0 < after.level <= piece.level
                    break
            if chrome:
                continue
        kept.append(piece)
    return kept[::-1]


def _without_end(pieces: list[Piece]) -> list[Piece]:
    """Drops related posts, comments, shares and the like from the end, with their headings."""
    pieces = list(pieces)
    while True:
        last = next((i for i in range(len(pieces) - 1, -1, -1) if pieces[i].text), None)
        if last is None:
            return pieces
        piece = pieces[last]
        if (
            piece.kind == "body"
            and len(piece.text) < 250
            and (_CHROME_LINE.match(piece.text) or not markup.has_letters(piece.text))
        ):
            del pieces[last:]
            continue
        head = next((i for i in range(last, -1, -1) if pieces[i].kind == "heading"), None)
        if head is not None and _CHROME_HEADING.fullmatch(pieces[head].text.strip(" :!?.…🙌👏👍❤️")):
            below = [p for p in pieces[head + 1 :] if p.text]
            prose = sum(len(p.text) * (1 - min(1, p.linked)) for p in below if p.kind == "body")
            if prose < 600 and all(p.kind in ("body", "caption", "front") for p in below):
                del pieces[head:]
                continue
        return pieces


def _without_start(pieces: list[Piece]) -> list[Piece]:
    """Drops links and short lines that stand before the title, or before the first paragraph."""
    title = next((i for i, piece in enumerate(pieces) if piece.kind == "front"), 0)
    kept = []
    for i, piece in enumerate(pieces):
        if piece.kind not in ("body", "front") or len(piece.text) > 160:
            return kept + pieces[i:]
        linked = piece.linked > 0.8 and piece.kind == "body"
        if piece.text and not (linked or (i < title and len(piece.text) < 60) or _CHROME_LINE.match(piece.text)):
            if piece.kind == "body":
                return kept + pieces[i:]
            kept.append(piece)
    return kept


# Why there is nothing to read


class _Notice(NamedTuple):
    """Signs that a page is not what was asked for."""

    script: bool
    password: bool
    refresh: str
    heads: tuple[str, ...]

    def reason(self, title: str, pieces: Sequence[Piece]) -> str:
        """Why the page gives no text, "" where it seems to be a short page."""
        printed = [piece.text for piece in pieces if piece.text]
        heads = [*self.heads, title, *printed[:2]]
        if match := next((m for head in heads if (m := _ROBOT.search(head))), None):
            return f"The server wants to know whether a person asks: “{match[0]}”."
        if error := next((head for head in heads if _ERROR.fullmatch(head.strip(" .!:|-–—"))), None):
            return f"The server answered with an error page: “{error[:80]}”."
        if self.password:
            return "The page asks for a password before it shows its text."
        if self.script or any(_WANTS_SCRIPT.search(text) for text in printed):
            return "The page shows its text only to a browser that runs its scripts."
        if self.refresh and sum(map(len, printed)) < 200:
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
