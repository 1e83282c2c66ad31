"""The orders of the project's own list and of 36 papers, held by what anyone who knows them would say."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from conftest import needs_shared

from indexer.library import Generation, Library
from indexer.reindex import Request, reindex
from indexer.settings import PROJECT, Settings
from service import citations
from service.citations.roles import Said, role_of
from service.reading_order import Order, reading_order, solved


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """The project's own list, from digests."""
    settings = Settings(library=tmp_path_factory.mktemp("seed"), model="toy", digests=PROJECT / "data" / "digests")
    reindex(Request(sources=(str(PROJECT / "data" / "reading-list.md"),), offline=True), settings)
    return Library(settings.library).open()


@pytest.fixture(scope="module")
def papers(real_papers: Path) -> Generation:
    """The 36 papers. No order below hangs on the model."""
    return Library(real_papers).open()


def places(order: Order) -> Mapping[str, int]:
    return {step.id: step.position for step in order.order}


def test_the_seed_list(seed: Generation) -> None:
    found = reading_order(seed)
    at = places(found)
    assert at["2311.08105"] < at["2403.10616"] and at["2311.08105"] < at["2401.09135"]
    stage = {one: stage.name for stage in found.stages for one in stage.ids}
    led = {stage.ids[0] for stage in found.stages if "2311.08105" in stage.ids}
    assert "2302.00487" not in led, "the survey on continual learning does not lead the low-communication theme"
    assert stage.keys() == at.keys() and len(at) == 12
    assert {edge.basis for edge in found.edges if edge.kind != "covers"} <= {"digest", "text"}
    assert found.without_digests is not None and sorted(found.without_digests.order) == sorted(at)


@needs_shared
@pytest.mark.xdist_group("all papers")
class TestPapers:
    def test_what_the_field_says(self, papers: Generation) -> None:
        at = places(reading_order(papers))
        for chain in (
            ("1706.03762", "1810.04805", "1909.08053"), ("1706.03762", "2001.08361"),
            ("1701.06538", "2006.16668", "2101.03961"), ("1909.08053", "2104.04473"),
            ("1602.05629", "1812.06127"), ("1602.05629", "diloco-swarm-report"), ("1703.03400", "1803.02999"),
            ("parallelized-stochastic-gradient-descent", "1106.5730"), ("2205.14135", "2310.01889"),
        ):  # fmt: skip
            assert [at[one] for one in chain] == sorted(at[one] for one in chain), chain

    def test_no_pair_contradicts_what_one_builds_on(self, papers: Generation) -> None:
        found = reading_order(papers)
        at = places(found)
        ids = [s.id for s in papers.catalogue.summaries]
        surveys = {edge.before for edge in found.edges if edge.kind == "covers"}
        cut = {(edge.before, edge.after) for cycle in found.cycles for edge in cycle.dropped}
        for c in citations.of(papers).citations:
            if (
                c.role in ("builds on", "uses")
                and ids[c.citing] not in surveys
                and (ids[c.cited], ids[c.citing]) not in cut
            ):
                assert at[ids[c.cited]] < at[ids[c.citing]], (ids[c.cited], ids[c.citing])

    def test_every_sentence_is_on_its_page(self, papers: Generation) -> None:
        catalogue = papers.catalogue
        by_id = {s.id: s.position for s in catalogue.summaries}
        checked = 0
        for edge in reading_order(papers).edges:
            who = by_id[edge.before if edge.kind == "covers" else edge.after]
            numbers = catalogue.page_numbers(who)
            texts = {numbers[n]: page.text for (_, n), page in
                     catalogue.page_texts([(who, n) for n in range(len(numbers))]).items()}  # fmt: skip
            for shown in edge.evidence:
                assert shown.sentence and shown.sentence in " ".join(texts[shown.page].split()), (edge, shown)
                checked += 1
        assert checked > 150

    def test_the_first_sentence_shown_speaks_of_the_role(self, papers: Generation) -> None:
        summaries = {s.id: s for s in papers.catalogue.summaries}
        graph = {(c.citing, c.cited): c for c in citations.of(papers).citations}
        for edge in reading_order(papers).edges:
            if not edge.strict:
                continue
            citing = summaries[edge.after]
            c = graph[citing.position, summaries[edge.before].position]
            (place,) = {p for p in c.mentions if edge.evidence[0].sentence in " ".join(p.sentence.split())
                        or p.sentence in edge.evidence[0].sentence} or {None}  # fmt: skip
            assert place is not None, edge
            page = papers.catalogue.page_texts([(citing.position, place.page_index)])[citing.position, place.page_index]
            said = Said(place.sentence, page.text[place.start : place.end], place.section)
            assert role_of([said], citing.title) == edge.kind, edge

    def test_the_ways_to_all_of_them(self, papers: Generation) -> None:
        ids = [s.id for s in papers.catalogue.summaries]
        whole = solved(papers, citations.of(papers), range(len(ids)))
        into: dict[str, set[str]] = {}
        for pair in whole.leading:
            into.setdefault(ids[whole.positions[pair.after]], set()).add(ids[whole.positions[pair.before]])
        for goal in ids:
            found = reading_order(papers, goal=goal)
            at = places(found)
            assert found.order[-1].id == goal
            for edge in found.edges:
                assert at[edge.before] < at[edge.after]
            assert all(at[need] < at[one] for one in at for need in into.get(one, ()) if need in at)
            if goal in into:
                need, waiting = {goal}, [goal]
                while waiting:
                    new = into.get(waiting.pop(), set()) - need
                    need |= new
                    waiting += new
                assert at.keys() <= need, "nothing on the way that the goal does not need"
                leads = {edge.before for edge in found.edges}
                assert at.keys() - {goal} <= leads, "each step is for another"
                assert at.keys() | {s.id for s in found.skipped} == need, "what is left out is said"

    def test_without_any_one_the_others_stay(self, papers: Generation) -> None:
        """Stability: Kendall's tau of the order of the others, with one paper and without it."""
        from scipy.stats import kendalltau

        graph = citations.of(papers)
        count = len(papers.catalogue.summaries)

        def order(positions: list[int]) -> list[int]:
            found = solved(papers, graph, positions)
            return [found.positions[place] for place in found.order]

        whole = order(list(range(count)))
        taus = []
        for gone in range(count):
            rest = order([p for p in range(count) if p != gone])
            taus.append(kendalltau(np.argsort([p for p in whole if p != gone]), np.argsort(rest)).statistic)
        assert np.mean(taus) >= 0.8, np.mean(taus)

    def test_papers_read_shorten_the_way(self, papers: Generation) -> None:
        full = reading_order(papers, goal="2101.03961")
        less = reading_order(papers, goal="2101.03961", known=["2006.16668"])
        assert {s.id for s in less.order} < {s.id for s in full.order}
        assert less.known == ("2006.16668",) and less.minutes < full.minutes

    def test_what_is_missing_is_cited_by_several_and_is_not_here(self, papers: Generation) -> None:
        found = reading_order(papers)
        titles = [m.title.lower() for m in found.missing]
        assert any("gpipe" in title for title in titles)
        held = {s.title.lower() for s in papers.catalogue.summaries}
        assert not held & set(titles)
        assert all(len(m.cited_by) >= 2 and m.before in places(found) for m in found.missing)
        assert all(a.needed >= b.needed for a, b in itertools.pairwise(found.missing))
