"""Who cites whom: `/v1/graph`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter

from service.api import examples, pieces
from service.api.found import NOT_MODIFIED, answered
from service.citations import graph
from service.opened import Opened
from service.serving.problems import answers

_GRAPH = TypeAdapter(graph.GraphAnswer)


def made(held: Opened) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get(
        "/v1/graph", operation_id="graph", tags=["answers"], response_model=graph.GraphAnswer,
        responses=answers(404, 410, 422, 503) | NOT_MODIFIED | examples.of(examples.GRAPH),
    )  # fmt: skip
    def get_graph(
        request: Request,
        id: Annotated[list[str], Query(max_length=10_000, description="only these papers; without one, all")] = [],  # noqa: B006
        mentions: Annotated[int, Query(ge=0, le=1000, description="how many mentions of each citation are told; `count` has"
                                       " all. With 0 the graph of a large library is a third as large or less")] = 1000,
        limit: pieces.Limit = pieces.MOST,
        cursor: pieces.Cursor = "",
    ) -> Response:  # fmt: skip
        """Who cites whom, from the citing to the cited, with the sentences, pages and sections, and what for."""
        generation = held.now()
        asked = ("graph", tuple(id), mentions)

        def body() -> bytes:
            answer = pieces.of_graph(graph.graph(generation, id, mentions), limit, cursor, asked)
            return _GRAPH.dump_json(answer, by_alias=True)

        return answered(request, generation, (*asked, limit, cursor), body)

    return routes
