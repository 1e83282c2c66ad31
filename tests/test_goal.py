"""The way to a paper, and what to read in the time: both closed, neither longer than it has to be."""

from __future__ import annotations

import contextlib
import itertools

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


@pytest.mark.parametrize(("text", "minutes"), [("6h", 360), ("90m", 90), ("2h30m", 150), ("1.5 h", 90), (" 45 min ", 45), ("2 hours", 120)])  # fmt: skip
def test_times_are_read(text: str, minutes: int) -> None:
    assert budget.minutes_of(text) == minutes


@pytest.mark.parametrize("text", ["", "six", "0h", "-1h", "6", "1d", "99999h", "6h" * 30, "٣h", "h", "1e3h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadBudget):
        budget.minutes_of(text)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with contextlib.suppress(BadBudget):
        assert 0 < budget.minutes_of(text) <= 600_000
