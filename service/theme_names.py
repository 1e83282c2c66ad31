"""Names for groups of papers: phrases that many of a group have and few others, as their authors write them.

A phrase is a run of up to four words that neither grammar nor punctuation parts, "of" aside. It names a group well
where many of the group have it and few others (c-TF-IDF does so for single words: Grootendorst, "BERTopic" (2022)), and
where it is whole: hardly ever a part of a longer one (C-value: Frantzi et al., "Automatic Recognition of Multi-Word
Terms" (2000)). A second phrase joins the first where that leaves out many.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from indexer.library import Generation
from service import wording
from service.wording import Told

_WORD = re.compile(r"[^\W_]+(?:[-\u2010\u2011'’][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_LONGEST = 4  # words
_LENGTHS = {1: 0.45, 2: 1.0, 3: 1.15, 4: 0.9}  # how well a name of so many words reads
_TERMS = 5
_OF_ONE = 0.4  # what a phrase of one paper counts, for several
_READ = 40  # abstracts of a group that are read; of the others the titles alone
_MOST = 200  # papers of a group that are looked at
_IN_TITLE, _IN_TEXT = 1.0, 0.6
_LEFT_OUT = 0.5  # of a group, from which on its name gets a second phrase
_WHOLE = 0.6  # of the times that a single word stands there, without which it is no noun
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
    world domain natural automatic automated test testing benchmark review
    """
)


class _Phrase(NamedTuple):
    key: tuple[str, ...]
    text: str
    whole: bool


class _Seen:
    """Where the phrases of some papers stand, and how they are written there."""

    def __init__(self) -> None:
        self.weight: dict[tuple[str, ...], dict[int, float]] = defaultdict(dict)  # by position
        self.forms: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        self.whole: Counter[tuple[str, ...]] = Counter()
        self.often: Counter[tuple[str, ...]] = Counter()
        self.small: Counter[str] = Counter()  # words in small letters
        self.capital: Counter[str] = Counter()  # words with a capital where no sentence begins

    def read(self, position: int, text: str, weight: float) -> None:
        for phrase in _phrases(text):
            held = self.weight[phrase.key]
            held[position] = max(held.get(position, 0.0), weight)
            self.often[phrase.key] += 1
            self.whole[phrase.key] += phrase.whole
            self.forms[phrase.key][phrase.text] += 1
        if weight == _IN_TEXT:
            for match in _PART.finditer(text):
                word = match.group()
                if word[:1].islower():
                    self.small[word] += 1
                elif text[max(match.start() - 2, 0) : match.start()].strip()[-1:] not in (".", ":", "?", "!", ""):
                    self.capital[word.lower()] += 1

    def written(self, key: tuple[str, ...]) -> str:
        """A phrase as it is mostly written, without the capitals that a title gives to any word."""
        forms = Counter[str]()
        for form, count in self.forms[key].items():
            forms[" ".join(map(self._plain, form.split()))] += count
        return min(forms, key=lambda form: (-forms[form], form))

    def _plain(self, word: str) -> str:
        small = word.lower()
        parts = _PART.findall(word)
        ordinary = all(part.isalpha() and (part.istitle() or part.islower() or len(part) > _LONGEST) for part in parts)
        known = any(self.small[part.lower()] >= self.capital[part.lower()] for part in parts)
        return small if ordinary and known else word


def named(generation: Generation, groups: Sequence[Sequence[int]]) -> list[tuple[str, tuple[str, ...]]]:
    """For each group of documents' positions its name and up to five phrases that tell it from the others, best
    first."""
    ordered = [_spread(generation, group) for group in groups]
    told = wording.told(generation, [position for group in ordered for position in group])
    return names([[told[position] for position in group] for group in ordered])


def _spread(generation: Generation, group: Sequence[int]) -> list[int]:
    """The documents of a group that are looked at: all, or a sample that says nothing of the list's order."""
    summaries = generation.catalogue.summaries
    return sorted(set(group), key=lambda position: wording.mixed(summaries[position].id))[:_MOST]


def names(groups: Sequence[Sequence[Told]]) -> list[tuple[str, tuple[str, ...]]]:
    """As `named`, from what the papers of each group say of themselves. No two groups get the same name."""
    seen = _Seen()
    owner: list[int] = []
    for number, group in enumerate(groups):
        for place, each in enumerate(group):
            seen.read(len(owner), each.title, _IN_TITLE)
            if place < _READ:
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
        best = _best({key: score for key, score in scores[number].items() if score == highest[key]})
        shared = [key for key in best if sizes[number] == 1 or sum(owner[p] == number for p in seen.weight[key]) > 1]
        best = shared or best[:1]
        holders = [{p for p in seen.weight[key] if owner[p] == number} for key in best]
        words = tuple(seen.written(key) for key in best)
        whole = [len(key) > 1 or seen.whole[key] >= _WHOLE * seen.often[key] for key in best]
        name = _joined(
            words, [scores[number][key] * fits for key, fits in zip(best, whole, strict=True)], holders, sizes[number]
        )
        if not name:
            name = next((each.title for each in groups[number] if each.title), "") or "other papers"
        while name in taken:
            name = next((f"{name}, {word}" for word in words if word not in name), f"{name}, more")
        taken.add(name)
        made.append((name, words))
    return made


def _scores(seen: _Seen, owner: Sequence[int], sizes: Sequence[int]) -> list[dict[tuple[str, ...], float]]:
    scores: list[dict[tuple[str, ...], float]] = [{} for _ in sizes]
    total = sum(sizes)
    for key, weight in seen.weight.items():
        if any(stem in _OF_PAPERS for stem in key) or all(stem in _NOT_ALONE for stem in key):
            continue
        inside = [0.0] * len(sizes)
        for position, share in weight.items():
            inside[owner[position]] += share
        everywhere = sum(inside)
        whole = seen.whole[key] / seen.often[key]
        for number, size in enumerate(sizes):
            if not inside[number] or (size == 1 and inside[number] < _IN_TITLE):
                continue
            alone = size > 1 and sum(owner[position] == number for position in weight) < 2
            share = inside[number] / size
            others = (everywhere - inside[number] + 0.5) / (total - size + 1)
            if share > others:
                fits = _LENGTHS[len(key)] * whole * (_OF_ONE if alone else 1)
                scores[number][key] = share * math.log(share / others) * fits
    return scores


def _best(scores: dict[tuple[str, ...], float]) -> list[tuple[str, ...]]:
    """The best phrases, none of which says a part of another."""
    best: list[tuple[str, ...]] = []
    for key in sorted(scores, key=lambda key: (-scores[key], key)):
        if not any(set(key) & set(other) for other in best):
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
    more = [n for n in range(1, len(words)) if scores[n] >= _SECOND * scores[0] and holders[n] - holders[0]]
    if not more:
        return words[0]
    second = max(more, key=lambda n: (len(holders[n] - holders[0]), -n))
    return f"{words[0]} and {words[second]}"


def _phrases(text: str) -> Iterator[_Phrase]:
    """The phrases of a text."""
    for run in _runs(text):
        for first in range(len(run)):
            key: tuple[str, ...] = ()
            for last in range(first, min(first + _LONGEST, len(run))):
                stems, _, end = run[last]
                key += stems
                if len(key) > _LONGEST:
                    break
                if any(end.isdigit() or len(end) < 2 for end in (key[0], key[-1])):
                    continue
                alone = last + 1 == len(run)
                yield _Phrase(key, " ".join(text[run[first][1] : end].split()), alone)


def _runs(text: str) -> Iterator[list[tuple[tuple[str, ...], int, int]]]:
    """Words in a row, each with the stems of its parts and its place, which nothing but "of" parts."""
    run: list[tuple[tuple[str, ...], int, int]] = []
    last, of = 0, False
    for match in _WORD.finditer(text):
        between = text[last : match.start()]
        last = match.end()
        stems = tuple(stem for part in _PART.findall(match.group()) if (stem := wording.stem_of(part)))
        parted = bool(between.strip())
        if stems and not parted and not (of and not run):
            run.append((stems, match.start(), match.end()))
            of = False
            continue
        if run and not parted and match.group() == "of" and not of:
            of = True
            continue
        if run:
            yield run
        run, of = ([(stems, match.start(), match.end())] if stems else []), False
    if run:
        yield run
