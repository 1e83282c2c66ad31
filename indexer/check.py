"""The lint of a reading list: what is wrong with it, by line, without downloading a paper."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from indexer import arxiv, digests, sources
from indexer.assemble import wrong_titles
from indexer.bring import Work
from indexer.document import Entry
from indexer.errors import FetchError, Gone, LibraryUnwritable, Offline
from indexer.fetch import Fetcher, metadata
from indexer.fetch.metadata import ArxivMetadata
from indexer.library import Library, Writer
from indexer.library.cache import Cache
from indexer.progress import Progress
from indexer.settings import Settings


@dataclass(frozen=True)
class Finding:
    """Something wrong with a list. `line` is None where it is about no single line; `address` is whose entry it is, "" where the
    message names it.

    `kind`: repeat, two-titles, wrong-title, superseded, withdrawn, dead-link, unchecked, bad-line, no-link or repeat-id.
    """

    source: str
    line: int | None
    kind: str
    message: str
    address: str = ""


@dataclass(frozen=True)
class Findings:
    """What was found in a list of so many entries, by line."""

    list: str
    entries: int
    findings: tuple[Finding, ...]


def check(source: str, settings: Settings, *, offline: bool = False, progress: Progress | None = None) -> Findings:
    """What is wrong with the list (or any other source). Asks arXiv for metadata, and other hosts whether links live.

    Raises a `UsageError` where the source can't be read, `LibraryBusy` while a reindex asks them.
    """
    progress = progress or Progress()
    reading = sources.read(source)
    found = [Finding(w.source, w.line, w.kind, w.message) for w in reading.warnings]
    with (
        tempfile.TemporaryDirectory() as spare,
        _cache(settings, Path(spare), alone=not offline) as cache,
        Fetcher(settings, cache, offline=offline) as fetcher,
    ):
        works = [Work(entry) for entry in reading.entries if entry.address not in reading.records]
        found += _about_arxiv(works, fetcher, cache, settings)
        found += _about_links(works, fetcher, progress)
        found += [
            Finding(w.source, w.line, w.kind, w.message) for w in wrong_titles(works, digests.load(settings.digests))
        ]
    return Findings(source, len(reading.entries), tuple(sorted(found, key=lambda f: (f.source, f.line or 0, f.kind))))


@contextmanager
def _cache(settings: Settings, spare: Path, alone: bool) -> Iterator[Cache]:
    """The library's cache, `alone` as its writer: two that ask arXiv at once would be one too many. One that is thrown away
    where there is no library, or none that may be written to."""
    with ExitStack() as held:
        cache = None
        if settings.library.is_dir():
            with suppress(LibraryUnwritable):
                if alone:
                    cache = held.enter_context(Writer(Library(settings.library))).cache
                else:
                    cache = held.enter_context(Cache(settings.library / "cache"))
        yield cache or held.enter_context(Cache(spare / "cache"))


def _about_arxiv(works: list[Work], fetcher: Fetcher, cache: Cache, settings: Settings) -> list[Finding]:
    arxivs = [work for work in works if work.entry.address.startswith("arxiv:")]
    by_id = {work.entry.address.removeprefix("arxiv:"): work for work in arxivs}
    known, reasons = metadata.ask(fetcher, cache, list(by_id), settings=settings)
    unknown = metadata.unknown(cache, list(by_id))
    found = [Finding("", None, "unchecked", reason) for reason in reasons]
    if unasked := [arxiv_id for arxiv_id in by_id if arxiv_id not in known and arxiv_id not in unknown]:
        few = ", ".join(unasked[:5]) + (" …" if len(unasked) > 5 else "")
        found.append(Finding("", None, "unchecked", f"{len(unasked)} papers could not be looked up at arXiv: {few}"))
    for arxiv_id, work in by_id.items():
        work.known = known.get(arxiv_id)
        for mention in work.entry.mentions:
            kind, message = _wrong(arxiv_id, mention.version, work.known, arxiv_id in unknown)
            if kind:
                found.append(Finding(mention.source, mention.line, kind, message, work.entry.address))
    return found


def _wrong(arxiv_id: str, asked: int | None, known: ArxivMetadata | None, unknown: bool) -> tuple[str, str]:
    """What is wrong with asking for a version of a paper (None: the newest): kind and message, or ("", "")."""
    if unknown:
        return "dead-link", f"arXiv has no paper {arxiv_id}."
    if known is None:
        return "", ""
    if known.withdrawn:
        return "withdrawn", f"arXiv:{arxiv_id}, “{known.title}”, was withdrawn by its authors."
    if asked and asked < known.newest:
        return "superseded", f"arXiv:{arxiv_id}v{asked} is asked for; v{known.newest} is the newest."
    if asked and asked > known.newest:
        return "dead-link", f"arXiv:{arxiv_id}v{asked} is asked for, but v{known.newest} is the newest."
    return "", ""


def _about_links(works: list[Work], fetcher: Fetcher, progress: Progress) -> list[Finding]:
    """Whether every link lives that doesn't lead to arXiv: the entries' own, and those that stand beside them."""
    places: dict[str, list[Entry]] = {}
    for work in works:
        for address in (work.entry.address, *(link.url for link in work.entry.links)):
            if address.startswith(("http:", "https:", "doi:")) and arxiv.parse(address) is None:
                places.setdefault(address, []).append(work.entry)
    found = []
    progress.stage("check", len(places))
    for address, entries in places.items():
        try:
            fetcher.probe(address)
        except Gone as error:
            found += [_at(entry, "dead-link", error.message) for entry in entries]
        except Offline:
            return []
        except FetchError as error:  # it may well be there: a firewall, a time-out, a server that dislikes programs
            found += [_at(entry, "unchecked", error.message) for entry in entries]
        progress.step(address)
    return found


def _at(entry: Entry, kind: str, message: str) -> Finding:
    first = entry.mentions[0]
    return Finding(first.source, first.line, kind, message, entry.address)
