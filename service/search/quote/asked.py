"""A quote as it is looked for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from service.search.quote.folding import fold, spaceless

LONGEST = 10_000
"""Characters that a quote may have."""
FEWEST_WORDS, _FEWEST_LETTERS = 3, 12  # below either, almost the same is not the same
_CUT = re.compile(r"[^\W\d_][-\u00ad\u2010\x02\ufffe]\s*$")


@dataclass(frozen=True)
class Asked:
    """A quote, or a part of one between ellipses, folded.

    `plain` is without citation marks; `short` says that it is too short for near, `cut` that it ends with the hyphen of a
    line's end, within a word.
    """

    text: str
    plain: str
    short: bool
    cut: bool


def asked_of(text: str) -> Asked | None:
    """A text as it is looked for; None where it has no letter and no digit."""
    own = _bare(fold(text).text)
    if not own:
        return None
    plain = _bare(fold(text, True).text)
    if len(plain) < len(own) / 2:  # nothing but citations
        plain = own
    letters = sum(map(str.isalnum, own))
    words = len(re.findall(r"[^\W_]+", text)) + sum(map(spaceless, text)) // 2
    return Asked(own, plain, letters < _FEWEST_LETTERS or words < FEWEST_WORDS, bool(_CUT.search(text)))


def why(asked: Asked) -> str:
    """Why it is not found, in words."""
    if asked.short:
        return (
            f"No page has exactly these words. A quote of fewer than {FEWEST_WORDS} words or {_FEWEST_LETTERS} letters"
            " is looked for exactly only: almost the same would be something else."
        )
    return "No page says this, exactly or nearly."


def _bare(text: str) -> str:
    """Without marks at either end: those of the one who quotes."""
    inner = re.search(r"[^\W_](?:.*[^\W_])?", text, re.DOTALL)
    return inner.group() if inner else ""
