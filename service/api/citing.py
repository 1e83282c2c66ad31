"""A paper for a bibliography: `/v1/papers/{id}/cite`. Before the routes of papers, which take every path below."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import TypeAdapter

from service import citing
from service.api import examples
from service.api.found import NOT_MODIFIED, answered
from service.opened import Opened
from service.serving.problems import answers

_CITATION = TypeAdapter(citing.Citation)


def made(held: Opened) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get(
        "/v1/papers/{paper_id:path}/cite", operation_id="cite", tags=["answers"], response_model=citing.Citation,
        responses=answers(404, 503) | NOT_MODIFIED | examples.of(examples.CITATION),
    )  # fmt: skip
    def get_cite(
        request: Request, paper_id: Annotated[str, Path(description="the paper's id", examples=["2311.08105"])]
    ) -> Response:
        """A paper for a bibliography, in BibTeX and in CSL-JSON, of what is known of it."""
        generation = held.now()
        return answered(
            request, generation, ("cite", paper_id),
            lambda: _CITATION.dump_json(citing.cite(generation, [paper_id])[0]),
        )  # fmt: skip

    return routes
