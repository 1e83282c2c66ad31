"""One paper, one document: which of the things that were brought are the same paper, and the one document they make."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache

from indexer.document import Document, Version
from indexer.folding import letters
from indexer.names import people

_BEST_FIRST = ("full", "record", "digest", "title")
_NO_PROSE = ("front", "heading", "reference")

# The share of the shorter text's runs of five words that the longer one has too, references aside. Measured on 36 papers:
# two engines' texts of one file .93 and more, a third of it .95; with three words of ten replaced .14, with seven
# sentences of ten replaced .24; two different papers, by the same authors too, .01 at most (.09 with their references).
_RUN = 5
_AGREEING = 0.2
_FEWEST_RUNS = 50  # too little to judge by: the title and the authors are most of it
_TITLE_WORDS = 3  # a shorter title does not tell a paper where no text stands behind it


def same_papers(documents: Sequence[Document], apart: Collection[str] = ()) -> list[list[int]]:
    """The indices of `documents` in groups, each group one paper, in the order of their first members.

    The same paper are: the same arXiv id, whatever its version; the same bytes; and the same title where the authors
    don't contradict and the texts agree, or where there is only one text and the authors agree. A document whose entry
    has one of the addresses `apart` stays alone. Two records are never merged by title: their makers gave them ids.
    """
    parent = list(range(len(documents)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = index = parent[parent[index]]
        return index

    def unite(one: int, other: int) -> None:
        first, second = sorted((root(one), root(other)))
        parent[second] = first

    free = [index for index, document in enumerate(documents) if document.entry.address not in apart]
    first: dict[str, int] = {}
    for index in free:
        document = documents[index]
        for key in (document.arxiv_id and f"arXiv:{document.arxiv_id}", document.origin.sha256):
            if key:
                unite(first.setdefault(key, index), index)
    titled: dict[str, list[int]] = {}
    for index in free:
        titled.setdefault(letters(documents[index].title), []).append(index)
    runs = cache(lambda index: _runs_of_words(documents[index]))
    for title, group in titled.items():
        others = [index for index in group if documents[index].text != "record"]
        records = [index for index in group if documents[index].text == "record"]
        for at, one in enumerate(others if title else ()):
            for other in (*others[:at], *records):
                if root(one) == root(other):
                    continue
                same = _same(documents[one], documents[other])
                if same or (same is None and _agreeing(runs(one), runs(other))):
                    unite(one, other)
    groups: dict[int, list[int]] = {}
    for index in range(len(documents)):
        groups.setdefault(root(index), []).append(index)
    return list(groups.values())


def merged(group: Sequence[Document]) -> Document:
    """One document of several that are one paper: the best text leads, every mention and link stays.

    Best is full before record before digest before none, then the newest version, then the most pages and characters.
    What arXiv says of the paper wins over what its file says, and what the leading one lacks is taken from the others.
    """
    if len(group) == 1:
        return group[0]
    lead, *others = sorted(group, key=_rank)
    entry = lead.entry
    for other in others:
        entry = replace(entry.merged(other.entry), version=entry.version)
    known = next((document for document in group if document.newest is not None), lead)
    each = (known, lead, *others)
    arxiv_id = lead.arxiv_id or next((d.arxiv_id for d in each if d.arxiv_id), None)
    return replace(
        lead,
        entry=replace(entry, also=tuple(document.entry.address for document in group if document is not lead)),
        title=known.title,
        newest=known.newest,
        authors=next((d.authors for d in each if d.authors), ()),
        abstract=next((d.abstract for d in each if d.abstract), ""),
        date=next((d.date for d in each if d.date), ""),
        arxiv_id=arxiv_id,
        link=next((d.link for d in (lead, *others) if d.link and d.arxiv_id == arxiv_id), lead.link),
        versions=tuple(Version(d.entry.address, d.text, d.version, _numbered(d), _why(d, group)) for d in others),
    )


def _numbered(document: Document) -> int | None:
    return sum(page.number is not None for page in document.pages) or None


def _rank(document: Document) -> tuple[int, int, int, int]:
    with_text = [page.text for page in document.pages if page.text.strip()]
    return (
        _BEST_FIRST.index(document.text), -(document.version or 0), -len(with_text), -sum(map(len, with_text))
    )  # fmt: skip


def _why(document: Document, group: Sequence[Document]) -> str:
    """What shows that a document is the same paper as others of its group."""
    others = [other for other in group if other is not document]
    if document.origin.sha256 and any(other.origin.sha256 == document.origin.sha256 for other in others):
        return "the same bytes"
    if document.arxiv_id and any(other.arxiv_id == document.arxiv_id for other in others):
        return "the same arXiv id"
    texts = document.text == "full" and any(other.text == "full" for other in others)
    return "the same title and text" if texts else "the same title and authors"


def _same(one: Document, other: Document) -> bool | None:
    """Whether two documents of one title are one paper; None where that is for their texts to say."""
    people = _overlapping(one.authors, other.authors)
    if people is False:
        return False
    if one.text == other.text == "full":
        return None
    if one.arxiv_id and other.arxiv_id and one.arxiv_id != other.arxiv_id:
        return False
    if len(re.findall(r"\w+", one.title)) < _TITLE_WORDS:
        return False
    if people:
        return True
    if {one.text, other.text} == {"full", "record"}:
        return None
    # An entry that is nothing but a title has no more to tell it by.
    return any(document.entry.address.startswith("title:") for document in (one, other))


def _agreeing(one: frozenset[int], other: frozenset[int]) -> bool:
    fewer = min(len(one), len(other))
    return fewer >= _FEWEST_RUNS and len(one & other) >= _AGREEING * fewer


def _runs_of_words(document: Document) -> frozenset[int]:
    """Hashes of every run of words of a document's prose."""
    if document.blocks:
        prose = [document.pages[b.page].text[b.start : b.end] for b in document.blocks if b.kind not in _NO_PROSE]
    else:
        prose = [page.text for page in document.pages]
    words = re.findall(r"[^\W\d_]{2,}", unicodedata.normalize("NFKC", "\n".join(prose)).casefold())
    return frozenset(hash(tuple(words[at : at + _RUN])) for at in range(len(words) - _RUN + 1))


def _overlapping(ours: Sequence[str], theirs: Sequence[str]) -> bool | None:
    """Whether at least half of the shorter list of authors stand in the other; None where one is empty.

    Authors are the same whose last names are, and whose first names don't begin with different letters.
    """
    one, other = people(ours), people(theirs)
    if not one or not other:
        return None
    if len(one) > len(other):
        one, other = other, one
    common = sum(
        any(not a or not b or a == b for a in first for b in other[last])
        for last, first in one.items()
        if last in other
    )
    return common * 2 >= len(one)
