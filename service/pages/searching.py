"""The page of the search, `/`: a box, filters, and papers with their passages. What is asked stands in the address."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from indexer.errors import PaperpathError
from indexer.library import Generation, Summary
from indexer.library.marks import Marks
from service import marking, topics
from service.api.searching import LONGEST_QUERY, Wanted
from service.opened import Opened
from service.pages import frame, showing
from service.serving import problems
from service.serving.asking import Asking

_RESULTS = 10
_STATES = {"unread": "Not read yet", "read": "Read"}
_FIRST = 5  # papers of a theme on the page without a question


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
    routes = APIRouter()

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
        generation = await run_in_threadpool(held.now)
        themes = await run_in_threadpool(topics.of, generation)
        answer: Mapping[str, Any] | None = None
        trouble: problems.Told | None = None
        if not asked.empty:
            try:
                found = await asking.ask(_wanted(asked))
                answer = json.loads(found.body or b"{}")
            except PaperpathError as error:
                trouble = problems.told(error)
        return await run_in_threadpool(_page, generation, held.marks(), asked, themes, answer, trouble)

    return routes


def _wanted(asked: Asked) -> Wanted:
    """The form as a question to the search."""
    filters: dict[str, list[str]] = {}
    if asked.since or asked.until:
        filters["year"] = [f"{asked.since}..{asked.until}" if asked.since != asked.until else asked.since]
    if asked.state:
        filters["is_"] = [asked.state]
    if asked.theme:
        filters["topic"] = [asked.theme]
    return Wanted(asked.q, filters, _RESULTS, "paper", asked.cursor, True, "")


def _page(
    generation: Generation, marks: Marks, asked: Asked, themes: tuple[topics.Theme, ...],
    answer: Mapping[str, Any] | None, trouble: problems.Told | None,
) -> Response:  # fmt: skip
    summaries = generation.catalogue.summaries
    years = sorted({summary.year for summary in summaries if summary.year})
    pages = {summary.id: summary.pages for summary in summaries}
    return frame.page(
        "search.html", status=trouble.status if trouble else 200, here="/", asked=asked, trouble=trouble,
        answer=answer, states=_STATES,
        first=years[0] if years else None, last=years[-1] if years else None, themes=[theme.name for theme in themes],
        pages=pages, documents=len(summaries), held=_held(summaries),
        browse=_browse(generation, marks, themes) if asked.empty else (),
    )  # fmt: skip


def _held(summaries: Sequence[Summary]) -> str:
    """How much of the papers is here, where it isn't all of it."""
    counts = Counter(summary.text for summary in summaries)
    if counts["full"] == len(summaries):
        return ""
    words = {
        "full": ("in full", "in full"),
        "record": ("as an abstract", "as abstracts"),
        "digest": (
            "as a digest, a page about it written for this project",
            "as digests, pages about them written for this project",
        ),
        "title": ("by its title alone", "by their titles alone"),
    }
    told = [(counts[kind], word[counts[kind] > 1]) for kind, word in words.items() if counts[kind]]
    if len(told) == 1:
        return f", {'all of them ' if len(summaries) > 1 else ''}{told[0][1]}"
    return ": " + "; ".join(f"{count:,} {word}" for count, word in told)


def _browse(generation: Generation, marks: Marks, themes: tuple[topics.Theme, ...]) -> list[dict[str, Any]]:
    """What is here, for who hasn't asked yet: each theme with its first papers, those not read before the others."""
    summaries = generation.catalogue.summaries
    read = marking.read(generation, marks)
    found = []
    for theme in themes:
        first = sorted(theme.positions, key=read.__contains__)[:_FIRST]
        papers = [{"id": s.id, "title": s.title, "year": s.year, "read": s.position in read}
                  for s in map(summaries.__getitem__, first)]  # fmt: skip
        found.append({"name": theme.name, "count": len(theme.positions), "read": len(read.intersection(theme.positions)),
                      "papers": papers})  # fmt: skip
    return found
