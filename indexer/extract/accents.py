"""Accents that a file draws as signs of their own, put back on their letters."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from indexer.extract.sheet import Word

ACCENTS = {
    "´": "\u0301", "`": "\u0300", "¨": "\u0308", "ˆ": "\u0302", "^": "\u0302", "˜": "\u0303", "~": "\u0303", "ˇ": "\u030c",
    "˘": "\u0306", "¸": "\u0327", "˚": "\u030a", "˝": "\u030b", "˙": "\u0307", "¯": "\u0304", "˛": "\u0328",
}  # fmt: skip
_DOTLESS = {"ı": "i", "ȷ": "j"}
_NEAR = 8  # words before or after the accent, in the file's order, among which its letter is looked for


def composed(letter: str, accent: str) -> str:
    """The letter with the accent as one character, or the two side by side where there is none."""
    return (
        unicodedata.normalize("NFC", _DOTLESS.get(letter, letter) + ACCENTS[accent])
        if letter.isalpha()
        else letter + accent
    )


def accented(letter: str, accent: str) -> str:
    """The letter with the accent as one character, "" where there is none."""
    whole = unicodedata.normalize("NFC", ("i" if letter == "ı" else letter) + ACCENTS[accent])
    return whole if len(whole) == 1 else ""


def settled(words: list[Word]) -> list[Word]:
    """The words with each accent that stands alone put on the letter under it; those that fit no letter stay."""
    alone = [i for i, word in enumerate(words) if word.text in ACCENTS]
    if not alone:
        return words
    found: list[Word | None] = list(words)
    for i in alone:
        accent = words[i]
        near = [j for n in range(1, _NEAR + 1) for j in (i - n, i + n) if 0 <= j < len(words)]
        for j in near:
            word = found[j]
            if (
                word is None
                or word.text in ACCENTS
                or abs(word.y - accent.y) > 0.6 * accent.size
                or word.size > 1.3 * accent.size
            ):
                continue
            text = _accented(word, accent)
            if text != word.text:
                found[j], found[i] = word._replace(text=text), None
                if i + 1 < len(words) and found[i + 1] is not None and words[i + 1].glued and j != i - 1:
                    found[i + 1] = found[i + 1]._replace(glued=False)
                break
    return [word for word in found if word is not None]


def _accented(word: Word, accent: Word) -> str:
    """A word with the accent on the nearest letter that takes it, if one is near enough."""
    middle = (accent.x0 + accent.x1) / 2
    text = word.text
    if not word.x0 - 0.05 * word.size <= middle <= word.x1 + 0.05 * word.size:
        return text
    at = (middle - word.x0) / max(word.x1 - word.x0, 0.1)
    fits = [i for i, c in enumerate(text) if len(composed(c, accent.text)) == 1]
    if not fits:
        return text
    places = _middles(text)
    rare = [0.0 if c.casefold() in "aeiouy" or accent.text in "ˇ¸˛˙" else 0.6 / len(text) for c in text]
    i = min(fits, key=lambda i: abs(places[i] - at) + rare[i])
    return text[:i] + composed(text[i], accent.text) + text[i + 1 :] if abs(places[i] - at) * len(text) <= 2 else text


def _middles(text: Sequence[str]) -> list[float]:
    """Where the middle of each letter is about, from 0 to 1, if a word's letters are as wide as in most fonts."""
    widths = [0.55 if c in "iljtfrI.,'’-ı" else 1.5 if c in "mwMW" else 1.35 if c.isupper() else 1.0 for c in text]
    total, at, middles = sum(widths), 0.0, []
    for width in widths:
        middles.append((at + width / 2) / total)
        at += width
    return middles
