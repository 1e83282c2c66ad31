"""Lines to blocks: what is set as one paragraph, one heading, one row of cells after the other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from indexer.document import BlockKind
from indexer.extract.layout import Column, Line

_BULLET = re.compile(r"[•◦▪‣∙●○■□⁃▸►➢✓✔·]|[–—]$|\*$")
_ITEM = re.compile(r"\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)]$|\[\d{1,3}\]|\d{1,2}:$")
_NUMBERED = re.compile(r"(?:\d{1,2}|[A-Z])(?:\.\d{1,2}){0,3}\.?\s+[A-Z]")
_RECENT = 60  # lines of a block that tell where its edges are
_ENDS = re.compile(r"[.!?:;][)\]”\"'’]*(?:\s*\^?\d{1,2})?$")


@dataclass(slots=True)
class Drawn:
    """Lines that are set together, before it is known what they are. `column` is the strip they stand in."""

    lines: list[Line]
    column: Column
    kind: BlockKind | None = None
    continued: bool = False
    level: int = 0
    heading: str = ""
    appendix: bool = False
    claimed: bool = False  # by a caption or a picture
    _text: tuple[int, str] = (0, "")

    @property
    def page(self) -> int:
        """Index of its page."""
        return self.lines[0].page

    @property
    def first(self) -> Line:
        """Its first line."""
        return self.lines[0]

    @property
    def size(self) -> float:
        """The size of its longest line's type."""
        return max(self.lines, key=lambda line: len(line.words)).size

    @property
    def x0(self) -> float:
        """Left edge."""
        return min(line.x0 for line in self.lines)

    @property
    def x1(self) -> float:
        """Right edge."""
        return max(line.x1 for line in self.lines)

    @property
    def top(self) -> float:
        """Top edge."""
        return min(line.top for line in self.lines)

    @property
    def bottom(self) -> float:
        """Bottom edge."""
        return max(line.bottom for line in self.lines)

    @property
    def words(self) -> int:
        """How many words it has."""
        return sum(len(line.words) for line in self.lines)

    @property
    def cells(self) -> int:
        """How many of its lines stand beside another one."""
        return sum(line.beside for line in self.lines)

    @property
    def text(self) -> str:
        """Its lines as printed, with line ends."""
        if self._text[0] != len(self.lines):
            self._text = len(self.lines), "\n".join([line.text for line in self.lines])
        return self._text[1]


def leading_of(pages: Sequence[Sequence[Line]], body: float) -> float:
    """The usual distance of the document's baselines, in units of the size of its running text."""
    steps = Counter(
        round((b.y - a.y) / body, 2)
        for lines in pages for a, b in pairwise(lines)
        if abs(a.size - body) < 0.3 and abs(b.size - body) < 0.3 and len(b.words) > 3 and 0.9 < (b.y - a.y) / body < 2.6
    )  # fmt: skip
    return steps.most_common(1)[0][0] if steps else 1.2


def grouped(lines: Sequence[Line], columns: Sequence[Column], body: float, leading: float) -> list[Drawn]:
    """The blocks of a page, in the order of its lines.

    `body` is the size of the document's running text and `leading` the distance of its baselines, in units of it.
    """
    full = Column(min(c.x0 for c in columns), max(c.x1 for c in columns), columns[0].leading)
    blocks: list[Drawn] = []
    for line in lines:
        column = full if line.column is None else columns[min(line.column, len(columns) - 1)]
        if blocks and _goes_on(blocks[-1], line, column, body, leading):
            blocks[-1].lines.append(line)
        else:
            blocks.append(Drawn([line], column))
    return blocks


def bold(line: Line) -> bool:
    """Whether every word is bold, but for numbers, signs, indices and formulas."""
    told = False
    for word in line.words:
        if word.font.bold:
            told = True
        elif (
            word.size > 0.86 * line.size
            and not word.font.math
            and len(word.text) > 1
            and any(c.isalpha() for c in word.text)
        ):
            return False
    return told


def italic(line: Line) -> bool:
    """Whether every word is italic, but for numbers, signs and formulas."""
    told = False
    for word in line.words:
        if word.font.italic and not word.font.math:
            told = True
        elif any(c.isalpha() for c in word.text) and not word.font.math:
            return False
    return told


def labelled(line: Line) -> bool:
    """Whether it begins as an item of a list does."""
    first = line.words[0].text
    return bool(_BULLET.match(first)) or (len(line.words) > 1 and bool(_ITEM.match(first)))


def _goes_on(block: Drawn, line: Line, column: Column, body: float, leading: float) -> bool:
    before = block.lines[-1]
    em = max(line.size, before.size)
    if line.beside:
        return True
    if (
        before.column is None
        and line.column is not None
        and abs(line.x0 - before.x0) < 2
        and abs(line.size - before.size) < 0.2
    ):
        near = 0.45 * em < line.y - before.y < 1.4 * leading * em
        if near and before.x1 > block.column.x1 - 2.5 * em and not _ENDS.search(before.text) and len(before.words) > 5:
            return True  # the short last line of a paragraph that spans the columns
    if before.beside and len(block.lines) > 1:  # below a row of cells
        y = before.y
        before = min(takewhile(lambda x: abs(x.y - y) < 0.4 * em, reversed(block.lines)), key=lambda x: x.x0)
    if block.column is not column or abs(line.size - before.size) > 0.07 * em + 0.15:
        # a line with a formula or an address may be mostly of another type
        if not (block.column is column and abs(line.words[0].size - before.words[-1].size) <= 0.07 * em + 0.15):
            return False
    lead = max(leading * line.size, 1.05 * line.size)
    dy = line.y - before.y
    if not 0.45 * em < dy < 1.65 * lead:
        return False
    if bold(before) != bold(line) and not (line.font.mono and before.font.mono) and before.x1 < column.x1 - 1.5 * em:
        return False
    first = len(block.lines) == 1
    if bold(before) and bold(line) and dy <= 1.28 * lead:
        return not _NUMBERED.match(line.text)  # a heading that takes two lines
    if first and _capitals(before) and not _capitals(line) and before.x1 < column.x1 - 2 * em:
        return False
    if (
        (
            first
            and _NUMBERED.match(before.text)
            and before.x1 < column.x1 - 3 * em
            and len(before.words) <= 14
            and line.words[0].text[:1].isupper()
        )
        and not _ENDS.search(before.text)
        and ((italic(before) and not italic(line)) or dy > 1.15 * lead)
    ):
        return False
    if (
        first
        and line.font == before.font
        and _NUMBERED.match(before.text)
        and (before.size > 1.06 * body or before.text.isupper())
    ):
        return dy <= 1.28 * lead and not _NUMBERED.match(line.text)
    if (
        (
            first
            and len(before.words) > 1
            and _NUMBERED.match(before.text)
            and line.font == before.font
            and dy <= 1.28 * lead
        )
        and abs(line.x0 - before.words[1].x0) < 0.3 * em
        and line.x0 > before.x0 + em
        and len(line.words) <= 10
    ):
        return True  # set under the first word of a heading's title
    full = before.x1 > column.x1 - 2.5 * em
    # the mark of a footnote may stand behind the last full stop
    last = next((w for w in reversed(before.words) if w.size > 0.86 * before.size), before.words[-1])
    ends = bool(_ENDS.search(last.text))
    recent = block.lines[-_RECENT:]
    if dy > 1.28 * lead:
        return (
            full
            and not ends
            and line.words[0].text[:1].islower()
            and abs(line.x0 - min(x.x0 for x in recent)) < 1.2 * em
        )
    if _BULLET.match(line.words[0].text) and (ends or not full or line.x0 < before.x0 - 0.3 * em):
        return False
    if line.size < 0.95 * body and _marked(line):
        return False  # the next footnote
    indent = line.x0 - before.x0
    if labelled(line) and (indent < -0.5 * em or (not first and line.x0 < block.lines[1].x0 - 0.5 * em)):
        return False
    if labelled(line) and labelled(block.first) and abs(line.x0 - block.first.x0) < 0.5 * em and (ends or not full):
        return False
    if 0.7 * em < indent < 5 * em:
        if first and (labelled(block.first) or (before.x0 < column.x0 + 0.5 * em and full and not ends)):
            return True  # a hanging indent
        return full and not ends
    if indent < -0.7 * em:
        return first or not ends
    right = column.x1 if len(block.lines) < 3 else max(x.x1 for x in recent)
    return not (ends and before.x1 < right - 0.18 * (right - column.x0) and _begins(line))


def _marked(line: Line) -> bool:
    mark = line.words[0]
    raised = mark.size < 0.86 * line.size and mark.y < line.y - 0.1 * line.size
    return mark.text in "∗*†‡§¶" or (raised and len(mark.text) <= 2)


def _capitals(line: Line) -> bool:
    text = line.text
    return text.isupper() and sum(map(str.isalpha, text)) >= 4


def _begins(line: Line) -> bool:
    first = line.words[0].text
    return first[:1].isupper() or first[:1].isdigit() or not first[:1].isalnum()
