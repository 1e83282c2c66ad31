"""The connection itself: what uvicorn answers by its own, below the application, in the shape of all other problems."""

from __future__ import annotations

import json
import logging
import time

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.serving import problems
from service.serving.guard.headers import SECURITY
from service.serving.logs import FIELDS, request_id
from service.serving.watching import new_id

_LINGER_SECONDS = 1.0
log = logging.getLogger("paperpath.requests")
_SECURITY = [(name.lower().encode(), value.encode()) for name, value in SECURITY.items()]


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn reads it. What it can't read is answered with a problem, too, and has its line in the log."""

    _refused = _received = False

    def data_received(self, data: bytes) -> None:
        self._received = True
        if not self._refused:  # else what still comes is read and thrown away
            super().data_received(data)

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self.refuse(400, "This is no request that HTTP/1.1 knows.")

    def refuse(self, status: int, detail: str, *, code: str = "", cure: str = "") -> None:
        """Answers with a problem and closes the connection. For what no application will see."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        began, token = time.perf_counter(), request_id.set(new_id())
        try:
            told = problems.body_of("", status, detail, code=code, cure=cure)
            body = json.dumps(told).encode()
            headers = [*self.server_state.default_headers, *_SECURITY, (b"content-type", b"application/problem+json"),
                       (b"content-length", str(len(body)).encode()), (b"x-request-id", request_id.get().encode()),
                       (b"cache-control", b"no-store"), (b"connection", b"close")]  # fmt: skip
            lines = [STATUS_LINE[status], *(b"%s: %s\r\n" % header for header in headers), b"\r\n", body]
            self.transport.write(b"".join(lines))
            answering = self.cycle is not None and not self.cycle.response_complete
            if self._received and not answering and self.transport.can_write_eof():
                # Closed at once, with more of the request under way, the client would be told of a reset instead of this.
                self.transport.write_eof()
                self.loop.call_later(_LINGER_SECONDS, self.transport.close)
            else:
                self.transport.close()
            metrics = self.config.app.state.metrics  # type: ignore[union-attr]
            metrics.began()
            metrics.ended("none", "other", status, time.perf_counter() - began, told["type"].rpartition(":")[2])
            log.info("", extra={FIELDS: {"method": "", "route": "none", "path": "", "status": status, "ms": 0.0,
                                         "bytes": len(body), "client": self.client[0] if self.client else "",
                                         "problem": told["type"].rpartition(":")[2]}})  # fmt: skip
        finally:
            request_id.reset(token)
