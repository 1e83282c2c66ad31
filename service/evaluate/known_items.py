"""Known-item questions: drawn from a library itself, so that how well it is searched can be seen without any labels.

A question is a stretch of one paper, and the paper is its answer (Azzopardi, de Rijke and Balog, Building Simulated
Queries for Known-Item Topics, 2007). It is asked twice. As printed, it shows that what stands in the library is found at
all: by whoever copies a sentence, hyphens and formulas included; near 1 on a sound library. With words dropped, as by one
who half remembers it: the half of its words that the fewest papers have is taken out, so that no name of a method and no
odd word leads there; what is left has to be put together, and the figure tells rankings apart.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.library import Generation, StoredPassage
from indexer.terms import Term, terms

KINDS = ("title", "abstract", "caption", "body")
MOST = 300  # of a kind

_LEAST_TERMS = {
    "title": 4,
    "abstract": 8,
    "caption": 6,
    "body": 8,
}  # different ones: half of them must still say something
_MOST_WORDS = 60
_MOST_SENTENCES = 5  # of one passage, and a second one only when all passages have given one
_LEAST_LETTERS = 0.7  # of all characters: a line of a formula or a table is nobody's question
_MIDDLE = (0.2, 0.8)  # of a paper's passages of body text
_FEW = 16  # passages that are read rather than looked for further
_WORD = re.compile(r"[^\W_]+")
_LABEL = re.compile(
    r"\s*(?:figure|fig\.?|table|tab\.?|algorithm|listing)\s*[\dIVX]+(?:[.-]?\d+)*[a-z]?\s*[:.|]?\s*", re.IGNORECASE
)


@dataclass(frozen=True)
class KnownItem:
    """A stretch of the document `document`. `pages` are the numbers of those of its pages where it stands, perhaps none.

    `dropped` is `printed` without its rarest words, None where it is too short for that. `id` stays the same while
    `printed` does, whatever else joins the library.
    """

    id: str
    kind: str
    document: str
    pages: tuple[int, ...]
    printed: str
    dropped: str | None


def draw(generation: Generation, most: int = MOST, seed: int = 0) -> tuple[list[KnownItem], int]:
    """At most `most` questions of each kind, and how many were passed over because two papers say the same.

    Papers take turns, and which of a paper's passages is taken depends on that paper alone: another one in the library
    changes few of the questions. The same library gives the same questions.
    """
    items: dict[str, KnownItem] = {}  # passages overlap: a sentence may come twice
    shared: set[_Candidate] = set()
    library = _Library(generation)
    for kind in KINDS:
        wanted = len(items) + most
        for candidate in _candidates(library, kind, seed):
            if len(items) >= wanted:
                break
            if library.in_others(kind, candidate):
                shared.add(candidate)
            else:
                item = library.item(kind, candidate)
                items.setdefault(item.id, item)
    return list(items.values()), len(shared)


@dataclass(frozen=True)
class _Candidate:
    """A stretch of text and the position of the document that says it."""

    document: int
    text: str


def _candidates(library: _Library, kind: str, seed: int) -> Iterator[_Candidate]:
    """What might be asked, papers taking turns; each paper's own in an order that its id and the seed alone decide."""
    summaries = library.generation.catalogue.summaries
    if kind == "title":
        # A record without a title is called by its id, which nobody asks for.
        named = [s for s in summaries if len(_WORD.findall(s.title)) > 1 and s.title != s.id]
        for s in sorted(named, key=lambda s: _hash(seed, kind, s.id)):
            yield _Candidate(s.position, s.title)
        return
    queues = {
        s.position: sorted(found, key=lambda pair: _hash(seed, kind, s.id, pair[0]))
        for s in summaries
        if (found := list(enumerate(library.passages_of(kind, s.position))))
    }
    turns = sorted(queues, key=lambda position: _hash(seed, kind, summaries[position].id))
    for again in range(_MOST_SENTENCES):
        for turn in range(max(map(len, queues.values()), default=0)):
            ids = [queues[position][turn][1] for position in turns if turn < len(queues[position])]
            for start in range(0, len(ids), 100):
                some = ids[start : start + 100]
                stored = library.generation.catalogue.passages(some)
                for passage_id in some:
                    sentences = _sentences(stored[passage_id], kind)
                    if again < len(sentences):
                        chosen = sorted(sentences, key=lambda sentence: _hash(seed, sentence))[again]
                        yield _Candidate(stored[passage_id].document, chosen)


def _sentences(passage: StoredPassage, kind: str) -> list[str]:
    """The sentences of a passage that can be asked, each on one line."""
    from sentencex import get_sentence_boundaries

    text = " ".join(passage.text.split())
    if kind == "caption":
        text = text[match.end() :] if (match := _LABEL.match(text)) else text
    elif passage.section:
        text = text.removeprefix(" ".join(passage.section.split())).strip()
    found = (text[b["start_index"] : b["end_index"]].strip() for b in get_sentence_boundaries("en", text))
    return [sentence for sentence in found if _askable(sentence, _LEAST_TERMS[kind])]


def _askable(sentence: str, least: int) -> bool:
    """Whether it is a whole sentence in words, neither cut off nor a row of figures."""
    whole = sentence[:1].isupper() and sentence[-1:] in ".?!"
    prose = sum(map(str.isalpha, sentence)) >= _LEAST_LETTERS * len(sentence)
    return (
        whole
        and prose
        and len(sentence.split()) <= _MOST_WORDS
        and len({place.term for place in _own_terms(sentence)}) >= least
    )


class _Library:
    """A generation, with what the draw asks of it."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self._documents = generation.catalogue.documents_of
        names, which = generation.catalogue.kinds_of
        self._kinds = names[which]
        self._first = np.searchsorted(self._documents, np.arange(len(generation.catalogue.summaries) + 1))
        self._frequencies: dict[str, int] = {}
        self._titles: dict[tuple[str, ...], int] = {}
        for summary in generation.catalogue.summaries:
            words = _words(summary.title)
            self._titles[words] = self._titles.get(words, 0) + 1

    def passages_of(self, kind: str, position: int) -> list[int]:
        """The passages of a document that questions of a kind are drawn from."""
        first, end = self._first[position], self._first[position + 1]
        found = (first + np.flatnonzero(self._kinds[first:end] == kind)).tolist()
        if kind == "body":
            low, high = _MIDDLE
            found = found[int(low * len(found)) : int(np.ceil(high * len(found)))]
        return found

    def in_others(self, kind: str, candidate: _Candidate) -> bool:
        """Whether another document says the very same; a title is said in many a bibliography, and only has to be its own."""
        words = _words(candidate.text)
        own = _words(self.generation.catalogue.summaries[candidate.document].title)
        if self._titles.get(words, 0) > (words == own):
            return True
        return kind != "title" and any(p.document != candidate.document for p in self._saying(candidate.text))

    def item(self, kind: str, candidate: _Candidate) -> KnownItem:
        """The question that a stretch makes."""
        identifier = self.generation.catalogue.summaries[candidate.document].id
        text = candidate.text
        pages: set[int] = set()
        if kind != "title":
            own = (p for p in self._saying(text) if p.document == candidate.document)
            pages = {p.page for p in own if p.page is not None}
        name = f"{kind} {identifier} {hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}"
        return KnownItem(name, kind, identifier, tuple(sorted(pages)), text, self._dropped(text, _LEAST_TERMS[kind]))

    def _dropped(self, text: str, least: int) -> str | None:
        """`text` without the half of its terms that the fewest documents have; None where it has too few."""
        places = _own_terms(text)
        different = dict.fromkeys(place.term for place in places)
        if len(different) < least:
            return None
        rarest = set(sorted(different, key=lambda term: (self._frequency(term), _hash(0, term)))[: len(different) // 2])
        letters = list(text)
        for place in places:
            if place.term in rarest:
                letters[place.start : place.end] = " " * (place.end - place.start)
        left = (word.lstrip("-–—/_") for word in "".join(letters).split())
        return " ".join(word for word in left if _WORD.search(word))

    def _frequency(self, term: str) -> int:
        """How many documents have a term."""
        if term not in self._frequencies:
            self._frequencies[term] = len(np.unique(self._documents[self._passages(term)]))
        return self._frequencies[term]

    def _passages(self, term: str) -> np.ndarray:
        return self.generation.words.postings(term)[0]

    def _saying(self, text: str) -> list[StoredPassage]:
        """The passages, of any kind, in which `text` stands word for word."""
        rarest, *others = sorted(
            {place.term for place in _own_terms(text)}, key=lambda term: len(self._passages(term))
        ) or [""]
        among = self._passages(rarest)
        for term in others:
            if len(among) <= _FEW:
                break
            held = self._passages(term)
            among = among[held[np.minimum(np.searchsorted(held, among), len(held) - 1)] == among]
        wanted = _words(text)
        found = self.generation.catalogue.passages(among.tolist())
        return [passage for passage in found.values() if _contains(_words(passage.text), wanted)]


def _own_terms(text: str) -> list[Term]:
    """The term of each word, compounds apart: what is measured must not change with what else a search makes of words."""
    found = ((match, terms(match.group())) for match in _WORD.finditer(text))
    return [Term(own[0], *match.span()) for match, own in found if own]


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))


def _contains(words: Sequence[str], wanted: Sequence[str]) -> bool:
    starts = (at for at, word in enumerate(words[: len(words) - len(wanted) + 1]) if word == wanted[0])
    return bool(wanted) and any(tuple(words[at : at + len(wanted)]) == tuple(wanted) for at in starts)


def _hash(*parts: object) -> bytes:
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "replace")).digest()
