"""A bibliography's lines to its entries, and an entry's text to its authors, title, year, venue and identifiers.

How entries are set apart (labels, indents, gaps) and how names are printed is decided by a vote over the whole list: a
single entry often allows two readings, a list seldom does.
"""

from __future__ import annotations

import re
import statistics
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from indexer.document import Reference
from indexer.extract import cleaning
from indexer.extract.reference_fields import ABBREVIATION, ARXIV_WORD, DOI, URL, YEAR, parse, parse_all
from indexer.extract.sheet import PrintedLine


class Printed(NamedTuple):
    """An entry as it stands on the page: its label without brackets ("" if none) and the indices of its lines."""

    label: str
    lines: tuple[int, ...]


MOST_ENTRIES = 5000
_LONGEST = 6000  # characters of an entry that are looked at
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
    """A line that says something. `at` is its index among all; `beside`: it goes on the row before, on its baseline.

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
        new = turned or line.new_column or (bool(rows) and line.page != lines[rows[-1].at].page)
        column += new
        beside = not new and bool(rows) and line.gap < 0.4
        rows.append(_Row(at, line.text, line.indent, line.gap, line.size, new, beside, column))
        turned = False
    return _levelled(rows)


def _levelled(rows: list[_Row]) -> list[_Row]:
    """The rows with indents counted from the left edge of their column's entries.

    A column's own edge may be that of its hanging lines. The depth of the hanging indent is the commonest one; a column
    with one edge only has one-line entries, or nothing but the later lines of one that begins before it.
    """
    columns: dict[int, list[_Row]] = {}
    for row in rows:
        if not row.beside:
            columns.setdefault(row.column, []).append(row)
    edges: dict[int, tuple[float, float]] = {}
    for column, members in columns.items():
        places = Counter(round(row.indent * 5) for row in members if len(row.text) >= 8 or len(members) < 3)
        if not places:
            continue
        first = min(places)
        far = {place: n + places[place - 1] for place, n in places.items() if 3 <= place - first <= 30}
        edges[column] = first / 5, (max(far, key=lambda place: far[place]) if far else first) / 5
    depths = [high - low for column, (low, high) in edges.items() if high > low for _ in columns[column]]
    depth = statistics.median(depths) if depths else 0.0
    shifts: dict[int, float] = {}
    closed = True
    for column, (low, high) in edges.items():
        begun = sum(_opens(row.text) or bool(_BRACKETED.match(row.text)) for row in columns[column])
        goes_on = not closed or len(columns[column]) < 6  # a line that another type lifts makes a column of few lines
        within = depth and high == low and goes_on and 2 * begun < len(columns[column])
        shifts[column] = low - depth if within else low
        closed = _closes(columns[column][-1].text)
    return [row._replace(indent=row.indent - shifts.get(row.column, 0.0)) for row in rows]


def end(lines: Sequence[PrintedLine]) -> int:
    """Where the list that begins with `lines` ends: the index of the first line after its last entry."""
    entries = split(lines)
    return entries[-1].lines[-1] + 1 if entries else 0


def looks_like_entry(text: str) -> bool:
    """Whether `text` as a whole may be an entry: it says where or when something was published."""
    text = text[:_LONGEST]
    if len(text) < 20 or not re.match(r"[\[(\"“‘]?\w", text):
        return False
    return bool(
        re.search(rf"(?<!\d){YEAR}[a-z]?(?!\d)", text[-400:])
        or re.search(rf"[.,(]\s*{YEAR}[a-z]?\b", text)
        or URL.search(text)
        or DOI.search(text)
        or ARXIV_WORD.search(text)
    )


def find(lines: Sequence[PrintedLine]) -> tuple[int, int] | None:
    """A reference list without a heading as (first line, line after its last), or None; the document's last one.

    A numbered list must begin with 1 and have five entries that look like ones; another needs eight.
    """
    for first in _labelled_beginnings(lines):
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


def _labelled_beginnings(lines: Sequence[PrintedLine]) -> list[int]:
    """Lines labelled 1 that are followed by a line labelled 2, and the first of labels of letters; the last three."""
    found: list[int] = []
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
    alpha = [i for i, line in enumerate(lines) if (match := _ALPHA.match(line.text)) and _alpha(match[1])]
    groups = [i for n, i in enumerate(alpha) if n == 0 or i - alpha[n - 1] > 14]
    found += [i for i in groups if sum(i <= other < i + 60 for other in alpha) >= 5]
    return sorted(found, reverse=True)[:3]


_DENSE = re.compile(
    rf"[ (,.]{YEAR}[a-z]?[).,]|arXiv|CoRR|\bpp\. ?\d|\bpages \d|\d ?\(\d+\) ?:|\bIn Proc|Proceedings|et al\.|https?:|"
    r"[A-Z]\. ?[A-Z]\w+,|\w, (?:[A-Z]\. ?)+,"
)


def _dense(lines: Sequence[PrintedLine]) -> tuple[int, int] | None:
    """The stretch of lines with most of what is common in a list and rare in prose (Kadane's greatest sum).

    That is, a line that begins as an entry does after one that ends as one does, or a line with a year, pages, a venue.
    """
    best, span, total, start = 0.0, (0, 0), 0.0, 0
    for i, line in enumerate(lines):
        if total <= 0:
            total, start = 0.0, i
        begins = i > 0 and _closes(lines[i - 1].text) and _opens(line.text)
        total += 1.5 * begins + (0.7 if _DENSE.search(line.text[:400]) else -0.7)
        if total > best:
            best, span = total, (start, i + 1)
    if best < 8:
        return None
    first = next((i for i in range(max(span[0] - 4, 0), span[1]) if _opens(lines[i].text)), span[0])
    return _backwards(lines, first), min(span[1] + 3, len(lines))  # the last entry's last lines may be plain


def _backwards(lines: Sequence[PrintedLine], first: int) -> int:
    """Where the list begins of which `first` is an entry's first line: back by entries of a few lines with a year."""
    at = first - 1
    while at >= 0 and first - at <= 14:
        if _opens(lines[at].text) and (at == 0 or _closes(lines[at - 1].text) or lines[at].gap > 1.4):
            if not any(_DENSE.search(line.text[:400]) for line in lines[at:first]):
                break
            first = at
        at -= 1
    return first


def _share_like(lines: Sequence[PrintedLine], entries: Sequence[Printed]) -> float:
    like = sum(looks_like_entry(" ".join(lines[i].text for i in entry.lines)) for entry in entries)
    return like / max(len(entries), 1)


def _starts(rows: Sequence[_Row]) -> tuple[list[int], list[str], str]:
    """The rows where entries begin, their labels, and how that was seen: a label's form, or one of `_unlabelled`."""
    best: tuple[list[int], list[str], str] = ([], [], "")
    for name, pattern in _LABELS.items():
        starts, labels = _numbered(rows, pattern, loose=name != "[1]")
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
    if re.search(rf"{YEAR}[a-z]?\)?$", label):
        return True
    compact = re.sub(r"[\s^{}]", "", label)
    return bool(re.fullmatch(r"[^\W\d_][\w+*’'.&-]{1,14}", compact)) and compact.lower() not in ("online", "internet")


def _numbered(rows: Sequence[_Row], pattern: re.Pattern[str], loose: bool) -> tuple[list[int], list[str]]:
    """The longest rising chain of labels. A `loose` one (`12.`) may end a page range: an entry must end before it."""
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


def _closes(text: str) -> bool:
    """Whether an entry may end with this line."""
    text = text.rstrip()
    if not text or text[-1] in ",;:-–&":
        return False
    if text[-1] == ".":
        return not ABBREVIATION.search(text[-24:])
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
    """The usual space between the rows of one entry, and each column's indent of rows that are not an entry's first.

    Under -1 stands the indent for columns that have few such rows.
    """
    first = set(starts)
    rest = [row for i, row in enumerate(rows) if i not in first and starts[0] < i < starts[-1] and not row.beside]
    gaps = [row.gap for row in rest if 0.85 < row.gap < 2.5 and not row.new]
    columns: dict[int, list[float]] = {}
    for row in rest:
        columns.setdefault(row.column, []).append(row.indent)
    indents = {column: _commonest(members) for column, members in columns.items() if len(members) >= 3}
    indents[-1] = _commonest([row.indent for row in rest]) if rest else rows[starts[0]].indent + 1.0
    return statistics.median(gaps) if gaps else 1.3, indents


def _commonest(indents: Sequence[float]) -> float:
    """The place where most rows begin; the inner one of two."""
    places = Counter(round(indent * 4) for indent in indents)
    place = max(places, key=lambda p: (places[p] + places[p - 1] + places[p + 1], p))
    return statistics.median(indent for indent in indents if abs(round(indent * 4) - place) <= 1)


def _own_rows(rows: Sequence[_Row], first: int, last: int, usual: float, indents: dict[int, float]) -> list[int]:
    """The rows of an entry, without a float in its middle and without what follows after it."""
    own = [first]
    away = False  # within a float

    def fits(row: _Row) -> bool:
        near = any(abs(row.indent - indents.get(column, indents[-1])) < 0.35 for column in (row.column, -1))
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
            away = closed and not ((fits(row) and last < len(rows)) or _TAIL.match(row.text))
        elif away:
            away = not fits(row)
        else:
            away = closed or row.gap > 4 * usual or (not fits(row) and row.gap > 2 * usual)
        if not away:
            own.append(i)
        elif not row.new and closed and not any(rows[k].new and fits(rows[k]) for k in range(i + 1, min(last, i + 80))):
            break
    return own


_TAIL = re.compile(
    r"(?:\[Online|URL|doi|https?:|arXiv|ISBN|ISSN|\d{4}\.$|[a-z]|In [A-Z]|Proc|Advances|Journal|Transactions|Technical|"
    r"Association|Conference|IEEE|ACM|PMLR|Springer|Curran|pp?\.|vol)"
)


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
        elif re.search(r"[^\W\d_]-$", text[-2:]) and re.match(r"[^\W\d_]", line):
            text = text[: len(text) - len(cut)] + _hyphen(text, cut, nxt, words) + line[len(nxt) :]
        elif re.search(r"[\w.]-$|\w[–—]$", text[-2:]) and line[0].isalnum():  # 1124–|1137, K.-|K. Wong, GPT-J-|6B
            text += line
        else:
            text += " " + line
    return text


def _hyphen(text: str, first: str, second: str, words: Collection[str]) -> str:
    """`first`, the end of `text`, with its hyphen, and `second`: one word, a compound, or `inter- and intra-`."""
    if re.fullmatch(r"(?:and|or|to)", second):
        return f"{first} {second}"
    if second[:1].islower() and _NAME_END.search(second) and not _PROSE.search(text[: -len(first)][:1000]):
        return first[:-1] + second  # a name: Good-|fellow,
    parts = first[:-1].split("-")
    if len(parts) > 1 and parts[-1].casefold() in words and second.rstrip(",.;:").casefold() in words:
        return first + second  # out-of-|vocabulary, but Jean-Sé-|bastien
    return cleaning.joined(first[:-1], second, words)


_NAME_END = re.compile(r"^[^\W\d_]+[,.;]$")
_PROSE = re.compile(r"[“\"]|(?<![\w’'-])(?!(?:van|von|der|den|del|and)\b)[a-z]{3,}")
_ADDRESS = re.compile(
    r"https?:/*|www\.|doi:|doi\.org|\b10\.\d{4,9}/|arxiv:\d|abs/\d|\w\.(?:com|org|net|edu|io|gov)/", re.IGNORECASE
)
_PLAIN_AFTER = re.compile(
    rf"(?:accessed|available|last|visited|and|retrieved|published|version|in|pp|doi|url|arxiv|isbn|issn|to|online)\b|{YEAR}[a-z]?[.,)]?$",
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


__all__ = ["Printed", "end", "find", "join", "looks_like_entry", "parse", "parse_all", "raw_of", "read", "split"]


def read(lines: Sequence[PrintedLine], words: Collection[str] = frozenset()) -> tuple[Reference, ...]:
    """The references that the lines of a reference section hold: `split`, `join` and `parse_all` in one."""
    printed = split(lines)
    entries = [(raw_of(lines, entry, words), entry.label, lines[entry.lines[0]].page) for entry in printed]
    return parse_all([entry for entry in entries if entry[0].strip()])  # a label whose text is lost is no entry


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
