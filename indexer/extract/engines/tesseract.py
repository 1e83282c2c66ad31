"""Tesseract, for pages that are pictures: PDFium draws them, the program `tesseract` reads them, if it is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from indexer.errors import BadSetting, Damaged, LimitReached
from indexer.extract import limits
from indexer.extract.sheet import Font, Sheet, Word

NAME = "tesseract"
_POINTS = 72
_LEAST_CONFIDENCE = 20.0  # of 100; below that it is specks and lines that it takes for letters


def program() -> str:
    """Where the program is. Raises `BadSetting` where it isn't."""
    found = shutil.which("tesseract")
    if found is None:
        raise BadSetting(
            "Scanned pages can't be read: the program `tesseract` is not installed.",
            cure="Install it (Debian, Ubuntu: `apt-get install tesseract-ocr`; macOS: `brew install tesseract`), or leave"
            " out --ocr and PAPERPATH_OCR.",
        )
    return found


def read(path: Path, numbers: Collection[int]) -> Iterator[Sheet]:
    """What Tesseract sees on these pages of the PDF at `path`, numbered from 1. Their words have no font.

    Raises `BadSetting` where it is not installed, `Damaged` where a page can't be drawn or Tesseract fails, `LimitReached`
    where it takes too long on a page.
    """
    import pypdfium2

    command = program()
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise Damaged(f"PDFium can't draw it: {str(error)[:200]}") from None
    try:
        for number in sorted(numbers):
            page = document[number - 1]
            try:
                width, height = page.get_size()
                dpi = _dpi(width, height)
                sheet = Sheet(number, width, height)
                if dpi:
                    sheet.words = words(_asked(command, _drawn(page, dpi), dpi), dpi)
            finally:
                page.close()
            yield sheet
    except pypdfium2.PdfiumError as error:
        raise Damaged(f"PDFium can't draw it: {str(error)[:200]}") from None
    finally:
        document.close()


def words(table: str, dpi: float) -> list[Word]:
    """The words of Tesseract's table of tab-separated values (`tesseract … tsv`, one row for each word, level 5).

    Sizes are by line: the height of its letters from the lowest to the highest, which is about the size of the type, and
    a word's baseline is that of its line.
    """
    lines: dict[tuple[str, ...], list[tuple[str, float, float, float, float]]] = {}
    for row in table.splitlines():
        cells = row.split("\t", 11)
        if len(cells) < 12 or cells[0] != "5" or not cells[11].strip():
            continue
        try:
            left, top, width, height, confidence = (float(cell) for cell in cells[6:11])
        except ValueError:
            continue
        if confidence >= _LEAST_CONFIDENCE:
            lines.setdefault(tuple(cells[1:5]), []).append((cells[11].strip(), left, top, width, height))
    scale = _POINTS / dpi
    found = []
    for row_of_words in lines.values():
        full = sorted(height for _, _, _, _, height in row_of_words)
        size = round(full[len(full) // 2 if len(full) < 4 else 3 * len(full) // 4] * scale, 1)
        bottoms = sorted(top + height for text, _, top, _, height in row_of_words if not _DESCENDS.intersection(text))
        bottoms = bottoms or sorted(top + 0.8 * height for _, _, top, _, height in row_of_words)
        baseline = bottoms[len(bottoms) // 2] * scale
        for text, left, _top, width, _height in row_of_words:
            found.append(Word(" ".join(text.split()).replace(" ", ""), left * scale, (left + width) * scale, baseline, size, Font()))
    return found


_DESCENDS = frozenset("gjpqyQ,;()[]{}|/$_")


def _dpi(width: float, height: float) -> float:
    """Dots per inch at which a page of so many points is drawn; 0 if it has no area."""
    area = width * height / _POINTS**2
    return min(limits.OCR_DPI, (limits.OCR_PIXELS / area) ** 0.5) if area > 0 else 0.0


def _drawn(page: Any, dpi: float) -> bytes:
    """A page as a grey picture in PGM, which every build of Tesseract reads."""
    bitmap = page.render(scale=dpi / _POINTS, grayscale=True)
    try:
        rows = bytes(bitmap.buffer)
        width, height, stride = bitmap.width, bitmap.height, bitmap.stride
        if stride != width:
            rows = b"".join(rows[row * stride : row * stride + width] for row in range(height))
        return b"P5 %d %d 255\n" % (width, height) + rows
    finally:
        bitmap.close()


def _asked(command: str, picture: bytes, dpi: float) -> str:
    arguments = [command, "stdin", "stdout", "--dpi", str(round(dpi)), "tsv"]
    environment = {"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin"}  # one thread: the workers use all cores already
    try:
        done = subprocess.run(
            arguments, input=picture, capture_output=True, timeout=limits.OCR_PAGE_SECONDS, check=False,
            env=_environment(environment),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise LimitReached(f"Tesseract took longer than {limits.OCR_PAGE_SECONDS:g} seconds on a page.") from None
    except OSError as error:
        raise Damaged(f"Tesseract can't be started: {error.strerror or error}.") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Damaged(f"Tesseract failed: {said[-1][:200] if said else f'exit status {done.returncode}'}.")
    return done.stdout.decode("utf-8", "replace")
