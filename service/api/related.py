"""What is related to a paper, and why: `/v1/papers/{id}/related`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import TypeAdapter

from service import related
from service.api import examples, paths
from service.api.found import NOT_MODIFIED, answered
from service.opened import Opened
from service.related.facets import Facet
from service.serving.guard import Access
from service.serving.problems import answers

_MOST = 10_000  # results of one answer
_RELATED = TypeAdapter(related.Related)
Ids = Annotated[list[str], Query(max_length=20, description="ids of further papers")]


def made(held: Opened, access: Access) -> APIRouter:
    """The route. It stands before that of one paper, whose id may hold slashes."""
    routes = APIRouter()

    @routes.get(
        "/v1/papers/{paper_id:path}/related", operation_id="related", tags=["answers"], response_model=related.Related,
        responses=answers(404, 422, 503) | NOT_MODIFIED | examples.of(examples.RELATED),
    )  # fmt: skip
    def get_related(
        request: Request,
        paper_id: Annotated[str, Path(description="the paper's id", examples=["2311.08105"])],
        like: Ids = [],  # noqa: B006
        unlike: Ids = [],  # noqa: B006
        facet: Annotated[Facet | None, Query(description="alike in the problem, the method or the findings; the first time"
                                             " in a library takes a while")] = None,
        limit: Annotated[int, Query(ge=0, le=_MOST, description=f"how many results; 0: all, but {_MOST} at most")] = 10,
    ) -> Response:  # fmt: skip
        """The papers most related to one, or to several, each with the reasons: sentences, pages, references, terms."""
        generation, told = held.now(), access.tells_paths(request.scope)

        def body() -> bytes:
            answer = related.related(
                generation, [paper_id, *like], embedder=held.embedder if facet else None, unlike=unlike, facet=facet,
                limit=limit or _MOST,
            )  # fmt: skip
            return _RELATED.dump_json(answer if told else paths.of_related(answer))

        return answered(request, generation, ("related", paper_id, like, unlike, facet, limit, told), body)

    return routes
