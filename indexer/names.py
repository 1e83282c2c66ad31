"""People's names: whether two of them may be one person's, whatever the order, the accents and the initials."""

from __future__ import annotations

import re
from collections.abc import Sequence

from indexer.folding import letters, plain, words

_SUFFIXES = frozenset(("jr", "sr", "ii", "iii", "iv"))


def people(names: Sequence[str]) -> dict[str, set[str]]:
    """The folded last names, each with the first letters of the first names that go with it."""
    found: dict[str, set[str]] = {}
    for name in names:
        last, comma, first = name.partition(",")
        if not comma:
            first, _, last = name.strip().rpartition(" ")
            if first and len(last.strip(".")) == 1:  # "Vaswani A."
                first, last = last, first
        if last := _letters(last):
            found.setdefault(last, set()).add(_letters(first)[:1])
    return found


def words_of(name: str) -> tuple[str, ...]:
    """The folded words of a name, given names first, also where it is written `Last, First`; without `Jr.`."""
    last, comma, first = name.partition(",")
    if comma and letters(first) not in _SUFFIXES:
        name = f"{first} {last}"
    # A hyphen parts words and an apostrophe doesn't: Jean-Baptiste, O'Brien.
    found = words(re.sub("['’ʼ`]", "", name))
    return tuple(found[:-1] if len(found) > 2 and found[-1] in _SUFFIXES else found)


def compatible(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether two lists of given names don't contradict: word by word one begins the other; a missing one agrees."""
    return all(a.startswith(b) or b.startswith(a) for a, b in zip(ours, theirs, strict=False))


def _letters(name: str) -> str:
    return "".join(c for c in plain(name) if c.isalpha())
