"""Batches: every text once, little padding, and calls that wait together are served together."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.embed.batching import Together, batches, shares


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 2000), st.integers(1, 16))
def test_every_text_is_in_one_batch_with_its_own_tokens(lengths: list[int], budget: int, step: int) -> None:
    tokens = [[number + 1] * length for number, length in enumerate(lengths)]
    rows = [10 * number for number in range(len(lengths))]
    made = list(batches(rows, tokens, 0, budget, step))
    assert sorted(row for some in made for row in some.rows) == rows
    for some in made:
        assert some.ids.shape == some.mask.shape and some.ids.shape[1] % step == 0
        assert some.ids.size <= budget or len(some.rows) == 1
        for row, ids, mask in zip(some.rows, some.ids, some.mask, strict=True):
            assert ids[mask == 1].tolist() == tokens[row // 10] and not ids[mask == 0].any()
    longest = [some.ids.shape[1] for some in made]
    assert longest == sorted(longest, reverse=True)


@given(st.lists(st.integers(1, 60), max_size=70), st.integers(1, 16))
def test_shares_are_even_and_at_most_so_many(lengths: list[int], count: int) -> None:
    tokens = [[number + 1] * length for number, length in enumerate(lengths)]
    made = list(shares(tokens, 0, count))
    assert sorted(row for some in made for row in some.rows) == list(range(len(lengths))) and len(made) <= count
    assert len({len(some.rows) for some in made[:-1]}) <= 1
    for some in made:
        for row, ids, mask in zip(some.rows, some.ids, some.mask, strict=True):
            assert ids[mask == 1].tolist() == tokens[row]


def test_a_call_that_is_alone_is_served_at_once_in_its_own_thread() -> None:
    seen: list[threading.Thread] = []
    together = Together(lambda items: seen.append(threading.current_thread()) or [item * 2 for item in items], 8)
    assert together([1, 2]) == [2, 4] and together([]) == []
    assert set(seen) == {threading.current_thread()}


def test_what_waits_is_one_batch_and_each_call_gets_its_own() -> None:
    held, entered = threading.Event(), threading.Event()
    batches: list[list[int]] = []

    def work(items: list[int]) -> list[int]:
        batches.append(items)
        entered.set()
        assert held.wait(300)
        return [-item for item in items]

    together = Together(work, 5)
    results: dict[int, list[int]] = {}

    def call(number: int) -> None:
        results[number] = list(together([number, number + 100]))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    threads[0].start()
    assert entered.wait(300)
    for thread in threads[1:]:
        thread.start()
    while len(together._waiting) < 7:
        time.sleep(0.001)
    held.set()
    for thread in threads:
        thread.join(300)
    assert results == {number: [-number, -number - 100] for number in range(8)}
    assert [len(some) for some in batches] == [2, 4, 4, 4, 2]  # at most 5, and no call is parted


def test_a_call_larger_than_a_batch_is_served() -> None:
    assert list(Together(lambda items: items, 2)([1, 2, 3])) == [1, 2, 3]


def test_an_error_reaches_every_call_of_its_batch_and_the_next_is_served() -> None:
    def work(items: list[int]) -> list[int]:
        if 0 in items:
            raise ValueError("no zeros")
        return items

    together = Together(work, 8)
    with pytest.raises(ValueError, match="no zeros"):
        together([0])
    assert together([1]) == [1]


def test_many_threads_get_what_is_theirs() -> None:
    together = Together(lambda items: np.asarray(items, np.float32) * 2, 16)
    wrong: list[int] = []

    def call(start: int) -> None:
        for number in range(start, start + 200):
            if together([number])[0] != 2 * number:
                wrong.append(number)

    threads = [threading.Thread(target=call, args=(1000 * number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert not wrong and not any(thread.is_alive() for thread in threads)
