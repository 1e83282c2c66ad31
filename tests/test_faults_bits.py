"""Damage at rest: a flipped bit, a cut, an empty, a swapped, a strange file: refused by name or harmless, no wrong answer."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from faults import NEW, OLD, answers
from libraries import build

from indexer.errors import FormatUnknown, GenerationDamaged, LibraryError
from indexer.library import FORMAT, Library, Writer, backup, marks
from indexer.library.cache import Cache
from indexer.library.manifest import manifest_text

ROLES = ("catalogue", "vectors", "words", "space", "manifest", "CURRENT")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict]]:
    """A library of three generations, and what each of them answers."""
    folder = tmp_path_factory.mktemp("made") / "library"
    truths = {}
    for texts in (OLD, NEW, {"only": ["One document alone, which says nothing of the others."]}):
        name = build(folder, texts)
        truths[name] = answers(Library(folder).open())
    with Writer(Library(folder)) as writer:
        writer.rollback("000002")  # so that one flipped bit may make CURRENT name another that is sound
    return folder, truths


def file_of(library: Library, role: str, name: str = "000002") -> Path:
    if role == "CURRENT":
        return library.folder / "CURRENT"
    if role == "manifest":
        return library.folder / "generations" / f"{name}.json"
    return library.folder / "files" / library.manifest(name).files[role].name


def judge(library: Library, truths: dict[str, dict], path: Path) -> str:
    """What became of a damage to `path`: harmless, or refused by its name while another answers. Asserts that no answer is wrong."""
    generation = library.open()
    if generation.instead_of is None:
        assert generation.name == "000002"
        assert answers(generation) == truths["000002"], f"{path} was altered and the answers with it"
        return "harmless"
    assert path.name in generation.instead_of.message
    assert answers(generation) == truths[generation.name]
    return "refused"


def flips(path: Path, count: int) -> list[tuple[int, int]]:
    """Bytes and bits to flip: all of a small file, else some, the first and last among them."""
    size = path.stat().st_size
    if size * 8 <= count:
        return [(at, bit) for at in range(size) for bit in range(8)]
    chance = random.Random(size)
    return [(0, 0), (size - 1, 7), *((chance.randrange(size), chance.randrange(8)) for _ in range(count))]


def flip_all(folder: Path, truths: dict[str, dict], role: str, count: int) -> set[str]:
    library = Library(folder)
    path = file_of(library, role)
    whole = path.read_bytes()
    told = set()
    try:
        for at, bit in flips(path, count):
            with path.open("r+b") as file:
                file.seek(at)
                file.write(bytes([whole[at] ^ 1 << bit]))
            told.add(judge(library, truths, path))
            path.write_bytes(whole)
    finally:
        path.write_bytes(whole)
    return told


@pytest.mark.parametrize("role", ROLES)
def test_a_flipped_bit_anywhere(made: tuple, role: str) -> None:
    told = flip_all(*made, role, 120 if role in ("manifest", "CURRENT") else 12)
    assert "refused" in told
    if role not in ("manifest", "CURRENT"):
        assert told == {"refused"}


@pytest.mark.torture
@pytest.mark.parametrize("role", ROLES)
def test_a_thousand_flipped_bits_in_each(made: tuple, role: str) -> None:
    assert "refused" in flip_all(*made, role, 1000)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("harm", ["cut", "empty", "longer", "zeros", "folder", "gone", "pipe"])
def test_a_file_that_is_no_longer_itself(made: tuple, tmp_path: Path, role: str, harm: str) -> None:
    folder = tmp_path / "library"
    shutil.copytree(made[0], folder)
    library = Library(folder)
    path = file_of(library, role)
    whole = path.read_bytes()
    path.unlink()
    if harm == "folder":
        path.mkdir()
    elif harm == "pipe":
        os.mkfifo(path)
    elif harm != "gone":
        path.write_bytes(
            {"cut": whole[: len(whole) // 2], "empty": b"", "longer": whole + b"\0", "zeros": bytes(len(whole))}[harm]
        )
    told = judge(library, made[1], path)
    assert told == "refused" or (role == "CURRENT" and harm in ("cut", "longer"))


@pytest.mark.parametrize("role", ROLES[:-1])
def test_files_of_two_generations_swapped(made: tuple, tmp_path: Path, role: str) -> None:
    """Each is sound by itself: a name must not be enough."""
    folder = tmp_path / "library"
    shutil.copytree(made[0], folder)
    library = Library(folder)
    one, other = file_of(library, role), file_of(library, role, "000003")
    one.rename(tmp_path / "aside")
    other.rename(one)
    (tmp_path / "aside").rename(other)
    generation = library.open()
    assert generation.name == "000001" and generation.instead_of is not None
    assert answers(generation) == made[1]["000001"]
    for name in ("000002", "000003"):
        with pytest.raises(GenerationDamaged, match=f"{one.name}|{other.name}"):
            library.open_generation(name)


def test_all_of_it_damaged(made: tuple, tmp_path: Path) -> None:
    folder = tmp_path / "library"
    shutil.copytree(made[0], folder)
    for path in (folder / "files").iterdir():
        path.write_bytes(b"")
    with pytest.raises(GenerationDamaged, match="000002") as caught:
        Library(folder).open()
    assert "paperpath reindex" in caught.value.cure
    build(folder, NEW)
    assert answers(Library(folder).open()) == made[1]["000002"]


def test_damage_under_a_writer_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a new generation takes over is what was checked, though the file was altered since, be it held or not."""
    from tests.test_library import Made, everything_in, publish_made

    made = [Made(number, 0, 1) for number in range(20)]
    for held in (1 << 26, 0):
        monkeypatch.setattr("indexer.library.files.HELD", held)
        library = Library(tmp_path / str(held))
        before = publish_made(library, made, None)
        truth = everything_in(publish_made(Library(tmp_path / f"whole{held}"), made[1:], None))
        for file in before.manifest.files.values():
            path = library.folder / "files" / file.name
            whole = path.read_bytes()
            path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        if held:
            after = publish_made(library, made[1:], before)
            assert everything_in(after) == truth
        else:
            with pytest.raises(GenerationDamaged, match="was altered"):
                publish_made(library, made[1:], before)


def test_every_bit_of_the_marks(tmp_path: Path) -> None:
    """A mark is what was said or is told to be damaged; it never says something else."""
    build(tmp_path, OLD)
    summaries = Library(tmp_path).open().catalogue.summaries
    marks.set_read(tmp_path / "marks", summaries[0], True)
    marks.set_note(tmp_path / "marks", summaries[1].id, "to be read before the talk")
    path = tmp_path / "marks" / "marks.jsonl"
    whole, truth = path.read_bytes(), dict(marks.load(tmp_path / "marks").by_id)
    told = 0
    for at in range(len(whole)):
        for bit in range(8):
            marks._loaded.cache_clear()
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            held = marks.load(tmp_path / "marks")
            assert held.by_id.items() <= truth.items(), (whole[at : at + 1], bit)
            assert len(held.by_id) == len(truth) or held.warnings
            told += bool(held.warnings)
    assert told > 4 * len(whole)


@pytest.mark.parametrize("harm", ["folder", "pipe", "cut"])
def test_marks_that_are_no_file(tmp_path: Path, harm: str) -> None:
    build(tmp_path, OLD)
    summary = Library(tmp_path).open().catalogue.summaries[0]
    marks.set_read(tmp_path / "marks", summary, True)
    path = tmp_path / "marks" / "marks.jsonl"
    whole = path.read_bytes()
    path.unlink()
    if harm == "folder":
        path.mkdir()
    elif harm == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(whole[:-20])
    held = marks.load(tmp_path / "marks")
    assert not held.by_id and held.warnings
    if harm == "cut":  # what is said next is kept beside what is there
        marks.set_note(tmp_path / "marks", "other", "a note")
        assert path.read_bytes().startswith(whole[:-20])


@pytest.fixture
def newer(made: tuple, tmp_path: Path) -> Library:
    """Somebody ran a newer paperpath: the fourth generation is of a format that this one doesn't read."""
    folder = tmp_path / "library"
    shutil.copytree(made[0], folder)
    library = Library(folder)
    manifest = dataclasses.replace(library.manifest("000003"), name="000004", format=FORMAT + 1)
    (folder / "generations" / "000004.json").write_text(manifest_text(manifest))
    (folder / "CURRENT").write_text("000004\n")
    return library


def test_a_newer_generation_is_refused_and_nothing_is_lost(newer: Library, made: tuple) -> None:
    """It is said, the one before answers, and no reindex builds over it unasked."""
    generation = newer.open()
    assert isinstance(generation.instead_of, FormatUnknown) and "Update paperpath" in generation.instead_of.cure
    assert answers(generation) == made[1][generation.name]
    with pytest.raises(FormatUnknown):
        newer.remembered()
    assert list(newer.unreadable()) == ["000004"] and "has format 4" in newer.unreadable()["000004"]
    with Writer(newer) as writer:
        writer.prune(1)
    assert (newer.folder / "generations" / "000004.json").exists()
    assert answers(newer.open()) == made[1][generation.name]


@pytest.mark.parametrize("name", [None, "000003", "000002"])
def test_back_from_a_newer_paperpath_by_a_generation(newer: Library, made: tuple, name: str | None) -> None:
    with Writer(newer) as writer:
        assert writer.rollback(name) == (name or "000003")
    generation = newer.open()
    assert generation.instead_of is None and newer.remembered() == generation.manifest
    assert answers(generation) == made[1][name or "000003"]


@pytest.mark.parametrize("left", [True, False])
def test_back_from_a_newer_paperpath_by_a_backup(newer: Library, made: tuple, tmp_path: Path, left: bool) -> None:
    """Whether one of an earlier format is left or not: it asks first, for what is lost is not known."""
    backup.export(newer, tmp_path / "before.zip")
    if not left:
        for name in ("000001", "000002", "000003"):
            (newer.folder / "generations" / f"{name}.json").unlink()
    with pytest.raises(backup.ImportRefused, match=r"a newer paperpath's: Generation 000004") as caught:
        backup.bring_in(newer, tmp_path / "before.zip", keep=3)
    assert "--yes" in caught.value.cure and newer.current_name() == "000004"
    done = backup.bring_in(newer, tmp_path / "before.zip", keep=3, yes=True)
    assert done.published and done.generation == "000005"
    generation = newer.open()
    assert generation.instead_of is None and newer.remembered() == generation.manifest
    assert answers(generation) == made[1]["000003"]


def test_what_answers_in_place_of_a_damaged_one_is_brought_back(made: tuple, tmp_path: Path) -> None:
    """Though it is the same as what answers: the next reader would find the damaged one first."""
    folder = tmp_path / "library"
    shutil.copytree(made[0], folder)
    library = Library(folder)
    backup.export(library, tmp_path / "before.zip")
    with Writer(library) as writer:
        writer.rollback("000003")
    own = {file.name for file in library.manifest("000003").files.values()}
    shared = {file.name for name in ("000001", "000002") for file in library.manifest(name).files.values()}
    (folder / "files" / min(own - shared)).write_bytes(b"")
    assert library.open().name == "000002"
    done = backup.bring_in(library, tmp_path / "before.zip", keep=3)
    assert done.published and library.open().name == done.generation and library.open().instead_of is None


def test_back_from_a_damaged_generation(made: tuple, tmp_path: Path) -> None:
    """To the one that answers in its place, and not to the one before that."""
    folder = tmp_path / "library"
    shutil.copytree(made[0], folder)
    library = Library(folder)
    with Writer(library) as writer:
        writer.rollback("000003")
    (folder / "generations" / "000003.json").write_text("{}")
    assert library.open().name == "000002"
    with Writer(library) as writer:
        assert [writer.rollback(), writer.rollback()] == ["000002", "000001"]


def test_a_manifest_with_odd_values(made: tuple, tmp_path: Path) -> None:
    """Its checksum is right, as a program of somebody else's may make it: an error of ours all the same."""
    folder = tmp_path / "library"
    shutil.copytree(made[0], folder)
    library = Library(folder)
    path = folder / "generations" / "000002.json"
    body = json.loads(path.read_text())["manifest"]
    for name in body:
        for value in (None, [], {}, "x", -1, "../../etc/passwd"):
            odd = body | {name: value}
            text = json.dumps(odd, sort_keys=True)
            path.write_text(json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest(), "manifest": odd}))
            try:
                library.open_generation("000002")
            except LibraryError:
                continue


def test_a_flipped_bit_in_the_cache_reaches_no_generation(tmp_path: Path) -> None:
    """What the cache holds has a checksum of its own: what was altered is brought, read or embedded anew."""
    text = {"text": "as it was read " * 20}
    vector = np.linspace(-1, 1, 16, dtype=np.float32)
    with Cache(tmp_path / "cache") as cache:
        cache.keep_text("key", text)
        cache.keep_front("key", text)
        cache.keep_metadata(1.0, {"key": text})
        cache.keep_vectors([(b"key", vector)])
        for table, column, held in (
            ("texts", "answer", lambda: cache.text("key")), ("fronts", "answer", lambda: cache.front("key")),
            ("metadata", "answer", lambda: (cache.metadata("key") or (0, None))[1]),
            ("vectors", "vector", lambda: {k: v.tolist() for k, v in cache.vectors([b"key"]).items()} or None),
        ):  # fmt: skip
            whole = held()
            assert whole == (text if table != "vectors" else {b"key": vector.tolist()})
            ((value,),) = cache._rows(f"SELECT {column} FROM {table}")
            data = value.encode() if isinstance(value, str) else value
            for at in range(len(data)):
                altered = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
                given = altered.decode("latin-1") if isinstance(value, str) else altered
                cache._write(f"UPDATE {table} SET {column} = ?", [(given,)])
                assert held() in (None, whole), (table, at)


def test_a_cache_of_an_earlier_paperpath_is_used(tmp_path: Path) -> None:
    vector = np.linspace(-1, 1, 16, dtype=np.float32)
    with Cache(tmp_path / "cache") as cache:
        cache._write("INSERT INTO vectors VALUES (?, ?)", [(b"key", vector.tobytes())])
        cache._write("INSERT INTO fronts VALUES (?, ?)", [("key", json.dumps({"a": 1}))])
        assert (cache.vectors([b"key"])[b"key"] == vector).all() and cache.front("key") == {"a": 1}
