"""Where papers stand before any citation is looked at: from titles, abstracts and years alone.

    own   = rank of age + .6 where the title says survey + .3 where only the abstract does + .4 reach of a name it gives
    score = .5 own + .5 mean of own over the papers of its theme

Age is nearly all that such texts tell of an expert's order. Surveys and what coined the others' words come earlier than
their age, and a theme as a whole stands where its papers stand. What opens a list is another question, where kind goes
before age.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.folding import plain
from indexer.library import Generation, Summary
from service import topics, wording
from service.reading_order import coined

_TITLED, _TOLD, _COINED = 0.6, 0.3, 0.4  # of the range of ages
_SMOOTH = 0.5
_GROUPS = 4
_KIND = (
    r"(?:surveys?|reviews?|overviews?|introduction|introductory|primer|tutorials?|foundations|fundamentals|handbook)"
)
# The kind stands where a part of the title begins, and is not what the paper is about ("peer review").
_TITLES = re.compile(
    r"(?:^|[:.?!\u2013\u2014-]\s+)(?:"
    rf"(?:a|an|the)\s+(?:[\w-]+\s+){{0,3}}?{_KIND}\b(?=\s*(?:$|[:,.\x22\u201d]|of|on|for|to|and|in|from|with|by|article|paper))"
    rf"|{_KIND}\b(?=\s*(?:$|[:,.]|of|on|for|to|and|in|from|article|paper|tutorial))"
    rf"|(?:[\w-]+\s+){{1,2}}?(?<!peer\s){_KIND}\b(?=\s*(?:$|[:.]|of|on|to)))"
)
_OF = (
    r"(?:provide|give|offer|present)s?\s+an?\s+(?:[\w-]+\s+(?:and\s+)?){0,4}"
    r"(?:survey|review|overview|introduction|tutorial|primer)"
)
_PAPER = r"(?:paper|article|chapter|book|tutorial|monograph|survey|review|report|work)"
_ABSTRACTS = re.compile(
    rf"\bthis\s+(?:\w+\s+)?{_PAPER}\s+(?:\w+ly\s+)?(?:surveys|reviews|{_OF})\b"
    rf"|\bin\s+this\s+(?:\w+\s+)?{_PAPER},?\s+we\s+(?:\w+ly\s+)?(?:survey|review|{_OF})\b"
    r"|\bwe\s+(?:comprehensively|systematically|briefly)\s+(?:survey|review)\b"
)


@dataclass(frozen=True)
class Standing:
    """How papers stand, each by its place in `positions`, which has no repeats.

    `score` (float64): the higher, the earlier to read. `own` (float64) is the same without its theme. `year` (float64):
    NaN where none is known. `survey` (bool): whether its title says that it is a survey or an introduction, `told`
    (bool): only its abstract does. `coined` (float64): how widely a name that it gives is used by the others, from 0 to
    1. `group` (int64): the theme it is in, numbered from 0. `tie` (int64): what is first among equals, by a hash of the
    id.
    """

    positions: tuple[int, ...]
    score: np.ndarray
    own: np.ndarray
    year: np.ndarray
    survey: np.ndarray
    told: np.ndarray
    coined: np.ndarray
    group: np.ndarray
    tie: np.ndarray

    def order(self) -> list[int]:
        """The positions, the first to read first."""
        return [self.positions[place] for place in np.lexsort((self.tie, -self.score))]


def standing_of(
    generation: Generation, positions: Sequence[int] | None = None, years: Callable[[int], float | None] | None = None
) -> Standing:
    """How the documents at `positions` stand among each other, all of them where it is None; the answer is the same in
    whatever order they are given. `years` may know the year of one that has none of its own."""
    summaries = generation.catalogue.summaries
    known = tuple(dict.fromkeys(range(len(summaries)) if positions is None else positions))
    canonical = {position: place for place, position in enumerate(topics.in_order(generation, known))}
    tie = np.array([canonical[position] for position in known], np.int64)
    year = np.array([year_of(summaries[position], years) for position in known], np.float64)
    texts = wording.told(generation, known)
    survey = np.array([is_survey(texts[position].title) for position in known], bool)
    told = ~survey & np.array([tells_survey(texts[position].text) for position in known], bool)
    own_years = [year_of(summary) for summary in summaries]
    reach = coined.of(generation, own_years).reach[np.array(known, np.int64)]
    in_order = [known[place] for place in np.argsort(tie)]
    group = topics.groups_of(generation, in_order, min(_GROUPS, len(known) - 1))[tie]
    own = ages(year) + _TITLED * survey + _TOLD * told + _COINED * reach
    mean = np.bincount(group, own) / np.bincount(group)
    score = (1 - _SMOOTH) * own + _SMOOTH * mean[group]
    return Standing(known, score, own, year, survey, told, reach, group, tie)


def start_here(standing: Standing, texts: int | None = None) -> list[int]:
    """Every position, where to open first: what its title calls a survey or an introduction, then what its abstract
    does, then the others; within each the older first, what gave the others a name before its age. Last what stands at a
    place from `texts` on, which is known by its title alone."""
    some = slice(texts)
    among = ages(standing.year[some]) + _COINED * standing.coined[some]
    order = np.lexsort((standing.tie[some], -among, ~standing.told[some], ~standing.survey[some]))
    return [*(standing.positions[place] for place in order), *standing.positions[len(order) :]]


def ages(years: np.ndarray) -> np.ndarray:
    """The rank of each age from -.5 (the youngest) to .5, equal years sharing the mean of their ranks; 0 where
    unknown."""
    age = np.zeros(len(years))
    known = np.flatnonzero(~np.isnan(years))
    if len(known) > 1:
        _, which, counts = np.unique(-years[known], return_inverse=True, return_counts=True)
        rank = np.cumsum(counts) - (counts + 1) / 2
        age[known] = (rank / (len(known) - 1) - 0.5)[which]
    return age


def year_of(summary: Summary, years: Callable[[int], float | None] | None = None) -> float:
    """The year of a document: its date's, its arXiv id's, or what `years` knows; NaN where there is none."""
    if summary.year is not None and 1500 <= summary.year <= datetime.date.max.year:
        return float(summary.year)
    if summary.arxiv_id and (
        match := re.fullmatch(r"(?:[a-z-]+(?:\.[A-Za-z-]+)?/)?(\d\d)(\d\d)\.?\d+", summary.arxiv_id)
    ):
        short = int(match[1])
        return float(1900 + short if short > 90 else 2000 + short)
    other = years(summary.position) if years is not None else None
    return float("nan") if other is None else float(other)


def is_survey(title: str) -> bool:
    """Whether a title says that this is a survey, an introduction or another overview."""
    return bool(_TITLES.search(plain(title)))


def tells_survey(text: str) -> bool:
    """Whether an abstract says so."""
    return bool(_ABSTRACTS.search(plain(" ".join(text.split()))))
