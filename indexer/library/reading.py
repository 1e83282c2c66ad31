"""The folder of a library, read: which generations there are, which one answers, and whether they are sound.

    CURRENT                     the name of the generation to read, and its CRC-32
    generations/<name>.json     a manifest: the files of it with size and SHA-256, the model, the sources
    files/<sha256>.<role>       immutable files, which generations may share
    marks/                      what a person did; no part of any generation
    uploads/                    see `uploads.py`
    cache/                      see `cache.py`
    lock                        held by the one writer

A reader that holds a generation keeps it, whatever is published or pruned meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from indexer.errors import FormatUnknown, GenerationDamaged, LibraryError, NoLibrary
from indexer.library import files, pointer
from indexer.library.checking import check
from indexer.library.generation import Generation, checked
from indexer.library.manifest import FORMAT, Manifest, manifest_from


class Library:
    """The folder that holds it all. Opening one reads nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marks = folder / "marks"

    def current_name(self) -> str:
        """The name of the generation to read, "" where CURRENT was lost. Raises `NoLibrary` where nothing was published."""
        try:
            return pointer.name_in(pointer.read(self.folder))
        except FileNotFoundError:
            if self.names():  # what it named is still there
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
            status = os.stat(pointer.path_in(self.folder))
            return status.st_ino, status.st_mtime_ns, pointer.read(self.folder)
        except OSError:
            return None

    def open(self, *, earlier: bool = False) -> Generation:
        """The generation that CURRENT names; where that one is damaged, the newest sound one before it.

        With `earlier` one of an earlier format will do: for a reindex, which goes on from it.
        Raises `NoLibrary`, `GenerationDamaged` (none is sound) or `FormatUnknown`.
        """
        while True:
            name = self.current_name()
            first: LibraryError | None = (
                None if name else GenerationDamaged(f"{pointer.path_in(self.folder)} is damaged.")
            )
            names = self.names()
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
        return checked(self.folder, manifest)

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
        for name in self.names():
            with contextlib.suppress(LibraryError):
                found.append(self.manifest(name))
        return found

    def unreadable(self) -> dict[str, str]:
        """The generations whose manifests can't be read, oldest first, each with why."""
        found = {}
        for name in self.names():
            try:
                self.manifest(name)
            except LibraryError as error:
                found[name] = error.message
        return found

    def verify(self) -> list[tuple[str, str]]:
        """Every generation checked byte by byte: [(generation's name, what is wrong or "")], oldest first."""
        current = self.current_name()
        answers = [] if current else [("CURRENT", f"{pointer.path_in(self.folder)} is damaged.")]
        for name in sorted({*self.names(), current} - {""}):
            try:
                check(self.open_generation(name, earlier=True))
                answers.append((name, ""))
            except LibraryError as error:
                answers.append((name, error.message))
        return answers

    def names(self) -> list[str]:
        """The names of the generations whose manifests are there, oldest first."""
        try:
            names = os.listdir(self.folder / "generations")
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise LibraryError(f"{self.folder} can't be read: {error.strerror}.", cure="Check the disk.") from None
        return sorted(name[:-5] for name in names if name.endswith(".json") and name[:-5].isdecimal())
