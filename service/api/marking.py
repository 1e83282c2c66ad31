"""What a reader did: `/v1/papers/{id}/marks`, `/v1/status`. Before the routes of papers, which take every path below."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, TypeAdapter

from service import marking
from service.api import examples
from service.api.found import NOT_MODIFIED, answered
from service.opened import Opened
from service.serving.problems import answers

_MARKED, _STATUS = TypeAdapter(marking.Marked), TypeAdapter(marking.Status)
PaperId = Annotated[str, Path(description="the paper's id", examples=["2311.08105"])]


class MarksRequest(BaseModel):
    """What is to be said of a paper; what isn't named stays as it is. A note of "" takes the note away."""

    model_config = ConfigDict(extra="forbid")

    read: StrictBool | None = None
    note: Annotated[str, Field(max_length=20_000)] | None = None


def made(held: Opened) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get(
        "/v1/papers/{paper_id:path}/marks", operation_id="marks", tags=["marks"], response_model=marking.Marked,
        responses=answers(404, 503) | NOT_MODIFIED | examples.of(examples.MARKED),
    )  # fmt: skip
    def get_marks(request: Request, paper_id: PaperId) -> Response:
        """Whether a paper is read, and your note on it."""
        generation, marks = held.now(), held.marks()
        return answered(
            request, generation, ("marks", paper_id, marks.stamp),
            lambda: _MARKED.dump_json(marking.marked(generation, marks, paper_id)),
        )  # fmt: skip

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
        "/v1/status", operation_id="status", tags=["marks"], response_model=marking.Status,
        responses=answers(503) | NOT_MODIFIED | examples.of(examples.STATUS),
    )  # fmt: skip
    def get_status(request: Request) -> Response:
        """How far the library is read: in all, by section of the list, by theme."""
        generation, marks = held.now(), held.marks()
        return answered(
            request, generation, ("status", marks.stamp),
            lambda: _STATUS.dump_json(marking.status(generation, marks)),
        )  # fmt: skip

    return routes
