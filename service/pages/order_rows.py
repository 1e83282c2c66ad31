"""The rows of the map: in which order the cards and lanes of each column stand, so that few arrows cross."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

_ROUNDS, _AGAIN = 8, 4  # from each beginning; and how often the best so far is taken up again
_LARGE, _VERY_LARGE = 1_000, 2_000  # pieces of arrows, from where half of these are done, and three beginnings tried
_PASSES = 8  # over the columns, of one search for what crosses less


class Net:
    """Columns of points: the cards, and a lane for every column that an arrow passes. `chains` are the arrows' points."""

    def __init__(self, columns: Sequence[Sequence[int]], arrows: Sequence[tuple[int, int]]) -> None:
        self.columns = [list(column) for column in columns]
        self.at = {card: number for number, column in enumerate(columns) for card in column}
        self.cards = len(self.at)
        self.left: dict[int, list[int]] = {}
        self.right: dict[int, list[int]] = {}
        self.chains: list[list[int]] = []
        points = self.cards
        for before, after in arrows:
            lanes = range(points, points + self.at[after] - self.at[before] - 1)
            points += len(lanes)
            for column, lane in enumerate(lanes, self.at[before] + 1):
                self.at[lane] = column
                self.columns[column].append(lane)
            chain = [before, *lanes, after]
            self.chains.append(chain)
            for one, other in pairwise(chain):
                self.right.setdefault(one, []).append(other)
                self.left.setdefault(other, []).append(one)

    def lane(self, point: int) -> bool:
        """Whether a point is an arrow's lane, and no card."""
        return point >= self.cards

    def crossings(self, place: Mapping[int, int]) -> int:
        """How often arrows cross with each point at its `place` in its column."""
        return sum(
            inversions([(place[one], place[other]) for one in column for other in self.right.get(one, ())])
            for column in self.columns[:-1]
        )


def inversions(pieces: Iterable[tuple[float, float]]) -> int:
    """How many pairs stand in one order at the first end, and in the other at the second."""
    found = 0
    seen: list[float] = []
    for _, end in sorted(pieces):
        found += len(seen) - bisect_right(seen, end)
        insort(seen, end)
    return found


def lessen_crossings(net: Net) -> None:
    """Orders the points of each column, as Gansner, Koutsofios, North and Vo do (1993), and somewhat further.

    Rounds of sweeps to the median of the neighbours, and of exchanges side by side; at their end each point is put where it
    crosses least. That is tried from several beginnings, and the best is taken up again.
    """
    best, least = net.columns, -1
    pieces = sum(len(chain) - 1 for chain in net.chains)
    count, times = (_ROUNDS, _AGAIN) if pieces < _LARGE else (_ROUNDS // 2, _AGAIN // 2)

    def rounds(begin: list[list[int]], first: int) -> None:
        nonlocal best, least
        net.columns = begin
        place = {point: row for column in begin for row, point in enumerate(column)}
        for turn in range(first, first + count):
            _sweep(net, place, turn)
            if turn == first + count - 1:
                _over_columns(net, place, lambda column: _sift(column, net, place))
            crossings = net.crossings(place)
            if least < 0 or crossings < least:
                best, least = [list(column) for column in net.columns], crossings

    beginnings = (_by_levels(net, net.right, net.left), _by_levels(net, net.left, net.right), _as_read(net),
                  _as_met(net, range(net.cards), net.right, net.left),
                  _as_met(net, range(net.cards)[::-1], net.left, net.right))  # fmt: skip
    for begin in beginnings if pieces < _VERY_LARGE else beginnings[:3]:
        if least:
            rounds(begin, 0)
    for again in range(times):
        if least:
            rounds([list(column) for column in best], 2 * again)
    net.columns = best


def _as_read(net: Net) -> list[list[int]]:
    """The cards as they are read, lanes beside where they come from."""
    place: dict[int, int] = {}
    made = []
    for column in net.columns:
        rows = {p: place[net.left[p][0]] if net.lane(p) else row for row, p in enumerate(sorted(column))}
        made.append(sorted(column, key=lambda p, rows=rows: (rows[p], p)))  # type: ignore[misc]
        place.update((point, row) for row, point in enumerate(made[-1]))
    return made


def _by_levels(net: Net, ahead: Mapping[int, Sequence[int]], back: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """As the points are met, level by level, from those that nothing leads to."""
    columns: list[list[int]] = [[] for _ in net.columns]
    met = {point: None for point in range(net.cards) if point not in back}
    waiting = list(met)
    for point in waiting:  # grows as it is gone through
        columns[net.at[point]].append(point)
        for other in ahead.get(point, ()):
            if other not in met:
                met[other] = None
                waiting.append(other)
    return columns


def _as_met(
    net: Net, starts: Sequence[int], ahead: Mapping[int, Sequence[int]], back: Mapping[int, Sequence[int]]
) -> list[list[int]]:
    """What hangs together side by side, as it is met from the first card on."""
    met: dict[int, int] = {}
    for start in starts:
        waiting = [start]
        while waiting:
            point = waiting.pop()
            if point not in met:
                met[point] = len(met)
                waiting += [o for beside in (back, ahead) for o in reversed(beside.get(point, ())) if o not in met]
    return [sorted(column, key=met.__getitem__) for column in net.columns]


def _sweep(net: Net, place: dict[int, int], turn: int) -> None:
    """One round over all columns, from the left or from the right, and exchanges after it."""
    forth, later = turn % 2 == 0, turn % 4 < 2
    for column in net.columns if forth else reversed(net.columns):
        _by_median(column, net.left if forth else net.right, place, later)
        place.update((point, row) for row, point in enumerate(column))
    _over_columns(net, place, lambda column: _exchange(column, net, place, level=not later))


def _over_columns(net: Net, place: dict[int, int], mended: Callable[[list[int]], bool]) -> None:
    """Mends every column, and again those beside one that crosses less for it."""
    waiting = set(range(len(net.columns)))
    for _ in range(_PASSES):
        better = set()
        for number in sorted(waiting):
            if mended(net.columns[number]):
                better.add(number)
            place.update((point, row) for row, point in enumerate(net.columns[number]))
        waiting = {beside for n in better for beside in (n - 1, n, n + 1) if 0 <= beside < len(net.columns)}
        if not waiting:
            return


def _exchange(column: list[int], net: Net, place: Mapping[int, int], level: bool) -> bool:
    """Exchanges neighbours that cross less the other way round, or as often where `level`. Says if it is less now."""
    if not column:
        return False
    ends = {p: ([place[o] for o in net.left.get(p, ())], [place[o] for o in net.right.get(p, ())]) for p in column}
    better = False
    upper = column[0]
    for row in range(1, len(column)):
        lower = column[row]
        now = turned = 0
        for ours, theirs in zip(ends[upper], ends[lower], strict=True):
            for one in ours:
                for other in theirs:
                    now += one > other
                    turned += one < other
        if now > turned or (level and now == turned > 0):
            column[row - 1], column[row] = lower, upper
            better = better or now > turned
        else:
            upper = lower
    return better


def _by_median(column: list[int], beside: Mapping[int, Sequence[int]], place: Mapping[int, int], later: bool) -> None:
    """Sorts a column by the medians of its points' neighbours on one side. What has none keeps its row."""
    medians = {p: _median(sorted(place[o] for o in beside[p])) for p in column if p in beside}
    moved = [p for p in column if p in medians]
    if later:  # equal ones the other way round, so that the sweeps don't stick
        moved.reverse()
    following = iter(sorted(moved, key=medians.__getitem__))
    column[:] = [next(following) if p in medians else p for p in column]


def _median(rows: Sequence[int]) -> float:
    """The median; of an even count nearer to the side where the rows are denser."""
    middle = len(rows) // 2
    if len(rows) % 2:
        return float(rows[middle])
    if len(rows) == 2:
        return sum(rows) / 2
    left, right = rows[middle - 1] - rows[0], rows[-1] - rows[middle]
    return (rows[middle - 1] * right + rows[middle] * left) / (left + right) if left + right else float(rows[middle])


def _sift(column: list[int], net: Net, place: Mapping[int, int]) -> bool:
    """Puts each point of a column where it crosses least (Matuszewski, Schönfeld and Molitor 1999). Says if it is less now."""
    joined = [p for p in column if p in net.left or p in net.right]
    if len(joined) < 2:
        return False
    number = {p: n for n, p in enumerate(column)}
    over = np.zeros((len(column), len(column)))  # the crossings of two points with the first above the second
    for beside in (net.left, net.right):
        ends = [(number[p], place[o]) for p in joined for o in beside.get(p, ())]
        if len(ends) < 2:
            continue
        owners = np.zeros((len(column), len(ends)))
        owners[[owner for owner, _ in ends], range(len(ends))] = 1
        rows = np.array([row for _, row in ends])
        over += owners @ (rows[:, None] > rows[None, :]).astype(float) @ owners.T
    worse = over - over.T
    wrong = np.triu(worse) > 0  # pairs that would cross less the other way round
    if not wrong.any():
        return False
    order = list(range(len(column)))
    moved = False
    rows_of = worse.tolist()
    for one in np.flatnonzero(wrong.any(0) | wrong.any(1)).tolist():
        row, at = rows_of[one], order.index(one)
        best, least, total = at, 0.0, 0.0
        for to in range(at + 1, len(order)):
            total -= row[order[to]]
            if total < least:
                best, least = to, total
        total = 0.0
        for to in range(at - 1, -1, -1):
            total += row[order[to]]
            if total < least:
                best, least = to, total
        if best != at:
            order.insert(best, order.pop(at))
            moved = True
    column[:] = [column[n] for n in order]
    return moved
