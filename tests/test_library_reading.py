"""Which generation answers, and what is said where that can't be found out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from test_library import publish

from indexer.errors import GenerationDamaged, LibraryError, NoLibrary
from indexer.library import Library, Writer, reading
from indexer.library.generation import checked


@pytest.fixture
def library(tmp_path: Path) -> Library:
    held = Library(tmp_path / "library")
    publish(held, [1])
    publish(held, [2])
    return held


@contextmanager
def as_somebody_else(folder: Path) -> Iterator[None]:
    """Who may not look into the folder."""
    folder.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


def test_a_folder_that_may_not_be_read(library: Library) -> None:
    with as_somebody_else(library.folder):
        with pytest.raises(LibraryError, match="may not be read") as caught:
            library.open()
        assert "who owns" in caught.value.cure
        with pytest.raises(LibraryError, match="can't be read: Permission denied"):
            library.names()
        assert library.stamp() is None
    assert library.open().name == "000002"


def test_a_folder_that_can_not_be_read(library: Library) -> None:
    """A link that leads to itself, as an error of the disk is."""
    (library.folder / "CURRENT").unlink()
    (library.folder / "CURRENT").symlink_to("CURRENT")
    with pytest.raises(LibraryError, match="can't be read: Too many levels") as caught:
        library.current_name()
    assert "disk" in caught.value.cure and str(library.folder) in caught.value.message
    with pytest.raises(LibraryError, match="can't be read"):
        library.open()


@pytest.mark.parametrize("kind", ["pipe", "folder", "gone", "garbage"])
def test_a_pointer_that_is_none(library: Library, kind: str) -> None:
    """What it named is there still: the newest answers, and it is said."""
    path = library.folder / "CURRENT"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "garbage":
        path.write_bytes(os.urandom(40))
    assert library.current_name() == ""
    generation = library.open()
    assert generation.name == "000002" and generation.instead_of is not None
    assert str(path) in generation.instead_of.message


def test_a_name_with_a_check_of_another_is_no_name(library: Library) -> None:
    path = library.folder / "CURRENT"
    said = path.read_text()
    assert library.current_name() == "000002"
    path.write_text(said.replace("000002", "000001"))
    assert library.current_name() == ""
    path.write_text("000001")
    assert library.current_name() == "000001", "who sets it by hand need not know the check"
    path.write_text("٠٠٠٠٠١")  # digits, and no name of ours
    assert library.current_name() == ""


def test_a_stamp_changes_with_whatever_is_published(library: Library) -> None:
    seen = [library.stamp()]
    assert library.stamp() == seen[0]
    with Writer(library) as writer:
        writer.rollback()
    seen.append(library.stamp())
    publish(library, [3])
    seen.append(library.stamp())
    path = library.folder / "CURRENT"
    status = path.stat()
    with path.open("r+b") as file:  # the same inode, and the clock was set back to the moment of the last publishing
        file.write(b"000001 ")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    seen.append(library.stamp())
    assert len(set(seen)) == 4 and None not in seen
    assert Library(library.folder / "none").stamp() is None


def test_only_older_ones_serve_for_a_damaged_one(library: Library) -> None:
    """A newer one that was rolled back was not wanted any more."""
    publish(library, [3])
    with Writer(library) as writer:
        writer.rollback("000002")
    for file in library.manifest("000002").files.values():
        (library.folder / "files" / file.name).unlink()
    assert library.open().name == "000001"
    for file in library.manifest("000001").files.values():
        (library.folder / "files" / file.name).unlink()
    with pytest.raises(GenerationDamaged, match="000002"):  # it is the one that is wanted
        library.open()


def test_what_is_published_meanwhile_is_read(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current one is pruned while it is opened: what is current then answers, and nothing is said to be damaged."""
    turns = [3]

    def late(folder: Path, manifest: reading.Manifest) -> reading.Generation:
        if turns:
            publish(library, [turns.pop()], keep=2)
            with Writer(library) as writer:
                writer.prune(1)
        return checked(folder, manifest)

    monkeypatch.setattr(reading, "checked", late)
    generation = library.open()
    assert generation.name == "000003" and generation.instead_of is None


def test_what_is_published_while_an_older_one_is_opened_is_read(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older one would do for the one that is damaged, were that one still wanted."""
    for file in library.manifest("000002").files.values():
        (library.folder / "files" / file.name).unlink()
    turns = [3]

    def late(folder: Path, manifest: reading.Manifest) -> reading.Generation:
        if manifest.name == "000001" and turns:
            publish(library, [turns.pop()])
        return checked(folder, manifest)

    monkeypatch.setattr(reading, "checked", late)
    generation = library.open()
    assert generation.name == "000003" and generation.instead_of is None


def test_what_the_newest_says_is_remembered_where_the_current_one_says_nothing(library: Library) -> None:
    publish(library, [3])
    (library.folder / "generations" / "000003.json").write_text("torn")
    remembered = library.remembered()
    assert remembered is not None and remembered.name == "000002"


def test_a_generation_that_is_opened_twice_is_two(library: Library) -> None:
    """What is kept beside one goes with it."""
    assert len({library.open(), library.open()}) == 2


def test_what_is_held_is_not_what_is_mapped(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = sorted(file.bytes for file in library.manifest("000002").files.values())
    monkeypatch.setattr("indexer.library.files.HELD", sizes[-2])
    assert [path.stat().st_size for path in library.open().mapped] == sizes[-1:]


def test_where_nothing_was_published(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    with Writer(library):
        pass
    assert library.manifests() == [] and library.remembered() is None and library.stamp() is None
    for ask in (library.open, library.current_name, library.verify):
        with pytest.raises(NoLibrary):
            ask()


def test_other_files_among_the_manifests_are_none(library: Library) -> None:
    folder = library.folder / "generations"
    (folder / "000009.txt").write_text("")
    (folder / "notes.json").write_text("{}")
    (folder / "00000x.json").write_text("{}")
    (folder / "000003.json.part").write_text("")
    assert library.names() == ["000001", "000002"]
    (folder / "000001.json").write_text("{}")
    assert [manifest.name for manifest in library.manifests()] == ["000002"]
    (folder / "000001.json").write_bytes((folder / "000002.json").read_bytes())
    with pytest.raises(GenerationDamaged, match=r"000001\.json is damaged"):
        library.manifest("000001")
