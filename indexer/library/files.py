"""Writing files so that a kill or a power cut leaves the old one or the new one, never half of one."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def write_text(path: Path, text: str) -> None:
    """Writes `text` to `path` as a whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    replace(part, path)
