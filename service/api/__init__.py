"""The HTTP API: a thin face over the answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from indexer.cores import cores
from indexer.settings import Settings
from service import guard, pages, problems
from service.api import about, building, citing, graph, marking, order, papers, related, searching, topics
from service.asking import THREADS, Asking
from service.beside import Beside
from service.jobs import Jobs
from service.opened import Opened
from service.problems import Problem, answers


def create_app(settings: Settings, opened: Opened | None = None) -> FastAPI:
    """The application over the library that the settings name. `opened` may be one that is open already."""
    held = opened or Opened(settings)
    jobs = Jobs(settings.library)
    most = cores() - 1 if settings.search_processes is None else settings.search_processes
    beside = Beside(held, searching.found, most, THREADS)
    asking = Asking(beside, threads=max(THREADS, most))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        asking.stop()
        beside.stop()
        jobs.stop()

    app = FastAPI(
        title="paperpath", version=version("paperpath"), docs_url=None, redoc_url=None, lifespan=lifespan,
        description="Search in the papers of a reading list: each answer names the passage and its page.",
        responses=answers(500),
    )  # fmt: skip
    problems.install(app)
    pages.install(app)
    largest = int(settings.max_megabytes * 1_000_000)
    app.add_middleware(guard.Guard, token=guard.token_of(settings), largest_file=largest)

    for routes in (
        about.made(held),
        searching.made(held, asking),
        citing.made(held),
        marking.made(held),
        related.made(held),
        papers.made(held),
        order.made(held),
        graph.made(held),
        topics.made(held),
        building.made(jobs, settings.library),
        pages.made(held, asking, jobs),
    ):
        app.include_router(routes)
    _declare(app)
    return app


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
            for path in ("/v1/reindex", "/v1/uploads"):
                schema["paths"][path]["post"]["security"] = [{"token": []}]
            for path in schema["paths"].values():
                for operation in path.values():
                    if "422" in operation["responses"]:
                        operation["responses"]["422"] = answers(422)[422]
        return app.openapi_schema or made()

    app.openapi = openapi  # type: ignore[method-assign]
