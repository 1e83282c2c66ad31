"""A power cut, or a kill, at every moment of whatever writes: what was there, or what is new, and never less.

After each call that changes a folder or makes a change last, three states of the disk are looked at: all that was written (a
kill), and what a power cut leaves, with and without the names that were given and not yet synced.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from faults import NEW, OLD, Disk, answers
from libraries import build

from indexer.errors import NoLibrary
from indexer.library import Library, Summary, Writer, backup, marks, uploads


def sound(folder: Path) -> dict:
    """The answers of a library in which nothing is damaged. Of the first generation of all, CURRENT may not be there yet."""
    library = Library(folder)
    first = [name for name, wrong in library.verify() if wrong] == ["CURRENT"] and len(library.manifests()) == 1
    assert first or [wrong for _, wrong in library.verify() if wrong] == []
    generation = library.open()
    assert first or generation.instead_of is None
    return answers(generation)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    build(tmp_path / "disk" / "library", OLD)
    return tmp_path / "disk" / "library"


@pytest.fixture
def truths(tmp_path: Path) -> tuple[dict, dict]:
    """The answers before and after."""
    for name, texts in (("old", OLD), ("new", NEW)):
        build(tmp_path / name, texts)
    return answers(Library(tmp_path / "old").open()), answers(Library(tmp_path / "new").open())


def test_publishing(library: Path, truths: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(library.parent, tmp_path, lambda image: truths.index(sound(image / "library")))
    seen = disk.seen
    with disk.watched(monkeypatch):
        build(library, NEW)
        first_new = seen.index(1)
        disk.look()
    assert seen[-3:] == [1, 1, 1], "it was said to be done, and a power cut would have undone it"
    assert seen[0] == 0 and 0 < first_new < len(seen) and disk.moments > 20
    build(tmp_path / "image" / "library", NEW)  # the next run goes on from what was left
    assert sound(tmp_path / "image" / "library") == truths[1]


def test_the_first_publishing(truths: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    def looked(image: Path) -> bool | None:
        try:
            return sound(image / "below" / "library") == truths[1]
        except NoLibrary:
            return None

    (tmp_path / "disk").mkdir()
    disk = Disk(tmp_path / "disk", tmp_path, looked)
    seen = disk.seen
    with disk.watched(monkeypatch):
        build(tmp_path / "disk" / "below" / "library", NEW)
        disk.look()
    assert set(seen) == {None, True} and seen[-3:] == [True] * 3


def test_rolling_back_and_pruning(
    library: Path, truths: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(library, NEW)
    disk = Disk(library.parent, tmp_path, lambda image: truths.index(sound(image / "library")))
    seen = disk.seen
    with disk.watched(monkeypatch), Writer(Library(library)) as writer:
        writer.rollback()
        disk.look()
        assert seen[-3:] == [0, 0, 0]
        writer.rollback("000002")
        writer.prune(1)
        disk.look()
    assert seen[-3:] == [1, 1, 1] and set(seen) == {0, 1}


def test_what_was_pruned_stays_away(
    library: Path, truths: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its manifest goes for good before its files do: none is ever left that names what is not there."""
    build(library, NEW)
    disk = Disk(library.parent, tmp_path, lambda image: truths.index(sound(image / "library")))
    with disk.watched(monkeypatch):
        with Writer(Library(library)) as writer:
            assert writer.prune(1) == ["000001"]
        build(library, OLD)
        disk.look()
    assert disk.seen[0] == 1 and disk.seen[-3:] == [0, 0, 0]


def test_marks(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, the first of all among them: what was said last may be lost until it is said to be kept."""
    summaries = Library(library).open().catalogue.summaries
    disk = Disk(library.parent, tmp_path, lambda image: _marks(image / "library"))
    seen = disk.seen
    said: list[dict] = [{}]
    with disk.watched(monkeypatch):
        for number, summary in enumerate([*summaries] * 2):
            before = len(seen)
            _say(library, summary, number)
            said.append(_marks(library))
            disk.look()
            assert all(one in said[-2:] for one in seen[before:])
            assert seen[-3:] == said[-1:] * 3
    assert len(said[-1]) == len(summaries)


def _say(library: Path, summary: Summary, number: int) -> None:
    if number % 2:
        marks.set_read(library / "marks", summary, number % 3 == 0)
    else:
        marks.set_note(library / "marks", summary.id, f"note {number}")


def _marks(library: Path) -> dict:
    held = marks.load(library / "marks")
    assert held.warnings == ()
    return dict(held.by_id)


def test_an_upload(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was answered with 201 is there; before, all of it is there or nothing."""

    async def body() -> AsyncIterator[bytes]:
        for n in range(3):
            yield b"- a line\n" * 1000 * n

    def looked(image: Path) -> bytes | None:
        found = list((image / "library" / "uploads").glob("*/list.md"))
        return found[0].read_bytes() if found else None

    disk = Disk(library.parent, tmp_path, looked)
    seen = disk.seen
    with disk.watched(monkeypatch):
        asyncio.run(uploads.keep(library, "list.md", body()))
        disk.look()
    whole = b"- a line\n" * 3000
    assert set(seen) == {None, whole} and seen[-3:] == [whole] * 3


def test_an_export_over_an_older_one(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "kept" / "backup.zip"
    target.parent.mkdir()
    backup.export(Library(library), target)
    older = target.read_bytes()
    build(library, NEW)
    disk = Disk(target.parent, tmp_path, lambda image: (image / "backup.zip").read_bytes())
    seen = disk.seen
    with disk.watched(monkeypatch):
        backup.export(Library(library), target)
        disk.look()
    assert set(seen) == {older, target.read_bytes()} and seen[-3:] == [target.read_bytes()] * 3


@pytest.mark.parametrize("there", [True, False])
def test_an_import(library: Path, truths: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    """Over a library, and into an empty folder. Marks come before the generation: what was said is never missing from it."""
    other = tmp_path / "other"
    build(other, NEW)
    marks.set_note(other / "marks", "2401.00001", "a note from elsewhere")
    backup.export(Library(other), tmp_path / "backup.zip")
    target = library if there else library.parent / "empty"

    def looked(image: Path) -> tuple[int, bool] | None:
        folder = image / target.name
        try:
            return truths.index(sound(folder)), "2401.00001" in _marks(folder)
        except NoLibrary:
            return None

    disk = Disk(library.parent, tmp_path, looked)
    seen = disk.seen
    with disk.watched(monkeypatch):
        done = backup.bring_in(Library(target), tmp_path / "backup.zip", keep=3)
        disk.look()
    assert done == replace(done, published=True, documents=len(NEW), marks=1)
    assert seen[-3:] == [(1, True)] * 3
    assert set(seen) <= {None if not there else (0, False), (0, True), (1, True)}
