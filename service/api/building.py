"""Changing the library: `/v1/reindex`, `/v1/uploads`."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from indexer import arxiv
from indexer.errors import PaperpathError
from indexer.library import uploads
from service.api import examples, paths
from service.serving.guard import Access
from service.serving.jobs import Job, Jobs
from service.serving.problems import answers

_EVENT_ID = re.compile(r"[0-9]{1,9}")
_EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "counts the job's events from 1"},
        "event": {"type": "string", "enum": ["stage", "step", "failed", "message", "end"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
}


class BadSource(PaperpathError):
    """A source that isn't taken over HTTP."""

    cure = "Name an arXiv id or an http(s) URL, or what POST /v1/uploads answered; other files are added on the command line."


class ReindexRequest(BaseModel):
    """What `paperpath reindex` takes. Sources are arXiv ids, http(s) URLs and uploads; none means the remembered ones."""

    model_config = ConfigDict(extra="forbid")

    sources: list[Annotated[str, Field(max_length=2000)]] = Field([], max_length=1000, examples=[["2311.08105"]])
    add: list[Annotated[str, Field(max_length=2000)]] = Field([], max_length=1000)
    remove: list[Annotated[str, Field(max_length=2000)]] = Field([], max_length=1000)
    keep_apart: list[Annotated[str, Field(max_length=2000)]] = Field([], max_length=1000)
    merge_again: list[Annotated[str, Field(max_length=2000)]] = Field([], max_length=1000)
    offline: bool = False
    refresh: bool = False
    strict: bool = False
    yes: bool = False


_AS_BEFORE = ReindexRequest()


def made(jobs: Jobs, library: Path, access: Access) -> APIRouter:
    """The routes. `library` is its folder, where uploads are kept."""
    routes = APIRouter()

    @routes.post(
        "/v1/uploads", operation_id="upload", tags=["building"], status_code=201,
        responses=answers(401, 403, 413, 422, 503) | examples.of(examples.UPLOAD, 201),
        openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {
            "type": "string", "format": "binary"}}}}},
    )  # fmt: skip
    async def post_upload(
        request: Request,
        name: Annotated[str, Query(min_length=1, max_length=4000, description="the file's name", examples=["a.pdf"])],
    ) -> uploads.Upload:
        """Takes a PDF or a list as it is, so that a reindex can add it by the `source` of the answer. Needs the token."""
        return await uploads.keep(library, name, request.stream())

    @routes.post("/v1/reindex", operation_id="start_reindex", tags=["building"], status_code=202,
              responses=answers(401, 403, 409, 413, 422) | examples.of(examples.JOB, 202))  # fmt: skip
    def post_reindex(response: Response, request: ReindexRequest = _AS_BEFORE) -> Job:
        """Starts a reindex as a child process, and answers with its job. Without a body the remembered sources are brought up
        to date. Needs the token."""
        job = jobs.start(_arguments(request, library))
        response.headers["Location"] = f"/v1/reindex/{job.id}"
        return job

    @routes.get(
        "/v1/reindex/{job_id}",
        operation_id="reindex_job",
        tags=["building"],
        responses=answers(404, 422) | examples.of(examples.JOB),
    )
    async def get_reindex(
        request: Request, job_id: str,
        wait: Annotated[float, Query(ge=0, le=60, description="seconds to wait for its end")] = 0,
    ) -> Job:  # fmt: skip
        """A reindex job: how far it is, and its report when it has ended. Its `messages`, and the report's `warnings` and
        `skipped`, are for who is told where files lie."""
        job = await jobs.ended(job_id, wait)
        return job if access.tells_paths(request.scope) else paths.of_job(job)

    @routes.get(
        "/v1/reindex/{job_id}/events", operation_id="reindex_events", tags=["building"], response_class=StreamingResponse,
        responses=answers(404, 422) | {200: {"description": "Events, each of this shape.", "content": {"text/event-stream": {
            "schema": _EVENT}}}},
    )  # fmt: skip
    async def get_events(
        request: Request, job_id: str,
        last_event_id: Annotated[str, Header(description="the last event that is known")] = "",
    ) -> StreamingResponse:  # fmt: skip
        """A reindex job as it goes on, as server-sent events: `stage`, `step`, `failed`, `message`, and `end`, the last. A
        `message` is for who is told where files lie."""
        jobs.get(job_id)
        after = int(last_event_id) if _EVENT_ID.fullmatch(last_event_id) else 0
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        told = _told(jobs, job_id, after, access.tells_paths(request.scope))
        return StreamingResponse(told, headers=headers, media_type="text/event-stream")

    return routes


async def _told(jobs: Jobs, job_id: str, after: int, all_of_it: bool) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    async for event in jobs.events(job_id, after):
        if event is not None and not all_of_it:
            event = paths.of_event(event)
        if event is None:
            yield ": still here\n\n"
        else:
            yield f"id: {event.n}\nevent: {event.kind}\ndata: {json.dumps(event.said)}\n\n"


def _arguments(request: ReindexRequest, library: Path) -> list[str]:
    """The command line's arguments of a request. Raises `BadSource` for anything but an arXiv id, a URL or an upload."""
    arguments = [f"--{flag}" for flag in ("offline", "refresh", "strict", "yes") if getattr(request, flag)]
    arguments += [f"--add={_source(name, library)}" for name in request.add]
    arguments += [f"--remove={_upload(name, library) or _printable(name)}" for name in request.remove]
    arguments += [f"--keep-apart={_printable(name)}" for name in request.keep_apart]
    arguments += [f"--merge-again={_printable(name)}" for name in request.merge_again]
    return [*arguments, "--", *(_source(name, library) for name in request.sources)]


def _source(name: str, library: Path) -> str:
    if path := _upload(name, library):
        return path
    if identifier := arxiv.parse(_printable(name)):
        return f"arxiv:{identifier.versioned}"
    if name.lower().startswith(("http://", "https://")):
        return name
    raise BadSource(f"{name[:200]} is neither an arXiv id nor an http(s) URL.")


def _upload(name: str, library: Path) -> str:
    """Where an upload lies, "" for what names none. Raises `BadSource` for one that there is not."""
    if not name.startswith("upload:"):
        return ""
    if path := uploads.path_of(library, name):
        return str(path)
    raise BadSource(f"There is no {name[:200]}.", cure="Send the file to POST /v1/uploads first.")


def _printable(name: str) -> str:
    if not name.isprintable():
        raise BadSource(f"{name[:200]!r} has a control character.")
    return name
