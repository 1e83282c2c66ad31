"""From scores to a list: no paper before one that it rests on, papers of one theme together.

Cycles are condensed first (Tarjan's components). Within one the papers are sifted, each moved to where the pairs that it
breaks weigh least, until none gains; the pairs broken at the end are dropped, and named. The rest is a topological sort
as Kahn's (1962), which stays in a theme while it can.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence

import numpy as np

from service import deadline
from service.reading_order.precedence import Pair

PATIENCE = 0.6
"""Of the range of scores: from .3 to .6 the orders of 36 papers without any one of them are as alike."""
_SIFTED = 400  # papers in a cycle: of a larger one the order of the scores is kept
_MOVED = 400  # papers in all up to which runs are joined


def broken(count: int, pairs: Sequence[Pair], score: np.ndarray) -> tuple[list[list[int]], list[Pair]]:
    """The cycles of `pairs` among `count` papers, each as it should be read, and the pairs that have to be dropped."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not pairs:
        return [], []
    ends = np.array([(pair.before, pair.after) for pair in pairs]).T
    links = coo_array((np.ones(len(pairs)), (ends[0], ends[1])), (count, count)).tocsr()
    component = connected_components(links, directed=True, connection="strong")[1]
    members: dict[int, list[int]] = {}
    for place, number in enumerate(component.tolist()):
        members.setdefault(number, []).append(place)
    inside: dict[int, list[Pair]] = {}
    for pair in pairs:
        if component[pair.before] == component[pair.after]:
            inside.setdefault(int(component[pair.before]), []).append(pair)
    cycles, dropped = [], []
    for number in sorted(inside, key=lambda number: members[number][0]):
        sifted = _sifted(members[number], inside[number], score)
        at = {place: index for index, place in enumerate(sifted)}
        cycles.append(sifted)
        dropped += [pair for pair in inside[number] if at[pair.before] > at[pair.after]]
    return cycles, dropped


def held(count: int, strict: Sequence[Pair], more: Sequence[Pair]) -> list[Pair]:
    """`strict`, which have no cycle, with those of `more` that make none: of a cycle they are left out."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = [*strict, *more]
    if not more:
        return pairs
    ends = np.array([(pair.before, pair.after) for pair in pairs]).T
    links = coo_array((np.ones(len(pairs)), (ends[0], ends[1])), (count, count)).tocsr()
    component = connected_components(links, directed=True, connection="strong")[1]
    return [*strict, *(pair for pair in more if component[pair.before] != component[pair.after])]


def _sifted(places: Sequence[int], pairs: Sequence[Pair], score: np.ndarray) -> list[int]:
    """The places by score, then each moved to where the broken pairs weigh least, again and again while that gains."""
    order = sorted(places, key=lambda place: (-score[place], place))
    if len(order) > _SIFTED:
        return order
    weight: dict[int, dict[int, float]] = {place: {} for place in order}  # what is lost where the other comes first
    for pair in pairs:
        weight[pair.before][pair.after] = weight[pair.before].get(pair.after, 0.0) + pair.weight
    gains = True
    while gains:
        gains = False
        for place in sorted(order):
            deadline.check()
            at = order.index(place)
            rest = order[:at] + order[at + 1 :]
            cost, costs = 0.0, [0.0]
            for other in rest:  # from before all the others to behind them
                cost += weight[place].get(other, 0.0) - weight[other].get(place, 0.0)
                costs.append(cost)
            best = min(range(len(costs)), key=lambda n: (costs[n], abs(n - at)))
            if costs[best] < costs[at] - 1e-9:
                order = [*rest[:best], place, *rest[best:]]
                gains = True
    return order


def sequence(score: np.ndarray, group: np.ndarray, pairs: Sequence[Pair], patience: float = PATIENCE) -> list[int]:
    """All places in an order that keeps every one of `pairs`, which have no cycle.

    The paper with the highest `score` of those that can be read opens its theme (`group`, int), which is read on by the
    scores. It is left where nothing in it can be read yet, and where what comes next in it belongs much later than what can
    be read elsewhere: more than `patience` of the range of scores.
    """
    count = len(score)
    followers: list[list[int]] = [[] for _ in range(count)]
    waits = np.zeros(count, np.int64)
    for before, after in {(pair.before, pair.after) for pair in pairs}:
        followers[before].append(after)
        waits[after] += 1
    ready: dict[int, list[tuple[float, int]]] = {int(number): [] for number in np.unique(group)}
    slack = patience * float(np.ptp(score)) if count else 0.0
    for place in np.flatnonzero(waits == 0).tolist():
        heapq.heappush(ready[int(group[place])], (-float(score[place]), place))
    open_groups = [number for number, heap in ready.items() if heap]
    order: list[int] = []
    now = -1
    while open_groups:
        deadline.check()
        soonest = min(ready[number][0][0] for number in open_groups)
        if now not in open_groups or ready[now][0][0] - soonest > slack:
            now = min(open_groups, key=lambda number: ready[number][0])
        place = heapq.heappop(ready[now])[1]
        order.append(place)
        for other in followers[place]:
            waits[other] -= 1
            if not waits[other]:
                heapq.heappush(ready[int(group[other])], (-float(score[other]), other))
        open_groups = [number for number, heap in ready.items() if heap]
    assert len(order) == count, "pairs with a cycle"
    return order if count > _MOVED else _joined(order, score, group, pairs, slack)


def runs_of(order: Sequence[int], group: np.ndarray) -> list[list[int]]:
    """The order cut where the theme changes."""
    runs: list[list[int]] = []
    for place in order:
        if runs and group[runs[-1][-1]] == group[place]:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _joined(order: list[int], score: np.ndarray, group: np.ndarray, pairs: Sequence[Pair], slack: float) -> list[int]:
    """The order with whole runs moved down to the next of their theme, where that breaks no pair and puts none ahead of one
    whose score is more than `slack` above its own; each move joins two runs. None goes down to a shorter one: a theme
    doesn't wait for its stragglers. None could go up: what can be read earlier in its theme is."""
    before: dict[int, set[int]] = {}
    for pair in pairs:
        before.setdefault(pair.after, set()).add(pair.before)

    def free(first: Sequence[int], second: Sequence[int]) -> bool:
        """Whether those of `second` may be read ahead of those of `first`."""
        ahead = set(first)
        if score[list(first)].max() - score[list(second)].min() > slack:
            return False
        return not any(before.get(place, set()) & ahead for place in second)

    runs = runs_of(order, group)
    moved = True
    while moved:
        moved = False
        options: list[tuple[float, int, int, list[list[int]]]] = []
        pairs_of_runs = itertools.combinations(range(len(runs)), 2)
        for i, j in pairs_of_runs:
            deadline.check()
            if group[runs[i][0]] != group[runs[j][0]]:
                continue
            between = [place for run in runs[i + 1 : j] for place in run]
            if len(runs[i]) <= len(runs[j]) and free(runs[i], between):
                cost = _disorder(runs[i], between, score)
                options.append((cost, i, j, [*runs[:i], *runs[i + 1 : j], runs[i] + runs[j], *runs[j + 1 :]]))
        if options:
            best = min(options, key=lambda option: option[:3])
            runs, moved = runs_of([place for run in best[3] for place in run], group), True
    return [place for run in runs for place in run]


def _disorder(first: Sequence[int], second: Sequence[int], score: np.ndarray) -> float:
    """How much the scores of `first` lie above those of `second`, which are to go ahead of them."""
    return float(np.maximum(score[list(first)][:, None] - score[list(second)][None, :], 0).sum())
