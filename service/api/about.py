"""What this is, whether it is ready, and how it fares: `/v1`, `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from service.opened import Opened
from service.serving.metrics import Metrics, plain_name
from service.serving.problems import answers, told
from service.serving.readiness import Readiness


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


class Home(BaseModel):
    """Where to look."""

    name: str = "paperpath"
    version: str = Field(examples=["0.1.0"])
    search: str = "/v1/search?q=…"
    papers: str = "/v1/papers"
    openapi: str = "/openapi.json"


def made(held: Opened, readiness: Readiness, metrics: Metrics) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get("/v1", operation_id="home", tags=["about"])
    def home() -> Home:
        """Where to look."""
        return Home(version=version("paperpath"))

    @routes.get("/healthz", operation_id="health", tags=["about"])
    async def healthz() -> Alive:
        """The process is alive; says nothing of the library."""
        return Alive(status="alive")

    @routes.get("/readyz", operation_id="ready", tags=["about"], responses=answers(422, 503))
    def readyz(
        reading: Annotated[
            bool, Query(description="look only at what answers need, though changes are switched on")
        ] = False,
    ) -> Ready:
        """Whether this server should be asked: a library and its model are loaded, it isn't overloaded or about to stop, and
        where changes are switched on, they could be written."""
        generation = readiness.require(writing=not reading)
        manifest = generation.manifest
        return Ready(
            status="ready", generation=generation.name, model=plain_name(manifest.model.name), documents=manifest.documents,
            passages=manifest.passages, trouble=told(held.trouble).detail if held.trouble else "",
        )  # fmt: skip

    @routes.get(
        "/metrics", operation_id="metrics", tags=["about"], response_class=Response,
        responses={200: {"description": "Prometheus' text format, or OpenMetrics where `Accept` asks for it.", "content": {
            "text/plain": {"schema": {"type": "string"}}}}},
    )  # fmt: skip
    def get_metrics(accept: Annotated[str, Header()] = "") -> Response:
        """How the server fares, for Prometheus: requests, latencies, the queue, the generation, reindexes, memory."""
        body, content_type = metrics.told(accept)
        return Response(body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    return routes
