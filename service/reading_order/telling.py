"""An order in words and as data: edges with their evidence, stages with their names, reasons, what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from indexer.library import Generation, Summary
from service.reading_order.answer import CitedBy, Cycle, Edge, Evidence, Missing, Reason, Stage
from service.reading_order.precedence import STRICT, Pair
from service.reading_order.sequence import runs_of

if TYPE_CHECKING:
    from service.citations import Graph

_SHOWN = 3  # sentences for one edge, and papers named in one reason
_LONGEST = 15  # papers in a stage
_SURVEYS = 0.25  # what being cited by a survey counts for: it cites everything
_NEEDED = {"builds on": 1.0, "uses": 0.8, "compares with": 0.4, "mentions": 0.2}


def edges(generation: Generation, positions: Sequence[int], pairs: Sequence[Pair]) -> list[Edge]:
    """Pairs of places as edges of documents, each with the first sentences that show it, as their pages have them."""
    from service import kinship

    summaries = generation.catalogue.summaries
    said = [(pair.citation, place) for pair in pairs if pair.citation for place in pair.citation.mentions[:_SHOWN]]
    wanted = sorted({(citation.citing, place.page_index) for citation, place in said})
    pages = {where: page.text for where, page in generation.catalogue.page_texts(wanted).items()}
    found = []
    for pair in pairs:
        citation = pair.citation
        shown = [Evidence(pair.why, pair.page)] if pair.why else []
        for place in citation.mentions[:_SHOWN] if citation is not None else ():
            text = pages.get((citation.citing, place.page_index), "") if citation is not None else ""
            shown.append(Evidence(kinship.verbatim(place, text), place.page, place.section))
        found.append(Edge(
            summaries[positions[pair.before]].id, summaries[positions[pair.after]].id, pair.kind, round(pair.weight, 4),
            citation.basis if citation is not None else "text", citation.count if citation is not None else 0,
            pair.strict, tuple(shown),
        ))  # fmt: skip
    return found


def short(title: str) -> str:
    """A title as one speaks of it: what stands before its colon, or its first words."""
    name = title.split(":")[0].strip()
    if len(name) > 60:
        name = name[:60].rsplit(" ", 1)[0] + " …"
    return name or title


def named(titles: Sequence[str]) -> str:
    """The first of some titles, and how many more there are."""
    some = ", ".join(map(short, titles[:_SHOWN]))
    return f"{some} and {len(titles) - _SHOWN} more" if len(titles) > _SHOWN else some


def stages(
    generation: Generation, positions: Sequence[int], order: Sequence[int], group: np.ndarray, pairs: Sequence[Pair],
    minutes: Sequence[int], everything: Sequence[int],
) -> list[tuple[Stage, list[int]]]:  # fmt: skip
    """The order cut into stages, each with its places: its runs of one theme, where one that is a single paper goes with
    what needs it.

    A stage has the name of the theme that most of it is of, as named among `everything`, so that the way to a paper speaks
    of the themes as the whole order does.
    """
    from service import theme_names

    cut = [part for run in _gathered(runs_of(order, group), pairs) for part in _parts(run)]
    numbers = sorted(set(group[list(everything)].tolist()))
    themes = [[positions[place] for place in everything if group[place] == number] for number in numbers]
    if len(numbers) == 1:  # it says nothing of what its parts are about
        names = theme_names.named(generation, [[positions[place] for place in places] for places in cut])
        found = list(names)
    else:
        names = dict(zip(numbers, theme_names.named(generation, themes), strict=True))
        found = [names[max(numbers, key=lambda n: int((group[places] == n).sum()))] for places in cut]
    summaries = generation.catalogue.summaries
    taken: dict[str, int] = {}
    made = []
    for places, (name, terms) in zip(cut, found, strict=True):
        taken[name] = taken.get(name, 0) + 1
        if taken[name] > 1:
            name = f"{name} ({taken[name]})"
        ids = tuple(summaries[positions[place]].id for place in places)
        made.append((Stage(name, terms, ids, sum(minutes[place] for place in places)), places))
    return made


def _parts(run: list[int]) -> list[list[int]]:
    """A long run in parts of like size."""
    count = -(-len(run) // _LONGEST)
    return [run[len(run) * n // count : len(run) * (n + 1) // count] for n in range(count)]


def _gathered(runs: list[list[int]], pairs: Sequence[Pair]) -> list[list[int]]:
    """The runs, a single paper joined to the run behind it or before it, with which it has more to do; if with either."""
    joins: dict[int, dict[int, float]] = {}
    for pair in pairs:
        joins.setdefault(pair.before, {})[pair.after] = joins.setdefault(pair.after, {})[pair.before] = pair.weight

    def ties(places: Sequence[int], others: Sequence[int]) -> float:
        inside = set(others)
        return sum(w for one in places for other, w in joins.get(one, {}).items() if other in inside) / len(others)

    runs = [list(run) for run in runs]
    at = 0
    while at < len(runs):
        if len(runs[at]) > 1 or not (
            beside := [n for n in (at + 1, at - 1) if 0 <= n < len(runs) and ties(runs[at], runs[n]) > 0]
        ):
            at += 1
            continue
        first, second = sorted((at, max(beside, key=lambda n: ties(runs[at], runs[n]))))
        runs[first : second + 1] = [runs[first] + runs[second]]
        at = first
    return runs


def reasons(
    summaries: Sequence[Summary], positions: Sequence[int], place: int, at: Mapping[int, int],
    into: Sequence[Pair], out: Sequence[Pair], covered: Sequence[Pair], year: float, survey: bool, goal: str,
) -> tuple[Reason, ...]:  # fmt: skip
    """Why the paper at `place` stands where it does. `into` and `out` are its pairs, `at` the place of each in the order."""

    def told(kind: str, words: str, places: Sequence[int], end: str = "") -> Reason:
        papers = [summaries[positions[other]] for other in places]
        return Reason(kind, f"{words} {named([s.title for s in papers])}{end}", tuple(s.id for s in papers))  # type: ignore[arg-type]

    found = []
    if goal:
        found.append(Reason("goal", goal))
    if survey:
        words = "a survey or an introduction"
        if covered:
            places = [
                p.after for p in sorted(covered, key=lambda p: (-p.weight, at[p.after])) if at[p.after] > at[place]
            ]
            found.append(told("survey", f"{words}; it covers", places) if places else Reason("survey", words))
        else:
            found.append(Reason("survey", words))
    for kind, words in (("builds on", "builds on"), ("uses", "uses"), ("explains", "speaks of what is explained in")):
        some = [p for p in into if p.kind == kind and at[p.before] < at[place]]
        if some:
            found.append(
                told("after", words, [p.before for p in sorted(some, key=lambda p: (-p.weight, at[p.before]))])
            )
    if not any(reason.kind == "after" for reason in found):
        some = [p for p in into if p.kind in ("compares with", "mentions") and at[p.before] < at[place]]
        if some:
            found.append(
                told("after", "refers to", [p.before for p in sorted(some, key=lambda p: (-p.weight, at[p.before]))])
            )
    later = [p for p in out if p.strict and at[p.after] > at[place]]
    if later:
        places = [p.after for p in sorted(later, key=lambda p: (-p.weight, at[p.after]))]
        found.append(told("before", f"{len(places)} here rest{'s' if len(places) == 1 else ''} on it:", places))
    if not found:
        if math.isnan(year):
            found.append(Reason("no year", "nothing here cites it or is cited by it, and its year isn't known"))
        else:
            found.append(Reason("year", f"by its theme and its year, {int(year)}: no citation joins it to the others"))
    return tuple(found)


def cycle(generation: Generation, positions: Sequence[int], places: Sequence[int], dropped: Sequence[Pair]) -> Cycle:
    """A ring of citations and how it was cut, in words."""
    inside, summaries = set(places), generation.catalogue.summaries
    cut = tuple(edges(generation, positions, [p for p in dropped if p.before in inside and p.after in inside]))
    ids = tuple(summaries[positions[place]].id for place in places)
    titles = {summaries[positions[place]].id: short(summaries[positions[place]].title) for place in places}
    broken = "; ".join(f"{titles[e.after]} {e.kind} {titles[e.before]}, which is read later" for e in cut)
    return Cycle(
        ids, cut, f"{', '.join(titles.values())} cite one another in a ring. The weakest is given up: {broken}."
    )


def missing(
    generation: Generation, graph: Graph, positions: Sequence[int], order: Sequence[int], stage_of: Mapping[int, str],
    survey: np.ndarray, most: int,
) -> tuple[Missing, ...]:  # fmt: skip
    """The `most` needed papers that those in the `order` (places) cite and the library lacks.

    One is needed the more, the more cite it, the oftener, and the more they rest on it; it takes two to say so.
    """
    summaries = generation.catalogue.summaries
    places: dict[int, list[int]] = {}
    for place in order:
        places.setdefault(graph.same_as[positions[place]], []).append(place)
    at = {place: index for index, place in enumerate(order)}
    found = []
    for work in graph.wanted:
        citing = [(place, count, role) for position, count, role in work.cited_by for place in places.get(position, ())]
        needed = sum(
            math.log1p(count) * _NEEDED[role] * (_SURVEYS if survey[place] else 1.0) for place, count, role in citing
        )
        if len(citing) < 2 or not work.title:
            continue
        citing.sort(key=lambda row: (-_NEEDED[row[2]], -row[1], at[row[0]]))
        # Before what rests on it; where nothing does, before the first that cites it and is no survey.
        resting = [row[0] for row in citing if row[2] in STRICT and not survey[row[0]]]
        rest = resting or [row[0] for row in citing if not survey[row[0]]] or [row[0] for row in citing]
        first = min(rest, key=at.__getitem__)
        by = tuple(CitedBy(summaries[positions[place]].id, count, role) for place, count, role in citing)
        found.append(Missing(
            work.title, work.authors, work.year, work.arxiv_id, work.doi, round(needed, 3), by,
            summaries[positions[first]].id, stage_of.get(first, ""),
        ))  # fmt: skip
    found.sort(key=lambda one: (-one.needed, one.title))
    return tuple(found[:most])
