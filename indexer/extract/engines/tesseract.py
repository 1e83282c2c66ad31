"""Tesseract, for pages that are pictures: PDFium draws them, the program `tesseract` reads them, if it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from indexer.errors import BadSetting, Damaged, Interrupted
from indexer.extract import limits
from indexer.extract.sheet import Font, Sheet, Word

NAME = "tesseract"
_POINTS = 72
_HANGS = frozenset("gjpqyQ,;()[]{}|/$_-–—'‘’\"“”*^")  # letters that don't stand on the line
_HIGH = 0.75  # of the type's size: the height of words, mostly
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

    A page that takes it too long has no words. Raises `BadSetting` where it is not installed, `Interrupted` where it fails,
    `Damaged` where a page can't be drawn.
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
                    for word in words(_asked(command, _drawn(page, dpi), dpi), dpi):
                        upright = len(word.text) < 3 or word.size < 2 * (word.x1 - word.x0)
                        (sheet.words if upright else sheet.turned).append(word)
            finally:
                page.close()
            yield sheet
    except pypdfium2.PdfiumError as error:
        raise Damaged(f"PDFium can't draw it: {str(error)[:200]}") from None
    finally:
        document.close()


def words(table: str, dpi: float) -> list[Word]:
    """The words of Tesseract's table of tab-separated values (`tesseract … tsv`, one row for each word, level 5).

    A word's baseline is its line's. So is its size, from the height that three quarters of the line's words don't exceed;
    lines that are nearly as high as most on the page are of the same type, since a line without `l` or `p` tells little.
    """
    lines: dict[tuple[str, ...], list[_Seen]] = {}
    for row in table.splitlines():
        cells = row.split("\t", 11)
        text = "".join(cells[11].split()) if len(cells) == 12 else ""
        if cells[0] == "5" and text:
            try:
                left, top, width, height, confidence = map(float, cells[6:11])
            except ValueError:
                continue
            if confidence >= _LEAST_CONFIDENCE:
                lines.setdefault(tuple(cells[1:5]), []).append(_Seen(text, left, left + width, top, top + height))
    sizes = {line: _quantile([word.bottom - word.top for word in seen], 0.75) for line, seen in lines.items()}
    usual = _quantile(list(sizes.values()), 0.5)
    scale = _POINTS / dpi
    found = []
    for line, seen in lines.items():
        size = round((usual if abs(sizes[line] - usual) < 0.25 * usual else sizes[line]) * scale / _HIGH, 1)
        standing = [word.bottom for word in seen if not _HANGS.intersection(word.text)]
        baseline = _quantile(standing or [word.top + 0.8 * (word.bottom - word.top) for word in seen], 0.5) * scale
        found += [Word(word.text, word.left * scale, word.right * scale, baseline, size, Font()) for word in seen]
    return found


class _Seen(NamedTuple):
    text: str
    left: float
    right: float
    top: float
    bottom: float


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else 0.0


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
    environment = os.environ | {"OMP_THREAD_LIMIT": "1"}  # the workers use all cores already
    try:
        done = subprocess.run(
            arguments, input=picture, capture_output=True, timeout=limits.OCR_PAGE_SECONDS, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        return ""
    except OSError as error:
        raise Interrupted(f"Tesseract can't be started: {error.strerror or error}.") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Interrupted(f"Tesseract failed: {said[-1][:200] if said else f'exit status {done.returncode}'}.",
                          cure="See whether `tesseract` works by itself, and has its language data.")  # fmt: skip
    return done.stdout.decode("utf-8", "replace")
