"""The vectors of a generation in a FAISS index. The only module that knows FAISS.

Up to `SWITCH` vectors: an exact inner product over unit vectors, which is the cosine, behind `IndexIDMap2`. From there on
an inverted file of bytes (`IVF…,SQ8`: Jégou et al., "Product Quantization for Nearest Neighbor Search" (2011), p. 121)
says which passages may be the nearest, and the vectors themselves, beside it as halves, say how near those are. Both are
mapped, so that what is never asked for takes no memory. A vector's id is its passage's. Passages that are not prose have
none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from indexer.library import arrays, files

SWITCH = 50_000
"""Vectors from which on the index is approximate. The scores for a search of 50,000 take 6 ms either way; of 100,000 all
take 12 and candidates 8, of a million 134 and 15 (`bench/million.py --exact`). Each one's five nearest, looked for among
all, cost 25 s of the processor's at 50,000, and four times that at twice as many: so much a change may cost up to here."""

_FAISS = b"IxM2"  # what a file of FAISS's begins with
_OF_EACH = 50  # vectors for each cell that its centre is learned from
_TAKEN = 100  # candidates for each that is wanted, of which the exact cosines decide
_BLOCK = 16_384
_FLOATS = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)


def write(path: Path, vectors: np.ndarray, ids: np.ndarray | None = None) -> None:
    """Writes an index of `vectors` (float32, shape (n, dimension), unit rows) to `path`.

    `ids` (int64, shape (n,), ascending) are the passages' ids, by default 0 … n-1. Raises `LibraryUnwritable`.
    """
    import faiss

    numbers = np.arange(len(vectors), dtype=np.int64) if ids is None else np.asarray(ids, np.int64)
    if len(vectors) >= SWITCH:
        index = _trained(vectors)
        for start in range(0, len(vectors), _BLOCK):
            here = slice(start, start + _BLOCK)
            index.add_with_ids(np.ascontiguousarray(vectors[here], np.float32), numbers[here])
        _write(path, numbers, vectors.astype(np.float16), index, len(vectors), 0)
        return
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
    if len(vectors):
        index.add_with_ids(np.ascontiguousarray(vectors, np.float32), numbers)
    with files.writing(path.parent), path.open("wb") as file:
        file.write(faiss.serialize_index(index).data)


def update(path: Path, former: Vectors, source: np.ndarray, new: np.ndarray, ids: np.ndarray) -> None:
    """Writes an index of vectors most of which another one has; what `write` would make of them, or nearly.

    `source` (int64, shape (n,)) is the row in `former` of each vector, -1 for each of the `new` (float32 rows, in order);
    `ids` are as `write` has them. An approximate index keeps its cells until half of it has changed.
    Raises `LibraryUnwritable`.
    """
    import faiss

    added = source < 0
    gone = np.ones(former.count, bool)
    gone[source[~added]] = False
    changes = former.changes + int(added.sum() + gone.sum())
    if not former.approximate or len(source) < SWITCH or changes > former.fitted // 2:
        matrix = np.empty((len(source), former.dimension), np.float32)
        matrix[~added] = former.rows(source[~added])
        matrix[added] = new
        write(path, matrix, ids)
        return
    index = former.copied()
    if gone.any():
        index.remove_ids(faiss.IDSelectorBatch(former.ids[gone]))
    number = np.zeros(int(former.ids[-1]) + 1, np.int64)
    number[former.ids[source[~added]]] = ids[~added]
    lists = faiss.downcast_InvertedLists(index.invlists)
    for cell in range(index.nlist):
        if size := lists.list_size(cell):
            held = faiss.rev_swig_ptr(lists.get_ids(cell), size)  # the index's own memory
            held[:] = number[held]
    if len(new):
        index.add_with_ids(np.ascontiguousarray(new, np.float32), np.asarray(ids, np.int64)[added])
    halves = np.empty((len(source), former.dimension), np.float16)
    halves[~added] = former.halves[source[~added]]
    halves[added] = new
    _write(path, np.asarray(ids, np.int64), halves, index, former.fitted, changes)


def _trained(vectors: np.ndarray):
    """An empty index with cells for vectors like these: about two for each vector of a cell."""
    import faiss

    count = len(vectors)
    cells = 1 << round(np.log2(2 * count**0.5))
    index = faiss.index_factory(vectors.shape[1], f"IVF{cells},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.max_points_per_centroid, index.cp.spherical = 10, _OF_EACH, True
    some = np.sort(np.random.default_rng(0).choice(count, min(count, _OF_EACH * cells), replace=False))
    index.train(np.ascontiguousarray(vectors[some], np.float32))
    return index


def _write(path: Path, ids: np.ndarray, halves: np.ndarray, index: object, fitted: int, changes: int) -> None:
    import faiss

    about = np.array([fitted, changes], np.int64)
    arrays.write(path, {"ids": ids, "rows": halves, "index": faiss.serialize_index(index), "about": about})


def nearest(queries: np.ndarray, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The `k` largest inner products of each of `queries` with `vectors` (float32 rows): products and rows, best first."""
    import faiss

    return faiss.knn(
        np.ascontiguousarray(queries, np.float32), np.ascontiguousarray(vectors, np.float32), k,
        metric=faiss.METRIC_INNER_PRODUCT,
    )  # fmt: skip


def cells(vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` centres of `vectors` (float32, unit rows) by k-means: float32 of shape (count, dimension), and the one
    that each vector is nearest to: int64 of shape (n,)."""
    import faiss

    found = faiss.Kmeans(
        vectors.shape[1], count, niter=6, spherical=True, max_points_per_centroid=_OF_EACH, seed=1
    )  # fmt: skip
    some = np.random.default_rng(1).choice(len(vectors), min(len(vectors), _OF_EACH * count), replace=False)
    found.train(np.ascontiguousarray(vectors[np.sort(some)]))
    centres = np.asarray(found.centroids)
    own = np.concatenate([
        found.index.search(np.ascontiguousarray(vectors[start : start + _BLOCK]), 1)[1][:, 0]
        for start in range(0, len(vectors), _BLOCK)
    ])  # fmt: skip
    return centres, own


def _floats(halves: np.ndarray) -> np.ndarray:
    """Halves as float32, looked up: NumPy's own way takes twice as long."""
    return _FLOATS.take(halves.view(np.uint16))


class Vectors:
    """An index opened for searching. Safe to use from several threads."""

    def __init__(self, path: Path, data: bytes | None = None) -> None:
        import faiss

        if data is None:
            with path.open("rb") as file:
                beginning = file.read(4)
        else:
            beginning = data[:4]
        self.approximate = beginning != _FAISS
        self.fitted, self.changes = 0, 0
        self._halves: np.ndarray | None = None
        if not self.approximate:
            own = data is not None
            self._index = faiss.deserialize_index(np.frombuffer(data, np.uint8)) if own else faiss.read_index(str(path))
            return
        held = arrays.read(path, data)
        self._bytes = held["index"]  # what the index reads from as long as it lives
        self._index = faiss.read_index(faiss.ZeroCopyIOReader(faiss.swig_ptr(self._bytes), self._bytes.size))
        self._halves = held["rows"]
        self.fitted, self.changes = held["about"].tolist()
        self._probes = min(round(4 * self._index.nlist**0.5), self._index.nlist)
        self.ids = np.array(held["ids"])

    def copied(self):
        """The index itself, in memory of its own."""
        import faiss

        return faiss.deserialize_index(self._bytes)

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

        `among` (bool, by passage id from 0, shape (passages,)) says which may be found; None means all of them.
        Returns cosines and passage ids, best first, each of shape (q, min(k, how many may be found)).
        """
        import faiss

        k = min(k, self.count if among is None else int(among[self.ids].sum()))
        if k == 0:
            return np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
        if self.approximate:
            found = self.candidates(queries, max(k, _TAKEN), among)
            cosines = np.full(found.shape, -np.inf, np.float32)
            for row, query in enumerate(queries):
                there = found[row] >= 0
                cosines[row, there] = self.rows(np.searchsorted(self.ids, found[row, there])) @ query
            order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
            return np.take_along_axis(cosines, order, 1), np.take_along_axis(found, order, 1)
        params = None
        if among is not None:
            bits = np.packbits(among, bitorder="little")
            params = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        scores, ids = self._index.search(np.ascontiguousarray(queries, np.float32), k, params=params)
        return scores, ids

    def candidates(self, directions: np.ndarray, k: int, among: np.ndarray | None = None) -> np.ndarray:
        """About the `k` passages with the largest inner products with each of `directions` (float32 rows of any length).

        Only of an approximate index. `among` is as `nearest` has it; where few of those looked through are in it, more are
        looked through. Returns ids: int64 of shape (q, k), -1 in place of those that there are not.
        """
        import faiss

        asked = np.ascontiguousarray(directions, np.float32)
        selector = None if among is None else faiss.IDSelectorBitmap(np.packbits(among, bitorder="little"))
        probes = self._probes
        while True:
            params = faiss.SearchParametersIVF(nprobe=probes, sel=selector)
            ids = self._index.search(asked, k, params=params)[1]
            if probes >= self._index.nlist or (ids >= 0).all():
                return ids
            probes = min(4 * probes, self._index.nlist)

    @cached_property
    def ids(self) -> np.ndarray:
        """The passages that have a vector, by row: int64 of shape (count,), ascending."""
        import faiss

        return faiss.vector_to_array(self._index.id_map)

    @property
    def matrix(self) -> np.ndarray:
        """Every vector, by row: float32 of shape (count, dimension), read-only. Of an approximate index, a copy."""
        return _floats(self.halves) if self.approximate else self._flat

    @property
    def halves(self) -> np.ndarray:
        """Every vector of an approximate index, by row: float16 of shape (count, dimension), mapped, read-only."""
        assert self._halves is not None
        return self._halves

    @cached_property
    def _flat(self) -> np.ndarray:
        import faiss

        if not self.count:
            return np.empty((0, self.dimension), np.float32)
        flat = faiss.downcast_index(self._index.index)
        held = faiss.rev_swig_ptr(flat.get_xb(), self.count * self.dimension)  # the index's own memory
        held.flags.writeable = False
        return held.reshape(self.count, self.dimension)

    def rows(self, rows: np.ndarray | slice) -> np.ndarray:
        """The vectors of some rows: float32 of shape (rows, dimension)."""
        return _floats(self.halves[rows]) if self.approximate else self._flat[rows]

    def blocks(self) -> Iterator[np.ndarray]:
        """All vectors in order, some thousand rows at a time: float32."""
        for start in range(0, self.count, _BLOCK):
            yield self.rows(slice(start, start + _BLOCK))

    def of(self, passages: Sequence[int]) -> list[np.ndarray | None]:
        """The vector of each of `passages`: float32 of shape (dimension,), None where it has none."""
        if not self.count:
            return [None] * len(passages)
        wanted = np.asarray(passages, np.int64)
        rows = np.minimum(np.searchsorted(self.ids, wanted), self.count - 1)
        there = self.ids[rows] == wanted
        held = self.rows(rows)
        return [row if known else None for row, known in zip(held, there.tolist(), strict=True)]
