"""The page of the search, `/`: a box, filters, and papers with their passages. What is asked stands in the address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from indexer.errors import PaperpathError
from indexer.library import Generation
from indexer.library.marks import Marks, state
from service import query, topics
from service.api.searching import LONGEST_QUERY, Wanted
from service.asking import Asking
from service.opened import Opened
from service.pages import frame, showing
from service.problems import STATUS

_RESULTS = 10
_STATES = {"unread": "Not read yet", "read": "Read"}
_FIRST = 5  # papers of a theme on the page without a question
_NOWHERE = "no paper"  # a theme that isn't there now


@dataclass(frozen=True)
class Asked:
    """What the form says. `cursor` is where the page before ended."""

    q: str = ""
    since: str = ""
    until: str = ""
    theme: str = ""
    state: str = ""
    cursor: str = ""

    @property
    def filtered(self) -> bool:
        return bool(self.since or self.until or self.theme or self.state)

    @property
    def empty(self) -> bool:
        return not (self.q.strip() or self.filtered)

    def address(self, **other: str) -> str:
        """The address that asks this, with `other` values."""
        return showing.with_values("/", vars(self) | {"cursor": ""} | other)


def made(held: Opened, asking: Asking) -> APIRouter:
    """The route."""
    routes = APIRouter(route_class=frame.PageRoute)

    @routes.get("/")
    async def search(
        request: Request,
        q: Annotated[str, Query(max_length=LONGEST_QUERY)] = "",
        since: Annotated[str, Query(max_length=20)] = "",
        until: Annotated[str, Query(max_length=20)] = "",
        theme: Annotated[str, Query(max_length=500)] = "",
        state: Annotated[str, Query(max_length=20)] = "",
        cursor: Annotated[str, Query(max_length=500)] = "",
    ) -> Response:
        asked = Asked(q, since.strip(), until.strip(), theme, state if state in _STATES else "", cursor)
        generation = held.now()
        themes = await run_in_threadpool(topics.of, generation)
        answer: Mapping[str, Any] | None = None
        error: PaperpathError | None = None
        if not asked.empty:
            try:
                found = await asking.ask(_wanted(generation, themes, asked), request.is_disconnected)
                if found is None:
                    return Response(status_code=499)  # who asked is gone
                answer = json.loads(found.body or b"{}")
            except PaperpathError as raised:
                error = raised
        return await run_in_threadpool(_page, generation, held.marks(), asked, themes, answer, error)

    return routes


def _wanted(generation: Generation, themes: tuple[topics.Theme, ...], asked: Asked) -> Wanted:
    """The form as a question to the search."""
    filters: dict[str, list[str]] = {}
    if asked.since or asked.until:
        filters["year"] = [f"{asked.since}..{asked.until}" if asked.since != asked.until else asked.since]
    if asked.state:
        filters["is_"] = [asked.state]
    if asked.theme:
        summaries = generation.catalogue.summaries
        ids = [summaries[p].id for theme in themes if theme.name == asked.theme for p in theme.positions]
        named = query.parse(asked.q).values("in")  # which the theme narrows down: several values would mean any of them
        filters["in_"] = [one for one in ids if not named or one in named] or [_NOWHERE]
    return Wanted(asked.q, filters, _RESULTS, "paper", asked.cursor, True, "")


def _page(
    generation: Generation, marks: Marks, asked: Asked, themes: tuple[topics.Theme, ...],
    answer: Mapping[str, Any] | None, error: PaperpathError | None,
) -> Response:  # fmt: skip
    summaries = generation.catalogue.summaries
    years = sorted({summary.year for summary in summaries if summary.year})
    pages = {summary.id: summary.pages for summary in summaries}
    status = STATUS.get(error.code, 500) if error else 200
    return frame.page(
        "search.html", status=status, here="/", asked=asked, show=showing, error=error, answer=answer, states=_STATES,
        first=years[0] if years else None, last=years[-1] if years else None, themes=[theme.name for theme in themes],
        pages=pages, documents=len(summaries), browse=_browse(generation, marks, themes) if asked.empty else (),
    )  # fmt: skip


def _browse(generation: Generation, marks: Marks, themes: tuple[topics.Theme, ...]) -> list[dict[str, Any]]:
    """What is here, for who hasn't asked yet: each theme with its first papers, those not read before the others."""
    summaries = generation.catalogue.summaries
    found = []
    for theme in themes:
        papers = [(summaries[position], state(summaries[position], marks)) for position in theme.positions]
        papers.sort(key=lambda pair: pair[1])
        found.append({"name": theme.name, "count": len(papers), "read": sum(read for _, read in papers),
                      "papers": [{"id": s.id, "title": s.title, "year": s.year, "read": read}
                                 for s, read in papers[:_FIRST]]})  # fmt: skip
    return found
