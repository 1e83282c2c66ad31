"""Why a paper stands where it does: in words that are true of the citations, and of nothing else."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from given_graph import Cites, Given, ordered
from judged_records import built, record

from indexer.document import Reference, TextKind
from indexer.library import Generation
from service import deadline
from service.reading_order import budget, goal, precedence, sequence, stages, telling
from service.reading_order.precedence import BY_ROLE, Pair

NAMES = ("Ash", "Birch", "Cedar", "Elder", "Fir")


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """Five papers on wood, the older first; a survey; one that tells no year, and one that lists what it cites."""
    listing = replace(
        record("list", "Maple: the bark of old trees", "Of the bark of old maples.", 2012),
        references=(Reference(n=1, raw="A. Author. Bark. 1990.", page=0, title="Bark"),),
    )
    return built(tmp_path_factory.mktemp("trees"), [
        *(record(name.lower(), f"{name}: the bark of old trees", f"Of the bark of an old {name}.", 2000 + n)
          for n, name in enumerate(NAMES)),
        record("survey", "Bark: a survey", "Of the bark of old trees.", 1999),
        record("ageless", "Hazel: the bark of old trees", "Of the bark of an old hazel."),
        listing,
    ])  # fmt: skip


def said(generation: Generation, roles: dict, **asked: object) -> dict[str, list[str]]:
    return {step.id: [r.text for r in step.reasons] for step in ordered(generation, roles, **asked).order}


def test_who_rests_on_it_is_counted_by_what_they_do(trees: Generation) -> None:
    builds, uses = "builds on", "uses"
    for roles, words in (
        ({"birch": builds}, "1 here builds on it: Birch"),
        ({"birch": uses}, "1 here uses it: Birch"),
        ({"birch": builds, "cedar": builds}, "2 here build on it: Birch, Cedar"),
        ({"birch": uses, "cedar": uses}, "2 here use it: Birch, Cedar"),
        ({"birch": builds, "cedar": uses}, "2 here build on it or use it: Birch, Cedar"),
        ({"birch": "mentions"}, "1 here refers to it: Birch"),
        ({"birch": "mentions", "cedar": "compares with"}, "2 here refer to it: Cedar, Birch"),
        ({"birch": "mentions", "cedar": uses}, "1 here uses it: Cedar"),
    ):
        assert said(trees, {(one, "ash"): role for one, role in roles.items()})["ash"] == [words], roles


def test_what_it_rests_on_is_named_the_weightiest_first(trees: Generation) -> None:
    roles = {
        ("fir", "ash"): Cites("builds on", weight=1.0), ("fir", "birch"): Cites("builds on", weight=3.0),
        ("fir", "cedar"): "uses", ("fir", "elder"): "mentions",
    }  # fmt: skip
    assert said(trees, roles)["fir"] == ["builds on Birch, Ash", "uses Cedar"]
    found = next(step for step in ordered(trees, roles).order if step.id == "fir")
    assert [reason.ids for reason in found.reasons] == [("birch", "ash"), ("cedar",)]
    assert said(trees, {("fir", "elder"): "mentions", ("fir", "ash"): "mentions"})["fir"] == ["refers to Ash, Elder"]
    four = {("fir", one): "uses" for one in ("ash", "birch", "cedar", "elder")}
    assert said(trees, four)["fir"] == ["uses Ash, Birch, Cedar and 1 more"]
    often = {("fir", "ash"): Cites("mentions", ["Method"] * 3), ("fir", "birch"): "mentions"}
    assert said(trees, often)["fir"] == ["refers again and again to Ash"]


def test_a_survey_says_what_it_covers_and_those_what_covers_them(trees: Generation) -> None:
    found = said(trees, {("survey", "ash"): "uses", ("survey", "birch"): "mentions"})
    assert found["survey"] == ["a survey or an introduction; it covers Ash, Birch"]
    assert found["birch"] == ["covered by Bark"] == found["ash"]
    assert said(trees, {("birch", "ash"): "uses"})["survey"] == ["a survey or an introduction"]
    both = said(trees, {("survey", "ash"): "uses", ("birch", "ash"): "uses"})
    assert both["ash"] == ["1 here uses it: Birch"], "what is covered is said where nothing else is"


def test_what_stands_by_itself_says_what_is_known_of_it(trees: Generation) -> None:
    found = said(trees, {("birch", "ash"): "uses"})
    assert found["cedar"] == ["by its theme and its year, 2002; nothing here tells what it cites or who cites it"]
    assert found["ageless"] == [
        "by its theme, since its year isn't known; nothing here tells what it cites or who cites it"
    ]
    assert found["list"] == ["by its theme and its year, 2012; no citation joins it to the others"]
    kinds = {step.id: [r.kind for r in step.reasons] for step in ordered(trees, {("birch", "ash"): "uses"}).order}
    assert (kinds["cedar"], kinds["ageless"]) == (["year"], ["no year"])
    assert said(trees, {})["cedar"] == ["by its theme and its year, 2002"], "that nothing is cited is said once"
    left = said(trees, {("birch", "ash"): "uses"}, ids=["birch", "cedar", "ash"], known=["ash"])
    assert left["birch"] == ["by its theme and its year, 2001"], "a citation joins it, though to what is read"
    assert ordered(trees, {}, without_digests=True).warnings == (
        "No citation among these papers is known, other than by a digest's words: they stand by theme, kind and year.",
    )
    assert (
        said(trees, {}, ids=["fir"])["fir"] == ["the only paper here"] and not ordered(trees, {}, ids=["fir"]).warnings
    )
    assert len(ordered(trees, {}, ids=["ash", "fir"]).warnings) == 1


def test_a_goal_says_so_first(trees: Generation) -> None:
    assert said(trees, {("fir", "ash"): "uses"}, goal="fir")["fir"] == ["the paper to get to", "uses Ash"]


# ------------------------------------------------------------------ what is missing


def test_what_is_missing_is_needed_by_several_and_told_where(trees: Generation) -> None:
    roles = {
        ("ash", "Oak"): "mentions", ("cedar", "Oak"): Cites("uses", count=4), ("fir", "Oak"): "uses",
        ("ash", "Pine"): "builds on", ("birch", "Elm"): "mentions", ("survey", "Elm"): "uses",
        ("survey", "Yew"): "mentions", ("cedar", "Yew"): "mentions", ("fir", ""): "uses", ("ash", ""): "uses",
    }  # fmt: skip
    found = ordered(trees, roles)
    assert [one.title for one in found.missing] == ["Oak", "Elm", "Yew"], "one alone needs no pine"
    oak, elm, yew = found.missing
    at = {step.id: step.position for step in found.order}
    stage = {step.id: step.stage for step in found.order}
    assert oak.before == min(("cedar", "fir"), key=at.__getitem__), "before the first that rests on it"
    assert elm.before == "birch", "a survey rests on nothing"
    assert yew.before == "cedar"
    assert all(one.stage == stage[one.before] for one in found.missing)
    assert [(by.id, by.count, by.role) for by in oak.cited_by] == [
        ("cedar", 4, "uses"), ("fir", 1, "uses"), ("ash", 1, "mentions"),
    ]  # fmt: skip
    uses, mentions = math.sqrt(BY_ROLE["uses"]), math.sqrt(BY_ROLE["mentions"])
    assert oak.needed == pytest.approx(math.log1p(4) * uses + math.log1p(1) * uses + math.log1p(1) * mentions, abs=1e-3)
    assert elm.needed == pytest.approx(math.log(2) * (mentions + uses / 4), abs=1e-3), "a survey cites everything"
    (often,) = ordered(
        trees, {("survey", "Fig"): Cites("uses", count=9), ("birch", "Fig"): Cites("mentions", count=9)}
    ).missing
    assert often.before == "birch"
    assert [one.title for one in ordered(trees, roles, lacking=1).missing] == ["Oak"]
    assert [one.title for one in ordered(trees, roles, lacking=0).missing] == []


def test_who_cites_what_is_missing_alike_is_told_as_read(trees: Generation) -> None:
    roles = {("ash", "fir"): "builds on", **{(one, "Oak"): "uses" for one in ("ash", "cedar", "fir")}}
    found = ordered(trees, roles)
    at = {step.id: step.position for step in found.order}
    (oak,) = found.missing
    assert at["fir"] < at["ash"] and [by.id for by in oak.cited_by] == sorted(
        ("ash", "cedar", "fir"), key=at.__getitem__
    )


def test_what_only_surveys_cite_stands_before_the_first_of_them(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = [record(f"s{n}", f"Bark: a survey, part {n}", "Of bark.", 2000 + n) for n in range(3)]
    generation = built(tmp_path_factory.mktemp("surveys"), made)
    found = ordered(generation, {("s2", "Oak"): Cites("uses", count=9), ("s1", "Oak"): Cites("mentions", count=8)})
    at = {step.id: step.position for step in found.order}
    assert [one.before for one in found.missing] == [min(("s1", "s2"), key=at.__getitem__)]


def test_two_versions_of_a_paper_need_what_one_cites(trees: Generation) -> None:
    found = ordered(trees, {("ash", "Oak"): "uses"}, copies={"fir": "ash"})
    assert {by.id for one in found.missing for by in one.cited_by} == {"ash", "fir"}


# ------------------------------------------------------------------ the sentences


def test_of_many_sentences_three_are_shown_that_tell_the_role(tmp_path_factory: pytest.TempPathFactory) -> None:
    texts = ["See Ash.", "We build on Ash.", "Ash is old.", "We follow Ash and extend it.", "As in Ash."]
    one = record("ash", "Ash: of bark", "Of bark.", 2000)
    two = record("birch", "Birch: of bark", " ".join(texts), 2001)
    generation = built(tmp_path_factory.mktemp("said"), [one, two])
    given = Given(generation, {("birch", "ash"): Cites("builds on", ["Method"] * 5)})
    text = two.pages[0].text
    places = []
    for n, place in enumerate(given.citations[0].mentions):
        start = text.index(texts[n]) + texts[n].index("Ash")
        places.append(replace(place, sentence=texts[n], start=start, end=start + 3))
    for count in range(1, 6):
        citation = replace(given.citations[0], mentions=tuple(places[:count]))
        pair = Pair(0, 1, 1.0, "builds on", True, citation)
        (edge,) = telling.edges(generation, [citation.cited, citation.citing], [pair])
        shown = [one.sentence for one in edge.evidence]
        assert len(shown) == min(count, 3) and set(shown) <= set(texts[:count])
        assert count < 2 or shown[0] == texts[1], "the one that says so comes first"
    (bare,) = telling.edges(generation, [0, 1], [replace(pair, citation=None, why="So it is.", page=7)])
    assert [(one.sentence, one.page) for one in bare.evidence] == [("So it is.", 7)] and bare.basis == "text"


@pytest.mark.parametrize(("text", "first"), [("digest", "It builds on Ash."), ("record", "Ash is old.")])
def test_of_a_digest_it_is_the_paper_that_builds_on(
    tmp_path_factory: pytest.TempPathFactory, text: TextKind, first: str
) -> None:
    told = "Ash is old. It builds on Ash."
    two = replace(record("birch", "Birch: of bark", told, 2001), text=text)
    generation = built(tmp_path_factory.mktemp("digest"), [record("ash", "Ash: of bark", "Of bark.", 2000), two])
    (citation,) = Given(generation, {("birch", "ash"): Cites("builds on", ["Method"] * 2)}).citations
    ends = [(told.index(said), said) for said in ("Ash is old.", "It builds on Ash.")]
    places = tuple(
        replace(place, sentence=said, start=start + said.index("Ash"), end=start + said.index("Ash") + 3)
        for place, (start, said) in zip(citation.mentions, ends, strict=True)
    )
    pair = Pair(0, 1, 1.0, "builds on", True, replace(citation, mentions=places))
    (edge,) = telling.edges(generation, [citation.cited, citation.citing], [pair])
    assert edge.evidence[0].sentence == first and len(edge.evidence) == 2


def test_names_of_papers() -> None:
    assert telling.named(["A: x", "B: y"]) == "A, B" and telling.named(["A", "B", "C"]) == "A, B, C"
    assert telling.named(list("ABCDE")) == "A, B, C and 2 more"
    assert telling.short("x" * 60) == "x" * 60 and telling.short("x" * 61) == "x" * 60 + " …"
    assert telling.short("word " * 12) == "word " * 11 + "word"
    assert telling.short("word " * 13) == "word " * 11 + "word …"


# ------------------------------------------------------------------ who left


def _chain(count: int, kind: str = "uses") -> list[Pair]:
    return [Pair(n, n + 1, 1.0, kind, True) for n in range(count - 1)]  # type: ignore[arg-type]


def _missing(generation: Generation) -> object:
    given = Given(generation, {("ash", "Oak"): "uses", ("fir", "Oak"): "uses"})
    return telling.missing(generation, given, [0, 4], [0, 1], {}, np.zeros(2, bool), 9)  # type: ignore[arg-type]


LOOPS: dict[str, Callable[[Generation], object]] = {
    "edges": lambda g: telling.edges(g, [0, 1], _chain(2)),
    "reasons": lambda g: telling.reasons(
        g.catalogue.summaries, [0], {0: 0}, telling.Around((), (), (), (), False, True, False, False), 2000.0, False, ""
    ),
    "missing": _missing,
    "way": lambda _: goal.way(3, _chain(3), [2]),
    "budget": lambda _: budget.within(9, [1, 1], np.ones(2), [], [0, 1]),
    "precedence": lambda g: precedence.precedence_of(Given(g, {}), [0, 1], np.zeros(2, bool)),  # type: ignore[arg-type]
    "a ring": lambda _: sequence.broken(2, [*_chain(2), Pair(1, 0, 1.0, "uses", True)], np.zeros(2)),
    "the list": lambda _: sequence.sequence(np.zeros(2), np.zeros(2, np.int64), []),
    "runs": lambda _: sequence._joined([0, 1], np.zeros(2), np.array([0, 1]), [], 0.0),
    "stages": lambda _: stages._gathered([[0], [1, 2]], _chain(3)),
}


@pytest.mark.parametrize("loop", LOOPS)
def test_each_long_loop_asks_whether_anyone_waits(trees: Generation, loop: str) -> None:
    LOOPS[loop](trees)
    left = deadline.Deadline(600)
    left.gone = True
    with deadline.within(left), pytest.raises(deadline.Left):
        LOOPS[loop](trees)


def test_reasons_hang_on_no_order_of_the_citations(trees: Generation) -> None:
    ids = [*map(str.lower, NAMES), "survey", "ageless", "list"]
    drawn = random.Random(5)
    roles = {
        ends: drawn.choice(["builds on", "uses", "mentions"])
        for ends in itertools.permutations(ids, 2)
        if drawn.random() < 0.3
    }
    mixed = list(roles.items())
    drawn.shuffle(mixed)
    assert said(trees, dict(mixed)) == said(trees, roles)
