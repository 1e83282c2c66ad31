"""Which document of the library a reference means: by id, by DOI, by title, by an earlier title, by the name it is known by.

A reference is printed by people: an id is mistyped now and then, a title is shortened, taken from an earlier version,
or runs on into the venue. So an id counts unless title and authors both speak against it, and the further a title is
from the document's, the more the authors have to agree (as record linkage has it: Fellegi and Sunter, "A Theory for
Record Linkage" (1969): agreements of several fields add up).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from indexer import links
from indexer.document import Reference
from indexer.folding import letters, words
from indexer.library import Generation, Summary
from indexer.names import people

# Two titles are the same from .90 on: TensorFlow's white paper is mostly cited with a word left out, .912; the nearest
# titles of two papers that were met are .88 alike. The same authors lower it for nobody: their next paper is alike.
_SAME = 90.0
_CONTRADICTS = 50.0  # an id that leads to a title less alike than this, by other authors, is a misprint
_LONG = 25  # letters; a shorter title may stand inside another one
_TELLING = 3  # words; a shorter title does not tell a paper by itself
_FEW_YEARS = 3  # from a preprint to its journal
_MOST_ALIKE = 200  # titles that share a word: a commoner word is not looked at
_RAREST = 4  # words of a reference's title by which documents are looked for
_TO_SPACE = re.compile(r"-\s+")
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>]+[^\s\"<>.,;)\]]")


@dataclass(frozen=True)
class Meant:
    """The document that a reference means, by position, and how that is known."""

    position: int
    how: str


class Shelf:
    """The documents of a generation, to be found by what a reference prints.

    `same_as` has by position the position of the document that stands for it: its own, or, where the library holds a
    preprint and its journal version as two, that of the better text.
    """

    def __init__(self, generation: Generation) -> None:
        self._summaries = generation.catalogue.summaries
        self._people = [people(s.authors) for s in self._summaries]
        printed = _printed_dois(generation)
        self._keys = [(*_keys(s), *printed.get(s.position, ())) for s in self._summaries]
        self.same_as = self._versions()
        self._by_key: dict[str, int] = {}
        self._by_id: dict[str, int] = {}
        for s in self._summaries:
            self._by_id[s.id] = s.position
            for key in self._keys[s.position]:
                self._by_key.setdefault(key, s.position)
        self._titles: dict[str, list[int]] = defaultdict(list)
        for s in self._summaries:
            for title in _titles(s):
                if (key := letters(title)) and s.position not in self._titles[key]:
                    self._titles[key].append(s.position)
        self._names: dict[str, list[int]] = defaultdict(list)
        for s in self._summaries:
            if name := head(_own(s)):
                self._names[letters(name)].append(s.position)
        self._aliases: dict[str, int] = {}
        self._words: dict[str, list[int]] = defaultdict(list)
        for s in self._summaries:
            for word in dict.fromkeys(word for title in _titles(s) for word in words(title)):
                self._words[word].append(s.position)
        self._letters = [tuple(key for title in _titles(s) if (key := letters(title))) for s in self._summaries]
        self._held: dict[tuple, Meant | None] = {}

    def meant(self, reference: Reference, *, record: bool = False) -> Meant | None:
        """The document that a reference means, or None. `record` says that a record lists it: it may name a record's id."""
        return self.by_id(reference, record=record) or self.by_title(reference)

    def by_id(self, reference: Reference, *, record: bool = False) -> Meant | None:
        """The document whose id, arXiv id (whatever its version) or DOI a reference names, or None."""
        if record and reference.label and (position := self._by_id.get(reference.label)) is not None:
            return Meant(self.same_as[position], "id")
        for key, how in _ids(reference):
            position = self._by_key.get(key)
            if position is not None and not self._contradicts(reference, position):
                return Meant(self.same_as[position], how)
        return None

    def at(self, address: str) -> int | None:
        """The position of the document with this address (`arxiv:…`, `doi:…` or a normal URL), or None."""
        position = self._by_key.get(address)
        return None if position is None else self.same_as[position]

    def learn(self, references: Iterable[tuple[Reference, Meant]]) -> None:
        """Learns titles under which documents are cited too, from references that name their ids."""
        seen: dict[str, Counter[int]] = defaultdict(Counter)
        for reference, meant in references:
            key = letters(reference.title)
            if meant.how in ("arXiv id", "DOI") and len(words(reference.title)) >= _TELLING and key not in self._titles:
                if self._agree(reference, meant.position) is not False:
                    seen[key][meant.position] += 1
        for key, positions in seen.items():
            if len(positions) == 1:
                self._aliases[key] = next(iter(positions))

    def by_title(self, reference: Reference) -> Meant | None:
        """The document whose title a reference prints, or one of its earlier or shorter titles; or None."""
        key = (reference.title, reference.raw, reference.authors, reference.year, reference.arxiv_id)
        if key not in self._held:
            found = self._by_title(reference)
            self._held[key] = Meant(self.same_as[found.position], found.how) if found else None
        return self._held[key]

    def _by_title(self, reference: Reference) -> Meant | None:
        from rapidfuzz import fuzz

        title = _TO_SPACE.sub("-", reference.title)
        key = letters(title)
        telling = len(words(title)) >= _TELLING and len(key) >= 12
        for position in sorted(self._titles.get(key, ()), key=lambda p: self._likely(reference, p)) if key else ():
            agree = self._agree(reference, position)
            if agree or (telling and (agree is None or self._near(reference, position))):
                return Meant(position, "title")
            if agree is None and not telling and self._same_year(reference, position):
                return Meant(position, "title")
        if (alias := self._aliases.get(key)) is not None and self._agree(reference, alias) is not False:
            return Meant(alias, "earlier title")
        raw = letters(reference.raw)
        best: tuple[float, int, str] | None = None
        for position in self._alike(title or reference.raw):
            if self._other_id(reference, position):
                continue
            agree = self._agree(reference, position)
            for own in self._letters[position]:
                alike = fuzz.ratio(key, own, score_cutoff=_SAME) if key else 0.0
                how = ""
                if alike and agree is not False and (len(key) >= _LONG or agree) and _numerals(key) == _numerals(own):
                    how = "nearly the title"
                elif agree and self._near(reference, position) and _holds(key, own) and telling:
                    alike, how = 85.0, "earlier title" if len(key) > len(own) else "short title"
                elif len(own) >= _LONG and own in raw and (agree or not telling) and not (key and own in key):
                    alike, how = 84.0, "title in the entry"
                if how and (best is None or self._before(alike, position, best)):
                    best = alike, position, how
        if best is not None:
            return Meant(best[1], best[2])
        for position in self._names.get(key, ()) if key else ():  # two papers of one system have a name and two titles
            if self._agree(reference, position) and self._near(reference, position):
                return Meant(position, "name")
        return None

    def _alike(self, title: str) -> list[int]:
        """The documents whose titles share a rare word with this one, and if it has several then two."""
        known = sorted((len(self._words[word]), word) for word in set(words(title)) if word in self._words)
        rare = [self._words[word] for count, word in known[:_RAREST] if count <= _MOST_ALIKE]
        rare = rare or [self._words[word] for _, word in known[:1]]
        if len(rare) == 1:
            return rare[0]
        once: set[int] = set()
        twice: set[int] = set()
        for positions in rare:
            twice.update(once.intersection(positions))
            once.update(positions)
        return sorted(twice)

    def _agree(self, reference: Reference, position: int) -> bool | None:
        """Whether the authors are the same as far as both are known; None where either has none."""
        theirs = self._people[position]
        if not theirs or not (reference.authors or reference.raw):
            return None
        ours = people(reference.authors)
        if not ours:
            return None
        return _overlap(ours, theirs)

    def _likely(self, reference: Reference, position: int) -> tuple[bool, int, str]:
        """Sorts documents of one title, the likelier first."""
        s = self._summaries[position]
        gap = abs(reference.year - s.year) if reference.year is not None and s.year is not None else _FEW_YEARS
        return not self._agree(reference, position), gap, s.id

    def _before(self, alike: float, position: int, best: tuple[float, int, str]) -> bool:
        return (-alike, self._summaries[position].id) < (-best[0], self._summaries[best[1]].id)

    def _near(self, reference: Reference, position: int) -> bool:
        year = self._summaries[position].year
        return reference.year is None or year is None or abs(reference.year - year) <= _FEW_YEARS

    def _same_year(self, reference: Reference, position: int) -> bool:
        year = self._summaries[position].year
        return year is not None and reference.year is not None and abs(reference.year - year) <= 1

    def _other_id(self, reference: Reference, position: int) -> bool:
        own = self._summaries[position].arxiv_id
        return bool(own and reference.arxiv_id and bare(reference.arxiv_id) != own)

    def _contradicts(self, reference: Reference, position: int) -> bool:
        """Whether title and authors both say that an id is a misprint."""
        from rapidfuzz import fuzz

        if len(words(reference.title)) < _TELLING or self._agree(reference, position) is not False:
            return False
        key = letters(reference.title)
        return all(fuzz.ratio(key, own) < _CONTRADICTS for own in self._letters[position])

    def _versions(self) -> list[int]:
        """By position the document that stands for it: of those with one title and the same authors the best text."""
        groups: dict[object, list[int]] = defaultdict(list)
        for s in self._summaries:
            own = _own(s)
            if len(words(own)) >= _TELLING and self._people[s.position]:
                groups[letters(own)].append(s.position)
        for s in self._summaries:
            for key in self._keys[s.position]:
                groups[key].append(s.position)
        same = list(range(len(self._summaries)))

        def root(position: int) -> int:
            while same[position] != position:
                position = same[position]
            return position

        best = ("full", "record", "digest", "title")
        for key, group in groups.items():
            if len(group) < 2:
                continue
            first = min(group, key=lambda p: (best.index(self._summaries[p].text), self._summaries[p].id))
            for position in group:
                one, other = root(first), root(position)
                if one != other and (":" in str(key) or _overlap(self._people[first], self._people[position])):
                    keep, drop = sorted(
                        (one, other), key=lambda p: (best.index(self._summaries[p].text), self._summaries[p].id)
                    )
                    same[drop] = keep
        return [root(position) for position in same]


def works(references: Sequence[Reference]) -> list[int]:
    """For each of some references the number of the work that it means, -1 where it names neither a title nor an id.

    Two mean one work that have its arXiv id or its DOI, or nearly one title by the same first author.
    """
    from rapidfuzz import fuzz

    parent = list(range(len(references)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = index = parent[parent[index]]
        return index

    first: dict[str, int] = {}
    titled: dict[str, int] = {}
    firsts: dict[str, set[str]] = defaultdict(
        set
    )  # the first authors under whom a title is listed, "" where none is told
    named = []
    for index, reference in enumerate(references):
        keys = [key for key, _ in _ids(reference)]
        title = letters(reference.title)
        if title:
            telling = len(title) >= 12
            keys.append(f"title:{title}:{'' if telling else _first_author(reference)}")
            titled.setdefault(title, index)
            firsts[title].add(_first_author(reference))
        for key in keys:
            one, other = sorted((root(first.setdefault(key, index)), root(index)))
            parent[other] = one
        named.append(bool(keys))
    for backwards in (False, True):  # a misprint parts two titles that begin alike, or that end alike
        order = sorted((title for title in titled if len(title) >= _LONG), key=lambda t: t[::-1] if backwards else t)
        for before, after in pairwise(order):
            if not fuzz.ratio(before, after, score_cutoff=_SAME) or _numerals(before) != _numerals(after):
                continue
            if firsts[before] & firsts[after]:
                one, other = sorted((root(titled[before]), root(titled[after])))
                parent[other] = one
    return [root(index) if named[index] else -1 for index in range(len(references))]


def _first_author(reference: Reference) -> str:
    return next(iter(people(reference.authors[:1])), "")


def head(title: str) -> str:
    """What a title calls its subject before a colon (`DiLoCo: …`), of at most three words; "" where it has no such part."""
    name, colon, rest = title.partition(": ")
    return name.strip() if colon and rest.strip() and 1 <= len(name.split()) <= 3 else ""


def _own(s: Summary) -> str:
    return "" if s.title == s.id else s.title


def _titles(s: Summary) -> tuple[str, ...]:
    """The titles by which a document is known: its own, and those under which it is listed."""
    listed = (m.title for m in s.entry.mentions if len(words(m.title)) >= _TELLING)
    return tuple(dict.fromkeys(title for title in (_own(s), *listed) if title))


def _keys(s: Summary) -> list[str]:
    """The addresses of a document, as `indexer.links.address` spells them."""
    found = [f"arxiv:{s.arxiv_id}"] if s.arxiv_id else []
    for address in (s.id, s.link, *s.entry.addresses, *(version.address for version in s.versions)):
        if address.startswith(("arxiv:", "doi:")):
            found.append(address.lower() if address.startswith("doi:") else address)
        elif address.startswith(("http", "10.")) and (known := links.address(address)):
            found.append(known[0])
    for link in s.entry.links:
        if (known := links.address(link.url)) and known[0].startswith(("arxiv:", "doi:")):
            found.append(known[0])
    return list(dict.fromkeys(found))


def _ids(reference: Reference) -> list[tuple[str, str]]:
    found = []
    if reference.arxiv_id:
        found.append((f"arxiv:{bare(reference.arxiv_id)}", "arXiv id"))
    if reference.doi:
        key = links.address(f"doi:{reference.doi}")
        found.append((key[0] if key else f"doi:{reference.doi.lower()}", "DOI"))
    return found


def bare(arxiv_id: str) -> str:
    """An arXiv id without its version."""
    return re.sub(r"v\d+$", "", arxiv_id)


def _holds(one: str, other: str) -> bool:
    """Whether the shorter of two titles begins or ends the longer one, and is most of it."""
    shorter, longer = sorted((one, other), key=len)
    begins = len(shorter) >= max(12, len(longer) // 2) and longer.startswith(shorter)
    return begins or (len(shorter) >= _LONG and longer.endswith(shorter))


def _numerals(key: str) -> list[str]:
    """The numbers in a folded title: GPT-2 is not GPT-3."""
    return re.findall(r"\d+", key)


def _first(ours: set[str], theirs: set[str]) -> bool:
    return any(not a or not b or a == b for a in ours for b in theirs)


def _overlap(one: dict[str, set[str]], other: dict[str, set[str]]) -> bool:
    if not one or not other:
        return False
    common = sum(last in other and _first(one[last], other[last]) for last in one)
    return common * 2 >= min(len(one), len(other))


def _printed_dois(generation: Generation) -> dict[int, tuple[str, ...]]:
    """The DOI that a paper's own first page prints of itself, by position; none where it prints several."""
    full = [s.position for s in generation.catalogue.summaries if s.text == "full" and s.pages]
    found: dict[int, tuple[str, ...]] = {}
    for (position, _), page in generation.catalogue.page_texts([(position, 0) for position in full]).items():
        dois = {known for match in _DOI.findall(page.text) if (known := links.doi(match))}
        dois = {doi for doi in dois if not doi.startswith("10.48550/")}
        if len(dois) == 1:
            found[position] = (f"doi:{dois.pop()}",)
    return found
