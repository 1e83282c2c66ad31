"""What this is, and whether it is ready: `/v1`, `/healthz`, `/readyz`."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter
from pydantic import BaseModel, Field

from service.opened import Opened
from service.problems import answers


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


def made(held: Opened) -> APIRouter:
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

    @routes.get("/readyz", operation_id="ready", tags=["about"], responses=answers(503))
    def readyz() -> Ready:
        """A library and its model are loaded: which, and how much they hold."""
        generation = held.now()
        embedder = held.embedder
        manifest = generation.manifest
        return Ready(
            status="ready", generation=generation.name, model=embedder.model.name, documents=manifest.documents,
            passages=manifest.passages, trouble=held.trouble.message if held.trouble else "",
        )  # fmt: skip

    return routes
