"""The vectors of a generation in a FAISS index. The only module that knows FAISS.

Exact inner product over unit vectors, which is the cosine, behind `IndexIDMap2`; a vector's id is its passage's.
"""

from __future__ import annotations

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

    def all(self) -> np.ndarray:
        """Every vector in the order it was added: float32, shape (count, dimension)."""
        return (
            self._index.index.reconstruct_n(0, self.count) if self.count else np.empty((0, self.dimension), np.float32)
        )
