"""Embedding against sentence-transformers' own default, in the same run, on the same passages.

    python bench/embed.py [--papers ../shared/papers] [--passages 400] [--rounds 3] [--threads 0]

In turn, several times: `model.encode(batch_size=32)` in float32, and this project's engine. Then one short query alone,
and 32 threads that ask at once, every query different. The figures are the best round's, the ratio the median round's.
Prints a table.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

CLIENTS = 32


def passages(papers: Path, count: int) -> list[str]:
    """Stretches of the PDFs in `papers`, about as long as a reindex cuts them; made-up ones where there are none."""
    chance = random.Random(1)
    texts: list[str] = []
    for path in sorted(papers.glob("*.pdf"))[:40]:
        import pypdfium2

        for page in pypdfium2.PdfDocument(path):
            words = page.get_textpage().get_text_range().split()
            start = 0
            while start < len(words):  # a section's last passage is shorter
                length = chance.choice((140, 140, 140, 120, 60))
                texts.append(" ".join(words[start : start + length]))
                start += length
        if len(texts) > 4 * count:
            break
    if not texts:
        words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 8))) for _ in range(3000)]
        texts = [" ".join(chance.choices(words, k=chance.randint(15, 110))) for _ in range(count)]
    chance.shuffle(texts)
    return texts[:count]


def timed(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def queries(texts: Sequence[str], count: int) -> list[str]:
    """Short questions, no two alike: 4 to 12 words in a row of the passages."""
    chance, found = random.Random(2), set()
    while len(found) < count:
        words = chance.choice(texts).split()
        start = chance.randrange(max(1, len(words) - 12))
        found.add(" ".join(words[start : start + chance.randint(4, 12)]) + f" {len(found)}")
    return sorted(found)


def alone(ask: Callable[[str], object], asked: Sequence[str]) -> list[float]:
    """Milliseconds of each query, one after another."""
    times = []
    for query in asked:
        started = time.perf_counter()
        ask(query)
        times.append(1e3 * (time.perf_counter() - started))
    return times


def at_once(ask: Callable[[str], object], asked: Sequence[str]) -> float:
    """Queries a second when `CLIENTS` threads ask."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        started = time.perf_counter()
        list(clients.map(ask, asked))
        return len(asked) / (time.perf_counter() - started)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "papers")
    parser.add_argument("--passages", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="for both; 0: each one's default")
    given = parser.parse_args()
    if given.threads:  # before torch is loaded, which reads it
        os.environ["OMP_NUM_THREADS"] = str(given.threads)
    from sentence_transformers import SentenceTransformer

    from indexer import embed
    from indexer.settings import load

    described = embed.describe(load(encoder_threads=given.threads or None))
    ours = embed.load(described)
    theirs = SentenceTransformer(str(described.folder), device="cpu")
    texts = passages(given.papers, given.passages)
    lengths = [len(ours.tokens(text)) for text in texts]
    embedding: list[tuple[float, float]] = []
    lowest = 1.0
    for number in range(given.rounds + 1):
        some = texts if number else texts[:32]  # the first warms both up
        plain, reference = timed(lambda some=some: theirs.encode(some, batch_size=32, show_progress_bar=False))
        fast, vectors = timed(lambda some=some: ours.embed_passages(some))
        lowest = min(lowest, float((vectors * reference).sum(1).min()))
        embedding += [(plain, fast)] if number else []
    asked = queries(texts, 1200)
    for ask in (theirs.encode, lambda query: ours.embed_queries([query])):
        alone(ask, asked[:20])
    one = [alone(theirs.encode, asked[:100]), alone(lambda query: ours.embed_queries([query]), asked[100:400])]
    ours_at_once = at_once(lambda query: ours.embed_queries([query]), asked[400:])
    ratio = statistics.median(plain / fast for plain, fast in embedding)
    best = [len(texts) / min(times) for times in zip(*embedding, strict=True)]
    middle = [statistics.median(times) for times in one]
    choice = embed.chosen(described)
    engine = f"{choice.engine} {choice.precision}" if choice else "?"
    print(f"{len(texts)} passages of {statistics.mean(lengths):.0f} tokens on average,"
          f" {given.threads or os.cpu_count()} threads, engine {engine}\n")  # fmt: skip
    print("| | sentence-transformers | paperpath | ratio |\n|---|---|---|---|")
    print(f"| passages/s | {best[0]:.0f} | {best[1]:.0f} | {ratio:.1f} |")
    print(f"| lowest cosine | 1 | {lowest:.5f} | |")
    print(f"| one short query alone, ms (median) | {middle[0]:.1f} | {middle[1]:.2f} | {middle[0] / middle[1]:.1f} |")
    print(f"| queries/s, {CLIENTS} threads | | {ours_at_once:.0f} | |")


if __name__ == "__main__":
    main()
