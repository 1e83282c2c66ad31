"""Bodies that are read late, and the vectors of sentences: worked out once, and an answer is had whatever the disk does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from libraries import build, document

from indexer.document import Page, Section
from indexer.embed import Toy
from indexer.errors import LibraryUnwritable
from indexer.library import Generation, Library, bodies, sentences
from indexer.library.cache import Cache
from indexer.progress import Progress

TEXTS = [f"Sentence number {n} says something of its own." for n in range(7)]


class Counting(Toy):
    """Remembers what it was asked to embed."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        return super().embed_passages(texts)


class Heard(Progress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def stage(self, name: str, total: int) -> None:
        self.told.append((name, total))

    def step(self, name: str = "", *, count: int = 1) -> None:
        self.told.append((name, count))


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    build(tmp_path)
    return Library(tmp_path).open()


def test_what_is_held_is_not_worked_out_again(generation: Generation) -> None:
    toy, heard = Counting(), Heard()
    found = sentences.vectors_of(generation, toy, [TEXTS[0], TEXTS[1], TEXTS[0]], heard)
    assert sorted(toy.asked) == TEXTS[:2] and heard.told == [("sentences", 2), ("", 2)]
    assert np.array_equal(found, Toy().embed_passages([TEXTS[0], TEXTS[1], TEXTS[0]]))
    again, quiet = Counting(), Heard()
    assert np.array_equal(sentences.vectors_of(generation, again, TEXTS[:2], quiet), found[:2])
    assert again.asked == [] and quiet.told == []
    assert sentences.vectors_of(generation, again, []).shape == (0, Toy().model.dimension)


def test_a_run_that_is_cut_goes_on_where_it_was(generation: Generation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences, "_BATCH", 2)

    class Cut(Counting):
        def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
            if len(self.asked) == 4:
                raise KeyboardInterrupt
            return super().embed_passages(texts)

    cut, rest = Cut(), Counting()
    with pytest.raises(KeyboardInterrupt):
        sentences.vectors_of(generation, cut, TEXTS)
    found = sentences.vectors_of(generation, rest, TEXTS)
    assert len(rest.asked) == 3 and sorted(cut.asked + rest.asked) == TEXTS
    assert np.array_equal(found, Toy().embed_passages(TEXTS))


def test_a_cache_that_can_not_be_written_is_read(generation: Generation, tmp_path: Path) -> None:
    many = [f"Sentence {n} of a great many." for n in range(700)]
    expected = sentences.vectors_of(generation, Toy(), many)
    bodies = tmp_path / "cache" / "bodies"
    bodies.rmdir()
    bodies.write_text("a file in the way")
    toy = Counting()
    assert np.array_equal(sentences.vectors_of(generation, toy, [*many, TEXTS[0]])[:-1], expected)
    assert toy.asked == [TEXTS[0]]
    (tmp_path / "cache" / "cache.sqlite").write_bytes(b"no database")
    assert np.array_equal(sentences.vectors_of(generation, toy, many[:3]), expected[:3])
    assert sorted(toy.asked[1:]) == sorted(many[:3])


def test_a_disk_that_is_full_meanwhile_costs_no_answer(generation: Generation, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def full(self: Cache, pairs: object) -> None:
        tries.append(1)
        raise LibraryUnwritable("the disk is full")

    monkeypatch.setattr(sentences, "_BATCH", 2)
    monkeypatch.setattr(Cache, "keep_vectors", full)
    assert np.array_equal(sentences.vectors_of(generation, Toy(), TEXTS), Toy().embed_passages(TEXTS))
    assert tries == [1], "once is enough"


def test_vectors_of_another_length_are_not_taken(generation: Generation, tmp_path: Path) -> None:
    from indexer.passages import vector_key

    with Cache(tmp_path / "cache") as cache:
        cache.keep_vectors([(vector_key(Toy().model.fingerprint, TEXTS[0]), np.zeros(3, np.float32))])
    toy = Counting()
    assert np.array_equal(sentences.vectors_of(generation, toy, TEXTS[:1]), Toy().embed_passages(TEXTS[:1]))
    assert toy.asked == TEXTS[:1]


def test_a_body_is_read_when_it_is_looked_at_and_once() -> None:
    """What nothing looks at is not read; what looks sees what a document has."""
    body = bodies.Body((Page("one", 1), Page("two", 2)), (Section("1 A", 1, 0, 0),), (), ())
    turns: list[int] = []
    fields = bodies.later("the digest", lambda: (turns.append(1), body)[1])
    assert set(fields) == set(bodies.FIELDS) and turns == []
    bare = document("x", [])
    kept = replace(bare, **fields)
    assert bodies.digest_of(kept) == "the digest" and turns == []
    assert len(kept.pages) == 2 and list(kept.pages) == list(body.pages) and kept.pages[-1] == body.pages[1]
    assert kept.pages[:1] == body.pages[:1] and len(kept.sections) == 1 and not kept.blocks and turns == [1]
    whole = replace(bare, pages=body.pages, sections=body.sections)
    altered = replace(whole, pages=(Page("one", 1), Page("two", 3)))
    assert len({bodies.digest_of(one) for one in (bare, whole, altered)}) == 3
    assert bodies.digest_of(whole) == bodies.digest_of(replace(whole, title="another"))
