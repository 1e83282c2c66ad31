"""Measures: equal to cases counted by hand and to the judged sets' own scorer; intervals that hold what they say."""

from __future__ import annotations

import importlib.util
import math
import random
from types import ModuleType

import numpy as np
import pytest
from conftest import SHARED, needs_shared
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.evaluate.measures import Figure, figure, known_item, retrieval


@pytest.mark.parametrize(
    ("ranked", "relevant", "expected"),
    [
        ("a", {"a": 1}, (1, 1, 1, 1)),
        ("ba", {"a": 1}, (1 / math.log2(3), 1, 1, 1 / 2)),
        ("", {"a": 1}, (0, 0, 0, 0)),
        ("xyz", {"a": 1}, (0, 0, 0, 0)),
        # grades are gains: the lesser one first costs (2 + 1 / log2 3) - (1 + 2 / log2 3) of 2 + 1 / log2 3
        ("ba", {"a": 2, "b": 1}, ((1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3)), 1, 1, 1)),
        # third and, beyond ten, the eleventh
        ("xxaxxxxxxxb", {"a": 1, "b": 1}, (0.5 / (1 + 1 / math.log2(3)), 1 / 2, 1, 1 / 3)),
        ("x" * 10 + "a", {"a": 1}, (0, 0, 1, 0)),
        ("x" * 100 + "a", {"a": 1}, (0, 0, 0, 0)),
        # one of two is nowhere in the corpus: it counts as not found
        ("a", {"a": 1, "gone": 1}, (1 / (1 + 1 / math.log2(3)), 1 / 2, 1 / 2, 1)),
    ],
)
def test_counted_by_hand(ranked: str, relevant: dict[str, float], expected: tuple[float, ...]) -> None:
    names = [name if name in relevant else f"{name}{n}" for n, name in enumerate(ranked)]
    assert retrieval(names, relevant) == pytest.approx(expected, abs=1e-12)


def test_more_than_ten_relevant() -> None:
    relevant = {f"d{n}": 1.0 for n in range(20)}
    ranked = [f"d{n}" for n in range(10)]
    assert retrieval(ranked, relevant) == (1, 0.5, 0.5, 1)


@pytest.mark.parametrize(
    ("ranked", "pages", "shown", "expected"),
    [
        ("ab", {3}, {2, 3}, (1, 1, 1, 1)),
        ("ba", {3}, {2}, (0, 1, 1 / 2, 0)),
        ("ba", {3, 4}, {4}, (0, 1, 1 / 2, 1)),
        ("bc", {3}, {3}, (0, 0, 0, 0)),
        ("ab", (), {None}, (1, 1, 1, None)),
        ("bcdefghijka", {1}, {1}, (0, 0, 0, 0)),
    ],
)
def test_known_items_counted_by_hand(ranked: str, pages: set[int], shown: set[int | None], expected: tuple) -> None:
    assert known_item(list(ranked), "a", pages, shown) == expected


# ---------------------------------------------------------------------- against the sets' own scorer


def scorer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("score", SHARED / "eval" / "score.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


documents = st.integers(0, 30).map("d{}".format)
judgements = st.dictionaries(
    st.integers(0, 9).map("q{}".format),
    st.dictionaries(documents, st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0]), min_size=1, max_size=25),
    min_size=1,
)
runs = st.dictionaries(st.integers(0, 12).map("q{}".format), st.lists(documents, unique=True, max_size=30))


def means(run: dict[str, list[str]], judged: dict[str, dict[str, float]]) -> tuple[float, ...]:
    """The four measures as `evaluate` takes them: over questions with something relevant, what wasn't answered as nothing."""
    relevant = {q: {d: g for d, g in grades.items() if g > 0} for q, grades in judged.items()}
    rows = [retrieval(run.get(question, []), grades) for question, grades in relevant.items() if grades]
    return tuple(figure(column, 0).mean for column in zip(*rows, strict=True))


@needs_shared
@hypothesis_settings(max_examples=60, deadline=None)
@given(judgements, runs)
def test_equal_to_the_scorer(judged: dict[str, dict[str, float]], run: dict[str, list[str]]) -> None:
    if not any(grade > 0 for grades in judged.values() for grade in grades.values()):
        return
    expected = scorer().retrieval(run, judged)
    assert expected.pop("queries") == sum(any(g > 0 for g in grades.values()) for grades in judged.values())
    assert means(run, judged) == pytest.approx(tuple(expected.values()), abs=2e-6)


@needs_shared
@pytest.mark.parametrize("name", ["scifact", "qasper", "acl_tutorials"])
def test_equal_to_the_scorer_on_real_judgements(name: str) -> None:
    judged = scorer().read_qrels(SHARED / "eval" / name / "qrels.tsv")
    draws = random.Random(1)
    every = sorted({document for grades in judged.values() for document in grades})
    run = {
        q: draws.sample([*grades, *draws.sample(every, 90)], 90) for q, grades in judged.items() if draws.random() < 0.9
    }
    run = {question: list(dict.fromkeys(ranked)) for question, ranked in run.items()}
    expected = scorer().retrieval(run, judged)
    del expected["queries"]
    assert means(run, judged) == pytest.approx(tuple(expected.values()), abs=2e-6)


# ---------------------------------------------------------------------- intervals


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(0, 5))
@hypothesis_settings(max_examples=30, deadline=None)
def test_an_interval_holds_its_mean_and_is_the_same_again(values: list[float], seed: int) -> None:
    found = figure(values, seed)
    assert found == figure(values, seed)
    assert (
        min(values) - 1e-6 <= found.low <= found.mean + 1e-6 and found.mean - 1e-6 <= found.high <= max(values) + 1e-6
    )
    assert found.mean == pytest.approx(sum(values) / len(values), abs=1e-6) and found.questions == len(values)


def test_equal_values_have_no_interval() -> None:
    assert figure([0.25] * 7, 0) == Figure(0.25, 0.25, 0.25, 7)
    assert figure([1.0], 0) == Figure(1, 1, 1, 1)
    with pytest.raises(ValueError, match="no question"):
        figure([], 0)


def test_the_interval_is_that_of_the_resampling_written_out() -> None:
    values = [random.Random(3).random() ** 2 for _ in range(60)]
    draws = random.Random(4)
    slow = sorted(sum(draws.choices(values, k=len(values))) / len(values) for _ in range(20_000))
    found = figure(values, 0)
    assert (found.low, found.high) == pytest.approx((slow[500], slow[19_500]), abs=0.004)


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    draws = np.random.default_rng(5)
    samples = draws.random((300, 80)) < 0.6
    found = [figure(sample.astype(float).tolist(), n) for n, sample in enumerate(samples)]
    assert 0.91 <= np.mean([f.low <= 0.6 <= f.high for f in found]) <= 0.98


def test_many_questions_are_drawn_in_parts() -> None:
    values = np.random.default_rng(6).random(3_000)
    found = figure(values, 0)
    assert found.low == pytest.approx(values.mean() - 1.96 * values.std() / len(values) ** 0.5, abs=5e-4)
