"""The HTTP API: a thin face over the answers. It never fetches and never extracts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Annotated

from fastapi import FastAPI, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from indexer import arxiv
from indexer.errors import PaperpathError
from indexer.settings import Settings
from service import examples, guard, papers, problems, search
from service.jobs import Job, Jobs
from service.opened import Opened
from service.problems import Problem, answers

LONGEST_QUERY = 10_000


class BadSource(PaperpathError):
    """A source that isn't taken over HTTP."""

    cure = "Name an arXiv id or an http(s) URL; files are added on the command line."


class Alive(BaseModel):
    """The process is alive."""

    status: str = Field("alive", examples=["alive"])


class Ready(BaseModel):
    """What the server answers from. `trouble` says why a newer generation isn't served, if there is one."""

    status: str = Field(examples=["ready"])
    generation: str = Field(examples=["000012"])
    model: str = Field(examples=["all-MiniLM-L6-v2"])
    documents: int = Field(examples=[12])
    passages: int = Field(examples=[60])
    trouble: str = ""


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


class Home(BaseModel):
    """Where to look."""

    name: str = "paperpath"
    version: str = Field(examples=["0.1.0"])
    search: str = "/v1/search?q=…"
    papers: str = "/v1/papers"
    openapi: str = "/openapi.json"


def create_app(settings: Settings, opened: Opened | None = None) -> FastAPI:
    """The application over the library that the settings name. `opened` may be one that is open already."""
    held = opened or Opened(settings)
    jobs = Jobs(settings.library)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        jobs.stop()

    app = FastAPI(
        title="paperpath", version=version("paperpath"), docs_url=None, redoc_url=None, lifespan=lifespan,
        description="Search in the papers of a reading list: each answer names the passage and its page.",
        responses=answers(500),
    )  # fmt: skip
    problems.install(app)
    app.add_middleware(guard.Guard, token=guard.token_of(settings))

    @app.get("/", operation_id="home", tags=["about"])
    def home() -> Home:
        """Where to look."""
        return Home(version=version("paperpath"))

    @app.get("/healthz", operation_id="health", tags=["about"])
    async def healthz() -> Alive:
        """The process is alive; says nothing of the library."""
        return Alive(status="alive")

    @app.get("/readyz", operation_id="ready", tags=["about"], responses=answers(503))
    def readyz() -> Ready:
        """A library and its model are loaded: which, and how much they hold."""
        generation = held.now()
        embedder = held.embedder
        manifest = generation.manifest
        return Ready(
            status="ready", generation=generation.name, model=embedder.model.name, documents=manifest.documents,
            passages=manifest.passages, trouble=held.trouble.message if held.trouble else "",
        )  # fmt: skip

    @app.get(
        "/v1/search",
        operation_id="search",
        tags=["answers"],
        responses=answers(422, 503) | examples.of(examples.SEARCH),
    )
    def get_search(
        response: Response,
        q: Annotated[str, Query(min_length=1, max_length=LONGEST_QUERY, pattern=r"\S",
                                description="the question, in your words", examples=["how does diloco reduce communication"])],
        limit: Annotated[int, Query(ge=1, le=100, description="how many papers")] = 10,
        kind: Annotated[list[search.Kind], Query(max_length=20, description="look in passages of these kinds; without one,"
                                                 " in body, abstract, caption and appendix")] = [],  # noqa: B006
    ) -> search.Answer:  # fmt: skip
        """Where is this said? Papers, best first, each with its best passages and their pages."""
        generation = held.now()
        response.headers["X-Index-Generation"] = generation.name
        return search.search(generation, held.embedder, q, limit, kind)

    @app.get(
        "/v1/papers", operation_id="papers", tags=["answers"], responses=answers(503) | examples.of(examples.PAPERS)
    )
    def get_papers(response: Response) -> papers.Papers:
        """Every paper of the library, in the order of the sources."""
        generation = held.now()
        response.headers["X-Index-Generation"] = generation.name
        return papers.papers(generation)

    @app.get(
        "/v1/papers/{paper_id:path}",
        operation_id="paper",
        tags=["answers"],
        responses=answers(404, 503) | examples.of(examples.PAPER),
    )
    def get_paper(
        response: Response, paper_id: Annotated[str, Path(description="the paper's id", examples=["2311.08105"])]
    ) -> papers.OnePaper:
        """One paper: abstract, outline with pages, references, and where the sources list it. Never the file."""
        generation = held.now()
        response.headers["X-Index-Generation"] = generation.name
        return papers.paper(generation, paper_id)

    @app.post("/v1/reindex", operation_id="start_reindex", tags=["building"], status_code=202,
              responses=answers(401, 403, 409, 413, 422) | examples.of(examples.JOB, 202))  # fmt: skip
    def post_reindex(request: ReindexRequest, response: Response) -> Job:
        """Starts a reindex as a child process, and answers with its job. Needs the token."""
        job = jobs.start(_arguments(request))
        response.headers["Location"] = f"/v1/reindex/{job.id}"
        return job

    @app.get(
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

    _declare(app)
    return app


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


def _declare(app: FastAPI) -> None:
    """Completes the OpenAPI document: the problem's schema, in place of FastAPI's own error shape, and the token."""
    made = app.openapi

    def openapi() -> dict:
        if app.openapi_schema is None:
            schema = made()
            components = schema.setdefault("components", {})
            shapes = components.setdefault("schemas", {})
            own = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            shapes |= own.pop("$defs", {}) | {"Problem": own}
            for name in ("HTTPValidationError", "ValidationError"):
                shapes.pop(name, None)
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            schema["paths"]["/v1/reindex"]["post"]["security"] = [{"token": []}]
            for path in schema["paths"].values():
                for operation in path.values():
                    if "422" in operation["responses"]:
                        operation["responses"]["422"] = answers(422)[422]
        return app.openapi_schema or made()

    app.openapi = openapi  # type: ignore[method-assign]
