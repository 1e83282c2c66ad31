"""What a run is to make of the library: which sources, and what they list."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from indexer import arxiv, links, sources
from indexer.document import Entry, Warning
from indexer.errors import ShrinkRefused, SourceEmpty, SourceNotFound, SourceUnreadable, UnknownDocument, UsageError
from indexer.library import Generation, Manifest, Summary, uploads
from indexer.settings import DEFAULT_LIST
from indexer.sources import Reading


@dataclass(frozen=True)
class Request:
    """What is asked of a run. `sources` replaces the remembered ones; `add` and `remove` change them.

    `remove` takes sources and document ids. `refresh` asks arXiv anew though its last answer is still good. `strict`
    publishes nothing unless every document has its full text, `yes` allows a run that drops more than half.
    `keep_apart` and `merge_again` take addresses and document ids: what is not, or is again, to be merged with others.
    """

    sources: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    offline: bool = False
    refresh: bool = False
    strict: bool = False
    yes: bool = False
    keep_apart: tuple[str, ...] = ()
    merge_again: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """What the library is to hold. `missing` has a warning for each remembered source that is not there now.

    `entries` are those of `reading` without the excluded addresses, and those that only a missing source listed.
    `kept_apart` has the addresses that are never merged with another.
    """

    sources: tuple[str, ...]
    excluded: frozenset[str]
    reading: Reading
    entries: tuple[Entry, ...]
    missing: Mapping[str, Warning]
    kept_apart: frozenset[str] = frozenset()


def wanted(request: Request, current: Generation | None, remembered: Manifest | None) -> Wanted:
    """What `request` makes of the sources that `remembered` names; `current` is the generation that can be read.

    Raises a `UsageError`: a source named in this run must be there, and must not drop too much of the library.
    """
    names, excluded = _chosen(request, current, remembered)
    reading, missing = _read(names, request, remembered)
    entries = {entry.address: entry for entry in reading.entries if entry.address not in excluded}
    for summary in current.catalogue.summaries if current else ():
        entry = summary.entry
        still = tuple(mention for mention in entry.mentions if mention.source in missing)
        if not still and _below(entry.address, tuple(missing)):
            still = entry.mentions
        if not still or entry.address in excluded:
            continue
        kept = replace(entry, mentions=still, also=())
        entries[entry.address] = entries[entry.address].merged(kept) if entry.address in entries else kept
    _guard(entries.values(), current, remembered, request)
    apart = _apart(request, current, remembered, entries)
    return Wanted(tuple(names), frozenset(excluded), reading, tuple(entries.values()), missing, frozenset(apart))


def _chosen(request: Request, current: Generation | None, remembered: Manifest | None) -> tuple[list[str], set[str]]:
    """The sources to read, in their remembered spelling, and the addresses that were taken out of them one by one."""
    names = list(remembered.sources) if remembered else []
    excluded = set(remembered.excluded) if remembered else set()
    if request.sources:
        names, excluded = [sources.remembered(source) for source in request.sources], set()
    elif not names and not request.add:
        names = [sources.remembered(DEFAULT_LIST)]
    for source in request.add:
        names.append(sources.remembered(source))
        if excluded:
            excluded -= {entry.address for entry in sources.read(source).entries}
    for name in request.remove:
        spelled = sources.remembered(name, must_exist=False)
        found = _document(name, current)
        if os.path.isabs(spelled) and spelled in names:
            names.remove(spelled)
        elif found is not None:
            own = [source for source in names if _is_itself(source, found.entry)]
            names = [source for source in names if source not in own]
            if any(mention.source not in own for mention in found.entry.mentions):
                excluded.update(found.entry.addresses)
        elif spelled in names:
            names.remove(spelled)
        elif upload := _upload(name, names):
            names.remove(upload)
        else:
            raise UnknownDocument(f"--remove {name}: neither a source of this library nor the id of a document.",
                                  cure="`paperpath sources` lists the sources, `paperpath papers` the ids.")  # fmt: skip
    if not names:
        raise SourceEmpty("No source would be left.", cure="Name others instead: `paperpath reindex SOURCE…`.")
    return list(dict.fromkeys(names)), excluded


def _upload(name: str, names: Sequence[str]) -> str:
    """The upload among the sources that has this name, "" where none has. Raises `UsageError` where several have."""
    found = [source for source in names if (there := uploads.named(source)) and name in (there[1], upload_name(source))]
    if len(found) > 1:
        spelled = ", ".join(upload_name(source) for source in found)
        raise UsageError(f"--remove {name}: {len(found)} uploads have this name.", cure=f"Name one: {spelled}.")
    return found[0] if found else ""


def removable(source: str, among: Sequence[str]) -> str:
    """How `--remove` may be given this source: an upload by its name, where no other source has that."""
    there = uploads.named(source)
    alone = there and sum(Path(other).name == there[1] for other in among) == 1
    return there[1] if there and alone else upload_name(source) or source


def upload_name(source: str) -> str:
    """The name of an upload that no other has, as `POST /v1/uploads` gives it; "" where the source is none."""
    there = uploads.named(source)
    return f"upload:{there[0]}/{there[1]}" if there else ""


def _document(name: str, current: Generation | None) -> Summary | None:
    """The document that `name` means: its id, or any spelling of an address under which it is listed."""
    if current is None:
        return None
    if found := current.catalogue.summary(name):
        return found
    address = _address(name)
    return next((s for s in current.catalogue.summaries if address in s.entry.addresses), None)


def _address(name: str) -> str:
    """The address that a person's spelling of a link or a file means."""
    address, _ = links.address(name) or (f"file:{sources.remembered(name, must_exist=False)}", None)
    return address


def _apart(
    request: Request, current: Generation | None, remembered: Manifest | None, listed: Collection[str]
) -> set[str]:
    """The addresses never to merge: the remembered ones, changed as is asked. `listed` are those that the sources have.

    An id means all that its document was merged from, but for what leads it. Raises `UnknownDocument`.
    """
    apart = set(remembered.kept_apart) if remembered else set()
    for name in request.keep_apart:
        named = current.catalogue.summary(name) if current else None
        address = name if name in listed else _address(name)
        if named is not None:
            apart.update(named.entry.also or named.entry.addresses)
        elif address in listed:
            apart.add(address)
        else:
            raise UnknownDocument(f"--keep-apart {name}: neither the id of a document nor an address of this library.")
    for name in request.merge_again:
        named = current.catalogue.summary(name) if current else None
        again = apart & {name, _address(name), *(named.entry.addresses if named else ())}
        if not again:
            kept = ", ".join(address.removeprefix("file:") for address in sorted(apart)) or "nothing"
            raise UnknownDocument(f"--merge-again {name}: it is not kept apart.", cure=f"Kept apart: {kept}.")
        apart -= again
    return apart


def _is_itself(source: str, entry: Entry) -> bool:
    """Whether a source is nothing but this entry: its PDF, id or URL, not a list or a folder that names it."""
    address, _ = links.address(source) or (f"file:{source}", None)
    return address in entry.addresses


def _read(names: Sequence[str], request: Request, remembered: Manifest | None) -> tuple[Reading, dict[str, Warning]]:
    """What the sources list, and a warning for whatever was remembered and can't be reached now.

    That is a source, or a file or folder below one.
    """
    before = set(remembered.sources) if remembered else set()
    insisted = {sources.remembered(source, must_exist=False) for source in (*request.sources, *request.add)}
    readable, missing = [], {}
    for name in names:
        if name in before - insisted:
            try:
                sources.remembered(name)
            except (SourceNotFound, SourceUnreadable) as error:
                missing[name] = _kept(name, error.message)
                continue
        readable.append(name)
    reading = sources.read_all(readable)
    for path in reading.unreachable:
        missing[path] = _kept(path, f"{path} can't be reached.")
    return reading, missing


def _kept(name: str, why: str) -> Warning:
    return Warning(name, None, "source-missing", f"{why} What it held before is kept.")


def _below(address: str, paths: Sequence[str]) -> bool:
    path = address.removeprefix("file:")
    return path != address and any(path == above or path.startswith(above + "/") for above in paths)


def _guard(entries, current: Generation | None, remembered: Manifest | None, request: Request) -> None:
    """Raises `ShrinkRefused` where more than half of ten or more documents would go."""
    papers = {name for entry in entries for name in _names_of(entry)}
    if current is not None and remembered is not None and current.name == remembered.name:
        before = len(current.catalogue.summaries)
        dropped = sum(
            not papers & {*summary.entry.addresses, f"arxiv:{summary.arxiv_id}"}
            for summary in current.catalogue.summaries
        )
    else:  # the newest one can't be read: all that is known of it is how many there were
        before = remembered.documents if remembered else 0
        dropped = max(0, before - len(entries))
    if before >= 10 and dropped * 2 > before and not request.yes:
        raise ShrinkRefused(f"This would drop {dropped} of the library's {before} documents.")


def _names_of(entry: Entry) -> set[str]:
    """The addresses by which an entry may be known: its own, and arXiv's where its file's name tells it."""
    stem = Path(entry.address).stem if entry.address.startswith("file:") else ""
    named = arxiv.from_file_name(stem) if stem else None
    return {*entry.addresses, *([f"arxiv:{named.id}"] if named else [])}
