"""Changing the library: `/v1/reindex`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from indexer import arxiv
from indexer.errors import PaperpathError
from service import examples
from service.jobs import Job, Jobs
from service.problems import answers


class BadSource(PaperpathError):
    """A source that isn't taken over HTTP."""

    cure = "Name an arXiv id or an http(s) URL; files are added on the command line."


class ReindexRequest(BaseModel):
    """What `paperpath reindex` takes. Sources are arXiv ids and http(s) URLs; none means the remembered ones."""

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


def made(jobs: Jobs) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.post("/v1/reindex", operation_id="start_reindex", tags=["building"], status_code=202,
              responses=answers(401, 403, 409, 413, 422) | examples.of(examples.JOB, 202))  # fmt: skip
    def post_reindex(request: ReindexRequest, response: Response) -> Job:
        """Starts a reindex as a child process, and answers with its job. Needs the token."""
        job = jobs.start(_arguments(request))
        response.headers["Location"] = f"/v1/reindex/{job.id}"
        return job

    @routes.get(
        "/v1/reindex/{job_id}",
        operation_id="reindex_job",
        tags=["building"],
        responses=answers(404, 422) | examples.of(examples.JOB),
    )
    async def get_reindex(
        job_id: str, wait: Annotated[float, Query(ge=0, le=60, description="seconds to wait for its end")] = 0
    ) -> Job:
        """A reindex job: how far it is, and its report when it has ended."""
        return await jobs.ended(job_id, wait)

    return routes


def _arguments(request: ReindexRequest) -> list[str]:
    """The command line's arguments of a request. Raises `BadSource` for anything but an arXiv id or a URL."""
    arguments = [f"--{flag}" for flag in ("offline", "refresh", "strict", "yes") if getattr(request, flag)]
    arguments += [f"--add={_source(name)}" for name in request.add]
    arguments += [f"--remove={_printable(name)}" for name in request.remove]
    arguments += [f"--keep-apart={_printable(name)}" for name in request.keep_apart]
    arguments += [f"--merge-again={_printable(name)}" for name in request.merge_again]
    return [*arguments, "--", *map(_source, request.sources)]


def _source(name: str) -> str:
    if identifier := arxiv.parse(_printable(name)):
        return f"arxiv:{identifier.versioned}"
    if name.lower().startswith(("http://", "https://")):
        return name
    raise BadSource(f"{name[:200]} is neither an arXiv id nor an http(s) URL.")


def _printable(name: str) -> str:
    if not name.isprintable():
        raise BadSource(f"{name[:200]!r} has a control character.")
    return name
