"""What the library holds: `/v1/papers`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from service import papers
from service.api import examples, pieces
from service.opened import Opened
from service.serving.problems import answers


def made(held: Opened) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get(
        "/v1/papers", operation_id="papers", tags=["answers"],
        responses=answers(410, 422, 503) | examples.of(examples.PAPERS),
    )  # fmt: skip
    def get_papers(response: Response, limit: pieces.Limit = pieces.MOST, cursor: pieces.Cursor = "") -> papers.Papers:
        """Every paper of the library, in the order of the sources."""
        generation = held.now()
        response.headers["X-Index-Generation"] = generation.name
        return pieces.of_papers(papers.papers(generation), limit, cursor)

    @routes.get(
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
        return pieces.of_paper(papers.paper(generation, paper_id))

    return routes
