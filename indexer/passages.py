"""Document to passages: cut at sentence ends, by the model's own tokens, so that each fits its window."""

from __future__ import annotations

import bisect
import hashlib
import re
from collections.abc import Sequence

from indexer.document import Page, Passage, Section
from indexer.embed import Embedder
from indexer.errors import BadSetting

VERSION = "passages-2"
_SPECIAL_TOKENS = 4  # what a model puts around a text, and one to spare
_LEAST_LETTERS = 20  # a stretch with fewer says nothing that could be found, unless it is all there is
_LEAST_ROOM = 16


def cut(pages: Sequence[Page], sections: Sequence[Section], title: str, embedder: Embedder) -> list[Passage]:
    """The passages of a document, in order.

    Each lies on one page and in one section, ends at a sentence's end where it can, and fits the model's window
    together with `title`; the last sentence of one begins the next where there is room for that (up to a fifth of it).
    """
    room = embedder.window - _SPECIAL_TOKENS - len(embedder.tokens(context(title, embedder)))
    if room < _LEAST_ROOM:
        raise BadSetting(
            "The document prompt leaves no room for a passage.", cure="Set a shorter PAPERPATH_DOCUMENT_PROMPT."
        )
    found: list[Passage] = []
    current: int | None = None
    for index, page in enumerate(pages):
        here = [(number, section) for number, section in enumerate(sections) if section.page == index]
        starts = [0, *(section.start for _, section in here), len(page.text)]
        owners = [current, *(number for number, _ in here)]
        current = owners[-1]
        spans = embedder.tokens(page.text)
        begins = [span[0] for span in spans]
        for owner, start, end in zip(owners, starts, starts[1:], strict=False):
            found += [Passage(index, a, b, owner) for a, b in _stretches(page.text, start, end, spans, begins, room)]
    return [p for p in found if _letters(pages[p.page].text, p) >= _LEAST_LETTERS] or found[:1]


def _letters(text: str, passage: Passage) -> int:
    return sum(map(str.isalnum, text[passage.start : passage.end]))


def context(title: str, embedder: Embedder) -> str:
    """What is put before a passage's text when it is embedded: its document's title, at most a quarter of the window."""
    spans = embedder.tokens(title)
    most = embedder.window // 4
    return (title if len(spans) <= most else title[: spans[most - 1][1]]) + "\n" if title else ""


def vector_key(model_fingerprint: str, text: str) -> bytes:
    """The name in the cache of the vector of `text` (with its context) under a model."""
    return hashlib.sha256(f"{model_fingerprint}\n{text}".encode("utf-8", "surrogatepass")).digest()


def _stretches(
    text: str, start: int, end: int, spans: list[tuple[int, int]], begins: list[int], room: int
) -> list[tuple[int, int]]:
    """Spans of `text[start:end]` of at most `room` tokens, at sentence ends where possible, slightly overlapping.

    `spans` are those of the tokens of `text`, `begins` where each of them begins.
    """

    def tokens_in(a: int, b: int) -> int:
        return bisect.bisect_left(begins, b) - bisect.bisect_left(begins, a)

    pieces: list[tuple[int, int]] = []
    for a, b in _sentences(text, start, end):
        while tokens_in(a, b) > room:  # by itself longer than the window: cut between tokens, at a space if it can be
            limit = spans[bisect.bisect_left(begins, a) + room - 1][1]
            space = max(text.rfind(" ", a + 1, limit), text.rfind("\n", a + 1, limit))
            at = space if space > a + (limit - a) // 2 else limit
            pieces.append((a, at))
            a = at
        pieces.append((a, b))
    stretches: list[tuple[int, int]] = []
    first = 0
    while first < len(pieces):
        last = first
        while last + 1 < len(pieces) and tokens_in(pieces[first][0], pieces[last + 1][1]) <= room:
            last += 1
        a, b = _trimmed(text, pieces[first][0], pieces[last][1])
        if any(map(str.isalnum, text[a:b])):
            stretches.append((a, b))
        if last + 1 >= len(pieces):
            break
        overlap = last > first and tokens_in(*pieces[last]) <= room // 5
        fits = overlap and tokens_in(pieces[last][0], pieces[last + 1][1]) <= room
        first = last if fits else last + 1
    return stretches


def _sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    from sentencex import get_sentence_boundaries

    return [
        (start + found["start_index"], start + found["end_index"])
        for found in get_sentence_boundaries("en", text[start:end])
    ]


def _trimmed(text: str, a: int, b: int) -> tuple[int, int]:
    lead = re.match(r"\s*", text[a:b])
    a += lead.end() if lead else 0
    return a, max(a, a + len(text[a:b].rstrip()))
