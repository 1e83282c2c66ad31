"""The order in its details: what explains what, a time that is too short, and what is said of either."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from judged_records import built, record
from test_direction import CONCEPTS

from indexer.document import Page
from indexer.library import Generation
from service.reading_order import goal, reading_order
from service.reading_order.precedence import Pair


@pytest.fixture(scope="module")
def concepts(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """Concepts that name each other, each on the third page of its own."""
    documents = [replace(one, pages=(Page(one.pages[0].text, 3),)) for one in CONCEPTS]
    return built(tmp_path_factory.mktemp("concepts") / "library", documents)


def test_of_concepts_the_order_is_that_in_which_one_explains_the_other(concepts: Generation) -> None:
    found = reading_order(concepts)
    at = {step.id: step.position for step in found.order}
    assert [step.id for step in found.order][:5] == ["sets", "functions", "limits", "derivatives", "gradient"]
    explained = {(edge.before, edge.after): edge for edge in found.edges if edge.kind == "explains"}
    assert ("functions", "limits") in explained and explained.keys() <= {
        (a, b) for a in at for b in at if at[a] < at[b]
    }
    held = {one.id: one for one in CONCEPTS}
    for (before, after), edge in explained.items():
        (shown,) = edge.evidence
        assert shown.sentence in held[after].pages[0].text and held[before].title in shown.sentence
        assert shown.page == 3
        assert (edge.basis, edge.count, edge.strict) == ("text", 0, False) and 0 < edge.weight <= 1
    by_id = {step.id: step for step in found.order}
    assert "explains what is spoken of in limits" in by_id["functions"].reasons[0].text
    assert by_id["limits"].reasons[0].ids == ("functions",)


def test_of_a_concept_that_names_no_other_it_is_said_what_its_place_is_made_of(tmp_path: Path) -> None:
    found = reading_order(built(tmp_path, [*CONCEPTS, record("bells", "bells", "They ring at noon.")]))
    (step,) = [step for step in found.order if step.id == "bells"]
    assert [(one.kind, one.text) for one in step.reasons] == [("theme", "by what it and the texts near it speak of")]


def test_half_of_the_pairs_is_enough_to_say_why(concepts: Generation) -> None:
    """The less sure half is not shown: each paper names at least the one that explains it best."""
    edges = [edge for edge in reading_order(concepts).edges if edge.kind == "explains"]
    assert {edge.after for edge in edges} >= {"limits", "derivatives", "gradient"}
    assert len(edges) < len(CONCEPTS) * (len(CONCEPTS) - 1) // 2 // 2


def test_a_goal_that_no_time_is_enough_for_is_told(concepts: Generation) -> None:
    found = reading_order(concepts, goal="gradient", budget=10)
    assert found.order == () and any("gradient" in told and "longer than there is" in told for told in found.warnings)
    assert "gradient" in {one.id for one in found.skipped if one.no_time}
    enough = reading_order(concepts, goal="gradient", budget=10_000)
    assert enough.order[-1].id == "gradient" and not enough.warnings and not any(s.no_time for s in enough.skipped)


@pytest.mark.parametrize("heaviest", [3, 9])
def test_a_paper_that_many_lead_to_is_kept_with_the_way_that_weighs_most(heaviest: int) -> None:
    """Ten papers stand between the goal and the one that all of them rest on; not all ten are read."""
    count, aim, base, between = 12, 11, 0, range(1, 11)

    def kept(*known: int) -> frozenset[int]:
        weight = {one: 2.0 for one in between} | {heaviest: 3.0, 10: 2.5}
        pairs = [Pair(one, aim, 1.0, "uses", True) for one in between]
        pairs += [Pair(base, one, weight[one], "uses", True) for one in between]
        return goal.way(count, pairs, [aim], known).kept

    assert {aim, base, heaviest} <= kept() and 10 not in kept(), "the others come by their number"
    assert {aim, base, 10} <= kept(heaviest) and heaviest not in kept(heaviest)
