"""The vectors of a generation in a FAISS index. The only module that knows FAISS.

Exact inner product over unit vectors, which is the cosine, behind `IndexIDMap2`; a vector's id is its passage's. Passages
that are not prose have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from indexer.library import files


def write(path: Path, vectors: np.ndarray, ids: np.ndarray | None = None) -> None:
    """Writes an index of `vectors` (float32, shape (n, dimension), unit rows) to `path`.

    `ids` (int64, shape (n,)) are the passages' ids, by default 0 … n-1.
    """
    import faiss

    index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
    if len(vectors):
        numbers = np.arange(len(vectors), dtype=np.int64) if ids is None else ids
        index.add_with_ids(np.ascontiguousarray(vectors, np.float32), numbers)
    with files.writing(path.parent), path.open("wb") as file:
        file.write(faiss.serialize_index(index).data)


def nearest(queries: np.ndarray, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The `k` largest inner products of each of `queries` with `vectors` (float32 rows): products and rows, best first."""
    import faiss

    return faiss.knn(
        np.ascontiguousarray(queries, np.float32), np.ascontiguousarray(vectors, np.float32), k,
        metric=faiss.METRIC_INNER_PRODUCT,
    )  # fmt: skip


class Vectors:
    """An index opened for searching. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        import faiss

        self._index = faiss.read_index(str(path))

    @property
    def count(self) -> int:
        """How many vectors it holds."""
        return self._index.ntotal

    @property
    def dimension(self) -> int:
        """How long each is."""
        return self._index.d

    def nearest(self, queries: np.ndarray, k: int, among: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The `k` passages nearest to each of `queries` (float32, shape (q, dimension), unit rows).

        `among` (bool, by passage id from 0, shape (count,)) says which may be found; None means all of them.
        Returns cosines and passage ids, best first, each of shape (q, min(k, how many may be found)).
        """
        import faiss

        k = min(k, self.count if among is None else int(among.sum()))
        if k == 0:
            return np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
        params = None
        if among is not None:
            bits = np.packbits(among, bitorder="little")
            params = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        scores, ids = self._index.search(np.ascontiguousarray(queries, np.float32), k, params=params)
        return scores, ids

    @cached_property
    def ids(self) -> np.ndarray:
        """The passages that have a vector, by row: int64 of shape (count,), ascending."""
        import faiss

        return faiss.vector_to_array(self._index.id_map)

    @cached_property
    def matrix(self) -> np.ndarray:
        """Every vector, by row: float32 of shape (count, dimension), read-only."""
        import faiss

        if not self.count:
            return np.empty((0, self.dimension), np.float32)
        flat = faiss.downcast_index(self._index.index)
        held = faiss.rev_swig_ptr(flat.get_xb(), self.count * self.dimension)  # the index's own memory
        held.flags.writeable = False
        return held.reshape(self.count, self.dimension)

    def of(self, passages: Sequence[int]) -> list[np.ndarray | None]:
        """The vector of each of `passages`: float32 of shape (dimension,), None where it has none."""
        if not self.count:
            return [None] * len(passages)
        wanted = np.asarray(passages, np.int64)
        rows = np.minimum(np.searchsorted(self.ids, wanted), self.count - 1)
        there = self.ids[rows] == wanted
        return [self.matrix[row] if known else None for row, known in zip(rows.tolist(), there.tolist(), strict=True)]
