"""A library as one file, to be kept elsewhere and brought back: `export` and `bring_in`.

A zip archive without compression, so that any tool can look into it and the same library gives the same bytes:

    export.json                     what is in it: each member's size and SHA-256
    generations/<name>.json         the manifest of the generation that answers
    files/<sha256>.<role>           its files
    marks/marks.jsonl               what the reader marked
    uploads/<hash>/<name>           the uploads that its sources name, each under the hash of what is in it now
    cache/bodies/<sha256>, cache/ledger.jsonl    on demand: the downloads, so that a reindex brings nothing again

Other sources (lists, folders) stay where they are: where one is missing, a reindex keeps what it held. Extracted texts and
vectors are not in it: they are made again where they are needed.

Nothing of an archive is believed: names are of these few forms, each member is hashed before anything is written, and what
is published is checked as what a reindex publishes.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
import zipfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from indexer.errors import FormatUnknown, GenerationDamaged, LibraryError, LibraryUnwritable, NoLibrary
from indexer.library import archive, files, marks, uploads
from indexer.library.archive import INDEX, LEDGER, MARKS, Archive
from indexer.library.cache import Cache, Download
from indexer.library.generation import Generation
from indexer.library.manifest import FORMAT, Manifest, manifest_text
from indexer.library.publishing import Writer
from indexer.library.reading import Library

_PART = ".paperpath-{}.part"
_LEFT_SECONDS = 86_400.0


class ImportRefused(LibraryError):
    """What is imported lacks something that the library here has."""

    cure = "Import it into an empty folder (--library), or add --yes: `paperpath library rollback` goes back."


@dataclass(frozen=True)
class Exported:
    """What was written. `left_out` names the uploads and downloads that were to be in it and are not there.

    `warning` says why an older generation was exported than the one that should answer, "" where none was.
    """

    file: str
    bytes: int
    sha256: str
    generation: str
    documents: int
    marks: int
    uploads: int
    downloads: int
    left_out: tuple[str, ...]
    warning: str = ""


@dataclass(frozen=True)
class Imported:
    """What came of an import. `generation` is the one that is read now; `published` says whether this made it.

    `marks` counts the documents whose mark is another than before.
    """

    generation: str
    published: bool
    documents: int
    marks: int
    uploads: int
    downloads: int


def export(library: Library, target: Path, *, downloads: bool = False) -> Exported:
    """Writes what answers, the marks, and the uploads to `target`, as a whole or not at all; `downloads` too on demand.

    It is read back before it gets its name. Raises a `LibraryError`.
    """
    target = target.absolute()
    _must_be_ours(target)
    generation = library.open(earlier=True)
    manifest = generation.manifest
    known = _uploads_of(manifest, library.folder)
    left_out = [source for source, path in known.items() if not path.is_file()]
    for left in target.parent.glob(_PART.format("*")):  # by an export that was killed
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                left.unlink()
    part = target.with_name(_PART.format(secrets.token_hex(4)))  # another may write to the same name now
    try:
        with contextlib.ExitStack() as open_, files.writing(target.parent):
            try:
                held = {f"files/{f.name}": open_.enter_context((library.folder / "files" / f.name).open("rb"))
                        for f in manifest.files.values()}  # fmt: skip
            except FileNotFoundError as error:  # pruned since
                raise GenerationDamaged(f"Generation {manifest.name}: {error.filename} is missing.") from None
            members: dict[str, bytes | Path | IO[bytes]] = dict(held)
            members[f"generations/{manifest.name}.json"] = manifest_text(manifest).encode()
            members[MARKS] = own_marks = marks.export(library.marks)
            placed = {uploads.by_content(path): source for source, path in known.items() if path.is_file()}
            members |= {member: known[source] for member, source in placed.items()}
            ledger, lacking = _downloads(library, generation) if downloads else ({}, [])
            left_out += lacking
            if downloads:
                rows = (json.dumps(asdict(row)) for row in ledger.values())
                members[LEDGER] = "\n".join(rows).encode()
                members |= {f"cache/bodies/{row.sha256}": library.folder / "cache" / "bodies" / row.sha256
                            for row in ledger.values()}  # fmt: skip
            archive.write(part, members, {"uploads": placed})
            with Archive(part) as written:
                written.verify()
                if written.manifest.files != manifest.files:
                    raise GenerationDamaged(f"Generation {manifest.name} was altered while it was read.")
            size, sha256 = part.stat().st_size, files.sha256_of(part)
            files.replace(part, target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
        generation.close()
    warning = generation.instead_of.message if generation.instead_of else ""
    return Exported(
        str(target), size, sha256, manifest.name, manifest.documents, len(own_marks.splitlines()), len(placed), len(ledger),
        tuple(left_out), warning,
    )  # fmt: skip


def _must_be_ours(target: Path) -> None:
    """Raises `LibraryUnwritable` where a file stands there that is no earlier export, and where there is no folder."""
    if not target.parent.is_dir():
        raise LibraryUnwritable(f"There is no folder {target.parent}.", cure="Make it first, or choose another.")
    if not target.exists():
        return
    if not target.is_file():
        raise LibraryUnwritable(f"{target} is there, and it is no file.", cure="Choose another name.")
    with contextlib.suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(target) as file:
        if INDEX in file.namelist():
            return
    raise LibraryUnwritable(f"{target} is there, and it is no export.", cure="Choose another name.")


def _uploads_of(manifest: Manifest, folder: Path) -> dict[str, Path]:
    """The uploads that the sources name: {source: file}."""
    own = folder.resolve() / "uploads"
    return {source: Path(source) for source in manifest.sources if Path(source).parent.parent == own}


def _as_exported(source: str, folder: Path) -> str:
    """A source as an export of it comes back: an upload that was altered, under the name of what is in it."""
    if not uploads.holds(folder, source) or not Path(source).is_file():
        return source
    return str(folder.resolve() / uploads.by_content(Path(source)))


def _downloads(library: Library, generation: Generation) -> tuple[dict[str, Download], list[str]]:
    """The ledger's lines on what the generation is made of, by address, and the addresses whose bytes are not there."""
    if not (library.folder / "cache" / "cache.sqlite").exists():
        return {}, []
    wanted = {address for summary in generation.catalogue.summaries for address in summary.entry.addresses}
    with Cache(library.folder / "cache") as cache:
        rows = {row.address: row for row in cache.downloads() if row.address in wanted and row.sha256}
        there = {a: row for a, row in rows.items() if (body := cache.body(row.sha256)) and cache.is_sound(body)}
    return there, sorted(rows.keys() - there.keys())


def bring_in(library: Library, source: Path, *, keep: int, yes: bool = False) -> Imported:
    """Publishes what `export` wrote as the newest generation of `library`; `keep` is how many stay.

    Marks are merged, of each thing the later one counts. A kill at any moment leaves the generation that was read, or the
    new one. Raises `archive.BackupRefused` before anything is written, `ImportRefused` where the library has what the file lacks,
    or is a newer paperpath's, and `yes` doesn't say to go on, `FormatUnknown` of the file, `LibraryBusy`, `LibraryUnwritable`.
    """
    with Archive(source) as backup:
        backup.verify()
        with Writer(library) as writer:
            manifest = backup.manifest_for(library.folder)
            current = _current(library)
            instead_of = current.instead_of if current else None
            same = current is not None and instead_of is None and _alike(current.manifest, manifest)
            if not same and not yes:
                _must_lose_nothing(library, current, manifest, backup)
            with files.writing(library.folder):
                brought = [backup.to(member, library.folder / member) for member in backup.members("uploads/")]
            kept = _keep_downloads(backup, writer.cache)
            changed = marks.merge(library.marks, backup.read(MARKS)) if MARKS in backup.told else 0
            name = current.name if same and current else writer.adopt(
                manifest, lambda file, part: backup.copy(f"files/{file.name}", part), keep
            )  # fmt: skip
    return Imported(name, not same, manifest.documents, changed, len(brought), kept)


def _current(library: Library) -> Generation | None:
    """What answers here, None where nothing does: that is what backups are for."""
    try:
        return library.open(earlier=True)
    except (NoLibrary, GenerationDamaged, FormatUnknown):
        return None


def _alike(one: Manifest, other: Manifest) -> bool:
    return replace(one, name="", created="") == replace(other, name="", created="")


def _must_lose_nothing(library: Library, current: Generation | None, manifest: Manifest, backup: Archive) -> None:
    """Raises `ImportRefused` where something that is here now would not be found any more, or where that can't be known."""
    try:
        library.remembered()
    except FormatUnknown as error:
        raise ImportRefused(f"{library.folder} is a newer paperpath's: {error.message}", cure="Update paperpath, import it into"
                            " an empty folder (--library), or add --yes to go back to what the file has.") from None  # fmt: skip
    if current is None:
        return
    if manifest.format != FORMAT and current.manifest.format == FORMAT:
        raise ImportRefused(f"{backup.path} was made by an earlier paperpath, and the library here is of this one.")
    if manifest.model.fingerprint != current.manifest.model.fingerprint:
        raise ImportRefused(f"{backup.path} was made with the model {manifest.model.name}, and the library here with"
                            f" {current.manifest.model.name}.")  # fmt: skip
    coming = backup.ids()
    lost = [summary.id for summary in current.catalogue.summaries if summary.id not in coming]
    if lost:
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise ImportRefused(f"{backup.path} lacks {len(lost)} of the {current.manifest.documents} documents in"
                            f" {library.folder}: {', '.join(lost[:3])}{more}.")  # fmt: skip
    if gone := sorted({_as_exported(s, library.folder) for s in current.manifest.sources} - set(manifest.sources)):
        raise ImportRefused(f"{backup.path} lacks a source of the library in {library.folder}: {gone[0]}.")


def _keep_downloads(backup: Archive, cache: Cache) -> int:
    """Takes in the downloads that are not held. Returns how many."""
    count = 0
    for row in backup.ledger():
        held = cache.download(row.address)
        if held is not None and cache.body(held.sha256):
            continue
        if cache.body(row.sha256) is None:
            part = cache.part("import:" + row.sha256)
            with files.writing(cache.folder):
                backup.copy(f"cache/bodies/{row.sha256}", part)
            cache.keep_body(part)
        cache.record(row)
        count += 1
    return count
