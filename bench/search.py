"""One search in process: paperpath against what people would take instead, over the same passages.

    python bench/search.py [--passages 20000] [--questions 400] [--quality]

Each engine is a process of its own that the questions are handed to, some at a time, in turns, so that none is timed
while another works; every question is a different one, and each engine gets the same. The library of the passages is
built first (minutes) and kept below build/. The peers take its passages and their vectors as they are, and encode each
question themselves, by their own defaults.

`--quality` measures no times but nDCG@10 on SciFact's test questions over its 5,183 abstracts, by the same calls; there
each peer encodes the whole abstracts itself (ten minutes).
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import peers

PART = 20
"""Questions that an engine gets at a time."""
WARM_UP = 60
WORDS = 105


def serve(connection: Connection, engine: str, library: Path, folder: Path) -> None:
    """An engine's process: says when it is ready; then for each list of questions what was found, and seconds spent."""
    if engine == "paperpath":
        search = peers.open_paperpath(library)
    else:
        search = peers.PEERS[engine](peers.model_folder(), peers.Passages.read(folder))
    connection.send("ready")
    while (questions := connection.recv()) is not None:
        answers = []
        for question in questions:
            wall, busy = time.perf_counter(), time.process_time()
            found = search(question, 10)
            answers.append((found, time.perf_counter() - wall, time.process_time() - busy))
        connection.send(answers)


class Engine:
    """An engine in its process."""

    def __init__(self, name: str, library: Path, folder: Path) -> None:
        here, there = multiprocessing.get_context("spawn").Pipe()
        self._pipe = here
        self._process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(there, name, library, folder), daemon=True
        )
        self._process.start()
        there.close()
        self._pipe.recv()

    def ask(self, questions: list[str]) -> list[tuple[list[str], float, float]]:
        """For each question what was found, the seconds that passed, and the processor's."""
        self._pipe.send(questions)
        return self._pipe.recv()

    def close(self) -> None:
        """Ends the process."""
        self._pipe.send(None)
        self._process.join()


def measure_speed(count: int, questions: int) -> None:
    """Prints the table of times."""
    source = peers.BUILD / f"passages-{count}.jsonl"
    if not source.exists():
        peers.write_rows(source, peers.records(count, WORDS))
    library = peers.library_of(source)
    folder = source.with_suffix(".peers")
    passages = peers.passages_of(library)
    passages.save(folder)
    engines = {name: Engine(name, library, folder) for name in ("paperpath", *peers.PEERS)}
    asked = peers.questions(questions + WARM_UP)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
    for engine in engines.values():
        engine.ask(asked[:WARM_UP])
    for start in range(WARM_UP, len(asked), PART):
        for name, engine in engines.items():
            times[name] += [(wall, busy) for _, wall, busy in engine.ask(asked[start : start + PART])]
    for engine in engines.values():
        engine.close()
    print(f"{len(passages.ids)} passages, {questions} different questions, {peers.described()}; milliseconds\n")
    print("| engine | median | p99 | processor, median | median against paperpath's |\n|---|---|---|---|---|")
    ours = np.array(times["paperpath"])
    for name, rows in times.items():
        wall, busy = np.array(rows).T
        # each part of the questions is compared within its own turn: a busy moment of the machine meets all engines
        ratio = np.median([np.median(wall[at : at + PART]) / np.median(ours[at : at + PART, 0])
                           for at in range(0, len(wall), PART)])  # fmt: skip
        print(f"| {name} | {np.median(wall) * 1e3:.2f} | {np.percentile(wall, 99) * 1e3:.2f}"
              f" | {np.median(busy) * 1e3:.2f} | {ratio:.1f} |")  # fmt: skip


def measure_quality() -> None:
    """Prints the table of nDCG@10 on SciFact's test questions."""
    scifact = peers.EVAL / "scifact"
    if not scifact.is_dir():
        raise SystemExit(f"There is no {scifact}.")
    sys.path.insert(0, str(peers.EVAL))
    import score

    source = peers.BUILD / "scifact.jsonl"
    if not source.exists():
        peers.write_rows(source, peers.rows_of(scifact / "corpus.jsonl"))
    library = peers.library_of(source)
    folder = source.with_suffix(".peers")
    rows = peers.rows_of(source)
    peers.Passages([row["_id"] for row in rows], [f"{row['title']}\n{row['text']}" for row in rows]).save(folder)
    asked = peers.rows_of(scifact / "queries.jsonl")
    judged = score.read_qrels(scifact / "qrels.tsv")
    print(f"{len(rows)} abstracts, {len(asked)} questions\n\n| engine | nDCG@10 |\n|---|---|")
    for name in ("paperpath", *peers.PEERS):
        engine = Engine(name, library, folder)
        answers = engine.ask([row["text"] for row in asked])
        engine.close()
        found = {row["_id"]: answer[0] for row, answer in zip(asked, answers, strict=True)}
        print(f"| {name} | {score.retrieval(found, judged)['ndcg@10']:.3f} |", flush=True)


def main() -> None:
    """Prints a table in markdown."""
    options = argparse.ArgumentParser(description="One search in process, against the peers.")
    options.add_argument("--passages", type=int, default=20_000)
    options.add_argument("--questions", type=int, default=400)
    options.add_argument("--quality", action="store_true")
    given = options.parse_args()
    if given.quality:
        measure_quality()
    else:
        measure_speed(given.passages, given.questions)


if __name__ == "__main__":
    main()
