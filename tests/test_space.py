"""The space: neighbours and moments are what they are written out slowly, fresh or after a change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_vectors import clustered

from indexer.library import space, vectors
from indexer.library.space import Space
from indexer.library.vectors import Vectors

COUNT = 2500


def slowly(
    matrix: np.ndarray, abstracts: np.ndarray, fit: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The vectors in the space, and each one's five nearest others."""
    own = (matrix.astype(np.float64) - fit[0]) @ fit[1]
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    near = own @ own.T
    near[(abstracts[:, None] == abstracts) & (abstracts >= 0)[:, None]] = -2
    np.fill_diagonal(near, -2)
    return own, np.argsort(-near, axis=1, kind="stable")[:, :5]


def abstracts_of(count: int) -> np.ndarray:
    """Every tenth row and the one behind it are parts of one abstract."""
    found = np.full(count, -1)
    found[::10] = found[1::10] = np.arange(len(found[::10]))
    return found


def alike(count: int) -> np.ndarray:
    """Vectors of which the parts of an abstract are nearest to each other."""
    matrix = clustered(count)
    both = matrix[::10] + 0.05 * clustered(len(matrix[::10]), 7)
    matrix[1::10] = (both / np.linalg.norm(both, axis=1, keepdims=True))[: len(matrix[1::10])]
    return matrix


def share(kin: np.ndarray, true: np.ndarray) -> float:
    """How many of the nearest are among those found."""
    return float(np.mean([len(set(a) & set(b)) / 5 for a, b in zip(kin.tolist(), true.tolist(), strict=True)]))


def checked(held: Space, matrix: np.ndarray, abstracts: np.ndarray, atol: float) -> float:
    """The share of the nearest that it has; all else is compared with what it should be."""
    own, kin = slowly(matrix, abstracts, (held.mean, held.matrix))
    assert np.allclose(held.centre, own.mean(0), atol=atol)
    assert np.allclose(held.spread, np.cov(own.T, bias=True), atol=atol)
    assert np.allclose(held.norms, np.linalg.norm((matrix - held.mean) @ held.matrix, axis=1), atol=atol)
    found = np.asarray(held.kin)
    assert (found >= 0).all() and (found != np.arange(len(found))[:, None]).all()
    same = abstracts[found] == abstracts[:, None]
    assert not (same & (abstracts >= 0)[:, None]).any()
    assert np.allclose(held.cosines, np.einsum("nd,nkd->nk", own, own[found]), atol=atol)
    assert (np.diff(held.cosines, axis=1) <= 1e-6).all()
    positive = np.maximum(held.cosines, 0)
    assert np.allclose(held.nearness, positive / positive.sum(1, keepdims=True), atol=1e-6)
    return share(found, kin)


def test_below_the_switch_all_is_exact(tmp_path: Path) -> None:
    matrix, abstracts = alike(COUNT), abstracts_of(COUNT)
    space.write(tmp_path / "s", matrix, abstracts)
    assert checked(Space(tmp_path / "s"), matrix, abstracts, 1e-5) > 0.9999  # but for ties


def test_equal_vectors_give_equal_bytes(tmp_path: Path) -> None:
    for name in "ab":
        space.write(tmp_path / name, clustered(COUNT), abstracts_of(COUNT))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_from_the_switch_on_most_of_the_nearest_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "SWITCH", 1000)
    matrix, abstracts = alike(COUNT), abstracts_of(COUNT)
    space.write(tmp_path / "s", matrix, abstracts)
    assert checked(Space(tmp_path / "s"), matrix, abstracts, 1e-5) > 0.8


@pytest.mark.parametrize("switch", [1000, 10**6])
def test_a_change_leaves_what_fitting_anew_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switch: int) -> None:
    monkeypatch.setattr(vectors, "SWITCH", switch)
    monkeypatch.setattr(space, "_BLOCK", 999)
    monkeypatch.setattr(space, "_PRODUCTS", 60 * 300)
    before = alike(COUNT)
    vectors.write(tmp_path / "v", before)
    was = Vectors(tmp_path / "v")
    space.write(tmp_path / "s", was.matrix, abstracts_of(COUNT))
    former = Space(tmp_path / "s")
    first = checked(former, was.matrix, abstracts_of(COUNT), 1e-5)
    source = np.concatenate((np.arange(40, 1000), np.full(60, -1), np.arange(1000, COUNT)))
    new, ids = clustered(60, 8), np.arange(COUNT + 20)
    new[1:3] = new[0]
    abstracts = np.where(source >= 0, abstracts_of(COUNT)[source], -1)
    abstracts[960:963] = 0  # the new paper's own: the one that had it went
    vectors.update(tmp_path / "w", was, source, new, ids)
    held = Vectors(tmp_path / "w")
    space.update(tmp_path / "t", former, was, source, held, abstracts)
    after = Space(tmp_path / "t")
    assert checked(after, held.matrix, abstracts, 1e-5) > first - 0.01
    fit_again = switch == 10**6
    assert (after.changes, after.fitted) == ((0, COUNT + 20) if fit_again else (100, COUNT))
    _, kin = slowly(held.matrix, abstracts, (after.mean, after.matrix))
    assert share(after.kin[960:1020], kin[960:1020]) > 0.97
    given = np.isin(kin, np.arange(960, 1020))  # whom a new row is among the nearest of
    given[960:1020] = given[np.isin(former.kin, np.arange(40)).any(1)[source]] = False  # those are looked for elsewhere
    assert given.any() and (after.kin[:, None, :] == kin[:, :, None]).any(2)[given].all()


@pytest.mark.parametrize(("replaced", "gone", "changes"), [(60, 0, 120), (60, 1, 0), (0, 30, 30)])
def test_where_a_tenth_has_changed_all_is_fitted_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: int, gone: int, changes: int
) -> None:
    monkeypatch.setattr(vectors, "SWITCH", 1000)
    vectors.write(tmp_path / "v", clustered(1200))
    was = Vectors(tmp_path / "v")
    space.write(tmp_path / "s", was.matrix, np.full(1200, -1))
    former = Space(tmp_path / "s")
    source = np.arange(1200 - gone)
    at = np.setdiff1d(source, [0, *former.kin[0]])[:replaced]  # the first row loses none of its neighbours
    source[at] = -1
    new = clustered(60, 5)[:replaced]
    new[:1] = was.rows(slice(0, 1))[: len(new)]
    vectors.update(tmp_path / "w", was, source, new, np.arange(len(source)))
    held, none = Vectors(tmp_path / "w"), np.full(len(source), -1)
    space.update(tmp_path / "t", former, was, source, held, none)
    after = Space(tmp_path / "t")
    assert (after.changes, after.fitted) == (changes, 1200 if changes else 1199)
    assert checked(after, held.matrix, none, 1e-5) > 0.8
    if replaced:
        assert after.kin[at[0], 0] == 0 and after.kin[0, 0] == at[0]


def test_few_vectors_stay_as_they_are(tmp_path: Path) -> None:
    for count in (0, 1, 2, 3, 19):
        matrix = clustered(max(count, 1))[:count]
        space.write(tmp_path / "s", matrix, np.full(count, -1))
        held = Space(tmp_path / "s")
        assert (held.mean == 0).all() and (held.matrix == np.eye(matrix.shape[1])).all()
        assert held.kin.shape == (count, 5) and (held.kin >= 0).sum() == count * min(max(count - 1, 0), 5)
        assert np.array_equal(held.kin == -1, held.kin < 0) and not held.cosines[held.kin < 0].any()
        assert np.allclose(held.centre, matrix.sum(0) / max(count, 1), atol=1e-6)
        assert np.allclose(held.spread, np.cov(matrix.T, bias=True) if count else 0, atol=1e-6)
        near = np.maximum(held.cosines, 0)
        assert np.allclose(held.nearness * near.sum(1, keepdims=True), near, atol=1e-6)


@pytest.mark.parametrize("switch", [1000, 10**6])
def test_an_abstract_of_five_parts_has_others_for_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switch: int
) -> None:
    monkeypatch.setattr(vectors, "SWITCH", switch)
    matrix = np.repeat(clustered(240), 5, axis=0) + 0.01 * clustered(1200, 4)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    space.write(tmp_path / "s", matrix, np.arange(1200) // 5)
    assert checked(Space(tmp_path / "s"), matrix, np.arange(1200) // 5, 1e-5) > (0.8 if switch == 1000 else 0.9999)


def test_texts_that_are_equal_are_each_other_s_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More cells than there are different vectors: some have none."""
    monkeypatch.setattr(vectors, "SWITCH", 1000)
    matrix = np.tile(clustered(8), (150, 1))
    space.write(tmp_path / "s", matrix, np.full(1200, -1))
    held = Space(tmp_path / "s")
    assert (held.kin % 8 == np.arange(1200)[:, None] % 8).all() and np.allclose(held.cosines, 1, atol=1e-5)


def skewed(count: int, seed: int = 0) -> np.ndarray:
    """Vectors a third of which say nearly the same, as those of a library about one thing do."""
    matrix = clustered(count, seed)
    matrix[: count // 3] = matrix[0] + 0.05 * matrix[: count // 3]
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def test_the_space_is_whitened_by_a_quarter_of_the_power() -> None:
    """Written out: with C = E diag(l) E', what a vector is multiplied with, twice, is E diag(l + a/10) ** -1/4 E', in some scale."""
    matrix = skewed(COUNT)
    mean, transform = space.fitted(matrix)
    values, axes = np.linalg.eigh(np.cov(matrix.T.astype(np.float64), bias=True))
    expected = (axes * (values + 0.1 * values.mean()) ** -0.25) @ axes.T
    found = transform.astype(np.float64) @ transform.T
    assert np.allclose(mean, matrix.mean(0), atol=1e-6)
    assert np.allclose(found / np.trace(found), expected / np.trace(expected), atol=1e-6)


def test_moments_are_kept_through_changes_where_the_centre_is_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "SWITCH", 1000)
    vectors.write(tmp_path / "v", skewed(COUNT))
    was = Vectors(tmp_path / "v")
    space.write(tmp_path / "s", was.matrix, np.full(COUNT, -1))
    former = Space(tmp_path / "s")
    source = np.concatenate((np.arange(1, COUNT - 79), np.full(60, -1)))
    vectors.update(tmp_path / "w", was, source, skewed(60, 5), np.arange(len(source)))
    held, none = Vectors(tmp_path / "w"), np.full(len(source), -1)
    space.update(tmp_path / "t", former, was, source, held, none)
    after = Space(tmp_path / "t")
    assert after.changes == 140 and np.linalg.norm(after.centre) > 0.1
    checked(after, held.matrix, none, 1e-5)


def test_what_is_searched_with(tmp_path: Path) -> None:
    """The cosine in the space with every row, and the mean and the deviation of all of them, from one direction."""
    matrix, asked = skewed(COUNT), clustered(7, 3)
    space.write(tmp_path / "s", matrix, np.full(COUNT, -1))
    held = Space(tmp_path / "s")
    own, _ = slowly(matrix, np.full(COUNT, -1), (held.mean, held.matrix))
    queries, _ = slowly(asked, np.full(7, -1), (held.mean, held.matrix))
    v, c, mean, deviation = held.directions(asked)
    cosines = queries @ own.T
    assert np.allclose((matrix @ v.T - c).T / held.norms, cosines, atol=1e-5)
    assert np.allclose(mean, cosines.mean(1), atol=1e-5) and np.allclose(deviation, cosines.std(1), atol=1e-5)
