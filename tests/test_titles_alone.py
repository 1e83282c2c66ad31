"""What is known by its title alone: it changes neither the order nor the themes of what has a text, and says what it is."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_records import built, record

from indexer.document import Document, Entry, Mention
from indexer.library import Generation
from service import citations, paper_vectors, topics
from service.minutes import minutes
from service.reading_order import coined, reading_order
from service.reading_order.standing import year_of
from service.related import likeness
from service.topics import TITLES_ALONE

SUBJECTS = (
    ("wet soils", "the farmer drains the field and measures the nitrogen of wet soils"),
    ("double stars", "the telescope shows the dust and the masses of double stars"),
    ("old looms", "the weaver threads the loom and counts the knots of old looms"),
)
KINDS = ("in winter", "after rain", "at night", "in the north", "by hand", "in ten years", "of one valley", "once more")
TEXTS = [
    record(
        f"{subject.split()[1]}-{n}",
        f"{'QUELL: ' * (said == SUBJECTS[0][1] and n == 2)}{subject.capitalize()} {kind}",
        f"{subject} {kind}: {said}, note {n}{', as QUELL has it' * (said == SUBJECTS[0][1] and n in (3, 5))}.",
        2000 + n,
    )
    for subject, said in SUBJECTS
    for n, kind in enumerate(KINDS)
]
IDS = [one.id for one in TEXTS]
NAMES = ["Pesto", "Tofu", "Piper", "Wet Soils", "A Survey of Looms", "Stars, again", "The nitrogen of dust", "QUELL"]


def titled(number: int) -> Document:
    """A line of a list of which nothing could be had but what it calls the paper."""
    title = f"{NAMES[number % len(NAMES)]} {number}"
    entry = Entry(f"title:t{number}", (Mention("list.md", number + 1, title),))
    return replace(record(f"t{number}", title, "", 1990 + number if number % 3 else None), entry=entry)


MANY = 90  # with the texts enough vectors for a space that is whitened, which those of the texts alone are not


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Generation, Generation]:
    """The library of the texts, and one that has many titles among them."""
    mixed = [*TEXTS]
    chance = random.Random(1)
    for number in range(MANY):
        mixed.insert(chance.randrange(len(mixed) + 1), titled(number))
    folder = tmp_path_factory.mktemp("titles")
    return built(folder / "texts", TEXTS), built(folder / "mixed", mixed)


class Told:
    """A citation graph as given, by ids: {(citing, cited): role}; what a library lacks is wanted."""

    def __init__(self, generation: Generation, roles: Mapping[tuple[str, str], str]) -> None:
        at = {summary.id: summary.position for summary in generation.catalogue.summaries}
        self.same_as, self.years = tuple(range(len(at))), dict[int, int]()
        self.citations = [
            citations.Citation(at[a], at[b], 1, role, (), "bibliography", "title", 1.0)  # type: ignore[arg-type]
            for (a, b), role in sorted(roles.items())
            if b in at
        ]
        lacked = sorted({cited for _, cited in roles} - at.keys())
        self.wanted = tuple(
            citations.Wanted(
                one, (), None, None, None, tuple((at[a], 1, r) for (a, b), r in sorted(roles.items()) if b == one)
            )  # type: ignore[arg-type]
            for one in lacked
        )

    def cites(self, position: int) -> Sequence[citations.Citation]:
        return [one for one in self.citations if one.citing == position]

    def cited_by(self, position: int) -> Sequence[citations.Citation]:
        return [one for one in self.citations if one.cited == position]


def told(generation: Generation, roles: Mapping[tuple[str, str], str], **asked) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(citations, "of", lambda _: Told(generation, roles))
        return reading_order(generation, **asked)


def drawn_roles() -> st.SearchStrategy[dict[tuple[str, str], str]]:
    role = st.sampled_from(["builds on", "uses", "compares with", "mentions"])
    cited = st.sampled_from([*IDS, *(f"t{n}" for n in range(6))])
    pairs = st.tuples(st.sampled_from(IDS), cited).filter(lambda pair: pair[0] != pair[1])
    return st.dictionaries(pairs, role, max_size=40)


@settings(max_examples=40, deadline=None)
@given(roles=drawn_roles(), some=st.sets(st.integers(0, MANY - 1), max_size=20), cited=st.booleans())
def test_titles_change_nothing_of_the_others(pair: tuple, roles: dict, some: set[int], cited: bool) -> None:
    texts, mixed = pair
    if not cited:
        roles = {ends: role for ends, role in roles.items() if ends[1] in IDS}
    alone = told(texts, roles)
    names = [f"t{n}" for n in sorted(some)]
    for ids in (None, [*IDS, *names]):
        found = told(mixed, roles, ids=ids)
        order = [step.id for step in found.order]
        assert [one for one in order if one in IDS] == [step.id for step in alone.order]
        assert [one for one in found.start_here if one in IDS] == list(alone.start_here)
        stages = [(stage.name, [one for one in stage.ids if one in IDS]) for stage in found.stages]
        assert [stage for stage in stages if stage[1]] == [(stage.name, list(stage.ids)) for stage in alone.stages]
        assert sorted(order) == sorted(IDS + (names if ids else [f"t{n}" for n in range(MANY)]))
        at = {step.id: step.position for step in found.order}
        asked = {one for one in at if one not in IDS}
        for (citing, one), role in roles.items():
            assert one not in asked or role not in ("builds on", "uses") or at[one] < at[citing]
        last = [stage for stage in found.stages if stage.name == TITLES_ALONE]
        leaned_on = {one for _, one in roles} & asked
        surveys = {step.id for step in found.order if any(reason.kind == "survey" for reason in step.reasons)}
        assert not surveys & set(IDS)
        assert {one for stage in last for one in stage.ids} == asked - leaned_on
        assert not last or (len(last) == 1 and found.stages[-1] == last[0])


def test_each_says_what_it_is(pair: tuple) -> None:
    found = told(pair[1], {("soils-3", "t1"): "builds on", ("soils-1", "t1"): "mentions"})
    steps = {step.id: step for step in found.order}
    place = steps["t1"]
    assert place.stage == steps["soils-3"].stage and place.position + 1 == steps["soils-3"].position
    assert [reason.text for reason in place.reasons][1:] == ["only its title is here"]
    assert place.reasons[0].ids == ("soils-3",)
    assert [reason.text for reason in steps["t2"].reasons] == ["only its title is here: nothing tells its place"]
    for one, step in steps.items():
        assert step.reasons[-1].text.startswith("only its title is here") == (one not in IDS)
        assert step.timing.startswith("a guess: only its title is here") == (one not in IDS)
    years = [step.year for step in found.order if step.stage == TITLES_ALONE and step.year]
    assert years == sorted(years), "the older first"
    assert found.warnings == (
        f"Of {MANY} papers only the title is here: they stand before what leans on it or last, and what is said of the time"
        " is a guess.",
    )
    assert found.start_here[0] in IDS, "nobody opens a title"
    assert (
        "Of 1 paper only the title is here: it stands before what" in told(pair[1], {}, ids=["t1", *IDS]).warnings[-1]
    )


def test_themes_are_of_texts(pair: tuple) -> None:
    def named(generation: Generation) -> list[tuple[str, tuple[str, ...], list[str]]]:
        ids = [summary.id for summary in generation.catalogue.summaries]
        return [(t.name, t.terms, sorted(ids[p] for p in t.positions)) for t in topics.of(generation)]

    before, after = map(named, pair)
    assert after[:-1] == before
    assert after[-1] == (TITLES_ALONE, (), sorted(f"t{n}" for n in range(MANY)))


def test_vectors_words_and_names_are_of_texts(pair: tuple) -> None:
    rows, words, names = [], [], []
    for generation in pair:
        at = {summary.id: summary.position for summary in generation.catalogue.summaries}
        texts = [at[one] for one in IDS]
        found, said = paper_vectors.of(generation), likeness.of(generation)
        rows.append((found.raw[texts], found.own[texts]))
        words.append(said.words(texts[0])[texts])
        names.append(coined.of(generation, [year_of(s) for s in generation.catalogue.summaries]).reach[texts])
    assert np.array_equal(rows[0], rows[1])
    assert np.allclose(words[0], words[1], atol=1e-6)
    assert np.array_equal(names[0], names[1]) and names[0].max() > 0


def test_where_nothing_has_a_text_titles_make_themes_and_an_order(tmp_path: Path) -> None:
    generation = built(tmp_path, [titled(n) for n in range(8)])
    assert TITLES_ALONE not in {theme.name for theme in topics.of(generation)}
    found = told(generation, {})
    assert len(found.order) == 8 and TITLES_ALONE not in {stage.name for stage in found.stages}
    assert minutes(generation, 0).guessed


def test_a_record_without_an_abstract_stands_among_the_others(tmp_path: Path) -> None:
    bare = record("bare", "Wet soils in old fields", "", 2003)
    generation = built(tmp_path, [*TEXTS, bare])
    assert TITLES_ALONE not in {theme.name for theme in topics.of(generation)}
    assert TITLES_ALONE not in {stage.name for stage in told(generation, {}).stages}
