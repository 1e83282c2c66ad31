"""In which order to read: `/v1/reading-order`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter

from service import reading_order
from service.api import examples, pieces
from service.api.found import NOT_MODIFIED, answered
from service.opened import Opened
from service.reading_order.kept import kept_order
from service.serving.problems import answers

_ORDER = TypeAdapter(reading_order.Order)


def made(held: Opened) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get(
        "/v1/reading-order", operation_id="reading_order", tags=["answers"], response_model=reading_order.Order,
        responses=answers(404, 410, 422, 503) | NOT_MODIFIED | examples.of(examples.ORDER),
    )  # fmt: skip
    def get_order(
        request: Request,
        id_: Annotated[list[str], Query(alias="id", max_length=10_000, description="only these papers; without one, all")] = [],  # noqa: B006
        goal: Annotated[str, Query(max_length=300, description="only what leads to this paper", examples=["2403.10616"])] = "",
        topic: Annotated[str, Query(max_length=1000, description="only what leads to the papers on this")] = "",
        budget: Annotated[str, Query(max_length=40, description="what to read in the time", examples=["6h"])] = "",
        known: Annotated[list[str], Query(max_length=10_000, description="taken as read")] = [],  # noqa: B006
        again: Annotated[bool, Query(description="with what is marked as read too")] = False,
        without_digests: Annotated[bool, Query(description="without citations that rest on a digest's words")] = False,
        limit: pieces.Limit = pieces.MOST,
        cursor: pieces.Cursor = "",
    ) -> Response:  # fmt: skip
        """In which order to read, in stages, with the evidence for each step and what the list lacks."""
        generation, marks = held.now(), held.marks()
        state = ("reading-order", sorted(set(id_)), goal, topic, budget, sorted(set(known)),
                 None if again else marks.stamp, without_digests)  # fmt: skip

        def body() -> bytes:
            answer = kept_order(
                generation, id_ or None, goal=goal or None, topic=topic or None, budget=budget or None, known=known,
                marks=None if again else marks, without_digests=without_digests,
                embedder=held.embedder if topic else None,
            )  # fmt: skip
            return _ORDER.dump_json(pieces.of_order(answer, limit, cursor, state))

        return answered(request, generation, (*state, limit, cursor), body)

    return routes
