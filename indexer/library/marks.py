"""Marks: what a person did (read, notes), beside the generations, by document id. No reindex, rollback or prune touches them.

One file, `marks.jsonl`, with a line for each document:

    {"id": "2311.08105", "read": true, "read_at": "2026-03-01T10:00:00+00:00", "box": null, "note": "…", "note_at": "…",
     "by_hand": null, "since": "", "check": "1c291ca3"}

`read` and `note` are null where nothing was said of them. `box` is what the document's check box said when `read` was
said: a box that says something else now was changed since, and so is the newer of the two. `by_hand` is the same of its
box in the order that paperpath wrote, null unless a person had changed that, and `since` the date of the mark that this
order was written by. `check` is the CRC-32 of the rest; a line that a person wrote may do without. A line that can't be
read, or was altered since, is passed over with a warning and stays in the file, as do those of documents that are not in
the library. What is said later counts, whatever the clock has become.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import stat
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from indexer.document import Warning
from indexer.errors import LibraryBusy
from indexer.folding import writable
from indexer.library import files
from indexer.library.summaries import Summary

_FILE = "marks.jsonl"
_DAMAGED = "damaged-mark"
_UNREADABLE = "unreadable-marks"
_SECONDS = 10  # that another writer is waited for


@dataclass(frozen=True)
class Mark:
    """What a person said of one document. Times are ISO with an offset, "" where nothing was said."""

    id: str
    read: bool | None = None
    read_at: str = ""
    box: bool | None = None
    note: str | None = None
    note_at: str = ""
    by_hand: bool | None = None
    since: str = ""


@dataclass(frozen=True)
class Box:
    """What the check boxes of a document say: `ticked` those of the lists, None where it has none.

    `by_hand` is the one in the order that paperpath wrote, None unless a person changed it since; `since` is the date of the
    mark that the order was written by, "" for none.
    """

    ticked: bool | None = None
    by_hand: bool | None = None
    since: str = ""


@dataclass(frozen=True)
class Marks:
    """All marks, by document id. `warnings` name the lines that could not be read; `stamp` changes with the file."""

    by_id: Mapping[str, Mark] = field(default_factory=dict)
    warnings: tuple[Warning, ...] = ()
    stamp: tuple[int, ...] = ()

    @property
    def readable(self) -> bool:
        """Whether the file could be read at all; where it couldn't, a warning says why, and nothing is known of any mark."""
        return all(warning.kind != _UNREADABLE for warning in self.warnings)

    def read_at(self, document_id: str) -> str:
        """When a document was marked as read or unread, "" where no mark says so."""
        return self.by_id[document_id].read_at if document_id in self.by_id else ""


NONE = Marks()


def load(folder: Path) -> Marks:
    """The marks of `Library.marks`; none where there is no file. Cheap while the file stays as it is."""
    path = folder / _FILE
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return Marks(warnings=(Warning(str(path), None, _DAMAGED, "This is no file: no mark can be read."),))
        return _loaded(path, (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size))
    except (FileNotFoundError, NotADirectoryError):
        return NONE
    except OSError as error:
        return Marks(warnings=(Warning(str(path), None, _UNREADABLE, f"The marks can't be read: {error.strerror}."),))


def set_read(
    folder: Path, summary: Summary, read: bool, when: datetime.datetime | None = None, box: Box | None = None
) -> None:
    """Marks a document as read or as unread, `when` (with an offset; by default now).

    `box` is what its check boxes say now, where that is not what its entry says. Raises `LibraryUnwritable`, or `LibraryBusy`
    where another program writes marks without end.
    """
    set_all_read(folder, [(summary, read, box or box_of(summary))], when)


def set_all_read(
    folder: Path, said: Iterable[tuple[Summary, bool, Box]], when: datetime.datetime | None = None
) -> None:
    """The same of several documents, each with what its boxes say now: all of them or none. Raises as `set_read` does."""
    time = _time(when)
    _change(folder, [Mark(summary.id, read=read, read_at=time, box=box.ticked, by_hand=box.by_hand, since=box.since)
                     for summary, read, box in said], now=when is None)  # fmt: skip


def set_note(folder: Path, document_id: str, note: str, when: datetime.datetime | None = None) -> None:
    """Writes a note to a document, in place of the one before; "" takes it away. Raises as `set_read` does."""
    _change(folder, [Mark(document_id, note=note, note_at=_time(when))], now=when is None)


def export(folder: Path) -> bytes:
    """All marks as the file has them, damaged lines too. Raises `OSError` where it can't be read."""
    return b"\n".join(line for line in _lines(folder / _FILE) if line.strip())


def merge(folder: Path, data: bytes) -> int:
    """Takes in marks that were exported: of each thing that was said of a document the later counts.

    Lines that can't be read are kept beside those that are here. Returns how many documents have another mark than before.
    Raises as `set_read` does.
    """
    lines = [line for line in data.split(b"\n") if line.strip()]
    before = dict(load(folder).by_id)
    new: dict[str, Mark] = {}
    for mark in map(_mark, lines):
        if isinstance(mark, Mark):
            new[mark.id] = _newer(new.get(mark.id), mark)
    changed = [mark for mark in new.values() if _newer(before.get(mark.id), mark) != before.get(mark.id)]
    _change(folder, changed, damaged=[line for line in lines if not isinstance(_mark(line), Mark)])
    return len(changed)


def state(summary: Summary, marks: Marks) -> bool:
    """Whether a document was read: what was said last, by a mark or by the check box of its entry."""
    return said(marks.by_id.get(summary.id), box_of(summary))


def notes(summary: Summary, marks: Marks) -> tuple[str, ...]:
    """What its reader noted on a document, the own note first, then those of its sources; each once, none empty."""
    mark = marks.by_id.get(summary.id)
    found = [mark.note if mark else None, *(mention.note for mention in summary.entry.mentions)]
    return tuple(dict.fromkeys(note for note in found if note and note.strip()))


def said(mark: Mark | None, box: Box) -> bool:
    """The same of a mark (None: none) and of what the check box says now.

    A box that a person changed in the order says it, unless it was like that, in the same writing of the order, when the
    mark was made. No box in the lists, or one that was never ticked, says nothing against a mark.
    """
    if box.by_hand is not None:
        if mark is None or mark.read is None or (box.by_hand, box.since) != (mark.by_hand, mark.since):
            return box.by_hand
    if mark is None or mark.read is None or (box.ticked is not None and box.ticked != bool(mark.box)):
        return bool(box.ticked)
    return mark.read


def box_of(summary: Summary) -> Box:
    """What a document's check boxes say: ticked in one place is ticked."""
    ticked = [mention.checked for mention in summary.entry.mentions if mention.checked is not None]
    by_hand = [(m.by_hand, m.by_hand_since) for m in summary.entry.mentions if m.by_hand is not None]
    return Box(any(ticked) if ticked else None, *max(by_hand, default=(None, "")))


@lru_cache(maxsize=8)
def _loaded(path: Path, stamp: tuple[int, ...]) -> Marks:
    found: dict[str, Mark] = {}
    warnings = []
    for number, line in enumerate(_lines(path), 1):
        mark = _mark(line)
        if isinstance(mark, str):
            warnings.append(Warning(str(path), number, _DAMAGED, f"This mark can't be read and is left alone: {mark}."))
        elif mark is not None:
            found[mark.id] = _newer(found.get(mark.id), mark)
    return Marks(found, tuple(warnings), stamp)


def _lines(path: Path) -> list[bytes]:
    try:
        with files.opened(path) as file:
            return file.read().split(b"\n")
    except FileNotFoundError:
        return []


def _mark(line: bytes) -> Mark | str | None:
    """The mark of a line, what is wrong with it, or None for an empty one."""
    if not line.strip():
        return None
    try:
        data = json.loads(line)
        if not isinstance(data, dict) or not isinstance(data.get("id"), str) or not data["id"]:
            return 'it names no "id"'
        if (check := data.pop("check", None)) is not None and check != _check_of(data):
            return "it was altered since it was written"
    except (ValueError, RecursionError):
        return "it is not JSON"
    mark = Mark(**{name: data.get(name, default) for name, default in _DEFAULTS.items()})
    if not all(value is None or isinstance(value, bool) for value in (mark.read, mark.box, mark.by_hand)):
        return '"read", "box" and "by_hand" are true, false or null'
    if not isinstance(mark.since, str):
        return '"since" is a text'
    if not isinstance(mark.read_at, str) or not isinstance(mark.note_at, str):
        return "its date is none"
    if mark.note is not None and not isinstance(mark.note, str):
        return '"note" is a text or null'
    mark = replace(mark, id=writable(mark.id), note=mark.note and writable(mark.note), since=writable(mark.since),
                   read_at=writable(mark.read_at), note_at=writable(mark.note_at))  # fmt: skip
    for value, time in ((mark.read, mark.read_at), (mark.note, mark.note_at)):
        if value is not None and _moment(time) is None:
            return "its date is none"
    return mark


_DEFAULTS = asdict(Mark(""))


def _line(mark: Mark) -> bytes:
    data = asdict(mark)
    return json.dumps(data | {"check": _check_of(data)}).encode()


def _check_of(data: dict[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(data).encode()):08x}"


def _newer(one: Mark | None, other: Mark) -> Mark:
    """Two marks of one document as one: of each thing what was said last."""
    if one is None:
        return other
    if other.read is not None and (one.read is None or _at(other.read_at) >= _at(one.read_at)):
        one = replace(other, note=one.note, note_at=one.note_at)
    if other.note is not None and (one.note is None or _at(other.note_at) >= _at(one.note_at)):
        one = replace(one, note=other.note, note_at=other.note_at)
    return one


def _at(time: str) -> datetime.datetime:
    return _moment(time) or datetime.datetime.min.replace(tzinfo=datetime.UTC)


def _moment(time: object) -> datetime.datetime | None:
    try:
        found = datetime.datetime.fromisoformat(time)  # type: ignore[arg-type]
        return found if found.utcoffset() is not None else found.replace(tzinfo=datetime.UTC)
    except (ValueError, TypeError):
        return None


def _time(when: datetime.datetime | None) -> str:
    return (when or datetime.datetime.now(datetime.UTC)).isoformat()


def _last(before: Mark | None, mark: Mark) -> Mark:
    """What is said now, dated no earlier than what was said before: the clock may have been set back since."""
    if before is None:
        return mark
    if _at(before.read_at) > _at(mark.read_at):
        mark = replace(mark, read_at=_after(before.read_at))
    if _at(before.note_at) > _at(mark.note_at):
        mark = replace(mark, note_at=_after(before.note_at))
    return mark


def _after(time: str) -> str:
    with contextlib.suppress(OverflowError):  # the last second that there is
        return _time(_at(time) + datetime.timedelta(seconds=1))
    return time


def _change(folder: Path, new: Sequence[Mark], *, now: bool = False, damaged: Sequence[bytes] = ()) -> None:
    """Writes marks of different documents: every line that is of none of these stays as it is, byte for byte.

    `now` says that these are said now, and so are the last; `damaged` lines are added if they aren't there.
    """
    import filelock

    if not new and not damaged:
        return
    path = folder / _FILE
    new = [replace(mark, id=writable(mark.id), note=mark.note and writable(mark.note)) for mark in new]
    before: dict[str, Mark | None] = {mark.id: None for mark in new}
    with files.writing(folder):
        files.make_folder(folder)
        lock = filelock.FileLock(folder / "lock", timeout=_SECONDS)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise LibraryBusy(f"Another program is writing to {folder}.") from None
        try:
            kept: list[bytes] = []
            for line in _lines(path):
                mark = _mark(line)
                if isinstance(mark, Mark) and mark.id in before:
                    before[mark.id] = _newer(before[mark.id], mark)
                elif line.strip():
                    kept.append(line)
            kept += [line for line in damaged if line not in kept]
            for mark in new:
                known = before[mark.id]
                kept.append(_line(_newer(known, _last(known, mark) if now else mark)))
            files.write_bytes(path, b"\n".join(kept) + b"\n")
        finally:
            lock.release()
