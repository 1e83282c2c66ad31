"""The words of a generation: for each term the passages that have it, as a search by words needs them.

Plain arrays, mapped where they lie: the postings of term `t` are `passages[starts[t]:starts[t + 1]]`, ascending, with
their `counts`. Nothing that depends on the whole library is stored but how many passages of prose have each term, so that
the ranking is free to weigh as it likes.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from indexer.document import EMBEDDED, Document, Passage
from indexer.library import arrays
from indexer.library.kept import Kept
from indexer.terms import terms

VERSION = "words-2"
_MOST = 255  # of one term in one passage: more tell nothing more
# While postings are put in order, each is one number: the term's, the passage's and the count, from the highest bit down.
_TERM, _PASSAGE = np.uint64(36), 8
_BELOW_TERM = (np.uint64(1) << _TERM) - np.uint64(1)
_BLOCK = 1 << 19  # postings that fit a processor's cache
TITLE = 2  # a title's words count as often in each passage of its document
_NOTHING = (np.empty(0, np.int32), np.empty(0, np.uint8))


def write(
    path: Path, documents: Sequence[tuple[Document, Sequence[Passage]]], before: Words | None = None,
    kept: Kept | None = None,
) -> None:  # fmt: skip
    """Writes the words of the passages, numbered from 0 in the order given. Raises `LibraryUnwritable`.

    Those of documents that are `kept` are taken from `before`, the words of the generation that they are kept from; the
    file is the same, byte for byte, as if it were written from all the texts.
    """
    total = sum(len(passages) for _, passages in documents) if kept is None else int(kept.counts.sum())
    lengths, prose = np.zeros(total, np.float32), np.zeros(total, bool)
    numbers: dict[str, int] = {}
    new: list[np.ndarray] = [np.empty(0, np.uint64)]
    for passage_id, passage, count in _to_count(documents, kept):
        own = np.array([numbers.setdefault(term, len(numbers)) for term in count], np.uint64)
        often = np.array([min(number, _MOST) for number in count.values()], np.uint64)
        new.append((own << _TERM) | np.uint64(passage_id << _PASSAGE) | often)
        lengths[passage_id], prose[passage_id] = count.total(), passage.kind in EMBEDDED
    old = before.vocabulary if before is not None else []
    vocabulary = sorted({*numbers, *old})
    place = {term: number for number, term in enumerate(vocabulary)}
    entries = np.concatenate(new)
    if numbers:
        of_own = np.array([place[term] for term in numbers], np.uint64)
        entries = (of_own[entries >> _TERM] << _TERM) | (entries & _BELOW_TERM)
    if before is not None and kept is not None:
        stay = np.flatnonzero(kept.passages >= 0)
        lengths[kept.passages[stay]], prose[kept.passages[stay]] = before.lengths[stay], before.prose[stay]
        own = entries
        entries = np.empty(before.size + len(own), np.uint64)  # the one large array
        end = 0
        for block in before.entries(kept.passages, np.array([place[term] for term in old], np.uint64)):
            entries[end : end + len(block)] = block
            end += len(block)
        entries[end : end + len(own)] = own
        entries = entries[: end + len(own)]
    # No two are equal. What is mostly in order already is put in order quickly by the stable way, anything else by the other.
    entries.sort(kind="quicksort" if kept is None else "stable")
    starts = np.searchsorted(entries, np.arange(len(vocabulary) + 1, dtype=np.uint64) << _TERM)
    used = np.diff(starts) > 0  # the last passage with a term may have gone
    starts = np.append(starts[:-1][used], len(entries))
    passage_ids = np.empty(len(entries), np.int32)
    for start in range(0, len(entries), _BLOCK):
        here = slice(start, start + _BLOCK)
        passage_ids[here] = (entries[here] & _BELOW_TERM) >> np.uint64(_PASSAGE)
    in_prose = prose[passage_ids]
    arrays.write(path, {
        "vocabulary": np.frombuffer("\n".join(itertools.compress(vocabulary, used)).encode(), np.uint8),
        "starts": starts.astype(np.int64),
        "passages": passage_ids,
        "counts": entries.astype(np.uint8),
        "frequencies": np.add.reduceat(in_prose, starts[:-1], dtype=np.int32) if len(entries) else np.empty(0, np.int32),
        "lengths": lengths,
        "prose": prose,
    })  # fmt: skip


def _to_count(
    documents: Sequence[tuple[Document, Sequence[Passage]]], kept: Kept | None
) -> Iterator[tuple[int, Passage, Counter[str]]]:
    """The passages that are not kept: the id of each, itself, and how often each term counts in it."""
    first = 0
    for position, (document, passages) in enumerate(documents):
        if kept is not None and kept.documents[position] >= 0:
            first += int(kept.counts[position])
            continue
        for n, (passage, count) in enumerate(zip(passages, _counts(document, passages), strict=True)):
            yield first + n, passage, count
        first += len(passages)


def _counts(document: Document, passages: Sequence[Passage]) -> Iterator[Counter[str]]:
    """How often each term counts in each passage: its own words, its heading's, and its document's title twice.

    Every part of an abstract has the words of the whole: that it was cut for the model's window is nothing to them. What
    the reader noted beside the entry counts in the first passage of prose.
    """
    title = Counter(terms(document.own_title) * TITLE)
    headings = [Counter(terms(section.heading)) for section in document.sections]
    own = [Counter(terms(document.pages[p.page].text[p.start : p.end])) for p in passages]
    abstract: Counter[str] = Counter()
    covered: dict[int, int] = {}
    for p in passages:
        if p.kind == "abstract":  # its parts may overlap by a sentence
            start = max(p.start, covered.get(p.page, 0))
            abstract.update(terms(document.pages[p.page].text[start : p.end]))
            covered[p.page] = p.end
    first = next((n for n, p in enumerate(passages) if p.kind in EMBEDDED), 0)  # a search looks there by itself
    for note in dict.fromkeys(mention.note for mention in document.entry.mentions):
        if own:
            own[first].update(terms(note))
            abstract.update(terms(note))
    for passage, count in zip(passages, own, strict=True):
        whole = Counter(abstract) if passage.kind == "abstract" else count
        whole.update(title)
        if passage.section is not None:
            whole.update(headings[passage.section])
        yield whole


class Words:
    """The words of a generation, opened. Safe to use from several threads."""

    def __init__(self, path: Path, data: bytes | None = None) -> None:
        held = arrays.read(path, data)
        text = held["vocabulary"].tobytes().decode()
        self._numbers = {term: number for number, term in enumerate(text.split("\n"))} if text else {}
        self._starts, self._passages, self._counts = held["starts"], held["passages"], held["counts"]
        self._frequencies = held["frequencies"]
        self.lengths: np.ndarray = held["lengths"]
        """How many terms each passage counts: float32 of shape (passages,)."""
        self.prose: np.ndarray = held["prose"]
        """Which passages are prose: bool of shape (passages,). What is weighed is weighed against these."""

    @property
    def count(self) -> int:
        """How many passages there are."""
        return len(self.lengths)

    @property
    def terms(self) -> int:
        """How many different terms there are."""
        return len(self._numbers)

    def postings(self, term: str) -> tuple[np.ndarray, np.ndarray]:
        """The passages that have a term, ascending (int32), and how often it counts in each (uint8)."""
        number = self._numbers.get(term)
        if number is None:
            return _NOTHING
        here = slice(self._starts[number], self._starts[number + 1])
        return self._passages[here], self._counts[here]

    @property
    def size(self) -> int:
        """How many postings there are in all."""
        return len(self._passages)

    @property
    def vocabulary(self) -> list[str]:
        """All terms, in alphabetic order."""
        return list(self._numbers)

    def entries(self, passages: np.ndarray, terms: np.ndarray) -> Iterator[np.ndarray]:
        """The postings of the passages that stay, as `write` puts them in order: uint64, one number each, some at a time.

        `passages` (int64, by passage id) has their new ids, -1 for one that goes; `terms` (uint64) the terms' new numbers.
        """
        gone = np.uint64(1 << 63)
        passage = np.where(passages >= 0, passages.astype(np.uint64) << np.uint64(_PASSAGE), gone)
        all_stay = bool((passages >= 0).all())
        cuts = np.searchsorted(self._starts, np.arange(_BLOCK, len(self._passages), _BLOCK))
        for first, last in itertools.pairwise([0, *cuts.tolist(), len(terms)]):
            here = slice(self._starts[first], self._starts[last])
            block = np.repeat(terms[first:last] << _TERM, np.diff(self._starts[first : last + 1]))
            block |= passage[self._passages[here]]
            block |= self._counts[here]
            yield block if all_stay else block[block < gone]

    def frequency(self, term: str) -> int:
        """How many passages of prose have a term."""
        number = self._numbers.get(term)
        return 0 if number is None else int(self._frequencies[number])
