"""Connections: how many there may be, and how long what comes and goes over one may take.

uvicorn waits for ever for the rest of a head or a body, and takes heads of any length. Here a head has to arrive within some
seconds and a body within some more by its length, a client that reads nothing of its answer is let go, and where there is no
room for another connection the one that has waited longest without a request makes way: so that who holds connections open to
keep others out holds none for long. Of requests sent one behind the other over one connection it would take in any number: here
the next is read when those before it are answered.
"""

from __future__ import annotations

import asyncio
import ipaddress
from asyncio.events import TimerHandle
from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

from indexer.settings import Settings
from service.serving.guard.access import Access, is_loopback
from service.serving.guard.hosts import LONGEST_HEADERS, LONGEST_TARGET
from service.serving.guard.limits import network_of
from service.serving.wire import Protocol

_LONGEST_HEAD = LONGEST_TARGET + LONGEST_HEADERS + 4096  # the request line's other words, colons and line ends
_SLOWEST = 32_000  # bytes of a body a second
_UNREAD_SECONDS = 30.0
_PIECE = 4096  # bytes of what came that are looked at together: two hundred of the shortest requests


@dataclass(frozen=True)
class Rules:
    """The limits of one server. `proxies` ask for many, and are counted only in all."""

    most: int
    each: int
    arrive_seconds: float
    unread_seconds: float = _UNREAD_SECONDS
    proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    def counts(self, address: str) -> bool:
        """Whether the connections of an address are counted apart."""
        if is_loopback(address):
            return False
        try:
            return not any(ipaddress.ip_address(address) in network for network in self.proxies)
        except ValueError:
            return True


@dataclass
class Open:
    """What connections of one server know of each other."""

    by_address: Counter[str] = field(default_factory=Counter)
    waiting: dict[Connection, None] = field(default_factory=dict)
    """Those that no request has come from yet, or since the last; the one that has waited longest first."""


class Connection(Protocol):
    """One connection, within its server's rules."""

    rules: ClassVar[Rules]
    open: ClassVar[Open]

    _counted = ""
    _arriving: TimerHandle | None = None
    _sending: TimerHandle | None = None
    _begun = False  # something of a request has come
    _has_head = False
    _head = 0  # bytes of it so far
    _unread = b""  # came behind requests that are not answered yet

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if self.rules.counts(address):
            network = network_of(address)
            if self.open.by_address[network] >= self.rules.each:
                self.refuse(429, f"More than {self.rules.each} connections are open from this address.",
                            cure="Close some, or use one for several requests.")  # fmt: skip
                return
            self.open.by_address[network] += 1
            self._counted = network
        if len(self.connections) > self.rules.most:
            oldest = next(iter(self.open.waiting), None)
            if oldest is None:
                self.refuse(503, f"All {self.rules.most} connections are at work.", cure="Ask again in a second.")
                return
            oldest.let_go()
        self.open.waiting[self] = None
        self._arrive_within(self.rules.arrive_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open.waiting.pop(self, None)
        self._unread = b""
        self.pipeline.clear()
        self._stop_timers()
        if self._counted:
            self.open.by_address[self._counted] -= 1
            if not self.open.by_address[self._counted]:
                del self.open.by_address[self._counted]
        super().connection_lost(exc)

    def let_go(self) -> None:
        """Closes a connection that waits, for another to take its place."""
        self.open.waiting.pop(self, None)
        self.connections.discard(self)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.pipeline or self._unread:
            self._unread += data
            self.flow.pause_reading()
        else:
            self._look_at(data)

    def _look_at(self, data: bytes) -> None:
        """Reads requests out of `data` until one has to wait for another's answer; the rest waits with it."""
        start = 0
        while start < len(data) and not self.pipeline and not self.transport.is_closing():
            self._take_in(data[start : start + _PIECE])
            start += _PIECE
        self._unread = data[start:]
        if self._unread:
            self.flow.pause_reading()

    def _go_on(self) -> None:
        """Looks at what waited, all before it being answered."""
        if not self.pipeline and not self.transport.is_closing():
            data, self._unread = self._unread, b""
            self.flow.resume_reading()
            self._look_at(data)

    def _take_in(self, data: bytes) -> None:
        if self.parser is None or self.transport.is_closing():
            return
        if not self._has_head:
            self._begun = True
            self._head += len(data)
            if self._arriving is None:  # it was kept alive
                self._arrive_within(self.rules.arrive_seconds)
        super().data_received(data)
        if not self._has_head and self._head > _LONGEST_HEAD and not self.transport.is_closing():
            if self._is_target_too_long():
                self._refuse_target()
            else:
                self.refuse(431, f"There are more than {LONGEST_HEADERS} bytes of headers.")

    def send_400_response(self, msg: str) -> None:
        if self._is_target_too_long():
            self._refuse_target()
        else:
            super().send_400_response(msg)

    def _is_target_too_long(self) -> bool:
        return len(getattr(self, "url", b"")) > LONGEST_TARGET

    def _refuse_target(self) -> None:
        self.refuse(414, f"The address is longer than {LONGEST_TARGET} bytes.")

    def on_headers_complete(self) -> None:
        self._has_head = True
        self._stop_arriving()
        self.open.waiting.pop(self, None)
        length = next((value for name, value in self.headers if name == b"content-length"), b"0")
        chunked = any(name == b"transfer-encoding" for name, _ in self.headers)
        if length != b"0" or chunked:
            size = min(int(length), 1 << 40) if length.isdigit() and len(length) < 18 else 0
            self._arrive_within(self.rules.arrive_seconds + size / _SLOWEST)
        if not self.parser.should_upgrade():
            super().on_headers_complete()
        elif length != b"0" or chunked:
            # The parser takes what comes now for another protocol's: neither it nor what stands behind it would be read.
            self.refuse(400, "A request that asks for another protocol (`Upgrade`) brings a body.",
                        cure="Send it as HTTP/1.1 alone, without the header `Upgrade`.")  # fmt: skip
        else:
            super().on_headers_complete()
            self.cycle.keep_alive = False  # as above: what is behind it is to be sent again

    def on_message_complete(self) -> None:
        self._has_head = self._begun = False
        self._head = 0
        self._stop_arriving()
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete:  # it was answered before it had come
            self._arrive_within(self.rules.arrive_seconds)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline or self._unread:
            self.flow.pause_reading()
        if self._unread and not self.pipeline:
            self.loop.call_soon(self._go_on)
        if self.transport.get_write_buffer_size():
            self._see_that_it_is_read()
        if not self.pipeline and not self._unread and not self.transport.is_closing():
            self.open.waiting[self] = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._see_that_it_is_read()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        if self.transport.get_write_buffer_size():
            self._see_that_it_is_read()

    def _arrive_within(self, seconds: float) -> None:
        self._stop_arriving()
        self._arriving = self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        """The rest of a head or a body didn't come."""
        self._arriving = None
        if self.transport.is_closing():
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        if self.flow.read_paused or (answering and not self._has_head):  # ours to wait for: it is not read from
            self._arrive_within(self.rules.arrive_seconds)
        elif not self._begun:
            self.transport.close()
        elif not self._has_head:
            self.refuse(408, f"The request's head did not arrive within {self.rules.arrive_seconds:g} s.")
        elif answering and not self.cycle.response_started:
            self.refuse(408, "The request's body did not arrive in time.")
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        else:
            self.transport.abort()

    def _see_that_it_is_read(self) -> None:
        """Ends the connection where nothing of what waits to be sent is taken for a while."""
        if self._sending is not None:
            return
        before = self.transport.get_write_buffer_size()

        def look() -> None:
            self._sending = None
            now = self.transport.get_write_buffer_size()
            if now and now >= before:
                self.transport.abort()
            elif now:
                self._see_that_it_is_read()

        self._sending = self.loop.call_later(self.rules.unread_seconds, look)

    def _stop_arriving(self) -> None:
        if self._arriving is not None:
            self._arriving.cancel()
            self._arriving = None

    def _stop_timers(self) -> None:
        self._stop_arriving()
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None


def within(rules: Rules) -> type[Connection]:
    """The protocol of a server with these rules, for uvicorn's `http`."""
    return type("Limited", (Connection,), {"rules": rules, "open": Open()})


def rules_of(settings: Settings, access: Access) -> Rules:
    """The rules that the settings name, so many connections as this process may open files for at most."""
    proxies = tuple(ipaddress.ip_network(one, strict=False) for one in access.proxies)
    return Rules(
        min(settings.connections, _files()), settings.connections_each, settings.arrive_seconds, proxies=proxies
    )


_FILES_BESIDE = 256  # of the library, of processes, of the log


def _files() -> int:
    """How many connections the operating system lets this process hold, once it is asked for as many as it gives."""
    try:
        import resource
    except ImportError:  # not on Windows
        return 400
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and (hard == resource.RLIM_INFINITY or soft < hard):
        wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        except (ValueError, OSError):
            return max(16, soft - _FILES_BESIDE)
        soft = max(soft, wanted)
    return 1 << 20 if soft == resource.RLIM_INFINITY else max(16, soft - _FILES_BESIDE)
