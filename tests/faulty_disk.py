"""What is done on a disk that fails, in a process of its own: `python -m tests.faulty_disk FOLDER WHAT`, with the shim preloaded.

Prints what came of it as JSON. The disk fails at one call after the other, until there is none left to fail at.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import json
import os
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from indexer.errors import LibraryError, LibraryUnwritable
from indexer.library import Library, backup, files, marks, uploads
from tests.faults import (
    ERROR,
    HANG,
    KILL,
    LOOK,
    NAME,
    NEW,
    OLD,
    READ,
    SHORT,
    SYNC,
    WRITE,
    answers,
    cached,
    fill_cache,
    prune,
)
from tests.libraries import build

TRIES = int(os.environ.get("TRIES", "10"))
_SHIM = ctypes.CDLL(None)
_SHIM.fault_seen.restype = ctypes.c_long


def fail(how: int, calls: int, below: Path, nth: int = 1, *, error: int = errno.EIO, once: bool = False) -> None:
    """Makes the disk fail from the nth of these calls on."""
    _SHIM.fault_set(how, calls, error, ctypes.c_long(nth), once, str(below).encode())


def well() -> int:
    """Ends it. Returns how many such calls there were."""
    seen = _SHIM.fault_seen()
    _SHIM.fault_set(0, 0, 0, ctypes.c_long(1), 0, b"/")
    return seen


def each_failure(
    below: Path, calls: int, do: Callable[[], None], most: int, **how: object
) -> Iterator[Exception | None]:
    """Does something again and again, the disk failing at another call each time; what was raised. At most `most` times."""
    fail(0, 0, below)
    fail(ERROR, calls, below, 1 << 40)
    do()
    for nth in spread(well(), most):
        fail(ERROR, calls, below, nth, **how)  # type: ignore[arg-type]
        try:
            do()
            raised = None
        except Exception as error:
            raised = error
        well()
        yield raised


def spread(total: int, most: int) -> list[int]:
    """Numbers from 1 to `total`, at most so many."""
    tries = min(most, total)
    return sorted({1 + round(n * (total - 1) / max(tries - 1, 1)) for n in range(tries)})


def writes(folder: Path, what: str) -> Counter:
    """A publishing, marks, an upload or an export on a disk on which writes, syncs or renames fail."""
    library = Library(folder / "library")
    told: Counter = Counter()
    for name, error, once in (
        ("EIO", errno.EIO, True),
        ("EIO from then on", errno.EIO, False),
        ("ENOSPC", errno.ENOSPC, False),
    ):
        shutil.rmtree(library.folder, ignore_errors=True)
        build(library.folder, OLD)
        marks.set_note(library.marks, "2311.08105", "kept")
        backup.export(library, library.folder / "backup.zip")
        old, exported = answers(library.open()), (library.folder / "backup.zip").read_bytes()
        new = None
        for turn, raised in enumerate(
            each_failure(library.folder, WRITE | SYNC | NAME, _DOES[what](library), TRIES, error=error, once=once)
        ):
            assert raised is None or isinstance(raised, LibraryUnwritable), repr(raised)
            told[f"{name}: {'refused' if raised else 'done'}"] += 1
            assert [wrong for _, wrong in library.verify() if wrong] == []
            if what == "publish":
                said = answers(library.open())
                new = new or (said if said != old else None)
                assert said in (old, new), turn
            held = marks.load(library.marks)
            assert held.by_id["2311.08105"].note in ("kept", "new") and not held.warnings
            if what == "export":
                assert len((library.folder / "backup.zip").read_bytes()) == len(exported)
            if what == "upload" and once:
                assert not list((library.folder / "uploads").glob("*.part"))
        _DOES[what](library)()  # the disk is well again
        assert [wrong for _, wrong in library.verify() if wrong] == []
    return told


def prunes(folder: Path, _: str) -> Counter:
    """`library prune --downloads`, killed at a write, a sync or a name, or refused it: what is needed is there, and the next
    one does the rest."""
    made, library = folder / "made", Library(folder / "library")
    for texts in (OLD, NEW, OLD):
        build(made, texts)
    fill_cache(made)
    before, truth = cached(made), answers(Library(made).open())
    shutil.copytree(made, library.folder)
    fail(ERROR, WRITE | SYNC | NAME, folder, 1 << 40)
    prune(library.folder)
    total, after = well(), cached(library.folder)
    size = (library.folder / "cache" / "cache.sqlite").stat().st_size
    assert all(after[kind] < before[kind] for kind in before)
    told: Counter = Counter()
    for name, how, error, once in (
        ("killed", KILL, 0, True),
        ("EIO", ERROR, errno.EIO, True),
        ("EIO from then on", ERROR, errno.EIO, False),
        ("ENOSPC", ERROR, errno.ENOSPC, False),
    ):
        for nth in spread(total, TRIES if how == KILL else TRIES // 2):
            shutil.rmtree(library.folder)
            shutil.copytree(made, library.folder)
            if (child := os.fork()) == 0:
                fail(how, WRITE | SYNC | NAME, folder, nth, error=error, once=once)
                ended = 1
                try:
                    prune(library.folder)
                    ended = 0
                except LibraryUnwritable:
                    ended = 2
                finally:
                    os._exit(ended)
            ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            told[f"{name}: {_ENDED[ended]}"] += 1
            assert answers(library.open()) == truth and library.open().instead_of is None
            left = cached(library.folder)
            assert all(after[kind] <= left[kind] <= before[kind] for kind in before), (name, nth)
            prune(library.folder)
            assert cached(library.folder) == after and library.verify() == [("000003", "")]
            assert (library.folder / "cache" / "cache.sqlite").stat().st_size == size
    return told


_ENDED = {-9: "killed", 0: "done", 2: "refused"}


def _upload(library: Library) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"- a line\n" * 5000

    asyncio.run(uploads.keep(library.folder, "list.md", body()))


_DOES: dict[str, Callable[[Library], Callable[[], None]]] = {
    "publish": lambda library: lambda: (build(library.folder, NEW), None)[1],
    "marks": lambda library: lambda: marks.set_note(library.marks, "2311.08105", "new"),
    "upload": lambda library: lambda: _upload(library),
    "export": lambda library: lambda: (backup.export(library, library.folder / "backup.zip"), None)[1],
}


def reads(folder: Path, _: str) -> Counter:
    """A library opened and asked on a disk on which reads fail: the right answer, or a refusal by name."""
    library = Library(folder / "library")
    build(library.folder, OLD)
    old = answers(library.open())
    build(library.folder, NEW)
    new = answers(library.open())
    marks.set_note(library.marks, "2311.08105", "kept")
    told: Counter = Counter()
    for held in (files.HELD, 0):
        files.HELD = held
        said: list[dict] = []
        asked = lambda said=said: said.append(answers(library.open()))  # noqa: E731
        for raised in (
            *each_failure(library.folder, READ, asked, 40, once=True), *each_failure(library.folder, READ, asked, 5)
        ):  # fmt: skip
            assert raised is None or isinstance(raised, LibraryError), repr(raised)
            told["read: refused" if raised else "read: answered"] += 1
        assert all(one in (old, new) for one in said)
        generation = library.open()
        fail(ERROR, READ | LOOK, library.folder)
        try:
            told["held: answered" if answers(generation) == new else "held: wrong"] += 1
        except LibraryError:
            told["held: refused"] += 1
        well()
    files.HELD = 1 << 26
    for raised in each_failure(library.marks, READ | LOOK, lambda: _marks(library, told), 10):
        assert raised is None
    marks.set_note(library.marks, "x", "y")
    assert {"2311.08105", "x"} == marks.load(library.marks).by_id.keys(), "what could not be read once was forgotten"
    return told


def _marks(library: Library, told: Counter) -> None:
    held = marks.load(library.marks)
    assert held.readable == (held.by_id.keys() == {"2311.08105"})
    told["marks: read" if held.readable else "marks: told"] += 1
    marks._loaded.cache_clear()


def short(folder: Path, _: str) -> Counter:
    """Every read and write does half of what was asked: nothing comes of it."""
    library = Library(folder / "library")
    build(folder / "whole", NEW)
    truth = answers(Library(folder / "whole").open())
    fail(SHORT, READ | WRITE, folder)
    build(library.folder, NEW)
    marks.set_note(library.marks, "2311.08105", "kept")
    backup.export(library, folder / "backup.zip")
    backup.bring_in(Library(folder / "other"), folder / "backup.zip", keep=3)
    _upload(library)
    for one in (library, Library(folder / "other")):
        assert answers(one.open()) == truth and marks.load(one.marks).by_id["2311.08105"].note == "kept"
    seen = well()
    for one in (library, Library(folder / "other")):
        assert [wrong for _, wrong in one.verify() if wrong] == []
        assert answers(one.open()) == truth
    (upload,) = (library.folder / "uploads").glob("*/list.md")
    assert upload.read_bytes() == b"- a line\n" * 5000
    return Counter({"halved": seen})


def hang(folder: Path, _: str) -> Counter:
    """A disk that hangs under a server: who asks is answered from what is held; when it is back, so is what is new."""
    from indexer.settings import Settings
    from service.opened import Opened

    library = Library(folder / "library")
    build(library.folder, OLD)
    marks.set_note(library.marks, "2311.08105", "kept")
    opened = Opened(Settings(library=library.folder, model="toy"))
    truth = answers(opened.now())
    assert opened.marks().by_id
    fail(HANG, READ | LOOK, library.folder)
    stuck = [threading.Thread(target=opened.now), threading.Thread(target=opened.marks)]
    for thread in stuck:
        thread.start()
    while _SHIM.fault_seen() < 2:
        pass
    for _ in range(30):
        assert answers(opened.now()) == truth and opened.marks().by_id["2311.08105"].note == "kept"
    assert all(thread.is_alive() for thread in stuck)
    well()
    for thread in stuck:
        thread.join()
    build(library.folder, NEW)
    assert opened.now().name == "000002"
    return Counter({"answered": 30})


def clock(folder: Path, _: str) -> Counter:
    """A clock that is set back ten years, and files that are older than those before them."""
    from indexer.fetch.metadata import _is_fresh
    from indexer.library.cache import Cache
    from indexer.settings import Settings
    from service.opened import Opened

    library = Library(folder / "library")
    build(library.folder, OLD)
    opened = Opened(Settings(library=library.folder, model="toy"))
    summary = opened.now().catalogue.summaries[0]
    marks.set_read(library.marks, summary, True)
    marks.set_note(library.marks, summary.id, "what was noted first")
    with Cache(library.folder / "cache") as cache:
        cache.keep_metadata(time.time(), {"2311.08105": {"unknown": True}})
        assert _is_fresh(cache, "2311.08105", time.time(), opened.settings)
    pointer = library.folder / "CURRENT"
    then = pointer.stat().st_mtime_ns
    _SHIM.fault_clock(ctypes.c_long(-10 * 365 * 86_400))
    assert time.time() < then / 1e9 - 300_000_000
    build(library.folder, NEW)
    os.utime(pointer, ns=(then, then))
    assert opened.now().name == library.open().name == "000002", "what was published by the clock set back is not read"
    for read in (False, True, False):
        marks.set_read(library.marks, summary, read)
        assert marks.state(summary, opened.marks()) is read, "what was said last does not count"
        marks.set_note(library.marks, summary.id, f"noted later: {read}")
        assert opened.marks().by_id[summary.id].note == f"noted later: {read}"
    with Cache(library.folder / "cache") as cache:
        assert not _is_fresh(cache, "2311.08105", time.time(), opened.settings), "good for ten years"
    build(library.folder, OLD)
    assert opened.now().name == "000003" and [wrong for _, wrong in library.verify() if wrong] == []
    _SHIM.fault_clock(ctypes.c_long(0))
    marks.set_read(library.marks, summary, True)
    assert marks.state(summary, opened.marks())
    return Counter({"set back": 1})


def main() -> None:
    """Does what the arguments say."""
    folder, what = Path(sys.argv[1]), sys.argv[2]
    does = {"read": reads, "short": short, "hang": hang, "clock": clock, "prune": prunes}.get(what, writes)
    print(json.dumps(does(folder, what)))


if __name__ == "__main__":
    main()
