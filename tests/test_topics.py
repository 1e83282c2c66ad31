"""The library in a handful of topics: each paper in one, names that a person would give."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from judged_records import built, record

from indexer.library import Generation
from service import paper_vectors, topics
from service.topics import theme_names
from service.wording import Told

SOILS = ["Nitrogen loss from wet soils", "Wet soils in winter", "Crops on wet soils", "Drainage of wet soils"]
STARS = ["Masses of double stars", "Double stars in dust", "The light of double stars", "Old double stars"]


def _records() -> list:
    made = [record(f"soil-{n}", title, f"{title}: the farmer measures it.", 2000 + n) for n, title in enumerate(SOILS)]
    made += [
        record(f"star-{n}", title, f"{title}: the telescope measures it.", 2010 + n) for n, title in enumerate(STARS)
    ]
    return [*made, replace(record("bare", "Dust around stars", ""), pages=(), blocks=())]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """Papers on soils and on stars."""
    return built(tmp_path_factory.mktemp("two") / "library", _records())


def test_each_paper_is_in_one(two: Generation) -> None:
    found = topics.of(two)
    assert sorted(position for theme in found for position in theme.positions) == list(range(len(_records())))
    assert len({theme.name for theme in found}) == len(found)
    ids = [summary.id.split("-")[0] for summary in two.catalogue.summaries]
    for theme in found:
        assert len({ids[position] for position in theme.positions} - {"bare"}) <= 1, theme
    assert topics.of(two) is found, "made once"


def test_names_are_the_papers_own_words(two: Generation) -> None:
    soils, stars = ([Told(title, f"{title} are looked at.") for title in titles] for titles in (SOILS, STARS))
    (first, terms), (second, _) = theme_names.names([soils, stars])
    assert (first, second) == ("wet soils", "double stars") and terms[0] == "wet soils"


def test_a_phrase_is_written_as_its_authors_do() -> None:
    texts = [
        Told("BERT At Work", "Here BERT at its Work is seen, by the Kalman filter."),
        Told("More BERT", "All BERT."),
    ]
    (name, _), *_ = theme_names.names([texts, [Told("Soil", "Soil is wet.")], [Told("Stars", "Stars are old.")]])
    assert name.startswith("BERT")


def test_what_stands_as_a_verb_does_is_no_name() -> None:
    texts = [
        Told("Tides of the north sea", "We model tides and they were published. To map currents we sail."),
        Told("Tides in straits", "Tides move, and data are published. To map currents is hard."),
    ]
    others = [[Told("Soil", "Soil is wet.")], [Told("Stars", "Stars are old.")]]
    (name, terms), *_ = theme_names.names([texts, *others])
    assert name == "tides" and "published" not in terms and "map currents" not in terms


def test_a_title_in_capitals_gives_none_to_a_name() -> None:
    texts = [
        Told("Wet Soils And Old Roots", "As in Wet Soils And Old Roots."),
        Told("ON WET SOILS", "Wet soils near Kalman filters."),
    ]
    (name, _), *_ = theme_names.names([texts, [Told("Stars", "Stars are old.")]])
    assert name == "wet soils"


def test_papers_that_share_no_phrase_are_called_by_their_titles_or_by_their_heading() -> None:
    texts = [Told("Alpha: one thing", ""), Told("Beta: another matter", ""), Told("Gamma: some cause", "")]
    stars = [Told("Old double stars", ""), Told("Double stars in dust", "")]
    assert theme_names.names([texts, stars])[0][0] == "Alpha, Beta and more"
    assert theme_names.names([texts[:2], stars])[0][0] == "Alpha and Beta"
    assert theme_names.names([texts, stars], ["Letters", "Sky"])[0][0] == "Letters"
    assert theme_names.names([texts, stars], ["Letters", "Sky"])[1][0] == "double stars"


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_order_of_the_input_is_nothing(two: Generation, data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(range(len(_records()))), min_size=1, unique=True))
    found = topics.themes(two, some)
    assert found == topics.themes(two, data.draw(st.permutations(some)))
    assert sorted(position for theme in found for position in theme.positions) == sorted(some)
    assert all(theme.name for theme in found)


def test_the_order_of_the_library_is_nothing(tmp_path: Path) -> None:
    records, found = _records(), []
    for seed in (1, 2):
        random.Random(seed).shuffle(records)
        generation = built(tmp_path / str(seed), records)
        ids = [summary.id for summary in generation.catalogue.summaries]
        found.append({(t.name, t.terms, frozenset(ids[p] for p in t.positions)) for t in topics.of(generation)})
    assert found[0] == found[1]


@settings(max_examples=50, deadline=None)
@given(
    arrays(np.float32, st.tuples(st.integers(0, 12), st.just(3)), elements=st.floats(-1, 1, width=16)),
    st.integers(1, 5),
)
def test_groups_are_numbered_from_nought(rows: np.ndarray, count: int) -> None:
    found = topics.cut(topics.tree(rows), len(rows), count)
    assert len(found) == len(rows)
    assert sorted(set(found.tolist())) == list(range(len(set(found.tolist()))))
    assert len(set(found.tolist())) <= count


def test_one_known_by_its_title_is_near_papers_with_its_words(two: Generation) -> None:
    rows = paper_vectors.of(two).raw
    ids = [summary.id for summary in two.catalogue.summaries]
    bare = ids.index("bare")
    nearest = max((n for n in range(len(ids)) if n != bare), key=lambda n: float(rows[n] @ rows[bare]))
    assert ids[nearest].startswith("star") and np.linalg.norm(rows[bare]) == pytest.approx(1, abs=1e-5)


def test_a_library_of_nothing(tmp_path: Path) -> None:
    assert topics.of(built(tmp_path, [])) == ()


def test_a_library_of_one(tmp_path: Path) -> None:
    (theme,) = topics.of(built(tmp_path, [record("one", "Wet soils", "")]))
    assert theme.positions == (0,) and "wet soils" in theme.name.lower()


def test_the_command_prints_them(two: Generation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.cli import main_group

    monkeypatch.setenv("PAPERPATH_MODEL", "toy")
    built(tmp_path / "library", _records())
    run = CliRunner().invoke(main_group, ["topics", "--library", str(tmp_path / "library")])
    assert run.exit_code == 0 and "wet soils" in run.stdout and "soil-1" in run.stdout
    run = CliRunner().invoke(main_group, ["topics", "--json", "--library", str(tmp_path / "library")])
    data = json.loads(run.stdout)
    assert sorted(paper["id"] for topic in data["topics"] for paper in topic["papers"]) == sorted(
        r.id for r in _records()
    )


def test_the_route_answers_with_them(tmp_path: Path) -> None:
    from fastapi.testclient import TestClient

    from indexer.settings import Settings
    from service.api import create_app

    built(tmp_path / "library", _records())
    client = TestClient(
        create_app(Settings(library=tmp_path / "library", model="toy")), base_url="http://127.0.0.1:8000"
    )
    answer = client.get("/v1/topics")
    assert answer.status_code == 200, answer.text
    assert {paper["id"] for topic in answer.json()["topics"] for paper in topic["papers"]} == {r.id for r in _records()}


def test_groups_of_a_cut_tree_are_those_of_the_vectors(two: Generation) -> None:
    known = topics.in_order(two, range(len(_records())))
    tree = topics.tree(paper_vectors.of(two).raw[known])
    for count in (4, 1, 2):
        assert np.array_equal(topics.groups_of(two, known, count), topics.cut(tree, len(known), count))
