"""The file of an export, written and read: a zip archive of plain members under names of a few forms, each with its hash.

Nothing of it is believed: a name of another form, a link, a packed member, a second one of a name, a size that is not so,
or a hash that differs is refused before anything is written.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import IO, Any

from indexer.errors import FormatUnknown, LibraryError, UsageError
from indexer.library import files, uploads
from indexer.library.cache import Download
from indexer.library.manifest import Manifest, manifest_from

INDEX, MARKS, LEDGER = "export.json", "marks/marks.jsonl", "cache/ledger.jsonl"
_VERSION = 1
_MEMBER = re.compile(
    r"generations/[0-9]{1,9}\.json|files/[0-9a-f]{64}\.(?:catalogue|vectors|words|space)|marks/marks\.jsonl"
    r"|uploads/[0-9a-f]{16}/[^/\\\x00-\x1f]{1,255}|cache/bodies/[0-9a-f]{64}|cache/ledger\.jsonl"
)
_LONGEST_TEXT = 256 << 20  # of the index, a manifest, the marks, the ledger: they are read as a whole
_PIECE = 1 << 20
_UNREADABLE = (
    zipfile.BadZipFile, struct.error, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError,
    NotImplementedError, OverflowError,
)  # fmt: skip


class BackupRefused(LibraryError):
    """The file is no export of a library, or it was altered; nothing was written."""

    cure = "Take another copy of it: each is made with `paperpath library export FILE`."


class Archive:
    """An archive that was exported, open for reading. What is read of it is checked, by whoever wrote it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise UsageError(f"There is no file {path}.", cure="Name one that `paperpath library export` wrote.")
        if not path.is_file():
            raise self._refused("it is no file")
        try:
            self._file = zipfile.ZipFile(path)
        except OSError as error:
            raise BackupRefused(f"{path} can't be read: {error.strerror or error}.", cure="Name a file that "
                                "`paperpath library export` wrote.") from None  # fmt: skip
        except _UNREADABLE:
            raise self._refused("it is no zip archive, or its end is missing") from None
        try:
            self._infos = self._named()
            self.told, self._placed = self._index()
            self.manifest = self._manifest()
        except _UNREADABLE as error:
            self._file.close()
            raise self._refused(f"it is damaged ({error})") from None
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _refused(self, why: str) -> BackupRefused:
        return BackupRefused(f"{self.path} is no sound export of a library: {why}.")

    def _named(self) -> dict[str, zipfile.ZipInfo]:
        """The members by name. Raises `BackupRefused` for any that `export` would not have written."""
        found: dict[str, zipfile.ZipInfo] = {}
        whole = self.path.stat().st_size
        for info in self._file.infolist():
            name = info.filename
            if name != info.orig_filename or not (name == INDEX or _MEMBER.fullmatch(name)):
                raise self._refused(f"it has a member {name[:100]!r}")
            if name in found:
                raise self._refused(f"it has two members {name!r}")
            mode = info.external_attr >> 16
            if (
                not stat.S_ISREG(mode)
                or info.is_dir()
                or info.flag_bits & 0x1
                or info.compress_type != zipfile.ZIP_STORED
            ):
                raise self._refused(f"{name!r} is no plain file")
            if not 0 <= info.header_offset <= whole - info.file_size:
                raise self._refused(f"{name!r} lies beyond its end")
            found[name] = info
        if INDEX not in found:
            raise self._refused(f"it has no {INDEX}")
        if sum(info.file_size for info in found.values()) > whole:
            raise self._refused("its members are larger than itself")
        return found

    def _index(self) -> tuple[dict[str, tuple[int, str]], dict[str, str]]:
        data = json.loads(self._text(INDEX))
        body = data["export"]
        if hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest() != data["sha256"]:
            raise self._refused("what it says of itself was altered")
        if body["paperpath"] != "library" or type(body["version"]) is not int or body["version"] < 1:
            raise self._refused("it is of something else")
        if body["version"] > _VERSION:
            raise FormatUnknown(f"{self.path} was exported by a newer paperpath.", cure="Update paperpath.")
        told = {name: (int(one["bytes"]), str(one["sha256"])) for name, one in body["members"].items()}
        if told.keys() != self._infos.keys() - {INDEX}:
            raise self._refused("its members are not those that it names")
        placed = {str(member): str(source) for member, source in body["uploads"].items()}
        if not placed.keys() <= told.keys():
            raise self._refused("an upload is missing")
        return told, placed

    def _manifest(self) -> Manifest:
        names = list(self.members("generations/"))
        if len(names) != 1:
            raise self._refused("it has not one generation")
        manifest = manifest_from(self._text(names[0]))
        if self.told.keys() & set(self.members("files/")) != {f"files/{file.name}" for file in manifest.files.values()}:
            raise self._refused("a file of its generation is missing")
        for role, file in manifest.files.items():
            if file.name != f"{file.sha256}.{role}" or self.told[f"files/{file.name}"] != (file.bytes, file.sha256):
                raise self._refused(f"the {role} is not the one that its generation names")
        return manifest

    def members(self, below: str) -> Iterator[str]:
        """The names of the members in a folder, in order."""
        return (name for name in sorted(self.told) if name.startswith(below))

    def verify(self) -> None:
        """Reads every byte. Raises `BackupRefused` where one is not what it was."""
        for name, (_, sha256) in self.told.items():
            self._copied(name, None)
            own = name.split("/")
            if own[:2] == ["cache", "bodies"] and own[2] != sha256:
                raise self._refused(f"{name} is not what its name says")
            if own[0] == "uploads" and (own[1] != sha256[:16] or not uploads.is_name(own[2])):
                raise self._refused(f"{name!r} is no upload")
        for row in self.ledger():
            if f"cache/bodies/{row.sha256}" not in self.told:
                raise self._refused(f"the bytes of {row.address} are missing")

    def read(self, name: str) -> bytes:
        """A member as a whole, checked."""
        out = io.BytesIO()
        self._copied(name, out)
        return out.getvalue()

    def copy(self, name: str, path: Path) -> None:
        """Writes a member to a file, checked."""
        with path.open("wb") as out:
            self._copied(name, out)

    def to(self, name: str, path: Path) -> Path:
        """The same, aside first: the file is there as a whole or not at all. One that is there already stays."""
        if path.is_file() and files.sha256_of(path) == self.told[name][1]:
            return path
        files.make_folder(path.parent)
        part = path.with_name(path.name + ".part") if len(path.name.encode()) < 250 else path.with_name("it.part")
        try:
            self.copy(name, part)
            files.replace(part, path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink()
        return path

    def manifest_for(self, folder: Path) -> Manifest:
        """The manifest as the library in `folder` has it, where the uploads lie elsewhere."""
        there = {source: str(folder.resolve() / member) for member, source in self._placed.items()}
        return replace(self.manifest, sources=tuple(there.get(source, source) for source in self.manifest.sources))

    def ids(self) -> frozenset[str]:
        """The ids of its documents."""
        from indexer.library.catalogue import ids_of

        return ids_of(self.read(f"files/{self.manifest.files['catalogue'].name}"))

    def ledger(self) -> list[Download]:
        """The lines of its ledger. Raises `BackupRefused`."""
        if LEDGER not in self.told:
            return []
        kinds = {field.name: (int, type(None)) if field.name == "version" else (int if field.name == "bytes" else str)
                 for field in fields(Download)}  # fmt: skip
        try:
            rows = [json.loads(line) for line in self._text(LEDGER).split(b"\n") if line.strip()]
            if not all(
                row.keys() == kinds.keys() and all(isinstance(row[n], k) for n, k in kinds.items()) for row in rows
            ):
                raise ValueError
            return [Download(**row) for row in rows]
        except _UNREADABLE:
            raise self._refused("its ledger is damaged") from None

    def _text(self, name: str) -> bytes:
        if self._infos[name].file_size > _LONGEST_TEXT:
            raise self._refused(f"{name} is too large")
        return self._file.read(name)

    def _copied(self, name: str, out: IO[bytes] | None) -> None:
        """Reads a member, and writes it to `out`. Raises `BackupRefused` unless size and hash are as the index has them."""
        digest, size = hashlib.sha256(), 0
        try:
            with self._file.open(name) as source:
                while piece := source.read(_PIECE):
                    digest.update(piece)
                    size += len(piece)
                    if out is not None:
                        out.write(piece)
        except _UNREADABLE:
            raise self._refused(f"{name} is damaged") from None
        if (size, digest.hexdigest()) != self.told[name]:
            raise self._refused(f"{name} was altered")


def write(part: Path, members: Mapping[str, bytes | Path | IO[bytes]], more: dict[str, Any]) -> None:
    """Writes an archive. The index comes last in the file, as it is known last."""
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as file:
        told = {}
        for name in sorted(members):
            content = members[name]
            digest, size = hashlib.sha256(), 0
            with _opened(content) as source, file.open(info_of(name), "w", force_zip64=True) as out:
                while piece := source.read(_PIECE):
                    digest.update(piece)
                    size += len(piece)
                    out.write(piece)
            told[name] = {"bytes": size, "sha256": digest.hexdigest()}
        body = json.dumps({"paperpath": "library", "version": _VERSION, "members": told} | more, sort_keys=True)
        whole = {"sha256": hashlib.sha256(body.encode()).hexdigest(), "export": json.loads(body)}
        file.writestr(info_of(INDEX), json.dumps(whole, indent=1, sort_keys=True) + "\n")


@contextlib.contextmanager
def _opened(content: bytes | Path | IO[bytes]) -> Iterator[IO[bytes]]:
    if isinstance(content, Path):
        with content.open("rb") as file:
            yield file
    else:
        yield io.BytesIO(content) if isinstance(content, bytes) else content


def info_of(name: str) -> zipfile.ZipInfo:
    """A member of this name as every export has it: a plain file of no date."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o644) << 16
    return info
