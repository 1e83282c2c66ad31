"""Libraries that an earlier paperpath wrote, and one of today's: what is on somebody's disk stays readable."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from test_library import Made, publish_made

from indexer.document import EMBEDDED
from indexer.errors import FormatUnknown
from indexer.library import FORMAT, Library, Writer
from indexer.library.cache import Download


@pytest.fixture
def earlier(tmp_path: Path) -> Library:
    """A library that a paperpath of format 1 wrote: a real one, of texts written for it."""
    with zipfile.ZipFile(Path(__file__).parent / "fixtures" / "format-1.zip") as file:
        file.extractall(tmp_path / "library")
    return Library(tmp_path / "library")


def test_a_reader_refuses_an_earlier_format_with_what_to_run(earlier: Library) -> None:
    with pytest.raises(FormatUnknown, match="earlier paperpath: it has format 1") as caught:
        earlier.open()
    assert "`paperpath reindex`" in caught.value.cure and "SOURCE" not in caught.value.cure
    with Writer(earlier) as writer, pytest.raises(FormatUnknown):
        writer.rollback()


def test_nobody_goes_back_to_an_earlier_format(earlier: Library) -> None:
    assert publish_made(earlier, [Made(1, 0, 1)], None).name == "000004"
    for name in ("000003", None):
        with Writer(earlier) as writer, pytest.raises(FormatUnknown, match="it has format 1"):
            writer.rollback(name)
    assert earlier.current_name() == earlier.open().name == "000004"


def test_an_earlier_format_is_verified_listed_and_pruned(earlier: Library) -> None:
    assert earlier.verify() == [("000002", ""), ("000003", "")]
    assert [manifest.format for manifest in earlier.manifests()] == [1, 1]
    with Writer(earlier) as writer:
        assert writer.prune(1) == ["000002"]
    assert earlier.verify() == [("000003", "")]
    path = earlier.folder / "files" / earlier.manifest("000003").files["catalogue"].name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert "was altered" in earlier.verify()[0][1]


def test_downloads_stay_that_an_earlier_format_is_made_of(earlier: Library) -> None:
    with Writer(earlier) as writer:
        writer.cache.record(Download("arxiv:2301.00009", ""))
        writer.let_go_downloads()
        assert [row.address for row in writer.cache.downloads()] == ["arxiv:2301.00001", "arxiv:2301.00002"]


def test_pruning_leaves_the_one_that_a_reindex_would_go_on_from(earlier: Library) -> None:
    """The newest is damaged, and so the one before it is all that is left to go on from."""
    for file in earlier.manifest("000003").files.values():
        (earlier.folder / "files" / file.name).write_bytes(b"torn")
    with Writer(earlier) as writer:
        assert writer.prune(1) == []
    assert earlier.open(earlier=True).name == "000002"


def test_a_writer_goes_on_from_an_earlier_format(earlier: Library) -> None:
    remembered = earlier.remembered()
    assert remembered is not None and remembered.sources[2] == "arxiv:2301.00001" and remembered.kept_apart == ()
    generation = earlier.open(earlier=True)
    assert [s.id for s in generation.catalogue.summaries] == ["talk-2", "talk", "2301.00001", "2301.00002", "n1"]
    document = generation.catalogue.document("2301.00001")
    assert document is not None and document.title == "Growing apples on a north wall"
    assert len(document.pages) == 2 and "Cut every shoot" in document.pages[1].text
    assert [s.appendix for s in document.sections] == [False] * len(document.sections) != []
    assert (document.blocks, document.references, document.missing, document.versions) == ((), (), (), ())
    assert list(generation.catalogue.kinds_of[0]) == ["body"]
    assert generation.vectors.count == generation.manifest.passages


def test_a_writer_goes_on_from_format_2(tmp_path: Path) -> None:
    with zipfile.ZipFile(Path(__file__).parent / "fixtures" / "format-2.zip") as file:
        file.extractall(tmp_path / "library")
    library = Library(tmp_path / "library")
    with pytest.raises(FormatUnknown, match="it has format 2"):
        library.open()
    assert library.verify() == [("000001", ""), ("000002", "")]
    generation = library.open(earlier=True)
    assert [s.id for s in generation.catalogue.summaries] == ["rec-1", "ring"]
    document = generation.catalogue.document("ring")
    assert document is not None and document.references[0].year == 2021 and document.part_of == ""
    assert "reference" in {block.kind for block in document.blocks}


@pytest.fixture
def present(tmp_path: Path) -> Library:
    """A library as format 3 was written on the day that it was frozen: `Made` 0 to 5, then 1 to 6, of which 2 was changed."""
    with zipfile.ZipFile(Path(__file__).parent / "fixtures" / "format-3.zip") as file:
        file.extractall(tmp_path / "library")
    return Library(tmp_path / "library")


def test_a_library_of_this_format_is_read_as_long_as_it_is_this_format(present: Library) -> None:
    """Where this fails, what is on people's disks is not read any more: make it a new format, or read it as it is."""
    assert present.verify() == [("000001", ""), ("000002", "")]
    held = present.open()
    made = [Made(number, int(number == 2), number + 1) for number in range(1, 7)]
    assert held.manifest.format == FORMAT == 3 and held.manifest.sources == ("list.md",)
    assert [summary.id for summary in held.catalogue.summaries] == [f"d{number}" for number in range(1, 7)]
    first = 0
    for one in made:
        document, passages = one.indexed()
        position = one.number - 1
        assert held.catalogue.document(document.id) == document
        assert held.catalogue.summaries[position].digest == one.digest
        assert held.catalogue.passages_of(position) == passages
        prose = [first + n for n, passage in enumerate(passages) if passage.kind in EMBEDDED]
        rows = one.rows()
        for n, passage in enumerate(passages):
            text = document.pages[passage.page].text
            assert held.catalogue.passages([first + n])[first + n].text == text[passage.start : passage.end]
            assert first + n in held.words.postings(f"word{one.number % 7 + n}")[0]
        for row, found in zip(rows, held.vectors.of(prose), strict=True):
            assert found is not None and np.array_equal(row, found)
        first += len(passages)
    assert first == held.manifest.passages == held.words.count
    assert held.space.norms.shape == (held.vectors.count,) and (held.space.kin < held.vectors.count).all()


def test_a_writer_goes_on_from_what_it_wrote_then(present: Library) -> None:
    made = [Made(number, 0, number + 1) for number in (3, 2, 6, 7)]
    after = publish_made(present, made, present.open())
    assert after.name == "000003" and after.instead_of is None and present.verify()[-1] == ("000003", "")
    assert [after.catalogue.document(one.indexed()[0].id) for one in made] == [one.indexed()[0] for one in made]
