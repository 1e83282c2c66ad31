"""A generation, opened: the files that its manifest names, checked byte by byte, then read from memory or where they lie."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from indexer import terms
from indexer.errors import GenerationDamaged, LibraryError
from indexer.library import files, space, words
from indexer.library.catalogue import Catalogue
from indexer.library.manifest import FORMAT, File, Manifest
from indexer.library.space import Space
from indexer.library.vectors import Vectors
from indexer.library.words import Words

DERIVED = (terms.VERSION, words.VERSION, space.VERSION)
"""What a generation holds beyond its documents and passages, by version: another one makes another generation."""


@dataclass(eq=False)
class Generation:
    """One generation, open for reading. Immutable and safe to use from several threads.

    A row of `vectors` is one of `space`; `words` go by passage. One of an earlier format has neither of these two: it is
    opened for a reindex to go on from. `instead_of` is set where the generation that CURRENT names is damaged and this
    older one serves for it.
    """

    manifest: Manifest
    catalogue: Catalogue
    vectors: Vectors
    words: Words = None  # type: ignore[assignment]
    space: Space = None  # type: ignore[assignment]
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


def checked(folder: Path, manifest: Manifest) -> Generation:
    """A generation of the library in `folder`, every byte of it checked against its manifest.

    Raises `GenerationDamaged` naming the file that is missing or altered.
    """
    large = [folder / "files" / file.name for file in manifest.files.values() if file.bytes > files.HELD]
    before = {path: like for path in large if (like := _like(path)) is not None}
    with ThreadPoolExecutor() as pool:  # hashing lets go of the interpreter
        checks = pool.map(lambda file: checked_file(folder, manifest.name, file), manifest.files.values())
        data = dict(zip(manifest.files, checks, strict=True))
    generation = opened(folder, manifest, data)
    generation.mapped = before
    return generation


def checked_file(folder: Path, generation: str, file: File) -> bytes | None:
    """The bytes of a file, where they are held (see `files.checked`). Raises `GenerationDamaged`."""
    path = folder / "files" / file.name
    try:
        return files.checked(path, file.bytes, file.sha256)
    except files.Altered:
        raise GenerationDamaged(f"Generation {generation}: {path} was altered.") from None
    except FileNotFoundError:
        raise GenerationDamaged(f"Generation {generation}: {path} is missing.") from None
    except OSError as error:
        raise GenerationDamaged(f"Generation {generation}: {path} can't be read ({error.strerror}).") from None


def opened(folder: Path, manifest: Manifest, data: Mapping[str, bytes | None]) -> Generation:
    """A generation of files that were checked; `data` has the bytes of those that are held, by role."""

    def of(role: str) -> tuple[Path, bytes | None]:
        return folder / "files" / manifest.files[role].name, data.get(role)

    try:
        catalogue = Catalogue(*of("catalogue"), format=manifest.format)
        if manifest.format < FORMAT:
            return Generation(manifest, catalogue, Vectors(*of("vectors")))
        return Generation(manifest, catalogue, Vectors(*of("vectors")), Words(*of("words")), Space(*of("space")))
    except (sqlite3.Error, RuntimeError, KeyError, ValueError, OSError) as error:  # it may be pruned in between
        raise GenerationDamaged(f"Generation {manifest.name} can't be opened: {error}.") from error


def _like(path: Path) -> tuple[int, int, int] | None:
    """What changes with a file, None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino
