"""Clients for the load and the soak: HTTP/1.1 over connections kept open, at a third of a millisecond a request.

A client library takes a millisecond of the processor for each, which the server on the same machine would lack.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httptools

SECONDS = 60.0
"""After which an answer that isn't whole counts as none."""


@dataclass(frozen=True)
class Request:
    """What is asked: a path with its parameters, a method, further lines of the head, and a body. `kind` names it in tables."""

    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    kind: str = ""

    def written(self, host: str) -> bytes:
        """What goes over the connection."""
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            f"Host: {host}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        if self.body or self.method not in ("GET", "HEAD"):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join((*lines, "", "")).encode() + self.body


@dataclass(frozen=True)
class Reply:
    """An answer, and how long it took. `status` is 0 where none came; `body` then says why. `started` is by `perf_counter`."""

    status: int
    headers: dict[str, str]
    body: bytes
    started: float
    seconds: float


def kind_of(reply: Reply) -> str:
    """What came, in a word for a table: a status; or that none did, and why. A search that finds nothing says so."""
    if not reply.status:
        return f"no answer: {reply.body.decode()}"
    return "nothing found" if reply.status == 200 and b'"results":[]' in reply.body else str(reply.status)


Take = Callable[[Request, Reply], None]


class _Connection(asyncio.Protocol):
    """A connection on which one thing is asked at a time."""

    def __init__(self) -> None:
        self.usable = True
        self.has_begun = False  # to answer
        self._transport: asyncio.Transport | None = None
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, _: Exception | None) -> None:
        self._fail("the connection ended before the answer was whole")

    def data_received(self, data: bytes) -> None:
        self.has_begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"that is no HTTP: {error}")

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.usable = self.usable and self._parser.should_keep_alive()
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    async def ask(self, written: bytes) -> tuple[int, dict[str, str], bytes]:
        """The answer's status, headers and body. Raises OSError or TimeoutError."""
        assert self._transport is not None
        self.has_begun = False
        self.headers: dict[str, str] = {}
        self.body: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(written)
        async with asyncio.timeout(SECONDS):
            await self._done
        return self._parser.get_status_code(), self.headers, b"".join(self.body)

    def close(self) -> None:
        """Ends the connection."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, why: str) -> None:
        self.usable = False
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionError(why))


class Client:
    """Asks one server, over as many connections as there are requests at a time."""

    def __init__(self, port: int) -> None:
        self._host, self._port = "127.0.0.1", port
        self._idle: list[_Connection] = []

    async def ask(self, request: Request, due: float | None = None) -> Reply:
        """The answer; one with status 0 where the server gives none. With `due` its time counts from there."""
        started = time.perf_counter() if due is None else due
        written = request.written(f"{self._host}:{self._port}")
        connection = None
        try:
            connection = self._held()
            if connection is not None:
                try:
                    status, headers, body = await connection.ask(written)
                except ConnectionError:
                    if connection.has_begun:
                        raise
                    connection = None  # it was ended as idle when this was sent: every client asks again then
            if connection is None:
                connection = await self._made()
                status, headers, body = await connection.ask(written)
        except (OSError, TimeoutError) as error:
            status, headers, body = 0, {}, repr(error).encode()
        reply = Reply(status, headers, body, started, time.perf_counter() - started)
        if connection is not None:
            if status and connection.usable:
                self._idle.append(connection)
            else:
                connection.close()
        return reply

    def _held(self) -> _Connection | None:
        while self._idle:
            if (held := self._idle.pop()).usable:
                return held
        return None

    async def _made(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, made = await asyncio.wait_for(loop.create_connection(_Connection, self._host, self._port), SECONDS)
        return made

    def close(self) -> None:
        """Ends the connections that are open."""
        while self._idle:
            self._idle.pop().close()


async def closed(
    client: Client, requests: Iterator[Request], clients: int, goes_on: Callable[[], bool], take: Take
) -> None:
    """`clients` ask one thing after another, each as soon as it has its answer, while it `goes_on`.

    Who is refused comes back when it was told to.
    """

    async def one() -> None:
        while goes_on():
            request = next(requests)
            reply = await client.ask(request)
            take(request, reply)
            if reply.status == 429:
                await asyncio.sleep(float(reply.headers.get("retry-after", "1")))

    await asyncio.gather(*(one() for _ in range(clients)))


async def opened(
    client: Client, requests: Iterator[Request], rate: float, goes_on: Callable[[], bool], take: Take
) -> None:
    """Asks `rate` times a second, whatever becomes of what was asked before, while it `goes_on`; then waits for all answers.

    Times count from when a request was due, so that none is lost where the client itself is late.
    """
    asked: set[asyncio.Task[None]] = set()

    async def one(request: Request, due: float) -> None:
        take(request, await client.ask(request, due))

    due = time.perf_counter()
    while goes_on():
        if (left := due - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        elif left < -1:  # the client can't ask so often: what it missed isn't made up for in a burst
            due -= left
        task = asyncio.create_task(one(next(requests), due))
        asked.add(task)
        task.add_done_callback(asked.discard)
        due += 1 / rate
    await asyncio.gather(*asked)
