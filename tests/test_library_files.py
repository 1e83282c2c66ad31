"""How a library's files are written and checked: whole or not at all, and every refusal of the system is told."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from faults import filled, mounted

from indexer.errors import LibraryUnwritable
from indexer.library import files, room


def handles() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize(("number", "says", "in_the_way"), [
    (errno.ENOSPC, "the disk is full", False), (errno.EDQUOT, "quota", False), (errno.EROFS, "read-only", False),
    (errno.EACCES, "permission", False), (errno.EPERM, "permission", False), (errno.EIO, "an error", False),
    (errno.ENOTDIR, "a file stands", True), (errno.EEXIST, "a file stands", True), (errno.EISDIR, "a folder stands", True),
])  # fmt: skip
def test_a_refusal_names_the_folder_the_cause_and_the_cure(
    tmp_path: Path, number: int, says: str, in_the_way: bool
) -> None:
    with pytest.raises(LibraryUnwritable, match=says) as caught, files.writing(tmp_path):
        raise OSError(number, "as the system says it")
    assert str(tmp_path) in caught.value.message
    assert caught.value.cure and ("Move that file away" in caught.value.cure) is in_the_way


def test_what_is_no_refusal_to_write_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), files.writing(tmp_path):
        (tmp_path / "none").read_bytes()


@pytest.mark.parametrize("size", [99, 100, 101])
def test_up_to_so_many_bytes_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(files, "HELD", 100)
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    assert files.checked(tmp_path / "file", size, sha256) == (data if size <= 100 else None)
    assert files.sha256_of(tmp_path / "file") == sha256
    for length, hash_ in ((size - 1, sha256), (size + 1, sha256), (size, sha256[::-1])):
        with pytest.raises(files.Altered):
            files.checked(tmp_path / "file", length, hash_)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "it" if kind != "device" else Path("/dev/zero")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    before = handles()
    with pytest.raises(OSError):
        files.opened(path)
    assert handles() == before


def test_writing_keeps_no_handle(tmp_path: Path) -> None:
    before = handles()
    files.write_text(tmp_path / "file", "text")
    files.sync_folder(tmp_path)
    assert handles() == before and (tmp_path / "file").read_text() == "text"


def test_what_is_written_is_on_the_disk_before_it_has_its_name_and_its_name_before_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        done.append(os.path.basename(os.readlink(f"/proc/self/fd/{handle}")))
        fsync(handle)

    def replaced(part: Path, final: Path) -> None:
        done.append("named")
        replace(part, final)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    files.write_text(tmp_path / "file", "text")
    assert done == ["file.part", "named", tmp_path.name]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_could_not_be_written_leaves_the_old_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    files.write_text(tmp_path / "file", "old")
    with monkeypatch.context() as patched:
        patched.setattr(os, call, full)
        with pytest.raises(OSError):
            files.write_text(tmp_path / "file", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "old"


def test_the_reason_is_told_where_nothing_could_be_begun(tmp_path: Path) -> None:
    (tmp_path / "file.part").mkdir()
    with pytest.raises(IsADirectoryError):
        files.write_text(tmp_path / "file", "new")
    with pytest.raises(FileNotFoundError):
        files.write_text(tmp_path / "none" / "file", "new")


def test_new_folders_are_there_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of each is in the one above it, which is synced; of one that is there, a kill may have kept it from that."""
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    files.make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    assert set(synced) == {tmp_path, tmp_path / "a", tmp_path / "a" / "b"}
    synced.clear()
    files.make_folder(tmp_path / "a" / "b" / "c")
    assert synced == [tmp_path / "a" / "b"]


def test_room_is_there_or_it_is_told_how_much_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for needed in ((), (5 << 20,)):
        free = room.SPARE + sum(needed)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        room.require(tmp_path / "above" / "library", *needed)
    monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free - 1))
    with pytest.raises(LibraryUnwritable, match="20 MB are free, and a reindex needs about 21 MB") as caught:
        room.require(tmp_path, 5 << 20)
    assert str(tmp_path) in caught.value.message


def test_room_that_is_only_said_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a quota is used up: a file is written, and leaves no trace."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 40))
    with mounted(tmp_path / "disk", "1m") as small:
        filler = filled(small, 32_000)
        with pytest.raises(LibraryUnwritable, match="the disk is full"):
            room.require(small)
        filler.unlink()
        room.require(small)
        assert list(small.iterdir()) == []
