"""A time for each answer, and nothing more for who has left."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import deadline


class Patience:
    """ASGI layer that gives each request a deadline of `seconds`, and watches whether who asked is still there."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = deadline.Deadline(self._seconds)
        headers = dict(scope["headers"])
        has_body = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        client = _Client(receive, limit, has_body)
        try:
            with deadline.within(limit):
                await self._app(scope, client.receive, send)
        except ClientDisconnect:
            pass  # who sent a body left in its midst: nobody is there to answer
        finally:
            client.forget()


class _Client:
    """What a client sends: its body when that is asked for; and behind it nothing, until it leaves."""

    def __init__(self, receive: Receive, limit: deadline.Deadline, has_body: bool) -> None:
        self._receive, self._limit = receive, limit
        self._empty = not has_body  # and the application wasn't told so yet
        self._left = asyncio.Event()
        self._watching = None if has_body else asyncio.create_task(self._watch())

    async def receive(self) -> Message:
        """The next message, as ASGI has it."""
        if self._empty:
            self._empty = False
            return {"type": "http.request", "body": b"", "more_body": False}
        if self._watching is not None:
            await self._left.wait()
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._limit.gone = True
        elif not message.get("more_body", False):
            self._watching = asyncio.create_task(self._watch())
        return message

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._limit.gone = True
        self._left.set()

    def forget(self) -> None:
        """Watches no more."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None  # what it ends with holds this: together they would stay until the collector comes
