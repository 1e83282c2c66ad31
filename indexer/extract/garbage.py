"""Telling text from the noise that a broken font encoding yields."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_ENOUGH = 500  # words of a page tell what it is
_VOWELS = frozenset("aeiouyáàâäãåæéèêëíìîïóòôöõøœúùûüýаеёиоуыэюяαεηιουωάέήίόύώ")


def is_garbage(words: Sequence[str]) -> bool:
    """Whether a page's words are no words: characters of no script, or letters in the proportions of no language.

    Only a page with enough of them is judged; formulas, tables and foreign scripts are not garbage.
    """
    text = "".join(words)
    if len(text) < 40:
        signs = sum(not c.isalnum() for c in text)
        mixed = (
            len(text) >= 8 and signs > 0.4 * len(text) and not any(len(word) > 2 and _wordlike(word) for word in words)
        )
        return bool(text) and (sum(map(_strange, text)) > 0.5 * len(text) or (mixed and any(c.isalpha() for c in text)))
    strange = sum(map(_strange, text)) / len(text)
    if strange > 0.1:
        return True
    letters = sum(c.isalpha() for c in text)
    if letters < 0.15 * len(text) and len(text) > 400:  # a page of nothing but signs
        return sum(c.isdigit() for c in text) < 0.3 * len(text)
    tokens = [word for word in words[:_ENOUGH] if word.isalpha() or any(map(str.isalpha, word))]
    if len(tokens) < 30:
        return False
    latin = "".join(
        word for word in map(_stripped, tokens) if len(word) > 2 and word.isascii() and word.isalpha()
    ).lower()
    # of a paper's letters a third are vowels, of shifted codes a fifth; a few words over and over prove nothing
    if len(latin) > 100 and len(set(tokens)) >= 15 and sum(map(latin.count, "aeiouy")) < 0.27 * len(latin):
        return True
    return sum(map(_wordlike, tokens)) < 0.4 * len(tokens)


def _wordlike(word: str) -> bool:
    """Whether it could be a word of some language: letters of one case or with one capital first, with a vowel."""
    word = _stripped(word)
    if not word:
        return False
    if not word[0].isascii() or not word.isascii():
        return sum(c.isalpha() for c in word) >= 0.6 * len(word)
    plain = word.replace("-", "").replace("'", "")
    if not plain.isalpha():
        return False
    cased = plain.islower() or plain.isupper() or (plain[0].isupper() and plain[1:].islower())
    return cased and (len(plain) <= 2 or any(c in _VOWELS for c in plain.casefold()))


def _stripped(word: str) -> str:
    return word.strip(".,;:!?()[]{}\"'“”‘’«»-–—*/%0123456789")


def _strange(c: str) -> bool:
    return c == "\ufffd" or unicodedata.category(c) in ("Co", "Cn", "Cc", "Cs")
