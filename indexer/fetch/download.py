"""One body, from the request to the cache: asked for on condition, resumed where it broke off, judged as it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx

from indexer import points
from indexer.errors import FetchError, NotAsClaimed, Unreachable
from indexer.fetch.answers import arxiv_page, can_be_judged, judged, names_a_pdf, no, version_got
from indexer.fetch.partial import Note, discard
from indexer.fetch.sending import PIECE, Passing, Sender, coding
from indexer.fetch.wanted import Wanted, conditions
from indexer.library import files
from indexer.library.cache import Cache, Download

Progress = Callable[[str, int, int | None], None]
"""Told the address, the bytes held of it so far and, where the server says it, how many there will be."""


@dataclass(frozen=True)
class Downloader:
    """Brings bodies into the cache by way of `sender`. `now` is in seconds since 1970."""

    sender: Sender
    cache: Cache
    now: Callable[[], float]
    progress: Progress | None = None

    def attempt(self, wanted: Wanted, held: Download | None) -> Download | None:
        """One try at a body: the ledger's new line, or None where the held one is still good.

        Raises a `FetchError`, or `Passing` where another try may do better.
        """
        part = self.cache.part(wanted.part)
        asked_if = conditions(held, wanted) if held else {}
        headers = {"Accept-Encoding": "identity" if names_a_pdf(wanted) else "gzip", **asked_if}
        note = Note.read(part)
        offset = note.resume_at(part)
        if offset:
            headers |= {"Accept-Encoding": "identity", "Range": f"bytes={offset}-", "If-Range": note.validator}
        with self.sender.opened("GET", wanted.url, headers) as (final, response):
            status = response.status_code
            if status == 304 and asked_if:
                discard(part)
                return None
            if status == 200:
                whole, offset = Note.of(response), 0
            elif offset and status in (206, 416):
                whole = note.continued_by(response, offset)
            else:
                raise self._explained(wanted, final, response)
            if whole is not None:
                version = version_got(wanted, final, response)
                if wanted.version and version != wanted.version:
                    raise NotAsClaimed(f"{wanted.url} was to be version {wanted.version}, but {version} came.")
                content_type = self._stored(wanted, final, response, part, whole, offset)
        if whole is None:  # the server has another body now, or none of that length
            discard(part)  # so that this time all is asked for
            return self.attempt(wanted, held)
        fresh = Download(
            wanted.key,
            wanted.url,
            str(final),
            version,
            files.sha256_of(part),
            part.stat().st_size,
            content_type,
            whole.etag,
            whole.last_modified,
            iso_time(self.now()),
        )
        with files.writing(self.cache.folder):
            replace(whole, complete=fresh).write(part)
        self.cache.keep_body(part)
        self.cache.record(fresh)
        discard(part)
        return fresh

    def _stored(
        self, wanted: Wanted, final: httpx.URL, response: httpx.Response, part: Path, note: Note, offset: int
    ) -> str:
        """Writes an answer's body to the part file from `offset` on, and returns its content type.

        A part file that can't become the body is removed; one that broke off stays.
        """
        total = note.total
        content_type = ""
        try:
            if total is not None and total > self.sender.most_bytes:
                raise self.sender.too_large(final, total)
            with files.writing(self.cache.folder), part.open("r+b" if offset else "wb") as file:
                head = file.read(min(PIECE, offset)) if offset else b""
                file.seek(offset)
                file.truncate()
                # After the truncation, so that no old bytes can ever stand under the new body's validator. A coded
                # body can't be resumed: its ranges are ranges of the coded bytes.
                (Note() if coding(response) else note).write(part)
                size = offset
                for data in self.sender.unpacked(final, response, size):
                    file.write(data)
                    file.flush()
                    size += len(data)
                    points.reached("fetch.part")
                    if not content_type:
                        head += data
                        if can_be_judged(head, PIECE):
                            content_type = judged(wanted, final, response, head)
                    if self.progress:
                        self.progress(wanted.address, size, total)
            if total is not None and size != total:
                raise Passing(final, Unreachable(f"{final} broke off after {size} of {total} bytes."))
            return content_type or judged(wanted, final, response, head)
        except FetchError as error:
            if not isinstance(error, Unreachable):
                discard(part)
            raise

    def _explained(self, wanted: Wanted, final: httpx.URL, response: httpx.Response) -> FetchError:
        """The error that an answer other than 200 stands for; arXiv's own pages say more than their status."""
        if wanted.arxiv_id and response.status_code in (404, 500) and self.sender.polite.is_arxiv(final):
            page = b""
            for data in self.sender.unpacked(final, response):
                page += data
                if len(page) >= PIECE:
                    break
            if error := arxiv_page(wanted, page):
                return error
        return no(final, response)


def iso_time(seconds: float) -> str:
    """A time since 1970 as ISO 8601, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
