"""Plain letters: what a word looks like to who types it without accents and capitals."""

from __future__ import annotations

import unicodedata

# Letters that Unicode doesn't take apart, as people type them who don't have them.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h"})


def plain(text: str) -> str:
    """A text without case, accents and compatibility forms; what is no letter stays."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in folded if not unicodedata.combining(c)).translate(_LETTERS)
