"""The way to a paper: which of the papers that it rests on matter, and which can be skipped.

What reaches a paper flows back over the citations from the goal, half of it going on at each step: PageRank with a start
(Haveliwala, "Topic-sensitive PageRank" (2002)), backwards. The ancestors that together get most of it are kept, and joined
to the goal by the cheapest way, as reading paths are Steiner trees over a citation graph in Ding, Xiang, Yao and others,
"RePaGer" (2021); the union of shortest ways stands for the tree. What one that is kept builds on is kept: a way that leaves
it out would be no honest one. What else is cited can be skipped, and it is said why.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from service import deadline
from service.reading_order.precedence import Pair

_GOES_ON = 0.5
_KEPT = 0.8
"""The share of what reaches all ancestors that the kept ones have together."""
_STEPS = 50  # after which 2^-50 is left
_EPSILON = 0.05


@dataclass(frozen=True)
class Way:
    """The places to read, the goals with them, and those that can be skipped; `share` (float64) is how much reaches each."""

    kept: frozenset[int]
    skipped: frozenset[int]
    share: np.ndarray


def flow(count: int, pairs: Sequence[Pair], start: Collection[int], leaning: np.ndarray | None = None) -> np.ndarray:
    """How much of what starts at `start` (not empty), in equal parts, comes to each place against the pairs' direction:
    float64.

    `leaning` (float64) is how much each paper cites in all: what a paper mentions among a hundred others gets little of it,
    though nothing else that it cites be here.
    """
    from scipy.sparse import coo_array

    given = np.zeros(count)
    given[sorted(start)] = 1 / len(start)
    if not pairs:
        return given * (1 - _GOES_ON)
    before = np.array([pair.before for pair in pairs])
    after = np.array([pair.after for pair in pairs])
    weight = np.array([max(pair.weight, 1e-9) for pair in pairs])
    out = np.bincount(after, weight, count)
    if leaning is not None:
        out = np.maximum(out, leaning)
    moves = coo_array((weight / out[after], (before, after)), (count, count)).tocsr()
    found, moving = np.zeros(count), given
    for _ in range(_STEPS):
        found += (1 - _GOES_ON) * moving
        moving = _GOES_ON * (moves @ moving)
    return np.round(found, 12)


def way(
    count: int, pairs: Sequence[Pair], goals: Collection[int], known: Collection[int] = (),
    leaning: np.ndarray | None = None,
) -> Way:  # fmt: skip
    """The way to the `goals` over `pairs` without a cycle; nothing is read to understand what is `known`.

    Every paper that is kept leads to a goal over others that are, and what it builds on is kept or known.
    """
    known = set(known)
    into: list[list[Pair]] = [[] for _ in range(count)]
    for pair in pairs:
        if pair.after not in known or pair.after in goals:
            into[pair.after].append(pair)
    ancestors = _closed(into, goals, known)
    share = flow(count, [pair for pair in pairs if pair.after in ancestors], goals, leaning)
    rest = sorted(ancestors - set(goals), key=lambda place: (-share[place], place))
    total = float(share[rest].sum())
    cheapest = _cheapest(into, goals, known)
    kept: set[int] = set()

    def keep(places: Iterable[int]) -> None:
        """Keeps some papers, what they build on, and the cheapest way from each to a goal."""
        waiting = list(places)
        while waiting:
            place = waiting.pop()
            if place not in kept:
                kept.add(place)
                waiting += [
                    pair.before for pair in into[place] if pair.kind == "builds on" and pair.before not in known
                ]
                waiting += [cheapest[place]] if place in cheapest else []

    keep(goals)
    for place in rest:
        deadline.check()
        if sum(float(share[one]) for one in kept if one not in goals) >= _KEPT * total:
            break
        keep([place])
    return Way(frozenset(kept), frozenset(ancestors - kept), share)


def _closed(into: Sequence[Iterable[Pair]], goals: Collection[int], known: Collection[int]) -> set[int]:
    """The goals and all that they rest on, without what is known."""
    found, waiting = set(goals), list(goals)
    while waiting:
        for pair in into[waiting.pop()]:
            if pair.before not in found and pair.before not in known:
                found.add(pair.before)
                waiting.append(pair.before)
    return found


def _cheapest(into: Sequence[Iterable[Pair]], goals: Collection[int], known: Collection[int]) -> dict[int, int]:
    """For each ancestor the next paper on its cheapest way to a goal (Dijkstra 1959); a citation costs less the more it
    weighs."""
    cost = {goal: 0.0 for goal in goals}
    following: dict[int, int] = {}
    heap = [(0.0, goal) for goal in sorted(goals)]
    while heap:
        spent, place = heapq.heappop(heap)
        if spent > cost[place]:
            continue
        for pair in into[place]:
            total = spent + 1 / (_EPSILON + pair.weight)
            if pair.before not in known and total < cost.get(pair.before, np.inf):
                cost[pair.before], following[pair.before] = total, place
                heapq.heappush(heap, (total, pair.before))
    return following
