"""The catalogue: whatever way it is asked, it says what the documents say that were written."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from test_library import MODEL, Made, a_document, publish_made

from indexer.document import Block, Document, Page, Passage, Section
from indexer.errors import GenerationDamaged
from indexer.library import Generation, Library, Writer, catalogue, catalogue_writing, summaries
from indexer.library.catalogue import Catalogue
from indexer.library.kept import Kept, taken_over

MADE = [Made(number, 0, 1) for number in (5, 0, 3, 6, 13)]


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """Its documents were written at two times, and stand in another order than they were written in."""
    library = Library(tmp_path_factory.mktemp("catalogue") / "library")
    first = publish_made(library, [MADE[3], MADE[1], Made(2, 0, 1), MADE[4]], None)
    return publish_made(library, MADE, first)


def of(*documents: Document) -> list[tuple[Document, list[Passage]]]:
    return [(document, []) for document in documents]


def written(path: Path, *documents: Document) -> Catalogue:
    catalogue_writing.write(path, of(*documents))
    return Catalogue(path)


def test_what_is_told_of_all_passages_at_once(generation: Generation) -> None:
    held = generation.catalogue
    cut = [one.indexed() for one in MADE]
    passages = [(position, p) for position, (_, found) in enumerate(cut) for p in found]
    assert held.counts() == (len(MADE), len(passages)) and held.counts_of.tolist() == [len(found) for _, found in cut]
    assert held.documents_of.tolist() == [position for position, _ in passages]
    assert held.pages_of.tolist() == [p.page for _, p in passages]
    assert held.sections_of.tolist() == [-1 if p.section is None else p.section for _, p in passages]
    names, which = held.kinds_of
    assert [str(names[kind]) for kind in which] == [p.kind for _, p in passages]
    texts = {n: cut[at][0].pages[p.page].text[p.start : p.end] for n, (at, p) in enumerate(passages)}
    assert held.texts(range(-1, len(passages) + 1)) == texts
    assert {n: one.text for n, one in held.passages(range(-1, len(passages) + 1)).items()} == texts
    assert [held.passages_of(position) for position in range(len(MADE))] == [found for _, found in cut]


def test_summaries_are_read_when_they_are_looked_at(generation: Generation, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    real = summaries.summary_of
    monkeypatch.setattr(summaries, "summary_of", lambda row: (read.append(row[0]), real(row))[1])
    held = Catalogue(generation.catalogue.path, format=generation.manifest.format).summaries
    assert len(held) == len(MADE) and not read
    assert held[3] is held[-2] is held[3:4][0] and read == [3]
    assert [s.position for s in held] == [s.position for s in held[:]] == list(range(len(MADE))) and sorted(read) == [
        0,
        1,
        2,
        3,
        4,
    ]
    assert list(held) == list(generation.catalogue.summaries) and held[7:] == ()
    with pytest.raises(IndexError):
        held[len(MADE)]


def test_what_is_told_of_one_document(generation: Generation) -> None:
    held = generation.catalogue
    for position, one in enumerate(MADE):
        document, _ = one.indexed()
        assert held.document(document.id) == document and held.summaries[position].id == document.id
        assert held.sections(position) == list(document.sections) and held.blocks(position) == list(document.blocks)
        assert held.references(position) == list(document.references)
        assert held.page_numbers(position) == [page.number for page in document.pages]
        assert [section for section, _ in held.outline(position)] == list(document.sections)
        for first, last in ((0, 0), (0, 1), (1, 1), (1, 9), (2, 9)):
            between = [block for block in document.blocks if first <= block.page <= last]
            assert held.blocks_between(position, first, last) == between
        pairs = [(position, page) for page in range(-1, len(document.pages) + 1)]
        assert held.page_texts(pairs) == {(position, n): page for n, page in enumerate(document.pages)}
    for position in (-1, len(MADE)):
        assert held.sections(position) == held.blocks(position) == held.page_numbers(position) == []
    assert held.document("none") is None and held.summary("none") is None
    assert held.headings() == [(n, s.heading, s.level) for n, one in enumerate(MADE) for s in one.indexed()[0].sections]


def test_a_body_is_found_by_its_digest(generation: Generation) -> None:
    held = generation.catalogue
    for one in MADE:
        document, _ = one.indexed()
        summary = held.summary(document.id)
        assert summary is not None
        fields = held.body(summary.body)
        assert fields is not None and [tuple(fields[name]) for name in ("pages", "sections", "blocks", "references")] == [
            document.pages, document.sections, document.blocks, document.references]  # fmt: skip
        later = held.document(document.id, later=True)
        assert later is not None and tuple(later.pages) == document.pages and later.title == document.title
    assert held.body("none") is None and held.body("") is None


def test_how_long_documents_are_before_their_appendix(tmp_path: Path) -> None:
    pages = tuple(Page("x" * 100, n) for n in range(1, 4))
    blocks = (Block("front", 0, 0, 10), Block("body", 0, 10, 90), Block("body", 1, 0, 50), Block("appendix", 1, 60, 90),
              Block("body", 2, 0, 70), Block("appendix", 2, 70, 100))  # fmt: skip
    whole = dataclasses.replace(a_document(1), id="whole", pages=pages, blocks=blocks, references=(),
                                sections=(Section("1 Text", 1, 0, 0), Section("A Proofs", 1, 1, 55, None, True)))  # fmt: skip
    plain = dataclasses.replace(whole, id="plain", sections=())
    bare = dataclasses.replace(whole, id="bare", blocks=(), sections=())
    empty = dataclasses.replace(bare, id="empty", pages=())
    assert written(tmp_path / "c", whole, plain, bare, empty).lengths() == [
        {"front": (1, 10), "body": (2, 130), "appendix": (2, 60)}, {"front": (1, 10), "body": (3, 200), "appendix": (2, 60)},
        {"body": (1, 300)}, {}]  # fmt: skip


def test_parts_of_one_paper_share_its_number(tmp_path: Path) -> None:
    def made(identifier: str, part_of: str) -> tuple[Document, list[Passage]]:
        document = dataclasses.replace(a_document(1), id=identifier, part_of=part_of)
        return document, [Passage(1, 0, 5), Passage(1, 5, 9)]

    apart = [made("a", ""), made("b", "one"), made("c", "")]
    catalogue_writing.write(tmp_path / "apart", apart)
    assert Catalogue(tmp_path / "apart").papers_of is None
    catalogue_writing.write(tmp_path / "parts", [*apart, made("d", "one"), made("one", "")])
    papers = Catalogue(tmp_path / "parts").papers_of
    assert papers is not None and papers.tolist() == [0, 0, 1, 1, 2, 2, 1, 1, 3, 3]


def test_a_page_that_says_something_else_is_not_quoted(tmp_path: Path) -> None:
    catalogue_writing.write(tmp_path / "c", [(a_document(1), [Passage(1, 0, 5), Passage(1, 6, 23)])])
    with sqlite3.connect(tmp_path / "c") as database:
        database.execute("UPDATE pages SET text = 'Pages' || substr(text, 6) WHERE page = 1")
    database.close()
    held = Catalogue(tmp_path / "c")
    assert set(held.passages([0, 1])) == {1} and held.passages([1])[1].text == a_document(1).pages[1].text[6:23]


def test_a_great_many_are_asked_for_in_pieces(tmp_path: Path) -> None:
    text = "".join(f"{n:05d}" for n in range(2000))
    document = dataclasses.replace(a_document(1), pages=tuple(Page(text[5 * n : 5 * n + 5], n) for n in range(2000)),
                                   sections=(), blocks=(), references=())  # fmt: skip
    catalogue_writing.write(tmp_path / "c", [(document, [Passage(n, 0, 5) for n in range(2000)])])
    held = Catalogue(tmp_path / "c")
    asked = np.random.default_rng(1).permutation(2000).tolist()
    expected = {n: f"{n:05d}" for n in range(2000)}
    assert held.texts(asked) == expected and {n: p.text for n, p in held.passages(asked).items()} == expected
    assert {page: found.text for (_, page), found in held.page_texts([(0, n) for n in asked]).items()} == expected


def test_the_ids_in_the_bytes_of_a_catalogue(generation: Generation) -> None:
    data = generation.catalogue.path.read_bytes()
    assert catalogue.ids_of(data) == {one.indexed()[0].id for one in MADE}


def test_its_year_is_that_of_its_date(tmp_path: Path) -> None:
    with Writer(Library(tmp_path)) as writer:
        dated = [
            dataclasses.replace(a_document(n), date=date) for n, date in enumerate(("2023-11", "1999", "", "n.d."))
        ]
        writer.publish(of(*dated), np.empty((0, MODEL.dimension), np.float32), model=MODEL, inputs="", sources=["x"],
                       excluded=[], keep=1)  # fmt: skip
    assert [summary.year for summary in Library(tmp_path).open().catalogue.summaries] == [2023, 1999, None, None]


def handles() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("in_memory", [True, False])
def test_wherever_it_is_read_from_it_is_read_by_every_thread_and_copied(tmp_path: Path, in_memory: bool) -> None:
    written(tmp_path / "c", a_document(1), a_document(2)).close()
    before = handles()
    held = Catalogue(tmp_path / "c", (tmp_path / "c").read_bytes() if in_memory else None)
    assert (handles() == before) is in_memory
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(held.document("paper-2")))
    thread.start()
    thread.join()
    assert found == [a_document(2)]
    held.copy_to(tmp_path / "d")
    assert (tmp_path / "d").read_bytes() == (tmp_path / "c").read_bytes()
    held.close()
    assert handles() == before
    with pytest.raises(sqlite3.ProgrammingError):  # a fault of who asks, not of the disk
        held.counts()


@pytest.mark.parametrize("in_memory", [True, False])
def test_what_is_no_catalogue_is_told(tmp_path: Path, in_memory: bool) -> None:
    data = b"no catalogue" * 999
    (tmp_path / "c").write_bytes(data)
    before = handles()
    with pytest.raises(GenerationDamaged, match="c can't be read"):
        Catalogue(tmp_path / "c", data if in_memory else None)
    with pytest.raises(GenerationDamaged, match="can't be read"):
        catalogue.ids_of(data)
    assert handles() == before


def kept_of(held: Catalogue, positions: list[int]) -> tuple[Kept, list[tuple[Document, list[Passage]]]]:
    """The documents at these positions, kept, and one that is new."""
    pairs = [*((held.document(held.summaries[n].id), held.passages_of(n)) for n in positions), (a_document(77), [Passage(1, 0, 5)])]  # fmt: skip
    kept = taken_over(pairs, held, [*positions, -1])
    assert kept is not None
    return kept, pairs


def test_what_went_leaves_neither_rows_nor_much_room(tmp_path: Path) -> None:
    many = [(dataclasses.replace(a_document(n), pages=(*a_document(n).pages, Page("word " * 900, 3))),
             [Passage(1, 0, 5), Passage(1, 6, 23)]) for n in range(60)]  # fmt: skip
    catalogue_writing.write(tmp_path / "c", many)
    held = Catalogue(tmp_path / "c")
    for left in (55, 20):  # where little goes, its room is left for what comes
        kept, pairs = kept_of(held, list(range(left)))
        catalogue_writing.write(tmp_path / f"{left}", pairs, ["d"] * len(pairs), kept)
        catalogue_writing.write(tmp_path / f"{left}-anew", pairs, ["d"] * len(pairs))
        rows, free = {}, {}
        for name in (f"{left}", f"{left}-anew"):
            with sqlite3.connect(tmp_path / name) as database:
                tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
                rows[name] = {t: database.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables}
                free[name] = database.execute("PRAGMA freelist_count").fetchone()[0]
            database.close()
        assert rows[f"{left}"] == rows[f"{left}-anew"]
        assert (free[f"{left}"] > 0) is (left == 55)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["20", "20-anew", "55", "55-anew", "c"]


def test_what_is_damaged_is_not_gone_on_from(tmp_path: Path) -> None:
    written(tmp_path / "c", *(a_document(n) for n in range(40))).close()
    held = Catalogue(tmp_path / "c")
    kept, pairs = kept_of(held, list(range(20)))
    with sqlite3.connect(tmp_path / "c") as database:
        (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'blocks'").fetchone()
    database.close()
    data = bytearray((tmp_path / "c").read_bytes())
    data[(root - 1) * 4096 : root * 4096] = b"\xff" * 4096
    (tmp_path / "c").write_bytes(data)
    with pytest.raises(GenerationDamaged, match="was to be made from is damaged"):
        catalogue_writing.write(tmp_path / "d", pairs, (), kept)
