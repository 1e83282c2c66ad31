"""The space of a generation's vectors: what is common to all is taken out, so that a cosine tells what is particular.

A sentence model's vectors fill a narrow cone. Centred on the library's own mean and whitened by a quarter of the power
that would make all directions equal, cosines rank better, most of all where a library is about one thing.
y = unit((x - mean) @ matrix), with C = E diag(l) E' the covariance, a = mean(l), matrix = E diag((l + a / 10) ** -1/8):
Su et al., "Whitening Sentence Representations for Better Semantics and Faster Retrieval" (2021), p. 3, with a smaller power.

The vectors stay as the model gave them. With v = matrix @ y_q and c = mean @ v, the cosine is (x @ v - c) / norm of x's y.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from indexer.library import arrays, vectors

VERSION = "space-1"
_CENTRED = 20  # fewer vectors have no mean to speak of
_WHITENED = 100  # fewer have no covariance to speak of
_POWER = 0.125
_RIDGE = 0.1
NEIGHBOURS = 5
_PARTS = 4  # of one abstract beside a row, hardly ever more


def write(path: Path, matrix: np.ndarray, abstracts: np.ndarray) -> None:
    """Fits the space of `matrix` (float32, shape (n, dimension), unit rows), and each one's nearest, and writes them.

    `abstracts` (int, shape (n,)) has the number of the abstract that a row is a part of, -1 where of none: parts of one
    abstract, which share their words, are no neighbours.
    """
    mean, transform = fitted(matrix)
    own = (matrix - mean) @ transform
    norms = np.maximum(np.linalg.norm(own, axis=1), 1e-6).astype(np.float32)
    own /= norms[:, None]
    kin, nearness = _kin(own, abstracts)
    arrays.write(path, {
        "mean": mean, "matrix": transform, "norms": norms, "kin": kin, "nearness": nearness,
        "centre": own.mean(0, dtype=np.float64) if len(own) else np.zeros(matrix.shape[1]),
        "spread": np.cov(own.T.astype(np.float64), bias=True) if len(own) else np.zeros((matrix.shape[1],) * 2),
    })  # fmt: skip


def fitted(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the transform of vectors: float32 of shapes (dimension,) and (dimension, dimension)."""
    count, dimension = matrix.shape
    mean = matrix.mean(0, dtype=np.float64) if count >= _CENTRED else np.zeros(dimension)
    transform = np.eye(dimension)
    if count >= _WHITENED:
        values, axes = np.linalg.eigh(np.cov(matrix.T.astype(np.float64), bias=True))
        values = np.maximum(values, 0)
        transform = axes * (values + _RIDGE * values.mean()) ** -_POWER
        transform /= np.abs(transform).max()  # its scale is of no account
    return mean.astype(np.float32), transform.astype(np.float32)


def _kin(own: np.ndarray, abstracts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest others of each row, -1 where there are no more, and their weights, which sum to one (or all are 0)."""
    count = len(own)
    kin = np.full((count, NEIGHBOURS), -1, np.int32)
    nearness = np.zeros((count, NEIGHBOURS), np.float32)
    if count < 2:
        return kin, nearness
    scores, rows = vectors.nearest(own, own, min(NEIGHBOURS + 1 + _PARTS, count))
    others = rows != np.arange(count)[:, None]
    others &= (abstracts[rows] != abstracts[:, None]) | (abstracts < 0)[:, None]
    place = np.cumsum(others, axis=1) - 1
    others &= place < NEIGHBOURS
    row, column = np.nonzero(others)
    kin[row, place[row, column]] = rows[row, column]
    nearness[row, place[row, column]] = np.maximum(scores[row, column], 0)
    total = nearness.sum(1, keepdims=True)
    return kin, np.divide(nearness, total, out=nearness, where=total > 0)


class Space:
    """The space of a generation, opened. Rows are those of its vectors, not passages' ids. Safe in several threads."""

    def __init__(self, path: Path) -> None:
        held = arrays.read(path)
        self._mean, self._matrix = np.array(held["mean"]), np.array(held["matrix"])
        self._centre, self._spread = np.array(held["centre"]), np.array(held["spread"])
        self.norms: np.ndarray = held["norms"]
        """What a row's cosine is divided by: float32 of shape (n,)."""
        self.kin: np.ndarray = held["kin"]
        """The rows nearest to each row, -1 where there are no more: int32 of shape (n, NEIGHBOURS)."""
        self.nearness: np.ndarray = held["nearness"]
        """How near each of them is, of one in all: float32 of the same shape."""

    def directions(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What to search with for `queries` (float32, shape (q, dimension), unit rows).

        Returns v (q, dimension), c (q,), and the mean and the deviation of the cosines with all rows, each (q,): the
        cosine with row i is (x_i @ v - c) / norms[i].
        """
        own = (queries - self._mean) @ self._matrix
        own /= np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-6)
        v = own @ self._matrix.T
        mean = own @ self._centre
        deviation = np.sqrt(np.maximum(((own @ self._spread) * own).sum(1), 0))
        return v.astype(np.float32), (v @ self._mean).astype(np.float32), mean, deviation
