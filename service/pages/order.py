"""The page of the reading order, `/order`: the order as a list, and as a map beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from indexer.library import Generation
from indexer.library.marks import Marks
from service import marking, reading_order
from service.opened import Opened
from service.pages import frame, order_map, showing
from service.papers import summary_of
from service.reading_order import Edge, Evidence
from service.reading_order.kept import kept_order, whole_order

_STEPS = (30, 60)  # minutes of the slider, of a short order and of a long one
_LONG = 600
_SKIPPED = 100
_ALL_SENTENCES = (
    100  # papers in an order whose every sentence stands on the page; of more, the first of each strict edge
)


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
    evidence: Sequence[Evidence]


@dataclass(frozen=True)
class Listed:
    """What the list shows of a stage."""

    name: str
    minutes: int
    ids: Sequence[str]


class Page:
    """What the page's template asks for."""

    def __init__(self, generation: Generation, marks: Marks, asked: Asked, page: int = 1) -> None:
        self.asked = asked
        self.goal = summary_of(generation, asked.goal).id if asked.goal else ""
        self._generation = generation
        self.whole = whole_order(generation)  # every map is drawn on it
        self.step = _STEPS[self.whole.minutes > _LONG]
        self.longest = -(-max(self.whole.minutes, self.step) // self.step) * self.step
        budget = asked.budget if asked.budget is not None and asked.budget < self.whole.minutes else None
        self.narrowed = bool(self.goal) or budget is not None or bool(asked.known)
        if self.narrowed:
            # On a way to a goal what is read is shown, and fades; in a budget it takes no time, so that others fit.
            self.answer = kept_order(
                generation, goal=self.goal or None, budget=budget, known=asked.known,
                marks=None if budget is None else marks,
            )  # fmt: skip
        else:
            self.answer = self.whole
        self.one_map = len(self.whole.order) <= order_map.MOST_CARDS
        self.base = self.answer if self.narrowed and (asked.only or not self.one_map) else self.whole
        self.budget = budget
        summaries = generation.catalogue.summaries
        self.read = {summaries[position].id for position in marking.read(generation, marks)} | set(asked.known)
        self.keys = {step.id: order_map.key_of(step.position) for step in self.whole.order}
        self.titles = {step.id: showing.title(step.title) for step in self.whole.order}
        self.steps = {step.id: step for step in self.answer.order}
        # A map's cards lead into the list, which is whole then; without a map it is in parts.
        parted = len(self.base.order) > order_map.MOST_CARDS
        self.part = showing.part(self.answer.order, page, "/order", self._values()) if parted else None

    @property
    def goals(self) -> Sequence[reading_order.Stage]:
        """What to choose a goal from; nothing where nobody would find it among so many."""
        return self.whole.stages if self.one_map else ()

    @property
    def stages(self) -> list[Listed]:
        """The stages of the list, as far as they stand on this page."""
        shown = self.steps.keys() if self.part is None else {step.id for step in self.part.rows}
        found = [Listed(s.name, s.minutes, [one for one in s.ids if one in shown]) for s in self.answer.stages]
        return [stage for stage in found if stage.ids]

    @cached_property
    def map(self) -> order_map.Map | None:
        return order_map.drawn(self.base, self.answer, self.read, self.keys, self.base is not self.answer)

    @cached_property
    def ties(self) -> dict[str, list[Tie]]:
        """What each paper of the answer rests on, what matters most first."""
        found: dict[str, list[Tie]] = {}
        keys = set()  # a goal may have two edges between the same papers: the map leads to the first
        for edge in sorted(self.answer.edges, key=lambda e: (not e.strict, -e.weight)):
            key = order_map.edge_key(self.keys[edge.before], self.keys[edge.after])
            first = key not in keys
            keys.add(key)
            told = order_map.told(edge, self.titles)
            found.setdefault(edge.after, []).append(Tie(key if first else "", told, edge, self._evidence(edge)))
        return found

    def _evidence(self, edge: Edge) -> Sequence[Evidence]:
        if len(self.answer.order) <= _ALL_SENTENCES:
            return edge.evidence
        return edge.evidence[:1] if edge.strict else ()

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

    def address(self, goal: str) -> str:
        """The address of this page with another goal."""
        return showing.with_values("/order", self._values() | {"goal": goal})

    def _values(self) -> dict[str, str]:
        budget = f"{self.asked.budget}" if self.asked.budget is not None else ""
        return {"goal": self.asked.goal, "budget": budget, "only": "1" if self.asked.only else ""}


def made(held: Opened) -> APIRouter:
    """The route."""
    routes = APIRouter()

    @routes.get("/order")
    def show(
        request: Request,
        goal: Annotated[str, Query(max_length=300)] = "",
        budget: Annotated[str, Query(max_length=40)] = "",
        known: Annotated[list[str], Query(max_length=10_000)] = [],  # noqa: B006
        only: bool = False,
        page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    ) -> Response:
        asked = Asked(goal, _minutes(budget), tuple(one for one in known if one), only)
        shown = Page(held.now(), held.marks(), asked, page)
        own = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return frame.page("order.html", here="/order", page=shown, asked=asked, own=own)

    return routes


def _minutes(budget: str) -> int | None:
    """The slider's minutes, or a time as `/v1/reading-order` takes it. Raises `BadBudget`."""
    if not budget.strip():
        return None
    from service.reading_order.budget import minutes_of

    return minutes_of(f"{budget}m" if budget.isascii() and budget.isdigit() else budget)
