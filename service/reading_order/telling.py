"""An order in words and as data: edges with their evidence, reasons, cycles, what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.library import Generation, Summary
from service import deadline
from service.citations.roles import Said, by_role
from service.reading_order.answer import CitedBy, Cycle, Edge, Evidence, Missing, Reason, ReasonKind
from service.reading_order.precedence import BY_ROLE, STRICT, Pair

if TYPE_CHECKING:
    from service.citations import Citation, Graph, Place

_SHOWN = 3  # sentences for one edge, and papers named in one reason
_SURVEYS = 0.25  # what being cited by a survey counts for: it cites everything


def edges(generation: Generation, positions: Sequence[int], pairs: Sequence[Pair]) -> list[Edge]:
    """Pairs of places as edges of documents, each with some sentences that show it, as their pages have them: those first
    that tell the citation's role."""
    from service.related import kinship

    summaries = generation.catalogue.summaries
    cited = [pair.citation for pair in pairs if pair.citation]
    wanted = sorted({(citation.citing, place.page_index) for citation in cited for place in citation.mentions})
    pages = {where: page.text for where, page in generation.catalogue.page_texts(wanted).items()}
    found = []
    for pair in pairs:
        deadline.check()
        citation = pair.citation
        shown = [Evidence(pair.why, pair.page)] if pair.why else []
        for place in _showing(citation, summaries[citation.citing], pages) if citation is not None else ():
            text = pages.get((citation.citing, place.page_index), "") if citation is not None else ""
            shown.append(Evidence(kinship.verbatim(place, text), place.page, place.section))
        found.append(Edge(
            summaries[positions[pair.before]].id, summaries[positions[pair.after]].id, pair.kind, round(pair.weight, 4),
            citation.basis if citation is not None else "text", citation.count if citation is not None else 0,
            pair.strict, tuple(shown),
        ))  # fmt: skip
    return found


def _showing(citation: Citation, citing: Summary, pages: Mapping[tuple[int, int], str]) -> list[Place]:
    """The places to show for a citation."""
    if len(citation.mentions) < 2:
        return list(citation.mentions)
    said = [
        Said(place.sentence, pages.get((citation.citing, place.page_index), "")[place.start : place.end], place.section)
        for place in citation.mentions
    ]
    best = by_role(said, citation.role, citing.title, about=citing.text == "digest")
    return [citation.mentions[number] for number in best[:_SHOWN]]


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


@dataclass(frozen=True)
class Around:
    """What there is to say of one paper: the pairs that it is the later one of (`into`), the earlier one of (`out`), those
    of the survey that it is (`covers`), and of those surveys that cover it (`covered`).

    `joined`: whether any citation joins it to any of the others, those that its place does not show included; `listed`:
    whether it is known what it cites; `alone`: whether there is no other; `titled`: whether only its title is known.
    """

    into: Sequence[Pair]
    out: Sequence[Pair]
    covers: Sequence[Pair]
    covered: Sequence[Pair]
    joined: bool
    listed: bool
    alone: bool
    titled: bool


def reasons(
    summaries: Sequence[Summary], positions: Sequence[int], at: Mapping[int, int], around: Around,
    year: float | None, survey: bool, goal: str,
) -> tuple[Reason, ...]:  # fmt: skip
    """Why a paper stands where it does. `at` is the place of each in the order; `year` NaN where none is known, and None
    where years are not looked at."""

    deadline.check()

    def told(kind: ReasonKind, words: str, pairs: Sequence[Pair], *, later: bool) -> Reason:
        ends = [(-pair.weight, at[place], place) for pair in pairs for place in [pair.after if later else pair.before]]
        papers = [summaries[positions[place]] for *_, place in sorted(ends)]
        return Reason(kind, f"{words} {named([s.title for s in papers])}", tuple(s.id for s in papers))

    found = [Reason("goal", goal)] if goal else []
    if survey:
        words = "a survey or an introduction"
        found.append(
            told("survey", f"{words}; it covers", around.covers, later=True)
            if around.covers
            else Reason("survey", words)
        )
    referred = [p for p in around.into if p.kind in ("compares with", "mentions")]
    after = {
        "builds on": [p for p in around.into if p.kind == "builds on"],
        "uses": [p for p in around.into if p.kind == "uses"],
        "speaks of what is explained in": [p for p in around.into if p.kind == "explains"],
        "refers again and again to": [p for p in referred if p.often],
    }
    if not any(after.values()):
        after = {
            "refers to": referred,
            "is near in what it says to": [p for p in around.into if p.kind == "earlier work"],
        }
    found += [told("after", words, pairs, later=False) for words, pairs in after.items() if pairs]
    resting = [p for p in around.out if p.strict]
    if resting:
        found.append(told("before", f"{_how_many(resting)}:", resting, later=True))
    referring = [p for p in around.out if p.citation is not None]
    if not found and referring:
        some = "1 here refers to it" if len(referring) == 1 else f"{len(referring)} here refer to it"
        found.append(told("before", f"{some}:", referring, later=True))
    if not found and around.out:
        near = [p for p in around.out if p.kind == "earlier work"]
        words = "near in what it says to" if near else "explains what is spoken of in"
        found.append(told("before", words, near or around.out, later=True))
    if not found and around.covered:
        found.append(told("before", "covered by", around.covered, later=False))
    if around.titled:
        found.append(
            Reason("title", "only its title is here" if found else "only its title is here: nothing tells its place")
        )
    if not found:
        found.append(_by_itself(around, year))
    return tuple(found)


def _how_many(resting: Sequence[Pair]) -> str:
    """How many papers build on one or use it."""
    building = sum(pair.kind == "builds on" for pair in resting)
    plural = len(resting) > 1
    builds, uses = ("build on it", "use it") if plural else ("builds on it", "uses it")
    words = builds if building == len(resting) else uses if not building else f"{builds} or {uses}"
    return f"{len(resting)} here {words}"


def _by_itself(around: Around, year: float | None) -> Reason:
    """Why a paper stands where it does that no pair in the order speaks of."""
    if around.alone:
        return Reason("theme", "the only paper here")
    if year is None:
        return Reason("theme", "by what it and the texts near it speak of")
    rest = "" if around.joined else "no citation joins it to the others"
    if rest and not around.listed:
        rest = "nothing here tells what it cites or who cites it"
    if math.isnan(year):
        return Reason("no year", "; ".join(filter(None, ("by its theme, since its year isn't known", rest))))
    return Reason("year", "; ".join(filter(None, (f"by its theme and its year, {int(year)}", rest))))


def cycle(generation: Generation, positions: Sequence[int], places: Sequence[int], dropped: Sequence[Pair]) -> Cycle:
    """A ring of citations and how it was cut, in words."""
    inside, summaries = set(places), generation.catalogue.summaries
    cut = tuple(edges(generation, positions, [p for p in dropped if p.before in inside]))  # and so is its other end
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

    One is needed the more, the more cite it, the oftener, and the more they rest on it, which counts for less than how many
    they are; it takes two to say so.
    """
    summaries = generation.catalogue.summaries
    places: dict[int, list[int]] = {}
    for place in order:
        places.setdefault(graph.same_as[positions[place]], []).append(place)
    at = {place: index for index, place in enumerate(order)}
    found = []
    for work in graph.wanted:
        deadline.check()
        citing = [(place, count, role) for position, count, role in work.cited_by for place in places.get(position, ())]
        needed = sum(
            math.log1p(count) * math.sqrt(BY_ROLE[role]) * (_SURVEYS if survey[place] else 1.0)
            for place, count, role in citing
        )
        if len(citing) < 2 or not work.title:
            continue
        citing.sort(key=lambda row: (-BY_ROLE[row[2]], -row[1], at[row[0]]))
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
