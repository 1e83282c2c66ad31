"""What the library holds: `/v1/papers`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import TypeAdapter

from service import papers
from service.api import examples, paths, pieces
from service.api.found import NOT_MODIFIED, answered
from service.opened import Opened
from service.serving.guard import Access
from service.serving.problems import answers

_PAPERS, _PAPER = TypeAdapter(papers.Papers), TypeAdapter(papers.OnePaper)


def made(held: Opened, access: Access) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get(
        "/v1/papers", operation_id="papers", tags=["answers"], response_model=papers.Papers,
        responses=answers(410, 422, 503) | NOT_MODIFIED | examples.of(examples.PAPERS),
    )  # fmt: skip
    def get_papers(request: Request, limit: pieces.Limit = pieces.MOST, cursor: pieces.Cursor = "") -> Response:
        """Every paper of the library, in the order of the sources."""
        generation, told = held.now(), access.tells_paths(request.scope)

        def body() -> bytes:
            answer = pieces.of_papers(papers.papers(generation), limit, cursor)
            return _PAPERS.dump_json(answer if told else paths.of_papers(answer))

        return answered(request, generation, ("papers", limit, cursor, told), body)

    @routes.get(
        "/v1/papers/{paper_id:path}", operation_id="paper", tags=["answers"], response_model=papers.OnePaper,
        responses=answers(404, 503) | NOT_MODIFIED | examples.of(examples.PAPER),
    )  # fmt: skip
    def get_paper(
        request: Request, paper_id: Annotated[str, Path(description="the paper's id", examples=["2311.08105"])]
    ) -> Response:
        """One paper: abstract, outline with pages, references, and where the sources list it. Never the file."""
        generation, told = held.now(), access.tells_paths(request.scope)

        def body() -> bytes:
            answer = pieces.of_paper(papers.paper(generation, paper_id))
            return _PAPER.dump_json(answer if told else paths.of_paper(answer))

        return answered(request, generation, ("paper", paper_id, told), body)

    return routes
