"""A library of a million passages: what it takes to build, to keep and to ask, and what the approximate index misses.

    python bench/made_up.py FOLDER 1000000 CORPUS.jsonl ...
    python bench/million.py FOLDER QUERIES.jsonl,... CORPUS.jsonl ... [--passages N] [--library LIBRARY] [--exact]

The passages are those of `made_up.py`: real ones first, a sentence and those that follow it, then mixtures. A hundred of
them make a document. The library is written as a reindex writes it, in a process of its own, and kept in LIBRARY, by
default beside the vectors. Other processes open it: one asks whole searches, one at a time, each with a question of its
own; one compares what the approximate index finds with what all passages give; with `--exact` one takes the time of both,
for the scores alone. Where N is below the switch, nothing is approximate.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import made_up
import numpy as np

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))
OF_A_DOCUMENT = 100
SENTENCES = 4
COMPARED = 200
WARM_UP = 20
_MB = 1e6


def documents(real: made_up.Real, pairs: made_up.Pairs, count: int) -> Iterator[tuple]:
    """The documents with their passages, of one page for each passage."""
    from indexer.document import Document, Entry, Mention, Page, Passage

    whole = len(real.sentences)
    for n, start in enumerate(range(0, count, OF_A_DOCUMENT)):
        here = range(start, min(start + OF_A_DOCUMENT, count))
        texts = [real.window(at, SENTENCES) if at < whole else pairs.text(real, at - whole, SENTENCES) for at in here]
        title = real.titles[real.documents[start if start < whole else pairs.first[start - whole]]] or f"Text {n}"
        document = Document(
            id=f"made-{n}", text="full", title=title, date="2023",
            entry=Entry(f"https://example.org/{n}", (Mention("made-up", n, title, ()),)),
            link=f"https://example.org/{n}", pages=tuple(Page(text, number) for number, text in enumerate(texts, 1)),
        )  # fmt: skip
        yield document, [Passage(page, 0, len(text), None, "body") for page, text in enumerate(texts)]


def build(folder: Path, library: Path, count: int, corpora: Sequence[Path]) -> dict[str, float]:
    """Writes the library; says the seconds that it took to write it, and the memory at its largest, in MB."""
    from indexer import embed
    from indexer.library import Library, Writer
    from indexer.settings import Settings

    real = made_up.read(corpora)
    held = np.load(folder / "pairs.npz")
    pairs = made_up.Pairs(held["first"], held["second"], held["share"], made_up.NOISE, 1)
    made = list(documents(real, pairs, count))
    matrix = np.array(np.load(folder / "vectors.npy", mmap_mode="r")[:count])
    before = _most()
    start, worked = time.perf_counter(), time.process_time()
    with Writer(Library(library)) as writer:
        writer.publish(
            made, matrix, model=embed.load(embed.describe(Settings())).model, inputs=str(count), sources=["made-up"],
            excluded=[], keep=1,
        )  # fmt: skip
    return {
        "seconds": time.perf_counter() - start, "processor": time.process_time() - worked, "given": before, "most": _most(),
    }  # fmt: skip


def ask(library: Path, queries: list[str]) -> dict[str, float]:
    """Whole searches: their milliseconds, and the memory that the process has for itself and of mapped files, in MB."""
    from indexer import embed
    from indexer.library import Library
    from indexer.settings import Settings
    from service import search

    embedder = embed.load(embed.describe(Settings()))
    embedder.embed_queries(["a question"])
    own = _memory()
    start = time.perf_counter()
    generation = Library(library).open()
    opened = time.perf_counter() - start
    start = time.perf_counter()
    search.search(generation, embedder, queries[0])
    first = time.perf_counter() - start
    times = np.array([_timed(search.search, generation, embedder, query) for query in queries[1:]])[WARM_UP:] * 1e3
    private, mapped = _memory()
    return {
        "opened": opened, "first": first, "p50": float(np.median(times[:, 0])), "empty": own[0],
        "p99": float(np.quantile(times[:, 0], 0.99)), "busy": float(np.median(times[:, 1])),
        "busy99": float(np.quantile(times[:, 1], 0.99)), "private": private - own[0], "mapped": mapped - own[1],
    }  # fmt: skip


def alternate(library: Path, queries: list[str]) -> dict[str, float]:
    """Milliseconds that each ranking takes for the scores alone, asked the same in turns, by one thread."""
    import faiss

    from indexer import embed
    from indexer.library import Library
    from indexer.settings import Settings
    from service.search import ranking

    vectors = embed.load(embed.describe(Settings())).embed_queries(queries)
    faiss.omp_set_num_threads(1)
    generation = Library(library).open()
    both = (ranking.All(generation), ranking.Some(generation))
    times = np.array([
        [_timed(ranked.scores, [query], vector[None]) for ranked in both]
        for query, vector in zip(queries, vectors, strict=True)
    ])[WARM_UP:] * 1e3  # fmt: skip
    (all_wall, all_busy), (some_wall, some_busy) = np.median(times, axis=0).tolist()
    return {"all": all_wall, "all busy": all_busy, "some": some_wall, "some busy": some_busy}


def _timed(work: Callable, *given: object) -> tuple[float, float]:
    """The seconds that passed, and those that the processor worked: machines are shared."""
    wall, busy = time.perf_counter(), time.process_time()
    work(*given)
    return time.perf_counter() - wall, time.process_time() - busy


def compare(library: Path, queries: list[str]) -> dict[str, float]:
    """How much of what all passages give is found by scoring some: of the first ten passages, and the first ten papers."""
    from indexer import embed
    from indexer.library import Library
    from indexer.settings import Settings
    from service.search import ranking

    embedder = embed.load(embed.describe(Settings()))
    generation = Library(library).open()
    vectors = embedder.embed_queries(queries)
    found = {}
    for kind in (ranking.All, ranking.Some):
        ranking._made[generation] = ranked = kind(generation)
        found[kind] = [
            [_first(each.dense), _first(each.fused), _papers(generation.catalogue.documents_of, each.fused)]
            for query, vector in zip(queries, vectors, strict=True)
            for each in ranked.scores([query], vector[None])
        ]
    shares = [
        [len(a & b) / max(len(a), 1) for a, b in zip(*both, strict=True)]
        for both in zip(found[ranking.All], found[ranking.Some], strict=True)
    ]
    return dict(zip(("meaning", "both", "papers"), np.mean(shares, axis=0).tolist(), strict=True))


def _first(scores: np.ndarray) -> set[int]:
    return set(np.argpartition(-scores, 10)[:10].tolist())


def _papers(documents: np.ndarray, scores: np.ndarray) -> set[int]:
    best = np.argpartition(-scores, 500)[:500]
    return set(list(dict.fromkeys(documents[best[np.argsort(-scores[best], kind="stable")]].tolist()))[:10])


def _most() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MB


def _memory() -> tuple[float, float]:
    """What the process has for itself, and of files that are mapped: MB. Linux only."""
    sizes = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return tuple(int(sizes[name].split()[0]) * 1024 / _MB for name in ("RssAnon", "RssFile"))  # type: ignore[return-value]


def _apart(task: Callable, *given: object) -> dict[str, float]:
    """What `task` returns in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(task, given)


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder", type=Path)
    options.add_argument("queries")
    options.add_argument("corpora", type=Path, nargs="+")
    options.add_argument("--passages", type=int, default=1_000_000)
    options.add_argument("--questions", type=int, default=400)
    options.add_argument("--library", type=Path)
    options.add_argument("--exact", action="store_true")
    given = options.parse_args()
    from indexer.library.vectors import Vectors

    library = given.library or given.folder / f"library-{given.passages}"
    print(f"{given.passages} passages, {os.cpu_count()} cores\n")
    if not (library / "CURRENT").exists():
        built = _apart(build, given.folder, library, given.passages, given.corpora)
        print(f"| built in | {built['seconds']:.0f} s, of the processor {built['processor']:.0f} s |")
        print(
            f"| memory at most | {built['most']:.0f} MB, of it the texts and vectors {built['given']:.0f} MB |",
            flush=True,
        )
    for path in sorted((library / "files").iterdir(), key=lambda path: path.suffix):
        print(f"| on disk: {path.suffix[1:]} | {path.stat().st_size / _MB:.0f} MB |")
    rows = [
        json.loads(line) for path in given.queries.split(",") for line in Path(path).read_text("utf-8").splitlines()
    ]
    texts = list(dict.fromkeys(row["text"].replace('"', "") for row in rows))
    approximate = Vectors(next((library / "files").glob("*.vectors"))).approximate
    asked = np.random.default_rng(4).permutation(texts)[: given.questions + WARM_UP + 1].tolist()
    found = _apart(ask, library, asked)
    print(f"| opened and checked; the first search | {found['opened']:.1f} s; {found['first']:.1f} s |\n"
          f"| a search, its question embedded | p50 {found['p50']:.1f} ms, p99 {found['p99']:.1f} ms"
          f" (of the processor {found['busy']:.1f} and {found['busy99']:.1f} ms) |\n"
          f"| memory while serving, beside the model's {found['empty']:.0f} MB"
          f" | {found['private']:.0f} MB, and {found['mapped']:.0f} MB of mapped files |", flush=True)  # fmt: skip
    if given.exact and approximate:
        found = _apart(alternate, library, asked)
        print(f"| all scored | {found['all']:.1f} ms (of the processor {found['all busy']:.1f} ms) |\n"
              f"| some scored | {found['some']:.1f} ms (of the processor {found['some busy']:.1f} ms) |", flush=True)  # fmt: skip
    if approximate:
        shares = _apart(compare, library, asked[:COMPARED])
        print(f"| recall@10 by meaning | {shares['meaning']:.4f} |\n| recall@10 by both parts | {shares['both']:.4f} |\n"
              f"| the same ten papers | {shares['papers']:.4f} |")  # fmt: skip


if __name__ == "__main__":
    main()
