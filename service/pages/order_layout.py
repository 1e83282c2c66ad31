"""Where the cards and arrows of the map lie: a layered layout, as Sugiyama, Tagawa and Toda have it (1981).

    stages -> columns -> lanes for long arrows -> rows with few crossings -> heights -> ways around the cards

A stage is a band of one or more columns; an arrow always goes from a column to a later one. An arrow over several columns
has a lane of its own through each between, so that it meets no card. Nothing here knows of papers: cards are numbers from
0 in the order of reading, arrows are pairs of them, the earlier first.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from service.pages.order_rows import Net, inversions, lessen_crossings

Arrow = tuple[int, int]

_HEIGHT_ROUNDS = 16
_STRAIGHT = {0: 1.0, 1: 2.0, 2: 8.0}  # what a bend costs, by how many ends of a piece are lanes
_REST = 0.02  # how much a card keeps to where it is, beside an arrow's pull of 1


@dataclass(frozen=True)
class Sizes:
    """In units of the drawing, which are pixels at its natural size."""

    card_width: float = 212
    card_height: float = 94
    between_cards: float = 14
    lane: float = 11
    """From one lane to the next; also between a lane and a card."""
    gap: float = 56
    """Between columns, at least: arrows that change rows need more."""
    widest_gap: float = 150
    free_gap: float = 24
    """Between columns of one stage where no arrow passes."""
    head: float = 76
    """Above the cards, for the stage's name."""
    margin: float = 16


SIZES = Sizes()


@dataclass(frozen=True)
class Card:
    """A card with its upper left corner."""

    number: int
    column: int
    x: float
    y: float


@dataclass(frozen=True)
class Band:
    """The columns of a stage."""

    stage: int
    x: float
    width: float


@dataclass(frozen=True)
class Route:
    """An arrow's way: from a card's right side along straight pieces, each over a column's width, to a card's left side.

    The points come in pairs: between the two of one pair the arrow changes rows, in the gap between two columns.
    """

    before: int
    after: int
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Layout:
    """The drawing. `cards` go by their numbers, `routes` as the arrows were given; `columns` are the left edges."""

    cards: tuple[Card, ...]
    bands: tuple[Band, ...]
    routes: tuple[Route, ...]
    columns: tuple[float, ...]
    width: float
    height: float
    sizes: Sizes

    @property
    def crossings(self) -> int:
        """How often arrows cross: in a gap two do where their ends stand in another order, and nowhere else."""
        gaps: dict[float, list[tuple[float, float]]] = {}
        for route in self.routes:
            for (x, y), (_, other) in zip(route.points[::2], route.points[1::2], strict=True):
                gaps.setdefault(x, []).append((y, other))
        return sum(inversions(pieces) for pieces in gaps.values())


def fewest(strong: Iterable[Arrow], faint: Iterable[Arrow], most_faint: int) -> tuple[list[Arrow], list[Arrow]]:
    """The arrows that no longer way says already; of the faint ones (best first), at most `most_faint` to each card.

    A strong arrow gives way only to strong ones. Every arrow goes from a smaller number to a larger one.
    """
    strong, faint = sorted(set(strong)), list(dict.fromkeys(faint))
    kept = _reduced(strong)
    own = set(strong)
    every = set(_reduced(sorted(own | set(faint))))
    into: dict[int, int] = {}
    some = []
    for arrow in faint:
        if arrow in every and arrow not in own and into.get(arrow[1], 0) < most_faint:
            into[arrow[1]] = into.get(arrow[1], 0) + 1
            some.append(arrow)
    return kept, sorted(some)


def _reduced(arrows: Sequence[Arrow]) -> list[Arrow]:
    """The transitive reduction (Aho, Garey and Ullman 1972)."""
    into: dict[int, list[int]] = {}
    for before, after in arrows:
        into.setdefault(after, []).append(before)
    above: dict[int, int] = {}  # the ancestors of each, as bits
    kept = []
    for after in sorted(into):
        seen = 0
        for before in sorted(into[after], reverse=True):
            if not seen >> before & 1:
                kept.append((before, after))
                seen |= above.get(before, 0) | 1 << before
        above[after] = seen
    return sorted(kept)


def rows_for(cards: int) -> int:
    """How many cards stand in one column at most: a map of few is low, a map of many is no endless ribbon."""
    return min(max(math.ceil(0.87 * math.sqrt(cards)), 4), 15)


def layout(stages: Sequence[Sequence[int]], arrows: Sequence[Arrow], sizes: Sizes = SIZES) -> Layout:
    """Lays out the cards of `stages`, each in reading order, and the `arrows` between them, which never go back."""
    parts = [_columns(stage, arrows, rows_for(sum(map(len, stages)))) for stage in stages]
    net = Net([column for part in parts for column in part], arrows)
    lessen_crossings(net)
    heights = _heights(net, sizes)
    return _placed(net, parts, arrows, heights, sizes)


def _columns(stage: Sequence[int], arrows: Sequence[Arrow], most: int) -> list[list[int]]:
    """A stage in columns of at most `most` cards, no arrow within one: the longest chain first (Hu 1961)."""
    inside = set(stage)
    after: dict[int, list[int]] = {}
    waits = dict.fromkeys(stage, 0)
    for one, other in arrows:
        if one in inside and other in inside:
            after.setdefault(one, []).append(other)
            waits[other] += 1
    tail: dict[int, int] = {}
    for card in sorted(stage, reverse=True):
        tail[card] = 1 + max((tail[other] for other in after.get(card, ())), default=0)
    even = math.ceil(len(stage) / math.ceil(len(stage) / most))  # 15 in columns of 14 at most: 8 and 7
    ready = sorted((-tail[card], card) for card in stage if not waits[card])
    made = []
    while ready:
        taken, ready = ready[:even], ready[even:]
        made.append(sorted(card for _, card in taken))
        for _, card in taken:
            for other in after.get(card, ()):
                waits[other] -= 1
                if not waits[other]:
                    insort(ready, (-tail[other], other))
    return made


def _heights(net: Net, sizes: Sizes) -> dict[int, float]:
    """The height of each point's middle: each column in its order, as near to its neighbours as the room allows.

    For one column that is isotonic regression, solved exactly by pooling adjacent violators (Ayer and others 1955); the
    columns take turns. No map gets higher than its fullest column.
    """
    half = {p: (sizes.lane if net.lane(p) else sizes.card_height) / 2 for p in net.at}
    offsets: list[list[float]] = []
    height: dict[int, float] = {}
    full = 0.0
    for column in net.columns:
        own, bottom = [], 0.0
        for row, p in enumerate(column):
            if row:
                both_cards = not net.lane(p) and not net.lane(column[row - 1])
                both_lanes = net.lane(p) and net.lane(column[row - 1])
                bottom += sizes.between_cards if both_cards else 0.0 if both_lanes else sizes.lane / 2
            own.append(bottom + half[p])
            bottom += 2 * half[p]
        offsets.append(own)
        height.update(zip(column, own, strict=True))
        full = max(full, bottom)
    rest = dict(height)
    pulls = {
        p: [(o, _STRAIGHT[net.lane(p) + net.lane(o)]) for o in (*net.left.get(p, ()), *net.right.get(p, ()))]
        for p in net.at
    }
    numbers = range(len(net.columns))
    for turn in range(_HEIGHT_ROUNDS):
        for number in numbers if turn % 2 == 0 else reversed(numbers):
            column, own = net.columns[number], offsets[number]
            wish, weight = [], []
            for p, offset in zip(column, own, strict=True):
                total = _REST + sum(pull for _, pull in pulls[p])
                wish.append((_REST * rest[p] + sum(height[o] * pull for o, pull in pulls[p])) / total - offset)
                weight.append(total)
            room = full - own[-1] - half[column[-1]]
            for p, offset, found in zip(column, own, _isotonic(wish, weight), strict=True):
                height[p] = offset + min(max(found, 0.0), room)
    return height


def _isotonic(wish: Sequence[float], weight: Sequence[float]) -> list[float]:
    """The numbers nearest to what is wished that never fall."""
    pools: list[tuple[float, float, int]] = []
    for value, heavy in zip(wish, weight, strict=True):
        count = 1
        while pools and pools[-1][0] > value:
            other, mass, some = pools.pop()
            value = (value * heavy + other * mass) / (heavy + mass)
            heavy, count = heavy + mass, count + some
        pools.append((value, heavy, count))
    return [value for value, _, count in pools for _ in range(count)]


def _placed(
    net: Net, parts: Sequence[Sequence[Sequence[int]]], arrows: Sequence[Arrow], height: Mapping[int, float], sizes: Sizes
) -> Layout:  # fmt: skip
    """The drawing: columns from left to right, each gap as wide as its arrows need."""
    lefts, x = [], sizes.margin
    starts = set(accumulate(map(len, parts)))
    for column in net.columns:
        lefts.append(x)
        turns = sum(abs(height[p] - height[o]) > sizes.lane for p in column for o in net.right.get(p, ()))
        passing = any(p in net.right for p in column)
        free = not passing and len(lefts) not in starts
        x += sizes.card_width + (sizes.free_gap if free else min(sizes.gap + 3 * turns, sizes.widest_gap))
    width = (lefts[-1] if lefts else 0.0) + sizes.card_width + sizes.margin
    top = sizes.head
    cards = tuple(
        Card(p, net.at[p], lefts[net.at[p]], round(top + height[p] - sizes.card_height / 2, 1))
        for p in range(net.cards)
    )
    bands, first = [], 0
    for stage, part in enumerate(parts):
        last = first + len(part) - 1
        bands.append(Band(stage, lefts[first], lefts[last] + sizes.card_width - lefts[first]))
        first = last + 1
    leaving, entering = _ports(net, height, net.right, sizes), _ports(net, height, net.left, sizes)
    routes = []
    for (before, after), chain in zip(arrows, net.chains, strict=True):
        points = [(lefts[net.at[before]] + sizes.card_width, leaving[before, chain[1]])]
        for lane in chain[1:-1]:
            points += [(lefts[net.at[lane]], height[lane]), (lefts[net.at[lane]] + sizes.card_width, height[lane])]
        points.append((lefts[net.at[after]], entering[after, chain[-2]]))
        routes.append(Route(before, after, tuple((px, round(top + py, 1)) for px, py in points)))
    bottom = max((card.y + sizes.card_height for card in cards), default=top)
    lowest = max((y for route in routes for _, y in route.points), default=top)
    return Layout(cards, tuple(bands), tuple(routes), tuple(lefts), width, max(bottom, lowest) + sizes.margin, sizes)


def _ports(
    net: Net, height: Mapping[int, float], beside: Mapping[int, Sequence[int]], sizes: Sizes
) -> dict[tuple[int, int], float]:
    """Where on a card's side each arrow ends, so that those of one card don't cross each other."""
    found = {}
    for card in range(net.cards):
        others = sorted(beside.get(card, ()), key=lambda o: (height[o], o))
        step = min(12.0, (sizes.card_height - 28) / max(len(others) - 1, 1))
        for number, other in enumerate(others):
            found[card, other] = height[card] + step * (number - (len(others) - 1) / 2)
    return found
