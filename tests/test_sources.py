"""What a source is, what it lists, and what is told when it can't be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared

from indexer.document import Link
from indexer.errors import PaperpathError, SourceEmpty, SourceNotFound, SourceUnreadable
from indexer.sources import Given, Record, read, read_all, remembered

A, B = "https://arxiv.org/abs/1706.03762", "https://arxiv.org/abs/1810.04805"


def refused(kind: type[PaperpathError], source: str | Path) -> str:
    with pytest.raises(kind) as caught:
        read(str(source))
    assert caught.value.cure
    return f"{caught.value} {caught.value.cure}"


# ---------------------------------------------------------------- one source


@pytest.mark.parametrize(
    ("source", "name", "address", "version"),
    [
        ("2311.08105", "arxiv:2311.08105", "arxiv:2311.08105", None),
        ("arXiv:2311.08105v2", "arxiv:2311.08105v2", "arxiv:2311.08105", 2),
        (" https://www.arxiv.org/pdf/2311.08105v2.pdf ", "arxiv:2311.08105v2", "arxiv:2311.08105", 2),
        ("cs/0502012", "arxiv:cs/0502012", "arxiv:cs/0502012", None),
        ("https://doi.org/10.1145/AB.1", "doi:10.1145/ab.1", "doi:10.1145/ab.1", None),
        ("https://Example.org/A?b#c", "https://Example.org/A?b#c", "https://example.org/A?b", None),
    ],
)
def test_ids_and_addresses(source, name, address, version, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert remembered(source) == name
    (entry,) = read(source).entries
    assert (entry.address, entry.version) == (address, version)
    assert [(m.source, m.line, m.title) for m in entry.mentions] == [(name, None, "")]
    assert read(name) == read(source)


def test_a_path_that_exists_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "2311.08105").write_bytes(b"%PDF-1.7 ...")
    assert remembered("2311.08105") == str(tmp_path / "2311.08105")
    assert read("2311.08105").entries[0].address == f"file:{tmp_path / '2311.08105'}"
    assert remembered("~nobody.md", must_exist=False) == str(tmp_path / "~nobody.md")


def test_a_markdown_list(tmp_path):
    path = tmp_path / "list.MD"
    path.write_text(
        f"\ufeff# One\n- [Attention is all you need]({A})\n- [bert]({B})\n\n# Two\n- [attention]({A}v5) [code](https://github.com/x/y)\n"
        f"- [Language Models are Few-Shot Learners]({A})\n- {A}\n",
        "utf-8",
    )
    reading = read(str(path))
    first, second = reading.entries
    assert (first.address, first.version, second.address) == ("arxiv:1706.03762", None, "arxiv:1810.04805")
    assert [(m.line, m.section, m.source) for m in first.mentions] == [
        (2, ("One",), str(path)), (6, ("Two",), str(path)), (7, ("Two",), str(path)), (8, ("Two",), str(path)),
    ]  # fmt: skip
    assert first.links == (Link("https://github.com/x/y", "code"),)
    assert [(w.line, w.kind) for w in reading.warnings] == [
        (6, "repeat"),
        (7, "repeat"),
        (7, "two-titles"),
        (8, "repeat"),
    ]
    assert "line 2" in reading.warnings[0].message
    two = reading.warnings[2].message
    assert "Few-Shot Learners" in two and "Attention is all you need" in two and "line 2" in two
    assert all(w.source == str(path) for w in reading.warnings)


def test_a_bibliography(tmp_path):
    path = tmp_path / "refs.bib"
    text = "@misc{a, title={Über}, author={Zoë Roe}, year=2020}\n@misc{broken\n@misc{b, title={B}, title={C}}"
    path.write_bytes(text.encode("latin-1"))
    reading = read(str(path))
    assert [(e.address, e.title) for e in reading.entries] == [("title:uber", "Über"), ("title:b", "B")]
    assert reading.given == {"title:uber": Given(("Zoë Roe",), "2020"), "title:b": Given()}
    assert [(w.line, w.kind) for w in reading.warnings] == [(2, "bad-line"), (3, "bad-line")]
    assert [line.split(": ")[0] for line in reading.skipped] == [f"{path}:2"]  # line 3 was read all the same


def test_records(tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"_id": 1, "title": "One", "text": "t"}\n\n{oops\n{"_id": "1"}\n{"_id": "b"}\n', "utf-8")
    reading = read(str(path))
    assert [e.address for e in reading.entries] == [f"record:{path}#1", f"record:{path}#b"]
    assert [e.mentions[0].line for e in reading.entries] == [1, 5]
    assert reading.records == {
        f"record:{path}#1": Record("One", "t", (), "", "1"),
        f"record:{path}#b": Record("", "", (), "", "b"),
    }
    assert [(w.line, w.kind) for w in reading.warnings] == [(3, "bad-line"), (4, "repeat-id")]
    assert [line.split(": ")[0] for line in reading.skipped] == [f"{path}:3"]


# ---------------------------------------------------------------- folders


def test_a_folder_gives_every_pdf_in_it(tmp_path):
    folder = tmp_path / "papers"
    for name in (
        "b.pdf",
        "A.PDF",
        "sub/c.pdf",
        "sub/deep/2311.08105",
        "notes.md",
        "x.docx",
        ".hidden.pdf",
        ".git/d.pdf",
        ".DS_Store",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%PDF-1.7" if "08105" in name or name.lower().endswith("pdf") else b"text")
    reading = read(str(folder))
    names = ["A.PDF", "b.pdf", "sub/c.pdf", "sub/deep/2311.08105"]
    assert [entry.address for entry in reading.entries] == [f"file:{folder / name}" for name in names]
    assert {m.source for entry in reading.entries for m in entry.mentions} == {str(folder)}
    assert [line.partition(": ")[::2] for line in reading.skipped] == [
        (str(folder / "notes.md"), "not a PDF; it can be named as a source of its own"),
        (str(folder / "x.docx"), "not a PDF"),
    ]
    assert read(str(folder) + "/").entries == reading.entries


def test_links_in_a_folder(tmp_path):
    folder, other = tmp_path / "papers", tmp_path / "other"
    (folder / "sub").mkdir(parents=True)
    other.mkdir()
    (other / "o.pdf").write_bytes(b"%PDF-")
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "sub" / "again").symlink_to(folder / "sub")
    (folder / "other").symlink_to(other)
    (folder / "other2").symlink_to(other)
    (folder / "one.pdf").symlink_to(other / "o.pdf")
    (folder / "gone.pdf").symlink_to(tmp_path / "nothing")
    (folder / "self.pdf").symlink_to(folder / "self.pdf")
    os.mkfifo(folder / "pipe.pdf")
    reading = read(str(folder))
    assert [entry.address for entry in reading.entries] == [
        f"file:{folder / 'one.pdf'}",
        f"file:{folder / 'other' / 'o.pdf'}",
    ]
    assert sorted(Path(line.partition(": ")[0]).name for line in reading.skipped) == [
        "again", "gone.pdf", "other2", "pipe.pdf", "self.pdf", "up",
    ]  # fmt: skip


def test_what_may_not_be_read_in_a_folder_is_skipped(tmp_path, monkeypatch):
    for name in ("a/x.pdf", "b/y.pdf", "z.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"%PDF-")
    iterdir, stat = Path.iterdir, Path.stat

    def no_entry(self: Path):
        if self.name == "a":
            raise PermissionError(13, "Permission denied", str(self))
        return iterdir(self)

    def no_stat(self: Path, **options):
        if self.name == "y.pdf":
            raise PermissionError(13, "Permission denied", str(self))
        return stat(self, **options)

    monkeypatch.setattr(Path, "iterdir", no_entry)
    monkeypatch.setattr(Path, "stat", no_stat)
    reading = read(str(tmp_path))
    assert [entry.address for entry in reading.entries] == [f"file:{tmp_path / 'z.pdf'}"]
    assert reading.skipped == (f"{tmp_path / 'a'}: permission denied", f"{tmp_path / 'b' / 'y.pdf'}: permission denied")


# ---------------------------------------------------------------- several sources


def test_sources_merge_by_address(tmp_path):
    one, two, folder = tmp_path / "one.md", tmp_path / "two.md", tmp_path / "papers"
    one.write_text(f"- [Attention is all you need]({A}v1)\n- [x y z](https://x.test/)\n", "utf-8")
    two.write_text(
        f"- [bert]({B})\n- [Something else altogether here]({A}v3) [code](https://github.com/x/y)\n", "utf-8"
    )
    folder.mkdir()
    (folder / "a.pdf").write_bytes(b"%PDF-")
    reading = read_all([str(one), str(two), str(folder), str(folder / "a.pdf"), f"{folder}/../one.md", "1810.04805v2"])
    assert [(e.address, e.version) for e in reading.entries] == [
        ("arxiv:1706.03762", 3),
        ("https://x.test/", None),
        ("arxiv:1810.04805", None),
        (f"file:{folder / 'a.pdf'}", None),
    ]
    assert [m.source for m in reading.entries[0].mentions] == [str(one), str(two)]
    assert [m.source for m in reading.entries[2].mentions] == [str(two), "arxiv:1810.04805v2"]
    assert [m.source for m in reading.entries[3].mentions] == [str(folder), str(folder / "a.pdf")]
    assert reading.entries[0].links == (Link("https://github.com/x/y", "code"),)
    assert [w.kind for w in reading.warnings] == ["two-titles"]  # a repeat in another source is none


def test_nothing_is_a_reading_too():
    assert read_all([]).entries == ()


# ---------------------------------------------------------------- what can't be read


def test_what_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "There is no list.md" in refused(SourceNotFound, "list.md")
    assert "without a name" in refused(SourceNotFound, " ")
    assert "without a name" in refused(SourceNotFound, "a\0b")
    (tmp_path / "gone.md").symlink_to(tmp_path / "nothing")
    assert "link to nothing" in refused(SourceNotFound, tmp_path / "gone.md")
    assert remembered("list.md", must_exist=False) == str(tmp_path / "list.md")
    assert remembered("gone.md", must_exist=False) == str(tmp_path / "gone.md")


def test_what_is_no_web_address():
    for source in ("ftp://x.test/a.pdf", "file:///etc/passwd", "http://", "https://x.test:99999/"):
        assert "http(s)" in refused(SourceUnreadable, source)


def test_files_of_other_kinds(tmp_path):
    for name in ("refs.ris", "a.docx", "README", "a.json"):
        (tmp_path / name).write_text("x", "utf-8")
        message = refused(SourceUnreadable, tmp_path / name)
        assert name in message and ".jsonl" in message and ".ris" in message and ".bib" in message
    os.mkfifo(tmp_path / "pipe")
    assert "no ordinary file" in refused(SourceUnreadable, tmp_path / "pipe")
    (tmp_path / "folder.md").mkdir()
    assert "a folder, not a file" in refused(SourceUnreadable, tmp_path / "folder.md")


def test_text_that_is_not_utf8(tmp_path):
    path = tmp_path / "list.md"
    path.write_bytes(b"# ok\n- caf\xe9 " + A.encode())
    assert "line 2" in refused(SourceUnreadable, path)
    path.write_bytes(f"- {A}".encode("utf-16"))
    assert "UTF-16" in refused(SourceUnreadable, path)


def test_files_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "list.md"
    path.write_text(f"- {A}", "utf-8")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "permission denied" in refused(SourceUnreadable, path)
    monkeypatch.undo()

    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert "permission denied" in refused(SourceUnreadable, path)


def test_sources_that_name_nothing(tmp_path):
    contents = {
        "empty.md": "",
        "words.txt": "# Hello\n\nno link, [only](#this)\n",
        "empty.bib": "% nothing",
        "empty.jsonl": "\n\n",
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text, "utf-8")
        assert name in refused(SourceEmpty, tmp_path / name)
    assert "no link" in refused(SourceEmpty, tmp_path / "words.txt")
    (tmp_path / "bad.jsonl").write_text("{oops\n", "utf-8")
    assert "line 1" in refused(SourceEmpty, tmp_path / "bad.jsonl")
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "list.md").write_text(A, "utf-8")
    assert "holds no PDF" in refused(SourceEmpty, tmp_path / "papers")


# ---------------------------------------------------------------- real ones


@needs_shared
def test_the_seed_list():
    path = SHARED / "seed" / "reading-list.md"
    reading = read(str(path))
    top = "papers to read later (hopefully)"
    training = (top, "parallel and decentralized training")
    found = {
        e.address: (e.title, e.version, [m.line for m in e.mentions], e.mentions[0].section) for e in reading.entries
    }
    assert found == {
        "arxiv:2401.17555": ("opML: Optimistic Machine Learning on Blockchain", None, [9], (top, "ml on blockchains")),
        "arxiv:2301.11913": (
            "swarm parallelism: training large models can be surprisingly communication-efficient",
            None,
            [19, 31],
            training,
        ),
        "arxiv:2311.08105": (
            "deepmind's diloco: distributed low-communication training of language models",
            None,
            [21],
            training,
        ),
        "arxiv:2206.01288": (
            "decentralized training of foundation models in heterogeneous environments",
            None,
            [23, 29, 40],
            training,
        ),
        "arxiv:2403.10616": ("deepmind's dipaco: distributed path composition", None, [25, 28], training),
        "arxiv:2002.04013": (
            "towards crowdsourced training of large neural networks using decentralized mixture-of-experts",
            None,
            [26, 42],
            training,
        ),
        "arxiv:2302.00487": (
            "a comprehensive survey of continual learning: theory, method and application",
            None,
            [33],
            training,
        ),
        "arxiv:1703.03400": ("model-agnostic meta-learning for fast adaptation of deep networks", None, [35], training),
        "arxiv:2405.10853": ("the future of large language model pre-training is federated", 2, [36], training),
        "arxiv:2401.09135": ("asynchronous local-sgd training for language modeling", None, [37], training),
        "arxiv:2210.11948": ("lo-fi: distributed fine-tuning without communication", None, [39], training),
        "https://tj-solergibert.github.io/post/3d-parallelism/": (
            "a deep dive into 3d parallelism with nanotron",
            None,
            [53],
            (top, "3d paralellism training"),
        ),
    }
    assert [(w.line, w.kind) for w in reading.warnings] == [(line, "repeat") for line in (28, 29, 31, 40, 42)]


@needs_shared
def test_the_test_papers_and_lists():
    papers = read(str(SHARED / "papers"))
    assert len(papers.entries) == 36
    assert len(papers.skipped) == 4
    assert len(read(str(SHARED / "lists" / "top-100-deep-learning.bib")).entries) == 101
    assert len(read(str(SHARED / "eval" / "scifact" / "corpus.jsonl")).entries) == 5183
    assert ".bib" in refused(SourceUnreadable, SHARED / "lists" / "example.ris")
    everything = read_all([str(path) for path in sorted((SHARED / "lists").glob("*.md"))])
    addresses = [entry.address for entry in everything.entries]
    assert len(addresses) == len(set(addresses)) > 2000


def test_two_lists_that_call_one_paper_otherwise_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("- [Federated optimization of pigeons](https://arxiv.org/abs/2301.00001)\n")
    (tmp_path / "b.md").write_text("- x\n- [Ring attention over long rivers](https://arxiv.org/abs/2301.00001)\n")
    (tmp_path / "c.md").write_text("- [federated optimization of Pigeons](https://arxiv.org/abs/2301.00001)\n")
    told = read_all([str(tmp_path / name) for name in ("a.md", "b.md", "c.md")]).warnings
    assert [(w.kind, w.line, w.source) for w in told] == [("two-titles", 2, str(tmp_path / "b.md"))]
    assert "pigeons" in told[0].message and "rivers" in told[0].message
