"""Publishing: a generation is written aside, checked, and made the one that is read by replacing CURRENT.

Only one process at a time does this, and what else changes the folder: rolling back, pruning, adopting.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from indexer import points
from indexer.document import EMBEDDED, Document, Passage
from indexer.errors import LibraryBusy, LibraryError, NoLibrary, UsageError
from indexer.library import catalogue_writing, files, pointer, space, uploads, vectors, words
from indexer.library.cache import Cache
from indexer.library.checking import check, must, must_be_unit
from indexer.library.generation import Generation, checked_file, opened
from indexer.library.kept import Kept, taken_over
from indexer.library.manifest import File, Manifest, Model, manifest_text
from indexer.library.reading import Library


class Writer:
    """The one that writes to a library, and what only it may do: `with Writer(library) as writer`.

    The lock that it holds is the kernel's: a writer that dies lets go of it.
    """

    def __init__(self, library: Library) -> None:
        self.library = library

    def __enter__(self) -> Writer:
        """Raises `LibraryBusy` while another holds the lock, `LibraryUnwritable` where it can't write."""
        import filelock

        folder = self.library.folder
        with contextlib.ExitStack() as held:
            with files.writing(folder):
                for needed in (folder, folder / "generations", folder / "files", self.library.marks):
                    files.make_folder(needed)
                try:
                    held.enter_context(filelock.FileLock(folder / "lock", timeout=0))
                except filelock.Timeout:
                    raise LibraryBusy(f"Another reindex is writing to {folder}.") from None
                for leftover in (folder / "files").glob("*.part"):  # of a run that was killed
                    leftover.unlink()
            self._held = held.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    @functools.cached_property
    def cache(self) -> Cache:
        """The library's cache, which is opened when it is first asked for: pruning a disk that is full makes room for that."""
        return self._held.enter_context(Cache(self.library.folder / "cache"))

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
        must_be_unit(matrix, name)
        taken = taken_over(documents, before.catalogue, kept) if before else None
        former = before if taken else None
        try:
            with files.writing(folder):
                counts = catalogue_writing.write(parts["catalogue"], documents, digests, taken)
                points.reached("publish.catalogue")
                words.write(parts["words"], documents, former.words if former else None, taken)
                points.reached("publish.words")
                _write_vectors(parts, documents, matrix, former, taken, name)
                if former:  # what was copied from is what it was, else its damage would be published as sound
                    for file in former.manifest.files.values():
                        if file.bytes > files.HELD:
                            checked_file(folder, former.name, file)
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
                    part.unlink()
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
                    must(
                        self._placed(role, part) == file, manifest.name, f"the {role} is not the one that was exported"
                    )
                finally:
                    with contextlib.suppress(OSError):
                        part.unlink()
            self._publish(manifest, keep)
        return manifest.name

    def _publish(self, manifest: Manifest, keep: int) -> None:
        """Checks a generation whose files are in place, and makes it the one that is read."""
        folder = self.library.folder
        check(opened(folder, manifest, {}))
        points.reached("publish.checked")
        files.write_text(folder / "generations" / f"{manifest.name}.json", manifest_text(manifest))
        points.reached("publish.manifest")
        pointer.write(folder, manifest.name)
        points.reached("publish.current")
        with contextlib.suppress(LibraryError):  # it is published: what stays too long goes with the next one
            self.prune(keep, answering=manifest.name)
            self.cache.let_go()
        points.reached("publish.pruned")

    def rollback(self, name: str | None = None) -> str:
        """Makes an earlier generation the one that is read: `name`, or the one before the current. Returns its name.

        Where the current one can't be read, what answers in its place is the one before. The sources that it remembers are in
        force again. Raises `GenerationDamaged` if it isn't sound, `FormatUnknown`, `UsageError` if there is none of that name,
        `LibraryError` if there is none before.
        """
        chosen = self._before_current() if name is None else name
        if chosen not in self.library.names():
            raise UsageError(f"There is no generation {chosen}.", cure="`paperpath library list` shows all.")
        check(self.library.open_generation(chosen))
        with files.writing(self.library.folder):
            pointer.write(self.library.folder, chosen)
        return chosen

    def _before_current(self) -> str:
        answers = self.library.open()
        if answers.instead_of:
            return answers.name
        earlier = [name for name in self.library.names() if name < answers.name]
        if not earlier:
            raise LibraryError(
                f"There is no generation before {answers.name}.", cure="`paperpath library list` shows all."
            )
        return earlier[-1]

    def prune(self, keep: int, *, answering: str = "") -> list[str]:
        """Removes all but the newest `keep` generations, the current one and the one that answers, should that differ.

        Which one answers is found out if it isn't told. Files that none of those left needs go too, and uploads that none of
        them names as a source. Returns the names of the generations removed; readers keep theirs.
        """
        library = self.library
        names = library.names()
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

    def let_go_downloads(self) -> int:
        """Removes the downloads that no generation is made of, with what else is cached of what none is made of, and returns
        how many bytes went. Raises `LibraryUnwritable`, and a `LibraryError` where a generation can't be read, since what
        that needs is not known."""
        addresses: set[str] = set()
        generations = [self.library.open_generation(name, earlier=True) for name in self.library.names()]
        for generation in generations:
            addresses.update(address for s in generation.catalogue.summaries for address in s.entry.addresses)
        freed = self.cache.let_go(addresses)
        rows = itertools.chain.from_iterable(generation.vectors.blocks() for generation in generations)
        return freed + self.cache.let_go_vectors(rows)

    def _next_name(self) -> str:
        names = self.library.names()
        with contextlib.suppress(NoLibrary):
            names.append(self.library.current_name() or "0")
        return f"{max(map(int, names), default=0) + 1:06d}"

    def _placed(self, role: str, part: Path) -> File:
        sha256 = files.sha256_of(part)
        final = part.with_name(f"{sha256}.{role}")
        size = part.stat().st_size
        files.replace(part, final)  # also over one of that name: what is there may be damaged
        return File(final.name, size, sha256)


def _write_vectors(
    parts: Mapping[str, Path], documents: Sequence[tuple[Document, Sequence[Passage]]], matrix: np.ndarray,
    before: Generation | None, taken: Kept | None, name: str,
) -> None:  # fmt: skip
    """Writes the vectors and their space: `matrix` where nothing is `taken` over, else what is and `matrix`."""
    owner, prose, abstract = _kinds(documents, before, taken)
    ids = np.flatnonzero(prose)
    abstracts = np.where(abstract, owner, -1)[ids]
    if before is None or taken is None:
        must(len(ids) == len(matrix), name, "there is not one vector for each passage of prose")
        vectors.write(parts["vectors"], matrix, ids)
        points.reached("publish.vectors")
        space.write(parts["space"], matrix, abstracts)
        points.reached("publish.space")
        return
    there = np.full(len(prose), -1, np.int64)  # by passage, the row of its vector before
    rows = taken.passages[before.vectors.ids]
    there[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    source = there[ids]
    must(int((source < 0).sum()) == len(matrix), name, "there is not one vector for each passage of prose")
    vectors.update(parts["vectors"], before.vectors, source, matrix, ids)
    points.reached("publish.vectors")
    space.update(parts["space"], before.space, before.vectors, source, vectors.Vectors(parts["vectors"]), abstracts)
    points.reached("publish.space")


def _kinds(
    documents: Sequence[tuple[Document, Sequence[Passage]]], before: Generation | None, taken: Kept | None
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
