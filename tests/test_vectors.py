"""The index of the vectors: exact below the switch; approximate from there on, and then it finds nearly the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.library import vectors
from indexer.library.vectors import Vectors

COUNT, DIMENSION = 3000, 32


def clustered(count: int, seed: int = 0) -> np.ndarray:
    """Unit rows about a hundred themes, as texts' are."""
    themes = np.random.default_rng(99).standard_normal((100, DIMENSION))
    chance = np.random.default_rng(seed)
    rows = themes[chance.integers(0, 100, count)] + 0.6 * chance.standard_normal((count, DIMENSION))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def passages(count: int, seed: int = 3) -> np.ndarray:
    """Ids with gaps: what isn't prose has no vector."""
    return np.sort(np.random.default_rng(seed).choice(count * 2, count, replace=False)).astype(np.int64)


def recall(found: np.ndarray, matrix: np.ndarray, ids: np.ndarray, asked: np.ndarray, allowed: np.ndarray) -> float:
    """The share of the ten nearest allowed ones that were found."""
    products = np.where(allowed[ids], asked @ matrix.T, -2)
    true = ids[np.argsort(-products, axis=1)[:, :10]]
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), true.tolist(), strict=True)]))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes 1,000 vectors enough for an approximate index."""
    monkeypatch.setattr(vectors, "SWITCH", 1000)


def made(path: Path, matrix: np.ndarray, ids: np.ndarray) -> Vectors:
    vectors.write(path, matrix, ids)
    return Vectors(path)


@pytest.mark.usefixtures("few")
def test_the_approximate_index_finds_nearly_all_of_the_nearest(tmp_path: Path) -> None:
    matrix, ids, asked = clustered(COUNT), passages(COUNT), clustered(100, 1)
    held = made(tmp_path / "v", matrix, ids)
    assert held.approximate and held.count == COUNT and held.dimension == DIMENSION
    cosines, found = held.nearest(asked, 10)
    assert recall(found, matrix, ids, asked, np.ones(COUNT * 2, bool)) > 0.97
    assert (np.diff(cosines, axis=1) <= 0).all()
    rows = np.searchsorted(ids, found)
    assert np.allclose(cosines, np.einsum("qd,qkd->qk", asked, matrix[rows]), atol=1e-3)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("share", [0.0005, 0.01, 0.3])
def test_the_approximate_index_keeps_to_a_mask(tmp_path: Path, share: float) -> None:
    matrix, ids, asked = clustered(COUNT), passages(COUNT), clustered(50, 1)
    held = made(tmp_path / "v", matrix, ids)
    mask = np.random.default_rng(4).random(COUNT * 2) < share
    allowed = int(mask[ids].sum())
    _, found = held.nearest(asked, 10, mask)
    assert found.shape == (50, min(10, allowed)) and mask[found].all()
    if allowed >= 10:
        assert recall(found, matrix, ids, asked, mask) > 0.97
    candidates = held.candidates(asked, 100, mask)
    there = candidates[candidates >= 0]
    assert mask[there].all() and ((candidates >= 0).sum(1) >= min(100, allowed)).all()


def test_the_switch_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "SWITCH", 1000)
    ids = np.arange(1000, dtype=np.int64)
    assert not made(tmp_path / "below", clustered(999), ids[:999]).approximate
    assert made(tmp_path / "at", clustered(1000), ids).approximate


@pytest.mark.usefixtures("few")
def test_the_first_and_the_last_passage_are_found_too(tmp_path: Path) -> None:
    matrix = clustered(1200)
    held = made(tmp_path / "v", matrix, np.arange(1200, dtype=np.int64))
    cosines, found = held.nearest(matrix[[0, -1]], 1)
    assert found.tolist() == [[0], [1199]] and np.allclose(cosines, 1, atol=1e-3)


@pytest.mark.parametrize("switch", [1000, 10**6])
def test_rows_are_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switch: int) -> None:
    monkeypatch.setattr(vectors, "SWITCH", switch)
    matrix, ids = clustered(COUNT), passages(COUNT)
    held = made(tmp_path / "v", matrix, ids)
    assert (held.ids == ids).all()
    for again in (held.matrix, np.concatenate(list(held.blocks())), held.rows(np.arange(COUNT))):
        assert again.dtype == np.float32 and np.allclose(again, matrix, atol=1e-3 if held.approximate else 0)
    assert held.approximate or not held.matrix.flags.writeable
    missing = int(np.setdiff1d(np.arange(COUNT * 2), ids)[0])
    one, none, last, beyond = held.of([int(ids[7]), missing, int(ids[-1]), int(ids[-1]) + 1])
    assert none is beyond is None and one is not None and np.allclose(one, matrix[7], atol=1e-3)
    assert last is not None and np.allclose(last, matrix[-1], atol=1e-3)


def test_an_empty_index_has_nothing_of_any_passage(tmp_path: Path) -> None:
    held = made(tmp_path / "v", clustered(1)[:0], np.empty(0, np.int64))
    assert (held.count, held.dimension, held.matrix.shape, held.ids.tolist()) == (0, DIMENSION, (0, DIMENSION), [])
    assert held.of([]) == [] and held.of([0, 7]) == [None, None] and list(held.blocks()) == []
    cosines, found = held.nearest(clustered(3), 10)
    assert cosines.shape == found.shape == (3, 0) and cosines.dtype == np.float32


@pytest.mark.parametrize("switch", [1000, 10**6])
def test_what_was_changed_is_found_as_in_a_fresh_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switch: int
) -> None:
    """A paper goes, another comes into the midst, and all passages behind them have other ids."""
    monkeypatch.setattr(vectors, "SWITCH", switch)
    before, ids = clustered(COUNT), passages(COUNT)
    former = made(tmp_path / "v", before, ids)
    source = np.concatenate((np.arange(500), np.full(120, -1), np.arange(600, COUNT)))
    new = clustered(120, 8)
    after = np.concatenate((before[:500], new, before[600:]))
    numbers = passages(len(source), 5)
    vectors.update(tmp_path / "w", former, source, new, numbers)
    held, fresh = Vectors(tmp_path / "w"), made(tmp_path / "x", after, numbers)
    assert held.approximate == fresh.approximate == (switch == 1000)
    assert (held.ids == numbers).all() and held.count == len(numbers)
    assert np.allclose(held.matrix, after, atol=1e-3)
    asked = np.concatenate((clustered(60, 1), new[:40]))
    everything = np.ones(numbers[-1] + 1, bool)
    for one in (held, fresh):
        assert recall(one.nearest(asked, 10)[1], after, numbers, asked, everything) > 0.97
    assert (held.nearest(new, 1)[1][:, 0] == numbers[500:620]).all()
    assert (held.changes, held.fitted) == ((220, COUNT) if held.approximate else (0, 0))


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("gone", "changes"), [(0, 700), (1, 0)])
def test_the_cells_stay_until_half_has_changed(tmp_path: Path, gone: int, changes: int) -> None:
    former = made(tmp_path / "v", clustered(1400), np.arange(1400, dtype=np.int64))
    source = np.arange(1400 - gone)
    source[:350] = -1
    vectors.update(tmp_path / "w", former, source, clustered(350, 6), np.arange(len(source), dtype=np.int64))
    held = Vectors(tmp_path / "w")
    assert (held.changes, held.fitted) == (changes, 1400 if changes else 1399)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("left", [1000, 999])
def test_an_update_comes_back_below_the_switch(tmp_path: Path, left: int) -> None:
    matrix = clustered(1001)
    former = made(tmp_path / "v", matrix, np.arange(1001, dtype=np.int64))
    vectors.update(tmp_path / "w", former, np.arange(left), matrix[:0], np.arange(left, dtype=np.int64))
    held = Vectors(tmp_path / "w")
    assert held.approximate is (left == 1000) and held.changes == (1 if held.approximate else 0)
    assert np.allclose(held.matrix, matrix[:left], atol=1e-3)
