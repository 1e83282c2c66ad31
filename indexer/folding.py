"""Plain letters: what a text looks like to who types it without accents, capitals and signs."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")
# Letters that Unicode doesn't take apart, as people type them who don't have them.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h"})


def plain(text: str) -> str:
    """A text without case, accents and compatibility forms; what is no letter stays."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in folded if not unicodedata.combining(c)).translate(_LETTERS)


def words(text: str) -> list[str]:
    """The plain words of a text, in order: letters and digits."""
    return _WORD.findall(plain(text))


def letters(text: str) -> str:
    """The plain letters and digits of a text, with nothing between them."""
    return "".join(words(text))


def writable(text: str) -> str:
    """`text` with `?` for what can't be written as UTF-8: half a character, as a shell or a broken program's JSON may give it."""
    return text.encode("utf-8", "replace").decode()
