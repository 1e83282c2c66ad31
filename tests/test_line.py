"""The line between what is answered here and what is not: where it was set, and that it holds in other libraries."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from libraries import TEXTS, build, build_documents, document

from indexer.document import Block, Page
from indexer.embed import Toy
from indexer.library import Library
from service import search


def test_what_stands_here_is_answered_and_what_does_not_is_not(tmp_path: Path) -> None:
    build(tmp_path, {**TEXTS, **{f"p{n}": [f"Sheep number {n} eats grass on the hill."] for n in range(30)}})
    generation = Library(tmp_path).open()

    def answered(query: str) -> bool:
        answer = search.search(generation, Toy(), query, 3)
        assert answer.results  # what is nearest is shown all the same
        return answer.answered

    assert answered("islands of devices that are poorly connected")
    assert answered("which parameters solve a new task in few gradient steps")
    assert not answered("butterfat percentage of yoghurt made in glass jars")
    assert answered("parsing")  # all that was asked for stands in one passage
    assert not answered("xyzzy")


def test_nothing_that_may_be_found_is_no_answer(tmp_path: Path) -> None:
    build(tmp_path)
    answer = search.search(Library(tmp_path).open(), Toy(), "islands of devices kind:table", 3)
    assert (answer.answered, answer.results) == (False, ())


@pytest.mark.parametrize("kind", ["table", "reference"])
def test_what_has_no_vector_is_judged_by_its_words(tmp_path: Path, kind: str) -> None:
    text = "A. Author. Do stale gradients harm asynchronous training? Example, 2020."
    made = dataclasses.replace(
        document("one", []), text="full", pages=(Page(text, 1),), blocks=(Block(kind, 0, 0, len(text)),)
    )
    build_documents(tmp_path, [made])
    answer = search.search(Library(tmp_path).open(), Toy(), "stale gradients", 3, [kind])
    assert [p.kind for r in answer.results for p in r.passages] == [kind]
    assert answer.results[0].passages[0].matched and np.isfinite(answer.results[0].score)
