"""A generation whose files are each as they were written, and don't belong together: `verify` says what is wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from test_library import MODEL, Made, publish, publish_made, unit_rows

from indexer.errors import GenerationDamaged
from indexer.library import Library, Model, arrays, files, vectors
from indexer.library.manifest import File, Manifest, manifest_text


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """One of two generations: two documents with a vector each, then three."""
    held = Library(tmp_path / "library")
    publish(held, [1, 2])
    publish(held, [3, 4, 5])
    return held


def wrong_with(library: Library, manifest: Manifest) -> str:
    """What `verify` says of a generation with this manifest."""
    (library.folder / "generations" / f"{manifest.name}.json").write_text(manifest_text(manifest))
    return dict(library.verify())[manifest.name]


def placed(library: Library, manifest: Manifest, role: str, data: bytes) -> Manifest:
    """The manifest with another file for one of its own."""
    path = library.folder / "files" / "new.part"
    path.write_bytes(data)
    sha256 = files.sha256_of(path)
    path.rename(path.with_name(f"{sha256}.{role}"))
    return dataclasses.replace(
        manifest, files={**manifest.files, role: File(f"{sha256}.{role}", len(data), sha256)}
    )  # fmt: skip


def changed(library: Library, manifest: Manifest, role: str, **given: np.ndarray) -> Manifest:
    """The manifest with other arrays in one of its files."""
    held = arrays.read(library.folder / "files" / manifest.files[role].name)
    path = library.folder / "changed"
    arrays.write(path, held | given)
    return placed(library, manifest, role, path.read_bytes())


@pytest.mark.parametrize(("role", "says"), [
    ("catalogue", "the catalogue's counts differ"), ("vectors", "not one vector for each passage of prose"),
    ("words", "the words are not those of all passages"), ("space", "the space is not that of the vectors")])  # fmt: skip
def test_a_file_of_another_generation(library: Library, role: str, says: str) -> None:
    one, other = library.manifests()
    assert says in wrong_with(library, dataclasses.replace(other, files={**other.files, role: one.files[role]}))


@pytest.mark.parametrize("by", [-1, 1])
def test_other_counts(library: Library, by: int) -> None:
    manifest = library.manifest("000002")
    for name in ("documents", "passages"):
        altered = dataclasses.replace(manifest, **{name: getattr(manifest, name) + by})
        assert "the catalogue's counts differ" in wrong_with(library, altered)


def test_another_model(library: Library) -> None:
    manifest = library.manifest("000002")
    altered = dataclasses.replace(manifest, model=Model("toy", MODEL.dimension + 1, "toy-1"))
    assert "dimension" in wrong_with(library, altered)


def test_as_many_vectors_of_other_passages(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    manifest = publish_made(library, [Made(number, 0, 1) for number in range(7)], None).manifest
    prose = library.open().words.prose.copy()
    assert not prose.all()
    assert "not one vector for each passage of prose" in wrong_with(
        library, changed(library, manifest, "words", prose=np.roll(prose, 1))
    )


@pytest.mark.parametrize("name", ["norms", "kin"])
def test_a_space_that_lacks_a_row(library: Library, name: str) -> None:
    manifest = library.manifest("000002")
    held = getattr(library.open().space, name)
    assert "the space is not that" in wrong_with(library, changed(library, manifest, "space", **{name: held[:-1]}))


@pytest.mark.parametrize("role", ["catalogue", "vectors", "words", "space"])
def test_a_file_that_was_never_of_its_kind(library: Library, role: str) -> None:
    altered = placed(library, library.manifest("000002"), role, b"as its hash says, and nothing that can be read")
    said = wrong_with(library, altered)
    assert "Generation 000002 can't be opened" in said or f"{altered.files[role].name} can't be read" in said
    assert library.open().name == "000001"


def test_a_file_that_is_none(library: Library) -> None:
    path = library.folder / "files" / library.manifest("000002").files["words"].name
    path.unlink()
    assert dict(library.verify())["000002"] == f"Generation 000002: {path} is missing."
    path.mkdir()
    assert f"Generation 000002: {path} can't be read (Is a directory)" in dict(library.verify())["000002"]


@pytest.mark.parametrize(("value", "says"), [(np.nan, "not finite"), (np.inf, "not finite"), (0.9, "of length one")])
def test_a_vector_that_is_none(library: Library, value: float, says: str) -> None:
    rows = np.concatenate([unit_rows(1, n) for n in (3, 4, 5)])
    rows[2, 5] = value
    path = library.folder / "vectors"
    vectors.write(path, rows)
    assert says in wrong_with(library, placed(library, library.manifest("000002"), "vectors", path.read_bytes()))


def test_a_passage_that_does_not_find_itself(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that finds what is far, as one whose cells are another's would."""
    far = lambda self, queries, k, among=None: (np.zeros((len(queries), k)), self.ids[np.zeros((len(queries), k), int)])  # noqa: E731
    monkeypatch.setattr(vectors.Vectors, "nearest", far)
    assert "a passage does not find itself" in dict(library.verify())["000002"]
    with pytest.raises(GenerationDamaged, match="does not find itself"):
        publish(library, [6, 7])
    assert library.current_name() == "000002"


def test_of_an_earlier_format(tmp_path: Path) -> None:
    """It has a vector for each passage, and nothing else to agree with."""
    import zipfile

    with zipfile.ZipFile(Path(__file__).parent / "fixtures" / "format-2.zip") as file:
        file.extractall(tmp_path / "library")
    library = Library(tmp_path / "library")
    one, other = library.manifests()
    assert one.passages != other.passages and dict(library.verify())[other.name] == ""
    mixed = dataclasses.replace(other, files={**other.files, "vectors": one.files["vectors"]})
    assert "there is not one vector for each passage" in wrong_with(library, mixed)
