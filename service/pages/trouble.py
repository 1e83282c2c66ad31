"""Problems as pages: who comes with a browser is told what is wrong, and what to do, on a page, whatever refused it."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.pages import frame
from service.serving import problems

_PROBLEM = "application/problem+json"
_OF_THE_BODY = ("content-type", "content-length", "content-encoding")
_KIND = "urn:paperpath:problem:"

# What to do on a page, where it is something else than for a program.
_CURES = {
    "cursor-expired": "Ask again from the first page.",
    "cursor-invalid": "Ask again from the first page.",
    "unknown-document": "The library’s page lists all that is here.",
    "no-library": "Add a paper or a reading list on the library’s page, or run `paperpath reindex`.",
    "not-found": "", "method-not-allowed": "", "invalid": "",
}  # fmt: skip
_OF_FORMS = ("Without JavaScript a paper is marked only on the machine that serves, at http://127.0.0.1; with it, the page asks"
             " for the token.")  # fmt: skip


class AsPages:
    """ASGI middleware that turns a problem into a page, for a browser at an address that isn't the API's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _by_a_reader(scope):
            await self._app(scope, receive, send)
            return
        problem: Message | None = None
        body: list[bytes] = []

        async def tell(message: Message) -> None:
            nonlocal problem
            if message["type"] == "http.response.start" and _is_problem(message):
                problem = message
            elif problem is None:
                await send(message)
            elif message["type"] == "http.response.body":
                body.append(message.get("body", b""))
                if not message.get("more_body", False):
                    await _page(scope, problem, b"".join(body))(scope, receive, send)

        await self._app(scope, receive, tell)


def _by_a_reader(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["path"].startswith(("/v1/", "/static/")):
        return False
    return "text/html" in Headers(scope=scope).get("accept", "")


def _is_problem(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith(_PROBLEM)


def _page(scope: Scope, start: Message, body: bytes) -> Response:
    """The page of a problem, with what its headers say besides."""
    told: dict[str, Any] = json.loads(body)
    code = told["type"].removeprefix(_KIND)
    usual = told["cure"] == problems.KINDS[code].cure
    refused = scope["method"] == "POST" and start["status"] in (401, 403)
    page = frame.page(
        "trouble.html", status=start["status"], headers={"Cache-Control": "no-store"}, here="", title=told["title"], code=code,
        detail="" if code in ("not-found", "method-not-allowed", "no-library") else told["detail"],
        cure=_OF_FORMS if refused else _CURES.get(code, told["cure"]) if usual else told["cure"],
        request_id=told["request_id"] if start["status"] >= 500 else "",
    )  # fmt: skip
    for name, value in Headers(raw=start["headers"]).items():
        if name not in _OF_THE_BODY:
            page.headers.setdefault(name, value)
    return page
