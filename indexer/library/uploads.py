"""Files that were handed over by a browser: `uploads/HASH/NAME` below the library's folder, named by bytes and name.

They are sources like any other from then on, so they stay where they are; the same file again is the one that is there.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import UsageError
from indexer.library import files

SUFFIXES = (".pdf", ".md", ".markdown", ".txt", ".bib", ".jsonl", ".ndjson")
_LONGEST_NAME = 160  # bytes: every file system takes it
_JOINERS = "\u200c\u200d"  # of Persian words, and of what makes one picture of several
_NAME = re.compile(r"upload:([0-9a-f]{16})/([^/\\]+)")


class BadUpload(UsageError):
    """A file of a kind that isn't read, or that isn't what its name says."""

    cure = f"Give a PDF, or a list: {', '.join(SUFFIXES)}."


@dataclass(frozen=True)
class Upload:
    """A file that was taken. `source` names it for `POST /v1/reindex`, `kind` is pdf or list."""

    source: str
    name: str
    bytes: int
    kind: str


async def keep(library: Path, name: str, body: AsyncIterator[bytes]) -> Upload:
    """Keeps a file that comes in pieces, whole or not at all. Raises `BadUpload`, `LibraryUnwritable`."""
    name = _safe(name)
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise BadUpload(f"{name} is of a kind that isn't read.")
    folder = library / "uploads"
    with files.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(".part", dir=folder)
        try:
            digest, size, beginning = hashlib.sha256(), 0, b""
            with os.fdopen(handle, "wb") as file:
                async for piece in body:
                    file.write(piece)
                    digest.update(piece)
                    size += len(piece)
                    beginning = (beginning + piece[:1024])[:1024]
            _require(name, suffix, beginning)
            final = folder / digest.hexdigest()[:16] / name
            final.parent.mkdir(exist_ok=True)
            files.replace(Path(part), final)
        finally:
            Path(part).unlink(missing_ok=True)
    kind = "pdf" if suffix == ".pdf" else "list"
    return Upload(f"upload:{final.parent.name}/{name}", name, size, kind)


def path_of(library: Path, source: str) -> Path | None:
    """The file that the `source` of an upload names; None where it names none that is there."""
    match = _NAME.fullmatch(source)
    path = library / "uploads" / match[1] / match[2] if match and match[2] not in (".", "..") else None
    return path.resolve() if path is not None and path.is_file() else None


def _require(name: str, suffix: str, beginning: bytes) -> None:
    if not beginning:
        raise BadUpload(f"{name} is empty.")
    if suffix == ".pdf" and b"%PDF-" not in beginning:
        raise BadUpload(f"{name} is no PDF, whatever its name says.")
    if suffix != ".pdf" and b"\0" in beginning:
        raise BadUpload(f"{name} is no text.", cure="Save it as UTF-8 text.")


def _safe(name: str) -> str:
    """A file's own name: no folder, no control character, nothing hidden, and not too long."""
    name = re.split(r"[/\\]", name.encode("utf-8", "replace").decode())[-1]
    name = " ".join("".join(c if c.isprintable() or c in _JOINERS else " " for c in name).split()).lstrip(". ")
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        raise BadUpload("A file needs a name with an ending.")
    room = _LONGEST_NAME - len(suffix.encode()) - 1
    return stem.encode()[: max(room, 1)].decode("utf-8", "ignore").rstrip(" .") + dot + suffix
