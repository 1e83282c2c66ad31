"""Extraction: what comes out of PDFs, pages and markdown; what can't be read says so; a bad file harms no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback_arxiv import tiny_pdf

from indexer import extract
from indexer.errors import Damaged, Encrypted, ExtractError, NotAPdf, NoText
from indexer.extract import html, markdown, pdf
from indexer.extract.cleaning import clean, join_hyphens

PAGE = b"""<!DOCTYPE html><html><head><title>Notes on pipelines | My site</title>
<meta name="author" content="Ana Example">
<meta property="article:published_time" content="2024-06-10T00:00:00+00:00"></head>
<body><nav><a href="/">Home</a> <a href="/about">About me and my other pages</a></nav><article><h1>Notes on pipelines</h1>
<p>A pipeline cuts a model into stages, and each of the stages lives on a machine of its own for the whole of the run.</p>
<h2 id="bubbles">Bubbles</h2><p>While the first machine works, the others wait; the time that is lost is called the bubble.</p>
<pre><code>for step in range(10):
    forward(step)
</code></pre>
<h2><a name="cure"></a>The cure</h2><p>More and smaller pieces of a batch make it smaller, but they cost memory instead.</p>
</article><footer>Cookie preferences, share this page</footer></body></html>"""


def test_a_pdf_keeps_its_pages(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(tiny_pdf(["First page here.", "Second page, more of it."]))
    read = extract.read(path, extract.kind_of(path))
    assert [(page.number, page.text.strip()) for page in read.pages] == [
        (1, "First page here."), (2, "Second page, more of it."),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", NotAPdf),
        (b"<html>not found</html>", NotAPdf),
        (b"%PDF-1.7\nnothing of the kind", Damaged),
        (tiny_pdf(["text"])[:200], Damaged),
        (tiny_pdf([""]), NoText),
    ],
)
def test_what_is_no_pdf_says_so(tmp_path: Path, body: bytes, error: type[ExtractError]) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(body)
    with pytest.raises(error):
        pdf.read_pdf(path)


@pytest.mark.parametrize(("password", "readable"), [("", True), ("secret", False)])
def test_an_empty_password_opens(tmp_path: Path, password: str, readable: bool) -> None:
    import pypdf

    path = tmp_path / "a.pdf"
    path.write_bytes(tiny_pdf(["Something that was locked away."]))
    writer = pypdf.PdfWriter(clone_from=path)
    writer.encrypt(password, "owner", algorithm="AES-256")
    writer.write(path)
    if readable:
        assert "locked away" in pdf.read_pdf(path).pages[0].text
    else:
        with pytest.raises(Encrypted):
            pdf.read_pdf(path)


def test_a_web_page_keeps_its_article_headings_and_code() -> None:
    read = html.read_html(PAGE, "https://example.org/pipelines")
    assert (read.title, read.authors, read.date) == ("Notes on pipelines", ("Ana Example",), "2024-06-10")
    text = read.pages[0].text
    assert read.pages[0].number is None
    assert [(s.heading, s.level, s.anchor) for s in read.sections] == [
        ("Bubbles", 2, "bubbles"),
        ("The cure", 2, "cure"),
    ]
    assert all(text[s.start :].startswith(s.heading) for s in read.sections)
    assert "for step in range(10):\n    forward(step)" in text
    assert "Cookie" not in text and "About me" not in text


@needs_shared
def test_the_listed_post_is_read_whole() -> None:
    path = SHARED / "seed/post/3d-parallelism/index.html"
    read = extract.read(path, extract.kind_of(path))
    headings = [s.heading for s in read.sections]
    assert headings == ["Introduction", "Setting up 3D parallelism", "Pipeline Parallelism", "Tensor Parallelism",
                        "Data Parallelism", "To sum up"]  # fmt: skip
    assert {s.heading: s.anchor for s in read.sections if s.anchor} == {
        "Pipeline Parallelism": "pp", "Tensor Parallelism": "tp",
    }  # fmt: skip
    assert read.authors == ("Toni Solergibert",) and read.date == "2024-06-10"
    assert "Cookie preferences" not in read.pages[0].text


@pytest.mark.parametrize(
    "body", [b"", b"   ", b"<html></html>", b"\xff\xfe\x00", b"<!DOCTYPE html><html><body></body></html>"]
)
def test_a_page_without_an_article_says_so(body: bytes) -> None:
    with pytest.raises(NoText):
        html.read_html(body)


def test_markdown_has_its_headings_but_not_those_in_code() -> None:
    read = markdown.read_markdown(
        "# Title\n\nIntro.\n\n## Part *one*\ntext\n```\n# no heading\n```\n### Deeper ###\nmore\n"
    )
    text = read.pages[0].text
    assert read.title == "Title"
    assert [(s.heading, s.level) for s in read.sections] == [("Part *one*", 2), ("Deeper", 3)]
    assert all(text[s.start :].startswith(s.heading + "\n") for s in read.sections)
    assert text.startswith("Intro.") and "# no heading" in text


@given(st.text(max_size=3000))
@settings(deadline=None)
def test_any_text_is_markdown(text: str) -> None:
    try:
        read = markdown.read_markdown(text)
    except NoText:
        return
    read.pages[0].text.encode("utf-8")
    assert all(0 <= s.start <= len(read.pages[0].text) for s in read.sections)


@given(st.text(max_size=500))
def test_cleaning_is_done_once(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    once.encode("utf-8")
    assert not re.search("[\x00-\x08\ufb00-\ufb06\ud800-\udfff]", once)


def test_ligatures_are_resolved_and_other_forms_left() -> None:
    assert clean("e\ufb03cient \ufb01ne x² ½ ﬀ") == "efficient fine x² ½ ff"


def test_hyphens_are_joined_by_evidence() -> None:
    pages = ["de-\ncentralized and low-\ncommunication", "We call it decentralized. Communication is low."]
    assert join_hyphens(pages)[0] == "decentralized and low-communication"


def test_kinds_are_told_by_content_first(tmp_path: Path) -> None:
    for body, declared, kind in [
        (b"%PDF-1.4", "text/html", "pdf"), (b"<!DOCTYPE html><p>", "", "html"), (b"hello", "text/markdown", "markdown"),
        (b"hello", "text/plain", "plain"), (b"<html>", "application/pdf", "pdf"),
    ]:  # fmt: skip
        path = tmp_path / "body"
        path.write_bytes(body)
        assert extract.kind_of(path, declared) == kind


@needs_shared
def test_the_stamp_of_a_real_paper_is_read() -> None:
    read = pdf.read_pdf(SHARED / "papers/1706.03762.pdf")
    assert (read.arxiv_id, read.version, read.date, len(read.pages)) == ("1706.03762", 5, "2017-12-06", 15)
    assert read.title == "Attention Is All You Need"
    assert "3.2 Attention" in [s.heading for s in read.sections]
