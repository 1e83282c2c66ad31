"""What stands before the first section: title, authors, abstract and date, read from the first pages' lines.

Every rule looks at type, place and the shape of words; none at a publisher's name or a file's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import NamedTuple

from indexer import arxiv
from indexer.extract import cleaning
from indexer.extract.garbage import is_garbage
from indexer.extract.layout import Layout, Line
from indexer.extract.sheet import Word

MARKS = "∗*†‡§¶‖#⋆★✩☆♦♣♠♥◦•·∥⊥⋄◇△▽"
"""Signs that point from a name or a title to a note."""

_PAGES = 10  # how far from the start an abstract may stand: after a cover, a jury, a dedication

_ABSTRACT = (
    "abstract|summary|synopsis|executive summary|abstrakt|zusammenfassung|kurzfassung|résumé|resumen|resumo|riassunto|"
    "sommario|samenvatting|sammanfattning|sammendrag|resumé|tiivistelmä|streszczenie|rezumat|özet|аннотация|реферат|"
    "анотація|περίληψη|摘要|要旨|概要|抄録|初録|초록|요약"
)
_LABELS = frozenset(label.replace(" ", "") for label in _ABSTRACT.split("|"))
_RUN_IN = re.compile(rf"\W{{0,3}}(?:{_ABSTRACT})\s*(?:[.:：—–―-]+|】|］)\s*(?=\S)", re.IGNORECASE)
_SPACED = re.compile(rf"(?:{_ABSTRACT})(?=\s+\S)", re.IGNORECASE)
_AFTER = re.compile(
    r"\W{0,3}(?:(?:additional |author )?key\s?-?words?(?: and phrases)?|index terms|ccs concepts|general terms|acm reference format|"
    r"categories and subject descriptors|jel\b.{0,16}|pacs\b.{0,16}|msc\b.{0,16}|(?:\d{4} )?mathematics subject classification|"
    r"subject terms|schlüsselwörter|schlagwörter|mots[ -]clés|palabras clave|palavras[ -]chave|parole chiave|ключевые слова|"
    r"关键词|關鍵詞|キーワード|키워드|"
    r"code|website|web ?page|project page|homepage|demo|date|correspondence|github|availability|article info|highlights)"
    r"\s*(?:[.:：—–-]|$)|^\W{0,3}ccs concepts",
    re.IGNORECASE,
)
_OPENINGS = (
    "introduction|extended introduction|overview|einleitung|einführung|introducción|introdução|introduzione|inleiding|wprowadzenie|"
    "wstęp|введение|вступ|引言|绪论|前言|はじめに|序論|서론|contents|table of contents|inhaltsverzeichnis|inhalt|table des matières|"
    "índice|acknowledge?ments?|preface|foreword|list of figures|list of tables|содержание|目录|目次|목차"
)
_OPENING = re.compile(rf"(?:(?:\d{{1,2}}|[IVX]{{1,4}}|§\s?\d)[.):]?\s*)?(?:{_OPENINGS})\s*(?:$|[.:—–])", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:\d{1,2}|[IVX]{1,5}|[A-H])(?:\.\d{1,2})*[.):]?\s+(?=[^\W\d_a-z])")

_PLACE = re.compile(
    r"\b(?:univ|institut|colleg|school|depart|dept|facult|laborator|labs?\b|cent(?:er|re|ro)\b|academ|acad[eé]m|research|technolog|"
    r"polytech|politec|[ée]cole|escuela|scuola|hochschul|hospital|clinic|klinik|inc\b|ltd|llc|gmbh|corp|compan|foundation|minist|council|"
    r"division|agency|sciences?\b|engineering|computer|mathemati|physics|nationa[lu]|systems|group\b|cnrs|inria|street|avenue|road\b|"
    r"box\b|usa|u\.s\.a|uk\b|china|germany|france|india|japan|korea|canada|australia|israel|switzerland|netherlands|singapore|italy|"
    r"spain|sweden|austria|belgium|brazil|taiwan|hong kong)|大学|学院|研究所|研究院|公司|대학교|연구소|университет|институт",
    re.IGNORECASE,
)
_PARTICLES = frozenset(
    "de da do dos das del della di du la las le les lo los van von der den het ter ten te zu zum zur af av bin ibn ben el al y e i da’ d’ of the".split()
) - {"of", "the"}
_AND = frozenset(["and", "&", "und", "et", "и", "och", "og", "en", "by"])
_DEGREE = re.compile(
    r"(?:Ph\.?\s?D|M\.?D|M\.?Sc?|B\.?Sc?|M\.?A|B\.?A|M\.?B\.?A|D\.?Phil|M\.?P\.?H|Dr|Prof|Esq|FRCP|RN|"
    r"(?:Student|Senior|Life|Associate|Graduate)?\s?(?:Life )?(?:Member|Fellow)|IEEE|ACM|AAAI|SIAM)\.?"
)
_TITLE_OF_RESPECT = re.compile(
    r"^(?:(?:Dr|Prof|Professor|Mr|Mrs|Ms|Sir|Dipl\.-Ing|Dr\.-Ing)\.?\s+(?=\S))+", re.IGNORECASE
)
_ROLE = re.compile(
    r"\W*(?:supervis|advis|professor|editor|edited by|commun(?:icated|icating)|examin|referee|review|committee|jury|laborator(?:y|ies)\s*$|"
    r"betreu|gutachter|prüfer|encadr|directeur|tutor|received|accepted|submitted|correspond|contact|equal contrib)",
    re.IGNORECASE,
)
_BY = re.compile(r"^(?:by|von|par|por|author\(?s?\)?|autor(?:en|es)?)\s*:?\s*$", re.IGNORECASE)

# English, German, French, Spanish, Italian and Portuguese: a month's name, or its first letters with a full stop.
_MONTHS = tuple(
    tuple(names.split())
    for names in (
        "january jan januar jänner janvier enero gennaio janeiro", "february feb februar février febrero febbraio fevereiro",
        "march mar märz mars marzo março", "april apr avril abril aprile", "may mai mayo maggio maio",
        "june jun juni juin junio giugno junho", "july jul juli juillet julio luglio julho", "august aug août agosto",
        "september sep sept septembre septiembre settembre setembro", "october oct oktober octobre octubre ottobre outubro",
        "november nov novembre noviembre novembro", "december dec dezember décembre diciembre dicembre dezembro",
    )
)  # fmt: skip
_NUMBER_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
_MONTH = rf"(?P<m>{'|'.join(sorted(_NUMBER_OF, key=len, reverse=True))})"
_YEAR = r"(?P<y>(?:19[5-9]|20[0-9])\d)"
_DATES = (
    re.compile(
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\.?\s+(?:of\s+|de\s+)?{_MONTH}\.?,?\s+(?:de\s+)?{_YEAR}\b", re.IGNORECASE
    ),
    re.compile(rf"\b{_MONTH}\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s*,?\s+{_YEAR}\b", re.IGNORECASE),
    re.compile(rf"\b{_MONTH}\.?,?\s+{_YEAR}\b", re.IGNORECASE),
    re.compile(rf"\b{_YEAR}[-/.](?P<m>0[1-9]|1[0-2])[-/.](?P<d>[0-3]\d)\b"),
    re.compile(rf"{_YEAR}\s?年\s?(?P<m>\d{{1,2}})\s?月(?:\s?(?P<d>\d{{1,2}})\s?日)?"),
)
_ANY_YEAR = re.compile(rf"(?<![\d/.:-]){_YEAR}(?![\d/])")
_VENUE = re.compile(
    r"conference|proceedings|journal|transactions|workshop|symposium|published|accepted|\bvol(?:ume|\.)|©|copyright|\bissn\b|"
    r"preprint|technical report|white paper|\bpress\b|(?<![a-z])[A-Z]{3,8}\s?['’]\s?\d\d",
    re.IGNORECASE,
)
_NO_VENUE = re.compile(r"downloaded|licen[sc]ed use|accessed|class files|permission|https?:", re.IGNORECASE)
_NO_TITLE = re.compile(
    r"^\W*(?:published (?:as|in|by)|under review|submitted to|to appear|accepted (?:in|at|as|for)|preprint|article in press|contents lists|"
    r"see discussions|available online|open access|working paper\b.{0,16}$|technical report\b[\s\w./-]{0,16}$|"
    r"(?:invited|research|review|original|regular|full) (?:article|paper)s?\W*$|(?:article|letter|report|paper)s?\W*$|"
    r"(?:fig(?:ure)?\.?|table|algorithm|listing)\s*\d|(?:the )?(?:journal|proceedings|transactions|ieee|acm|arxiv)\b.*\d)|"
    r"\bissn\b|\bvol\.\s*\d|https?:|www\.|@",
    re.IGNORECASE,
)
_SECTION = re.compile(
    rf"(?:{_OPENINGS}|contents of .{{1,20}}|related works?|background|preliminaries|methods?|methodology|approach|experiments?|evaluation|results|discussion|"
    r"conclusions?|references|bibliography|appendix|appendices)\W*",
    re.IGNORECASE,
)
# Accents that a file draws as signs of their own, by the combining character that each stands for.
_ACCENTS = {
    "`": "\u0300", "´": "\u0301", "ˊ": "\u0301", "ˋ": "\u0300", "ˆ": "\u0302", "^": "\u0302", "˜": "\u0303", "¯": "\u0304", "˘": "\u0306",
    "˙": "\u0307", "¨": "\u0308", "˚": "\u030a", "˝": "\u030b", "ˇ": "\u030c", "¸": "\u0327", "˛": "\u0328", "\u0301": "\u0301",
    "\u0300": "\u0300", "\u0308": "\u0308", "\u0302": "\u0302", "\u030c": "\u030c",
}  # fmt: skip
_DOTLESS = {"ı": "i", "ȷ": "j"}


class Token(NamedTuple):
    """A printed word put together from its pieces. `raised` says that it stands above the line: a mark or a number."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool
    italic: bool
    mono: bool
    raised: bool
    cased: str
    """Its text with small capitals as small letters."""


@dataclass
class Front:
    """What the first pages tell. The lines are those handed in, so that a caller can mark them.

    `date` is ISO, perhaps without a day or a month, or "". `label` is the line that says no more than "Abstract";
    `abstract` has the abstract's lines in order, the first of them beginning with its label where that is run in (see
    `without_label`). `lines` has all that stands around the title, down to the abstract or the first section.
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
    pages: Sequence[Layout], kept: Sequence[Sequence[Line]], own_title: str = "", own_authors: str = ""
) -> Front:
    """Title, authors, abstract and date of a document.

    `pages` are its first pages (ten are enough), `kept` their lines in reading order without running heads and page
    numbers. `own_title` and `own_authors` are what the file says of itself: they decide between readings of the page, and
    are never taken where the page doesn't print them.
    """
    first = next((i for i, lines in enumerate(kept[:3]) if any(_letters(line.text) > 1 for line in lines)), None)
    if first is None or is_garbage([word.text for line in kept[first] for word in line.words]):
        return Front()
    page, lines = pages[first], kept[first]
    label, abstract = find_abstract(kept[first : first + _PAGES])
    start = label or (abstract[0] if abstract else None)
    here = start is not None and start.page == lines[0].page and start.y > min(line.y for line in lines)
    floor = start.top if start is not None and here else _first_section(lines)
    title_lines = find_title(lines, page.height, floor, own_title)
    bottom = max((line.y for line in title_lines), default=0.0)
    authors: tuple[str, ...] = ()
    if title_lines:
        floor = min(floor, _first_numbered(lines, bottom))
        header = [line for line in lines if bottom < line.y < min(floor, _first_prose(lines, bottom))]
        authors = find_authors(header) or _own_authors(own_authors, header)
        if start is None:
            abstract = find_unlabelled(lines, bottom, floor, authors)
            floor = min(floor, abstract[0].top) if abstract else floor
    around = _around(lines, bottom, floor, authors, apart=start is not None and not here)
    inside = {id(line) for line in lines}
    edges = [line for line in page.lines if id(line) not in inside]
    edges += [line for line in lines if line.y < 0.12 * page.height or line.y > 0.8 * page.height]
    stamp = arxiv.stamp(" ".join(word.text for word in page.turned)) or arxiv.stamp(
        " ".join(line.text for line in page.lines)
    )
    date = _iso(stamp[1]) if stamp else ""
    if start is not None and not here:
        around += _before(start, kept[first : first + _PAGES])
    return Front(
        title=joined_title(title_lines, set().union(*(cleaning.words_of(line.text) for line in lines))),
        authors=authors,
        date=date or find_date([line for line in around if line.page == lines[0].page], edges, page.turned),
        arxiv_id=stamp[0].id if stamp else None,
        version=stamp[0].version if stamp else None,
        label=label,
        abstract=abstract,
        lines=around,
    )


def _around(lines: Sequence[Line], bottom: float, floor: float, authors: Sequence[str], apart: bool) -> list[Line]:
    """The lines of the title's page that belong to the title: down to the abstract, a heading or a paragraph.

    A page that has none of these is a cover where the abstract stands `apart` on a later one; else it ends with the authors.
    """
    end = min(floor, _first_prose(lines, bottom)) if bottom else floor
    if end == float("inf"):
        named = [
            line.y for line in lines if line.y > bottom and any(_fold(name) in _fold(line.text) for name in authors)
        ]
        end = end if apart else max([bottom, *named]) + 0.1
    return [line for line in lines if line.y < end]


def without_label(text: str) -> str:
    """An abstract without the word "Abstract" that it begins with."""
    match = _RUN_IN.match(text) or _SPACED.match(text)
    return text[match.end() :].lstrip() if match else text


# --- title


def find_title(lines: Sequence[Line], height: float, floor: float, own: str = "") -> list[Line]:
    """The lines of the title: those in the largest type above `floor`, or those that say what the file says of itself."""
    groups = _title_groups([line for line in lines if line.y < min(floor, 0.75 * height) and _titular(line)])
    if not groups:
        return []
    wanted = _fold(own)
    if len(wanted) >= 8:
        for group in groups:
            if _fold(joined_title(group)) == wanted:
                return group
    largest = max(_prominence(group[0]) for group in groups)
    near = [
        group for group in groups if _prominence(group[0]) > 0.985 * largest and _short(group) and _apart(group, lines)
    ]
    best = max(near, key=lambda group: (min(_count(group), 3), group[0].font.bold, -group[0].y), default=[])
    return _title_after(best, groups) or best if best else []


def _apart(group: Sequence[Line], lines: Sequence[Line]) -> bool:
    """Whether lines are set apart from a page's running text: in larger, bold or italic type, or in capitals."""
    running = [line.size for line in lines if len(line.words) >= 6]
    first = group[0]
    larger = not running or _prominence(first) > 1.03 * median(running)
    return larger or len(running) < 8 or first.font.bold or first.font.italic or first.text.isupper()


def _count(group: Sequence[Line]) -> int:
    return sum(len(line.words) for line in group)


def _short(group: Sequence[Line]) -> bool:
    """Whether lines are few enough to be a title, and not the running text of a page that has no larger type."""
    return _count(group) <= 45 and not (
        len(group) > 2 and all(_prose(line) for line in group[:3]) and not group[0].font.bold
    )


def _title_after(best: list[Line], groups: list[list[Line]]) -> list[Line] | None:
    """The title below a journal's name that is set a little larger: several words, nearly as large, not a name's line."""
    if _count(best) > 2:
        return None
    size = _prominence(best[0])
    later = (group for group in groups if group[0].y > best[-1].y and _short(group))
    return next((group for group in later if _count(group) >= 4 and _prominence(group[0]) > 0.8 * size), None)


def joined_title(lines: Sequence[Line], words: Collection[str] = ()) -> str:
    """A title's lines as one, without marks that point to notes. `words` are the document's, to judge a line's last hyphen."""
    text = ""
    rows = rows_of(lines)
    for row in rows:
        kept = [token.text for token in row if not _note(token, last=row is rows[-1] and token is row[-1])]
        part = cleaning.clean(" ".join(kept)).strip()
        if re.search(r"\w-$", text) and part:
            stem, _, head = text.rpartition(" ")
            tail, _, rest = part.partition(" ")
            text, part = stem, f"{cleaning.joined(head[:-1], tail, words)} {rest}".strip()
        text = f"{text} {part}".strip()
    return re.sub(r"\s+([:;,.?!])", r"\1", text).rstrip(MARKS.replace("#", "")).strip()


def _note(token: Token, last: bool) -> bool:
    """Whether a word of a title points to a note: a raised sign, or a raised number where the title ends."""
    signs = not token.text.strip(MARKS.replace("#", "") + ",")
    return (
        signs
        and (token.raised or len(token.text) == 1 and token.text not in "·•∥")
        or last
        and token.raised
        and token.text.isdigit()
    )


def _title_groups(lines: Sequence[Line]) -> list[list[Line]]:
    groups: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: (line.y, line.x0)):
        size = _prominence(line)
        if groups:
            last = groups[-1][-1]
            alike = abs(_prominence(last) - size) <= 0.04 * size and last.font.bold == line.font.bold
            goes_on = last.font.italic == line.font.italic or last.text[-1:] in ":–—-"
            if alike and goes_on and line.y - last.y < 2.1 * size:
                groups[-1].append(line)
                continue
        groups.append([line])
    return groups


def _titular(line: Line) -> bool:
    text = line.text
    if _letters(text) < 2 or _fold(text) in _LABELS or _SECTION.fullmatch(text):
        return False
    return not _NO_TITLE.search(text) and not (line.page and _NUMBERED.match(text))


def _prominence(line: Line) -> float:
    """The size of a line's type; that of its capitals where it is set in capitals and small capitals."""
    small = [word for word in line.words if word.text.isupper() and abs(word.size - line.size) < 0.1]
    large = [
        word
        for word in line.words
        if word.text.strip(":-–—,").isupper() and line.size * 1.1 < word.size < line.size * 1.6
    ]
    return max(word.size for word in large) if large and len(small) >= len(large) / 2 else line.size


# --- abstract


def find_abstract(pages: Sequence[Sequence[Line]]) -> tuple[Line | None, list[Line]]:
    """The abstract's label, where it stands alone, and the abstract's lines; none where nothing is called an abstract."""
    for lines in pages:
        for i, line in enumerate(lines):
            text = line.text
            if _fold(text) in _LABELS and not any(c.isdigit() for c in text):
                body = gather(pages, lines[i + 1 :])
                if sum(len(x.words) for x in body) >= 15:
                    return line, body
            elif _run_in(line):
                body = gather(pages, lines[i:])
                if sum(len(x.words) for x in body) >= 15:
                    return None, body
            elif _OPENING.match(text) and len(line.words) <= 5 and not _contents(text):
                return None, []
    return None, []


def find_unlabelled(lines: Sequence[Line], bottom: float, floor: float, authors: Sequence[str] = ()) -> list[Line]:
    """An abstract that is printed without being called one: prose between the title and what is marked as the next thing.

    It follows the authors and what belongs to them: prose below another heading is none.
    """
    below = [line for line in lines if bottom < line.y < floor]
    for i, line in enumerate(below):
        if _prose(line):
            if line.text[0].islower() or _NO_TITLE.match(line.text):
                return []
        elif _ends(line, _running(line), False) and not any(_fold(name) in _fold(line.text) for name in authors):
            return []
        if (
            _prose(line)
            and i + 1 < len(below)
            and len(below[i + 1].words) >= 4
            and 0 < below[i + 1].y - line.y < 2 * line.size
        ):
            body = gather([], below[i:])
            words = sum(len(x.words) for x in body)
            told = i + len(body) < len(below) or floor < float("inf")
            return body if told and 40 <= words <= 600 else []
    return []


def gather(pages: Sequence[Sequence[Line]], lines: Sequence[Line]) -> list[Line]:
    """The lines of an abstract, from its first on: until a heading, another label, other type or another column."""
    body: list[Line] = []
    size, left, strong = 0.0, 0.0, False
    for line in _onwards(pages, lines):
        if not body:
            strong = _bold_share(line) > 0.5
            if _ends(line, line.size, strong) or len(line.words) < 2:
                return []
            size = _running(line)
            body.append(line)
            continue
        last = body[-1]
        if _ends(line, size, strong):
            break
        if not any(abs(word.size - size) <= 0.07 * size for word in line.words):
            break
        dy = line.y - last.y
        if line.page != last.page or dy < -2 * size:
            if _finished(last.text) or line.page - last.page > 1 or abs(line.size - size) > 0.03 * size:
                break
            left = 0.0
        elif dy < 0.3 * size:
            if abs(dy) > 0.3 * size or line.x0 < last.x0:
                break
        else:
            steps = [b.y - a.y for a, b in zip(body, body[1:], strict=False) if 0.5 * size < b.y - a.y < 2 * size]
            if dy > 2.8 * (median(steps) if steps else 1.3 * size):
                break
            if len(body) == 1 or left == 0.0:
                left = line.x0
            elif line.x0 < left - 1.3 * size:
                break
        body.append(line)
    return body


def _onwards(pages: Sequence[Sequence[Line]], lines: Sequence[Line]) -> Iterator[Line]:
    yield from lines
    if lines:
        for page in pages:
            if page and page[0].page == lines[0].page + 1:
                yield from page


def _ends(line: Line, size: float, strong: bool) -> bool:
    """Whether a line begins what comes after an abstract set in type of this size, bold (`strong`) or not."""
    text = line.text
    if _OPENING.match(text) or _AFTER.match(text):
        return True
    share = _bold_share(line)
    if _NUMBERED.match(text) and len(line.words) <= 14:
        letters = re.sub(r"[^\W\d_]", "", text) and "".join(c for c in text if c.isalpha())
        apart = (
            (share > 0.9 and not strong)
            or (bool(letters) and letters.isupper() and len(letters) > 4)
            or _prominence(line) > 1.08 * size
        )
        if apart:
            return True
    return (share > 0.95 and not strong and len(line.words) <= 12) or (strong and share < 0.05)


def _run_in(line: Line) -> bool:
    """Whether a line begins with the word "Abstract" and goes on with the abstract."""
    if _RUN_IN.match(line.text):
        return len(line.words) >= 4
    match = _SPACED.match(line.text)
    if not match or len(line.words) < 5:
        return False
    n = len(match[0].split())
    label, after = line.words[:n], line.words[n:]
    return all(w.font.bold or w.font.italic for w in label) and not any(w.font.bold for w in after[:2])


def _contents(text: str) -> bool:
    return bool(
        re.search(
            r"contents|inhalt|matières|índice|содержание|目录|目次|목차|preface|foreword|acknowledge|list of",
            text,
            re.IGNORECASE,
        )
    )


def _prose(line: Line) -> bool:
    words = [word.text for word in line.words if word.text[:1].isalpha()]
    small = sum(word[:1].islower() for word in words)
    return (
        len(words) >= 6
        and small >= 0.5 * len(words)
        and "@" not in line.text
        and not re.search(r"(?:\.\s?){4}", line.text)
    )


def _running(line: Line) -> float:
    """The size of most of a line's words, whatever signs and addresses stand between them."""
    sizes = sorted(word.size for word in line.words for _ in word.text)
    return sizes[len(sizes) // 2]


def _bold_share(line: Line) -> float:
    letters = bold = 0
    for word in line.words:
        if not word.font.math:
            n = _letters(word.text)
            letters += n
            bold += n if word.font.bold else 0
    return bold / letters if letters else 0.0


def _finished(text: str) -> bool:
    return bool(re.search(r"[.!?。！？][)\]”\"'’]*\s*\d{0,2}$", text))


def _first_section(lines: Sequence[Line]) -> float:
    """The top of the first line that heads a section, endless if there is none."""
    for line in lines:
        if _OPENING.match(line.text) and len(line.words) <= 5:
            return line.top
    return float("inf")


def _first_numbered(lines: Sequence[Line], bottom: float) -> float:
    """The top of the heading that begins the first numbered section below a title, endless if there is none."""
    for line in lines:
        first = line.words[0].text.rstrip(".)") if line.words else ""
        if (
            line.y > bottom
            and first in ("0", "1", "I", "A")
            and _NUMBERED.match(line.text)
            and _ends(line, _running(line), False)
        ):
            return line.top
    return float("inf")


def _first_prose(lines: Sequence[Line], bottom: float) -> float:
    """The top of the first paragraph of running text below a title, endless if there is none."""
    for line, after in zip(lines, lines[1:], strict=False):
        if line.y > bottom and _prose(line) and _prose(after) and 0 < after.y - line.y < 2 * line.size:
            return line.top
    return float("inf")


def _before(start: Line, pages: Sequence[Sequence[Line]]) -> list[Line]:
    """What stands before the abstract on its own page, where that is not the title's."""
    return [line for lines in pages if lines and lines[0].page == start.page for line in lines if line.y < start.top]


# --- authors


def find_authors(header: Sequence[Line]) -> tuple[str, ...]:
    """The names among the lines below a title, in the order in which one reads them: row by row.

    Names share one type, that of the first; affiliations have another one, or words, marks and places in the list that
    tell them apart.
    """
    rows = [_without_numbering(_without_brackets(row)) for row in rows_of(header)]
    style: Token | None = None
    names: list[str] = []
    state = _List()
    for row in rows:
        text = " ".join(token.text for token in row)
        if _ROLE.match(text) and (names or not _person(text.split())):
            break
        if _BY.match(text) or _dated(text) or _in_brackets(text):
            continue
        if style is None:
            style = next(
                (segment[0] for cell in cells_of(row) for segment in segments_of(cell) if _named(segment)), None
            )
            if style is None:
                continue
        _read_row(row, style, names, state)
    if not names:
        names = _organisation(rows)
    return tuple(dict.fromkeys(names))


def _without_numbering(row: Sequence[Token]) -> list[Token]:
    """A row without the numbers of its authors: "1st", "2nd"."""
    kept: list[Token] = []
    for token in row:
        if (
            re.fullmatch(r"(?:\d*1st|\d*2nd|\d*3rd|\d+th)", (kept[-1].text if kept else "") + token.text)
            and token.raised
        ):
            kept.pop()
        elif not re.fullmatch(r"(?:\d*1st|\d*2nd|\d*3rd|\d+th)", token.text):
            kept.append(token)
    return kept


def _without_brackets(row: Sequence[Token]) -> list[Token]:
    """A row without what stands in round brackets behind a name; a row that is nothing else stays."""
    kept: list[Token] = []
    inside = False
    for token in row:
        inside = inside or (bool(kept) and token.text.startswith("("))
        if not inside:
            kept.append(token)
        elif ")" in token.text:
            inside = False
            kept.append(token._replace(text=",", cased=","))
    return kept


@dataclass
class _List:
    """Where the reading of a list of names stands between two rows."""

    open: bool = False  # the row before ended with a comma
    many: bool = False  # it had several names
    marked: bool = False  # its names had marks
    fresh: bool = False  # it is the row just above
    rest: list[str] = field(default_factory=list)  # a name that it broke off


def _read_row(row: list[Token], style: Token, names: list[str], state: _List) -> None:
    cells = cells_of(row)
    found = 0
    single = len(cells) == 1
    for cell in cells:
        if _marked_place(cell):
            state.rest = []
            continue
        own = [token for token in cell if token.raised or _alike(token, style) or not _letters(token.text)]
        segments = [segment for segment in segments_of(own)]
        plain = [" ".join(token.text for token in segment) for segment in segments]
        if _address(own):
            if (
                len(plain) > 1
                and _named(segments[0])
                and not _PLACE.search(plain[0])
                and any(_PLACE.search(p) for p in plain[1:])
            ):
                names.append(_name(segments[0]))
                found += 1
            continue
        marked = any(token.raised for token in own)
        if single and len(segments) == 1 and names and not state.rest and not state.open:
            if state.fresh and state.many and not style.bold and not (marked and state.marked):
                continue  # a list of names is followed by the house they are of
        for k, segment in enumerate(segments):
            words = _words(segment)
            if k == 0 and state.rest:
                words = state.rest + words
                state.rest = []
            if words and names and re.fullmatch(r"(?:Jr|Sr)\.?|I{2,3}|IV", " ".join(words)):
                names[-1] += f" {' '.join(words)}"
                continue
            if k == len(segments) - 1 and single and _broken_off(words) and not _ended(own):
                state.rest = words if found or len(words) > 1 else []
                continue
            if _person(words):
                name = _printed(words)
                if name:
                    names.append(name)
                    found += 1
    state.fresh = bool(found or state.rest)
    if found or state.rest:
        texts = [token.text.casefold() for token in row if _alike(token, style)]
        state.open = _ended(row)
        closed = any(text.strip(",") in _AND for text in texts) and not state.open and not state.rest
        state.many = found + bool(state.rest) > 1 or closed
        state.marked = any(token.raised for token in row) and not closed


def rows_of(lines: Sequence[Line]) -> list[list[Token]]:
    """The words of lines as rows from top to bottom, each from left to right, accents set on their letters."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.y):
        if rows and abs(line.y - rows[-1][0].y) < 0.35 * max(line.size, rows[-1][0].size):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [row for row in (_tokens(row) for row in rows) if row]


def cells_of(row: Sequence[Token]) -> list[list[Token]]:
    """A row cut where the gap between words is that of a grid's columns."""
    cells: list[list[Token]] = []
    for token in row:
        if cells and token.x0 - cells[-1][-1].x1 < 1.6 * max(token.size, cells[-1][-1].size):
            cells[-1].append(token)
        else:
            cells.append([token])
    return cells


def segments_of(tokens: Sequence[Token]) -> list[list[Token]]:
    """Words between commas, marks, "and", wide gaps and changes of type."""
    segments: list[list[Token]] = [[]]
    before: Token | None = None
    for token in tokens:
        text = token.text.strip()
        if _mark(token) or text.casefold() in _AND or not _letters(text):
            segments.append([])
        else:
            if before is not None and (token.x0 - before.x1 > 0.7 * token.size or not _alike(token, before)):
                segments.append([])
            if text[0] in ",;|":
                segments.append([])
            segments[-1].append(token._replace(text=token.cased.strip(" ,;|" + MARKS)))
            if text[-1] in ",;|" + MARKS:
                segments.append([])
        before = token
    return [segment for segment in segments if segment]


def _tokens(lines: Sequence[Line]) -> list[Token]:
    """The words of lines on one baseline, pieces of a word joined, each accent put on the letter under it."""
    words = [
        (word._replace(glued=word.glued and (before is None or before.text not in _ACCENTS)), _raised(word, line))
        for line in lines
        for before, word in zip([None, *line.words], line.words, strict=False)
    ]
    accents = [word for word, _ in words if word.text in _ACCENTS]
    words = sorted(((word, up) for word, up in words if word.text not in _ACCENTS), key=lambda pair: pair[0].x0)
    groups: list[list[tuple[Word, bool]]] = []
    for word, up in words:
        if groups:
            last, last_up = groups[-1][-1]
            gap = (word.x0 - last.x1) / max(word.size, last.size)
            if up == last_up and (word.glued and gap < 0.5 or _between(last, word, accents)):
                groups[-1].append((word, up))
                continue
        groups.append([(word, up)])
    return [_token([word for word, _ in group], group[0][1], accents) for group in groups]


def _between(last: Word, word: Word, accents: Sequence[Word]) -> bool:
    """Whether an accent had cut a word in two: it stands at the cut, and no space does."""
    return any(last.x0 <= (a.x0 + a.x1) / 2 <= word.x1 for a in accents) and word.x0 - last.x1 < 0.12 * word.size


def _token(pieces: list[Word], raised: bool, accents: Sequence[Word]) -> Token:
    texts = [_accented(piece, accents) for piece in pieces]
    lead = max(pieces, key=lambda piece: (bool(_letters(piece.text)), piece.size))
    cased = [
        text.lower() if text.isupper() and 0.6 * lead.size < piece.size < 0.9 * lead.size else text
        for piece, text in zip(pieces, texts, strict=True)
    ]
    font = lead.font
    return Token(
        composed("".join(texts)), pieces[0].x0, pieces[-1].x1, lead.y, lead.size, font.bold, font.italic, font.mono, raised,
        composed("".join(cased)),
    )  # fmt: skip


def _accented(piece: Word, accents: Sequence[Word]) -> str:
    """A piece of a word with the accents that a file draws over it, each on the nearest letter that takes it."""
    text = piece.text
    for accent in accents:
        middle = (accent.x0 + accent.x1) / 2
        if not piece.x0 - 0.5 <= middle <= piece.x1 + 0.5 or not text:
            continue
        at = (middle - piece.x0) / max(piece.x1 - piece.x0, 0.1)
        fits = [i for i, c in enumerate(text) if len(_compose(c, accent.text)) == 1]
        if fits:
            places = _middles(text)
            rare = [0.0 if c.casefold() in "aeiouy" or accent.text in "ˇ¸˛˙" else 0.6 / len(text) for c in text]
            i = min(fits, key=lambda i: abs(places[i] - at) + rare[i])
            if abs(places[i] - at) * len(text) <= 2:
                text = text[:i] + _compose(text[i], accent.text) + text[i + 1 :]
    return text


def _middles(text: str) -> list[float]:
    """Where the middle of each letter is about, from 0 to 1, if a word's letters are as wide as in most fonts."""
    widths = [0.55 if c in "iljtfrI.,'’-ı" else 1.5 if c in "mwMW" else 1.35 if c.isupper() else 1.0 for c in text]
    total, at, middles = sum(widths), 0.0, []
    for width in widths:
        middles.append((at + width / 2) / total)
        at += width
    return middles


def composed(text: str) -> str:
    """A word in which accents are signs of their own, with each on the letter after it, or else before it."""
    out: list[str] = []
    i = 0
    while i < len(text):
        c = text[i]
        if c in _ACCENTS and c != "^":
            if i + 1 < len(text) and len(_compose(text[i + 1], c)) == 1:
                out.append(_compose(text[i + 1], c))
                i += 2
                continue
            if out and len(_compose(out[-1], c)) == 1:
                out[-1] = _compose(out[-1], c)
                i += 1
                continue
        out.append(c)
        i += 1
    return cleaning.clean("".join(out))


def _compose(letter: str, accent: str) -> str:
    return (
        unicodedata.normalize("NFC", _DOTLESS.get(letter, letter) + _ACCENTS[accent])
        if letter.isalpha()
        else letter + accent
    )


def _raised(word: Word, line: Line) -> bool:
    small = word.size < 0.87 * line.size and not (
        word.glued and word.text.isalpha() and word.text.isupper()
    )  # LaTeX's logo
    return small and word.y < line.y - 0.1 * line.size


def _mark(token: Token) -> bool:
    text = token.text
    return (
        token.raised and (len(text) <= 2 or not any(len(w) > 2 and w.isalpha() for w in text.split(",")))
    ) or not text.strip(MARKS + "0123456789,() ")


def _alike(token: Token, style: Token) -> bool:
    """Whether two words are of one type."""
    same = abs(token.size - style.size) <= 0.06 * style.size and token.bold == style.bold
    return same and token.italic == style.italic and token.mono == style.mono


def _words(segment: Sequence[Token]) -> list[str]:
    return [part for token in segment for part in token.text.split() if part]


def _named(segment: Sequence[Token]) -> bool:
    return _person(_words(segment)) and not segment[0].mono


def _name(segment: Sequence[Token]) -> str:
    return _printed(_words(segment))


def _person(words: Sequence[str]) -> bool:
    """Whether words look like a person's name: two to six, each with a capital or a particle, and not an address."""
    text = _printed(words)
    words = text.split()
    if re.search("[\u3040-\u9fff\uac00-\ud7a3]", text):
        return bool(re.fullmatch("[\u3040-\u9fff\uac00-\ud7a3·・ ]{2,8}", text)) and not _PLACE.search(text)
    if not 2 <= len(words) <= 7 or len(text) > 60 or _PLACE.search(text):
        return False
    if any(c.isdigit() or c in "@{}/:=<>[]()!?_%+" for c in text):
        return False
    proper = [word for word in words if word[0].isalpha() and not word[0].islower()]
    lower = [word for word in words if word[0].islower()]
    if any(word not in _PARTICLES and not re.match(r"(?:d|l|dell)['’]", word) for word in lower):
        return False
    return (
        len(proper) >= 2
        and any(_letters(word) >= 2 for word in proper)
        or (bool(lower) and len(proper) >= 1 and len(words) >= 2)
    )


def _printed(words: Sequence[str]) -> str:
    """A name without degrees, as printed."""
    text = _TITLE_OF_RESPECT.sub("", " ".join(words))
    small = any(c.islower() for c in text)  # else "MA" is a name
    kept = [word for i, word in enumerate(text.split()) if not (small and i and _DEGREE.fullmatch(word.strip(",.()")))]
    return " ".join(kept).strip(" ,;")


def _broken_off(words: Sequence[str]) -> bool:
    """Whether a name goes on in the next row: one word, or an initial or a particle at its end."""
    if not words or not words[0][0].isalpha():
        return False
    last = words[-1]
    return len(words) == 1 or last.casefold() in _PARTICLES or bool(re.fullmatch(r"[^\W\d_]\.", last))


def _ended(tokens: Sequence[Token]) -> bool:
    return bool(tokens) and tokens[-1].text.rstrip(MARKS + " ").endswith((",", ";"))


def _marked_place(cell: Sequence[Token]) -> bool:
    """Whether a cell begins with the mark that names point to."""
    raised = cell[0].raised and _mark(cell[0])
    return len(cell) > 1 and (raised or bool(re.match(r"[\d∗*†‡§¶]+(?:[^\W\d_]|$)", cell[0].text)))


def _address(tokens: Sequence[Token]) -> bool:
    """Whether words hold a place, a house, a number or an e-mail address."""
    text = " ".join(token.text for token in tokens if not _mark(token))
    if "@" in text or "{" in text or _PLACE.search(text) or re.search(r"\d", text):
        return True
    return bool(re.search(r"(?:^|,\s*)[A-Z]{2}$", text)) and "," in text


def _organisation(rows: Sequence[Sequence[Token]]) -> list[str]:
    """Who wrote a paper that names no person: the first row below the title that is no address and no date."""
    for row in rows:
        kept = [token for token in row if not _mark(token)]
        text = " ".join(token.text for token in kept).strip(" ,;")
        if not text or _dated(text) or _in_brackets(text) or any(token.mono for token in kept) or "@" in text:
            continue
        if _letters(text) >= 2 and len(kept) <= 6 and not any(c.isdigit() for c in text) and text[0].isupper():
            return [text]
        return []
    return []


def _own_authors(own: str, header: Sequence[Line]) -> tuple[str, ...]:
    """The authors that the file names itself, if each is printed below the title."""
    printed = _fold(" ".join(line.text for line in header))
    names = [name.strip() for name in re.split(r"[;,]|\band\b", own) if name.strip()]
    return tuple(names) if names and all(len(_fold(n)) > 3 and _fold(n) in printed for n in names) else ()


def _in_brackets(text: str) -> bool:
    return text.startswith(("(", "[")) and text.endswith((")", "]"))


# --- date


def find_date(above: Sequence[Line], edges: Sequence[Line], turned: Sequence[Word] = ()) -> str:
    """The date printed near the title; else the year in a line at the page's edge that names where the paper appeared."""
    for line in above:
        if len(line.words) <= 14 and not _NO_VENUE.search(line.text) and (date := date_in(line.text)):
            return date
    for line in edges:
        if re.match(r"\W*date\W", line.text, re.IGNORECASE) and (date := date_in(line.text)):
            return date
    texts = [line.text for line in edges if len(line.words) <= 20] + [" ".join(word.text for word in turned)]
    texts += [line.text for line in above if len(line.words) <= 20]
    for text in texts:
        if _VENUE.search(text) and not _NO_VENUE.search(text):
            match = _ANY_YEAR.search(text)
            if match:
                return match["y"]
    return ""


def date_in(text: str) -> str:
    """The first date in a text, in ISO form: with its day, or its month, whichever is printed; "" if there is none."""
    for pattern in _DATES:
        for match in pattern.finditer(text):
            month = match["m"].casefold()
            number = int(month) if month.isdigit() else _NUMBER_OF[month]
            day = match.groupdict().get("d")
            try:
                date = datetime(int(match["y"]), number, int(day) if day else 1)
            except ValueError:
                continue
            return date.date().isoformat() if day else f"{date:%Y-%m}"
    return ""


def _dated(text: str) -> bool:
    """Whether a row is a date, perhaps with a word before it."""
    return bool(date_in(text)) and len(text.split()) <= 6


def _iso(printed: str) -> str:
    try:
        return datetime.strptime(" ".join(printed.split()), "%d %b %Y").date().isoformat()
    except ValueError:
        return ""


def _fold(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _letters(text: str) -> int:
    return sum(c.isalpha() for c in text)
