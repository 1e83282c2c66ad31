"""What stands before the first section: title, authors, abstract and date, read from the lines of the first pages.

Every rule looks at type, place and the shape of words; none at who published it or what its file is called.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from statistics import median

from indexer import arxiv
from indexer.extract import cleaning
from indexer.extract.authors import find_authors, is_name, segments_of
from indexer.extract.dates import iso, printed_date
from indexer.extract.garbage import is_garbage
from indexer.extract.layout import Layout, Line
from indexer.extract.printed import MARKS, Token, fold, letters, plain, rows_of

_PAGES = 10  # how far from the start an abstract may stand: after a cover, a jury, a dedication
_TITLE_WORDS = 45  # at most

_ABSTRACT = (
    "abstract|summary|synopsis|executive summary|abstrakt|zusammenfassung|kurzfassung|résumé|resumen|resumo|riassunto|"
    "sommario|samenvatting|sammanfattning|sammendrag|resumé|tiivistelmä|streszczenie|rezumat|özet|аннотация|реферат|"
    "анотація|περίληψη|摘要|要旨|概要|抄録|초록|요약"
)
_LABELS = frozenset(label.replace(" ", "") for label in _ABSTRACT.split("|"))
_RUN_IN = re.compile(rf"\W{{0,3}}(?:{_ABSTRACT})\s*(?:[.:：—–―-]+|】|］)\s*(?=\S)", re.IGNORECASE)
_SPACED = re.compile(rf"(?i:{_ABSTRACT})(?=\s+[^\W\d_a-z])")  # not "Abstract interpretation"
_AFTER = re.compile(
    r"\W{0,3}(?:ccs concepts|(?:(?:additional |author )?key\s?-?words?(?: and phrases)?|index terms|general terms|"
    r"acm reference format|categories and subject descriptors|jel\b.{0,16}|pacs\b.{0,16}|msc\b.{0,16}|"
    r"(?:\d{4} )?mathematics subject classification|subject terms|schlüsselwörter|schlagwörter|mots[ -]clés|"
    r"palabras clave|palavras[ -]chave|parole chiave|ключевые слова|关键词|關鍵詞|キーワード|키워드|"
    r"code|website|web ?page|project page|homepage|demo|date|correspondence|github|availability|article info|highlights)"
    r"\s*(?:[.:：—–-]|$))",
    re.IGNORECASE,
)
_OPENINGS = (
    "introduction|extended introduction|overview|einleitung|einführung|introducción|introdução|introduzione|inleiding|"
    "wprowadzenie|wstęp|введение|вступ|引言|绪论|前言|はじめに|序論|서론|(?:table of )?contents|inhaltsverzeichnis|inhalt|"
    "table des matières|índice|acknowledge?ments?|preface|foreword|list of figures|list of tables|содержание|目录|目次|목차"
)
_OPENING = re.compile(rf"(?:(?:\d{{1,2}}|[IVX]{{1,4}}|§\s?\d)[.):]?\s*)?(?:{_OPENINGS})\s*(?:$|[.:—–])", re.IGNORECASE)
# What may stand between a title page and its abstract, unlike an introduction.
_ASIDE = re.compile(
    r"contents|inhalt|matières|índice|содержание|目录|目次|목차|preface|foreword|acknowledge|list of", re.IGNORECASE
)
_NUMBERED = re.compile(r"(?:\d{1,2}|[IVX]{1,5}|[A-H])(?:\.\d{1,2})*[.):]?\s+(?=[^\W\d_a-z])")
_SECTION = re.compile(
    rf"(?:{_OPENINGS}|contents of .{{1,20}}|related works?|background|preliminaries|methods?|methodology|approach|"
    r"experiments?|evaluation|results|discussion|conclusions?|references|bibliography|appendix|appendices)\W*",
    re.IGNORECASE,
)
_NO_TITLE = re.compile(
    r"^\W*(?:published (?:as|in|by)|under review|submitted to|to appear|accepted (?:in|at|as|for)|preprint|"
    r"article in press|contents lists|see discussions|available online|open access|working paper\b.{0,16}$|"
    r"technical report\b[\s\w./-]{0,16}$|(?:(?:invited|research|review|original|regular|full|author|accepted) )?"
    r"(?:articles?|letters?|reports?|papers?|manuscript|draft|retracted)\W*$|(?:journal )?pre-?proofs?\W*$|"
    r"(?:fig(?:ure)?\.?|table|algorithm|listing)\s*\d|(?:the )?(?:journal|proceedings|transactions|ieee|acm|arxiv)\b.*\d)|"
    r"\bissn\b|\bvol\.\s*\d|https?:|www\.|@",
    re.IGNORECASE,
)
_LEADERS = re.compile(r"(?:\.\s?){4}")
_FINISHED = re.compile(r"[.!?。！？][)\]”\"'’]*\s*\d{0,2}$")


@dataclass
class Front:
    """What the first pages tell. The lines are those handed in, so that a caller can mark them.

    `date` is ISO, perhaps without a day or a month, or "". `label` is the line that says no more than "Abstract";
    `abstract` has the abstract's lines in order, the first of them beginning with its label where that is run in (see
    `without_label`). `lines` has what stands around the title, down to the abstract or the first section.
    """

    title: str = ""
    authors: tuple[str, ...] = ()
    date: str = ""
    arxiv_id: str | None = None
    version: int | None = None
    label: Line | None = None
    abstract: list[Line] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def read_front(
    pages: Sequence[Layout], kept: Sequence[Sequence[Line]], own_title: str = "", own_author: str = ""
) -> Front:
    """Title, authors, abstract and date of a document.

    `pages` are its first pages (ten are enough), `kept` their lines in reading order without running heads and page
    numbers. `own_title` and `own_author` are what the file says of itself: they decide between readings of the page,
    and are never taken where the page doesn't print them.
    """
    first = next((i for i, lines in enumerate(kept[:3]) if any(letters(line.text) > 1 for line in lines)), None)
    if first is None or is_garbage([word.text for line in kept[first] for word in line.words]):
        return Front()
    page, lines, near = pages[first], kept[first], kept[first : first + _PAGES]
    label, abstract = find_abstract(near)
    start = label or (abstract[0] if abstract else None)
    if first > 0 and start is None:
        return Front()  # the page with the title has no text
    elsewhere = start is not None and start.page != lines[0].page
    floor = start.top if start is not None and not elsewhere else _top_of_opening(lines)
    title = find_title(lines, page.height, floor, own_title)
    authors: tuple[str, ...] = ()
    bottom = max((line.y for line in title), default=-inf)
    if title:
        floor = min(floor, _top_of_numbered(lines, bottom))
        end = min(floor, _top_of_prose(lines, bottom))
        header = [line for line in lines if bottom < line.y < end]
        authors = find_authors(header, own_author)
        if start is None:
            abstract = find_unlabelled(lines, bottom, floor, authors)
            floor = min([floor, *(line.top for line in abstract[:1])])
    around = _around(lines, bottom, floor, authors, cover=elsewhere)
    stamp = arxiv.stamp(_turned(page)) or arxiv.stamp(" ".join(line.text for line in page.lines))
    date = iso(stamp[1]) if stamp else printed_date([line.text for line in around], _edges(page, lines))
    if start is not None and elsewhere:
        around += _before(start, near)
    own_lines = {id(line) for line in abstract}
    return Front(
        title=joined_title(title, cleaning.words_of("\n".join(x.text for x in lines))),
        authors=authors,
        date=date,
        arxiv_id=stamp[0].id if stamp else None,
        version=stamp[0].version if stamp else None,
        label=label,
        abstract=abstract,
        lines=[line for line in around if id(line) not in own_lines],
    )


def without_label(text: str) -> str:
    """An abstract without the word "Abstract" that it begins with."""
    match = _RUN_IN.match(text) or _SPACED.match(text)
    return text[match.end() :].lstrip() if match else text


def find_title(lines: Sequence[Line], height: float, floor: float, own: str = "") -> list[Line]:
    """The lines of the title: those in the largest type above `floor`, or those which say what the file says it is."""
    groups = _groups([line for line in lines if line.y < min(floor, 0.75 * height) and _may_be_title(line)])
    groups = [group for group in groups if _count(group) <= _TITLE_WORDS]
    if len(fold(own)) >= 8:
        for group in groups:
            if fold(joined_title(group)) == fold(own):
                return group
    largest = max((_prominence(group[0]) for group in groups), default=0.0)
    near = [group for group in groups if _prominence(group[0]) > 0.985 * largest and _set_apart(group, lines)]
    if not near:
        return []
    best = max(near, key=lambda group: (min(_count(group), 3), group[0].font.bold, -group[0].y))
    return (_below_masthead(best, groups) if _count(best) <= 2 else None) or best


def joined_title(lines: Sequence[Line], words: Collection[str] = ()) -> str:
    """A title's lines as one, without pointers to notes. `words` are the document's, to judge a hyphen at a line's end."""
    text = ""
    rows = rows_of(lines)
    for row in rows:
        kept = [token for token in row if not _note(token, last=row is rows[-1] and token is row[-1])]
        part = "".join(f"{'' if token.raised and token.glued else ' '}{token.text}" for token in kept).strip()
        if re.search(r"\w-$", text) and part:
            stem, _, head = text.rpartition(" ")
            tail, _, rest = part.partition(" ")
            text, part = stem, f"{cleaning.joined(head[:-1], tail, words)} {rest}"
        text = f"{text} {part}".strip()
    return plain(text).rstrip(MARKS.replace("#", "")).strip()


def find_abstract(pages: Sequence[Sequence[Line]]) -> tuple[Line | None, list[Line]]:
    """The abstract's label, where it stands alone, and the abstract's lines; none where nothing is called an abstract."""
    for lines in pages:
        for i, line in enumerate(lines):
            text = line.text
            if fold(text) in _LABELS and len(line.words) <= 16:  # it may be spaced out
                body = gather(lines[i + 1 :], pages)
                if _count(body) >= 15:
                    return line, body
            elif _runs_in(line):
                body = gather(lines[i:], pages)
                if _count(body) >= 15:
                    return None, body
            elif _OPENING.match(text) and len(line.words) <= 5 and not _ASIDE.search(text):
                return None, []
    return None, []


def find_unlabelled(lines: Sequence[Line], bottom: float, floor: float, authors: Sequence[str]) -> list[Line]:
    """An abstract that is not called one: the prose between a title and what is marked as the next thing.

    It follows the authors and what belongs to them; prose below another heading is none.
    """
    below = [line for line in lines if bottom < line.y < floor]
    for i, line in enumerate(below):
        if not is_prose(line):
            if _ends(line, _running(line), False) and not any(fold(name) in fold(line.text) for name in authors):
                return []
            continue
        if line.text[0].islower() or _NO_TITLE.match(line.text):
            return []
        if i + 1 < len(below) and len(below[i + 1].words) >= 4 and 0 < below[i + 1].y - line.y < 2 * line.size:
            body = gather(below[i:])
            followed = i + len(body) < len(below) or floor < inf
            return body if followed and 40 <= _count(body) <= 600 else []
    return []


def gather(lines: Sequence[Line], pages: Sequence[Sequence[Line]] = ()) -> list[Line]:
    """The lines of an abstract, from the first of `lines` on: until a heading, another label, other type or a gap.

    It may run on to the next of `pages`, and to the next column, where its last sentence does.
    """
    body: list[Line] = []
    size, left, strong = 0.0, -inf, False
    for line in _onwards(lines, pages):
        if not body:
            size, strong = _running(line), _bold_share(line) > 0.5
            if _ends(line, size, strong) or len(line.words) < 2:
                return []
            body.append(line)
            continue
        last = body[-1]
        down = line.y - last.y
        if _ends(line, size, strong) or not any(abs(word.size - size) <= 0.07 * size for word in line.words):
            break
        if line.page != last.page or down < -2 * size:
            if _FINISHED.search(last.text) or line.page > last.page + 1 or abs(line.size - size) > 0.03 * size:
                break
            left = -inf
        elif down < 0.3 * size:
            if down < -0.3 * size or line.x0 < last.x0:
                break
        elif down > 2.8 * _leading(body, size) or line.x0 < left - 1.3 * size:
            break
        elif left == -inf:  # the first line of a paragraph may be indented
            left = line.x0
        body.append(line)
    return body


def is_prose(line: Line) -> bool:
    """Whether a line is running text: several words, at least half of them without a capital."""
    words = [word.text for word in line.words if word.text[:1].isalpha()]
    small = sum(word[:1].islower() for word in words)
    text = line.text
    return len(words) >= 6 and small >= 0.5 * len(words) and "@" not in text and not _LEADERS.search(text)


def _groups(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines of one type below each other, from top to bottom."""
    groups: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: (line.y, line.x0)):
        size = _prominence(line)
        if groups:
            last = groups[-1][-1]
            same = abs(_prominence(last) - size) <= 0.04 * size and last.font.bold == line.font.bold
            same = same and (last.font.italic == line.font.italic or last.text[-1:] in ":–—-")
            if same and line.y - last.y < 2.1 * size:
                groups[-1].append(line)
                continue
        groups.append([line])
    return groups


def _may_be_title(line: Line) -> bool:
    text = line.text
    if letters(text) < 2 or fold(text) in _LABELS or _SECTION.fullmatch(text) or _NO_TITLE.search(text):
        return False
    return not (line.page and _NUMBERED.match(text))


def _set_apart(group: Sequence[Line], lines: Sequence[Line]) -> bool:
    """Whether lines are set apart from a page's running text: in larger, bold or italic type, or in capitals."""
    running = [line.size for line in lines if len(line.words) >= 6]
    first = group[0]
    if not running or _prominence(first) > 1.03 * median(running) or first.font.bold or first.font.italic:
        return True
    return first.text.isupper() or (len(running) < 8 and not all(is_prose(line) for line in group))


def _below_masthead(best: Sequence[Line], groups: Sequence[list[Line]]) -> list[Line] | None:
    """The title below a journal's name that is set a little larger: some words nearly as large that are no names."""
    for group in groups:
        if group[0].y > best[-1].y and _count(group) >= 4 and _prominence(group[0]) > 0.8 * _prominence(best[0]):
            segments = [segment for row in rows_of(group) for segment in segments_of(row)]
            return None if all(is_name([token.text for token in segment]) for segment in segments) else group
    return None


def _prominence(line: Line) -> float:
    """The size of a line's type; that of its capitals where it is set in capitals and small capitals."""
    small = large = 0
    size = line.size
    for word in line.words:
        if word.text.strip(":-–—,").isupper():
            if abs(word.size - line.size) < 0.1:
                small += 1
            elif 1.1 * line.size < word.size < 1.6 * line.size:
                large += 1
                size = max(size, word.size)
    return size if small >= large / 2 else line.size


def _note(token: Token, last: bool) -> bool:
    """Whether a word of a title points to a note: a raised sign, a sign alone, a raised number where the title ends."""
    if not token.text.strip(MARKS.replace("#", "") + ","):
        return token.raised or (len(token.text) == 1 and token.text not in "·•∥")
    return last and token.raised and token.text.isdigit()


def _runs_in(line: Line) -> bool:
    """Whether a line begins with the word "Abstract" and goes on with the abstract."""
    if _RUN_IN.match(line.text):
        return len(line.words) >= 4
    match = _SPACED.match(line.text)
    if not match or len(line.words) < 5:
        return False
    n = len(match[0].split())
    label, after = line.words[:n], line.words[n : n + 2]
    return all(word.font.bold or word.font.italic for word in label) and not any(word.font.bold for word in after)


def _ends(line: Line, size: float, strong: bool) -> bool:
    """Whether a line begins what comes after an abstract which is set in type of this size, bold if `strong`."""
    text = line.text
    if _OPENING.match(text) or _AFTER.match(text):
        return True
    share = _bold_share(line)
    if _NUMBERED.match(text) and len(line.words) <= 14:
        capitals = text.isupper() and letters(text) > 4
        if (share > 0.9 and not strong) or capitals or _prominence(line) > 1.08 * size:
            return True
    return share < 0.05 if strong else share > 0.95 and len(line.words) <= 12


def _onwards(lines: Sequence[Line], pages: Sequence[Sequence[Line]]) -> Iterator[Line]:
    yield from lines
    yield from (line for page in pages for line in page if lines and line.page == lines[0].page + 1)


def _leading(body: Sequence[Line], size: float) -> float:
    steps = [b.y - a.y for a, b in pairwise(body[-20:]) if 0.5 * size < b.y - a.y < 2 * size]
    return median(steps) if steps else 1.3 * size


def _running(line: Line) -> float:
    """The size of most of a line's characters, whatever marks and addresses stand between them."""
    return median(sorted(word.size for word in line.words for _ in word.text) or [line.size])


def _bold_share(line: Line) -> float:
    """How many of a line's letters are bold, formulas aside, from 0 to 1."""
    counted = [(letters(word.text), word.font.bold) for word in line.words if not word.font.math]
    total = sum(n for n, _ in counted)
    return sum(n for n, bold in counted if bold) / total if total else 0.0


def _count(lines: Sequence[Line]) -> int:
    return sum(len(line.words) for line in lines)


def _top_of_opening(lines: Sequence[Line]) -> float:
    """Where the first line begins that is always a heading; endless if there is none."""
    return next((line.top for line in lines if _OPENING.match(line.text) and len(line.words) <= 5), inf)


def _top_of_numbered(lines: Sequence[Line], bottom: float) -> float:
    """Where the heading begins that opens the first numbered section below a title; endless if there is none."""
    for line in lines:
        first = line.words[0].text.rstrip(".)") if line.words else ""
        first_of_all = line.y > bottom and first in ("0", "1", "I", "A") and _NUMBERED.match(line.text)
        if first_of_all and _ends(line, _running(line), False):
            return line.top
    return inf


def _top_of_prose(lines: Sequence[Line], bottom: float) -> float:
    """Where the first paragraph of running text begins below a title; endless if there is none."""
    for line, after in pairwise(lines):
        if line.y > bottom and is_prose(line) and is_prose(after) and 0 < after.y - line.y < 2 * line.size:
            return line.top
    return inf


def _turned(page: Layout) -> str:
    return " ".join(word.text for word in page.turned)


def _edges(page: Layout, lines: Sequence[Line]) -> list[str]:
    """What stands at a page's edges: its running heads, what is near top and bottom, what is written up its side."""
    kept = {id(line) for line in lines}
    outer = [line for line in page.lines if id(line) not in kept]
    outer += [line for line in lines if not 0.12 * page.height < line.y < 0.8 * page.height]
    return [*(line.text for line in outer), _turned(page)]


def _around(lines: Sequence[Line], bottom: float, floor: float, authors: Sequence[str], cover: bool) -> list[Line]:
    """The lines that belong to the title on its page: down to the abstract, a heading or a paragraph.

    A `cover` has none of these: all of it does. Another page without them, or of a few words, ends with its authors.
    """
    end = min(floor, _top_of_prose(lines, bottom))
    if end == inf and not cover and _count(lines) > 80:
        folded = [fold(name) for name in authors]
        named = [line.y for line in lines if line.y > bottom and any(name in fold(line.text) for name in folded)]
        end = max([bottom, *named]) + 0.1
    return [line for line in lines if line.y < end]


def _before(start: Line, pages: Sequence[Sequence[Line]]) -> list[Line]:
    """What stands above the abstract on its own page."""
    return [line for lines in pages for line in lines if line.page == start.page and line.y < start.top]
