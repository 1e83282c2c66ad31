"""One paper, one document: what is brought twice is one, near namesakes are two, and a wrong merge can be undone."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from loopback_arxiv import LoopbackArxiv, paper, tiny_pdf
from test_cli import Shell

from indexer.document import Block, Document, Entry, Mention, Origin, Page
from indexer.library import Generation, Library
from indexer.merging import merged, same_papers

WORDS = [f"{a}{b}" for a in ("ba", "ko", "mi", "tu", "ren", "sol") for b in ("lan", "per", "dis", "gor", "vex", "nam")]


def prose(seed: int, count: int = 400) -> str:
    """So many words of nonsense, the same for the same seed."""
    chance = random.Random(seed)
    return " ".join(chance.choice(WORDS) for _ in range(count))


def document(name: str, title: str = "Training on slow wires", authors: str = "Ana Example; Bo Sample", text: str = "",
             kind: str = "full", **rest) -> Document:  # fmt: skip
    address = name if ":" in name else f"file:/papers/{name}.pdf"
    return Document(
        id="", text=kind, entry=Entry(address, (Mention("list.md", 1, title),)), title=title,
        authors=tuple(filter(None, authors.split("; "))), pages=(Page(text, 1),) if text else (), **rest,
    )  # fmt: skip


def groups(*documents: Document, apart: tuple[str, ...] = ()) -> list[list[str]]:
    found = same_papers(documents, apart)
    return [
        [documents[index].entry.address.rpartition("/")[2].removesuffix(".pdf") for index in group] for group in found
    ]


# ---------------------------------------------------------------------- what is the same


def test_the_same_id_or_bytes_are_one_whatever_they_are_called() -> None:
    one = document("a", "One title", arxiv_id="2301.00001", version=1, origin=Origin("aa"))
    two = document("b", "Another title", arxiv_id="2301.00001", version=2, origin=Origin("bb"))
    three = document("c", "A third title", origin=Origin("bb"))
    four = document("d", "A fourth title", origin=Origin("dd"))
    assert groups(one, four, two, three) == [["a", "b", "c"], ["d"]]


@pytest.mark.parametrize(
    "title",
    ["Training on slow wires", "TRAINING ON SLOW WIRES", "Träining on  slow-wires.", "T RAINING ON S LOW WIRES"],
)
def test_the_same_title_authors_and_text_are_one(title: str) -> None:
    text = prose(1)
    other = text.replace(" balan ", " ").upper()  # edited here and there
    assert groups(document("a", text=text), document("b", title, text=other)) == [["a", "b"]]
    assert groups(document("a", text=text), document("b", title, "", text=other)) == [["a", "b"]]  # none are printed
    assert groups(document("a", text=text), document("b", title, text=text[: len(text) // 3])) == [["a", "b"]]


@pytest.mark.parametrize(
    ("title", "authors", "text"),
    [
        ("Training on slow wires", "Ana Example; Bo Sample", prose(2)),  # says something else altogether
        ("Training on slow wires", "Cyd Other; Dee Another", prose(1)),
        ("Training on slow wires II", "Ana Example; Bo Sample", prose(1)),
        ("Training on slow fires", "Ana Example; Bo Sample", prose(1)),
        ("Training on slow wires", "Ana Example; Bo Sample", prose(1, 20)),  # too little to judge by
    ],
)
def test_namesakes_are_two(title: str, authors: str, text: str) -> None:
    assert groups(document("a", text=prose(1)), document("b", title, authors, text)) == [["a"], ["b"]]


def test_references_don_t_make_two_papers_alike() -> None:
    """Two papers of one group cite the same fifty works."""
    cited = prose(9, 1000)
    both = [
        replace(
            document(name, text=f"{text}\n{cited}"),
            blocks=(Block("body", 0, 0, len(text)), Block("reference", 0, len(text) + 1, len(text) + 1 + len(cited))),
        )
        for name, text in (("a", prose(1, 300)), ("b", prose(2, 300)))
    ]
    assert groups(*both) == [["a"], ["b"]]
    assert groups(*(replace(document, blocks=()) for document in both)) == [["a", "b"]]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ana Example; Bo Sample", "A. Example; B. Sample", True),
        ("Ana Example; Bo Sample", "Example, Ana; Sample, Bo", True),
        ("Ana Example; Bo Sample", "Example A.", True),
        ("Ana Éxample; Bo Sample; Cyd Other", "Ana Example∗; Dee Fourth; Cyd Other1", True),
        ("Ana Example; Bo Sample", "Uwe Example; Ina Sample", False),
        ("Ana Example; Bo Sample; Cyd Other", "Ana Example; Dee Fourth; Eve Fifth", False),
        ("Ana Example", "", False),
    ],
)
def test_without_two_texts_the_authors_must_agree(one: str, other: str, same: bool) -> None:
    full = document("a", authors=one, text=prose(1))
    digest = document("arxiv:2301.00001", authors=other, text="In our words.", kind="digest", arxiv_id="2301.00001")
    record = document("record:/x.jsonl#7", authors=other, text="Its abstract.", kind="record")
    assert len(same_papers([full, digest])) == len(same_papers([record, full])) == (1 if same else 2)


def test_a_record_whose_text_stands_in_the_paper_needs_no_authors() -> None:
    record = document("record:/x.jsonl#7", authors="", text=prose(1, 100), kind="record")
    assert len(same_papers([record, document("a", text=prose(1))])) == 1
    assert len(same_papers([record, document("a", text=prose(2))])) == 2


def test_records_of_one_title_stay_apart() -> None:
    """A collection has its own ids, and questions on it name them."""
    both = [document(f"record:/x.jsonl#{n}", text=prose(1), kind="record") for n in (1, 2)]
    assert len(same_papers(both)) == 2


def test_an_entry_without_a_link_finds_its_paper_by_its_title() -> None:
    paper, nothing = document("a", text=prose(1)), document("title:training-on-slow-wires", authors="", kind="title")
    assert len(same_papers([nothing, paper])) == 1
    assert len(same_papers([replace(nothing, authors=("Cyd Other",)), paper])) == 2
    dead = document("https://example.org/x", authors="", kind="title")
    assert len(same_papers([dead, paper])) == 2  # its link leads to something that nobody has seen
    short = [replace(d, title="Overview") for d in (nothing, paper)]
    assert len(same_papers(short)) == 2


def test_two_ids_of_arxiv_need_one_text() -> None:
    one, two = (document(f"arxiv:2301.0000{n}", text=prose(1), arxiv_id=f"2301.0000{n}") for n in (1, 2))
    assert len(same_papers([one, two])) == 1
    assert len(same_papers([one, replace(two, text="digest")])) == 2


def test_what_is_kept_apart_stays_alone() -> None:
    three = [document(name, text=prose(1), arxiv_id="2301.00001", origin=Origin("aa")) for name in "abc"]
    assert groups(*three, apart=("file:/papers/b.pdf",)) == [["a", "c"], ["b"]]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2), st.sampled_from(["full", "record", "title"])),
                max_size=9), st.randoms(use_true_random=False))  # fmt: skip
@hypothesis_settings(deadline=None, max_examples=80)
def test_the_order_decides_nothing(rows: list[tuple[int, int, int, str]], chance: random.Random) -> None:
    documents = [
        document(
            f"{n}", f"A title like any other {title}", "Ana Example", prose(text), kind, origin=Origin("x" * bytes_)
        )
        for n, (title, bytes_, text, kind) in enumerate(rows)
    ]
    found = same_papers(documents)
    assert sorted(index for group in found for index in group) == list(range(len(documents)))
    assert [group[0] for group in found] == sorted(group[0] for group in found)
    assert all(group == sorted(group) for group in found)
    order = list(range(len(documents)))
    chance.shuffle(order)
    again = [[order[index] for index in group] for group in same_papers([documents[index] for index in order])]
    assert {frozenset(group) for group in again} == {frozenset(group) for group in found}


# ---------------------------------------------------------------------- the one that they make


def test_the_best_text_leads_and_the_others_are_named() -> None:
    long, short, record, old = (
        document("long", text=prose(1), arxiv_id="2301.00001", version=2),
        document("short", text=prose(1, 90), origin=Origin("aa")),
        document("record:/x.jsonl#7", text=prose(1, 50), kind="record", abstract="What it is about.", date="2023"),
        document("arxiv:2301.00001", text=prose(1), arxiv_id="2301.00001", version=1, newest=3,
                 link="https://arxiv.org/abs/2301.00001"),
    )  # fmt: skip
    for group in ([long, short, record, old], [old, record, short, long]):
        one = merged(group)
        assert (one.entry.address, one.version, one.newest, one.text) == ("file:/papers/long.pdf", 2, 3, "full")
        assert (one.abstract, one.date, one.link) == ("What it is about.", "2023", "https://arxiv.org/abs/2301.00001")
        assert set(one.entry.also) == {d.entry.address for d in (short, record, old)}
        assert [(v.address, v.text, v.version, v.pages, v.why) for v in one.versions] == [
            ("arxiv:2301.00001", "full", 1, 1, "the same arXiv id"),
            ("file:/papers/short.pdf", "full", None, 1, "the same title and text"),
            ("record:/x.jsonl#7", "record", None, 1, "the same title and authors"),
        ]
    assert merged([short]) == short


# ---------------------------------------------------------------------- as a person has it


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def arxiv(shell: Shell) -> Iterator[LoopbackArxiv]:
    fixtures = {"2301.00001": paper("Sheep in flocks", f"Sheep in flocks\n{lines(prose(1))}", authors=("Ana Example",))}
    with LoopbackArxiv(fixtures) as arxiv:
        shell.environment |= arxiv.environment() | {"PAPERPATH_ALLOW_PRIVATE": "1", "PAPERPATH_METADATA_HOURS": "0"}
        yield arxiv


def lines(text: str) -> str:
    words = text.split()
    return "\n".join(" ".join(words[at : at + 12]) for at in range(0, len(words), 12))


def ids(shell: Shell) -> list[str]:
    return [p["id"] for p in json.loads(shell("papers", "--json").stdout)["papers"]]


def opened(shell: Shell) -> Generation:
    return Library(shell.library).open()


def test_a_wrong_merge_is_undone_for_good(shell: Shell, arxiv: LoopbackArxiv) -> None:
    folder = shell.folder / "papers"
    folder.mkdir()
    (folder / "2301.00001v1.pdf").write_bytes(tiny_pdf(["My own notes, which I once named by their paper."]))
    (folder / "copy.pdf").write_bytes(arxiv.papers["2301.00001"].versions[1])
    shell("reindex", "https://arxiv.org/abs/2301.00001", str(folder))
    assert ids(shell) == ["2301.00001"]
    held = opened(shell).catalogue.summary("2301.00001")
    assert held is not None and {v.why for v in held.versions} == {"the same bytes", "the same arXiv id"}
    told = shell("papers", "2301.00001").stdout
    assert f"also brought: {folder / 'copy.pdf'}" in told and "the same bytes" in told
    done = shell("reindex", "--keep-apart", str(folder / "2301.00001v1.pdf"))
    assert "2 documents" in done.stdout
    assert ids(shell) == ["2301.00001", "2301.00001-2"]
    notes = opened(shell).catalogue.document("2301.00001-2")
    assert notes is not None and "My own notes" in notes.pages[0].text
    assert "Nothing new" in shell("reindex").stdout
    shell("reindex", "arXiv:2301.00001", str(folder))  # sources named anew change nothing of it
    assert ids(shell) == ["2301.00001", "2301.00001-2"]
    assert "Kept apart: " in shell("reindex", "--merge-again", "2301.00001", code=2).stderr
    shell("reindex", "--merge-again", "2301.00001-2")
    assert ids(shell) == ["2301.00001"]
    shell("reindex", "--keep-apart", "2301.00001")  # all that it was merged from
    assert len(ids(shell)) == 3
    for name in ("nothing-here", str(folder / "none.pdf"), "https://arxiv.org/abs/2301.00009"):
        assert "--keep-apart" in shell("reindex", "--keep-apart", name, code=2).stderr
    assert len(ids(shell)) == 3


def test_a_file_that_bears_the_stamp_is_that_paper(shell: Shell, arxiv: LoopbackArxiv) -> None:
    (shell.folder / "downloaded.pdf").write_bytes(
        tiny_pdf(["arXiv:2301.00001v3 [cs.LG] 6 Dec 2023", "What the third version says of sheep on its second page."])
    )
    shell("reindex", "2301.00001", "downloaded.pdf")
    held = opened(shell).catalogue.summary("2301.00001")
    assert held is not None and (held.version, held.newest, held.origin.path) == (
        3,
        1,
        str(shell.folder / "downloaded.pdf"),
    )
    assert [(v.address, v.version, v.why) for v in held.versions] == [("arxiv:2301.00001", 1, "the same arXiv id")]


def titled_pdf(title: str, author: str, text: str) -> bytes:
    """A PDF of one page with its title in larger type, the author below it, and a text."""
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = PdfWriter()
    page = writer.add_blank_page(612, 792)
    font = DictionaryObject({NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"),
                             NameObject("/BaseFont"): NameObject("/Helvetica")})  # fmt: skip
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): writer._add_object(font)})}
    )
    set_lines = " ".join(f"({line}) Tj T*" for line in lines(text).splitlines())
    stream = DecodedStreamObject()
    stream.set_data(
        f"BT /F1 20 Tf 210 730 Td ({title}) Tj ET BT /F1 11 Tf 270 700 Td ({author}) Tj ET"
        f" BT /F1 10 Tf 12 TL 72 660 Td {set_lines} ET".encode()
    )
    page[NameObject("/Contents")] = writer._add_object(stream)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_the_same_title_and_text_are_told_and_can_be_parted(shell: Shell, arxiv: LoopbackArxiv) -> None:
    """A copy that has not the same bytes and bears no id; a record of it; and a namesake."""
    text = prose(1)
    (shell.folder / "mine.pdf").write_bytes(titled_pdf("Sheep in flocks", "Ana Example", text + " and some remarks"))
    (shell.folder / "list.md").write_text("- [Sheep in flocks](https://arxiv.org/abs/2301.00001)\n")
    (shell.folder / "records.jsonl").write_text(
        json.dumps({"_id": "7", "title": "Sheep in flocks", "text": "On sheep.", "authors": ["A. Example"]}) + "\n"
        + json.dumps({"_id": "8", "title": "Sheep in flocks", "text": "On other sheep.", "authors": ["Cyd Other"]}) + "\n"
    )  # fmt: skip
    done = shell("reindex", "list.md", "mine.pdf", "records.jsonl")
    assert ids(shell) == ["2301.00001", "8"]
    assert "mine.pdf is taken for 2301.00001" in done.stderr and "--keep-apart" in done.stderr
    assert "is taken for" not in shell("reindex").stderr
    one = json.loads(shell("papers", "2301.00001", "--json").stdout)
    assert [v["why"] for v in one["versions"]] == ["the same title and text", "the same title and authors"]
    shell("reindex", "--keep-apart", "mine.pdf")
    assert sorted(ids(shell)) == ["2301.00001", "8", "mine"]
    shell("reindex", "--merge-again", "mine.pdf")
    assert ids(shell) == ["2301.00001", "8"]


def test_a_file_that_another_paper_was_put_into_keeps_its_id_and_that_is_told(shell: Shell) -> None:
    """Not where it is a newer copy of the same, and once."""

    def put(title: str, text: int) -> str:
        (shell.folder / "whales.pdf").write_bytes(titled_pdf(title, "Ana Example", prose(text)))
        return shell("reindex", "whales.pdf").stderr

    put("Songs of winter whales", 1)
    shell("note", "whales", "Hear them.")
    assert "now holds" not in put("Songs of winter whales, again", 2)
    told = ("whales.pdf now holds “Gossip among many workers”, was “Songs of winter whales, again”: what was marked for it stays"
            " with its id whales.")  # fmt: skip
    assert told in put("Gossip among many workers", 3)
    assert ids(shell) == ["whales"] and "Hear them." in shell("note", "whales").stdout
    assert "now holds" not in shell("reindex").stderr


@needs_shared
def test_copies_of_real_papers(shell: Shell) -> None:
    """Saved anew by another program, and cut after a third: one paper each, and the whole one leads."""
    import pypdf

    folder = shell.folder / "papers"
    folder.mkdir()
    names = ["tensorflow-large-scale-machine-learning", "scaling-distributed-ml-with-the-parameter-server",
             "communication-efficient-fl-with-adaptive-parameter-freezing"]  # fmt: skip
    for name in names:
        whole = SHARED / "papers" / f"{name}.pdf"
        (folder / f"{name}.pdf").write_bytes(whole.read_bytes())
        reader = pypdf.PdfReader(whole)
        for how, pages in (("saved", reader.pages), ("cut", reader.pages[: len(reader.pages) // 3])):
            writer = pypdf.PdfWriter()
            for page in pages:
                writer.add_page(page)
            writer.write(folder / f"a-{how}-{name}.pdf")
    shell("reindex", str(folder), "--offline")
    held = opened(shell).catalogue.summaries
    assert len(held) == 3
    for summary in held:
        assert len(summary.versions) == 2 and {v.why for v in summary.versions} == {"the same title and text"}
        assert "a-cut-" not in summary.entry.address
        assert min(v.pages or 0 for v in summary.versions) < (summary.pages or 0)
