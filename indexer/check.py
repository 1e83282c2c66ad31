"""The lint of a reading list: what is wrong with it, by line, without downloading a paper."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from indexer import sources
from indexer.assemble import wrong_titles
from indexer.bring import Work
from indexer.document import Entry
from indexer.errors import FetchError, Gone, LibraryUnwritable, Offline
from indexer.fetch import Fetcher, metadata
from indexer.library.cache import Cache
from indexer.settings import Settings


@dataclass(frozen=True)
class Finding:
    """Something wrong with a list. `line` is None where it is about no single line; `address` is whose entry it is.

    `kind`: repeat, two-titles, wrong-title, superseded, withdrawn, dead-link, unchecked, bad-line or repeat-id.
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


def check(source: str, settings: Settings, *, offline: bool = False) -> Findings:
    """What is wrong with the list (or any other source). Asks arXiv for metadata, and other hosts whether links live.

    Raises a `UsageError` where the source can't be read.
    """
    reading = sources.read(source)
    found = [Finding(w.source, w.line, w.kind, w.message) for w in reading.warnings]
    with (
        tempfile.TemporaryDirectory() as spare,
        _cache(settings, Path(spare)) as cache,
        Fetcher(settings, cache, offline=offline) as fetcher,
    ):
        works = [Work(entry) for entry in reading.entries if entry.address not in reading.records]
        found += _about_arxiv(works, fetcher, cache, settings)
        for work in works:
            found += _about_link(work.entry, fetcher)
        found += [Finding(w.source, w.line, w.kind, w.message) for w in wrong_titles(works)]
    return Findings(source, len(reading.entries), tuple(sorted(found, key=lambda f: (f.source, f.line or 0, f.kind))))


def _cache(settings: Settings, spare: Path) -> Cache:
    """The library's cache; one that is thrown away where there is no library, or none that may be written to."""
    if settings.library.is_dir():
        try:
            return Cache(settings.library / "cache")
        except LibraryUnwritable:
            pass
    return Cache(spare / "cache")


def _about_arxiv(works: list[Work], fetcher: Fetcher, cache: Cache, settings: Settings) -> list[Finding]:
    by_id = {
        work.entry.address.removeprefix("arxiv:"): work for work in works if work.entry.address.startswith("arxiv:")
    }
    known, reasons = metadata.ask(fetcher, cache, list(by_id), settings=settings)
    unknown = metadata.unknown(cache, list(by_id))
    found = [Finding("", None, "unchecked", reason) for reason in reasons]
    for arxiv_id, work in by_id.items():
        work.known = known.get(arxiv_id)
        asked = work.entry.version
        if arxiv_id in unknown:
            found += _at(work.entry, "dead-link", f"arXiv has no paper {arxiv_id}.")
        elif work.known is None:
            continue
        elif work.known.withdrawn:
            found += _at(
                work.entry, "withdrawn", f"arXiv:{arxiv_id}, “{work.known.title}”, was withdrawn by its authors."
            )
        elif asked and asked < work.known.newest:
            found += _at(work.entry, "superseded",
                         f"arXiv:{arxiv_id}v{asked} is asked for; v{work.known.newest} is the newest.")  # fmt: skip
        elif asked and asked > work.known.newest:
            found += _at(work.entry, "dead-link",
                         f"arXiv:{arxiv_id}v{asked} is asked for, but v{work.known.newest} is the newest.")  # fmt: skip
    return found


def _about_link(entry: Entry, fetcher: Fetcher) -> list[Finding]:
    if not entry.address.startswith(("http:", "https:", "doi:")):
        return []
    try:
        fetcher.probe(entry.address)
    except Gone as error:
        return _at(entry, "dead-link", error.message)
    except Offline:
        return []
    except FetchError as error:  # it may well be there: a firewall, a time-out, a server that dislikes programs
        return _at(entry, "unchecked", error.message)
    return []


def _at(entry: Entry, kind: str, message: str) -> list[Finding]:
    first = entry.mentions[0]
    return [Finding(first.source, first.line, kind, message, entry.address)]
