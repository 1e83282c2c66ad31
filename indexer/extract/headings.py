"""Which blocks are headings, and at which level they stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from indexer.extract.blocks import Drawn, bold, italic
from indexer.extract.furniture import roman
from indexer.extract.kinds import Body, prose_like

_NUMBER = re.compile(
    r"(?P<appendix>appendix\s+)?(?:(?P<number>(?:\d{1,2}|[A-Z])(?:\.\d{1,2}){0,3})|(?P<roman>[IVX]{1,6})(?=[.:\s]))(?P<dot>[.:)]?)"
    r"(?:\s+|$)(?P<text>\S.*)?",
    re.IGNORECASE | re.ASCII,  # Turkish and other letters that fold to these are no numerals
)
_APPENDIX = re.compile(r"(?:supplementary|appendi(?:x|ces)|supporting information|annex)\b", re.IGNORECASE)
REFERENCES = re.compile(
    r"(?:(?:\d{1,2}|[A-Z]|[IVX]{1,5})\.?\s+)?(?:references?(?: and notes| cited)?|bibliography|literature(?: cited)?|works cited|"
    r"literaturverzeichnis|literatur|références|bibliographie|referencias|参考文献)\s*[:.]?",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    r"abstract|summary|introduction|background|preliminar(?:y|ies)|related works?|method(?:s|ology)?|experiments?|evaluation|"
    r"results|results and discussion|discussion|discussion and conclusions?|limitations?|conclusions?|"
    r"conclusions? and future works?|concluding remarks|future works?|acknowledge?ments?|author contributions?|contributions|"
    r"funding|ethics statement|"
    r"broader impacts?(?: statement)?|reproducibility(?: statement)?|appendi(?:x|ces)|supplementary materials?|contents|"
    r"table of contents|notation|data availability|ccs concepts|keywords|categories and subject descriptors|general terms|"
    r"index terms",
    re.IGNORECASE,
)
_NO_HEADING = re.compile(
    r"(?:theorem|lemma|proof|proposition|corollary|definition|assumption|remark|claim|example|algorithm|figure|fig\.|table|"
    r"keywords|index terms|categories|general terms|acm reference|ccs concepts|permission|copyright)\b",
    re.IGNORECASE,
)
_FIRST_LEVEL = re.compile(
    r"abstract|acknowledg|ccs concepts|keywords|contents|table of contents|references|bibliography|literature|works cited|"
    r"appendi|supplementary|annex|supporting", re.IGNORECASE
)  # fmt: skip
_CONTENTS = re.compile(r"(?:table of )?contents|list of (?:figures|tables)", re.IGNORECASE)
_LABEL = re.compile(r"(?:\d{1,2}|[A-Z])(?:\.\d{1,2})*\.?|[IVX]+\.")


@dataclass(slots=True)
class _Candidate:
    block: Drawn
    text: str
    number: tuple[int, ...]  # () where it has none; letters count from 1
    letters: bool
    roman: bool
    appendix: bool
    style: tuple
    strong: bool
    lone: bool  # white space above and below, and prose after it


def mark_headings(pages: Sequence[list[Drawn]], body: Body) -> None:
    """Marks headings in place: kind `heading`, the text on one line, and the level."""
    candidates = [
        found for blocks in pages for i, block in enumerate(blocks) if (found := _candidate(block, blocks, i, body))
    ]
    toc = _contents(pages)
    elsewhere = {_plain(c.text) for c in candidates if c.block.page not in toc}
    candidates = [
        c for c in candidates
        if c.block.page not in toc or not (re.search(r"\d$", c.text) or _plain(c.text) in elsewhere or c.number)
    ]  # fmt: skip
    numbered = _sequence([c for c in candidates if c.number])
    counted = {id(c) for c in numbered}
    romans = any(c.roman for c in numbered)
    level_of = _levels(numbered, romans)
    sizes = sorted({c.style[0] for c in candidates if c.strong}, reverse=True)
    many = len(numbered) >= 4
    apart = Counter(c.style for c in candidates if c.strong and c.lone and not c.number)
    for c in candidates:
        if id(c) in counted:
            level = _depth(c, romans)
        elif c.number and not c.appendix:
            continue
        elif (
            (_KNOWN.fullmatch(c.text) and (c.strong or c.style[2] or not many))
            or REFERENCES.fullmatch(c.text)
            or _APPENDIX.match(c.text)
        ):
            level = 1 if _FIRST_LEVEL.match(c.text) else level_of.get(c.style, 1)
        elif c.strong and (level_of.get(c.style) == 1 if many else True):
            level = level_of.get(c.style) or min(sizes.index(c.style[0]) + 1, 4)
        elif c.strong and apart[c.style] >= 2 and c.lone:
            deeper = max((n for style, n in level_of.items() if style[0] >= c.style[0]), default=0) + 1
            level = level_of.get(c.style, deeper)
        else:
            continue
        if _CONTENTS.fullmatch(c.text):
            c.block.kind = "front"
        else:
            c.block.kind, c.block.level, c.block.heading = "heading", level, c.text


def _candidate(block: Drawn, blocks: Sequence[Drawn], i: int, body: Body) -> _Candidate | None:
    if block.kind is not None or len(block.lines) > 4:
        return None
    if block.cells and not (block.cells == 1 and len(block.lines) == 2 and _LABEL.fullmatch(block.first.text)):
        return None
    if (
        max(
            sum(b.x0 - a.x1 > 1.2 * line.size for a, b in zip(line.words[1:], line.words[2:], strict=False))
            for line in block.lines
        )
        >= 2
    ):
        return None  # the head of a table
    text = " ".join(line.text for line in block.lines)
    text = re.sub(r"(?<=\w)- (?=[a-z])", "", text)
    words = text.split()
    if not 1 <= len(words) <= 22 or len(text) > 180 or not any(c.isalpha() for c in text):
        return None
    match = _NUMBER.match(text)
    number, letters, roman = _number(match)
    title = (match["text"] or "") if match and number else text
    if match and letters and not match["dot"] and title[:1].islower():
        number, letters, title = (), False, text  # `A simple baseline`
    known = bool(_KNOWN.fullmatch(text.strip(" .:")) or REFERENCES.fullmatch(text) or _APPENDIX.match(text))
    if _NO_HEADING.match(title) and not number and not known:
        return None
    if (
        number
        and title
        and not (title[0].isupper() or not title[0].isascii() or title[0] in "“\"'(" or title[0].isdigit())
    ):
        return None
    if number and not title and not (match and match["appendix"]):
        return None
    if (
        text[-1] in ".,;:"
        and not known
        and not (number and text[-1] == "." and len(words) <= (14 if bold(block.first) else 6))
    ):
        return None
    if sum(c.isalpha() for c in text) < 0.5 * len(text.replace(" ", "")):
        return None
    big = block.size > 1.06 * body.size
    caps = _capitals(block, text)
    dark = all(bold(line) for line in block.lines)
    slanted = all(italic(line) for line in block.lines)
    alone = _gap_above(block, blocks, i) > 1.25
    if not (
        big
        or caps
        or dark
        or (slanted and number)
        or (known and alone and len(words) <= 4)
        or (number and alone and _set_apart(block))
    ):
        return None
    if block.size < 0.75 * body.size:
        return None
    style = (round(block.size), dark, caps and not (big or dark), slanted)
    strong = (big or dark) and len(words) <= 14 and (title[:1].isupper() or title[:1].isdigit())
    appendix = bool(match and match["appendix"]) or (bool(_APPENDIX.match(text)))
    return _Candidate(
        block,
        " ".join(text.split()),
        number,
        letters,
        roman,
        appendix,
        style,
        strong,
        alone and _heads_prose(block, blocks, i, body),
    )


def _number(match: re.Match[str] | None) -> tuple[tuple[int, ...], bool, bool]:
    if not match:
        return (), False, False
    if match["number"]:
        parts = match["number"].split(".")
        if parts[0].isdigit():
            return (tuple(map(int, parts)), False, False) if 0 < int(parts[0]) <= 40 else ((), False, False)
        letter = parts[0]
        if not letter.isupper() or (not match["dot"] and not match["text"]) or match["dot"] in (":", ")"):
            return (), False, False
        if letter in "IVX" and match["dot"] == "." and len(parts) == 1:
            return (roman(letter),), False, True
        return (ord(letter) - 64, *map(int, parts[1:])), True, False
    if match["roman"] and match["roman"].isupper() and match["dot"] != ")":
        return (roman(match["roman"]),), False, True
    return (), False, False


def _capitals(block: Drawn, text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    return len(letters) >= 4 and sum(c.isupper() for c in letters) >= 0.9 * len(letters)


def _gap_above(block: Drawn, blocks: Sequence[Drawn], i: int) -> float:
    """The space above a block in lines of its column; large at the head of a column."""
    if i == 0 or blocks[i - 1].column is not block.column or blocks[i - 1].bottom > block.top + block.size:
        return 9.0
    return (block.first.y - blocks[i - 1].lines[-1].y) / max(block.column.leading, 1.0)


def _heads_prose(block: Drawn, blocks: Sequence[Drawn], i: int, body: Body) -> bool:
    if i + 1 == len(blocks):
        return True
    after = blocks[i + 1]
    if after.column is not block.column:
        return _set_apart(block)
    below = (after.first.y - block.lines[-1].y) / max(block.column.leading, 1.0)
    return after.kind is None and below > 1.15 and prose_like(after, body) and (_set_apart(block) or bold(block.first))


def _plain(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", text).casefold()


def _set_apart(block: Drawn) -> bool:
    return len(block.lines) == 1 and block.x1 < block.column.x1 - block.size


def _contents(pages: Sequence[list[Drawn]]) -> set[int]:
    """Indices of the pages that list the contents: many lines that end in a page number after dots or a gap."""
    found = set()
    for index, blocks in enumerate(pages):
        lines = [line for block in blocks for line in block.lines]
        dotted = sum(bool(re.search(r"(?:\.\s?){3,}\s*\d{1,4}$|\s\d{1,4}$", line.text[-80:])) for line in lines)
        dots = sum(bool(re.search(r"(?:\.\s?){4,}", line.text)) for line in lines)
        heads = any(_CONTENTS.fullmatch(block.first.text) for block in blocks)
        if dots >= 6 or (heads and dotted >= 6):
            found.add(index)
            for block in blocks:
                if REFERENCES.fullmatch(block.first.text):
                    break  # its entries may end in the pages that cite them
                listed = sum(bool(re.search(r"\d$", line.text)) for line in block.lines) >= 0.5 * len(block.lines)
                dotted = bool(re.search(r"(?:\.\s?){3,}", block.text))
                if block.kind in (None, "table", "figure") and (listed or dotted):
                    block.kind = "front"
    return found


def _sequence(candidates: list[_Candidate]) -> list[_Candidate]:
    """The numbered candidates that count on one after the other in the style most of their depth have."""
    if not candidates:
        return []
    romans = sum(c.roman for c in candidates) >= 3
    bare = romans and sum(c.roman and c.text.split()[0].isalpha() for c in candidates) >= 2  # without a point
    votes: dict[tuple[bool, int], Counter] = {}
    for c in candidates:
        if c.roman and not romans:  # `I. Foo` among letters
            c.roman, c.letters, c.number = False, True, (ord(c.text[0].upper()) - 64, *c.number[1:])
        elif bare and c.letters and re.match(r"[IVX]\s", c.text):
            c.roman, c.letters, c.number = True, False, (roman(c.text[0]),)
        votes.setdefault((c.letters, len(c.number)), Counter())[c.style] += 1
    kept: list[_Candidate] = []
    last: dict[bool, tuple[int, ...]] = {}
    for c in candidates:
        common = votes[c.letters, len(c.number)].most_common(3)
        before = last.get(c.letters and not romans)
        common_style = c.style in [style for style, n in common if n >= 0.3 * common[0][1]]
        if not common_style and not (before and c.number in _next(before) and any(c.style[1:3])):
            continue
        if romans and c.letters:  # IEEE: A, B, C below each roman number
            kept.append(c)
            continue
        if before is not None and not _follows(before, c.number):
            continue
        if before is None and c.number[0] > 2:
            continue
        last[c.letters and not romans] = c.number
        kept.append(c)
    return kept


def _next(before: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The numbers that may come right after one: its first child, or the one after it at any level."""
    return [(*before, 1), *((*before[:n], before[n] + 1) for n in range(len(before)))]


def _follows(before: tuple[int, ...], number: tuple[int, ...]) -> bool:
    if number <= before:
        return False
    return number[0] - before[0] <= 2


def _depth(c: _Candidate, romans: bool) -> int:
    if romans and c.letters and not c.appendix:
        return 2
    return len(c.number)


def _levels(numbered: Sequence[_Candidate], romans: bool) -> dict[tuple, int]:
    votes: dict[tuple, Counter] = {}
    for c in numbered:
        votes.setdefault(c.style, Counter())[_depth(c, romans)] += 1
    return {style: counts.most_common(1)[0][0] for style, counts in votes.items()}
