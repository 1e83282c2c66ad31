"""`paperpath text` as a real process: its JSON as documented, markdown that says what the page says, harmless terminals."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared
from hypothesis import given
from hypothesis import strategies as st
from loopback_arxiv import tiny_pdf

from indexer.document import Block, Extracted, Page, Reference, Section, TextMention
from indexer.text import Understood, described
from service.text import escaped, for_markdown, for_terminal

PROJECT = Path(__file__).parents[1]
KEYS = ["title", "authors", "abstract", "date", "arxiv_id", "version", "pages", "outcome", "sections", "references"]


def run(*command: str | Path, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """`paperpath text …`, with its exit code asserted, and that nobody sees a traceback."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PAPERPATH_")}
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "text", *map(str, command)], capture_output=True, text=True, timeout=1200,
        env=own | {"PYTHONPATH": str(PROJECT)} | environment, cwd=PROJECT / "tests",
    )  # fmt: skip
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def told(*command: str | Path, code: int = 0, **environment: str) -> dict:
    """Its JSON, with the documented keys asserted."""
    found = json.loads(run(*command, "--json", code=code, **environment).stdout)
    assert set(KEYS) <= set(found)
    return found


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "paper.pdf"
    path.write_bytes(tiny_pdf(["The first page has a few words to read.", "The second page has some more of them."]))
    return path


def locked(folder: Path) -> bytes:
    import pypdf

    path = folder / "locked.pdf"
    path.write_bytes(tiny_pdf(["nobody reads this"]))
    writer = pypdf.PdfWriter(clone_from=path)
    writer.encrypt("secret", "owner", algorithm="AES-128")
    writer.write(path)
    return path.read_bytes()


# ---------------------------------------------------------------------- outcomes


@pytest.mark.parametrize(
    ("name", "body", "outcome"),
    [
        ("a.pdf", tiny_pdf(["Some text to read."]), "text"),
        ("a.md", b"# A title\n\nText.\n\n## Part\n\nMore.\n", "text"),
        ("a.html", b"<!DOCTYPE html><html><body></body></html>", "no-text"),
        ("blank.pdf", tiny_pdf(["", ""]), "no-text"),
        ("page.pdf", b"<html>not found</html>", "not-a-pdf"),
        ("noise", b"\x7fELF\0\0\1\2", "not-a-pdf"),
        ("cut.pdf", tiny_pdf(["text"])[:200], "damaged"),
        ("locked.pdf", None, "encrypted"),
    ],
)
def test_outcomes(tmp_path: Path, name: str, body: bytes | None, outcome: str) -> None:
    body = body if body is not None else locked(tmp_path)
    (tmp_path / name).write_bytes(body)
    found = told(tmp_path / name, code=0 if outcome == "text" else 4)
    assert found["outcome"] == outcome
    if outcome != "text":
        assert found["reason"]
        assert [found[key] for key in KEYS[:-3]] == ["", [], "", "", None, None, 0]
        assert found["sections"] == found["references"] == []
        assert f": {outcome}: " in run(tmp_path / name, code=4).stderr
        assert run(tmp_path / name, "--markdown", code=4).stdout == ""


def test_a_limit_is_an_outcome(paper: Path) -> None:
    found = told(paper, code=4, PAPERPATH_EXTRACT_SECONDS="0.001")
    assert found["outcome"] == "limit" and "PAPERPATH_EXTRACT_SECONDS" in found["cure"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.pdf",), "nowhere.pdf does not exist"),
        (("{folder}",), "Is a directory"),
        ((), "Missing argument"),
        (("{paper}", "--json", "--markdown"), "not both"),
        (("{paper}", "--engine", "mupdf"), "pypdf"),
    ],
)
def test_what_can_t_be_meant(paper: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run(*(each.format(paper=paper, folder=paper.parent) for each in arguments), code=2)
    assert said in done.stderr and done.stdout == ""


def test_ocr_without_tesseract_names_the_cure(paper: Path, tmp_path: Path) -> None:
    for done in (
        run(paper, "--ocr", code=2, PATH=str(tmp_path)),
        run(paper, code=2, PATH=str(tmp_path), PAPERPATH_OCR="1"),
    ):
        assert "apt-get install tesseract-ocr" in done.stderr


def test_ocr_reads_what_has_no_characters(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    row = "5\t1\t1\t1\t{line}\t{word}\t{left}\t{top}\t200\t40\t95\t{text}"
    words = enumerate(["what", "the", "scan", "says"])
    rows = [row.format(line=1, word=n, left=300 + 230 * n, top=400, text=text) for n, text in words]
    (tmp_path / "table").write_text("\n".join(rows) + "\n")
    (tmp_path / "bin" / "tesseract").write_text(f"#!/bin/sh\ncat > /dev/null\ncat {tmp_path}/table\n")
    (tmp_path / "bin" / "tesseract").chmod(0o755)
    (tmp_path / "scan.pdf").write_bytes(tiny_pdf([""]))
    path = f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"
    assert told(tmp_path / "scan.pdf", code=4, PATH=path)["outcome"] == "no-text"
    found = told(tmp_path / "scan.pdf", "--ocr", PATH=path)
    assert found["outcome"] == "text" and "tesseract" in found["engine"] and found["missing"] == []
    assert "what the scan says" in run(tmp_path / "scan.pdf", "--ocr", "--markdown", PATH=path).stdout


@pytest.mark.parametrize("engine", ["pdfium", "pypdf"])
def test_an_engine_can_be_named(paper: Path, engine: str) -> None:
    for found in (told(paper, "--engine", engine), told(paper, PAPERPATH_ENGINE=engine)):
        assert (found["engine"], found["pages"], found["outcome"]) == (engine, 2, "text")
    assert "second page" in run(paper, "--engine", engine).stdout


# ---------------------------------------------------------------------- what is shown


@needs_shared
def test_a_real_paper_as_json() -> None:
    found = told(SHARED / "papers/1706.03762.pdf")
    assert list(found)[:6] == KEYS[:6]
    assert (found["title"], found["arxiv_id"], found["version"]) == ("Attention Is All You Need", "1706.03762", 5)
    assert (found["date"], found["pages"]) == ("2017-12-06", 15)
    assert found["authors"][0] == "Ashish Vaswani" and len(found["authors"]) == 8
    assert all(set(section) >= {"heading", "level", "page"} for section in found["sections"])
    places = {section["heading"]: (section["level"], section["page"]) for section in found["sections"]}
    assert places["3.2.1 Scaled Dot-Product Attention"] == (3, 4) and places["7 Conclusion"] == (1, 10)
    assert [reference["n"] for reference in found["references"]] == list(range(1, 41))
    wanted = {"n", "raw", "title", "authors", "year", "arxiv_id", "doi", "page", "mentions"}
    assert all(set(reference) >= wanted for reference in found["references"])
    first = found["references"][0]
    assert (first["title"], first["year"], first["arxiv_id"], first["page"]) == (
        "Layer normalization",
        2016,
        "1607.06450",
        10,
    )
    assert first["authors"][-1] == "Geoffrey E Hinton"
    assert [mention["page"] for mention in first["mentions"]] == [3]
    assert "[1]" in first["mentions"][0]["sentence"]


@needs_shared
def test_a_web_page_as_json() -> None:
    found = told(SHARED / "seed/post/3d-parallelism/index.html")
    assert found["outcome"] == "text" and found["date"] == "2024-06-10"
    assert all(section["page"] is None for section in found["sections"])
    assert {"pp", "tp"} <= {section["anchor"] for section in found["sections"]}


def sample() -> Extracted:
    """A text of two pages with a block of each kind that is drawn in its own way."""
    blocks: list[Block] = []
    pages = []
    for number, parts in enumerate(
        (
            [("front", "On *stars*"), ("heading", "Abstract"), ("abstract", "In short."), ("heading", "1 <Intro> #"),
             ("body", "1. is 2 * 3 * 4, a_b_c [1]")],
            [("heading", "1.1 Deeper"), ("body", "# and on", True), ("caption", "Figure 1: a | b"),
             ("code", "if x:\n    `````\n\treturn *y*"), ("footnote", "1 See <b>."), ("heading", "References"),
             ("reference", "[1] Ana. Stars. 2020."), ("reference", "[2] Bo. Moons.")],
        )
    ):  # fmt: skip
        text = ""
        for kind, written, *more in parts:
            text += "\n" if text else ""
            blocks.append(Block(kind, number, len(text), len(text) + len(written), bool(more)))  # type: ignore[arg-type]
            text += written
        pages.append(Page(text, number + 1))
    levels = {"Abstract": 1, "1 <Intro> #": 1, "1.1 Deeper": 2, "References": 1}
    headings = [(b, pages[b.page].text[b.start : b.end]) for b in blocks if b.kind == "heading"]
    return Extracted(
        tuple(pages), "On *stars*", ("Ana", "Bo"), "In short.", "2020-02-03",
        tuple(Section(heading, levels[heading], block.page, block.start) for block, heading in headings),
        "2001.00001", 2, tuple(blocks),
        (Reference(1, "Ana. Stars. 2020.", 1, "1", "Stars", ("Ana",), 2020, mentions=(TextMention(0, 3, 6, "It is [1]."),)),
         Reference(2, "Bo. Moons.", 1, "2", "Moons", ("Bo",))), ((2, "half of it is a picture"),), "pdfium",
    )  # fmt: skip


def test_markdown_says_what_the_page_says() -> None:
    from markdown_it import MarkdownIt

    text = "\n\n".join(for_markdown(described(sample()), sample()))
    tokens = MarkdownIt("commonmark").parse(text)
    headings = [
        (token.tag, plain_of(tokens[at + 1])) for at, token in enumerate(tokens) if token.type == "heading_open"
    ]
    assert headings == [
        ("h1", "On *stars*"),
        ("h2", "Abstract"),
        ("h2", "1 <Intro> #"),
        ("h3", "1.1 Deeper"),
        ("h2", "References"),
    ]
    paragraphs = [plain_of(token) for token in tokens if token.type == "inline"]
    assert "1. is 2 * 3 * 4, a_b_c [1]" in paragraphs and "# and on" in paragraphs
    assert "Figure 1: a | b" in paragraphs and "1 See <b>." in paragraphs
    assert [token.content.strip() for token in tokens if token.type == "html_block"] == [
        "<!-- page 1 -->",
        "<!-- page 2 -->",
    ]
    assert [token.content for token in tokens if token.type == "fence"] == ["if x:\n    `````\n return *y*\n"]
    lists = [token.type for token in tokens if token.type.startswith(("ordered", "bullet"))]
    assert lists == ["ordered_list_open", "ordered_list_close"]
    assert "[1] Ana. Stars. 2020." in paragraphs and "[2] Bo. Moons." in paragraphs
    assert paragraphs.count("On *stars*") == 1


def test_the_terminal_gets_outline_references_and_text_by_kind() -> None:
    lines = list(for_terminal(described(sample()), sample()))
    shown = "\n".join(lines)
    assert lines[:3] == ["On *stars*", "Ana, Bo", "2020-02-03  arXiv:2001.00001v2  2 pages  pdfium"]
    assert "page 2 has no text: half of it is a picture" in lines
    assert "    1.1 Deeper  p. 2" in lines and "  1 <Intro> #  p. 1" in lines
    assert "  1.  [1]  Stars  2020  mentioned on p. 1" in lines and "  2.  [2]  Moons  not mentioned" in lines
    assert shown.index("--- page 1 ---") < shown.index("--- page 2 ---")
    assert "body        1. is 2 * 3 * 4, a_b_c [1]" in lines and "body      … # and on" in lines
    assert "code        if x:" in lines and "                `````" in lines


def test_a_text_without_blocks_is_shown_by_its_headings() -> None:
    bare = Extracted((Page("Before.\nPart\nAfter.\n"),), "T", sections=(Section("Part", 1, 0, 8),))
    shown = "\n".join(for_terminal(described(bare), bare))
    assert re.search(r"Before\.\n.*heading +Part\n.*After\.", shown, re.DOTALL)
    assert "## Part" in "\n\n".join(for_markdown(described(bare), bare))


def plain_of(token) -> str:
    return "".join(child.content for child in token.children)


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_whatever_is_escaped_is_shown_as_it_is(text: str) -> None:
    from markdown_it import MarkdownIt

    wanted = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(escaped(text))
    assert [token.type for token in tokens] == (["paragraph_open", "inline", "paragraph_close"] if wanted else [])
    assert "".join(plain_of(token) for token in tokens if token.type == "inline") == wanted


HOSTILE = "a\x1b]0;owned\x07b\x9b31mc\u202ed\u2066e\u2028f\x7f\rg"


@given(st.text(max_size=60))
def test_nothing_steers_the_terminal(text: str) -> None:
    for hostile in (text + HOSTILE, HOSTILE):
        bad = Extracted(
            (Page(hostile, 1),), hostile, (hostile,), hostile, "", (Section(hostile, 1, 0, 0, hostile),), None, None,
            (Block("code", 0, 0, len(hostile) // 2), Block("body", 0, len(hostile) // 2, len(hostile))),
            (Reference(1, hostile, 0, hostile, hostile, (hostile,), mentions=(TextMention(0, 0, 1, hostile),)),), ((1, hostile),),
        )  # fmt: skip
        understood = described(bad)
        for line in "\n".join([*for_terminal(understood, bad), *for_markdown(understood, bad)]).split("\n"):
            assert line.isprintable(), repr(line)


def test_json_on_a_terminal_is_harmless_too(capsys: pytest.CaptureFixture[str]) -> None:
    from service.terminal import print_json

    print_json(Understood(title=HOSTILE + "é 漢 \U0001f600 \U000e0001"))
    printed = capsys.readouterr().out
    assert printed.rstrip("\n").isprintable() and "é 漢 \U0001f600" in printed
    assert json.loads(printed)["title"] == HOSTILE + "é 漢 \U0001f600 \U000e0001"


@needs_shared
def test_markdown_of_a_real_paper_holds_all_its_prose() -> None:
    path = SHARED / "papers/1602.05629.pdf"
    shown, written = run(path, "--engine", "pypdf").stdout, run(path, "--engine", "pypdf", "--markdown").stdout
    assert written.startswith("# Communication-Efficient Learning of Deep Networks") and "\x0c" not in written
    assert [int(n) for n in re.findall(r"^<!-- page (\d+) -->$", written, re.MULTILINE)] == list(range(1, 12))
    for kind in ("heading", "body", "caption", "reference"):
        assert re.search(rf"^{kind} ", shown, re.MULTILINE), kind
