"""What to read in the time there is: the most of what matters for each minute, and nothing without what it rests on."""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from service import deadline
from service.reading_order.answer import BadBudget
from service.reading_order.precedence import Pair

_TIME = re.compile(r"(?:(\d+(?:\.\d+)?)\s*h(?:ours?)?)?\s*(?:(\d+)\s*m(?:in(?:utes?)?)?)?", re.IGNORECASE | re.ASCII)
_LONGEST = 10_000 * 60


def minutes_of(text: str) -> int:
    """The minutes that `6h`, `90m` or `2h30m` are. Raises `BadBudget`."""
    match = _TIME.fullmatch(text.strip())
    if match is None or not any(match.groups()) or len(text) > 40:
        raise BadBudget(f"{text[:40]!r} is no time to read in.")
    minutes = round(60 * float(match[1] or 0) + int(match[2] or 0))
    if not 0 < minutes <= _LONGEST:
        raise BadBudget(f"{text[:40]!r} is no time to read in.", cure="It lies between one minute and 10000h.")
    return minutes


def within(
    budget: int, minutes: Sequence[int], value: np.ndarray, pairs: Sequence[Pair], places: Collection[int],
    first: Collection[int] = (),
) -> set[int]:  # fmt: skip
    """Which of `places` to read in `budget` minutes, closed under `pairs`; `first`, some of them, are taken before all
    others, if they fit.

    Greedy: again and again the paper that, with what it still needs, has the most value for each minute. The knapsack with
    prerequisites is NP-hard; no paper that would still fit is left out.
    """
    into: dict[int, list[int]] = {}
    followers: dict[int, list[int]] = {}
    allowed = set(places)
    for pair in pairs:
        if pair.before in allowed and pair.after in allowed:
            into.setdefault(pair.after, []).append(pair.before)
            followers.setdefault(pair.before, []).append(pair.after)
    chosen: set[int] = set()
    left = budget

    def needed(place: int) -> tuple[set[int], int] | None:
        """The paper with all that it needs and is not chosen, and the minutes; None where that is more than are left."""
        found, waiting, total = {place}, [place], minutes[place]
        while waiting and total <= left:
            for before in into.get(waiting.pop(), ()):
                if before not in found and before not in chosen:
                    found.add(before)
                    waiting.append(before)
                    total += minutes[before]
        return (found, total) if total <= left else None

    for place in first:
        if place not in chosen and (need := needed(place)):
            chosen |= need[0]
            left -= need[1]
    options: list[tuple[float, int, set[int], int]] = []

    def offer(some: Collection[int]) -> None:
        for place in some:
            deadline.check()
            if place not in chosen and (need := needed(place)):
                worth = float(value[sorted(need[0])].sum()) / need[1]
                heapq.heappush(options, (-worth, place, *need))

    offer(allowed)
    while options:
        _, _, found, total = heapq.heappop(options)
        if total <= left and not found & chosen:
            chosen |= found
            left -= total
            # What rests on these needs less now: it is worth another look, and what did not fit may.
            offer(_closed(followers, found))
    return chosen


def _closed(following: Mapping[int, Sequence[int]], some: Collection[int]) -> set[int]:
    """Some places with all that follow them."""
    found, waiting = set(some), list(some)
    while waiting:
        new = [place for place in following.get(waiting.pop(), ()) if place not in found]
        found.update(new)
        waiting += new
    return found
