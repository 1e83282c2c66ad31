"""Extraction: what comes out of PDFs; what can't be read says so; a bad file harms no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared
from hypothesis import given
from hypothesis import strategies as st
from loopback_arxiv import tiny_pdf

from indexer import extract
from indexer.errors import Damaged, Encrypted, ExtractError, NotAPdf, NoText
from indexer.extract import pdf
from indexer.extract.cleaning import clean, join_hyphens


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
