"""CURRENT: the one pointer that says which generation is read, by its name and the CRC-32 of that."""

from __future__ import annotations

import zlib
from pathlib import Path

from indexer.library import files


def path_in(folder: Path) -> Path:
    """Where a library has it."""
    return folder / "CURRENT"


def read(folder: Path) -> bytes:
    """What it says. Raises `OSError`."""
    with files.opened(path_in(folder)) as file:
        return file.read(100)


def name_in(said: bytes) -> str:
    """The name that it says, "" where it is damaged: one flipped bit may make it another's. A bare name will do."""
    name, _, check = said.decode("utf-8", "replace").strip().partition(" ")
    return name if name.isdecimal() and name.isascii() and check in ("", _check_of(name)) else ""


def write(folder: Path, name: str) -> None:
    """Has it say `name`. Raises `OSError`."""
    files.write_text(path_in(folder), f"{name} {_check_of(name)}\n")


def _check_of(name: str) -> str:
    return f"{zlib.crc32(name.encode()):08x}"
