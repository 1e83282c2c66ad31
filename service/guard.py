"""Who may change something: every request that isn't a read needs the token, and is told so before its body is read.

Marks alone need none where a page of this server sets them, in a browser on this machine: they are the reader's own, and
nothing is fetched or lost by them.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from indexer.errors import BadSetting
from indexer.settings import Settings
from service.problems import problem

_READS = ("GET", "HEAD", "OPTIONS")
_LARGEST_BODY = 64 << 10
_MARKS = re.compile(r"(?:/v1)?/papers/.+/marks")
_UPLOADS = "/v1/uploads"


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
    """ASGI middleware that lets reads pass, and changes only with the token. A file has up to `largest_file` bytes."""

    def __init__(self, app: ASGIApp, token: str, largest_file: int = _LARGEST_BODY) -> None:
        self._app = app
        self._largest_file = largest_file
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
        if _from_own_page(scope, headers):
            return self._too_large(path, headers)
        if not self._token:
            return problem(path, 403, "Changes over HTTP are switched off: no token is configured.",
                           cure="Start the server with PAPERPATH_TOKEN or PAPERPATH_TOKEN_FILE set.")  # fmt: skip
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self._token):
            return problem(path, 401, "The token is missing or wrong.", headers={"WWW-Authenticate": "Bearer"},
                           cure="Send it as `Authorization: Bearer TOKEN`.")  # fmt: skip
        return self._too_large(path, headers)

    def _too_large(self, path: str, headers: dict[bytes, bytes]):
        length = headers.get(b"content-length", b"0")
        most = self._largest_file if path == _UPLOADS else _LARGEST_BODY
        if b"transfer-encoding" in headers or not length.isdigit() or int(length) > most:
            return problem(path, 413, f"A body must name its length, {most} bytes at most.")
        return None


def _from_own_page(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    """Whether a request sets marks and comes from a page of this server, asked for by a loopback name, on this machine.

    A browser says in `Origin` which page a change comes from, and no script can say otherwise. The `Host` has to be a
    loopback name, so that neither a name that was pointed here nor a proxy before the server opens this door.
    """
    if not _MARKS.fullmatch(scope["path"]):
        return False
    host = headers.get(b"host", b"").decode("latin-1")
    name = _host(f"//{host}")
    client = scope.get("client")
    return (
        bool(client) and _is_loopback(client[0])
        and (name == "localhost" or _is_loopback(name))
        and headers.get(b"origin", b"").decode("latin-1") == f"{scope.get('scheme', 'http')}://{host}"
        and headers.get(b"sec-fetch-site", b"same-origin") == b"same-origin"
    )  # fmt: skip


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
