"""What is asked of an order beside "all of it": a way to a paper or a topic, some of the papers, some time, no digests."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping

import numpy as np
import pytest
from given_graph import Cites, Roles, ids_of, ordered, whole_of
from judged_records import built, record
from libraries import document
from scipy.stats import kendalltau
from test_direction import CONCEPTS
from test_titles_alone import TEXTS, titled

from indexer.embed import Toy
from indexer.library import Generation
from service import minutes, paper_vectors, search
from service.reading_order import NothingToOrder, reading_order, stages
from service.reading_order.direction import direction_of, needs
from service.reading_order.telling import short

SURVEY = record("survey", "Looms: a survey", "An account of old looms and of how the weaver threads the loom.", 2012)


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """Three fields of eight papers each, the older first; a survey of the one; two known by their titles alone."""
    titles = [titled(3), titled(4)]
    return built(tmp_path_factory.mktemp("fields"), [*TEXTS, SURVEY, *titles])


def random_roles(generation: Generation, seed: int, share: float = 0.04) -> Roles:
    drawn = random.Random(seed)
    ids = [s.id for s in generation.catalogue.summaries if s.text == "record"]
    return {
        ends: drawn.choice(["builds on", "uses", "mentions"])
        for ends in itertools.permutations(ids, 2)
        if drawn.random() < share
    }


def titles_of(generation: Generation) -> Mapping[str, str]:
    return {summary.id: short(summary.title) for summary in generation.catalogue.summaries}


# ------------------------------------------------------------------ the way to a paper


def test_a_goal_that_rests_on_others_needs_no_remark(fields: Generation) -> None:
    found = ordered(fields, {("soils-5", "soils-3"): "uses", ("soils-5", "looms-1"): "mentions"}, goal="soils-5")
    assert ids_of(found) == ["soils-3", "soils-5"] and not found.warnings and not found.skipped
    assert found.goal == "soils-5" and found.start_here == tuple(
        one for one in ordered(fields, {}).start_here if one in ids_of(found)
    )


def test_of_a_goal_that_only_refers_what_it_refers_to_is_shown(fields: Generation) -> None:
    found = ordered(fields, {("soils-5", "soils-3"): "mentions", ("soils-3", "soils-1"): "uses"}, goal="soils-5")
    assert ids_of(found) == ["soils-1", "soils-3", "soils-5"]
    name = titles_of(fields)["soils-5"]
    assert found.warnings == (f"{name} rests on nothing here as far as it says; what it only refers to is shown.",)


def test_a_survey_that_is_a_goal_rests_on_what_it_covers(fields: Generation) -> None:
    roles: Roles = {("survey", one): "mentions" for one in ("looms-0", "looms-1", "looms-7")}
    before = ids_of(ordered(fields, roles))
    covered = [one for one in ("looms-0", "looms-1", "looms-7") if before.index(one) < before.index("survey")]
    found = ordered(fields, roles, goal="survey")
    assert covered and ids_of(found) == sorted([*covered, "survey"], key=before.index)
    assert found.warnings == (
        "Looms is a survey or an introduction: of what it covers, what it tells most of is shown.",
    )
    assert {edge.kind for edge in found.edges} == {"mentions"} and not any(edge.strict for edge in found.edges)
    late = ordered(fields, {**roles, ("looms-7", "survey"): "uses"}, goal="looms-7")
    assert ids_of(late) == ["survey", "looms-7"], "on the way to another it rests on nothing"


@pytest.mark.parametrize("seed", range(3))
def test_where_no_citation_leads_near_earlier_work_does(fields: Generation, seed: int) -> None:
    roles: Roles = {**random_roles(fields, seed, 0.02), ("soils-2", "t3"): "builds on", ("looms-2", "t4"): "builds on"}
    summaries = fields.catalogue.summaries
    whole = whole_of(fields, roles)
    at = {summaries[whole.positions[place]].id: n for n, place in enumerate(whole.order)}
    years = {s.id: s.year for s in summaries}
    rows = paper_vectors.of(fields).own
    checked = 0
    for goal in (s for s in summaries if s.text == "record"):
        found = ordered(fields, roles, goal=goal.id)
        if any(citing == goal.id and at[one] < at[citing] for citing, one in roles):
            assert not any("near" in told for told in found.warnings)
            continue
        near = []
        for other in summaries:
            cosine = round(float(rows[other.position] @ rows[goal.position]), 6)
            older = other.id == "survey" or not (years[other.id] or 0) > (years[goal.id] or 0)
            if at[other.id] < at[goal.id] and older and other.text == "record" and cosine >= 0.15:
                near.append((-cosine, other.id))
        shown = {edge.before for edge in found.edges if edge.kind == "earlier work" and edge.after == goal.id}
        expected = {one for _, one in sorted(near)[:4]}
        assert {one for one in expected if one in ids_of(found)} == shown
        assert not any(edge.strict for edge in found.edges if edge.kind == "earlier work")
        assert expected <= {*ids_of(found), *(one.id for one in found.skipped)}
        name = titles_of(fields)[goal.id]
        assert found.warnings[:1] == (
            (f"No citation leads to {name}: earlier work that is near in what it says is shown.",)
            if near
            else (f"Nothing here leads to {name}.",)
        )
        if shown and not roles.keys() & {(goal.id, one) for one in shown}:
            (reason,) = [r for r in found.order[-1].reasons if r.kind == "after"]
            assert set(reason.ids) == shown and reason.text.startswith("is near in what it says to")
        checked += bool(shown)
    assert checked > 3


def test_what_can_be_skipped_is_said_with_its_reason(fields: Generation) -> None:
    roles: Roles = {
        ("soils-7", "soils-0"): Cites("uses", weight=9.0), ("soils-7", "soils-1"): Cites("uses", weight=0.3),
        ("soils-7", "soils-2"): Cites("mentions", ["Method"] * 3, weight=0.4),
        ("soils-1", "soils-3"): Cites("uses", weight=0.1), ("soils-0", "soils-4"): Cites("uses", weight=0.02),
        ("soils-7", "soils-4"): Cites("uses", weight=0.03),
    }  # fmt: skip
    found = ordered(fields, roles, goal="soils-7")
    assert ids_of(found)[-1] == "soils-7" and "soils-0" in ids_of(found)
    titles = titles_of(fields)
    rests = "but little of the goal rests on it"
    assert {one.id: one.why for one in found.skipped} == {
        one: why
        for one, why in {
            "soils-1": f"{titles['soils-7']} uses it, {rests}", "soils-2": f"{titles['soils-7']} refers to it, {rests}",
            "soils-3": "only papers that can be skipped themselves rest on it",
            "soils-4": f"{titles['soils-7']} uses it, {rests}",
        }.items()
        if one not in ids_of(found)
    }  # fmt: skip
    assert {"soils-1", "soils-3"} <= {one.id for one in found.skipped}
    assert not any(one.no_time for one in found.skipped)


def test_a_goal_is_read_though_it_is_known(fields: Generation) -> None:
    roles: Roles = {("soils-5", "soils-3"): "uses", ("soils-3", "soils-1"): "uses"}
    found = ordered(fields, roles, goal="soils-5", known=["soils-5", "soils-3"])
    assert ids_of(found) == ["soils-5"] and found.known == ("soils-3",)


# ------------------------------------------------------------------ a topic


def test_a_topic_is_of_what_a_search_finds(fields: Generation) -> None:
    toy = Toy()
    found = ordered(fields, {("soils-5", "stars-1"): "uses"}, topic="the nitrogen of wet soils", embedder=toy)
    aims = {step.id for step in found.order if step.reasons[0].text == "on the topic"}
    assert aims and aims <= {*(f"soils-{n}" for n in range(8)), "t3"} and found.topic == "the nitrogen of wet soils"
    some = [one for one in sorted(aims) if one != min(aims)] + ["looms-1"]
    fewer = ordered(fields, {}, topic="the nitrogen of wet soils", embedder=toy, ids=some)
    assert {step.id for step in fewer.order if step.reasons[0].kind == "goal"} == set(some) - {"looms-1"}
    assert set(ids_of(fewer)) <= set(some)
    for nothing in ("", "   ", "qqqq zzzz xxxx"):
        with pytest.raises(NothingToOrder, match="Nothing here is about"):
            reading_order(fields, topic=nothing, embedder=toy)


def test_what_is_found_but_far_from_the_best_is_not_on_the_topic(fields: Generation) -> None:
    toy, left = Toy(), 0
    for topic in ("QUELL", "wet soils in winter after rain", "the dust of double stars", "knots of one loom by hand"):
        results = search.search(fields, toy, topic, limit=8).results
        near = {one.id for one in results if one.score >= 0.7 * max(each.score for each in results)}
        found = ordered(fields, {}, topic=topic, embedder=toy)
        assert {step.id for step in found.order if step.reasons[0].kind == "goal"} == near
        left += len(results) - len(near)
    assert left


def test_a_goal_that_is_on_the_topic_is_one_goal(fields: Generation) -> None:
    toy = Toy()
    aims = [
        step.id
        for step in ordered(fields, {}, topic="the nitrogen of wet soils", embedder=toy).order
        if step.reasons[0].text == "on the topic"
    ]
    roles: Roles = {("soils-7", "looms-2"): "uses"}
    found = ordered(fields, roles, goal="soils-7", topic="the nitrogen of wet soils", embedder=toy)
    assert len(set(found.warnings)) == len(found.warnings), "each goal is told of once"
    told = [one for one in found.warnings if "leads to" in one]
    assert len(told) == len({step.id for step in found.order if step.reasons[0].kind == "goal"}) - 1
    assert set(aims) <= set(ids_of(found))


# ------------------------------------------------------------------ without digests


def test_what_the_order_is_without_digests(fields: Generation) -> None:
    roles: Roles = {
        ("soils-0", "soils-7"): Cites("builds on", basis="digest"), ("looms-1", "looms-5"): Cites("uses", basis="digest"),
        ("survey", "looms-3"): Cites("uses", basis="digest"), ("stars-0", "stars-3"): "builds on",
        ("survey", "looms-4"): "mentions",
    }  # fmt: skip
    found = ordered(fields, roles)
    change = found.without_digests
    plain = ordered(fields, {ends: how for ends, how in roles.items() if isinstance(how, str)})
    assert change is not None and change.edges == 3, "those of a survey too"
    assert change.order == tuple(ids_of(plain)) == tuple(ids_of(ordered(fields, roles, without_digests=True)))
    own = ids_of(found)
    assert set(change.moved) == {one for one, other in zip(own, change.order, strict=True) if one != other} != set(own)
    tau = kendalltau([own.index(one) for one in own], [change.order.index(one) for one in own]).statistic
    assert change.agreement == pytest.approx(tau, abs=1e-4)
    only = ordered(fields, {("survey", "looms-3"): Cites("uses", basis="digest")}).without_digests
    assert only is not None and (only.edges, only.agreement, only.moved) == (1, 1.0, ()), "a survey's are citations too"
    assert plain.without_digests is None and ordered(fields, roles, without_digests=True).without_digests is None


# ------------------------------------------------------------------ parts of it


def test_a_ring_is_told_where_all_of_it_is_read(fields: Generation) -> None:
    roles: Roles = {
        ("soils-0", "soils-1"): "builds on", ("soils-1", "soils-2"): "builds on", ("soils-2", "soils-0"): "uses",
        ("looms-0", "looms-1"): "builds on", ("looms-1", "looms-0"): "uses",
    }  # fmt: skip
    assert len(ordered(fields, roles).cycles) == 2
    assert len(ordered(fields, roles, ids=["looms-0", "looms-1"]).cycles) == 1
    (left,) = ordered(fields, roles, known=["soils-1"]).cycles
    assert set(left.ids) == {"looms-0", "looms-1"}
    assert not ordered(fields, roles, known=["soils-1", "looms-0"]).cycles


@pytest.mark.parametrize("asked", [{}, {"known": ["looms-3"]}, {"budget": 400}, {"goal": "looms-5"}])
def test_the_time_is_the_sum_of_its_parts(fields: Generation, asked: dict) -> None:
    found = ordered(fields, random_roles(fields, 3), **asked)
    estimates = {s.id: minutes.minutes(fields, s.position) for s in fields.catalogue.summaries}
    for step in (*found.order, *found.skipped):
        assert step.minutes == estimates[step.id].minutes
    assert all(step.timing == estimates[step.id].why for step in found.order)
    assert found.minutes == sum(step.minutes for step in found.order) == sum(stage.minutes for stage in found.stages)
    assert sorted(found.start_here) == sorted(ids_of(found))
    assert found.minutes <= asked.get("budget", found.minutes)


def test_of_what_nobody_cites_the_short_ones_are_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = [document(f"p{n}", [f"Of the weaver and the loom, {n}. " * 200 * (1 + n % 4)], n) for n in range(8)]
    generation = built(tmp_path_factory.mktemp("long"), made)
    long = sorted(minutes.minutes(generation, n).minutes for n in range(8))
    found = ordered(generation, {}, budget=sum(long[:3]))
    assert sorted(step.minutes for step in found.order) == long[:3]


def test_a_long_paper_that_all_rest_on_is_worth_its_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = [document(f"p{n}", [f"Of the weaver and the loom, {n}. " * (200 if n else 800)], n) for n in range(8)]
    generation = built(tmp_path_factory.mktemp("base"), made)
    found = ordered(
        generation, {(f"p{n}", "p0"): "uses" for n in range(1, 7)}, budget=minutes.minutes(generation, 0).minutes
    )
    assert ids_of(found) == ["p0"] and found.minutes > 3 * minutes.minutes(generation, 7).minutes


# ------------------------------------------------------------------ themes, and what lies beneath


@pytest.mark.parametrize("count", [8, 12])
def test_papers_on_one_thing_part_by_whom_they_cite(tmp_path_factory: pytest.TempPathFactory, count: int) -> None:
    made = [record(f"p{n}", f"Looms, part {n}", f"Of old looms, note {n}.", 2000 + n // 2) for n in range(count)]
    generation = built(tmp_path_factory.mktemp("schools"), made)
    schools = [[f"p{n}" for n in range(count) if n % 2 == which] for which in (0, 1)]
    roles: Roles = {(b, a): "mentions" for school in schools for a, b in itertools.combinations(school, 2)}
    whole = whole_of(generation, roles)
    of = {generation.catalogue.summaries[p].id: int(whole.group[place]) for place, p in enumerate(whole.positions)}
    assert not {of[one] for one in schools[0]} & {of[one] for one in schools[1]}
    assert count > 8 or len(set(of.values())) == 2, "a group has about four"
    few: Roles = {("p1", "p0"): "mentions"}
    alone = whole_of(generation, few)
    assert np.array_equal(alone.group, alone.standing.group), "where few cite each other, themes are of what is said"


def test_without_citations_no_theme_is_longer_than_a_stage(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = [
        record(f"p{n}", f"Of {chr(97 + n % 9)}{n % 9} in part {n}", f"Of {chr(97 + n % 9)}{n % 9}.") for n in range(96)
    ]
    generation = built(tmp_path_factory.mktemp("many"), made)
    assert int(whole_of(generation, {}).group.max()) + 1 == 96 // 15


def test_a_long_theme_is_told_in_parts(fields: Generation) -> None:
    positions = range(25)

    def parts(first: int) -> list[tuple[str, tuple[int, ...]]]:
        group = np.arange(25) >= first
        return [(part.name, part.places) for part in stages.parts(fields, positions, positions, group.astype(int), ())]

    (one, first), (two, second), (other, rest) = parts(23)
    assert (first, second, rest) == (tuple(range(11)), tuple(range(11, 23)), (23, 24))
    name = one.removesuffix(", part 1")
    assert (one, two) == (f"{name}, part 1", f"{name}, part 2") and name and other != name and "part" not in other
    assert [len(places) for _, places in parts(22)] == [22, 3]
    (one, first), (two, second) = parts(25)
    assert len(first) + len(second) == 25 and one != two, "what is all of one theme is told apart by its pieces"
    assert "part" not in one + two


@pytest.mark.parametrize("seed", range(4))
def test_within_a_theme_what_is_cited_comes_first(fields: Generation, seed: int) -> None:
    """Whatever the role, and whatever the years say, but for what cites each other in a ring."""
    roles = random_roles(fields, seed, 0.05)
    whole = whole_of(fields, roles)
    at = {place: n for n, place in enumerate(whole.order)}
    same = [p for p in whole.precedence.pairs if not p.strict and whole.group[p.before] == whole.group[p.after]]
    reach = np.zeros((len(at), len(at)), bool)
    for pair in (*whole.kept, *same):
        reach[pair.before, pair.after] = True
    for k in range(len(at)):
        reach |= reach[:, [k]] & reach[[k], :]
    held = [pair for pair in same if not reach[pair.after, pair.before]]
    assert all(at[pair.before] < at[pair.after] for pair in held)


def test_a_mention_holds_within_a_theme_and_not_across(fields: Generation) -> None:
    for cited, held in (("looms-7", False), ("soils-7", True)):
        whole = whole_of(fields, {("soils-0", cited): "mentions"})
        ids = [fields.catalogue.summaries[whole.positions[place]].id for place in whole.order]
        known = zip(whole.positions, whole.group.tolist(), strict=False)  # what has no text has no group
        group = {fields.catalogue.summaries[position].id: number for position, number in known}
        assert (group["soils-0"] == group[cited]) == held == (ids.index(cited) < ids.index("soils-0"))


@pytest.mark.parametrize("count", [5, 6])
def test_the_surer_half_of_what_texts_explain_is_shown(tmp_path_factory: pytest.TempPathFactory, count: int) -> None:
    generation = built(tmp_path_factory.mktemp("concepts"), CONCEPTS[:count])
    found = reading_order(generation)
    at = {step.id: step.position for step in found.order}
    ids = [summary.id for summary in generation.catalogue.summaries]
    sure = needs(generation, direction_of(generation))
    half = [(ids[need.before], ids[need.after]) for need in sure[: -(-len(sure) // 2)]]
    shown = [(edge.before, edge.after) for edge in found.edges if edge.kind == "explains"]
    assert sorted(shown) == sorted(ends for ends in half if at[ends[0]] < at[ends[1]]) != []


def test_what_texts_explain_stands_as_far_apart_as_ages(tmp_path_factory: pytest.TempPathFactory) -> None:
    generation = built(tmp_path_factory.mktemp("concepts"), CONCEPTS)
    whole = whole_of(generation, {})
    assert whole.by_text and float(np.ptp(whole.score)) == pytest.approx(1) and not whole.group.any()
