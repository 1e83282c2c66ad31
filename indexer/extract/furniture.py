"""What stands on a page but belongs to no text: running heads, page numbers, line numbers, stamps."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from indexer.extract.layout import Layout, Line

_PAGE_NUMBER = re.compile(
    r"[-–—|\s]*+(?:page|p\.|pg\.?|seite)?\s*(?:\d{1,3}:)?(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:of|/|von)\s*\d{1,4})?[-–—|\s]*",
    re.IGNORECASE,
)
_STAMP = re.compile(r"\s*arXiv:\S+\s+\[[\w.-]+\]\s+\d{1,2}\s+\w{3,9}\.?\s+\d{4}\s*", re.IGNORECASE)
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_DEEP = 4  # lines from the top or the bottom of a page among which furniture is looked for


def without_furniture(pages: Sequence[Layout]) -> list[list[Line]]:
    """The lines of each page that are text. Nothing is taken from the middle of a page but line numbers."""
    deep = _DEEP if len(pages) > 3 else 1
    edges = [_edges(page, deep) for page in pages]
    repeated = _repeated(pages, edges)
    numbered = _page_numbers(pages, edges)
    kept = []
    for index, page in enumerate(pages):
        drop = {id(line) for line in page.lines if len(line.words) <= 8 and _STAMP.fullmatch(line.text)}
        drop |= {id(line) for line in edges[index] if id(line) in repeated or id(line) in numbered}
        drop |= _line_numbers(page)
        text = [line for line in page.lines if id(line) not in drop]
        kept.append(
            text or [line for line in page.lines if id(line) not in numbered]
        )  # what is all there is, is the text
    return kept


def _edges(page: Layout, deep: int) -> list[Line]:
    """The lines near the top and the bottom, those on one baseline counted once."""
    upright = sorted(page.lines, key=lambda line: line.y)
    found: list[Line] = []
    for lines, near in ((upright, lambda y: y < 0.14 * page.height), (upright[::-1], lambda y: y > 0.86 * page.height)):
        rows: list[float] = []
        for line in lines:
            if not near(line.y):
                break
            if not rows or abs(rows[-1] - line.y) > 3:
                rows.append(line.y)
            if len(rows) > deep:
                break
            found.append(line)
    return found


def _key(line: Line) -> str:
    text = re.sub(r"\d+|\b[ivxlc]{1,7}\b", "#", line.text.casefold())
    return re.sub(r"[^\w#]+", "", text)


def _repeated(pages: Sequence[Layout], edges: list[list[Line]]) -> set[int]:
    """Lines whose words come back at the same height on other pages: on a quarter of them, and on two at least."""
    places: dict[tuple[str, int], list[tuple[int, Line]]] = defaultdict(list)
    for index, lines in enumerate(edges):
        for line in lines:
            key = _key(line)
            if key.strip("#"):  # lone numbers are told by counting on, below
                places[key, round(line.y / 6)].append((index, line))
    found: set[int] = set()
    enough = max(2, min(6, round(0.25 * len(pages))))
    sizes = sorted(line.size for page in pages for line in page.lines if len(line.words) > 3)
    usual = sizes[len(sizes) // 2] if sizes else 0.0
    for (key, height), lines in places.items():
        alike = lines + places.get((key, height + 1), []) + places.get((key, height - 1), [])
        on = {index for index, _ in alike}
        if len(on) >= enough and (len(on) >= 3 or len(pages) <= 8):
            # Of two or three pages any may begin alike; a head is small, or counts the pages.
            if (
                len(pages) > 3
                or any(line.size < 0.97 * usual for _, line in alike)
                or len({line.text for _, line in alike}) > 1
            ):
                found |= {id(line) for _, line in alike}
    return found


def _page_numbers(pages: Sequence[Layout], edges: list[list[Line]]) -> set[int]:
    """Lone numbers at the edge that count on with the pages, and whatever says `Page 3 of 12`."""
    found: set[int] = set()
    offsets: Counter[tuple[bool, int]] = Counter()  # whether it is a Roman one, and how far from the page's index
    lone: list[tuple[Line, tuple[bool, int]]] = []
    for index, lines in enumerate(edges):
        for line in lines:
            text = line.text.strip()
            if len(text) <= 16 and _PAGE_NUMBER.fullmatch(text):
                digits = re.search(r"\d+(?!:)(?=\D*$|\s*(?:of|/|von))", text)
                letters = re.search(r"[ivxlc]+(?=\W*$)", text.casefold())
                number = int(digits[0]) if digits else roman(letters[0]) if letters else 0
                lone.append((line, (digits is None, number - index)))
                offsets[lone[-1][1]] += 1
    # A plot's numbers agree by chance; those of the pages do on many of them, and with one distance throughout.
    enough = min(2, len(pages)) if len(pages) <= 4 else max(3, 0.3 * len(pages))
    for romans in (False, True):
        best = max((o for o in offsets if o[0] == romans), key=lambda o: offsets[o], default=None)
        if best is not None and (offsets[best] >= (2 if romans else enough) or len(pages) <= 2):
            found |= {id(line) for line, offset in lone if offset == best}
    for page, lines in zip(
        pages, edges, strict=True
    ):  # what stands beside a page number is a running head, whatever it says
        first, last = (min((x.y for x in page.lines), default=0.0), max((x.y for x in page.lines), default=0.0))
        rows = [line.y for line in lines if id(line) in found and (line.y < first + 6 or line.y > last - 6)]
        found |= {id(line) for line in lines if len(line.words) <= 16 and any(abs(line.y - y) < 1 for y in rows)}
    return found


def roman(numeral: str) -> int:
    """The value of a Roman numeral, in either case; what is no well-formed one has a value too."""
    values = [_ROMAN[c] for c in numeral.upper()]
    return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))


def _line_numbers(page: Layout) -> set[int]:
    """The numbers of a manuscript's lines: a tall column of integers that count up in the margin."""
    lone = [
        line for line in page.lines if len(line.words) == 1 and line.words[0].text.isdecimal() and len(line.text) <= 4
    ]
    if len(lone) < 12:
        return set()
    found: set[int] = set()
    for right in (False, True):
        places = Counter(round((line.x1 if right else line.x0) / 3) for line in lone)
        place, _ = places.most_common(1)[0]
        column = sorted(
            (x for x in lone if abs(round((x.x1 if right else x.x0) / 3) - place) <= 1), key=lambda line: line.y
        )
        if len(column) >= 12:
            steps = [int(b.text) - int(a.text) for a, b in itertools.pairwise(column)]
            margin = column[0].x1 < 0.15 * page.width or column[0].x0 > 0.85 * page.width
            if margin and sum(step in (1, 5) for step in steps) > 0.8 * len(steps):
                found |= {id(line) for line in column}
    return found
