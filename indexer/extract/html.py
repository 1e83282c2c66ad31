"""Web page to document: trafilatura finds the article, its headings become sections with their anchors."""

from __future__ import annotations

import logging
import re

from indexer.document import Extracted, Page, Section
from indexer.errors import NoText
from indexer.extract.cleaning import clean

VERSION = "html-1"


def read_html(body: bytes, url: str = "") -> Extracted:
    """The article of a web page: one page of text without a number, paragraphs parted by empty lines.

    Title, author and date are the page's own where it has them. Raises `NoText` where no article is found.
    """
    import trafilatura
    from lxml import html as lxml_html

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    found = trafilatura.bare_extraction(
        body, url=url or None, include_comments=False, include_tables=True, with_metadata=True
    )
    if found is None or found.body is None:
        raise NoText("No article was found on the page.")
    anchors = _anchors(lxml_html.fromstring(body))
    title = " ".join((found.title or "").split())
    blocks: list[str] = []
    sections: list[Section] = []
    length = 0
    for element in found.body:
        text = _text(element)
        if not text:
            continue
        if element.tag == "head":
            heading = " ".join(text.split())
            if heading == title and not blocks:
                continue
            sections.append(Section(heading, _level(element), 0, length, anchors.get(_key(heading))))
            text = heading
        blocks.append(text)
        length += len(text) + 2
    if not blocks:
        raise NoText("No article was found on the page.")
    authors = tuple(name.strip() for name in (found.author or "").split(";") if name.strip())
    return Extracted(
        pages=(Page("\n\n".join(blocks)),), title=title, authors=authors, abstract=found.description or "",
        date=found.date or "", sections=tuple(sections),
    )  # fmt: skip


def _text(element) -> str:
    """The text of a block of trafilatura's tree: code as it stands, list items and table rows a line each."""
    if element.tag in ("code", "formula"):
        return clean("".join(element.itertext())).strip("\n")
    if element.tag == "list":
        return "\n".join(filter(None, ("- " + _text(item) if _text(item) else "" for item in element)))
    if element.tag == "table":
        rows = (" | ".join(filter(None, map(_text, row))) for row in element.iter("row"))
        return "\n".join(filter(None, rows))
    return " ".join(clean("".join(element.itertext())).split())


def _level(element) -> int:
    match = re.search(r"\d", element.get("rend") or "")
    return int(match[0]) if match else 1


def _key(heading: str) -> str:
    return re.sub(r"\W+", "", heading).casefold()


def _anchors(tree) -> dict[str, str]:
    """{heading's letters: its anchor} for each heading of the page that can be linked to."""
    found: dict[str, str] = {}
    for heading in tree.iter("h1", "h2", "h3", "h4", "h5", "h6"):
        named = [heading, *heading.iter("a", "span")]
        before = heading.getprevious()
        if before is not None and not (before.text_content() if hasattr(before, "text_content") else "x").strip():
            named.append(before)  # an empty <a id=…> in front of it
        if (parent := heading.getparent()) is not None and parent.tag == "section":
            named.append(parent)
        anchor = next((a for element in named if (a := element.get("id") or element.get("name"))), None)
        if anchor:
            found.setdefault(_key(heading.text_content()), anchor)
    return found
