"""Generations: immutable builds of the library, and the one pointer that says which is read.

    CURRENT                     the name of the generation to read, and its CRC-32
    generations/<name>.json     a manifest: the files of it with size and SHA-256, the model, the sources
    files/<sha256>.<role>       immutable files, which generations may share
    marks/                      what a person did; no part of any generation
    cache/                      see `cache.py`
    lock                        held by the one writer

A generation is written aside, checked, then published by replacing CURRENT. A reader that holds one keeps it, whatever
is published or pruned meanwhile.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from indexer import points, terms
from indexer.document import EMBEDDED, Document, Passage
from indexer.errors import (
    FormatUnknown,
    GenerationDamaged,
    LibraryBusy,
    LibraryError,
    NoLibrary,
    UsageError,
)
from indexer.library import catalogue, files, space, uploads, vectors, words
from indexer.library.cache import Cache

FORMAT = 3
"""The number of this format of a library. A change that an older paperpath can't read raises it.

1: no kinds of passage, blocks, references or versions. 2: no words and no space; a vector for every passage.
A reindex goes on from either and writes the present one.
"""

DERIVED = (terms.VERSION, words.VERSION, space.VERSION)
"""What a generation holds beyond its documents and passages, by version: another one makes another generation."""


@dataclass(frozen=True)
class Model:
    """The embedding model that a generation was made with. `fingerprint` changes with anything that changes vectors."""

    name: str
    dimension: int
    fingerprint: str


@dataclass(frozen=True)
class File:
    """One immutable file of a generation."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a generation is made of. `inputs` is a hash of all that went into it: equal inputs, equal answers.

    `sources` are the remembered ones, `excluded` the addresses that were taken out of them one by one, `kept_apart`
    those that are never merged with another.
    """

    name: str
    created: str
    model: Model
    documents: int
    passages: int
    inputs: str
    sources: tuple[str, ...]
    excluded: tuple[str, ...]
    files: dict[str, File]
    kept_apart: tuple[str, ...] = ()
    format: int = FORMAT


_MANIFEST = TypeAdapter(Manifest)


@dataclass(eq=False)
class Generation:
    """One generation, open for reading. Immutable and safe to use from several threads.

    A row of `vectors` is one of `space`; `words` go by passage. One of an earlier format has neither of these two: it is
    opened for a reindex to go on from. `instead_of` is set where the generation that CURRENT names is damaged and this
    older one serves for it.
    """

    manifest: Manifest
    catalogue: catalogue.Catalogue
    vectors: vectors.Vectors
    words: words.Words = None  # type: ignore[assignment]
    space: space.Space = None  # type: ignore[assignment]
    instead_of: LibraryError | None = field(default=None)
    mapped: Mapping[Path, tuple[int, int, int]] = field(default_factory=dict)
    """The files that are read where they lie, each with what it was like when it was checked; the others are held."""

    @property
    def name(self) -> str:
        """The generation's name, e.g. `000012`."""
        return self.manifest.name

    @property
    def stamp(self) -> str:
        """What tells it from every other, of another library with the same names too: what an answer depends on."""
        return f"{self.name}-{self.manifest.inputs[:12]}"

    def is_as_it_was(self) -> bool:
        """Whether no file that is mapped was changed since it was checked; one that was pruned is there for who has it open.

        A bit that the disk lost by itself is not seen by this, only by `Library.verify`.
        """
        return all(_like(path) in (before, None) for path, before in self.mapped.items())

    def close(self) -> None:
        """Lets go of its files."""
        self.catalogue.close()


class Library:
    """The folder that holds it all. Opening one reads nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marks = folder / "marks"

    # ------------------------------------------------------------------ reading

    def current_name(self) -> str:
        """The name of the generation to read, "" where CURRENT was lost. Raises `NoLibrary` where nothing was published."""
        try:
            return _name_in(_pointer(self.folder))
        except FileNotFoundError:
            if self._names():  # what it named is still there
                return ""
            raise NoLibrary(f"There is no library in {self.folder}.") from None
        except IsADirectoryError:
            return ""
        except NotADirectoryError:
            raise NoLibrary(
                f"{self.folder} is a file, not a library's folder.", cure="Choose a folder with --library."
            ) from None
        except PermissionError:
            raise LibraryError(f"{self.folder} may not be read.", cure="Check who owns the folder.") from None
        except OSError as error:
            if error.errno == errno.EINVAL:  # no file
                return ""
            raise LibraryError(f"{self.folder} can't be read: {error.strerror}.", cure="Check the disk.") from None

    def stamp(self) -> tuple[int, int, bytes] | None:
        """A value that changes whenever something is published; cheap enough to ask on each request.

        What CURRENT says is in it: inodes come again, and a clock that is set back makes times come again too.
        """
        try:
            status = os.stat(self.folder / "CURRENT")
            return status.st_ino, status.st_mtime_ns, _pointer(self.folder)
        except OSError:
            return None

    def open(self, *, earlier: bool = False) -> Generation:
        """The generation that CURRENT names; where that one is damaged, the newest sound one before it.

        With `earlier` one of an earlier format will do: for a reindex, which goes on from it.
        Raises `NoLibrary`, `GenerationDamaged` (none is sound) or `FormatUnknown`.
        """
        while True:
            name = self.current_name()
            first: LibraryError | None = None if name else GenerationDamaged(f"{self.folder / 'CURRENT'} is damaged.")
            names = self._names()
            for candidate in ([name] if name else []) + [n for n in reversed(names) if n < name or name not in names]:
                try:
                    generation = self.open_generation(candidate, earlier=earlier)
                except (GenerationDamaged, FormatUnknown) as error:
                    first = first or error.bare()
                    continue
                if first is not None and self.current_name() != name:
                    break  # published and pruned while this was reading: read what is current now
                generation.instead_of = first
                return generation
            else:
                if self.current_name() == name:
                    assert first is not None
                    raise first

    def remembered(self) -> Manifest | None:
        """The manifest that says what the library is made from, be its files sound or not; None where none can be read.

        That is the one that CURRENT names, else the newest. Raises `FormatUnknown` for one from a newer paperpath.
        """
        try:
            return self.manifest(self.current_name())
        except (NoLibrary, GenerationDamaged):
            return next(reversed(self.manifests()), None)

    def open_generation(self, name: str, *, earlier: bool = False) -> Generation:
        """One generation by name, every byte of it checked against its manifest; `earlier` is as `open` has it.

        Raises `GenerationDamaged` naming the file that is missing or altered, or `FormatUnknown`.
        """
        manifest = self.manifest(name)
        if manifest.format != FORMAT and not earlier:
            raise FormatUnknown(
                f"Generation {name} was written by an earlier paperpath: it has format {manifest.format},"
                f" and this one reads {FORMAT}.",
                cure="Run `paperpath reindex`: it builds the library anew from the sources it remembers, and downloads"
                " nothing that it holds.",
            )
        large = [self.folder / "files" / file.name for file in manifest.files.values() if file.bytes > files.HELD]
        before = {path: like for path in large if (like := _like(path)) is not None}
        with ThreadPoolExecutor() as pool:  # hashing lets go of the interpreter
            checks = pool.map(lambda file: self._check(name, file), manifest.files.values())
            data = dict(zip(manifest.files, checks, strict=True))
        generation = self._opened(manifest, data)
        generation.mapped = before
        return generation

    def manifest(self, name: str) -> Manifest:
        """The manifest of a generation, of an earlier format too. Raises `GenerationDamaged` or `FormatUnknown`."""
        path = self.folder / "generations" / f"{name}.json"
        try:
            with files.opened(path) as file:
                found = manifest_from(file.read())
            if found.name != name:
                raise ValueError("it is of another generation")
            return found
        except FileNotFoundError:
            raise GenerationDamaged(f"Generation {name or '?'}: {path} is missing.") from None
        except (ValueError, KeyError, TypeError, OSError):
            raise GenerationDamaged(f"Generation {name}: {path} is damaged.") from None

    def manifests(self) -> list[Manifest]:
        """The manifests that can be read, oldest first."""
        found = []
        for name in self._names():
            with contextlib.suppress(LibraryError):
                found.append(self.manifest(name))
        return found

    def verify(self) -> list[tuple[str, str]]:
        """Every generation checked byte by byte: [(generation's name, what is wrong or "")], oldest first."""
        current = self.current_name()
        answers = [] if current else [("CURRENT", f"{self.folder / 'CURRENT'} is damaged.")]
        for name in sorted({*self._names(), current} - {""}):
            try:
                generation = self.open_generation(name, earlier=True)
                check(generation)
                generation.close()
                answers.append((name, ""))
            except LibraryError as error:
                answers.append((name, error.message))
        return answers

    def _names(self) -> list[str]:
        try:
            names = os.listdir(self.folder / "generations")
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise LibraryError(f"{self.folder} can't be read: {error.strerror}.", cure="Check the disk.") from None
        return sorted(name[:-5] for name in names if name.endswith(".json") and name[:-5].isdecimal())

    def _check(self, generation: str, file: File) -> bytes | None:
        """The bytes of a file, where they are held (see `files.checked`). Raises `GenerationDamaged`."""
        path = self.folder / "files" / file.name
        try:
            return files.checked(path, file.bytes, file.sha256)
        except files.Altered:
            raise GenerationDamaged(f"Generation {generation}: {path} was altered.") from None
        except FileNotFoundError:
            raise GenerationDamaged(f"Generation {generation}: {path} is missing.") from None
        except OSError as error:
            raise GenerationDamaged(f"Generation {generation}: {path} can't be read ({error.strerror}).") from None

    def _opened(self, manifest: Manifest, data: Mapping[str, bytes | None]) -> Generation:
        """A generation of files that were checked; `data` has the bytes of those that are held, by role."""

        def of(role: str) -> tuple[Path, bytes | None]:
            return self.folder / "files" / manifest.files[role].name, data.get(role)

        try:
            held = catalogue.Catalogue(*of("catalogue"), format=manifest.format)
            if manifest.format < FORMAT:
                return Generation(manifest, held, vectors.Vectors(*of("vectors")))
            return Generation(
                manifest, held, vectors.Vectors(*of("vectors")), words.Words(*of("words")), space.Space(*of("space"))
            )
        except (sqlite3.Error, RuntimeError, KeyError, ValueError, OSError) as error:  # it may be pruned in between
            raise GenerationDamaged(f"Generation {manifest.name} can't be opened: {error}.") from error

    # ------------------------------------------------------------------ writing

    @contextlib.contextmanager
    def writer(self) -> Iterator[Writer]:
        """The one writer. Raises `LibraryBusy` while another holds the lock, `LibraryUnwritable` where it can't write.

        The lock is the kernel's: a writer that dies lets go of it.
        """
        import filelock

        with files.writing(self.folder):
            for folder in (self.folder, self.folder / "generations", self.folder / "files", self.marks):
                files.make_folder(folder)
            files.sync_folder(self.folder)
            files.sync_folder(self.folder.parent)
            lock = filelock.FileLock(self.folder / "lock", timeout=0)
            try:
                lock.acquire()
            except filelock.Timeout:
                raise LibraryBusy(f"Another reindex is writing to {self.folder}.") from None
        try:
            writer = Writer(self)
            try:
                yield writer
            finally:
                writer.cache.close()
        finally:
            lock.release()


class Writer:
    """What only the holder of the lock may do."""

    def __init__(self, library: Library) -> None:
        self.library = library
        with files.writing(library.folder):
            for leftover in (library.folder / "files").glob("*.part"):  # of a run that was killed
                leftover.unlink()
        self.cache = Cache(library.folder / "cache")

    def publish(
        self,
        documents: Sequence[tuple[Document, Sequence[Passage]]],
        matrix: np.ndarray,
        *,
        digests: Sequence[str] = (),
        before: Generation | None = None,
        kept: Sequence[int] = (),
        model: Model,
        inputs: str,
        sources: Sequence[str],
        excluded: Sequence[str],
        keep: int,
        kept_apart: Sequence[str] = (),
    ) -> str:
        """Writes a generation, checks it, and makes it the one that is read. Returns its name.

        `kept` has for each document the position in the generation `before` of the one whose body, title and notes are the
        same, -1 where there is none: of such a one neither body nor passages are looked at. `matrix` is float32 of shape
        (n, dimension), a unit row for each passage of prose (`EMBEDDED`) of the others, in order. `digests` are the
        documents' (see `Summary`), `keep` is how many generations stay. Raises `LibraryUnwritable`, or `GenerationDamaged`
        if the check fails; the old one stays then.
        """
        folder = self.library.folder
        parts = {role: folder / "files" / f"{role}.part" for role in ("catalogue", "vectors", "words", "space")}
        name = self._next_name()
        _must_be_unit(matrix, name)
        taken = _taken(documents, before, kept)
        try:
            with files.writing(folder):
                counts = catalogue.write(parts["catalogue"], documents, digests, taken)
                points.reached("publish.catalogue")
                words.write(parts["words"], documents, before.words if before and taken else None, taken)
                points.reached("publish.words")
                _write_vectors(parts, documents, matrix, before, taken, name)
                if before and taken:  # what was copied from is what it was, else its damage would be published as sound
                    for file in before.manifest.files.values():
                        if file.bytes > files.HELD:
                            self.library._check(before.name, file)
                named = {role: self._placed(role, part) for role, part in parts.items()}
                points.reached("publish.files")
                manifest = Manifest(
                    name=name,
                    created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                    model=model, documents=counts[0], passages=counts[1], inputs=inputs,
                    sources=tuple(sources), excluded=tuple(excluded), kept_apart=tuple(kept_apart),
                    files=named,
                )  # fmt: skip
                self._publish(manifest, keep)
        finally:
            for part in parts.values():
                with contextlib.suppress(OSError):  # the next writer removes it; why this one failed is what counts
                    part.unlink(missing_ok=True)
        return manifest.name

    def adopt(self, manifest: Manifest, bring: Callable[[File, Path], None], keep: int) -> str:
        """Publishes a generation that was made elsewhere; `bring` writes a file of it. Returns the name that it has here.

        Raises as `publish` does.
        """
        folder = self.library.folder
        manifest = replace(manifest, name=self._next_name())
        with files.writing(folder):
            for role, file in manifest.files.items():
                part = folder / "files" / f"{role}.part"
                try:
                    bring(file, part)
                    _must(
                        self._placed(role, part) == file, manifest.name, f"the {role} is not the one that was exported"
                    )
                finally:
                    with contextlib.suppress(OSError):
                        part.unlink(missing_ok=True)
            points.reached("publish.files")
            self._publish(manifest, keep)
        return manifest.name

    def _publish(self, manifest: Manifest, keep: int) -> None:
        """Checks a generation whose files are in place, and makes it the one that is read."""
        folder = self.library.folder
        generation = self.library._opened(manifest, {})
        try:
            check(generation)
        finally:
            generation.close()
        points.reached("publish.checked")
        files.write_text(folder / "generations" / f"{manifest.name}.json", manifest_text(manifest))
        points.reached("publish.manifest")
        self._point_to(manifest.name)
        points.reached("publish.current")
        with contextlib.suppress(LibraryError):  # it is published: what stays too long goes with the next one
            self.prune(keep, answering=manifest.name)
        points.reached("publish.pruned")

    def rollback(self, name: str | None = None) -> str:
        """Makes an earlier generation the one that is read: `name`, or the one before the current. Returns its name.

        The sources that it remembers are in force again. Raises `GenerationDamaged` if it isn't sound, `UsageError` if there
        is none of that name, `LibraryError` if there is none before.
        """
        current = self.library.open().name
        earlier = [n for n in self.library._names() if n < current]
        if name is None and not earlier:
            raise LibraryError(f"There is no generation before {current}.", cure="`paperpath library list` shows all.")
        chosen = earlier[-1] if name is None else name
        if chosen not in self.library._names():
            raise UsageError(f"There is no generation {chosen}.", cure="`paperpath library list` shows all.")
        check(generation := self.library.open_generation(chosen))
        generation.close()
        with files.writing(self.library.folder):
            self._point_to(chosen)
        return chosen

    def prune(self, keep: int, *, answering: str = "") -> list[str]:
        """Removes all but the newest `keep` generations, the current one and the one that answers, should that differ.

        Which one answers is found out if it isn't told. Files that none of those left needs go too, and uploads that none of
        them names as a source. Returns the names of the generations removed; readers keep theirs.
        """
        library = self.library
        names = library._names()
        stay = set(names[-keep:]) | {library.current_name()}
        with contextlib.suppress(LibraryError):
            stay.add(answering or library.open(earlier=True).name)
        gone = [name for name in names if name not in stay]
        with files.writing(library.folder):
            for name in gone:
                (library.folder / "generations" / f"{name}.json").unlink()
            files.sync_folder(library.folder / "generations")
            try:
                left = [library.manifest(name) for name in stay & set(names)]
            except LibraryError:
                return gone  # which files a damaged manifest names is not known: leave them all
            used = {file.name for manifest in left for file in manifest.files.values()}
            uploads.let_go(library.folder, [source for manifest in left for source in manifest.sources])
            for path in (library.folder / "files").iterdir():
                if path.name not in used:
                    path.unlink()
        return gone

    def _next_name(self) -> str:
        names = self.library._names()
        with contextlib.suppress(NoLibrary):
            names.append(self.library.current_name() or "0")
        return f"{max(map(int, names), default=0) + 1:06d}"

    def _placed(self, role: str, part: Path) -> File:
        sha256 = files.sha256_of(part)
        final = part.with_name(f"{sha256}.{role}")
        size = part.stat().st_size
        files.replace(part, final)  # also over one of that name: what is there may be damaged
        files.sync_folder(final.parent)  # a run that was killed may have renamed it and not come so far
        return File(final.name, size, sha256)

    def _point_to(self, name: str) -> None:
        files.write_text(self.library.folder / "CURRENT", f"{name} {_check_of(name)}\n")


def _pointer(folder: Path) -> bytes:
    """What CURRENT says. Raises `OSError`."""
    with files.opened(folder / "CURRENT") as file:
        return file.read(100)


def _like(path: Path) -> tuple[int, int, int] | None:
    """What changes with a file, None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _name_in(pointer: bytes) -> str:
    """The name that CURRENT says, "" where it is damaged: one flipped bit may make it another's. A bare name will do."""
    name, _, check = pointer.decode("utf-8", "replace").strip().partition(" ")
    return name if name.isdecimal() and name.isascii() and check in ("", _check_of(name)) else ""


def _check_of(name: str) -> str:
    return f"{zlib.crc32(name.encode()):08x}"


def _taken(
    documents: Sequence[tuple[Document, Sequence[Passage]]], before: Generation | None, kept: Sequence[int]
) -> catalogue.Kept | None:
    """What is taken over from `before`, None where that is nothing."""
    if before is None or not any(position >= 0 for position in kept):
        return None
    own = before.catalogue.counts_of
    counts = [own[there] if there >= 0 else len(passages) for (_, passages), there in zip(documents, kept, strict=True)]
    return catalogue.keeping(before.catalogue, np.array(kept, np.int64), np.array(counts, np.int64))


def _write_vectors(
    parts: Mapping[str, Path], documents: Sequence[tuple[Document, Sequence[Passage]]], matrix: np.ndarray,
    before: Generation | None, taken: catalogue.Kept | None, name: str,
) -> None:  # fmt: skip
    """Writes the vectors and their space: `matrix` where nothing is `taken` over, else what is and `matrix`."""
    owner, prose, abstract = _kinds(documents, before, taken)
    ids = np.flatnonzero(prose)
    abstracts = np.where(abstract, owner, -1)[ids]
    if before is None or taken is None:
        _must(len(ids) == len(matrix), name, "there is not one vector for each passage of prose")
        vectors.write(parts["vectors"], matrix, ids)
        points.reached("publish.vectors")
        space.write(parts["space"], matrix, abstracts)
        points.reached("publish.space")
        return
    there = np.full(len(prose), -1, np.int64)  # by passage, the row of its vector before
    rows = taken.passages[before.vectors.ids]
    there[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    source = there[ids]
    _must(int((source < 0).sum()) == len(matrix), name, "there is not one vector for each passage of prose")
    vectors.update(parts["vectors"], before.vectors, source, matrix, ids)
    points.reached("publish.vectors")
    space.update(parts["space"], before.space, before.vectors, source, vectors.Vectors(parts["vectors"]), abstracts)
    points.reached("publish.space")


def _kinds(
    documents: Sequence[tuple[Document, Sequence[Passage]]], before: Generation | None, taken: catalogue.Kept | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By passage: its document's position (int64), whether it is prose, and whether it is an abstract's (both bool)."""
    there = np.full(len(documents), -1) if taken is None else taken.documents
    counts = [len(passages) for _, passages in documents] if taken is None else taken.counts
    owner = np.repeat(np.arange(len(documents)), counts)
    new = there[owner] < 0
    kinds = [p.kind for (_, passages), position in zip(documents, there, strict=True) if position < 0 for p in passages]
    prose, abstract = np.zeros(len(owner), bool), np.zeros(len(owner), bool)
    prose[new], abstract[new] = [kind in EMBEDDED for kind in kinds], [kind == "abstract" for kind in kinds]
    if before is not None and taken is not None:
        stay = np.flatnonzero(taken.passages >= 0)
        names, which = before.catalogue.kinds_of
        prose[taken.passages[stay]] = np.isin(names, EMBEDDED)[which[stay]]
        abstract[taken.passages[stay]] = (names == "abstract")[which[stay]]
    return owner, prose, abstract


def check(generation: Generation) -> None:
    """Raises `GenerationDamaged` unless the parts of a generation agree.

    Counts agree, every vector is finite and of length one, and a sample of passages finds itself. Of one of an earlier
    format, what it has.
    """

    manifest, name = generation.manifest, generation.name
    try:
        counts = generation.catalogue.counts()
    except sqlite3.DatabaseError as error:
        _must(False, name, f"the catalogue can't be read ({error})")
    _must(counts == (manifest.documents, manifest.passages), name, "the catalogue's counts differ")
    count, ids = generation.vectors.count, generation.vectors.ids
    _must(
        generation.vectors.dimension == manifest.model.dimension,
        name,
        "the vectors' dimension differs from the model's",
    )
    if manifest.format == FORMAT:
        words, space = generation.words, generation.space
        _must(words.count == manifest.passages, name, "the words are not those of all passages")
        _must(
            np.array_equal(np.flatnonzero(words.prose), ids), name, "there is not one vector for each passage of prose"
        )
        _must(len(space.norms) == len(space.kin) == count, name, "the space is not that of the vectors")
    else:
        _must(count == manifest.passages, name, "there is not one vector for each passage")
    for block in generation.vectors.blocks():
        _must_be_unit(block, name)
    if count:
        sample = np.unique(np.linspace(0, count - 1, 50, dtype=int))
        asked = generation.vectors.rows(sample)
        _, found = generation.vectors.nearest(asked, 1)
        rows = np.searchsorted(ids, found[:, 0])
        same = np.einsum("ij,ij->i", generation.vectors.rows(rows), asked)  # an equal passage may stand in front of it
        _must(bool((same > 1 - 1e-3).all()), name, "a passage does not find itself")


def _must(truth: bool, generation: str, what: str) -> None:
    if not truth:
        raise GenerationDamaged(f"Generation {generation} is not sound: {what}.")


def _must_be_unit(matrix: np.ndarray, generation: str) -> None:
    _must(bool(np.isfinite(matrix).all()), generation, "a vector is not finite")
    _must(bool(np.allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-3)), generation, "a vector is not of length one")


def manifest_text(manifest: Manifest) -> str:
    """A manifest as it is written: with a hash of itself."""
    body = json.dumps(asdict(manifest), sort_keys=True)
    return (
        json.dumps({"sha256": hashlib.sha256(body.encode()).hexdigest(), "manifest": json.loads(body)}, indent=1) + "\n"
    )


def manifest_from(text: bytes) -> Manifest:
    """A manifest as it was written. Raises `ValueError`, `KeyError` or `TypeError` where it was altered, `FormatUnknown`."""
    data = json.loads(text)
    body = data["manifest"]
    if hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest() != data["sha256"]:
        raise ValueError("its checksum differs")
    if body["format"] > FORMAT:
        raise FormatUnknown(f"Generation {body['name']} has format {body['format']}; this paperpath reads {FORMAT}.")
    return _MANIFEST.validate_python(body)
