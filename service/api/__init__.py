"""The HTTP API: a thin face over the answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from indexer.cores import cores
from indexer.settings import Settings
from service import pages
from service.api import about, building, citing, following, graph, marking, order, papers, related, searching, topics
from service.opened import Opened
from service.serving import guard, problems
from service.serving.asking import THREADS, Asking
from service.serving.beside import Beside
from service.serving.guard.headers import Headers
from service.serving.jobs import Jobs
from service.serving.metrics import Metrics, Parts
from service.serving.problems import Problem, answers
from service.serving.readiness import Readiness
from service.serving.watching import Watching


def create_app(settings: Settings, opened: Opened | None = None, host: str = "127.0.0.1") -> FastAPI:
    """The application over the library that the settings name. `opened` may be one that is open already; `host` is the
    address that it is to listen on. Raises `BadSetting`, as `guard.Access` does."""
    access = guard.Access.of(settings, host)
    held = opened or Opened(settings)
    metrics = Metrics()
    most = cores() - 1 if settings.search_processes is None else settings.search_processes
    beside = Beside(held, searching.found, most, THREADS, listener=metrics.stage, elsewhere=metrics.elsewhere)
    jobs = Jobs(settings.library, lambda job: metrics.reindexed(job.exit_code), beside.catch_up)
    asking = Asking(beside, threads=max(THREADS, most), waited=partial(metrics.stage, "waiting"))
    metrics.watch(Parts(held, asking, beside, jobs))
    readiness = Readiness(held, bool(guard.token_of(settings)), metrics.refused_seconds)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        held.stop()  # the others may wait for it
        asking.stop()
        beside.stop()
        jobs.stop()

    app = FastAPI(
        title="paperpath", version=version("paperpath"), docs_url=None, redoc_url=None, lifespan=lifespan,
        description="Search in the papers of a reading list: each answer names the passage and its page. Where lists and"
        " files lie is told on the server's machine, and to who sends the token for changes; all others get their names, and no"
        " link that opens a file.",
        responses=answers(400, 401, 403, 408, 414, 421, 429, 431, 500, 503),  # of what stands around every route
    )  # fmt: skip
    problems.install(app)
    # What stands around the application, the outermost first: every answer has its headers, that to a fault of ours too, which
    # is told where it is counted; a refusal of the guard is a page for who comes with a browser.
    unforeseen = pages.AsPages(problems.unforeseen)
    around: list[guard.Layer] = [
        (Headers, {}),
        (Watching, {"metrics": metrics, "unforeseen": unforeseen, "questions": settings.log_questions}),
        (_Packed, {"access": access}),
        (pages.AsPages, {}),
        *guard.layers(settings, access, lambda: asking.full),
    ]
    for layer, options in reversed(around):
        app.add_middleware(layer, **options)

    for routes in (
        about.made(held, readiness, metrics),
        searching.made(held, asking, access),
        citing.made(held),
        marking.made(held),
        related.made(held, access),
        papers.made(held, access),
        order.made(held),
        graph.made(held),
        topics.made(held),
        building.made(jobs, settings.library, access),
        pages.made(held, asking, jobs, access),
    ):
        app.include_router(routes)
    _declare(app)
    app.state.metrics, app.state.access = metrics, access

    def stopping() -> None:
        """What a signal to stop does at once: it is seen from outside, and nobody waits for a job any more."""
        readiness.stopping = True
        jobs.hurry()

    app.state.stopping = stopping
    return app


class _Packed:
    """ASGI layer that compresses answers for who is not on this machine: there it costs more time than it saves."""

    def __init__(self, app: ASGIApp, access: guard.Access) -> None:
        self._app, self._access = app, access
        self._packed = GZipMiddleware(app, minimum_size=1400, compresslevel=4)  # from where it saves a packet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        near = scope["type"] != "http" or self._access.is_local(scope)
        await (self._app if near else self._packed)(scope, receive, send)


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
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"},
                                             "password": {"type": "http", "scheme": "basic"}}  # fmt: skip
            schema["security"] = [{}, {"token": []}, {"password": []}]  # none where reading is free
            for path in ("/v1/reindex", "/v1/uploads"):
                schema["paths"][path]["post"]["security"] = [{"token": []}]
            for path in schema["paths"].values():
                for operation in path.values():
                    if "422" in operation["responses"]:
                        operation["responses"]["422"] = answers(422)[422]
            following.declare(schema)
        return app.openapi_schema or made()

    app.openapi = openapi  # type: ignore[method-assign]
