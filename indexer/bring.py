"""Entry to text: the bytes are fetched or read, and made into text in worker processes, while the next is fetched."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from indexer import errors, extract
from indexer.document import Entry, Extracted, Origin
from indexer.errors import DocumentError, ExtractError, FetchError
from indexer.extract.workers import Workers
from indexer.fetch import Brought, Fetcher
from indexer.fetch.metadata import ArxivMetadata
from indexer.library.cache import Cache
from indexer.library.files import sha256_of
from indexer.progress import Progress
from indexer.settings import Settings

_EXTRACTED = TypeAdapter(Extracted)


@dataclass
class Work:
    """An entry with what could be had of it: `text`, or the `failure` that says why not.

    `fresh` says that the text was read in this run, not taken from the cache. `version` is the arXiv version got, `note`
    why what is held could not be brought up to date.
    """

    entry: Entry
    known: ArxivMetadata | None = None
    text: Extracted | None = None
    origin: Origin = field(default_factory=Origin)
    version: int | None = None
    fresh: bool = False
    note: str = ""
    failure: DocumentError | None = None


def bring(works: Sequence[Work], fetcher: Fetcher, cache: Cache, settings: Settings, progress: Progress) -> None:
    """Fills in the text of each, or its failure."""
    at_arxiv = [work for work in works if work.entry.address.startswith("arxiv:")]
    elsewhere = [work for work in works if not work.entry.address.startswith("arxiv:")]
    turns = itertools.chain.from_iterable(itertools.zip_longest(at_arxiv, elsewhere))  # others fit into arXiv's pauses
    with Workers(settings.workers, settings.extract_seconds, settings.extract_megabytes, engine=settings.engine,
                 ocr=settings.ocr, told=progress.pages) as workers:  # fmt: skip
        begun: list[tuple[Work, Callable[[], None]]] = []
        progress.stage("fetch", len(works))
        for work in filter(None, turns):
            try:
                begun.append((work, _begin(work, fetcher, cache, workers)))
            except DocumentError as error:
                work.failure = error
            progress.step(work.entry.title or work.entry.address)
        progress.stage("extract", len(begun))
        for work, finish in begun:
            try:
                finish()
            except DocumentError as error:
                work.failure = error
            progress.step(work.entry.title or work.entry.address)


def _begin(work: Work, fetcher: Fetcher, cache: Cache, workers: Workers) -> Callable[[], None]:
    """Has the bytes of a work and begins to read them; the function returned waits for the text."""
    path, content_type = _local(work) if work.entry.address.startswith("file:") else _fetched(work, fetcher, cache)
    kind = extract.kind_of(path, content_type)
    key = f"{work.origin.sha256}:{extract.version(kind, workers.engine, workers.ocr)}"
    limited = f"{key}:{workers.seconds:g} s:{workers.megabytes} MB"  # raised limits are a reason to try it again
    held = cache.text(key) or cache.text(limited)
    result = None if held else workers.start(path, kind, work.origin.final_url)

    def finish() -> None:
        if held is not None:
            work.text = _restored(held)
            return
        assert result is not None
        try:
            work.text = result()
        except errors.Interrupted:
            raise  # the machine is to blame: it is tried again in the next run
        except ExtractError as error:
            told = {"error": type(error).__name__, "message": error.message, "cure": error.cure}
            cache.keep_text(limited if isinstance(error, errors.LimitReached) else key, told)
            raise
        work.fresh = True
        cache.keep_text(key, {"text": _EXTRACTED.dump_python(work.text, mode="json")})

    return finish


def _restored(held: dict) -> Extracted:
    if "error" in held:
        raise getattr(errors, held["error"])(held["message"], cure=held["cure"])
    return _EXTRACTED.validate_python(held["text"])


def _local(work: Work) -> tuple[Path, str]:
    path = Path(work.entry.address.removeprefix("file:"))
    try:
        work.origin = Origin(sha256_of(path), path.stat().st_size, path=str(path))
    except OSError as error:
        raise FetchError(f"{path} can't be read: {error.strerror}.") from None
    return path, ""


def _fetched(work: Work, fetcher: Fetcher, cache: Cache) -> tuple[Path, str]:
    if work.entry.address.startswith("title:"):
        raise FetchError("It has no link.", cure="Add a link to the entry.")
    if work.entry.address.startswith("record:"):
        raise FetchError("The file that holds the record is not there now.", cure="Put it back, or remove the source.")
    got = _asked(work, fetcher)
    if not got.transferred and not cache.is_sound(got.path):
        got = _asked(work, fetcher)
    work.origin = Origin(got.sha256, got.bytes, got.asked_url, got.final_url, fetched=got.time)
    work.version, work.note = got.version, got.note
    return got.path, got.content_type


def _asked(work: Work, fetcher: Fetcher) -> Brought:
    known = work.known
    return fetcher.fetch(
        work.entry.address, version=work.entry.version, newest=known.newest if known else None,
        withdrawn=bool(known and known.withdrawn),
    )  # fmt: skip
