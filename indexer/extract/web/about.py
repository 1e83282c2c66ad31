"""What a page says about itself: its title, who wrote it, and when."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from indexer import arxiv
from indexer.extract.authors import is_name
from indexer.extract.dates import date_in, iso
from indexer.extract.web import markup
from indexer.extract.web.elements import class_names, key, tag_of, text_of
from indexer.extract.web.pieces import Piece

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# Of publication, not of the last change.
_DATES = (
    "citation_publication_date",
    "citation_date",
    "article:published_time",
    "dc.date",
    "dcterms.created",
    "datepublished",
)
_SEPARATOR = r"(?<!\s)\s+[|–—·•»:-]+\s+|(?:(?<!\s)\s+)?\|\s*"
_MOST_SEGMENTS = 20  # of a title


class Told(NamedTuple):
    """What the page's head says: `titles` as they stand there, `date` in ISO form; "" and () where it says nothing."""

    titles: tuple[str, ...]
    site: str
    authors: tuple[str, ...]
    date: str
    description: str
    arxiv_id: str | None
    version: int | None


def told_by(tree: HtmlElement, url: str) -> Told:
    """What the page's head says: meta tags and JSON-LD, as trafilatura reads them, and distill's front matter.

    Trafilatura's guesses from the body are not asked for: it takes dates and names from bibliographies and comments.
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
    titles = [t for name in ("citation_title", "og:title", "twitter:title", "dc.title") for t in metas.get(name, [])]
    titles += [text_of(title) for title in tree.iter("title") if tag_of(title.getparent()) == "head"][:1]
    names = [_first_name_first(name) for name in metas.get("citation_author", [])] or front.get("authors")
    described = ["citation_abstract"]
    if metas.get("og:type", ["article"])[0] == "article":  # else it describes a site or a project
        described += ["og:description", "description"]
    stamped = iso(stamp[1]) if stamp else ""
    return Told(
        titles=tuple(filter(None, titles)),
        site=metas.get("og:site_name", [""])[0],
        authors=_people(names or (found.get("author") or "").split(";")),
        date=stamped or front.get("date") or _published(metas) or found.get("date") or "",
        description=next((metas[name][0] for name in described if name in metas), ""),
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
    for content in (content for name in _DATES for content in metas.get(name, [])):
        if match := re.match(r"(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?(?!\d)", content):
            return "-".join([match[1], *(part.zfill(2) for part in match.groups()[1:] if part)])
    return ""


def _front_matter(tree: HtmlElement) -> dict[str, Any]:
    """`authors` and `date` of distill's front matter, a JSON script; {} where there is none."""
    for holder in tree.iter("d-front-matter", "dt-front-matter"):
        for script in holder.iter("script"):
            try:
                data = json.loads(script.text or "")
            except (ValueError, RecursionError):
                continue
            people = data.get("authors") if isinstance(data, dict) else None
            if not isinstance(people, list):
                continue
            names = [person.get("author") or person.get("name") for person in people if isinstance(person, dict)]
            date = str(data.get("publishedDate") or data.get("published") or "")
            day = re.match(r"\d{4}-\d\d-\d\d", date)
            return {"authors": [name for name in names if isinstance(name, str)], "date": day[0] if day else ""}
    return {}


def printed_date(tree: HtmlElement, pieces: Sequence[Piece], url: str) -> str:
    """The date that stands in a page's byline, in its first `<time>`, or in its address; "" if in none."""
    for piece in pieces:
        if piece.kind == "body" and len(piece.text) > 160:
            break
        if len(piece.text) < 160 and (date := date_in(piece.text)):
            return date
    for time in tree.iter("time"):
        if match := re.match(r"\d{4}-\d\d-\d\d", time.get("datetime") or ""):
            return match[0]
    match = re.search(r"/((?:19|20)\d\d)/(0[1-9]|1[0-2])(?:/(0[1-9]|[12]\d|3[01]))?/", url)
    return "-".join(filter(None, match.groups())) if match else ""


def _first_name_first(name: str) -> str:
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma and "," not in first else name


def _people(names: Iterable[str]) -> tuple[str, ...]:
    """Names without repeats, and without what is none."""
    found: dict[str, str] = {}
    for name in names:
        name = " ".join(name.split()).strip(" ,;")
        if 1 < len(name) < 80 and not re.search(r"https?:|@|\d", name):
            found.setdefault(key(name), name)
    return tuple(found.values())


def authors_of(main: HtmlElement, told: Told, pieces: Sequence[Piece]) -> tuple[str, ...]:
    """The authors: as LaTeXML prints them, else as the page's head has them, else from a byline with a day or a `by`."""
    printed = [
        name
        for element in main.iter("span", "div")
        if "ltx_personname" in class_names(element)
        for name in _names(element)
    ]
    if printed or told.authors:
        return _people(printed) or told.authors
    for piece in pieces:
        text = re.sub(r"^(?:posted |written )?by\s+", "", piece.text, flags=re.IGNORECASE)
        if piece.kind == "front" and (text != piece.text or date_in(text)):
            printed += [name for part in re.split(r"[,;·•|]|\band\b", text) if is_name((name := part.strip()).split())]
    return _people(printed)


def _names(person: HtmlElement) -> list[str]:
    """The names in an element in which LaTeXML puts one author, or all of them with marks and addresses."""
    from copy import deepcopy

    person = deepcopy(person)
    for inner in list(person.iterdescendants()):
        tag, classes = tag_of(inner), class_names(inner)
        if tag == "br" or "ltx_tabular" in classes:
            inner.tail = "|" + (inner.tail or "")
        elif tag in ("sup", "math") or classes & {"ltx_note", "ltx_ERROR", "ltx_font_typewriter"}:
            inner.drop_tree()
    parts = re.split(r"[|,;&]|\band\b", " ".join(person.text_content().split()))
    names = (part.strip(" *†‡§¶") for part in parts)
    return [name for name in names if is_name(name.split())]


def title_of(tree: HtmlElement, main: HtmlElement, told: Told) -> str:
    """The title: a heading that the page's head names too, else its one heading of level 1, else what the head says."""
    headings = [(tag_of(element), _heading(element), class_names(element)) for element in main.iter("h1", "h2", "h3")]
    of_latexml = any("ltx_title" in classes for _, _, classes in headings)
    if of_latexml:  # it calls a page without a title after its first section
        return next((text for _, text, classes in headings if "ltx_title_document" in classes), "")
    headings.sort(key=lambda heading: heading[0])
    said = {key(part) for title in told.titles for part in _segments(title)} - {key(told.site), ""}
    if named := next((text for _, text, _ in headings if key(text) in said), ""):
        return named
    top = [text for tag, text, _ in headings if tag == "h1" and text]
    if len(top) == 1:
        return top[0]
    if told.titles:
        return _without_site(told.titles[0], (told.site, *told.authors))
    return next(filter(None, [*top, *map(_heading, tree.iter("h1"))]), "")


def _heading(element: HtmlElement) -> str:
    return " ".join(piece.text for piece in markup.read(element) if piece.text)


def _segments(title: str) -> Iterator[str]:
    """A page's title and its parts, which may be the name of the site and that of the article."""
    parts = re.split(rf"{_SEPARATOR}|:\s+", title)[:_MOST_SEGMENTS]
    for i in range(len(parts)):
        for j in range(i + 1, len(parts) + 1):
            yield " ".join(parts[i:j])


def _without_site(title: str, names: Sequence[str]) -> str:
    """A title without the names that a site puts behind it."""
    *parts, last = re.split(_SEPARATOR, title)
    while parts and key(last) in map(key, names):
        title = title[: title.rindex(last)].rstrip(" |–—·•»:-")
        last = parts.pop()
    return title
