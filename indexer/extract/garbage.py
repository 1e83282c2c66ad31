"""Telling text from the noise that a broken font encoding yields."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_VOWELS = frozenset("aeiouyáàâäãåæéèêëíìîïóòôöõøœúùûüýаеёиоуыэюяαεηιουωάέήίόύώ")


def is_garbage(words: Sequence[str]) -> bool:
    """Whether a page's words are no words: characters of no script, or letters in the proportions of no language.

    Only a page with enough of them is judged; formulas, tables and foreign scripts are not garbage.
    """
    text = "".join(words)
    if len(text) < 40:
        return bool(text) and sum(map(_strange, text)) > 0.5 * len(text)
    strange = sum(map(_strange, text)) / len(text)
    if strange > 0.2:
        return True
    latin = [word for word in words if len(word) >= 3 and word.isascii() and word.isalpha()]
    letters = sum(c.isalpha() for c in text)
    if letters < 0.15 * len(text) and len(text) > 400:  # a page of nothing but signs
        return sum(c.isdigit() for c in text) < 0.3 * len(text)
    if len(latin) < 30:
        return False
    voweled = sum(any(c in _VOWELS for c in word.casefold()) for word in latin) / len(latin)
    return voweled < 0.6 and not _acronyms(latin)


def _acronyms(words: Sequence[str]) -> bool:
    return sum(word.isupper() for word in words) > 0.7 * len(words)


def _strange(c: str) -> bool:
    return c == "\ufffd" or unicodedata.category(c) in ("Co", "Cn", "Cc", "Cs")
