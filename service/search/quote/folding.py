"""Text as it is compared: its folded characters, so that neither a line's end nor a typeface tells two texts apart."""

from __future__ import annotations

import itertools
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np

_CACHED_PAGE = 100_000  # characters: longer pages are folded each time

CITATION = re.compile(
    r"\[\d[\d,;\s–-]{0,80}\]|\((?=[^()]{0,200}\d{4})[^()]{0,200}?\b(?:19|20)\d\d[a-z]?(?:[,;][^()]{1,200})?\)"
)
"""A citation mark, numbered or dated."""


class Folded(NamedTuple):
    """A text's folded characters, and which character of it each came from (int32)."""

    text: str
    places: np.ndarray


class _Characters(dict[str, str]):
    """What each character folds to."""

    _DROPPED = frozenset("'\"`´‘’‚‛“”„‟«»‹›′″¨ˆ˜¸˚˙˝ˇ˘_^")
    _DASHES = frozenset("-‐‑‒–—―−﹣－")

    def __missing__(self, character: str) -> str:
        self[character] = made = "".join(map(self._one, unicodedata.normalize("NFKD", character).casefold()))
        return made

    def _one(self, c: str) -> str:
        if c in self._DASHES:
            return "-"
        if c in self._DROPPED or c.isspace() or unicodedata.category(c)[0] in "MC":
            return ""
        return "i" if c == "ı" else c


_CHARACTERS_OF = _Characters()
_SCRIPT = re.compile(r"[\^_]\((?:[^()]|\([^()]{0,40}\)){0,80}\)")
NO_SCRIPT = {ord(c): None for c in "_^"}
_LOOSE_HYPHEN = re.compile(r"(?<!\d)-(?!\d)")


def fold(text: str, plain: bool = False) -> Folded:
    """A text folded; `plain` leaves its citation marks out."""
    own = (_whole if len(text) <= _CACHED_PAGE else _whole.__wrapped__)(text)
    if not plain:
        return own
    marks = [match.span() for match in CITATION.finditer(text)]
    if not marks:
        return own
    keep = np.ones(len(own.text), bool)
    for start, end in np.searchsorted(own.places, marks).tolist():
        keep[start:end] = False
    return _kept(own, keep)


@lru_cache(maxsize=512)
def _whole(text: str) -> Folded:
    pieces = [_CHARACTERS_OF[c] for c in text]
    for match in _SCRIPT.finditer(text):  # our own way to write what stands raised or lowered
        pieces[match.start() + 1] = pieces[match.end() - 1] = ""
    places = np.repeat(np.arange(len(text), dtype=np.int32), list(map(len, pieces)))
    own = Folded("".join(pieces), places)
    keep = np.ones(len(own.text), bool)
    for match in _LOOSE_HYPHEN.finditer(own.text):
        keep[match.start()] = False
    return own if keep.all() else _kept(own, keep)


def _kept(own: Folded, keep: np.ndarray) -> Folded:
    return Folded("".join(itertools.compress(own.text, keep.tolist())), own.places[keep])


def spaceless(c: str) -> bool:
    """Whether it is of a script that sets no spaces between words, so that a word may begin anywhere."""
    return "\u0e00" <= c <= "\u0eff" or "\u2e80" <= c <= "\ud7ff" or "\uf900" <= c <= "\ufaff" or c >= "\U00020000"
