"""How a request is refused: with a problem, and without its body being read."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from service.serving import problems

SMALL_BODY = 64 << 10
"""A body that is refused is taken off the line up to here; for a larger one the connection is closed."""


async def refuse(
    scope: Scope, receive: Receive, send: Send, status: int, detail: str, *, code: str = "", cure: str = "",
    headers: dict[str, str] | None = None,
) -> None:  # fmt: skip
    """Answers a request with a problem."""
    given, headers = dict(scope["headers"]), dict(headers or {})
    length = given.get(b"content-length", b"0")
    if b"transfer-encoding" in given or not length.isdigit() or len(length) > 9 or int(length) > SMALL_BODY:
        headers["Connection"] = "close"
    await problems.problem(scope["path"], status, detail, code=code, cure=cure, headers=headers)(scope, receive, send)
