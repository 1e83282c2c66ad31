"""Names that one paper gives and others go on to use: `BERT`, `the Transformer`. Who gives one is read before its
users.

A paper gives a name where its title begins with it (`BERT: …`), or its abstract says so (`called …`, `a new
architecture, the …`). Of several the surest and then the oldest is meant; a name that older papers use already is
nobody's.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.library import Generation
from service import wording
from service.derived import Once

_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_NAME = r"([A-Z][^\W_]*(?:-[^\W_]+)*)"
_CALLED = re.compile(
    r"\b(?:called|named|dubbed|termed|coined|call|name|dub|term)\s+(?:it\s+|this\s+\w+\s+)?[\"'“‘]?(?:the\s+)?" + _NAME
)
_GIVEN = re.compile(
    r"\b(?:introduces?|proposes?|presents?|releases?|develops?|describes?)\s+"
    r"(?:(?:the\s+)?([A-Z](?=[\w-]*[A-Z0-9])[\w-]*+)\s*[,(:]|an?\s+(?:[\w-]+\s+){0,6}[\w-]+,\s+(?:the\s+)?"
    + _NAME
    + ")"
)
_MOST_OLDER = 0.1  # of those that use a name
_FEWEST = 5  # users of a name that all know, in a small library


@dataclass(frozen=True)
class Coined:
    """The names that documents give. `by` has for each name who gives it and who uses it, all positions, ascending;
    `reach` (float64, by position) how widely one's best known name is used: 0 where by nobody, 1 by a tenth of all."""

    by: dict[str, tuple[int, tuple[int, ...]]]
    reach: np.ndarray


def of(generation: Generation, years: Sequence[float]) -> Coined:
    """The names of a generation, made once. `years` go by position, NaN where none is known."""
    return _made(generation, years)


def _of(generation: Generation, years: Sequence[float]) -> Coined:
    summaries = generation.catalogue.summaries
    with_text = wording.parted(generation, range(len(summaries)))[0]
    told = wording.told(generation, with_text)
    givers: dict[str, list[tuple[bool, int]]] = defaultdict(list)
    for position, each in told.items():
        for name, titled in given(each.title, each.text).items():
            givers[name].append((titled, position))
    users: dict[str, list[int]] = defaultdict(list)
    small: Counter[str] = Counter()
    for position, each in told.items():
        written: dict[str, set[str]] = defaultdict(set)
        for word in _WORD.findall(f"{each.title} . {each.text}"):
            if (name := _one(word)) in givers:
                written[name].add(word)
        for name, forms in written.items():
            users[name].append(position)
            small[name] += all(form.islower() for form in forms)
    by: dict[str, tuple[int, tuple[int, ...]]] = {}
    uses = np.zeros(len(summaries))
    for name in sorted(givers):
        giver = min(givers[name], key=lambda g: (not g[0], _aged(years[g[1]]), wording.mixed(summaries[g[1]].id)))[1]
        if sum(years[user] < years[giver] for user in users[name]) > _MOST_OLDER * len(users[name]):
            continue
        if 2 * small[name] > len(users[name]):  # an ordinary word
            continue
        others = tuple(sorted(user for user in users[name] if user != giver))
        if others:
            by[name] = giver, others
            uses[giver] = max(uses[giver], len(others))
    return Coined(by, np.minimum(np.log1p(uses) / math.log1p(max(len(with_text) / 10, _FEWEST)), 1))


_made = Once(_of, given="coined names")


def _aged(year: float) -> float:
    return math.inf if math.isnan(year) else year


def given(title: str, text: str) -> dict[str, bool]:
    """The names that a title and a text give, in small letters, each with whether the title does."""
    found: dict[str, bool] = {}
    head, colon, _ = title.partition(":")
    words = _WORD.findall(head) if colon else []
    if len(words) <= 2:
        alone = len(words) == 1
        found |= {_one(word): True for word in words if _odd(word) or (alone and word[:1].isupper())}
    line = " ".join(text.split())
    for pattern in (_CALLED, _GIVEN):
        for match in pattern.finditer(line):
            if name := next(filter(None, match.groups()), ""):
                found.setdefault(_one(name), False)
    return found


def _odd(word: str) -> bool:
    """Whether a word has a form that ordinary ones don't: several capitals, or a digit among letters."""
    letters = any(c.isalpha() for c in word)
    return letters and (sum(c.isupper() for c in word) >= 2 or any(c.isdigit() for c in word))


def _one(word: str) -> str:
    """A word in small letters, of several things the one."""
    small = word.lower()
    return small[:-1] if small.endswith("s") and len(small) > 4 else small
