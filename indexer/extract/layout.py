"""Words of a page to lines in reading order, and lines to blocks. Nothing here knows what a block means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from statistics import median

from indexer.extract.accents import settled
from indexer.extract.sheet import Font, Sheet, Word

_WIDE_GAP = 2.2  # ems between words that still share a line: less than a column's gutter and a grid of authors
_NUMBER_GAP = 4.5  # ems after a heading's number or a list's label
_HANG = 40  # words of an exponent, an index or a fraction, at most
_LONG = 200  # words of a line on which an index may hang
_GLUE = 0.07  # ems between words that are no two words, whatever the file says


@dataclass(slots=True)
class Line:
    """Words on one baseline, in one column. Lengths are in points, `y` is the baseline from the page's top.

    `size` and `font` are those of most of its characters; `page` is an index; `column` counts from 0, None for a line
    that spans columns; `beside` says that it stands to the right of the line before, on the same baseline.
    """

    words: list[Word]
    page: int
    x0: float
    x1: float
    y: float
    size: float
    font: Font
    column: int | None = 0
    beside: bool = False
    _text: str = ""

    @property
    def text(self) -> str:
        """The words with single spaces, as printed."""
        if not self._text:
            self._text = spaced(self.words)
        return self._text

    @property
    def top(self) -> float:
        """Roughly where its capitals begin."""
        return self.y - 0.75 * self.size

    @property
    def bottom(self) -> float:
        """Roughly where its descenders end."""
        return self.y + 0.25 * self.size


@dataclass(slots=True)
class Column:
    """A strip of the page that lines share. `leading` is the usual distance of its baselines."""

    x0: float
    x1: float
    leading: float


@dataclass(slots=True)
class Layout:
    """A page's lines in reading order and its columns (one or more, from left to right)."""

    number: int
    width: float
    height: float
    lines: list[Line]
    columns: list[Column]
    turned: list[Word] = field(default_factory=list)
    pictures: list[tuple[float, float, float, float]] = field(default_factory=list)
    rules: list[tuple[float, float, float]] = field(default_factory=list)


def spaced(words: Iterable[Word]) -> str:
    """The words as text, with a space before each that is not glued."""
    parts: list[str] = []
    for word in words:
        if parts and not word.glued:
            parts.append(" ")
        parts.append(word.text)
    return "".join(parts)


def layout(sheet: Sheet) -> Layout:
    """The lines of a sheet in reading order."""
    page = sheet.number - 1
    lines = _gathered(_lines(settled(sheet.words), page))
    gutter = _gutter(lines, sheet.width)
    if gutter is not None:
        lines = [part for line in lines for part in _cut(line, gutter)]
    columns = _columns(lines, sheet.width, gutter)
    _place(lines, columns, gutter)
    if _wild(lines):
        lines = _sorted(lines, gutter)
    for before, line in pairwise(lines):
        line.beside = abs(line.y - before.y) < 0.4 * line.size and line.x0 > before.x1
    return Layout(sheet.number, sheet.width, sheet.height, lines, columns, sheet.turned, sheet.pictures, sheet.rules)


def _lines(words: Sequence[Word], page: int) -> list[Line]:
    lines: list[Line] = []
    run: list[Word] = []
    y = size = x1 = 0.0
    for word in words:
        if run:
            em = max(size, word.size)
            gap, dy = word.x0 - x1, word.y - y
            level = abs(dy) < 0.12 * em
            if level:
                wide = _NUMBER_GAP if len(run) == 1 and _label(run[0].text) else _WIDE_GAP
                joins = -0.6 * em < gap < wide * em
                if not joins and gap <= -0.6 * em:  # back on the baseline after a fraction that reaches further
                    joins = word.x0 > _hanging(run, y, size) - 0.2 * em
            else:  # raised or lowered: smaller, or only a little out of line
                near = abs(dy) < 0.62 * em and (
                    word.size < 0.92 * size or size < 0.92 * word.size or abs(dy) < 0.3 * em
                )
                # an index under an exponent goes back to where that began, a denominator under its numerator
                back = gap if word.size > 0.86 * size else word.x0 - _hanging(run, y, size)
                joins = near and (-0.6 * em < gap or -0.6 * em < back) and gap < 0.8 * em
                if word.font.math and len(word.text) <= 2:  # roots, big brackets and sums hang from another baseline
                    joins = joins or (abs(dy) < 1.6 * em and -0.3 * em < gap < 0.7 * em)
            if word.glued and not joins:
                joins = abs(dy) < 0.8 * em and abs(gap) < 1.2 * em
            if joins:
                if not word.glued and _one_word(run[-1], word, gap, level):
                    word = word._replace(glued=True)
                elif word.glued and word.text in "→←↔⇒=" and gap > 0.15 * em and run[-1].text[-1].isalpha():
                    word = word._replace(glued=False)
                run.append(word)
                x1 = max(x1, word.x1)
                if word.size > size + 0.1 and (
                    len(run) < 3 or (len(run) < 5 and sum(len(w.text) for w in run[:-1]) <= 3)
                ):
                    y, size = word.y, word.size  # the line began with something raised
                continue
            lines.append(_line(run, page))
        run = [word._replace(glued=False) if word.glued else word]
        y, size, x1 = word.y, word.size, word.x1
    if run:
        lines.append(_line(run, page))
    return lines


def _hanging(run: Sequence[Word], y: float, size: float) -> float:
    """Where the small words off the baseline begin that end a line; far to the right where there are none."""
    x0 = float("inf")
    for word in islice(reversed(run), _HANG):
        if word.size > 0.86 * size or abs(word.y - y) < 0.12 * size:
            break
        x0 = min(x0, word.x0)
    return x0


def _gathered(lines: list[Line]) -> list[Line]:
    """The lines with stray indices and exponents put into the line they hang on."""
    found: list[Line] = []
    for line in lines:
        before = found[-1] if found else None
        if (
            before is not None and len(line.words) <= 2 and sum(len(w.text) for w in line.words) <= 5
            and line.size < 0.84 * before.size and abs(line.y - before.y) < before.size
            and before.x0 < line.x0 < before.x1 + 0.5 * before.size and 4 <= len(before.words) <= _LONG
        ):  # fmt: skip
            at = max(i for i, word in enumerate(before.words) if word.x0 <= line.x0) + 1
            words = [line.words[0]._replace(glued=True), *line.words[1:]]
            found[-1] = _line([*before.words[:at], *words, *before.words[at:]], before.page)
        else:
            found.append(line)
    return found


def _label(text: str) -> bool:
    return len(text) <= 8 and (
        text[:1].isdigit() or text[:1] in "[(•–-*" or (len(text.rstrip(".:")) <= 4 and text.isupper())
    )


def _one_word(before: Word, word: Word, gap: float, level: bool) -> bool:
    """Whether a space that the file has between two words is none."""
    if not level:
        small = min(before.size, word.size) < 0.86 * max(before.size, word.size)
        return gap < 0.25 * before.size and (small or gap < 0.0)  # an index may go back under an exponent
    a, b = before.text, word.text
    if before.size < 0.86 * word.size and before.y != word.y and b[0] in ".,;:)]}" and gap < 0.28 * word.size:
        return True  # after an index
    if word.font.mono and before.font.mono:
        if len(b) == 1 and len(a) <= 2 and a.isupper() and b.isupper():
            return gap < 0.24 * word.size  # small capitals
        return (
            gap < 0.46 * word.size and before.size == word.size and not (a[-1].isalnum() and b[0].isalnum())
        )  # a space is a cell
    if len(a) == 1 and a.isupper() and b.isupper() and word.size < 0.9 * before.size and gap < 0.22 * before.size:
        return True  # a capital and its small capitals
    return (
        gap < _GLUE * word.size and before.size == word.size and a[-1].isalpha() and b[0].isalpha() and b[0].islower()
    )


def _line(run: list[Word], page: int) -> Line:
    word = run[0]
    if all(w.size == word.size and w.font is word.font and w.y == word.y for w in run):
        return Line(run, page, min([w.x0 for w in run]), max([w.x1 for w in run]), word.y, word.size, word.font)
    sizes: Counter[float] = Counter()
    fonts: Counter[Font] = Counter()
    ys: Counter[float] = Counter()
    large = 0.0
    for before, word in zip([None, *run], run, strict=False):
        n = len(word.text)
        if before is None or not (
            word.glued and word.text.isupper() and before.text.isupper() and word.size < 0.9 * before.size
        ):
            large = word.size
        sizes[large] += n  # small capitals are of the size of their capital
        fonts[word.font] += n
    size = max(sizes, key=lambda s: (sizes[s], s))
    for word in run:
        if word.size == size:
            ys[word.y] += len(word.text)
    y = max(ys, key=lambda v: ys[v])
    x0 = min(word.x0 for word in run)
    x1 = max(word.x1 for word in run)
    return Line(run, page, x0, x1, y, size, max(fonts, key=lambda f: fonts[f]))


def _gutter(lines: Sequence[Line], width: float) -> float | None:
    """Where a page of two columns has its middle, else None."""
    left = right = across = 0
    ends: list[float] = []
    starts: list[float] = []
    for line in lines:
        n = len(line.words)
        if n < 3 or line.x1 - line.x0 < 0.15 * width:
            continue
        if line.x1 < 0.54 * width and line.x0 < 0.4 * width:
            left += 1
            ends.append(line.x1)
        elif line.x0 > 0.46 * width:
            right += 1
            starts.append(line.x0)
        elif line.x0 < 0.4 * width and line.x1 > 0.6 * width:
            across += 1
            gap = max((b.x0 - a.x1, (a.x1 + b.x0) / 2) for a, b in zip(line.words, line.words[1:], strict=False))
            if gap[0] > 0.9 * line.size and 0.42 * width < gap[1] < 0.58 * width:
                across -= 1  # two columns read as one line
                left += 1
                right += 1
    if min(left, right) < 5 or across > 1.2 * max(left, right):
        return None
    if not ends or not starts:
        return width / 2
    ends.sort()
    starts.sort()
    end, start = ends[int(0.9 * (len(ends) - 1))], starts[int(0.1 * (len(starts) - 1))]
    return (end + start) / 2 if start > end - 2 else None


def _cut(line: Line, gutter: float) -> list[Line]:
    """A line that runs over the gutter, where there is a gap as wide as one, in two."""
    if not line.x0 < gutter < line.x1:
        return [line]
    for i in range(1, len(line.words)):
        before, word = line.words[i - 1], line.words[i]
        if (
            before.x1 <= gutter + 2
            and word.x0 >= gutter - 2
            and word.x0 - before.x1 > 0.9 * line.size
            and not word.glued
        ):
            # A table's row or a centred formula may have a gap there too; a column's lines reach up to it.
            if gutter - before.x1 < 1.5 * line.size and word.x0 - gutter < 1.5 * line.size:
                return [_line(line.words[:i], line.page), _line(line.words[i:], line.page)]
    return [line]


def _columns(lines: Sequence[Line], width: float, gutter: float | None) -> list[Column]:
    strips: list[list[Line]] = [[]] if gutter is None else [[], []]
    for line in lines:
        if len(line.words) < 4:
            continue
        if gutter is None or line.x1 < gutter + 4:
            strips[0].append(line)
        elif line.x0 > gutter - 4:
            strips[1].append(line)
    return [_column(strip, width) for strip in strips]


def _column(lines: list[Line], width: float) -> Column:
    if not lines:
        return Column(0.12 * width, 0.88 * width, 12.0)
    x0 = _edge([line.x0 for line in lines], first=True)
    x1 = _edge([line.x1 for line in lines], first=False)
    steps = [b.y - a.y for a, b in pairwise(lines) if 0.8 * b.size < b.y - a.y < 2.2 * b.size]
    return Column(x0, x1, median(steps) if steps else 1.2 * lines[0].size)


def _edge(values: list[float], first: bool) -> float:
    """Where most lines begin or end: the commonest place, the outer one of two."""
    counts = Counter(round(v / 2) for v in values)
    most = max(counts.values())
    good = [place for place, n in counts.items() if n + counts[place + 1] + counts[place - 1] >= 0.5 * most]
    place = min(good) if first else max(good)
    return (
        min(v for v in values if abs(v / 2 - place) <= 1)
        if first
        else max(v for v in values if abs(v / 2 - place) <= 1)
    )


def _place(lines: Sequence[Line], columns: list[Column], gutter: float | None) -> None:
    for line in lines:
        if gutter is None or line.x1 < gutter + 4:
            line.column = 0
        elif line.x0 > gutter - 4:
            line.column = 1
        else:
            line.column = None


def _wild(lines: Sequence[Line]) -> bool:
    """Whether the file's order can't be how a person reads the page."""
    text = [line for line in lines if len(line.words) >= 4]
    back = sum(b.column == a.column and b.y < a.y - 0.5 * b.size for a, b in pairwise(text)) + sum(
        a.column == 1 and b.column == 0 for a, b in pairwise(text)
    )
    left = {round(line.y / 12): n for n, line in enumerate(text) if line.column == 0}
    beside = [
        n - left[round(line.y / 12)] for n, line in enumerate(text) if line.column == 1 and round(line.y / 12) in left
    ]
    # the right column before the left one beside it; a figure that its text flows around is less high
    swapped = sum(n < 0 for n in beside) > max(3, 0.5 * len(beside), 0.7 * len(left))
    return len(text) >= 8 and (swapped or back > max(3, 0.15 * len(text)))


def _sorted(lines: list[Line], gutter: float | None) -> list[Line]:
    """Top to bottom, column by column, in bands that lines across all columns part (a cut as in XY-cut, Nagy 1984)."""
    if gutter is None:
        return _rows(lines)
    ordered: list[Line] = []
    band: list[Line] = []
    for line in sorted(lines, key=lambda line: line.y):
        if line.column is None and len(line.words) >= 3:
            ordered += _rows([x for x in band if x.column != 1]) + _rows([x for x in band if x.column == 1])
            ordered.append(line)
            band = []
        else:
            band.append(line)
    return ordered + _rows([x for x in band if x.column != 1]) + _rows([x for x in band if x.column == 1])


def _rows(lines: list[Line]) -> list[Line]:
    """Lines from top to bottom; those on one baseline from left to right."""
    ordered: list[Line] = []
    row: list[Line] = []
    for line in sorted(lines, key=lambda line: line.y):
        if row and line.y - row[0].y > 0.4 * row[0].size:
            ordered += sorted(row, key=lambda x: x.x0)
            row = []
        row.append(line)
    return ordered + sorted(row, key=lambda x: x.x0)
