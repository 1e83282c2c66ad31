"""Why one paper is related to another, in words and in data. What is quoted is the stored pages' own text."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from indexer.document import EMBEDDED
from indexer.library import Generation, StoredPassage, Summary
from indexer.names import words_of
from indexer.terms import terms
from service import deadline, evidence
from service.citations import Basis, Citation, Place
from service.citations.roles import Role
from service.links import page_link
from service.related import kinship, likeness
from service.related.facets import Facet

if TYPE_CHECKING:
    from service.related.statements import Statement, Statements

_PAIRS = 4  # of passages, of which the first that reads as prose is shown
_PROSE = 0.75  # letters among what is no space: a formula has fewer
_SHORT = 10  # terms: a shorter sentence gains nothing by it
_LONG, _OFTEN = 20, 3  # a text of more passages has a word so often for it to be one of its own
_LEAST_NEAR = 0.3  # cosine in the library's space: below, two passages are near to say nothing alike
_LIST = 5  # references, terms and documents named in one reason
_CONSIDERED = 60  # terms that add most to the likeness, of which those to show are taken
_LEAST_LETTERS = 3
_OTHERS = re.compile(r"\b(?:references|bibliography|builds on|see also|acknowledg\w+|contributions)\b", re.IGNORECASE)
"""Headings over passages that say nothing of a paper's own."""

_NAMES = {"background": "problem", "method": "method", "result": "findings"}


@dataclass(frozen=True)
class Quoted:
    """A sentence as its document's page has it; `page` is the printed number.

    From character `start` to `end` of that page stands the sentence, or of one that mentions a paper, the mark.
    """

    id: str
    text: str
    page: int | None
    section: str | None
    start: int
    end: int
    link: str


@dataclass(frozen=True)
class Cites:
    """`cites`: the paper asked about cites this one; `cited-by`: this one cites it.

    `sentence` is one that does, as far as it stands on its page in one piece, on one line; null where it is only listed.
    `basis` says what prints it: a bibliography, a record, a text that names it, or a digest, which is none of the paper's.
    """

    kind: Literal["cites", "cited-by"]
    paper: str
    why: str
    role: Role
    count: int
    basis: Basis
    sentence: str | None
    page: int | None
    section: str | None
    link: str


@dataclass(frozen=True)
class SharedReference:
    """A work that both cite; `id` is its document's, null where the library has none."""

    title: str
    year: int | None
    id: str | None


@dataclass(frozen=True)
class SharedReferences:
    """Both cite the same works: `count` of them, the rarest named."""

    kind: Literal["references"]
    paper: str
    why: str
    count: int
    references: tuple[SharedReference, ...]


@dataclass(frozen=True)
class CitedBy:
    """A paper that cites both, and where: one sentence (`there` is null then), or one for each."""

    id: str
    title: str
    here: Quoted | None
    there: Quoted | None


@dataclass(frozen=True)
class CitedTogether:
    """Others cite both: `count` of them, those named first that mention them nearest to each other."""

    kind: Literal["cited-together"]
    paper: str
    why: str
    count: int
    by: tuple[CitedBy, ...]


@dataclass(frozen=True)
class NearPassages:
    """A passage of the paper asked about and the nearest of this one: of each the sentence that shares most with the other.

    `nearness` is the cosine in the library's space. With a facet they are statements of it.
    """

    kind: Literal["passages"]
    paper: str
    why: str
    facet: Facet | None
    nearness: float
    here: Quoted
    there: Quoted


@dataclass(frozen=True)
class SharedTerms:
    """Words that both print, in this spelling, and few others of the library have."""

    kind: Literal["terms"]
    paper: str
    why: str
    terms: tuple[str, ...]


Reason = Cites | SharedReferences | CitedTogether | NearPassages | SharedTerms


def _is_prose(text: str) -> bool:
    solid = [c for c in text if not c.isspace()]
    return sum(map(str.isalpha, solid)) >= _PROSE * len(solid)


class Teller:
    """Tells reasons of one answer."""

    def __init__(
        self, generation: Generation, statements: Statements | None = None, facet: Facet | None = None
    ) -> None:
        self._held, self._summaries = generation.catalogue, generation.catalogue.summaries
        self._texts, self._kin = likeness.of(generation), kinship.of(generation)
        self._statements, self._facet = statements, facet
        self._pages: dict[tuple[int, int], str] = {}
        self._forms: dict[int, dict[str, Counter[str]]] = {}
        self._surnames: dict[int, frozenset[str]] = {}

    def reasons(self, asked: Sequence[int], found: Sequence[int]) -> dict[int, tuple[Reason, ...]]:
        """The reasons of each document `found`, by position: what it has to do with each that was asked about."""
        weights = self._statements.of_passages(self._facet) if self._statements and self._facet else None
        pairs = {(one, other): self._texts.pairs(one, other, _PAIRS, weights) for other in found for one in asked}
        wanted = sorted({p for some in pairs.values() for pair in some for p in (pair.here, pair.there)})
        stored = self._held.passages(wanted)
        shared = {(one, other): self._rare(one, other) for other in found for one in asked}
        self._read_forms(shared)
        told = {}
        for other in found:
            deadline.check()
            each: list[tuple[int, Reason]] = []
            for one in asked:
                each += self._told(one, other, pairs.get((one, other), ()), stored, shared[one, other])
            told[other] = tuple(reason for _, reason in sorted(each, key=lambda pair: pair[0]))
        return told

    def _told(
        self, one: int, other: int, pairs: Sequence[likeness.Pair], stored: Mapping[int, StoredPassage],
        shared: Sequence[str],
    ) -> list[tuple[int, Reason]]:  # fmt: skip
        found: list[tuple[int, Reason | None]] = []
        statement = self._statement(one, other, self._facet) if self._facet is not None else None
        found.append((0, statement))
        found += [(1, self._citation(c, "cites")) for c in self._kin.graph.cites(one) if self._is(c.cited, other)]
        found += [
            (2, self._citation(c, "cited-by")) for c in self._kin.graph.cited_by(one) if self._is(c.citing, other)
        ]
        found += [(3, self._together(one, other)), (4, self._references(one, other))]
        if statement is None:
            found.append((5, self._passages(one, pairs, stored)))
        found.append((6, self._terms(one, other, shared)))
        if not any(reason for _, reason in found):
            found.append((7, self._passages(one, pairs, stored, little=True)))
        return [(rank, reason) for rank, reason in found if reason is not None]

    def _is(self, position: int, other: int) -> bool:
        same = self._kin.graph.same_as
        return same[position] == same[other]

    # ------------------------------------------------------------------ the graph

    def _citation(self, citation: Citation, kind: Literal["cites", "cited-by"]) -> Cites:
        citing, cited = self._summaries[citation.citing], self._summaries[citation.cited]
        asked = citing if kind == "cites" else cited
        place = self._kin.telling(citation)
        times = {1: "", 2: " twice"}.get(citation.count, f" {citation.count} times")
        role = "" if citation.role == "mentions" else f" and {citation.role} it"
        who = f"{citing.id} cites it" if kind == "cites" else f"it cites {cited.id}"
        role = role if kind == "cites" else role.replace(" it", f" {cited.id}")
        basis = {"digest": ", as our digest says", "record": ", as its record says"}.get(citation.basis, "")
        return Cites(
            kind, asked.id, f"{who}{times}{role}{basis}", citation.role, citation.count, citation.basis,
            self._said(citation.citing, place), place.page if place else None, place.section if place else None,
            page_link(citing, place.page) if place else citing.link,
        )  # fmt: skip

    def _references(self, one: int, other: int) -> SharedReferences | None:
        shared = self._kin.shared(one, other)
        if not shared:
            return None
        named = tuple(
            SharedReference(s.title, s.year, None if s.position is None else self._summaries[s.position].id)
            for s in shared[:_LIST]
        )
        works = "the same work" if len(shared) == 1 else f"{len(shared)} works"
        why = f"{self._summaries[one].id} and it both cite {works}: {'; '.join(n.title for n in named[:2])}"
        return SharedReferences("references", self._summaries[one].id, why, len(shared), named)

    def _together(self, one: int, other: int) -> CitedTogether | None:
        found = self._kin.together(one, other)
        if not found:
            return None
        named = []
        for together in found[:_LIST]:
            citing = self._summaries[together.by]
            here, there = self._quoted_place(citing, together.here), self._quoted_place(citing, together.there)
            same = here is not None and there is not None and (here.text, here.page) == (there.text, there.page)
            named.append(CitedBy(citing.id, citing.title, here, None if same else there))
        in_one = any(by.here is not None and by.there is None for by in named[:1])
        told = "in one sentence" if in_one else ""
        if len(found) == 1:
            who = f"{named[0].id} cites"
        else:
            who, told = f"{len(found)} papers cite", f", {named[0].id} {told}".rstrip()
        why = f"{who} both it and {self._summaries[one].id}{told if told[:1] == ',' else f' {told}'}".rstrip()
        return CitedTogether("cited-together", self._summaries[one].id, why, len(found), tuple(named))

    def _said(self, citing: int, place: Place | None) -> str | None:
        """The sentence of a mention as its page has it."""
        if place is None:
            return None
        if (text := self._pages.get((citing, place.page_index))) is None:
            pages = self._held.page_texts([(citing, place.page_index)])
            text = self._pages[citing, place.page_index] = "".join(page.text for page in pages.values())
        return kinship.verbatim(place, text) or None

    def _quoted_place(self, citing: Summary, place: Place | None) -> Quoted | None:
        if place is None:
            return None
        link = page_link(citing, place.page)
        return Quoted(
            citing.id, self._said(citing.position, place) or "", place.page, place.section, place.start, place.end, link
        )

    # ------------------------------------------------------------------ the texts

    def _statement(self, one: int, other: int, facet: Facet) -> NearPassages | None:
        assert self._statements is not None
        pair = self._statements.nearest(one, other, facet)
        if pair is None or pair[2] < _LEAST_NEAR:
            return None
        here, there = self._quoted_statement(pair[0]), self._quoted_statement(pair[1])
        return NearPassages(
            "passages", self._summaries[one].id, f"states a {_NAMES[facet]} like that of {self._summaries[one].id}"
            if facet != "result" else f"states findings like those of {self._summaries[one].id}",
            facet, round(pair[2], 2), here, there,
        )  # fmt: skip

    def _quoted_statement(self, statement: Statement) -> Quoted:
        summary = self._summaries[statement.document]
        return Quoted(
            summary.id, statement.text, statement.page, statement.section, statement.start, statement.end,
            page_link(summary, statement.page),
        )  # fmt: skip

    def _passages(
        self, one: int, pairs: Sequence[likeness.Pair], stored: Mapping[int, StoredPassage], little: bool = False
    ) -> NearPassages | None:
        """The nearest pair that is prose; where none is, the nearest. `little` says that it is all they share."""
        first: NearPassages | None = None
        for pair in pairs:
            if (pair.cosine < _LEAST_NEAR and not little) or pair.here not in stored or pair.there not in stored:
                continue
            here, there = stored[pair.here], stored[pair.there]
            if any(p.section and _OTHERS.search(p.section) for p in (here, there)):
                continue
            quoted = self._most_alike(here, there)
            mine, its = (self._named(self._summaries[p.document], p.page) for p in (here, there))
            why = f"{its} is near in meaning to {mine} of {self._summaries[one].id}"
            if little:
                why = f"they share little; nearest come {its} and {mine} of {self._summaries[one].id}"
            reason = NearPassages("passages", self._summaries[one].id, why, None, round(pair.cosine, 2), *quoted)
            if all(_is_prose(q.text) for q in quoted):
                return reason
            first = first or reason
        return first

    @staticmethod
    def _named(summary: Summary, page: int | None) -> str:
        kinds = {"digest": "our digest", "record": "the abstract", "title": "the title"}
        return f"p. {page}" if page else kinds.get(summary.text, "a passage")

    def _most_alike(self, here: StoredPassage, there: StoredPassage) -> tuple[Quoted, Quoted]:
        """Of two passages the sentences that share most of their words, each word by its weight; the first of equals."""
        mine, theirs = (
            [(span, set(terms(p.text[slice(*span)]))) for span in evidence.sentences(p.text)] for p in (here, there)
        )
        weights = {t: self._texts.weight(t) for _, own in mine for t in own}
        best, most = (mine[0][0], theirs[0][0]), -1.0
        for one, own in mine:
            for other, its in theirs:
                length = math.sqrt(max(len(own), _SHORT) * max(len(its), _SHORT))
                worth = sum(weights[t] for t in sorted(own & its)) / length
                if worth > most:
                    best, most = (one, other), worth
        return self._quoted(here, best[0]), self._quoted(there, best[1])

    def _quoted(self, passage: StoredPassage, span: tuple[int, int]) -> Quoted:
        summary = self._summaries[passage.document]
        return Quoted(
            summary.id, passage.text[slice(*span)], passage.page, passage.section, passage.start + span[0],
            passage.start + span[1], page_link(summary, passage.page, passage.anchor),
        )  # fmt: skip

    def _rare(self, one: int, other: int) -> list[str]:
        """The terms that two documents share and few others have, those that say most first; no names of people cited."""
        deadline.check()
        few = max(3, len(self._summaries) // 4)
        names = self._people(one) | self._people(other)
        return [
            term
            for term, _ in self._texts.shared(one, other, _CONSIDERED)
            if self._texts.documents_with[self._texts.number[term]] <= few
            and term.isalpha() and len(term) >= _LEAST_LETTERS and term not in names
        ]  # fmt: skip

    def _people(self, position: int) -> frozenset[str]:
        if (held := self._surnames.get(position)) is None:
            names = [
                *self._summaries[position].authors,
                *(n for r in self._held.references(position) for n in r.authors),
            ]
            parts = {part for name in names for part in words_of(name)}
            held = self._surnames[position] = frozenset(term for part in parts for term in terms(part))
        return held

    def _read_forms(self, shared: Mapping[tuple[int, int], Sequence[str]]) -> None:
        """Reads how each document prints the terms that it shares with another."""
        wanted: dict[int, set[str]] = defaultdict(set)
        for pair, some in shared.items():
            for position in pair:
                wanted[position].update(some)
        names, kinds = self._held.kinds_of
        owner = self._held.documents_of
        prose = [name in EMBEDDED for name in names]
        for position, own in wanted.items():
            deadline.check()
            first, last = owner.searchsorted([position, position + 1]).tolist()
            texts = self._held.texts([p for p in range(first, last) if prose[kinds[p]]])
            forms: dict[str, Counter[str]] = defaultdict(Counter)
            weights = dict.fromkeys(sorted(own), 1.0)
            for text in (self._summaries[position].title, *texts.values()):
                for start, end in evidence.marked(text, weights):
                    form = text[start:end]
                    for term in dict.fromkeys(terms(form)):
                        if term in weights:
                            forms[term][form] += 1
            self._forms[position] = forms

    def _terms(self, one: int, other: int, shared: Sequence[str]) -> SharedTerms | None:
        chosen: list[str] = []
        for term in shared:
            mine, theirs = self._forms[one].get(term, Counter()), self._forms[other].get(term, Counter())
            often = [_OFTEN if self._held.counts_of[p] > _LONG else 1 for p in (one, other)]
            if mine.total() < often[0] or theirs.total() < often[1]:
                continue
            both = {form: min(count, mine[form]) for form, count in theirs.items() if form in mine}
            if not both:
                continue
            form = min(both, key=lambda f: (-both[f], f))
            if not any(form.casefold() in held.casefold() or held.casefold() in form.casefold() for held in chosen):
                chosen.append(form)
            if len(chosen) == _LIST:
                break
        if not chosen:
            return None
        return SharedTerms("terms", self._summaries[one].id, f"both print {', '.join(chosen)}", tuple(chosen))
