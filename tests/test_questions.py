"""Questions over real papers: the right paper first, the right page among its passages, and none answered that can't be.

`questions.json` asks as a reader asks, and so does `questions-blind.json`, written before the ranking was chosen.
`questions-hard.json` was written to share no wording with the papers, nor to name what they are about; how many of those
are found is kept so that it can only rise.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import SHARED, keep_texts, needs_shared

from indexer import embed
from indexer.library import Generation, Library
from indexer.reindex import Request, reindex
from indexer.settings import Settings
from service.search import search

pytestmark = [needs_shared, pytest.mark.model]


# The papers that two of the forty questions are asked of, with four of the hard ones: what `make test` has time to embed.
FEW = ("1412.6980", "1810.04805", "2001.08361", "2101.03961", "2104.04473", "2310.01889", "2403.03507", "2405.04434",
       "2205.14135", "2401.04088")  # fmt: skip


@pytest.mark.parametrize(
    ("papers", "least", "least_hard", "least_told_so"),
    [
        pytest.param(FEW, (17, 17, 18), (3, 4), 297, id="ten papers"),
        pytest.param((), (37, 38, 39), (6, 9), 297, id="all papers", marks=pytest.mark.torture),
    ],
)
def test_questions(
    real_papers: Path, tmp_path: Path, papers: tuple[str, ...], least: tuple[int, ...], least_hard: tuple[int, ...],
    least_told_so: int,
) -> None:  # fmt: skip
    settings = Settings(library=tmp_path / "library", digests=Path("none"))
    keep_texts(real_papers, settings.library)
    sources = tuple(str(SHARED / f"papers/{name}.pdf") for name in papers) or (str(SHARED / "papers"),)
    report = reindex(Request(sources=sources, offline=True), settings)
    assert report.documents == (len(papers) or 36) and report.exit_code == 0
    held = Library(settings.library).open(), embed.load(embed.describe(settings))
    plain, blind, hard = (asked(held, f"questions{kind}.json", papers) for kind in ("", "-blind", "-hard"))
    told_so = len(claims()) - answered_of(held, claims())
    print(plain, blind, hard, told_so)
    found = tuple(a + b for a, b in zip(plain, blind, strict=True))
    assert all(a >= b for a, b in zip(found, least, strict=True)), (plain, blind)
    assert all(a >= b for a, b in zip(hard, least_hard, strict=False)), hard
    assert told_so >= least_told_so, told_so


@pytest.mark.parametrize(
    ("source", "least_claims", "most_claims", "most_questions"),
    [
        ("data/reading-list.md", 0, 3, 8),  # 12 digests, which answer five of the questions in a few words
        pytest.param(  # 5,183 abstracts, which the claims are about
            "eval/scifact/corpus.jsonl", 285, 300, 2, marks=pytest.mark.torture
        ),
    ],
)
def test_the_line_holds_in_small_and_in_large_libraries(
    tmp_path: Path, source: str, least_claims: int, most_claims: int, most_questions: int
) -> None:
    settings = Settings(library=tmp_path / "library")
    path = SHARED / source if source.startswith("eval") else Path(__file__).parents[1] / source
    reindex(Request(sources=(str(path),), offline=True), settings)
    held = Library(settings.library).open(), embed.load(embed.describe(settings))
    of_claims, of_questions = answered_of(held, claims()), answered_of(held, questions())
    print(of_claims, of_questions)
    assert least_claims <= of_claims <= most_claims and of_questions <= most_questions, (of_claims, of_questions)


def claims() -> list[str]:
    """Claims of medicine."""
    return [
        json.loads(line)["text"] for line in (SHARED / "eval/scifact/queries.jsonl").read_text("utf-8").splitlines()
    ]


def questions() -> list[str]:
    """The forty questions over the test papers."""
    files = (Path(__file__).parent / f"questions{kind}.json" for kind in ("", "-blind"))
    return [row["question"] for file in files for row in json.loads(file.read_text("utf-8"))]


def answered_of(held: tuple[Generation, embed.Embedder], asked: list[str]) -> int:
    """How many of these count as answered."""
    return sum(search(*held, text, 1).answered for text in asked)


def asked(held: tuple[Generation, embed.Embedder], file: str, papers: Sequence[str] = ()) -> tuple[int, int, int]:
    """How many questions of a file have their paper first, their page among its passages, and count as answered; of
    these papers alone, where some are named."""
    first = with_page = answered = 0
    for row in json.loads((Path(__file__).parent / file).read_text("utf-8")):
        if papers and row["paper"] not in papers:
            continue
        answer = search(*held, row["question"], 10)
        shown = [passage.page for found in answer.results if found.id == row["paper"] for passage in found.passages]
        first += answer.results[0].id == row["paper"]
        with_page += bool(set(shown) & set(row["pages"]))
        answered += answer.answered
    return first, with_page, answered
