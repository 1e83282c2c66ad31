"""Words as a reader sees them: pieces of a word joined, rows from top to bottom, each from left to right."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from indexer.extract import cleaning
from indexer.extract.layout import Line
from indexer.extract.sheet import Word

MARKS = "∗*†‡§¶‖#⋆★✩☆♦♣♠♥♢♡◦•·∥⊥⋄◇△▽"
"""Signs that point from a name or a title to a note."""


class Token(NamedTuple):
    """A printed word. `raised` says that it is small and stands above the line, `glued` that no space is before it.

    `cased` is its text with small capitals as small letters. Lengths are in points, as those of a `Word`.
    """

    text: str
    cased: str
    x0: float
    x1: float
    size: float
    bold: bool
    italic: bool
    mono: bool
    raised: bool
    glued: bool


def rows_of(lines: Sequence[Line]) -> list[list[Token]]:
    """The words of lines as rows from top to bottom, each from left to right."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.y):
        if rows and abs(line.y - rows[-1][0].y) < 0.35 * max(line.size, rows[-1][0].size):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [row for row in (_tokens(row) for row in rows) if row]


def alike(token: Token, other: Token) -> bool:
    """Whether two words are set in one type."""
    same = abs(token.size - other.size) <= 0.06 * other.size and token.bold == other.bold
    return same and token.italic == other.italic and token.mono == other.mono


def fold(text: str) -> str:
    """A text's letters and digits, without case: what two spellings of one thing share."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def letters(text: str) -> int:
    """How many letters a text has."""
    return sum(c.isalpha() for c in text)


def _tokens(lines: Sequence[Line]) -> list[Token]:
    words = sorted(((word, _raised(word, line)) for line in lines for word in line.words), key=lambda pair: pair[0].x0)
    groups: list[list[tuple[Word, bool]]] = []
    for word, up in words:
        if groups:
            last, last_up = groups[-1][-1]
            gap = (word.x0 - last.x1) / max(word.size, last.size, 0.1)
            cut = -0.1 < gap < 0.1 and last.text[-1:].isalpha() and word.text[:1].isalpha()  # where an accent stood
            if up == last_up and ((word.glued and gap < 0.5) or cut):
                groups[-1].append((word, up))
                continue
        groups.append([(word, up)])
    return [_token([word for word, _ in group], group[0][1]) for group in groups]


def _token(pieces: Sequence[Word], raised: bool) -> Token:
    lead = max(pieces, key=lambda piece: (letters(piece.text) > 0, piece.size))
    cased = [
        piece.text.lower() if piece.text.isupper() and 0.6 * lead.size < piece.size < 0.9 * lead.size else piece.text
        for piece in pieces
    ]
    text, font = _clean("".join(piece.text for piece in pieces)), lead.font
    x0, x1 = pieces[0].x0, max(piece.x1 for piece in pieces)
    glued = pieces[0].glued
    return Token(text, _clean("".join(cased)), x0, x1, lead.size, font.bold, font.italic, font.mono, raised, glued)


def _clean(word: str) -> str:
    """A word with its accents composed; the grave, elsewhere a quotation mark, is an accent within a word."""
    return cleaning.clean(re.sub(r"(?<=[^\W\d_])`(?=[aeiouAEIOU])(.)", lambda m: f"{m[1]}\u0300", word))


def _raised(word: Word, line: Line) -> bool:
    capital = word.glued and word.text.isalpha() and word.text.isupper()  # a small capital, or the A of LaTeX's logo
    return word.size < 0.87 * line.size and word.y < line.y - 0.1 * line.size and not capital


def plain(text: str) -> str:
    """A text with single spaces and none before a comma or a colon."""
    return re.sub(r" ([:;,.?!])", r"\1", " ".join(text.split()))
