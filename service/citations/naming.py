"""What a text without a bibliography says of other documents: a web post, one of our digests, an abstract alone.

It cites what it links (an arXiv id, a DOI, a URL), what it calls by its whole title, and what it calls by a name that
one document's title coins (`DiLoCo: …`), where no other could be meant. What a sentence denies it does not say: of
"it cites neither SWARM nor MAML" nothing is kept.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from indexer import arxiv, links
from indexer.document import Reference, TextMention
from indexer.folding import plain
from indexer.library import Generation, Summary
from service.citations.shelf import Shelf, head
from service.evidence import sentences

_WORD = re.compile(r"[^\W_]+")
_URL = re.compile(r"https?://[^\s<>\"”’)\]]+[^\s<>\"”’)\].,;:]")
_ARXIV = re.compile(r"arxiv|corr", re.IGNORECASE)
_DOI = re.compile(r"\b(?:doi:\s*|doi\.org/)10\.\d{4,9}/[^\s\"<>]+[^\s\"<>.,;)\]]", re.IGNORECASE)
# An odd form, which no ordinary word has: a capital or a digit inside, or three capitals.
_ODD = re.compile(r"(?=.*[A-Za-z])(?:.*[a-z\d-][A-Z]|.*[A-Za-z]\d|.*[A-Z]{3}|\w+-[\w-]+$)")
_DENIED = re.compile(
    r"\b(?:cit(?:e|es|ed|ing)|nam(?:e|es|ed|ing)|mention(?:s|ed|ing)?|link(?:s|ed)? to|refer(?:s|red)? to|build(?:s|ing)? on)"
    r" (?:neither|none|no|nothing)\b"
    r"|\b(?:not|never|n[’']t|without) (?:\w+ )?(?:cit(?:e|ed|es|ing)|nam(?:e|ed|ing)|mention(?:ed|ing)?|link(?:ed)? to"
    r"|refer(?:red)? to|build(?:ing)? on)\b",
    re.IGNORECASE,
)
# What a digest tells of others who came after the paper, the paper does not say.
_OTHERS = re.compile(r"\b(?:later|subsequent|newer|follow-?up|since then|successors?)\b", re.IGNORECASE)
_BEFORE_ID = re.compile(
    r"([A-Z][\w@!:’'-]*(?:\s+(?:(?:of|the|for|and|in|with|to|on|via|a|an)\s+){0,2}[A-Z][\w@!:’'-]*)*)\s*[(,:]?\s*$"
)
_LONGEST_LINE, _LONGEST_TITLE = 1500, 400  # characters around an id, and before it, that are looked at
_SHORTEST_TITLE = 3  # words of a title that a text may call it by; of fewer only a name counts
_CERTAIN_TITLE = 8  # words from which on a title needs no capitals to be one
_AHEAD = 6  # months by which a text may name what is published later: it has later versions
_SHORTEST_INITIALS = 4  # letters: LLM stands in many a title


@dataclass(frozen=True)
class Saying:
    """That a document's text says something of another: where (see `service.citations.Place`), and how it calls it."""

    citing: int
    cited: int
    page: int
    start: int
    end: int
    sentence: str
    how: str


@dataclass(frozen=True)
class _Name:
    words: tuple[str, ...]
    text: str
    position: int
    how: str


def sayings(generation: Generation, shelf: Shelf, listing: Sequence[bool]) -> Iterator[Saying]:
    """What the documents without a bibliography say of others, in their order; `listing` says by position who has one.

    A digest always speaks: a bibliography is nothing that it has.
    """
    catalogue = generation.catalogue
    silent = [
        s for s in catalogue.summaries
        if s.text == "digest" or (s.text in ("full", "record") and not listing[s.position])
    ]  # fmt: skip
    if not silent:
        return
    names = _names(generation, shelf)
    found: list[Saying] = []
    for s in silent:
        for index in range(len(catalogue.page_numbers(s.position))):
            page = catalogue.page_texts([(s.position, index)]).get((s.position, index))
            if page is not None:
                found += _on_page(s, index, page.text, catalogue.summaries, shelf, names)
    years = [s.year for s in catalogue.summaries]
    older = {  # a name that was in use before is not this document's: LSTM is nobody's "LSTM: …" of twenty years later
        one.cited for one in found if one.how == "name" and (years[one.citing] or 9999) < (years[one.cited] or 0)
    }
    yield from (
        one for one in found
        if one.how not in ("name", "title") or (
            one.cited not in older and not _ahead(catalogue.summaries[one.citing], catalogue.summaries[one.cited])
        )
    )  # fmt: skip


def outside(generation: Generation, shelf: Shelf, listing: Sequence[bool]) -> Iterator[tuple[int, Reference]]:
    """The arXiv papers that digests and posts without a bibliography link and no document is, with who says so.

    As references: the title is what stands before the id (`FedAvg (arXiv:…)`), with the place of the id.
    """
    catalogue = generation.catalogue
    for s in catalogue.summaries:
        if s.text != "digest" and (s.text != "full" or listing[s.position]):
            continue
        sections = catalogue.sections(s.position)
        for index in range(len(catalogue.page_numbers(s.position))):
            text = catalogue.page_texts([(s.position, index)])[s.position, index].text
            spans = arxiv.find_spans(text) if _ARXIV.search(text) else []
            lines = _lines(text) if spans else []
            for start, end, identifier in spans:
                if shelf.at(f"arxiv:{identifier.id}") is not None:
                    continue
                a, b = next(((a, b) for a, b in lines if a <= start < b), (start, end))
                a, b = max(a, start - _LONGEST_LINE), min(b, start + _LONGEST_LINE)
                sentence = " ".join(text[a : max(b, end)].split())
                if _DENIED.search(sentence) or (s.text == "digest" and _OTHERS.search(sentence)):
                    continue
                before = [n for n, section in enumerate(sections) if (section.page, section.start) <= (index, start)]
                mention = TextMention(index, start, end, sentence, before[-1] if before else None)
                named = _BEFORE_ID.search(text[max(a, start - _LONGEST_TITLE) : start])
                yield s.position, Reference(
                    n=0, raw=text[start:end], page=index, title=" ".join(named[1].split()) if named else "",
                    year=identifier.year, arxiv_id=identifier.id, mentions=(mention,),
                )  # fmt: skip


def _on_page(
    s: Summary, index: int, text: str, summaries: Sequence[Summary], shelf: Shelf, names: dict[str, list[_Name]]
) -> Iterator[Saying]:
    found: dict[tuple[int, int], tuple[int, str]] = {}
    for start, end, position, how in (*_linked(text, shelf), *_called(text, names)):
        other = summaries[position]
        if shelf.same_as[s.position] == position or (s.part_of and s.part_of == other.part_of):
            continue
        if how in ("name", "title") and f"({text[start:end]})" in text:
            continue  # who writes a name out and puts it in brackets makes one of their own
        if not any(a < end and start < b for a, b in found):  # links go first, then long names
            found[start, end] = position, how
    if not found:
        return
    lines = _lines(text)
    told: set[tuple[int, int]] = set()
    for (start, end), (position, how) in sorted(found.items()):
        a, b = next(((a, b) for a, b in lines if a <= start < b), (start, end))
        sentence = " ".join(text[a : max(b, end)].split())
        by_others = s.text == "digest" and _OTHERS.search(sentence)
        if (a, position) not in told and not by_others and not _DENIED.search(sentence):
            told.add((a, position))  # a title and the id behind it are one mention
            yield Saying(s.position, position, index, start, end, sentence, how)


def _ahead(s: Summary, other: Summary) -> bool:
    """Whether a document is too old to name another one."""
    if s.year is None or other.year is None:
        return False
    if len(s.date) < 7 or len(other.date) < 7:
        return s.year + 1 < other.year
    return 12 * s.year + int(s.date[5:7]) + _AHEAD < 12 * other.year + int(other.date[5:7])


def _linked(text: str, shelf: Shelf) -> Iterator[tuple[int, int, int, str]]:
    for start, end, identifier in arxiv.find_spans(text) if _ARXIV.search(text) else ():
        if (position := shelf.at(f"arxiv:{identifier.id}")) is not None:
            yield start, end, position, "arXiv id"
    for pattern in (_DOI, _URL):
        for match in pattern.finditer(text):
            address = links.address(match[0])
            if address and (position := shelf.at(address[0])) is not None:
                yield match.start(), match.end(), position, "link"


def _called(text: str, names: dict[str, list[_Name]]) -> Iterator[tuple[int, int, int, str]]:
    """The documents that a text calls by their titles and names, the longest call first where two begin together."""
    places = [(m.start(), m.end()) for m in _WORD.finditer(text)]
    words = [plain(text[a:b]) for a, b in places]
    last = -1
    for at, (word, following) in enumerate(zip(words, [*words[1:], ""], strict=False)):
        if at < last or (word not in names and f"{word} {following}" not in names):
            continue
        for name in (*names.get(f"{word} {following}", ()), *names.get(word, ())):
            end = at + len(name.words)
            if tuple(words[at:end]) != name.words:
                continue
            a, b = places[at][0], places[end - 1][1]
            if _meant(text, a, b, name):
                yield a, b, name.position, name.how
                last = end
                break


def _meant(text: str, start: int, end: int, name: _Name) -> bool:
    """Whether these words are the name and no others: with its capitals, unless it is a long title."""
    said = " ".join(text[start:end].split())
    if re.match(r"-\w", text[end : end + 2]) or text[max(start - 1, 0) : start] == "-":  # DiLoCo-SWARM is another
        return False
    if name.how == "name":
        return said == name.text
    if said == name.text or len(name.words) >= _CERTAIN_TITLE:
        return True
    ours = [word for word in _WORD.findall(said) if len(word) > 3]
    return all(word[:1].isupper() or not word[:1].isalpha() for word in ours)


def _names(generation: Generation, shelf: Shelf) -> dict[str, list[_Name]]:
    """What documents may be called by, by the first two words, folded, or the only one; the longest first."""
    summaries = generation.catalogue.summaries
    coined: dict[str, set[int]] = defaultdict(set)
    made: dict[str, _Name] = {}
    for s in summaries:
        for text, how in _calls(s):
            position = shelf.same_as[s.position]
            words = tuple(plain(word) for word in _WORD.findall(text))
            key = " ".join(words)
            if words:
                coined[key].add(position)
                made.setdefault(key, _Name(words, " ".join(text.split()), position, how))
    for text, position in _initials(generation, shelf):
        key = plain(text)
        coined[key].add(position)
        made.setdefault(key, _Name((key,), text, position, "name"))
    found: dict[str, list[_Name]] = defaultdict(list)
    for key, name in made.items():
        if len(coined[key]) == 1:
            found[" ".join(name.words[:2])].append(name)
    for each in found.values():
        each.sort(key=lambda name: (-len(name.words), name.text))
    return found


def _calls(s: Summary) -> Iterator[tuple[str, str]]:
    """The titles of a document and the names that they coin."""
    own = "" if s.title == s.id else s.title
    for title in dict.fromkeys((own, *(m.title for m in s.entry.mentions))):
        if len(_WORD.findall(title)) >= _SHORTEST_TITLE:
            yield title, "title"
        name = head(title)
        if not name or title.isupper():
            continue
        first, *more = name.split()
        if _ODD.match(name) or (more and all(word[:1].isupper() for word in (first, *more))):
            yield name.rstrip("!?"), "name"
        if more and _ODD.match(first):
            yield first, "name"


_IN_BRACKETS = re.compile(r"\(([A-Z][A-Za-z]{2,9})\)")


def _initials(generation: Generation, shelf: Shelf) -> Iterator[tuple[str, int]]:
    """Names made of the initials with which a title begins, where the document itself says that it is called so.

    `Model-Agnostic Meta-Learning for …` is MAML to itself.
    """
    summaries = generation.catalogue.summaries
    firsts = generation.catalogue.page_texts([(s.position, 0) for s in summaries if s.text != "title"])
    for (position, _), page in sorted(firsts.items()):
        initials = "".join(word[0] for word in _WORD.findall(plain(summaries[position].title)))
        said = {
            *_IN_BRACKETS.findall(page.text), *re.findall(r"\b([A-Z]{4,8}):", page.text)
        }  # fmt: skip
        for text in sorted(said):
            if len(text) >= _SHORTEST_INITIALS and initials.startswith(text.lower()):
                yield text, shelf.same_as[position]


def _lines(text: str) -> list[tuple[int, int]]:
    """The sentences of a page, none of them over a line's end."""
    found = []
    at = 0
    for line in text.split("\n"):
        for n, (a, b) in enumerate(sentences(line) if line.strip() else ()):
            if n and re.match(r"\(|[a-z]", line[a:b]):  # "Hogwild! (arXiv:…)" ends no sentence
                found[-1] = found[-1][0], at + b
            else:
                found.append((at + a, at + b))
        at += len(line) + 1
    return found
