"""From scores to a list and its stages: what is moved, how far, and where it is cut."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.reading_order import sequence, stages
from service.reading_order.precedence import Pair


def rests(before: int, after: int, weight: float = 1.0) -> Pair:
    return Pair(before, after, weight, "uses", True)


@st.composite
def lists(draw, most: int = 14):
    """Scores, themes, and pairs without a ring: each goes with a permutation."""
    count = draw(st.integers(1, most))
    score = np.array(
        draw(st.lists(st.integers(0, 20).map(lambda n: n / 20) | st.floats(-1, 1), min_size=count, max_size=count))
    )
    group = np.unique(draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)), return_inverse=True)[1]
    mixed = draw(st.permutations(range(count)))
    ends = (
        draw(st.lists(st.tuples(*[st.integers(0, count - 1)] * 2).filter(lambda e: e[0] < e[1]), max_size=10))
        if count > 1
        else []
    )
    return (
        score,
        group,
        [rests(mixed[a], mixed[b]) for a, b in ends],
        draw(st.sampled_from([0.0, 0.1, 0.3, 0.6, 1.0])),
    )


@given(lists())
def test_nothing_without_pairs_stands_far_ahead_of_a_better_one(made) -> None:
    """Whoever stays in a theme passes over what scores better by no more than the patience."""
    score, group, _, patience = made
    order = sequence.sequence(score, group, [], patience)
    slack = patience * (score.max() - score.min())
    assert sorted(order) == list(range(len(score)))
    for first, second in itertools.combinations(order, 2):
        assert score[second] - score[first] <= slack + 1e-9


@given(lists())
def test_runs_that_can_be_joined_are(made) -> None:
    """Where it breaks no pair, and puts nothing ahead of what scores much better; a theme waits for no shorter rest."""
    score, group, pairs, patience = made
    order = sequence.sequence(score, group, pairs, patience)
    assert sorted(order) == list(range(len(score)))
    at = {place: n for n, place in enumerate(order)}
    assert all(at[pair.before] < at[pair.after] for pair in pairs)
    runs = sequence.runs_of(order, group)
    slack = patience * (score.max() - score.min())

    def may_go_ahead(later: Sequence[int], earlier: Sequence[int]) -> bool:
        near = max(score[one] for one in earlier) - min(score[one] for one in later) <= slack
        return near and not any(p.before in earlier and p.after in later for p in pairs)

    for i, j in itertools.combinations(range(len(runs)), 2):
        if group[runs[i][0]] == group[runs[j][0]]:
            between = [place for run in runs[i + 1 : j] for place in run]
            assert not may_go_ahead(runs[j], between)
            assert len(runs[i]) > len(runs[j]) or not may_go_ahead(between, runs[i])


def test_a_theme_is_read_on_until_another_is_much_ahead() -> None:
    group = np.array([0, 0, 0, 1])
    for other, order in ((0.55, [0, 1, 2, 3]), (0.6, [0, 1, 2, 3]), (0.65, [0, 1, 3, 2])):
        score = np.array([1.0, 0.98, 0.0, other])
        assert sequence.sequence(score, group, [], 0.6) == order, other
    score = np.array([1.0, 0.4, 0.5, 0.0])
    assert sequence.sequence(score, np.array([0, 0, 1, 1]), [], 0.6) == [0, 1, 2, 3]
    assert sequence.sequence(score, np.array([0, 1, 0, 1]), [], 0.6) == [0, 2, 1, 3]


def test_among_equals_the_first_goes_first() -> None:
    assert sequence.sequence(np.zeros(5), np.array([0, 1, 0, 1, 0]), []) == [0, 2, 4, 1, 3]
    assert sequence.sequence(np.zeros(0), np.zeros(0, np.int64), []) == []


def test_a_run_goes_down_to_one_that_is_no_shorter() -> None:
    score, group = np.array([1.0, 0.9, 0.8, 0.7]), np.array([0, 1, 2, 0])
    assert sequence.sequence(score, group, [rests(2, 3)], 1.0) == [1, 2, 0, 3], "3 needs 2, so 0 goes down to it"
    score, group = np.array([1.0, 0.95, 0.9, 0.85, 0.8]), np.array([0, 0, 1, 0, 1])
    assert sequence.sequence(score, group, [rests(2, 3)], 1.0) == [0, 1, 2, 4, 3], "two wait for no one"
    assert sequence.sequence(score, group, [rests(2, 3), rests(3, 4)], 1.0) == [0, 1, 2, 3, 4], "nor for what needs it"


def test_of_two_moves_the_one_that_disturbs_less_goes_first() -> None:
    score = np.array([8, 2, 13, 9, 14]) / 16
    pairs = [rests(3, 1), rests(0, 3), rests(0, 2)]
    assert sequence.sequence(score, np.array([0, 1, 1, 2, 1]), pairs, 0.5) == [0, 3, 4, 2, 1]


def test_of_many_papers_no_run_is_moved() -> None:
    count = 401
    score = np.linspace(1, 0, count)
    group = np.zeros(count, np.int64)
    group[1:3] = 1
    pairs = [rests(1, 3)]
    few = sequence.sequence(score[:400], group[:400], [*pairs, *(rests(3, n) for n in range(4, 400))])
    many = sequence.sequence(score, group, [*pairs, *(rests(3, n) for n in range(4, count))])
    assert few[:4] == [1, 2, 0, 3] and many[:4] == [0, 1, 2, 3]


# ------------------------------------------------------------------ rings


def test_rings_are_told_the_first_first_and_cut_at_the_lightest() -> None:
    pairs = [rests(2, 1, 3.0), rests(1, 2, 1.0), rests(0, 5, 1.0), rests(5, 0, 2.0), rests(1, 3)]
    cycles, dropped = sequence.broken(6, pairs, np.zeros(6))
    assert cycles == [[5, 0], [2, 1]] and dropped == [pairs[2], pairs[1]]
    assert sequence.broken(6, [], np.zeros(6)) == ([], [])


def test_a_ring_of_equals_goes_by_the_scores() -> None:
    for first, second in ((0, 1), (1, 0)):
        score = np.array([1.0, 0.0]) if first == 0 else np.array([0.0, 1.0])
        pairs = [rests(0, 1), rests(1, 0)]
        assert sequence.broken(2, pairs, score) == ([[first, second]], [pairs[first == 0]])
    three = [rests(0, 1), rests(1, 2, 2.0), rests(2, 0, 3.0)]
    assert sequence.broken(3, three, np.array([1.0, 0.5, 0.0])) == ([[1, 2, 0]], [three[0]])


def test_what_is_moved_in_a_ring_goes_no_further_than_it_gains() -> None:
    pairs = [rests(0, 1), rests(1, 2), rests(2, 0), rests(3, 1, 2.0), rests(1, 3)]
    (cycle,), dropped = sequence.broken(4, pairs, np.array([4.0, 3.0, 2.0, 1.0]))
    assert cycle == [0, 3, 1, 2], "3 has to do with 1 alone, and stays behind 0"
    assert dropped == [pairs[2], pairs[4]]


def test_of_a_ring_of_very_many_the_order_of_the_scores_is_kept() -> None:
    for count, sifted in ((400, True), (401, False)):
        pairs = [rests(n, (n + 1) % count) for n in range(count)]
        score = np.arange(count) / count
        (cycle,), dropped = sequence.broken(count, pairs, score)
        backwards = sorted(range(count), key=lambda n: -n)
        assert (cycle == backwards) == (not sifted) and (len(dropped) <= count // 2) == sifted


def test_of_what_makes_a_ring_with_what_is_held_nothing_is_held() -> None:
    strict = [rests(0, 1)]
    more = [Pair(1, 0, 1.0, "mentions", False), Pair(1, 2, 1.0, "mentions", False), Pair(3, 2, 1.0, "mentions", False)]
    assert sequence.held(4, strict, more) == [*strict, *more[1:]] and sequence.held(4, strict, []) == strict


# ------------------------------------------------------------------ stages


def test_a_single_paper_joins_the_run_that_it_has_most_to_do_with() -> None:
    runs = [[0, 1], [2], [3, 4]]
    for pairs, found in (
        ([], runs),
        ([rests(0, 2)], [[0, 1, 2], [3, 4]]),
        ([rests(2, 3)], [[0, 1], [2, 3, 4]]),
        ([rests(0, 2, 2.0), rests(2, 3, 1.0)], [[0, 1, 2], [3, 4]]),
        ([rests(0, 2, 1.0), rests(2, 3, 2.0)], [[0, 1], [2, 3, 4]]),
        ([rests(0, 2, 1.0), rests(2, 3, 1.0)], [[0, 1], [2, 3, 4]]),
        ([rests(0, 3)], runs),
        ([rests(0, 2, 1.0), rests(2, 3, 0.7), rests(2, 4, 0.7)], [[0, 1], [2, 3, 4]]),
    ):
        assert stages._gathered(runs, pairs) == found, pairs
    more = [[0, 1, 2, 3], [4], [5, 6]]
    assert stages._gathered(more, [rests(0, 4, 1.5), rests(4, 5, 1.0)]) == [[0, 1, 2, 3], [4, 5, 6]], "for each of them"


def test_single_papers_join_each_other_one_after_the_other() -> None:
    assert stages._gathered([[0], [1], [2]], [rests(0, 1), rests(1, 2)]) == [[0, 1, 2]]
    assert stages._gathered([[0], [1], [2]], [rests(1, 2)]) == [[0], [1, 2]]
    assert stages._gathered([[0], [1], [2]], [rests(0, 1)]) == [[0, 1], [2]]
    assert stages._gathered([[0], [1], [2], [3]], [rests(2, 3)]) == [[0], [1], [2, 3]]
    assert stages._gathered([[0]], []) == [[0]]


@pytest.mark.parametrize("count", [1, 7, 22, 23, 30, 37, 38, 100])
def test_a_long_run_is_cut_into_pieces_of_like_size(count: int) -> None:
    pieces = stages._pieces(list(range(count)))
    assert [one for piece in pieces for one in piece] == list(range(count))
    sizes = list(map(len, pieces))
    assert max(sizes) - min(sizes) <= 1 and (max(sizes) <= 22.5 or len(sizes) > 1)
    assert len(sizes) == 1 or min(sizes) > 10
