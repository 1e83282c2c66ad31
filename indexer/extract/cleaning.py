"""Repairs to extracted text, each a pure function."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from indexer.extract.accents import ACCENTS, accented

# NFKC only where it loses nothing: ligatures, presentation forms, mathematical alphabets, full-width letters and digits.
_COMPATIBILITY = {
    code: unicodedata.normalize("NFKC", chr(code))
    for codes in (
        range(0xFB00, 0xFB50), range(0x1D400, 0x1D800), range(0xFF10, 0xFF1A), range(0xFF21, 0xFF3B), range(0xFF41, 0xFF5B),
        range(0x2F00, 0x2FD6), range(0x1F100, 0x1F10B), range(0xFE50, 0xFE70), (0x210E, 0x2126, 0x212B),
    )
    for code in codes
}  # fmt: skip
_COMPATIBILITY.update(
    {0x00A0: " ", 0x2007: " ", 0x202F: " ", 0x2010: "-", 0x2011: "-", 0x00B5: "μ", 0x2028: "\n", 0x2029: "\n"}
)
# C0 and C1 controls but for tab, line feed: PDF readers let them through, no reader wants them.
# Lone surrogates can't be written as UTF-8; soft hyphens, zero widths and marks of direction are invisible.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\uffff\ue000-\uf8ff]"
)
_ACCENT_FIRST = re.compile(r"([´¨ˆ˜ˇ˘˚˝˙])([A-Za-zı])")
_GRAVE = re.compile(r"(?<=[a-z])`([aeiou])")
_ACCENT_AFTER = re.compile(r"([A-Za-z])(¸)")
_PREFIXES = frozenset(
    [
        "all",
        "co",
        "cross",
        "deep",
        "ex",
        "full",
        "half",
        "high",
        "hyper",
        "inter",
        "intra",
        "large",
        "long",
        "low",
        "meta",
        "micro",
        "mid",
        "mini",
        "multi",
        "near",
        "non",
        "one",
        "open",
        "over",
        "post",
        "pre",
        "pseudo",
        "real",
        "self",
        "semi",
        "short",
        "single",
        "small",
        "state",
        "sub",
        "super",
        "three",
        "top",
        "two",
        "ultra",
        "under",
        "up",
        "well",
        "zero",
    ]
)
_SMALL = frozenset(
    [
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "from",
        "in",
        "into",
        "of",
        "off",
        "on",
        "or",
        "out",
        "over",
        "the",
        "to",
        "up",
        "with",
    ]
)
_CUT = re.compile(r"(?<![^\W\d_])[^\W\d_]++-\n[^\W\d_]+")
_WORDS = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")


def clean(text: str) -> str:
    """`text` with ligatures and compatibility forms resolved, and without characters that nobody wants in a quotation."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = unicodedata.normalize("NFC", _UNWANTED.sub("", text.translate(_COMPATIBILITY)))
    elif not text.isprintable():
        text = _UNWANTED.sub("", text)
    if "`" in text:  # elsewhere it opens a quotation
        text = _GRAVE.sub(lambda m: unicodedata.normalize("NFC", m[1] + "\u0300"), text)
    if not text.isascii() and any(accent in text for accent in ACCENTS):
        text = _ACCENT_FIRST.sub(lambda m: accented(m[2], m[1]) or m[0], text)
        text = unicodedata.normalize("NFC", _ACCENT_AFTER.sub(lambda m: accented(m[1], m[2]) or m[0], text))
    return text


def words_of(text: str) -> set[str]:
    """The words of a text, casefolded, those with a hyphen as they stand: the evidence for `joined`.

    What a line's end has cut is none.
    """
    return {word.casefold() for word in _WORDS.findall(_CUT.sub(" ", text))}


def joined(first: str, second: str, words: Collection[str]) -> str:
    """The word that a line's end has cut into `first` (without its hyphen) and `second`.

    The document's own words decide, then a list of English words; `words` are those of the document, casefolded. Where
    neither knows it, both halves being words of their own keep the hyphen (`low-communication`).
    """
    head = re.search(r"[^\W\d_]*$", first[-64:])[0]
    tail = re.match(r"[^\W\d_]*", second)[0]
    if not head or not tail or second[:1].isdigit() or (tail[0].isupper() and not head.isupper()):
        return f"{first}-{second}"
    if head[0].isupper() and head[1:].islower() and tail.islower() and f"{head}-{tail}".casefold() not in words:
        if not (head.casefold() in _PREFIXES or (head.casefold() in words and tail in words) or _qualifies(tail)):
            return first + second  # a name: Hoff-mann
    if second[len(tail) : len(tail) + 1] == "-" or tail.casefold() in _SMALL:  # a compound: orders-of-magnitude
        return f"{first}-{second}"
    if len(head) > 1 and head.isupper() and tail.islower():
        return f"{first}-{second}"
    if "-" in first or ("/" in first and "-" not in head):
        whole = re.split(r"[-/]", first)[-1]
        if whole != head or head.casefold() in _SMALL:  # left-to-right
            return f"{first}-{second}"
    one, two = head.casefold(), tail.casefold()
    together, apart = one + two in words, f"{one}-{two}" in words
    if together != apart:
        return first + second if together else f"{first}-{second}"
    known = english()
    if together and apart:
        return f"{first}-{second}" if one in _PREFIXES else first + second
    if one + two in known:
        return first + second
    if one in _PREFIXES and (two in known or two in words):
        return f"{first}-{second}"
    is_word = (one in known and len(one) > 2) and (two in known and len(two) > 2)
    return f"{first}-{second}" if is_word else first + second


def _qualifies(tail: str) -> bool:
    """Whether it is the second half of a compound adjective (`Staleness-aware`), as no name's is."""
    return (
        len(tail) > 4
        and tail.endswith(("ed", "ing", "aware", "based", "free", "like", "style", "specific"))
        and tail in english()
    )


@lru_cache(maxsize=1)
def english() -> frozenset[str]:
    """Common English words in lower case."""
    import gzip
    import json
    from importlib.resources import files

    packed = (files("spellchecker") / "resources" / "en.json.gz").read_bytes()
    return frozenset(word for word, count in json.loads(gzip.decompress(packed)).items() if count > 20)
