"""The page of the library, `/library`: every document with its state, and what adds to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from indexer.errors import NoLibrary
from indexer.library import Generation, Summary
from indexer.library.marks import Marks
from indexer.library.uploads import SUFFIXES
from service import marking, topics
from service.api import paths
from service.opened import Opened
from service.pages import frame, lacking, outcome, showing
from service.serving import problems
from service.serving.guard import Access, token_of
from service.serving.jobs import Job, Jobs, UnknownJob

STATES = {"full": "Full text", "record": "Abstract", "digest": "Digest", "title": "No text"}
"""What the text of a document is, as the page has it."""
_WORD = 60  # characters of a reason in a row
_GOING = 8  # papers named that go with a source


@dataclass(frozen=True)
class Row:
    """A document of the list. `why` says in a few words why it is not here in full."""

    summary: Summary
    theme: str
    read: bool
    source: str
    why: str


@dataclass(frozen=True)
class Source:
    """A source: what `POST /v1/reindex` takes it out by, "" where who asks may not know; and the papers that go with it."""

    name: str
    remove: str
    listed: int
    going: tuple[str, ...]
    going_count: int


def made(held: Opened, jobs: Jobs, access: Access) -> APIRouter:
    """The route."""
    routes = APIRouter()

    @routes.get("/library")
    def library(
        request: Request,
        state: Annotated[str, Query(max_length=20)] = "", theme: Annotated[str, Query(max_length=500)] = "",
        page: Annotated[int, Query(ge=1, le=100_000)] = 1, ended: Annotated[str, Query(max_length=40)] = "",
    ) -> Response:  # fmt: skip
        try:
            generation: Generation | None = held.now()
        except NoLibrary:
            generation = None
        rows = _rows(generation, held.marks()) if generation else []
        running = jobs.running()
        chosen = state if state in STATES else ""
        fitting = [row for row in rows if chosen in ("", row.summary.text) and theme in ("", row.theme)]
        trouble = held.trouble if held.trouble and not isinstance(held.trouble, NoLibrary) else None
        ended_job = _job(jobs, ended)
        if ended_job and not access.tells_paths(request.scope):
            ended_job = paths.of_job(ended_job)
        return frame.page(
            "library.html", outcome=ended_job and outcome.of(ended_job, generation),
            reasons=list(lacking.shared(_reason(row.summary) for row in rows).values()),
            here="/library", part=showing.part(fitting, page, "/library", {"state": chosen, "theme": theme}),
            documents=len(rows), states=STATES, counts=Counter(row.summary.text for row in rows),
            chosen=chosen, theme=theme,
            read=sum(row.read for row in rows), job=running.id if running else "", takes=SUFFIXES,
            can_change=bool(token_of(held.settings)), trouble=trouble and problems.told(trouble),
            sources=_sources(generation, held.library.folder, access.is_local(request.scope)) if generation else (),
        )  # fmt: skip

    return routes


def _rows(generation: Generation, marks: Marks) -> list[Row]:
    theme_of = {position: theme.name for theme in topics.of(generation) for position in theme.positions}
    summaries = generation.catalogue.summaries
    read = marking.read(generation, marks)
    shared = lacking.shared(map(_reason, summaries))
    return [
        Row(one, theme_of.get(one.position, ""), one.position in read, _source(one), _why(one, shared))
        for one in summaries
    ]


def _reason(summary: Summary) -> str:
    return summary.reason if summary.text != "full" else ""


def _why(summary: Summary, shared: Mapping[str, lacking.Shared]) -> str:
    """A reason for a row: the page of the paper has all of it."""
    if not (told := _reason(summary)):
        return ""
    found = lacking.reason(told)
    word = found.word.partition(":")[0] if found.kind in shared else found.word
    return showing.short(word.removesuffix("."), _WORD)


def _job(jobs: Jobs, name: str) -> Job | None:
    try:
        return jobs.get(name) if name else None
    except UnknownJob:
        return None


def _sources(generation: Generation, folder: Path, local: bool) -> list[Source]:
    """The sources, each with the papers that no other one lists."""
    listed: Counter[str] = Counter()
    going: dict[str, list[str]] = {}
    for summary in generation.catalogue.summaries:
        places = dict.fromkeys(mention.source for mention in summary.entry.mentions)
        listed.update(list(places))
        if len(places) == 1:
            going.setdefault(next(iter(places)), []).append(showing.short(showing.title(summary.title), 90))
    found = []
    for source in generation.manifest.sources:
        goes = going.get(source, [])
        found.append(
            Source(
                paths.named(source), _removed_by(source, folder, local), listed[source], tuple(goes[:_GOING]), len(goes)
            )
        )
    return found


def _removed_by(source: str, folder: Path, local: bool) -> str:
    """What takes a source out. Where a file lies is told on this machine alone."""
    path = Path(source)
    if not path.is_absolute():
        return source
    if path.parent.parent == (folder / "uploads").resolve() and path.is_file():
        return f"upload:{path.parent.name}/{path.name}"
    return source if local else ""


def _source(summary: Summary) -> str:
    """Where it was brought from, shortly."""
    if summary.origin.path:
        return showing.last(summary.origin.path)
    return showing.host(summary.origin.final_url or summary.link)
