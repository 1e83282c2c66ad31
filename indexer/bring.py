"""Entry to text: the bytes are fetched or read, and made into text in worker processes, while the next is fetched."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter

from indexer import errors, extract
from indexer.document import Entry, Extracted, Origin
from indexer.errors import DocumentError, ExtractError, FetchError
from indexer.extract.workers import Workers
from indexer.fetch import Brought, Fetcher
from indexer.fetch.metadata import ArxivMetadata
from indexer.library import Generation, bodies
from indexer.library.cache import Cache
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


def bring(
    works: Sequence[Work], fetcher: Fetcher, cache: Cache, settings: Settings, progress: Progress,
    current: Generation | None = None,
) -> None:  # fmt: skip
    """Fills in the text of each, or its failure. A body that `current` holds stays there (see `bodies.Later`)."""
    at_arxiv = [work for work in works if work.entry.address.startswith("arxiv:")]
    elsewhere = [work for work in works if not work.entry.address.startswith("arxiv:")]
    turns = itertools.chain.from_iterable(itertools.zip_longest(at_arxiv, elsewhere))  # others fit into arXiv's pauses
    with Workers(settings.workers, settings.extract_seconds, settings.extract_megabytes, engine=settings.engine,
                 ocr=settings.ocr, told=progress.pages) as workers:  # fmt: skip
        version = functools.cache(lambda kind: extract.version(kind, workers.engine, workers.ocr))
        begun: list[tuple[Work, Callable[[], None]]] = []
        progress.stage("fetch", len(works))
        for work in filter(None, turns):
            try:
                begun.append((work, _begin(work, fetcher, cache, workers, version, current)))
            except DocumentError as error:
                _failed(work, error, progress)
            progress.step(work.entry.title or work.entry.address)
        progress.stage("extract", len(begun))
        for work, finish in begun:
            try:
                finish()
            except DocumentError as error:
                _failed(work, error, progress)
            progress.step(work.entry.title or work.entry.address)


def _failed(work: Work, error: DocumentError, progress: Progress) -> None:
    work.failure = error
    progress.failed(work.entry.title or work.entry.address, error.message)


def _begin(
    work: Work, fetcher: Fetcher, cache: Cache, workers: Workers, version: Callable[[str], str],
    current: Generation | None,
) -> Callable[[], None]:  # fmt: skip
    """Has the bytes of a work and begins to read them; the function returned waits for the text."""

    def key() -> str:
        return f"{work.origin.sha256}:{version(kind)}"

    fetched = not work.entry.address.startswith("file:")
    path, content_type = _fetched(work, fetcher) if fetched else _local(work, cache)
    kind = extract.kind_of(path, content_type)
    front = cache.front(key())
    if (text := _held_by(current, front)) is not None:
        work.text = text
        return lambda: None
    limits = f":{workers.seconds:g} s:{workers.megabytes} MB"  # raised limits are a reason to try it again
    held = cache.text(key()) or cache.text(key() + limits)
    if held is None and fetched and not cache.is_sound(path):
        path, content_type = _fetched(work, fetcher)
        kind = extract.kind_of(path, content_type)
    result = None if held else workers.start(path, kind, work.origin.final_url)

    def finish() -> None:
        if held is not None:
            work.text = _restored(held)
        else:
            assert result is not None
            try:
                work.text = result()
            except errors.Interrupted:
                raise  # the machine is to blame: it is tried again in the next run
            except ExtractError as error:
                told = {"error": type(error).__name__, "message": error.message, "cure": error.cure}
                cache.keep_text(key() + (limits if isinstance(error, errors.LimitReached) else ""), told)
                raise
            work.fresh = True
            cache.keep_text(key(), {"text": _EXTRACTED.dump_python(work.text, mode="json")})
        if front is None or work.fresh:
            cache.keep_front(key(), _front(work.text))

    return finish


def _front(text: Extracted) -> dict:
    """What is kept of a text to know it by: all but its body, and that one's hash."""
    bare = replace(text, **dict.fromkeys(bodies.FIELDS, ()))
    return {"text": _EXTRACTED.dump_python(bare, mode="json"), "body": bodies.digest_of(text)}


def _held_by(current: Generation | None, front: dict | None) -> Extracted | None:
    """The text that a front tells of, if `current` holds its body, which is left there till something looks at it."""
    if current is None or front is None or (body := current.catalogue.body(front["body"])) is None:
        return None
    return replace(_EXTRACTED.validate_python(front["text"]), **body)


def _restored(held: dict) -> Extracted:
    if "error" in held:
        raise getattr(errors, held["error"])(held["message"], cure=held["cure"])
    return _EXTRACTED.validate_python(held["text"])


def _local(work: Work, cache: Cache) -> tuple[Path, str]:
    path = Path(work.entry.address.removeprefix("file:"))
    try:
        work.origin = Origin(cache.sha256_of(path), path.stat().st_size, path=str(path))
    except OSError as error:
        raise FetchError(f"{path} can't be read: {error.strerror}.") from None
    return path, ""


def _fetched(work: Work, fetcher: Fetcher) -> tuple[Path, str]:
    if work.entry.address.startswith("title:"):
        raise FetchError("It has no link.", cure="Add a link to the entry.")
    if work.entry.address.startswith("record:"):
        raise FetchError("The file that holds the record is not there now.", cure="Put it back, or remove the source.")
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
