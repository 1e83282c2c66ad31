"""The headers that keep an answer to this server and to itself, on every answer."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing but this server's own files runs, styles or is asked; `none` for what isn't named.
SECURITY = {
    "Content-Security-Policy": "; ".join((
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "font-src 'self'",
        "connect-src 'self'", "manifest-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
    )),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers older than `frame-ancestors`
    "Referrer-Policy": "same-origin",  # a form's `Origin` has to be told to ourselves: access.py asks for it
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}  # fmt: skip
RAW = [(name.lower().encode(), value.encode()) for name, value in {**SECURITY, "Cache-Control": "no-cache"}.items()]


class Headers:
    """ASGI layer that adds `SECURITY` to every answer; and that it is to be asked for again, where it says nothing of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = list(message.get("headers", ()))
                named = {name.lower() for name, _ in said}
                message = {**message, "headers": said + [pair for pair in RAW if pair[0] not in named]}
            await send(message)

        await self._app(scope, receive, sent if scope["type"] == "http" else send)
