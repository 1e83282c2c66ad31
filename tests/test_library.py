"""The format on disk: what is published is read back, what is damaged is refused, what is old is pruned."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.document import (
    EMBEDDED,
    Block,
    Document,
    Entry,
    Link,
    Mention,
    Origin,
    Page,
    Passage,
    Reference,
    Section,
    TextMention,
    Version,
)
from indexer.errors import (
    FormatUnknown,
    GenerationDamaged,
    LibraryBusy,
    LibraryError,
    LibraryUnwritable,
    NoLibrary,
    UsageError,
)
from indexer.library import Generation, Library, Model, Writer, bodies, catalogue
from indexer.library.manifest import manifest_text

MODEL = Model("toy", 8, "toy-1")
ROLES = {"catalogue", "vectors", "words", "space"}


def a_document(number: int) -> Document:
    text = f"Paper {number} says something. And something more."
    return Document(
        id=f"paper-{number}", text="full",
        entry=Entry(f"https://example.org/{number}",
                    (Mention("list.md", number, f"given {number}", ("One", "Two"), "a note", True),), None,
                    (Link("https://example.org/code", "code"),)),
        title=f"Paper {number}", authors=("Ana Ó", "李"), abstract="What it is about.", date="2023-11-14",
        pages=(Page("first page", 1), Page(text, 2)),
        sections=(Section("1 Introduction", 1, 1, 0, "intro"), Section("A Proofs", 2, 1, 25, None, True)),
        blocks=(Block("front", 0, 0, 10), Block("body", 1, 0, 23), Block("appendix", 1, 24, 43, True)),
        references=(
            Reference(1, "Ana Ó. A thing, 2020.", 1, "ÓA20", "A thing", ("Ana Ó",), 2020, "Some venue", "2001.00001",
                      "10.1000/1", (TextMention(1, 0, 5, "Paper says something.", 0), TextMention(0, 0, 5, "first page"))),
            Reference(2, "What nobody understood", 1, mentions=(TextMention(1, 2, 3, "Paper says something.", 1),)),
        ),
        missing=((7, "no characters"), (9, "garbage")),
        versions=(Version("file:/x.pdf", "full", 2, 11, "the same bytes"), Version("record:/r#1", "record")),
        part_of="a book",
        arxiv_id=None, version=None, newest=None, link=f"https://example.org/{number}", reason="",
        origin=Origin("ab" * 32, 10, "https://example.org", "https://example.org/x", "", "2026-01-01T00:00:00Z"),
    )  # fmt: skip


def unit_rows(count: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, MODEL.dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def publish(library: Library, numbers: list[int], *, keep: int = 3, matrix: np.ndarray | None = None) -> str:
    """A generation with these papers, one passage each."""
    pairs = [(a_document(n), [Passage(1, 0, 23, 0, "caption")]) for n in numbers]
    rows = np.concatenate([unit_rows(1, n) for n in numbers]) if matrix is None else matrix
    with Writer(library) as writer:
        return writer.publish(
            pairs, rows, model=MODEL, inputs=str(numbers), sources=["list.md"], excluded=[], keep=keep
        )


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def test_what_is_published_is_read_back(library: Library) -> None:
    name = publish(library, [1, 2, 3])
    generation = library.open()
    assert generation.name == name == "000001"
    assert generation.catalogue.document("paper-2") == a_document(2)
    assert [summary.id for summary in generation.catalogue.summaries] == ["paper-1", "paper-2", "paper-3"]
    assert generation.manifest.sources == ("list.md",)
    passage = generation.catalogue.passages([1])[1]
    assert passage.text == a_document(2).pages[1].text[0:23]
    assert (passage.page, passage.kind) == (2, "caption")
    assert (passage.section, passage.anchor, passage.path) == ("1 Introduction", "intro", ("1 Introduction",))
    assert generation.catalogue.passages_of(1) == [Passage(1, 0, 23, 0, "caption")]
    assert generation.catalogue.page_numbers(1) == [1, 2] and generation.catalogue.summaries[1].pages == 2
    assert generation.catalogue.summary("paper-2").versions == a_document(2).versions


def test_pages_are_counted_where_they_have_numbers(library: Library) -> None:
    paged, bare = a_document(1), dataclasses.replace(a_document(2), pages=(Page("a talk"), Page("its end")))
    half = dataclasses.replace(a_document(3), pages=(Page("cover"), Page("first", 1)))
    with Writer(library) as writer:
        writer.publish([(paged, []), (bare, []), (half, [])], np.empty((0, 8), np.float32), model=MODEL, inputs="",
                       sources=["x"], excluded=[], keep=3)  # fmt: skip
    assert [summary.pages for summary in library.open().catalogue.summaries] == [2, None, 1]


@pytest.mark.parametrize("held", [1 << 26, 0])
def test_a_generation_knows_whether_its_files_are_as_they_were(
    library: Library, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    """Those that are read where they lie: what is held is held, and what is pruned is there for who has it open."""
    monkeypatch.setattr("indexer.library.files.HELD", held)
    publish(library, [1])
    generation = library.open()
    paths = {library.folder / "files" / file.name for file in generation.manifest.files.values()}
    assert set(generation.mapped) == (set() if held else paths) and generation.is_as_it_was()
    for path in paths:
        whole, status = path.read_bytes(), path.stat()
        path.unlink()
        assert generation.is_as_it_was()
        path.write_bytes(whole)  # another file of the same name and bytes
        assert generation.is_as_it_was() is bool(held)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        generation = library.open()
        path.write_bytes(whole + b"longer")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert generation.is_as_it_was() is bool(held)
        path.write_bytes(whole)
        generation = library.open()


def test_closing_lets_go_of_the_catalogue(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """What else is mapped goes with the generation itself."""
    monkeypatch.setattr("indexer.library.files.HELD", 0)
    publish(library, [1])
    generation = library.open()

    def is_open() -> bool:
        links = (Path("/proc/self/fd") / number for number in os.listdir("/proc/self/fd"))
        return any(link.is_symlink() and link.readlink() == generation.catalogue.path for link in links)

    assert is_open()
    generation.close()
    assert not is_open()


def test_a_stamp_is_of_one_generation_of_one_library(library: Library, tmp_path: Path) -> None:
    publish(library, [1])
    publish(other := Library(tmp_path / "other"), [2])
    stamps = {library.open().stamp, other.open().stamp}
    publish(library, [3])
    assert len(stamps | {library.open().stamp}) == 3


def test_no_field_of_a_document_goes_untested() -> None:
    """What is read back equals what was written: this document has something in every field that can be empty."""
    document = a_document(1)
    for thing in (document, document.sections[1], document.blocks[2], document.references[0], document.versions[0],
                  document.references[0].mentions[0], document.entry, document.origin):  # fmt: skip
        for field in dataclasses.fields(thing):
            if field.name not in ("arxiv_id", "version", "newest", "reason", "anchor", "path", "also"):
                assert getattr(thing, field.name) != field.default, (type(thing).__name__, field.name)


def test_a_section_s_path_is_the_headings_above_it() -> None:
    levels = [("A", 1), ("A1", 2), ("A1x", 4), ("A2", 2), ("B", 1), ("B1y", 3), ("B2", 2)]
    paths = catalogue.paths_of([Section(heading, level, 0, n) for n, (heading, level) in enumerate(levels)])
    assert ["/".join(path) for path in paths] == ["A", "A/A1", "A/A1/A1x", "A/A2", "B", "B/B1y", "B/B2"]


def test_search_is_exact(library: Library) -> None:
    """FAISS against the product written out."""
    numbers = list(range(60))
    publish(library, numbers)
    generation = library.open()
    queries = unit_rows(20, 99)
    matrix = np.concatenate([unit_rows(1, n) for n in numbers])
    scores, ids = generation.vectors.nearest(queries, 10)
    expected = np.argsort(-(queries @ matrix.T), axis=1)[:, :10]
    assert (ids == expected).all()
    assert np.allclose(scores, np.take_along_axis(queries @ matrix.T, expected, 1), atol=1e-6)


def test_search_among_some_is_exact(library: Library) -> None:
    numbers = list(range(60))
    publish(library, numbers)
    generation = library.open()
    queries = unit_rows(5, 99)
    matrix = np.concatenate([unit_rows(1, n) for n in numbers])
    for share in (0, 0.05, 0.5, 0.9, 1):
        among = np.random.default_rng(1).random(60) < share
        scores, ids = generation.vectors.nearest(queries, 10, among)
        expected = np.argsort(-np.where(among, queries @ matrix.T, -9), axis=1)[:, : min(10, among.sum())]
        assert (ids == expected).all()
        assert np.allclose(scores, np.take_along_axis(queries @ matrix.T, expected, 1), atol=1e-6)


@dataclasses.dataclass(frozen=True)
class Made:
    """A document of a made-up library: its `number`, the `edition` of its text, and the line it stands on."""

    number: int
    edition: int
    line: int

    @property
    def digest(self) -> str:
        return f"{self.number % 7}.{self.edition}"  # some are alike in all but their ids

    def indexed(self) -> tuple[Document, list[Passage]]:
        """The document with its passages: from none to five, of several kinds."""
        like, count = self.number % 7, (self.number % 7 + self.edition) % 6
        texts = [
            f"part {n} of {like} says word{like} and word{like + n} in edition{self.edition}" for n in range(count)
        ]
        document = dataclasses.replace(
            a_document(like), id=f"d{self.number}", pages=tuple(Page(text, n) for n, text in enumerate(texts, 1)),
            entry=Entry(f"https://example.org/{self.number}", (Mention("list.md", self.line, "given"),)),
        )  # fmt: skip
        kinds = ("abstract", "abstract", "body", "table", "caption")
        return document, [Passage(n, 0, len(text), 0 if n else None, kinds[n]) for n, text in enumerate(texts)]

    def rows(self) -> np.ndarray:
        prose = sum(passage.kind in EMBEDDED for passage in self.indexed()[1])
        return unit_rows(prose, self.number % 7 * 100 + self.edition)


def publish_made(library: Library, made: list[Made], before: Generation | None) -> Generation:
    """A generation of these, for which those that `before` has are taken from there."""
    there: dict[str, list[int]] = {}
    for summary in before.catalogue.summaries if before else ():
        there.setdefault(summary.digest, []).append(summary.position)
    kept = [there[one.digest].pop() if there.get(one.digest) else -1 for one in made]
    pairs = []
    for one, position in zip(made, kept, strict=True):
        document, passages = one.indexed()
        if position >= 0:  # nobody may look
            digest = bodies.digest_of(document)
            document = dataclasses.replace(
                document, **bodies.later(digest, lambda: pytest.fail("a kept body was read"))
            )
        pairs.append((document, () if position >= 0 else passages))
    rows = [one.rows() for one, position in zip(made, kept, strict=True) if position < 0]
    matrix = np.concatenate([np.empty((0, MODEL.dimension), np.float32), *rows])
    with Writer(library) as writer:
        writer.publish(pairs, matrix, digests=[one.digest for one in made], before=before, kept=kept, model=MODEL,
                       inputs="", sources=["list.md"], excluded=[], keep=2)  # fmt: skip
    return library.open()


def everything_in(generation: Generation) -> dict[str, object]:
    """What can be read of a generation."""
    held = generation.catalogue
    ids = range(generation.manifest.passages)
    pairs = [(s.position, page) for s in held.summaries for page in range(6)]
    return {
        "documents": [held.document(summary.id) for summary in held.summaries], "summaries": list(held.summaries),
        "passages": held.passages(ids), "texts": held.texts(ids), "pages": held.page_texts(pairs),
        "passages of": [held.passages_of(summary.position) for summary in held.summaries], "headings": held.headings(),
        "arrays": [a.tolist() for a in (held.documents_of, held.pages_of, held.sections_of, *held.kinds_of)],
        "files": {r: file.sha256 for r, file in generation.manifest.files.items() if r != "catalogue"},
    }  # fmt: skip


DOCUMENTS = st.lists(st.builds(Made, st.integers(0, 20), st.integers(0, 2), st.integers(1, 9)),
                     max_size=12, unique_by=lambda made: made.number)  # fmt: skip


@given(st.lists(DOCUMENTS.filter(bool), min_size=2, max_size=5))
@settings(max_examples=25, deadline=None)
def test_what_is_taken_over_is_what_would_be_written(steps: list[list[Made]]) -> None:
    """Whatever came before, a generation is the one that its documents alone make; its files, but for one, byte for byte."""
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder) / "in-steps")
        held = None
        for step in steps:
            held = publish_made(library, step, held)
        assert held is not None
        at_once = publish_made(Library(Path(folder) / "at-once"), steps[-1], None)
        assert everything_in(held) == everything_in(at_once)


def test_a_catalogue_does_not_grow_with_what_went(library: Library) -> None:
    """What goes leaves room in the file, which what comes takes; where much is left, the file is packed."""
    held = publish_made(library, [Made(number, 0, 1) for number in range(200)], None)
    size = held.manifest.files["catalogue"].bytes
    for edition in range(1, 6):
        held = publish_made(library, [Made(number, edition if number % 2 else 0, 1) for number in range(200)], held)
        assert held.manifest.files["catalogue"].bytes < 1.5 * size
    held = publish_made(library, [Made(5, 0, 1), Made(6, 0, 1)], held)
    assert held.manifest.files["catalogue"].bytes < 0.5 * size


def test_nothing_published_is_said(library: Library, tmp_path: Path) -> None:
    with pytest.raises(NoLibrary):
        library.open()
    (tmp_path / "file").write_text("")
    with pytest.raises(NoLibrary, match="is a file"):
        Library(tmp_path / "file").open()


def test_equal_files_are_shared(library: Library) -> None:
    publish(library, [1, 2])
    publish(library, [1, 2])
    assert len(list((library.folder / "files").iterdir())) == len(ROLES)


def test_old_generations_go_and_their_files_with_them(library: Library) -> None:
    for last in range(1, 7):
        publish(library, [last], keep=2)
    assert [manifest.name for manifest in library.manifests()] == ["000005", "000006"]
    assert len(list((library.folder / "files").iterdir())) == 2 * len(ROLES)


def test_a_reader_keeps_a_generation_that_was_pruned(library: Library) -> None:
    publish(library, [1])
    held = library.open()
    for last in range(2, 6):
        publish(library, [last], keep=2)
    assert held.catalogue.document("paper-1") == a_document(1)
    assert held.vectors.nearest(unit_rows(1, 1), 1)[1][0, 0] == 0


def test_rollback_and_forward_again(library: Library) -> None:
    publish(library, [1])
    publish(library, [2])
    with Writer(library) as writer:
        assert writer.rollback() == "000001"
    assert library.open().catalogue.summary("paper-1")
    with Writer(library) as writer:
        with pytest.raises(LibraryError, match="no generation before"):
            writer.rollback()
        assert writer.rollback("000002") == "000002"
        with pytest.raises(UsageError, match="no generation 000009"):
            writer.rollback("000009")
    assert library.open().catalogue.summary("paper-2")
    with Writer(library) as writer:
        writer.rollback("000001")
    assert publish(library, [3]) == "000003"


def test_rollback_and_prune_leave_the_marks(library: Library) -> None:
    publish(library, [1])
    (library.marks / "read.json").write_text("{}")
    publish(library, [2], keep=2)
    with Writer(library) as writer:
        writer.rollback()
        writer.prune(1)
    assert (library.marks / "read.json").read_text() == "{}"


@pytest.mark.parametrize("role", ["catalogue", "vectors", "manifest"])
@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "empty"])
def test_a_damaged_generation_is_refused_by_name_and_the_one_before_serves(
    library: Library, role: str, harm: str
) -> None:
    publish(library, [1])
    name = publish(library, [2])
    if role == "manifest":
        path = library.folder / "generations" / f"{name}.json"
    else:
        path = library.folder / "files" / library.manifest(name).files[role].name
    body = bytearray(path.read_bytes())
    if harm == "remove":
        path.unlink()
    elif harm == "flip":
        body[len(body) // 2] ^= 1
        path.write_bytes(body)
    else:
        path.write_bytes(body[: len(body) // 2] if harm == "cut" else b"")
    with pytest.raises(GenerationDamaged, match=path.name):
        library.open_generation(name)
    generation = library.open()
    assert generation.name == "000001"
    assert isinstance(generation.instead_of, GenerationDamaged)
    assert [wrong == "" for _, wrong in library.verify()] == [True, False]


def test_every_byte_of_a_manifest_counts(library: Library) -> None:
    name = publish(library, [1])
    path = library.folder / "generations" / f"{name}.json"
    whole = path.read_bytes()
    manifest = library.manifest(name)
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 2]) + whole[at + 1 :])
        try:
            assert library.manifest(name) == manifest  # an altered space changes nothing
        except GenerationDamaged:
            continue


@pytest.mark.parametrize("text", ["", "garbage", "000099\n", "../../etc", "\x00\x00"])
def test_a_torn_pointer_costs_nothing(library: Library, text: str) -> None:
    publish(library, [1])
    publish(library, [2])
    (library.folder / "CURRENT").write_text(text)
    generation = library.open()
    assert generation.name == "000002"
    assert generation.instead_of is not None
    (library.folder / "CURRENT").unlink()
    assert library.open().name == "000002"


def test_a_format_of_the_future_is_refused_with_what_to_do(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    name = publish(library, [1])
    manifest = dataclasses.replace(library.manifest(name), format=99)
    (library.folder / "generations" / f"{name}.json").write_text(manifest_text(manifest))
    with pytest.raises(FormatUnknown, match="has format 99; this paperpath reads") as caught:
        library.open()
    assert "reindex" in caught.value.cure


@pytest.mark.parametrize("wrong", ["nan", "length", "count", "dimension"])
def test_what_is_not_sound_is_not_published(library: Library, wrong: str) -> None:
    publish(library, [1, 2])
    matrix = unit_rows(2)
    if wrong == "nan":
        matrix[1, 3] = np.nan
    elif wrong == "length":
        matrix[1] *= 1.5
    elif wrong == "count":
        matrix = matrix[:1]
    else:
        matrix = np.ascontiguousarray(np.eye(2, 5, dtype=np.float32))
    with pytest.raises(GenerationDamaged, match="not sound"):
        publish(library, [3, 4], matrix=matrix)
    assert not list(library.folder.rglob("*.part"))
    assert library.open().name == "000001"
    assert [wrong for _, wrong in library.verify()] == [""]


def test_what_is_no_vector_is_told_before_an_index_is_made_of_it(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells could not be learned from it."""
    monkeypatch.setattr("indexer.library.vectors.SWITCH", 50)
    matrix = np.concatenate([unit_rows(1, n) for n in range(60)])
    matrix[7, 3] = np.nan
    with pytest.raises(GenerationDamaged, match="a vector is not finite"):
        publish(library, list(range(60)), matrix=matrix)


def test_an_empty_generation_is_sound(library: Library) -> None:
    with Writer(library) as writer:
        empty = dataclasses.replace(a_document(1), pages=(), sections=(), blocks=(), references=())
        writer.publish([(empty, [])], np.empty((0, 8), np.float32), model=MODEL, inputs="", sources=["x"], excluded=[],
                       keep=3)  # fmt: skip
    generation = library.open()
    assert [found.shape for found in generation.vectors.nearest(unit_rows(1), 5)] == [(1, 0), (1, 0)]


def test_one_writer_at_a_time(library: Library) -> None:
    with Writer(library), pytest.raises(LibraryBusy), Writer(library):
        pass
    with Writer(library):
        pass


def test_a_dead_writer_holds_no_lock(library: Library) -> None:
    code = (
        "import sys, os, signal; from pathlib import Path; from indexer.library import Library, Writer\n"
        "with Writer(Library(Path(sys.argv[1]))):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(library.folder)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])  # fmt: skip
    with child:
        assert child.stdout is not None and child.stdout.readline() == b"held\n"
        with pytest.raises(LibraryBusy), Writer(library):
            pass
        child.kill()
        child.wait()
    with Writer(library):
        pass


def test_leftovers_of_a_killed_writer_go(library: Library) -> None:
    publish(library, [1])
    (library.folder / "files" / "catalogue.part").write_bytes(b"half")
    publish(library, [2])
    assert not list((library.folder / "files").glob("*.part"))


def test_readers_loop_while_generations_are_published(library: Library) -> None:
    """No failed read, no answer mixed from two generations."""
    publish(library, [0], keep=2)
    stop = threading.Event()
    failures: list[str] = []
    seen: set[str] = set()

    def read() -> None:
        while not stop.is_set():
            try:
                generation = library.open()
                ids = [summary.id for summary in generation.catalogue.summaries]
                number = int(ids[0].rpartition("-")[2])
                if generation.manifest.inputs != str([number]) or generation.instead_of:
                    failures.append(f"mixed: {generation.manifest.inputs} and {ids}")
                near = generation.vectors.nearest(unit_rows(1, number), 1)[0][0, 0]
                if near < 0.999:
                    failures.append(f"vectors of another generation: {near}")
                seen.add(generation.name)
            except Exception as error:
                failures.append(repr(error))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 21):
        publish(library, [number], keep=2)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(seen) > 1


def test_a_full_disk_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryUnwritable, match="a file stands"), Writer(Library(tmp_path / "file" / "library")):
        pass


def test_manifests_are_plain_json(library: Library) -> None:
    name = publish(library, [1])
    data = json.loads((library.folder / "generations" / f"{name}.json").read_text())
    assert data["manifest"]["model"] == {"name": "toy", "dimension": 8, "fingerprint": "toy-1"}
    assert set(data["manifest"]["files"]) == ROLES


def test_prune_keeps_what_answers(library: Library) -> None:
    publish(library, [1])
    name = publish(library, [2])
    (library.folder / "files" / library.manifest(name).files["vectors"].name).write_bytes(b"torn")
    with Writer(library) as writer:
        writer.prune(1)
    assert library.open().name == "000001"
    with Writer(library) as writer:
        assert writer.rollback() == "000001"
        with pytest.raises(LibraryError, match="no generation before 000001"):
            writer.rollback()


def test_a_lost_pointer_is_told_by_verify(library: Library) -> None:
    publish(library, [1])
    (library.folder / "CURRENT").write_text("?")
    assert [wrong != "" for _, wrong in library.verify()] == [True, False]
    (library.folder / "CURRENT").unlink()
    (library.folder / "CURRENT").mkdir()
    assert library.open().name == "000001"


def test_what_is_remembered_outlives_damage(library: Library) -> None:
    assert library.remembered() is None
    publish(library, [1])
    name = publish(library, [2])
    (library.folder / "files" / library.manifest(name).files["vectors"].name).unlink()
    remembered = library.remembered()
    assert remembered is not None and remembered.name == name


def test_what_is_published_is_on_the_disk_first(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file and its folder are synced before CURRENT names them."""
    happened: list[str] = []
    fsync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (happened.append(os.readlink(f"/proc/self/fd/{fd}")), fsync(fd))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (happened.append(f"-> {b}"), rename(a, b))[1])
    name = publish(library, [1])
    current = happened.index(f"-> {library.folder / 'CURRENT'}")
    for file in library.manifest(name).files.values():
        placed = happened.index(f"-> {library.folder / 'files' / file.name}")
        assert happened[placed - 1].endswith(".part") and happened[placed + 1] == str(library.folder / "files")
        assert placed < current
    manifest = happened.index(f"-> {library.folder / 'generations' / name}.json")
    assert manifest < current and happened[manifest + 1] == str(library.folder / "generations")
    assert happened[current - 1].endswith("CURRENT.part") and happened[current + 1] == str(library.folder)
