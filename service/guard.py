"""Who may change something: every request that isn't a read needs the token, and is told so before its body is read."""

from __future__ import annotations

import hmac
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from indexer.errors import BadSetting
from indexer.settings import Settings
from service.problems import problem

_READS = ("GET", "HEAD", "OPTIONS")
_LARGEST_BODY = 64 << 10


def token_of(settings: Settings) -> str:
    """The configured token, "" where there is none. Raises `BadSetting` where its file can't be read."""
    if settings.token is not None:
        return settings.token.get_secret_value().strip()
    if settings.token_file is None:
        return ""
    try:
        return Path(settings.token_file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"The token file {settings.token_file} can't be read: {error}.",
                         cure="Set PAPERPATH_TOKEN_FILE to a file that holds the token.") from None  # fmt: skip


class Guard:
    """ASGI middleware that lets reads pass, and changes only with the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _READS:
            refused = self._refusal(scope)
            if refused is not None:
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope):
        headers = dict(scope["headers"])
        path = scope["path"]
        if not self._token:
            return problem(path, 403, "Changes over HTTP are switched off: no token is configured.",
                           cure="Start the server with PAPERPATH_TOKEN or PAPERPATH_TOKEN_FILE set.")  # fmt: skip
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self._token):
            return problem(path, 401, "The token is missing or wrong.", headers={"WWW-Authenticate": "Bearer"},
                           cure="Send it as `Authorization: Bearer TOKEN`.")  # fmt: skip
        length = headers.get(b"content-length", b"0")
        if b"transfer-encoding" in headers or not length.isdigit() or int(length) > _LARGEST_BODY:
            return problem(path, 413, f"A body must name its length, {_LARGEST_BODY} bytes at most.")
        return None
