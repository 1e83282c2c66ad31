"""The words of a generation: for each term the passages that have it, as a search by words needs them.

Plain arrays, mapped where they lie: the postings of term `t` are `passages[starts[t]:starts[t + 1]]`, ascending, with
their `counts`. Nothing that depends on the whole library is stored but how many passages of prose have each term, so that
the ranking is free to weigh as it likes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from indexer.document import EMBEDDED, Document, Passage
from indexer.library import arrays
from indexer.terms import terms

VERSION = "words-1"
_MOST = 255  # of one term in one passage: more tell nothing more
TITLE = 2  # a title's words count as often in each passage of its document
_NOTHING = (np.empty(0, np.int32), np.empty(0, np.uint8))


def write(path: Path, documents: Iterable[tuple[Document, Sequence[Passage]]]) -> None:
    """Writes the words of the passages, numbered from 0 in the order given. Raises `LibraryUnwritable`."""
    numbers: dict[str, int] = {}
    of_term, of_passage, counts, lengths, prose = [], [], [], [], []
    for document, passages in documents:
        for passage, count in zip(passages, _counts(document, passages), strict=True):
            of_term += [numbers.setdefault(term, len(numbers)) for term in count]
            of_passage += [len(lengths)] * len(count)
            counts += [min(number, _MOST) for number in count.values()]
            lengths.append(count.total())
            prose.append(passage.kind in EMBEDDED)
    alphabetic = sorted(numbers)
    place = np.empty(len(numbers), np.int64)
    place[[numbers[term] for term in alphabetic]] = np.arange(len(numbers))
    term = place[of_term] if of_term else np.empty(0, np.int64)
    passage_ids = np.array(of_passage, np.int32)
    order = np.argsort(term, kind="stable")  # passages stay ascending within a term
    starts = np.zeros(len(numbers) + 1, np.int64)
    np.cumsum(np.bincount(term, minlength=len(numbers)), out=starts[1:])
    in_prose = np.array(prose, bool)
    arrays.write(path, {
        "vocabulary": np.frombuffer("\n".join(alphabetic).encode(), np.uint8),
        "starts": starts,
        "passages": passage_ids[order],
        "counts": np.array(counts, np.uint8)[order],
        "frequencies": np.bincount(term[in_prose[passage_ids]], minlength=len(numbers)).astype(np.int32),
        "lengths": np.array(lengths, np.float32),
        "prose": in_prose,
    })  # fmt: skip


def _counts(document: Document, passages: Sequence[Passage]) -> Iterator[Counter[str]]:
    """How often each term counts in each passage: its own words, its heading's, and its document's title twice.

    Every part of an abstract has the words of the whole: that it was cut for the model's window is nothing to them. What
    the reader noted beside the entry counts in the first passage.
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
    for note in dict.fromkeys(mention.note for mention in document.entry.mentions):
        if own:
            own[0].update(terms(note))
            abstract.update(terms(note))
    for passage, count in zip(passages, own, strict=True):
        yield (abstract if passage.kind == "abstract" else count) + title + (
            headings[passage.section] if passage.section is not None else Counter()
        )


class Words:
    """The words of a generation, opened. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        held = arrays.read(path)
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

    def frequency(self, term: str) -> int:
        """How many passages of prose have a term."""
        number = self._numbers.get(term)
        return 0 if number is None else int(self._frequencies[number])
