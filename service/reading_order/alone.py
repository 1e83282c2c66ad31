"""What is known by its title alone, among papers that are in order without it: it changes nothing of theirs.

Nothing tells what such a paper cites, and its name says little of what it is about. What others build on is read before the
first that does, as a paper that the library lacks would be; the rest stands behind all others, the older first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.library import Generation
from service.reading_order.precedence import Pair, Precedence, precedence_of
from service.reading_order.standing import Standing, is_survey, year_of
from service.wording import title_of

if TYPE_CHECKING:
    from service.citations import Basis, Graph


@dataclass(frozen=True)
class Joined:
    """The papers in order, those known by their titles alone among them, all by place: these come behind the others in
    `standing`, and are the later numbers. `pairs` are those that speak of them."""

    standing: Standing
    precedence: Precedence
    pairs: tuple[Pair, ...]
    order: tuple[int, ...]


def joined(
    generation: Generation, graph: Graph, alone: Sequence[int], without: set[Basis],
    standing: Standing, precedence: Precedence, order: Sequence[int],
) -> Joined:  # fmt: skip
    """What is said of the others, with the documents at the positions `alone` (not empty)."""
    stands = _standing(generation, graph, standing, alone)
    count, last = len(standing.positions), len(stands.positions)
    told = precedence_of(graph, stands.positions, stands.survey, without)
    pairs = tuple(pair for pair in told.pairs if pair.before >= count > pair.after)
    covers = tuple(pair for pair in told.covers if pair.after >= count > pair.before)
    at = {place: index for index, place in enumerate(order)}
    first: dict[int, int] = {}  # of the papers that lean on one, the one that is read first
    for place in range(count, last):
        leaning = [pair for pair in pairs if pair.before == place]
        leaning = [pair for pair in leaning if pair.strict] or leaning
        if leaning:
            first[place] = min((pair.after for pair in leaning), key=at.__getitem__)
    year = stands.year
    aged = sorted(range(count, last), key=lambda p: (math.inf if math.isnan(year[p]) else year[p], p))
    ahead: dict[int, list[int]] = {}
    for place in aged:
        if place in first:
            ahead.setdefault(first[place], []).append(place)
    whole = [one for place in order for one in (*ahead.get(place, ()), place)]
    whole += [place for place in aged if place not in first]
    return Joined(
        stands,
        Precedence(_sorted(precedence.pairs + pairs), _sorted(precedence.covers + covers)),
        pairs,
        tuple(whole),
    )


def _standing(generation: Generation, graph: Graph, others: Standing, alone: Sequence[int]) -> Standing:
    """How all stand; what a title alone doesn't tell is 0, and nobody asks for it."""
    some = [generation.catalogue.summaries[position] for position in alone]

    def padded(known: np.ndarray) -> np.ndarray:
        return np.pad(known, (0, len(alone)))

    return Standing(
        others.positions + tuple(alone), padded(others.score), padded(others.own),
        np.concatenate([others.year, [year_of(summary, graph.years.get) for summary in some]]),
        np.concatenate([others.survey, [is_survey(title_of(summary)) for summary in some]]),
        padded(others.told), padded(others.coined), padded(others.group), padded(others.tie),
    )  # fmt: skip


def _sorted(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    return tuple(sorted(pairs, key=lambda pair: (pair.before, pair.after, pair.kind)))
