"""Words as a reader sees them: pieces of a word joined, accents on their letters, rows from left to right."""

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

# Accents that a file draws as signs of their own, by the combining character that each stands for.
_ACCENTS = {
    "`": "\u0300", "´": "\u0301", "ˊ": "\u0301", "ˋ": "\u0300", "ˆ": "\u0302", "˜": "\u0303", "¯": "\u0304",
    "˘": "\u0306", "˙": "\u0307", "¨": "\u0308", "˚": "\u030a", "˝": "\u030b", "ˇ": "\u030c", "¸": "\u0327",
    "˛": "\u0328", **{c: c for c in "\u0300\u0301\u0302\u0303\u0308\u030a\u030b\u030c\u0327"},
}  # fmt: skip
_DOTLESS = {"ı": "i", "ȷ": "j"}


class Token(NamedTuple):
    """A printed word. `raised` says that it is small and stands above the line: a mark or a number.

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


def only_accents(text: str) -> bool:
    """Whether a text is nothing but accents that belong on letters beside it."""
    return bool(text) and all(c in _ACCENTS for c in text)


def composed(word: str) -> str:
    """A word in which accents are signs of their own, with each on the letter after it, or else before it."""
    out: list[str] = []
    i = 0
    while i < len(word):
        c = word[i]
        if c in _ACCENTS:
            if i + 1 < len(word) and len(_compose(word[i + 1], c)) == 1:
                out.append(_compose(word[i + 1], c))
                i += 2
                continue
            if out and len(_compose(out[-1], c)) == 1:
                out[-1] = _compose(out[-1], c)
                i += 1
                continue
        out.append(c)
        i += 1
    return cleaning.clean("".join(out))


def fold(text: str) -> str:
    """A text's letters and digits, without case: what two spellings of one thing share."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def letters(text: str) -> int:
    """How many letters a text has."""
    return sum(c.isalpha() for c in text)


def _tokens(lines: Sequence[Line]) -> list[Token]:
    words = [
        (word._replace(glued=word.glued and (before is None or not only_accents(before.text))), _raised(word, line))
        for line in lines
        for before, word in zip([None, *line.words], line.words, strict=False)
    ]
    accents = [word for word, _ in words if only_accents(word.text)]
    words = sorted((pair for pair in words if not only_accents(pair[0].text)), key=lambda pair: pair[0].x0)
    groups: list[list[tuple[Word, bool]]] = []
    for word, up in words:
        if groups:
            last, last_up = groups[-1][-1]
            gap = (word.x0 - last.x1) / max(word.size, last.size, 0.1)
            if up == last_up and ((word.glued and gap < 0.5) or (gap < 0.12 and _parted(last, word, accents))):
                groups[-1].append((word, up))
                continue
        groups.append([(word, up)])
    return [_token([word for word, _ in group], group[0][1], accents) for group in groups]


def _parted(last: Word, word: Word, accents: Sequence[Word]) -> bool:
    """Whether an accent stands over one of two pieces, so that it may have cut a word in two."""
    return any(last.x0 <= (accent.x0 + accent.x1) / 2 <= word.x1 for accent in accents)


def _token(pieces: Sequence[Word], raised: bool, accents: Sequence[Word]) -> Token:
    texts = [_accented(piece, accents) for piece in pieces]
    lead = max(pieces, key=lambda piece: (letters(piece.text) > 0, piece.size))
    cased = [
        text.lower() if text.isupper() and 0.6 * lead.size < piece.size < 0.9 * lead.size else text
        for piece, text in zip(pieces, texts, strict=True)
    ]
    text, font = composed("".join(texts)), lead.font
    x0, x1 = pieces[0].x0, max(piece.x1 for piece in pieces)
    return Token(text, composed("".join(cased)), x0, x1, lead.size, font.bold, font.italic, font.mono, raised)


def _raised(word: Word, line: Line) -> bool:
    capital = word.glued and word.text.isalpha() and word.text.isupper()  # a small capital, or the A of LaTeX's logo
    return word.size < 0.87 * line.size and word.y < line.y - 0.1 * line.size and not capital


def _accented(piece: Word, accents: Sequence[Word]) -> str:
    """A piece of a word with the accents that are drawn over it, each on the nearest letter that takes it."""
    text = piece.text
    for accent in accents:
        middle = (accent.x0 + accent.x1) / 2
        if not piece.x0 - 0.5 <= middle <= piece.x1 + 0.5:
            continue
        at = (middle - piece.x0) / max(piece.x1 - piece.x0, 0.1)
        places = _middles(text)
        far = {
            i: abs(places[i] - at) * len(text) + (0.0 if c.casefold() in "aeiouy" or accent.text in "ˇ¸˛˙" else 0.6)
            for i, c in enumerate(text)
            if len(_compose(c, accent.text)) == 1
        }
        if far:
            i = min(far, key=lambda i: far[i])
            if far[i] <= 2.6:
                text = text[:i] + _compose(text[i], accent.text) + text[i + 1 :]
    return text


def _middles(text: str) -> list[float]:
    """Where the middle of each letter is about, from 0 to 1, if letters are as wide as in most fonts."""
    widths = [0.55 if c in "iljtfrI.,'’-ı" else 1.5 if c in "mwMW" else 1.35 if c.isupper() else 1.0 for c in text]
    at, middles = 0.0, []
    for width in widths:
        middles.append((at + width / 2) / sum(widths))
        at += width
    return middles


def _compose(letter: str, accents: str) -> str:
    if not letter.isalpha():
        return letter + accents
    return unicodedata.normalize("NFC", _DOTLESS.get(letter, letter) + "".join(_ACCENTS[c] for c in accents))


def plain(text: str) -> str:
    """A text with single spaces and none before a comma or a colon."""
    return re.sub(r"\s+([:;,.?!])", r"\1", " ".join(text.split()))
