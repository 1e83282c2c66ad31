"""Where a document's text mentions its references: the marks, each tied to its entry, with the sentence around it."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from indexer.document import Block, Reference, Section, TextMention
from indexer.extract.reference_names import DOTTED, PARTICLES, SUFFIXES

_PROSE = frozenset(["abstract", "body", "caption", "figure", "table", "footnote", "appendix"])
_GLUE = {"table": "\n", "figure": "\n"}  # kinds that keep their line ends
LONGEST_SENTENCE = 1500
_MOST_MARKS = 100_000


class _Run(NamedTuple):
    """A stretch of prose without a cut: its text, and where each of its blocks begins in it and on its page."""

    text: str
    kind: str
    starts: tuple[int, ...]
    blocks: tuple[Block, ...]


class _Mark(NamedTuple):
    """References mentioned at `start:end` of a run's text; `cited` are indices into the references."""

    start: int
    end: int
    cited: tuple[int, ...]


def tie(
    pages: Sequence[str], blocks: Sequence[Block], references: Sequence[Reference], sections: Sequence[Section]
) -> tuple[Reference, ...]:
    """The references with their mentions in the text of `pages`, in the order of the text.

    A mark that fits two references equally well is tied to none. The mark of a number is its whole bracket (`[3, 7–9]`),
    that of an author and year the words that name one entry (`Douillard et al., 2023`).
    """
    if not references:
        return ()
    runs = list(_runs(pages, blocks))
    found: list[list[TextMention]] = [[] for _ in references]
    begins = [(section.page, section.start) for section in sections]
    for run, marks in _marked(runs, references):
        bounds = _bounds(run.text) if marks else []
        for mark in marks:
            sentence = _sentence(run.text, bounds, mark)
            page, start, end = _place(run, mark)
            number = bisect_right(begins, (page, start)) - 1
            mention = TextMention(page, start, end, sentence, number if number >= 0 else None)
            for n in mark.cited:
                if not found[n] or found[n][-1] != mention:
                    found[n].append(mention)
    return tuple(
        replace(reference, mentions=tuple(sorted(mentions, key=lambda m: (m.page, m.start))))
        for reference, mentions in zip(references, found, strict=True)
    )


def _runs(pages: Sequence[str], blocks: Sequence[Block]) -> Iterator[_Run]:
    """Paragraphs whole again that a column's or a page's end, a float or a formula has cut."""
    parts: dict[str, list[Block]] = {}
    for block in blocks:
        kind = block.kind
        if kind not in _PROSE or not 0 <= block.page < len(pages):
            continue
        kind = "body" if kind == "appendix" else kind
        if not block.continued and kind in parts:
            yield _run(pages, kind, parts.pop(kind))
        parts.setdefault(kind, []).append(block)
    for kind, rest in parts.items():
        yield _run(pages, kind, rest)


def _run(pages: Sequence[str], kind: str, blocks: Sequence[Block]) -> _Run:
    text, starts = "", []
    pieces = []
    length = 0
    for block in blocks:
        piece = pages[block.page][block.start : block.end]
        starts.append(length)
        pieces.append(piece)
        length += len(piece) + 1
    text = " ".join(pieces)
    return _Run(text, kind, tuple(starts), tuple(blocks))


def _place(run: _Run, mark: _Mark) -> tuple[int, int, int]:
    """The page of a mark, and where it begins and ends there; of one that a page's end cuts, the first part."""
    at = bisect_right(run.starts, mark.start) - 1
    block = run.blocks[at]
    start = block.start + mark.start - run.starts[at]
    return block.page, start, min(block.start + mark.end - run.starts[at], block.end)


def _marked(runs: Sequence[_Run], references: Sequence[Reference]) -> list[tuple[_Run, list[_Mark]]]:
    """The marks of each run, in the style that the document's list and text agree on."""
    labels = {_label(reference.label): n for n, reference in reversed(list(enumerate(references))) if reference.label}
    numbered = sum(label.isdigit() for label in labels) >= 0.6 * len(references)
    if numbered or not labels:
        numbers = labels if numbered else {str(n + 1): n for n in range(len(references))}
        by_number = _by_number(runs, numbers)
        cited = {n for _, marks in by_number for mark in marks for n in mark.cited}
        if numbered and cited:
            return by_number
        by_name = _by_name(runs, references)
        named = {n for _, marks in by_name for mark in marks for n in mark.cited}
        # a list whose numbers were lost is still cited by number: then nearly every number is, and hardly a name
        if not numbered and len(cited) > max(3, 3 * len(named)) and len(cited) >= 0.5 * len(references):
            return by_number
        return by_name if named or not numbered else by_number
    by_label = [(run, _labels_in(run, labels)) for run in runs]
    if any(marks for _, marks in by_label):
        return by_label
    return _by_name(runs, references)


def _label(label: str) -> str:
    return re.sub(r"[\s^{}+∗*]", "", label)


# Numbers

_BRACKET = re.compile(r"\[([^\[\]]{1,160})\]")
_ROUND = re.compile(r"\((\d{1,3}(?:\s?[,;–—-]\s?\d{1,3}){0,20})\)")
_RAISED = re.compile(r"(?<=[\w.,;:)\]”\"’])\^\{?(\d{1,3}(?:[,–—-]\d{1,3}){0,20})\}?(?![\w^])")
_NUMBERS = re.compile(r"(\d{1,4})(?:\s?[–—−-]\s?(\d{1,4}))?")
_NOTE = re.compile(
    r"(?:see|also|e\.\s?g\.|cf\.|and|references?|therein|sec(?:tion|t)?s?\b|chap(?:ter)?s?\b|ch\b|theorem|thm|lemma|prop(?:osition)?|"
    r"cor(?:ollary)?|p{1,2}\b|pages?|fig(?:ure)?s?\b|table|alg(?:orithm)?|eqs?\b|equation|def(?:inition)?|appendix|app\b|part|"
    r"vol(?:ume)?|§|remark|example|line|slide|footnote|exercise|problem|assumption|version)",
    re.IGNORECASE,
)
_NOT_BEFORE = re.compile(
    r"(?:[∈=∼~×·+*/^<>≤≥≈⊂⊆∪∩:∝→−|]|\b(?:interval|range|ranges|ranging|segment|between|uniform(?:ly)?|clipped?|clamp(?:ed)?|"
    r"normali[sz]ed (?:to|in|into)|scaled (?:to|in|into)|values? in|lies? in|bounded (?:by|in)|Unif|[Uu]niform distribution|"
    r"array|index|shape|size|dimensions?)(?: (?:of|on|over|in|from|to|the))?)\s*$"
)
_LONGEST_RANGE = 60


def _by_number(runs: Sequence[_Run], numbers: dict[str, int]) -> list[tuple[_Run, list[_Mark]]]:
    found = [(run, _brackets_in(run, numbers)) for run in runs]
    if sum(len(marks) for _, marks in found) >= 2 or len(numbers) < 3:
        return found
    enough = max(2, 0.3 * len(numbers))
    for pattern in (_RAISED, _ROUND):
        other = [(run, _plain_in(run, numbers, pattern)) for run in runs]
        if len({n for _, marks in other for mark in marks for n in mark.cited}) >= enough:
            return other
    return found


def _brackets_in(run: _Run, numbers: dict[str, int]) -> list[_Mark]:
    marks: list[_Mark] = []
    text = run.text
    last: tuple[int, int] | None = None  # the number that a bracket ended with, and where
    for match in _BRACKET.finditer(text):
        inner = match[1]
        if not any(c.isdigit() for c in inner[:40]):
            continue
        cited = _numbers_of(inner, numbers)
        if not cited or _no_citation(text, match.start(), match.end(), cited, run.kind):
            last = None
            continue
        if last is not None and re.fullmatch(r"\s?[–—-]\s?", text[last[1] : match.start()]):
            between = range(last[0] + 1, cited[0])  # [3]–[7]
            if len(between) <= _LONGEST_RANGE:
                inside = tuple(numbers[str(n)] for n in between if str(n) in numbers)
                marks.append(_Mark(marks[-1].start, match.end(), inside))
        marks.append(_Mark(match.start(), match.end(), tuple(dict.fromkeys(numbers[str(n)] for n in cited))))
        last = (cited[-1], match.end())
        if len(marks) > _MOST_MARKS:
            break
    return marks


def _numbers_of(inner: str, numbers: dict[str, int]) -> list[int]:
    """The numbers in a bracket; none unless each is an entry's, and what else it says is a note on one."""
    cited: list[int] = []
    noted = False
    for part in re.split(r"[,;]|\band\b|&", inner):
        part = part.strip()
        if not part:
            continue
        match = _NUMBERS.fullmatch(part)
        if match is None:
            note = _NOTE.match(part)
            lead = re.fullmatch(r"(?:see(?: also)?|e\.\s?g\.|cf\.|also|i\.\s?e\.)\s*(\d{1,4})", part)
            if lead and lead[1] in numbers and not noted:
                cited.append(int(lead[1]))
                continue
            if not note or not (cited or part.lower() in ("see", "e.g.", "cf.", "see also")):
                return []
            noted = bool(cited)
            continue
        if noted and match[1] not in numbers:
            continue  # [12, Sections 3, 200]
        first, last = int(match[1]), int(match[2] or match[1])
        if str(first) not in numbers or str(last) not in numbers or not 0 <= last - first <= _LONGEST_RANGE:
            return []
        cited += [n for n in range(first, last + 1) if str(n) in numbers]
    return cited


def _no_citation(text: str, start: int, end: int, cited: Sequence[int], kind: str) -> bool:
    """Whether brackets around numbers are an interval's, an index's or a list's."""
    before = text[max(0, start - 40) : start]
    after = text[end : end + 2]
    if after[:1] in ("^", "_") or re.match(r"\w", after):
        return True
    if before and not before[-1].isspace():
        word = re.search(r"[\w.^_’'-]*$", before)
        glued = word[0] if word else ""
        if glued and (len(glued) <= 2 or re.search(r"[_^]|\d$", glued)) and not glued.endswith("."):
            return True
        if before[-1] in "=<>+*/^_|∈∼~×−-":
            return True
        if before[-1] in ")]" and not re.search(r"\[\d[^\[\]]*\]$|[^\W\d_]{2,}\)$", before):
            return True
    if _NOT_BEFORE.search(before):
        return True
    # `in [1, 5]`: two numbers after a sign or a single letter are an interval
    return len(cited) == 2 and bool(re.search(r"(?:^|\s)[^\W\d_]\s?(?:in|∈|:)?\s*$", before)) and not before.endswith("a ")


def _plain_in(run: _Run, numbers: dict[str, int], pattern: re.Pattern[str]) -> list[_Mark]:
    """Numbers in round brackets or raised."""
    marks = []
    for match in pattern.finditer(run.text):
        before = run.text[max(0, match.start() - 24) : match.start()]
        if pattern is _ROUND and re.search(
            r"(?:eqs?\.?|equations?|problem|theorem|lemma|section|step|case|item|line|\w\d|=|\d)\s*$", before, re.IGNORECASE
        ):
            continue
        if pattern is _RAISED and re.search(r"(?:\b\w|\d|[)\]])$", before) and not re.search(r"[.,;:”\"’]$", before):
            continue  # x^2, 10^6
        cited = _numbers_of(match[1], numbers)
        if cited:
            marks.append(_Mark(match.start(), match.end(), tuple(dict.fromkeys(numbers[str(n)] for n in cited))))
    return marks


# Labels made of letters

def _labels_in(run: _Run, labels: dict[str, int]) -> list[_Mark]:
    marks = []
    for match in _BRACKET.finditer(run.text):
        cited = []
        for part in re.split(r"[,;]", match[1]):
            part = _label(part)
            if part in labels:
                cited.append(labels[part])
            elif not (cited and _NOTE.match(part)) and part:
                cited = []
                break
        if cited:
            marks.append(_Mark(match.start(), match.end(), tuple(dict.fromkeys(cited))))
    return marks


# Authors and years

_YEAR = re.compile(r"(?<![\w.,/–-])(?:in press|to appear|forthcoming|n\.\s?d\.|((?:1[89]|20)\d\d)([a-z]?))(?![\w/])(?!-\d)")
_MORE = re.compile(r"\s?(?:,|;|and|&)\s?(?:((?:1[89]|20)\d\d)([a-z]?)|([b-z]))(?![\w/])(?!-\d)")
_ET_AL = re.compile(r"(?:,?\s(?:et\.?\s?al\b\.?|and others|and (?:his |her |their )?(?:colleagues|co-?authors|co-?workers)))$", re.IGNORECASE)
_POSSESSIVE = re.compile(r"(?:['’]s?)$")
_NAME_AT_END = re.compile(r"([^\W\d_][\w’'`´.@+-]*)$")
_AND = re.compile(r"(?:,?\s(?:and|&|und|et|y)|,)$")
_WINDOW = 160
_NO_YEAR_MARK = re.compile(r"\bet\.?\sal\.?\s?(?=[)\];])")


class _Index(NamedTuple):
    """The references by the key of their first author's name."""

    first: dict[str, list[int]]
    authors: tuple[tuple[str, ...], ...]  # each reference's names as keys
    years: tuple[tuple[int | None, str], ...]  # with the letter printed after it
    cut: tuple[bool, ...]  # whether the entry says `et al.` itself
    raws: tuple[str, ...]


def _by_name(runs: Sequence[_Run], references: Sequence[Reference]) -> list[tuple[_Run, list[_Mark]]]:
    index = _index(references)
    return [(run, _names_in(run, index)) for run in runs]


def _index(references: Sequence[Reference]) -> _Index:
    first: dict[str, list[int]] = defaultdict(list)
    authors, years, cut = [], [], []
    for n, reference in enumerate(references):
        names = tuple(key for name in reference.authors if (key := surname_key(name)))
        if not names and reference.title:
            names = (_key(re.split(r"[:.,(]", reference.title)[0]),)
        authors.append(names)
        if names:
            first[names[0]].append(n)
            short = names[0].rpartition(" ")[2]
            if short != names[0]:
                first[short].append(n)
        letter = ""
        if reference.year is not None:
            printed = re.findall(rf"(?<!\d){reference.year}([a-z])\b", reference.raw)
            letter = printed[-1] if printed else ""
        years.append((reference.year, letter))
        cut.append(bool(re.search(r"\bet al\b|\bothers\b", reference.raw[:4000])))
    return _Index(dict(first), tuple(authors), tuple(years), tuple(cut), tuple(r.raw[:4000] for r in references))


def surname_key(name: str) -> str:
    """A name's surname with its particles, in lower case and without accents; an organisation's whole name."""
    name = name.strip()
    if "," in name:
        head, _, tail = name.partition(",")
        if tail.strip().lower().strip(".") not in SUFFIXES:
            return _key(head)
        name = head
    words = name.split()
    while len(words) > 1 and words[-1].lower().strip(".") in SUFFIXES:
        words.pop()
    if len(words) > 1 and re.fullmatch(r"[A-Z]{1,3}", words[-1]) and not any(DOTTED.fullmatch(w) for w in words[:-1]):
        words.pop()  # Last FM
    if len(words) <= 1:
        return _key(" ".join(words))
    start = len(words) - 1
    while start > 1 and words[start - 1].lower() in PARTICLES and words[start - 1][0].islower():
        start -= 1
    return _key(" ".join(words[start:]))


_PLAIN = str.maketrans({"ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i", "’": "'"})


def _key(text: str) -> str:
    text = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return re.sub(r"[^a-z0-9]+", " ", "".join(c for c in text if not unicodedata.combining(c)).lower()).strip()


def _names_in(run: _Run, index: _Index) -> list[_Mark]:
    marks: list[_Mark] = []
    text = run.text
    done = -1
    named: tuple[int, list[str], bool] | None = None
    for match in _YEAR.finditer(text):
        if match.start() < done:
            continue
        year = int(match[1]) if match[1] else None
        chunk = _named_before(text, match.start(), index)
        if chunk is None:
            continue
        start, names, several = chunk
        at = match.end()
        wanted = [(year, match[2] or "")]
        while year is not None and (more := _MORE.match(text, at)):
            if more[1]:
                wanted.append((int(more[1]), more[2] or ""))
            elif wanted[-1][1]:
                wanted.append((wanted[-1][0], more[3]))
            else:
                break
            at = more.end()
        cited = [n for y, letter in wanted if (n := _resolved(names, several, y, letter, index)) is not None]
        done = at
        if cited:
            close = text[at : at + 1]
            if close in (")", "]") and text[start : match.start()].count({")": "(", "]": "["}[close]):
                at += 1
            marks.append(_Mark(start, at, tuple(dict.fromkeys(cited))))
        if len(marks) > _MOST_MARKS:
            break
    if any(year is None for year, _ in index.years):
        marks += _without_year(text, index)
    return marks


def _without_year(text: str, index: _Index) -> list[_Mark]:
    """`(Anil et al.)`, where the entry prints no year."""
    marks = []
    for match in _NO_YEAR_MARK.finditer(text):
        chunk = _named_before(text, match.end(), index)
        if chunk is None:
            continue
        start, names, several = chunk
        n = _resolved(names, several, None, "", index)
        if n is not None:
            marks.append(_Mark(start, match.end(), (n,)))
    return marks


def _named_before(text: str, at: int, index: _Index) -> tuple[int, list[str], bool] | None:
    """The names of authors that end before `at`: where they begin, their keys, and whether `et al.` follows them.

    Names are read backwards, word by word, as long as they are authors of one reference in its order.
    """
    left = text[max(0, at - _WINDOW) : at]
    base = at - len(left)
    left = left.rstrip()
    if left[-1:] in "([":
        left = left[:-1].rstrip()
    left = left.rstrip(" ,:")
    left = re.sub(r"(?:,?\s(?:in|of|from|since))$", "", left) if False else left
    left = _POSSESSIVE.sub("", left)
    left = left.rstrip(" ,")
    several = False
    found = _ET_AL.search(left)
    if found:
        several = True
        left = _POSSESSIVE.sub("", left[: found.start()].rstrip(" ,"))
    best: tuple[int, list[str]] | None = None
    names: list[str] = []
    for _ in range(12):
        read = _name_before(left, index, names)
        if read is None:
            break
        start, key = read
        names = [key, *names]
        if any(_begins(index.authors[n], names) for n in index.first.get(key, ())):
            best = (start, list(names))
        left = left[:start].rstrip()
        joint = _AND.search(left)
        if not joint:
            break
        left = _POSSESSIVE.sub("", left[: joint.start()].rstrip(" ,"))
    if best is None:
        return None
    return base + best[0], best[1], several


def _name_before(left: str, index: _Index, after: Sequence[str]) -> tuple[int, str] | None:
    """The longest surname that `left` ends with, known as some reference's author: where it begins, and its key."""
    starts = [match.start() for match in re.finditer(r"(?<![^\s(\[“\"])[^\s(\[“\"]", left[-80:])]
    offset = max(0, len(left) - 80)
    for start in starts[-6:]:
        piece = left[offset + start :]
        if not (piece[0].isupper() or piece.split(" ", 1)[0].lower() in PARTICLES or piece[0].islower()):
            continue
        key = _key(piece)
        if key and key in index.known:
            return offset + start, key
    return None


def _begins(authors: Sequence[str], names: Sequence[str]) -> bool:
    """Whether an entry's authors begin with these names."""
    if len(names) > len(authors):
        return False
    return all(_same(a, b) for a, b in zip(authors, names, strict=False))


def _same(author: str, name: str) -> bool:
    return author == name or author.endswith(" " + name) or name.endswith(" " + author)


def _resolved(names: Sequence[str], several: bool, year: int | None, letter: str, index: _Index) -> int | None:
    """The reference that names and a year mean; None where none does, or two do."""
    fits = [n for n in dict.fromkeys(index.first.get(names[0], ())) if _begins(index.authors[n], names)]
    dated = [n for n in fits if index.years[n][0] == year]
    if not dated and year is not None:
        dated = [n for n in fits if re.search(rf"(?<!\d){year}(?!\d)", index.raws[n])]
    if letter:
        lettered = [n for n in dated if index.years[n][1] == letter]
        if lettered:
            dated = lettered
    if len(dated) > 1:
        count = len(names)
        if several:
            narrowed = [n for n in dated if len(index.authors[n]) > count or index.cut[n]]
        else:
            narrowed = [n for n in dated if len(index.authors[n]) == count and not index.cut[n]]
        if len(narrowed) > 1 and several:
            more = [n for n in narrowed if len(index.authors[n]) > 2 or index.cut[n]]
            narrowed = more or narrowed
        dated = narrowed or dated
    return dated[0] if len(dated) == 1 else None


# Sentences

_END = re.compile(r"[.!?]+[)\]”\"’']*\s+(?=[\"“‘(\[]*[^\Wa-zß-öø-ÿ_])")
_NO_END = re.compile(
    r"(?:^|[\s(\[“\"–-])(?:[A-Z]|(?:[A-Z]\.)+[A-Z]|et al|e\.\s?g|i\.\s?e|cf|vs|resp|Figs?|Eqs?|Eqn|Secs?|Sect|Tabs?|Refs?|"
    r"Chap|Ch|App|Alg|Thm|Prop|Lem|Cor|Def|Dr|Mr|Mrs|Ms|Prof|St|No|Nos|Vol|pp|approx|ca|al|Inc|Ltd|Corp|Jr|Sr|etc)$"
)


def _bounds(text: str) -> list[int]:
    """Where sentences begin, the first at 0."""
    bounds = [0]
    for match in _END.finditer(text):
        before = text[max(0, match.start() - 12) : match.start()]
        if text[match.start()] == "." and _NO_END.search(before):
            if not before.endswith(("etc", "al")) or text[match.end() : match.end() + 1] in "([":
                continue
            if before.endswith("al") and not re.match(r"[A-Z][a-z]+\s[a-z]", text[match.end() : match.end() + 40]):
                continue
        bounds.append(match.end())
    return bounds


def _sentence(text: str, bounds: Sequence[int], mark: _Mark) -> str:
    at = bisect_right(bounds, mark.start) - 1
    start = bounds[at]
    stop = next((bound for bound in bounds[at + 1 :] if bound >= mark.end), len(text))
    if stop - start > LONGEST_SENTENCE:
        start = max(start, mark.start - LONGEST_SENTENCE // 2)
        stop = min(stop, start + LONGEST_SENTENCE)
    return " ".join(text[start:stop].split())
