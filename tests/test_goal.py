"""The way to a paper, and what to read in the time: both closed, neither longer than it has to be."""

from __future__ import annotations

import contextlib
import itertools
import random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.reading_order import BadBudget, budget, goal
from service.reading_order.precedence import Pair


@st.composite
def acyclic(draw, most: int = 10):
    """How many papers, and pairs among them without a cycle: each from a smaller number to a larger."""
    count = draw(st.integers(1, most))
    ends = [(a, b) for a, b in itertools.combinations(range(count), 2)]
    some = draw(st.lists(st.sampled_from(ends), unique=True, max_size=20)) if ends else []
    kinds = ("builds on", "uses")
    return count, [Pair(a, b, draw(st.floats(0.1, 3)), draw(st.sampled_from(kinds)), True) for a, b in some]


def ancestors(pairs: list[Pair], of: set[int], without: frozenset[int] = frozenset()) -> set[int]:
    found = set(of)
    while more := {p.before for p in pairs if p.after in found and p.before not in without} - found:
        found |= more
    return found


@given(acyclic(), st.data())
def test_a_way_is_a_way(graph, data) -> None:
    count, pairs = graph
    aim = data.draw(st.integers(0, count - 1))
    known = frozenset(data.draw(st.sets(st.integers(0, count - 1)))) - {aim}
    found = goal.way(count, pairs, [aim], known)
    need = ancestors(pairs, {aim}, known)
    assert aim in found.kept and found.kept <= need and not found.kept & known
    assert found.kept | found.skipped == need and not found.kept & found.skipped
    kept = [p for p in pairs if p.before in found.kept and p.after in found.kept]
    assert ancestors(kept, {aim}) == found.kept, "every step leads to the goal over others that are kept"
    for p in pairs:
        if p.kind == "builds on" and p.after in found.kept:
            assert p.before in found.kept | known, "what a step builds on is there"


@given(acyclic())
def test_the_flow_is_pagerank(graph) -> None:
    count, pairs = graph
    out = np.zeros((count, count))
    for p in pairs:
        out[p.before, p.after] += p.weight
    sums = out.sum(0)
    moves = out / np.where(sums > 0, sums, 1)
    start = np.zeros(count)
    start[count - 1] = 1
    expected = 0.5 * np.linalg.solve(np.eye(count) - 0.5 * moves, start)
    assert goal.flow(count, pairs, [count - 1]) == pytest.approx(expected, abs=1e-9)
    assert goal.flow(count, pairs, [count - 1], np.full(count, 1e9)).sum() == pytest.approx(0.5, abs=1e-6)


@given(acyclic(), st.data())
def test_from_several_goals_the_flow_starts_in_equal_parts(graph, data) -> None:
    count, pairs = graph
    aims = data.draw(st.sets(st.integers(0, count - 1), min_size=1))
    each = [goal.flow(count, pairs, [aim]) for aim in aims]
    assert goal.flow(count, pairs, aims) == pytest.approx(np.mean(each, axis=0), abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_each_is_joined_to_a_goal_the_cheapest_way(seed: int) -> None:
    count, drawn = 9, random.Random(seed)
    ends = [ends for ends in itertools.combinations(range(count), 2) if drawn.random() < 0.5]
    pairs = [Pair(a, b, drawn.choice([0.1, 0.2, 3.0]), "uses", True) for a, b in ends]
    aims = drawn.sample(range(5, count), 2)
    into = [[pair for pair in pairs if pair.after == place] for place in range(count)]
    following = goal._cheapest(into, aims, set())
    least = {aim: 0.0 for aim in aims}
    for place in reversed(range(count)):  # what rests on it has a larger number
        ways = [least[p.after] + 1 / (0.05 + p.weight) for p in pairs if p.before == place and p.after in least]
        if place not in aims and ways:
            least[place] = min(ways)
    assert following.keys() == least.keys() - aims
    for place, after in following.items():
        (best,) = (p.weight for p in pairs if (p.before, p.after) == (place, after))
        assert least[place] == pytest.approx(least[after] + 1 / (0.05 + best))


def test_of_equal_ways_the_first_is_kept() -> None:
    between = range(1, 11)
    pairs = [Pair(one, 11, 1.0, "uses", True) for one in between] + [Pair(0, one, 1.0, "uses", True) for one in between]
    kept = goal.way(12, pairs, [11]).kept
    assert {0, 1, 11} <= kept and kept == {0, 11, *range(1, len(kept) - 1)} != {*range(12)}


def test_four_fifths_of_what_a_goal_rests_on_is_enough() -> None:
    """What is left out when the largest shares together have so much."""
    for weights, kept in (
        ([8.0, 2.0], {0}), ([7.9, 2.1], {0, 1}), ([1.0, 1.0, 1.0, 1.0, 1.0], {0, 1, 2, 3}), ([5.0, 4.0, 1.0], {0, 1}),
    ):  # fmt: skip
        aim = len(weights)
        pairs = [Pair(n, aim, weight, "uses", True) for n, weight in enumerate(weights)]
        found = goal.way(aim + 1, pairs, [aim])
        assert found.kept == kept | {aim} and found.skipped == set(range(aim)) - kept


def test_of_what_is_only_mentioned_in_a_long_list_little_is_told() -> None:
    pairs = [Pair(0, 1, 0.2, "mentions", False)]
    alone, among = (goal.flow(2, pairs, [1], leaning) for leaning in (None, np.array([0.0, 2.0])))
    assert alone.tolist() == [0.25, 0.5] and among.tolist() == pytest.approx([0.025, 0.5])


def test_a_goal_that_is_known_still_rests_on_others() -> None:
    pairs = [Pair(0, 1, 1.0, "uses", True), Pair(1, 2, 1.0, "uses", True)]
    assert goal.way(3, pairs, [2], {1}).kept == {2} and goal.way(3, pairs, [2, 1], {1}).kept == {0, 1, 2}


def slowly(most: int, minutes: list[int], value: np.ndarray, pairs: list[Pair], first: list[int]) -> set[int]:
    """The greedy choice in as many words: again and again what is worth most for each minute, with all that it needs."""
    chosen: set[int] = set()

    def need(place: int) -> set[int]:
        return ancestors(pairs, {place}, frozenset(chosen))

    def takes(place: int) -> int:
        return sum(minutes[one] for one in need(place))

    for place in first:
        if place not in chosen and takes(place) <= most - sum(minutes[one] for one in chosen):
            chosen |= need(place)
    while True:
        left = most - sum(minutes[one] for one in chosen)
        fit = [place for place in range(len(minutes)) if place not in chosen and takes(place) <= left]
        if not fit:
            return chosen
        chosen |= need(min(fit, key=lambda place: (-float(value[sorted(need(place))].sum()) / takes(place), place)))


@given(acyclic(8), st.data())
def test_a_choice_is_the_greedy_one(graph, data) -> None:
    count, pairs = graph
    minutes = data.draw(st.lists(st.integers(1, 20), min_size=count, max_size=count))
    value = np.array(data.draw(st.lists(st.integers(0, 8), min_size=count, max_size=count))) / 8
    most = data.draw(st.integers(1, 80))
    first = data.draw(st.lists(st.integers(0, count - 1), max_size=2))
    assert budget.within(most, minutes, value, pairs, range(count), first) == slowly(most, minutes, value, pairs, first)


@given(acyclic(7), st.data())
def test_of_some_papers_only_these_count(graph, data) -> None:
    """What is not to be read, being known, takes no time and holds up nothing."""
    count, pairs = graph
    some = data.draw(st.sets(st.integers(0, count - 1)))
    minutes = data.draw(st.lists(st.integers(1, 60), min_size=count, max_size=count))
    most = data.draw(st.integers(1, 200))
    inside = [p for p in pairs if p.before in some and p.after in some]
    found = budget.within(most, minutes, np.ones(count), pairs, some)
    assert found <= some and found == budget.within(most, minutes, np.ones(count), inside, some)


@pytest.mark.parametrize(("most", "chosen"), [(9, set()), (10, {2}), (19, {2}), (20, {2, 1}), (40, {0, 1, 2})])
def test_the_most_for_each_minute_is_read(most: int, chosen: set[int]) -> None:
    assert budget.within(most, [20, 10, 10], np.array([1.8, 0.95, 1.0]), [], range(3)) == chosen


def test_of_two_worth_the_same_the_first_is_read() -> None:
    assert budget.within(10, [10, 10, 10], np.ones(3), [], [2, 1]) == {1}
    assert budget.within(20, [10, 20, 10], np.array([1.0, 2.0, 1.0]), [], range(3)) == {0, 2}


def test_what_others_rest_on_is_counted_with_them() -> None:
    pairs = [Pair(0, 1, 1.0, "uses", True)]
    assert budget.within(20, [10, 10, 10], np.array([0.1, 3.0, 1.0]), pairs, range(3)) == {0, 1}
    assert budget.within(20, [15, 10, 10], np.array([0.1, 3.0, 1.0]), pairs, range(3)) == {2}
    assert budget.within(30, [10, 10, 10], np.array([0.1, 3.0, 1.0]), pairs, range(3), [2]) == {0, 1, 2}
    assert budget.within(20, [10, 10, 10], np.array([0.1, 3.0, 1.0]), pairs, range(3), [2]) == {2, 0}
    assert budget.within(20, [10, 10, 10], np.array([0.1, 3.0, 1.0]), pairs, range(3), [0, 1, 0]) == {0, 1}


@given(acyclic(7), st.data())
def test_a_budget_is_kept_closed_and_used(graph, data) -> None:
    count, pairs = graph
    minutes = data.draw(st.lists(st.integers(1, 60), min_size=count, max_size=count))
    value = np.array(data.draw(st.lists(st.floats(0.01, 1), min_size=count, max_size=count)))
    most = data.draw(st.integers(1, 200))
    found = budget.within(most, minutes, value, pairs, range(count))
    spent = sum(minutes[place] for place in found)
    assert spent <= most
    assert ancestors(pairs, found) == found, "nothing without what it rests on"
    for place in set(range(count)) - found:
        assert spent + sum(minutes[p] for p in ancestors(pairs, {place}) - found) > most, "what still fits is read"


@given(acyclic(7), st.data())
def test_with_time_for_all_all_is_read(graph, data) -> None:
    count, pairs = graph
    minutes = [10] * count
    assert budget.within(10 * count, minutes, np.ones(count), pairs, range(count)) == set(range(count))
    aim = data.draw(st.integers(0, count - 1))
    need = ancestors(pairs, {aim})
    assume(len(need) < count)
    assert budget.within(10 * len(need), minutes, np.ones(count), pairs, range(count), [aim]) == need


@pytest.mark.parametrize(("text", "minutes"), [("6h", 360), ("90m", 90), ("2h30m", 150), ("1.5 h", 90), (" 45 min ", 45), ("2 hours", 120), ("10000h", 600_000), ("1m", 1), ("0h5m", 5), ("0.02h", 1)])  # fmt: skip
def test_times_are_read(text: str, minutes: int) -> None:
    assert budget.minutes_of(text) == minutes


@pytest.mark.parametrize(
    "text", ["", "six", "0h", "0m", "0.001h", "10000h1m", "-1h", "6", "1d", "99999h", "6h" * 30, "٣h", "h", "1e3h"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadBudget):
        budget.minutes_of(text)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with contextlib.suppress(BadBudget):
        assert 0 < budget.minutes_of(text) <= 600_000
