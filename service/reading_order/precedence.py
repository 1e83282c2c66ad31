"""What has to be read before what: the citations among some papers, each with its role, as pairs with a weight."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service import deadline
from service.citations.roles import part_of

if TYPE_CHECKING:
    from service.citations import Basis, Citation, Graph
    from service.reading_order.answer import Kind

STRICT = ("builds on", "uses")
"""The roles of citations that an order never contradicts outside a cycle."""
OFTEN = 3
"""Mentions in a paper's own sections from which on it leans on what it cites, whatever its sentences say of the role: how
often a work is mentioned tells most of what it was to the citing one (Zhu et al., "Measuring academic influence" (2015))."""
BY_ROLE: Mapping[str, float] = {"builds on": 1.0, "uses": 0.8, "compares with": 0.4, "mentions": 0.2}


@dataclass(frozen=True)
class Pair:
    """The paper at the place `before` is read before the one at `after`. `citation` is None where none shows it.

    `strict`: an order never contradicts it, outside a cycle. `often`: the later one mentions the other again and again, so
    that a way to it goes over the other. `why` is the sentence that shows it where no citation does, and `page` its page's
    printed number.
    """

    before: int
    after: int
    weight: float
    kind: Kind
    strict: bool
    citation: Citation | None = None
    why: str = ""
    page: int | None = None
    often: bool = False


@dataclass(frozen=True)
class Precedence:
    """The pairs among some papers, `covers` those of surveys: what a survey cites need not be read before it.

    A survey cites everything, so that its citations would put it last; experts put it early. Both are in an order of
    (before, after).
    """

    pairs: tuple[Pair, ...]
    covers: tuple[Pair, ...]

    @property
    def strict(self) -> tuple[Pair, ...]:
        """The pairs that an order never contradicts outside a cycle."""
        return tuple(pair for pair in self.pairs if pair.strict)


def precedence_of(
    graph: Graph, positions: Sequence[int], survey: np.ndarray, without: Collection[Basis] = ()
) -> Precedence:
    """What `graph` says of the documents at `positions`; `survey` (bool) goes by place in it.

    What has a basis that is in `without` is left out: `digest` for what rests on the words of our digests alone.
    """
    places: dict[int, list[int]] = {}  # by position in the graph, where versions of one paper share one
    for place, position in enumerate(positions):
        places.setdefault(graph.same_as[position], []).append(place)
    pairs: list[Pair] = []
    covers: list[Pair] = []
    for after, position in enumerate(positions):
        deadline.check()
        for citation in graph.cites(position):
            if citation.basis in without:
                continue
            weight = citation.weight * BY_ROLE[citation.role]
            for before in places.get(citation.cited, ()):  # never itself: the graph has no paper cite its own versions
                if survey[after]:
                    covers.append(Pair(after, before, weight, "covers", False, citation))
                else:
                    strict = citation.role in STRICT
                    pairs.append(Pair(
                        before, after, weight, citation.role, strict, citation, often=not strict and _often(citation)
                    ))  # fmt: skip
    return Precedence(_sorted(pairs), _sorted(covers))


def _often(citation: Citation) -> bool:
    """Whether a paper mentions another again and again, beside what it tells of other people's work."""
    return sum(part_of(place.section) != "related" for place in citation.mentions) >= OFTEN


def leaning(graph: Graph, positions: Sequence[int]) -> np.ndarray:
    """How much each of `positions` cites in all, weighed as pairs are, works that are not here too: float64 by place."""
    place = {graph.same_as[position]: number for number, position in enumerate(positions)}
    found = np.array([
        sum(citation.weight * BY_ROLE[citation.role] for citation in graph.cites(position)) for position in positions
    ], np.float64)  # fmt: skip
    for wanted in graph.wanted:
        for position, count, role in wanted.cited_by:
            if position in place:
                found[place[position]] += math.log1p(count) * BY_ROLE[role]
    return found


def _sorted(pairs: list[Pair]) -> tuple[Pair, ...]:
    return tuple(sorted(pairs, key=lambda pair: (pair.before, pair.after, pair.kind)))
