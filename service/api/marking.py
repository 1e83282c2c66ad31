"""What a reader did: `/v1/papers/{id}/marks`, `/v1/status`. Before the routes of papers, which take every path below."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from service import examples, marking
from service.opened import Opened
from service.problems import answers

PaperId = Annotated[str, Path(description="the paper's id", examples=["2311.08105"])]


class MarksRequest(BaseModel):
    """What is to be said of a paper; what isn't named stays as it is. A note of "" takes the note away."""

    model_config = ConfigDict(extra="forbid")

    read: bool | None = None
    note: Annotated[str, Field(max_length=20_000)] | None = None


def made(held: Opened) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get(
        "/v1/papers/{paper_id:path}/marks", operation_id="marks", tags=["marks"],
        responses=answers(404, 503) | examples.of(examples.MARKED),
    )  # fmt: skip
    def get_marks(response: Response, paper_id: PaperId) -> marking.Marked:
        """Whether a paper is read, and your note on it."""
        generation = held.now()
        response.headers["X-Index-Generation"] = generation.name
        return marking.marked(generation, held.marks(), paper_id)

    @routes.put(
        "/v1/papers/{paper_id:path}/marks", operation_id="set_marks", tags=["marks"],
        responses=answers(401, 403, 404, 409, 413, 422, 503) | examples.of(examples.MARKED),
    )  # fmt: skip
    def put_marks(response: Response, paper_id: PaperId, request: MarksRequest) -> marking.Marked:
        """Marks a paper as read or not, or writes a note on it. From a page of this server on this machine, or with the
        token."""
        generation, folder = held.now(), held.library.marks
        response.headers["X-Index-Generation"] = generation.name
        if request.read is not None:
            marking.set_read(folder, generation, [paper_id], request.read)
        if request.note is not None:
            marking.set_note(folder, generation, paper_id, request.note)
        return marking.marked(generation, held.marks(), paper_id)

    @routes.get(
        "/v1/status", operation_id="status", tags=["marks"], responses=answers(503) | examples.of(examples.STATUS)
    )
    def get_status(response: Response) -> marking.Status:
        """How far the library is read: in all, by section of the list, by theme."""
        generation = held.now()
        response.headers["X-Index-Generation"] = generation.name
        return marking.status(generation, held.marks())

    return routes
