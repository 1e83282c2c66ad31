"""A paper for a bibliography: `/v1/papers/{id}/cite`. Before the routes of papers, which take every path below."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from service import citing, examples
from service.opened import Opened
from service.problems import answers


def made(held: Opened) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get(
        "/v1/papers/{paper_id:path}/cite", operation_id="cite", tags=["answers"],
        responses=answers(404, 503) | examples.of(examples.CITATION),
    )  # fmt: skip
    def get_cite(
        response: Response, paper_id: Annotated[str, Path(description="the paper's id", examples=["2311.08105"])]
    ) -> citing.Citation:
        """A paper for a bibliography, in BibTeX and in CSL-JSON, of what is known of it."""
        generation = held.now()
        response.headers["X-Index-Generation"] = generation.name
        (found,) = citing.cite(generation, [paper_id])
        return found

    return routes
