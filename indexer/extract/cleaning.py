"""Repairs to extracted text, each a pure function."""

from __future__ import annotations

import re
import unicodedata

_LIGATURES = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
# C0 and C1 controls but for tab, line feed: PDF readers let them through, no reader wants them.
# Lone surrogates can't be written as UTF-8, soft hyphens are invisible.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\ud800-\udfff\ufeff\ufffe\uffff]")
_LINE_END_HYPHEN = re.compile(r"(?<![\w-])([^\W\d_]{2,})-\n([^\W\d_]{2,})(?![\w-])")


def clean(text: str) -> str:
    """`text` with ligatures resolved, and without characters that nobody wants in a quotation."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_LIGATURES)
    return _UNWANTED.sub("", text)


def join_hyphens(pages: list[str]) -> list[str]:
    """`pages` with words joined that a line's end had cut, where the document itself has the joined word.

    `commu-\\nnication` becomes `communication` if that stands elsewhere; `low-\\ncommunication` becomes
    `low-communication`.
    """
    words = {word.casefold() for page in pages for word in re.findall(r"[^\W\d_]+", page)}

    def joined(match: re.Match[str]) -> str:
        first, second = match.groups()
        return first + second if (first + second).casefold() in words else f"{first}-{second}"

    return [_LINE_END_HYPHEN.sub(joined, page) for page in pages]
