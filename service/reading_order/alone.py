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
    `standing`, and are the later numbers. `pairs` are those that speak of them, `group` has those that stand last in one of
    their own."""

    standing: Standing
    precedence: Precedence
    pairs: tuple[Pair, ...]
    order: tuple[int, ...]
    score: np.ndarray
    group: np.ndarray


def joined(
    generation: Generation, graph: Graph, alone: Sequence[int], without: set[Basis],
    standing: Standing, precedence: Precedence, order: Sequence[int], score: np.ndarray, group: np.ndarray,
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
    beside = [first.get(place) for place in range(count, last)]
    lowest, own = float(score.min()), int(group.max()) + 1
    return Joined(
        stands,
        Precedence(_sorted(precedence.pairs + pairs), _sorted(precedence.covers + covers)),
        pairs,
        tuple(whole),
        np.concatenate([score, [lowest if one is None else score[one] for one in beside]]),
        np.concatenate([group, [own if one is None else group[one] for one in beside]]).astype(np.int64),
    )


def _standing(generation: Generation, graph: Graph, others: Standing, alone: Sequence[int]) -> Standing:
    summaries = generation.catalogue.summaries
    some = [summaries[position] for position in alone]
    count, none = len(others.positions), np.zeros(len(alone))
    return Standing(
        others.positions + tuple(alone),
        np.concatenate([others.score, none]),
        np.concatenate([others.own, none]),
        np.concatenate([others.year, [year_of(summary, graph.years.get) for summary in some]]),
        np.concatenate([others.survey, [is_survey(title_of(summary)) for summary in some]]),
        np.concatenate([others.told, none > 0]),
        np.concatenate([others.coined, none]),
        np.concatenate([others.group, np.full(len(alone), int(others.group.max()) + 1)]),
        np.concatenate([others.tie, count + np.arange(len(alone))]),
    )


def _sorted(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    return tuple(sorted(pairs, key=lambda pair: (pair.before, pair.after, pair.kind)))
