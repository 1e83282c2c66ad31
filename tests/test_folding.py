"""Folding: what says the same is shown once, and nothing is lost."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.search.folding import Place, fold

WORDS = [f"word{n}" for n in range(400)]


def said(*numbers: int) -> str:
    return " ".join(WORDS[n] for n in numbers)


def test_copies_are_one_group_led_by_the_best() -> None:
    first, other = said(*range(50)), said(*range(100, 150))
    assert fold([first, other, first.upper(), other + "!", first]) == [[0, 2, 4], [1, 3]]


def test_four_fifths_of_the_shorter_are_enough() -> None:
    text = said(*range(104))  # 100 shingles
    assert fold([text, said(*range(20, 60))]) == [[0, 1]]  # all of it stands in the longer one
    assert fold([said(*range(20, 60)), text]) == [[0, 1]]
    assert fold([text, said(*range(84), *range(200, 220))]) == [[0, 1]]  # 80 of 100 shingles are the same
    assert fold([text, said(*range(83), *range(200, 221))]) == [[0], [1]]


def test_a_changed_word_spoils_five_shingles_only() -> None:
    words = list(range(60))
    changed = [300 if n == 30 else n for n in words]
    assert fold([said(*words), said(*changed)]) == [[0, 1]]


def test_few_words_are_compared_whole() -> None:
    assert fold(["Figure 3", "figure 3.", "Figure 4", "", " ", "?!"]) == [[0, 1], [2], [3], [4], [5]]


def test_a_group_is_held_by_its_first_alone() -> None:
    texts = [said(*range(a, a + 50)) for a in (0, 8, 16)]  # each near the one before, the last not near the first
    assert fold(texts) == [[0, 1], [2]]


def test_passages_that_lie_on_each_other_are_the_same() -> None:
    texts = [said(*range(10)), said(*range(100, 110)), said(*range(200, 210)), said(*range(300, 310))]
    places = [Place((0, 1), 0, 100), Place((0, 1), 40, 120), Place((0, 1), 90, 200), Place((0, 2), 0, 100)]
    assert fold(texts, places) == [[0, 1], [2], [3]]  # neighbours may share a border sentence


def test_nothing_gives_nothing() -> None:
    assert fold([]) == [] and fold([], []) == []


def slowly(texts: list[str], places: list[Place] | None) -> list[list[int]]:
    sets = []
    for text in texts:
        words = re.findall(r"[^\W_]+", text.casefold())
        sets.append({tuple(words[n : n + 5]) for n in range(max(1, len(words) - 4))} if words else set())
    groups: list[list[int]] = []
    for index, own in enumerate(sets):
        for group in groups:
            first = group[0]
            same = bool(own and sets[first]) and len(own & sets[first]) >= 0.8 * min(len(own), len(sets[first]))
            if places is not None and places[first].page == places[index].page:
                a, b = places[first], places[index]
                same |= min(a.end, b.end) - max(a.start, b.start) >= 0.5 * min(a.end - a.start, b.end - b.start) > 0
            if same:
                group.append(index)
                break
        else:
            groups.append([index])
    return groups


RUN = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: said(*range(pair[0], pair[0] + pair[1])))
PLACE = st.builds(
    lambda page, start, length: Place(page, start, start + length),
    st.integers(0, 2),
    st.integers(0, 50),
    st.integers(0, 50),
)


@given(st.lists(st.tuples(RUN | st.text(max_size=30), PLACE), max_size=30), st.booleans())
@hypothesis_settings(deadline=None, max_examples=200)
def test_groups_are_those_of_the_slow_way(rows: list[tuple[str, Place]], placed: bool) -> None:
    texts, places = [text for text, _ in rows], [place for _, place in rows] if placed else None
    groups = fold(texts, places)
    assert groups == fold(texts, places, [np.ones(1, np.float32)] * len(texts)) == slowly(texts, places)
    assert sorted(index for group in groups for index in group) == list(range(len(texts)))
