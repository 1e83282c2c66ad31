"""What the library is about: `/v1/topics`."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from service import topics
from service.api import examples, pieces
from service.api.found import NOT_MODIFIED, answered
from service.opened import Opened
from service.serving.problems import answers

_TOPICS = TypeAdapter(topics.Topics)


def made(held: Opened) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get(
        "/v1/topics", operation_id="topics", tags=["answers"], response_model=topics.Topics,
        responses=answers(503) | NOT_MODIFIED | examples.of(examples.TOPICS),
    )  # fmt: skip
    def get_topics(request: Request) -> Response:
        """The library in a handful of topics, the largest first, named by its own words. Each paper is in one."""
        generation = held.now()
        return answered(
            request, generation, ("topics",), lambda: _TOPICS.dump_json(pieces.of_topics(topics.topics(generation)))
        )

    return routes
