"""Which of some papers a bibliography cites, by arXiv id or by title: a plain rule to hold extraction against."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from rapidfuzz import fuzz

from indexer.document import Reference

# TensorFlow's white paper is mostly cited with a word of its title left out: .912. The nearest titles of two papers
# that were met: .88.
SAME_TITLE = 0.90
LONG_TITLE = 25  # letters; a shorter title may stand inside another one


def letters(text: str) -> str:
    """Only the letters and digits, in one case, without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if c.isalnum())


def cites(references: Iterable[Reference], papers: Sequence[Mapping[str, str | None]]) -> dict[str, list[Reference]]:
    """The papers that are among the references: from a paper's file to the entries that mean it, in their order.

    A paper is a mapping with `file`, `title` and `arxiv_id` (None where it has none). An entry means it if it has the
    same arXiv id, or nearly the same title, or if a long title stands in the entry as printed.
    """
    known = [(str(p["file"]), p["arxiv_id"], letters(str(p["title"]))) for p in papers]
    found: dict[str, list[Reference]] = {}
    for reference in references:
        identifier = reference.arxiv_id and re.sub(r"v\d+$", "", reference.arxiv_id)
        title, raw = letters(reference.title), letters(reference.raw)
        for file, arxiv_id, true_title in known:
            if (
                (arxiv_id and arxiv_id == identifier)
                or fuzz.ratio(title, true_title) >= 100 * SAME_TITLE
                or (len(true_title) >= LONG_TITLE and true_title in raw)
            ):
                found.setdefault(file, []).append(reference)
    return found
