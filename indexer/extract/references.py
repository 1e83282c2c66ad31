"""A bibliography's lines to its entries, and an entry's text to its authors, title, year, venue and identifiers.

How entries are set apart (labels, indents, gaps) and how names are printed is decided by a vote over the whole list: a
single entry often allows two readings, a list seldom does.
"""

from __future__ import annotations

import re
import statistics
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from indexer import arxiv
from indexer.document import Reference
from indexer.extract import cleaning
from indexer.extract.sheet import PrintedLine


class Printed(NamedTuple):
    """An entry as it stands on the page: its label without brackets ("" if none) and the indices of its lines."""

    label: str
    lines: tuple[int, ...]


MOST_ENTRIES = 5000
_LONGEST = 6000  # characters of an entry that are looked at; hundreds of authors fit

_YEAR = r"(?:1[89]|20)\d\d"
_MONTH = r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"  # noqa: E501
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>{}]+")
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_ARXIV_WORD = re.compile(r"arxiv|\bCoRR\b", re.IGNORECASE)
_BARE_ARXIV = re.compile(r"(?<![\d./])(\d{2}(?:0[1-9]|1[0-2])\.\d{4,5})(?:v\d+)?(?!\d)")
# A spacing accent before the letter that it belongs to (TeX draws it first), within a word that it cut, or anywhere.
_ACCENTS = {"´": "\u0301", "`": "\u0300", "¨": "\u0308", "ˇ": "\u030c", "˜": "\u0303", "ˆ": "\u0302", "¸": "\u0327",
            "˚": "\u030a", "˙": "\u0307", "˝": "\u030b", "˘": "\u0306", "¯": "\u0304", "˛": "\u0328"}  # fmt: skip
_ACCENT_BEFORE = re.compile(r"(?<!\s)([´`¨ˇ˜ˆ¸˚˙˝˘¯˛])([^\W\d_])")
_ACCENT_CUTS = re.compile(r" ?[´`¨ˇ˜ˆ¸˚˙˝˘¯˛] (?=[a-zı]+[,.;]|[a-zı]{3,}\b)(?!(?:and|van|von|del|den|der)\b)")
_ACCENT_LOST = re.compile(r" ?[´`¨ˇ˜ˆ¸˚˙˝˘¯˛]")

_LABELS = {
    "[1]": re.compile(r"\s*\[\s*(\d{1,4})\s*\]\s*"),
    "(1)": re.compile(r"\s*\((\d{1,3})\)\s+"),
    "1.": re.compile(r"\s*(\d{1,3})\.(?:\s+|$)"),
    "1": re.compile(r"\s*(\d{1,3})\s+(?=[^\W\d_])"),
}
_BRACKETED = re.compile(r"\s*[\[(]\w|\s*\d{1,3}\.\s")
_ALPHA = re.compile(r"\s*\[\s*([^\W\d_][^\[\]]{0,60})\]\s*")
_CAPTION = re.compile(r"(?:Figure|Fig\.|Table|Algorithm|Listing)\s+[A-Z]?\.?\d+\s*[:.|]")


class _Row(NamedTuple):
    """A line that says something. `at` is its index among all, `beside` whether it goes on the row before on its baseline.

    `indent` is counted from where its column's entries begin, as far as that can be told.
    """

    at: int
    text: str
    indent: float
    gap: float
    size: float
    new: bool
    beside: bool
    column: int


def split(lines: Sequence[PrintedLine]) -> list[Printed]:
    """The entries of a reference section, from its lines in reading order without its heading.

    Lines that belong to none are in none: text after the last entry, a float in the middle. Most entries: 5000.
    """
    rows = _rows(lines)
    starts, labels, kind = _starts(rows)
    if not starts:
        return []
    usual, indents = _usual(rows, starts)
    entries = []
    for n, (first, last) in enumerate(zip(starts, [*starts[1:], len(rows)], strict=True)):
        kept = _own_rows(rows, first, last, usual, indents)
        entries.append(Printed(labels[n], tuple(rows[i].at for i in kept)))
    if kind in ("indent", "gap", "sense"):
        entries = entries[: _listed(lines, entries)]
    return entries[:MOST_ENTRIES]


def _rows(lines: Sequence[PrintedLine]) -> list[_Row]:
    rows: list[_Row] = []
    column = -1
    turned = True
    for at, line in enumerate(lines):
        turned = turned or line.new_column
        if not any(map(str.isalnum, line.text)):
            turned = turned and not rows  # an accent on a baseline of its own begins no column
            continue
        new = turned or line.new_column
        column += new
        beside = not new and bool(rows) and line.gap < 0.4
        rows.append(_Row(at, line.text, line.indent, line.gap, line.size, new, beside, column))
        turned = False
    return _levelled(rows)


def _levelled(rows: list[_Row]) -> list[_Row]:
    """The rows with indents counted from the left edge of their column's entries.

    A column's own edge may be that of its hanging lines. The depth of the hanging indent is the commonest one; a column
    with one edge only has one-line entries, or nothing but the lines after an entry's first.
    """
    columns: dict[int, list[_Row]] = {}
    for row in rows:
        if not row.beside:
            columns.setdefault(row.column, []).append(row)
    edges: dict[int, tuple[float, float]] = {}
    for column, members in columns.items():
        counts = Counter(round(row.indent * 5) for row in members if len(row.text) >= 8 or len(members) < 3)
        if not counts:
            continue
        low = min(counts)
        far = {place: n + counts[place - 1] for place, n in counts.items() if 3 <= place - low <= 30}
        high = max(far, key=lambda place: far[place]) if far else low
        edges[column] = low / 5, high / 5
    depths = [high - low for column, (low, high) in edges.items() if high > low for _ in columns[column]]
    depth = statistics.median(depths) if depths else 0.0
    shifts: dict[int, float] = {}
    for column, (low, high) in edges.items():
        if depth and high == low:
            begun = sum(_opens(row.text) or bool(_BRACKETED.match(row.text)) for row in columns[column])
            low -= 0.0 if 2 * begun >= len(columns[column]) else depth
        shifts[column] = low
    return [row._replace(indent=row.indent - shifts.get(row.column, 0.0)) for row in rows]


def end(lines: Sequence[PrintedLine]) -> int:
    """Where the list that begins with `lines` ends: the index of the first line after its last entry."""
    entries = split(lines)
    return entries[-1].lines[-1] + 1 if entries else 0


def looks_like_entry(text: str) -> bool:
    """Whether `text` as a whole may be an entry: it says where and when something was published, and begins like one."""
    text = text[:_LONGEST]
    if len(text) < 20 or not re.match(r"[\[(\"“‘]?\w", text):
        return False
    return bool(
        re.search(rf"(?<!\d){_YEAR}[a-z]?(?!\d)", text[-400:])
        or re.search(rf"[.,(]\s*{_YEAR}[a-z]?\b", text)
        or _URL.search(text)
        or _DOI.search(text)
        or _ARXIV_WORD.search(text)
    )


def find(lines: Sequence[PrintedLine]) -> tuple[int, int] | None:
    """A reference list without a heading, as (first line, line after its last), searched from the document's end; or None.

    A numbered list must begin with 1 and have five entries that look like ones; another needs eight.
    """
    for first in _numbered_beginnings(lines):
        entries = split(lines[first:])
        if len(entries) >= 5 and _share_like(lines[first:], entries) >= 0.6:
            return first, first + entries[-1].lines[-1] + 1
    first_last = _dense(lines)
    if first_last is None:
        return None
    first, last = first_last
    entries = split(lines[first:last])
    if len(entries) >= 8 and _share_like(lines[first:last], entries) >= 0.7:
        return first, first + entries[-1].lines[-1] + 1
    return None


def _numbered_beginnings(lines: Sequence[PrintedLine]) -> list[int]:
    """Lines labelled 1 that are followed by a line labelled 2, last first; three at most."""
    found = []
    for name in ("[1]", "1."):
        pattern = _LABELS[name]
        wanted = None
        for i in range(len(lines) - 1, -1, -1):
            match = pattern.match(lines[i].text)
            number = int(match[1]) if match else None
            if number == 1 and wanted is not None and wanted - i < 60:
                found.append(i)
            elif number == 2:
                wanted = i
            if len(found) >= 3:
                break
    return sorted(found, reverse=True)[:3]


_DENSE = re.compile(
    rf"[ (,.]{_YEAR}[a-z]?[).,]|arXiv|CoRR|\bpp\. ?\d|\bpages \d|\d ?\(\d+\) ?:|\bIn Proc|Proceedings|et al\.|https?:|"
    r"(?:[A-Z]\. ?)+[A-Z]\w+,|\w, (?:[A-Z]\. ?)+,"
)


def _dense(lines: Sequence[PrintedLine]) -> tuple[int, int] | None:
    """The stretch of lines in which most have something that is common in a list and rare in prose (Kadane's sum)."""
    best, best_span, total, start = 0.0, None, 0.0, 0
    for i, line in enumerate(lines):
        if total <= 0:
            total, start = 0.0, i
        total += 1.0 if _DENSE.search(line.text[:400]) else -1.0
        if total > best:
            best, best_span = total, (start, i + 1)
    if best_span is None or best < 8:
        return None
    first, last = best_span
    return first, min(last + 3, len(lines))  # the last entry's last lines may be plain


def _share_like(lines: Sequence[PrintedLine], entries: Sequence[Printed]) -> float:
    like = sum(looks_like_entry(" ".join(lines[i].text for i in entry.lines)) for entry in entries)
    return like / max(len(entries), 1)


def _starts(rows: Sequence[_Row]) -> tuple[list[int], list[str], str]:
    """The rows where entries begin, their labels, and how that was seen: a label's form, or one of `_unlabelled`."""
    best: tuple[list[int], list[str], str] = ([], [], "")
    for name, pattern in _LABELS.items():
        starts, labels = _numbered(rows, pattern, loose=name in ("1.", "1"))
        if len(starts) > max(len(best[0]), 1) or (len(starts) == 1 == len(rows)):
            best = (starts, labels, name)
    alpha = [(i, match[1]) for i, row in enumerate(rows) if (match := _ALPHA.match(row.text)) and _alpha(match[1])]
    if len(alpha) > max(len(best[0]), 1) and alpha[0][0] <= 3:
        best = ([i for i, _ in alpha], [re.sub(r"\s+", " ", label).strip() for _, label in alpha], "alpha")
    if len(best[0]) >= 2 and best[0][0] <= max(3, len(rows) // 10):
        span = best[0][-1] - best[0][0] + 1
        if span <= 14 * len(best[0]) or best[2] == "[1]":
            return best
    starts, kind = _unlabelled(rows)
    return starts, [""] * len(starts), kind


def _alpha(label: str) -> bool:
    """Whether a bracketed word may be a label: `Fou`, `ACDE12`, `DCM+12`, `Abadi et al., 2016`; not `Online`."""
    if re.search(rf"{_YEAR}[a-z]?\)?$", label):
        return True
    compact = re.sub(r"[\s^{}]", "", label)
    return bool(re.fullmatch(r"[^\W\d_][\w+*’'.&-]{1,14}", compact)) and compact.lower() not in ("online", "internet")


def _numbered(rows: Sequence[_Row], pattern: re.Pattern[str], loose: bool) -> tuple[list[int], list[str]]:
    """The longest rising chain of labels. A `loose` one (`12.`) may be the end of a page range: it needs an end before."""
    seen = []
    for i, row in enumerate(rows):
        match = pattern.match(row.text)
        if not match:
            continue
        if loose and i and not _closes(rows[i - 1].text) and row.gap < 1.5:
            continue
        seen.append((i, int(match[1])))
    bound = 2 * len(seen) + 10
    seen = [(i, n) for i, n in seen if n <= bound]
    chain = _rising([n for _, n in seen])
    if not loose and len(chain) < 0.6 * len(seen):
        # the columns are out of order: labels are labels all the same
        chain = list(range(len(seen)))
    chain = _unbroken(chain, [n for _, n in seen]) if loose else chain
    return [seen[k][0] for k in chain], [str(seen[k][1]) for k in chain]


def _rising(numbers: Sequence[int]) -> list[int]:
    """Indices of a longest strictly rising subsequence (patience sorting)."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for k, n in enumerate(numbers):
        at = bisect_left(tails, n)
        before.append(ends[at - 1] if at else -1)
        if at == len(tails):
            tails.append(n)
            ends.append(k)
        else:
            tails[at], ends[at] = n, k
    chain = []
    k = ends[-1] if ends else -1
    while k >= 0:
        chain.append(k)
        k = before[k]
    return chain[::-1]


def _unbroken(chain: list[int], numbers: Sequence[int]) -> list[int]:
    """The chain up to the first jump of more than three: what follows are other numbers."""
    for at in range(1, len(chain)):
        if numbers[chain[at]] - numbers[chain[at - 1]] > 3:
            return chain[:at]
    return chain


def _unlabelled(rows: Sequence[_Row]) -> tuple[list[int], str]:
    """Where entries begin by their hanging `indent`, the `gap` before them, or by `sense` alone."""
    if not rows:
        return [], ""
    hanging = [row.indent for row in rows if 0.45 <= row.indent < 6 and not row.beside]
    if len(hanging) >= 0.2 * len(rows) and sum(row.indent < 0.45 for row in rows) >= 2:
        edge = statistics.median(hanging) / 2
        starts = [i for i, row in enumerate(rows) if row.indent < edge and not row.beside and not _goes_on(rows, i)]
        if starts:
            return sorted({0, *starts}), "indent"
    gaps = sorted(row.gap for row in rows[1:] if 0.4 < row.gap < 6 and not row.new)
    if len(gaps) >= 3:
        close = gaps[len(gaps) // 4]
        wide = [g for g in gaps if g > 1.2 * close]
        if max(1, len(gaps) // 15) <= len(wide) < 0.85 * len(gaps):
            edge = (close + statistics.median(wide)) / 2
            starts = [
                i
                for i, row in enumerate(rows)
                if i == 0
                or (not row.new and row.gap > edge and not _goes_on(rows, i))
                or (row.new and _closes(rows[i - 1].text) and _opens(row.text))
            ]
            return starts, "gap"
    return [i for i in range(len(rows)) if i == 0 or (_closes(rows[i - 1].text) and _opens(rows[i].text))], "sense"


def _goes_on(rows: Sequence[_Row], i: int) -> bool:
    """Whether row `i` can't begin an entry: the one before it ends in a cut word, or within a list of names."""
    if i == 0:
        return False
    before = rows[i - 1].text.rstrip()
    return bool(re.search(r"[^\W\d_]-$|(?:,| and| &| in| of| the)$", before)) or rows[i].text[:1] in ",.;:)&"


_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[“\"'])(?:[^\W\d_]|(?:[^\W\d_]\.)+[^\W\d_]?|[^\W\d_]\.-[^\W\d_]|al|pp|p|vol|vols|no|nos|ed|eds|proc|conf|int|"
    r"intl|trans|symp|adv|ann|j|jr|sr|st|dr|prof|vs|cf|e\.g|i\.e|ch|sec|fig|approx|univ|dept|tech|rep|comput|commun|soc|"
    r"math|phys|sci|lett|rev|syst|mag|select|ser|mach|learn|res|assoc|art)\.$",
    re.IGNORECASE,
)


def _closes(text: str) -> bool:
    """Whether an entry may end with this line."""
    text = text.rstrip()
    if not text or text[-1] in ",;:-–&":
        return False
    if text[-1] == ".":
        return not _ABBREVIATION.search(text[-24:])
    return bool(re.search(r"[\d?!)\]”\"/]$|(?:https?://|www\.|doi)\S*$", text[-300:]))


_UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĖĘĚĞĢĪĮİĶĻĽŁŃŅŇŌŐŒŔŘŚŞŠŢŤŪŮŰŲŹŻŽȘȚΑ-ΩА-Я"
_OPENS = re.compile(
    rf"[{_UPPER}][\w’'\-]*(?: [{_UPPER}][\w’'\-]*)?, (?:[{_UPPER}]\.?[ ,\-]|[{_UPPER}]\w+[ ,.])"  # Surname, A.
    rf"|(?:[{_UPPER}]\.[ \-]?){{1,4}}(?:\w+ )?[{_UPPER}][\w’'\-]+"  # A. Surname
    rf"|[{_UPPER}][\w’'\-]+(?: [{_UPPER}]\.?)*(?: [\w’'\-]+)? [{_UPPER}][\w’'\-]+(?:,| and |\.)"  # First M. Last
    rf"|[{_UPPER}]\w+\. "  # OpenAI.
)


def _opens(text: str) -> bool:
    """Whether an entry without a label may begin with this line."""
    text = text[:200]
    if re.match(r"(?:In|Proceedings|Proc|Springer|URL|Available|Advances|Conference|Journal|Technical|Report)\b", text):
        return False
    return bool(_OPENS.match(text))


def _usual(rows: Sequence[_Row], starts: Sequence[int]) -> tuple[float, dict[int, float]]:
    """The usual space between the rows of one entry, and each column's indent of rows that are not an entry's first."""
    first = set(starts)
    rest = [row for i, row in enumerate(rows) if i not in first and starts[0] < i < starts[-1] and not row.beside]
    gaps = [row.gap for row in rest if 0.85 < row.gap < 2.5 and not row.new]
    columns: dict[int, list[float]] = {}
    for row in rest:
        columns.setdefault(row.column, []).append(row.indent)
    indents = {column: statistics.median(members) for column, members in columns.items() if len(members) >= 3}
    return statistics.median(gaps) if gaps else 1.3, indents


def _own_rows(rows: Sequence[_Row], first: int, last: int, usual: float, indents: dict[int, float]) -> list[int]:
    """The rows of an entry, without a float in its middle and without what follows after it."""
    own = [first]
    away = False  # within a float
    common = statistics.median(indents.values()) if indents else rows[first].indent + 1.0

    def fits(row: _Row) -> bool:
        near = abs(row.indent - indents.get(row.column, common)) < 0.35
        return near and abs(row.size - rows[first].size) < 0.08 * max(row.size, 1)

    for i in range(first + 1, last):
        row = rows[i]
        if not (row.new or row.gap > 1.45 * usual):
            if not away:
                own.append(i)
            continue
        if _CAPTION.match(row.text):
            away = True
            continue
        closed = _closes(rows[own[-1]].text)
        if row.new:
            away = closed and not (fits(row) or _TAIL.match(row.text))
        elif away:
            away = not fits(row)
        else:
            away = closed or row.gap > 4 * usual or (not fits(row) and row.gap > 2 * usual)
        if not away:
            own.append(i)
        elif not row.new and closed and not any(rows[k].new and fits(rows[k]) for k in range(i + 1, min(last, i + 80))):
            break
    return own


_TAIL = re.compile(r"(?:URL|doi|https?:|arXiv|ISBN|ISSN|\d{4}\.$|[a-z])")


def _listed(lines: Sequence[PrintedLine], entries: Sequence[Printed]) -> int:
    """How many of the entries belong to the list: prose that follows it is cut into what doesn't look like entries."""
    total, best, count = 0.0, 0.0, 0
    for n, entry in enumerate(entries):
        text = " ".join(lines[i].text for i in entry.lines)
        total += 1.0 if looks_like_entry(text) and not _CAPTION.match(text) else -1.0
        if total >= best:
            best, count = total, n + 1
    return len(entries) if len(entries) - count < 3 else count


def join(lines: Iterable[str], words: Collection[str] = frozenset()) -> str:
    """The lines of an entry as one. `words` are the document's words in lower case, the evidence for line-end hyphens.

    A URL, a DOI or an arXiv id that a line's end cut is whole again.
    """
    text = ""
    for line in lines:
        line = " ".join(line.split())
        if not line:
            continue
        if not text:
            text = line
            continue
        cut, nxt = text[text.rfind(" ") + 1 :], line.split(" ", 1)[0]
        if _address_goes_on(cut, nxt):
            text += line
        elif re.search(r"[^\W\d_]-$", text) and re.match(r"[^\W\d_]", line):
            text = text[: len(text) - len(cut)] + _hyphen(text, cut, nxt, words) + line[len(nxt) :]
        elif re.search(r"[\d.]-$|\w[–—]$", text):  # 1124–|1137, K.-|K. Wong
            text += line
        else:
            text += " " + line
    return text


def _hyphen(text: str, first: str, second: str, words: Collection[str]) -> str:
    """`first`, the end of `text`, with its hyphen, and `second`: one word, a compound, or `inter- and intra-`."""
    if re.fullmatch(r"(?:and|or|to)", second):
        return f"{first} {second}"
    if second[:1].islower() and not re.search(
        r"(?<![\w-])(?!et |van |von |der |den )[a-z]{3,}(?! al)\b(?<!and)", text[: -len(first)]
    ):
        return first[:-1] + second  # within the names: Good-|fellow
    return cleaning.joined(first[:-1], second, words)


_ADDRESS = re.compile(
    r"https?:/*|www\.|doi:|doi\.org|\b10\.\d{4,9}/|arxiv:\d|abs/\d|\w\.(?:com|org|net|edu|io|gov)/", re.IGNORECASE
)
_PLAIN_AFTER = re.compile(
    rf"(?:accessed|available|last|visited|and|retrieved|published|version|in|pp|doi|url|arxiv|isbn|issn|to|online)\b|{_YEAR}[a-z]?[.,)]?$",
    re.IGNORECASE,
)


def _address_goes_on(cut: str, following: str) -> bool:
    """Whether `cut`, a line's last word, is an address that goes on with `following`, the next line's first word."""
    match = _ADDRESS.search(cut)
    if not match or not following:
        return False
    if re.match(r"[(\[“\"]", following) or cut[-1] in ",;)]":
        return False
    if re.search(r"https?:/*$|(?:arxiv:|abs/)\d{4}\.?$", cut, re.IGNORECASE):
        return bool(re.match(r"[\w/.]", following))
    if _PLAIN_AFTER.match(following):
        return False
    if cut[-1] in "/-_=?&%#~+":
        return True
    rich = bool(re.search(r"[a-z0-9][/._=?&%#-][a-z0-9]|\d", following, re.IGNORECASE)) or following[:1] in "/_-?&=#%."
    if cut[-1] == ".":
        return rich and not following[:1].isupper()
    return rich or following[:1].islower()


class _Names(NamedTuple):
    """Authors read off an entry's beginning: where they end, and how sure (0 to 1) the reading is."""

    authors: tuple[str, ...]
    end: int
    sure: float


class _Token(NamedTuple):
    start: int
    end: int
    core: str  # without what trails it
    trail: str  # of `,` `;` `.` `:`


_PARTICLES = frozenset(
    "de del della der den di da das do dos du el la le les lo van von vom zu zum zur ten ter te 't op y e i bin ibn ben al av af of the "
    "und und/ für for et in at on".split()
)
_NAME_PARTICLES = frozenset(
    "de del della der den di da das do dos du el la le les lo van von vom zu zum zur ten ter te 't op y e bin ibn ben al av af".split()
)
_ORGANISATION_WORDS = frozenset("of the for and & in on at und für de la et des".split())
_SUFFIXES = frozenset(["jr", "sr", "ii", "iii", "iv"])
_INITIALS = re.compile(r"(?:[^\W\d_]\.?[-–’']?){1,4}|[^\W\d_]{2}")
_DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.[-–]?)*[^\W\d_]\.?")


def parse(raw: str, label: str = "", page: int = 0, n: int = 1) -> Reference:
    """The entry `raw`, on one line and without its label, understood by itself. See `parse_all`, which knows better."""
    return parse_all([(raw, label, page)], first=n)[0]


def parse_all(entries: Sequence[tuple[str, str, int]], first: int = 1) -> tuple[Reference, ...]:
    """The references of one list from their (raw, label, page), numbered from `first`.

    The form of names is voted on by all entries; one that can't be read in it is read in the form that fits it best.
    """
    texts = [_readable(raw) for raw, _, _ in entries]
    tokens = [_tokens(text) for text in texts]
    votes = dict.fromkeys(_FORMS, 0.0)
    for at in range(0, len(texts), 1 + len(texts) // _VOTERS):
        for form, read_names in _FORMS.items():
            names = read_names(texts[at], tokens[at])
            votes[form] += names.sure * min(len(names.authors), 4)
    order = sorted(_FORMS, key=lambda form: -votes[form])
    return tuple(
        _reference(Reference(first + at, raw, page, label), texts[at], _authors(texts[at], tokens[at], order))
        for at, (raw, label, page) in enumerate(entries)
    )


def read(lines: Sequence[PrintedLine], words: Collection[str] = frozenset()) -> tuple[Reference, ...]:
    """The references that the lines of a reference section hold: `split`, `join` and `parse_all` in one."""
    printed = split(lines)
    return parse_all([(raw_of(lines, entry, words), entry.label, lines[entry.lines[0]].page) for entry in printed])


def raw_of(lines: Sequence[PrintedLine], entry: Printed, words: Collection[str] = frozenset()) -> str:
    """An entry's text on one line, without its label."""
    text = join((lines[i].text for i in entry.lines), words)
    if not entry.label:
        return text
    for pattern in (*_LABELS.values(), _ALPHA):
        match = pattern.match(text)
        if match and re.sub(r"\s+", " ", match[1]).strip() == entry.label:
            return text[match.end() :]
    return text


def _readable(raw: str) -> str:
    text = unicodedata.normalize("NFC", raw[:_LONGEST])
    text = text.replace("\u00ad", "").replace("``", "“").replace("''", "”")
    if _ACCENT_LOST.search(text):
        text = _ACCENT_LOST.sub("", _ACCENT_CUTS.sub("", _ACCENT_BEFORE.sub(_accented, text)))
    return re.sub(r"\s+", " ", text).strip()


def _accented(match: re.Match[str]) -> str:
    letter = "i" if match[2] == "ı" else match[2]
    whole = unicodedata.normalize("NFC", letter + _ACCENTS[match[1]])
    return whole if len(whole) == 1 else match[2]


def _tokens(text: str) -> list[_Token]:
    tokens = []
    for match in re.finditer(r"\S+", text):
        word = match[0]
        core = word.rstrip(",;.:")
        tokens.append(_Token(match.start(), match.end(), core, word[len(core) :]))
        if len(tokens) >= 900:
            break
    return tokens


def _is_initials(core: str, trail: str = "") -> bool:
    """`J`, `J.-B`, `C.T`, `G.E`; also two letters before a full stop (`Yu.`, `Ch.`) where the caller allows it."""
    if not core or len(core) > 9 or not core[0].isalpha():
        return False
    return bool(_DOTTED.fullmatch(core)) or (len(core) <= 3 and core.isupper() and not trail.startswith("."))


def _is_name_word(core: str) -> bool:
    plain = core.strip("()*†‡{}")
    if not plain or any(c.isdigit() for c in plain) or not plain[0].isalpha() and plain[0] not in "’'":
        return False
    if plain.lower() in _NAME_PARTICLES:
        return True
    at = plain[1:] if plain[0] in "’'" else plain
    return at[:1].isupper() or bool(re.match(r"[a-z]{1,2}[’'][A-Z]|[a-z]{1,3}[A-Z]|al-", at)) or not at[:1].islower()


def _name_like(piece: Sequence[_Token]) -> float:
    """How much `First M. Last` a piece between separators is: 0 to 1."""
    words = [t.core for t in piece]
    if not words or len(words) > 7:
        return 0.0
    wrong = sum(not (_is_name_word(w) or _is_initials(w)) for w in words)
    if wrong:
        # a surname in lower case (`Ronan Le bras`) is a name still; a title's word among three is not
        return 0.6 if wrong == 1 and 2 <= len(words) <= 4 and words[0][:1].isupper() and len(words[-1]) > 2 else 0.0
    if all(_is_initials(w) for w in words):
        return 0.1
    if len(words) == 1:
        return 0.35
    return 1.0


def _separator(token: _Token) -> bool:
    return token.core.lower() in ("and", "&", "und", "et") and not token.trail


def _ends_all(tokens: Sequence[_Token], i: int) -> int:
    """If `et al.`, `and others`, `and N others` stands at `i`: the index after it, else -1."""
    at = i
    if tokens[at].core.lower() in ("and", "&") and at + 1 < len(tokens):
        at += 1
    word = tokens[at].core.lower()
    if word == "et" and at + 1 < len(tokens) and tokens[at + 1].core.lower() == "al":
        return at + 2
    if word in ("others", "et.al", "etal") and (at > i or word != "others"):
        return at + 1
    if word.isdigit() and at > i and at + 1 < len(tokens) and tokens[at + 1].core.lower() == "others":
        return at + 2
    return -1


_YEAR_TOKEN = re.compile(
    rf"[(\[]?{_YEAR}[a-z]?[)\]]?|\((?:{_YEAR}|in press|to appear|forthcoming|n\.d).*", re.IGNORECASE
)


def _text_of(text: str, piece: Sequence[_Token]) -> str:
    last = piece[-1]
    keep = 1 if last.trail.startswith(".") and _DOTTED.fullmatch(last.core) and len(piece) > 1 else 0
    name = text[piece[0].start : last.start + len(last.core) + keep]
    return name.strip(" *†‡")


def _direct(
    text: str, tokens: Sequence[_Token], initial_ends: bool = False, by_comma: bool = False, by_colon: bool = False
) -> _Names:
    """`First M. Last, F. Last, and Last` up to a full stop, a year, a quotation mark.

    `initial_ends`: names end with initials (`Last FM`). `by_comma`, `by_colon`: the title follows after one.
    """
    authors: list[str] = []
    scores: list[float] = []
    piece: list[_Token] = []
    starred = 0

    def flush() -> None:
        if piece:
            if piece[0].core.lower() in _SUFFIXES and len(piece) == 1 and authors:
                authors[-1] += ", " + piece[0].core
            else:
                authors.append(_text_of(text, piece))
                scores.append(_name_like(piece))
            piece.clear()

    def done(end: int, factor: float = 1.0) -> _Names:
        flush()
        if not authors:
            return _Names((), 0, 0.0)
        sure = sum(scores) / len(scores)
        if len(scores) >= 3 and all(score == 0.35 for score in scores):
            sure = 0.6  # Vinyals, Kaiser, Koo, and Hinton
        return _Names(tuple(authors), end, factor * sure)

    i = 0
    while i < len(tokens):
        token = tokens[i]
        after = _ends_all(tokens, i)
        if after >= 0:
            flush()
            if not authors:
                return _Names((), 0, 0.0)
            return done(tokens[after - 1].end)
        if token.core[:1] in ("“", '"', "‘"):
            names = done(token.start)
            certain = names.authors and all(not a[0].islower() or a[1:2].isupper() for a in names.authors) and not piece
            return names._replace(sure=max(names.sure, 0.8)) if certain and text[token.start - 2] == "," else names
        if _YEAR_TOKEN.fullmatch(token.core):
            return done(token.start)
        if token.core.lower() in ("(eds", "(ed", "editors", "editor", "eds"):
            return done(token.end)
        if _separator(token) and (piece or authors):
            flush()
            i += 1
            continue
        if by_comma and not piece and authors and not _starts_name(tokens, i):
            return done(token.start)
        if not token.core:
            if "," in token.trail:
                flush()
            i += 1
            continue
        piece.append(token)
        if len(piece) > 8:
            return _Names((), 0, 0.0)
        if token.trail.startswith((",", ";")):
            flush()
        elif token.trail.startswith(":") and by_colon:
            return done(token.end)
        elif token.trail.startswith("."):
            if "," in token.trail or ";" in token.trail:
                flush()
            elif _DOTTED.fullmatch(token.core) and not (initial_ends and len(piece) > 1):
                if i + 1 < len(tokens) and tokens[i + 1].core.lower() in ("and", "&"):
                    flush()
                starred += 1
            elif len(piece) == 1 and len(token.core) == 2 and token.core[0].isupper() and _starts_name(tokens, i + 1):
                pass  # Yu. Nesterov
            elif token.core in ("St", "Ste", "Md", "Mohd"):
                pass
            else:
                return done(token.end)
        i += 1
    return done(len(text), 0.5) if len(text) < 60 else _Names((), 0, 0.0)


def _starts_name(tokens: Sequence[_Token], i: int) -> bool:
    """Whether the piece that begins at token `i` and ends with a comma is a name with initials."""
    piece = []
    for token in tokens[i : i + 6]:
        if _separator(token):
            if piece:
                break
            continue
        piece.append(token)
        if "," in token.trail or ";" in token.trail:
            break
    else:
        return False
    return len(piece) >= 2 and _name_like(piece) == 1.0 and any(_is_initials(t.core) for t in piece)


def _inverted(text: str, tokens: Sequence[_Token]) -> _Names:
    """`Last, F. M., Last, First, and Last, F.`, also ended by a colon or a year."""
    authors: list[str] = []
    scores: list[float] = []
    i = 0
    while i < len(tokens):
        after = _ends_all(tokens, i)
        if after >= 0 and authors:
            return _Names(tuple(authors), tokens[after - 1].end, _mean(scores))
        if _separator(tokens[i]) or tokens[i].core in ("", "…"):
            i += 1
            continue
        if tokens[i].core.lower() in ("(eds", "(ed", "editors", "eds", "others") and authors:
            return _Names(tuple(authors), tokens[i].end, _mean(scores))
        surname_end = _surname(tokens, i)
        if surname_end < 0:
            break
        given_end, stops = _given(tokens, surname_end)
        if given_end == surname_end:
            break
        surname = tokens[i:surname_end]
        given = tokens[surname_end:given_end]
        suffix = ""
        if not stops and given_end < len(tokens) and tokens[given_end].core.lower() in _SUFFIXES:
            suffix = ", " + tokens[given_end].core
            given_end += 1
        last = given[-1]
        dot = "." if last.trail.startswith(".") and _DOTTED.fullmatch(last.core) else ""
        authors.append(text[surname[0].start : last.start] + last.core + dot + suffix)
        plain = [t for t in surname if t.core.lower() not in _NAME_PARTICLES]
        easy = all(_is_initials(t.core, t.trail) or _DOTTED.fullmatch(t.core) for t in given)
        scores.append(1.0 if easy else (0.9 if len(plain) == 1 and len(given) <= 3 else 0.3))
        i = given_end
        if stops:
            return _Names(tuple(authors), tokens[i - 1].end, _mean(scores))
    if not authors:
        return _Names((), 0, 0.0)
    end = tokens[i].start if i < len(tokens) else len(text)
    return _Names(tuple(authors), end, _mean(scores) * (1.0 if i < len(tokens) else 0.5))


def _surname(tokens: Sequence[_Token], i: int) -> int:
    """The index after a surname of up to four words, the last with a comma; -1 if there is none at `i`."""
    for at in range(i, min(i + 5, len(tokens))):
        token = tokens[at]
        if _YEAR_TOKEN.fullmatch(token.core):
            return -1
        if not _is_name_word(token.core):
            lower = token.core.isalpha() and token.trail == "," and at + 1 < len(tokens)
            return at + 1 if lower and tokens[at + 1].trail and _is_dotted(tokens[at + 1]) else -1
        if token.trail == ",":
            return at + 1
        if token.trail and not (token.trail == "." and token.core.lower() in ("st", "ste")):
            return -1
    return -1


def _given(tokens: Sequence[_Token], i: int) -> tuple[int, bool]:
    """The index after the given names that begin at `i`, and whether the list of names ends with them."""
    at = i
    if at >= len(tokens):
        return i, False
    initials = _is_dotted(tokens[at])
    while at < len(tokens):
        token = tokens[at]
        if at > i and (_separator(token) or _ends_all(tokens, at) >= 0):
            return at, False
        if _YEAR_TOKEN.fullmatch(token.core) or token.core[:1] in ("“", '"', "‘", "("):
            return at, at > i
        if initials:
            if not (_is_dotted(token) or (at > i and token.core.lower() in _NAME_PARTICLES)):
                return at, at > i
        elif not (_is_name_word(token.core) or _is_initials(token.core)) or at - i >= 4:
            return i, False
        at += 1
        if "," in token.trail or ";" in token.trail:
            return at, False
        if ":" in token.trail:
            return at, True
        if token.trail.startswith(".") and not initials:
            one_more = at < len(tokens) and _is_dotted(tokens[at]) and tokens[at].trail.startswith(".")
            follows = at < len(tokens) and (_separator(tokens[at]) or _ends_all(tokens, at) >= 0)
            if not (one_more or follows):
                return at, True
    return at, True


def _is_dotted(token: _Token) -> bool:
    """`J.`, `J.-B.`, `J.B.`, or a bare `J`; a single letter that begins a title (`A method`) is none."""
    if not _DOTTED.fullmatch(token.core) and not (
        len(token.core) == 2 and token.core[0].isupper() and token.trail[:1] == "."
    ):
        return False
    return bool(token.trail) or "." in token.core or token.core not in ("A", "I")


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores) if scores else 0.0


def _first_inverted(text: str, tokens: Sequence[_Token]) -> _Names:
    """`Last, First, First Last, and First Last` (Chicago, MLA)."""
    match = re.match(r"([^\s,“\"]+(?: [^\s,“\"]+){0,2}), ([^,.“\"]{1,40}?)(?:\.,|,) (?=\S)", text)
    if not match or any(not _is_name_word(w) for w in match[1].split()):
        return _Names((), 0, 0.0)
    rest = _direct(text[match.end() :], _tokens(text[match.end() :]))
    if not rest.authors:
        return rest
    several = any(len(a.split()) > 1 and not _DOTTED.fullmatch(a.split()[-1].rstrip(".")) for a in rest.authors)
    return _Names((match[0].rstrip(", "), *rest.authors), match.end() + rest.end, 0.8 * rest.sure if several else 0.0)


def _vancouver(text: str, tokens: Sequence[_Token]) -> _Names:
    """`Last FM, Last F, Last FM.`: only initials without full stops count, at a name's end."""
    names = _direct(text, tokens, initial_ends=True)
    fit = sum(bool(re.search(r" [A-Z]{1,3}$", a)) for a in names.authors)
    return names._replace(sure=1.05 * names.sure if names.authors and fit == len(names.authors) else 0.0)


def _by_comma(text: str, tokens: Sequence[_Token]) -> _Names:
    """`F. Last, F. Last, A title, in: …` (Elsevier, SIAM): the first piece that is no name with initials is the title."""
    names = _direct(text, tokens, by_comma=True)
    if not names.authors or text[names.end - 1 : names.end] in ".:" or _quote_or_year(text[names.end :]):
        return names._replace(sure=0.0)
    fit = sum(any(_is_initials(w.rstrip(".")) for w in a.split()) for a in names.authors)
    return names._replace(sure=1.02 * names.sure if fit == len(names.authors) else 0.0)


def _by_colon(text: str, tokens: Sequence[_Token]) -> _Names:
    """`First Last and First Last: A title.`"""
    names = _direct(text, tokens, by_colon=True)
    return names if text[names.end - 1 : names.end] == ":" else names._replace(sure=0.0)


def _quote_or_year(rest: str) -> bool:
    return bool(re.match(rf"[\s,.]*(?:[“\"‘]|[(\[]?{_YEAR})", rest))


_VOTERS = 30
_FORMS = {
    "direct": _direct,
    "inverted": _inverted,
    "first-inverted": _first_inverted,
    "vancouver": _vancouver,
    "by-comma": _by_comma,
    "by-colon": _by_colon,
}


def _authors(text: str, tokens: Sequence[_Token], order: Sequence[str]) -> _Names:
    """Who wrote it, read in the list's own form of names; where that doesn't fit, in the one that fits best."""
    best = _FORMS[order[0]](text, tokens)
    if best.sure < 0.8:
        others = [_FORMS[form](text, tokens) for form in order[1:]]
        best = (
            max([best, *others], key=lambda names: names.sure)
            if best.sure < 0.5
            else next((names for names in others if names.sure >= 0.95), best)
        )
    return best if best.sure >= 0.5 else _organisation(text)


def _reference(bare: Reference, text: str, names: _Names) -> Reference:
    title, after, year = _title(text[names.end :])
    if (
        len(names.authors) > 1
        and " " not in names.authors[-1]
        and " " in names.authors[0]
        and re.fullmatch(r"\w+", title)
    ):
        # a full stop within a name, as the list has it: `Reinhard Kneser and Hermann. Ney. Improved`
        whole = f"{names.authors[-1]}. {title}"
        title, after, year = _title(after)
        names = names._replace(authors=(*names.authors[:-1], whole))
    if len(names.authors) <= 2 and not title:
        # nothing is left that could be a title: what was taken for names is one (`PyTorch. https://…`)
        whole, after_all, year_all = _title(text)
        if whole and not (names.sure > 0.6 and names.authors[0] != whole):
            names, title, after, year = _Names((), 0, 0.0), whole, after_all, year or year_all
    return replace(
        bare,
        title=title,
        authors=names.authors,
        year=year if year is not None else _year(after, text, title),
        venue=_venue(after),
        arxiv_id=_arxiv_id(text),
        doi=_doi(text),
    )


_ORGANISATIONS = re.compile(
    r"\b(?:team|group|lab|labs|laborator(?:y|ies)|universit\w+|institut\w*|school|foundation|cent(?:er|re)|consortium|"
    r"committee|corporation|community|collaboration|department|project|contributors|developers|inc|ltd)\b",
    re.IGNORECASE,
)


def _organisation(text: str) -> _Names:
    """`OpenAI. GPT-4 technical report`: a first sentence of capitalised words, or one that names an organisation."""
    none = _Names((), 0, 0.0)
    match = re.match(
        r"([^“\"]{2,200}?)(?:(?<![\s.][A-Z])\.\s|\s?\((?=(?:1[89]|20)\d\d)|,\s(?=[“\"]|(?:1[89]|20)\d\d))", text
    )
    if not match or ":" in match[1] or not match[1][0].isupper():
        return none
    words = match[1].split()
    told = bool(_ORGANISATIONS.search(match[1])) and (len(words) <= 5 or match[1].count(",") >= 2)
    named = len(words) <= 8 and "," not in match[1]
    named = named and all(_is_name_word(w) or w.lower() in _ORGANISATION_WORDS or w[:1].isupper() for w in words)
    if not (told or named):
        return none
    return _Names((match[1].strip(),), match.end(1) + (1 if text[match.end(1)] in ".," else 0), 0.5)


def _is_title(text: str) -> bool:
    return bool(re.search(r"[^\W\d_]{2,}", text)) and not re.match(
        rf"(?:https?:|www\.|URL\b|doi\b|arXiv\b|Accessed\b|Available\b|In [A-Z]|{_MONTH} {_YEAR})", text, re.IGNORECASE
    )


_VENUE_BEGINS = (
    r"(?:In:? (?=[\W\dA-Z])|in: |arXiv|ArXiv|arxiv|CoRR\b|Proc\.|Proceedings\b|Advances in\b|Journal of\b|IEEE\b|ACM\b|URL\b|"
    r"https?:|www\.|(?:[a-z0-9-]+\.)+(?:com|org|net|io|ai|edu|gov|nl|de|uk|fr)\b|pages? \d|pp\. ?\d|doi\b|DOI\b|Technical [Rr]eport|Tech\. [Rr]ep|PhD [Tt]hesis|Ph\.D\.|Master.s [Tt]hesis|Springer|"
    r"Transactions\b|Nature\b|Science\b|Neural [Cc]omputation|PMLR|\[Online\]|Available|Accessed|Preprint|preprint)"
)
_AFTER_TITLE = re.compile(_VENUE_BEGINS)
_COMMA_ENDS = re.compile(
    rf",\s+(?=(?:in: |in (?:Proc|Advances|Int|IEEE|ACM|The |Conference|\d)|In:? [A-Z\d]|arXiv|ArXiv|CoRR|URL\b|https?:|doi:|"
    rf"(?:(?i:{_MONTH})\s+)?{_YEAR}[a-z]?(?:[.,;]|$)|vol(?:ume|\.)? ?\d|\d+(?:st|nd|rd|th) (?:ed|edition)|[Ss]econd edition|"
    rf"[Tt]hird edition|[Ff]irst edition))"
)
_STOP = re.compile(r"[.?!][”\"’')\]]*(?:\s+|$)")
_TITLE_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[-])(?:vs|e\.g|i\.e|etc|cf|al|St|Dr|Mr|Mrs|No|no|vol|approx|Jr|Inc|U\.S|U\.K|U\.S\.A|Ph|Prof|Eq|Fig|Sec|"
    r"pt|Pt|ver|v)$"
)
_PAIRS = {"“": "”", '"': '"', "‘": "’", "«": "»"}
_JOURNAL_AT = re.compile(rf"(?:,|\.)\s+(?=[A-Z][^,.]{{2,80}}?,?\s\d+\s?(?:\(\d+\)|,|:|\({_YEAR}))")


def _title(rest: str) -> tuple[str, str, int | None]:
    """The title that `rest` begins with, what follows it, and the year if one stands before it."""
    rest = rest.lstrip(" .,;:")
    year = None
    match = re.match(
        rf"[(\[]({_YEAR})([a-z]?)(?:,? ?{_MONTH}(?: \d+)?| ?\[\d{{4}}\]|/\d+)?[)\]][.,:;]*(?:\s+|$)|"
        rf"({_YEAR})[a-z]?(?: ?\[\d{{4}}\]|/\d+)?[.,:;]+(?:\s+|$)|"
        rf"\(({_YEAR})[^()]{{0,30}}\)[.,:;]*(?:\s+|$)|[(\[]?n\. ?d\.?[)\]]?[.,:]*\s+",
        rest,
    )
    if match:
        digits = match[1] or match[3] or match[4]
        year = int(digits) if digits else None
        rest = rest[match.end() :]
    if rest[:1] in _PAIRS:
        quoted = _quoted(rest)
        if quoted:
            return (*quoted, year)
    end = _title_end(rest)
    title = rest[:end].strip(" .,;:")
    if not _is_title(title):
        return "", rest, year
    return title, rest[end:].lstrip(' .,;:”"’'), year


def _quoted(rest: str) -> tuple[str, str] | None:
    """A title in quotation marks and what follows; None where only its first words are quoted."""
    close = _PAIRS[rest[0]]
    at = 0
    while True:
        at = rest.find(close, at + 1)
        if at < 0:
            return None
        before, after = rest[at - 1], rest[at + 1 : at + 2]
        # an apostrophe is no end of a quotation, nor are words that are quoted within it
        if close == "’" and after.isalpha():
            continue
        if before in ",.?!" or after in (",", ".", "") or _AFTER_TITLE.match(rest[at + 1 :].lstrip()):
            break
        if after == ":" or at > 600:
            return None
    title = rest[1:at].strip().rstrip(",.;").strip()
    return title, rest[at + 1 :].lstrip(" .,;:")


def _title_end(rest: str) -> int:
    limit = min(len(rest), 700)
    stops: list[tuple[int, int]] = []
    for match in _STOP.finditer(rest, 0, limit):
        stops.append((match.start(), match.end()))
    comma = _COMMA_ENDS.search(rest, 0, limit)
    commas = comma.start() if comma else len(rest)
    for start, after in stops:
        if start >= commas:
            return commas
        follows = rest[after:]
        venue = bool(_AFTER_TITLE.match(follows))
        if rest[start] in "?!":
            if venue or not follows or _journal(follows):
                return start + 1
            continue
        word = rest[max(0, start - 12) : start]
        if _TITLE_ABBREVIATION.search(word) and not venue:
            continue
        if re.search(r"(?:^|[\s.])[A-Z]$", word) and not venue and re.match(r"[A-Z]\.|[a-z]", follows):
            continue
        if (
            follows[:1].islower()
            and not venue
            and not re.match(r"[a-z]{0,3}(?:arXiv|Rxiv|corr\b|http|pp\b|vol)", follows)
        ):
            continue
        return start
    if comma:
        return commas
    journal = _JOURNAL_AT.search(rest, 0, limit)
    if journal:
        return journal.start()
    return len(rest.rstrip(" .")) if len(rest) < 400 else limit


def _journal(text: str) -> bool:
    """Whether `text` begins with a journal's name and volume, or a venue and a year, before any full stop."""
    return bool(
        re.match(rf"[A-Z][^.?!]{{2,120}}?(?:,\s?(?:vol|no|pp|pages|\d)|\s\d+\s?\(|,\s(?:{_MONTH} )?{_YEAR})", text)
    )


_EDITORS = re.compile(r".{3,200}?(?:,\s[Ee]ditors?,|\(?[Ee]ds?\.\)?[,.:]?)\s+")
_VENUE_ENDS = re.compile(
    rf",?\s\(?(?=(?:pp?\.|pages?\b|vol\.|vols?\b|[Vv]olume\b|no\.|[Aa]rticle\b|abs/|{_MONTH}\s|doi\b|URL\b|https?:|arXiv:))"
    rf"|,?\s\(?(?={_YEAR}[a-z]?(?:[).,;]|$))|,?\s(?=\d+\s?(?:\(|:|,|–|$)|\d+\.$)|\.\s+|\.$"
)
_NO_VENUE = re.compile(
    rf"(?:https?:|www\.|URL\b|doi\b|Accessed|Available|From\b|\[|\(?{_YEAR}|{_MONTH}\s|pp?\.|pages\b|\d+[,:(]|ISBN|Last |"
    r"Software|volume\b|vol\.|$)",
    re.IGNORECASE,
)


_VENUE_GOES_ON = re.compile(r"(?:and|on|of|in|for)\b|[A-Z][a-z]{0,9}\.(?:[\s,]|$)")


def _editors(text: str) -> bool:
    """Whether what stands before the word `editors` is nothing but names: after a venue's name, the venue is not behind them."""
    text = re.sub(r"[,(\s]*(?:[Ee]ditors?|[Ee]ds?\.?)\W*$", ".", text)
    return _direct(text, _tokens(text)).sure >= 0.75


def _venue(after: str) -> str:
    after = re.sub(r"^(?:[Ii]n:?\s+)+", "", after[:800].lstrip(' .,;:”"'))
    if re.match(r"arXiv|ArXiv|arxiv", after):
        return "arXiv"
    after = re.sub(rf"^{_YEAR} (?=[A-Z])", "", after)
    if _NO_VENUE.match(after):
        return ""
    editors = _EDITORS.match(after)
    if editors and editors.end() < len(after) - 5 and _editors(editors[0]):
        after = re.sub(r"^[Ii]n:?\s+", "", after[editors.end() :])
    for match in _VENUE_ENDS.finditer(after):
        if match[0].startswith(".") and (
            _ABBREVIATION.search(after[max(0, match.start() - 20) : match.start() + 1])
            or _VENUE_GOES_ON.match(after, match.end())
        ):
            continue
        if match.start() > 1:
            after = after[: match.start()]
            break
    venue = after.strip(" .,;:")
    if venue.count("(") > venue.count(")"):
        venue = venue + ")" if re.search(r"\([A-Z][\w’' -]{1,20}$", venue) else venue[: venue.rindex("(")].rstrip(" ,")
    return venue if re.search(r"[^\W\d_]{2}", venue) and len(venue) <= 300 else ""


_ACCESSED = re.compile(
    r"\[?(?:Online[;,.]?\s*)?(?:last\s+)?(?:accessed|visited|retrieved|checked)\b[^.\]]{0,40}", re.IGNORECASE
)
_YEARS = re.compile(rf"(?<![\d–/:.])(?<!\d-)({_YEAR})[a-z]?(?![\d–])(?!-\d{{3,}})(?!\.\d)")


def _year(after: str, text: str, title: str) -> int | None:
    """The year that is printed after the title; then one anywhere outside it."""
    for place in (after, text.replace(title, " ") if title else text):
        plain = _ACCESSED.sub(" ", _DOI.sub(" ", _URL.sub(" ", place)))
        plain = re.sub(r"abs/\S+|arXiv:\S+", " ", plain, flags=re.IGNORECASE)
        plain = re.sub(r"(?:pp?\.|pages?)\s*\d+(?:\s?[–-]\s?\d+)?", " ", plain)
        years = _YEARS.findall(plain)
        if years:
            bracketed = re.findall(rf"\((?:{_MONTH} )?({_YEAR})[a-z]?\)", plain)
            return int(bracketed[-1]) if bracketed else int(years[-1])
    return None


def _arxiv_id(text: str) -> str | None:
    found = arxiv.find_all(text)
    if found:
        return found[0][1].id
    if _ARXIV_WORD.search(text):
        match = (
            _BARE_ARXIV.search(text)
            or re.search(r"\babs/(\d{4}\.\d{4,5})", text)
            or re.search(r"arXiv:\s*[a-z-]+(?:\.[A-Z]{2})?/(\d{4}\.\d{4,5})", text)
        )
        if match:
            return match[1]
    return None


def _doi(text: str) -> str | None:
    match = _DOI.search(text)
    if not match:
        return None
    doi = match[0].rstrip(".,;:")
    while doi and doi[-1] in ")]" and doi.count(doi[-1]) > doi.count("(["[")]".index(doi[-1])]):
        doi = doi[:-1].rstrip(".,;:")
    return doi
