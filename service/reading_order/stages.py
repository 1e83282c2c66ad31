"""The stages of an order: its runs of one theme, each named by what tells it from the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from indexer.library import Generation
from service import deadline
from service.derived import Last
from service.reading_order.precedence import Pair
from service.reading_order.sequence import runs_of
from service.topics import TITLES_ALONE

USUAL = 15
"""Papers in a stage, about: one of half as many again is cut."""


@dataclass(frozen=True)
class Part:
    """Papers that are read together, by their places in the order, and what they are called."""

    name: str
    terms: tuple[str, ...]
    places: tuple[int, ...]


def parts(
    generation: Generation, positions: Sequence[int], order: Sequence[int], group: np.ndarray, pairs: Sequence[Pair],
    texts: int | None = None,
) -> list[Part]:  # fmt: skip
    """The order cut where the theme changes, a single paper with what has to do with it, each run named by what tells it
    from the others; a long one in parts. Those of the order asked for last are kept.

    Places from `texts` on are known by their titles alone: they have no say in the cut and the names. What one stands before
    has it in its part, and those behind all others are a part of their own.
    """
    if texts is not None and texts < len(positions):
        known = [place for place in order if place < texts]
        joins = [pair for pair in pairs if pair.before < texts > pair.after]
        return list(_with_titles(parts(generation, positions[:texts], known, group[:texts], joins), order, texts))
    key = tuple(order), tuple(group.tolist()), tuple(positions), tuple((pair.before, pair.after) for pair in pairs)
    return list(_made(generation, key, positions, order, group, pairs))


def _with_titles(made: Sequence[Part], order: Sequence[int], texts: int) -> Iterator[Part]:
    """The parts with the places of the order that are in none, those from `texts` on."""
    left = list(order)
    for part in made:
        end = left.index(part.places[-1]) + 1
        yield replace(part, places=tuple(left[:end]))
        del left[:end]
    if left:
        yield Part(TITLES_ALONE, (), tuple(left))


def _parts(
    generation: Generation, positions: Sequence[int], order: Sequence[int], group: np.ndarray, pairs: Sequence[Pair]
) -> tuple[Part, ...]:
    from service.topics import theme_names

    runs = _gathered(runs_of(order, group), pairs)
    if len(runs) == 1:  # all is of one theme, and its pieces may be told from each other
        runs = _pieces(runs[0])
    named = theme_names.named(generation, [[positions[place] for place in run] for run in runs])
    made = []
    for (name, terms), run in zip(named, runs, strict=True):
        pieces = _pieces(run)
        for number, piece in enumerate(pieces, 1):
            made.append(Part(f"{name}, part {number}" if len(pieces) > 1 else name, terms, tuple(piece)))
    return tuple(made)


_made: Last[tuple[Part, ...]] = Last(_parts, given="parts of the order")


def among(whole: Sequence[Part], order: Sequence[int]) -> list[Part]:
    """The parts of an order that leaves some papers out: what is left of the whole one's, so that the way to a paper speaks
    of the same things."""
    left = set(order)
    some = [replace(part, places=tuple(place for place in part.places if place in left)) for part in whole]
    return [part for part in some if part.places]


def _pieces(run: list[int]) -> list[list[int]]:
    """A long run in parts of like size."""
    count = max(1, round(len(run) / USUAL))
    return [run[len(run) * n // count : len(run) * (n + 1) // count] for n in range(count)]


def _gathered(runs: list[list[int]], pairs: Sequence[Pair]) -> list[list[int]]:
    """The runs, a single paper joined to the run behind it or before it, with which it has more to do; if with either."""
    joins: dict[int, dict[int, float]] = {}
    for pair in pairs:
        joins.setdefault(pair.before, {})[pair.after] = joins.setdefault(pair.after, {})[pair.before] = pair.weight

    def ties(places: Sequence[int], others: Sequence[int]) -> float:
        inside = set(others)
        return sum(w for one in places for other, w in joins.get(one, {}).items() if other in inside) / len(others)

    runs = [list(run) for run in runs]
    at = 0
    while at < len(runs):
        deadline.check()
        if len(runs[at]) > 1 or not (
            beside := [n for n in (at + 1, at - 1) if 0 <= n < len(runs) and ties(runs[at], runs[n]) > 0]
        ):
            at += 1
            continue
        first, second = sorted((at, max(beside, key=lambda n: ties(runs[at], runs[n]))))
        runs[first : second + 1] = [runs[first] + runs[second]]
        at = first
    return runs
