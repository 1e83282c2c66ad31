"""What a run is to make of the library: which sources, and what they list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from indexer import sources
from indexer.document import Entry, Warning
from indexer.errors import ShrinkRefused, SourceEmpty, SourceNotFound, SourceUnreadable, UnknownDocument
from indexer.library import Generation
from indexer.sources import Reading

DEFAULT_LIST = "data/reading-list.md"


@dataclass(frozen=True)
class Request:
    """What is asked of a run. `sources` replaces the remembered ones; `add` and `remove` change them.

    `remove` takes sources and document ids. `refresh` asks arXiv anew though its last answer is still good. `strict`
    publishes nothing unless every document has its full text, `yes` allows a run that drops more than half.
    """

    sources: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    offline: bool = False
    refresh: bool = False
    strict: bool = False
    yes: bool = False


@dataclass(frozen=True)
class Wanted:
    """What the library is to hold. `missing` has a warning for each remembered source that is not there now.

    `entries` are those of `reading` without the excluded addresses, and those that only a missing source listed.
    """

    sources: tuple[str, ...]
    excluded: frozenset[str]
    reading: Reading
    entries: tuple[Entry, ...]
    missing: Mapping[str, Warning]


def wanted(request: Request, current: Generation | None) -> Wanted:
    """What `request` makes of the sources that `current` remembers.

    Raises a `UsageError`: a source named in this run must be there, and must not drop too much of the library.
    """
    names, excluded = _chosen(request, current)
    reading, missing = _read(names, request, current)
    entries = {entry.address: entry for entry in reading.entries if entry.address not in excluded}
    for summary in current.catalogue.summaries if current else ():
        address = summary.entry.address
        still = tuple(mention for mention in summary.entry.mentions if mention.source in missing)
        if still and address not in entries and address not in excluded:
            entries[address] = replace(summary.entry, mentions=still)
    _guard(entries, current, request)
    return Wanted(tuple(names), frozenset(excluded), reading, tuple(entries.values()), missing)


def _chosen(request: Request, current: Generation | None) -> tuple[list[str], set[str]]:
    """The sources to read, in their remembered spelling, and the addresses that were taken out of them one by one."""
    names = list(current.manifest.sources) if current else []
    excluded = set(current.manifest.excluded) if current else set()
    if request.sources:
        names, excluded = [sources.remembered(source) for source in request.sources], set()
    elif not names and not request.add:
        names = [sources.remembered(DEFAULT_LIST)]
    for source in request.add:
        names.append(sources.remembered(source))
        excluded -= {entry.address for entry in sources.read(source).entries}
    for name in request.remove:
        if (spelled := sources.remembered(name, must_exist=False)) in names:
            names = [source for source in names if source != spelled]
        elif current and (summary := current.catalogue.summary(name)):
            own = {mention.source for mention in summary.entry.mentions if mention.line is None}
            alone = {source for source in own if _lists_only(source, summary.entry.address, current)}
            names = [source for source in names if source not in alone]
            if any(mention.source not in alone for mention in summary.entry.mentions):
                excluded.add(summary.entry.address)
        else:
            raise UnknownDocument(f"--remove {name}: neither a source of this library nor the id of a document.")
    if not names:
        raise SourceEmpty("No source would be left.", cure="Name others instead: `paperpath reindex SOURCE…`.")
    return list(dict.fromkeys(names)), excluded


def _lists_only(source: str, address: str, current: Generation) -> bool:
    listed = {
        summary.entry.address
        for summary in current.catalogue.summaries
        if any(mention.source == source for mention in summary.entry.mentions)
    }
    return listed == {address}


def _read(names: Sequence[str], request: Request, current: Generation | None) -> tuple[Reading, dict[str, Warning]]:
    remembered = set(current.manifest.sources) if current else set()
    insisted = {sources.remembered(source, must_exist=False) for source in (*request.sources, *request.add)}
    readable, missing = [], {}
    for name in names:
        if name in remembered - insisted:
            try:
                sources.remembered(name)
            except (SourceNotFound, SourceUnreadable) as error:
                missing[name] = Warning(name, None, "source-missing", f"{error.message} Its documents are kept.")
                continue
        readable.append(name)
    return sources.read_all(readable), missing


def _guard(entries: Mapping[str, Entry], current: Generation | None, request: Request) -> None:
    before = {summary.entry.address for summary in current.catalogue.summaries} if current else set()
    dropped = before - entries.keys()
    if len(before) >= 10 and len(dropped) * 2 > len(before) and not request.yes:
        raise ShrinkRefused(f"This would drop {len(dropped)} of the library's {len(before)} documents.")
