"""Reading and changing, each by its token: who may not is told so before the body is read.

A browser asks its user for the token by HTTP Basic (any name; the token is the password), and sends it of itself from then on:
so that never allows a change. Changes come with `Authorization: Bearer`. Marks alone need no token where a page of this server
sets them, in a browser on this machine: they are the reader's own, and nothing is fetched or lost by them.
"""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from service.serving.guard.access import Access, Right
from service.serving.guard.refusing import SMALL_BODY, refuse

READS = ("GET", "HEAD", "OPTIONS")
OPEN = ("/healthz",)
"""What is told to everyone."""
_MARKS = re.compile(r"(?:/v1)?/papers/.+/marks")
_UPLOADS = "/v1/uploads"
_ASK_IN_BROWSER = {"WWW-Authenticate": 'Basic realm="paperpath", charset="UTF-8"'}


class Rights:
    """ASGI layer that asks for tokens, and for a body's length: a file has up to `largest_file` bytes."""

    def __init__(self, app: ASGIApp, access: Access, largest_file: int) -> None:
        self._app = app
        self._access = access
        self._largest_file = largest_file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refused = self._refusal(scope)
            if refused is not None:
                status, detail, cure, headers = refused
                await refuse(scope, receive, send, status, detail, cure=cure, headers=headers)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str, str, dict[str, str]] | None:
        """Status, detail, cure and headers where a request is refused."""
        if scope["method"] in READS:
            return self._not_to_read(scope) or self._too_large(scope)
        return self._not_to_change(scope) or self._too_large(scope)

    def _not_to_read(self, scope: Scope) -> tuple[int, str, str, dict[str, str]] | None:
        if scope["path"] in OPEN or self._access.may_read(scope):
            return None
        if not self._access.tokens:
            return (403, "This server is for this machine alone.", "Ask it by 127.0.0.1 and through no proxy, or have whoever"
                    " runs it set PAPERPATH_READ_TOKEN.", {})  # fmt: skip
        return (401, "Reading needs the token, which is missing or wrong.", "Send it as `Authorization: Bearer TOKEN`; a"
                " browser asks for it as a password, whatever the name.", _ASK_IN_BROWSER)  # fmt: skip

    def _not_to_change(self, scope: Scope) -> tuple[int, str, str, dict[str, str]] | None:
        right, ambient = self._access.right_of(scope["headers"])
        if right == Right.CHANGE and not ambient:
            return None
        if _MARKS.fullmatch(scope["path"]) and self._access.from_own_page(scope) and self._access.may_read(scope):
            return None
        if not any(one == Right.CHANGE for _, one in self._access.tokens):
            return (403, "Changes over HTTP are switched off: no token is configured.",
                    "Start the server with PAPERPATH_TOKEN or PAPERPATH_TOKEN_FILE set.", {})  # fmt: skip
        if right == Right.READ:
            return 403, "This token allows reading alone.", "Send the one that allows changes.", {}
        return (401, "The token is missing or wrong.", "Send it as `Authorization: Bearer TOKEN`.",
                {"WWW-Authenticate": "Bearer"})  # fmt: skip

    def _too_large(self, scope: Scope) -> tuple[int, str, str, dict[str, str]] | None:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        most = self._largest_file if scope["path"] == _UPLOADS else SMALL_BODY
        if b"transfer-encoding" in headers or not length.isdigit() or len(length) > 18 or int(length) > most:
            return 413, f"A body must name its length, {most} bytes at most.", "", {}
        return None
