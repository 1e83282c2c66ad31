"""What the one writer does: it locks, publishes, rolls back and prunes, and takes nothing away that somebody needs."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from test_library import MODEL, Made, a_document, everything_in, publish, publish_made, unit_rows
from test_library_cache import brought

from indexer.document import Passage
from indexer.errors import GenerationDamaged, LibraryBusy, LibraryError, LibraryUnwritable
from indexer.library import Library, Writer, catalogue_writing, uploads
from indexer.library.cache import Cache, Download
from indexer.library.manifest import File, manifest_text


@pytest.fixture
def library(tmp_path: Path) -> Library:
    held = Library(tmp_path / "library")
    for number in (1, 2, 3):
        publish(held, [number])
    return held


def names_of_files(library: Library) -> set[str]:
    return {path.name for path in (library.folder / "files").iterdir()}


def files_of(library: Library, *names: str) -> set[str]:
    return {file.name for name in names for file in library.manifest(name).files.values()}


def test_the_lock_goes_however_it_ends(library: Library) -> None:
    with pytest.raises(KeyError), Writer(library):
        raise KeyError
    cache = library.folder / "cache"
    cache.rename(library.folder / "aside")
    cache.write_text("a file in the way")
    with pytest.raises(LibraryUnwritable, match="a file stands"), Writer(library) as writer:
        assert writer.prune(9) == []  # which needs no cache
        writer.cache.downloads()
    cache.unlink()
    with Writer(library), pytest.raises(LibraryBusy, match="Another reindex is writing"), Writer(library):
        pass
    with Writer(library):
        pass


def test_a_writer_begins_with_what_is_left_of_another_cleared(library: Library) -> None:
    before = names_of_files(library)
    for name in ("catalogue.part", "packed.part"):
        (library.folder / "files" / name).write_bytes(b"half")
    (library.folder / "files" / "of-mine").write_bytes(b"")
    with Writer(library):
        assert names_of_files(library) == before | {"of-mine"}


def test_pruning_takes_what_nobody_needs(library: Library) -> None:
    stray = library.folder / "files" / "of-no-generation"
    stray.write_bytes(b"")
    kept = files_of(library, "000002", "000003")
    with Writer(library) as writer:
        assert writer.prune(3) == [] and not stray.exists()
        assert writer.prune(2) == ["000001"] and writer.prune(2) == []
    assert library.names() == ["000002", "000003"] and names_of_files(library) == kept
    assert [wrong for _, wrong in library.verify() if wrong] == []


def test_pruning_leaves_what_is_read_and_what_answers(library: Library) -> None:
    """CURRENT names the second, which is damaged, and so the first answers: both stay beside the newest."""
    publish(library, [4], keep=9)
    with Writer(library) as writer:
        writer.rollback("000002")
        (name,) = {file.name for role, file in library.manifest("000002").files.items() if role == "vectors"}
        whole = (library.folder / "files" / name).read_bytes()
        (library.folder / "files" / name).write_bytes(b"torn")
        assert library.open().name == "000001"
        assert writer.prune(1) == ["000003"]
    assert library.names() == ["000001", "000002", "000004"]
    assert names_of_files(library) == files_of(library, "000001", "000002", "000004")
    (library.folder / "files" / name).write_bytes(whole)
    assert library.open().name == "000002"


def test_no_file_goes_where_it_is_not_known_who_needs_it(library: Library) -> None:
    before = names_of_files(library)
    path = library.folder / "generations" / "000002.json"
    whole = path.read_bytes()
    path.write_bytes(b"torn")
    with Writer(library) as writer:
        assert writer.prune(2) == ["000001"]
    assert names_of_files(library) == before
    path.write_bytes(whole)
    assert [wrong for _, wrong in library.verify()] == ["", ""]
    with Writer(library) as writer:
        writer.prune(2)
    assert names_of_files(library) == files_of(library, "000002", "000003")


def test_uploads_go_with_the_last_generation_that_names_them(library: Library) -> None:
    folders = [library.folder / "uploads" / f"{number:016x}" for number in range(3)]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "list.md").write_text("- a line")
        os.utime(folder / "list.md", (0, 0))
    os.utime(folders[2] / "list.md", (time.time(), time.time()))  # just handed over
    for name, folder in zip(("000001", "000002"), folders, strict=False):
        manifest = dataclasses.replace(library.manifest(name), sources=(str(folder / "list.md"),))
        (library.folder / "generations" / f"{name}.json").write_text(manifest_text(manifest))
    with Writer(library) as writer:
        writer.prune(3)
        assert all((folder / "list.md").exists() for folder in folders)
        writer.prune(2)
    assert [folder.exists() for folder in folders] == [False, True, True]


@pytest.mark.parametrize("name", ["000001", None])
def test_nobody_goes_back_to_what_is_not_sound(library: Library, name: str | None) -> None:
    """Be it a file that was altered, or files that don't belong together."""
    older = library.manifest("000001" if name else "000002")
    path = library.folder / "generations" / f"{older.name}.json"
    path.write_text(manifest_text(dataclasses.replace(older, passages=older.passages + 1)))
    with Writer(library) as writer:
        with pytest.raises(GenerationDamaged, match="not sound"):
            writer.rollback(name)
        path.write_text(manifest_text(older))
        file = library.folder / "files" / older.files["words"].name
        file.write_bytes(file.read_bytes() + b"?")
        with pytest.raises(GenerationDamaged, match="was altered"):
            writer.rollback(name)
    assert library.current_name() == "000003" and library.open().instead_of is None


def test_a_catalogue_that_can_not_be_written_or_copied_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [Made(number, 0, 1) for number in range(30)]
    with pytest.raises(LibraryUnwritable, match="none"):
        catalogue_writing.write(tmp_path / "none" / "catalogue", [made[5].indexed()])
    monkeypatch.setattr("indexer.library.files.HELD", 0)
    library = Library(tmp_path / "library")
    before = publish_made(library, made, None)
    path = before.catalogue.path
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))  # its pages, while it is open
    with pytest.raises(GenerationDamaged, match="was to be made from is damaged"):
        publish_made(library, made[3:], before)
    path.write_bytes(whole)
    assert publish_made(library, made[3:], library.open()).name == "000002"


@pytest.mark.parametrize("by", [-1, 1])
def test_vectors_that_are_not_those_of_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: int) -> None:
    """One too few or too many beside those that are taken over."""
    library = Library(tmp_path / "library")
    made = [Made(number, 0, 1) for number in range(30)]
    before = publish_made(library, made[:20], None)
    rows = Made.rows
    new = next(one for one in made[20:] if len(one.rows()) > 1)
    monkeypatch.setattr(Made, "rows", lambda self: np.resize(rows(self), (len(rows(self)) + by, MODEL.dimension)))
    with pytest.raises(GenerationDamaged, match="not one vector for each passage of prose"):
        publish_made(library, [*made[:20], new], before)
    assert library.names() == ["000001"]


def test_passages_of_what_is_taken_over_are_not_looked_at(tmp_path: Path) -> None:
    """They are those of the generation before, whatever is handed in with them."""
    made = [Made(number, 0, 1) for number in range(5, 35)]
    library, at_once = Library(tmp_path / "library"), publish_made(Library(tmp_path / "at-once"), made, None)
    before = publish_made(library, made[:20], None)
    with Writer(library) as writer:
        writer.publish([one.indexed() for one in made], np.concatenate([one.rows() for one in made[20:]]), before=before,
                       digests=[one.digest for one in made], kept=[*range(20), *[-1] * 10], model=MODEL, inputs="",
                       sources=["list.md"], excluded=[], keep=2)  # fmt: skip
    assert everything_in(library.open()) == everything_in(at_once)


def test_what_was_made_elsewhere_is_checked_and_published(library: Library, tmp_path: Path) -> None:
    manifest = library.manifest("000002")
    here = Library(tmp_path / "here")

    def bring(file: File, part: Path) -> None:
        part.write_bytes((library.folder / "files" / file.name).read_bytes())

    def altered(file: File, part: Path) -> None:
        part.write_bytes(b"something else")

    def full(file: File, part: Path) -> None:
        part.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "full")

    with Writer(here) as writer:
        with pytest.raises(GenerationDamaged, match="the catalogue is not the one that was exported"):
            writer.adopt(manifest, altered, 2)
        with pytest.raises(LibraryUnwritable, match="the disk is full"):
            writer.adopt(manifest, full, 2)
        assert not list(here.folder.rglob("*.part")) and here.names() == []
        assert [writer.adopt(manifest, bring, 2) for _ in range(3)] == ["000001", "000002", "000003"]
        wrong = dataclasses.replace(manifest, documents=manifest.documents + 1)
        with pytest.raises(GenerationDamaged, match="not sound"):
            writer.adopt(wrong, bring, 2)
    assert here.verify() == [("000002", ""), ("000003", "")]
    assert here.open().manifest == dataclasses.replace(manifest, name="000003")
    assert names_of_files(here) == files_of(library, "000002")


def test_going_back_is_one_step_at_a_time(library: Library) -> None:
    with Writer(library) as writer:
        assert [writer.rollback(), writer.rollback()] == ["000002", "000001"]
        with pytest.raises(LibraryError, match="no generation before 000001"):
            writer.rollback()
    assert library.current_name() == library.open().name == "000001"


def test_a_name_is_never_given_twice(library: Library) -> None:
    """Nor is one that CURRENT alone still knows: who asks for it is not to get another."""
    for path in (library.folder / "generations").iterdir():
        path.unlink()
    assert publish(library, [4]) == "000004"
    (library.folder / "CURRENT").unlink()
    assert publish(library, [5]) == "000005"
    (library.folder / "CURRENT").write_text("torn")
    assert publish(library, [6]) == "000006"
    assert library.open().instead_of is None


def test_what_stays_too_long_does_not_undo_a_publishing(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is published when CURRENT names it: that the rest could not be cleared is for the next one."""
    unlink = os.unlink

    def refused(path: object, **named: object) -> None:
        if str(path).endswith("000001.json"):
            raise PermissionError(13, "refused")
        unlink(path, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", refused)
        assert publish(library, [4]) == "000004"
    assert library.open().name == "000004" and library.names() == ["000001", "000002", "000003", "000004"]
    assert publish(library, [5]) == "000005"
    assert library.names() == ["000003", "000004", "000005"]


def test_what_is_left_of_an_upload_that_was_cut_off_goes_in_time(library: Library) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"- a line"

    folder = library.folder / "uploads"
    folder.mkdir()
    for name in ("old.part", "of-now.part"):
        (folder / name).write_bytes(b"half")
    os.utime(folder / "old.part", (0, 0))
    asyncio.run(uploads.keep(library.folder, "list.md", body()))
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == ["of-now.part"]
    with pytest.raises(uploads.BadUpload, match="is no PDF"):
        asyncio.run(uploads.keep(library.folder, "paper.pdf", body()))
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == ["of-now.part"]


def test_downloads_stay_that_a_generation_is_made_of(library: Library) -> None:
    """Also of an entry that turned out to be the same paper as another; where a generation can't be read, all of them."""
    document = a_document(9)
    merged = dataclasses.replace(
        document, entry=dataclasses.replace(document.entry, also=("https://example.org/same",))
    )
    with Writer(library) as writer:
        writer.publish([(merged, [Passage(1, 0, 23)])], unit_rows(1), model=MODEL, inputs="", sources=["list.md"],
                       excluded=[], keep=2)  # fmt: skip
    needed = {"https://example.org/3", *merged.entry.addresses}
    with Cache(library.folder / "cache") as cache:
        for address in ("https://example.org/1", *needed):
            cache.record(Download(address, address))
    path = library.folder / "files" / library.manifest("000003").files["catalogue"].name
    whole = path.read_bytes()
    path.write_bytes(b"torn")
    with Writer(library) as writer:
        with pytest.raises(GenerationDamaged):
            writer.let_go_downloads()
        assert len(writer.cache.downloads()) == 4
        path.write_bytes(whole)
        writer.cache.keep_vectors((bytes([n]), row) for n, row in enumerate(unit_rows(200)))
        body = brought(writer.cache, "https://example.org/1", b"%PDF of nothing that is kept")
        size = writer.cache._size()
        freed = writer.let_go_downloads()
        assert {row.address for row in writer.cache.downloads()} == needed and writer.cache.body(body) is None
        assert freed == len(b"%PDF of nothing that is kept") + size - writer.cache._size() > 10_000
