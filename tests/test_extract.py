"""Extraction as others call it: what a file is, which engine reads it, what of it can't be read, and where it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared
from loopback_arxiv import tiny_pdf
from printed import BOLD, LEFT, ROMAN, SANS, Shown, filler, pdf, prose, sheet, shown

from indexer import extract
from indexer.document import Extracted
from indexer.errors import Damaged, Encrypted, ExtractError, LimitReached, NotAPdf, NoText
from indexer.extract import limits
from indexer.extract import pdf as reader
from indexer.extract.engines import tesseract
from indexer.extract.sheet import Sheet, Word

ENGINES = ["auto", "pdfium", "pypdf"]
GARBAGE = ["".join(chr(ord(c) - 29) for c in word) for word in filler(60).split()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.pdf"


def page(n: int) -> list[Shown]:
    return prose(filler(60, f"Page{chr(96 + n)}"), y=100)


Engine = Callable[[Path], Iterator[Sheet]]


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch, path: Path) -> Callable[..., Callable[..., Extracted]]:
    """Puts sheets, or what an engine raises, in the place of PDFium and pypdf; gives the reader over them."""
    path.write_bytes(b"%PDF-1.7 of a kind")

    def one(**found: Sequence[Sheet] | ExtractError) -> Callable[..., Extracted]:
        def engine(name: str) -> Engine:
            def read(_: Path) -> Iterator[Sheet]:
                given = found.get(name, AssertionError(f"{name} was not to be asked"))
                if isinstance(given, BaseException):
                    raise given
                yield from given

            return read

        monkeypatch.setattr(reader, "_ENGINES", {name: engine(name) for name in ("pdfium", "pypdf")})
        return lambda engine="auto", **rest: reader.read_pdf(path, engine, **rest)

    return one


def sheets(*pages: Sequence[Shown] | None) -> list[Sheet]:
    """Sheets of these pages; None has no characters."""
    return [sheet(page, n) if page is not None else Sheet(n, 612.0, 792.0) for n, page in enumerate(pages, 1)]


def noise(n: int) -> Sheet:
    return Sheet(
        n,
        612.0,
        792.0,
        [
            Word(text, 72.0 + 50 * (i % 8), 110.0 + 50 * (i % 8), 100.0 + 12 * (i // 8), 10.0, ROMAN)
            for i, text in enumerate(GARBAGE)
        ],
    )


# What a file is


@pytest.mark.parametrize(
    ("name", "body", "declared", "kind"),
    [
        ("body", b"%PDF-1.4", "text/html", "pdf"),
        ("body", b"\n\n junk %PDF-1.4", "", "pdf"),
        ("a.PDF", b"<html>", "", "pdf"),
        ("body", b"<html>", "application/pdf; x=y", "pdf"),
        ("body", b"<!DOCTYPE html><p>", "", "html"),
        ("body", b" \n<HTML lang=en>", "", "html"),
        ("body", b"\xef\xbb\xbf<?xml version='1.0'?><!-- a remark --><html xmlns='x'>", "", "html"),
        ("body", b"hello", "text/html; charset=utf-8", "html"),
        ("a.htm", b"hello", "", "html"),
        ("body", b"hello", "text/markdown", "markdown"),
        ("a.md", b"<htmlx>", "text/plain", "markdown"),
        ("body", b"hello", "text/plain", "plain"),
        ("body", b"", "", "plain"),
        ("body", b"<html-ish>" * 2, "", "html"),
        ("body", b"# A list of <html> pages", "", "plain"),
    ],
)  # fmt: skip
def test_kinds_are_told_by_content_first(tmp_path: Path, name: str, body: bytes, declared: str, kind: str) -> None:
    (tmp_path / name).write_bytes(body)
    assert extract.kind_of(tmp_path / name, declared) == kind


def test_remarks_that_never_end_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"<!---->" * 140)
    assert extract.kind_of(tmp_path / "body") == "plain"


def test_a_version_names_all_that_a_text_depends_on() -> None:
    versions = [extract.version("pdf", engine, ocr) for engine in ENGINES for ocr in (False, True)]
    versions += [extract.version(kind) for kind in ("html", "markdown", "plain")]
    assert len(set(versions)) == len(versions) - 1  # markdown and plain text have one reader
    assert "pypdf-" in versions[0] and "pypdfium2-" in versions[0] and versions[0].startswith(reader.VERSION)


def test_what_was_to_be_a_page_and_is_a_pdf_says_so(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(tiny_pdf(["text"]))
    for kind in ("html", "markdown", "plain"):
        with pytest.raises(NotAPdf, match=f"{kind}.*is a PDF"):
            extract.read(tmp_path / "a", kind)


def test_each_kind_has_its_reader(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"# Title\n\nSome *words* of it \xff.")
    assert extract.read(tmp_path / "a", "markdown").title == "Title"
    assert "# Title" in extract.read(tmp_path / "a", "plain").pages[0].text
    (tmp_path / "a").write_bytes(
        b"<!DOCTYPE html><html><body><article><h1>Title</h1><p>" + filler(60).encode() + b"</p></article>"
    )
    assert filler(60) in extract.read(tmp_path / "a", "html", "https://example.org/").pages[0].text


# PDFs


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pdf_keeps_its_pages(path: Path, engine: str) -> None:
    path.write_bytes(tiny_pdf(["First page here.", "Second page, more of it."]))
    told: list[int] = []
    read = extract.read(path, "pdf", engine=engine, told=told.append)
    assert [(page.number, page.text) for page in read.pages] == [
        (1, "First page here."),
        (2, "Second page, more of it."),
    ]
    assert (read.engine, told, read.missing) == ("pypdf" if engine == "pypdf" else "pdfium", [1, 2], ())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", NotAPdf), (b"<html>not found</html>", NotAPdf), (b" " * 1024 + b"%PDF-1.7", NotAPdf), (b"%PDF-1.7\nnothing of the kind", Damaged),
        (tiny_pdf(["text"])[:200], Damaged), (tiny_pdf([""]), NoText), (tiny_pdf([]), ExtractError),
    ],
)  # fmt: skip
def test_what_is_no_pdf_says_so(path: Path, engine: str, body: bytes, error: type[ExtractError]) -> None:
    path.write_bytes(body)
    with pytest.raises(error, match=r"\.$"):
        extract.read(path, "pdf", engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_stands_before_the_header_is_passed_over(path: Path, engine: str) -> None:
    path.write_bytes(b"\r\n\r\n" + tiny_pdf(["First page here."]))
    assert extract.read(path, "pdf", engine=engine).pages[0].text == "First page here."


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("password", "readable"), [("", True), ("secret", False)])
def test_an_empty_password_opens(path: Path, engine: str, password: str, readable: bool) -> None:
    import pypdf

    path.write_bytes(pdf([page(1)], info="/Title (Of the locked pages)"))
    writer = pypdf.PdfWriter(clone_from=path)
    writer.encrypt(password, "owner", algorithm="AES-256")
    writer.write(path)
    if readable:
        assert extract.read(path, "pdf", engine=engine).pages[0].text == filler(60, "Pagea")
    else:
        with pytest.raises(Encrypted):
            extract.read(path, "pdf", engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "title", ["(On Slow Networks)", "<FEFF004F006E00200053006C006F00770020004E006500740077006F0072006B0073>"]
)
def test_the_file_s_own_title_decides_between_two(path: Path, engine: str, title: str) -> None:
    lines = [
        shown("Annals of Machines", y=80, size=16, font=BOLD),
        shown("On Slow Networks", y=120, size=15, font=BOLD),
        *prose(filler(120), y=200),
    ]
    path.write_bytes(pdf([lines], info=f"/Title {title} /Author (Ana\\n Example)"))
    assert extract.read(path, "pdf", engine=engine).title == "On Slow Networks"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "info", ["/Title <FEFFD800>", "/Title 12", "/Title [1 2]", "/Title 99 0 R /Author null", "/Title (\\377\\376\\000)"]
)
def test_what_the_file_says_of_itself_may_be_nonsense(path: Path, engine: str, info: str) -> None:
    path.write_bytes(pdf([page(1)], info=info))
    assert extract.read(path, "pdf", engine=engine).pages[0].text == filler(60, "Pagea")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "more",
    [
        "BT /F0 1e38 Tf 1e38 1e38 Td (huge) Tj ET", "BT /F0 10 Tf 1e-30 0 0 1e-30 0 0 Tm (tiny) Tj ET", "BT /F0 10 Tf 0 0 0 0 0 0 Tm (flat) Tj ET",
        "BT /F0 0 Tf 1 0 0 1 80 80 Tm (none) Tj ET", "BT /F0 10 Tf 1e20 0 0 1e20 -1e30 1e30 Tm (far away) Tj ET", "BT /F0 -10 Tf 1 0 0 1 80 90 Tm (back) Tj ET",
        "BT /F0 10 Tf " + "9" * 400 + " 0 Td (no number) Tj ET", "q 1e38 0 0 1e38 0 0 cm 1e38 0 0 1e38 0 0 cm BT /F0 10 Tf (inf) Tj ET Q",
    ],
)  # fmt: skip
def test_words_in_no_place_cost_no_page(path: Path, engine: str, more: str) -> None:
    path.write_bytes(pdf([page(1), page(2)], more=more))
    read = extract.read(path, "pdf", engine=engine)
    assert filler(60, "Pagea") in read.pages[0].text and filler(60, "Pageb") in read.pages[1].text


# The second opinion


def test_pypdf_is_asked_where_pdfium_fails(engines) -> None:
    read = engines(pdfium=Damaged("broken"), pypdf=sheets(page(1)))()
    assert (read.engine, read.pages[0].text) == ("pypdf", filler(60, "Pagea"))


@pytest.mark.parametrize(
    ("pdfium", "pypdf", "error"),
    [
        (Damaged("first"), Damaged("second"), "first"), (Damaged("first"), Encrypted("locked"), "locked"), (Encrypted("locked"), Damaged("second"), "locked"),
        (Damaged("first"), LimitReached("swollen"), "swollen"), (LimitReached("swollen"), AssertionError("asked"), "swollen"),
        (Damaged("first"), [], "first"), ([], [], "no pages"), ([], Damaged("second"), "second"),
        ([Sheet(1, 612.0, 792.0, blank=True)], Damaged("second"), "second"), (sheets(None, None), sheets(None, None), "2 pages hold no characters"),
    ],
)  # fmt: skip
def test_what_both_fail_at_is_told_once(engines, pdfium, pypdf, error: str) -> None:
    with pytest.raises(ExtractError, match=error):
        engines(pdfium=pdfium, pypdf=pypdf)()


@pytest.mark.parametrize("name", ["pdfium", "pypdf"])
def test_an_engine_that_was_asked_for_is_asked_alone(engines, name: str) -> None:
    assert engines(**{name: sheets(page(1), None)})(name).missing[0][0] == 2
    with pytest.raises(Damaged):
        engines(**{name: Damaged("broken")})(name)


def test_a_page_that_pdfium_can_t_read_is_pypdf_s(engines) -> None:
    read = engines(pdfium=sheets(page(1), None, page(3)), pypdf=sheets(page(1), page(2), None))()
    assert (read.engine, read.missing) == ("pdfium+pypdf", ())
    assert [page.text for page in read.pages] == [filler(60, f"Page{c}") for c in "abc"]


def test_a_page_of_garbage_is_pypdf_s_too(engines) -> None:
    read = engines(pdfium=[*sheets(page(1)), noise(2)], pypdf=sheets(page(1), page(2)))()
    assert (read.engine, read.pages[1].text) == ("pypdf", filler(60, "Pageb"))


def test_whoever_reads_more_pages_leads(engines) -> None:
    read = engines(pdfium=sheets(page(1), None), pypdf=sheets(page(1), page(2), page(3)))()
    assert (read.engine, len(read.pages)) == ("pypdf", 3)
    read = engines(pdfium=sheets(page(1), page(2), None), pypdf=sheets(page(1)))()
    assert (read.engine, [number for number, _ in read.missing]) == ("pdfium", [3])


# Pages without text


def test_a_page_that_nobody_can_read_is_missing_and_told(engines) -> None:
    read = engines(pdfium=sheets(page(1), None, page(3)), pypdf=sheets(page(1), None, page(3)))()
    assert read.pages[1].text == "" and read.pages[2].number == 3
    ((number, why),) = read.missing
    assert number == 2 and "no characters" in why


def test_garbage_is_not_indexed(engines) -> None:
    both = [*sheets(page(1), page(2)), noise(3)]
    read = engines(pdfium=both, pypdf=[*sheets(page(1), page(2)), noise(3)])()
    assert read.pages[2].text == "" and "garbage" in dict(read.missing)[3]


@pytest.mark.parametrize("good", [[], [shown("Words of a picture on it", font=SANS)]])
def test_a_document_of_garbage_has_no_text(engines, good: list[Shown]) -> None:
    def pages() -> list[Sheet]:
        return [noise(n) for n in range(1, 10)] + ([sheet(good, 10)] if good else [])

    with pytest.raises(NoText, match="garbage"):
        engines(pdfium=pages(), pypdf=pages())()


def test_words_at_an_angle_alone_are_no_text_that_is_missed(engines) -> None:
    turned = Sheet(1, 612.0, 792.0, turned=[Word("sideways", 30, 60, 50, 10, ROMAN)])
    with pytest.raises(NoText):
        engines(pdfium=[turned], pypdf=[turned])()


def test_scanned_pages_are_read_where_that_is_asked_for(engines, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def read_by_eye(_: Path, numbers: Sequence[int]) -> Iterator[Sheet]:
        asked.extend(numbers)
        yield from (sheet(page(n) if n == 2 else [], n) for n in numbers)

    monkeypatch.setattr(tesseract, "read", read_by_eye)
    scan = engines(pdfium=sheets(page(1), None, None), pypdf=sheets(page(1), None, None))
    read = scan(ocr=True)
    assert asked == [2, 3] and read.engine == "pdfium+tesseract"
    assert read.pages[1].text == filler(60, "Pageb") and [number for number, _ in read.missing] == [3]
    assert scan(ocr=False).engine == "pdfium" and asked == [2, 3]
    whole = engines(pdfium=sheets(page(1)))(ocr=True)
    assert whole.engine == "pdfium" and asked == [2, 3]


# Limits


@pytest.mark.parametrize("engine", ENGINES)
def test_too_many_pages_are_a_limit(path: Path, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(pdf([page(n) for n in (1, 2, 3)]))
    monkeypatch.setattr(limits, "PAGES", 3)
    assert len(extract.read(path, "pdf", engine=engine).pages) == 3
    monkeypatch.setattr(limits, "PAGES", 2)
    with pytest.raises(LimitReached, match="more than 2 pages"):
        extract.read(path, "pdf", engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_too_many_characters_are_a_limit(path: Path, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(pdf([[shown("twelve words", x=LEFT)]] * 2))
    monkeypatch.setattr(limits, "CHARACTERS", 22)
    assert len(extract.read(path, "pdf", engine=engine).pages) == 2
    monkeypatch.setattr(limits, "CHARACTERS", 21)
    with pytest.raises(LimitReached, match="more than 21 characters"):
        extract.read(path, "pdf", engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_file_that_swells_is_a_limit(path: Path, engine: str, engines, monkeypatch: pytest.MonkeyPatch) -> None:
    import pypdf
    import pypdfium2

    def swell(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(pypdf, "PdfReader", swell)
    monkeypatch.setattr(pypdfium2, "PdfDocument", swell)
    path.write_bytes(pdf([page(1)]))
    with pytest.raises(LimitReached, match="memory"):
        extract.read(path, "pdf", engine=engine)
    with pytest.raises(LimitReached, match="memory"):  # as late as it is asked for what it says of itself
        engines(pdfium=sheets(page(1)), pypdf=sheets(page(1)))(engine)


# A real one


@needs_shared
@pytest.mark.parametrize("engine", ENGINES)
def test_a_real_paper_is_read(engine: str) -> None:
    read = extract.read(SHARED / "papers/1706.03762.pdf", "pdf", engine=engine)
    assert (read.arxiv_id, read.version, read.date, len(read.pages)) == ("1706.03762", 5, "2017-12-06", 15)
    assert read.title == "Attention Is All You Need"
    assert "3.2 Attention" in [s.heading for s in read.sections] and len(read.references) == 40
