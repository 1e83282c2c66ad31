"""What has to do with what: pairs from citations, how much a paper leans on others, and which papers are read together."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping

import numpy as np
import pytest
from given_graph import Cites, Given, Roles
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from judged_records import built, record
from test_titles_alone import TEXTS

from indexer.library import Generation
from service.reading_order import grouping
from service.reading_order.precedence import BY_ROLE, OFTEN, leaning, precedence_of

IDS = ("ash", "birch", "cedar", "elder", "fir", "hazel")


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    return built(
        tmp_path_factory.mktemp("trees"), [record(one, f"Of {one}", f"Of the {one} tree.", 2000) for one in IDS]
    )


# ------------------------------------------------------------------ pairs


def test_pairs_are_what_papers_cite_of_each_other(trees: Generation) -> None:
    roles: Roles = {
        ("ash", "birch"): Cites("builds on", weight=2.0), ("ash", "cedar"): Cites("mentions", basis="digest"),
        ("ash", "elder"): "compares with", ("birch", "ash"): "uses", ("cedar", "ash"): "uses", ("cedar", "fir"): "builds on",
        ("elder", "cedar"): Cites("mentions", ["Method"] * OFTEN), ("elder", "ash"): Cites("uses", ["Method"] * OFTEN),
        ("elder", "birch"): Cites("mentions", ["Method"] * (OFTEN - 1) + ["Related Work"] * 3),
    }  # fmt: skip
    graph = Given(trees, roles)
    positions = [graph.at[one] for one in ("elder", "cedar", "birch", "ash")]  # fir is not asked for
    survey = np.array([False, True, False, False])

    def told(**given: object) -> tuple[set, set]:
        found = precedence_of(graph, positions, survey, **given)  # type: ignore[arg-type]
        for some in (found.pairs, found.covers):
            assert list(some) == sorted(some, key=lambda pair: (pair.before, pair.after))
        assert found.strict == tuple(pair for pair in found.pairs if pair.kind in ("builds on", "uses"))
        return tuple(
            {(p.before, p.after, p.kind, round(p.weight, 6), p.strict, p.often) for p in some}
            for some in (found.pairs, found.covers)
        )  # type: ignore[return-value]

    pairs = {
        (2, 3, "builds on", 2.0, True, False), (1, 3, "mentions", 0.2, False, False),
        (0, 3, "compares with", 0.4, False, False), (3, 2, "uses", 0.8, True, False),
        (1, 0, "mentions", 0.2, False, True), (3, 0, "uses", 0.8, True, False), (2, 0, "mentions", 0.2, False, False),
    }  # fmt: skip
    covers = {(1, 3, "covers", 0.8, False, False)}
    assert told() == (pairs, covers)
    assert told(without={"digest"}) == ({pair for pair in pairs if pair[:2] != (1, 3)}, covers)


def test_of_two_versions_of_a_paper_each_stands_before_what_cites_one(trees: Generation) -> None:
    graph = Given(trees, {("cedar", "ash"): "uses", ("ash", "elder"): "uses"}, copies={"birch": "ash"})
    positions = [graph.at[one] for one in ("ash", "birch", "cedar", "elder")]
    found = precedence_of(graph, positions, np.zeros(4, bool))  # type: ignore[arg-type]
    assert [(pair.before, pair.after) for pair in found.pairs] == [(0, 2), (1, 2), (3, 0), (3, 1)]


def test_how_much_each_leans_on_others(trees: Generation) -> None:
    roles: Roles = {
        ("ash", "birch"): Cites("builds on", weight=2.0), ("ash", "fir"): Cites("uses", weight=3.0),
        ("ash", "Oak"): Cites("mentions", count=4), ("birch", "Oak"): "uses", ("fir", "Oak"): "builds on",
        ("cedar", "Pine"): Cites("compares with", count=2),
    }  # fmt: skip
    graph = Given(trees, roles)
    positions = [graph.at[one] for one in ("cedar", "birch", "ash", "elder")]
    log = math.log1p
    expected = [
        log(2) * BY_ROLE["compares with"], log(1) * BY_ROLE["uses"],
        2.0 + 3.0 * BY_ROLE["uses"] + log(4) * BY_ROLE["mentions"], 0.0,
    ]  # fmt: skip
    assert leaning(graph, positions) == pytest.approx(expected)  # type: ignore[arg-type]


# ------------------------------------------------------------------ groups


def coupled(generation: Generation, roles: Roles, ids: tuple[str, ...] = IDS, lacked: tuple[str, ...] = ()) -> Mapping:
    """How much each two cite the same."""
    graph = Given(generation, roles)
    positions = [graph.at[one] for one in ids]
    place = {position: number for number, position in enumerate(positions)}
    found = grouping._coupled(graph, place, positions, [graph.at[one] for one in lacked])  # type: ignore[arg-type]
    assert found == pytest.approx(found.T) and np.diag(found) == pytest.approx(1)
    return {(a, b): float(found[i, j]) for (i, a), (j, b) in itertools.combinations(enumerate(ids), 2)}


def test_who_cites_the_same_is_coupled(trees: Generation) -> None:
    missing = coupled(trees, {("ash", "Oak"): "uses", ("birch", "Oak"): "mentions"})
    assert missing["ash", "birch"] > 0 and sum(value > 0 for value in missing.values()) == 1
    held = coupled(trees, {("ash", "cedar"): "uses", ("birch", "cedar"): "mentions"})
    assert {ends for ends, value in held.items() if value > 0} == {
        ("ash", "birch"),
        ("ash", "cedar"),
        ("birch", "cedar"),
    }
    assert held["ash", "cedar"] > held["ash", "birch"] > 0
    few = tuple(one for one in IDS if one != "cedar")
    titled = coupled(trees, {("ash", "cedar"): "uses", ("birch", "cedar"): "mentions"}, few, ("cedar",))
    wanted = coupled(trees, {("ash", "Oak"): "uses", ("birch", "Oak"): "mentions"}, few)
    assert titled == pytest.approx(wanted), "what is known by its title alone counts as what is lacked"


def test_what_one_paper_alone_cites_couples_nothing(trees: Generation) -> None:
    roles: Roles = {("ash", "Oak"): "uses", ("birch", "Oak"): "mentions"}
    assert coupled(trees, {**roles, ("ash", "Pine"): "uses"}) == pytest.approx(coupled(trees, roles))
    few = tuple(one for one in IDS if one != "cedar")
    assert coupled(trees, {**roles, ("ash", "cedar"): "uses"}, few, ("cedar",)) == pytest.approx(
        coupled(trees, roles, few)
    )


def test_the_rarer_and_the_oftener_cited_couples_the_more(trees: Generation) -> None:
    rare: Roles = {(one, "Oak"): "uses" for one in ("ash", "birch")}
    common: Roles = {(one, "Elm"): "uses" for one in IDS[2:]}
    found = coupled(trees, {**rare, **common})
    assert found["ash", "birch"] > found["cedar", "elder"] > 0 == found["ash", "cedar"]
    often: Roles = {**common, **{(one, "Oak"): Cites("uses", count=5) for one in ("ash", "birch")}}
    assert coupled(trees, often)["ash", "birch"] > found["ash", "birch"]
    both: Roles = {
        **rare,
        **{(one, "Pine"): "uses" for one in ("birch", "cedar")},
        ("ash", "Yew"): "uses",
        ("cedar", "Yew"): "uses",
    }
    three = coupled(trees, both)
    assert three["ash", "birch"] == pytest.approx(three["birch", "cedar"]) == pytest.approx(three["ash", "cedar"])
    assert three["ash", "birch"] < found["ash", "birch"], "of a longer list the same is less"


@pytest.mark.parametrize(("count", "themes"), [(74, 4), (75, 5), (90, 6)])
def test_themes_are_cut_finer_where_a_stage_would_be_too_long(
    tmp_path_factory: pytest.TempPathFactory, count: int, themes: int
) -> None:
    made = [record(f"p{n}", f"Of {chr(97 + n % 9)}{n % 9}", f"Of {chr(97 + n % 9)}{n % 9}.") for n in range(count)]
    generation = built(tmp_path_factory.mktemp("many"), made)
    coarse = np.arange(count) % 4
    found = grouping.finer(generation, list(range(count)), coarse)
    assert len(set(found.tolist())) == themes and (found is coarse) == (themes == 4)


def test_what_cannot_be_grouped_by_citations(trees: Generation) -> None:
    every: Roles = {ends: "mentions" for ends in itertools.combinations(IDS, 2)}
    graph = Given(trees, every)
    for count, some in ((3, False), (4, True), (6, True)):
        found = grouping.groups(trees, graph, [graph.at[one] for one in IDS[:count]])  # type: ignore[arg-type]
        assert (found is not None) == some
    for joined, some in ((2, False), (3, True)):  # of six
        graph = Given(trees, {(IDS[n], IDS[0]): "mentions" for n in range(1, joined)})
        found = grouping.groups(trees, graph, list(range(6)))  # type: ignore[arg-type]
        assert (found is not None) == some, "half of them have to be joined"


def test_who_is_grouped_with_whom_hangs_on_no_order(tmp_path_factory: pytest.TempPathFactory) -> None:
    generation = built(tmp_path_factory.mktemp("texts"), TEXTS)
    ids = [summary.id for summary in generation.catalogue.summaries]
    graph = Given(generation, {ends: "mentions" for ends in itertools.pairwise(ids)})
    positions, drawn = list(range(len(ids))), random.Random(1)
    found: list[set[frozenset[str]]] = []
    for _ in range(4):
        group = grouping.groups(generation, graph, positions)  # type: ignore[arg-type]
        assert group is not None
        found.append({frozenset(ids[p] for p, n in zip(positions, group, strict=True) if n == one) for one in group})
        drawn.shuffle(positions)
    assert found == found[:1] * 4
    assert all(len({one.split("-")[0] for one in some}) == 1 for some in found[0]), "of one subject each"
    assert len(found[0]) == 5, "of four or five papers"


@given(
    arrays(np.float64, st.tuples(st.integers(2, 7), st.integers(1, 3)), elements=st.integers(-4, 4).map(float)),
    st.lists(st.integers(0, 3), min_size=7, max_size=7),
)
def test_who_is_at_home_nowhere_stands_alone(rows: np.ndarray, drawn: list[int]) -> None:
    """The slow way: each looks at the mean likeness to each group, itself left out."""
    alike = rows @ rows.T
    group = np.unique(drawn[: len(rows)], return_inverse=True)[1]
    found = grouping.settled(alike, group)
    goes: list[object] = []
    for one in range(len(rows)):
        means = []
        for number in range(max(group) + 1):
            others = [alike[one, n] for n in range(len(rows)) if group[n] == number and n != one]
            means.append(round(sum(others) / len(others), 6) if others else -math.inf)
        if -math.inf < means[group[one]] < 0:
            goes.append(int(np.argmax(means)) if max(means) > 0 else ("alone", one))
        else:
            goes.append(int(group[one]))
    for a, b in itertools.combinations(range(len(rows)), 2):
        assert (found[a] == found[b]) == (goes[a] == goes[b])
    assert sorted(set(found.tolist())) == list(range(len(set(found.tolist()))))
