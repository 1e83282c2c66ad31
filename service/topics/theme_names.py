"""Names for groups of papers: phrases that many of a group have and few others, as their authors write them.

A phrase is a run of up to four words that neither grammar nor punctuation parts, "of" aside. It names a group well
where many of the group have it and few others (c-TF-IDF does so for single words: Grootendorst, "BERTopic" (2022)), and
where it is whole: hardly ever a part of a longer one (C-value: Frantzi et al., "Automatic Recognition of Multi-Word
Terms" (2000)). What mostly stands where a verb or a predicate does is none. A second phrase joins the first where that
leaves out many.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from indexer.library import Generation
from service import wording
from service.citations.shelf import head
from service.wording import Told

_WORD = re.compile(r"[^\W_]+(?:[-\u2010\u2011'’][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_LONGEST = 4  # words of a phrase
_TOGETHER = 5  # words of two phrases that make a name
_SHOUTED = 4  # letters: longer words in capitals are no abbreviations
_HEADING = 60  # letters of a heading that does for a name
_LENGTHS = {1: 0.45, 2: 1.0, 3: 1.15, 4: 0.9}  # how well a name of so many words reads
_TERMS = 5
_OF_ONE = 0.4  # what a phrase of one paper counts, for several
_READ, _FEWEST, _READ_IN_ALL = 40, 3, 1000  # abstracts of a group that are read; of the others the titles alone
_MOST = 200  # papers of a group that are looked at
_MANY = 500  # papers in all, from which on what one alone says is not looked at
_IN_TITLE, _IN_TEXT = 1.0, 0.6
_LEFT_OUT = 0.5  # of a group, from which on its name gets a second phrase
_WHOLE = 0.6  # of the times that a single word stands there, without which it is no noun
_VERBAL = 0.5  # of the times that a phrase stands there, from which on it is no name
_SPREAD, _ENOUGH = 0.4, 4  # of a group, and papers: what fewer have names it less well
_SECOND = 0.45  # of the first one's score that a second phrase needs


def _stems(words: str) -> frozenset[str]:
    return frozenset(stem for word in words.split() if (stem := wording.stem_of(word)))


# What papers say of themselves, whatever they are about: never part of a name.
_OF_PAPERS = _stems(
    """
    paper work study article report chapter book survey overview propose present introduce show demonstrate
    describe discuss investigate explore examine argue approach method technique result finding experiment
    experimental evaluation performance novel new recent recently challenge open question problem use using used
    license com github http https www page based different various several many two three four first second
    third also however improve improvement achieve achieved significant significantly important better best good
    well simple existing previous prior current currently number example analysis provide make made need order
    way research researcher field area literature author available code conclusion related like given often even
    find found help lead able across within without must toward towards beyond rethinking revisiting understand
    understanding exploring know known called want one case set type kind form part level time times high higher
    low lower large larger small smaller main major key general generally common commonly specific single
    multiple full advance progress state-of-the-art state art perspective issue goal aim focus effect effective
    effectively empirical theoretical framework comprehensive tool involve require allow enable apply compare
    include increase reduce become remain look take give get see consider begin start end keep add change next
    latest modern entire whole respectively thus therefore deep-dive dive glance etc vs per via among none us
    extent ability possible potential further
    """
)
# Good within a name, none by themselves.
_NOT_ALONE = _stems(
    """
    model models system systems data dataset datasets task tasks algorithm algorithms network networks training
    learning language processing application applications machine feature features information structure design
    development quality efficient efficiency deep neural distributed parallel computation computing architecture
    theory concept process strategy resource resources knowledge representation human people user users science
    world domain natural automatic automated test testing benchmark review parameter size scale scaling rate cost
    baseline class sample sampling measure measurement value amount speed block node step unit element
    """
)


# Behind these stands a verb, a participle or an adjective.
_BEFORE_VERBS = frozenset(
    """
    to we they it you who which that can could may might must shall should will would cannot not is are was were be
    been being has have had do does did become becomes more most very as so
    """.split()
)
_PARTICIPLE = re.compile(r"[a-z]{3,}(?<!e)ed|[a-z]{4,}ly")  # by itself, or at a phrase's end


_NUMBERED = re.compile(r"^[\d.\s]+(?=\D)")


class _Phrase(NamedTuple):
    """A phrase as it stands somewhere: whether the run of words ends with it, begins with it, and is behind a word that
    verbs follow."""

    key: tuple[str, ...]
    text: str
    ends: bool
    begins: bool
    verbal: bool


class _Seen:
    """Where the phrases of some papers stand, and how they are written there."""

    def __init__(self) -> None:
        self.weight: dict[tuple[str, ...], dict[int, float]] = defaultdict(dict)  # by position
        self.forms: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        self.often: Counter[tuple[str, ...]] = Counter()
        self.ends: Counter[tuple[str, ...]] = Counter()
        self.begins: Counter[tuple[str, ...]] = Counter()
        self.verbal: Counter[tuple[str, ...]] = Counter()
        self.small: Counter[str] = Counter()  # words in small letters
        self.capital: Counter[str] = Counter()  # words with a capital where no sentence begins

    def read(self, position: int, text: str, weight: float) -> None:
        for phrase in _phrases(text):
            held = self.weight[phrase.key]
            held[position] = max(held.get(position, 0.0), weight)
            self.often[phrase.key] += 1
            self.ends[phrase.key] += phrase.ends
            self.begins[phrase.key] += phrase.begins
            self.verbal[phrase.key] += phrase.verbal
            self.forms[phrase.key][phrase.text] += 1
        if weight == _IN_TEXT:
            self._count_capitals(text)

    def _count_capitals(self, text: str) -> None:
        words = list(_WORD.finditer(text))
        for before, match, after in zip([None, *words], words, [*words[1:], None], strict=False):
            if match[0][:1].islower():
                self.small.update(_PART.findall(match[0].lower()))
            elif (
                before is not None
                and not text[before.end() : match.start()].strip()  # no sentence begins
                # among capitals it may stand in a title
                and any(other and other[0][0].islower() and wording.stem_of(other[0]) for other in (before, after))
            ):
                self.capital.update(_PART.findall(match[0].lower()))

    def is_verbal(self, key: tuple[str, ...]) -> bool:
        """Whether a phrase mostly stands where a verb or a predicate does."""
        return self.verbal[key] >= _VERBAL * self.often[key]

    def is_noun(self, key: tuple[str, ...], holders: Collection[int]) -> bool:
        """Whether a single word is one that names something: it stands by itself, and in titles of its `holders`."""
        titled = sum(self.weight[key][position] >= _IN_TITLE for position in holders)
        return self.ends[key] >= _WHOLE * self.often[key] and titled >= min(2, len(holders))

    def fits(self, key: tuple[str, ...]) -> float:
        """How seldom a phrase is a part of a longer one: what stands before it matters less."""
        return self.ends[key] / self.often[key] * (2 + self.begins[key] / self.often[key]) / 3

    def written(self, key: tuple[str, ...]) -> str:
        """A phrase as it is mostly written, without the capitals that a title gives to any word."""
        forms = Counter[str]()
        for form, count in self.forms[key].items():
            forms[" ".join(map(self._plain, form.split()))] += count
        return min(forms, key=lambda form: (-forms[form], form))

    def _plain(self, word: str) -> str:
        parts = _PART.findall(word)
        ordinary = all(
            part.isalpha() and (part.istitle() or part.islower() or (part.isupper() and len(part) > _SHOUTED))
            for part in parts
        )
        known = any(self.small[part.lower()] >= self.capital[part.lower()] for part in parts)
        return word.lower() if ordinary and known else word


def named(generation: Generation, groups: Sequence[Sequence[int]]) -> list[tuple[str, tuple[str, ...]]]:
    """For each group of documents' positions its name and up to five phrases that tell it from the others, best
    first."""
    ordered = [_spread(generation, group) for group in groups]
    told = wording.told(generation, [position for group in ordered for position in group])
    headings = [_heading(generation, group) for group in ordered]
    found = names([[told[position] for position in group] for group in ordered], headings)
    return [(_as_a_heading(name), terms) for name, terms in found]


def _as_a_heading(name: str) -> str:
    """The name with a capital first; a word that has its own, as opML has, stays as it is."""
    first = name.split(" ", 1)[0]
    return name[:1].upper() + name[1:] if first.islower() else name


def _heading(generation: Generation, group: Sequence[int]) -> str:
    """The heading under which a list has most of a group, "" where there is none."""
    summaries = generation.catalogue.summaries
    counted = Counter(
        heading
        for position in group
        for heading in {mention.section[-1] for mention in summaries[position].entry.mentions if mention.section}
    )
    best = min(counted, key=lambda heading: (-counted[heading], heading), default="")
    name = _NUMBERED.sub("", best).strip()
    return name if 2 * counted[best] > len(group) and len(name) <= _HEADING else ""


def _spread(generation: Generation, group: Sequence[int]) -> list[int]:
    """The documents of a group that are looked at: all, or a sample that says nothing of the list's order."""
    summaries = generation.catalogue.summaries
    return sorted(set(group), key=lambda position: wording.mixed(summaries[position].id))[:_MOST]


def names(groups: Sequence[Sequence[Told]], headings: Sequence[str] = ()) -> list[tuple[str, tuple[str, ...]]]:
    """As `named`, from what the papers of each group say of themselves, and from the heading of each where they share
    nothing. No two groups get the same name."""
    seen = _Seen()
    owner: list[int] = []
    for number, group in enumerate(groups):
        for place, each in enumerate(group):
            seen.read(len(owner), each.title, _IN_TITLE)
            if place < max(_FEWEST, min(_READ, _READ_IN_ALL // len(groups))):
                seen.read(len(owner), each.text, _IN_TEXT)
            owner.append(number)
    sizes = [len(group) for group in groups]
    scores = _scores(seen, owner, sizes)
    highest: dict[tuple[str, ...], float] = {}
    for of_group in scores:
        for key, score in of_group.items():
            highest[key] = max(highest.get(key, 0.0), score)
    taken: set[str] = set()
    made = []
    for number in range(len(groups)):
        best = _best(seen, {key: score for key, score in scores[number].items() if score == highest[key]})
        shared = [key for key in best if sizes[number] == 1 or sum(owner[p] == number for p in seen.weight[key]) > 1]
        heading = headings[number] if headings else ""
        named = "" if shared else heading or _by_titles([each.title for each in groups[number]])
        best = shared or best[:1]
        holders = {key: {p for p in seen.weight[key] if owner[p] == number} for key in best}
        good = {key for key in best if len(key) > 1 or seen.is_noun(key, holders[key])}
        best.sort(key=lambda key: key not in good)
        words = tuple(map(seen.written, best))
        name = named or _joined(
            words, [scores[number][key] * (key in good) for key in best], [holders[key] for key in best], sizes[number]
        )
        if not name:
            name = next((each.title for each in groups[number] if each.title), "") or "other papers"
        while name in taken:
            name = next((f"{name}, {word}" for word in words if word not in name), f"{name}, more")
        taken.add(name)
        made.append((name, words))
    return made


def _by_titles(titles: Sequence[str]) -> str:
    """A name for papers that share no phrase: what two of their titles call their subjects, "" where they call it nothing."""
    heads = list(dict.fromkeys(one for title in titles if (one := head(title) or title) and len(one.split()) < 3))
    if len(heads) < 2 or 2 * len(heads) < len(titles):
        return ""
    return " and ".join(heads) if len(titles) == 2 else f"{heads[0]}, {heads[1]} and more"


def _scores(seen: _Seen, owner: Sequence[int], sizes: Sequence[int]) -> list[dict[tuple[str, ...], float]]:
    scores: list[dict[tuple[str, ...], float]] = [{} for _ in sizes]
    total = sum(sizes)
    for key, weight in seen.weight.items():
        if len(weight) == 1 and total > _MANY:  # it names no more than a paper
            continue
        if any(stem in _OF_PAPERS for stem in key) or all(stem in _NOT_ALONE for stem in key) or seen.is_verbal(key):
            continue
        inside: dict[int, float] = defaultdict(float)
        holders = Counter(owner[position] for position in weight)
        for position, share in weight.items():
            inside[owner[position]] += share
        everywhere = math.fsum(inside.values())
        fits = _LENGTHS[len(key)] * seen.fits(key)
        for number, held in inside.items():
            size = sizes[number]
            if size == 1 and held < _IN_TITLE:
                continue
            share, others = held / size, (everywhere - held + 0.5) / (total - size + 1)
            if share > others:
                alone = _OF_ONE if holders[number] < 2 else 1
                spread = min(holders[number] / min(_SPREAD * size, _ENOUGH), 1)
                scores[number][key] = share * math.log(share / others) * fits * alone * spread
    return scores


def _best(seen: _Seen, scores: dict[tuple[str, ...], float]) -> list[tuple[str, ...]]:
    """The best phrases, none of which says a part of another or ends with a participle."""
    best: list[tuple[str, ...]] = []
    for key in sorted(scores, key=lambda key: (-scores[key], key)):
        if any(set(key) & set(other) for other in best):
            continue
        if not _PARTICIPLE.fullmatch(seen.written(key).split()[-1].lower()):
            best.append(key)
        if len(best) == _TERMS:
            break
    return best


def _joined(words: Sequence[str], scores: Sequence[float], holders: Sequence[set[int]], size: int) -> str:
    """The best phrase, and the next good one that names most of those that it leaves out, where they are many."""
    if not words:
        return ""
    if len(holders[0]) >= (1 - _LEFT_OUT) * size:
        return words[0]
    more = [
        n for n in range(1, len(words))
        if scores[n] >= _SECOND * scores[0] and holders[n] - holders[0]
        and len(words[0].split()) + len(words[n].split()) <= _TOGETHER
        and (" " in words[n] or not words[n].islower())
    ]  # fmt: skip
    if not more:
        return words[0]
    second = max(more, key=lambda n: (len(holders[n] - holders[0]), -n))
    return f"{words[0]} and {words[second]}"


def _phrases(text: str) -> Iterator[_Phrase]:
    """The phrases of a text."""
    for before, run in _runs(text):
        for first in range(len(run)):
            key: tuple[str, ...] = ()
            for last in range(first, min(first + _LONGEST, len(run))):
                stems, _, end = run[last]
                key += stems
                if len(key) > _LONGEST:
                    break
                if any(end.isdigit() or len(end) < 2 for end in (key[0], key[-1])):
                    continue
                words = " ".join(text[run[first][1] : end].split())
                verbal = first == 0 and before in _BEFORE_VERBS
                yield _Phrase(key, words, last + 1 == len(run), first == 0, verbal)


def _runs(text: str) -> Iterator[tuple[str, list[tuple[tuple[str, ...], int, int]]]]:
    """Words in a row, each with the stems of its parts and its place, which nothing but "of" parts; with each row the
    word of grammar before it, in small letters, "" where there is none."""
    run: list[tuple[tuple[str, ...], int, int]] = []
    last, of, before, grammar = 0, False, "", ""
    for match in _WORD.finditer(text):
        parted = bool(text[last : match.start()].strip())
        last = match.end()
        stems = tuple(stem for part in _PART.findall(match.group()) if (stem := wording.stem_of(part)))
        if run and not parted and (stems or (match.group() == "of" and not of)):
            if stems:
                run.append((stems, match.start(), match.end()))
            of = not stems
            continue
        if run:
            yield before, run
        run, of = [], False
        if stems:
            before, run = "" if parted else grammar, [(stems, match.start(), match.end())]
        grammar = "" if stems else match.group().lower()
    if run:
        yield before, run
