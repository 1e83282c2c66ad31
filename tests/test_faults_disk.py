"""A disk that fails: full, read-only, with errors, with half of what was asked, hanging, gone."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from faults import NEW, OLD, answers, cached, fill_cache, filled, mounted, prune, shim
from libraries import build

from indexer.errors import LibraryUnwritable
from indexer.library import Library, Writer, backup, marks, uploads
from indexer.library.cache import Cache
from indexer.settings import Settings
from service.opened import Opened

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shim(tmp_path_factory.mktemp("shim"))


def on_a_failing_disk(failing: Path, folder: Path, what: str) -> dict[str, int]:
    """What `tests.faulty_disk` makes of it."""
    folder = folder / "failing"
    folder.mkdir()
    done = subprocess.run([sys.executable, "-m", "tests.faulty_disk", str(folder), what], cwd=PROJECT, capture_output=True,
                          text=True, env=os.environ | {"LD_PRELOAD": str(failing), "OMP_NUM_THREADS": "1",
                          "SQLITE_TMPDIR": str(folder)}, timeout=600)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.torture
@pytest.mark.parametrize("what", ["publish", "export", "prune"])
def test_writes_that_fail_at_every_call(
    failing: Path, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIES", "1000")
    told = on_a_failing_disk(failing, tmp_path, what)
    print(told)
    assert told["EIO: refused"] > 15


@pytest.mark.parametrize("what", ["publish", "marks", "upload", "export"])
def test_writes_that_fail_at_many_calls(failing: Path, tmp_path: Path, what: str) -> None:
    """EIO once, EIO for good, ENOSPC: what was there stays, all of it, and when the disk is well again so is the library."""
    told = on_a_failing_disk(failing, tmp_path, what)
    assert told["EIO: refused"] > 2 and told["EIO from then on: refused"] > 2 and told["ENOSPC: refused"] > 2


def test_pruning_that_is_killed_or_refused_at_many_calls(failing: Path, tmp_path: Path) -> None:
    """Also while the cache's database is made smaller: what is needed is in it, and the next pruning does the rest."""
    told = on_a_failing_disk(failing, tmp_path, "prune")
    assert told["killed: killed"] == 10 and "killed: refused" not in told
    assert told["EIO: refused"] > 2 and told["EIO from then on: refused"] > 2 and told["ENOSPC: refused"] > 2


def test_reads_that_fail_at_every_call(failing: Path, tmp_path: Path) -> None:
    """The right answer or a refusal; what is held answers, and marks that can't be read are told, not taken for none."""
    told = on_a_failing_disk(failing, tmp_path, "read")
    assert told["read: refused"] > 2 and told["read: answered"] > 2 and "held: wrong" not in told
    assert told["held: answered"] == 1 and told["held: refused"] == 1 and told["marks: told"] > 1


def test_half_of_what_was_asked(failing: Path, tmp_path: Path) -> None:
    assert on_a_failing_disk(failing, tmp_path, "short")["halved"] > 100


def test_a_disk_that_hangs(failing: Path, tmp_path: Path) -> None:
    assert on_a_failing_disk(failing, tmp_path, "hang")["answered"] == 30


def test_a_clock_that_is_set_back(failing: Path, tmp_path: Path) -> None:
    """What is published is read, what is said last counts, and no answer is good for ten years."""
    assert on_a_failing_disk(failing, tmp_path, "clock")["set back"] == 1


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "1m") as folder:
        yield folder


async def _body() -> AsyncIterator[bytes]:
    for _ in range(20):
        yield b"- a line of a list\n" * 200


def test_a_disk_that_is_full_at_many_levels(small: Path, tmp_path: Path) -> None:
    """A publishing, an export, an import, a mark and an upload with less and less room: all of it, or none and the reason."""
    library = Library(small / "library")
    build(library.folder, OLD)
    marks.set_note(library.marks, "2311.08105", "kept")
    old = answers(library.open())
    build(tmp_path / "new", NEW)
    new = answers(Library(tmp_path / "new").open())
    backup.export(Library(tmp_path / "new"), tmp_path / "backup.zip")
    told = []
    for left in (0, 4096, 20_000, 60_000, 120_000, 200_000, 300_000):
        filler = filled(small, left)
        for do in (
            lambda: build(library.folder, NEW),
            lambda: backup.export(library, small / "backup.zip"),
            lambda: backup.bring_in(library, tmp_path / "backup.zip", keep=2),
            lambda: marks.set_note(library.marks, "2311.08105", "a longer note " * 300),
            lambda: asyncio.run(uploads.keep(library.folder, "list.md", _body())),
        ):
            try:
                do()
                told.append("done")
            except LibraryUnwritable as error:
                assert "full" in error.message
                told.append("refused")
            assert not list(small.rglob("*.part")) or told[-1] == "refused"
            assert answers(library.open()) in (old, new) and library.open().instead_of is None
            assert marks.load(library.marks).by_id["2311.08105"].note.strip() in (
                "kept",
                ("a longer note " * 300).strip(),
            )
        filler.unlink()
        with suppress(FileNotFoundError):
            (small / "backup.zip").unlink()
        with Writer(library) as writer:
            if library.open().name != "000001":
                writer.rollback("000001")
                (library.folder / "generations" / "000002.json").unlink(missing_ok=True)
            writer.prune(1)
        marks.set_note(library.marks, "2311.08105", "kept")
    assert {"done", "refused"} <= set(told)


def test_a_disk_that_is_full_while_it_is_pruned(tmp_path: Path) -> None:
    """With less and less room to make the cache's database smaller in: what nobody needs goes, and what could not be done is
    told; nothing is left that keeps the disk full."""
    made = tmp_path / "made"
    build(made, OLD)
    build(made, NEW)
    fill_cache(made)
    before, truth, told = cached(made), answers(Library(made).open()), []
    with mounted(tmp_path / "disk", "2m") as small:
        library = Library(small / "library")
        shutil.copytree(made, library.folder)
        prune(library.folder)
        after = cached(library.folder)
        for left in (0, 80_000, 160_000, 240_000):
            shutil.rmtree(library.folder)
            shutil.copytree(made, library.folder)
            filler = filled(small, left)
            free = os.statvfs(small).f_bavail
            if left == 0:
                with pytest.raises(LibraryUnwritable, match="the disk is full"):
                    Cache(library.folder / "cache")
            try:
                prune(library.folder)
                told.append("done")
            except LibraryUnwritable as error:
                assert "the disk is full" in error.message and "Free" in error.cure
                told.append("no smaller" if "no smaller" in error.message else "refused")
            assert os.statvfs(small).f_bavail > free
            assert answers(library.open()) == truth and library.names() == ["000002"]
            filler.unlink()
            assert all(after[kind] <= held <= before[kind] for kind, held in cached(library.folder).items())
            prune(library.folder)
            assert cached(library.folder) == after and library.verify() == [("000002", "")]
    assert {"done", "no smaller"} <= set(told), told


def test_a_disk_that_was_made_read_only(small: Path, tmp_path: Path) -> None:
    library = Library(small / "library")
    build(library.folder, OLD)
    marks.set_note(library.marks, "2311.08105", "kept")
    old = answers(library.open())
    backup.export(library, tmp_path / "backup.zip")
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    for do in (
        lambda: build(library.folder, NEW),
        lambda: backup.bring_in(library, tmp_path / "backup.zip", keep=2),
        lambda: backup.export(library, small / "backup.zip"),
        lambda: marks.set_note(library.marks, "2311.08105", "new"),
        lambda: asyncio.run(uploads.keep(library.folder, "list.md", _body())),
    ):
        with pytest.raises(LibraryUnwritable, match="read-only"):
            do()
    backup.export(library, tmp_path / "backup.zip")  # reading needs no writing
    assert answers(library.open()) == old and marks.load(library.marks).by_id["2311.08105"].note == "kept"


def test_a_file_system_that_is_frozen(tmp_path: Path) -> None:
    """A snapshot is taken of it: who writes waits, who reads goes on, and then what was written is read."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with (tmp_path / "image").open("wb") as image:
        image.truncate(16 << 20)
    for command in (
        ["mkfs.ext4", "-q", str(tmp_path / "image")],
        ["mount", "-o", "loop", str(tmp_path / "image"), str(folder)],
    ):
        if shutil.which(command[0]) is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("no file system can be made and mounted here")
    try:
        build(folder / "library", OLD)
        served = Opened(Settings(library=folder / "library", model="toy"))
        old = answers(served.now())
        if subprocess.run(["fsfreeze", "-f", str(folder)], capture_output=True).returncode:
            pytest.skip("no file system can be frozen here")
        code = "import sys; from pathlib import Path; from tests.faults import NEW; from tests.libraries import build\n" \
               "print('begun', flush=True); build(Path(sys.argv[1]), NEW)"  # fmt: skip
        try:
            writer = subprocess.Popen(
                [sys.executable, "-c", code, str(folder / "library")], cwd=PROJECT, stdout=subprocess.PIPE
            )
            assert writer.stdout is not None and writer.stdout.readline() == b"begun\n"
            for _ in range(20):
                assert answers(served.now()) == old
            assert answers(Library(folder / "library").open()) == old
            assert writer.poll() is None
        finally:
            subprocess.run(["fsfreeze", "-u", str(folder)], check=True)
        writer.communicate()
        assert writer.returncode == 0 and served.now().name == "000002"
        assert answers(served.now()) != old and served.trouble is None
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
