"""Uploads: kept whole under a name of their own, or not at all, and found again by what they are called."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.errors import LibraryUnwritable
from indexer.library import uploads
from indexer.library.uploads import BadUpload, Upload

PDF = b"%PDF-1.4 and so on"
DAY = 86_400


def kept(library: Path, name: str, *pieces: bytes) -> Upload:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return asyncio.run(uploads.keep(library, name, body()))


def every_file(library: Path) -> list[str]:
    return sorted(str(path.relative_to(library)) for path in library.rglob("*") if path.is_file())


def test_what_came_in_pieces_is_kept_whole(tmp_path: Path) -> None:
    pieces = [b"", b"%P", b"DF-1.4\n", os.urandom(5000), b"", os.urandom(70_000)]
    body = b"".join(pieces)
    folder = hashlib.sha256(body).hexdigest()[:16]
    taken = kept(tmp_path, "paper.PDF", *pieces)
    assert taken == Upload(f"upload:{folder}/paper.PDF", "paper.PDF", len(body), "pdf")
    path = uploads.path_of(tmp_path, taken.source)
    assert path == (tmp_path / "uploads" / folder / "paper.PDF").resolve() and path.read_bytes() == body
    assert kept(tmp_path, "paper.PDF", body) == taken and every_file(tmp_path) == [f"uploads/{folder}/paper.PDF"]
    assert uploads.by_content(path) == f"uploads/{folder}/paper.PDF"
    assert uploads.named(str(path)) == (folder, "paper.PDF")
    path.write_bytes(body + b"more")
    altered = hashlib.sha256(body + b"more").hexdigest()[:16]
    assert uploads.by_content(path) == f"uploads/{altered}/paper.PDF"


@pytest.mark.parametrize("name", ["list.md", "a.markdown", "a.txt", "a.bib", "a.jsonl", "a.ndjson"])
def test_a_list_is_told_as_one(tmp_path: Path, name: str) -> None:
    assert kept(tmp_path, name, b"- a line").kind == "list"


@pytest.mark.parametrize(("name", "pieces"), [
    ("a.pdf", [b"x" * 1019 + b"%PDF-"]), ("a.pdf", [b"x" * 1000, b"x" * 19 + b"%PDF-", b"\0" * 9]),
    ("a.md", [b"x" * 1024 + b"\0"]), ("a.md", [b"x" * 600, b"x" * 424, b"\0"]),
])  # fmt: skip
def test_the_first_kilobyte_tells_what_a_file_is(tmp_path: Path, name: str, pieces: list[bytes]) -> None:
    assert kept(tmp_path, name, *pieces).bytes == sum(map(len, pieces))


@pytest.mark.parametrize(("name", "pieces", "says"), [
    ("a.exe", [PDF], "a.exe is of a kind"), ("a." + "x" * 200, [PDF], "is of a kind"), ("a.", [PDF], "kind"), ("pdf", [PDF], "needs a name"),
    (".pdf", [PDF], "needs a name"), ("x/", [PDF], "needs a name"), ("a.pdf", [], "is empty"), ("a.md", [b""], "is empty"),
    ("a.pdf", [b"x" * 1020 + b"%PDF-"], "no PDF"), ("a.pdf", [b"x" * 600, b"x" * 420 + b"%PDF-"], "no PDF"),
    ("a.md", [b"x" * 1023 + b"\0"], "no text"), ("a.bib", [b"x" * 600, b"x" * 423 + b"\0"], "no text"),
])  # fmt: skip
def test_what_is_refused_leaves_nothing(tmp_path: Path, name: str, pieces: list[bytes], says: str) -> None:
    with pytest.raises(BadUpload, match=says) as caught:
        kept(tmp_path, name, *pieces)
    assert caught.value.cure and every_file(tmp_path) == []


def test_what_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield PDF
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(uploads.keep(tmp_path, "a.pdf", body()))
    assert every_file(tmp_path) == []


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("a file where a folder is needed")
    with pytest.raises(LibraryUnwritable, match="a file stands"):
        kept(tmp_path, "a.pdf", PDF)


@pytest.mark.parametrize(("name", "is_kept_as"), [
    ("a.pdf", "a.pdf"), ("C:\\my\\trees.pdf", "trees.pdf"), ("/etc/a.pdf", "a.pdf"), ("../..\\a.pdf", "a.pdf"),
    ("...hidden.pdf", "hidden.pdf"), (". . a.pdf", "a.pdf"), ("a\x00\x1b[31m\tb\n.pdf", "a [31m b.pdf"),
    ("a . .pdf", "a.pdf"), ("a..pdf", "a.pdf"), ("a.b.pdf", "a.b.pdf"), ("A B.Pdf", "A B.Pdf"), ("می\u200cخواهم.md", "می\u200cخواهم.md"),
    ("a\u202eb.md", "a b.md"), ("\udc80a.md", "?a.md"), ("é" * 100 + ".pdf", "é" * 78 + ".pdf"),
    ("x" * 156 + ".pdf", "x" * 156 + ".pdf"), ("x" * 157 + ".pdf", "x" * 156 + ".pdf"),
])  # fmt: skip
def test_a_name_is_that_of_one_file_that_is_seen(tmp_path: Path, name: str, is_kept_as: str) -> None:
    body = PDF if name.lower().endswith(".pdf") else b"- a line"
    taken = kept(tmp_path, name, body)
    assert taken.name == is_kept_as and [Path(path).name for path in every_file(tmp_path)] == [is_kept_as]
    assert uploads.is_name(is_kept_as) and uploads.is_name(name) is (name == is_kept_as)


@pytest.mark.parametrize("name", ["a.exe", "pdf", ".pdf", "", ".", "..", "a.", "a/b.pdf", "a\\b.pdf", ".a.pdf", "x" * 157 + ".pdf"])  # fmt: skip
def test_other_names_no_upload_has(name: str) -> None:
    assert uploads.is_name(name) is False


@given(st.text(st.sampled_from("ab.. /\\\0\né\u200d\u202e\udc80😀"), max_size=8), st.integers(0, 170), st.sampled_from(["", ".pdf", ".md", ".MD"]))  # fmt: skip
@example("a ", 155, ".pdf")  # cut behind the space
def test_whatever_it_is_called_it_is_found_again(name: str, length: int, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder)
        try:
            taken = kept(library, name + "é" * length + suffix, PDF)
        except BadUpload:
            assert every_file(library) == []
            return
        path = uploads.path_of(library, taken.source)
        assert path is not None and path.read_bytes() == PDF and uploads.holds(library, path)
        assert uploads.is_name(taken.name) and len(taken.name.encode()) <= 160
        assert [str(path.resolve().relative_to(library.resolve()))] == every_file(library)


def test_a_source_names_a_file_that_is_there_or_none(tmp_path: Path) -> None:
    taken = kept(tmp_path, "a.pdf", PDF)
    folder = taken.source.removeprefix("upload:").partition("/")[0]
    (tmp_path / "uploads" / folder / "sub").mkdir()
    (tmp_path / "uploads" / "a.pdf").write_bytes(PDF)
    for source in (f"upload:{folder}/b.pdf", f"upload:{folder}/sub", f"upload:{folder}/..", f"upload:{folder}/.",
                   f"upload:{folder}/sub/../a.pdf", f"upload:{'0' * 16}/a.pdf", f"upload:{folder[:15]}/a.pdf",
                   f"{folder}/a.pdf", f"upload:{folder}/", f" {taken.source}", "upload:../uploads/a.pdf"):  # fmt: skip
        assert uploads.path_of(tmp_path, source) is None, source
    assert uploads.path_of(tmp_path, taken.source) is not None


def test_what_the_library_holds_of_uploads(tmp_path: Path) -> None:
    library = tmp_path / "library"
    path = uploads.path_of(library, kept(library, "a.pdf", PDF).source)
    assert path is not None and uploads.holds(library, path) and uploads.holds(library, str(path))
    (tmp_path / "link.pdf").symlink_to(path)
    (tmp_path / "to-it").symlink_to(library)
    assert uploads.holds(library, tmp_path / "link.pdf") and uploads.holds(tmp_path / "to-it", path)
    for other in (path.parent, path / "below", tmp_path / "a.pdf", tmp_path / "uploads" / path.parent.name / "a.pdf"):
        assert not uploads.holds(library, other), other


@pytest.mark.parametrize(("source", "expected"), [
    ("/l/uploads/0123456789abcdef/a.pdf", ("0123456789abcdef", "a.pdf")), ("l/uploads/0123456789abcdef/a.pdf", None),
    ("/l/uploaded/0123456789abcdef/a.pdf", None), ("/l/uploads/0123456789abcde/a.pdf", None),
    ("/l/uploads/0123456789abcdef0/a.pdf", None), ("/l/uploads/a.pdf", None), ("https://a.org/uploads/0123456789abcdef/a", None),
])  # fmt: skip
def test_a_source_that_is_an_upload_of_some_library(source: str, expected: tuple[str, str] | None) -> None:
    assert uploads.named(source) == expected


def test_what_no_generation_names_goes_after_a_day(tmp_path: Path) -> None:
    now = time.time()
    old = {f"old-{number}.md": DAY + 600 for number in range(9)}  # before and behind what stays
    names = {"named.md": 9 * DAY, "of-today.md": DAY - 600, **old}
    paths = {name: uploads.path_of(tmp_path, kept(tmp_path, name, name.encode()).source) for name in names}
    beside, elsewhere = tmp_path / "uploads" / "-mine" / "old.md", tmp_path / "uploads" / ("f" * 16) / "folder"
    beside.parent.mkdir()
    beside.write_text("that is no upload")
    elsewhere.mkdir(parents=True)
    for name, path in paths.items():
        assert path is not None
        os.utime(path, (now - names[name], now - names[name]))
    for path in (beside, elsewhere):
        os.utime(path, (0, 0))
    uploads.let_go(tmp_path, [str(paths["named.md"]), "https://example.org/x"])
    left = {name for name, path in paths.items() if path is not None and path.exists()}
    assert left == {"named.md", "of-today.md"} and beside.exists() and elsewhere.exists()
    assert not any(path.parent.exists() for name, path in paths.items() if path is not None and name in old)
    uploads.let_go(tmp_path / "none", [])


def test_what_a_kill_cut_off_goes_after_a_day(tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()
    for name, age in (("old.part", DAY + 600), ("of-today.part", DAY - 600), ("old.md", DAY + 600)):
        (tmp_path / "uploads" / name).write_bytes(b"half")
        os.utime(tmp_path / "uploads" / name, (time.time() - age,) * 2)
    (tmp_path / "uploads" / "folder.part").mkdir()
    os.utime(tmp_path / "uploads" / "folder.part", (0, 0))
    taken = kept(tmp_path, "a.pdf", PDF)
    assert every_file(tmp_path) == sorted(["uploads/of-today.part", "uploads/old.md", f"uploads/{taken.source.removeprefix('upload:')}"])  # fmt: skip


def test_what_is_kept_is_on_the_disk_before_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file, its name, and the name of its folder: a power cut takes none of them away."""
    synced: list[Path] = []
    fsync = os.fsync

    def heard(handle: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{handle}")))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", heard)
    path = uploads.path_of(tmp_path, kept(tmp_path, "a.pdf", PDF).source)
    assert path is not None
    folder = tmp_path.resolve() / "uploads"
    assert {folder.parent, folder, path.parent} <= set(synced) and any(one.suffix == ".part" for one in synced)
