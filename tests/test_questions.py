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

pytestmark = [needs_shared, pytest.mark.model]


def test_questions(tmp_path: Path) -> None:
    settings = Settings(library=tmp_path / "library", digests=Path("none"))
    report = reindex(Request(sources=(str(SHARED / "papers"),), offline=True), settings)
    assert report.documents == 36 and report.exit_code == 0
    held = Library(settings.library).open(), embed.load(embed.describe(settings))
    told = {name: asked(held, name) for name in ("questions.json", "questions-hard.json")}
    print(told)
    assert all(found >= least for found, least in zip(told["questions.json"], (9, 8), strict=True)), told
    assert all(found >= least for found, least in zip(told["questions-hard.json"], (5, 8), strict=True)), told


def asked(held: tuple[Generation, embed.Embedder], file: str) -> tuple[int, int]:
    """How many questions of a file have their paper first, and their page among its passages."""
    first = with_page = 0
    for row in json.loads((Path(__file__).parent / file).read_text("utf-8")):
        results = search(*held, row["question"], 10).results
        shown = [passage.page for found in results if found.id == row["paper"] for passage in found.passages]
        first += results[0].id == row["paper"]
        with_page += bool(set(shown) & set(row["pages"]))
    return first, with_page
