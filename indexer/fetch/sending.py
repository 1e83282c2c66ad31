"""Requests: one at a time over one connection, in their turn, along redirects, tried again, unpacked within limits."""

from __future__ import annotations

import random
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import TypeVar

import httpx

from indexer.errors import AddressRefused, FetchError, NotAsClaimed, Refused, TooLarge, Unreachable
from indexer.fetch.addresses import Backend, Guard, Resolve, TooMuch, TooSlow, transport
from indexer.fetch.politeness import Politeness
from indexer.library.cache import Cache
from indexer.settings import Settings

PIECE = 64 * 1024
"""How much is unpacked at a time, and how much is read of an answer that is not wanted."""

_T = TypeVar("_T")
_HOPS = 8  # redirects that are followed
_MOVED = {301, 302, 303, 307, 308}
_PASSING = {429, 502, 503, 504}  # answers that may be another in a while


class Passing(Exception):
    """A try failed in a way that may pass: `url` is the hop that failed, `wait` what its server asks for."""

    def __init__(self, url: httpx.URL, error: FetchError, wait: float | None = None) -> None:
        self.url, self.error, self.wait = url, error, wait


class Sender:
    """Makes the requests of one run. Not for several threads at once."""

    def __init__(
        self,
        settings: Settings,
        cache: Cache,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        resolve: Resolve = socket.getaddrinfo,
    ) -> None:
        self.requests = 0
        """Requests made, each redirect and each try counted."""
        self.most_bytes = int(settings.max_megabytes * 1_000_000)
        """That a body may have, unpacked."""
        self.guard = Guard(settings, resolve=resolve)
        self.backend = Backend(self.guard, most_bytes=self.most_bytes + 1_000_000, clock=clock)
        self.polite = Politeness(settings, cache, clock=clock, sleep=sleep, now=now, jitter=jitter)
        self._settings = settings
        self._transport: httpx.HTTPTransport | None = None

    def close(self) -> None:
        """Closes the connection."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def tried(self, attempt: Callable[[], _T]) -> _T:
        """What `attempt` returns, tried again after a wait while its failure is one that may pass."""
        for tries in range(self._settings.retries + 1):
            try:
                return attempt()
            except Passing as passing:
                last = passing
                self.polite.hold(passing.url, tries, passing.wait)
        self.polite.worn_out(last.url)
        times = f" ({self._settings.retries + 1} tries)" if self._settings.retries else ""
        raise type(last.error)(last.error.message.rstrip(".") + times + ".", cure=last.error.cure)

    @contextmanager
    def opened(self, method: str, url: str, headers: dict[str, str]) -> Iterator[tuple[httpx.URL, httpx.Response]]:
        """The answer at the end of the redirects, its body not read yet, and the URL that gave it.

        Each hop is checked, waits its turn and counts as a request; the turn ends when the answer is done with.
        """
        hop = first = self.guard.check(url)
        seen = {hop}
        while True:
            try:
                with self.polite.turn(hop), self._sent(method, hop, headers) as response:
                    location = response.headers.get("location") if response.status_code in _MOVED else None
                    if location is None:
                        try:
                            yield hop, response
                        except FetchError:
                            self.polite.answered(hop)
                            raise
                        self.polite.answered(hop)
                        return
            except AddressRefused as error:  # by the DNS
                if hop == first:
                    raise
                raise AddressRefused(f"{url} leads to where it may not: {error}") from None
            try:
                target = self.guard.check(hop.join(location))
            except (AddressRefused, httpx.InvalidURL, ValueError) as error:
                raise AddressRefused(f"{url} leads to where it may not: {error}") from None
            if target in seen:
                raise Refused(f"{url} leads in a circle, by {target}.")
            if len(seen) > _HOPS:
                raise Refused(f"{url} leads from one address to the next, more than {_HOPS} times.")
            seen.add(target)
            hop = target

    def unpacked(self, url: httpx.URL, response: httpx.Response, size: int = 0) -> Iterator[bytes]:
        """The body in pieces of bounded size, decoded. Raises `TooLarge` over the limit, counting from `size`.

        httpx would decode as well, but a piece of 64 kB at a time, which a bomb blows up to as many MB.
        """
        packed = coding(response)
        if packed not in ("", "gzip"):
            raise NotAsClaimed(f"{url} came packed as {packed}, which was not asked for.")
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 16) if packed else None
        for raw in response.iter_raw():
            while raw and not (unpack and unpack.eof):
                if unpack is None:
                    data, raw = raw, b""
                else:
                    try:
                        data = unpack.decompress(raw, PIECE)
                    except zlib.error as error:
                        raise Passing(url, Unreachable(f"{url} came damaged ({error}).")) from None
                    raw = unpack.unconsumed_tail
                size += len(data)
                if size > self.most_bytes:
                    raise self.too_large(url, size)
                if data:
                    yield data
        if unpack is not None and not unpack.eof:
            raise Passing(url, Unreachable(f"{url} broke off."))

    def too_large(self, url: httpx.URL, size: int) -> TooLarge:
        """The error for a body of `size` bytes or more."""
        return TooLarge(f"{url} is too large: {size / 1e6:.1f} MB or more, {self.most_bytes / 1e6:g} MB are allowed.")

    @contextmanager
    def _sent(self, method: str, url: httpx.URL, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """The answer to one request. Raises `Passing`, or a `FetchError` where no other try would do better."""
        settings = self._settings
        timeout = httpx.Timeout(settings.read_seconds, connect=settings.connect_seconds)
        request = httpx.Request(
            method,
            url,
            headers={"User-Agent": _user_agent(settings.contact), "Accept": "*/*", **headers},
            extensions={"timeout": timeout.as_dict()},
        )
        if self._transport is None:
            self._transport = transport(self.backend)
        self.requests += 1
        try:
            # The transport alone, not a client: no cookies, no redirects, no credentials, no decoding of its own.
            response = self._transport.handle_request(request)
            try:
                self._check_status(url, response)
                yield response
                if method == "HEAD" or response.status_code in (*_MOVED, 304):
                    for _ in response.iter_raw():  # to its end, so that the connection can be used again
                        if response.num_bytes_downloaded > PIECE:
                            break
            finally:
                response.close()
        except AddressRefused as error:
            raise AddressRefused(f"{url} is not fetched: {error.message}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if self.backend.connected:
                self.polite.reached()
            why = "time-out" if isinstance(error, httpx.ConnectTimeout) and not str(error) else str(error)
            raise self.polite.not_connected(url, why) from error
        except TooSlow as error:
            raise Unreachable(f"{url} is too slow: {error}.") from None
        except TooMuch:
            raise self.too_large(url, self.most_bytes) from None
        except httpx.TimeoutException:
            raise Passing(url, Unreachable(f"{url} sent nothing for {settings.read_seconds:g} s.")) from None
        except httpx.TransportError as error:
            raise Passing(url, Unreachable(f"{url} broke off ({error}).")) from error

    def _check_status(self, url: httpx.URL, response: httpx.Response) -> None:
        """Raises for the statuses that say something about the server as a whole."""
        status = response.status_code
        if status in _PASSING:
            wait = self.polite.retry_after(response.headers.get("retry-after"))
            self.polite.check_wait(url, wait)
            raise Passing(url, Refused(f"{url} was answered {named(status)}.", cure="Run again later."), wait)
        if status == 403 and self.polite.is_arxiv(url):
            raise self.polite.close_arxiv(url)


def header(response: httpx.Response, name: str) -> str:
    """A header's value; "" where it is absent, or is nothing that may be sent back or shown to a person."""
    return plain(str(response.headers.get(name, "")).strip())


def plain(value: str) -> str:
    """A value if a header may hold it, else ""."""
    return value if value.isascii() and value.isprintable() and len(value) < 1000 else ""


def coding(response: httpx.Response) -> str:
    """How a body is packed: "" if not at all, "gzip", or another name that isn't understood."""
    said = header(response, "content-encoding").lower()
    return {"identity": "", "x-gzip": "gzip"}.get(said, said)


def named(status: int) -> str:
    """A status for a message, e.g. "404 (Not Found)"."""
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


def _user_agent(contact: str) -> str:
    contact = "".join(char for char in contact if char.isascii() and char.isprintable()).strip()
    return f"paperpath/{version('paperpath')} (reading-list library; contact: {contact or 'not given'})"
