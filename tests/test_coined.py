"""Names that one paper gives and others use: which are names, whose they are, and how far they reach."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from judged_records import built, record

from indexer.document import Document
from service.reading_order import coined
from service.reading_order.standing import year_of


@pytest.mark.parametrize(
    ("title", "text", "names"),
    [
        ("BERT: Pre-training of Transformers", "", {"bert": True}),
        ("Quell: dry fields in summer", "", {"quell": True}),
        ("quell: dry fields in summer", "", {}),
        ("Deep BERT: a model", "", {"bert": True}),
        ("Deep Fields: a model", "", {}),
        ("Very deep BERT: a model", "", {}),
        ("BERT and what it reads", "", {}),
        ("Deep AdaGrad: a step", "", {"adagrad": True}),
        ("T5: a text model", "", {"t5": True}),
        ("A GPT4 LLaMA: two names", "", {}),
        ("GPT4 LLaMA: two names", "", {"gpt4": True, "llama": True}),
        ("2023: a year", "", {}),
        ("Experts: many of them", "", {"expert": True}),
        ("Bees: of hives", "", {"bees": True}),
        ("Boats: of hulls", "", {"boat": True}),
        ("Of hives", "We train a model called Quell on them.", {"quell": False}),
        ("Of hives", "We train a model, dubbed the Quell, on them.", {"quell": False}),
        ("Of hives", "We introduce QUELL, which counts them.", {"quell": False}),
        ("Of hives", "We introduce Quell, which counts them.", {}),
        ("Of hives", "We propose a new network, the Quell, for them.", {"quell": False}),
        ("Of hives", "They count in a hive called\n  Quell.", {"quell": False}),
        ("QUELL: of hives", "We introduce QUELL, which counts; one part is called Hum.", {"quell": True, "hum": False}),
    ],
)
def test_what_is_a_name(title: str, text: str, names: dict[str, bool]) -> None:
    assert coined.given(title, text) == names


def made_of(folder: Path, documents: Sequence[Document]) -> tuple[dict[str, tuple[str, set[str]]], dict[str, float]]:
    """Who gives each name and who uses it, and how far each paper's reaches, by ids."""
    generation = built(folder, documents)
    summaries = generation.catalogue.summaries
    found = coined.of(generation, [year_of(summary) for summary in summaries])
    by = {name: (summaries[giver].id, {summaries[u].id for u in users}) for name, (giver, users) in found.by.items()}
    return by, {summary.id: float(found.reach[summary.position]) for summary in summaries}


def users(name: str, count: int, year: int = 2020, first: int = 0) -> list[Document]:
    return [record(f"u{n}", f"On hive {n}", f"We ask {name} of hive {n}.", year) for n in range(first, first + count)]


def test_who_says_it_in_the_title_gives_it_and_then_the_oldest(tmp_path: Path) -> None:
    text = record("text", "Of bees", "We introduce QUELL, which counts bees.", 2010)
    late = record("late", "QUELL: of hives", "It counts hives.", 2012)
    early = record("early", "QUELL: of more hives", "It counts hives.", 2011)
    ageless = record("ageless", "QUELL: of all hives", "It counts hives.")
    some = users("QUELL", 40)
    for number, (givers, giver) in enumerate((
        ([text, late, early, ageless], "early"), ([text, late], "late"), ([text, ageless], "ageless"), ([text], "text"),
        ([late, ageless], "late"),
    )):  # fmt: skip
        by, _ = made_of(tmp_path / str(number), [*givers, *some])
        assert by["quell"][0] == giver
        assert by["quell"][1] == {one.id for one in (*givers, *some)} - {giver}


def test_a_name_that_older_papers_use_is_nobodys(tmp_path: Path) -> None:
    giver = record("giver", "QUELL: of hives", "It counts hives.", 2012)
    for older, given in ((0, True), (2, True), (3, False)):  # of 20, the giver among them
        by, reach = made_of(
            tmp_path / str(older), [giver, *users("QUELL", 19 - older), *users("QUELL", older, 2000, 50)]
        )
        assert ("quell" in by) == given == (reach["giver"] > 0)
    other = record("other", "ZORN: of hives", "It counts hives.", 2012)
    by, _ = made_of(tmp_path / "other", [giver, other, *users("QUELL", 9, 2000), *users("ZORN", 3, first=20)])
    assert list(by) == ["zorn"]


def test_an_ordinary_word_is_no_name(tmp_path: Path) -> None:
    giver = record("giver", "Quell: of hives", "It counts hives.", 2012)
    for small, given in ((0, True), (3, True), (4, False)):  # of 6, the giver among them
        some = [*users("Quell", 5 - small), *users("the quell", small, first=20)]
        by, _ = made_of(tmp_path / str(small), [giver, *some])
        assert ("quell" in by) == given
    other = record("other", "Zorn: of hives", "It counts hives.", 2012)
    by, _ = made_of(tmp_path / "other", [giver, other, *users("the quell", 9), *users("Zorn", 3, first=20)])
    assert list(by) == ["zorn"]
    by, reach = made_of(tmp_path / "alone", [giver])
    assert not by and not any(reach.values()), "a name that nobody uses"


def test_how_far_a_name_reaches(tmp_path: Path) -> None:
    """From nobody to a tenth of all, and in a small library to five."""
    others = [record(f"o{n}", f"On soil {n}", f"Of soil {n}.", 2020) for n in range(80)]
    giver = record("giver", "QUELL: of hives", "We give a part called Hum.", 2012)
    reached = []
    for count in (1, 2, 4, 8, 9, 12):
        documents = [giver, *users("QUELL", count), *others]
        _, reach = made_of(tmp_path / str(count), documents)
        most = len(documents) / 10
        assert reach["giver"] == pytest.approx(min(math.log(1 + count) / math.log(1 + most), 1))
        assert sum(value > 0 for value in reach.values()) == 1
        reached.append(reach["giver"])
    assert reached == sorted(reached) and reached[0] < reached[3] < 1 == reached[-1]
    small = [made_of(tmp_path / f"s{n}", [giver, *users("QUELL", n)])[1]["giver"] for n in (4, 5, 6)]
    assert small[0] < 1 == small[1] == small[2]
    _, two = made_of(tmp_path / "two", [giver, *users("Hum", 3), *users("QUELL", 1, first=30), *others])
    _, one = made_of(tmp_path / "one", [giver, *users("Hum", 3), *users("soil", 1, first=30), *others])
    assert two["giver"] == one["giver"], "the best known of its names counts"
