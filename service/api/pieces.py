"""How much of a long answer is told at once: the first `MOST`, then as much from each `next`.

A library of thousands of papers answers in pieces that a client can hold. Beside what these functions cut, the other answers
are bounded by what they are about: one paper, one question, one job, the sections of a list.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, TypeVar

from fastapi import Query

from service.citations.graph import GraphAnswer
from service.papers import OnePaper, Papers
from service.reading_order import Order
from service.search import cursors
from service.topics import Topics

MOST = 1000
"""Papers of one piece of an answer, and the most that is told of one thing."""
T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=MOST, description="how many papers at once; `next` leads to the others")]
Cursor = Annotated[str, Query(max_length=500, description="`next` of the piece before")]


def of_papers(answer: Papers, limit: int, cursor: str) -> Papers:
    """A piece of the list of papers."""
    start, following = _piece(len(answer.papers), limit, cursor, answer.generation, ("papers",))
    return replace(answer, papers=answer.papers[start : start + limit], next=following)


def of_paper(answer: OnePaper) -> OnePaper:
    """One paper, with the first of its headings and references."""
    return replace(
        answer, outline=answer.outline[:MOST], references=answer.references[:MOST], listed=answer.listed[:MOST]
    )


def of_graph(answer: GraphAnswer, limit: int, cursor: str, asked: tuple) -> GraphAnswer:
    """A piece of a graph: so many documents, and what these cite. The cycles stand in the first."""
    start, following = _piece(len(answer.nodes), limit, cursor, answer.generation, asked)
    nodes = answer.nodes[start : start + limit]
    here = {node.id for node in nodes}
    edges = tuple(edge for edge in answer.edges if edge.from_ in here)
    return replace(answer, nodes=nodes, edges=edges, cycles=() if start else answer.cycles[:MOST], next=following)


def of_order(answer: Order, limit: int, cursor: str, asked: tuple) -> Order:
    """A piece of an order: so many papers, their stages, and what each is to be read behind. What is said of the order as a
    whole stands in the first."""
    start, following = _piece(len(answer.order), limit, cursor, answer.generation, asked)
    order = answer.order[start : start + limit]
    here = {step.id for step in order}
    stages = tuple(replace(stage, ids=tuple(one for one in stage.ids if one in here)) for stage in answer.stages)
    answer = replace(
        answer, order=order, edges=tuple(edge for edge in answer.edges if edge.after in here), next=following,
        stages=tuple(stage for stage in stages if stage.ids), skipped=answer.skipped[:MOST], known=answer.known[:MOST],
        start_here=answer.start_here[:MOST],
    )  # fmt: skip
    if start:
        answer = replace(answer, skipped=(), known=(), start_here=(), missing=(), cycles=(), without_digests=None)
    return answer


def of_topics(answer: Topics) -> Topics:
    """The topics, each with its first papers; `count` has them all."""
    return replace(answer, topics=tuple(replace(topic, papers=topic.papers[:MOST]) for topic in answer.topics))


def _piece(count: int, limit: int, cursor: str, generation: str, asked: tuple) -> tuple[int, str | None]:
    """Where a piece begins, and the cursor of the next. Raises `CursorInvalid`, `CursorExpired`."""
    query = tuple(map(repr, asked))
    start = cursors.offset(cursor, generation, *query) if cursor else 0
    return start, cursors.make(start + limit, generation, *query) if start + limit < count else None
