"""The pages: HTML at `/`, `/papers/{id}`, `/order` and `/library`, over the same answers as the API.

Each page is rendered here, whole, and works without a script; scripts make it quicker and move between its states. A page
is one file beside this one, whose `made` gives its routes, with its template in `templates/` and its files in `static/`.
"""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from service.asking import Asking
from service.jobs import Jobs
from service.opened import Opened
from service.pages import frame, library, order, paper, searching


def made(held: Opened, asking: Asking, jobs: Jobs) -> APIRouter:
    """The routes of all pages."""
    routes = APIRouter(include_in_schema=False)
    routes.include_router(frame.static())
    routes.include_router(searching.made(held, asking))
    routes.include_router(paper.made(held))
    routes.include_router(library.made(held, jobs))
    routes.include_router(order.made(held))
    return routes


def install(app: FastAPI) -> None:
    """Has who comes with a browser to an address where nothing is told so on a page."""
    as_problem = app.exception_handlers[HTTPException]

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/"):
            return frame.trouble(error.status_code, "There is nothing here.", str(error.detail))
        return as_problem(request, error)  # type: ignore[return-value]
