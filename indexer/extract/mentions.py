"""Where a document's text mentions its references: the marks, each tied to its entry, with the sentence around it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from indexer.document import Block, Reference, Section, TextMention
from indexer.extract.reference_names import SUFFIXES
from indexer.folding import plain

_READ = frozenset(["abstract", "body", "caption", "figure", "table", "formula", "footnote", "appendix"])
_ROWS = ("table", "figure", "formula")  # kinds that keep their line ends: there a row is a sentence
LONGEST_SENTENCE = 1500
_MOST_MARKS = 30_000


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

    A mark that fits two references equally well is tied to none. The mark of a number is its whole bracket
    (`[3, 7–9]`), that of an author and year the words that name one entry (`Douillard et al., 2023`).
    """
    if not references:
        return ()
    runs = list(_runs(pages, blocks))
    found: list[list[TextMention]] = [[] for _ in references]
    begins = [(section.page, section.start) for section in sections]
    left = _MOST_MARKS
    for run, marks in _marked(runs, references):
        marks = marks[:left]
        left -= len(marks)
        bounds = _bounds(run) if marks else []
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
        if block.kind not in _READ or not 0 <= block.page < len(pages):
            continue
        kind: str = "body" if block.kind == "appendix" else block.kind
        if kind in parts and not (block.continued or _splits_mark(pages, parts[kind][-1], block)):
            yield _run(pages, kind, parts.pop(kind))
        parts.setdefault(kind, []).append(block)
    for kind, rest in parts.items():
        yield _run(pages, kind, rest)


def _splits_mark(pages: Sequence[str], before: Block, block: Block) -> bool:
    """Whether a page ends between an author and the year: `et al.` is no sentence's end then."""
    end = pages[before.page][max(before.start, before.end - 8) : before.end]
    return end.endswith(("al.", "al")) and bool(_YEAR_FIRST.match(pages[block.page], block.start, block.end))


_YEAR_FIRST = re.compile(r"[(\[](?:1[89]|20)\d\d")


def _run(pages: Sequence[str], kind: str, blocks: Sequence[Block]) -> _Run:
    pieces = [pages[block.page][block.start : block.end] for block in blocks]
    starts = accumulate((len(piece) + 1 for piece in pieces[:-1]), initial=0)
    return _Run(" ".join(pieces), kind, tuple(starts), tuple(blocks))


def _place(run: _Run, mark: _Mark) -> tuple[int, int, int]:
    """The page of a mark, and where it begins and ends there; of one that a page's end cuts, the first part."""
    at = bisect_right(run.starts, mark.start) - 1
    block = run.blocks[at]
    start = block.start + mark.start - run.starts[at]
    return block.page, start, min(block.start + mark.end - run.starts[at], block.end)


def _marked(runs: Sequence[_Run], references: Sequence[Reference]) -> list[tuple[_Run, list[_Mark]]]:
    """The marks of each run, in the style that the document's list and text agree on."""
    labels = {_label(reference.label): n for n, reference in reversed(list(enumerate(references))) if reference.label}
    numbered = sum(label.isascii() and label.isdigit() for label in labels) >= 0.6 * len(references)
    if labels and not numbered:
        by_label = [(run, _labels_in(run, labels)) for run in runs]
        return by_label if _cited(by_label) else _by_name(runs, references)
    if numbered:
        by_number = _by_number(runs, {label: n for label, n in labels.items() if label.isascii() and label.isdigit()})
        if _cited(by_number) >= 0.15 * len(references):
            return by_number
        by_name = _by_name(runs, references)
        return by_name if _cited(by_name) > _cited(by_number) else by_number
    by_name = _by_name(runs, references)
    if _cited(by_name) >= 0.2 * len(references):
        return by_name
    # a list that has lost its numbers is cited by number still: nearly every one of them
    by_number = _by_number(runs, {str(n + 1): n for n in range(len(references))})
    return by_number if _cited(by_number) >= max(3, 0.5 * len(references)) else by_name


def _cited(found: Iterable[tuple[_Run, list[_Mark]]]) -> int:
    return len({n for _, marks in found for mark in marks for n in mark.cited})


def _label(label: str) -> str:
    return re.sub(r"[\s^{}+∗*]", "", label)


# Numbers

_BRACKET = re.compile(r"\[([^\[\]]{1,160})\]")
_ROUND = re.compile(r"\((\d{1,3}(?:\s?[,;–—-]\s?\d{1,3}){0,20})\)")
_RAISED = re.compile(r"(?<=[\w.,;:)\]”\"’])\^\{?(\d{1,3}(?:[,–—-]\d{1,3}){0,20})\}?(?![\w^])")
_NUMBERS = re.compile(r"(\d{1,4})(?:\s?[–—−-]\s?(\d{1,4}))?")
_NOTE = re.compile(
    r"(?:see|also|e\.\s?g\.|cf\.|and|references?|therein|sec(?:tion|t)?s?\b|chap(?:ter)?s?\b|ch\b|theorem|thm|lemma|"
    r"prop(?:osition)?|cor(?:ollary)?|p{1,2}\b|pages?|fig(?:ure)?s?\b|table|alg(?:orithm)?|eqs?\b|equation|part|"
    r"def(?:inition)?|appendix|app\b|vol(?:ume)?|inter alia|etc|among|many|others|§|remark|example|line|slide|footnote|"
    r"exercise|problem|assumption|version)",
    re.IGNORECASE,
)
_SIGN_BEFORE = re.compile(r"[∈=∼~×·*/^<>≤≥≈⊂⊆∪∩∝→−]\s*$")
_INTERVAL_BEFORE = re.compile(
    r"(?:\b(?:intervals?|rang(?:e|es|ed|ing)|segment|between|uniform(?:ly)?|clip(?:ped)?|clamp(?:ed)?|normali[sz]ed|scaled|"
    r"rescaled|values?|scores?|ratings?|lies?|bounded|sampled|drawn|chosen)"
    r"(?: (?:of|on|over|in|into|from|to|the|within|by|at random))*|(?:^|\s)[b-hj-zB-HJ-Z]\s?(?:in|:)?)\s*$"
)
_SHAPE_BEFORE = re.compile(r"(?:\bshapes?(?: of| is)?|\bfrom \[[\d, ]{1,20}\] to)\s*$")
_CELL_BEFORE = re.compile(r"(?:\n|  |^)$")
_CELL_AFTER = re.compile(r"\n|  |$")
_FROM_TO = re.compile(r"\bfrom\s*$")
_TO = re.compile(r"\s*to\s*\[")
_PAIR = re.compile(r"\s*(\d+)\s*,\s*(\d+)\s*")
_ITEM_AFTER = re.compile(r"\s(?:[A-Z]\.\s?){1,3}[A-Z]|\s[A-Z][\w’'-]+(?:,| [A-Z][\w’'-]+(?:,| and ))")
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
    most = max(map(int, numbers), default=0)
    last: tuple[int, int] | None = None  # the number that a bracket ended with, and where
    for match in _BRACKET.finditer(text):
        inner = match[1]
        if not any(c.isdigit() for c in inner[:40]):
            continue
        cited = _numbers_of(inner, numbers, most)
        if not cited or _no_citation(text, match.start(), match.end(), run.kind == "formula"):
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


def _numbers_of(inner: str, numbers: dict[str, int], most: int) -> list[int]:
    """The numbers in a bracket; none unless each may be an entry's (up to `most`), and the rest is a note."""
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
        if not (1 <= first <= last <= most and last - first <= _LONGEST_RANGE):
            return []
        cited += [n for n in range(first, last + 1) if str(n) in numbers]
    return cited


def _no_citation(text: str, start: int, end: int, formula: bool) -> bool:
    """Whether brackets around numbers are an interval's, an index's or a list item's.

    What was taken for a formula may be a table: a bracket that has a cell for itself is a citation.
    """
    if formula and not (_CELL_BEFORE.search(text, max(0, start - 3), start) and _CELL_AFTER.match(text, end)):
        return True
    before = text[max(0, start - 40) : start]
    spaced = not before or before[-1].isspace()
    pair = _PAIR.fullmatch(text, start + 1, end - 1)
    if re.match(r"[_\d]|[^\W\d_](?![^\W\d_])", text[end : end + 2]) or (
        text[end : end + 1] == "^" and (pair or not spaced)
    ):
        return True
    if not spaced:
        glued = re.search(r"[\w.^_’'-]*$", before)
        if glued and re.search(r"[_^]|\w\.\w|^\w\w?$|^\w\d+$", glued[0]):
            return True  # x[1], q.shape[1]
        if before[-1] == ")" and not re.search(r"[^\W\d_]{2,}\)$", before):
            return True  # f(x)[1]
    if _SIGN_BEFORE.search(before):
        return True
    if _SHAPE_BEFORE.search(before) or (_FROM_TO.search(before) and _TO.match(text, end)):
        return True
    if pair and int(pair[1]) == int(pair[2]):
        return True
    if pair and int(pair[1]) < int(pair[2]) and _INTERVAL_BEFORE.search(before):
        return True
    return not before.strip() and bool(_ITEM_AFTER.match(text, end))


def _plain_in(run: _Run, numbers: dict[str, int], pattern: re.Pattern[str]) -> list[_Mark]:
    """Numbers in round brackets or raised."""
    marks = []
    most = max(map(int, numbers), default=0)
    for match in pattern.finditer(run.text):
        before = run.text[max(0, match.start() - 24) : match.start()]
        if pattern is _ROUND and re.search(
            r"(?:eqs?\.?|equations?|problem|theorem|lemma|section|step|case|item|line|\w\d|=|\d)\s*$",
            before,
            re.IGNORECASE,
        ):
            continue
        if pattern is _RAISED and re.search(r"(?:\b\w|\d|[)\]])$", before) and not re.search(r"[.,;:”\"’]$", before):
            continue  # x^2, 10^6
        cited = _numbers_of(match[1], numbers, most)
        if cited:
            marks.append(_Mark(match.start(), match.end(), tuple(dict.fromkeys(numbers[str(n)] for n in cited))))
    return marks


# Labels made of letters


_LABEL_LIKE = re.compile(r"[^\W\d_]\w{0,10}\d\d[a-z]?")


def _labels_in(run: _Run, labels: dict[str, int]) -> list[_Mark]:
    marks = []
    for match in _BRACKET.finditer(run.text):
        parts = [label for part in re.split(r"[,;]", match[1]) if (label := _label(part))]
        cited = [labels[part] for part in parts if part in labels]
        if cited and all(part in labels or _NOTE.match(part) or _LABEL_LIKE.fullmatch(part) for part in parts):
            marks.append(_Mark(match.start(), match.end(), tuple(dict.fromkeys(cited))))
    return marks


# Authors and years

_YEAR = re.compile(
    r"(?<![\w./–-])(?<!\d,)(?:in press|to appear|forthcoming|n\.\s?d\.|((?:1[89]|20)\d\d)([a-z]?))(?![\w/])(?!-\d)"
)
_MORE = re.compile(r"\s?(?:,|;|and|&)\s?(?:((?:1[89]|20)\d\d)([a-z]?)(?![\w/])(?!-\d)|([a-z])(?=\s?[);,\]]))")
_ET_AL = re.compile(
    r"(?:,?\s(?:et\.?\s?al\b\.?|and others|and (?:his |her |their )?(?:colleagues|co-?authors|co-?workers)))$",
    re.IGNORECASE,
)
_POSSESSIVE = re.compile(r"(?:['’]s?)$")
_WORD_START = re.compile(r"(?<![^\s(\[“\"/;—\d^])[^\W\d_]")  # also after the digit that marks a footnote
_AND = re.compile(r"(?:,?\s(?:and|&|und|et|y)|,)$")
_GIVEN = re.compile(r"(?: [^\W\d_a-zß-öø-ÿ][\w’'.-]{0,30}){1,2}$")
_WINDOW = 160  # characters before a year in which its names stand
_MOST_NAMES = 8
_MOST_BY_ONE = 300  # references of one first author that are looked at
_ALONE = re.compile(r"\bet\.?\sal\b(?:\.|(?!\.))(?![’']?s?\s?,?\s?[(\[]?(?:(?:1[89]|20)\d\d|in press|to appear|n\.d))")


class _Named(NamedTuple):
    """Names before a year: where they begin, their keys, whether `et al.` follows, and the first one as printed."""

    start: int
    names: tuple[str, ...]
    several: bool
    printed: str


class _Index(NamedTuple):
    """What names and years tell of the references. A key is a name as `name_key` has it, or the end of one."""

    first: dict[str, list[int]]  # by their first author
    known: frozenset[str]  # every author
    authors: tuple[tuple[str, ...], ...]  # each reference's names as keys
    years: tuple[tuple[int | None, str], ...]  # with the letter printed after it
    cut: tuple[bool, ...]  # whether the entry says `et al.` itself
    references: tuple[Reference, ...]
    begun: dict[tuple[str, ...], list[int]]  # which references begin with these names, as far as was asked
    meant: dict[tuple[_Named, int | None, str], int | None]  # what `_resolved` has found


def _by_name(runs: Sequence[_Run], references: Sequence[Reference]) -> list[tuple[_Run, list[_Mark]]]:
    index = _index(references)
    return [(run, _names_in(run, index)) for run in runs]


def _index(references: Sequence[Reference]) -> _Index:
    by_first: dict[str, list[int]] = defaultdict(list)
    authors: list[tuple[str, ...]] = []
    years: list[tuple[int | None, str]] = []
    cut: list[bool] = []
    whole: list[str] = []  # `Meta AI`, and `Karpathy, Andrej` where a `.bib` has it in braces
    for n, reference in enumerate(references):
        names = tuple(key for name in reference.authors if (key := name_key(name)))
        if not names and reference.title:  # what has no author is cited by its title's first words
            names = tuple(filter(None, [_key(re.split(r"[:.,(]", reference.title)[0])]))
        authors.append(names)
        for key in _ends(names[0]) if names else ():
            by_first[key].append(n)
        as_printed = [_key(name) for name in reference.authors]
        whole += as_printed
        if names and as_printed and as_printed[0] != names[0]:
            by_first[as_printed[0]].append(n)
        letters = re.findall(rf"(?<!\d){reference.year}([a-z])\b", reference.raw) if reference.year else []
        years.append((reference.year, letters[-1] if letters else ""))
        cut.append(bool(re.search(r"\bet al\b|\bothers\b", reference.raw)))
    known = frozenset(end for names in authors for name in names for end in _ends(name)).union(whole)
    first = {key: members[:_MOST_BY_ONE] for key, members in by_first.items()}
    return _Index(first, known, tuple(authors), tuple(years), tuple(cut), tuple(references), {}, {})


def _ends(key: str) -> list[str]:
    """A key and what it ends with, by words: how much of a name is the surname is seen in the text."""
    words = key.split()[-6:]
    return [" ".join(words[i:]) for i in range(len(words))]


def name_key(name: str) -> str:
    """A name in one spelling, given names first: lower case, without accents, hyphens and full stops."""
    head, _, tail = name.strip().partition(",")
    given = tail.strip()
    words = head.split()
    if given.lower().strip(".") in SUFFIXES:
        given = ""
    while len(words) > 1 and words[-1].lower().strip(".") in SUFFIXES:
        words.pop()
    if not given and len(words) > 1 and re.fullmatch(r"[A-Z]{1,2}", words[-1]) and re.match(r"[A-Z].*[a-z]", words[0]):
        given = words.pop()  # Last FM
    return _key(f"{given} {' '.join(words)}")


def _key(text: str) -> str:
    return " ".join(re.findall(r"\w+", _JOINED.sub("", plain(text))))


_JOINED = re.compile(r"[-‐–'’`´¨]")


def _names_in(run: _Run, index: _Index) -> list[_Mark]:
    marks: list[_Mark] = []
    text = run.text
    done = 0
    for match in _YEAR.finditer(text):
        if match.start() < done:
            continue
        named = _named_before(text, match.start(), index)
        if named is None:
            continue
        wanted, done = _years_at(text, match)
        cited = [n for year, letter in wanted if (n := _resolved(named, year, letter, index)) is not None]
        if not cited:
            continue
        end = done
        opened = {")": "(", "]": "["}.get(text[end : end + 1])
        if opened and opened in text[named.start : match.start()]:
            end += 1  # Kingma and Ba (2015)
        marks.append(_Mark(named.start, end, tuple(dict.fromkeys(cited))))
        if len(marks) > _MOST_MARKS:
            break
    return marks + _without_year(text, index, marks)


def _years_at(text: str, match: re.Match[str]) -> tuple[list[tuple[int | None, str]], int]:
    """The years, with their letters, that begin with a match of `_YEAR` (`2019, 2020a,b`), and where they end."""
    year = int(match[1]) if match[1] else None
    years = [(year, match[2] or "")]
    at = match.end()
    while year is not None and (more := _MORE.match(text, at)):
        if more[1]:
            years.append((int(more[1]), more[2] or ""))
        elif years[-1][1]:
            years.append((years[-1][0], more[3]))
        else:
            break
        at = more.end()
    return years, at


def _without_year(text: str, index: _Index, marks: Sequence[_Mark]) -> list[_Mark]:
    """`Anil et al.` without a year, where one reference only begins with that name."""
    starts = [mark.start for mark in marks]
    found = []
    for match in _ALONE.finditer(text):
        at = bisect_right(starts, match.start()) - 1
        if at >= 0 and match.start() < marks[at].end:
            continue
        named = _named_before(text, match.end(), index)
        if named is None:
            continue
        fits = _beginning(named.names, index)
        if len(fits) == 1 and (len(index.authors[fits[0]]) > len(named.names) or index.cut[fits[0]]):
            found.append(_Mark(named.start, match.end(), (fits[0],)))
    return found


def _named_before(text: str, at: int, index: _Index) -> _Named | None:
    """The names of authors that end before `at`.

    Names are read backwards, word by word, as long as they are authors of one reference in its order.
    """
    base = max(0, at - _WINDOW)
    left = text[base:at].rstrip()
    if left[-1:] in ("(", "["):
        left = left[:-1].rstrip()
    left = _POSSESSIVE.sub("", left.rstrip(" ,:"))
    found = _ET_AL.search(left)
    if found:
        left = _POSSESSIVE.sub("", left[: found.start()].rstrip(" ,"))
    best: _Named | None = None
    names: tuple[str, ...] = ()
    for _ in range(_MOST_NAMES):
        read = _name_before(left, index)
        if read is None:
            break
        start, key = read
        names = (key, *names)
        if _beginning(names, index):
            best = _Named(base + start, names, bool(found), left[start:])
        left = left[:start].rstrip()
        joint = _AND.search(left)
        if not joint:  # Diederik Kingma and Jimmy Ba
            left = _GIVEN.sub("", left)
            joint = _AND.search(left)
        if not joint:
            break
        left = _POSSESSIVE.sub("", left[: joint.start()].rstrip(" ,"))
    return best


def _name_before(left: str, index: _Index) -> tuple[int, str] | None:
    """The longest name that `left` ends with and some reference's author has: where it begins, and its key."""
    starts = [match.start() for match in _WORD_START.finditer(left, max(0, len(left) - 80))]
    for start in starts[-6:]:
        if any(map(str.isupper, left[start:])) and (key := _key(left[start:])) in index.known:
            return start, key
    return None


def _beginning(names: tuple[str, ...], index: _Index) -> list[int]:
    """The references whose authors begin with these names."""
    if names not in index.begun:
        index.begun[names] = [
            n
            for n in dict.fromkeys(index.first.get(names[0], ()))
            if len(names) <= len(index.authors[n]) and all(map(_same, index.authors[n], names))
        ]
    return index.begun[names]


def _same(author: str, name: str) -> bool:
    """Whether `name`, as the text has it, is that author's: the end of it, or all of it with the surname first."""
    if author.endswith(name):
        return len(author) == len(name) or author[-len(name) - 1] == " "
    return " " in name and sorted(author.split()) == sorted(name.split())


def _resolved(named: _Named, year: int | None, letter: str, index: _Index) -> int | None:
    """The reference that names and a year mean; None where none does, or two do.

    Of several the letter after the year decides, or that none is printed; then the number of authors; then capitals.
    """
    asked = (named._replace(start=0), year, letter)
    if asked not in index.meant:
        index.meant[asked] = _meant(named, year, letter, index)
    return index.meant[asked]


def _meant(named: _Named, year: int | None, letter: str, index: _Index) -> int | None:
    fits = _beginning(named.names, index)
    dated = [n for n in fits if index.years[n][0] == year]
    if not dated and year is not None:
        dated = [n for n in fits if re.search(rf"(?<!\d){year}(?!\d)", index.references[n].raw)]
    dated = [n for n in dated if not letter or index.years[n][1] in ("", letter)]
    for told in (
        lambda n: index.years[n][1] == letter,
        lambda n: _counted(len(index.authors[n]), index.cut[n], len(named.names), named.several),
        lambda n: not named.several or len(index.authors[n]) > 2 or index.cut[n],
        lambda n: any(named.printed in author for author in index.references[n].authors[:1]),
    ):
        if len(dated) > 1:
            dated = [n for n in dated if told(n)] or dated
    return dated[0] if len(dated) == 1 else None


def _counted(authors: int, cut: bool, named: int, several: bool) -> bool:
    """Whether an entry of so many authors is cited with so many names, and `et al.` or none."""
    return authors > named or cut if several else authors == named and not cut


# Sentences

_END = re.compile(r"(?<![.!?])[.!?]+[)\]”\"’']*\s+(?=[\"“‘(\[]*[^\Wa-zß-öø-ÿ_])")
_NO_END = re.compile(
    r"(?:^|[\s(\[“\"–-])(?:[A-Z]|(?:[A-Z]\.)+[A-Z]|et al|e\.\s?g|i\.\s?e|cf|vs|resp|Figs?|Eqs?|Eqn|Secs?|Sect|Tabs?|"
    r"Refs?|Chap|Ch|App|Alg|Thm|Prop|Lem|Cor|Def|Dr|Mr|Mrs|Ms|Prof|St|No|Nos|Vol|pp|approx|ca|al|Inc|Ltd|Corp|Jr|Sr|etc)$"
)


def _bounds(run: _Run) -> list[int]:
    """Where sentences begin, the first at 0; in a table, rows."""
    text = run.text
    bounds = [0]
    if run.kind in _ROWS:
        return bounds + [match.end() for match in re.finditer(r"\n", text)]
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
    after = bisect_left(bounds, mark.end, at + 1)
    stop = bounds[after] if after < len(bounds) else len(text)
    if stop - start > LONGEST_SENTENCE:
        start = max(start, mark.start - LONGEST_SENTENCE // 2)
        stop = min(stop, start + LONGEST_SENTENCE)
    return " ".join(text[start:stop].split())
