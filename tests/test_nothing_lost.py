"""No line of a paper is lost: what PDFium's raw text has and ours lacks is furniture."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pypdfium2
import pytest

from indexer.document import Extracted

PAPERS = Path(__file__).parents[2] / "shared" / "papers"
NAMES = sorted(path.name for path in PAPERS.glob("*.pdf")) if PAPERS.is_dir() else []


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text))
    return "".join(c for c in plain.casefold() if c.isalpha())


def _start(line: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[^\W\d_]+", line.casefold())[:4])


def _raw_lines(path: Path) -> list[tuple[int, str]]:
    """Index of the page and text of each raw line of three words or more, words cut at a line's end made whole.

    Short ones don't count: PDFium makes words of the signs in formulas.
    """
    document = pypdfium2.PdfDocument(path)
    try:
        found = []
        for index in range(len(document)):
            text = document[index].get_textpage().get_text_range().replace("\r\n", "\n")
            text = re.sub("[\ufffe\x02]\n?|-\n(?=[a-z])", "", text)
            found += [(index, line) for line in text.split("\n") if len(re.findall(r"[^\W\d_]{4,}", line)) >= 3]
        return found
    finally:
        document.close()


@pytest.mark.skipif(not NAMES, reason="../shared/papers is absent")
@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_lost(name: str, read_paper: Callable[[str], Extracted]) -> None:
    read = read_paper(name)
    ours = [_letters(page.text) for page in read.pages]
    lines = _raw_lines(PAPERS / name)
    alike = Counter(_start(line) for _, line in lines)
    lost = []
    for index, line in lines:
        words = [_letters(word) for word in re.findall(r"[^\W\d_]{4,}", line)]
        missing = [word for word in words if word not in ours[index]]
        furniture = alike[_start(line)] >= 2 or re.match(r"arXiv:|Authorized licensed use|\d{4} IEEE", line)
        if len(missing) > 0.5 * len(words) and not furniture:
            lost.append((index + 1, line))
    assert not lost
