"""The order: no paper before what it rests on, themes together, the same whatever order the ids come in."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from libraries import build_documents, document

from indexer.document import Document
from indexer.errors import UnknownDocument
from indexer.library import Generation, Library
from service import citations
from service.cli import main_group
from service.reading_order import NothingToOrder, grouping, reading_order, sequence, solving
from service.reading_order.precedence import OFTEN, Pair
from service.reading_order.telling import short

ROLES = ("builds on", "uses", "compares with", "mentions")


def pair(before: int, after: int, weight: float = 1.0, strict: bool = True) -> Pair:
    return Pair(before, after, weight, "builds on" if strict else "mentions", strict)


@st.composite
def graphs(draw, most: int = 12):
    """A score, a group and some pairs, of any directions."""
    count = draw(st.integers(1, most))
    score = np.array(draw(st.lists(st.floats(-1, 1), min_size=count, max_size=count)))
    group = np.unique(draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)), return_inverse=True)[1]
    ends = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda e: e[0] != e[1])
    found = draw(st.dictionaries(ends, st.floats(0.1, 3), max_size=3 * count)) if count > 1 else {}
    return score, group, [pair(a, b, w) for (a, b), w in found.items()]


def reaches(count: int, pairs: Sequence[Pair]) -> np.ndarray:
    """By places whether the second is reached from the first: the obvious way, Warshall's."""
    found = np.zeros((count, count), bool)
    for p in pairs:
        found[p.before, p.after] = True
    for k in range(count):
        found |= found[:, [k]] & found[[k], :]
    return found


@given(graphs())
def test_every_strict_pair_outside_a_cycle_is_kept(graph) -> None:
    score, group, pairs = graph
    cycles, dropped = sequence.broken(len(score), pairs, score)
    gone = set(map(id, dropped))
    kept = [p for p in pairs if id(p) not in gone]
    order = sequence.sequence(score, group, kept)
    assert sorted(order) == list(range(len(score)))
    at = {place: index for index, place in enumerate(order)}
    assert all(at[p.before] < at[p.after] for p in kept)
    reach = reaches(len(score), pairs)
    for p in pairs:
        if id(p) in gone:
            assert reach[p.after, p.before], "what is dropped is in a cycle"
    rings = {frozenset(np.flatnonzero(reach[n] & reach[:, n]).tolist()) for n in range(len(score)) if reach[n, n]}
    assert {frozenset(c) for c in cycles} == rings


@given(graphs(7))
def test_what_a_cycle_drops_is_near_the_least_that_it_can(graph) -> None:
    score, _, pairs = graph
    cycles, dropped = sequence.broken(len(score), pairs, score)
    for places in cycles:
        inside = [p for p in pairs if p.before in places and p.after in places]

        def lost(order: Sequence[int], inside: Sequence[Pair] = inside) -> float:
            at = {place: index for index, place in enumerate(order)}
            return sum(p.weight for p in inside if at[p.before] > at[p.after])

        own = sum(p.weight for p in dropped if p.before in places and p.after in places)
        assert own == pytest.approx(lost(places))
        best = min(map(lost, itertools.permutations(places)))
        assert own <= sum(p.weight for p in inside) / 2 + 1e-9, "moving all to the other end would lose less"
        assert own >= best - 1e-9
        for place in places:  # no single paper is better elsewhere
            rest = [other for other in places if other != place]
            for n in range(len(places)):
                assert own <= lost([*rest[:n], place, *rest[n:]]) + 1e-6


@given(graphs())
def test_the_scores_are_the_least_squares(graph) -> None:
    standing, _, pairs = graph
    count = len(standing)
    rows = [np.eye(count)] + [np.sqrt(p.weight) * (np.eye(count)[[p.before]] - np.eye(count)[[p.after]]) for p in pairs]
    right = [standing] + [np.array([np.sqrt(p.weight) * solving.STEP]) for p in pairs]
    expected = np.linalg.lstsq(np.concatenate(rows), np.concatenate(right), rcond=None)[0]
    assert solving.scores(standing, pairs) == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20))
def test_without_citations_each_paper_keeps_its_standing(values: list[float]) -> None:
    standing = np.array(values)
    assert solving.scores(standing, []) == pytest.approx(standing, abs=1e-8)


@given(graphs())
def test_without_pairs_a_theme_is_read_in_one_go(graph) -> None:
    score, group, _ = graph
    order = sequence.sequence(score, group, [], patience=1.0)
    runs = sequence.runs_of(order, group)
    assert len(runs) == len(set(group.tolist()))
    assert all(score[run[n]] >= score[run[n + 1]] for run in runs for n in range(len(run) - 1))


# ------------------------------------------------------------------ over a library


def texts(count: int) -> list[Document]:
    """Documents on two things, in years that grow."""
    subject = ("pipelines of devices with stages and bubbles", "gradients averaged over clients in rounds")
    return [
        document(f"p{n}", [f"This text {n} is about {subject[n % 2]}. It says so at some length, number {n}."], n)
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    folder = tmp_path_factory.mktemp("order")
    build_documents(folder, texts(8))
    return Library(folder).open()


class Told:
    """A citation graph as given: {(citing, cited): role}."""

    wanted: tuple = ()

    def __init__(self, roles: dict[tuple[int, int], str], count: int, basis: str = "bibliography") -> None:
        self.same_as = tuple(range(count))
        self.years: dict[int, int] = {}
        self.citations = tuple(
            citations.Citation(
                a, b, 1, role, (citations.Place(f"This text {a}", 1, "Method", 0, 4, 0),), basis, "title", 1.0
            )  # type: ignore[arg-type]
            for (a, b), role in sorted(roles.items())
        )

    def cites(self, position: int) -> tuple:
        return tuple(c for c in self.citations if c.citing == position)

    def cited_by(self, position: int) -> tuple:
        return tuple(c for c in self.citations if c.cited == position)


def ordered(generation: Generation, roles: dict[tuple[int, int], str], monkeypatch: pytest.MonkeyPatch, **given):
    told = Told(roles, len(generation.catalogue.summaries), given.pop("basis", "bibliography"))
    monkeypatch.setattr(citations, "of", lambda _: told)
    return reading_order(generation, **given)


def test_the_cited_is_read_first_and_the_sentence_shows_why(small: Generation, monkeypatch) -> None:
    found = ordered(small, {(1, 5): "builds on", (5, 6): "uses", (2, 1): "mentions"}, monkeypatch)
    at = {step.id: step.position for step in found.order}
    assert at["p6"] < at["p5"] < at["p1"]
    edge = next(e for e in found.edges if e.before == "p5")
    assert (edge.after, edge.kind, edge.strict, edge.basis) == ("p1", "builds on", True, "bibliography")
    assert [(e.sentence, e.page) for e in edge.evidence] == [("This text 1", 1)]
    assert [step.position for step in found.order] == list(range(1, 9))
    assert [one for stage in found.stages for one in stage.ids] == [step.id for step in found.order]
    assert all(step.reasons for step in found.order)


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_the_ids_says_nothing(small: Generation, monkeypatch, seed: int) -> None:
    drawn = random.Random(seed)
    roles = {(a, b): drawn.choice(ROLES) for a, b in itertools.permutations(range(8), 2) if drawn.random() < 0.15}
    ids = [f"p{n}" for n in range(8)]
    first = ordered(small, roles, monkeypatch, ids=ids)
    drawn.shuffle(ids)
    assert ordered(small, roles, monkeypatch, ids=[*ids, ids[0]]) == first


def test_a_ring_is_cut_where_it_is_weakest_and_said(small: Generation, monkeypatch) -> None:
    found = ordered(small, {(0, 1): "builds on", (1, 2): "builds on", (2, 0): "uses"}, monkeypatch)
    (cycle,) = found.cycles
    assert set(cycle.ids) == {"p0", "p1", "p2"}
    (dropped,) = cycle.dropped
    assert (dropped.before, dropped.after) == ("p0", "p2")
    at = {step.id: step.position for step in found.order}
    assert at["p2"] < at["p1"] < at["p0"] and "ring" in cycle.text


def test_an_order_without_what_a_digest_says(small: Generation, monkeypatch) -> None:
    roles = {(0, 7): "builds on"}
    found = ordered(small, roles, monkeypatch, basis="digest")
    assert found.without_digests is not None and found.without_digests.edges == 1
    assert all(edge.basis == "digest" for edge in found.edges)
    without = ordered(small, roles, monkeypatch, basis="digest", without_digests=True)
    assert tuple(step.id for step in without.order) == found.without_digests.order
    assert not without.edges and without.without_digests is None


def test_what_is_known_is_left_out(small: Generation, monkeypatch) -> None:
    found = ordered(small, {(0, 7): "builds on"}, monkeypatch, known=["p7", "p3"])
    assert set(found.known) == {"p3", "p7"} and len(found.order) == 6
    assert not any("p7" in (edge.before, edge.after) for edge in found.edges)


def test_what_is_mentioned_again_and_again_leads_to_a_goal(small: Generation, monkeypatch) -> None:
    def told(sections: Sequence[str]) -> Told:
        graph = Told({(5, 2): "mentions", (5, 3): "mentions", (5, 4): "uses"}, 8)
        places = tuple(citations.Place("This text 5", 1, section, 0, 4, 0) for section in sections)
        graph.citations = tuple(
            replace(c, mentions=places, count=len(places)) if c.cited == 2 else c for c in graph.citations
        )
        return graph

    for sections, leads in ((["Method"] * OFTEN, True), (["Method"] * (OFTEN - 1) + ["Related Work"] * 9, False)):
        graph = told(sections)
        monkeypatch.setattr(citations, "of", lambda _, graph=graph: graph)
        found = reading_order(small, goal="p5")
        assert ("p2" in {step.id for step in found.order}) == leads
        assert "p4" in {step.id for step in found.order} and "p3" not in {step.id for step in found.order}
        assert any("again and again" in reason.text for reason in found.order[-1].reasons) == leads


def test_every_reason_is_an_edge_and_every_count_is_true(small: Generation, monkeypatch) -> None:
    drawn = random.Random(3)
    roles = {(a, b): drawn.choice(ROLES) for a, b in itertools.permutations(range(8), 2) if drawn.random() < 0.2}
    for asked in ({}, {"goal": "p1"}, {"known": ["p2"]}, {"ids": ["p1", "p2", "p5", "p6"]}):
        found = ordered(small, roles, monkeypatch, **asked)
        kinds = {(edge.before, edge.after): edge.kind for edge in found.edges}
        for step in found.order:
            for reason in step.reasons:
                if reason.kind == "after":
                    assert reason.ids and all((one, step.id) in kinds for one in reason.ids), reason
                    if reason.text.startswith(("uses", "builds on")):
                        assert {kinds[one, step.id] for one in reason.ids} == {
                            reason.text.split(" ")[0].replace("builds", "builds on")
                        }
                elif reason.kind == "before":
                    assert reason.text.startswith(f"{len(reason.ids)} here")
                    strict = [after for (before, after), kind in kinds.items()
                              if before == step.id and kind in ("builds on", "uses")]  # fmt: skip
                    if "refer" not in reason.text:
                        assert sorted(reason.ids) == sorted(strict)
                elif "no citation joins" in reason.text:
                    assert not any(step.id in pair for pair in kinds)


def test_a_way_is_in_stages_of_the_whole_order(small: Generation, monkeypatch) -> None:
    roles = {(7, 0): "uses", (7, 1): "uses", (1, 2): "builds on"}
    whole = ordered(small, roles, monkeypatch)
    way = ordered(small, roles, monkeypatch, goal="p7")
    stage = {step.id: step.stage for step in whole.order}
    assert len(way.order) > 2 and all(step.stage == stage[step.id] for step in way.order)
    assert [one for part in way.stages for one in part.ids] == [step.id for step in way.order]


def test_that_nothing_is_cited_is_said_once(small: Generation, monkeypatch) -> None:
    found = ordered(small, {}, monkeypatch)
    assert len(found.warnings) == 1 and not any("cit" in r.text for step in found.order for r in step.reasons)
    found = ordered(small, {(1, 0): "uses"}, monkeypatch)
    assert not found.warnings
    told = {step.id: step.reasons[-1].text for step in found.order}
    assert all("what it cites" in text for one, text in told.items() if one not in ("p0", "p1"))


def test_one_paper_alone(small: Generation, monkeypatch) -> None:
    (step,) = ordered(small, {}, monkeypatch, ids=["p3", "p3"]).order
    assert [reason.text for reason in step.reasons] == ["the only paper here"]


def test_time_goes_to_what_others_rest_on(small: Generation, monkeypatch) -> None:
    roles = {(n, 7): "uses" for n in range(5)}
    found = ordered(small, roles, monkeypatch, budget=3)
    assert found.order[0].id == "p7" and found.skipped
    assert all(one.no_time for one in found.skipped)


@given(
    arrays(np.float64, st.tuples(st.integers(2, 8), st.integers(1, 3)), elements=st.floats(-2, 2)), st.integers(1, 4)
)
def test_a_paper_that_is_like_none_of_its_group_leaves_it(rows: np.ndarray, count: int) -> None:
    alike = np.round(rows @ rows.T, 6)
    group = np.unique(np.arange(len(rows)) % count, return_inverse=True)[1]
    found = grouping.settled(alike, group)
    assert sorted(set(found.tolist())) == list(range(len(set(found.tolist()))))
    for one in range(len(rows)):
        mates = [n for n in range(len(rows)) if group[n] == group[one] and n != one]
        mean = round(float(np.mean(alike[one, mates])), 6) if mates else 0.0
        stayed = [n for n in mates if found[n] == found[one]]
        if mean > 1e-5:
            kept = [n for n in mates if round(float(np.mean([alike[n, m] for m in (*mates, one) if m != n])), 6) > 1e-5]
            assert set(kept) <= set(stayed), "those that are at home stay together"


def test_an_unknown_id_is_named(small: Generation) -> None:
    with pytest.raises(UnknownDocument, match="p99"):
        reading_order(small, ["p1", "p99"])
    with pytest.raises(NothingToOrder):
        reading_order(small, [])


def test_a_batch_orders_exactly_the_ids_of_each_line(small: Generation, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "library"
    build_documents(folder, texts(6))
    lists = tmp_path / "lists.jsonl"
    rows = [{"_id": "one", "ids": ["p1", "p4", "p0"]}, {"_id": 2, "ids": ["p5"]}]
    lists.write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    done = CliRunner().invoke(main_group, ["order", "--batch", str(lists), "--library", str(folder)])
    assert done.exit_code == 0, done.output
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["_id"] for answer in answers] == ["one", 2]
    for row, answer in zip(rows, answers, strict=True):
        assert sorted(step["id"] for step in answer["order"]) == sorted(row["ids"]) == sorted(answer["start_here"])


def test_a_title_as_one_speaks_of_it() -> None:
    assert short("BERT: Pre-training of Deep Transformers") == "BERT"
    assert short("A " * 60).endswith("…") and short(": odd") == ": odd"
