"""Titles: whether two of them name the same paper, and the slug that one becomes."""

from __future__ import annotations

import re
from functools import lru_cache

from indexer.folding import plain

# Words that say nothing about which paper it is: they carry the grammar, or name the link and not what it leads to.
_EMPTY_WORDS = """
    a an and are as at based be by can do does for from how in into is it its of on or our s some that the their this to
    toward towards using via we what when where which with
    abs abstract arxiv blog code doi github here html link paper pdf preprint project slides url video website
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())


def same_title(given: str, true: str) -> bool:
    """Whether the two may name the same paper: False only where they clearly disagree.

    People lower-case, wrap, shorten and prefix titles, so what counts is how much of the shorter title the longer one
    has. Too few words to judge by (a system's name, an acronym, "pdf") never disagree.
    """
    ours, theirs = _words(given), _words(true)
    if sum(not word.isdigit() for word in ours) < 3 or len(theirs) < 2 or not _comparable(ours, theirs):
        return True
    if _shares_name(given, theirs) or _shares_name(true, ours):
        return True
    return _covered(ours, theirs) >= 0.55 or _alike("".join(ours), "".join(theirs)) >= 0.55


def overlap(title: str, other: str) -> float:
    """The share of the shorter title's words that the other has too, from 0 to 1; 1 if either has less than three."""
    ours, theirs = _words(title), _words(other)
    return 1.0 if min(len(ours), len(theirs)) < 3 else _covered(ours, theirs)


def slug(title: str, limit: int = 60) -> str:
    """The title as lower-case words joined by hyphens, at most `limit` characters; "untitled" if nothing is left."""
    from slugify import slugify

    return slugify(title, max_length=limit, word_boundary=True) or "untitled"


@lru_cache(maxsize=4096)
def _words(title: str) -> tuple[str, ...]:
    """The words that identify a title, folded: no accents, case, LaTeX braces or punctuation."""
    folded = plain(re.sub(r"[{}$\\]", "", title)).replace("'", "").replace("’", "")
    return tuple(word for word in re.findall(r"[^\W_]+", folded) if word not in _EMPTY)


def _comparable(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """Whether both are written in the same script: a translation is no contradiction."""
    return all(sum(word.isascii() for word in words) * 2 > len(words) for words in (ours, theirs)) or (
        bool(set(ours) & set(theirs))
    )


def _shares_name(title: str, others: tuple[str, ...]) -> bool:
    """Whether the name that stands before the colon of `title` ("DiLoCo: …") occurs in the other title."""
    head, colon, _ = title.partition(":")
    name = _words(head)
    return bool(colon and name) and len(name) <= 2 and set(name) <= set(others)


def _covered(ours: tuple[str, ...], theirs: tuple[str, ...]) -> float:
    """The share of the shorter title's words that the other has too, inflection aside."""
    ours_set, theirs_set = {_stem(word) for word in ours}, {_stem(word) for word in theirs}
    return len(ours_set & theirs_set) / min(len(ours_set), len(theirs_set))


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 3:
            return word[: -len(ending)]
    return word


def _alike(ours: str, theirs: str) -> float:
    """The share of the shorter text's letter trigrams that the other has too: blind to how words are split."""
    first, second = ({text[i : i + 3] for i in range(max(1, len(text) - 2))} for text in (ours, theirs))
    return len(first & second) / min(len(first), len(second))
