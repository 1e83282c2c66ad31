"""PDF to document: one of two engines reads the characters, the other is the second opinion, one structure for both."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from indexer.document import Extracted
from indexer.errors import Damaged, Encrypted, ExtractError, LimitReached, NotAPdf, NoText
from indexer.extract.engines import pdfium
from indexer.extract.engines import pypdf as pypdf_engine
from indexer.extract.garbage import is_garbage
from indexer.extract.sheet import Sheet
from indexer.extract.structure import understood

VERSION = "pdf-2"
MAX_PAGES = 3000
MAX_CHARACTERS = 20_000_000

Engine = Literal["auto", "pdfium", "pypdf"]
_ENGINES: dict[str, Callable[[Path], Iterator[Sheet]]] = {"pdfium": pdfium.read, "pypdf": pypdf_engine.read}


def read_pdf(path: Path, engine: Engine = "auto", ocr: bool = False, told: Callable[[int], None] | None = None) -> Extracted:
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
    if len(missing) == len(sheets):
        raise NoText(_without_text(missing))
    title, authors = _own_words(path)
    found = understood(sheets, title, authors)
    if not any(page.text.strip() for page in found.pages):
        raise NoText(_without_text(missing))
    return replace(found, missing=tuple(missing), engine=used)


def _sheets(path: Path, engine: Engine, told: Callable[[int], None] | None) -> tuple[list[Sheet], list[tuple[int, str]], str]:
    """The sheets of the engine that reads it best, the pages without text, and the engine's name."""
    names = ["pdfium", "pypdf"] if engine == "auto" else [engine]
    best: tuple[list[Sheet], list[tuple[int, str]], str] | None = None
    failed: list[ExtractError] = []
    for name in names:
        try:
            sheets = _all(_ENGINES[name](path), told)
        except ExtractError as error:
            failed.append(error)
            if isinstance(error, LimitReached):
                break
            continue
        missing = [(sheet.number, why) for sheet in sheets if (why := _why_missing(sheet))]
        if sheets and not missing:
            return sheets, missing, name
        if best is None or len(sheets) - len(missing) > len(best[0]) - len(best[1]):
            best = sheets, missing, name
        if sheets and len(missing) < 0.5 * len(sheets):
            break  # a figure or an empty page among pages of text is no reason to read it all again
    if best is not None and best[0]:
        return best
    asked = next((error for error in failed if isinstance(error, Encrypted | LimitReached)), None)
    raise asked or (failed[0] if failed else NoText("It has no pages."))


def _all(sheets: Iterator[Sheet], told: Callable[[int], None] | None) -> list[Sheet]:
    found: list[Sheet] = []
    characters = 0
    for sheet in sheets:
        if len(found) >= MAX_PAGES:
            raise LimitReached(f"It has more than {MAX_PAGES} pages; such a file is not read.")
        characters += sum(len(word.text) for word in sheet.words)
        if characters > MAX_CHARACTERS:
            raise LimitReached(f"It holds more than {MAX_CHARACTERS:,} characters.")
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


def _own_words(path: Path) -> tuple[str, str]:
    """The title and authors in the file's own information, "" where it has none."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError:
        return "", ""
    try:
        return tuple(" ".join(document.get_metadata_value(key).split()) for key in ("Title", "Author"))
    finally:
        document.close()
