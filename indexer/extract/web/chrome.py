"""What only stands around a page's text: navigation, shares, notices, comments, footers; and where the text is."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from indexer.extract.dates import date_in
from indexer.extract.web.elements import GONE, class_names, has_letters, is_hidden, key, tag_of, text_of, words
from indexer.extract.web.pieces import Piece

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# A page's own share of what it shows is never chrome, whatever its names say: the layout of a site puts `sidebar` and
# `nav` into the classes of what lies beside them.
_LARGE = 0.35
_MOST = 0.6  # of a page's text has to lie in what is taken for its article
_TAGS = words("nav footer form dialog menu search")
_ROLES = words(
    "navigation banner contentinfo search dialog alertdialog menu menubar toolbar tablist tab tooltip doc-toc directory"
)
_WORDS = words(  # one of them in a class or an id is enough
    "nav navbar navigation breadcrumb breadcrumbs sidebar sidenav cookie cookies consent gdpr newsletter subscribe "
    "subscription signup pagination pager paginator share sharing sharer sharebar sharedaddy social addtoany disqus "
    "utterances giscus recommended recommendations promo advert advertisement ads adsbygoogle sponsor sponsored popup "
    "modal masthead footer toc tableofcontents topbar navlinks relatedposts skiplink offcanvas paywall upsell noprint"
)
_NAME = re.compile(  # a whole class or id, its words parted by `-`
    r"related(?:-(?:posts?|articles?|content|stories|entries|links|pages|reading|box|list|wrap.*))?|"
    r"(?:read|you)-(?:next|more|may.*)|(?:.*-)?also-like.*|more-(?:posts|from.*|articles|stories)|"
    r"(?:prev|previous|next)(?:-(?:prev|next|post|article|page|link|area))+|post-(?:nav|ufi|links|tags|sharing)|"
    r"(?:table-of-)?contents|(?:.*-)?(?:about-(?:the-)?author|author-(?:bio|box|card))|page-edit|"
    r"edit-(?:this-|on-)?(?:page|link|git.*)|back-to-top|scroll-(?:to-)?top|call-to-action|cta|sign-(?:up|in).*|"
    r"log-?in.*|follow(?:-us|-me|-button|-links)?|(?:site|page|top)-header|"
    r"(?:post|entry|article|page|blog)-(?:footer|tags|categories)|tags?(?:-list|-links|s)?|cat-links|categories|"
    r"(?:page-)?feedback|rating|was-this-helpful|last-updated|skip(?:-.*)?|sphinxsidebar.*|package-alerts|"
    r"ltx-page-.*|ltx-toc.*|md-source-file|announcement(?:-bar)?|hamburger|search(?:-.*)?|progress-bar|js-toc.*|"
    r"(?:captioned-)?button-wrap.*|no-print|d-print-none"
)
_BESIDE = re.compile(
    r"(?:has|with|without|no(?!-print)|not|is|in|hide|show)-"
)  # `has-sidebar` is what a sidebar stands beside
_COMMENTS = re.compile(
    r"(?:post-|article-|blog-|the-)?comments?"
    r"(?:-(?:area|list|section|wrap|wrapper|thread|form|container|block|respond|count|page))?|"
    r"commentlist|commentform|respond|disqus.*|isso-thread|webmentions?|reactions"
)
_BYLINE = re.compile(
    r"(?:post|entry|article|page|blog|date|author|byline)-"
    r"(?:meta(?:data)?|date|time|info|author|byline|details|reading-time)|"
    r"by-?line(?:-.*)?|dateline|reading-time|published|posted-on|article-?metadata|meta|metadata|pubdate|"
    r"dt-published|p-author|authors?|sub-heading|(?:.*-)?subtitle(?:-.*)?"
)
_NAMED = words("div section aside ul ol p table dl span header center details figure a h1 h2 h3 h4 h5 h6")
_LANDMARKS = (
    "//article[contains(concat(' ', normalize-space(@class), ' '), ' ltx_document ')]",
    "//*[self::article or @role='article']",
    "//*[@itemprop='articleBody']",
    "//*[self::main or @role='main']",
)
_CONTENTS = re.compile(r"(?:table of )?contents|(?:on|in) this (?:page|article|post)|outline|toc", re.IGNORECASE)
_LONGEST_HEADING = 300
_SURE_HEADING = re.compile(  # of what follows an article on a page
    r"(?:related|similar|recent|more|other|latest|popular|recommended|trending)\s+(?:posts?|articles?|stories|entries)|"
    r"(?:more|latest) from\b.*|you (?:may|might|could) (?:also )?(?:like|enjoy|be interested).*|\d+ (?:comments?|responses?|"
    r"replies|thoughts)\b.*|leave (?:a|your) (?:comment|reply).*|share (?:this|on|via|the (?:post|article))\b.*|"
    r"(?:follow|subscribe to) (?:me|us|my|our|the)\b.*|spread the word.*|join (?:our|the|my) .*(?:list|newsletter).*|"
    r"about the authors?|did you (?:find|like|enjoy) (?:this|the)\b.*|was this (?:page|article|post|helpful)\b.*|"
    r"(?:found|enjoyed) this\b.*\b(?:useful|helpful|share|article|post)\b.*",
    re.IGNORECASE,
)
_LIKELY_HEADING = re.compile(  # of that too, if nothing is said below
    r"(?:comments?|responses?|replies|discussion|reactions)(?: \(?\d+\)?)?|(?:read|up) next|next (?:up|post|article)|"
    r"share|sharing|follow|subscribe|newsletter|like this|sign up|tags|categories|archives?|about me|(?:post )?navigation",
    re.IGNORECASE,
)
_SURE_LINE = re.compile(  # at the edges of a page
    r"©|\(c\) (?:19|20)\d\d|copyright\b|all rights reserved|powered by\b|last (?:updated|modified|changed?|edited)\b|"
    r"comments? powered|please enable javascript to view|filed under|tags?:|tagged:|posted in\b|categor(?:y|ies):|"
    r"like this:|edit this page|edit on git|view (?:page )?source|skip to\b|"
    r"\d+ (?:people|comments?|responses?|replies|likes?|shares?|claps?|views?)\b.{0,60}$|"
    r"(?:(?:this|our) (?:site|website|page) |we )(?:uses?|keeps?) cookies|"
    r".{0,200}\bcookies?\b.{0,160}\b(?:accept|agree|consent|preferences)\b",
    re.IGNORECASE,
)
_LIKELY_LINE = re.compile(  # at the edges of a page, if it is a link
    r"[←«‹→]|(?:previous|prev|next|back|older|newer|home|up|menu|share|tweet|follow|subscribe|sign|log ?in|built|made|"
    r"published|hosted|related|privacy|terms|imprint|contact|rss)\b",
    re.IGNORECASE,
)
_PRESSED = re.compile(r"follow|listen|share|save|clap|\d{1,4}", re.IGNORECASE)


def strip(tree: HtmlElement) -> None:
    """Takes away what is no text of the page: navigation, shares, comments, footers, and what nobody is shown."""
    weights = _weights(tree)
    whole = max(1, weights.get(tree, 0))
    waiting = list(tree)
    while waiting:
        element = waiting.pop()
        tag = tag_of(element)
        share = weights.get(element, 0) / whole
        if tag and tag not in ("body", "head"):
            if share > _LARGE and is_hidden(element) and _is_main(element):
                for name in ("hidden", "aria-hidden", "style"):  # shown by a script when the page is ready
                    element.attrib.pop(name, None)
            if _is_chrome(element, tag, share):
                _take(element)
        waiting += element


def _take(element: HtmlElement) -> None:
    what = "contents" if _is_contents(element) else "chrome"
    for child in list(element):
        element.remove(child)
    element.attrib.clear()
    element.tag, element.text = GONE, None
    element.set("class", what)


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


def _is_chrome(element: HtmlElement, tag: str, share: float) -> bool:
    """Whether an element with this `share` of the page's text is none of it. What is a byline is marked as one instead."""
    role = element.get("role") or ""
    large = share > _LARGE
    if tag in ("header", "footer") or role in ("banner", "contentinfo"):
        return not large and _is_outer(element, tag)
    if tag in _TAGS or role in _ROLES:
        return not large
    if tag in ("ul", "ol", "div", "table", "dl", "aside", "section") and _is_contents(element):
        return True
    if tag == "address" and not large:
        element.set("class", "byline")
    inline = tag in ("span", "a")
    if tag not in _NAMED or (inline and tag_of(element.getparent())[:1] == "h"):
        return False
    names = [name for name in _names_of(element) if name and not _BESIDE.match(name)]
    names = [name for name in names if not name.startswith("ltx-") or name.startswith(("ltx-page", "ltx-toc"))]
    if not inline and share < 0.9 and any(map(_COMMENTS.fullmatch, names)) and not _is_main(element):
        return True
    if large:
        return False
    if any(_NAME.fullmatch(name) or _WORDS.intersection(name.split("-")) for name in names):
        whole = not inline or not (element.tail or "").strip()
        return whole and not any(True for _ in element.iter("pre"))
    if not inline and any(map(_BYLINE.fullmatch, names)) and _is_short(element):
        element.set("class", "byline")
    return False


def _is_short(element: HtmlElement) -> bool:
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
    links: list[HtmlElement] = []
    for link in element.iter("a"):
        if not (link.get("href") or "").startswith("#"):
            return False
        links.append(link)
    if len(links) < 3:
        return False
    if any(True for _ in element.iter("p", "pre", "h1", "h2", "h3")) or "ltx_biblist" in class_names(element):
        return False
    whole = len(text_of(element))
    return sum(len(text_of(link)) for link in links) > 0.8 * whole > 0


def main_element(tree: HtmlElement) -> HtmlElement:
    """The element that holds the text: a landmark with most of what is left, else where trafilatura finds an article."""
    body = tree.find("body")
    body = tree if body is None else body
    weights = _weights(body)
    whole = max(1, weights.get(body, 0))
    for path in _LANDMARKS:
        best = max(body.xpath(path), key=lambda e: weights.get(e, 0), default=None)
        if best is not None and weights.get(best, 0) > _MOST * whole:
            return best
    return _pointed_at(body, weights)


def _pointed_at(body: HtmlElement, weights: dict[HtmlElement, int]) -> HtmlElement:
    """The smallest element with nearly all that trafilatura takes for the article, and the little that stands around it.

    Its own text is not taken: it loses headings and the ends of code. The body, where it finds too little of the page.
    """
    from copy import deepcopy

    import trafilatura

    try:
        found = trafilatura.bare_extraction(deepcopy(body), include_comments=False)
    except Exception:  # it fails on odd pages in ways of its own; then the whole page is read
        found = None
    starts = {key(line)[:20] for line in (getattr(found, "text", None) or "").split("\n")}
    marked: dict[HtmlElement, int] = {}
    for element in reversed(list(body.iter())):
        texts = [element.text, *(child.tail for child in element)]
        own = sum(len(text) for text in texts if text and len(k := key(text)) > 9 and k[:20] in starts)
        marked[element] = own + sum(marked.get(child, 0) for child in element)
    whole = marked.get(body, 0)
    best = body
    while (inner := next((child for child in best if marked.get(child, 0) > 0.9 * whole), None)) is not None:
        best = inner
    while best is not body and (
        tag_of(best) not in ("div", "td", "section", "center", "article")
        or weights.get(best.getparent(), 0) < 1.25 * weights.get(best, 0)
    ):
        best = best.getparent()
    return best if weights.get(best, 0) > _MOST * weights.get(body, 0) else body


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
        said_again = piece.kind == "heading" and key(piece.text) == wanted
        if said_again or (piece.kind == "body" and piece.text and not has_letters(piece.text)):
            continue
        if piece.kind == "body" and not piece.item and _is_byline(piece.text, authors):
            piece.kind = "front"
        if piece.text and piece.kind not in ("front", "caption"):
            return kept + pieces[i:]
        kept.append(piece)
    return kept


def _is_byline(text: str, authors: Sequence[str]) -> bool:
    """Whether a line says who wrote the page, when, or how long it takes to read, and nothing else."""
    if len(text) > 160 or len(text.split()) > 16:
        return False
    rest = key(text)
    for name in authors:
        rest = rest.replace(key(name), " ")
    if _PRESSED.fullmatch(text) or (rest != key(text) and re.fullmatch(r"(?:by|and|written|\s)*", rest)):
        return True
    if text[-1:] in ".!?:" and len(text.split()) > 6:  # a sentence
        return False
    by = re.match(r"(?:written |posted |published )?by\s+[A-Z]", text, re.IGNORECASE)
    return bool(by or date_in(text) or re.search(r"\bmin(?:ute)?s?(?: read)?$|\bmin(?:ute)?s? read\b", text))


def trimmed(pieces: list[Piece], authors: Sequence[str] = ()) -> list[Piece]:
    """The pieces without headings of what was taken away, and without what is left of a site's frame at both ends."""
    whole = _without_empty(pieces)
    pieces = _without_start(_without_end(whole))
    if not any(piece.text and piece.kind not in ("front", "heading") for piece in pieces):
        pieces = whole  # a page of links and nothing else
    begun = next(
        (i for i, piece in enumerate(pieces) if piece.text and piece.kind not in ("front", "caption")), len(pieces)
    )
    for piece in pieces[begun:]:
        if piece.kind == "front":
            if piece.linked > 0.5 or _is_byline(piece.text, authors) or _SURE_LINE.match(piece.text):
                piece.text = ""
            else:
                piece.kind = "body"
    return pieces


def _without_empty(pieces: list[Piece]) -> list[Piece]:
    """Drops headings below which nothing but chrome stood, and those of lists of contents."""
    kept: list[Piece] = []  # from the end
    for piece in reversed(pieces):
        if piece.kind == "heading":
            gone = list(itertools.takewhile(lambda after: after.left_out in ("chrome", "contents"), reversed(kept)))
            after = kept[-1 - len(gone)] if len(gone) < len(kept) else None
            alone = after is None or 0 < after.level <= piece.level
            if any(p.left_out == "chrome" for p in gone) and alone:
                continue
            if gone and _CONTENTS.fullmatch(piece.text.strip(" :")):
                continue
        if not piece.left_out or not kept or kept[-1].left_out != piece.left_out:
            kept.append(piece)
    return kept[::-1]


def _without_end(pieces: list[Piece]) -> list[Piece]:
    """Drops related posts, comments, shares and the like from the end, with their headings."""
    end = len(pieces)
    while end:
        piece = pieces[end - 1]
        if not piece.text or (piece.kind == "body" and _is_frame(piece)):
            end -= 1
            continue
        head = next((i for i in range(end - 1, -1, -1) if pieces[i].kind == "heading"), None)
        if head is None or not _heads_frame(pieces[head].text, pieces[head + 1 : end]):
            break
        end = head
    return pieces[:end]


def _heads_frame(heading: str, below: Sequence[Piece]) -> bool:
    """Whether a heading and what stands below it belong to the site, and not to the article."""
    heading = re.sub(r"^[\W_]+|(?<![\W_])[\W_]+$", "", heading)[:_LONGEST_HEADING]
    if any(piece.kind not in ("body", "caption", "front") for piece in below if piece.text):
        return False
    said = sum(len(piece.text) * (1 - min(1, piece.linked)) for piece in below if piece.kind == "body")
    return bool((_SURE_HEADING.fullmatch(heading) and said < 600) or (_LIKELY_HEADING.fullmatch(heading) and said < 40))


def _is_frame(piece: Piece) -> bool:
    """Whether a short line at a page's edge belongs to the site."""
    text = piece.text
    if len(text) > 250:
        return False
    if not has_letters(text) or _SURE_LINE.match(text):
        return True
    return bool(_LIKELY_LINE.match(text) and len(text) < 120 and piece.linked > 0.4)


def _without_start(pieces: list[Piece]) -> list[Piece]:
    """Drops links and short lines that stand before the title, or before the first paragraph."""
    title = next((i for i, piece in enumerate(pieces) if piece.kind == "front"), 0)
    kept: list[Piece] = []
    for i, piece in enumerate(pieces):
        if piece.kind not in ("body", "front") or len(piece.text) > 160:
            return kept + pieces[i:]
        of_site = piece.linked > 0.8 or (i < title and len(piece.text) < 60) or _is_frame(piece)
        if piece.text and not (piece.kind == "body" and of_site):
            if piece.kind == "body":
                return kept + pieces[i:]
            kept.append(piece)
    return kept
