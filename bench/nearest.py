"""Exact and approximate nearest neighbours over the same vectors: build, size, change, speed and recall@10.

    python bench/made_up.py FOLDER 1000000 CORPUS.jsonl ...
    python bench/nearest.py FOLDER/vectors.npy COUNT FOLDER/queries.npy

Nearest is by the whitened cosine that a search takes, y_q . unit((x - mean) W). Its candidates come from an index of the raw
vectors x, asked with W y_q, `TAKEN` of them, and are then scored exactly. One query at a time, one thread; the time that the
processor worked is given beside the time that passed, since machines are shared.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

TAKEN = 100
CHANGED = 115
PROBES = (8, 16, 32, 64, 128)
_BLOCK = 50_000


class Whitened:
    """A quarter whitening of raw unit vectors, and their exact neighbours under it."""

    def __init__(self, vectors: np.ndarray, queries: np.ndarray) -> None:
        chance = np.random.default_rng(0)
        sample = vectors[np.sort(chance.choice(len(vectors), min(len(vectors), 100_000), replace=False))]
        mean = sample.mean(0)
        values, axes = np.linalg.eigh(np.cov((sample - mean).T))
        matrix = (axes * (values + 0.1 * values.mean()) ** -0.125).astype(np.float32)
        self.vectors = vectors
        self.lengths = np.concatenate([
            np.linalg.norm((vectors[start : start + _BLOCK] - mean) @ matrix, axis=1)
            for start in range(0, len(vectors), _BLOCK)
        ])  # fmt: skip
        turned = (queries - mean) @ matrix
        turned /= np.linalg.norm(turned, axis=1, keepdims=True)
        self.queries = np.ascontiguousarray(turned @ matrix.T)
        self.offsets = self.queries @ mean

    def best(self, query: int, k: int, among: np.ndarray | None = None) -> np.ndarray:
        """The `k` nearest to a query, of all or of those `among`."""
        places = np.arange(len(self.vectors)) if among is None else among[among >= 0]
        vectors = self.vectors if among is None else self.vectors[places]
        scores = (vectors @ self.queries[query] - self.offsets[query]) / self.lengths[places]
        return places[np.argpartition(scores, -k)[-k:]] if len(places) > k else places


def asked(name: str, whitened: Whitened, truth: list[np.ndarray], search: Callable) -> None:
    """Prints an index's recall and times."""
    took, worked, shares = [], [], []
    for number in range(len(whitened.queries)):
        start, began = time.perf_counter(), time.process_time()
        ids = search(whitened.queries[number : number + 1])[1][0]
        best = whitened.best(number, 10, ids)
        took.append((time.perf_counter() - start) * 1e3)
        worked.append((time.process_time() - began) * 1e3)
        shares.append(len(set(best) & set(truth[number])) / 10)
    figures = [*np.quantile(took, (0.5, 0.99)), *np.quantile(worked, (0.5, 0.99))]
    print(f"  {name:28} recall@10 {np.mean(shares):.4f}  ms {figures[0]:.2f} p99 {figures[1]:.2f}"
          f"  (processor {figures[2]:.2f}, {figures[3]:.2f})", flush=True)  # fmt: skip


def main() -> None:
    """Prints the figures of each index."""
    import faiss

    vectors = np.array(np.load(sys.argv[1], mmap_mode="r")[: int(sys.argv[2])], np.float32)
    count, dimension = vectors.shape
    whitened = Whitened(vectors, np.load(sys.argv[3]))
    truth = [whitened.best(query, 10) for query in range(len(whitened.queries))]
    cells = 1 << round(np.log2(2 * count**0.5))
    print(f"{count} vectors, {len(truth)} queries, {TAKEN} candidates each")
    for kind in ("Flat", "SQ8", f"IVF{cells},Flat", f"IVF{cells},SQfp16", f"IVF{cells},SQ8", "HNSW32"):
        if kind == "HNSW32" and count > 200_000:
            continue  # many minutes
        for threads in (4, 2):
            faiss.omp_set_num_threads(threads)
            index = faiss.index_factory(dimension, kind, faiss.METRIC_INNER_PRODUCT)
            if kind.startswith("IVF"):
                index.cp.niter, index.cp.max_points_per_centroid, index.cp.spherical = 10, 50, True
            start = time.perf_counter()
            index.train(vectors[np.random.default_rng(0).choice(count, min(count, 50 * cells), replace=False)])
            index.add(vectors)
            print(f"{kind}: built in {time.perf_counter() - start:.1f} s by {threads} threads")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "index"
            start = time.perf_counter()
            faiss.write_index(index, str(path))
            print(f"  {path.stat().st_size / 1e6:.0f} MB, written in {time.perf_counter() - start:.1f} s")
        faiss.omp_set_num_threads(1)
        settings = {"": None}
        if kind.startswith("IVF"):
            settings = {f" nprobe {n}": faiss.SearchParametersIVF(nprobe=n) for n in PROBES if n <= cells}
        elif kind == "HNSW32":
            settings = {f" efSearch {n}": faiss.SearchParametersHNSW(efSearch=n) for n in PROBES}
        for name, params in settings.items():
            asked(kind + name, whitened, truth, lambda q, i=index, p=params: i.search(q, TAKEN, params=p))
        if kind.startswith("IVF"):
            start = time.perf_counter()
            index.remove_ids(np.arange(CHANGED, dtype=np.int64))
            index.add_with_ids(vectors[:CHANGED], np.arange(count, count + CHANGED, dtype=np.int64))
            print(f"  {CHANGED} removed and {CHANGED} added in {time.perf_counter() - start:.3f} s")


if __name__ == "__main__":
    main()
