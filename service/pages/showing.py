"""What templates show of an answer: texts in pieces, marked; places as bars; addresses that a browser may open."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from markupsafe import Markup

from service import minutes as times

minutes = times.spoken
_AROUND = 170  # characters shown before the sentence that was found, and behind it
_LEAST = 60
_PEOPLE = 6
_TITLE = 280  # characters of a title in a list
_NAME = 60
_ROWS = 250  # of a list on one page: more of them weigh more than a page may
_ITEM = re.compile(r"^-(?= )", re.MULTILINE)  # of a list, in a digest
_SENTENCE_ENDS = re.compile(r"[.!?:;…。！？]\W*\Z")
_FORMULA = re.compile(r"\$([^$%]{1,300})\$")
_ACCENT = re.compile(r"""\{?\\['`^"~=.](?:\{\\?[A-Za-z]\}|\\?[A-Za-z])\}?|\{?\\[cuvHrk]\{[A-Za-z]\}\}?""")
_RAISED = re.compile(r"([\^_])(?:\{([^{}\\]*)\}|([0-9A-Za-z+-]))")
_ABOVE = str.maketrans("0123456789+-=()in", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁱⁿ")
_BELOW = str.maketrans("0123456789+-=()aeioruvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑᵢₒᵣᵤᵥₓ")


@dataclass(frozen=True)
class Piece:
    """A stretch of a text: whether it is marked, and whether it belongs to the sentence that was found."""

    text: str
    marked: bool = False
    inside: bool = False


def pieces(
    text: str, marks: Iterable[Mapping[str, int]], sentence: Mapping[str, int] | None = None, prose: bool = False
) -> list[Piece]:
    """A text in pieces, cut wherever a mark or the sentence begins or ends; spans count characters.

    With a `sentence`, only what stands around it is kept, and `…` for the rest; in `prose` also where the text itself
    is cut within a sentence.
    """
    text = _ITEM.sub("•", text) if sentence else text
    spans = [(int(mark["start"]), int(mark["end"])) for mark in marks]
    low, high = (int(sentence["start"]), int(sentence["end"])) if sentence else (0, 0)
    begin, end = _window(text, low, high) if sentence else (0, len(text))
    cuts = sorted({begin, end, *(c for span in (*spans, (low, high)) for c in span if begin < c < end)})
    found = [
        Piece(text[a:b], any(s <= a and b <= e for s, e in spans), low <= a and b <= high and a < b and bool(sentence))
        for a, b in pairwise(cuts)
    ]
    before = [Piece("… ")] if begin > 0 or (prose and text[:1].islower()) else []
    goes_on = end < len(text) or (prose and not _SENTENCE_ENDS.search(text[-40:]))
    return [*before, *found, *([Piece(" …")] if goes_on else [])]


@lru_cache(maxsize=8192)
def title(text: str) -> str:
    """A title as it is read: formulas between dollars, and LaTeX's accents, in Unicode as far as it has the signs."""
    if "\\" not in text and "$" not in text:
        return text
    return _ACCENT.sub(lambda match: _plain(match[0]), _FORMULA.sub(lambda match: _formula(match[1]), text))


def _formula(tex: str) -> str:
    return _plain(_RAISED.sub(lambda match: _moved(match[1], match[2] if match[3] is None else match[3]), tex))


def _moved(sign: str, text: str) -> str:
    """A text above or below the line; as LaTeX has it where Unicode can't."""
    moved = text.translate(_ABOVE if sign == "^" else _BELOW)
    return moved if not set(moved) & set(text) else sign + (text if len(text) == 1 else f"({text})")


def _plain(tex: str) -> str:
    from pylatexenc.latex2text import LatexNodes2Text

    try:
        return LatexNodes2Text(math_mode="text", keep_comments=True).latex_to_text(tex)
    except Exception:  # what is no LaTeX is shown as it stands
        return tex


def short(text: str, most: int = _TITLE) -> str:
    """A text of at most that many characters."""
    return text if len(text) <= most else text[:most].rstrip() + "…"


def coded(text: str) -> Markup:
    """A text whose parts between backticks are code."""
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if odd % 2 else part for odd, part in enumerate(text.split("`"))
    )


def _window(text: str, low: int, high: int) -> tuple[int, int]:
    """From where to where a text is shown: whole words around the sentence; what is left over by little, is shown too."""
    begin, end = max(0, low - _AROUND), min(len(text), high + _AROUND)
    if begin <= _LEAST:
        begin = 0
    elif (space := text.find(" ", begin, low)) >= 0:
        begin = space + 1
    if len(text) - end <= _LEAST:
        end = len(text)
    elif (space := text.rfind(" ", high, end)) >= 0:
        end = space
    return begin, end


def opened(link: str) -> str:
    """A link if a page may lead there, else "": a browser opens no file from a page, and a script is no address."""
    try:
        return link if urlsplit(link).scheme.lower() in ("http", "https") else ""
    except ValueError:
        return ""


def host(link: str) -> str:
    """The host of a link, without `www.`."""
    try:
        return (urlsplit(link).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def paper_address(paper_id: str, query: str = "") -> str:
    """The address of a paper's page."""
    return f"/papers/{quote(paper_id, safe='/:')}" + (f"?{urlencode({'q': query})}" if query else "")


def with_values(path: str, values: Mapping[str, str]) -> str:
    """An address with those values that are not empty."""
    told = urlencode({name: value for name, value in values.items() if value})
    return f"{path}?{told}" if told else path


@dataclass(frozen=True)
class Part:
    """The rows of one page of a list: those behind `before` of `all`. Addresses: its own, and of those beside it, "" for none."""

    rows: Sequence[Any]
    before: int
    all: int
    own: str
    previous: str
    next: str


def part(rows: Sequence[Any], page: int, path: str, values: Mapping[str, str]) -> Part:
    """A page of a list at `path` with these values; the last one, where it has fewer."""

    def address(number: int) -> str:
        return with_values(path, {**values, "page": str(number) if number > 1 else ""})

    page = min(page, max(1, math.ceil(len(rows) / _ROWS)))
    before = (page - 1) * _ROWS
    later = before + _ROWS < len(rows)
    return Part(
        rows[before : before + _ROWS], before, len(rows), address(page), address(page - 1) if page > 1 else "",
        address(page + 1) if later else "",
    )  # fmt: skip


def people(authors: Sequence[str], most: int = _PEOPLE) -> str:
    """Authors on one line: all, or the first with how many more there are."""
    names = [short(name, _NAME) for name in authors]
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def places(pages: Iterable[int | None], total: int | None) -> list[float] | None:
    """Where pages stand in a document of `total` pages, from 0 to 1; None where it has no pages, or one."""
    if not total or total < 2:
        return None
    return sorted({round(min(max((page - 1) / (total - 1), 0.0), 1.0), 4) for page in pages if page is not None})


def spans(marks: Iterable[Any]) -> list[dict[str, int]]:
    """Spans as JSON has them."""
    return [span(mark) for mark in marks]


def span(one: Any) -> dict[str, int]:
    """A span as JSON has it."""
    return {"start": one.start, "end": one.end}


def last(path: str) -> str:
    """The last part of a path or an address."""
    return path.rstrip("/").replace("\\", "/").rsplit("/", 1)[-1]


def reasons(some: Sequence[Any]) -> str:
    """Why a paper is related, in a few words for each reason."""
    words = {"cites": "cited by this paper", "cited-by": "cites this paper", "passages": "near in meaning",
             "terms": "shared terms"}  # fmt: skip
    told = []
    for reason in some:
        if reason.kind == "references":
            told.append(counted(reason.count, "shared reference"))
        elif reason.kind == "cited-together":
            told.append(f"cited together {counted(reason.count, 'time')}")
        else:
            told.append(words[reason.kind])
    return ", ".join(told)
