"""Brings the bytes that an address names, politely: each at most once, resumed where it broke off, and checked.

    with Fetcher(settings, cache) as fetcher:
        brought = fetcher.fetch("arxiv:2311.08105", newest=3)

Who may be connected to is `addresses`' business, when is `politeness`', what is held is the cache's. `wanted` says
what an address stands for, `sending` makes the requests, `download` brings one body, with its `partial` file, and
`answers` says what came.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from indexer.errors import FetchError, Offline
from indexer.fetch.addresses import Resolve
from indexer.fetch.answers import no, was_withdrawn
from indexer.fetch.download import Downloader, Progress, iso_time
from indexer.fetch.partial import finish
from indexer.fetch.sending import Sender
from indexer.fetch.wanted import Wanted, held_for, is_current, stands_for
from indexer.library.cache import Cache, Download
from indexer.settings import Settings


@dataclass(frozen=True)
class Brought:
    """A body that is held now. `version` is the arXiv version got, `time` when it was fetched (ISO 8601, UTC).

    `content_type` is `application/pdf` for whatever begins as a PDF, else what the server said, with its charset.
    `transferred` is False where the body was held and is still good, or could not be refreshed, which `note` then says.
    """

    path: Path
    sha256: str
    content_type: str
    final_url: str
    asked_url: str
    version: int | None
    bytes: int
    time: str
    etag: str
    transferred: bool
    note: str = ""


class Fetcher:
    """Fetches over one run. Calls from several threads take turns.

    `clock`, `sleep`, `now` (seconds since 1970), `jitter` (0 to 1) and `resolve` are there for tests.
    """

    def __init__(
        self,
        settings: Settings,
        cache: Cache,
        *,
        offline: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        resolve: Resolve = socket.getaddrinfo,
        on_progress: Progress | None = None,
    ) -> None:
        self.offline = offline
        self.now = now
        self.transferred_bodies = 0
        """Bodies that came whole and were kept in this run."""
        self._settings = settings
        self._cache = cache
        self._sender = Sender(settings, cache, clock=clock, sleep=sleep, now=now, jitter=jitter, resolve=resolve)
        self._downloader = Downloader(self._sender, cache, now, on_progress)
        self._lock = threading.Lock()

    @property
    def requests(self) -> int:
        """Requests made in this run, each redirect and each try counted."""
        return self._sender.requests

    def close(self) -> None:
        """Closes the connection."""
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fetch(
        self, address: str, *, version: int | None = None, newest: int | None = None, withdrawn: bool = False
    ) -> Brought:
        """Holds what `address` (`arxiv:…`, `doi:…`, `http(s)://…`) names, by a request only where one is needed.

        For arXiv, `version` is the one asked for (None: the newest), `newest` and `withdrawn` are what its metadata
        says. A version that is held is asked for no more; without any of this a held body is asked for on condition.
        A held body that can't be refreshed is returned as it is, with a note. Every outcome is put in the ledger,
        under the address, or `arxiv:IDvN` where a version is asked for.

        Raises a `FetchError` where nothing is held and nothing could be brought, `LibraryUnwritable` where the cache
        can't be written.
        """
        with self._lock:
            wanted = stands_for(
                address, self._settings, self._sender.guard, version=version, newest=newest, withdrawn=withdrawn
            )
            finish(self._cache.part(wanted.part), self._cache)
            held = held_for(wanted, self._cache)
            if held and is_current(held, wanted):
                return self._still_good(held, wanted)
            if held and (self.offline or withdrawn):
                return self._brought(held, transferred=False, note=was_withdrawn(wanted).message if withdrawn else "")
            if self.offline:
                raise Offline(f"{address} is not held, and the network is not to be used.")
            try:
                if withdrawn and wanted.version in (None, newest):
                    raise was_withdrawn(wanted)
                fresh = self._sender.tried(lambda: self._downloader.attempt(wanted, held))
            except FetchError as error:
                line = held or Download(wanted.key, wanted.url, time=iso_time(self.now()))
                self._cache.record(replace(line, outcome="failed", reason=error.message))
                if held is None:
                    raise
                return self._brought(held, transferred=False, note=error.message)
            if fresh is not None:
                return self._brought(fresh, transferred=True)
            assert held is not None
            return self._still_good(held, wanted)

    def get(self, url: str, *, also: Collection[int] = ()) -> tuple[int, bytes]:
        """The status and the body of a small answer, such as an API's: 200, or one of the statuses in `also`.

        Raises a `FetchError`, `Offline` among them.
        """

        def attempt() -> tuple[int, bytes]:
            with self._sender.opened("GET", url, {"Accept-Encoding": "gzip"}) as (final, response):
                if response.status_code != 200 and response.status_code not in also:
                    raise no(final, response)
                return response.status_code, b"".join(self._sender.unpacked(final, response))

        with self._lock:
            self._check_online(url)
            return self._sender.tried(attempt)

    def probe(self, address: str) -> None:
        """Asks whether something is there, without its body. Raises a `FetchError` if not, `Offline` among them."""

        def attempt() -> None:
            with self._sender.opened("HEAD", wanted.url, {"Accept-Encoding": "identity"}) as (final, response):
                if response.status_code < 400:
                    return
                if self._sender.polite.is_arxiv(final) and response.status_code not in (405, 501):
                    raise no(final, response)
            # Many servers don't know HEAD, or answer it with an error that a GET does not get.
            with self._sender.opened("GET", wanted.url, {"Accept-Encoding": "identity", "Range": "bytes=0-0"}) as (
                final,
                response,
            ):
                if response.status_code >= 400 and response.status_code != 416:
                    raise no(final, response)

        with self._lock:
            wanted = stands_for(address, self._settings, self._sender.guard)
            self._check_online(address)
            self._sender.tried(attempt)

    def _still_good(self, held: Download, wanted: Wanted) -> Brought:
        """Enters in the ledger, where that is news, that the held body is what was asked for."""
        good = replace(held, outcome="fetched", reason="", version=held.version or wanted.newest)
        if good != self._cache.download(wanted.key):
            self._cache.record(good)
        return self._brought(good, transferred=False)

    def _brought(self, held: Download, *, transferred: bool, note: str = "") -> Brought:
        path = self._cache.body(held.sha256)
        assert path is not None
        self.transferred_bodies += transferred
        return Brought(
            path,
            held.sha256,
            held.content_type,
            held.final_url,
            held.asked_url,
            held.version,
            held.bytes,
            held.time,
            held.etag,
            transferred,
            note,
        )

    def _check_online(self, address: str) -> None:
        if self.offline:
            raise Offline(f"{address} was not asked for: the network is not to be used.")
