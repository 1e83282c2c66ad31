"""What stands around every request: its id, its line in the log, its counts, and an answer where nobody foresaw the fault."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.serving.logs import FIELDS, noted, request_id
from service.serving.metrics import Metrics

_PLAIN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_GONE = 499  # who asked went away before the answer began
_LONGEST_PATH = 300
log = logging.getLogger("paperpath")
_lines = logging.getLogger("paperpath.requests")


class Watching:
    """ASGI middleware, around all others. `questions` says whether the log has what was asked; `unforeseen` answers where there
    was a fault of ours.

    HEAD is answered as GET, less the body: all that stands further in sees a GET.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, unforeseen: ASGIApp, questions: bool = False) -> None:
        self._app, self._metrics, self._questions, self._unforeseen = app, metrics, questions, unforeseen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said: dict[str, Any] = {}
        before, before_noted = request_id.set(_id_of(scope)), noted.set(said)
        answer = _Answer(send, scope["method"] == "HEAD")
        if answer.head:
            scope = {**scope, "method": "GET"}
        self._metrics.began()
        began = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            if not (answer.cut and isinstance(error, OSError | ClientDisconnect)):
                log.error("%s failed", scope["path"], exc_info=error)
                if not answer.status:  # else the connection is cut: what came so far isn't whole
                    await self._unforeseen(scope, receive, answer.send)
            error.__traceback__ = None  # it is told: its frames have a generation, and what has it
        finally:
            self._tell(scope, answer, time.perf_counter() - began, said)
            request_id.reset(before)
            noted.reset(before_noted)

    def _tell(self, scope: Scope, answer: _Answer, seconds: float, noted: dict[str, Any]) -> None:
        route = getattr(scope.get("route"), "path", "none")
        status = answer.status or _GONE
        method = "HEAD" if answer.head else scope["method"]
        self._metrics.ended(route, method, status, seconds, noted.get("problem", ""), timed=not answer.streams,
                            searches=noted.get("line", "search") == "search")  # fmt: skip
        if not _lines.isEnabledFor(logging.INFO):
            return
        said = {"method": method, "route": route, "path": scope["path"][:_LONGEST_PATH], "status": status,
                "ms": round(seconds * 1000, 1), "bytes": answer.bytes,
                "client": scope["client"][0] if scope.get("client") else ""} | noted  # fmt: skip
        if self._questions and scope.get("query_string"):
            said["query"] = scope["query_string"].decode("latin-1")
        _lines.log(logging.WARNING if status >= 500 else logging.INFO, "", extra={FIELDS: said})


class _Answer:
    """What is sent: its status, 0 before it began, and how many bytes. `cut` says that no more of it is taken."""

    def __init__(self, send: Send, head: bool) -> None:
        self._send = send
        self.head = head
        self.status = 0
        self.bytes = 0
        self.streams = self.cut = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name, value) for name, value in message.get("headers", ()) if name != b"x-request-id"]
            headers.append((b"x-request-id", request_id.get().encode()))
            self.status = message["status"]
            self.streams = any(
                value.startswith(b"text/event-stream") for name, value in headers if name == b"content-type"
            )
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            if self.head:
                await self._send({**message, "body": b"", "more_body": False})
                if message.get("more_body"):  # as where who asked is gone: nobody needs the rest
                    self.cut = True
                    raise OSError("nothing more is sent to a HEAD")
                return
            self.bytes += len(message.get("body", b""))
        await self._send(message)


def _id_of(scope: Scope) -> str:
    """The id that a request brings, if it is short and plain; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _PLAIN.fullmatch(value):
            return value.decode()
    return new_id()


def new_id() -> str:
    """An id for a request that has none."""
    return secrets.token_hex(8)
