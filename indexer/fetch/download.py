"""Brings the bytes that an address names, politely: each at most once, resumed where it broke off, and checked.

    with Fetcher(settings, cache) as fetcher:
        brought = fetcher.fetch("arxiv:2311.08105", newest=3)

Who may be connected to is `addresses`' business, when is `politeness`', what is held is the cache's.
"""

from __future__ import annotations

import html
import json
import random
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import quote

import httpx

from indexer import arxiv, points
from indexer.errors import (
    AddressRefused,
    FetchError,
    Gone,
    NotAsClaimed,
    NotRendered,
    Offline,
    Refused,
    TooLarge,
    Unreachable,
    Withdrawn,
)
from indexer.fetch.addresses import Backend, Guard, Resolve, TooMuch, TooSlow, transport
from indexer.fetch.politeness import Politeness
from indexer.library import files
from indexer.library.cache import Cache, Download
from indexer.settings import Settings

Progress = Callable[[str, int, int | None], None]
"""Told the address, the bytes held of it so far and, where the server says it, how many there will be."""

_T = TypeVar("_T")
_HOPS = 8  # redirects that are followed
_MOVED = {301, 302, 303, 307, 308}
_PASSING = {429, 502, 503, 504}  # answers that may be another in a while
_SNIFF = 1024  # a PDF says so within its first 1024 bytes
_PAGE = 64 * 1024  # how much is read of a page that came instead of what was asked for
_TEXTS = {"text/html", "application/xhtml+xml", "text/plain", "text/markdown", "text/x-markdown"}


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


@dataclass(frozen=True)
class _Wanted:
    """What one call of `fetch` is after. `key` is its line in the ledger, `part` the key of its part file.

    `version` is the one asked for, `newest` the newest one known, both None for anything but arXiv; `withdrawn` says
    that the newest has no file.
    """

    address: str
    key: str
    part: str
    url: str
    arxiv_id: str = ""
    version: int | None = None
    newest: int | None = None
    withdrawn: bool = False


class _Passing(Exception):
    """A try failed in a way that may pass: `url` is the hop that failed, `wait` what its server asks for."""

    def __init__(self, url: httpx.URL, error: FetchError, wait: float | None = None) -> None:
        super().__init__(error.message)
        self.url, self.error, self.wait = url, error, wait


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
        self.requests = 0
        """Requests made in this run, each redirect and each try counted."""
        self.transferred_bodies = 0
        """Bodies that came whole and were kept in this run."""
        self._settings = settings
        self._cache = cache
        self._most = int(settings.max_megabytes * 1_000_000)
        self._guard = Guard(settings, resolve=resolve)
        self._backend = Backend(self._guard, most_bytes=self._most + 1_000_000, clock=clock)
        self._polite = Politeness(settings, clock=clock, sleep=sleep, now=now, jitter=jitter)
        self._progress = on_progress
        self._transport: httpx.HTTPTransport | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Closes the connection."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What others call

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
            wanted = self._wanted(address, version, newest, withdrawn)
            self._finish(wanted)
            held = self._held(wanted)
            if held and _is_current(held, wanted):
                return self._still_good(held, wanted)
            if held and (self.offline or withdrawn):
                return self._brought(held, transferred=False, note=_withdrawn(wanted).message if withdrawn else "")
            if self.offline:
                raise Offline(f"{address} is not held, and the network is not to be used.")
            try:
                if withdrawn and wanted.version in (None, newest):
                    raise _withdrawn(wanted)
                fresh = self._tried(lambda: self._attempt(wanted, held))
            except FetchError as error:
                line = held or Download(wanted.key, wanted.url, time=self._time())
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
            with self._opened("GET", url, {"Accept-Encoding": "gzip"}) as (final, response):
                if response.status_code != 200 and response.status_code not in also:
                    raise _no(final, response)
                return response.status_code, b"".join(self._decoded(final, response))

        with self._lock:
            self._check_online(url)
            return self._tried(attempt)

    def probe(self, address: str) -> None:
        """Asks whether something is there, without its body. Raises a `FetchError` if not, `Offline` among them."""

        def attempt() -> None:
            with self._opened("HEAD", wanted.url, {"Accept-Encoding": "identity"}) as (final, response):
                if response.status_code < 400:
                    return
                if self._polite.is_arxiv(final) and response.status_code not in (405, 501):
                    raise _no(final, response)
            # Many servers don't know HEAD, or answer it with an error that a GET does not get.
            with self._opened("GET", wanted.url, {"Accept-Encoding": "identity", "Range": "bytes=0-0"}) as (
                final,
                response,
            ):
                if response.status_code >= 400 and response.status_code != 416:
                    raise _no(final, response)

        with self._lock:
            wanted = self._wanted(address)
            self._check_online(address)
            self._tried(attempt)

    # What is wanted and what is held

    def _wanted(
        self, address: str, version: int | None = None, newest: int | None = None, withdrawn: bool = False
    ) -> _Wanted:
        scheme, _, rest = address.partition(":")
        if scheme == "arxiv":
            known = arxiv.parse(rest)
            if known is None:
                raise AddressRefused(f"{address} is not an arXiv id.", cure="Mend the id in the list.")
            version = version or known.version
            key = "arxiv:" + arxiv.ArxivId(known.id, version).versioned
            asked = arxiv.ArxivId(known.id, version or newest).versioned  # the very version saves a redirect
            url = f"{str(self._settings.arxiv_url).rstrip('/')}/pdf/{asked}"
            return _Wanted(address, key, f"arxiv:{asked}", url, known.id, version, newest, withdrawn)
        if scheme == "doi":
            return _Wanted(address, address, address, "https://doi.org/" + quote(rest, safe="/()._;:-"))
        return _Wanted(address, address, address, str(self._guard.check(address)))

    def _held(self, wanted: _Wanted) -> Download | None:
        """The ledger's line on the body that serves this call best, or None."""
        held = self._cache.download(wanted.key)
        if held is not None and self._cache.body(held.sha256) is None:
            held = None
        if not wanted.arxiv_id or (held is not None and _is_current(held, wanted)):
            return held
        # The same version may be held because another list names it, or doesn't.
        version = wanted.version or wanted.newest
        others = [f"arxiv:{wanted.arxiv_id}", *([f"arxiv:{wanted.arxiv_id}v{version}"] if version else [])]
        for key in others:
            other = self._cache.download(key) if key != wanted.key else None
            if other and version and other.version == version and self._cache.body(other.sha256):
                return replace(other, address=wanted.key)
        return held

    def _finish(self, wanted: _Wanted) -> None:
        """Enters in the ledger a body that an earlier run had whole when it was killed."""
        part = self._cache.part(wanted.part)
        complete = _Note.read(part).complete
        if complete is None:
            return
        if part.exists() and files.sha256_of(part) == complete.sha256:
            self._cache.keep_body(part)
        if self._cache.body(complete.sha256):
            self._cache.record(complete)
        _discard(part)

    def _still_good(self, held: Download, wanted: _Wanted) -> Brought:
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

    # One download

    def _attempt(self, wanted: _Wanted, held: Download | None, *, resume: bool = True) -> Download | None:
        """One try at a body: the ledger's new line, or None where the held one is still good."""
        part = self._cache.part(wanted.part)
        headers = {"Accept-Encoding": "identity" if _names_a_pdf(wanted) else "gzip"}
        if held is not None:
            headers |= _conditions(held, wanted)
        note = _Note.read(part)
        offset = note.resume_at(part) if resume else 0
        if offset:
            headers |= {"Accept-Encoding": "identity", "Range": f"bytes={offset}-", "If-Range": note.validator}
        with self._opened("GET", wanted.url, headers) as (final, response):
            status = response.status_code
            if status == 304 and held is not None:
                _discard(part)
                return None
            again = offset > 0 and (status == 416 or (status == 206 and not note.continued_by(response, offset)))
            if not again:
                if status != 200 and (status != 206 or not offset):
                    raise self._explained(wanted, final, response)
                if status == 200:
                    note = _Note(_header(response, "etag"), _header(response, "last-modified"))
                version = _version_got(wanted, final, response)
                if wanted.version and version != wanted.version:
                    raise NotAsClaimed(f"{wanted.url} was to be version {wanted.version}, but {version} came.")
                content_type = self._stored(wanted, final, response, part, note, offset if status == 206 else 0)
        if again:  # the server has another body now, or none of that length
            _discard(part)
            return self._attempt(wanted, held, resume=False)
        fresh = Download(
            wanted.key,
            wanted.url,
            str(final),
            version,
            files.sha256_of(part),
            part.stat().st_size,
            content_type,
            note.etag,
            note.last_modified,
            self._time(),
        )
        with files.writing(self._cache.folder):
            replace(note, complete=fresh).write(part)
        self._cache.keep_body(part)
        self._cache.record(fresh)
        _discard(part)
        return fresh

    def _stored(
        self, wanted: _Wanted, final: httpx.URL, response: httpx.Response, part: Path, note: _Note, offset: int
    ) -> str:
        """Writes an answer's body to the part file from `offset` on, and returns its content type.

        A part file that can't become the body is removed; one that broke off stays.
        """
        coded = _coding(response)
        length = _header(response, "content-length")
        total = note.total if offset else int(length) if length.isdecimal() and not coded else None
        judged = ""
        try:
            if total is not None and total > self._most:
                raise self._too_large(final, total)
            with files.writing(self._cache.folder), part.open("r+b" if offset else "wb") as file:
                head = file.read(min(_PAGE, offset)) if offset else b""
                file.seek(offset)
                file.truncate()
                # After the truncation, so that no old bytes can ever stand under the new body's validator. A coded
                # body can't be resumed: its ranges are ranges of the coded bytes.
                (_Note() if coded else replace(note, total=total)).write(part)
                size = offset
                for data in self._decoded(final, response, size):
                    file.write(data)
                    file.flush()
                    size += len(data)
                    points.reached("fetch.part")
                    if len(head) < _PAGE:
                        head += data[: _PAGE - len(head)]
                    if not judged and len(head) >= _SNIFF and (_is_pdf(head) or len(head) >= _PAGE):
                        judged = self._judged(wanted, final, response, head)
                    if self._progress:
                        self._progress(wanted.address, size, total)
            if total is not None and size != total:
                raise _Passing(final, Unreachable(f"{final} broke off after {size} of {total} bytes."))
            return judged or self._judged(wanted, final, response, head)
        except FetchError as error:
            if not isinstance(error, Unreachable):
                _discard(part)
            raise

    def _decoded(self, url: httpx.URL, response: httpx.Response, size: int = 0) -> Iterator[bytes]:
        """The body in pieces of bounded size, decoded. Raises `TooLarge` over the limit, counting from `size`.

        httpx would decode as well, but a piece of 64 kB at a time, which a bomb blows up to as many MB.
        """
        coding = _coding(response)
        if coding not in ("", "gzip"):
            raise NotAsClaimed(f"{url} came packed as {coding}, which was not asked for.")
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 16) if coding else None
        for raw in response.iter_raw():
            while raw and not (unpack and unpack.eof):
                if unpack is None:
                    data, raw = raw, b""
                else:
                    try:
                        data = unpack.decompress(raw, _PAGE)
                    except zlib.error as error:
                        raise _Passing(url, Unreachable(f"{url} came damaged ({error}).")) from None
                    raw = unpack.unconsumed_tail
                size += len(data)
                if size > self._most:
                    raise self._too_large(url, size)
                if data:
                    yield data
        if unpack is not None and not unpack.eof:
            raise _Passing(url, Unreachable(f"{url} broke off."))

    def _judged(self, wanted: _Wanted, final: httpx.URL, response: httpx.Response, head: bytes) -> str:
        """The content type of a body that begins with `head`. Raises `NotAsClaimed` or its like if not wanted."""
        said = _header(response, "content-type")
        media = said.partition(";")[0].strip().lower()
        if not head:
            raise NotAsClaimed(f"{final} has an empty body.")
        if _is_pdf(head):
            return "application/pdf"
        looks_html = re.search(rb"<(?:!doctype\s+html|html)", head[:_SNIFF], re.IGNORECASE)
        if _names_a_pdf(wanted, final) or media == "application/pdf":
            if wanted.arxiv_id and (looks_html or media in _TEXTS) and (error := _arxiv_page(wanted, head)):
                raise error
            is_page = looks_html or media == "text/html"
            what = f"a web page came{_titled(head)}" if is_page else f"it is {media or 'something else'}, and not one"
            raise NotAsClaimed(
                f"{final} was to be a PDF, but {what}.", cure="Open the link in a browser to see what is there."
            )
        if media in _TEXTS:
            return said
        if not media and looks_html:
            return "text/html"
        raise NotAsClaimed(
            f"{final} is {media or 'of a kind that its server does not name'}; only PDFs, web pages and plain text"
            " are read."
        )

    def _explained(self, wanted: _Wanted, final: httpx.URL, response: httpx.Response) -> FetchError:
        """The error that an answer other than 200 stands for; arXiv's own pages say more than their status."""
        if wanted.arxiv_id and response.status_code in (404, 500) and self._polite.is_arxiv(final):
            page = b""
            for data in self._decoded(final, response):
                page += data
                if len(page) >= _PAGE:
                    break
            if error := _arxiv_page(wanted, page):
                return error
        return _no(final, response)

    def _too_large(self, url: httpx.URL, size: int) -> TooLarge:
        return TooLarge(f"{url} is too large: {size / 1e6:.1f} MB or more, {self._most / 1e6:g} MB are allowed.")

    # One request

    def _tried(self, attempt: Callable[[], _T]) -> _T:
        """What `attempt` returns, tried again after a wait while its failure is one that may pass."""
        for tries in range(self._settings.retries + 1):
            try:
                return attempt()
            except _Passing as passing:
                last = passing
                self._polite.hold(passing.url, tries, passing.wait)
        self._polite.worn_out(last.url)
        times = f" ({self._settings.retries + 1} tries)" if self._settings.retries else ""
        raise type(last.error)(last.error.message.rstrip(".") + times + ".", cure=last.error.cure)

    @contextmanager
    def _opened(self, method: str, url: str, headers: dict[str, str]) -> Iterator[tuple[httpx.URL, httpx.Response]]:
        """The answer at the end of the redirects, its body not read yet, and the URL that gave it.

        Each hop is checked, waits its turn and counts as a request; the turn ends when the answer is done with.
        """
        hop = first = self._guard.check(url)
        seen = {hop}
        while True:
            try:
                with self._polite.turn(hop), self._sent(method, hop, headers) as response:
                    location = response.headers.get("location") if response.status_code in _MOVED else None
                    if location is None:
                        try:
                            yield hop, response
                        except FetchError:
                            self._polite.answered(hop)
                            raise
                        self._polite.answered(hop)
                        return
            except AddressRefused as error:  # by the DNS
                if hop == first:
                    raise
                raise AddressRefused(f"{url} leads to where it may not: {error}") from None
            try:
                target = self._guard.check(hop.join(location))
            except (AddressRefused, httpx.InvalidURL, ValueError) as error:
                raise AddressRefused(f"{url} leads to where it may not: {error}") from None
            if target in seen:
                raise Refused(f"{url} leads in a circle, by {target}.")
            if len(seen) > _HOPS:
                raise Refused(f"{url} leads from one address to the next, more than {_HOPS} times.")
            seen.add(target)
            hop = target

    @contextmanager
    def _sent(self, method: str, url: httpx.URL, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """The answer to one request. Raises `_Passing`, or a `FetchError` where no other try would do better."""
        settings = self._settings
        timeout = httpx.Timeout(settings.read_seconds, connect=settings.connect_seconds)
        request = httpx.Request(
            method,
            url,
            headers={"User-Agent": _user_agent(settings.contact), "Accept": "*/*", **headers},
            extensions={"timeout": timeout.as_dict()},
        )
        if self._transport is None:
            self._transport = transport(self._backend)
        self.requests += 1
        try:
            # The transport alone, not a client: no cookies, no redirects, no credentials, no decoding of its own.
            response = self._transport.handle_request(request)
            try:
                self._polite.reached()
                self._check_status(url, response)
                yield response
                if method == "HEAD" or response.status_code in (*_MOVED, 304):
                    for _ in response.iter_raw():  # to its end, so that the connection can be used again
                        if response.num_bytes_downloaded > _PAGE:
                            break
            finally:
                response.close()
        except AddressRefused as error:
            raise AddressRefused(f"{url} is not fetched: {error.message}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if self._backend.connected:
                self._polite.reached()
            why = "time-out" if isinstance(error, httpx.ConnectTimeout) and not str(error) else str(error)
            raise self._polite.not_connected(url, why) from error
        except TooSlow as error:
            raise Unreachable(f"{url} is too slow: {error}.") from None
        except TooMuch:
            raise self._too_large(url, self._most) from None
        except httpx.TimeoutException:
            raise _Passing(url, Unreachable(f"{url} sent nothing for {settings.read_seconds:g} s.")) from None
        except httpx.TransportError as error:
            raise _Passing(url, Unreachable(f"{url} broke off ({error}).")) from error

    def _check_status(self, url: httpx.URL, response: httpx.Response) -> None:
        """Raises for the statuses that say something about the server as a whole."""
        status = response.status_code
        if status in _PASSING:
            wait = self._polite.retry_after(response.headers.get("retry-after"))
            self._polite.check_wait(url, wait)
            raise _Passing(url, Refused(f"{url} was answered {_named(status)}.", cure="Run again later."), wait)
        if status == 403 and self._polite.is_arxiv(url):
            raise self._polite.close_arxiv(url)

    def _check_online(self, address: str) -> None:
        if self.offline:
            raise Offline(f"{address} was not asked for: the network is not to be used.")

    def _time(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class _Note:
    """What is known of a part file: whose body it is, how long that will be and, once it is whole, its ledger line."""

    etag: str = ""
    last_modified: str = ""
    total: int | None = None
    complete: Download | None = None

    @staticmethod
    def path(part: Path) -> Path:
        return part.with_name(part.name + ".json")

    @classmethod
    def read(cls, part: Path) -> _Note:
        try:
            data = json.loads(cls.path(part).read_text("utf-8"))
            complete = data.pop("complete", None)
            return cls(**data, complete=Download(**complete) if complete else None)
        except (OSError, ValueError, TypeError, AttributeError):
            return cls()  # absent, or torn by a power cut: the download begins anew

    def write(self, part: Path) -> None:
        files.write_text(self.path(part), json.dumps(asdict(self)))

    @property
    def validator(self) -> str:
        """What tells this body from any other; a weak tag doesn't."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    def resume_at(self, part: Path) -> int:
        """The byte from which to go on. Of a part that has all its bytes the last is asked for again, so that the
        server says whether they are still good."""
        if not self.validator or not part.exists():
            return 0
        size = part.stat().st_size
        return size if self.total is None else max(0, min(size, self.total - 1))

    def continued_by(self, response: httpx.Response, offset: int) -> bool:
        """Whether a 206 holds the rest of this body from `offset`, and nothing else."""
        match = re.fullmatch(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)", _header(response, "content-range"))
        if match is None or int(match[1]) != offset or _coding(response):
            return False
        total = None if match[3] == "*" else int(match[3])
        if total is not None and (int(match[2]) != total - 1 or self.total not in (None, total)):
            return False
        return _header(response, "etag") in ("", self.etag)


def _discard(part: Path) -> None:
    with files.writing(part.parent):
        part.unlink(missing_ok=True)
        _Note.path(part).unlink(missing_ok=True)


def _header(response: httpx.Response, name: str) -> str:
    """A header's value; "" where it is absent, or is nothing that may be sent back or shown to a person."""
    value = str(response.headers.get(name, "")).strip()
    return value if value.isascii() and value.isprintable() and len(value) < 1000 else ""


def _is_current(held: Download, wanted: _Wanted) -> bool:
    """Whether a held body needs no question: a version of arXiv's never changes."""
    if wanted.version is not None:
        return held.version == wanted.version
    return wanted.newest is not None and held.version is not None and held.version >= wanted.newest


def _conditions(held: Download, wanted: _Wanted) -> dict[str, str]:
    """The headers that ask for a body only if it is not the held one. Another version's tag would mean nothing."""
    if (wanted.version or wanted.newest) and wanted.url not in (held.asked_url, held.final_url):
        return {}
    given = {"If-None-Match": held.etag, "If-Modified-Since": held.last_modified}
    return {name: value for name, value in given.items() if value}


def _coding(response: httpx.Response) -> str:
    """How a body is packed: "" if not at all, "gzip", or another name that isn't understood."""
    coding = _header(response, "content-encoding").lower()
    return {"identity": "", "x-gzip": "gzip"}.get(coding, coding)


def _is_pdf(head: bytes) -> bool:
    return b"%PDF-" in head[:_SNIFF]


def _names_a_pdf(wanted: _Wanted, final: httpx.URL | None = None) -> bool:
    urls = (httpx.URL(wanted.url), final or httpx.URL(wanted.url))
    return bool(wanted.arxiv_id) or any(url.path.lower().endswith(".pdf") for url in urls)


def _version_got(wanted: _Wanted, final: httpx.URL, response: httpx.Response) -> int | None:
    """The version that an answer says it is, by its URL or the file name it gives; else the one it was to be."""
    if not wanted.arxiv_id:
        return None
    named = re.search(r"filename=\"?([^\";]+)", _header(response, "content-disposition"))
    said = (
        arxiv.parse(final.path.rpartition("/pdf/")[2].removesuffix(".pdf")),
        arxiv.from_file_name(named[1].strip().removesuffix(".pdf")) if named else None,
    )
    for found in said:
        if found and found.id == wanted.arxiv_id and found.version:
            return found.version
    return wanted.version or wanted.newest


def _arxiv_page(wanted: _Wanted, page: bytes) -> FetchError | None:
    """What arXiv's own page says that came instead of a PDF; None if it says nothing known.

    The wording is that of the templates in github.com/arXiv/arxiv-browse, and of pages seen by others. The page
    for a file that "was not provided" stands for withdrawn papers and for those announced some minutes ago alike.
    """
    text = " ".join(re.sub(r"<[^<>]*>", " ", page.decode("utf-8", "replace")).split()).lower()
    if re.search(r"\b(?:paper|submission|article|version) (?:has been|is|was) (?:\w+ )?withdrawn\b", text):
        return _withdrawn(wanted)
    if re.search(r"not provided to generate|provided no source to generate", text):
        fresh = wanted.newest is not None and not wanted.withdrawn and wanted.version in (None, wanted.newest)
        return _not_rendered(wanted, "has no file of it yet") if fresh else _withdrawn(wanted)
    if re.search(r"(?:failed|unable) to produce pdf|does not build pdf", text):
        return _not_rendered(wanted, "could not make a PDF of it")
    if re.search(r"(?:pdf|it|file) is (?:being|not yet) (?:generated|available|processed)|not yet available", text):
        return _not_rendered(wanted, "has not made its PDF yet")
    return None


def _withdrawn(wanted: _Wanted) -> Withdrawn:
    version = wanted.version or wanted.newest
    cure = f"Name an earlier version in the list, e.g. {wanted.arxiv_id}v{version - 1 if version else 1}."
    return Withdrawn(
        f"{wanted.address} was withdrawn by its authors{f' with version {version}' if version else ''}; that version"
        " has no file.",
        cure="It has no earlier version; take it off the list." if version == 1 else cure,
    )


def _not_rendered(wanted: _Wanted, why: str) -> NotRendered:
    return NotRendered(f"{wanted.address} can't be had as a PDF now: arXiv {why} ({wanted.url}).")


def _titled(page: bytes) -> str:
    """The title of a web page, for a message: printable, one line, short."""
    match = re.search(r"<title[^<>]*>([^<>]{1,400})", page[:8192].decode("utf-8", "replace"), re.IGNORECASE)
    title = " ".join(html.unescape(match[1]).split()) if match else ""
    title = "".join(char for char in title if char.isprintable())[:80]
    return f', titled "{title}"' if title else ""


def _no(url: httpx.URL, response: httpx.Response) -> FetchError:
    """The error that a status stands for."""
    status = response.status_code
    if status in (404, 410):
        return Gone(f"{url} is not there: {_named(status)}.")
    cure = "Open the link in a browser, save the paper, and list the file." if status in (401, 403, 451) else None
    return Refused(f"{url} was answered {_named(status)}.", cure=cure)


def _named(status: int) -> str:
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


def _user_agent(contact: str) -> str:
    contact = "".join(char for char in contact if char.isascii() and char.isprintable()).strip()
    return f"paperpath/{version('paperpath')} (reading-list library; contact: {contact or 'not given'})"
