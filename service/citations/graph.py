"""The citation graph as an answer: its documents, who cites whom with the sentences, and the cycles, explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from indexer.document import TextKind
from indexer.library import Generation, Summary
from service import citations, deadline
from service.citations import Basis, Citation
from service.citations.roles import Role
from service.papers import summary_of


@dataclass(frozen=True)
class Node:
    """A document. `year` is its own, or the one under which others cite it.

    `same_as` names the document that stands for it in the graph, where the library holds two versions of a paper.
    """

    id: str
    title: str
    year: int | None
    text: TextKind
    same_as: str | None


@dataclass(frozen=True)
class Mentioned:
    """A place where the citing text mentions the cited document; `page` is the printed number."""

    sentence: str
    page: int | None
    section: str | None


@dataclass(frozen=True)
class Edge:
    """That a document cites another. `basis` is what says so, `how` what the two were matched by.

    `count` is how often the text mentions it, 1 where it is only listed.
    """

    from_: Annotated[str, Field(alias="from", description="the citing document")]
    to: Annotated[str, Field(description="the cited document")]
    count: int
    role: Role
    basis: Basis
    how: str
    weight: float
    mentions: tuple[Mentioned, ...]


@dataclass(frozen=True)
class Cycle:
    """Documents that lead to each other by citations. `ids` are in the order of their dates; `why` is what shows."""

    ids: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True)
class GraphAnswer:
    """The citation graph of the library, or of some of its documents, in the order of the sources.

    Over HTTP some documents at a time, with what they cite: `next` is the cursor of those that follow.
    """

    generation: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    cycles: tuple[Cycle, ...]
    next: str | None = None


def graph(generation: Generation, ids: Sequence[str] = (), most: int | None = None) -> GraphAnswer:
    """The citation graph; with `ids`, of these documents alone. Raises `UnknownDocument`.

    Of each citation `most` mentions are told, the first; all where that is None.
    """
    summaries, found = generation.catalogue.summaries, citations.of(generation)
    wanted = {summary_of(generation, document_id).position for document_id in ids} or set(range(len(summaries)))
    standing = {found.same_as[position] for position in wanted}
    # A version that is asked for is shown as what stands for it, so that its edges have their ends.
    nodes = tuple(_node(summaries[p], found, summaries) for p in sorted(wanted | standing))
    kept = [c for c in found.citations if c.citing in standing and c.cited in standing]
    edges = tuple(_edge(citation, summaries, most) for citation in kept)
    groups = citations.cycles_of(kept, len(summaries)) if ids else found.cycles
    return GraphAnswer(generation.name, nodes, edges, tuple(_cycle(group, found, summaries) for group in groups))


def _node(s: Summary, found: citations.Graph, summaries: Sequence[Summary]) -> Node:
    stands = found.same_as[s.position]
    year = s.year if s.year is not None else found.years.get(s.position)
    return Node(s.id, s.title, year, s.text, summaries[stands].id if stands != s.position else None)


def _edge(c: Citation, summaries: Sequence[Summary], most: int | None) -> Edge:
    deadline.check()
    mentions = tuple(Mentioned(place.sentence, place.page, place.section) for place in c.mentions[:most])
    return Edge(
        summaries[c.citing].id, summaries[c.cited].id, c.count, c.role, c.basis, c.how, round(c.weight, 4), mentions
    )


def _cycle(positions: Sequence[int], found: citations.Graph, summaries: Sequence[Summary]) -> Cycle:
    """A cycle with what shows why it is one: which of its citations go to what is later."""
    inside = set(positions)
    ordered = sorted(inside, key=lambda p: (_date(summaries[p], found), summaries[p].id))
    whys = []
    for position in ordered:
        for c in found.cites(position):
            one, other = summaries[c.citing], summaries[c.cited]
            ours, theirs = _date(one, found), _date(other, found)
            if c.cited in inside and (not ours or not theirs or ours[: len(theirs)] <= theirs[: len(ours)]):
                what = f"{one.id} ({ours or 'no date'}) cites {other.id} ({theirs or 'no date'})"
                whys.append(f"{what}{_reason(one, ours, theirs)}.")
    return Cycle(tuple(summaries[p].id for p in ordered), tuple(whys))


def _reason(citing: Summary, ours: str, theirs: str) -> str:
    if not ours or not theirs:
        return ": which is older is not known"
    if ours[: len(theirs)] == theirs[: len(ours)]:
        return ": both are of one time"
    if (citing.version or 1) > 1:
        return f", which is later: its text is version {citing.version}"
    return ", which is later: its text is of a later version, or a date is wrong"


def _date(s: Summary, found: citations.Graph) -> str:
    return s.date or str(found.years.get(s.position) or "")
