"""What the library is about: `/v1/topics`."""

from __future__ import annotations

from fastapi import APIRouter, Response

from service import examples, topics
from service.opened import Opened
from service.problems import answers


def made(held: Opened) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get(
        "/v1/topics", operation_id="topics", tags=["answers"], responses=answers(503) | examples.of(examples.TOPICS)
    )
    def get_topics(response: Response) -> topics.Topics:
        """The library in a handful of topics, the largest first, named by its own words. Each paper is in one."""
        generation = held.now()
        response.headers["X-Index-Generation"] = generation.name
        return topics.topics(generation)

    return routes
