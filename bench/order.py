"""What the reading order costs and how it grows; and how much it changes without any one paper.

    python bench/order.py FOLDER [--sizes 625,1250,2500,5000] [--references 20] [--model toy]
    python bench/order.py --stability LIBRARY

The records are made up: a topic of its own vocabulary for each hundred, a year, and references to earlier records, most of
them of the same topic and of those that are cited most (preferential attachment: Price, "A general theory of bibliometric
and other cumulative advantage processes" (1976)). Each size is built as a library below FOLDER and asked in a process of
its own, first and again; with the seconds of the first question to what is derived from a generation once.

Stability is Kendall's tau between the order of the others with a paper and without it, over all papers in turn; and the
same over the pairs alone that belong together, by a theme or by one citing the other: what stands elsewhere of two papers
that have nothing to do with each other matters little.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))
_TOPIC, _WORDS, _OWN = 100, 60, 0.8


def records(count: int, references: int, seed: int = 0) -> Iterator[dict]:
    """`count` records, each later than those that it cites: about `references` of them, fewer for the first."""
    drawn = random.Random(seed)
    topics = max(1, count // _TOPIC)
    vocabulary = [[f"w{topic}x{n}" for n in range(_WORDS)] for topic in range(topics)]
    common = [f"common{n}" for n in range(_WORDS)]
    cited: list[list[int]] = [[] for _ in range(topics)]  # each as often as it is cited, and once more
    anywhere: list[int] = []
    for number in range(count):
        topic = drawn.randrange(topics)
        words = [drawn.choice(vocabulary[topic] if drawn.random() < 0.6 else common) for _ in range(60)]
        chosen = set()
        for _ in range(references):
            pool = cited[topic] if drawn.random() < _OWN else anywhere
            if pool:
                chosen.add(drawn.choice(pool))
        for one in sorted(chosen):
            anywhere.append(one)
            cited[topic].append(one)
        anywhere.append(number)
        cited[topic].append(number)
        yield {
            "_id": f"r{number}", "title": f"{' '.join(words[:6])} {number}", "text": f"{' '.join(words)}.",
            "year": 1980 + 45 * number // count, "references": [f"r{one}" for one in sorted(chosen)],
        }  # fmt: skip


def build(folder: Path, count: int, references: int, model: str) -> None:
    """Makes the library of `count` records, unless it is there."""
    from indexer.reindex import Request, reindex
    from indexer.settings import Settings

    if (folder / "library" / "CURRENT").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "records.jsonl"
    source.write_text("\n".join(json.dumps(row) for row in records(count, references)) + "\n", "utf-8")
    reindex(Request(sources=(str(source),), offline=True), Settings(library=folder / "library", model=model))


def measure(library: Path) -> dict[str, float]:
    """Seconds for each question on a library, asked first and again, and memory at its largest, in MB."""
    from indexer.library import Library
    from service import citations
    from service.reading_order import reading_order
    from service.related import related

    generation = Library(library).open()
    ids = [s.id for s in generation.catalogue.summaries]
    found: dict[str, float] = {"documents": len(ids)}
    begun = time.perf_counter()
    found["citations"] = len(citations.of(generation).citations)
    found["graph"] = time.perf_counter() - begun
    questions = {
        "order": lambda: reading_order(generation),
        "goal": lambda: reading_order(generation, goal=ids[-1]),
        "10h": lambda: reading_order(generation, budget="10h"),
        "related": lambda: related(generation, [ids[len(ids) // 2]]),
    }
    for name, ask in questions.items():
        for when in ("", " again"):
            begun = time.perf_counter()
            ask()
            found[name + when] = time.perf_counter() - begun
    found["MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def stability(library: Path) -> tuple[float, float, float, float]:
    """The mean and the least of Kendall's tau over all pairs, then over those that belong together."""
    import numpy as np

    from indexer.library import Library
    from service import citations
    from service.reading_order import solved

    generation = Library(library).open()
    graph = citations.of(generation)
    count = len(generation.catalogue.summaries)
    whole = solved(generation, graph, range(count))
    place = {position: n for n, position in enumerate(whole.positions)}
    at = np.argsort(whole.order)
    together = whole.group[:, None] == whole.group[None, :]
    for pair in (*whole.precedence.pairs, *whole.precedence.covers):
        together[pair.before, pair.after] = together[pair.after, pair.before] = True
    every, some = [], []
    for gone in range(count):
        rest = solved(generation, graph, [p for p in range(count) if p != gone])
        own = np.array([place[position] for position in rest.positions])
        then = np.argsort(rest.order)
        agree = np.sign(at[own][:, None] - at[own][None, :]) * np.sign(then[:, None] - then[None, :])
        upper = np.triu(np.ones_like(agree, bool), 1)
        every.append(agree[upper].mean())
        some.append(agree[upper & together[np.ix_(own, own)]].mean())
    return float(np.mean(every)), float(min(every)), float(np.mean(some)), float(min(some))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--sizes", default="625,1250,2500,5000")
    parser.add_argument("--references", type=int, default=24)
    parser.add_argument("--model", default="toy")
    parser.add_argument("--stability", type=Path)
    given = parser.parse_args()
    if given.stability:
        print(
            "tau {:.3f}, least {:.3f}; of pairs that belong together {:.3f}, least {:.3f}".format(
                *stability(given.stability)
            )
        )
        return
    if given.folder is None:
        parser.error("name a FOLDER, or --stability LIBRARY")
    context = multiprocessing.get_context("spawn")
    for size in map(int, given.sizes.split(",")):
        folder = given.folder / f"{size}-{given.references}-{given.model}"
        with context.Pool(1) as pool:
            pool.apply(build, (folder, size, given.references, given.model))
        with context.Pool(1) as pool:
            print(
                json.dumps(
                    {name: round(value, 2) for name, value in pool.apply(measure, (folder / "library",)).items()}
                )
            )


if __name__ == "__main__":
    main()
