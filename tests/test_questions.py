"""Questions over real papers: the right paper first, the right page among its passages.

`questions.json` asks as a reader asks. `questions-hard.json` was written to share no wording with the papers, nor to
name what they are about; how many of those are found is kept so that it can only rise.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared

from indexer import embed
from indexer.library import Generation, Library
from indexer.reindex import Request, reindex
from indexer.settings import Settings
from service.search import search

pytestmark = [needs_shared, pytest.mark.model, pytest.mark.xdist_group("questions")]  # one library for both


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Generation, embed.Embedder]:
    settings = Settings(library=tmp_path_factory.mktemp("library"), digests=Path("none"))
    report = reindex(Request(sources=(str(SHARED / "papers"),), offline=True), settings)
    assert report.documents == 36 and report.exit_code == 0
    return Library(settings.library).open(), embed.load(embed.describe(settings))


@pytest.mark.parametrize(("file", "papers", "pages"), [("questions.json", 9, 8), ("questions-hard.json", 5, 8)])
def test_questions(held: tuple[Generation, embed.Embedder], file: str, papers: int, pages: int) -> None:
    first = with_page = 0
    for row in json.loads((Path(__file__).parent / file).read_text("utf-8")):
        results = search(*held, row["question"], 10).results
        shown = [passage.page for found in results if found.id == row["paper"] for passage in found.passages]
        first += results[0].id == row["paper"]
        with_page += bool(set(shown) & set(row["pages"]))
        print(f"{results[0].id == row['paper']!s:5} {bool(set(shown) & set(row['pages']))!s:5} {row['question']}")
    print(f"{file}: {first} papers first, {with_page} with the page")
    assert first >= papers and with_page >= pages
