"""The HTTP API: a thin face over the answers. It never fetches and never extracts."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from indexer import arxiv
from indexer.errors import PaperpathError
from indexer.library import Generation
from indexer.settings import Settings
from service import examples, guard, papers, problems, query, search
from service import quote as quotes
from service.asking import Asking
from service.jobs import Job, Jobs
from service.opened import Opened
from service.problems import Problem, answers

LONGEST_QUERY = query.LONGEST
_VERSION = version("paperpath")
_SEARCH = TypeAdapter(search.Answer)
_QUOTE = TypeAdapter(quotes.QuoteAnswer)
_NOT_MODIFIED: dict[int | str, dict] = {304: {"description": "What `If-None-Match` names is still the answer."}}
Some = Annotated[list[str], Query(max_length=20, description="any of these; in the words of the query language")]


class NothingAsked(PaperpathError):
    """A query that holds nothing to look for."""

    cure = "Give words in `q`, or a filter."


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
    asking = Asking(lambda wanted: _found(held, wanted))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        asking.stop()
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
        "/v1/search", operation_id="search", tags=["answers"], response_model=search.Answer,
        responses=answers(410, 422, 429, 503) | _NOT_MODIFIED | examples.of(examples.SEARCH),
    )  # fmt: skip
    async def get_search(
        request: Request,
        q: Annotated[str, Query(max_length=LONGEST_QUERY, examples=["how does diloco reduce communication"],
                                description="the question, in your words; may hold operators, as README has them")] = "",
        limit: Annotated[int, Query(ge=1, le=100, description="how many results")] = 10,
        cursor: Annotated[str, Query(max_length=500, description="`next` of the page before")] = "",
        by: Annotated[search.By, Query(description="what a result is: a paper, or one passage")] = "paper",
        explain: Annotated[bool, Query(description="say what each score is made of")] = False,
        kind: Annotated[list[search.Kind], Query(max_length=20, description="look in passages of these kinds; without one,"
                                                 " in body, abstract, caption and appendix")] = [],  # noqa: B006
        author: Some = [],  # noqa: B006
        year: Annotated[list[str], Query(max_length=20, description="2020, 2020..2023, 2020.. or ..2023")] = [],  # noqa: B006
        section: Some = [],  # noqa: B006
        in_: Annotated[list[str], Query(alias="in", max_length=100, description="only in these papers")] = [],  # noqa: B006
        list_: Annotated[list[str], Query(alias="list", max_length=20, description="under these headings of the list")] = [],  # noqa: B006
        is_: Annotated[list[str], Query(alias="is", max_length=20, description="read, unread, full, digest, …")] = [],  # noqa: B006
        has: Annotated[list[str], Query(max_length=20, description="note, code or link")] = [],  # noqa: B006
        phrase: Annotated[list[str], Query(max_length=20, description="these words in a row")] = [],  # noqa: B006
        without: Annotated[list[str], Query(max_length=20, description="none of these words or phrases")] = [],  # noqa: B006
    ) -> Response:  # fmt: skip
        """Where is this said? Papers, best first, each with its best passages and their pages."""
        filters = {"author": author, "year": year, "section": section, "in_": in_, "list_": list_, "is_": is_,
                   "has": has, "kind": kind, "phrase": phrase, "without": without}  # fmt: skip
        wanted = _Wanted(q, filters, limit, by, cursor, explain, request.headers.get("if-none-match", ""))
        found = await asking.ask(wanted, request.is_disconnected)
        return Response(status_code=499) if found is None else found.response()  # 499: who asked is gone

    @app.get(
        "/v1/quote", operation_id="quote", tags=["answers"], response_model=quotes.QuoteAnswer,
        responses=answers(422, 503) | _NOT_MODIFIED | examples.of(examples.QUOTE),
    )  # fmt: skip
    def get_quote(
        request: Request,
        q: Annotated[str, Query(min_length=1, max_length=LONGEST_QUERY, pattern=r"\S", description="the words quoted",
                                examples=["attention is all you need"])],
        limit: Annotated[int, Query(ge=1, le=100, description="how many places")] = 5,
    ) -> Response:  # fmt: skip
        """Which paper says this, on which page, exactly or nearly; or that none does."""
        generation = held.now()
        tag = _tag(generation, (q, limit))
        known = _names(request.headers.get("if-none-match", ""), tag)
        body = None if known else _QUOTE.dump_json(quotes.quote(generation, q, limit))
        return _Found(generation.name, tag, body).response()

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


@dataclass(frozen=True)
class _Wanted:
    """What a request for a search says. `known` is its `If-None-Match`."""

    q: str
    filters: dict[str, list[str]]
    limit: int
    by: search.By
    cursor: str
    explain: bool
    known: str


@dataclass(frozen=True)
class _Found:
    """What a route answers, from one generation: JSON; or None where the client has it already."""

    generation: str
    tag: str
    body: bytes | None

    def response(self) -> Response:
        headers = {"ETag": self.tag, "Cache-Control": "no-cache", "X-Index-Generation": self.generation}
        if self.body is None:
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type="application/json", headers=headers)


def _found(held: Opened, wanted: Sequence[_Wanted]) -> Iterator[tuple[int, _Found | Exception]]:
    """The answers to some requests for a search, all from one generation, each with its place; the quick ones first."""
    generation, marks = held.now(), held.marks()
    asked: dict[int, search.Asked] = {}
    tags: dict[int, str] = {}
    restricts: dict[int, bool] = {}
    for place, one in enumerate(wanted):
        try:
            meant = query.with_parameters(query.parse(one.q), **one.filters)
            if not (meant.text or meant.restricts):
                raise NothingAsked("The query has neither a word nor a filter.")
        except Exception as error:
            yield place, error
            continue
        state = (marks.stamp, query.unparse(meant), one.limit, one.cursor, one.by, one.explain,
                 held.settings.reranker)  # fmt: skip
        tags[place], restricts[place] = _tag(generation, state), meant.restricts
        if _names(one.known, tags[place]):
            yield place, _Found(generation.name, tags[place], None)
        else:
            asked[place] = search.Asked(meant, one.limit, one.by, one.cursor, one.explain)
    if not asked:
        return
    places = sorted(asked, key=lambda place: restricts[place])  # a phrase has texts read
    found = search.together(
        generation, held.embedder, [asked[place] for place in places], marks=marks, reranker=held.reranker
    )
    for place, answer in zip(places, found, strict=True):
        is_error = isinstance(answer, Exception)
        yield place, answer if is_error else _Found(generation.name, tags[place], _SEARCH.dump_json(answer))


def _tag(generation: Generation, state: tuple) -> str:
    """A strong ETag of an answer: `state` is all that it depends on."""
    state = (generation.stamp, _VERSION, *state)
    return f'"{generation.name}-{hashlib.sha256(repr(state).encode("utf-8", "replace")).hexdigest()[:24]}"'


def _names(known: str, tag: str) -> bool:
    """Whether an `If-None-Match` names a tag."""
    names = [name.strip().removeprefix("W/") for name in known.split(",")]
    return tag in names or "*" in names


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
