"""The citation graph of a library: who cites whom, how often, where, and what for; from what its documents print.

An edge goes from the citing document to the cited one. What a paper's bibliography lists is matched to the documents
(`service/citations/shelf.py`), with the places where its text mentions it. What has no bibliography, a web post or one of our
digests, cites what it links, and what it names (`service/citations/naming.py`).
"""

from __future__ import annotations

import math
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from indexer.document import Reference, Section, TextMention
from indexer.folding import letters
from indexer.library import Generation, Summary
from indexer.library.catalogue import Catalogue
from service import paper_vectors
from service.citations.naming import Saying, outside, sayings
from service.citations.roles import Role, Said, part_of, role_of
from service.citations.shelf import Meant, Shelf, bare, works
from service.derived import Once, without_collector

Basis = Literal["bibliography", "record", "digest", "text"]
"""What says that one cites the other: the paper's own bibliography, a record's `references`, the words of our digest, or
a text without bibliography that links or names it."""

_SECTION = {"own": 1.0, "other": 0.9, "front": 0.8, "related": 0.5}
_LISTED = 0.75  # what a work counts that is listed and nowhere mentioned: hardly less than one mention
_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class Place:
    """One place where a document mentions another: the mark is `pages[page_index].text[start:end]`.

    `sentence` is the sentence around it on one line, `page` the printed number (None: not numbered), `section` the
    heading that it stands under.
    """

    sentence: str
    page: int | None
    section: str | None
    start: int
    end: int
    page_index: int


@dataclass(frozen=True)
class Citation:
    """That the document at position `citing` cites the one at `cited`.

    `count` is how often the text mentions it, 1 where it is only listed. `how` says what the two were matched by.
    `weight` grows with what speaks for it: see `_weights`.
    """

    citing: int
    cited: int
    count: int
    role: Role
    mentions: tuple[Place, ...]
    basis: Basis
    how: str
    weight: float


@dataclass(frozen=True)
class Wanted:
    """A work that documents cite and the library lacks. `cited_by`: position of who cites it, how often, and what for."""

    title: str
    authors: tuple[str, ...]
    year: int | None
    arxiv_id: str | None
    doi: str | None
    cited_by: tuple[tuple[int, int, Role], ...]


@dataclass(frozen=True)
class _Listed:
    """What the bibliographies list. `found` has by citing and cited position each reference that means the cited one: whose
    list it is on, where the text mentions it, and how it was matched; `lacking` those that no document is, and whose.

    `listing` says by position who has a list at all.
    """

    found: Mapping[tuple[int, int], Sequence[tuple[int, tuple[TextMention, ...], str]]]
    lacking: Sequence[tuple[int, Reference]]
    years: Mapping[int, int]
    listing: Sequence[bool]


class Graph:
    """Who cites whom in a generation. `citations` are in the order of citing and cited positions, one for each pair.

    `same_as` has by position the position under which a document stands in the graph: its own, or that of another
    version of it that the library holds too. `years` has the year under which others cite a document that tells none.
    """

    def __init__(self, generation: Generation) -> None:
        self._catalogue = generation.catalogue  # not the generation: the graph is kept as long as that is
        shelf = Shelf(generation)
        self.same_as: tuple[int, ...] = tuple(shelf.same_as)
        listed = _listed(generation, shelf)
        self._lacking = [*listed.lacking, *outside(generation, shelf, listed.listing)]
        self._wanted: tuple[Wanted, ...] | None = None
        self._merging = threading.Lock()
        self.years: Mapping[int, int] = listed.years
        self.citations: tuple[Citation, ...] = tuple(self._citations(generation, listed, shelf))
        self._cites: dict[int, list[Citation]] = defaultdict(list)
        self._cited_by: dict[int, list[Citation]] = defaultdict(list)
        for citation in self.citations:
            self._cites[citation.citing].append(citation)
            self._cited_by[citation.cited].append(citation)

    def cites(self, position: int) -> tuple[Citation, ...]:
        """What the document at `position` cites."""
        return tuple(self._cites.get(self.same_as[position], ()))

    def cited_by(self, position: int) -> tuple[Citation, ...]:
        """What cites the document at `position`."""
        return tuple(self._cited_by.get(self.same_as[position], ()))

    @cached_property
    def cycles(self) -> tuple[tuple[int, ...], ...]:
        """The groups of documents that lead to each other by citations (strongly connected components of two and more).

        Each in the order of positions; the groups by their first.
        """
        return cycles_of(self.citations, len(self.same_as))

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process: all but the catalogue, which only `wanted` needs, and once."""
        return vars(self) | {"_wanted": self.wanted, "_catalogue": None, "_merging": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state | {"_merging": threading.Lock()})

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """The works that are cited and not held, the most cited first; made once."""
        with self._merging:
            if self._wanted is None:
                reader = _Reader(self._catalogue)
                self._wanted = _wanted(self._lacking, self.same_as, reader, self._catalogue.summaries)
                self._lacking.clear()  # with all their sentences they are most of what a graph weighs
            return self._wanted

    def _citations(self, generation: Generation, listed: _Listed, shelf: Shelf) -> list[Citation]:
        summaries, reader = self._catalogue.summaries, _Reader(self._catalogue)
        parts: dict[tuple[int, int], tuple[tuple[Place, ...], Role, Basis, str]] = {}
        for (citing, cited), each in sorted(listed.found.items()):
            position, _, how = each[0]
            places = reader.places(position, [mentions for _, mentions, _ in each])
            record = summaries[position].text in ("record", "title")
            basis: Basis = "record" if record else "bibliography" if listed.listing[position] else "text"
            parts[citing, cited] = places, reader.role(position, places), basis, how
        for pair, said in _said(generation, shelf, listed.listing).items():
            if pair not in parts:
                position, places = said[0].citing, reader.places_of(said)
                digest = summaries[position].text == "digest"
                role = reader.role(position, places, about=digest)
                parts[pair] = places, role, "digest" if digest else "text", said[0].how
        weights = _weights(generation, parts)
        return [
            Citation(citing, cited, max(1, len(places)), role, places, basis, how, weights[citing, cited])
            for (citing, cited), (places, role, basis, how) in sorted(parts.items())
        ]


class _Reader:
    """Reads where documents mention others. It keeps one document's pages: for one thread, and one document after another."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._position = -1
        self._numbers: list[int | None] = []
        self._sections: list[Section] = []
        self._pages: dict[int, str] = {}

    def places(self, position: int, each: Sequence[tuple[TextMention, ...]]) -> tuple[Place, ...]:
        """The places of the mentions of some references of one document, each place once, in order."""
        if not any(each):
            return ()
        self._turn_to(position)
        mentions = {(m.page, m.start, m.end): m for some in each for m in some}
        headings = [section.heading for section in self._sections]
        return tuple(
            Place(
                m.sentence, self._numbers[m.page] if m.page < len(self._numbers) else None,
                headings[m.section] if m.section is not None and m.section < len(headings) else None,
                m.start, m.end, m.page,
            )
            for _, m in sorted(mentions.items())
        )  # fmt: skip

    def places_of(self, said: Sequence[Saying]) -> tuple[Place, ...]:
        """The places of what one text without a bibliography says of a document."""
        self._turn_to(said[0].citing)
        found = []
        for one in said:
            before = [s.heading for s in self._sections if (s.page, s.start) <= (one.page, one.start)]
            found.append(Place(
                one.sentence, self._numbers[one.page], before[-1] if before else None, one.start, one.end, one.page
            ))  # fmt: skip
        return tuple(found)

    def role(self, position: int, places: Sequence[Place], *, about: bool = False) -> Role:
        """The role of a citation by the document at `position` that stands in these places."""
        if not places:
            return "mentions"
        self._turn_to(position)
        said = [Said(p.sentence, self._page(p.page_index)[p.start : p.end], p.section) for p in places]
        return role_of(said, self._catalogue.summaries[position].title, about=about)

    def _turn_to(self, position: int) -> None:
        if position != self._position:
            self._position, self._pages = position, {}
            self._numbers = self._catalogue.page_numbers(position)
            self._sections = self._catalogue.sections(position)

    def _page(self, index: int) -> str:
        if index not in self._pages:
            found = self._catalogue.page_texts([(self._position, index)])
            self._pages[index] = found[self._position, index].text if found else ""
        return self._pages[index]


def of(generation: Generation) -> Graph:
    """The citation graph of a generation, made once."""
    return _made(generation)


def _of(generation: Generation) -> Graph:
    with without_collector():
        return Graph(generation)


_made = Once(_of, given="citations")


def cycles_of(some: Sequence[Citation], count: int) -> tuple[tuple[int, ...], ...]:
    """The groups of documents, of `count`, that lead to each other by some citations; see `Graph.cycles`."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = np.array([(c.citing, c.cited) for c in some], np.int64).reshape(-1, 2)
    matrix = coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), (count, count))
    groups = connected_components(matrix, connection="strong")[1]
    held: dict[int, list[int]] = defaultdict(list)
    for position in np.unique(pairs).tolist():
        held[int(groups[position])].append(position)
    return tuple(sorted(tuple(group) for group in held.values() if len(group) > 1))


def _listed(generation: Generation, shelf: Shelf) -> _Listed:
    summaries = generation.catalogue.summaries
    parts, undated = [s.part_of for s in summaries], [s.year is None for s in summaries]
    found: dict[tuple[int, int], list[tuple[int, tuple[TextMention, ...], str]]] = {}
    years: dict[int, Counter[int]] = defaultdict(Counter)

    def keep(position: int, reference: Reference, meant: Meant) -> None:
        citing, cited = shelf.same_as[position], meant.position
        if citing == cited or (parts[position] and parts[position] == parts[cited]):
            return
        if undated[cited] and reference.year is not None:
            years[cited][reference.year] += 1
        found.setdefault((citing, cited), []).append((position, reference.mentions, meant.how))

    unnamed: list[tuple[int, Reference]] = []
    taught: list[tuple[Reference, Meant]] = []
    listing = [False] * len(summaries)
    for s in summaries:
        record = s.text in ("record", "title")
        references = generation.catalogue.references(s.position)
        # A web page's links are no bibliography: their text is their address.
        listing[s.position] = any(r.title or not r.raw.startswith(("http://", "https://")) for r in references)
        for reference in references:
            if meant := shelf.by_id(reference, record=record):
                keep(s.position, reference, meant)
                if reference.title and meant.how != "id":
                    taught.append((reference, meant))
            else:
                unnamed.append((s.position, reference))
    shelf.learn(taught)
    lacking = []
    for position, reference in unnamed:
        if meant := shelf.by_title(reference):
            keep(position, reference, meant)
        else:
            lacking.append((position, reference))
    for (citing, _), each in found.items():
        if len(each) > 1:  # of two versions of a paper that both list it, one is heard
            lead = min((position for position, _, _ in each), key=lambda p: (p != citing, summaries[p].id))
            each[:] = [one for one in each if one[0] == lead]
    told = {
        position: min(counted, key=lambda year: (-counted[year], year)) for position, counted in sorted(years.items())
    }
    return _Listed(found, lacking, told, listing)


def _said(generation: Generation, shelf: Shelf, listing: Sequence[bool]) -> dict[tuple[int, int], list[Saying]]:
    """What texts without a bibliography say, by citing and cited position; all by one document of a work."""
    found: dict[tuple[int, int], list[Saying]] = defaultdict(list)
    for one in sayings(generation, shelf, listing):
        group = found[shelf.same_as[one.citing], one.cited]
        if not group or group[0].citing == one.citing:
            group.append(one)
    return found


def _weights(generation: Generation, parts: Mapping[tuple[int, int], tuple]) -> dict[tuple[int, int], float]:
    """How much speaks for each citation: log(1 + mentions) x (1/2 + cosine of the two documents).

    A mention counts by its section, one of the paper's own work for twice one in a survey of others'. That the number of
    mentions tells most about a citation's influence, and their sections more: Zhu et al., "Measuring academic influence"
    (2015); Valenzuela et al., "Identifying Meaningful Citations" (2015).
    """
    if not parts:
        return {}
    vectors = paper_vectors.of(generation).raw
    pairs = np.array(list(parts))
    cosines = np.empty(len(pairs))
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start : start + _AT_ONCE]
        cosines[start : start + _AT_ONCE] = np.einsum("ij,ij->i", vectors[some[:, 0]], vectors[some[:, 1]])
    found = {}
    for (pair, (places, *_)), cosine in zip(parts.items(), cosines.tolist(), strict=True):
        mentions = sum(_SECTION[part_of(place.section)] for place in places) if places else _LISTED
        found[pair] = math.log1p(mentions) * (0.5 + max(cosine, 0.0))
    return found


def _wanted(
    lacking: Sequence[tuple[int, Reference]], same_as: Sequence[int], reader: _Reader, summaries: Sequence[Summary]
) -> tuple[Wanted, ...]:
    groups: dict[int, list[tuple[int, Reference]]] = defaultdict(list)
    for (position, reference), work in zip(lacking, works([r for _, r in lacking]), strict=True):
        if work >= 0:
            groups[work].append((position, reference))
    made = []
    for group in groups.values():
        by: dict[int, list[tuple[int, Reference]]] = defaultdict(list)
        for position, reference in group:
            by[same_as[position]].append((position, reference))
        cited_by = []
        for citing, listed in sorted(by.items()):
            lead = min((p for p, _ in listed), key=lambda p: (p != citing, summaries[p].id))
            found = reader.places(lead, [reference.mentions for p, reference in listed if p == lead])
            about = summaries[lead].text == "digest"
            cited_by.append((citing, max(1, len(found)), reader.role(lead, found, about=about)))
        each = [reference for _, reference in group]
        made.append(Wanted(
            title=_title([r.title for r in each if r.title]) or _commonest(r.raw for r in each),
            authors=max((r.authors for r in each), key=lambda authors: (len(authors), authors)),
            year=_commonest(r.year for r in each), arxiv_id=_commonest(bare(r.arxiv_id) for r in each if r.arxiv_id),
            doi=_commonest(r.doi for r in each), cited_by=tuple(cited_by),
        ))  # fmt: skip
    return tuple(
        sorted(made, key=lambda w: (-len(w.cited_by), -sum(n for _, n, _ in w.cited_by), w.title, w.year or 0))
    )


def _title(printed: Sequence[str]) -> str:
    """The title that is printed most, in the spelling with the most capitals: some bibliographies have none."""
    if not printed:
        return ""
    key = _commonest(letters(title) for title in printed)
    same = [title for title in printed if letters(title) == key]
    return min(same, key=lambda title: (title.isupper(), -sum(c.isupper() for c in title), title))


def _commonest(values: Iterable[Any]) -> Any:
    """The value that occurs most, of several the least; None where there is none but None."""
    counted = Counter(value for value in values if value is not None and value != "")
    return min(counted, key=lambda value: (-counted[value], value)) if counted else None
