"""What a query restricts the search to: a mask over the passages.

What is known of papers and headings is looked up in tables made once for each generation; from there on everything is
done on arrays. Only for a phrase or an excluded word texts are read: those of the passages that have all of its terms.
"""

from __future__ import annotations

import hashlib
import re
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property, lru_cache
from urllib.parse import urlsplit

import numpy as np

from indexer import arxiv
from indexer.document import Link
from indexer.folding import plain
from indexer.library import Generation, Summary, marks
from indexer.library.catalogue import Catalogue
from indexer.library.marks import Marks
from indexer.names import compatible, words_of
from indexer.terms import terms
from service import marking
from service.search.query import Field, Query, shown, years

MOST_READ = 20_000
"""Passages that are read for one phrase or excluded word where scores say which matter: half a second."""

Placed = Sequence[tuple[int, marks.Mark]]
"""Marks with the positions of their documents."""
_BEGINNING = 4  # letters from which on a heading's last word may go on: `method` finds "Methods"
_LONGEST_NAME = 12  # words
_AT_ONCE = 2000  # texts read
_HELD = 20_000  # texts kept, some 25 MB
_ANSWERS = 32  # kept
_FEW = 64  # passages whose texts are read without looking for their terms first
_CODE_HOSTS = ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "sr.ht", "colab.research.google.com")
_CODE_LABEL = re.compile(r"\b(?:code|codebase|repo|repository|github|implementation)\b|代码", re.IGNORECASE)


def among(
    generation: Generation,
    query: Query,
    held: Marks,
    searched: Collection[str],
    scores: np.ndarray | None = None,
) -> np.ndarray | None:
    """Which passages may be found: bool of shape (passages,), by id; None where the query doesn't restrict them.

    `searched` are the kinds that are looked in where the query names none: a mask has those alone, None says nothing.
    `scores` (by passage) bound the time that a phrase or an excluded word of everyday takes in a large library: where
    more than `MOST_READ` passages would have to be read for one, the best of them are, and the others can't be found.
    """
    if not query.restricts:
        return None
    known = _known(generation.catalogue)
    mask = known.of_kinds(query.values("kind") or tuple(searched), query.values("kind", excluded=True))
    fitting = papers(generation, query, held)
    if not fitting.all():
        mask &= fitting[known.catalogue.documents_of]
    if sections := query.values("section"):
        mask &= known.in_sections(sections)
    if sections := query.values("section", excluded=True):
        mask &= ~known.in_sections(sections)
    for phrase in query.phrases:
        mask = saying(generation, phrase, mask, scores, held)
    for phrase in query.without:
        mask &= ~known.titled(phrase, marking.placed(generation, held))[known.catalogue.documents_of]
        ids, unread = _to_read(generation, phrase, mask, scores)
        mask[known.that_say(spoken(phrase), ids)] = False
        mask[unread] = False
    return mask


def papers(generation: Generation, query: Query, held: Marks) -> np.ndarray:
    """Which papers a query's filters of papers allow: bool of shape (documents,), by position."""
    known = _known(generation.catalogue)
    allowed = np.ones(len(known.catalogue.summaries), bool)
    tests: tuple[tuple[Field, Callable[[str], np.ndarray]], ...] = (
        ("author", known.by_author),
        ("year", known.in_years),
        ("in", known.named),
        ("list", known.listed_under),
        ("topic", lambda value: _of_topic(generation, value)),
        ("is", lambda value: _being(generation, value, held)),
        ("has", lambda value: known.having(value, marking.placed(generation, held))),
    )
    for field, test in tests:
        if values := query.values(field):
            allowed &= np.logical_or.reduce([test(value) for value in values])
        for value in query.values(field, excluded=True):
            allowed &= ~test(value)
    return allowed


def _being(generation: Generation, value: str, held: Marks) -> np.ndarray:
    """The papers that were read, that were not, or whose text is of this kind."""
    if value not in ("read", "unread"):
        return _known(generation.catalogue).texts == value
    read = np.zeros(len(generation.catalogue.summaries), bool)
    read[list(marking.read(generation, held))] = True
    return read if value == "read" else ~read


def of_kinds(generation: Generation, kinds: Sequence[str]) -> np.ndarray:
    """The passages of these kinds, `all` being any: bool of shape (passages,), by id."""
    return _known(generation.catalogue).of_kinds(kinds)


def of_papers_alone(query: Query) -> bool:
    """Whether a query has nothing but filters of papers, so that one without a passage may fit it as well."""
    return not (query.text or query.without or query.values("kind") or query.values("section"))


def remarks(generation: Generation, query: Query) -> tuple[str, ...]:
    """What of a query nothing here has, for a person: an id, an author, a heading."""
    known = _known(generation.catalogue)
    tests: tuple[tuple[Field, Callable[[str], np.ndarray], str], ...] = (
        ("in", known.named, "No paper here has the id"),
        ("author", known.by_author, "No paper here is by"),
        ("list", known.listed_under, "No list here has a heading with"),
        ("topic", lambda value: _of_topic(generation, value), "No topic here is called"),
        ("section", lambda value: known.in_sections((value,)), "No section here has a heading with"),
    )
    return tuple(
        f"{what} {shown(value)}."
        for field, test, what in tests
        for value in dict.fromkeys((*query.values(field), *query.values(field, excluded=True)))
        if not test(value).any()
    )


def saying(
    generation: Generation, phrase: str, mask: np.ndarray, scores: np.ndarray | None = None, held: Marks = marks.NONE
) -> np.ndarray:
    """Those passages of `mask` that say a phrase: its words in a row, whatever stands between them.

    Case, accents, white space and punctuation don't count, a hyphen parts words, and no word is stemmed. Of a paper that
    says it only in its title or its note all passages count. `scores` are as `among` has them.
    """
    known = _known(generation.catalogue)
    documents = generation.catalogue.documents_of
    said = np.zeros(len(mask), bool)
    ids, _ = _to_read(generation, phrase, mask, scores)
    said[known.that_say(spoken(phrase), ids)] = True
    only_titled = known.titled(phrase, marking.placed(generation, held))
    only_titled[documents[said]] = False
    return said | (mask & only_titled[documents]) if only_titled.any() else said


def says(text: str, phrase: str) -> bool:
    """Whether a text says a phrase, as `saying` has it."""
    return f" {spoken(phrase)} " in f" {spoken(text)} "


def spoken(text: str) -> str:
    """The folded words of a text with one space between them; of a script without spaces each letter is a word."""
    if text.isascii():
        return " ".join(text.translate(_FOLDING).split())  # four times as fast
    return " ".join(_WORD.findall(_NOT_ASCII.sub(lambda found: _FOLDING[ord(found[0])], text).lower()))


def _to_read(
    generation: Generation, phrase: str, mask: np.ndarray, scores: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The passages of `mask` that may say a phrase: those to read, and those that are too many."""
    ids = np.flatnonzero(mask)
    if len(ids) > _FEW:
        ids = _with_terms(generation, phrase, ids)
    if scores is None or len(ids) <= MOST_READ:
        return ids, ids[:0]
    order = np.argsort(-scores[ids], kind="stable")  # the same on every machine
    return np.sort(ids[order[:MOST_READ]]), ids[order[MOST_READ:]]


def _with_terms(generation: Generation, phrase: str, ids: np.ndarray) -> np.ndarray:
    """Those of the passages `ids` that have all terms of a phrase, the rarest looked for first."""
    # Each word by itself: what a word means must not hang on its neighbours. A script without spaces has no words here.
    words = {word for word in _WORD.findall(phrase.replace("\xad", "")) if not _WITHOUT_SPACES.search(word)}
    postings = [generation.words.postings(term)[0] for word in words for term in terms(word)]
    for passages in sorted(postings, key=len):
        ids = np.intersect1d(ids, passages, assume_unique=True)
    return ids


# ---------------------------------------------------------------------- folding

_WORD = re.compile(r"[^\W_]+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_NUMBERING = re.compile(r"^(?:\d+ )+")
# Chinese and Japanese signs, Thai, Lao, Burmese and Khmer letters.
_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")


class _Folding(dict[int, str]):
    """A character's folded form as `indexer.terms` has it, by its number, made when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if code == 0xAD:  # a soft hyphen is no character of the word
            folded = ""
        elif not _WORD.match(character):
            folded = " "
        else:
            folded = plain(character)
            folded = folded if _WORD.fullmatch(folded) else character  # ½ would be two words
            if _WITHOUT_SPACES.match(character):
                folded = f" {folded} "
        self[code] = folded
        return folded


_FOLDING = _Folding()


# ---------------------------------------------------------------------- what is known of a generation


class _Lines:
    """Many short texts, each spoken, in which words are looked for all at once."""

    def __init__(self, texts: Iterable[str]) -> None:
        spoken_texts = [f" {spoken(text)} " for text in texts]
        self._all = "\n".join(spoken_texts)
        lengths = np.array([len(text) + 1 for text in spoken_texts], np.int64)
        self._starts = np.cumsum(lengths) - lengths

    def holding(self, text: str, *, beginning: bool = False) -> np.ndarray:
        """Which of them have these words in a row, or with `beginning` words of which the last begins so."""
        found = np.zeros(len(self._starts), bool)
        words = spoken(text)
        if words:
            wanted = f" {words}" if beginning else f" {words} "
            at = [match.start() for match in re.finditer(re.escape(wanted), self._all)]
            found[np.searchsorted(self._starts, at, "right") - 1] = True
        return found


class _Known:
    """What filters need of a catalogue, each part made when it is first asked for."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue: Catalogue = weakref.proxy(catalogue)
        own = weakref.proxy(self)  # with itself in its cache all of this would stay until the collector comes
        self.in_sections = lru_cache(64)(lambda headings: own._in_sections(headings))
        self._held: dict[int, str] = {}  # spoken texts, by passage
        self._found: dict[tuple[str, bytes], np.ndarray] = {}  # by words and passages: a next page asks the same

    # ------------------------------------------------------------------ papers

    def by_author(self, name: str) -> np.ndarray:
        """The papers with an author of this name, as far as it is given; one word may be any of a name's."""
        words = words_of(name)[: _LONGEST_NAME + 1]
        found = np.zeros(len(self.catalogue.summaries), bool)
        if len(words) == 1:
            found[self._named_so.get(words[0], [])] = True
        if 0 < len(words) <= _LONGEST_NAME:
            splits = [(words[:at], words[at:]) for at in range(len(words))]
            splits += [(words[at:], words[:at]) for at in range(1, len(words))]  # the last name first
            for given, last in splits:
                for theirs, positions in self._authors.get("".join(last), {}).items():
                    if compatible(given, theirs):
                        found[positions] = True
        return found

    @cached_property
    def _authors(self) -> dict[str, dict[tuple[str, ...], list[int]]]:
        """For each end of an author's name that may be the last name, the given names before it and their papers."""
        positions: dict[str, list[int]] = {}
        for summary in self.catalogue.summaries:
            for name in summary.authors:
                positions.setdefault(name, []).append(summary.position)
        found: dict[str, dict[tuple[str, ...], list[int]]] = {}
        for name, papers in positions.items():
            words = words_of(name)[:_LONGEST_NAME]
            if len(words) > 1 and len(words[-1]) == 1:  # "Vaswani A."
                words = (*words[1:], words[0])
            for at in range(len(words)):
                found.setdefault("".join(words[at:]), {}).setdefault(words[:at], []).extend(papers)
        return found

    @cached_property
    def _named_so(self) -> dict[str, list[int]]:
        """The papers of whose authors one has a word in the name."""
        found: dict[str, list[int]] = {}
        for summary in self.catalogue.summaries:
            for word in {word for name in summary.authors for word in words_of(name)}:
                found.setdefault(word, []).append(summary.position)
        return found

    def in_years(self, value: str) -> np.ndarray:
        """The papers of these years; one whose year is not known is of none."""
        low, high = years(value)
        return (self._years >= max(low, 1)) & (self._years <= high)

    @cached_property
    def _years(self) -> np.ndarray:
        return np.array([summary.year or 0 for summary in self.catalogue.summaries], np.int64)

    def named(self, value: str) -> np.ndarray:
        """The papers with this id, or listed under this address, in any spelling."""
        found = np.zeros(len(self.catalogue.summaries), bool)
        identifier = arxiv.parse(value)
        for key in (value, identifier.id if identifier else ""):
            if key:
                found[self._names.get(key.casefold(), [])] = True
        return found

    @cached_property
    def _names(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for summary in self.catalogue.summaries:
            for name in (summary.id, summary.arxiv_id or "", summary.part_of, summary.link, *summary.entry.addresses):
                positions = found.setdefault(name.casefold(), [])
                if summary.position not in positions[-1:]:
                    positions.append(summary.position)
        found.pop("", None)
        return found

    def listed_under(self, heading: str) -> np.ndarray:
        """The papers listed under a heading with these words, or below one that stands under it."""
        lines, papers = self._lists
        found = np.zeros(len(self.catalogue.summaries), bool)
        found[papers[_holding_heading(lines, heading)]] = True
        return found

    @cached_property
    def _lists(self) -> tuple[_Lines, np.ndarray]:
        pairs = dict.fromkeys(
            (heading, summary.position)
            for summary in self.catalogue.summaries
            for mention in summary.entry.mentions
            for heading in mention.section
        )
        return _Lines(heading for heading, _ in pairs), np.array([position for _, position in pairs], np.int64)

    @cached_property
    def texts(self) -> np.ndarray:
        """What kind of text there is of each paper."""
        return np.array([summary.text for summary in self.catalogue.summaries], np.str_)

    def having(self, value: str, placed: Placed) -> np.ndarray:
        """The papers with a note (the list's or a person's own), with a link beside the paper's own, or one to code."""
        found = self._things[value].copy()
        if value == "note":
            for position, mark in placed:
                if mark.note is not None:
                    found[position] |= bool(mark.note.strip())
        return found

    @cached_property
    def _things(self) -> dict[str, np.ndarray]:
        summaries = self.catalogue.summaries
        return {
            "note": np.array([bool(_notes(summary)) for summary in summaries], bool),
            "link": np.array([bool(summary.entry.links) for summary in summaries], bool),
            "code": np.array([any(map(_is_code, summary.entry.links)) for summary in summaries], bool),
        }

    def titled(self, phrase: str, placed: Placed) -> np.ndarray:
        """The papers whose title or note (the list's or a person's own) has these words in a row."""
        lines, papers = self._titles
        found = np.zeros(len(self.catalogue.summaries), bool)
        found[papers[lines.holding(phrase)]] = True
        for position, mark in placed:
            found[position] |= bool(mark.note) and says(mark.note, phrase)
        return found

    @cached_property
    def _titles(self) -> tuple[_Lines, np.ndarray]:
        pairs = [(text, s.position) for s in self.catalogue.summaries for text in (s.title, *_notes(s))]
        return _Lines(text for text, _ in pairs), np.array([position for _, position in pairs], np.int64)

    # ------------------------------------------------------------------ passages

    def of_kinds(self, kinds: Sequence[str], excluded: Sequence[str] = ()) -> np.ndarray:
        """The passages of these kinds, `all` being any."""
        names, which = self.catalogue.kinds_of
        allowed = np.array(["all" in kinds or name in kinds for name in names], bool)
        allowed &= np.array([not ("all" in excluded or name in excluded) for name in names], bool)
        return allowed[which]

    def _in_sections(self, headings: tuple[str, ...]) -> np.ndarray:
        """The passages that stand under a heading with these words, or below one."""
        lines, parents, starts = self._sections
        found = np.zeros(len(parents), bool)
        for heading in headings:
            found |= _holding_heading(lines, _NUMBERING.sub("", spoken(heading)))
        while len(found):  # once for each level of headings
            below = found | ((parents >= 0) & found[parents])
            if (below == found).all():
                break
            found = below
        sections = self.catalogue.sections_of
        inside = np.flatnonzero(sections >= 0)
        mask = np.zeros(len(sections), bool)
        mask[inside] = found[starts[self.catalogue.documents_of[inside]] + sections[inside]]
        for kind in ("abstract", "appendix"):  # whether or not it is printed as a heading
            if kind in map(spoken, headings):
                mask |= self.of_kinds([kind])
        mask.flags.writeable = False
        return mask

    @cached_property
    def _sections(self) -> tuple[_Lines, np.ndarray, np.ndarray]:
        """The headings of all papers, the row of the one above each (-1: none), and the row of each paper's first."""
        rows = self.catalogue.headings()
        parents = np.full(len(rows), -1, np.int64)
        above: list[int] = []
        for row, (document, _, level) in enumerate(rows):
            while above and (rows[above[-1]][0] != document or rows[above[-1]][2] >= level):
                above.pop()
            parents[row] = above[-1] if above else -1
            above.append(row)
        owners = np.array([document for document, _, _ in rows], np.int64)
        starts = np.searchsorted(owners, np.arange(len(self.catalogue.summaries)))
        return _Lines(heading for _, heading, _ in rows), parents, starts

    def that_say(self, words: str, ids: np.ndarray) -> np.ndarray:
        """Those of the passages `ids` whose text has these spoken words in a row."""
        if not words:
            return ids[:0]
        key = (words, hashlib.sha256(ids.tobytes()).digest())
        if (known := self._found.get(key)) is not None:
            return known
        wanted = f" {words} "
        found: list[int] = []
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE].tolist()
            texts = self._spoken_texts(some)
            found += [passage for passage in some if wanted in texts[passage]]
        if len(self._found) >= _ANSWERS:
            self._found.clear()
        answer = self._found[key] = np.array(found, np.int64)
        return answer

    def _spoken_texts(self, ids: Sequence[int]) -> dict[int, str]:
        held = self._held
        texts = {passage: held[passage] for passage in ids if passage in held}
        read = self.catalogue.texts([passage for passage in ids if passage not in texts])
        new = {passage: f" {spoken(text)} " for passage, text in read.items()}
        if len(held) < _HELD:
            held.update(new)
        return texts | new


_KNOWN: weakref.WeakKeyDictionary[Catalogue, _Known] = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


def _known(catalogue: Catalogue) -> _Known:
    with _LOCK:
        if (found := _KNOWN.get(catalogue)) is None:
            found = _KNOWN[catalogue] = _Known(catalogue)
        return found


def _of_topic(generation: Generation, value: str) -> np.ndarray:
    """The papers of the topic of this name, else of those in whose name or terms these words stand in a row."""
    from service import topics

    found = np.zeros(len(generation.catalogue.summaries), bool)
    themes = topics.of(generation)
    named = [theme for theme in themes if theme.name.casefold() == value.casefold()]
    for theme in named or themes:
        if named or any(says(term, value) for term in (theme.name, *theme.terms)):
            found[list(theme.positions)] = True
    return found


def _holding_heading(lines: _Lines, heading: str) -> np.ndarray:
    words = spoken(heading)
    return lines.holding(words, beginning=len(words.rpartition(" ")[2]) >= _BEGINNING)


def _notes(summary: Summary) -> list[str]:
    return [mention.note for mention in summary.entry.mentions if mention.note.strip()]


def _is_code(link: Link) -> bool:
    try:
        host = (urlsplit(link.url).hostname or "").removeprefix("www.")
    except ValueError:  # an address that is none
        host = ""
    return host.endswith(_CODE_HOSTS) or bool(_CODE_LABEL.search(link.label))
