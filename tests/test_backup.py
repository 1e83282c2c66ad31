"""A library as one file: it comes back as it was, and what is altered, foreign or hostile is refused before anything is written."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import io
import json
import os
import random
import shutil
import stat
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from faults import NEW, OLD, answers
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from libraries import build, document
from test_cli import Shell, shell  # noqa: F401

from indexer.errors import FormatUnknown, GenerationDamaged, LibraryBusy, LibraryError, LibraryUnwritable, NoLibrary
from indexer.library import Generation, Library, Writer, archive, backup, marks, uploads
from indexer.library.cache import Cache, Download
from indexer.library.manifest import manifest_from, manifest_text

EARLY, LATE = (datetime.datetime(2026, 3, day, tzinfo=datetime.UTC) for day in (1, 2))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A library with marks, an upload, and a download."""
    held = Library(tmp_path / "library")
    build(held.folder, OLD)
    body = b"%PDF-1.4 an upload"
    upload = held.folder / "uploads" / hashlib.sha256(body).hexdigest()[:16] / "It's a paper – ü.pdf"
    upload.parent.mkdir(parents=True)
    upload.write_bytes(body)
    published(held, ("list.md", str(upload.resolve())))
    with Cache(held.folder / "cache") as cache:
        part = cache.part("x")
        part.write_bytes(b"%PDF-1.4 a download")
        sha256 = cache.keep_body(part)
        cache.record(Download("https://example.org/title-only", "https://example.org/", sha256=sha256, bytes=19))
        cache.record(Download("https://example.org/of another", "https://example.org/", sha256=sha256, bytes=19))
    marks.set_note(held.marks, "2311.08105", "a note", EARLY)
    marks.set_read(held.marks, held.open().catalogue.summaries[1], True, EARLY)
    return held


def published(library: Library, sources: tuple[str, ...]) -> None:
    """Says that the library was made from these sources."""
    manifest = replace(library.open().manifest, sources=sources)
    path = library.folder / "generations" / f"{manifest.name}.json"
    path.write_text(manifest_text(manifest))


@pytest.fixture
def exported(library: Library, tmp_path: Path) -> Path:
    backup.export(library, tmp_path / "backup.zip", downloads=True)
    return tmp_path / "backup.zip"


def appended(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != "lock" and "sqlite" not in path.name}  # fmt: skip


def test_what_is_exported_comes_back(library: Library, exported: Path, tmp_path: Path) -> None:
    other = Library(tmp_path / "other")
    done = backup.bring_in(other, exported, keep=3)
    assert (done.published, done.documents, done.marks, done.uploads, done.downloads) == (True, len(OLD), 2, 1, 1)
    assert answers(other.open()) == answers(library.open())
    assert marks.load(other.marks).by_id == marks.load(library.marks).by_id
    assert other.verify() == [("000001", "")]
    with Cache(other.folder / "cache") as cache:
        (row,) = cache.downloads()
        body = cache.body(row.sha256)
        assert body is not None and body.read_bytes() == b"%PDF-1.4 a download"
    ours, source = other.open().manifest.sources
    assert ours == "list.md" and Path(source).is_relative_to(other.folder.resolve())
    assert Path(source).read_bytes() == b"%PDF-1.4 an upload"
    again = backup.bring_in(other, exported, keep=3)
    assert again == replace(done, published=False, marks=0, downloads=0)


def test_equal_libraries_give_equal_files(library: Library, exported: Path, tmp_path: Path) -> None:
    done = backup.export(library, tmp_path / "again.zip", downloads=True)
    assert (tmp_path / "again.zip").read_bytes() == exported.read_bytes()
    assert done.sha256 == hashlib.sha256(exported.read_bytes()).hexdigest()
    backup.export(library, exported)
    assert exported.stat().st_size < done.bytes
    assert not list(tmp_path.glob("*.part"))


def test_any_tool_can_open_it(exported: Path) -> None:
    with zipfile.ZipFile(exported) as file:
        assert file.testzip() is None
        assert {name.split("/")[0] for name in file.namelist()} == {
            "export.json", "generations", "files", "marks", "uploads", "cache"}  # fmt: skip


def test_marks_are_merged_and_the_later_counts(library: Library, exported: Path, tmp_path: Path) -> None:
    other = Library(tmp_path / "other")
    backup.bring_in(other, exported, keep=3)
    marks.set_note(other.marks, "2311.08105", "a later note", LATE)
    marks.set_note(other.marks, "elsewhere", "of another paper", LATE)
    appended(other.marks / "marks.jsonl", b"a damaged line\n")
    before = dict(marks.load(other.marks).by_id)
    assert backup.bring_in(other, exported, keep=3).marks == 0
    assert marks.load(other.marks).by_id == before
    assert b"a damaged line" in (other.marks / "marks.jsonl").read_bytes()
    marks.set_note(library.marks, "2311.08105", "the last note", LATE + datetime.timedelta(1))
    appended(library.marks / "marks.jsonl", b"another damaged line\n")
    backup.export(library, exported)
    assert backup.bring_in(other, exported, keep=3).marks == 1
    assert marks.load(other.marks).by_id["2311.08105"].note == "the last note"
    lines = (other.marks / "marks.jsonl").read_bytes().splitlines()
    assert b"a damaged line" in lines and b"another damaged line" in lines


def test_nothing_is_lost_by_an_import(library: Library, exported: Path, tmp_path: Path) -> None:
    """Where the library here has a document or a source that the file lacks, it says so; with --yes the way back is there."""
    other = Library(tmp_path / "other")
    build(other.folder, NEW)
    before = tree(other.folder)
    with pytest.raises(backup.ImportRefused, match=r"lacks 1 of the 5 documents.*2401\.00001") as caught:
        backup.bring_in(other, exported, keep=3)
    assert "rollback" in caught.value.cure and tree(other.folder) == before
    assert backup.bring_in(other, exported, keep=3, yes=True).generation == "000002"
    assert answers(other.open()) == answers(library.open())
    with Writer(other) as writer:
        writer.rollback()
    assert other.open().catalogue.summary("2401.00001")
    build(tmp_path / "third", OLD)
    published(Library(tmp_path / "third"), ("list.md", "another.md"))
    with pytest.raises(backup.ImportRefused, match=r"lacks a source.*another\.md"):
        backup.bring_in(Library(tmp_path / "third"), exported, keep=3)


def test_three_that_would_be_lost_are_named_and_the_rest_counted(exported: Path, tmp_path: Path) -> None:
    for count, says in ((1, "x0."), (3, "x0, x1, x2."), (4, "x0, x1, x2 and 1 more."), (6, "x0, x1, x2 and 3 more.")):
        folder = tmp_path / str(count)
        build(folder, {**OLD, **{f"x{n}": [f"Paper {n}."] for n in range(count)}})
        with pytest.raises(backup.ImportRefused) as caught:
            backup.bring_in(Library(folder), exported, keep=3)
        assert caught.value.message.endswith(says)


def test_over_a_library_of_an_earlier_format(exported: Path, tmp_path: Path) -> None:
    """What it holds is seen, and asked for before it is left."""
    with zipfile.ZipFile(Path(__file__).parent / "fixtures" / "format-2.zip") as file:
        file.extractall(tmp_path / "earlier")
    earlier = Library(tmp_path / "earlier")
    with pytest.raises(backup.ImportRefused, match=r"lacks 2 of the 2 documents|made with the model"):
        backup.bring_in(earlier, exported, keep=3)
    assert earlier.current_name() == "000002"
    assert backup.bring_in(earlier, exported, keep=3, yes=True).generation == "000003"
    assert earlier.open().manifest.documents == len(OLD)


def test_a_library_that_is_damaged_is_restored(library: Library, exported: Path, tmp_path: Path) -> None:
    """All of it, CURRENT too; of one that only its newest generation lost, the one before is exported, and it is said."""
    truth = answers(library.open())
    build(library.folder, NEW)
    files = library.folder / "files"
    (files / library.manifest("000002").files["words"].name).unlink()
    done = backup.export(library, tmp_path / "older.zip")
    assert done.generation == "000001" and "000002" in done.warning and "is missing" in done.warning
    for path in files.iterdir():
        path.write_bytes(b"")
    (library.folder / "CURRENT").write_bytes(b"\0\0")
    assert backup.bring_in(library, exported, keep=3).generation == "000003"
    assert answers(library.open()) == truth and library.open().instead_of is None


def test_an_import_waits_for_no_writer(library: Library, exported: Path) -> None:
    with Writer(library), pytest.raises(LibraryBusy):
        backup.bring_in(library, exported, keep=3)
    with Writer(library):  # what reads needs no lock
        backup.export(library, exported)


def test_what_can_not_be_exported(library: Library, tmp_path: Path) -> None:
    (tmp_path / "list.md").write_text("- my list")
    with pytest.raises(LibraryUnwritable, match="no export"):
        backup.export(library, tmp_path / "list.md")
    assert (tmp_path / "list.md").read_text() == "- my list"
    with pytest.raises(LibraryError):
        backup.export(library, tmp_path / "no folder" / "file.zip")
    with pytest.raises(NoLibrary):
        backup.export(Library(tmp_path / "none"), tmp_path / "file.zip")
    shutil.rmtree(library.folder / "uploads")
    (upload,) = backup.export(library, tmp_path / "file.zip").left_out
    assert upload.endswith("ü.pdf")
    for path in (library.folder / "files").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(GenerationDamaged):
        backup.export(library, tmp_path / "file.zip")
    assert not list(tmp_path.glob("*.part"))


def refused(exported: Path, folder: Path, *kinds: type[LibraryError]) -> str:
    """Asserts that nothing is written for it; what is said."""
    with pytest.raises(kinds or (archive.BackupRefused, FormatUnknown)) as caught:
        backup.bring_in(Library(folder), exported, keep=3)
    assert not folder.exists() and str(exported) in caught.value.message
    return caught.value.message


def test_every_part_of_the_file_is_checked(exported: Path, tmp_path: Path) -> None:
    """A bit flipped anywhere: refused, or of no account (a date, which nothing reads)."""
    whole = exported.read_bytes()
    truth = {name: data for name, data in members(whole).items()}
    chance = random.Random(3)
    harmless = 0
    tail = range(len(whole) - 2500, len(whole))  # the index and the directory
    for at in [*range(0, 60), *tail[::7], *(chance.randrange(len(whole)) for _ in range(80))]:
        exported.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :])
        try:
            with archive.Archive(exported) as held:
                held.verify()
                assert {name: held.read(name) for name in held.told} == {
                    n: d for n, d in truth.items() if n != "export.json"
                }
                harmless += 1
        except (archive.BackupRefused, FormatUnknown):
            continue
    assert harmless < 120


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {info.filename: file.read(info) for info in file.infolist()}


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99, 0.9999])
def test_a_file_that_is_cut(exported: Path, tmp_path: Path, share: float) -> None:
    whole = exported.read_bytes()
    exported.write_bytes(whole[: int(share * len(whole))])
    refused(exported, tmp_path / "new")


@given(st.binary(max_size=300))
@hypothesis_settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    refused(tmp_path / "file", tmp_path / "new")


@given(st.data())
@hypothesis_settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_index_is_refused(exported: Path, tmp_path: Path, data: st.DataObject) -> None:
    """An index of any shape, with a right checksum."""
    parts = members(exported.read_bytes())
    body = json.loads(parts["export.json"])["export"]
    key = data.draw(st.sampled_from(sorted(body)))
    odd = data.draw(st.recursive(st.none() | st.integers() | st.text(max_size=9),
                                 lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=9), c, max_size=3), max_leaves=5))  # fmt: skip
    if odd != body[key] and (key, odd) != ("uploads", {}):
        written(tmp_path / "odd.zip", parts | {"export.json": index(body | {key: odd})})
        refused(tmp_path / "odd.zip", tmp_path / "new")


def index(body: dict) -> bytes:
    text = json.dumps(body, sort_keys=True)
    return json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest(), "export": json.loads(text)}).encode()


def written(path: Path, parts: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] = lambda _: None) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in parts.items():
            info = archive.info_of(name)
            change(info)
            file.writestr(info, data)


def with_member(exported: Path, name: str, data: bytes = b"x") -> dict[str, bytes]:
    """The members of an export and one more, of which its index knows."""
    parts = members(exported.read_bytes())
    body = json.loads(parts["export.json"])["export"]
    body["members"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return parts | {name: data, "export.json": index(body)}


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "files/../../evil", "uploads/0123456789abcdef/..", "uploads/0123456789abcdef/../x.pdf", "C:\\evil",
     "uploads\\0123456789abcdef\\x.pdf", "CURRENT", "lock", "marks/../CURRENT", "marks/other.jsonl", "cache/cache.sqlite",
     "files/x.catalogue", "generations/000002.json", "uploads/2d711642b726b044/x.exe", "uploads/2d711642b726b044/.hidden.pdf",
     "uploads/2d711642b726b044/x.pdf\x00.sh", "uploads/0000000000000000/x.pdf", "cache/bodies/" + "0" * 64, "",
     "uploads/2d711642b726b044/a\nb.pdf", "uploads/2d711642b726b044/" + "x" * 300 + ".pdf"],
)  # fmt: skip
def test_a_member_of_another_name(exported: Path, tmp_path: Path, name: str) -> None:
    written(tmp_path / "odd.zip", with_member(exported, name))
    refused(tmp_path / "odd.zip", tmp_path / "new")
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFDIR, stat.S_IFSOCK])
def test_a_member_that_is_no_file(exported: Path, tmp_path: Path, kind: int) -> None:
    def change(info: zipfile.ZipInfo) -> None:
        if info.filename.startswith("uploads/"):
            info.external_attr = (kind | 0o777) << 16

    written(tmp_path / "odd.zip", members(exported.read_bytes()), change)
    assert "no plain file" in refused(tmp_path / "odd.zip", tmp_path / "new")


@pytest.mark.parametrize("offset", [1 << 40, (1 << 63) - 16])
def test_a_member_that_lies_beyond_the_end(exported: Path, tmp_path: Path, offset: int) -> None:
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as file:
        for name, data in members(exported.read_bytes()).items():
            file.writestr(archive.info_of(name), data)
        next(info for info in file.filelist if info.filename.startswith("files/")).header_offset = offset
    assert "lies beyond its end" in refused(tmp_path / "odd.zip", tmp_path / "new")


def test_two_exports_to_one_file(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second begins, and is ended, before the first has its name: what the first says is there is there."""
    target, real = tmp_path / "both.zip", backup.files.replace

    def second(part: Path, final: Path) -> None:
        monkeypatch.setattr(backup.files, "replace", real)
        with monkeypatch.context() as ends:
            ends.setattr(archive, "info_of", fails)
            with pytest.raises(KeyboardInterrupt):
                backup.export(library, target)
        real(part, final)

    def fails(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backup.files, "replace", second)
    done = backup.export(library, target)
    assert hashlib.sha256(target.read_bytes()).hexdigest() == done.sha256
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_what_an_export_that_was_killed_left_goes_after_a_day_and_nothing_else(
    library: Library, tmp_path: Path
) -> None:
    left, new, own = tmp_path / ".paperpath-0a.part", tmp_path / ".paperpath-0b.part", tmp_path / "x.zip.part"
    for path in (left, new, own):
        path.write_bytes(b"part of one")
    os.utime(left, (time.time() - 90_000,) * 2)
    backup.export(library, tmp_path / "x.zip")
    assert [path.exists() for path in (left, new, own)] == [False, True, True] and own.read_bytes() == b"part of one"


def test_an_export_goes_to_no_device_or_pipe(library: Library, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for target in (tmp_path / "pipe", Path("/dev/full"), tmp_path):
        with pytest.raises(LibraryUnwritable, match="no file"):
            backup.export(library, target)


def test_a_bomb(exported: Path, tmp_path: Path) -> None:
    """Nothing in it may be packed, so that nothing swells; nor may it lie about sizes or have one member twice."""

    def change(info: zipfile.ZipInfo) -> None:
        info.compress_type = zipfile.ZIP_DEFLATED

    written(tmp_path / "odd.zip", with_member(exported, "marks/marks.jsonl", b"\0" * 50_000_000), change)
    assert "no plain file" in refused(tmp_path / "odd.zip", tmp_path / "new")
    whole = exported.read_bytes()
    at = whole.rindex(b"PK\x01\x02")  # the directory's last entry says another size
    (tmp_path / "odd.zip").write_bytes(whole[: at + 20] + b"\xf0\xff\xff\x7f" * 2 + whole[at + 28 :])
    refused(tmp_path / "odd.zip", tmp_path / "new")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(exported, "a") as file:
        file.writestr(archive.info_of("marks/marks.jsonl"), b"")
    assert "two members" in refused(exported, tmp_path / "new")


@pytest.mark.parametrize("part", ["a file", "the manifest", "the index"])
def test_a_part_that_is_missing(exported: Path, tmp_path: Path, part: str) -> None:
    beginning = {"a file": "files/", "the manifest": "generations/", "the index": "export.json"}[part]
    parts = members(exported.read_bytes())
    name = next(name for name in parts if name.startswith(beginning))
    del parts[name]
    written(tmp_path / "odd.zip", parts)
    refused(tmp_path / "odd.zip", tmp_path / "new")
    if part == "a file":  # its index is right, and the generation all the same is not whole
        body = json.loads(parts["export.json"])["export"]
        del body["members"][name]
        written(tmp_path / "odd.zip", parts | {"export.json": index(body)})
        assert "a file of its generation is missing" in refused(tmp_path / "odd.zip", tmp_path / "new")


def test_parts_that_do_not_fit(exported: Path, tmp_path: Path) -> None:
    """Each hash is right, and the generation is none: what is checked before a publishing finds it, and nothing is read."""
    parts = members(exported.read_bytes())
    (name,) = (name for name in parts if name.startswith("generations/"))
    manifest = manifest_from(parts[name])
    altered = replace(manifest, passages=manifest.passages + 1)
    written(tmp_path / "odd.zip", with_member(exported, name, manifest_text(altered).encode()))
    with pytest.raises(GenerationDamaged, match="not sound"):
        backup.bring_in(Library(tmp_path / "new"), tmp_path / "odd.zip", keep=3)
    with pytest.raises(NoLibrary):
        Library(tmp_path / "new").open()


def test_what_it_says_of_itself_is_checked(exported: Path, tmp_path: Path) -> None:
    """Though nothing else would tell that it was altered: where an upload lay before."""
    parts = members(exported.read_bytes())
    whole = json.loads(parts["export.json"])
    (upload,) = whole["export"]["uploads"]
    whole["export"]["uploads"][upload] = "/elsewhere.pdf"
    written(tmp_path / "odd.zip", parts | {"export.json": json.dumps(whole).encode()})
    assert "what it says of itself was altered" in refused(tmp_path / "odd.zip", tmp_path / "new")


def test_members_are_those_that_it_names(exported: Path, tmp_path: Path) -> None:
    parts = members(exported.read_bytes())
    written(tmp_path / "odd.zip", parts | {f"cache/bodies/{'0' * 64}": b"x"})
    assert "its members are not those that it names" in refused(tmp_path / "odd.zip", tmp_path / "new")
    body = json.loads(parts["export.json"])["export"]
    body["uploads"]["uploads/0123456789abcdef/list.md"] = "/list.md"
    written(tmp_path / "odd.zip", parts | {"export.json": index(body)})
    assert "an upload is missing" in refused(tmp_path / "odd.zip", tmp_path / "new")


@pytest.mark.parametrize("what", ["bytes", "name"])
def test_its_generation_names_its_files_by_what_is_in_them(exported: Path, tmp_path: Path, what: str) -> None:
    parts = members(exported.read_bytes())
    (name,) = (name for name in parts if name.startswith("generations/"))
    manifest = manifest_from(parts[name])
    words = manifest.files["words"]
    if what == "bytes":
        odd = replace(manifest, files={**manifest.files, "words": replace(words, bytes=words.bytes + 1)})
    else:  # the file of another role under its name
        odd = replace(manifest, files={**manifest.files, "words": manifest.files["space"], "space": words})
    written(tmp_path / "odd.zip", with_member(exported, name, manifest_text(odd).encode()))
    assert "is not the one that its generation names" in refused(tmp_path / "odd.zip", tmp_path / "new")


def test_every_member_is_read_before_anything_is_written(exported: Path, tmp_path: Path) -> None:
    """Its index is right, and so is the CRC that any tool would look at."""
    parts = members(exported.read_bytes())
    for name in parts.keys() - {"export.json"}:
        written(tmp_path / "odd.zip", parts | {name: parts[name][:-1] + bytes([parts[name][-1] ^ 1])})
        told = refused(tmp_path / "odd.zip", tmp_path / "new")
        assert f"{name} was altered" in told or "it is damaged" in told


def test_what_can_not_be_brought_leaves_no_half_of_it(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(part: Path, final: Path) -> None:
        raise OSError(28, "full")

    with archive.Archive(exported) as held:
        (name,) = held.members("uploads/")
        monkeypatch.setattr("indexer.library.files.replace", full)
        with pytest.raises(OSError, match="full"):
            held.to(name, tmp_path / "there" / "file")
    assert list((tmp_path / "there").iterdir()) == []


def test_only_what_it_is_made_of_was_downloaded(exported: Path) -> None:
    with archive.Archive(exported) as held:
        assert [row.address for row in held.ledger()] == ["https://example.org/title-only"]


def test_downloads_where_none_were_ever_made(library: Library, tmp_path: Path) -> None:
    shutil.rmtree(library.folder / "cache")
    done = backup.export(library, tmp_path / "file.zip", downloads=True)
    assert (done.downloads, done.left_out, done.uploads) == (0, (), 1)
    assert not (library.folder / "cache").exists()


def test_an_upload_that_is_there_stays_and_one_that_was_altered_is_restored(
    library: Library, exported: Path, tmp_path: Path
) -> None:
    other = Library(tmp_path / "other")
    backup.bring_in(other, exported, keep=3)
    (upload,) = (other.folder / "uploads").glob("*/*")
    whole, before = upload.read_bytes(), upload.stat()
    assert backup.bring_in(other, exported, keep=3).published is False
    assert (upload.stat().st_ino, upload.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    upload.write_bytes(b"altered")
    backup.bring_in(other, exported, keep=3, yes=True)
    assert upload.read_bytes() == whole and [path.name for path in upload.parent.iterdir()] == [upload.name]


def test_what_is_pruned_while_it_is_exported_is_told(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Library.open

    def late(self: Library, *, earlier: bool = False) -> Generation:
        found = real(self, earlier=earlier)
        shutil.rmtree(self.folder / "files")
        return found

    monkeypatch.setattr(Library, "open", late)
    with pytest.raises(GenerationDamaged, match=r"Generation 000001: .* is missing"):
        backup.export(library, tmp_path / "file.zip")
    assert list(tmp_path.glob("file.zip*")) == []


def test_one_of_a_newer_paperpath(exported: Path, tmp_path: Path) -> None:
    parts = members(exported.read_bytes())
    body = json.loads(parts["export.json"])["export"] | {"version": 2}
    written(tmp_path / "odd.zip", parts | {"export.json": index(body)})
    assert "newer" in refused(tmp_path / "odd.zip", tmp_path / "new", FormatUnknown)


def test_one_of_an_earlier_format(tmp_path: Path) -> None:
    with zipfile.ZipFile(Path(__file__).parent / "fixtures" / "format-2.zip") as file:
        file.extractall(tmp_path / "earlier")
    backup.export(Library(tmp_path / "earlier"), tmp_path / "backup.zip")
    backup.bring_in(Library(tmp_path / "new"), tmp_path / "backup.zip", keep=3)
    with pytest.raises(FormatUnknown, match="it has format 2") as caught:
        Library(tmp_path / "new").open()
    assert "paperpath reindex" in caught.value.cure
    build(tmp_path / "there", OLD)
    with pytest.raises(backup.ImportRefused, match="earlier paperpath"):
        backup.bring_in(Library(tmp_path / "there"), tmp_path / "backup.zip", keep=3)


def test_on_the_command_line(shell: Shell, tmp_path: Path) -> None:  # noqa: F811
    build(shell.library, OLD)
    shell("note", "2311.08105", "my note")
    told = shell("library", "export", "backup.zip").stdout
    assert "4 documents, 1 mark, 0 uploads and 0 downloads" in told and "SHA-256" in told
    done = json.loads(shell("library", "export", "backup.zip", "--downloads", "--json").stdout)
    assert done["generation"] == "000001" and done["left_out"] == []
    assert "Generation 000001 is read now: 4 documents. New here: 1 mark" in shell(
        "library", "import", "backup.zip", "--library", "new").stdout  # fmt: skip
    assert (
        json.loads(shell("library", "import", "backup.zip", "--library", "new", "--json").stdout)["published"] is False
    )
    (tmp_path / "backup.zip").write_bytes(b"PK")
    failed = shell("library", "import", "backup.zip", "--library", "none", code=1)
    assert "backup.zip is no sound export" in failed.stderr and "library export" in failed.stderr
    assert shell("library", "import", "nowhere.zip", code=2).stderr.startswith("Error: There is no file nowhere.zip.")


def test_documents_are_the_same(library: Library, exported: Path, tmp_path: Path) -> None:
    backup.bring_in(Library(tmp_path / "new"), exported, keep=3)
    assert Library(tmp_path / "new").open().catalogue.document("title-only") == document("title-only", [], 4)


DILOCO = b"# To read\n\n- [DiLoCo](https://arxiv.org/abs/2311.08105)\n- [SWARM](https://arxiv.org/abs/2301.11913)\n"


def handed_over(library: Path, body: bytes = DILOCO, name: str = "list.md") -> Path:
    """What a browser hands over, as the library keeps it."""

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    found = uploads.path_of(library, asyncio.run(uploads.keep(library, name, pieces())).source)
    assert found is not None
    return found


def test_an_upload_stays_as_it_came_and_is_exported(shell: Shell, tmp_path: Path) -> None:  # noqa: F811
    upload = handed_over(shell.library)
    shell("reindex", str(upload), "--offline", code=None)
    refused = shell("order", "--write", code=2).stderr
    assert "list.md was handed over in the browser" in refused and f"cp -n {upload} list.md" in refused
    (tmp_path / "mine.md").write_bytes(DILOCO)
    shell("reindex", "--add", "mine.md", "--offline", code=None)
    done = shell("order", "--write", "--json")
    assert [Path(one["source"]).name for one in json.loads(done.stdout)["written"]] == ["mine.md"]
    assert "handed over" in done.stderr and upload.read_bytes() == DILOCO
    assert b"paperpath:order" in (tmp_path / "mine.md").read_bytes()
    assert "1 upload " in shell("library", "export", "backup.zip").stdout
    shell("library", "import", "backup.zip", "--library", "new")
    assert (tmp_path / "new" / "uploads" / upload.parent.name / "list.md").read_bytes() == DILOCO


def test_an_upload_that_was_altered_is_exported_as_what_it_is(shell: Shell, tmp_path: Path) -> None:  # noqa: F811
    upload = handed_over(shell.library)
    shell("reindex", str(upload), "--offline", code=None)
    upload.write_bytes(DILOCO + b"an order of earlier times\n")
    shell("library", "export", "backup.zip")
    there = Path("uploads", hashlib.sha256(upload.read_bytes()).hexdigest()[:16], "list.md")
    for library in ("new", str(shell.library)):  # elsewhere, and where it came from: nothing is missing
        shell("library", "import", "backup.zip", "--library", library)
        held = Library(tmp_path / library)
        assert (held.folder / there).read_bytes() == upload.read_bytes()
        assert held.open().manifest.sources == (str(held.folder.resolve() / there),)
        shell("library", "export", "again.zip", "--library", library)
        shell("reindex", "--offline", "--library", library, code=None)


def test_sources_are_listed_and_removed_by_their_names(shell: Shell, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "mine.md").write_text("- [Petals](https://arxiv.org/abs/2209.01188)\n")
    first = handed_over(shell.library)
    second = handed_over(shell.library, DILOCO + b"\n- [other](https://arxiv.org/abs/1706.03762)\n")
    third = handed_over(shell.library, b"- [more](https://arxiv.org/abs/1706.03762)\n", "more.md")
    shell("reindex", "mine.md", *map(str, (first, second, third)), "--offline", code=None)
    rows = json.loads(shell("sources", "--json").stdout)["sources"]
    names = [str(tmp_path / "mine.md"), *(f"upload:{path.parent.name}/list.md" for path in (first, second)), "more.md"]
    assert [(row["remove"], row["documents"]) for row in rows] == list(zip(names, (1, 2, 3, 1), strict=True))
    shown = shell("sources").stdout
    assert all(name in shown for name in names)
    assert f"Name one: {names[1]}, {names[2]}." in shell("reindex", "--remove", "list.md", "--offline", code=2).stderr
    assert "`paperpath sources`" in shell("reindex", "--remove", "no.md", "--offline", code=2).stderr
    for name in (names[1], "more.md", "list.md"):
        shell("reindex", "--remove", name, "--offline", "--yes", code=None)
    assert json.loads(shell("sources", "--json").stdout)["sources"] == rows[:1]
    back = shell("library", "rollback", "000002").stdout
    assert "Its 3 sources are in force again" in back and f"again with {second}" in back
    for path in (first, second, third):
        os.utime(path, (1, 1))
    assert "Kept: 000002 (read now), 000004." in shell("library", "prune").stdout
    assert [path.exists() for path in (first, second, third)] == [False, True, True]
    assert f"without {third}" in shell("library", "rollback", "000004").stdout
    young = handed_over(shell.library, b"- handed over just now\n")
    shell("library", "prune")
    assert not second.exists() and not third.parent.exists() and young.exists()
    assert shell("library", "rollback", "000099", code=2).stderr.startswith("Error: There is no generation 000099.")
