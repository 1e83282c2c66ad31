"""Files that were handed over by a browser: `uploads/HASH/NAME` below the library's folder, named by bytes and name.

They are sources like any other from then on, so they stay where they are, and as they are: nothing writes into them. The
same file again is the one that is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import UsageError
from indexer.library import files

SUFFIXES = (".pdf", ".md", ".markdown", ".txt", ".bib", ".jsonl", ".ndjson")
_LONGEST_NAME = 160  # bytes: every file system takes it
_LEFT_SECONDS = 86_400  # no upload takes as long
_JOINERS = "\u200c\u200d"  # of Persian words, and of what makes one picture of several
_NAME = re.compile(r"upload:([0-9a-f]{16})/([^/\\]+)")
_FOLDER = re.compile(r"[0-9a-f]{16}")


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
        files.make_folder(folder)
        _tidy(folder)
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
            files.sync_folder(folder)
            files.replace(Path(part), final)
        finally:
            with contextlib.suppress(OSError):  # a disk that fails is told above
                Path(part).unlink()
    kind = "pdf" if suffix == ".pdf" else "list"
    return Upload(f"upload:{final.parent.name}/{name}", name, size, kind)


def path_of(library: Path, source: str) -> Path | None:
    """The file that the `source` of an upload names; None where it names none that is there."""
    match = _NAME.fullmatch(source)
    path = library / "uploads" / match[1] / match[2] if match and match[2] not in (".", "..") else None
    try:
        return path.resolve() if path is not None and path.is_file() else None
    except OSError:  # a name too long for any file
        return None


def holds(library: Path, path: str | Path) -> bool:
    """Whether a file, or what a link of this name leads to, is one of the library's uploads."""
    return Path(os.path.realpath(path)).parent.parent == library.resolve() / "uploads"


def named(source: str) -> tuple[str, str] | None:
    """The folder and the name of a source that is an upload, of this library or of the one it came from; else None."""
    path = Path(source)
    there = path.is_absolute() and path.parent.parent.name == "uploads" and _FOLDER.fullmatch(path.parent.name)
    return (path.parent.name, path.name) if there else None


def by_content(upload: Path) -> str:
    """Where an upload belongs by what is in it, `uploads/HASH/NAME`: elsewhere than it lies if it was altered."""
    return f"uploads/{files.sha256_of(upload)[:16]}/{upload.name}"


def let_go(library: Path, sources: Iterable[str]) -> None:
    """Removes the uploads that none of the `sources` is and that were not just handed over."""
    kept = {name for source in sources if (name := named(source))}
    for path in sorted((library / "uploads").glob("*/*")):
        if (path.parent.name, path.name) in kept or not _FOLDER.fullmatch(path.parent.name):
            continue
        with contextlib.suppress(OSError):  # another time
            if path.is_file() and path.stat().st_mtime < time.time() - _LEFT_SECONDS:
                path.unlink()
                path.parent.rmdir()


def is_name(name: str) -> bool:
    """Whether an upload may have this name: whether `keep` would leave it as it is."""
    try:
        return _safe(name) == name and Path(name).suffix.lower() in SUFFIXES
    except BadUpload:
        return False


def _tidy(folder: Path) -> None:
    """Removes what is left of uploads that a kill cut off."""
    for part in folder.glob("*.part"):
        with contextlib.suppress(OSError):  # another upload did it
            if part.stat().st_mtime < time.time() - _LEFT_SECONDS:
                part.unlink()


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
    room = _LONGEST_NAME - len(suffix.encode()) - 1  # an ending that leaves none is refused
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + dot + suffix
