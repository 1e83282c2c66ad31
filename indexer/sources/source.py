"""What a person hands over: says what kind of source it is, reads it, and merges what is named more than once."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from indexer import arxiv, links
from indexer.document import Entry, Mention, Warning
from indexer.errors import PaperpathError, SourceEmpty, SourceNotFound, SourceUnreadable
from indexer.sources import ordered_list, titles
from indexer.sources.bibtex import Given, read_bibtex
from indexer.sources.reading_list import read_markdown
from indexer.sources.records import Record, read_records

__all__ = ["Given", "Reading", "Record", "read", "read_all", "remembered"]

_TAKEN = "Taken are markdown lists (.md, .markdown, .txt), .bib, .jsonl or .ndjson, .pdf, and folders of PDFs."
_RIS = "A .ris file can be made a .bib: Zotero and JabRef do it, and so does `pandoc FILE.ris -t bibtex -o FILE.bib`."


@dataclass(frozen=True)
class Reading:
    """What sources list. `entries` stand in the order of their first mention, repeats merged.

    `records` and `given` are by the entry's address; `given` is what a .bib says of an entry. `skipped` names what was
    passed over: "PATH: why" for what lies in a folder and is no PDF, "SOURCE:LINE: why" for a line that can't be read.
    `unreachable` has the files and folders below a source that the system refuses to read. `boxes` are those that a person
    changed in an order that paperpath wrote, by address; what is listed with one of these has it in its first mention.
    """

    entries: tuple[Entry, ...] = ()
    records: Mapping[str, Record] = field(default_factory=dict)
    given: Mapping[str, Given] = field(default_factory=dict)
    warnings: tuple[Warning, ...] = ()
    skipped: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()
    boxes: Mapping[str, ordered_list.Changed] = field(default_factory=dict)


def read(source: str) -> Reading:
    """What one source lists: a file, a folder, an arXiv id in any form, a DOI or an http(s) URL.

    A path that exists wins over any other reading. Raises `SourceNotFound`, `SourceUnreadable` or `SourceEmpty`.
    """
    name = remembered(source)
    if not os.path.isabs(name):
        address, version = links.address(name) or ("", None)
        return Reading((Entry(address, (Mention(name),), version),))
    path = Path(name)
    with _readable(path):
        kind = _kind(path)
        reading = _folder(path) if kind == "folder" else _READERS[kind](path)
    reading = replace(reading, entries=_boxed(reading.entries, reading.boxes))
    if not reading.entries:
        raise _empty(path, kind, reading)
    return reading


def read_all(sources: Sequence[str]) -> Reading:
    """What several sources list together, merged by address. Raises as `read` does, at the first that can't be read."""
    readings = [read(name) for name in dict.fromkeys(remembered(source) for source in sources)]
    records: dict[str, Record] = {}
    given: dict[str, Given] = {}
    boxes: dict[str, ordered_list.Changed] = {}
    for reading in readings:
        records = {**reading.records, **records}
        given = {**reading.given, **given}
        boxes = {**reading.boxes, **boxes}
    entries = _boxed(_merged(entry for reading in readings for entry in reading.entries), boxes)
    across = _two_titles_across(entries)
    return Reading(
        entries=entries,
        records=records,
        given=given,
        warnings=tuple(dict.fromkeys((*(warning for reading in readings for warning in reading.warnings), *across))),
        skipped=tuple(dict.fromkeys(line for reading in readings for line in reading.skipped)),
        unreachable=tuple(dict.fromkeys(path for reading in readings for path in reading.unreachable)),
        boxes=boxes,
    )


def remembered(source: str, *, must_exist: bool = True) -> str:
    """The spelling under which a source is remembered, whatever it was given as.

    An absolute path for files and folders, `arxiv:ID` or `arxiv:IDvN` for an arXiv paper, `doi:…`, else the URL as
    given. Raises `SourceNotFound` if it is none of these and no such file is there, and `SourceUnreadable` for an
    address that is not http(s); with `must_exist` off, what is not there is taken for a path.
    """
    source = source.strip()
    # "http://../../x" is no path: who may name an address may not name a file by it.
    addressed = re.match(r"[a-z][a-z0-9+.-]*://", source, re.IGNORECASE)
    path = os.path.abspath(os.path.expanduser(source)) if source and not addressed and "\0" not in source else ""
    if not _is_utf8(path or source):
        raise SourceUnreadable(f"The name {path or source!a} is not UTF-8 text.", cure="Rename it.")
    if path and os.path.exists(path):
        if must_exist and not os.access(path, os.R_OK):
            raise SourceUnreadable(f"{path} may not be read: permission denied.", cure="Let yourself read it (chmod).")
        return path
    if identifier := arxiv.parse(source):
        return f"arxiv:{identifier.versioned}"
    if doi := links.doi(source):
        return f"doi:{doi}"
    if addressed:
        if links.address(source):
            return source
        raise SourceUnreadable(f"{source} is not an http(s) address.", cure="Give a web address, a file or a folder.")
    if not path:
        raise SourceNotFound("A source without a name can't be read.")
    if must_exist and os.path.lexists(path):
        raise SourceNotFound(f"{path} is a link to nothing.", cure="Mend the link, or name the file that it was to be.")
    if must_exist:
        raise SourceNotFound(f"There is no {source}: no such file or folder, and it is neither an arXiv id nor a URL.")
    return path


# ---------------------------------------------------------------- kinds


def _kind(path: Path) -> str:
    """The kind of a path: "folder" or a suffix of `_READERS`. Raises `SourceUnreadable`."""
    suffix = path.suffix.lower()
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        if suffix in _READERS:
            raise SourceUnreadable(f"{path} is a folder, not a file.", cure="Name the file, or rename the folder.")
        return "folder"
    if not stat.S_ISREG(mode):
        raise SourceUnreadable(f"{path} is no ordinary file.", cure=_TAKEN)
    if suffix in _READERS:
        return suffix
    if _starts_as_pdf(path):
        return ".pdf"
    raise SourceUnreadable(f"{path} is of a kind that isn't read.", cure=f"{_TAKEN} {_RIS}")


def _markdown(path: Path) -> Reading:
    text = _text(path)
    entries, warnings = read_markdown(text, str(path))
    return replace(_listed(entries, warnings), boxes=ordered_list.changed(text))


def _bibtex(path: Path) -> Reading:
    entries, given, warnings = read_bibtex(_text(path, "latin-1"), str(path))
    return replace(_listed(entries, warnings), given=given)


def _records(path: Path) -> Reading:
    entries, warnings = [], []
    records: dict[str, Record] = {}
    with path.open("rb") as lines:
        for found in read_records(lines, str(path)):
            if isinstance(found, Warning):
                warnings.append(found)
                continue
            line, record = found
            address = f"record:{path}#{record.own_id}"
            records[address] = record
            entries.append(Entry(address, (Mention(str(path), line, record.title),)))
    return Reading(tuple(entries), records, {}, tuple(warnings), _unread(warnings, entries))


def _pdf(path: Path) -> Reading:
    return Reading((Entry(f"file:{path}", (Mention(str(path)),)),))


def _folder(folder: Path) -> Reading:
    entries, skipped, unreachable = [], [], []
    for path, why, error in _files(folder, set()):
        if error is not None:
            unreachable.append(str(path))
        if why:
            skipped.append(f"{path!s}: {why}".encode(errors="replace").decode())
        else:
            entries.append(Entry(f"file:{path}", (Mention(str(folder)),)))
    return Reading(tuple(entries), skipped=tuple(skipped), unreachable=tuple(unreachable))


_READERS: dict[str, Callable[[Path], Reading]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".txt": _markdown,
    ".bib": _bibtex,
    ".jsonl": _records,
    ".ndjson": _records,
    ".pdf": _pdf,
}


# ---------------------------------------------------------------- files


def _files(folder: Path, seen: set[tuple[int, int]]) -> Iterator[tuple[Path, str, OSError | None]]:
    """The files below a folder, sorted, each with why it is no PDF to take ("" if it is one). Hidden ones are left out.

    Where the system refuses to say what is there, its error comes with it: what lay there before may still be there.

    Linked folders are followed, each folder once: a link may lead back to where it lies.
    """
    try:
        state = folder.stat()
        paths = sorted(folder.iterdir(), key=lambda path: (path.name.casefold(), path.name))
    except OSError as error:
        yield folder, _reason(error), error
        return
    seen.add((state.st_dev, state.st_ino))
    for path in paths:
        if path.name.startswith("."):
            continue
        try:
            state = path.stat()
            if not _is_utf8(str(path)):
                yield path, "its name is not UTF-8 text", None
            elif stat.S_ISDIR(state.st_mode):
                if (state.st_dev, state.st_ino) in seen:
                    yield path, "a link to a folder that is read already", None
                else:
                    yield from _files(path, seen)
            elif not stat.S_ISREG(state.st_mode):
                yield path, "no ordinary file", None
            elif _starts_as_pdf(path) or path.suffix.lower() == ".pdf":
                yield path, "", None
            elif path.suffix.lower() in _READERS:
                yield path, "not a PDF; it can be named as a source of its own", None
            else:
                yield path, "not a PDF", None
        except OSError as error:
            yield path, _reason(error), error


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _starts_as_pdf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(5) == b"%PDF-"


def _text(path: Path, fallback: str = "") -> str:
    """A file's text, UTF-8 with or without a byte-order mark, else in the encoding `fallback`."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if fallback:
            return data.decode(fallback)
        line = data.count(b"\n", 0, error.start) + 1
        what = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else f"not UTF-8, as line {line} shows"
        raise SourceUnreadable(f"{path} is {what}.", cure="Save it as UTF-8 (`iconv -f ENCODING -t UTF-8`).") from None


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns the system's refusals to read `path` into `SourceUnreadable`."""
    try:
        yield
    except OSError as error:
        raise SourceUnreadable(f"{path} can't be read: {_reason(error)}.", cure="Let yourself read it.") from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _empty(path: Path, kind: str, reading: Reading) -> PaperpathError:
    """The error for a source that names nothing."""
    if reading.warnings:
        first = reading.warnings[0]
        return SourceEmpty(
            f"Nothing in {path} can be read; line {first.line}: {first.message}", cure="Mend the lines, then try again."
        )
    if kind == "folder":
        return SourceEmpty(f"{path} holds no PDF.", cure="Put PDFs into it, or name the file that is meant.")
    if kind in (".md", ".markdown", ".txt"):
        return SourceEmpty(
            f"{path} names no paper: it has no link.",
            cure="Give each paper its link, as in `- [its title](https://arxiv.org/abs/2311.08105)`.",
        )
    return SourceEmpty(f"{path} holds no entry.", cure="Name a file that does, or a markdown list of links.")


# ---------------------------------------------------------------- repeats


def _listed(entries: Sequence[Entry], warnings: Sequence[Warning]) -> Reading:
    """A list's entries, merged, with warnings for what it names twice."""
    found = (*warnings, *_repeats(entries))
    ordered = sorted(found, key=lambda warning: warning.line or 0)
    return Reading(_merged(entries), warnings=tuple(ordered), skipped=_unread(warnings, entries))


def _merged(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries with those of one address made one, in the order of first mention."""
    merged: dict[str, Entry] = {}
    for entry in entries:
        if entry.version is not None:  # what each line asks for, which the merged entry no longer tells
            entry = replace(entry, mentions=tuple(replace(m, version=entry.version) for m in entry.mentions))
        known = merged.get(entry.address)
        merged[entry.address] = known.merged(entry) if known else entry
    return tuple(merged.values())


def _boxed(entries: Sequence[Entry], boxes: Mapping[str, ordered_list.Changed]) -> tuple[Entry, ...]:
    """The entries with what a person ticked or unticked in the order, as `Reading.boxes` has it."""
    if not boxes:
        return tuple(entries)
    found = []
    for entry in entries:
        if box := ordered_list.of_entry(boxes, entry.addresses):
            first = replace(entry.mentions[0], by_hand=box.ticked, by_hand_since=box.since)
            entry = replace(entry, mentions=(first, *entry.mentions[1:]))
        found.append(entry)
    return tuple(found)


def _repeats(entries: Iterable[Entry]) -> Iterator[Warning]:
    """A `repeat` for each further mention of an address, and `two-titles` where its title is clearly another."""
    first: dict[str, Mention] = {}
    known: dict[str, list[Mention]] = {}
    for entry in entries:
        name = re.sub("^arxiv:", "arXiv:", entry.address)
        for mention in entry.mentions:
            before = first.setdefault(entry.address, mention)
            others = known.setdefault(entry.address, [])
            if before is not mention:
                message = f"{name} is listed on line {before.line} already."
                yield Warning(mention.source, mention.line, "repeat", message)
            if mention.title and not any(_agree(mention.title, other.title) for other in others):
                if others:
                    other = others[0]
                    message = f"{name} is “{mention.title}” here and “{other.title}” on line {other.line}."
                    yield Warning(mention.source, mention.line, "two-titles", message)
                others.append(mention)


def _two_titles_across(entries: Iterable[Entry]) -> Iterator[Warning]:
    """A `two-titles` for each entry that one source calls clearly otherwise than another."""
    for entry in entries:
        titled: dict[str, Mention] = {}
        for mention in entry.mentions:
            if mention.title:
                titled.setdefault(mention.source, mention)
        first, *others = titled.values() or [None]
        for other in others:
            if first is not None and other is not None and not _agree(other.title, first.title):
                name = re.sub("^arxiv:", "arXiv:", entry.address)
                message = f"{name} is “{other.title}” here and “{first.title}” in {first.source}, line {first.line}."
                yield Warning(other.source, other.line, "two-titles", message)


def _agree(title: str, other: str) -> bool:
    return titles.same_title(title, other) or titles.same_title(other, title)


def _unread(warnings: Iterable[Warning], entries: Iterable[Entry]) -> tuple[str, ...]:
    """The bad lines that gave no entry, as `Reading.skipped` names them."""
    read = {mention.line for entry in entries for mention in entry.mentions}
    bad = (warning for warning in warnings if warning.kind == "bad-line" and warning.line not in read)
    return tuple(f"{warning.source}:{warning.line}: {warning.message}" for warning in bad)
