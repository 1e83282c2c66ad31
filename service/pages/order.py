"""The page of the reading order, `/order`: the order as a list, and as a map beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from indexer.library import Generation
from indexer.library.marks import Marks, state
from service import reading_order
from service.derived import Once
from service.opened import Opened
from service.pages import frame, order_map, showing
from service.papers import summary_of
from service.reading_order import Edge, Order

_STEP = 30  # minutes of the slider
_SKIPPED = 100

# The whole order doesn't change within a generation, and every map is drawn on it.
_whole: Once[Order] = Once(lambda generation: reading_order.reading_order(generation))


@dataclass(frozen=True)
class Asked:
    """What the form asks for. `budget` counts minutes."""

    goal: str = ""
    budget: int | None = None
    known: tuple[str, ...] = ()
    only: bool = False


@dataclass(frozen=True)
class Tie:
    """An edge into a paper, as the list shows it. `key` is its name within the page, "" for none."""

    key: str
    words: str
    edge: Edge


class Page:
    """What the page's template asks for."""

    def __init__(self, generation: Generation, marks: Marks, asked: Asked) -> None:
        self.asked = asked
        self.goal = summary_of(generation, asked.goal).id if asked.goal else ""
        self._generation = generation
        self.whole = _whole(generation)
        self.longest = -(-max(self.whole.minutes, _STEP) // _STEP) * _STEP
        budget = asked.budget if asked.budget is not None and asked.budget < self.whole.minutes else None
        self.narrowed = bool(self.goal) or budget is not None or bool(asked.known)
        if self.narrowed:
            # On a way to a goal what is read is shown, and fades; in a budget it takes no time, so that others fit.
            self.answer = reading_order.reading_order(
                generation, goal=self.goal or None, budget=budget, known=asked.known,
                marks=None if budget is None else marks,
            )  # fmt: skip
        else:
            self.answer = self.whole
        self.base = self.answer if asked.only and self.narrowed else self.whole
        self.budget = budget
        self.read = {s.id for s in generation.catalogue.summaries if state(s, marks)} | set(asked.known)
        self.keys = {step.id: order_map.key_of(step.position) for step in self.whole.order}
        self.titles = {step.id: step.title for step in self.whole.order}
        self.steps = {step.id: step for step in self.answer.order}

    @cached_property
    def map(self) -> order_map.Map | None:
        return order_map.drawn(self.base, self.answer, self.read, self.keys, self.narrowed)

    @cached_property
    def ties(self) -> dict[str, list[Tie]]:
        """What each paper of the answer rests on, what matters most first."""
        found: dict[str, list[Tie]] = {}
        keys = set()  # a goal may have two edges between the same papers: the map leads to the first
        for edge in sorted(self.answer.edges, key=lambda e: (not e.strict, -e.weight)):
            key = order_map.edge_key(self.keys[edge.before], self.keys[edge.after])
            first = key not in keys
            keys.add(key)
            found.setdefault(edge.after, []).append(Tie(key if first else "", order_map.told(edge, self.titles), edge))
        return found

    @property
    def unread(self) -> int:
        """The minutes of what is not read."""
        return sum(step.minutes for step in self.answer.order if step.id not in self.read)

    @property
    def skipped(self) -> Sequence[reading_order.Skipped]:
        return self.answer.skipped[:_SKIPPED]

    @property
    def missing(self) -> list[tuple[str, reading_order.Missing]]:
        """What the map's base lacks, with the names that its cards lead to."""
        return [(f"m{place}", gap) for place, gap in enumerate(self.base.missing)]

    def address(self, *, goal: str | None = None) -> str:
        """The address of this page with another goal."""
        values = {"goal": self.asked.goal if goal is None else goal, "only": "1" if self.asked.only else ""}
        return showing.with_values("/order", values)


def made(held: Opened) -> APIRouter:
    """The route."""
    routes = APIRouter(route_class=frame.PageRoute)

    @routes.get("/order")
    def show(
        request: Request,
        goal: Annotated[str, Query(max_length=300)] = "",
        budget: Annotated[str, Query(max_length=40)] = "",
        known: Annotated[list[str], Query(max_length=10_000)] = [],  # noqa: B006
        only: bool = False,
    ) -> Response:
        asked = Asked(goal, _minutes(budget), tuple(one for one in known if one), only)
        page = Page(held.now(), held.marks(), asked)
        own = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return frame.page("order.html", here="/order", page=page, asked=asked, show=showing, own=own, step=_STEP)

    return routes


def _minutes(budget: str) -> int | None:
    """The slider's minutes, or a time as `/v1/reading-order` takes it. Raises `BadBudget`."""
    if not budget.strip():
        return None
    from service.reading_order.budget import minutes_of

    return minutes_of(f"{budget}m" if budget.isascii() and budget.isdigit() else budget)
