"""The reading order: what to read next, and why.

    citations with their roles  \
    standing (theme, kind, year) > one score for each paper > no paper before what it rests on > stages, reasons
    what texts explain          /

`precedence.py` says what has to be read before what, `standing.py` and `direction.py` what titles, texts and years tell,
`solving.py` makes one score of it, `grouping.py` themes and `sequence.py` a list that keeps to them, `stages.py` parts with
names, `goal.py` and `budget.py` leave out, `telling.py` says why. What is known by its title alone has no say in any of it:
`alone.py` puts it in. `kept.py` has the last long order for who asks for its next piece.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from indexer.library import Generation
from indexer.library.marks import Marks
from service import paper_vectors, topics, wording
from service.derived import Last
from service.papers import by_id, summary_of
from service.reading_order import alone as titles
from service.reading_order import budget as budgets
from service.reading_order import goal as ways
from service.reading_order import grouping, sequence, solving, stages, telling
from service.reading_order.answer import (
    BadBudget,
    Change,
    Cycle,
    Edge,
    Evidence,
    Missing,
    NothingToOrder,
    Order,
    Reason,
    Skipped,
    Stage,
    Step,
)
from service.reading_order.direction import Direction, direction_of, needs
from service.reading_order.precedence import Pair, Precedence, leaning, precedence_of
from service.reading_order.standing import Standing, standing_of, start_here

if TYPE_CHECKING:
    from indexer.embed import Embedder
    from service.citations import Basis, Graph

__all__ = ["BadBudget", "Change", "Cycle", "Edge", "Evidence", "Missing", "NothingToOrder", "Order", "Reason", "Skipped",
           "Stage", "Step", "reading_order"]  # fmt: skip

MISSING = 10
_FOR_A_TOPIC = 8
_NEAR_THE_BEST = 0.7  # of the best one's score: what has less is of another topic
_NEAR = 4
_SILENT = "No citation among these papers is known{}: they stand by theme, kind and year."
_TITLES = "Of {} only the title is here: {}, and what is said of the time is a guess."
_FOR_ITSELF = 0.2  # of what a paper has that no other cites
_LEAST = 0.15  # of the cosine: of 20 pairs in a library one is as near


@dataclass(frozen=True)
class Solved:
    """All papers asked for, in order. `positions` go by place; everything else speaks of places. `score` and `group` are of
    those that are known by more than a title."""

    positions: tuple[int, ...]
    standing: Standing
    precedence: Precedence
    score: np.ndarray
    group: np.ndarray
    order: tuple[int, ...]
    cycles: tuple[tuple[int, ...], ...]
    dropped: tuple[Pair, ...]
    kept: tuple[Pair, ...]
    """The strict pairs that the order keeps: all that are not dropped."""
    often: tuple[Pair, ...]
    """What is mentioned again and again, where the order has it so."""
    explained: tuple[Pair, ...]
    """What the texts of concepts name as needed, where the order has it so."""
    by_text: bool
    """Whether the order is made of what texts explain, years and themes left out."""
    alone: int
    """How many are known by their titles alone, which are the last places."""

    @property
    def leading(self) -> tuple[Pair, ...]:
        """The pairs over which a way to a paper goes."""
        return self.kept + self.often + self.explained


def solved(
    generation: Generation, graph: Graph, positions: Collection[int], *, without_digests: bool = False
) -> Solved:
    """The order of the documents at `positions`: the same whatever order they are given in."""
    known, alone = wording.parted(generation, topics.in_order(generation, positions))
    stands = standing_of(generation, known, graph.years.get)
    told = direction_of(generation, known)
    # What the texts of concepts name is weighed by `direction` already.
    left_out: tuple[tuple[Basis, bool], ...] = (("digest", without_digests), ("text", told.trusted))
    without = {basis for basis, out in left_out if out}
    found = precedence_of(graph, known, stands.survey, without)
    if told.trusted:  # what has to be known first goes through all themes
        group, stood = np.zeros(len(known), np.int64), _in_range(told.score)
    else:
        own = grouping.groups(generation, graph, known)
        group = own if own is not None else grouping.finer(generation, known, stands.group)
        stood = stands.score
    cycles, dropped = sequence.broken(len(known), found.strict, stood)
    kept = _without_these(found.strict, dropped)
    score = solving.scores(stood, _without_these(found.pairs, dropped))
    # Within a theme nothing is gained by reading what is cited behind what cites it, whatever the role.
    near = [pair for pair in found.pairs if not pair.strict and group[pair.before] == group[pair.after]]
    order = sequence.sequence(score, group, sequence.held(len(known), kept, near))
    explained = _explained(generation, told, order) if told.trusted else ()
    if alone:
        whole = titles.joined(generation, graph, alone, without, stands, found, order)
        stands, found, order = whole.standing, whole.precedence, list(whole.order)
        kept += tuple(pair for pair in whole.pairs if pair.strict)
    at = {place: index for index, place in enumerate(order)}
    return Solved(
        stands.positions, stands, found, score, group, tuple(order), tuple(map(tuple, cycles)), tuple(dropped), kept,
        tuple(pair for pair in found.pairs if pair.often and at[pair.before] < at[pair.after]),
        explained,
        told.trusted,
        len(alone),
    )  # fmt: skip


def _solved_whole(generation: Generation, graph: Graph) -> Solved:
    return solved(generation, graph, range(len(generation.catalogue.summaries)))


_whole: Last[Solved] = Last(_solved_whole, given="solved order")
"""Each way to a paper, and each budget, is a part of it."""


def _in_range(score: np.ndarray) -> np.ndarray:
    """Scores as far apart as ages are: 1 from the first to the last."""
    return score / (float(np.ptp(score)) or 1.0)


def _explained(generation: Generation, told: Direction, order: Sequence[int]) -> tuple[Pair, ...]:
    """The pairs of which the one's text names the other, as the order has them, without the less sure half."""
    place = {position: number for number, position in enumerate(told.positions)}
    at = {one: index for index, one in enumerate(order)}
    needed = needs(generation, told)
    pairs = []
    numbers: dict[int, list[int | None]] = {}
    for need in needed[: (len(needed) + 1) // 2]:
        before, after = place[need.before], place[need.after]
        if at[before] < at[after]:
            if need.after not in numbers:
                numbers[need.after] = generation.catalogue.page_numbers(need.after)
            page = None if need.page is None else numbers[need.after][need.page]
            pairs.append(
                Pair(before, after, round(need.confidence, 4), "explains", False, why=need.sentence, page=page)
            )
    return tuple(sorted(pairs, key=lambda pair: (pair.before, pair.after)))


def _without_these(pairs: Sequence[Pair], gone: Sequence[Pair]) -> tuple[Pair, ...]:
    out = set(map(id, gone))
    return tuple(pair for pair in pairs if id(pair) not in out)


def reading_order(
    generation: Generation,
    ids: Collection[str] | None = None,
    *,
    goal: str | None = None,
    topic: str | None = None,
    budget: str | int | None = None,
    known: Collection[str] = (),
    marks: Marks | None = None,
    without_digests: bool = False,
    embedder: Embedder | None = None,
    lacking: int = MISSING,
) -> Order:
    """In which order to read the papers with these `ids` (None: all), and why.

    `goal` leaves what leads to that paper, `topic` what leads to the papers that a search for it finds (it needs the
    `embedder`), `budget` what is most worth reading in that time (minutes, or like "6h"). What is `known`, or read by
    the `marks` (None: nothing is), is left out and taken for understood. `without_digests` leaves out citations that rest
    on our digests' words. `lacking` is how many missing papers are named at most.
    Raises `UnknownDocument`, `NothingToOrder`, `BadBudget`.
    """
    from service import citations, marking, minutes

    summaries = generation.catalogue.summaries
    minutes_to_read = None if budget is None else budgets.minutes_of(budget) if isinstance(budget, str) else budget
    wanted = {summary_of(generation, one).position for one in ids} if ids is not None else set(range(len(summaries)))
    read = {summary_of(generation, one).position for one in known}
    targets: list[int] = [] if goal is None else [summary_of(generation, goal).position]
    if not wanted:
        raise NothingToOrder("There is no paper to order.")
    if topic is not None:
        targets += [place for place in _about(generation, embedder, topic) if place in wanted and place not in targets]
    if marks is not None:
        read |= marking.read(generation, marks) & wanted
    read -= set(targets)
    graph = citations.of(generation)
    wanted |= set(targets)
    if len(wanted) == len(summaries) and not without_digests:
        whole = _whole(generation, (graph,), graph)
    else:
        whole = solved(generation, graph, wanted, without_digests=without_digests)
    place_of = {position: place for place, position in enumerate(whole.positions)}
    familiar = {place_of[position] for position in read if position in place_of}
    aims = [place_of[position] for position in targets]
    estimates = [minutes.minutes(generation, position) for position in whole.positions]
    times = [estimate.minutes for estimate in estimates]
    places = set(range(len(whole.positions))) - familiar
    way_pairs = list(whole.leading)
    skipped: list[tuple[int, str, bool]] = []
    share: np.ndarray | None = None
    warnings: list[str] = []
    if aims:
        way_pairs, note = _towards(generation, whole, aims)
        warnings += note
        found = ways.way(len(whole.positions), way_pairs, aims, familiar, leaning(graph, whole.positions))
        places, share = set(found.kept), found.share
        skipped += [(place, why, False) for place, why in _skipped(whole, summaries, way_pairs, found)]
    if minutes_to_read is not None:
        worth = share if share is not None else _worth(graph, whole)
        chosen = budgets.within(minutes_to_read, times, worth, way_pairs, places, aims)
        for place in sorted(places - chosen, key=whole.order.index):
            skipped.append((place, "there is no time for it", True))
        for place in aims:
            if place not in chosen:
                warnings.append(
                    f"{summaries[whole.positions[place]].id} with what it rests on takes longer than there is."
                )
        places = chosen
    order = [place for place in whole.order if place in places]
    aim = "the paper to get to" if topic is None else "on the topic"
    answer = _told(generation, graph, whole, order, aims, way_pairs, times, lacking, aim, without_digests)
    steps = tuple(replace(step, timing=estimates[place].why) for step, place in zip(answer.order, order, strict=True))
    change = None
    cited = [pair.citation for pair in (*whole.precedence.pairs, *whole.precedence.covers)]
    if not without_digests and any(one is not None and one.basis == "digest" for one in cited):
        change = _without(generation, graph, whole)
    return replace(
        answer, order=steps, goal=goal, topic=topic, budget=minutes_to_read, without_digests=change,
        known=tuple(summaries[whole.positions[place]].id for place in whole.order if place in familiar),
        skipped=tuple(
            Skipped(summaries[whole.positions[p]].id, summaries[whole.positions[p]].title, times[p], why, no_time)
            for p, why, no_time in skipped
        ),
        warnings=(*warnings, *answer.warnings),
    )  # fmt: skip


def _about(generation: Generation, embedder: Embedder | None, topic: str) -> list[int]:
    """The positions of what a search finds: those whose score is near the best one's."""
    from service import search

    assert embedder is not None, "a topic is looked for with the model"
    answer = search.search(generation, embedder, topic, limit=_FOR_A_TOPIC) if topic.strip() else None
    if answer is None or not answer.answered:
        raise NothingToOrder(f"Nothing here is about {topic[:80]!r}.", cure="Name the topic in other words.")
    best = answer.results[0].score
    return [by_id(generation)[found.id] for found in answer.results if found.score >= _NEAR_THE_BEST * best]


def _towards(generation: Generation, whole: Solved, aims: Sequence[int]) -> tuple[list[Pair], list[str]]:
    """The pairs over which the way to the goals goes, and a remark where they are no strict ones.

    A survey that is a goal itself is taken at its word: what it cites is what it rests on.
    """
    before = {place: index for index, place in enumerate(whole.order)}
    pairs = list(whole.leading)
    reached = {pair.after for pair in pairs}
    notes = []
    for aim in aims:
        if aim in reached:
            continue
        soft = [pair for pair in whole.precedence.pairs if pair.after == aim and before[pair.before] < before[aim]]
        soft += [Pair(pair.after, aim, pair.weight, "mentions", False, pair.citation)
                 for pair in whole.precedence.covers if pair.before == aim and before[pair.after] < before[aim]]  # fmt: skip
        title = telling.short(generation.catalogue.summaries[whole.positions[aim]].title)
        if soft:
            pairs += soft
            if whole.standing.survey[aim]:
                notes.append(
                    f"{title} is a survey or an introduction: of what it covers, what it tells most of is shown."
                )
            else:
                notes.append(f"{title} rests on nothing here as far as it says; what it only refers to is shown.")
        elif near := _near(generation, whole, aim):
            pairs += near
            notes.append(f"No citation leads to {title}: earlier work that is near in what it says is shown.")
        else:
            notes.append(f"Nothing here leads to {title}.")
    return pairs, notes


def _near(generation: Generation, whole: Solved, aim: int) -> list[Pair]:
    """The papers nearest to one in what they say that the order has before it, as pairs without a citation."""
    before = set(whole.order[: whole.order.index(aim)])
    vectors = paper_vectors.of(generation).own[list(whole.positions)]
    cosine = np.round(vectors @ vectors[aim], 6)
    year = whole.standing.year
    texts = len(whole.positions) - whole.alone
    older = [p for p in before if p < texts and (not year[p] > year[aim] or whole.standing.survey[p])]
    best = sorted((p for p in older if cosine[p] >= _LEAST), key=lambda p: (-cosine[p], p))[:_NEAR]
    return [Pair(p, aim, float(cosine[p]), "earlier work", False) for p in best]


def _worth(graph: Graph, whole: Solved) -> np.ndarray:
    """What reading each paper is worth: how much of the others comes back to it over the citations, and a little for
    itself, so that time that is left is not lost."""
    count = len(whole.positions)
    pairs = [*whole.precedence.pairs, *whole.explained]
    share = ways.flow(count, pairs, range(count), leaning(graph, whole.positions))
    return share - share.min() * (1 - _FOR_ITSELF)


def _skipped(whole: Solved, summaries: Sequence, pairs: Sequence[Pair], found: ways.Way) -> list[tuple[int, str]]:
    """What a way leaves out, what matters most first, and why it can be skipped."""
    told = []
    for place in sorted(found.skipped, key=lambda place: (-found.share[place], whole.order.index(place))):
        users = [pair for pair in pairs if pair.before == place and pair.after in found.kept]
        if users:
            best = max(users, key=lambda pair: (pair.weight, -pair.after))
            name = telling.short(summaries[whole.positions[best.after]].title)
            how = best.kind if best.kind in ("builds on", "uses") else "refers to"
            why = f"{name} {how} it, but little of the goal rests on it"
        else:
            why = "only papers that can be skipped themselves rest on it"
        told.append((place, why))
    return told


def _without(generation: Generation, graph: Graph, whole: Solved) -> Change:
    """How the whole order changes without the citations that our digests tell of."""
    from scipy.stats import kendalltau

    other = solved(generation, graph, whole.positions, without_digests=True)
    count = len(whole.precedence.pairs) + len(whole.precedence.covers)
    summaries = generation.catalogue.summaries
    ranks = np.argsort(whole.order), np.argsort(other.order)
    agreement = float(kendalltau(*ranks).statistic)
    ids = [summaries[position].id for position in whole.positions]
    return Change(
        count - len(other.precedence.pairs) - len(other.precedence.covers), round(agreement, 4),
        tuple(ids[place] for place in other.order),
        tuple(ids[one] for one, another in zip(whole.order, other.order, strict=True) if one != another),
    )  # fmt: skip


def _told(
    generation: Generation, graph: Graph, whole: Solved, order: Sequence[int], aims: Sequence[int],
    way_pairs: Sequence[Pair], times: Sequence[int], lacking: int, aim: str, without_digests: bool,
) -> Order:  # fmt: skip
    """The answer for the papers at the places in `order`."""
    summaries, positions, catalogue = generation.catalogue.summaries, whole.positions, generation.catalogue
    at = {place: index for index, place in enumerate(order)}

    def shown(pairs: Iterable[Pair]) -> list[Pair]:
        return [pair for pair in pairs if pair.before in at and pair.after in at and at[pair.before] < at[pair.after]]

    every = [*whole.precedence.pairs, *whole.explained]
    known = set(map(id, every))
    leading = shown([*every, *(pair for pair in way_pairs if id(pair) not in known)])
    covers = shown(whole.precedence.covers)
    texts = len(positions) - whole.alone
    parts = stages.parts(generation, positions, whole.order, whole.group, whole.leading, texts)
    cut = stages.among(parts, order)
    stage_of = {place: part.name for part in cut for place in part.places}
    into, out = _by_end(leading)
    covered, covering = _by_end(covers)
    joined = {place for pair in (*every, *whole.precedence.covers) for place in (pair.before, pair.after)}
    # Where no citation is known at all it is said once, not of each paper.
    silent = not joined and not whole.by_text and len(positions) > 1
    known_by = ", other than by a digest's words" if without_digests else ""
    steps = []
    for place in order:
        summary, year = summaries[positions[place]], float(whole.standing.year[place])
        survey = bool(whole.standing.survey[place])
        around = telling.Around(
            into.get(place, ()), out.get(place, ()), covering.get(place, ()), covered.get(place, ()),
            silent or place in joined, silent or place in joined or bool(catalogue.references(summary.position)),
            len(positions) == 1, place >= texts,
        )  # fmt: skip
        steps.append(Step(
            summary.id, summary.title, at[place] + 1, stage_of[place], times[place], None if np.isnan(year) else int(year),
            summary.text,
            telling.reasons(
                summaries, positions, at, around, None if whole.by_text else year, survey, aim if place in aims else ""
            ),
        ))  # fmt: skip
    asked = {positions[place] for place in order}
    opening = tuple(summaries[position].id for position in start_here(whole.standing, texts) if position in asked)
    edges = sorted([*leading, *covers], key=lambda pair: (at[pair.after], at[pair.before]))
    cycles = [
        telling.cycle(generation, positions, places, whole.dropped)
        for places in whole.cycles
        if at.keys() >= set(places)
    ]
    titled = sum(place >= texts for place in order)
    remarks = [_SILENT.format(known_by)] if silent else []
    if titled:
        some = ("1 paper", "it stands") if titled == 1 else (f"{titled} papers", "they stand")
        remarks.append(_TITLES.format(some[0], f"{some[1]} before what leans on it or last"))
    return Order(
        generation.name, tuple(steps), opening, tuple(telling.edges(generation, positions, edges)),
        telling.missing(generation, graph, positions, order, stage_of, whole.standing.survey, lacking),
        tuple(
            Stage(part.name, part.terms, tuple(summaries[positions[place]].id for place in part.places),
                  sum(times[place] for place in part.places))
            for part in cut
        ),
        tuple(cycles), minutes=sum(step.minutes for step in steps), warnings=tuple(remarks),
    )  # fmt: skip


def _by_end(pairs: Iterable[Pair]) -> tuple[dict[int, list[Pair]], dict[int, list[Pair]]]:
    """Pairs by the place of their later paper, and by that of their earlier one."""
    into: dict[int, list[Pair]] = {}
    out: dict[int, list[Pair]] = {}
    for pair in pairs:
        into.setdefault(pair.after, []).append(pair)
        out.setdefault(pair.before, []).append(pair)
    return into, out
