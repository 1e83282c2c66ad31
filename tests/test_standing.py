"""What titles, abstracts and years say of an order: on experts' lists, and whatever the input's order is."""

from __future__ import annotations

import json
import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import SHARED, needs_shared, once
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_records import built, library, record

from indexer import embed
from indexer.library import Generation, Library
from indexer.settings import Settings
from service.reading_order import coined
from service.reading_order.standing import ages, is_survey, standing_of, start_here, tells_survey, year_of

SET = SHARED / "eval" / "acl_tutorials"


@pytest.fixture(scope="module")
def acl(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """The tutorials' papers with the packaged model."""

    def make(folder: Path) -> None:
        library(folder, SET / "corpus.jsonl", embedder=embed.load(embed.describe(Settings(library=folder))))

    return Library(once(tmp_path_factory, "acl", make)).open()


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """Some records of two subjects."""
    return built(tmp_path_factory.mktemp("few") / "library", [
        record("bert", "BERT: Pre-training of Deep Transformers", "We introduce BERT, which reads both ways.", 2019),
        record("tiny", "Distilling a language model", "We distil BERT into a small model of language.", 2020),
        record("quant", "Eight bits for language", "We store BERT in eight bits a weight.", 2020),
        record("survey", "Language models: a survey", "An account of language models.", 2021),
        record("told", "Where language models stand", "In this paper, we survey models of language.", 2022),
        record("soil", "Nitrogen in wet soils", "Nitrogen is lost from wet soils in winter.", 1990),
        record("crop", "Rotation of crops on wet soils", "Crops in rotation keep nitrogen in the soil."),
        record("bare", "Soils in winter", ""),
    ])  # fmt: skip


def _ranks(generation: Generation, ordered: Sequence[int]) -> dict[str, int]:
    summaries = generation.catalogue.summaries
    return {summaries[position].id: rank for rank, position in enumerate(ordered)}


def _positions(generation: Generation, ids: Sequence[str]) -> list[int]:
    found = [generation.catalogue.summary(each) for each in sorted(ids)]
    return [summary.position for summary in found if summary is not None]


@needs_shared
@pytest.mark.model
def test_pairs_stand_as_experts_have_them(acl: Generation) -> None:
    labels = json.loads((SET / "order_labels.json").read_text("utf-8"))
    sys.path.insert(0, str(SHARED / "eval"))
    from score import reading_order

    ranks, plain = {}, {}
    for row in labels:
        found = standing_of(acl, _positions(acl, [item["id"] for item in row["items"]]))
        ranks[row["id"]] = _ranks(acl, found.order())
        by_year = np.lexsort((found.tie, found.year))
        plain[row["id"]] = _ranks(acl, [found.positions[place] for place in by_year])
    right, by_year = reading_order(ranks, labels)["pairwise"], reading_order(plain, labels)["pairwise"]
    assert right >= 0.68, right
    assert right >= by_year + 0.03, (right, by_year)


@needs_shared
@pytest.mark.model
def test_start_here_opens_with_what_experts_open_with(acl: Generation) -> None:
    labels = json.loads((SET / "start_here_labels.json").read_text("utf-8"))
    shares = []
    for row in labels.values():
        ranked = _ranks(acl, start_here(standing_of(acl, _positions(acl, row["all"]))))
        assert len(ranked) == len(row["all"]), "all are ranked"
        wanted = set(row["start_here"])
        shares.append(len(wanted & set(sorted(ranked, key=ranked.__getitem__)[: len(wanted)])) / len(wanted))
    assert statistics.mean(shares) >= 0.72, shares


def test_surveys_then_givers_of_names_then_age(few: Generation) -> None:
    ids = [summary.id for summary in few.catalogue.summaries]
    first = [ids[position] for position in start_here(standing_of(few))]
    assert first[:2] == ["survey", "told"] and set(first) == set(ids)
    assert first.index("bert") < first.index("tiny")


def test_who_gives_a_name_that_all_use_opens_before_the_somewhat_older(tmp_path: Path) -> None:
    users = [record(f"u{n}", f"On hive {n}", f"We ask QUELL of hive {n}.", 2020 + n) for n in range(8)]
    older = [record("older", "On soil", "Of soil.", 2011), record("old", "On old soil", "Of soil.", 1990)]
    giver = record("giver", "QUELL: of hives", "It counts hives.", 2012)
    generation = built(tmp_path, [*older, giver, *users])
    ids = [summary.id for summary in generation.catalogue.summaries]
    assert [ids[position] for position in start_here(standing_of(generation))][:3] == ["giver", "old", "older"]


def test_a_name_belongs_to_who_gives_it(few: Generation) -> None:
    years = [float(summary.year or "nan") for summary in few.catalogue.summaries]
    found = coined.of(few, years)
    giver, users = found.by["bert"]
    ids = [summary.id for summary in few.catalogue.summaries]
    assert ids[giver] == "bert" and {ids[user] for user in users} == {"tiny", "quant"}
    assert found.reach[giver] == max(found.reach) and np.count_nonzero(found.reach) == 1


def test_a_score_is_half_ones_own_and_half_ones_themes(few: Generation) -> None:
    found = standing_of(few)
    ids = [few.catalogue.summaries[position].id for position in found.positions]
    own = found.own.tolist()
    for place, one in enumerate(ids):
        kind = {"survey": 0.6, "told": 0.3}.get(one, 0.0)
        assert own[place] == pytest.approx(ages(found.year)[place] + kind + 0.4 * found.coined[place])
        theme = [own[n] for n in range(len(ids)) if found.group[n] == found.group[place]]
        assert found.score[place] == pytest.approx((own[place] + statistics.mean(theme)) / 2)
    assert [found.positions[n] for n in sorted(range(len(ids)), key=lambda n: -found.score[n])] == found.order()
    assert len(set(found.group.tolist())) == 4 and found.coined.any()
    assert found.survey.sum() == found.told.sum() == 1


def test_of_a_few_papers_two_are_of_one_theme(few: Generation) -> None:
    for count in range(2, 6):
        group = standing_of(few, range(count)).group
        assert len(set(group.tolist())) == min(count - 1, 4)


@pytest.mark.parametrize(
    ("date", "arxiv", "elsewhere", "year"),
    [
        ("2019", "2005.01234", 1990, 2019), ("1500", None, 1990, 1500), ("1499", None, 1990, 1990), ("1499", None, None, None),
        ("", "2005.01234", 1990, 2020), ("", "0704.0001", None, 2007), ("", "hep-th/9101001", None, 1991),
        ("", "math.GT/0309136", None, 2003), ("", "cs/0502012", None, 2005), ("", "9105.0001", None, 1991),
        ("", "9005.0001", None, 2090), ("", "nothing", 1990, 1990), ("", None, None, None), ("9999", None, None, 9999),
    ],
)  # fmt: skip
def test_the_year_of_a_paper(
    few: Generation, date: str, arxiv: str | None, elsewhere: int | None, year: int | None
) -> None:
    summary = replace(few.catalogue.summaries[0], date=date, arxiv_id=arxiv)
    found = year_of(summary, None if elsewhere is None else {summary.position: elsewhere}.get)
    assert found == year or (year is None and found != found)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_order_of_the_input_is_nothing(few: Generation, data: st.DataObject) -> None:
    every = range(len(few.catalogue.summaries))
    some = data.draw(st.lists(st.sampled_from(every), min_size=1, unique=True))
    mixed = data.draw(st.permutations(some))
    one, other = standing_of(few, some), standing_of(few, [*mixed, mixed[0]])
    assert one.order() == other.order() and start_here(one) == start_here(other)
    assert sorted(one.order()) == sorted(some)


def test_the_order_of_the_library_is_nothing(tmp_path: Path) -> None:
    records = [
        record(str(n), f"A title of words {n % 3}", f"A text on matter {n % 4}.", 2000 + n % 2) for n in range(12)
    ]
    found = []
    for seed in (1, 2):
        random.Random(seed).shuffle(records)
        generation = built(tmp_path / str(seed), records)
        ids = [summary.id for summary in generation.catalogue.summaries]
        found.append([ids[position] for position in standing_of(generation).order()])
    assert found[0] == found[1]


def test_years_from_elsewhere_count(few: Generation) -> None:
    crop = next(summary.position for summary in few.catalogue.summaries if summary.id == "crop")
    old = standing_of(few, years={crop: 1980}.get)
    assert old.year[old.positions.index(crop)] == 1980
    assert old.order().index(crop) < standing_of(few, years={crop: 2024}.get).order().index(crop)


@pytest.mark.parametrize("positions", [[], [0]])
def test_hardly_any_papers(few: Generation, positions: list[int]) -> None:
    found = standing_of(few, positions)
    assert found.order() == start_here(found) == positions


@given(st.lists(st.one_of(st.just(float("nan")), st.integers(1900, 2030).map(float)), max_size=30))
def test_ages_are_ranks(years: list[float]) -> None:
    found = ages(np.array(years))
    known = [year for year in years if year == year]
    for year, age in zip(years, found, strict=True):
        if year != year or len(known) < 2:
            assert age == 0
        else:  # the slow way: how many are younger, ties half
            younger = sum(other > year for other in known) + (sum(other == year for other in known) - 1) / 2
            assert age == pytest.approx(younger / (len(known) - 1) - 0.5)


@pytest.mark.parametrize("title", [
    "A Survey on Mixture of Experts", "Argument Mining: A Survey", "Representation Learning: A Review and New Perspectives",
    "An Introduction to English Phonetics", "Book Review: Statistical Machine Translation", "Survey of the State of the Art",
    "Foundations and Recent Trends in Multimodal Machine Learning", "Information Extraction: Survey and Perspective",
])  # fmt: skip
def test_titles_of_surveys(title: str) -> None:
    assert is_survey(title)


@pytest.mark.parametrize("title", [
    "Who's afraid of peer review?", "Nepotism and sexism in peer-review", "Double-blind peer review and publication bias",
    "Sentiment Classification of Reviews", "A Large Scale Book Reviews Dataset", "Data from a national survey of nurses",
])  # fmt: skip
def test_titles_about_surveys(title: str) -> None:
    assert not is_survey(title)


def test_abstracts_that_say_so() -> None:
    assert tells_survey("This paper provides a brief survey of these developments.")
    assert tells_survey("In this article, we review fundamental concepts.")
    assert not tells_survey("We conducted a survey with workers. We review each of them.")
