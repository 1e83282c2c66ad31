"""The page of the library, `/library`: every document with its state, and what adds to it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Response

from indexer.errors import NoLibrary
from indexer.library import Generation, Summary
from indexer.library.marks import Marks, state
from indexer.library.uploads import SUFFIXES
from service import topics
from service.guard import token_of
from service.jobs import Jobs
from service.opened import Opened
from service.pages import frame, showing

STATES = {"full": "Full text", "record": "Abstract", "digest": "Digest", "title": "No text"}
"""What the text of a document is, as the page has it."""


@dataclass(frozen=True)
class Row:
    """A document of the list."""

    summary: Summary
    theme: str
    read: bool
    source: str


def made(held: Opened, jobs: Jobs) -> APIRouter:
    """The route."""
    routes = APIRouter(route_class=frame.PageRoute)

    @routes.get("/library")
    def library(
        state: Annotated[str, Query(max_length=20)] = "", theme: Annotated[str, Query(max_length=500)] = ""
    ) -> Response:
        try:
            generation: Generation | None = held.now()
        except NoLibrary:
            generation = None
        rows = _rows(generation, held.marks()) if generation else []
        running = jobs.running()
        shown = [row for row in rows if state in ("", row.summary.text) and theme in ("", row.theme)]
        return frame.page(
            "library.html", here="/library", rows=shown, documents=len(rows), show=showing, states=STATES,
            counts=Counter(row.summary.text for row in rows), chosen=state if state in STATES else "", theme=theme,
            read=sum(row.read for row in rows), job=running.id if running else "", takes=SUFFIXES,
            can_change=bool(token_of(held.settings)), trouble=held.trouble,
            sources=generation.manifest.sources if generation else (),
        )  # fmt: skip

    return routes


def _rows(generation: Generation, marks: Marks) -> list[Row]:
    theme_of = {position: theme.name for theme in topics.of(generation) for position in theme.positions}
    return [
        Row(summary, theme_of.get(summary.position, ""), state(summary, marks), _source(summary))
        for summary in generation.catalogue.summaries
    ]


def _source(summary: Summary) -> str:
    """Where it was brought from, shortly."""
    if summary.origin.path:
        return showing.last(summary.origin.path)
    return showing.host(summary.origin.final_url or summary.link)
