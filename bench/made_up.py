"""Passages by the million: real sentences, and mixtures of pairs of them that lie about as far apart as the real ones do.

    python bench/made_up.py FOLDER COUNT CORPUS.jsonl ...

Each corpus holds a record a line with `title` and `text`. FOLDER gets `real.npy` (the real sentences' vectors, embedded
once), `pairs.npz` (what each made-up passage is mixed from) and `vectors.npy` (COUNT unit vectors, the real ones first).
Prints both groups' distances to the nearest neighbour, each within a sample of the same size of its own group.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parents[1]
PARTNERS = 64
"""A sentence is mixed with one that is near it: the middle of two strangers is like nothing that is written."""
AMONG, SHARES, NOISE = 64, (0.5, 0.8), (0.25, 0.6)
"""How many of its partners, how much of it there is, and how long the random part is. Chosen by `fit`."""
_LEAST_LETTERS = 20
_BLOCK = 4096


@dataclass(frozen=True)
class Real:
    """Real sentences in the order of their documents. `documents` (int32): which document each is of."""

    sentences: list[str]
    documents: np.ndarray
    titles: list[str]

    def window(self, at: int, sentences: int) -> str:
        """A sentence and those that follow it in its document: at most `sentences` of them."""
        end = at + 1
        while end < min(at + sentences, len(self.sentences)) and self.documents[end] == self.documents[at]:
            end += 1
        return " ".join(self.sentences[at:end])


@dataclass(frozen=True)
class Pairs:
    """What made-up passages are mixed from: real sentences `first` and `second` (int32), and the `share` of the first."""

    first: np.ndarray
    second: np.ndarray
    share: np.ndarray
    noise: tuple[float, float]
    seed: int

    def vectors(self, real: np.ndarray, start: int, end: int) -> np.ndarray:
        """Unit vectors of the made-up passages from `start` to `end`: float32. The random part depends on `start`."""
        share = self.share[start:end, None]
        mixed = share * real[self.first[start:end]] + (1 - share) * real[self.second[start:end]]
        mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
        chance = np.random.default_rng((self.seed, start))
        lengths = chance.uniform(*self.noise, (len(mixed), 1)).astype(np.float32)
        mixed += chance.standard_normal(mixed.shape, np.float32) * (lengths / np.float32(mixed.shape[1] ** 0.5))
        return mixed / np.linalg.norm(mixed, axis=1, keepdims=True)

    def text(self, real: Real, at: int, sentences: int = 1) -> str:
        """The text of a made-up passage: words of both in turn, as many of each as its share."""
        chance = np.random.default_rng((self.seed, at, 1))
        sides = []
        for which, share in ((self.first, self.share[at]), (self.second, 1 - self.share[at])):
            words = real.window(int(which[at]), sentences).split()
            sides.append([word for word, value in zip(words, chance.random(len(words)), strict=True) if value < share])
        return " ".join(word for both in itertools.zip_longest(*sides) for word in both if word)


def read(corpora: Sequence[Path]) -> Real:
    """The sentences of the corpora's texts, each once."""
    from sentencex import segment

    sentences: list[str] = []
    documents: list[int] = []
    titles: list[str] = []
    seen: set[str] = set()
    for corpus in corpora:
        for line in corpus.read_text("utf-8").splitlines():
            record = json.loads(line)
            titles.append(record.get("title", ""))
            for sentence in map(str.strip, segment("en", record["text"])):
                if sum(map(str.isalnum, sentence)) >= _LEAST_LETTERS and sentence.casefold() not in seen:
                    seen.add(sentence.casefold())
                    sentences.append(sentence)
                    documents.append(len(titles) - 1)
    return Real(sentences, np.array(documents, np.int32), titles)


def embedded(real: Real, file: Path) -> np.ndarray:
    """The real sentences' vectors by the model that is set: float32, shape (sentences, dimension). Kept in `file`."""
    if not file.exists():
        sys.path.insert(0, str(PROJECT))
        from indexer import embed
        from indexer.settings import Settings

        embedder = embed.load(embed.describe(Settings()))
        np.save(file, embedder.embed_passages(real.sentences))
    vectors = np.load(file)
    if len(vectors) != len(real.sentences):
        raise SystemExit(f"{file} is of other sentences: remove it.")
    return vectors


def partners(real: np.ndarray, seed: int = 1) -> np.ndarray:
    """For each real sentence the `PARTNERS` nearest to it among an eighth of all, best first: int32."""
    pool = np.random.default_rng(seed).choice(len(real), len(real) // 8, replace=False)
    return pool[nearest(real[pool], real, PARTNERS, skip_self=False)[1]].astype(np.int32)


def pairs(
    near: np.ndarray, count: int, among: int, shares: tuple[float, float], noise: tuple[float, float], seed: int = 1
) -> Pairs:
    """`count` pairs: a real sentence by chance, and one of the first `among` of its partners, by chance too."""
    chance = np.random.default_rng(seed)
    first = chance.integers(0, len(near), count, dtype=np.int32)
    place = chance.integers(0, among, count)
    second = near[first, place]
    itself = second == first
    second[itself] = near[first, (place + 1) % among][itself]
    share = chance.uniform(*shares, count).astype(np.float32)
    return Pairs(first, second, share, noise, seed)


def nearest(vectors: np.ndarray, queries: np.ndarray, k: int, skip_self: bool) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and places of the `k` nearest of `vectors` to each query, best first; `skip_self`: row i is query i."""
    cosines = np.empty((len(queries), k), np.float32)
    places = np.empty((len(queries), k), np.int32)
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK] @ vectors.T
        rows = np.arange(len(block))
        if skip_self:
            block[rows, rows + start] = -2
        best = np.argpartition(block, -k, axis=1)[:, -k:]
        found = np.take_along_axis(block, best, 1)
        order = np.argsort(-found, axis=1)
        cosines[start : start + len(block)] = np.take_along_axis(found, order, 1)
        places[start : start + len(block)] = np.take_along_axis(best, order, 1)
    return cosines, places


def own_nearest(vectors: np.ndarray) -> np.ndarray:
    """The distance (1 - cosine) of each to its nearest neighbour among the others."""
    return 1 - nearest(vectors, vectors, 1, skip_self=True)[0][:, 0]


def fit(real: np.ndarray, near: np.ndarray, count: int = 40_000) -> list[tuple]:
    """How `AMONG`, `SHARES` and `NOISE` were chosen: by the largest difference of the two distributions, least first.

    `count` of each group: a first sentence must recur among the made-up ones as often as it will when they are shown.
    """
    wanted = own_nearest(real[np.random.default_rng(7).choice(len(real), count, replace=False)])
    tried = []
    for among in (16, 64):
        for shares in ((0.5, 0.8), (0.5, 0.9), (0.4, 0.6)):
            for noise in ((0.4, 0.4), (0.45, 0.45), (0.5, 0.5), (0.25, 0.6), (0.2, 0.6), (0.1, 0.65)):
                found = own_nearest(pairs(near, count, among, shares, noise).vectors(real, 0, count))
                tried.append((apart(wanted, found), among, shares, noise))
    return sorted(tried)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference between two samples' shares below any value (Kolmogorov and Smirnov's)."""
    one, other = np.sort(one), np.sort(other)
    both = np.concatenate([one, other])
    shares = (np.searchsorted(sample, both, side="right") / len(sample) for sample in (one, other))
    return float(np.abs(np.subtract(*shares)).max())


def histogram(real: np.ndarray, made: np.ndarray) -> str:
    """Both distributions side by side, one line for each twentieth of distance, in percent."""
    edges = np.arange(0, 1.0001, 0.05)
    lines = ["distance     real                             made up"]
    shares = [np.histogram(sample, edges)[0] / len(sample) * 100 for sample in (real, made)]
    for low, a, b in zip(edges, *shares, strict=False):
        if a + b >= 0.05:
            lines.append(f"{low:.2f}-{low + 0.05:.2f}  {a:5.1f} {'#' * round(a):26} {b:5.1f} {'#' * round(b)}")
    return "\n".join(lines)


def main() -> None:
    """Writes the files and prints both histograms."""
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    real = read([Path(name) for name in sys.argv[3:]])
    known = embedded(real, folder / "real.npy")
    made = pairs(partners(known), count - len(known), AMONG, SHARES, NOISE)
    np.savez(folder / "pairs.npz", first=made.first, second=made.second, share=made.share)
    out = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float32, (count, known.shape[1]))
    out[: len(known)] = known
    for start in range(0, count - len(known), _BLOCK):
        end = min(start + _BLOCK, count - len(known))
        out[len(known) + start : len(known) + end] = made.vectors(known, start, end)
    out.flush()
    chance = np.random.default_rng(3)
    same = min(50_000, len(known), count - len(known))
    one = own_nearest(known[chance.choice(len(known), same, replace=False)])
    other = own_nearest(out[len(known) + np.sort(chance.choice(count - len(known), same, replace=False))])
    print(
        f"{len(known)} real and {count - len(known)} made-up passages; nearest neighbours within {same} of each group"
    )
    print(histogram(one, other))
    print(
        f"medians {np.median(one):.3f} and {np.median(other):.3f}; the distributions differ by {apart(one, other):.3f}"
    )


if __name__ == "__main__":
    main()
