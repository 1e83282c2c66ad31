"""The space of a generation's vectors: what is common to all is taken out, so that a cosine tells what is particular.

A sentence model's vectors fill a narrow cone. Centred on the library's own mean and whitened by a quarter of the power
that would make all directions equal, cosines rank better, most of all where a library is about one thing.
y = unit((x - mean) @ matrix), with C = E diag(l) E' the covariance, a = mean(l), matrix = E diag((l + a / 10) ** -1/8):
Su et al., "Whitening Sentence Representations for Better Semantics and Faster Retrieval" (2021), p. 3, with a smaller power.

The vectors stay as the model gave them. With v = matrix @ y_q and c = mean @ v, the cosine is (x @ v - c) / norm of x's y.

From `vectors.SWITCH` vectors on a row's neighbours are looked for in the cells near its own alone, and a change leaves
the mean and the matrix as they are until a tenth has changed: `update`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, wraps
from pathlib import Path
from typing import ParamSpec

import numpy as np

from indexer.library import arrays, vectors
from indexer.library.vectors import Vectors

VERSION = "space-2"
_CENTRED = 20  # fewer vectors have no mean to speak of
_WHITENED = 100  # fewer have no covariance to speak of
_POWER = 0.125
_RIDGE = 0.1
NEIGHBOURS = 5
_PARTS = 4  # of one abstract beside a row, hardly ever more
_LOOKED_IN = 16  # cells: of the five nearest of a million they hold four; twice as many cost twice as much for 3 % more
_TAKEN = 100  # candidates for a row's nearest, of which the exact cosines decide
_BLOCK = 8192
_PRODUCTS = 1 << 25  # held at once: 128 MiB


_P = ParamSpec("_P")


def _one_thread(work: Callable[_P, None]) -> Callable[_P, None]:
    """Has numpy multiply in one thread. Several wait for one another in idle loops: of a covariance, which one decomposes in
    a twentieth of a second, they took five seconds on four cores that a server kept busy."""

    @wraps(work)
    def alone(*given: _P.args, **named: _P.kwargs) -> None:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, user_api="blas"):
            work(*given, **named)

    return alone


@_one_thread
def write(path: Path, matrix: np.ndarray, abstracts: np.ndarray) -> None:
    """Fits the space of `matrix` (float32, shape (n, dimension), unit rows), and each one's nearest, and writes them.

    `abstracts` (int, shape (n,)) has the number of the abstract that a row is a part of, -1 where of none: parts of one
    abstract, which share their words, are no neighbours. Raises `LibraryUnwritable`.
    """
    mean, transform = fitted(matrix)
    own = np.empty(matrix.shape, np.float32)
    for start in range(0, len(matrix), _BLOCK):
        own[start : start + _BLOCK] = (matrix[start : start + _BLOCK] - mean) @ transform
    norms = np.maximum(np.linalg.norm(own, axis=1), 1e-6).astype(np.float32)
    own /= norms[:, None]
    count, total, products = _sums(_blocks(own), matrix.shape[1])
    find = _kin if len(matrix) < vectors.SWITCH else _kin_in_cells
    kin, cosines = find(own, abstracts)
    _write(path, mean, transform, norms, kin, cosines, *_moments(count, total, products), len(matrix), 0)


@_one_thread
def update(path: Path, former: Space, was: Vectors, source: np.ndarray, held: Vectors, abstracts: np.ndarray) -> None:
    """Writes the space of the vectors `held`, most of which `former` has, that of `was`; as `write` would, or nearly.

    `source` (int64, shape (n,)) is the row in `former` of each vector, -1 for each that is new; `abstracts` is as `write`
    has it, and the parts of one are all new or none. The mean and the matrix stay; under them the centre, the spread, and
    who has a new row among the five nearest are exact. What a new row, and one that lost a neighbour, has for its nearest is
    looked for in the index. Where `held` is exact, or a tenth has changed since the mean was fitted, all is fitted anew.
    Raises `LibraryUnwritable`.
    """
    count = len(source)
    added = np.flatnonzero(source < 0)
    stayed = np.flatnonzero(source >= 0)
    gone = np.ones(len(former.norms), bool)
    gone[source[stayed]] = False
    changes = former.changes + len(added) + int(gone.sum())
    if not held.approximate or not former.fitted or changes > former.fitted // 10:
        write(path, held.matrix, abstracts)
        return
    mean, transform = former.mean, former.matrix
    of_old = np.full(len(former.norms), -1, np.int32)
    of_old[source[stayed]] = stayed
    kin = np.full((count, NEIGHBOURS), -1, np.int32)
    cosines = np.zeros((count, NEIGHBOURS), np.float32)
    norms = np.empty(count, np.float32)
    old = former.kin[source[stayed]]
    kin[stayed] = np.where(old >= 0, of_old[old], -1)
    cosines[stayed], norms[stayed] = former.cosines[source[stayed]], former.norms[source[stayed]]
    lost = stayed[((old >= 0) & (kin[stayed] < 0)).any(1)]
    new = (held.rows(added) - mean) @ transform
    norms[added] = np.maximum(np.linalg.norm(new, axis=1), 1e-6)
    new /= norms[added][:, None]

    directions = (new @ transform.T).astype(np.float32)
    offsets = directions @ mean
    step = min(_BLOCK, max(_PRODUCTS // max(len(added), 1), 1))
    for first in range(0, count if len(added) else 0, step):  # whom a new row is nearer to than one that they have
        rows = np.arange(first, min(first + step, count))
        near = held.rows(slice(first, first + step)) @ directions.T
        near -= offsets
        near /= norms[rows][:, None]
        least = cosines[rows].min(1)
        for place in np.flatnonzero(near.max(1) > least).tolist():
            row, nearer = first + place, np.flatnonzero(near[place] > least[place])
            both = np.concatenate((cosines[row], near[place, nearer]))
            best = np.argsort(-both, kind="stable")[:NEIGHBOURS]
            kin[row], cosines[row] = np.concatenate((kin[row], added[nearer]))[best], both[best]

    again = np.union1d(added, lost)
    for first in range(0, len(again), _BLOCK):
        some = again[first : first + _BLOCK]
        own = ((held.rows(some) - mean) @ transform) / norms[some][:, None]
        v = (own @ transform.T).astype(np.float32)
        c = v @ mean
        found = held.candidates(v, _TAKEN)
        for number, row in enumerate(some.tolist()):
            rows = np.searchsorted(held.ids, found[number][found[number] >= 0])
            rows = rows[(rows != row) & ((abstracts[rows] != abstracts[row]) | (abstracts[row] < 0))]
            near = (held.rows(rows) @ v[number] - c[number]) / norms[rows]
            best = np.argsort(-near, kind="stable")[:NEIGHBOURS]
            kin[row], cosines[row] = -1, 0
            kin[row, : len(best)], cosines[row, : len(best)] = rows[best], near[best]

    size, dimension = len(gone), len(mean)
    total, products = former.centre * size, (former.spread + np.outer(former.centre, former.centre)) * size
    old_rows = np.flatnonzero(gone)
    left = ((was.rows(old_rows) - mean) @ transform) / former.norms[old_rows][:, None]
    for sign, rows in ((-1, left), (1, new)):
        _, more, square = _sums(_blocks(rows), dimension)
        total, products = total + sign * more, products + sign * square
    _write(path, mean, transform, norms, kin, cosines, *_moments(count, total, products), former.fitted, changes)


def fitted(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the transform of vectors: float32 of shapes (dimension,) and (dimension, dimension)."""
    count, dimension = matrix.shape
    mean, covariance = _moments(*_sums(_blocks(matrix), dimension))
    transform = np.eye(dimension)
    if count >= _WHITENED:
        values, axes = np.linalg.eigh(covariance)
        values = np.maximum(values, 0)
        transform = axes * (values + _RIDGE * values.mean()) ** -_POWER
        transform /= np.abs(transform).max()  # its scale is of no account
    if count < _CENTRED:
        mean = np.zeros(dimension)
    return mean.astype(np.float32), transform.astype(np.float32)


def _blocks(matrix: np.ndarray) -> Iterable[np.ndarray]:
    return (matrix[start : start + _BLOCK] for start in range(0, len(matrix), _BLOCK))


def _sums(blocks: Iterable[np.ndarray], dimension: int) -> tuple[int, np.ndarray, np.ndarray]:
    """How many rows there are, their sum, and the sum of their products with themselves, in float64."""
    count, total, products = 0, np.zeros(dimension), np.zeros((dimension, dimension))
    for block in blocks:
        exact = block.astype(np.float64)
        count += len(block)
        total += exact.sum(0)
        products += exact.T @ exact
    return count, total, products


def _moments(count: int, total: np.ndarray, products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the covariance, from the sums."""
    mean = total / max(count, 1)
    return mean, products / max(count, 1) - np.outer(mean, mean)


def _write(
    path: Path, mean: np.ndarray, matrix: np.ndarray, norms: np.ndarray, kin: np.ndarray, cosines: np.ndarray,
    centre: np.ndarray, spread: np.ndarray, count: int, changes: int,
) -> None:  # fmt: skip
    arrays.write(path, {
        "mean": mean, "matrix": matrix, "norms": norms, "kin": kin, "nearness": cosines, "centre": centre,
        "spread": spread, "about": np.array([count, changes], np.int64),
    })  # fmt: skip


def _kin(own: np.ndarray, abstracts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest others of each row, -1 where there are no more, and their cosines."""
    count = len(own)
    if count < 2:
        return np.full((count, NEIGHBOURS), -1, np.int32), np.zeros((count, NEIGHBOURS), np.float32)
    cosines, rows = vectors.nearest(own, own, min(NEIGHBOURS + 1 + _PARTS, count))
    return _others(np.arange(count), rows, cosines, abstracts)


def _kin_in_cells(own: np.ndarray, abstracts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `_kin`, but each row's are looked for in the cells whose centres are nearest to its own cell's alone."""
    number = 1 << round(np.log2(len(own) ** 0.5))
    centres, cell = vectors.cells(own, number)
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(number + 1))
    by_cell = own[order]
    near = np.argsort(-(centres @ centres.T), axis=1, kind="stable")[:, :_LOOKED_IN]
    kin = np.full((len(own), NEIGHBOURS), -1, np.int32)
    nearness = np.zeros((len(own), NEIGHBOURS), np.float32)
    for mine in range(number):
        here = slice(starts[mine], starts[mine + 1])
        if here.start == here.stop:
            continue
        parts = [slice(starts[other], starts[other + 1]) for other in near[mine]]
        some = np.concatenate([order[part] for part in parts])
        wanted = min(NEIGHBOURS + 1 + _PARTS, len(some))
        cosines, rows = vectors.nearest(by_cell[here], np.concatenate([by_cell[part] for part in parts]), wanted)
        kin[order[here]], nearness[order[here]] = _others(order[here], some[rows], cosines, abstracts)
    return kin, nearness


def _others(
    own: np.ndarray, rows: np.ndarray, cosines: np.ndarray, abstracts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The first few of the `rows` found for each of `own` that are others, and not of its abstract, and their cosines."""
    others = rows != own[:, None]
    others &= (abstracts[rows] != abstracts[own][:, None]) | (abstracts[own] < 0)[:, None]
    place = np.cumsum(others, axis=1) - 1
    others &= place < NEIGHBOURS
    row, column = np.nonzero(others)
    kin = np.full((len(own), NEIGHBOURS), -1, np.int32)
    nearness = np.zeros((len(own), NEIGHBOURS), np.float32)
    kin[row, place[row, column]] = rows[row, column]
    nearness[row, place[row, column]] = cosines[row, column]
    return kin, nearness


class Space:
    """The space of a generation, opened. Rows are those of its vectors, not passages' ids. Safe in several threads."""

    def __init__(self, path: Path, data: bytes | None = None) -> None:
        held = arrays.read(path, data)
        self.mean, self.matrix = np.array(held["mean"]), np.array(held["matrix"])
        """What is taken from a vector, and what the rest is multiplied with: float32."""
        self.centre, self.spread = np.array(held["centre"]), np.array(held["spread"])
        """The mean and the covariance of all rows in the space, each of length one: float64."""
        self.fitted, self.changes = held["about"].tolist() if "about" in held else (0, 0)
        """How many vectors the mean and the matrix were fitted to, and how many have come or gone since."""
        self.norms: np.ndarray = held["norms"]
        """What a row's cosine is divided by: float32 of shape (n,)."""
        self.kin: np.ndarray = held["kin"]
        """The rows nearest to each row, best first, -1 where there are no more: int32 of shape (n, NEIGHBOURS)."""
        self.cosines: np.ndarray = held["nearness"]
        """How near each of them is: float32 of the same shape."""

    @cached_property
    def nearness(self) -> np.ndarray:
        """How near each of the nearest is, of one in all, or 0 where none is: float32 of shape (n, NEIGHBOURS)."""
        near = np.maximum(self.cosines, 0)
        total = near.sum(1, keepdims=True)
        return np.divide(near, total, out=near, where=total > 0)

    def directions(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What to search with for `queries` (float32, shape (q, dimension), unit rows).

        Returns v (q, dimension), c (q,), and the mean and the deviation of the cosines with all rows, each (q,): the
        cosine with row i is (x_i @ v - c) / norms[i].
        """
        own = (queries - self.mean) @ self.matrix
        own /= np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-6)
        v = own @ self.matrix.T
        mean = own @ self.centre
        deviation = np.sqrt(np.maximum(((own @ self.spread) * own).sum(1), 0))
        return v.astype(np.float32), (v @ self.mean).astype(np.float32), mean, deviation
