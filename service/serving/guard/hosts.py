"""The names that this server goes by, and the pages that may ask it.

A page from elsewhere can have its own name lead to this machine (DNS rebinding) and then reads what it likes, as its own; only
the `Host` of such a request says so.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from service.serving.guard.access import Access, host_of
from service.serving.guard.refusing import refuse

LONGEST_TARGET = 65_535
"""Bytes of a path with its query: some thousands of ids, and the most that httptools takes."""
LONGEST_HEADERS, MOST_HEADERS = 32 << 10, 100


class Hosts:
    """ASGI layer that refuses requests under a foreign name, from a foreign page, and with too long a head."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = scope["headers"]
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_TARGET:
            await refuse(scope, receive, send, 414, f"The address is longer than {LONGEST_TARGET} bytes.")
        elif len(headers) > MOST_HEADERS or sum(len(name) + len(value) for name, value in headers) > LONGEST_HEADERS:
            detail = f"There are more than {MOST_HEADERS} headers, or more than {LONGEST_HEADERS} bytes of them."
            await refuse(scope, receive, send, 431, detail)
        elif (host := host_of(scope)) is None:
            await refuse(scope, receive, send, 400, "A request must have one `Host`, a name or an address.")
        elif not self._access.knows(host):
            await refuse(scope, receive, send, 421, f"This server does not go by the name {host[:100]}.")
        elif self._access.refuses_page(scope):
            await refuse(scope, receive, send, 403, "A page of another server asks.", code="wrong-origin")
        else:
            await self._app(scope, receive, send)
