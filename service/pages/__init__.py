"""The pages: HTML at `/`, `/papers/{id}`, `/order` and `/library`, over the same answers as the API.

Each page is rendered here, whole, and works without a script; scripts make it quicker and move between its states. A page
is one file beside this one, whose `made` gives its routes, with its template in `templates/` and its files in `static/`.
What goes wrong is a problem, as everywhere; `AsPages` shows it as a page.
"""

from __future__ import annotations

from fastapi import APIRouter

from service.opened import Opened
from service.pages import frame, library, order, paper, searching
from service.pages.trouble import AsPages
from service.serving.asking import Asking
from service.serving.guard import Access
from service.serving.jobs import Jobs

__all__ = ["AsPages", "made"]


def made(held: Opened, asking: Asking, jobs: Jobs, access: Access) -> APIRouter:
    """The routes of all pages."""
    routes = APIRouter(include_in_schema=False)
    routes.include_router(frame.static())
    routes.include_router(searching.made(held, asking))
    routes.include_router(paper.made(held, access))
    routes.include_router(library.made(held, jobs, access))
    routes.include_router(order.made(held))
    return routes
