"""What a block is: a caption, a table, words in a picture, a formula, code, a footnote, or prose.

Every rule looks at type, place and neighbours, none at what a paper is about.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise

from indexer.extract.blocks import Drawn, bold, italic
from indexer.extract.layout import Layout, Line

_CAPTION = re.compile(
    r"(?P<what>(?:supplementary |extended data )?(?:fig(?:ure)?s?|tab(?:le)?|algorithm|alg|listing|scheme|box|exhibit|plate|"
    r"chart|procedure|program|code|abbildung|tabelle|tableau))\b\.?\s*(?P<n>[A-Z]{0,2}\.?\d{1,3}(?:[.\-]\d{1,2})*[a-z]?|[IVX]{1,6})?"
    r"(?P<mark>\s*[.:|–—]|\s+\(|\s*$|(?=\s))",
    re.IGNORECASE,
)
_RULES = 400  # of a page at most: a chart may be drawn with thousands
_SUBCAPTION = re.compile(r"\([a-h]\)(?:\s|$)")
_LISTING = re.compile(r"alg|list|proc|prog|code", re.IGNORECASE)
_MATHS = frozenset("=+−×·÷±∓≤≥≪≫≈≠≡∝∈∉⊂⊆∪∩∀∃∇∂∑∏∫√∞→←↔⇒⇐⇔∥⟨⟩⌈⌉⌊⌋⊙⊗⊕∗∘αβγδεϵζηθϑικλμνξπρστυφϕχψωΓΔΘΛΞΠΣΦΨΩ∼|<>^{}ˆ˜¯∆")
_EQUATION_NUMBER = re.compile(r"\(\d{1,3}[a-z]?(?:\.\d{1,3})?\)$|\([A-Z]\.?\d{1,2}\)$")
_STEP = re.compile(
    r"(?:\d{1,2}[:.]\s|(?:require|ensure|input|output|initiali[sz]e|parameters?|data|result|server|client|procedure|function)\b"
    r"\w{0,12}:?|(?:for|while|if|else|end|repeat|until|return|do)\b)",
    re.IGNORECASE,
)
_NUMBERED_STEP = re.compile(r"\d{1,2}:\s")
_MARK = re.compile(r"\(?(?:\d{1,2}|[∗*†‡§¶#♦♣♠♥◦⋆★]+|[a-z])\)?$")
_PICTURES = 300  # of a page: the largest
_CAPTIONS = 60  # of a page, at most, for each of which rules are looked at
_HEADS = re.compile(
    r"abstract|introduction|references?|bibliography|acknowledge?ments?|conclusions?|appendix", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True)
class Body:
    """The type of a document's running text: its size in points, the fonts that most of it is set in, whether a typewriter's."""

    size: float
    fonts: frozenset[str]
    mono: bool = False


def body_of(pages: Sequence[Sequence[Line]]) -> Body:
    """The commonest size among lines of prose, and the fonts that are common in it."""
    sizes: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            if len(line.words) >= 4:
                sizes[line.size] += len(line.words)
    if not sizes:
        for lines in pages:
            for line in lines:
                sizes[line.size] += len(line.words)
    if not sizes:
        return Body(10.0, frozenset())
    ordered = sorted(sizes)
    near = {
        s: sum(sizes[t] for t in ordered[bisect_left(ordered, s - 0.151) : bisect_right(ordered, s + 0.151)])
        for s in ordered
    }
    size = max(near, key=lambda s: (near[s], sizes[s]))
    fonts: Counter[str] = Counter()
    mono = 0
    for lines in pages:
        for line in lines:
            if abs(line.size - size) <= 0.3:
                fonts[line.font.name] += len(line.words)
                mono += len(line.words) if line.font.mono else 0
    total = sum(fonts.values())
    return Body(size, frozenset(name for name, n in fonts.items() if n > 0.04 * total), mono > 0.5 * total)


def mark_kinds(blocks: list[Drawn], page: Layout, body: Body) -> None:
    """Gives each block of a page that is not prose its kind, in place. Headings and references are not looked for."""
    _cut_captions(blocks, page, body)
    prose = [prose_like(block, body) for block in blocks]
    code = _code(blocks, body)
    captions = [i for i, block in enumerate(blocks) if block.kind is None and caption(block, body)]
    for block in blocks:
        if (
            block.kind is None
            and block.size < 0.97 * body.size
            and _SUBCAPTION.match(block.first.text)
            and block.words <= 60
        ):
            block.kind = "caption"
    for i in captions:
        blocks[i].kind = "caption"
        if i + 1 < len(blocks) and _title_of(blocks[i], blocks[i + 1]):
            blocks[i + 1].kind = "caption"
    _pictures(blocks, page, body, prose, code)
    for i in captions:
        if len(captions) > _CAPTIONS or not _ruled(blocks, i, page, body):
            _around(blocks, i, prose, body, code)
    _footnotes(blocks, page, body)
    for i, block in enumerate(blocks):
        if block.kind is None and not prose[i]:
            if _grid(block):
                block.kind = "table"
            elif id(block) in code:
                block.kind = "code"
            elif formula(block, body):
                block.kind = "formula"
            elif not heading_like(block, body) and _scrap(block, body):
                block.kind = "figure"
        elif block.kind is None and id(block) in code:
            block.kind = "code"
        if block.kind is None and all(_NUMBERED_STEP.match(line.text) for line in block.lines):
            block.kind = "code"
    _formula_parts(blocks, body)
    _neighbours(blocks, prose, body)


def _neighbours(blocks: list[Drawn], prose: list[bool], body: Body) -> None:
    """What is left between cells and scraps, and is no prose, is one of them."""
    for order in (range(len(blocks)), range(len(blocks) - 1, -1, -1)):
        step = order.step
        for i in order:
            block = blocks[i]
            j = i - step
            if block.kind is not None or prose[i] or not 0 <= j < len(blocks) or heading_like(block, body):
                continue
            near = blocks[j]
            if (
                near.kind in ("table", "figure", "code")
                and near.column is block.column
                and not _paragraph_end(blocks, i, body)
            ):
                gap = max(block.top - near.bottom, near.top - block.bottom)
                if gap < 2.2 * body.size:
                    block.kind, block.claimed = near.kind, near.claimed


def _paragraph_end(blocks: Sequence[Drawn], i: int, body: Body) -> bool:
    """Whether a short block may be the last line of a paragraph, or one like `Then we have:`."""
    block = blocks[i]
    edge = block.x0 < block.column.x0 + 2.5 * body.size
    return edge and abs(block.size - body.size) <= 0.3 and block.text[-1] in ".:,;"


def prose_like(block: Drawn, body: Body) -> bool:
    """Whether it is set as running text is: long lines of words in the document's own type."""
    words = len(_WORD.findall(block.text))
    lines = len(block.lines)
    rows = lines - block.cells
    if block.cells and (block.cells > 0.5 * rows or words < 5 * rows):
        return False
    if words < 3 or (words < 3 * rows and rows > 1):
        return False
    if formula_share(block) > 0.5:
        return False
    letters = block.size
    if letters < 0.8 * body.size or letters > 1.25 * body.size:
        return False
    if body.fonts and block.first.font.name not in body.fonts and not bold(block.first):
        used = Counter()
        for line in block.lines:
            for word in line.words:
                used[word.font.name in body.fonts] += len(word.text)
        if used[True] < 0.3 * (used[True] + used[False]) and abs(letters - body.size) > 0.3:
            return False
    if lines == 1 and _gaps(block.first) >= 2:
        return False
    if lines == 1:
        width = block.column.x1 - block.column.x0
        return words >= 4 or (block.x0 < block.column.x0 + 0.25 * width and block.first.text[-1:] in ".:")
    return True


def _cut_captions(blocks: list[Drawn], page: Layout, body: Body) -> None:
    """Parts captions from the rows of a table or the steps of an algorithm that are set right under them."""
    rules = sorted(page.rules, key=lambda rule: rule[1])
    cut: list[Drawn] = []
    for block in blocks:
        cut.append(block)
        if block.kind is not None or len(block.lines) < 2 or not caption(block, body):
            continue
        steps = bool(_LISTING.match(block.first.text))
        for n in range(1, len(block.lines)):
            above, line = block.lines[n - 1], block.lines[n]
            low = bisect_right(rules, above.y, key=lambda rule: rule[1])
            high = bisect_left(rules, line.top + 2, key=lambda rule: rule[1])
            ruled = any(x0 < line.x1 and x1 > line.x0 for x0, _, x1 in rules[low:high])
            if not line.beside and (ruled or _gaps(line) >= 2 or (steps and _NUMBERED_STEP.match(line.text))):
                cut.append(Drawn(block.lines[n:], block.column))
                del block.lines[n:]
                break
    blocks[:] = cut


def _title_of(label: Drawn, block: Drawn) -> bool:
    """Whether a block is the title under a caption that is no more than a label (`TABLE I`)."""
    match = _CAPTION.match(label.first.text)
    bare = len(label.lines) == 1 and match is not None and not label.first.text[match.end() :].strip(" .:")
    bare = bare and block.column is label.column
    return (
        bare
        and block.kind is None
        and not block.cells
        and 0 < block.top - label.bottom < 1.2 * label.size
        and block.words <= 120
    )


def caption(block: Drawn, body: Body) -> bool:
    """Whether it is the caption of a figure, a table, an algorithm or a listing."""
    match = _CAPTION.match(block.first.text)
    if not match or (not match["n"] and match["mark"].strip() not in (":", "|")):
        return False
    mark = match["mark"].strip()
    if mark in (".", ":", "|", "–", "—"):
        return True
    if _gaps(block.first) >= 2:
        return False  # the head of a table
    rest = block.first.text[match.end() :].strip()
    if _LISTING.match(match["what"]) and len(block.lines) <= 4 and rest[:1].isupper():
        return True
    if mark == "" and rest[:1].isupper() and len(rest.split()) >= 2 and not block.text.rstrip().endswith(","):
        return True
    if mark == "" and match.end() < len(block.first.text):
        label = [word for word in block.first.words[:2]]
        apart = bold(block.first) or all(word.font.bold or word.font.italic for word in label)
        return apart and (rest[:1].isupper() or block.size < 0.96 * body.size)
    return len(block.first.words) <= 3 and (bold(block.first) or block.size < 0.96 * body.size or len(block.lines) <= 4)


def formula_share(block: Drawn) -> float:
    """How much of it is formula, from 0 to 1, by characters: mathematical fonts and signs, single letters, numbers."""
    mathy = total = 0.0
    for line in block.lines:
        for word in line.words:
            text = word.text
            n = len(text)
            total += n
            if word.font.math or n == 1 or not _MATHS.isdisjoint(text):
                mathy += n
            elif not text.isalpha() and not any(map(str.isalpha, text)):
                mathy += n * 0.7
    return mathy / total if total else 0.0


def formula(block: Drawn, body: Body) -> bool:
    """Whether it is a displayed formula, or a part of one."""
    text = block.text
    words = [w for w in _WORD.findall(text) if w.islower() or w.istitle()]
    share = formula_share(block)
    signs = not _MATHS.isdisjoint(text) or any(word.font.math for line in block.lines for word in line.words)
    if not signs:
        return bool(_EQUATION_NUMBER.fullmatch(text.strip()))
    inset = block.x0 > block.column.x0 + 0.8 * body.size or bool(_EQUATION_NUMBER.search(text))
    return (share > 0.45 and len(words) <= 4 * len(block.lines) and inset) or (share > 0.75 and len(words) <= 2)


def _pictures(blocks: list[Drawn], page: Layout, body: Body, prose: list[bool], code: set[int]) -> None:
    boxes = []
    words = sum(block.words for block in blocks)
    for x0, top, x1, bottom in nlargest(
        _PICTURES, page.pictures, key=lambda box: (box[2] - box[0]) * (box[3] - box[1])
    ):
        if (x1 - x0) * (bottom - top) > 0.6 * page.width * page.height:
            continue
        inside = [
            b for b, p in zip(blocks, prose, strict=True) if p and len(b.lines) >= 3 and _within(b, x0, top, x1, bottom)
        ]
        # a page may be a drawing that holds its text
        held = sum(b.words for b in blocks if _within(b, x0, top, x1, bottom))
        if sum(len(b.lines) for b in inside) < 6 and held < 0.7 * words:
            boxes.append((x0, top, x1, bottom))
    for block, is_prose in zip(blocks, prose, strict=True):
        plain = is_prose and abs(block.size - body.size) < 0.04 * body.size and block.words > 10
        if block.kind is None and not plain and any(_within(block, *box) for box in boxes):
            block.kind, block.claimed = "code" if id(block) in code else "figure", True


def _within(block: Drawn, x0: float, top: float, x1: float, bottom: float) -> bool:
    inside = sum(
        x0 - 2 <= (line.x0 + line.x1) / 2 <= x1 + 2 and top - 2 <= line.y - 0.3 * line.size <= bottom + 2
        for line in block.lines
    )
    return inside > 0.6 * len(block.lines)


def _around(blocks: list[Drawn], i: int, prose: list[bool], body: Body, code: set[int]) -> None:
    """What a caption belongs to: the scraps before it or after it, up to the next prose."""
    what = blocks[i].first.text.casefold()
    before = _reach(blocks, i, -1, prose, body)
    after = _reach(blocks, i, +1, prose, body)
    if _LISTING.match(what):
        after = _steps(blocks, i, body) or after
        lead, kind = after or before, "code"
    elif what.startswith("tab"):
        lead = after if _tabular(blocks, after) >= _tabular(blocks, before) else before
        kind = "table"
    else:
        lead, kind = before or after, "figure"
    for j in lead:
        blocks[j].kind, blocks[j].claimed = "code" if id(blocks[j]) in code else kind, True


def _ruled(blocks: list[Drawn], i: int, page: Layout, body: Body) -> bool:
    """Marks what stands between the rules of a table or an algorithm that a caption names; says whether there are any."""
    caption = blocks[i]
    listing = bool(_LISTING.match(caption.first.text))
    if not page.rules or (not listing and not caption.first.text.casefold().startswith("tab")):
        return False
    others = [
        b
        for b in blocks
        if b.kind in ("caption", "heading")
        and b is not caption
        and not _SUBCAPTION.match(b.first.text)
        and b.x0 < caption.x1
        and b.x1 > caption.x0
    ]
    for low, high, left, right in _frames(caption, page.rules, others, listing):
        inside = [
            block for block in blocks
            if block is not caption and block.kind in (None, "figure", "table", "formula", "code")
            and not heading_like(block, body) and low - 2 < (block.top + block.bottom) / 2 < high + 2
            and left - 6 < block.x0 and block.x1 < right + 6
        ]  # fmt: skip
        if sum(len(block.lines) for block in inside) >= 2:
            for block in inside:
                block.kind, block.claimed = "code" if listing else "table", True
            return True
    return False


def _frames(
    caption: Drawn, rules: Sequence[tuple[float, float, float]], others: Sequence[Drawn], listing: bool
) -> list[tuple]:
    """The boxes (top, bottom, left, right) that rules of one width frame below or above a caption, the likeliest first."""
    widths: list[list[tuple[float, float, float]]] = []
    for x0, y, x1 in rules[:_RULES]:
        if x0 < caption.x1 and x1 > caption.x0:
            alike = next((w for w in widths if abs(w[0][0] - x0) < 4 and abs(w[0][2] - x1) < 4), None)
            if alike is None:
                widths.append([(x0, y, x1)])
            else:
                alike.append((x0, y, x1))
    found = []
    for alike in widths:
        ys = [y for _, y, _ in alike]
        left, right = min(x0 for x0, _, _ in alike), max(x1 for _, _, x1 in alike)
        below = sorted(y for y in ys if y > caption.bottom - 4)
        above = sorted((y for y in ys if y < caption.top + 4), reverse=True)
        stop = min((b.top for b in others if b.top > caption.bottom), default=float("inf"))
        below = [y for y in below if y < stop]
        if listing and above and below and caption.top - above[0] < 12:
            found.append((0.0, (caption.bottom, below[1] if len(below) > 1 else below[0], left, right)))
        elif not listing and len(below) >= 2 and below[0] - caption.bottom < 30:
            found.append((below[0] - caption.bottom, (below[0], below[-1], left, right)))
        stop = max((b.bottom for b in others if b.bottom < caption.top), default=0.0)
        above = [y for y in above if y > stop]
        if not listing and len(above) >= 2 and caption.top - above[0] < 30:
            found.append((caption.top - above[0], (above[-1], above[0], left, right)))
    # the nearest first, of those as near the tallest
    return [frame for _, frame in sorted(found, key=lambda f: (round(f[0] / 4), f[1][0] - f[1][1]))]


def _reach(blocks: Sequence[Drawn], i: int, step: int, prose: Sequence[bool], body: Body) -> list[int]:
    found = []
    j = i + step
    while 0 <= j < len(blocks) and not footnote_mark(blocks[j].first):
        block = blocks[j]
        if block.kind == "caption" and _SUBCAPTION.match(block.first.text):
            j += step
            continue
        if prose[j] or block.kind not in (None, "figure") or _last_line(blocks, j, found, body):
            break
        if heading_like(block, body) or (block.kind is None and _alone_formula(block)):
            break
        found.append(j)
        j += step
    # A heading, a formula or a stray line of the text between: geometry has the last word.
    return [j for j in found if _near(blocks[i], blocks[j])]


def _last_line(blocks: Sequence[Drawn], j: int, found: Sequence[int], body: Body) -> bool:
    """Whether a short block is the last line of a paragraph that a float had cut, apart from the float's own rows."""
    block = blocks[j]
    if (
        not found
        or len(block.lines) > 1
        or abs(block.size - body.size) > 0.3
        or block.x0 > block.column.x0 + 0.5 * body.size
    ):
        return False
    near = blocks[found[-1]]
    gap = max(block.top - near.bottom, near.top - block.bottom)
    return gap > 1.5 * body.size and abs(near.size - body.size) > 0.3


def _alone_formula(block: Drawn) -> bool:
    return bool(_EQUATION_NUMBER.search(block.text)) and not block.cells and formula_share(block) > 0.4


def _near(one: Drawn, other: Drawn) -> bool:
    return one.page == other.page and min(one.x1, other.x1) > max(one.x0, other.x0) - 0.5 * (one.x1 - one.x0)


def heading_like(block: Drawn, body: Body) -> bool:
    """Whether it might be a heading: a numbered line that is short and bold, in capitals or of a larger type."""
    text = block.first.text
    numbered = re.match(r"(?:\d{1,2}|[A-Z]|[IVX]{1,5})(?:\.\d{1,2})*\.?\s+[A-Z]", text)
    if len(block.lines) > 2 or block.cells:
        return False
    set_off = bold(block.first) or italic(block.first) or text.isupper() or block.size > 1.06 * body.size
    return (bool(numbered) and set_off) or bool(_HEADS.fullmatch(text))


def _tabular(blocks: Sequence[Drawn], found: Sequence[int]) -> float:
    """How much a run of blocks looks like a table's rows."""
    score = 0.0
    for j in found:
        block = blocks[j]
        score += block.cells + 0.5 * sum(
            any(c.isdigit() for c in word.text) for line in block.lines for word in line.words
        )
        score += sum(_gaps(line) for line in block.lines)
    return score


def _gaps(line: Line) -> int:
    return sum(b.x0 - a.x1 > 0.9 * line.size for a, b in zip(line.words, line.words[1:], strict=False))


def _steps(blocks: Sequence[Drawn], i: int, body: Body) -> list[int]:
    """The steps of an algorithm that follow its caption, prose-like as they may be."""
    found: list[int] = []
    misses = 0
    for j in range(i + 1, len(blocks)):
        block = blocks[j]
        if block.kind not in (None, "figure", "formula") or (
            heading_like(block, body) and not _STEP.match(block.first.text)
        ):
            break
        steps = sum(bool(_STEP.match(line.text)) for line in block.lines)
        inset = sum(line.x0 > block.column.x0 + 0.8 * line.size for line in block.lines)
        prose = prose_like(block, body) and len(block.lines) >= 2
        if (
            steps >= 0.25 * len(block.lines)
            or (inset > 0.6 * len(block.lines) and not prose)
            or formula_share(block) > 0.4
        ):
            misses = 0
        elif (prose and inset < len(block.lines)) or misses >= 2:
            break
        else:
            misses += 1
        found.append(j)
    while found and not any(_STEP.match(line.text) for line in blocks[found[-1]].lines):
        found.pop()
    return found


def _grid(block: Drawn) -> bool:
    rows = len({round(line.y / 3) for line in block.lines})
    gaps = sum(_gaps(line) + line.beside for line in block.lines)
    return rows >= 3 and gaps >= 1.5 * rows and formula_share(block) < 0.8


def _code(blocks: Sequence[Drawn], body: Body) -> set[int]:
    """The ids of blocks that are set in a typewriter's type, two lines at least below each other, where the text is not."""
    if body.mono:
        return set()
    typed = [_typed(block) for block in blocks]
    found = {id(block) for block, rows in zip(blocks, typed, strict=True) if rows >= 2}
    for (one, rows), (other, more) in pairwise(zip(blocks, typed, strict=True)):
        if rows and more and one.column is other.column and -body.size < other.top - one.bottom < 2.2 * body.size:
            found |= {id(one), id(other)}
    return found


def _typed(block: Drawn) -> int:
    """How many lines of a block are set in a typewriter's type, their numbers aside; 0 where others are too, or an address."""
    rows = [line.words[1:] if line.words[0].text.isdigit() and not line.beside else line.words for line in block.lines]
    rows = [row for row in rows if row]
    typed = [row for row in rows if all(w.font.mono or w.font.math for w in row) and any(w.font.mono for w in row)]
    address = re.match(r"\s*(?:https?://|\S+@|\{)", block.text)
    return 0 if address or len(typed) < 0.7 * len(rows) else len(typed)


def _scrap(block: Drawn, body: Body) -> bool:
    """Small or strange type, a few words, no sentence: words of a drawing that no caption claimed."""
    small = block.size < 0.85 * body.size
    strange = bool(body.fonts) and not any(
        word.font.name in body.fonts or word.font.math for line in block.lines for word in line.words
    )
    return (
        (small or (strange and not bold(block.first)))
        and block.words <= 4 * len(block.lines)
        and block.size < 1.05 * body.size
    )


def _formula_parts(blocks: list[Drawn], body: Body) -> None:
    """Numerators, limits and the like: scraps beside a formula are parts of it."""
    for step in (1, -1):
        order: Callable = range(len(blocks)) if step == 1 else range(len(blocks) - 1, -1, -1)
        for i in order:
            j = i - step
            if not 0 <= j < len(blocks) or blocks[j].kind != "formula" or blocks[i].kind not in (None, "figure"):
                continue
            block = blocks[i]
            close = block.top < blocks[j].bottom + 0.9 * body.size and block.bottom > blocks[j].top - 0.9 * body.size
            inset = block.x0 > block.column.x0 + 0.8 * body.size
            few = len([w for w in _WORD.findall(block.text) if w.islower()]) <= 2
            if close and inset and few and block.words <= 12 and not heading_like(block, body):
                block.kind = "formula"


def _footnotes(blocks: list[Drawn], page: Layout, body: Body) -> None:
    """Small type at a column's foot, the first of it under a mark."""
    for column in {id(block.column): block.column for block in blocks}.values():
        inside = [b for b in blocks if b.column is column]
        inside.sort(key=lambda block: block.top)
        foot: list[Drawn] = []
        for block in reversed(inside):
            if block.kind is not None or block.size > 0.945 * body.size:
                break
            foot.append(block)
        marked = [n for n, block in enumerate(foot) if footnote_mark(block.first)]
        low = foot and foot[0].bottom > 0.5 * page.height
        if low and page.number == 1:  # notices of a first page bear no mark
            marked = list(range(len(foot)))
        if low and marked:
            for block in foot[: max(marked) + 1]:
                block.kind = "footnote"


def footnote_mark(line: Line) -> str:
    """The mark with which a footnote begins, or ""."""
    first = line.words[0]
    if _MARK.match(first.text) and (first.size < 0.9 * line.size or first.y < line.y - 0.15 * line.size):
        return first.text
    if re.fullmatch(r"[∗*†‡§¶]+\.?", first.text):
        return first.text.rstrip(".")
    return first.text[:-1] if re.fullmatch(r"\d{1,2}\.", first.text) and len(line.words) > 2 else ""
