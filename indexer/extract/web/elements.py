"""What is asked of an element of a page again and again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from indexer.extract.cleaning import clean

if TYPE_CHECKING:
    from lxml.html import HtmlElement

GONE = "gone"  # the tag of an element whose content was taken away because it is no text of the page
TOO_DEEP = "The elements of the page lie too deep in each other."
_ACCENTS = re.compile("([´`¨ˆ˜ˇ˘¸˚˝˙]+)")


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


BLOCKS = words(
    "address article aside blockquote body caption center dd details dir div dl dt fieldset figcaption figure footer form "
    "frameset header hgroup html legend li main menu nav ol p section summary table tbody td tfoot th thead tr ul"
)
MEDIA = words("img svg video audio iframe canvas object embed picture")
_NEVER = words(
    "script style template noscript head title meta link button input select option textarea label datalist dialog "
    "applet param map area frame noframes rp rt clipboard-copy d-front-matter d-bibliography dt-bibliography "
    "d-footnote-list dt-fn-list"
)
_UNSEEN = words(
    "sr-only visually-hidden visuallyhidden screen-reader-text screen-reader-only mw-editsection ltx_ERROR "
    "ltx_pagination ltx_listing_data mw-cite-backlink ltx_bib_cited MathJax_Preview toolbar toolbar-item code-header "
    "code-block-header code-lang copy-btn copy-code copybtn copy-button copy-code-button zeroclipboard-container "
    "language-label"
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


def has_letters(text: str) -> bool:
    """Whether any character of a text is a letter or a digit."""
    return any(map(str.isalnum, text))


def is_unread(element: HtmlElement, tag: str, classes: frozenset[str]) -> bool:
    """Whether an element is no text at all (a script, a button, a copy for screen readers), or hidden."""
    return tag in _NEVER or bool(classes & _UNSEEN) or is_hidden(element)


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


def tidy(text: str) -> str:
    """`clean`, but for its mending of accents that stand beside their letter: in a page a backquote is one."""
    return clean(text) if text.isascii() else "".join(map(clean, _ACCENTS.split(text)))


def one_line(text: str) -> str:
    """A text on one line, cleaned."""
    return " ".join(tidy(text).split())
