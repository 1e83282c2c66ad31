"""PDF to document: one of two engines reads the characters, the other is the second opinion, one structure for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from indexer.document import Extracted
from indexer.errors import Encrypted, ExtractError, LimitReached, NotAPdf, NoText
from indexer.extract import limits
from indexer.extract.engines import pdfium
from indexer.extract.engines import pypdf as pypdf_engine
from indexer.extract.garbage import is_garbage
from indexer.extract.sheet import Sheet
from indexer.extract.structure import understood

VERSION = "pdf-2"

Engine = Literal["auto", "pdfium", "pypdf"]
_ENGINES: dict[str, Callable[[Path], Iterator[Sheet]]] = {"pdfium": pdfium.read, "pypdf": pypdf_engine.read}


def read_pdf(
    path: Path, engine: Engine = "auto", ocr: bool = False, told: Callable[[int], None] | None = None
) -> Extracted:
    """What the PDF at `path` holds. Nothing in it is followed or run.

    `auto` reads with PDFium, and asks pypdf where that fails or yields no text. `ocr` has pages without characters read
    by Tesseract. `told` is called with the number of pages done. Raises `NotAPdf`, `Encrypted`, `Damaged`, `NoText` or
    `LimitReached`.
    """
    with path.open("rb") as file:
        if b"%PDF-" not in file.read(1024):
            raise NotAPdf("It is not a PDF: its first kilobyte has no PDF header.")
    sheets, missing, used = _sheets(path, engine, told)
    if ocr and missing:
        from indexer.extract.engines import tesseract

        seen = {sheet.number: sheet for sheet in tesseract.read(path, [number for number, _ in missing])}
        sheets = [seen.get(sheet.number, sheet) for sheet in sheets]
        missing = [(number, why) for number, why in missing if not (number in seen and seen[number].words)]
        used += "+tesseract" if seen else ""
    garbage = sum("garbage" in why for _, why in missing)
    if len(missing) == len(sheets) or (garbage > 0.8 * len(sheets)):  # what is left then is words of its pictures
        raise NoText(_without_text(missing))
    lost = {number for number, _ in missing}
    for sheet in sheets:
        if sheet.number in lost:  # garbage is not indexed
            sheet.words, sheet.turned = [], []
    title, authors = _own_words(path, engine)
    found = understood(sheets, title, authors)
    if not any(page.text.strip() for page in found.pages):
        raise NoText(_without_text(missing))
    return replace(found, missing=tuple(missing), engine=used)


def _sheets(
    path: Path, engine: Engine, told: Callable[[int], None] | None
) -> tuple[list[Sheet], list[tuple[int, str]], str]:
    """The sheets, the pages without text, and the engine's name. What PDFium can't read, pypdf is asked for."""
    names = ["pdfium", "pypdf"] if engine == "auto" else [engine]
    read: list[tuple[list[Sheet], dict[int, str], str]] = []
    failed: list[ExtractError] = []
    for name in names:
        try:
            sheets = _all(_ENGINES[name](path), told)
        except ExtractError as error:
            failed.append(error)
            if isinstance(error, LimitReached):
                break
            continue
        lost = {sheet.number: why for sheet in sheets if (why := _why_missing(sheet))}
        read.append((sheets, lost, name))
        if sheets and not lost:
            break
    # PDFium makes an empty page of what is none; where pypdf finds no page either, there is none
    if failed and read and all(sheet.blank for sheet in read[0][0]):
        read = []
    if not any(sheets for sheets, _, _ in read):
        asked = next((error for error in failed if isinstance(error, Encrypted | LimitReached)), None)
        raise asked or (failed[0] if failed else NoText("It has no pages."))
    read.sort(key=lambda one: len(one[1]) - len(one[0]))
    sheets, missing, used = read[0]
    for others, lost, name in read[1:]:
        better = {sheet.number: sheet for sheet in others if sheet.number in missing and sheet.number not in lost}
        if len(others) == len(sheets) and better:
            sheets = [better.get(sheet.number, sheet) for sheet in sheets]
            missing = {number: why for number, why in missing.items() if number not in better}
            used += f"+{name}"
    return sheets, sorted(missing.items()), used


def _all(sheets: Iterator[Sheet], told: Callable[[int], None] | None) -> list[Sheet]:
    found: list[Sheet] = []
    characters = 0
    for sheet in sheets:
        if len(found) >= limits.PAGES:
            raise LimitReached(f"It has more than {limits.PAGES:,} pages.")
        characters += sum(len(word.text) for word in sheet.words)
        if characters > limits.CHARACTERS:
            raise LimitReached(f"It holds more than {limits.CHARACTERS:,} characters.")
        found.append(sheet)
        if told is not None:
            told(len(found))
    return found


def _why_missing(sheet: Sheet) -> str:
    words = [word.text for word in (sheet.words or sheet.turned)]
    if not words:
        return "no characters: a scan, a drawing or an empty page"
    return "its characters are garbage: the file does not say which letters its glyphs are" if is_garbage(words) else ""


def _without_text(missing: list[tuple[int, str]]) -> str:
    if not missing:
        return "It holds no text."
    garbage = sum("garbage" in why for _, why in missing)
    if garbage:
        return f"Its {len(missing)} pages hold no readable text: on {garbage} of them the characters are garbage."
    return f"Its {len(missing)} pages hold no characters: a scan, or drawings only. With Tesseract installed, --ocr reads them."


def _own_words(path: Path, engine: Engine) -> tuple[str, str]:
    """The title and authors in the file's own information, "" where it has none that can be read."""
    try:
        if engine == "pypdf":
            import pypdf

            reader = pypdf.PdfReader(path)
            if reader.is_encrypted:
                reader.decrypt("")
            held = reader.metadata or {}
            title, authors = str(held.get("/Title") or ""), str(held.get("/Author") or "")
        else:
            import pypdfium2

            with pypdfium2.PdfDocument(path) as document:
                title, authors = document.get_metadata_value("Title"), document.get_metadata_value("Author")
    except MemoryError:
        raise LimitReached("Reading it takes too much memory.") from None
    except Exception:  # a hint is missed, no more
        return "", ""
    return " ".join(title.split()), " ".join(authors.split())
