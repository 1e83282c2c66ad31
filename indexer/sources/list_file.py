"""A list on the disk, read to be written back: exactly the bytes that were read are replaced, whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import PaperpathError, UsageError
from indexer.library import files
from indexer.sources.ordered_list import NotWritable

_SUFFIXES = (".md", ".markdown", ".txt")


class ListChanged(PaperpathError):
    """Somebody wrote the list after it was read."""

    cure = "Run this again; nothing was written."


class ListUnwritable(UsageError):
    """The system refuses to have the list written."""

    cure = "Let yourself write it (chmod u+w), or write to a copy; nothing was written."


@dataclass(frozen=True)
class ListFile:
    """A list as it was read. `text` is `data` without anything lost, a byte-order mark too."""

    path: Path
    data: bytes
    text: str


def opened(source: str) -> ListFile:
    """The markdown list that `source` names. Raises `NotWritable` where it is none, and `ListUnwritable`."""
    name = os.path.expanduser(source)
    path = Path(os.path.realpath(name))  # a link stays one
    if source == "-" or not name or "\0" in name:
        raise NotWritable("The order can't be written into what comes through a pipe.")
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise NotWritable(f"{source} is a folder, not a markdown list.")
        if not stat.S_ISREG(mode):
            raise NotWritable(f"{source} is no ordinary file.")
        if path.suffix.lower() not in _SUFFIXES and Path(name).suffix.lower() not in _SUFFIXES:
            raise NotWritable(f"{source} is not a markdown list: its name ends in none of {', '.join(_SUFFIXES)}.")
        if not mode & 0o222 or not os.access(path, os.W_OK):
            raise ListUnwritable(f"{source} is read-only.")
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotWritable(f"There is no file {source}: the order goes into a markdown list.") from None
    except OSError as error:
        raise ListUnwritable(f"{source} can't be read: {_reason(error)}.") from error
    try:
        return ListFile(path, data, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotWritable(
            f"{source} is not UTF-8, as line {line} shows.", cure="Save it as UTF-8 (`iconv -f ENCODING -t UTF-8`)."
        ) from None


def replace(file: ListFile, text: str) -> bool:
    """Writes `text` in place of the list, with its mode; whether anything changed.

    Raises `ListChanged` where the file is no longer what was read, and `ListUnwritable`; the file is then as it was.
    """
    data = text.encode("utf-8")
    part = None
    try:
        if data != file.data:
            handle, name = tempfile.mkstemp(prefix=f".{file.path.name[:100]}.", suffix=".part", dir=file.path.parent)
            part = Path(name)
            with open(handle, "wb") as written:
                written.write(data)
            part.chmod(stat.S_IMODE(file.path.stat().st_mode))
        if file.path.read_bytes() != file.data:
            raise ListChanged(f"{file.path} was changed after it was read.")
        if part is not None:
            files.replace(part, file.path)
            part = None
        return data != file.data
    except FileNotFoundError:
        raise ListChanged(f"{file.path} was moved or removed after it was read.") from None
    except OSError as error:
        raise ListUnwritable(f"{file.path} can't be written: {_reason(error)}.") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
