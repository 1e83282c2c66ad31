"""Writing files so that a kill or a power cut leaves the old one or the new one, never half of one."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from indexer.errors import LibraryUnwritable

_OUT_OF_REACH = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up",
                 errno.EROFS: "the file system is read-only", errno.EACCES: "permission is denied",
                 errno.EPERM: "permission is denied", errno.EIO: "the disk reports an error",
                 errno.ENOTDIR: "a file stands where a folder is needed",
                 errno.EEXIST: "a file stands where a folder is needed",
    errno.EISDIR: "a folder stands where a file is needed"}  # fmt: skip


_IN_THE_WAY = (errno.ENOTDIR, errno.EEXIST, errno.EISDIR)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns the system's refusals to write below `folder` into `LibraryUnwritable`, naming folder and cause."""
    try:
        yield
    except OSError as error:
        if error.errno in _OUT_OF_REACH:
            cure = (
                "Move that file away, or choose another folder with --library." if error.errno in _IN_THE_WAY else None
            )
            raise LibraryUnwritable(f"Cannot write to {folder}: {_OUT_OF_REACH[error.errno]}.", cure=cure) from error
        raise


HELD = 64 << 20
"""Bytes up to which a reader takes a file of a generation into memory, once, and asks the disk no more: what was checked is
what is answered from, whatever becomes of the file or of the disk. A larger one is read and mapped where it lies."""


class Altered(Exception):
    """A file is not the one that it was."""


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def opened(path: Path) -> IO[bytes]:
    """A file opened for reading. Raises `OSError`, also for what is no file: a pipe would be waited for."""
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return file


def checked(path: Path, size: int, sha256: str) -> bytes | None:
    """The bytes of a file that has this size and hash, None where they are more than `HELD`.

    Raises `Altered` where it hasn't, `OSError` where it can't be read.
    """
    with opened(path) as file:
        if os.fstat(file.fileno()).st_size != size:
            raise Altered
        if size > HELD:
            data, found = None, hashlib.file_digest(file, "sha256")
        else:
            data = file.read(size)
            found = hashlib.sha256(data)
    if found.hexdigest() != sha256:
        raise Altered
    return data


def make_folder(path: Path) -> None:
    """Makes a folder and those above it that are not there, for good: a power cut takes none of them away.

    One that is there is not taken to be so: who made it may have been killed before that.
    """
    made = [path, *(folder for folder in path.parents if not folder.is_dir())]
    path.mkdir(parents=True, exist_ok=True)
    for folder in made:
        sync_folder(folder.parent)


def sync_file(path: Path) -> None:
    """Returns when the file's bytes are on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Returns when the folder's entries (renames, new and removed files) are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(part: Path, final: Path) -> None:
    """Gives `part` (same folder tree, bytes complete) the name `final`, atomically and for good."""
    sync_file(part)
    os.replace(part, final)
    sync_folder(final.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes `data` to `path` as a whole or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        replace(part, path)
    except OSError:
        with suppress(OSError):  # a full disk is not to be kept full by it
            part.unlink()
        raise


def write_text(path: Path, text: str) -> None:
    """Writes `text` to `path` as a whole or not at all."""
    write_bytes(path, text.encode())
