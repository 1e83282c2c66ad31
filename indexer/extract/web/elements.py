"""What is asked of an element of a page again and again."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from indexer.errors import LimitReached, NoText
from indexer.extract.cleaning import clean

if TYPE_CHECKING:
    from lxml.html import HtmlElement

GONE = "gone"  # the tag of an element whose content was taken away because it is no text of the page
TOO_DEEP = "The elements of the page lie too deep in each other."
_ACCENTS = re.compile("([´`¨ˆ˜ˇ˘¸˚˝˙]+)")


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


_CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_OF_HEAD = words("title meta link script style base template noscript bgsound")
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


def parsed(text: str) -> HtmlElement:
    """The tree of a page. Raises `NoText` where there is none, `LimitReached` where it is deeper than the parser follows."""
    from lxml import etree
    from lxml import html as lxml_html

    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        tree = lxml_html.document_fromstring(text.replace("\0", "").encode("utf-8", "ignore"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        raise NoText("It is no web page.") from None
    if any("depth" in entry.message for entry in parser.error_log):
        raise LimitReached(TOO_DEEP)
    for element in tree.iter():  # it gives characters that it does not take
        if element.text and _CONTROL.search(element.text):
            element.text = _CONTROL.sub(" ", element.text)
        if element.tail and _CONTROL.search(element.tail):
            element.tail = _CONTROL.sub(" ", element.tail)
    _close_head(tree)
    return tree


def _close_head(tree: HtmlElement) -> None:
    """Moves to the body what the parser, which knows no newer tags, leaves in the head of a page that does not close it."""
    head, body = tree.find("head"), tree.find("body")
    if head is None:
        return
    stray = list(itertools.dropwhile(lambda element: tag_of(element) in _OF_HEAD, head))
    if stray and body is None:
        body = tree.makeelement("body")
        tree.append(body)
    for at, element in enumerate(stray):
        if at + 1 == len(stray) and body.text:
            element.tail, body.text = (element.tail or "") + body.text, None
        body.insert(at, element)


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
    return "".join(map(clean, _ACCENTS.split(text)))


def one_line(text: str) -> str:
    """A text on one line, cleaned."""
    return " ".join(tidy(text).split())
