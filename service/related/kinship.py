"""How near two documents are in the citation graph: one cites the other, they cite the same, or others cite both.

Shared references are bibliographic coupling (Kessler, "Bibliographic Coupling Between Scientific Papers" (1963)), each by
how few cite it, of works too that the library lacks. Being cited together is co-citation (Small, "Co-citation in the
Scientific Literature" (1973)), counted more the nearer the two are mentioned (Gipp and Beel, "Citation Proximity Analysis"
(2009)) and less for a document that cites much.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from indexer.library import Generation
from service import citations
from service.citations import Citation, Graph, Place
from service.citations.roles import Said, role_of
from service.derived import Once

_SAME_SENTENCE, _SAME_SECTION, _SAME_TEXT = 1.0, 0.5, 0.25
_FEW = 5  # references added to each list: that two short ones share their only entry says little


@dataclass(frozen=True)
class Shared:
    """A work that two documents cite. `position` is its document's, None where the library has none. `rarity` is how much
    sharing it tells."""

    title: str
    year: int | None
    position: int | None
    rarity: float


@dataclass(frozen=True)
class Together:
    """A document that cites two others, with where it mentions each, as near to each other as it does."""

    by: int
    nearness: float
    here: Place | None
    there: Place | None


def of(generation: Generation) -> Kinship:
    """The kinship of a generation's documents, made once."""
    return _made(generation)


class Kinship:
    """What kinship derives from the graph, once. Safe to use from several threads."""

    def __init__(self, generation: Generation) -> None:
        self._catalogue = generation.catalogue
        self.graph: Graph = citations.of(generation)
        self._count = len(generation.catalogue.summaries)
        # By position what it cites; works that are not held count on from there.
        self._lists: dict[int, set[int]] = defaultdict(set)
        for citation in self.graph.citations:
            self._lists[citation.citing].add(citation.cited)
        for number, wanted in enumerate(self.graph.wanted, self._count):
            for position, *_ in wanted.cited_by:
                self._lists[position].add(number)
        self._citing: dict[int, list[int]] = defaultdict(list)
        for position in sorted(self._lists):
            for work in self._lists[position]:
                self._citing[work].append(position)

    def direct(self, position: int) -> np.ndarray:
        """What citations between each document and the one at `position` weigh: float64 of shape (documents,)."""
        found = np.zeros(self._count)
        for citation in self.graph.cites(position):
            found[citation.cited] += citation.weight
        for citation in self.graph.cited_by(position):
            found[citation.citing] += citation.weight
        return found

    def coupling(self, position: int) -> np.ndarray:
        """How much each document's references are those of the one at `position`: float64 (documents,), from 0."""
        position = self.graph.same_as[position]
        own = self._lists.get(position, set())
        found: Counter[int] = Counter()
        for work in sorted(own):
            rarity = self._rarity(work)
            for other in self._citing[work]:
                found[other] += rarity  # type: ignore[assignment]
        values = np.zeros(self._count)
        for other, rarity in found.items():
            if other != position:
                values[other] = rarity / math.sqrt((len(own) + _FEW) * (len(self._lists[other]) + _FEW))
        return values

    def _rarity(self, work: int) -> float:
        return math.log(1 + len(self._lists) / len(self._citing[work]))

    def shared(self, one: int, other: int) -> list[Shared]:
        """The works that both cite, the rarest first."""
        both = self._lists.get(self.graph.same_as[one], set()) & self._lists.get(self.graph.same_as[other], set())
        summaries, wanted = self._catalogue.summaries, self.graph.wanted
        found = []
        for work in sorted(both, key=lambda w: (-self._rarity(w), w)):
            if work < self._count:
                s = summaries[work]
                found.append(Shared(s.title, s.year or self.graph.years.get(work), work, self._rarity(work)))
            elif title := wanted[work - self._count].title:
                found.append(Shared(title, wanted[work - self._count].year, None, self._rarity(work)))
        return found

    def cocitation(self, position: int) -> np.ndarray:
        """How much and how near to the one at `position` each document is cited by others: float64 (documents,), from 0."""
        found = np.zeros(self._count)
        own_position = self.graph.same_as[position]
        for own in self.graph.cited_by(position):
            cited = self.graph.cites(own.citing)
            share = 1 / math.log2(2 + len(cited))
            sentences, sections = _said_in(own)
            for other in cited:
                if other.cited != own_position:
                    found[other.cited] += share * _nearness(sentences, sections, other)
        return found

    def together(self, one: int, other: int) -> list[Together]:
        """The documents that cite both, those that mention them nearest to each other first."""
        theirs = {citation.citing: citation for citation in self.graph.cited_by(other)}
        found = []
        for own in self.graph.cited_by(one):
            if (its := theirs.get(own.citing)) is not None:
                found.append(Together(own.citing, _nearness(*_said_in(own), its), *_nearest_places(own, its)))
        return sorted(found, key=lambda t: (-t.nearness, len(self._lists[t.by]), t.by))

    def telling(self, citation: Citation) -> Place | None:
        """The mention that says most of the cited: one that shows the citation's role, with the fewest others beside it.

        One whose sentence no formula, float or page's end interrupts goes before.
        """
        if not citation.mentions:
            return None
        held = self._catalogue
        title = held.summaries[citation.citing].title
        texts = held.page_texts(sorted({(citation.citing, m.page_index) for m in citation.mentions}))
        pages = {index: page.text for (_, index), page in texts.items()}
        beside = Counter(
            sentence
            for other in self.graph.cites(citation.citing)
            for sentence in {(m.page_index, m.sentence) for m in other.mentions}
        )

        def worth(m: Place) -> tuple[bool, bool, int, bool]:
            page = pages.get(m.page_index, "")
            said = Said(m.sentence, page[m.start : m.end], m.section)
            shows = (
                citation.role == "mentions" or role_of([said], title, about=citation.basis == "digest") == citation.role
            )
            return not shows, not _is_whole(m, page), beside[m.page_index, m.sentence], m.sentence[-1:] != "."

        return min(citation.mentions, key=worth)


_made = Once(Kinship)


def _is_whole(place: Place, page: str) -> bool:
    return " ".join(place.sentence.split()) in _in_one_line(page)


@lru_cache(maxsize=64)  # for one answer, which comes back to a page: pages are long
def _in_one_line(page: str) -> str:
    return " ".join(page.split())


def verbatim(place: Place, page: str) -> str:
    """The sentence of a mention as far as it stands on its page in one piece, on one line.

    A sentence may run around a formula or a float, or from one page to the next: then it is the longest run of its words
    with the mark in it, or without where the mark itself is parted.
    """
    words, text = place.sentence.split(), _in_one_line(page)
    if (whole := " ".join(words)) in text:
        return whole
    mark = " ".join(page[place.start : place.end].split())
    best, most, end = mark, 0, 0
    for begin in range(len(words)):  # the run from the next word ends where this one does, or later
        end = max(begin, end)
        while end < len(words) and " ".join(words[begin : end + 1]) in text:
            end += 1
        run = " ".join(words[begin:end])
        if end - begin > most and mark in run:
            best, most = run, end - begin
    return best


def _said_in(citation: Citation) -> tuple[set[tuple[int, str]], set[str | None]]:
    return {(m.page_index, m.sentence) for m in citation.mentions}, {m.section for m in citation.mentions}


def _nearness(sentences: set[tuple[int, str]], sections: set[str | None], other: Citation) -> float:
    if any((m.page_index, m.sentence) in sentences for m in other.mentions):
        return _SAME_SENTENCE
    return _SAME_SECTION if any(m.section in sections for m in other.mentions) else _SAME_TEXT


def _nearest_places(own: Citation, other: Citation) -> tuple[Place | None, Place | None]:
    pairs = [(a, b) for a in own.mentions for b in other.mentions]
    if not pairs:
        return (own.mentions or (None,))[0], (other.mentions or (None,))[0]
    return min(pairs, key=lambda p: (
        (p[0].page_index, p[0].sentence) != (p[1].page_index, p[1].sentence), p[0].section != p[1].section,
        abs(p[0].page_index - p[1].page_index), abs(p[0].start - p[1].start),
    ))  # fmt: skip
